//! What is shown of a text in which words were found.

use codex_ledger_db::{composed, ends_between, is_unspaced};
use std::borrow::Cow;

/// Characters of context on each side of the first word that was found.
const CONTEXT_CHARS: usize = 60;
/// Of a longer text this many bytes are looked through for a snippet: as many as are indexed.
const SNIPPET_MAX_BYTES: usize = 64 << 10;

/// A word, phrase or beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// Its words, folded.
    pub words: Vec<String>,
    /// Whether the last word is only the beginning of one.
    pub is_beginning: bool,
}

/// A word of a text, and where it stands.
pub(crate) struct Word {
    start: usize,
    end: usize,
    pub folded: String,
}

/// The words of a text, as the index has them.
pub(crate) fn words_of(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_open = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        is_open &= !ends_between(before, c);
        before = c;
        let end = at + c.len_utf8();
        // The sound marks of Japanese, written apart.
        if matches!(c, '\u{3099}' | '\u{309a}')
            && let Some(word) = words.last_mut().filter(|word| word.end == at)
        {
            word.end = end;
            word.folded.push(c);
            continue;
        }
        let is_mark = matches!(c, '\u{300}'..='\u{36f}');
        if is_unspaced(c) || !(c.is_alphanumeric() || is_mark && is_open) {
            is_open = false;
            if is_unspaced(c) {
                words.push(Word { start: at, end, folded: c.to_string() });
            }
            continue;
        }
        match words.last_mut().filter(|_| is_open) {
            Some(word) => word.end = end,
            None => words.push(Word { start: at, end, folded: String::new() }),
        }
        is_open = true;
        if let Some(word) = words.last_mut().filter(|_| !is_mark) {
            word.folded.extend(c.to_lowercase().map(bare));
        }
    }
    for word in &mut words {
        if let Cow::Owned(composed) = composed(&word.folded) {
            word.folded = composed;
        }
    }
    words
}

/// A Latin letter without its diacritic. The index knows more of them; then a word is found and not marked.
fn bare(c: char) -> char {
    const LETTERS: &str =
        "àáâãäåçèéêëìíîïñòóôõöùúûüýÿāăąćĉċčďēĕėęěĝğġģĥĩīĭįĵķĺļľńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżž";
    const BARE: &str =
        "aaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwyzzz";
    if c.is_ascii() {
        return c;
    }
    let place = LETTERS.chars().position(|letter| letter == c);
    place.and_then(|place| BARE.chars().nth(place)).unwrap_or(c)
}

/// Where the terms stand in a text, in order, none over another.
fn spans(text: &str, terms: &[Term]) -> Vec<(usize, usize)> {
    let words = words_of(text);
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, first) in words.iter().enumerate() {
        if spans.last().is_some_and(|(_, end)| first.start < *end) {
            continue;
        }
        let ends = terms.iter().filter_map(|term| {
            let found = words.get(at..at + term.words.len())?;
            let last = term.words.len() - 1;
            let is_same =
                term.words.iter().zip(found).enumerate().all(|(index, (term_word, word))| {
                    match index == last && term.is_beginning {
                        true => word.folded.starts_with(term_word.as_str()),
                        false => word.folded == *term_word,
                    }
                });
            found.last().filter(|_| is_same).map(|word| word.end)
        });
        spans.extend(ends.max().map(|end| (first.start, end)));
    }
    spans
}

/// The text around the first word that was found; the words are marked.
pub(super) fn snippet(text: &str, terms: &[Term]) -> String {
    let text = &text[..text.floor_char_boundary(SNIPPET_MAX_BYTES)];
    let spans = spans(text, terms);
    let first = spans.first().map_or(0, |(start, _)| *start);
    let (before, behind) = text.split_at(first);
    let mut at = before.char_indices().rev().take(CONTEXT_CHARS).last().map_or(first, |(at, _)| at);
    let end = behind.char_indices().nth(CONTEXT_CHARS * 2).map_or(text.len(), |(at, _)| first + at);
    let mut out = String::from(if at > 0 { "…" } else { "" });
    for (start, stop) in spans.into_iter().filter(|(_, stop)| *stop <= end) {
        out.extend([&text[at..start], "⟦", &text[start..stop], "⟧"]);
        at = stop;
    }
    out.push_str(&text[at..end]);
    if end < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_written_apart_make_the_same_words() {
        let folded =
            |text: &str| words_of(text).into_iter().map(|word| word.folded).collect::<Vec<_>>();
        assert_eq!(
            folded("\u{1103}\u{1173}\u{11bc}\u{1103}\u{1162} cafe\u{301}"),
            ["등대", "cafe"]
        );
        assert_eq!(folded("か\u{3099}b"), ["が", "b"]);
        assert_eq!(folded("API를 v2버전"), ["api", "를", "v2", "버전"]);
    }

    #[test]
    fn letters_and_their_bare_forms_go_together() {
        for (letter, plain) in [
            ('à', 'a'),
            ('ÿ', 'y'),
            ('ą', 'a'),
            ('ě', 'e'),
            ('ģ', 'g'),
            ('ķ', 'k'),
            ('ň', 'n'),
            ('ž', 'z'),
            ('ß', 'ß'),
        ] {
            assert_eq!(bare(letter), plain);
        }
    }
}

//! What is shown of a text in which words were found.

use codex_ledger_search::{Phrase, words_of};

/// Characters of context on each side of the first word that was found.
const CONTEXT_CHARS: usize = 60;
/// Of a longer text this many bytes are looked through for a snippet: as many as are indexed.
const SNIPPET_MAX_BYTES: usize = 64 << 10;

/// Where the terms stand in a text, in order, none over another.
fn spans(text: &str, terms: &[Phrase]) -> Vec<(usize, usize)> {
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
pub(super) fn snippet(text: &str, terms: &[Phrase]) -> String {
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

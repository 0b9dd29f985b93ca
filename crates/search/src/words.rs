//! How texts become words: the same for what is indexed, for what is asked, and for what is shown.

use std::borrow::Cow;
use std::ops::Range;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A word of a text, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// In small letters, without diacritics.
    pub folded: String,
}

/// The words of a text.
pub fn words_of(text: &str) -> Vec<Word> {
    let mut words = Words::of(text);
    let mut found = Vec::new();
    let mut folded = String::new();
    while let Some(Range { start, end }) = words.next_into(&mut folded) {
        found.push(Word { start, end, folded: folded.clone() });
    }
    found
}

/// Reads a text word by word.
#[derive(Debug)]
pub struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Words<'t> {
    /// Begins at the beginning.
    pub fn of(text: &'t str) -> Words<'t> {
        Words { text, at: 0 }
    }

    /// The place of the next word; what it is goes into `folded`.
    pub fn next_into(&mut self, folded: &mut String) -> Option<Range<usize>> {
        folded.clear();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let start = self.at + rest.find(|c: char| c.is_alphanumeric() || is_unspaced(c))?;
        let mut chars = self.text.get(start..).unwrap_or_default().chars().peekable();
        let first = chars.next()?;
        let mut end = start + first.len_utf8();
        let is_alone = is_unspaced(first);
        fold(first, folded);
        let mut before = first;
        while let Some(c) = chars.next_if(|c| match is_alone {
            true => is_sound_mark(*c),
            false => goes_on(before, *c),
        }) {
            end += c.len_utf8();
            fold(c, folded);
            before = c;
        }
        self.at = end;
        if let Cow::Owned(composed) = composed(folded) {
            *folded = composed;
        }
        Some(start..end)
    }
}

/// Whether a word goes on behind `before` with `c`.
fn goes_on(before: char, c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() && !is_hangul(before),
        false => {
            is_sound_mark(c)
                || is_mark(c)
                || c.is_alphanumeric() && !is_unspaced(c) && !ends_between(before, c)
        }
    }
}

/// Adds a character as a small letter without its diacritic.
fn fold(c: char, folded: &mut String) {
    match c {
        _ if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
        _ if is_mark(c) => {}
        _ if is_sound_mark(c) => folded.push(c),
        _ => folded.extend(c.to_lowercase().filter(|c| !is_mark(*c)).map(bare)),
    }
}

/// A Latin letter without its diacritic.
fn bare(c: char) -> char {
    match c {
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => c.nfd().next().unwrap_or(c),
        _ => c,
    }
}

/// Diacritics that stand apart from their letter.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The sound marks of Japanese, written apart.
fn is_sound_mark(c: char) -> bool {
    matches!(c, '\u{3099}' | '\u{309a}')
}

/// Whether a character belongs to a script that writes words without spaces between them: each is a word.
fn is_unspaced(c: char) -> bool {
    matches!(c as u32,
        0x0E00..=0x0EFF            // Thai, Lao
        | 0x1000..=0x109F          // Myanmar
        | 0x1780..=0x17FF          // Khmer
        | 0x3040..=0x30FF          // Hiragana, Katakana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF // Han
    ) && !is_sound_mark(c)
}

/// Whether a word ends between two letters: Korean writes particles right behind foreign words and numbers.
fn ends_between(before: char, c: char) -> bool {
    is_hangul(before) != is_hangul(c) && before.is_alphanumeric()
}

/// Syllables, and the letters that they are composed of.
fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0x1100..=0x11FF | 0x3130..=0x318F | 0xA960..=0xA97F | 0xAC00..=0xD7FF)
}

/// The text with its letters composed (NFC): some systems write them apart, and both are the same text.
pub fn composed(text: &str) -> Cow<'_, str> {
    match text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        true => text.into(),
        false => text.nfc().collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words_of(text).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn letters_written_apart_make_the_same_words() {
        assert_eq!(
            folded("\u{1103}\u{1173}\u{11bc}\u{1103}\u{1162} cafe\u{301}"),
            ["등대", "cafe"]
        );
        assert_eq!(folded("か\u{3099}b"), ["が", "b"]);
        assert_eq!(folded("gro\u{308}ße GRÖSSE"), ["große", "grosse"]);
    }

    #[test]
    fn scripts_without_spaces_are_words_of_one_character() {
        assert_eq!(folded("潮汐 table"), ["潮", "汐", "table"]);
        assert_eq!(folded("潮汐API를"), ["潮", "汐", "api", "를"]);
        assert_eq!(folded("İİİ"), ["iii"]);
    }

    #[test]
    fn words_end_where_korean_begins() {
        for (text, words) in [
            ("API를", "api 를"),
            ("v2버전 iOS17에서", "v2 버전 ios17 에서"),
            ("config.yaml의", "config yaml 의"),
            ("등대를 고치고", "등대를 고치고"),
            ("한b", "한 b"),
        ] {
            assert_eq!(folded(text).join(" "), words);
        }
    }

    #[test]
    fn letters_and_their_bare_forms_go_together() {
        for (letter, plain) in [
            ('à', 'a'),
            ('ÿ', 'y'),
            ('ą', 'a'),
            ('ě', 'e'),
            ('ģ', 'g'),
            ('ấ', 'a'),
            ('Ž', 'z'),
            ('ø', 'ø'),
        ] {
            assert_eq!(folded(&letter.to_string()), [plain.to_string()]);
        }
    }

    #[test]
    fn words_stand_where_they_are() {
        let text = "--Größe_ab;潮 x";
        let found: Vec<&str> =
            words_of(text).iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(found, ["Größe", "ab", "潮", "x"]);
        assert_eq!(words_of("… — !"), []);
    }
}

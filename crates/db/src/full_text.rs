//! How texts become words for full-text search: the same for what is indexed and for what is asked.

use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Whether a character belongs to a script that writes words without spaces between them.
pub fn is_unspaced(c: char) -> bool {
    matches!(c as u32,
        0x0E00..=0x0EFF            // Thai, Lao
        | 0x1000..=0x109F          // Myanmar
        | 0x1780..=0x17FF          // Khmer
        | 0x3040..=0x30FF          // Hiragana, Katakana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF // Han
    )
}

/// Whether a word ends between two letters: Korean writes particles right behind foreign words and numbers.
pub fn ends_between(before: char, c: char) -> bool {
    is_hangul(before) != is_hangul(c) && before.is_alphanumeric() && c.is_alphanumeric()
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

/// Composes letters, sets the characters of scripts without spaces apart, so that each is a word and a run of them is
/// a phrase, and ends words where their script does.
pub fn split_words(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let text = composed(text);
    if !text.chars().any(|c| is_unspaced(c) || is_hangul(c)) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    let mut before = ' ';
    for c in text.chars() {
        if is_unspaced(c) {
            out.push(' ');
            out.push(c);
            out.push(' ');
        } else {
            if ends_between(before, c) {
                out.push(' ');
            }
            out.push(c);
        }
        before = c;
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_without_spaces_are_set_apart() {
        assert_eq!(split_words("plain text"), "plain text");
        assert_eq!(split_words("潮汐 table"), " 潮  汐  table");
        assert_eq!(split_words("größe"), "größe");
        assert_eq!(split_words("潮汐API를"), " 潮  汐 API 를");
    }

    #[test]
    fn words_end_where_korean_begins() {
        for (text, words) in [
            ("API를", "API 를"),
            ("v2버전 iOS17에서", "v2 버전 iOS17 에서"),
            ("config.yaml의", "config.yaml 의"),
            ("등대를 고치고", "등대를 고치고"),
        ] {
            assert_eq!(split_words(text), words);
        }
    }

    #[test]
    fn letters_written_apart_are_composed() {
        assert_eq!(split_words("\u{1103}\u{1173}\u{11bc}\u{1103}\u{1162}"), "등대");
        assert_eq!(split_words("gro\u{308}ße"), "größe");
        assert!(matches!(composed("등대"), Cow::Borrowed(_)));
    }
}

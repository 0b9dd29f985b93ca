//! What is nearly a literal: other signs between its words, its beginning or its end alone, letters with or without their
//! accents. A person decides about it.

use regex::{Regex, RegexBuilder, escape};
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Of a shorter literal, a part says too little.
const PARTED_CHARS_MIN: usize = 12;

/// A longer literal is a text of its own, and nothing is like it by chance.
const LITERAL_MAX_BYTES: usize = 1024;

/// Finds what nearly is a literal, and the literal itself in any case.
#[derive(Debug)]
pub struct Near(Regex);

impl Near {
    /// None for a literal without letters and digits.
    pub fn of(literal: &str) -> Option<Near> {
        if literal.len() > LITERAL_MAX_BYTES {
            return None;
        }
        let literal = &*Plain::of(literal).text;
        let words = words_of(literal);
        let mut forms = vec![escape(literal)];
        if words.is_empty() {
            return None;
        }
        let escaped: Vec<String> = words.iter().map(|word| escape(word)).collect();
        forms.push(escaped.join(r"[^\p{L}\p{N}\n]{0,2}"));
        let chars: Vec<char> = literal.trim().chars().collect();
        if chars.len() >= PARTED_CHARS_MIN {
            let most = chars.len() * 2 / 3;
            let (beginning, end) = (chars.get(..most), chars.get(chars.len() - most..));
            forms.extend([beginning, end].into_iter().flatten().map(|part| {
                let part: String = part.iter().collect();
                escape(part.trim())
            }));
        }
        let regex = RegexBuilder::new(&forms.join("|")).case_insensitive(true).build();
        regex.ok().map(Near)
    }

    /// The passages of a text that are nearly the literal.
    pub fn find(&self, text: &str) -> Vec<String> {
        if text.is_ascii() {
            return self.0.find_iter(text).map(|found| found.as_str().to_string()).collect();
        }
        let plain = Plain::of(text);
        let found = self.0.find_iter(&plain.text).map(|found| plain.source(found.range()));
        found.filter_map(|range| text.get(range)).map(str::to_string).collect()
    }
}

/// A text whose letters have no accents, and where each of them comes from.
struct Plain {
    text: String,
    /// Where a letter begins in `text`, and where it did in the source; the last one is the end.
    letters: Vec<(usize, usize)>,
}

impl Plain {
    fn of(source: &str) -> Plain {
        let (mut text, mut letters) = (String::with_capacity(source.len()), Vec::new());
        for (at, c) in source.char_indices() {
            let before = text.len();
            text.extend(c.nfkd().filter(|part| !is_combining_mark(*part)));
            // An accent that stands alone belongs to the letter before it.
            if text.len() > before {
                letters.push((before, at));
            }
        }
        letters.push((text.len(), source.len()));
        Plain { text, letters }
    }

    /// The letters of the source that a range of the plain text comes from.
    fn source(&self, plain: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.letters.get(index).map_or(0, |(_, source)| *source);
        let first = self.letters.partition_point(|(begin, _)| *begin <= plain.start).max(1) - 1;
        let end = self.letters.partition_point(|(begin, _)| *begin < plain.end);
        at(first)..at(end)
    }
}

/// Letters and digits in a row; a capital behind a small letter begins a word.
fn words_of(literal: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in literal.chars() {
        let begins = !last.is_alphanumeric() || last.is_lowercase() && c.is_uppercase();
        if c.is_alphanumeric() {
            match words.last_mut().filter(|_| !begins) {
                Some(word) => word.push(c),
                None => words.push(c.to_string()),
            }
        }
        last = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_the_same_is_found() {
        let found = |literal: &str, text: &str| Near::of(literal).unwrap().find(text);
        let text = "blue_kelp bluekelp Blue-Kelp blue, kelp BlueKelp blue or kelp";
        let all = ["blue_kelp", "bluekelp", "Blue-Kelp", "blue, kelp", "BlueKelp"];
        assert_eq!(found("blue kelp", text), all);
        assert_eq!(found("BlueKelp", text), all);
        assert_eq!(
            found("zQ71-harbour-0042", "x zq71-harbour y harbour-0042"),
            ["zq71-harbou", "arbour-0042"]
        );
        assert!(Near::of(" -- ").is_none());
        assert_eq!(found("Ellery", "by Éllery, E\u{301}LLERY."), ["Éllery", "E\u{301}LLERY"]);
        assert_eq!(found("Éllery", "by Ellery"), ["Ellery"]);
        assert_eq!(found("ﬁn Größe", "ﬁn_grosse ﬁn-größe"), ["ﬁn-größe"]);
    }
}

//! What is nearly a literal: other signs between its words, its beginning or its end alone. A person decides about it.

use regex::{Regex, RegexBuilder, escape};

/// Of a shorter literal, a part says too little.
const PARTED_CHARS_MIN: usize = 12;

/// Finds what nearly is a literal, and the literal itself in any case.
#[derive(Debug)]
pub struct Near(Regex);

impl Near {
    /// None for a literal without letters and digits.
    pub fn of(literal: &str) -> Option<Near> {
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
        self.0.find_iter(text).map(|found| found.as_str().to_string()).collect()
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
    }
}

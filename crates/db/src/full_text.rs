//! How texts become words for full-text search: the same for what is indexed and for what is asked.

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

/// Sets the characters of such scripts apart, so that each is a word and a run of them is a phrase.
pub fn split_words(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(is_unspaced) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    for c in text.chars() {
        if is_unspaced(c) {
            out.push(' ');
            out.push(c);
            out.push(' ');
        } else {
            out.push(c);
        }
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
    }
}

//! JSON string escapes, read without ever failing.

/// Decodes the inside of a JSON string whose first backslash is at `first`. Half a surrogate pair
/// becomes U+FFFD, an escape that JSON does not know stands for itself.
pub(super) fn unescape(inner: &str, first: usize) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    let mut next = Some(first);
    while let Some(at) = next {
        let (plain, escape) = rest.split_at(at);
        text.push_str(plain);
        let (decoded, length) = decode(escape.as_bytes());
        text.push(decoded);
        rest = escape.get(length..).unwrap_or_default();
        next = memchr::memchr(b'\\', rest.as_bytes());
    }
    text.push_str(rest);
    text
}

/// The character of an escape and the length of the escape.
fn decode(escape: &[u8]) -> (char, usize) {
    let simple = match escape.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(escape),
        Some(&other) if other.is_ascii() => char::from(other),
        _ => return ('\\', 1),
    };
    (simple, 2)
}

fn unicode(escape: &[u8]) -> (char, usize) {
    let Some(high) = hex(escape) else {
        return ('\\', 1);
    };
    if let Some(character) = char::from_u32(high) {
        return (character, 6);
    }
    let low = escape.get(6..).and_then(hex).filter(|low| (0xDC00..0xE000).contains(low));
    match low {
        Some(low) if high < 0xDC00 => {
            let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The number of `\uXXXX` at the start of the bytes.
fn hex(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |code, &digit| Some(code * 16 + char::from(digit).to_digit(16)?))
}

/// Offset of the first escape that is half a surrogate pair, in JSON text.
pub(super) fn lone_surrogate(json: &[u8]) -> Option<usize> {
    // The common case ends here: no escape in the surrogate range at all.
    memchr::memmem::find(json, b"\\ud").or_else(|| memchr::memmem::find(json, b"\\uD"))?;
    let mut at = memchr::memchr(b'\\', json)?;
    loop {
        let escape = json.get(at..)?;
        let (character, length) = decode(escape);
        if character == char::REPLACEMENT_CHARACTER && hex(escape) != Some(0xFFFD) {
            return Some(at);
        }
        at += length;
        at += memchr::memchr(b'\\', json.get(at..)?)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(inner: &str) -> String {
        unescape(inner, inner.find('\\').unwrap_or(inner.len()))
    }

    #[test]
    fn every_escape_of_json() {
        assert_eq!(decoded(r#"a\"\\\/\b\f\n\r\t\u0041z"#), "a\"\\/\u{8}\u{c}\n\r\tAz");
    }

    #[test]
    fn nul_and_pairs_survive() {
        assert_eq!(decoded(r"x\u0000y"), "x\0y");
        assert_eq!(decoded(r"\ud83d\ude00"), "😀");
        assert_eq!(decoded(r"\uD83D\uDE00é"), "😀é");
    }

    #[test]
    fn half_a_pair_becomes_a_replacement_character() {
        assert_eq!(decoded(r"a\ud83d"), "a\u{fffd}");
        assert_eq!(decoded(r"\ude00b"), "\u{fffd}b");
        assert_eq!(decoded(r"\ud83d\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(decoded(r"\ud83d\n"), "\u{fffd}\n");
    }

    #[test]
    fn escapes_that_json_does_not_know_never_fail() {
        assert_eq!(decoded(r"\"), "\\");
        assert_eq!(decoded(r"\u12"), "\\u12");
        assert_eq!(decoded("\\é"), "\\é");
        assert_eq!(decoded(r"\q"), "q");
    }

    #[test]
    fn finds_lone_surrogates_only() {
        assert_eq!(lone_surrogate(br#"{"a":"\ud83d\ude00"}"#), None);
        assert_eq!(lone_surrogate(br#"{"a":"\ud83d"}"#), Some(6));
        assert_eq!(lone_surrogate(br#"{"a":"\\ud83d"}"#), None);
        assert_eq!(lone_surrogate(br#"{"a":"\ufffd \ud83d\ude00 \uDE00"}"#), Some(26));
    }
}

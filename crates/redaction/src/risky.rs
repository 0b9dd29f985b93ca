//! What still looks like a secret after the rules have spoken: for a person who previews before publishing.

use std::ops::Range;

use super::check::entropy;

/// Shorter tokens say too little.
const LENGTH_MIN: usize = 20;
/// Longer ones are data, not keys.
const LENGTH_MAX: usize = 256;
/// Bits per character: words stay below, random letters and digits above.
const ENTROPY_MIN: f64 = 3.6;

/// Passages that look like keys by their randomness alone, in bytes of `text`.
///
/// Left out: hashes, UUIDs, ids of Codex, versions, paths, names in code, and base64 of images and the like.
pub fn risky(text: &str) -> Vec<Range<usize>> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-+/=~".contains(c);
    let mut found = Vec::new();
    let mut next = 0;
    for piece in text.split_inclusive(|c| !inside(c)) {
        let start = next;
        next += piece.len();
        let piece = piece.trim_end_matches(|c| !inside(c));
        // `NAME=value`: the value alone.
        let value = piece.trim_end_matches('=').rsplit('=').next().unwrap_or_default();
        if looks_random(value) {
            let from = start + piece.rfind(value).unwrap_or(0);
            found.push(from..from + value.len());
        }
    }
    found
}

fn looks_random(token: &str) -> bool {
    let count = |set: fn(&u8) -> bool| token.bytes().filter(set).count();
    let (digits, capitals, small) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let kinds = [digits, capitals, small].iter().filter(|count| **count > 1).count();
    (LENGTH_MIN..=LENGTH_MAX).contains(&token.len())
        && kinds == 3
        && !is_hex(token)
        && !is_path(token)
        && !is_id(token)
        && entropy(token) >= ENTROPY_MIN
}

fn is_hex(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Several parts of which most read as words.
fn is_path(token: &str) -> bool {
    let parts: Vec<&str> =
        token.split(['/', '_', '-', '+']).filter(|part| !part.is_empty()).collect();
    let word = |part: &&&str| {
        let rest = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let rest = rest.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(rest);
        rest.chars().all(|c| c.is_ascii_lowercase()) || rest.chars().all(|c| c.is_ascii_uppercase())
    };
    parts.len() > 2 && parts.iter().filter(word).count() * 2 > parts.len()
}

/// Ids that logs are full of, and digests that lock files are full of.
fn is_id(token: &str) -> bool {
    let known = [
        "call_", "rs_", "msg_", "fc_", "ws_", "resp_", "sha256-", "sha384-", "sha512-", "iVBOR",
        "gAAAA", "R0lGOD",
    ];
    known.iter().any(|start| token.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_tokens_are_risky_and_names_are_not() {
        let text = "x ü key=kR7dQ2mXvB9tLwHs4GjYpN6c; a";
        let found = risky(text);
        assert_eq!(
            found.iter().map(|r| &text[r.clone()]).collect::<Vec<_>>(),
            ["kR7dQ2mXvB9tLwHs4GjYpN6c"]
        );
        for text in [
            "105722f6bc9f50a1b2c3d4e5f60718293a4b5c6d",
            "019a8c1e-7d2b-7a10-8f3e-5b6c7d8e9f00",
            "src/redaction/Engine2/my_file_name_10",
            "call_Q8nT2xYb7VdL0sKzJ4mRwPfE",
            "someVeryLongCamelCaseFunctionName",
            "",
        ] {
            assert!(risky(text).is_empty(), "{text}");
        }
    }
}

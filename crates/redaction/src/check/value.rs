//! Whether a value is a secret: or a mask, a fill-in, a name in code, a path, an id.
//!
//! Used where the form says little: behind a telling name, and for what has a service's prefix but is only an example.

mod wordlike;

use std::collections::BTreeSet;

use super::entropy;
pub(crate) use wordlike::reads_as_words;
use wordlike::{is_glued, may_be_name};

/// Whether it was filled in: neither a mask (`xxxx`), nor words that ask for it (`your-key-here`), nor a reference to it.
pub(super) fn is_filled(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let words = digits * 10 <= text.len() && reads_as_words(text);
    !is_mask(text) && !is_fill_in(text) && !is_reference(text) && !words
}

/// Whether it may be what a telling name promises: a password, a key, a token.
///
/// Passwords of words and a number (`Tides2024`) are not told from names in code: they stay, unless a sign is among
/// them (`Tides2024!`).
pub(super) fn is_value(text: &str) -> bool {
    let long = text.len() >= VALUE_MIN;
    long && entropy(text) >= VALUE_ENTROPY_MIN
        && !is_moment(text)
        && !is_mask(text)
        && !is_fill_in(text)
        && !is_reference(text)
        && !is_number(text)
        && !is_place(text)
        && !is_digest(text)
        && !is_call(text)
        && !is_prose(text)
        && !(is_named_so(text) && text.bytes().all(|byte| !byte.is_ascii_digit()))
        && (!reads_as_words(text) || has_all_kinds(text))
}

/// Whether it looks random by itself, whatever stands before it.
pub(super) fn is_random(text: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "+/=_-.~:".contains(c);
    let count = |kind: fn(&u8) -> bool| text.bytes().filter(kind).count();
    let (digits, capitals, small) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let mixed = digits > 0 && capitals + small > 1 || capitals > 2 && small > 2;
    // A shorter text has to be of all kinds, as passwords are and words with a number are not.
    let short = digits > 0 && capitals > 1 && small > 1;
    mixed
        && text.len() >= if short { RANDOM_SHORT_MIN } else { RANDOM_MIN }
        && text.chars().all(token)
        && entropy(text) >= RANDOM_ENTROPY_MIN
        && !is_uuid(text)
        && !is_moment(text)
        && !is_named_so(text)
        && !may_be_name(text)
        && is_value(text)
}

/// A name in code of what it holds: drawn text has no such words.
fn is_named_so(text: &str) -> bool {
    let small = text.to_ascii_lowercase();
    ["secret", "token", "passw", "apikey", "private"].iter().any(|word| small.contains(word))
}

/// Shorter values are hidden only by rules that know more of them.
const VALUE_MIN: usize = 8;
const VALUE_ENTROPY_MIN: f64 = 2.75;
const RANDOM_MIN: usize = 16;
const RANDOM_SHORT_MIN: usize = 12;
/// Digits in a longer row are no number that anybody counts.
const NUMBER_MAX: usize = 24;
const RANDOM_ENTROPY_MIN: f64 = 3.0;
/// So many equal characters are a mask.
const MASK_RUN: usize = 6;
/// Runs of so many characters that follow each other in the alphabet or in numbers are typed, not drawn.
const TYPED_RUN: usize = 4;

fn is_mask(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut runs = bytes.chunk_by(|a, b| a == b);
    // Long numbers and what is encoded hold runs of `A`.
    let masks = |run: &[u8]| match run.first() {
        Some(b'A') => run.len() * 2 > bytes.len(),
        Some(b'x' | b'X' | b'*' | b'.' | b'#') => {
            run.len() + 1 >= MASK_RUN || run.len() * 2 > bytes.len()
        }
        Some(b'=') => false,
        _ => run.len() >= MASK_RUN,
    };
    let small = text.to_ascii_lowercase();
    let steps = |by: i16| {
        let next = move |a: &u8, b: &u8| i16::from(*b) - i16::from(*a) == by;
        let runs = small.as_bytes().chunk_by(next).map(<[u8]>::len).filter(|run| *run >= TYPED_RUN);
        runs.sum::<usize>() * 2 >= bytes.len().max(1)
    };
    let distinct = bytes.iter().collect::<BTreeSet<_>>().len();
    runs.any(masks)
        || steps(1)
        || steps(-1)
        || distinct < 5 && bytes.len() > 7
        || text.contains('…')
}

/// What people write where a secret belongs.
const FILL_INS: &[&str] = &[
    "...",
    "***",
    "<your",
    "abcdef123",
    "change-it",
    "change-me",
    "change_it",
    "change_me",
    "changeit",
    "changeme",
    "deadbeef",
    "dummy",
    "example",
    "fake-",
    "fake_",
    "fakekey",
    "fill-in",
    "fill_in",
    "goes-here",
    "goes_here",
    "insert-",
    "insert_",
    "my-secret",
    "my-token",
    "my_secret",
    "my_token",
    "mysecret",
    "mytoken",
    "not-a-real",
    "not_a_real",
    "notareal",
    "notreal",
    "place-holder",
    "placeholder",
    "redacted",
    "replace-",
    "replace_",
    "replaceme",
    "some-secret",
    "some-token",
    "some_secret",
    "some_token",
    "test-key",
    "test-token",
    "test_key",
    "test_token",
    "testtoken",
    "to-be-",
    "to_be_",
    "your-",
    "your_",
    "yourkey",
    "yourpass",
    "yoursecret",
    "yourtoken",
    "-here",
    "_here",
    "123abc456",
];

fn is_fill_in(text: &str) -> bool {
    let small = text.to_ascii_lowercase();
    let begins = ["fake", "mock", "sample", "xxx", "todo", "tbd"];
    let inside = text.starts_with('<') && text.ends_with('>')
        || text.starts_with('[') && text.ends_with(']');
    inside
        || FILL_INS.iter().any(|word| small.contains(word))
        || begins.iter().any(|word| small.starts_with(word)) && !is_glued(text)
}

/// A variable, a template, a bind parameter: what stands for the value.
fn is_reference(text: &str) -> bool {
    let name = |text: &str| {
        let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && text.chars().all(word)
    };
    let templates = ["${", "$(", "{{", "#{", "<%", "%(", "@{", "$[", "%{", "<?"];
    let bare = text.trim_matches(['$', '%', '{', '}', '@', ':', '&', '*', '!']);
    let signed = text.starts_with(['$', '%', '{', '@', ':', '&', '*', '!']);
    templates.iter().any(|template| text.contains(template))
        || signed && (name(bare) || reads_as_words(bare))
        || text.starts_with('{') && text.ends_with('}')
}

fn is_number(text: &str) -> bool {
    let body = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = |c: char| c.is_ascii_digit() || ".,_:eE+-%/ ".contains(c);
    text.len() - body.len() <= 5 && body.len() < NUMBER_MAX && body.chars().all(number)
}

/// An address, or a path of which most parts read as words.
fn is_place(text: &str) -> bool {
    let host = |rest: &str| rest.contains('.') && rest.contains('/');
    let path = || {
        let parts: Vec<&str> = text.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
        let words = parts.iter().filter(|part| reads_as_words(part)).count();
        let rooted = text.starts_with(['/', '~', '.']) && text.contains('/');
        let file = parts.last().is_some_and(|last| has_extension(last));
        words * 2 >= parts.len() && (parts.len() > 2 || rooted || file && parts.len() > 1)
    };
    text.contains("://")
        || text.starts_with("//")
        || text.starts_with("arn:")
        || text.split_once('@').is_some_and(|(_, rest)| host(rest))
        || text.contains(['/', '\\']) && path()
        || has_version(text)
        || has_extension(text) && text.matches('.').count() < 3 && !is_glued(text)
}

/// The name of a package or a file with its version.
fn has_version(text: &str) -> bool {
    let mut parts = text.rsplit(['-', '@', ':', '=', '_', '/']);
    let version = parts.next().unwrap_or_default().trim_start_matches('v');
    let number =
        |part: &str| !part.is_empty() && part.len() < 5 && part.bytes().all(|b| b.is_ascii_digit());
    parts.next().is_some() && version.contains('.') && version.split('.').all(number)
}

fn has_extension(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(name, extension)| {
        let letters = extension.bytes().all(|byte| byte.is_ascii_lowercase());
        !name.is_empty() && (2..=4).contains(&extension.len()) && letters
    })
}

/// A digest that says that it is one.
fn is_digest(text: &str) -> bool {
    let small = text.get(..7).unwrap_or_default().to_ascii_lowercase();
    ["sha1:", "sha1-", "sha256:", "sha256-", "sha384-", "sha384:", "sha512-", "sha512:", "md5:"]
        .iter()
        .any(|name| small.starts_with(name) || name.starts_with(&small) && small.len() > 6)
        || text.starts_with("git+")
}

pub(super) fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A date with a time: digits with few letters.
fn is_moment(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits >= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || b"TZ:.+-_/".contains(&byte))
}

/// Code that makes or reads the value.
fn is_call(text: &str) -> bool {
    let before = |mark: char| text.split_once(mark).is_some_and(|(name, _)| is_path_of_names(name));
    let marks = ["::", "->", "=>", "?.", "()", "==", "!=", "&&", "||"];
    let patterns = [
        "(?:", "(?i", "[^", "[a-z", "[A-Z", "[0-9]", "]+", "]*", "]{", "\\w", "\\s", "\\d", "\\b",
        "%s", "}{", ".*",
    ];
    // A bracket that nothing closes, behind letters that were drawn, is a character of a password.
    let is_code = |mark: char, end: char| {
        before(mark) && (text.contains(end) || text.split(mark).next().is_some_and(reads_as_words))
    };
    is_code('(', ')')
        || is_code('[', ']')
        || marks.iter().any(|mark| text.contains(mark) && reads_as_words(text))
        || patterns.iter().any(|mark| text.contains(mark))
        || text.starts_with("--")
}

fn is_path_of_names(text: &str) -> bool {
    let name = |part: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || "_$".contains(c);
        part.starts_with(|c: char| !c.is_ascii_digit()) && part.chars().all(word)
    };
    !text.is_empty() && text.split(['.', ':', '>', '-']).filter(|part| !part.is_empty()).all(name)
}

/// Words of a sentence, or letters of another script.
fn is_prose(text: &str) -> bool {
    let other = |c: &char| c.is_alphabetic() && !c.is_ascii() && *c > '\u{24f}';
    let others = text.chars().filter(other).count();
    // One letter of another script in a run of drawn ones makes no words of it.
    let is_other = others * 4 > text.chars().count() || others > 0 && !has_all_of_drawn(text);
    let spaced = || {
        let words: Vec<&str> = text.split_whitespace().collect();
        let plain = words.iter().filter(|word| !is_glued(word)).count();
        words.len() > 1 && plain * 2 > words.len()
    };
    is_other || spaced()
}

/// Digits and letters of both cases in one word.
fn has_all_of_drawn(text: &str) -> bool {
    let any = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
    !text.contains(char::is_whitespace)
        && any(char::is_ascii_digit)
        && any(char::is_ascii_uppercase)
        && any(char::is_ascii_lowercase)
}

/// Digits and letters of both cases and a sign: no name in code.
fn has_all_kinds(text: &str) -> bool {
    let any = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
    any(char::is_ascii_digit)
        && any(char::is_ascii_uppercase)
        && any(char::is_ascii_lowercase)
        && any(|c| "!#$%^&*+=?@".contains(*c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%^&*+=?@-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand_example;

    #[test]
    fn values_are_told_from_what_stands_for_them() {
        for text in [
            "{{alnum:14}}",
            "!{{alnum:12}}",
            "${{alnum:12}}",
            "/{{base64:30}}",
            "true{{alnum:12}}",
            "admin{{hex:12}}",
            "{{hex:8}}-{{hex:4}}-{{hex:4}}-{{hex:4}}-{{hex:12}}",
            "Tides2024!",
            "={{alnum:16}}",
            "a{{digits:3}}.b{{hex:8}}.Qz",
        ] {
            let text = expand_example(text);
            assert!(is_value(&text), "{text}");
        }
        for text in [
            "$TOKEN",
            "${TOKEN}",
            "$(pass show x)",
            "%API_KEY%",
            "<your-key>",
            "your-api-key",
            "xxxxxxxx",
            "********",
            "process.env.API_KEY2",
            "os.environ[\"KEY\"]",
            "getSecret2(name)",
            "config::load()",
            "/run/secrets/db-password",
            "./keys/private.pem",
            "https://example.org/x9",
            "sha256:{{hex:64}}",
            "1234567890",
            "4096tokens",
            "changeme123",
            "String",
            "Option<String>",
            "{{ vault.key }}",
            "AKIAXXXXXXXXXXXXXXXX",
            "2026-11-29T10:00:00Z",
            "must be eight long",
        ] {
            let text = expand_example(text);
            assert!(!is_value(&text), "{text}");
        }
    }

    #[test]
    fn what_looks_random_needs_no_name() {
        for text in ["{{alnum:20}}", "{{hex:32}}", "{{base64:43}}="] {
            assert!(is_random(&expand_example(text)), "{text}");
        }
        for text in [
            "{{hex:8}}-{{hex:4}}-{{hex:4}}-{{hex:4}}-{{hex:12}}",
            "rollout-2026-05-21T22-47-30",
            "some_longer_name_of_a_thing",
        ] {
            assert!(!is_random(&expand_example(text)), "{text}");
        }
    }
}

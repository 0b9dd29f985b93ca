//! Whether a text is made of words, as names in code are, or drawn by chance.

/// Letters and digits stand mixed, as they do in no name.
pub(super) fn is_glued(text: &str) -> bool {
    turns(text) > 2
}

/// How often letters follow digits or digits letters, signs between them not counted.
fn turns(text: &str) -> usize {
    let kinds = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.is_ascii_digit());
    let mut last = None;
    let turns = kinds.filter(|kind| last.replace(*kind).is_some_and(|last| last != *kind));
    turns.count()
}

/// Whether it is made of words, as names in code, types, file names and sentences are.
pub(crate) fn reads_as_words(text: &str) -> bool {
    let pieces =
        || text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| !piece.is_empty());
    let (mut letters, mut words, mut odd) = (0, 0, 0);
    let mut spelled = true;
    for piece in pieces() {
        if is_glued(piece) {
            odd += piece.len();
        }
        for chunk in chunks(piece) {
            match chunk.as_bytes().first().is_some_and(u8::is_ascii_digit) {
                true => {
                    spelled = false;
                    odd += if chunk.len() > NUMBER_MAX { chunk.len() } else { 0 };
                }
                false => {
                    let word = is_word(chunk);
                    letters += chunk.len();
                    words += if word { chunk.len() } else { 0 };
                    spelled &= word || is_spelled(chunk);
                }
            }
        }
    }
    let most = words * 4 >= letters * 3 && letters > 0 && odd * 4 <= text.len();
    most || spelled && letters > 0 || is_snake(text)
}

/// A name that is not made of words has no more digits.
const DIGITS_MAX: usize = 2;
/// A number in a name is no longer.
const NUMBER_MAX: usize = 4;
/// A word without a common pair of letters is no longer.
const WORD_MAX: usize = 14;

/// What may be a word though its letters do not say so: an acronym, a shortened name.
fn is_spelled(chunk: &str) -> bool {
    let acronym = chunk.len() > 1 && chunk.bytes().all(|byte| byte.is_ascii_uppercase());
    (acronym || chunk.len() > 2) && chunk.len() <= WORD_MAX
}

/// Whether it may be a name in code with a digit or two, such as `Utf8SuffixKey`; a password may be such, too.
pub(super) fn may_be_name(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let pieces = text.split(|c: char| !c.is_ascii_alphabetic());
    digits <= DIGITS_MAX
        && pieces.flat_map(chunks).all(|chunk| is_word(chunk) || is_well_spelled(chunk))
}

/// What may be a word beside a digit: a short acronym, or a shortened name.
fn is_well_spelled(chunk: &str) -> bool {
    let acronym = chunk.bytes().all(|byte| byte.is_ascii_uppercase());
    if acronym { (2..=4).contains(&chunk.len()) } else { (4..=10).contains(&chunk.len()) }
}

/// A name of three parts or more with a line below between them: each part a short one, or made of words.
fn is_snake(text: &str) -> bool {
    let chunk = |chunk: &str| match chunk.starts_with(|c: char| c.is_ascii_digit()) {
        true => chunk.len() <= NUMBER_MAX,
        false => is_word(chunk) || is_spelled(chunk),
    };
    let part = |part: &str| {
        let name = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        name && turns(part) < 2 && (part.len() <= PART_MAX || chunks(part).all(chunk))
    };
    text.split('_').filter(|part| !part.is_empty()).count() > 2 && text.split('_').all(part)
}

/// A part of a name that need not be a word.
const PART_MAX: usize = 10;

/// Runs of digits, of small letters with one capital before them, and of capitals.
fn chunks(piece: &str) -> impl Iterator<Item = &str> {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let mut rest = piece;
    std::iter::from_fn(move || {
        let bytes = rest.as_bytes();
        let first = kind(*bytes.first()?);
        let run = bytes.iter().take_while(|byte| kind(**byte) == first).count();
        let small = bytes.iter().skip(run).take_while(|byte| kind(**byte) == 1).count();
        let length = match (first, run, small) {
            (2, 1, _) => 1 + small,
            // The last capital begins a word: `HTTPServer`.
            (2, _, 1..) => run - 1,
            _ => run,
        };
        let (chunk, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(chunk)
    })
}

/// Words of two letters that names are made of.
const SHORT: &[&str] = &[
    "ai", "an", "as", "at", "aw", "be", "by", "ci", "cd", "db", "do", "en", "eq", "eu", "fn", "go",
    "gh", "hf", "id", "if", "in", "io", "ip", "is", "it", "js", "kv", "me", "my", "no", "of", "ok",
    "on", "or", "os", "pk", "pw", "py", "rs", "sk", "to", "ts", "tx", "ui", "up", "us", "vm", "we",
    "ws",
];
/// Names that are spelled as no word is.
const ABBREVIATIONS: &[&str] = &[
    "arg", "args", "attr", "buf", "cls", "conf", "ctl", "err", "fmt", "hdr", "idx", "len", "mgr",
    "msg", "num", "obj", "passwd", "ptr", "val", "var", "api", "auth", "aws", "cfg", "cmd", "ctx",
    "css", "csrf", "csv", "dev", "env", "gcp", "gpt", "html", "http", "https", "jpg", "json",
    "jwks", "jwt", "kms", "llm", "mcp", "md", "mfa", "npm", "oauth", "pem", "pkg", "png", "prod",
    "pwd", "rsa", "sdk", "sha", "sql", "ssh", "ssl", "sso", "stmt", "str", "svc", "svg", "tls",
    "tmp", "txt", "unknown", "uri", "url", "usr", "utf", "uuid", "www", "xml", "xyz", "yaml",
    "yml", "foo", "bar", "baz", "qux", "abc", "key",
];

fn is_word(chunk: &str) -> bool {
    let small = chunk.to_ascii_lowercase();
    let common = || small.as_bytes().windows(2).filter(|pair| is_common(pair)).count();
    match small.len() {
        0 | 1 => false,
        2 => SHORT.contains(&small.as_str()) || ABBREVIATIONS.contains(&small.as_str()),
        length => ABBREVIATIONS.contains(&small.as_str()) || common() * 20 >= (length - 1) * 13,
    }
}

/// For each letter those that follow it in nine of ten places of names in code.
const FOLLOW: [&str; 26] = [
    "bcdgilmnprstuvy",
    "aeilorsu",
    "acehiklorstu",
    "aeilorsu",
    "abcdefglmnpqrstvx",
    "aefilortu",
    "aehilnors",
    "aeiot",
    "abcdefglmnoprstvz",
    "",
    "eis",
    "adeilostuy",
    "abeimopsu",
    "acdefginostuv",
    "abcdgiklmnoprstuvw",
    "aehiloprstuy",
    "u",
    "acdegiklmnoprstuy",
    "acehilopstuy",
    "acehilorstuy",
    "abceilmnprst",
    "aei",
    "aeio",
    "pt",
    "p",
    "e",
];

fn is_common(pair: &[u8]) -> bool {
    let [first, second] = pair else { return false };
    let follow = FOLLOW.get(usize::from(first.wrapping_sub(b'a')));
    follow.is_some_and(|follow| follow.as_bytes().contains(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand_example;

    #[test]
    fn words_are_told_from_drawn_text() {
        for text in [
            "requiredCharacteristicForTheThing",
            "process.env.X",
            "remoteRef",
            "FooToken",
            "PrivateKey",
            "getUserById",
            "HTTPServerConfig",
            "my_secret_name_2",
            "correct-horse-battery",
            "sha256sum",
            "x86_64-unknown-linux-gnu",
            "SecretString",
            "password_reset_token",
            "is_valid",
        ] {
            assert!(reads_as_words(text), "{text}");
        }
        for text in ["{{alnum:20}}", "{{hex:32}}", "{{base64:40}}", "{{base32:16}}", "{{hex:12}}"] {
            let text = expand_example(text);
            assert!(!reads_as_words(&text), "{text}");
        }
    }
}

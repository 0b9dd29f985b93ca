//! Texts out of placeholders, and the steps that put a text at its place.

use std::fmt::Write;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use serde_json::Value;

use crate::engine::escaped;

const FILLER: &str = "the harbour log says so and then it says the same again ";

/// A text in five segments: before, what may be hidden before, the secret, what may be hidden after, after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segments {
    before: String,
    may_before: String,
    secret: String,
    may_after: String,
    after: String,
}

/// What changes the segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Around(String, String),
    Json(String, String),
    JsonUnits { all: bool, before: String, after: String },
    Map(Vec<(char, String)>),
    Percent { all: bool, secret_only: bool },
    Ansi(String, String),
    AnsiMiddle(String, String),
    Fill(usize),
    Wrap { width: usize, end: String, indent: String },
    Lines(String),
    Base64,
    DropTail,
}

impl Segments {
    /// A secret with nothing around it.
    pub(super) fn alone(secret: String) -> Segments {
        Segments { secret, ..Segments::default() }
    }

    /// A secret in its context; none where the context has not exactly one `{}`.
    pub(super) fn of(context: &str, secret: &str) -> Option<Segments> {
        let (left, right) = context.split_once("{}")?;
        if right.contains("{}") {
            return None;
        }
        let (before, may_before, may_after, after) = match left.rsplit_once('«') {
            None => (left, "", "", right),
            Some((before, may_before)) => {
                let (may_after, after) = right.split_once('»').unwrap_or((right, ""));
                (before, may_before, may_after, after)
            }
        };
        Some(Segments {
            before: before.into(),
            may_before: may_before.into(),
            secret: secret.into(),
            may_after: may_after.into(),
            after: after.into(),
        })
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.each().concat()
    }

    /// The bytes of the secret, and those that may be hidden.
    pub(super) fn spans(&self) -> (Range<usize>, Range<usize>) {
        let first = self.before.len();
        let start = first + self.may_before.len();
        let end = start + self.secret.len();
        (start..end, first..end + self.may_after.len())
    }

    fn each(&self) -> [&str; 5] {
        [&self.before, &self.may_before, &self.secret, &self.may_after, &self.after]
    }

    fn each_mut(&mut self) -> [&mut String; 5] {
        let Segments { before, may_before, secret, may_after, after } = self;
        [before, may_before, secret, may_after, after]
    }

    fn map(&mut self, change: impl Fn(&str) -> String) {
        self.each_mut().into_iter().for_each(|part| *part = change(part));
    }

    fn around(&mut self, before: &str, after: &str) {
        self.before.insert_str(0, before);
        self.after.push_str(after);
    }

    /// Inserts before each character what `before_char` says.
    ///
    /// What is inserted belongs to the segment of that character, but never to the start of the secret or of what may
    /// be hidden before it.
    fn insert(&mut self, mut before_char: impl FnMut(char) -> String) {
        let mut out: [String; 5] = Default::default();
        for (at, part) in self.each().into_iter().enumerate() {
            for (index, char) in part.chars().enumerate() {
                let earlier = index == 0 && (at == 1 || at == 2);
                if let Some(out) = out.get_mut(at - usize::from(earlier)) {
                    out.push_str(&before_char(char));
                }
                if let Some(out) = out.get_mut(at) {
                    out.push(char);
                }
            }
        }
        let [before, may_before, secret, may_after, after] = out;
        *self = Segments { before, may_before, secret, may_after, after };
    }

    fn fill(&mut self, width: usize) -> Option<()> {
        let length = self.secret.chars().count();
        let line = format!("{}{}", self.before, self.may_before);
        let column = line.rsplit('\n').next().unwrap_or_default().chars().count();
        let needed = width.checked_sub((length / 2).min(width.checked_sub(8)?))?;
        let missing = needed.checked_sub(column).filter(|_| length >= 20)?;
        if missing > 0 {
            let words: String = FILLER.repeat(3).chars().take(missing - 1).chain([' ']).collect();
            let line = self.before.rfind('\n').map_or(0, |at| at + 1);
            self.before.insert_str(line, &words);
        }
        Some(())
    }

    fn wrap(&mut self, width: usize, end: &str, indent: &str) {
        let (mut column, indent_width) = (0, indent.chars().count());
        self.insert(|char| {
            if char == '\n' {
                column = 0;
                return String::new();
            }
            let full = column == width;
            column = if full { indent_width } else { column } + 1;
            if full { format!("{end}{indent}") } else { String::new() }
        });
    }

    fn lines(&mut self, prefix: &str) {
        let (mut number, mut start) = (0, true);
        self.insert(|char| {
            let fresh = std::mem::replace(&mut start, char == '\n');
            number += usize::from(fresh);
            if fresh { prefix.replace("{n}", &format!("{number:6}")) } else { String::new() }
        });
    }

    fn ansi_middle(&mut self, before: &str, after: &str) -> Option<()> {
        let length = self.secret.chars().count();
        if length < 3 {
            return None;
        }
        let mut out = String::new();
        for (index, char) in self.secret.chars().enumerate() {
            if index == length / 3 {
                out.push_str(before);
            }
            if index == length * 2 / 3 {
                out.push_str(after);
            }
            out.push(char);
        }
        self.secret = out;
        Some(())
    }
}

impl Step {
    /// Reads a step from its list of name and arguments.
    pub(super) fn parse(parts: &[Value]) -> Option<Step> {
        let text = |at: usize| Some(parts.get(at)?.as_str()?.to_owned());
        let number = |at: usize| usize::try_from(parts.get(at)?.as_u64()?).ok();
        let word = |at: usize, words: [&str; 2]| {
            let word = parts.get(at)?.as_str()?;
            words.contains(&word).then(|| words.first() == Some(&word))
        };
        Some(match parts.first()?.as_str()? {
            "around" => Step::Around(text(1)?, text(2)?),
            "json" => Step::Json(text(1)?, text(2)?),
            "json_u" => Step::JsonUnits {
                all: word(1, ["all", "first"])?,
                before: text(2)?,
                after: text(3)?,
            },
            "map" => {
                let pair = |pair: &Value| {
                    let mut chars = pair.get(0)?.as_str()?.chars();
                    let char = chars.next().filter(|_| chars.next().is_none())?;
                    Some((char, pair.get(1)?.as_str()?.to_owned()))
                };
                Step::Map(parts.get(1)?.as_array()?.iter().map(pair).collect::<Option<_>>()?)
            }
            "percent" => Step::Percent {
                all: word(1, ["all", "special"])?,
                secret_only: word(2, ["secret", "text"])?,
            },
            "ansi" => Step::Ansi(text(1)?, text(2)?),
            "ansi_middle" => Step::AnsiMiddle(text(1)?, text(2)?),
            "fill" => Step::Fill(number(1)?),
            "wrap" => Step::Wrap { width: number(1)?, end: text(2)?, indent: text(3)? },
            "lines" => Step::Lines(text(1)?),
            "base64" => Step::Base64,
            "drop_tail" => Step::DropTail,
            _ => return None,
        })
    }

    /// Changes the segments; none where that cannot be done. `{key}` and `{KEY}` in arguments are `key`.
    pub(super) fn apply(&self, segments: &mut Segments, key: &str) -> Option<()> {
        let keyed = |text: &str| match text.contains('{') {
            true => text.replace("{key}", key).replace("{KEY}", &key.to_uppercase()),
            false => text.to_owned(),
        };
        match self {
            Step::Around(before, after) => segments.around(&keyed(before), &keyed(after)),
            Step::Json(before, after) => {
                segments.map(escaped);
                segments.around(&keyed(before), &keyed(after));
            }
            Step::JsonUnits { all, before, after } => {
                let mut chars = segments.secret.chars();
                let secret = match all {
                    true => units(&segments.secret),
                    false => {
                        let first: String = chars.by_ref().take(1).collect();
                        units(&first) + &escaped(chars.as_str())
                    }
                };
                segments.map(escaped);
                segments.secret = secret;
                segments.around(&keyed(before), &keyed(after));
            }
            Step::Map(pairs) => segments.map(|part| mapped(part, pairs)),
            Step::Percent { all, secret_only: true } => {
                segments.secret = percent(&segments.secret, *all);
            }
            Step::Percent { all, secret_only: false } => segments.map(|part| percent(part, *all)),
            Step::Ansi(before, after) => {
                segments.before.push_str(&keyed(before));
                segments.after.insert_str(0, &keyed(after));
            }
            Step::AnsiMiddle(before, after) => {
                segments.ansi_middle(&keyed(before), &keyed(after))?;
            }
            Step::Fill(width) => segments.fill(*width)?,
            Step::Wrap { width, end, indent } => {
                segments.wrap(*width, &keyed(end), &keyed(indent));
            }
            Step::Lines(prefix) => segments.lines(&keyed(prefix)),
            Step::Base64 => *segments = Segments::alone(STANDARD.encode(segments.text())),
            Step::DropTail => {
                segments.may_after.clear();
                segments.after.clear();
            }
        }
        Some(())
    }
}

fn units(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut out, unit| {
        _ = write!(out, "\\u{unit:04x}");
        out
    })
}

fn mapped(text: &str, pairs: &[(char, String)]) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        match pairs.iter().rfind(|(from, _)| *from == char) {
            Some((_, to)) => out.push_str(to),
            None => out.push(char),
        }
        out
    })
}

fn percent(text: &str, all: bool) -> String {
    let kept = |char: char| !all && (char.is_ascii_alphanumeric() || "-._~".contains(char));
    text.chars().fold(String::new(), |mut out, char| {
        match kept(char) {
            true => out.push(char),
            false => char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| {
                _ = write!(out, "%{byte:02X}");
            }),
        }
        out
    })
}

fn alphabet(class: &str) -> Option<&'static str> {
    Some(match class {
        "alnum" => "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "lower" => "0123456789abcdefghijklmnopqrstuvwxyz",
        "upper" => "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "letters" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "digits" => "0123456789",
        "hex" => "0123456789abcdef",
        "HEX" => "0123456789ABCDEF",
        "base32" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "base64" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "base64url" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        "bech32" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        _ => return None,
    })
}

/// A stored text with its placeholders drawn: `{{class:length:seed}}`.
pub(super) fn expanded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(before);
        let inside = after.get(2..).and_then(|inside| inside.split_once("}}"));
        rest = match inside.and_then(|(inside, rest)| Some((drawn(inside)?, rest))) {
            Some((drawn, rest)) => {
                out.push_str(&drawn);
                rest
            }
            None => {
                out.push('{');
                after.get(1..).unwrap_or_default()
            }
        };
    }
    out + rest
}

/// The characters that stand for one placeholder: FNV-1a of what is in the braces, then SplitMix64.
fn drawn(inside: &str) -> Option<String> {
    let (class, rest) = inside.split_once(':')?;
    let (length, seed) = rest.split_once(':')?;
    let is_seed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if seed.is_empty() || !seed.bytes().all(is_seed) || !length.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (alphabet, length) = (alphabet(class)?.as_bytes(), length.parse::<usize>().ok()?);
    let mut state = inside.bytes().fold(0xCBF2_9CE4_8422_2325u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let digit = |_| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let at = (mixed ^ mixed >> 31) % alphabet.len() as u64;
        alphabet.get(usize::try_from(at).ok()?).map(|byte| char::from(*byte))
    };
    (0..length.min(1 << 16)).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_drawn_as_the_readme_says() {
        assert_eq!(expanded("a{{alnum:8:a}}b"), "aH9GFFBMZb");
        assert_eq!(expanded("{{{hex:8:a}}"), "{61fa3c05");
        assert_eq!(expanded("{{base64:12:tide}}"), "74BbNAYc0dTk");
        for plain in ["{{x}} {{", "{{alnum:8:A}}", "{{none:8:a}}", "{{alnum:+8:a}}"] {
            assert_eq!(expanded(plain), plain);
        }
    }
}

//! Where the strings, keys and numbers of a JSON text stand. Keeps places, builds no tree.

pub(super) mod pairs;
pub(super) mod words;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string as value; the place is without the quotes.
    Text,
    /// A member's name; the place is without the quotes.
    Key,
    /// A number or a boolean.
    Scalar,
}

/// One leaf or key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// For a member's value: the place of its name.
    pub(super) key: Option<(usize, usize)>,
    /// For a leaf of an array: where the array begins.
    pub(super) list: Option<usize>,
    /// Where the innermost object around it begins.
    pub(super) object: Option<usize>,
}

/// Where a token stands.
#[derive(Clone, Copy)]
struct Place {
    key: Option<(usize, usize)>,
    list: Option<usize>,
    object: Option<usize>,
}

impl Place {
    fn token(self, kind: Kind, start: usize, end: usize) -> Token {
        let Place { key, list, object } = self;
        Token { kind, start, end, key, list, object }
    }
}

/// Deeper texts count as plain ones.
const DEPTH_MAX: usize = 512;

/// The tokens of `text`, or none where it is no JSON object, array or string.
pub(super) fn parse(text: &str) -> Option<Vec<Token>> {
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']);
    let ends = (trimmed.as_bytes().first()?, trimmed.as_bytes().last()?);
    if trimmed.len() < 2 || !matches!(ends, (b'{', b'}') | (b'[', b']') | (b'"', b'"')) {
        return None;
    }
    let at = text.find(trimmed)?;
    let mut parser = Parser { bytes: text.as_bytes(), at, tokens: Vec::new() };
    parser.document()?;
    (parser.at == at + trimmed.len()).then_some(parser.tokens)
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// One value with all that is in it.
    fn document(&mut self) -> Option<()> {
        // The containers that are open: for each array where it begins, and the innermost object.
        let mut open: Vec<(Option<usize>, Option<usize>)> = Vec::new();
        loop {
            let (list, object) = open.last().copied().unwrap_or_default();
            let is_member = !open.is_empty() && list.is_none();
            let key = if is_member { Some(self.key(object)?) } else { None };
            let place = Place { key, list, object };
            match self.peek()? {
                b'{' if open.len() < DEPTH_MAX => {
                    open.push((None, Some(self.at)));
                    self.at += 1;
                    if self.peek()? != b'}' {
                        continue;
                    }
                }
                b'[' if open.len() < DEPTH_MAX => {
                    open.push((Some(self.at), object));
                    self.at += 1;
                    if self.peek()? != b']' {
                        continue;
                    }
                }
                b'"' => {
                    let (start, end) = self.string()?;
                    self.tokens.push(place.token(Kind::Text, start, end));
                }
                _ => self.scalar(place)?,
            }
            loop {
                let Some((list, _)) = open.last() else {
                    return Some(());
                };
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        break;
                    }
                    b'}' if list.is_none() => {}
                    b']' if list.is_some() => {}
                    _ => return None,
                }
                self.at += 1;
                open.pop();
            }
        }
    }

    fn key(&mut self, object: Option<usize>) -> Option<(usize, usize)> {
        if self.peek()? != b'"' {
            return None;
        }
        let (start, end) = self.string()?;
        let place = Place { key: None, list: None, object };
        self.tokens.push(place.token(Kind::Key, start, end));
        self.take(b':')?;
        Some((start, end))
    }

    /// The inside of the string that begins here.
    fn string(&mut self) -> Option<(usize, usize)> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = self.bytes.get(at..)?;
            at += memchr::memchr2(b'"', b'\\', rest)?;
            if self.bytes.get(at) == Some(&b'"') {
                break;
            }
            let length = match self.bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                b'u' if self.bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
            at += length;
        }
        // A raw line break in a string is no JSON: what follows may be out of step.
        if self.bytes.get(start..at)?.iter().any(|byte| *byte < 0x20) {
            return None;
        }
        self.at = at + 1;
        Some((start, at))
    }

    fn scalar(&mut self, place: Place) -> Option<()> {
        let start = self.at;
        let rest = self.bytes.get(start..)?;
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
        let word = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
        self.at += word.len();
        let text = str::from_utf8(word).ok()?;
        if text != "null" {
            let number = text.parse::<f64>().is_ok()
                && word.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
            if !number && text != "true" && text != "false" {
                return None;
            }
            self.tokens.push(place.token(Kind::Scalar, start, self.at));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keys_and_numbers_have_places() {
        let text = r#" {"a": ["x\"y", 12, null, {}], "b\n": true} "#;
        let tokens = parse(text).unwrap();
        let parts: Vec<&str> = tokens.iter().map(|t| &text[t.start..t.end]).collect();
        assert_eq!(parts, ["a", "x\\\"y", "12", "b\\n", "true"]);
        assert_eq!(tokens[4].key, Some((tokens[3].start, tokens[3].end)));
        assert_eq!(
            tokens.iter().map(|t| t.list).collect::<Vec<_>>(),
            [None, Some(7), Some(7), None, None]
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "12",
            "{",
            "[1,]",
            "{\"a\"}",
            "[1] x]",
            "\"a\"b\"",
            "[\"\\x\"]",
            "{]",
            "[01x]",
            "[}",
            "{,}",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
        for text in ["\"\"", "[]", "{}", "[[],{}]", "\u{feff}[1]"] {
            assert!(parse(text).is_some(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_none());
    }
}

//! Readings of a text (unescaped, without colours, …) that know where each character came from.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem};

/// What stands at `at..end` of a reading came from `source..source_end`.
#[derive(Clone, Copy, Debug)]
struct Edit {
    at: usize,
    end: usize,
    source: usize,
    source_end: usize,
}

/// A text as read in some way, with the way back to its source.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) text: Cow<'a, str>,
    edits: Vec<Edit>,
}

impl<'a> View<'a> {
    /// The text itself.
    pub(super) fn plain(text: &'a str) -> View<'a> {
        View { text: Cow::Borrowed(text), edits: Vec::new() }
    }

    /// The same reading, holding its text itself.
    pub(super) fn detached(self) -> View<'static> {
        View { text: Cow::Owned(self.text.into_owned()), edits: self.edits }
    }

    fn before(&self, at: usize) -> Option<&Edit> {
        let count = self.edits.partition_point(|edit| edit.at <= at);
        self.edits.get(count.checked_sub(1)?)
    }

    /// The bytes of the source that `start..end` was read from; whole escapes, never a part of one.
    pub(super) fn source(&self, start: usize, end: usize) -> (usize, usize) {
        let from = match self.before(start) {
            Some(edit) if start < edit.end => edit.source,
            Some(edit) => start - edit.end + edit.source_end,
            None => start,
        };
        let last = end.max(start + 1) - 1;
        let to = match self.before(last) {
            Some(edit) if last < edit.end => edit.source_end,
            Some(edit) => last - edit.end + edit.source_end + 1,
            None => last + 1,
        };
        (from, to)
    }

    /// Whether an edited part of the source lies in `start..end` or touches its ends.
    pub(super) fn touches(&self, start: usize, end: usize) -> bool {
        let first = self.edits.partition_point(|edit| edit.source_end <= start);
        self.edits.get(first).is_some_and(|edit| edit.source < end)
    }

    /// Places in the reading where something was left out, strictly inside `start..end`.
    pub(super) fn cuts(&self, start: usize, end: usize) -> impl Iterator<Item = usize> {
        let inside = move |edit: &&Edit| edit.at == edit.end && edit.at > start && edit.at < end;
        self.edits.iter().filter(inside).map(|edit| edit.at)
    }
}

/// Copies a source, piece by piece, with replacements.
struct Builder<'a> {
    source: &'a str,
    copied: usize,
    text: String,
    edits: Vec<Edit>,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str) -> Builder<'a> {
        Builder { source, copied: 0, text: String::new(), edits: Vec::new() }
    }

    fn replace(&mut self, start: usize, end: usize, with: &str) {
        self.text.push_str(self.source.get(self.copied..start).unwrap_or_default());
        let at = self.text.len();
        self.text.push_str(with);
        self.copied = end;
        self.edits.push(Edit { at, end: self.text.len(), source: start, source_end: end });
    }

    /// The reading, or none where nothing was replaced.
    fn finish(mut self) -> Option<View<'a>> {
        if self.edits.is_empty() {
            return None;
        }
        self.text.push_str(self.source.get(self.copied..).unwrap_or_default());
        Some(View { text: Cow::Owned(self.text), edits: self.edits })
    }
}

fn hex(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let digits = bytes.get(at..at + length)?;
    digits.iter().try_fold(0, |value, byte| Some(value * 16 + char::from(*byte).to_digit(16)?))
}

/// Reads the escape at `at`, a backslash: the character and the escape's length.
///
/// Half a surrogate pair reads as U+FFFD. `loose` adds what shells and programming languages write.
fn escape(bytes: &[u8], at: usize, loose: bool) -> Option<(char, usize)> {
    let simple = |c| Some((c, 2));
    match bytes.get(at + 1)? {
        b'n' => simple('\n'),
        b't' => simple('\t'),
        b'r' => simple('\r'),
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' if !loose => simple('\u{8}'),
        b'f' if !loose => simple('\u{c}'),
        b'u' => {
            let high = hex(bytes, at + 2, 4)?;
            let paired = (0xD800..0xDC00).contains(&high)
                && bytes.get(at + 6..at + 8).is_some_and(|next| next == b"\\u");
            let low = if paired { hex(bytes, at + 8, 4) } else { None };
            match low.filter(|low| (0xDC00..0xE000).contains(low)) {
                Some(low) => {
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12))
                }
                None => Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)),
            }
        }
        b'\'' if loose => simple('\''),
        b'e' if loose && bytes.get(at + 2) == Some(&b'[') => simple('\u{1b}'),
        b'x' if loose => Some((char::from_u32(hex(bytes, at + 2, 2)?)?, 4)),
        b'0' if loose && bytes.get(at + 2..at + 4).is_some_and(|next| next == b"33") => {
            Some(('\u{1b}', 4))
        }
        _ => None,
    }
}

fn unescaped(text: &str, loose: bool) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    let mut out = Builder::new(text);
    let mut next = 0;
    while let Some(found) = bytes.get(next..).and_then(|rest| memchr(b'\\', rest)) {
        let at = next + found;
        next = at + 1;
        // The end of a terminal sequence is no escape.
        let ends = loose && at.checked_sub(1).and_then(|last| bytes.get(last)) == Some(&0x1b);
        if let Some((c, length)) = escape(bytes, at, loose).filter(|_| !ends) {
            out.replace(at, at + length, c.encode_utf8(&mut [0; 4]));
            next = at + length;
        }
    }
    out.finish()
}

/// Reads the inside of a JSON string.
pub(super) fn json_string(raw: &str) -> View<'_> {
    unescaped(raw, false).unwrap_or_else(|| View::plain(raw))
}

/// Takes one level of backslashes off; none where there is none.
pub(super) fn without_escapes(text: &str) -> Option<View<'_>> {
    unescaped(text, true)
}

/// Length of the terminal sequence that begins at `at`, 0 where none does.
pub(super) fn sequence(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let (kind, head) = match rest {
        [0x1b, kind, ..] => (*kind, 2),
        [0xC2, 0x9B, ..] => (b'[', 2),
        _ => return 0,
    };
    let body = rest.get(head..).unwrap_or_default();
    match kind {
        b'[' => {
            let odd = |byte: &u8| !(0x20..0x40).contains(byte);
            let length = body.iter().position(odd).unwrap_or(body.len());
            head + length + usize::from(body.get(length).is_some_and(|b| (0x40..0x7F).contains(b)))
        }
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let end = body.iter().take(4096).position(|byte| matches!(byte, 0x07 | 0x1b | b'\n'));
            match end.map(|end| (end, body.get(end..).unwrap_or_default())) {
                Some((end, [0x07, ..])) => head + end + 1,
                Some((end, [0x1b, b'\\', ..])) => head + end + 2,
                _ => head,
            }
        }
        0x20..0x30 => head + usize::from(body.first().is_some_and(|b| (0x30..0x7F).contains(b))),
        0x30..0x7F => head,
        _ => 1,
    }
}

/// Takes colours and other terminal sequences out; none where there are none.
pub(super) fn without_colours(text: &str) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    if memchr(0x1b, bytes).is_none() && memmem::find(bytes, &[0xC2, 0x9B]).is_none() {
        return None;
    }
    let mut out = Builder::new(text);
    let mut at = 0;
    while at < bytes.len() {
        let length = sequence(bytes, at);
        if length > 0 {
            out.replace(at, at + length, "");
        }
        at += length.max(1);
    }
    out.finish()
}

/// Reads `%41` as `A`, character by character; none where there is nothing to read.
pub(super) fn without_percent(text: &str) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    let mut out = Builder::new(text);
    let mut next = 0;
    for at in memchr_iter(b'%', bytes) {
        if at < next {
            continue;
        }
        let mut raw = Vec::new();
        while raw.len() < 4 && bytes.get(at + raw.len() * 3) == Some(&b'%') {
            let Some(byte) = hex(bytes, at + raw.len() * 3 + 1, 2) else { break };
            raw.push(byte as u8);
            if let Ok(c) = str::from_utf8(&raw) {
                next = at + raw.len() * 3;
                out.replace(at, next, c);
                break;
            }
        }
    }
    out.finish()
}

fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte)
}

/// Where the line break at `at`, with all that a wrapped token has around it, begins and ends.
///
/// Around it may stand: closing quote, `+` or `\` before; indentation, quoting of mail or boxes, opening quote
/// after. None where no token runs up to the break and on behind it.
fn wrap(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let back = |from: usize, set: &[u8]| {
        let before = bytes.get(..from).unwrap_or_default();
        before.iter().rposition(|byte| !set.contains(byte)).map_or(0, |last| last + 1)
    };
    let mut start = back(at, b"\r");
    let plain = start;
    let concatenated = back(back(start, b" \t\\+."), b"\"'");
    if concatenated < plain && bytes.get(concatenated..plain)?.iter().any(|b| b"\"'\\".contains(b))
    {
        start = concatenated;
    }
    let forward = |from: usize, set: &[u8]| {
        let after = bytes.get(from..).unwrap_or_default();
        from + after.iter().position(|byte| !set.contains(byte)).unwrap_or(after.len())
    };
    let mut end = forward(at + 1, b" \t>|");
    if start < plain {
        end = forward(forward(end, b"+. \t"), b"\"'");
    }
    let before = start.checked_sub(1).and_then(|last| bytes.get(last))?;
    (in_token(*before) && in_token(*bytes.get(end)?)).then_some((start, end))
}

/// Longest stretch that is read for a wrapped token.
const WRAPPED_MAX: usize = 16 * 1024;

/// Joins the lines from the one that holds `at`, as long as tokens run over their ends.
///
/// Gives the reading, where it begins in `text`, and where its last line begins.
pub(super) fn joined(text: &str, at: usize) -> Option<(View<'_>, usize, usize)> {
    let bytes = text.as_bytes();
    let line = bytes.get(..at)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let start = text.ceil_char_boundary(line.max(at.saturating_sub(512)));
    let (mut breaks, mut from) = (Vec::new(), at);
    let end = loop {
        let Some(found) = bytes.get(from..).and_then(|rest| memchr(b'\n', rest)) else {
            break text.len();
        };
        match wrap(bytes, from + found) {
            Some((first, last)) if last - start < WRAPPED_MAX => {
                if first > start {
                    breaks.push((first, last));
                }
                from = last;
            }
            _ => break from + found,
        }
    };
    if breaks.is_empty() {
        return None;
    }
    let end = text.floor_char_boundary(end.min(from + 4096));
    let mut out = Builder::new(text.get(start..end)?);
    for (first, last) in breaks {
        if first - start >= out.copied {
            out.replace(first - start, last - start, "");
        }
    }
    Some((out.finish()?, start, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source<'a>(view: &View<'_>, from: &'a str, part: &str) -> &'a str {
        let at = view.text.find(part).unwrap();
        let (start, end) = view.source(at, at + part.len());
        &from[start..end]
    }

    #[test]
    fn escapes_map_back_whole() {
        let text = r#"a\nb\u0041\ud83d\ude00c\"d"#;
        let view = json_string(text);
        assert_eq!(view.text, "a\nbA😀c\"d");
        assert_eq!(source(&view, text, "bA"), r"b\u0041");
        assert_eq!(source(&view, text, "😀"), r"\ud83d\ude00");
        assert_eq!(source(&view, text, "c"), "c");
        assert_eq!(json_string(r"\ud83dx").text, "\u{fffd}x");
    }

    #[test]
    fn colours_inside_are_covered_and_around_are_not() {
        let text = "x \u{1b}[31mab\u{1b}[1mcd\u{1b}[0m y\u{1b}]0;t\u{7}z";
        let view = without_colours(text).unwrap();
        assert_eq!(view.text, "x abcd yz");
        assert_eq!(source(&view, text, "abcd"), "ab\u{1b}[1mcd");
    }

    #[test]
    fn percent_reads_utf8_or_nothing() {
        assert_eq!(without_percent("%67hp%5f%C3%A4%FF%zz").unwrap().text, "ghp_ä%FF%zz");
        assert!(without_percent("100%").is_none());
    }

    #[test]
    fn wrapped_tokens_join() {
        let text = "k: abcd\r\n   efgh\n> ijkl\nend.";
        let (view, start, _) = joined(text, 3).unwrap();
        assert_eq!((start, view.text.as_ref()), (0, "k: abcdefghijklend."));
        assert_eq!(source(&view, text, "hij"), "h\n> ij");
    }
}

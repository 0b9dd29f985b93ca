//! Readings of a text (unescaped, without colours, …) that know where each character came from.

pub(super) mod spelled;
pub(super) mod terminal;
pub(super) mod unseen;

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2_iter;

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

    /// Places in the reading where something was left out, inside `start..=end`, with its place in the source.
    pub(super) fn left_out(
        &self,
        start: usize,
        end: usize,
    ) -> impl Iterator<Item = (usize, Range<usize>)> {
        let first = self.edits.partition_point(|edit| edit.at < start);
        let inside = self.edits.get(first..).unwrap_or_default().iter();
        let inside = inside.take_while(move |edit| edit.at <= end);
        let inside = inside.filter(|edit| edit.at == edit.end);
        inside.map(|edit| (edit.at, edit.source..edit.source_end))
    }

    /// Places in the reading where something was left out, strictly inside `start..end`.
    pub(super) fn cuts(&self, start: usize, end: usize) -> impl Iterator<Item = usize> {
        let inside = move |edit: &&Edit| edit.at == edit.end && edit.at > start && edit.at < end;
        self.edits.iter().filter(inside).map(|edit| edit.at)
    }
}

/// Copies a source, piece by piece, with replacements.
pub(super) struct Builder<'a> {
    source: &'a str,
    copied: usize,
    text: String,
    edits: Vec<Edit>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a str) -> Builder<'a> {
        Builder { source, copied: 0, text: String::new(), edits: Vec::new() }
    }

    pub(super) fn replace(&mut self, start: usize, end: usize, with: &str) {
        self.text.push_str(self.source.get(self.copied..start).unwrap_or_default());
        let at = self.text.len();
        self.text.push_str(with);
        self.copied = end;
        self.edits.push(Edit { at, end: self.text.len(), source: start, source_end: end });
    }

    /// The reading, or none where nothing was replaced.
    pub(super) fn finish(mut self) -> Option<View<'a>> {
        if self.edits.is_empty() {
            return None;
        }
        self.text.push_str(self.source.get(self.copied..).unwrap_or_default());
        Some(View { text: Cow::Owned(self.text), edits: self.edits })
    }
}

fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte)
}

/// The line breaks from a place on: of two signs that are one, the second.
pub(super) fn line_breaks(bytes: &[u8], from: usize) -> impl Iterator<Item = usize> {
    let rest = memchr2_iter(b'\n', b'\r', bytes.get(from..).unwrap_or_default());
    let is_half = |at: &usize| bytes.get(*at..*at + 2) == Some(b"\r\n");
    rest.map(move |found| from + found).filter(move |at| !is_half(at))
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
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let line = bytes.get(..at)?.iter().rposition(is_break).map_or(0, |last| last + 1);
    let start = text.ceil_char_boundary(line.max(at.saturating_sub(512)));
    let (mut breaks, mut from) = (Vec::new(), at);
    let end = loop {
        let Some(at) = line_breaks(bytes, from).next() else {
            break text.len();
        };
        match wrap(bytes, at) {
            Some((first, last)) if last - start < WRAPPED_MAX => {
                if first > start {
                    breaks.push((first, last));
                }
                from = last;
            }
            _ => break at,
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
pub(super) mod tests {
    use super::*;

    /// What `part` of a reading was read from.
    pub(in super::super) fn source<'a>(view: &View<'_>, from: &'a str, part: &str) -> &'a str {
        let at = view.text.find(part).unwrap();
        let (start, end) = view.source(at, at + part.len());
        &from[start..end]
    }

    #[test]
    fn wrapped_tokens_join() {
        let text = "k: abcd\r\n   efgh\n> ijkl\nend.";
        let (view, start, _) = joined(text, 3).unwrap();
        assert_eq!((start, view.text.as_ref()), (0, "k: abcdefghijklend."));
        assert_eq!(source(&view, text, "hij"), "h\n> ij");
    }
}

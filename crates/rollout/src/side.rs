//! The side files of a home: prompt history and session names. One JSON object a line.

use super::json::{Object, Text};

/// A line of `history.jsonl`: a prompt typed in the terminal client.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryLine<'a> {
    /// Thread id.
    pub session_id: Option<Text<'a>>,
    /// When, in seconds since 1970-01-01 UTC.
    pub at_s: Option<i64>,
    /// What was typed.
    pub text: Text<'a>,
}

/// A line of `session_index.jsonl`: the name of a thread; the last line of an id counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndexLine<'a> {
    /// Thread id.
    pub session_id: Text<'a>,
    /// Its name; `None` when it was taken away, which clients also say with a blank one.
    pub name: Option<Text<'a>>,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: Option<i64>,
}

/// Reads a line of `history.jsonl`; `None` when it is no such line.
#[must_use]
pub fn history_line(line: &[u8]) -> Option<HistoryLine<'_>> {
    let object = object(line)?;
    Some(HistoryLine {
        session_id: object.str("session_id"),
        at_s: object.i64("ts"),
        text: object.str("text")?,
    })
}

/// Reads a line of `session_index.jsonl`; `None` when it is no such line.
#[must_use]
pub fn index_line(line: &[u8]) -> Option<IndexLine<'_>> {
    let object = object(line)?;
    let name = object.str("thread_name").filter(|name| !name.trim().is_empty());
    let at_ms = object.str("updated_at").and_then(|text| super::timestamp::parse_ms(&text));
    Some(IndexLine { session_id: object.str("id")?, name, at_ms })
}

/// Some editors put a byte order mark before the first line of a file.
fn object(line: &[u8]) -> Option<Object<'_>> {
    let text = std::str::from_utf8(line).ok()?;
    Object::parse(text.strip_prefix('\u{feff}').unwrap_or(text).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_lines() {
        let line = history_line(br#"{"session_id":"s","ts":12,"text":"hi"}"#).unwrap();
        assert_eq!((line.at_s, &*line.text), (Some(12), "hi"));
        let line =
            index_line(br#"{"id":"s","thread_name":"N","updated_at":"2026-01-01T00:00:00Z"}"#);
        assert_eq!(line.unwrap().at_ms, Some(1_767_225_600_000));
        assert_eq!(history_line(b"\xff"), None);
        assert_eq!(index_line(b"{}"), None);
    }

    #[test]
    fn marks_and_line_ends_of_other_systems_are_no_error() {
        let line = history_line(b"\xef\xbb\xbf{\"session_id\":\"s\",\"text\":\"hi\"}\r\n").unwrap();
        assert_eq!(&*line.text, "hi");
        let name = |line: &[u8]| index_line(line).unwrap().name.map(|name| name.to_string());
        let marked = b"\xef\xbb\xbf{\"id\":\"s\",\"thread_name\":\"Ebb\"}\r";
        assert_eq!(name(marked).as_deref(), Some("Ebb"));
        for taken_away in [r#"{"id":"s","thread_name":" "}"#, r#"{"id":"s","thread_name":null}"#] {
            assert_eq!(name(taken_away.as_bytes()), None);
        }
    }
}

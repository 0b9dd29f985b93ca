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
    /// Its name; `None` when it was taken away.
    pub name: Option<Text<'a>>,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: Option<i64>,
}

/// Reads a line of `history.jsonl`; `None` when it is no such line.
#[must_use]
pub fn history_line(line: &[u8]) -> Option<HistoryLine<'_>> {
    let object = Object::parse(std::str::from_utf8(line).ok()?.trim())?;
    Some(HistoryLine {
        session_id: object.str("session_id"),
        at_s: object.i64("ts"),
        text: object.str("text")?,
    })
}

/// Reads a line of `session_index.jsonl`; `None` when it is no such line.
#[must_use]
pub fn index_line(line: &[u8]) -> Option<IndexLine<'_>> {
    let object = Object::parse(std::str::from_utf8(line).ok()?.trim())?;
    let at_ms = object.str("updated_at").and_then(|text| super::timestamp::parse_ms(&text));
    Some(IndexLine { session_id: object.str("id")?, name: object.str("thread_name"), at_ms })
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
}

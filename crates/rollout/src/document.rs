//! The whole-file JSON of the first generation: a session and its items.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::event::SessionMeta;
use super::json::{self, Json, Object, Text};
use super::line;
use super::number::ITEMS_MAX;
use super::record::{Generation, Problem, Reason, Record};

/// A session of the first generation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document<'a> {
    /// The header; none where the document has no `session`.
    pub session: Option<SessionMeta<'a>>,
    /// The items in order, each as if it were a line. Offsets of their problems count from the
    /// start of the item.
    pub items: Vec<Item<'a>>,
    /// Names of top-level fields that are not known.
    pub unknown_fields: Vec<Text<'a>>,
    /// What was wrong with the document as a whole. Items before the damage are there.
    pub problems: Vec<Problem>,
}

/// An item of a document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item<'a> {
    /// Byte at which the item starts in the document.
    pub offset: usize,
    /// The item as written.
    pub bytes: &'a [u8],
    /// The record.
    pub record: Record<'a>,
}

/// Whether a file that starts with these bytes is such a document rather than lines of records.
#[must_use]
pub fn looks_like_document(start: &[u8]) -> bool {
    let text = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start).trim_ascii_start();
    let first_name = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start).unwrap_or_default();
    first_name.starts_with(b"\"session\"") || first_name.starts_with(b"\"items\"")
}

/// Reads a document. Never fails: of a damaged one, what stands before the damage is read.
#[must_use]
pub fn parse_document(bytes: &[u8]) -> Document<'_> {
    let mut document = Document::default();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            document.problems.push(Reason::InvalidUtf8.at(error.valid_up_to()));
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parts = Parts::default();
    if let Err(problem) = json::walk(json, Top(&mut parts)) {
        let mark = text.len() - json.len();
        document.problems.push(problem.reason.at(mark + problem.offset));
    }
    if parts.items.len() > ITEMS_MAX {
        parts.items.truncate(ITEMS_MAX);
        document.problems.push(Reason::TooManyItems.at(0));
    }
    document.session = parts.session.and_then(Object::parse).map(|o| SessionMeta::decode(&o));
    document.unknown_fields = parts.unknown;
    document.items = parts.items.into_iter().map(|item| read_item(bytes, item)).collect();
    if document.session.is_none() && document.problems.is_empty() {
        document.problems.push(Reason::NoKind.at(0));
    }
    document
}

fn read_item<'a>(bytes: &'a [u8], json: Json<'a>) -> Item<'a> {
    let mut record = line::parse_line(json.as_bytes());
    if record.generation.is_some() {
        record.generation = Some(Generation::G0);
    }
    // Both point into the same buffer: the difference is the place of the item in it.
    let offset = json.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
    Item { offset, bytes: json.as_bytes(), record }
}

/// What was read before the end or the damage.
#[derive(Default)]
struct Parts<'a> {
    session: Option<Json<'a>>,
    items: Vec<Json<'a>>,
    unknown: Vec<Text<'a>>,
}

struct Top<'p, 'a>(&'p mut Parts<'a>);

impl<'de> Visitor<'de> for Top<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<&RawValue>()? {
            match name.get() {
                r#""session""# => self.0.session = Some(map.next_value::<&RawValue>()?.get()),
                r#""items""# => map.next_value_seed(Items(&mut self.0.items))?,
                other => {
                    self.0.unknown.extend(json::string(other));
                    map.next_value::<&RawValue>()?;
                }
            }
        }
        Ok(())
    }
}

struct Items<'p, 'a>(&'p mut Vec<Json<'a>>);

impl<'de> DeserializeSeed<'de> for Items<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<&RawValue>()? {
            if self.0.len() <= ITEMS_MAX {
                self.0.push(item.get());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::*;

    const WHOLE: &str = r#"{
  "session": {"timestamp": "2025-06-01T08:00:00.000Z", "id": "s1", "instructions": ""},
  "items": [
    {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
    {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c1"},
    {"type": "function_call_output", "call_id": "c1", "output": "done"}
  ]
}"#;

    #[test]
    fn reads_session_and_items() {
        let document = parse_document(WHOLE.as_bytes());
        assert!(document.problems.is_empty());
        let session = document.session.unwrap();
        assert_eq!(session.id.as_deref(), Some("s1"));
        assert_eq!(session.timestamp_ms, Some(1_748_764_800_000));
        let names: Vec<_> = document.items.iter().map(|item| item.record.event.name()).collect();
        assert_eq!(names, ["message", "tool_call", "tool_output"]);
        for item in &document.items {
            assert_eq!(item.record.generation, Some(Generation::G0));
            assert_eq!(&WHOLE.as_bytes()[item.offset..][..item.bytes.len()], item.bytes);
        }
    }

    #[test]
    fn is_told_from_lines_by_its_first_name() {
        assert!(looks_like_document(WHOLE.as_bytes()));
        assert!(looks_like_document(b"\xef\xbb\xbf {\n\"items\""));
        assert!(!looks_like_document(br#"{"record_type":"state"}"#));
        assert!(!looks_like_document(b"\"session\""));
    }

    #[test]
    fn keeps_what_stands_before_the_damage() {
        for cut in 0..WHOLE.len() {
            let document = parse_document(&WHOLE.as_bytes()[..cut]);
            assert!(!document.problems.is_empty(), "cut at {cut}");
        }
        let second_torn = WHOLE.find("function_call_output").unwrap();
        let document = parse_document(&WHOLE.as_bytes()[..second_torn]);
        assert_eq!(document.items.len(), 2);
        assert_eq!(document.problems[0].reason, Reason::Torn);
        assert!(matches!(document.items[1].record.event, Event::ToolCall(_)));
    }

    #[test]
    fn other_documents_are_a_problem_not_a_failure() {
        for (text, reason) in [
            ("", Reason::Torn),
            ("[]", Reason::NotAnObject),
            ("{}", Reason::NoKind),
            ("{\"session\":1,\"items\":2}", Reason::BadJson),
            ("version https://git-lfs.github.com/spec/v1", Reason::NotAnObject),
        ] {
            assert_eq!(parse_document(text.as_bytes()).problems[0].reason, reason, "{text}");
        }
        assert_eq!(parse_document(b"{\"a\":\"\xff\"}").problems[0].reason, Reason::InvalidUtf8);
    }
}

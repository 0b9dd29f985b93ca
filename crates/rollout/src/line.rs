//! One line to one record: the envelope, the generation, and what is wrong.

use std::borrow::Cow;

use super::decode;
use super::drift;
use super::event::{Event, ItemBody, Other};
use super::json::{Json, Object, ParseError};
use super::number;
use super::record::{Generation, HostMetadata, Reason, Record, Understanding};
use super::timestamp;

/// Start of an enveloped record, as the writer orders its keys.
const RECORD_START: &[u8] = br#"{"timestamp":""#;

/// Pieces that [`pieces`] tries on one line. A line with more is damage, not resumption, and an
/// unbounded search would be quadratic in its length.
const MAX_PIECES: usize = 8;

/// Unknown names kept per record. Drift shows in the first few; an object with a name per entry
/// of some table would only fill the memory.
const MAX_UNKNOWN_FIELDS: usize = 64;

/// Reads one line, with or without its line end. Never fails.
#[must_use]
pub fn parse_line(line: &[u8]) -> Record<'_> {
    let (start, text) = trim(line);
    if text.is_empty() {
        return Record { kind: Cow::Borrowed("blank"), ..Record::default() };
    }
    let Ok(json) = std::str::from_utf8(text) else {
        return malformed(line, start, text, None);
    };
    let mut record = match Object::try_parse(json) {
        Ok(object) => {
            let mut record = parse_object(&object);
            let is_read = record.understanding == Understanding::Understood;
            let bad = is_read.then(|| number::first_bad(&object)).flatten();
            record.problems.extend(bad.map(|bad| Reason::BadNumber.at(place(line, bad))));
            record
        }
        Err(error) => return malformed(line, start, text, Some(error)),
    };
    record.unknown_fields.truncate(MAX_UNKNOWN_FIELDS);
    if let Some(at) = super::escape::lone_surrogate(text) {
        record.problems.push(Reason::LoneSurrogate.at(start + at));
    }
    record
}

/// Where a value that was read from a line stands in it.
fn place(line: &[u8], value: Json<'_>) -> usize {
    value.as_ptr().addr().saturating_sub(line.as_ptr().addr())
}

/// What a record says, whenever it was written: tells whether a copy, stamped anew, is the same record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The first 8 bytes of a hash over kind and payload; 0 for a line that is no enveloped record.
    pub hash: u64,
    /// Whether clients leave such records out when they copy a thread: events that no reader of the history
    /// needs.
    pub is_left_out: bool,
}

/// Of a record that holds the raw output of a tool, when it was written, in UTC milliseconds, where it says so; `None` for other
/// lines.
pub fn output_ms(line: &[u8]) -> Option<Option<i64>> {
    let record = parse_line(line);
    let is_output = match &record.event {
        Event::ToolOutput(_)
        | Event::ExecCommandEnd(_)
        | Event::McpToolCallEnd(_)
        | Event::DynamicToolCallResponse(_) => true,
        Event::ItemCompleted(done) => matches!(
            &done.item.body,
            ItemBody::CommandExecution(_) | ItemBody::McpToolCall(_) | ItemBody::DynamicToolCall(_)
        ),
        _ => false,
    };
    is_output.then_some(record.timestamp_ms)
}

/// Id of the turn that the record of a line begins or describes.
pub fn begun_turn(line: &[u8]) -> Option<String> {
    parse_line(line).event.begun_turn().map(str::to_string)
}

/// Reads the identity of a line.
#[must_use]
pub fn identity(line: &[u8]) -> Identity {
    let (_, text) = trim(line);
    let object = std::str::from_utf8(text).ok().and_then(Object::parse);
    let Some(envelope) = object.filter(|object| object.has("payload") && object.has("type")) else {
        return Identity { hash: 0, is_left_out: true };
    };
    let field = |name| envelope.raw(name).unwrap_or("null");
    let kind = field("type");
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes()).update(field("payload").as_bytes());
    let hash = hasher.finalize();
    let head = hash.as_bytes().first_chunk::<8>();
    Identity {
        hash: head.map_or(0, |head| u64::from_be_bytes(*head)),
        is_left_out: kind == r#""event_msg""#,
    }
}

/// Offset of the next place inside a damaged line, after its first byte, that looks like the
/// start of a record.
#[must_use]
pub fn resync(line: &[u8]) -> Option<usize> {
    let found = memchr::memmem::find(line.get(1..)?, RECORD_START)?;
    Some(found + 1)
}

/// The record on a line or, where the line is torn and glued, the malformed record of the whole
/// line followed by the enveloped records that could be recovered from its rest, each with its
/// offset. At most a fixed number of places is tried, so the work stays linear.
#[must_use]
pub fn pieces(line: &[u8]) -> Vec<(usize, Record<'_>)> {
    let first = parse_line(line);
    let mut rest = first.recovered;
    let mut records = vec![(0, first)];
    for _ in 1..MAX_PIECES {
        let Some(bytes) = rest else { break };
        let record = parse_line(bytes);
        rest = record.recovered;
        // A torn session header ends in an object that starts like a record but has no envelope.
        if matches!(record.generation, Some(Generation::G2 | Generation::G3)) {
            records.push((line.len() - bytes.len(), record));
        }
    }
    records
}

/// Reads an object as a record of whatever generation it shows.
pub(super) fn parse_object<'a>(object: &Object<'a>) -> Record<'a> {
    if object.has("payload") && object.has("type") {
        return enveloped(object);
    }
    if object.has("record_type") {
        return marker(object);
    }
    if object.has("type") || (object.has("role") && object.has("content")) {
        return bare_item(object);
    }
    if object.has("id") && object.has("timestamp") {
        return bare_header(object);
    }
    unknown(object, Reason::NoKind)
}

/// Drops the line end, a byte order mark and blanks around the text; tells where the text starts.
fn trim(line: &[u8]) -> (usize, &[u8]) {
    let text = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii_start();
    (line.len() - text.len(), text.trim_ascii_end())
}

fn enveloped<'a>(envelope: &Object<'a>) -> Record<'a> {
    let ordinal = envelope.u64("ordinal");
    let generation = if ordinal.is_some() { Generation::G3 } else { Generation::G2 };
    let mut record = Record {
        generation: Some(generation),
        timestamp_ms: envelope.str("timestamp").and_then(|text| timestamp::parse_ms(&text)),
        ordinal,
        kind: envelope.str("type").unwrap_or(Cow::Borrowed("unknown")),
        host: host_metadata(envelope),
        ..Record::default()
    };
    if record.timestamp_ms.is_none() {
        record.problems.push(Reason::BadTimestamp.at(0));
    }
    for name in envelope.names().filter(|name| !drift::ENVELOPE.contains(&name.as_ref())) {
        record.unknown_fields.push(format!("envelope.{name}").into());
    }
    match envelope.object("payload") {
        Some(payload) => decode::fill(&mut record, &payload),
        None => {
            record.understanding = Understanding::Unknown;
            record.problems.push(Reason::BadPayload.at(0));
            let payload = envelope.raw("payload").unwrap_or_default();
            record.event = Event::Other(Other { subtype: None, payload });
        }
    }
    record
}

fn host_metadata(envelope: &Object<'_>) -> HostMetadata {
    let Some(host) = envelope.object("metadata") else {
        return HostMetadata::default();
    };
    HostMetadata {
        inherited_user_message: host.bool("inherited_user_message").unwrap_or(false),
        client_authored: host.bool("client_authored").unwrap_or(false),
        compaction_output: host.bool("compaction_output").unwrap_or(false),
        user_input_order: host.u64("user_input_order"),
    }
}

/// `{"record_type":"state"}`; another value would be news.
fn marker<'a>(object: &Object<'a>) -> Record<'a> {
    let kind = object.str("record_type").unwrap_or(Cow::Borrowed("unknown"));
    if kind != "state" {
        let event = Event::Other(Other { subtype: None, payload: object.raw_json() });
        return Record { kind, event, ..unknown_bare() };
    }
    let names = object.names().filter(|name| *name != "record_type").cloned();
    let unknown_fields = names.collect();
    Record { kind, unknown_fields, event: Event::State, ..bare() }
}

fn bare_item<'a>(item: &Object<'a>) -> Record<'a> {
    if item.str("type").is_some_and(|kind| drift::is_top_level(&kind)) {
        return unknown(item, Reason::BadPayload);
    }
    let mut record = Record { kind: Cow::Borrowed("response_item"), ..bare() };
    decode::fill(&mut record, item);
    record
}

fn bare_header<'a>(header: &Object<'a>) -> Record<'a> {
    let timestamp_ms = header.str("timestamp").and_then(|text| timestamp::parse_ms(&text));
    let mut record = Record { kind: Cow::Borrowed("session_meta"), timestamp_ms, ..bare() };
    decode::fill(&mut record, header);
    if timestamp_ms.is_none() {
        record.problems.push(Reason::BadTimestamp.at(0));
    }
    record
}

fn bare<'a>() -> Record<'a> {
    Record { generation: Some(Generation::G1), ..Record::default() }
}

fn unknown_bare<'a>() -> Record<'a> {
    Record { understanding: Understanding::Unknown, ..bare() }
}

fn unknown<'a>(object: &Object<'a>, reason: Reason) -> Record<'a> {
    let event = Event::Other(Other { subtype: None, payload: object.raw_json() });
    let kind = object.str("type").unwrap_or(Cow::Borrowed("unknown"));
    let unknown_fields = object.names().cloned().collect();
    Record { kind, event, unknown_fields, problems: vec![reason.at(0)], ..unknown_bare() }
}

/// A line that is no record. `start` is where `text` begins in the line.
fn malformed<'a>(
    line: &'a [u8],
    start: usize,
    text: &[u8],
    error: Option<ParseError>,
) -> Record<'a> {
    let (reason, offset) = diagnose(text, error);
    let mut problems = vec![reason.at(start + offset)];
    let glued = resync(line);
    if let Some(at) = glued {
        problems.push(Reason::Glued.at(at));
    }
    Record {
        kind: Cow::Borrowed("malformed"),
        understanding: Understanding::Malformed,
        problems,
        recovered: glued.and_then(|at| line.get(at..)),
        ..Record::default()
    }
}

/// What kind of damage, and where in the text. Damage of the medium comes before bad JSON.
fn diagnose(text: &[u8], error: Option<ParseError>) -> (Reason, usize) {
    if is_lfs_pointer(text) {
        return (Reason::GitLfsPointer, 0);
    }
    if let Some(at) = memchr::memchr(0, text) {
        return (Reason::NulRun, at);
    }
    if let Err(error) = std::str::from_utf8(text) {
        return (Reason::InvalidUtf8, error.valid_up_to());
    }
    match (text.first(), error) {
        (Some(b'{'), Some(error)) => (error.reason, error.offset),
        (Some(b'[' | b'"'), _) => (Reason::NotAnObject, 0),
        _ => (Reason::ForeignText, 0),
    }
}

/// A Git LFS pointer is three lines long; each of them comes alone.
fn is_lfs_pointer(text: &[u8]) -> bool {
    let size = text.strip_prefix(b"size ");
    text.starts_with(b"version https://git-lfs.github.com/")
        || text.starts_with(b"oid sha256:")
        || size.is_some_and(|size| !size.is_empty() && size.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"timestamp":"2026-03-01T10:00:00.123Z","type":"event_msg","payload":{"type":"context_compacted"}}"#;

    fn read(line: &str) -> Record<'_> {
        parse_line(line.as_bytes())
    }

    fn reasons(record: &Record<'_>) -> Vec<(&'static str, usize)> {
        record.problems.iter().map(|problem| (problem.reason.name(), problem.offset)).collect()
    }

    #[test]
    fn every_generation_by_its_shape() {
        for (line, generation, kind, event) in [
            (GOOD, Generation::G2, "event_msg", "context_compacted"),
            (
                r#"{"timestamp":"2026-03-01T10:00:00Z","ordinal":7,"type":"compacted","payload":{}}"#,
                Generation::G3,
                "compacted",
                "compacted",
            ),
            (r#"{"record_type":"state"}"#, Generation::G1, "state", "state"),
            (
                r#"{"id":"a","timestamp":"2025-08-20T09:00:00.000Z","instructions":null}"#,
                Generation::G1,
                "session_meta",
                "session_meta",
            ),
            (
                r#"{"type":"message","id":null,"role":"user","content":[]}"#,
                Generation::G1,
                "response_item",
                "message",
            ),
        ] {
            let record = read(line);
            assert_eq!(record.generation, Some(generation), "{line}");
            assert_eq!((record.kind.as_ref(), record.event.name()), (kind, event));
            assert_eq!(record.understanding, Understanding::Understood);
            assert_eq!(record.problems, []);
        }
        assert_eq!(read(r#"{"ordinal":7,"type":"x","payload":{}}"#).ordinal, Some(7));
    }

    #[test]
    fn tolerates_marks_and_blanks_around_the_record() {
        let plain = read(GOOD);
        for line in [format!("\u{feff}{GOOD}\r\n"), format!("  \t{GOOD} \r")] {
            assert_eq!(parse_line(line.as_bytes()), plain);
        }
        for line in ["", "\r\n", " \t", "\u{feff}"] {
            assert_eq!(read(line).kind, "blank");
        }
    }

    #[test]
    fn damage_has_a_reason_and_a_place() {
        for (line, reason, offset) in [
            (&b"{\"a\":\"\xff\"}"[..], "invalid_utf8", 6),
            (b"{\"a\":\0\0}", "nul_run", 5),
            (b"\0\0\0", "nul_run", 0),
            (b"version https://git-lfs.github.com/spec/v1", "git_lfs_pointer", 0),
            (b"oid sha256:00", "git_lfs_pointer", 0),
            (b"size 123", "git_lfs_pointer", 0),
            (b"size matters", "foreign_text", 0),
            (b"  hello", "foreign_text", 2),
            (b"[1]", "not_an_object", 0),
            (b"{\"a\":", "torn", 4),
            (b"{\"a\" 1}", "bad_json", 5),
            (b"{} {}", "trailing_data", 3),
        ] {
            let record = parse_line(line);
            assert_eq!(record.understanding, Understanding::Malformed);
            assert_eq!((record.kind.as_ref(), record.generation), ("malformed", None));
            assert_eq!(reasons(&record), [(reason, offset)], "{}", line.escape_ascii());
        }
    }

    #[test]
    fn records_that_are_odd_but_json() {
        for (line, kind, reason) in [
            (r#"{"a":1}"#, "unknown", Some("no_kind")),
            (r#"{"type":"event_msg","timestamp":"x"}"#, "event_msg", Some("bad_payload")),
            (
                r#"{"timestamp":"2026-03-01T10:00:00Z","type":"event_msg","payload":[]}"#,
                "event_msg",
                Some("bad_payload"),
            ),
            (r#"{"timestamp":"2026-03-01T10:00:00Z","type":"news","payload":{}}"#, "news", None),
            (r#"{"record_type":"news"}"#, "news", None),
            (r#"{"type":"news"}"#, "response_item", None),
        ] {
            let record = read(line);
            assert_eq!(record.understanding, Understanding::Unknown, "{line}");
            assert_eq!((record.kind.as_ref(), record.event.name()), (kind, "other"));
            let names = reasons(&record);
            assert_eq!(names.first().map(|(name, _)| *name), reason, "{line}");
        }
        let untimed = read(r#"{"timestamp":"soon","type":"compacted","payload":{}}"#);
        assert_eq!(untimed.understanding, Understanding::Understood);
        assert_eq!(reasons(&untimed), [("bad_timestamp", 0)]);
    }

    #[test]
    fn enveloped_records_have_an_identity_and_nothing_else_has() {
        let plain = identity(GOOD.as_bytes());
        assert!(plain.hash != 0 && plain.is_left_out);
        let restamped = GOOD.replace("2026-03-01", "2026-04-02");
        let twice = GOOD.replace(r#""type":"event_msg""#, r#""type":"x","type":"event_msg""#);
        for same in [format!("\u{feff}{GOOD}\r\n"), restamped, twice] {
            assert_eq!(identity(same.as_bytes()), plain, "{same}");
        }
        let not_utf8 = [&b"{\"a\":\"\xff\","[..], &GOOD.as_bytes()[1..]].concat();
        let of_a_list = br#"["event_msg",{}]"#.to_vec();
        let without_payload = br#"{"type":"event_msg"}"#.to_vec();
        for other in [of_a_list, without_payload, not_utf8, Vec::new()] {
            assert_eq!(identity(&other), Identity { hash: 0, is_left_out: true });
        }
        let null = br#"{"type":"event_msg","payload":null}"#;
        assert_ne!(identity(null).hash, 0);
    }

    #[test]
    fn half_a_surrogate_pair_is_a_problem_of_an_understood_record() {
        let line = r#"{"timestamp":"2026-03-01T10:00:00Z","type":"event_msg","payload":{"type":"user_message","message":"x\ud83d"}}"#;
        let record = read(line);
        let Event::UserMessage(message) = &record.event else { panic!("another event") };
        assert_eq!(message.message, "x\u{fffd}");
        assert_eq!(reasons(&record), [("lone_surrogate", line.find('\\').unwrap())]);
    }

    #[test]
    fn host_metadata_beside_the_payload() {
        let record = read(
            r#"{"timestamp":"2026-03-01T10:00:00Z","ordinal":1,"type":"response_item","metadata":{"inherited_user_message":true,"user_input_order":3},"payload":{"type":"message","role":"user","content":"x"}}"#,
        );
        assert!(record.host.inherited_user_message && !record.host.client_authored);
        assert_eq!(record.host.user_input_order, Some(3));
        assert_eq!(record.unknown_fields, Vec::<Cow<'_, str>>::new());
    }

    #[test]
    fn glued_records_are_recovered() {
        let torn = &GOOD[..60];
        let line = format!("{torn}{torn}{GOOD}");
        let record = read(&line);
        assert_eq!(record.kind, "malformed");
        assert_eq!(record.recovered, Some(&line.as_bytes()[60..]));
        assert_eq!(record.problems.last().unwrap().reason, Reason::Glued);
        let found = pieces(line.as_bytes());
        let offsets: Vec<_> = found.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, [0, 120]);
        assert_eq!(found[1].1, read(GOOD));
        assert_eq!(resync(GOOD.as_bytes()), None);
    }

    #[test]
    fn the_inside_of_a_torn_record_is_no_record() {
        let line = r#"{"timestamp":"2026-03-01T10:00:00Z","type":"session_meta","payload":{"timestamp":"2026-03-01T10:00:00Z","id":"a"}"#;
        assert_eq!(pieces(line.as_bytes()).len(), 1);
    }

    #[test]
    fn a_line_of_many_starts_is_given_up() {
        let line = r#"{"timestamp":"x","a":["#.repeat(20_000);
        assert_eq!(pieces(line.as_bytes()).len(), 1);
    }

    /// A line with much in it, cut and changed at every byte: no input may panic.
    #[test]
    fn no_damage_panics() {
        let line = r#"{"timestamp":"2026-03-01T10:00:00.1Z","ordinal":3,"type":"response_item","metadata":{"client_authored":true},"payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"a\n\ud83d\ude00é"},{"type":"input_image","image_url":{"url":"x"}}],"id":7}}"#;
        for at in 0..line.len() {
            let _ = parse_line(&line.as_bytes()[..at]);
            for byte in [b'"', b'\\', b'{', b']', b'0', 0, 0xff] {
                let mut changed = line.as_bytes().to_vec();
                changed[at] = byte;
                let _ = pieces(&changed);
            }
        }
    }
}

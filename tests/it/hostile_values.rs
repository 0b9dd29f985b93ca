//! What a log says never disables anything: hostile numbers, counts, lengths, times and doubled ids in every field
//! of every kind of record. Appending works, everything that reads the views answers, other sessions are shown as
//! if the hostile ones were not there, and a rebuild gives the same.

mod commands;
mod counters;
mod mutate;
mod parts;
mod place;

use crate::cli_support::{Source, prompt_line, session, thread};
use mutate::{Node, nodes, render};
use place::Place;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Sessions that nothing is wrong with; their files are the first.
const SOUND: u64 = 2;

/// JSON that stands in place of any value.
const HOSTILE: [&str; 34] = [
    "0",
    "-1",
    "-0",
    "1.5",
    "2147483648",
    "-9007199254740991",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "-1e308",
    "1e999",
    "1e-400",
    "null",
    "true",
    "[]",
    "{}",
    "[[[]]]",
    "\"\"",
    "\"9223372036854775807\"",
    "\"-1\"",
    "\"\\u0000\\ud800\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"0001-01-01T00:00:00+23:59\"",
    "\"9999-12-31T23:59:59.999Z\"",
    "\"9999-12-31T23:59:59-99:99\"",
    "\"10000-01-01T00:00:00Z\"",
    "\"-271821-04-20T00:00:00Z\"",
    "\"1969-12-31T23:59:59.999Z\"",
];
/// Elements that an array is given; the first array of a shape also gets a great many.
const COUNTS: [usize; 4] = [0, 255, 256, 257];
const MANY: usize = 5000;
/// Bytes that a text is given; every tenth text also gets a great many.
const LENGTHS: [usize; 2] = [1025, 4097];
const LONG: usize = 70_000;

/// One record of every shape in the fixtures: of each kind, type, tool and set of fields.
fn shapes() -> Vec<Value> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let homes = ["codex-home", "rollouts"].map(|home| fixtures.join(home));
    let sources = homes.iter().flat_map(|home| crate::cli_support::sources_below(home));
    let lines = |source: Source| {
        let lines = source.bytes.split(|byte| *byte == b'\n').map(serde_json::from_slice::<Value>);
        lines.filter_map(Result::ok).filter(Value::is_object).collect::<Vec<_>>()
    };
    let mut shapes = BTreeMap::new();
    for record in sources.filter(Source::is_rollout).flat_map(lines) {
        let payload =
            record.get("payload").filter(|payload| payload.is_object()).unwrap_or(&record);
        let names = |value: &Value| -> Vec<String> {
            value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
        };
        let item = &payload["item"];
        let words = [&record["type"], &payload["type"], &item["type"], &payload["name"]];
        let words = words.map(|word| word.as_str().unwrap_or_default().to_string());
        shapes.entry((words, names(payload), names(item))).or_insert(record);
    }
    assert!(shapes.len() >= 80, "the fixtures have {} shapes", shapes.len());
    shapes.into_values().collect()
}

/// A session with sound records around the others.
fn around(number: u64, hostile: &[u8]) -> Vec<u8> {
    let mut bytes = session(number, 2);
    bytes.extend(counters::line(number, 100, 10));
    bytes.extend_from_slice(hostile);
    bytes.extend(prompt_line("What came after?"));
    bytes.extend(counters::line(number, 200, 20));
    bytes
}

/// Every hostile form of every node of a record, a line each.
fn lines_of_shape(record: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |node: &Node, json: &str| {
        out.extend(render(record, &node.path, json).into_bytes());
        out.push(b'\n');
    };
    let mut many = Some(MANY);
    for (index, node) in nodes(record).iter().enumerate() {
        HOSTILE.iter().for_each(|json| line(node, json));
        match &node.value {
            Value::Array(elements) => {
                let counts = COUNTS.into_iter().chain(many.take());
                counts.for_each(|count| line(node, &mutate::repeated(elements, count)));
            }
            Value::String(_) => {
                let lengths = LENGTHS.into_iter().chain((index % 10 == 0).then_some(LONG));
                let text = |length: usize| Value::from("ä".repeat(length / 2 + 1)).to_string();
                lengths.for_each(|length| line(node, &text(length)));
            }
            _ => {}
        }
    }
    out
}

#[test]
fn every_field_of_every_record() {
    let place = Place::new(SOUND);
    for (index, record) in shapes().iter().enumerate() {
        let number = 100 + index as u64;
        place.write(number, &around(number, &lines_of_shape(record)));
    }
    place.holds("every field");
}

/// A header says who the whole file is; here the hostile one is the first line.
#[test]
fn every_field_of_a_header_that_begins_its_file() {
    let place = Place::new(SOUND);
    let mut number = 1000;
    for record in shapes().iter().filter(|record| record["type"] == "session_meta") {
        for (index, node) in nodes(record).iter().enumerate() {
            let mut bytes = Vec::new();
            let json = HOSTILE[(index + number as usize) % HOSTILE.len()];
            bytes.extend(render(record, &node.path, json).into_bytes());
            bytes.push(b'\n');
            bytes.extend(prompt_line("Whose prompt is this?"));
            bytes.extend(counters::line(number, 100, 10));
            place.write(number, &bytes);
            number += 1;
        }
    }
    assert!(number > 1100, "there are headers: {number}");
    place.holds("headers");
}

#[test]
fn every_field_of_documents_and_side_files() {
    let place = Place::new(SOUND);
    let items = (0..600).map(|index| {
        serde_json::json!({"type": "message", "role": "user",
            "content": [{"type": "input_text", "text": format!("Document prompt {index}")}]})
    });
    let document = |items: Vec<Value>| {
        serde_json::json!({"session": {"timestamp": "2025-05-12T08:00:00.000Z", "id": thread(2999),
            "instructions": "none"}, "items": items})
    };
    place.write_document(2000, document(items.collect()).to_string().as_bytes());
    let small = document(vec![
        serde_json::json!({"role": "user", "content": [{"type": "input_text", "text": "hi"}]}),
        serde_json::json!({"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "so"}],
            "duration_ms": 7}),
    ]);
    for (index, node) in nodes(&small).iter().enumerate() {
        for step in 0..4 {
            let number = 2001 + 4 * index as u64 + step;
            let json = HOSTILE[(7 * index + 9 * step as usize) % HOSTILE.len()];
            place.write_document(number, render(&small, &node.path, json).as_bytes());
        }
    }
    let (mut history, mut names) = (Vec::new(), Vec::new());
    for json in HOSTILE {
        let id = thread(3000);
        history.extend(
            format!("{{\"session_id\":\"{id}\",\"ts\":{json},\"text\":\"asked\"}}\n").bytes(),
        );
        history.extend(format!("{{\"session_id\":{json},\"ts\":1,\"text\":{json}}}\n").bytes());
        names.extend(
            format!("{{\"id\":\"{id}\",\"thread_name\":{json},\"updated_at\":{json}}}\n").bytes(),
        );
        names.extend(
            format!("{{\"id\":{json},\"thread_name\":\"n\",\"updated_at\":\"x\"}}\n").bytes(),
        );
    }
    place.write_side("history.jsonl", &history);
    place.write_side("session_index.jsonl", &names);
    place.holds("documents and side files");
}

/// The same ids in one file, in several, and those of sessions that nothing else is wrong with.
#[test]
fn doubled_ids() {
    for (id, is_foreign) in [("one-and-the-same".to_string(), false), (thread(1), true)] {
        let place = Place::new(SOUND);
        let json = Value::from(id).to_string();
        for (index, record) in shapes().iter().enumerate() {
            let number = 4000 + index as u64;
            let mut lines = Vec::new();
            for node in nodes(record) {
                if node.is_id() {
                    lines.extend(render(record, &node.path, &json).into_bytes());
                    lines.push(b'\n');
                }
            }
            let twice = [&lines[..], &lines[..]].concat();
            place.write(number, &around(number, &twice));
        }
        match is_foreign {
            // Whoever takes a session's id may name it and go on with it: it is asked for, not compared.
            true => place.answers("foreign ids"),
            false => place.holds("doubled ids"),
        }
    }
}

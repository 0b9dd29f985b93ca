//! What `part` means in a redaction of a prompt (`docs/FORMAT.md`): 256 times the record's place in its entry, in
//! entries of any age; rows have a number of their own for what a record says.

use super::counters;
use super::place::Place;
use crate::cli_support::{open_views, prompt_line, session, thread};
use crate::support::world::{holder, quick};
use codex_ledger_app::{App, AppendOptions, RedactRequest};
use codex_ledger_entry::{Fields, Kind};
use codex_ledger_ledger::{Ledger, LedgerReader};
use serde_json::{Value, json};

/// A field as the format has it, made without this program's own code.
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![name.len() as u8];
    bytes.extend(name.bytes());
    bytes.extend((value.len() as u32).to_be_bytes());
    bytes.extend(value.bytes());
    bytes
}

fn said(role: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})
}

/// A document with prompts as its items 1, 3 and 300, and a line from which a second prompt is recovered.
fn place() -> Place {
    let place = Place::new(0);
    let mut items = vec![said("user", "First, which tide?"), said("assistant", "The spring tide.")];
    items.push(said("user", "Third, which gauge?"));
    items.extend((4..300).map(|item| said("assistant", &format!("Answer {item}."))));
    items.push(said("user", "At last, which moon?"));
    let head =
        json!({"timestamp": "2025-05-12T08:00:00.000Z", "id": thread(1), "instructions": ""});
    place.write_document(1, json!({"session": head, "items": items}).to_string().as_bytes());
    let mut glued = session(2, 0);
    glued.extend(b"{\"timestamp\":\"2026-03-01T10:00:01.000Z\",\"type\":\"event_msg\",\"payl");
    // A record is found again by the order in which clients write it.
    glued
        .extend(b"{\"timestamp\":\"2026-03-01T10:00:02.000Z\",\"type\":\"event_msg\",\"payload\":");
    glued.extend(b"{\"type\":\"user_message\",\"message\":\"Recovered, which ebb?\"}}\n");
    glued.extend(prompt_line("Whole, which flood?"));
    place.write(2, &glued);
    place
}

/// Prompts by session and number: entry, part and text.
fn prompts(app: &App) -> Vec<(u64, u64, String)> {
    let db = open_views(app.views_path()).expect("the views open");
    let sql = "SELECT p.seq, p.part, p.text FROM prompts p JOIN sessions s ON s.stream = p.stream
        ORDER BY s.id, p.number";
    let mut statement = db.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64, row.get(2)?))
    });
    rows.expect("rows").collect::<Result<_, _>>().expect("prompts")
}

fn append(app: &App) {
    app.append(AppendOptions::default(), &mut |_| ()).expect("append works");
}

#[test]
fn an_old_entry_hides_the_prompt_that_it_always_hid() {
    // Session and number, and the part that the first version wrote for them.
    let cases = [(1, 1, 256), (1, 2, 768), (1, 3, 76_800), (2, 1, 256), (2, 2, 0)];
    for (at, (session, number, part)) in cases.into_iter().enumerate() {
        let place = place();
        let app = place.app();
        append(&app);
        let before = prompts(&app);
        assert_eq!(before.len(), cases.len());
        let body: Vec<u8> = [
            ("actor", "tester"),
            ("reason", "made by hand"),
            ("replacement", "[gone]"),
            ("what", "prompt"),
            ("session", &thread(session)),
            ("number", &number.to_string()),
            ("seq", &before[at].0.to_string()),
            ("part", &part.to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| field(name, value))
        .collect();
        let mut ledger = Ledger::open(app.dir(), quick(2), &holder()).expect("the ledger opens");
        ledger.append_one(Kind::Redaction, &body).expect("an entry");
        drop(ledger);
        append(&app);
        let after = prompts(&app);
        for (index, ((.., was), (.., is))) in before.iter().zip(&after).enumerate() {
            let expected = if index == at { "[gone]" } else { was.as_str() };
            assert_eq!(is, expected, "prompt {index} after hiding {session}#{number}");
        }
    }
}

#[test]
fn new_entries_number_the_parts_as_old_ones() {
    let place = place();
    let app = place.app();
    append(&app);
    let rows = prompts(&app);
    let parts: Vec<u64> = rows.iter().map(|row| row.1).collect();
    assert_eq!(parts, [1, 3, 300, 1, 0], "rows name the record");
    for (name, (seq, part, _)) in [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)].into_iter().zip(rows) {
        let prompt = Some(format!("{}#{}", thread(name.0), name.1));
        let request = RedactRequest { prompt, reason: "a test".into(), ..RedactRequest::default() };
        let made = app.redact(&[request], &mut |_| ()).expect("it is hidden").remove(0);
        let mut reader = LedgerReader::open(app.dir()).expect("the ledger opens");
        let entry = reader.control(made.redaction.seq).expect("it is read").expect("the entry");
        let fields = Fields::parse(&entry.body).expect("fields");
        assert_eq!((fields.number("seq"), fields.number("part")), (Some(seq), Some(256 * part)));
    }
    assert!(prompts(&app).iter().all(|row| row.2.starts_with("[redacted")), "{:?}", prompts(&app));
    let matches = app.check_views(&mut |_| ()).expect("a rebuild works").matches_live;
    assert!(matches);
}

/// Each thing that a record says has its row, however many there are.
#[test]
fn a_record_may_say_any_number_of_things() {
    for count in [0, 1, 255, 256, 257, 5000] {
        let place = Place::new(1);
        let line = |kind: &str, payload: Value| {
            format!(
                "{}\n",
                json!({"timestamp": "2026-03-01T10:00:02.000Z", "type": kind, "payload": payload})
            )
        };
        let steps: Vec<Value> =
            (0..count).map(|n| json!({"step": format!("step {n}"), "status": "pending"})).collect();
        let plan = json!({"explanation": "because", "plan": steps}).to_string();
        let injected: Vec<Value> = (0..count)
            .map(|n| json!({"type": "input_text", "text": format!("<environment_context>\n  <cwd>/w/{n}</cwd>\n</environment_context>")}))
            .collect();
        let thoughts: Vec<Value> = (0..count)
            .map(|n| json!({"type": "summary_text", "text": format!("thought {n}")}))
            .collect();
        let files: String = (0..count).map(|n| format!("*** Add File: f{n}.txt\n+one\n")).collect();
        let patch = format!("*** Begin Patch\n{files}*** End Patch\n");
        let mut bytes = session(7, 1);
        for line in [
            line(
                "response_item",
                json!({"type": "function_call", "name": "update_plan", "call_id": "c1", "arguments": plan}),
            ),
            line("response_item", json!({"type": "message", "role": "user", "content": injected})),
            line("response_item", json!({"type": "reasoning", "id": "r", "summary": thoughts})),
            line(
                "response_item",
                json!({"type": "custom_tool_call", "name": "apply_patch", "call_id": "c2", "input": patch}),
            ),
        ] {
            bytes.extend(line.into_bytes());
        }
        bytes.extend(counters::line(7, 100, 10));
        place.write(7, &bytes);
        let app = place.app();
        append(&app);
        let db = open_views(app.views_path()).expect("the views open");
        for table in
            ["function_plan_messages", "messages", "agent_reasoning_messages", "file_changes"]
        {
            let sql = format!("SELECT count(*), coalesce(max(item), -1) FROM {table}");
            let found: (i64, i64) =
                db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a count");
            assert_eq!(found, (count, count - 1), "{table}");
        }
        let last = app.session(&thread(7)).expect("the session").items;
        if count > 0 {
            let texts: Vec<&str> = last.iter().map(|item| item.text.as_str()).collect();
            let at = |text: String| texts.iter().position(|said| *said == text);
            let (first, end) = (at("step 0".into()), at(format!("step {}", count - 1)));
            assert_eq!(first.zip(end).map(|(first, end)| end - first), Some(count as usize - 1));
        }
        let matches = app.check_views(&mut |_| ()).expect("a rebuild works").matches_live;
        assert!(matches, "{count}");
    }
}

/// So many that they would fill the disk are no longer read; the line is named.
#[test]
fn a_record_that_says_too_much_is_cut_and_named() {
    for (count, is_cut) in [(65_536, false), (65_537, true), (80_000, true)] {
        let place = Place::new(1);
        let thoughts = vec!["a"; count];
        let payload = json!({"type": "reasoning", "id": "r", "summary": thoughts});
        let record = json!({"timestamp": "2026-03-01T10:00:02.000Z", "type": "response_item", "payload": payload});
        place.write(7, &[session(7, 1), format!("{record}\n").into_bytes()].concat());
        let app = place.app();
        let done = app.append(AppendOptions::default(), &mut |_| ()).expect("append works");
        let found: Vec<(Option<u64>, &str)> =
            done.report.problems.iter().map(|of| (of.line, of.reason.as_str())).collect();
        let named: &[(Option<u64>, &str)] =
            if is_cut { &[(Some(2), "too_many_items")] } else { &[] };
        assert_eq!(found, named, "{count}");
        let db = open_views(app.views_path()).expect("the views open");
        let sql = "SELECT count(*) FROM agent_reasoning_messages";
        let rows: i64 = db.query_row(sql, [], |row| row.get(0)).expect("a count");
        assert_eq!(rows, 65_536.min(count as i64));
    }
}

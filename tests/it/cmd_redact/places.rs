//! Redactions of an entry, a field or a part of one hide what comes from there, and leave how records belong
//! together.

use super::evidence::{Sought, in_texts};
use super::twins::assert_same_structure;
use super::{column, hide, seq, text, undo, undo_all, without_rules};
use crate::cli_support::TestEnvironment;
use serde_json::json;
use std::collections::BTreeSet;

const CALL: &str = "SELECT seq FROM function_calls WHERE output LIKE '%sandcastle%'";
const OUTPUT: &str = "SELECT e.seq FROM function_calls c JOIN events e ON e.stream = c.stream
    AND e.line = c.output_line WHERE c.output LIKE '%sandcastle%'";

/// One record of every kind.
fn records(env: &TestEnvironment, which: &str) -> Vec<u64> {
    let sql = format!(
        "SELECT min(seq) || '' FROM events WHERE kind NOT IN ('history', 'session_index')
         AND {which} GROUP BY kind, subtype ORDER BY kind, subtype"
    );
    column(env, &sql).iter().map(|seq| seq.parse().unwrap()).collect()
}

fn hide_all(env: &TestEnvironment, requests: impl Iterator<Item = serde_json::Value>) -> Vec<u64> {
    let lines: Vec<String> = requests.map(|request| request.to_string()).collect();
    let file = env.work().join("bulk.jsonl");
    env.write(&file, lines.join("\n").as_bytes());
    let done = env.json(["redact", "--from", &file.display().to_string(), "--reason", "a test"]);
    let seq = |one: &serde_json::Value| one["redaction"]["seq"].as_u64().unwrap();
    done.as_array().unwrap().iter().map(seq).collect()
}

/// Any record may be hidden as a whole: texts go, and nothing else changes.
#[test]
fn entries_of_every_kind_keep_the_structure() {
    let (env, plain) = (without_rules(), without_rules());
    let records = records(&env, "1");
    assert!(records.len() > 20);
    hide_all(&env, records.iter().map(|seq| json!({"entry": seq})));
    assert_same_structure(&env, &plain, "entries");
    env.digest();
}

/// A field that holds the whole payload holds ids and types too; they stay.
#[test]
fn payloads_of_every_kind_keep_the_structure() {
    let (env, plain) = (without_rules(), without_rules());
    let records = records(&env, "generation IN ('g2', 'g3') AND understood = 'understood'");
    assert!(records.len() > 15);
    hide_all(&env, records.iter().map(|seq| json!({"entry": seq, "field": "/payload"})));
    assert_same_structure(&env, &plain, "payloads");
    env.digest();
}

#[test]
fn one_character_of_a_field_leaves_the_ids() {
    let (env, plain) = (without_rules(), without_rules());
    let (call, output) = (seq(&env, CALL).to_string(), seq(&env, OUTPUT).to_string());
    let arguments =
        text(&env, "SELECT arguments FROM function_calls WHERE output LIKE '%sandcastle%'");
    let before = env.digest();
    for c in ["a", "0", "2", "t"] {
        let at = arguments.find(c).expect("it is there");
        let span = format!("{at}..{}", at + 1);
        let first =
            hide(&env, &["--entry", &call, "--field", "/payload/arguments", "--span", &span]);
        assert_same_structure(&env, &plain, "a character of the arguments");
        undo(&env, first);
        let second =
            hide(&env, &["--entry", &output, "--field", "/payload/output", "--span", "0..1"]);
        assert_same_structure(&env, &plain, "a character of the output");
        env.digest();
        undo(&env, second);
    }
    assert_eq!(env.digest(), before);
}

/// The call and its output are two records in one row.
#[test]
fn call_and_output_are_hidden_apart() {
    let env = without_rules();
    let (call, output) = (seq(&env, CALL).to_string(), seq(&env, OUTPUT).to_string());
    let row = |env: &TestEnvironment| {
        let one = |column: &str| {
            text(env, &format!("SELECT {column} FROM function_calls WHERE seq = {call}"))
        };
        [one("arguments"), one("output")]
    };
    let [arguments, said] = row(&env);
    let first = hide(&env, &["--entry", &call]);
    assert_eq!(row(&env), ["[redacted]", &said]);
    let second = hide(&env, &["--entry", &output]);
    assert_eq!(row(&env), ["[redacted]", "[redacted]"]);
    undo(&env, first);
    assert_eq!(row(&env), [&arguments, "[redacted]"]);
    undo(&env, second);
    assert_eq!(row(&env), [&arguments[..], &said]);
    let third = hide(&env, &["--entry", &call, "--field", "/payload/arguments/station"]);
    let [shown, other] = row(&env);
    assert!(shown.contains("[redacted]") && shown.contains("2026-02-01"), "{shown}");
    assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok(), "{shown}");
    assert_eq!(other, said, "another record");
    undo(&env, third);
    assert_eq!(row(&env), [&arguments[..], &said]);
}

/// What a field says is gone from all rows that come from its record.
#[test]
fn a_field_is_gone_from_every_row_of_its_record() {
    let env = without_rules();
    let before = env.digest();
    let meta = seq(
        &env,
        "SELECT seq FROM events e JOIN streams USING (stream) WHERE e.kind = 'session_meta'
         AND thread LIKE '01a08a23%' LIMIT 1",
    )
    .to_string();
    let url = text(&env, "SELECT git_url FROM sessions WHERE id LIKE '01a08a23%'");
    assert!(url.contains("example"), "the fixture's address: {url}");
    let redaction = hide(&env, &["--entry", &meta, "--field", "/payload/git"]);
    let sql = "SELECT coalesce(git_url, '') || coalesce(git_branch, '') FROM sessions
        WHERE id LIKE '01a08a23%'";
    assert_eq!(text(&env, sql).replace("[redacted]", ""), "");
    env.digest();
    undo(&env, redaction);
    let model = seq(
        &env,
        "SELECT seq FROM turn_context_messages WHERE model IS NOT NULL ORDER BY stream, line LIMIT 1",
    )
    .to_string();
    let sql = format!("SELECT model FROM turn_context_messages WHERE seq = {model}");
    let redaction = hide(&env, &["--entry", &model, "--field", "/payload/model"]);
    assert_eq!(text(&env, &sql), "[redacted]", "a setting that is named is hidden");
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// Prompts of every shape of the logs are hidden by their number.
#[test]
fn the_first_prompt_of_every_session_can_be_hidden() {
    let (env, plain) = (without_rules(), without_rules());
    let sql = "SELECT s.id || '#1' FROM sessions s JOIN prompts p USING (stream)
        WHERE p.number = 1 ORDER BY s.stream";
    let texts = column(
        &env,
        "SELECT p.text FROM sessions s JOIN prompts p USING (stream) WHERE p.number = 1
         ORDER BY s.stream",
    );
    let names = column(&env, sql);
    assert!(names.len() >= 14);
    let before = env.digest();
    let hidden = hide_all(&env, names.iter().map(|name| json!({"prompt": name})));
    assert_same_structure(&env, &plain, "first prompts");
    let long: Vec<&String> = texts.iter().filter(|text| text.chars().count() > 30).collect();
    let mut found = in_texts(&env, &Sought::new(&long));
    // A prompt that a call passes on to another agent is what the model says.
    found.retain(|place| !place.contains("function_calls"));
    assert_eq!(found, BTreeSet::new());
    let shown = column(
        &env,
        "SELECT p.text FROM sessions s JOIN prompts p USING (stream) WHERE p.number = 1",
    );
    assert!(shown.iter().all(|text| text == "[redacted]"), "{shown:?}");
    env.digest();
    undo_all(&env, &hidden);
    assert_eq!(env.digest(), before);
}

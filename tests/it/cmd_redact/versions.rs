//! A thread with several versions of its file: what hides an entry hides what the other versions say again.

use super::evidence::{Sought, in_files};
use super::{column, hide, undo_all, without_rules};
use crate::cli_support::{TestEnvironment, prompt_line, session};
use serde_json::{Value, json};

const WORD: &str = "gannetstone";
const OTHER: &str = "breakwaterly";

fn line(value: Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

fn item(second: u64, payload: Value) -> Vec<u8> {
    let timestamp = format!("2026-03-01T10:00:{second:02}.000Z");
    line(json!({ "timestamp": timestamp, "type": "response_item", "payload": payload }))
}

/// A prompt, a call with its output, and an answer; `extra` is a field that makes the file another one.
fn file(extra: bool) -> Vec<u8> {
    let output = format!("Process exited with code 0\nOutput:\n{WORD} {OTHER}\n");
    let mut parts = vec![session(1, 1), prompt_line("And what is there?")];
    let mut call = json!({ "type": "function_call", "name": "exec_command", "call_id": "call_1",
        "arguments": "{\"cmd\":\"ls\"}" });
    if extra {
        call["namespace"] = json!("a-longer-line");
    }
    parts.push(item(2, call));
    parts.push(item(
        3,
        json!({ "type": "function_call_output", "call_id": "call_1", "output": output }),
    ));
    let content = json!([{ "type": "output_text", "text": format!("A {WORD} and a {OTHER}.") }]);
    parts.push(item(4, json!({ "type": "message", "role": "assistant", "content": content })));
    parts.concat()
}

/// The entry of a kind of record in the version that the views hold the events of.
fn entry(env: &TestEnvironment, subtype: &str) -> String {
    let sql = format!("SELECT seq FROM events WHERE subtype = '{subtype}' ORDER BY seq DESC");
    env.count(&sql).to_string()
}

fn holds(env: &TestEnvironment, word: &str) -> bool {
    // The index is made when somebody searches.
    env.run(["search", word]);
    !in_files(env, &Sought::new(&[word])).is_empty()
}

fn rewrite(env: &TestEnvironment, extra: bool) {
    env.write(&env.rollout(1), &file(extra));
    env.append(&[]);
}

#[test]
fn a_hidden_entry_stays_hidden_in_every_version_of_its_file() {
    for (first, has_raw) in [(false, false), (true, false), (false, true)] {
        let env = without_rules();
        if has_raw {
            env.extend(&env.path("user/config.toml"), b"[views]\nraw_json = true\n");
            env.ok(["rebuild-views"]);
        }
        rewrite(&env, first);
        let kinds = ["function_call_output", "message"];
        let all: Vec<u64> =
            kinds.iter().map(|k| hide(&env, &["--entry", &entry(&env, k)])).collect();
        assert!(!holds(&env, WORD), "before, {has_raw}");
        rewrite(&env, !first);
        assert!(!holds(&env, WORD), "after, {has_raw}");
        undo_all(&env, &all);
        assert!(holds(&env, WORD), "undone, {has_raw}");
        let later = kinds.map(|k| hide(&env, &["--entry", &entry(&env, k)]));
        assert!(!holds(&env, WORD), "named in the later version, {has_raw}");
        undo_all(&env, &later);
        assert!(holds(&env, WORD), "undone again, {has_raw}");
        env.audits_clean();
    }
}

#[test]
fn what_two_versions_hide_is_hidden_together() {
    let env = without_rules();
    rewrite(&env, false);
    let answer = entry(&env, "message");
    let at = |word: &str| {
        let text = format!("A {WORD} and a {OTHER}.");
        let from = text.find(word).unwrap();
        format!("{from}..{}", from + word.len())
    };
    let span = |env: &TestEnvironment, seq: &str, word: &str| {
        hide(env, &["--entry", seq, "--field", "/payload/content/0/text", "--span", &at(word)])
    };
    span(&env, &answer, WORD);
    rewrite(&env, true);
    span(&env, &entry(&env, "message"), OTHER);
    let sql = "SELECT text FROM messages WHERE kind = 'assistant' AND at_ms = 1772359204000";
    let answer = column(&env, sql).concat();
    assert!(answer.len() > 8 && !answer.contains(WORD) && !answer.contains(OTHER), "{answer}");
    let report = env.ok(["report", "--mode", "full"]).text().to_string();
    assert_eq!(report.matches(WORD).count(), 1, "the output alone: {report}");
    env.audits_clean();
}

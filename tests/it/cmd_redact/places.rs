//! Redactions of an entry, a field or a part of one hide what comes from there, and leave how records belong
//! together.

use super::evidence::{Sought, in_texts};
use super::twins::assert_same_structure;
use super::{column, hide, seq, text, undo, undo_all, without_rules};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
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

/// What stands in a column of its own was cut out of a text: a passage that is larger than it hides it, too.
#[test]
fn what_was_cut_out_of_a_hidden_passage_is_hidden() {
    let patch = "*** Begin Patch\n*** Add File: docs/heron.md\n+spring\n*** End Patch\n";
    let wrapped = "# Context from my IDE setup:\n\n## Active file: docs/heron.md\n\n## Open tabs:\n- heron.md: docs/heron.md\n\n## My request for Codex:\nMove the heron.\n";
    let event = |payload: serde_json::Value, kind: &str| {
        let line = serde_json::json!({"timestamp": "2026-03-01T10:00:01.000Z", "type": kind, "payload": payload});
        format!("{line}\n").into_bytes()
    };
    let call = serde_json::json!({"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": patch});
    let asked = serde_json::json!({"type": "user_message", "message": wrapped, "images": []});
    let all = [session(1, 0), event(asked, "event_msg"), event(call, "response_item")].concat();
    let shown = "SELECT coalesce(request, '') || coalesce(active_file, '') || coalesce(open_tabs, '') FROM prompts
        UNION ALL SELECT path FROM file_changes UNION ALL SELECT coalesce(asked, '') FROM session_titles";
    let hides: [(&[&str], bool); 6] = [
        (&["--regex", "(?s)# Context.*heron\\.", "--wide"], true),
        (&["--literal", wrapped, "--wide"], true),
        (&["--regex", "Add File: docs/heron[a-z.]+", "--wide"], false),
        (&["--literal", "File: docs/heron.md\n", "--wide"], false),
        (&["--entry", "ENTRY", "--field", "/payload/message", "--span", "0..140"], true),
        (&["--entry", "ENTRY", "--field", "/payload/input", "--span", "0..44"], false),
    ];
    for (target, is_prompt) in hides {
        let env = TestEnvironment::new();
        super::configure_rules(&env, super::NO_RULES);
        env.write(&env.rollout(1), &all);
        env.append(&[]);
        let table = if is_prompt { "prompts" } else { "function_calls" };
        let entry = seq(&env, &format!("SELECT seq FROM {table} LIMIT 1")).to_string();
        let before = column(&env, shown);
        let target: Vec<&str> =
            target.iter().map(|arg| if *arg == "ENTRY" { entry.as_str() } else { *arg }).collect();
        let redaction = hide(&env, &target);
        let now = column(&env, shown);
        let (prompt, path) = (now[0].clone() + &now[2], now[1].clone());
        assert_eq!(prompt.contains("heron"), !is_prompt, "{target:?}: {now:?}");
        assert_eq!(path.contains("heron"), is_prompt, "{target:?}: {now:?}");
        env.digest();
        undo(&env, redaction);
        assert_eq!(column(&env, shown), before, "{target:?}");
    }
}

/// What is hidden in one session changes no row of another: also not whose rule is said to hide what is cut out of a call.
#[test]
fn what_is_hidden_elsewhere_changes_no_row_of_a_call() {
    let patch = "*** Begin Patch\n*** Add File: /Users/ada/docs/heron.md\n+spring\n*** End Patch\n";
    let call = serde_json::json!({"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": patch});
    let line = serde_json::json!({"timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item", "payload": call});
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &[session(1, 0), format!("{line}\n").into_bytes()].concat());
    env.write(&env.rollout(2), &session(2, 2));
    env.append(&[]);
    let hits = "SELECT field FROM redaction_hits WHERE rule = 'home-user' ORDER BY field";
    let before = (env.digest(), column(&env, hits));
    assert!(before.1.contains(&"file_changes.path".into()), "{:?}", before.1);
    let redaction = hide(&env, &["--literal", "high water", "--session", &thread(2)]);
    assert_eq!(column(&env, hits), before.1);
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before.0);
}

/// A command is shown as a shell would be given it, with apostrophes inside of apostrophes.
#[test]
fn what_arguments_hide_is_hidden_in_the_command_with_apostrophes() {
    let prompt = "Don't move the harbour ledger to Pier Nine, and don't tell.";
    let secret = ["qT7vR2mZ", "9kWx4LbN"].concat();
    let commands = [
        vec!["python".to_string(), "-c".into(), format!("password = '{secret}'")],
        vec!["ssh".into(), "h".into(), format!("TOKEN='{secret}' run")],
        vec!["echo".into(), "Anna's Lagoon".into()],
        vec!["codex".into(), "exec".into(), prompt.into()],
    ];
    let calls = commands.iter().map(|command| {
        let arguments = serde_json::json!({ "command": command }).to_string();
        let call = serde_json::json!({"type": "function_call", "name": "shell", "call_id": "c", "arguments": arguments});
        format!("{}\n", serde_json::json!({"timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item", "payload": call})).into_bytes()
    });
    let env = TestEnvironment::new();
    let all = [session(1, 0), prompt_line(prompt), calls.collect::<Vec<_>>().concat()];
    env.write(&env.rollout(1), &all.concat());
    env.append(&[]);
    hide(&env, &["--literal", "Anna's Lagoon"]);
    hide(&env, &["--prompt", &format!("{}#1", thread(1))]);
    for shown in column(&env, "SELECT command || arguments FROM function_calls") {
        for hidden in [secret.as_str(), "Lagoon", "Pier Nine"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

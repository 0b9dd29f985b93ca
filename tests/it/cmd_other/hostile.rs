//! Text of logs that would command a terminal or a reader's eye is shown as what it is.

use crate::cli_support::{TestEnvironment, no_escapes, prompt_line, thread};
use serde_json::json;

/// Moves the cursor, sets the title, rings, goes back, hides, turns the direction.
const HOSTILE: &str =
    "a\x1b[2J\x1b]0;owned\x07\x08\r\u{9b}31m\0b\u{202e}gnp.exe\u{2066}\u{200f}\u{61c}\x7fc";

fn line(kind: &str, payload: serde_json::Value) -> Vec<u8> {
    let line = json!({"timestamp": "2026-03-01T10:00:02.000Z", "type": kind, "payload": payload});
    format!("{line}\n").into_bytes()
}

/// A session in which everything that can be text is hostile.
fn hostile_session() -> Vec<u8> {
    let item = |payload| line("response_item", payload);
    let event = |payload| line("event_msg", payload);
    [
        line("session_meta", json!({
            "id": thread(1), "timestamp": "2026-03-01T10:00:00.000Z", "cwd": HOSTILE,
            "originator": HOSTILE, "cli_version": HOSTILE, "source": HOSTILE, "model_provider": HOSTILE,
            "git": {"commit_hash": HOSTILE, "branch": HOSTILE, "repository_url": HOSTILE},
        })),
        line("turn_context", json!({"cwd": HOSTILE, "model": HOSTILE, "approval_policy": HOSTILE, "summary": HOSTILE})),
        prompt_line(HOSTILE),
        event(json!({"type": "agent_reasoning", "text": HOSTILE})),
        item(json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": HOSTILE}]})),
        item(json!({"type": "message", "role": HOSTILE, "content": [{"type": "input_text", "text": HOSTILE}]})),
        item(json!({"type": "function_call", "name": HOSTILE, "arguments": HOSTILE, "call_id": "c1"})),
        item(json!({"type": "function_call_output", "call_id": "c1", "output": HOSTILE})),
        item(json!({"type": "function_call", "name": "update_plan", "call_id": "c2",
            "arguments": json!({"explanation": HOSTILE, "plan": [{"step": HOSTILE, "status": HOSTILE}]}).to_string()})),
        event(json!({"type": "turn_aborted", "reason": HOSTILE})),
        event(json!({"type": "error", "message": HOSTILE})),
        event(json!({"type": HOSTILE, "message": HOSTILE})),
        line(HOSTILE, json!({HOSTILE: HOSTILE})),
        event(json!({"type": "thread_name_updated", "thread_id": thread(1), "thread_name": HOSTILE})),
    ]
    .concat()
}

#[test]
fn no_command_passes_hostile_text_on() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &hostile_session());
    env.append(&[]);
    let id = thread(1);
    let shown = env.ok(["show", &id]);
    assert!(shown.text().contains("gnp.exe") && shown.text().contains("\\x1b"), "{}", shown.text());
    let commands: [&[&str]; 8] = [
        &["show", &id],
        &["show", &id, "--context", "--verbose"],
        &["group", &id],
        &["group", &id, "--verbose"],
        &["sessions"],
        &["status"],
        &["audit"],
        &["rebuild-views"],
    ];
    for command in commands {
        let outcome = env.ok(command.iter());
        no_escapes(&command.join(" "), &outcome.stdout);
        no_escapes(&command.join(" "), outcome.stderr.as_bytes());
    }
    assert_eq!(env.raw(&id, &[]), hostile_session(), "the bytes are as they were");
    let detail = env.json(["show", &id]);
    let prompt = detail["items"].as_array().unwrap().iter().find(|item| item["kind"] == "prompt");
    assert_eq!(prompt.unwrap()["text"], HOSTILE, "and a program gets the text");
}

/// Ids are text of logs too.
#[test]
fn hostile_ids_are_harmless() {
    let env = TestEnvironment::new();
    for id in [HOSTILE.to_string(), format!("{}{HOSTILE}", thread(1))] {
        let header = line(
            "session_meta",
            json!({"id": id, "timestamp": "2026-03-01T10:00:00Z", "cwd": "/w"}),
        );
        env.write(&env.rollout(1), &[header, prompt_line("x")].concat());
        env.append(&[]);
        for command in [&["show"][..], &["group"], &["sessions"]] {
            no_escapes(command[0], &env.ok(command.iter()).stdout);
        }
        for command in ["show", "group"] {
            let outcome = env.run([command, "\x1b[2Jzz"]).refused(&["no session begins with"]);
            no_escapes(command, outcome.stderr.as_bytes());
        }
    }
}

#[test]
fn hostile_file_names_are_harmless() {
    let env = TestEnvironment::new();
    let folder = env.codex().join("sessions/\x1b[2J\u{202e}");
    let file = folder.join(env.rollout(1).file_name().unwrap());
    env.write(&file, b"no record\n");
    let codex = env.codex().display().to_string();
    let text = env.ok(["append", &codex]);
    assert!(text.text().contains("1 problem"), "{}", text.text());
    no_escapes("append", &text.stdout);
    let missing = env.path("\x1b[2J");
    let refused = env.run(["append".as_ref(), missing.as_os_str()]).refused(&["no Codex logs"]);
    no_escapes("append", refused.stderr.as_bytes());
    let refused =
        env.run(["status", "--config", "\x1b[2J.toml"]).refused(&["no such configuration"]);
    no_escapes("status", refused.stderr.as_bytes());
}

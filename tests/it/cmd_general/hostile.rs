//! Text of logs that would command a terminal or a reader's eye is shown as what it is.

use crate::cli_support::{TestEnvironment, no_escapes, prompt_line, session, thread};
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

/// A terminal obeys some of these, and nobody sees the others.
const UNSEEN: &str = "\u{9b}31m\u{7f}\u{202e}\u{2066}\u{e0041}\u{feff}";

#[test]
fn hostile_paths_and_values_are_shown_by_number() {
    let env = TestEnvironment::new();
    let bytes = [session(1, 0), prompt_line(UNSEEN)].concat();
    let folder = env.path("logs").join(UNSEEN);
    env.write(&folder.join(env.rollout(1).file_name().unwrap()), &bytes);
    // In TOML such a character stands as it is but for one that is written by number.
    let value = UNSEEN.replace('\u{7f}', "\\u007F").replace('\u{9b}', "\\u009B");
    let config =
        format!("[sessions]\nroot = \"logs/{value}\"\n[outputs]\nreports_dir = \"{value}\"\n");
    env.write(&env.path("user/config.toml"), config.as_bytes());
    let (ledger, out) = (env.path(UNSEEN), env.path(format!("{UNSEEN}.md")));
    let (ledger, out, pages) = (ledger.to_str().unwrap(), out.to_str().unwrap(), env.path("p"));
    let pages = pages.join(UNSEEN).display().to_string();
    let id = thread(1);
    let commands: [&[&str]; 13] = [
        &["append"],
        &["status"],
        &["config", "show"],
        &["tag", "add", "harbour", &id],
        &["show", &id],
        &["group", &id],
        &["sessions"],
        &["report", "--mode", "full", "-o", out],
        &["report", "--mode", "full"],
        &["report", "--publish", &pages],
        &["redact", "preview"],
        &["audit"],
        &["search", UNSEEN],
    ];
    for command in commands {
        for more in [&[][..], &["--json"], &["--color", "always"]] {
            let outcome = env.run(command.iter().chain(&["--ledger", ledger]).chain(more));
            let what = format!("{command:?} {more:?}: {}", outcome.stderr);
            assert!(matches!(outcome.code, Some(0..=2)), "{what}");
            let is_colored = more == ["--color", "always"];
            for text in [outcome.text(), &outcome.stderr] {
                let bad = text.chars().find(|c| is_unseen(*c) && !(is_colored && *c == '\x1b'));
                assert_eq!(bad, None, "{what}: {text:?}");
            }
            if more == ["--json"] && command == ["status"] {
                assert_eq!(outcome.json()["ledger"], ledger, "and a program gets the value");
            }
        }
    }
    env.append_roots(&[env.path("logs")], &[]);
    // The text alone is the beginning of a title.
    let none = format!("{UNSEEN}, but no session");
    for args in
        [&["show", &none][..], &["append", UNSEEN], &["status", "--config", UNSEEN], &[UNSEEN]]
    {
        let outcome = env.run(args).refused(&["9b"]);
        let bad = outcome.stderr.chars().find(|c| is_unseen(*c));
        assert_eq!(bad, None, "{args:?}: {}", outcome.stderr);
    }
}

fn is_unseen(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\t');
    let is_hidden = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    is_control || is_hidden || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[test]
fn what_is_to_be_tried_names_the_ledger_that_was_given() {
    let env = TestEnvironment::new();
    let ledger = env.path("another place");
    let mut command = env.command(["sessions", "--ledger"]);
    let done = command.arg(&ledger).env_remove("CODEX_LEDGER_HOME").output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    let command = format!("`codex-ledger --ledger '{}' append`", ledger.display());
    assert!(said.contains(&command), "{said}");
}

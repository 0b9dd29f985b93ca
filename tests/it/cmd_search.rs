//! `search`: what is asked is found, what is hidden is not, and the index can be lost at any time.

mod changes;
mod damage;
mod hidden;
mod names;
mod questions;

use crate::cli_support::{TestEnvironment, prompt_line, thread};
use codex_ledger_search::Shard;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn line(at: &str, kind: &str, payload: Value) -> Vec<u8> {
    format!("{}\n", json!({"timestamp": at, "type": kind, "payload": payload})).into_bytes()
}

fn header(number: u64, cwd: &str, repository: &str) -> Vec<u8> {
    let at = "2026-03-01T10:00:00.000Z";
    line(
        at,
        "session_meta",
        json!({
            "id": thread(number), "timestamp": at, "cwd": cwd, "originator": "codex_cli_rs",
            "cli_version": "0.104.0", "source": "cli",
            "git": {"commit_hash": "0".repeat(40), "branch": "main", "repository_url": repository},
        }),
    )
}

fn said(at: &str, text: &str) -> Vec<u8> {
    let content = json!([{"type": "output_text", "text": text}]);
    line(at, "response_item", json!({"type": "message", "role": "assistant", "content": content}))
}

fn called(at: &str, id: &str, command: &str, exit_code: i64, output: &str) -> Vec<u8> {
    let arguments = json!({"command": ["bash", "-lc", command]}).to_string();
    let output = format!("Exit code: {exit_code}\nWall time: 0.1 seconds\nOutput:\n{output}\n");
    [
        line(
            at,
            "response_item",
            json!({"type": "function_call", "name": "shell", "call_id": id, "arguments": arguments}),
        ),
        line(
            at,
            "response_item",
            json!({"type": "function_call_output", "call_id": id, "output": output}),
        ),
    ]
    .concat()
}

fn patched(at: &str, id: &str, path: &str) -> Vec<u8> {
    let input = format!("*** Begin Patch\n*** Add File: {path}\n+spring\n*** End Patch\n");
    line(
        at,
        "response_item",
        json!({"type": "custom_tool_call", "status": "completed", "name": "apply_patch", "call_id": id, "input": input}),
    )
}

/// Two sessions of two repositories, on two days.
fn two_sessions() -> TestEnvironment {
    let env = TestEnvironment::new();
    let (early, late) = ("2026-03-01T10:00:05.000Z", "2026-03-04T22:30:00.000Z");
    let first = [
        header(1, "/srv/tides", "https://example.org/dev/tides.git"),
        prompt_line("When is high water at the ancient harbour?"),
        said(early, "High water is at noon; the naïve café is flooded. 今日の潮汐表を見る。"),
        line(
            early,
            "event_msg",
            json!({"type": "agent_reasoning", "text": "**Looking** for gauges"}),
        ),
        called(early, "c1", "grep -r harbour gauges/", 0, "gauges/north.csv: harbour gauge"),
        called(early, "c2", "make forecast", 2, "make: forecast failed"),
    ]
    .concat();
    let second = [
        header(2, "/srv/harbour", "https://example.org/dev/moorings.git"),
        line(late, "event_msg", json!({"type": "user_message", "message": "List the moorings of the harbour", "images": []})),
        said(late, "There are twelve moorings and one zephyr."),
        patched(late, "c3", "docs/slip way.md"),
        called(late, "c4", "ls moorings", 0, "north south"),
    ]
    .concat();
    env.write(&env.rollout(1), &first);
    env.write(&env.rollout(2), &second);
    env.append(&[]);
    env
}

/// What a question finds: kinds of text with the session's number, in the order of the answer.
#[track_caller]
fn found(env: &TestEnvironment, question: &str) -> Vec<String> {
    let answer = env.json(["search", "--limit", "0", question]);
    let hits = answer["hits"].as_array().expect("hits");
    assert_eq!(answer["total"], hits.len(), "{question}: {answer}");
    let name = |hit: &Value| {
        let session = hit["session"].as_str().expect("a session");
        let number = session.chars().next_back().expect("an id");
        format!("{} {number}", hit["table"].as_str().expect("a kind"))
    };
    hits.iter().map(name).collect()
}

/// The same without an order.
#[track_caller]
fn set(env: &TestEnvironment, question: &str) -> Vec<String> {
    let mut found = found(env, question);
    found.sort();
    found
}

/// The files of the index.
fn shards(env: &TestEnvironment) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(env.ledger().join("views.d"))
        .expect("the views' folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains("-search"))
        .filter(|path| !path.to_string_lossy().ends_with("-noted"))
        .collect();
    files.sort();
    files
}

/// Whether a word stands in any shard of the index: among its words, of deleted texts, too, or in the bytes of its files.
fn stands_in_shards(env: &TestEnvironment, word: &str) -> bool {
    let of_folder = |folder: &PathBuf| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files.map(|file| file.path()).collect::<Vec<_>>()
    };
    // A search beside this one may throw a file away meanwhile.
    let holds = |path: &PathBuf| {
        fs::read(path).unwrap_or_default().windows(word.len()).any(|bytes| bytes == word.as_bytes())
    };
    let has_word = |folder: &PathBuf| {
        Shard::open(folder).and_then(|shard| shard.has_word(word)).unwrap_or(false)
    };
    shards(env).iter().any(|folder| has_word(folder) || of_folder(folder).iter().any(holds))
}

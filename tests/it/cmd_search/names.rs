//! Names of sessions: they are found, they name their session, and they go when they are taken away.

use super::{found, stands_in_shards, two_sessions};
use crate::cli_support::{TestEnvironment, thread};

/// A line of the index of names, as a client on Windows ends it.
fn named(number: u64, name: &str) -> String {
    let id = thread(number);
    let line =
        serde_json::json!({"id": id, "thread_name": name, "updated_at": "2026-03-05T08:00:00Z"});
    format!("{line}\r\n")
}

fn name(env: &TestEnvironment, text: &str, lines: &[String]) {
    let file = env.codex().join("session_index.jsonl");
    env.write(&file, [text, &lines.concat()].concat().as_bytes());
    env.append(&[]);
}

#[test]
fn a_session_is_found_by_its_name_as_it_is_now() {
    let env = two_sessions();
    assert_eq!(found(&env, "kelp"), [""; 0]);
    // Some editors begin a file with a byte order mark.
    let mark = "\u{feff}";
    let mut lines = vec![named(1, "Kelp survey"), named(2, "Temporary"), named(2, "  ")];
    name(&env, mark, &lines);
    assert_eq!(env.count("SELECT sum(malformed) FROM streams"), 0);
    assert_eq!(found(&env, "kelp"), ["name 1"]);
    assert_eq!(found(&env, "in:name"), ["name 1"], "a blank name takes the name away");
    assert_eq!(found(&env, "repo:tides kelp"), ["name 1"]);
    assert_eq!(found(&env, "repo:moorings kelp"), [""; 0]);
    assert!(!env.ok(["sessions"]).text().contains(": \n"), "no name, no colon");
    for session in ["Kelp survey", "kelp SURVEY"] {
        assert_eq!(env.json(["show", session])["id"], thread(1));
        let report = env.json(["report", "--session", session]);
        assert_eq!(report["sessions"][0]["id"], thread(1));
    }
    lines.push(named(1, "Seagrass count"));
    name(&env, mark, &lines);
    assert_eq!(found(&env, "kelp"), [""; 0], "an older name is no longer its name");
    assert_eq!(found(&env, "seagrass"), ["name 1"]);
    env.run(["show", "Kelp survey"]).refused(&["no session begins with"]);
    lines.push(named(2, "seagrass count"));
    name(&env, mark, &lines);
    env.run(["show", "Seagrass count"]).refused(&["is the beginning of 2 sessions or their name"]);
    env.run(["report", "--session", "Seagrass count"])
        .refused(&["is the beginning of 2 sessions or their name"]);
}

/// A clock may have been set back, and the client may have been stopped before it ended the line.
#[test]
fn the_last_name_in_the_file_counts_also_without_a_line_end() {
    let env = two_sessions();
    let line = |name: &str, at: &str| {
        let line = serde_json::json!({"id": thread(1), "thread_name": name, "updated_at": at});
        format!("{line}\n")
    };
    let mut lines =
        vec![line("Kelp", "2026-05-09T09:00:00.5Z"), line("Wrack", "2026-05-03T09:00:00Z")];
    name(&env, "", &lines);
    assert_eq!(found(&env, "in:name"), ["name 1"]);
    assert_eq!(env.json(["show", "Wrack"])["id"], thread(1));
    env.run(["show", "Kelp"]).refused(&["no session begins with"]);
    let last = line("Dulse", "2026-05-01T09:00:00Z");
    lines.push(last.trim_end().to_string());
    name(&env, "", &lines);
    assert_eq!(env.json(["show", "Dulse"])["id"], thread(1));
    lines.push("\n".to_string() + &line("Laver", "2026-05-02T09:00:00Z"));
    name(&env, "", &lines);
    assert_eq!(env.json(["show", "Laver"])["id"], thread(1));
    assert_eq!(env.count("SELECT count(*) FROM session_names"), 4);
    assert_eq!(env.count("SELECT sum(malformed) FROM streams"), 0);
}

#[test]
fn a_hidden_name_is_not_found_and_stands_nowhere() {
    let env = two_sessions();
    name(&env, "", &[named(1, "Bladderwrack survey")]);
    assert_eq!(found(&env, "bladderwrack"), ["name 1"]);
    assert!(stands_in_shards(&env, "bladderwrack"));
    env.ok(["redact", "--literal", "Bladderwrack", "--reason", "private"]);
    assert!(!stands_in_shards(&env, "bladderwrack"));
    assert_eq!(found(&env, "bladderwrack"), [""; 0]);
    assert_eq!(found(&env, "survey"), ["name 1"]);
    assert!(!stands_in_shards(&env, "bladderwrack"));
}

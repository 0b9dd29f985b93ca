//! What every command has in common, and the commands without a file of their own: what they say, how they end,
//! and that their words are harmless.

mod config;
mod hostile;
mod private;
mod rules_test;
mod stopped;
mod trust;
mod waiting;
mod watch;

use crate::cli_support::{TestEnvironment, no_escapes, rollout_name, session, thread};
use serde_json::Value;
use std::fs;

#[test]
fn status_says_where_everything_stands() {
    let env = TestEnvironment::with_fixture();
    env.run(["status"]).refused(&["ledger", "codex-ledger append"]);
    let done = env.append(&[]);
    let status = env.json(["status"]);
    assert_eq!(status["head"], done["head"]);
    assert_eq!(status["cursor"], done["head"]["size"]);
    assert_eq!(status["settled"], done["head"]["size"]);
    assert_eq!((&status["outdated"], &status["lock"]), (&Value::Null, &Value::Null));
    let default = env.path("home/.codex");
    assert_eq!(status["roots"], serde_json::json!([{"path": default, "exists": false}]));
    let coverage = &status["coverage"];
    assert_eq!(coverage["bytes"], done["bytes"]["appended"]);
    assert_eq!(coverage["lines"], done["lines"]["appended"]);
    assert_eq!((&coverage["sessions"], &coverage["malformed"]), (&16.into(), &2.into()));
    assert_eq!(status["ledger"], env.ledger().display().to_string());
    assert!(status["version"].is_string());
    let text = env.ok(["status"]);
    for words in ["head", "up to date", "16 sessions", "2 malformed"] {
        assert!(text.text().contains(words), "{words}: {}", text.text());
    }
}

/// What the ledger does not have or understand is said, by kind and by place.
#[test]
fn status_names_the_gaps() {
    let env = TestEnvironment::new();
    let known = thread(1);
    let path = env.codex().join("sessions/2026/03/01").join(rollout_name(1));
    let unknown = br#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"brand_new","x":1}}"#;
    let lines = [&session(1, 1)[..], unknown, b"\n{\"broken\n"].concat();
    env.write(&path, &lines);
    env.write(
        &env.codex().join("history.jsonl"),
        b"{\"session_id\":\"gone-1\",\"ts\":1763549853,\"text\":\"hi\"}\n",
    );
    let state = rusqlite::Connection::open(env.codex().join("state_5.sqlite")).unwrap();
    state
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE threads (id TEXT, archived INTEGER)",
        )
        .unwrap();
    let insert = "INSERT INTO threads VALUES (?, 1), ('gone-2', 0)";
    state.execute(insert, [&known]).unwrap();
    env.append(&[]);
    let roots = env.codex().display().to_string();
    let config = env.path("gaps.toml");
    env.write(&config, format!("[sessions]\nroot = '{roots}'\n").as_bytes());
    let status = env.json(["status", "--config", &config.display().to_string()]);
    let coverage = &status["coverage"];
    assert_eq!(coverage["not_understood"][0]["kind"], "event_msg/brand_new");
    assert_eq!(coverage["not_understood"][0]["records"], 1);
    assert_eq!(coverage["unreadable"][0]["reason"], "torn");
    assert_eq!(coverage["sessions_without_source"], 1);
    let lost = coverage["bytes"].as_u64().unwrap() - coverage["bytes_understood"].as_u64().unwrap();
    assert_eq!(lost, unknown.len() as u64 + 8, "{coverage}");
    let database = &status["state_databases"][0];
    assert_eq!((&database["threads"], &database["archived"]), (&2.into(), &1.into()));
    assert_eq!(database["without_source"], serde_json::json!(["gone-2"]));
    let text = env.ok(["status", "--config", &config.display().to_string()]);
    let file = &coverage["unreadable_files"][0];
    let (lines, line, reasons) = (&file["lines"], &file["line"], &file["reasons"]);
    assert_eq!((lines, line), (&1.into(), &coverage["unreadable"][0]["line"]), "{file}");
    assert_eq!(reasons, &serde_json::json!(["torn"]));
    for words in
        ["event_msg/brand_new", ": the JSON ends too early", "2 threads, 1 without a rollout"]
    {
        assert!(text.text().contains(words), "{words}: {}", text.text());
    }
}

#[test]
fn lines_that_are_no_records_are_told_by_their_file() {
    let env = TestEnvironment::with_session(1);
    env.extend(&env.rollout(1), b"no record\n[1]\n{\"broken\n");
    env.write(&env.rollout(2), &[&session(2, 1)[..], b"\0\0\0\n"].concat());
    let appended = env.ok(["append".as_ref(), env.codex().as_os_str()]);
    let text = appended.text();
    let name = |number| env.rollout(number).display().to_string();
    let why = "the line is not a JSON object; the JSON is not an object; the JSON ends too early";
    let [first, second] = [(1, "    3 lines from line "), (2, "    line ")];
    for (number, words) in [first, second] {
        let told = text.split_once(&name(number)).map(|(_, rest)| rest.trim_start_matches('\n'));
        assert!(told.is_some_and(|rest| rest.trim_start().starts_with(words.trim())), "{text}");
    }
    assert!(text.contains(why) && text.contains("4 problems (kept byte for byte)"), "{text}");
    let every = env.json(["status"]);
    let files = every["coverage"]["unreadable_files"].as_array().unwrap();
    let lines: Vec<&serde_json::Value> = files.iter().map(|file| &file["lines"]).collect();
    assert_eq!(lines, [3, 1], "the file with the most of them first");
}

#[test]
fn what_a_newer_client_writes_is_told_without_a_word_of_the_user() {
    let env = TestEnvironment::with_session(1);
    let knows = "knows every kind and field";
    assert!(env.ok(["status", "--drift"]).text().contains(knows));
    let line = serde_json::json!({
        "timestamp": "2026-03-01T10:00:02.000Z", "type": "response_item",
        "payload": {"type": "tide_seen", "words": "Ada's harbour", "changes": {"/home/ada/a.py": [1, 2]}},
    });
    env.extend(&env.rollout(1), format!("{line}\n").as_bytes());
    env.append(&[]);
    let told = env.ok(["status", "--drift"]);
    for words in ["tide_seen", "\"words\": string(13)", "\"<name>\": [number ×2]"] {
        assert!(told.text().contains(words), "{}", told.text());
    }
    assert!(!told.text().contains("harbour") && !told.text().contains("a.py"), "{}", told.text());
    assert_eq!(env.json(["status", "--drift"])[0]["records"], 1);
}

#[test]
fn sessions_are_listed_the_newest_first() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let all = env.json(["sessions", "--limit", "0"]);
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 16);
    let last: Vec<Option<i64>> = all
        .iter()
        .map(|row| row["last_at_ms"].as_i64().or(row["created_at_ms"].as_i64()))
        .collect();
    assert!(last.is_sorted_by(|a, b| a >= b), "{last:?}");
    for field in ["id", "prompts", "calls", "tokens", "lines", "bytes", "malformed", "stream"] {
        assert!(all.iter().all(|row| !row[field].is_null()), "{field}");
    }
    let two = env.json(["sessions", "--limit", "2"]);
    assert_eq!(two.as_array().unwrap()[..], all[..2]);
    let text = env.ok(["sessions", "--limit", "2"]);
    assert!(text.text().contains("--limit 0 shows all"), "{}", text.text());
    assert!(text.text().contains("next: codex-ledger show"), "{}", text.text());
}

#[test]
fn a_ledger_without_sessions_says_so() {
    let env = TestEnvironment::new();
    env.write(&env.codex().join("history.jsonl"), b"{}\n");
    env.append(&[]);
    assert!(env.ok(["sessions"]).text().contains("no sessions yet"));
    assert_eq!(env.json(["sessions"]), serde_json::json!([]));
    env.run(["show"]).refused(&["codex-ledger sessions"]);
}

#[test]
fn group_writes_to_a_file_too() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let printed = env.ok(["group", "871ebe4f"]);
    let target = env.path("group.txt").display().to_string();
    assert_eq!(env.ok(["group", "871ebe4f", "-o", &target]).stdout, b"");
    assert_eq!(fs::read(&target).unwrap(), printed.stdout);
    let inside = format!("{target}/x");
    env.run(["group", "871ebe4f", "-o", &inside]).refused(&["group.txt"]);
}

/// What goes to a file is text: no colours, whatever the terminal can do.
#[test]
fn a_file_gets_no_colours() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let target = env.path("group.txt").display().to_string();
    env.ok(["group", "871ebe4f"]);
    env.ok(["group", "871ebe4f", "-o", &target]);
    no_escapes("a file", &fs::read(&target).unwrap());
}

/// Colours only where they are asked for: a pipe is no terminal.
#[test]
fn colours_are_for_terminals() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for args in [&["sessions"][..], &["status"], &["show"], &["group"], &["audit"]] {
        no_escapes(args[0], &env.ok(args.iter()).stdout);
        let always = env.ok(args.iter().chain(&["--color", "always"]));
        assert!(always.text().contains("\x1b["), "{args:?}");
        let json = env.ok(args.iter().chain(&["--color", "always", "--json"]));
        json.json();
        assert!(!json.text().contains('\x1b'), "{args:?}");
    }
}

#[test]
fn every_command_prints_one_document_with_json() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let codex = env.codex().display().to_string();
    let commands: [&[&str]; 16] = [
        &["append", &codex],
        &["append", "--dry-run", &codex],
        &["rebuild-views"],
        &["rebuild-views", "--check"],
        &["status"],
        &["sessions"],
        &["show"],
        &["group"],
        &["audit"],
        &["audit", "--no-views"],
        &["config", "show"],
        &["config", "check"],
        &["migrate"],
        &["migrate", "--dry-run"],
        &["completions", "bash"],
        &["man"],
    ];
    // A bundle replaces nothing, so each has a place of its own.
    for more in
        [&["--json"][..], &["--json", "--verbose"], &["--json", "--quiet"], &["--json", "--debug"]]
    {
        let out = env.path(more.concat()).display().to_string();
        let bundle = ["export", "-o", &out, "--reason", "a test"];
        for command in commands.iter().copied().chain([&bundle[..]]) {
            let outcome = env.ok(command.iter().chain(more));
            let document = outcome.json();
            assert!(document.is_object() || document.is_array(), "{command:?}");
            assert!(more.contains(&"--debug") || outcome.stderr.is_empty(), "{command:?}");
        }
    }
    let file = env.path("group.json").display().to_string();
    let to_file = env.ok(["group", "--json", "-o", &file]);
    serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(to_file.text(), "");
}

#[test]
fn quiet_commands_print_only_what_was_asked_for() {
    let env = TestEnvironment::with_fixture();
    let codex = env.codex().display().to_string();
    for args in [&["append", &codex][..], &["rebuild-views"], &["migrate"], &["audit"]] {
        let outcome = env.ok(args.iter().chain(&["--quiet"]));
        assert_eq!((outcome.text(), outcome.stderr.as_str()), ("", ""), "{args:?}");
    }
    assert_ne!(env.ok(["sessions", "--quiet"]).text(), "");
}

#[test]
fn completions_and_manual_are_there() {
    let env = TestEnvironment::new();
    for (shell, words) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let script = env.ok(["completions", shell]);
        for word in [words, "rebuild-views", "--dry-run"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(script.text().contains(word), "{shell}: {word}");
        }
    }
    env.run(["completions", "no-shell"]).refused(&["no-shell"]);
    let man = env.ok(["man"]);
    assert!(man.text().contains(".TH") && man.text().contains("rebuild"), "a roff page");
}

#[test]
fn wrong_usage_ends_with_two_and_names_the_option() {
    let env = TestEnvironment::new();
    env.run(["apend"]).refused(&["apend"]);
    env.run(["append", "--no-such"]).refused(&["--no-such"]);
    env.run(["append", "--watch", "--sample"]).refused(&["--watch"]);
    env.run(["append", "--sample", "x"]).refused(&["--sample"]);
    env.run(["append", "--limit", "many"]).refused(&["--limit", "many"]);
    env.run(["show", "x", "--line", "1"]).refused(&["--raw"]);
    env.run(["sessions", "--color", "loud"]).refused(&["--color"]);
    assert_eq!(env.run::<&str>([]).code, Some(2), "no command");
    assert_eq!(env.run(["--version"]).code, Some(0));
    for args in [&["--help"][..], &["append", "--help"], &["show", "--help"]] {
        assert!(env.ok(args.iter()).text().contains("Usage"), "{args:?}");
    }
}

#[test]
fn commands_that_read_make_no_ledger() {
    let env = TestEnvironment::new();
    let target = env.path("out").display().to_string();
    let commands: [&[&str]; 9] = [
        &["status"],
        &["sessions"],
        &["show"],
        &["group"],
        &["audit"],
        &["migrate"],
        &["rebuild-views"],
        &["rebuild-views", "--check"],
        &["export", "-o", &target, "--reason", "a test"],
    ];
    for command in commands {
        env.run(command.iter()).refused(&["ledger", "codex-ledger append"]);
        assert!(!env.ledger().exists(), "{command:?}");
    }
}

#[test]
fn migrate_says_what_would_happen() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    env.append(&["--no-views"]);
    let dry = env.json(["migrate", "--dry-run"]);
    assert_eq!(
        (&dry["needed"], &dry["done"]),
        (&"there are no views yet; they are built".into(), &false.into())
    );
    assert!(!env.ledger().join("views.sqlite").exists());
    assert!(env.ok(["migrate", "--dry-run"]).text().starts_with("to do: "));
    assert_eq!(env.json(["migrate"])["done"], true);
    assert!(env.ok(["migrate"]).text().starts_with("nothing to do"));
    env.write(&env.rollout(2), &session(2, 2));
    env.append(&["--no-views"]);
    let dry = env.json(["migrate", "--dry-run"]);
    assert!(dry["needed"].as_str().unwrap().contains("entries are applied"), "{dry}");
    env.json(["migrate"]);
    assert_eq!(env.raw(&thread(2), &[]), session(2, 2));
    env.audits_clean();
}

#[test]
fn who_acts_is_recorded() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    env.append(&["--actor", "Ada"]);
    env.write(&env.rollout(2), &session(2, 1));
    env.append(&[]);
    let by =
        |actor: &str| env.count(&format!("SELECT count(*) FROM actions WHERE actor = '{actor}'"));
    assert_eq!((by("Ada") > 0, by("tester") > 0), (true, true), "by option and by environment");
}

/// A reader that goes away, as `| head -1` does, is no error.
#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let env = TestEnvironment::new();
    let many = session(1, 3_000);
    env.write(&env.rollout(1), &many);
    env.append(&[]);
    let id = thread(1);
    for args in [&["show", &id][..], &["show", "--raw", "--quiet", &id], &["group", &id, "--json"]]
    {
        let mut command = env.command(args.iter());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}

//! What the commands say of what they did: how much, what is left, and what to do next.

use super::{hide, without_rules};
use crate::cli_support::TestEnvironment;
use serde_json::{Value, json};

#[track_caller]
fn text(env: &TestEnvironment, args: &[&str]) -> String {
    env.ok(args).text().to_string()
}

#[test]
fn letters_with_and_without_accents_are_named_as_near() {
    let env = without_rules();
    let id = "019c0000-0000-7000-8000-000000000001";
    let name = format!("sessions/2026/03/01/rollout-2026-03-01T08-00-00-{id}.jsonl");
    let at = "2026-03-01T08:00:00.000Z";
    let meta = json!({"id": id, "timestamp": at, "cwd": "/pier", "originator": "codex_cli_rs", "cli_version": "0.100.0"});
    let asked = json!({"type": "user_message", "message": "Ask Köpfle, then Kopfle"});
    let line =
        |kind: &str, payload: Value| json!({"timestamp": at, "type": kind, "payload": payload});
    let lines = format!("{}\n{}\n", line("session_meta", meta), line("event_msg", asked));
    env.write(&env.codex().join(name), lines.as_bytes());
    env.append(&[]);
    let said = text(&env, &["redact", "--literal", "Kopfle", "--reason", "a test"]);
    assert!(said.contains("found as written") && said.contains("Köpfle  "), "{said}");
    let said = text(&env, &["redact", "--literal", "Köpfle", "--reason", "a test"]);
    assert!(said.contains("found as written") && !said.contains("nearly the same"), "{said}");
}

#[test]
fn what_something_else_hides_already_is_not_told_as_absent() {
    let env = without_rules();
    hide(&env, &["--session", "019c416a"]);
    for target in [["--prompt", "019c416a#2"], ["--literal", "sandcastle"]] {
        let said = text(&env, &["redact", target[0], target[1], "--reason", "a test"]);
        let is_counted = !said.contains("0 passages");
        assert!(is_counted || said.contains("in force may hide it already"), "{said}");
    }
}

#[test]
fn an_undo_says_how_much_is_shown_again() {
    let env = without_rules();
    let seq = hide(&env, &["--literal", "sandcastle"]).to_string();
    let undone = text(&env, &["redact", "undo", &seq, "--reason", "a test"]);
    assert!(undone.contains("shown again, but where something else hides them"), "{undone}");
    let number = |said: &str| {
        let said = said.split(": ").nth(1).unwrap_or_default();
        said.split(' ').next().and_then(|number| number.parse::<u64>().ok())
    };
    let passages = number(&undone).expect("a number of passages");
    assert!(passages > 0, "{undone}");
    let again = undone.split(' ').next().unwrap_or_default();
    let again = text(&env, &["redact", "undo", again, "--reason", "a test"]);
    assert_eq!(number(&again), Some(passages), "{again}");
    assert!(again.contains("hidden again"), "{again}");
}

#[test]
fn quiet_changes_say_nothing() {
    let env = without_rules();
    let seq = hide(&env, &["--literal", "sandcastle"]).to_string();
    for args in [
        vec!["redact", "--literal", "lighthouse", "--reason", "x", "-q"],
        vec!["redact", "undo", &seq, "--reason", "x", "-q"],
        vec!["redact", "rules", "set", "builtin", "--reason", "x", "-q"],
    ] {
        assert_eq!(text(&env, &args), "", "{args:?}");
    }
}

#[test]
fn a_line_of_a_file_of_requests_is_told_by_its_key() {
    let env = without_rules();
    let refused = |line: &str| {
        let path = env.work().join("requests.jsonl");
        env.write(&path, line.as_bytes());
        let path = path.display().to_string();
        env.run(["redact", "--from", &path, "--reason", "x"]).expect(2).stderr
    };
    for (line, said) in [
        (r#"{"literl":"sandcastle"}"#, "line 1: `literl` is no key of a request; `literal` is one"),
        (r#"{"literal":17}"#, "the value of `literal` is of another kind"),
        (r#"{"entry":1,"field":"/x","span":"4..2"}"#, "`span`: a span is FROM..TO"),
        (r#"{"sandcastle":"x"}"#, "a key of 10 characters is none"),
        (r#"["sandcastle"]"#, "this is no JSON object"),
    ] {
        let error = refused(line);
        assert!(error.contains(said) && !error.contains("sandcastle"), "{line}: {error}");
    }
}

#[test]
fn a_file_of_rules_is_checked_without_those_of_the_program() {
    let env = without_rules();
    let path = env.work().join("ours.yaml");
    let rules = "name: ours\nextends: builtin\nrules:\n  - {id: berth, type: token, pattern: 'berthk_[A-Za-z0-9]{32}'}\n";
    env.write(&path, rules.as_bytes());
    let path = path.display().to_string();
    let said = text(&env, &["redact", "rules", "check", &path]);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 3 && lines[1].contains("berth"), "{said}");
    assert!(lines[2].ends_with("are as they come with the program"), "{said}");
    let set = text(&env, &["redact", "rules", "set", &path, "--reason", "x"]);
    assert!(set.contains("redact rules set builtin --reason TEXT"), "{set}");
}

#[test]
fn entries_stand_beside_what_they_say() {
    let env = without_rules();
    let shown = text(&env, &["show", "019c416a", "--entries"]);
    let prompt = shown.lines().find(|line| line.ends_with("prompt 2")).expect("a prompt");
    let seq = prompt.split("entry ").nth(1).and_then(|rest| rest.split(' ').next());
    let said = text(&env, &["redact", "--entry", seq.expect("a number"), "--reason", "x"]);
    assert!(!said.contains(" 0 passages"), "{said}");
}

#[test]
fn what_a_question_or_a_file_repeats_is_hidden() {
    let env = without_rules();
    hide(&env, &["--literal", "quiet sandcastle"]);
    for question in
        [r#"in:"quiet sandcastle""#, r#"exit:"quiet sandcastle""#, "/quiet.sandcastle(/"]
    {
        let said = env.run(["search", question]).expect(2).stderr;
        assert!(!said.contains("sandcastle"), "{question}: {said}");
    }
    let path = env.work().join("requests.jsonl");
    let named = path.display().to_string();
    for line in [r#"{"session":"quiet sandcastle"}"#, r#"{"prompt":"quiet sandcastle#1"}"#] {
        env.write(&path, line.as_bytes());
        let said = env.run(["redact", "--from", &named, "--reason", "x"]).expect(2).stderr;
        assert!(!said.contains("sandcastle"), "{line}: {said}");
    }
    let path = env.work().join("ours.yaml");
    let named = path.display().to_string();
    for rule in ["id: quiet sandcastle\n    type: regex", "id: x\n    quiet sandcastle: 1"] {
        env.write(&path, format!("rules:\n  - {rule}\n    pattern: '('\n").as_bytes());
        let said = env.run(["redact", "rules", "check", &named]).expect(2).stderr;
        assert!(!said.contains("sandcastle"), "{rule}: {said}");
        let file = std::fs::File::open(&path).expect("it is there");
        let done = env.command(["redact", "rules", "check", "-"]).stdin(file).output();
        let done = done.expect("the program runs");
        assert_eq!(done.status.code(), Some(2), "{rule}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!said.contains("sandcastle"), "{rule}: {said}");
    }
}

#[test]
fn what_is_shown_instead_stands_in_one_line() {
    let env = without_rules();
    let args = ["redact", "--literal", "sandcastle", "--with", "x\n# y", "--reason", "r"];
    env.run(args).refused(&["line break"]);
}

/// One call whose command is an array: its words are joined in one column and apart in the other.
fn called(env: &TestEnvironment, asked: &str, words: &[&str]) {
    let id = "019c0000-0000-7000-8000-000000000002";
    let name = format!("sessions/2026/03/01/rollout-2026-03-01T08-00-00-{id}.jsonl");
    let at = "2026-03-01T08:00:00.000Z";
    let line =
        |kind: &str, payload: Value| json!({"timestamp": at, "type": kind, "payload": payload});
    let arguments = json!({"command": words}).to_string();
    let lines = [
        line(
            "session_meta",
            json!({"id": id, "timestamp": at, "cwd": "/pier", "originator": "codex_cli_rs", "cli_version": "0.100.0"}),
        ),
        line("event_msg", json!({"type": "user_message", "message": asked})),
        line(
            "response_item",
            json!({"type": "function_call", "name": "shell", "arguments": arguments, "call_id": "c1"}),
        ),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    env.write(&env.codex().join(name), lines.as_bytes());
    env.append(&[]);
}

#[test]
fn a_command_and_its_arguments_hide_the_same() {
    let asked = "Tell the harbour master that the north light is out again";
    for words in [
        &["echo", "Osprey", "Quiet Pier"][..],
        &["echo", "Osprey Quiet", "Pier"],
        &["echo", "Osprey", "Quiet", "Pier"],
        &["bash", "-lc", "echo Osprey\\ Quiet\\ Pier"],
        &["bash", "-lc", "echo 'Osprey' \"Quiet Pier\""],
        &["bash", "-lc", "tell <<< 'Tell the harbour master that the north light is out again'"],
        &["bash", "-lc", "cat <<E\nTell the harbour master that the north light is out again\nE"],
    ] {
        let env = without_rules();
        called(&env, asked, words);
        hide(&env, &["--literal", "Osprey Quiet Pier"]);
        hide(&env, &["--prompt", "019c0000-0000-7000-8000-000000000002#1"]);
        let texts = "SELECT coalesce(command, '') || arguments FROM function_calls
            WHERE stream = (SELECT stream FROM sessions WHERE id LIKE '019c0000%')";
        let shown = super::text(&env, texts);
        assert!(!shown.contains("Quiet") && !shown.contains("north light"), "{words:?}: {shown}");
    }
}

/// Views that another configuration made are no longer kept up to date, so they go.
#[test]
fn views_of_another_place_hold_nothing_that_is_hidden_since() {
    let env = without_rules();
    let usual = env.ledger().join("views.sqlite");
    assert!(usual.exists());
    let elsewhere = env.work().join("elsewhere.sqlite");
    let config = format!("[ingest]\ndb_path = {elsewhere:?}\n");
    let path = env.work().join("other.toml");
    env.write(&path, config.as_bytes());
    let path = path.display().to_string();
    env.ok(["--config", &path, "rebuild-views"]);
    env.ok(["--config", &path, "redact", "--literal", "sandcastle", "--reason", "r"]);
    assert!(!usual.is_symlink(), "they are gone");
    assert!(std::fs::read_dir(env.ledger().join("views.d")).unwrap().next().is_none());
    env.ok(["rebuild-views"]);
    assert!(!env.ok(["report", "--mode", "full"]).text().contains("sandcastle"));
}

//! Many redactions at once, who made them, and what is said of them.

use super::{column, head, hide, redact, seq, text, undo, without_rules};
use crate::cli_support::TestEnvironment;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

const SESSION: &str = "019c416a-4ee0-7d54-a729-8a2d16bc4c61";

fn file(env: &TestEnvironment, lines: &[String]) -> String {
    let path = env.work().join("bulk.jsonl");
    env.write(&path, lines.join("\n").as_bytes());
    path.display().to_string()
}

fn lines(env: &TestEnvironment) -> Vec<String> {
    let call = seq(env, "SELECT seq FROM function_calls WHERE output LIKE '%sandcastle%'");
    vec![
        json!({"prompt": "019c416a#2", "reason": "a question"}).to_string(),
        json!({"literal": "sandcastle", "with": "[password]"}).to_string(),
        String::new(),
        json!({"literal": "with a password", "session": "019c416a"}).to_string(),
        json!({"regex": "AKIA[A-Z0-9]{16}", "reason": "a key"}).to_string(),
        json!({"entry": call, "field": "/payload/arguments", "span": [12, 23]}).to_string(),
        json!({"entry": call, "field": "/payload/arguments/date"}).to_string(),
        json!({"session": "01a08a23", "reason": "not ours"}).to_string(),
        "  ".to_string(),
    ]
}

#[test]
fn all_lines_are_one_append() {
    let env = without_rules();
    let before = env.digest();
    let size = head(&env)["size"].as_u64().unwrap();
    let path = file(&env, &lines(&env));
    let args = ["redact", "--from", &path, "--reason", "in bulk", "--actor", "ada"];
    let done = env.json(args);
    let done = done.as_array().expect("a list");
    assert_eq!(done.len(), 7);
    assert_eq!(head(&env)["size"], size + 7, "one entry each, and no other");
    let commits = env.count("SELECT count(DISTINCT recorded_at_ms) FROM redactions");
    assert!(commits >= 1);
    let rows: Vec<&Value> = done.iter().map(|one| &one["redaction"]).collect();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["seq"], size + index as u64);
        assert_eq!((&row["actor"], &row["active"]), (&"ada".into(), &true.into()));
        assert!(row["passages"].as_u64().unwrap() > 0, "line {index} hides something");
        assert!(done[index]["rows_changed"].as_u64().unwrap() > 0);
    }
    let of =
        |name: &str| rows.iter().map(|row| row[name].as_str().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(of("scope"), ["prompt", "literal", "literal", "regex", "field", "field", "session"]);
    assert_eq!(of("replacement")[1], "[password]");
    assert_eq!(of("reason")[..4], ["a question", "in bulk", "in bulk", "a key"]);
    assert_eq!(of("target")[0], format!("{SESSION}#2"));
    assert_eq!(of("target")[1], "a text of 10 characters");
    assert_eq!(of("within")[2], format!("session:{SESSION}"));
    assert_eq!(of("field")[4..6], ["/payload/arguments 12..23", "/payload/arguments/date"]);
    env.digest();
    env.audits_clean();
    let listed = env.json(["redact", "list"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 7);
    assert!(listed.windows(2).all(|two| two[0]["seq"].as_u64() > two[1]["seq"].as_u64()));
    for index in 0..7 {
        undo(&env, size + index);
    }
    assert_eq!(env.digest(), before);
}

#[test]
fn a_bad_line_is_named_and_nothing_is_appended() {
    let env = without_rules();
    let good = lines(&env);
    for (bad, words) in [
        ("{\"literal\": ", &["bulk.jsonl", "line 4"][..]),
        ("[]", &["bulk.jsonl", "line 4"]),
        ("{\"litteral\": \"x\"}", &["bulk.jsonl", "line 4", "`litteral`", "`literal`"]),
        ("{\"literal\": 3}", &["bulk.jsonl", "line 4"]),
        ("{\"literal\": \"ab\"}", &["line 4", "3 characters"]),
        ("{\"prompt\": \"019c416a#99\"}", &["line 4", "99"]),
        ("{\"entry\": 99999}", &["line 4", "99999"]),
        ("{\"literal\": \"abc\", \"regex\": \"abc\"}", &["line 4"]),
        ("{\"literal\": \"abc\", \"with\": \"\"}", &["line 4", "replacement"]),
        ("{\"reason\": \"why\"}", &["line 4"]),
        ("{\"regex\": \"(\"}", &["line 4"]),
        ("{\"entry\": 5, \"field\": \"/payload\", \"span\": [9, 4]}", &["line 4"]),
        ("{\"entry\": 5, \"span\": [0, 4]}", &["line 4"]),
        ("{\"field\": \"/payload\", \"literal\": \"tides\"}", &["line 4"]),
    ] {
        let mut lines = good[..3].to_vec();
        lines.push(bad.to_string());
        lines.extend_from_slice(&good[3..]);
        let before = head(&env);
        let path = file(&env, &lines);
        env.run(["redact", "--from", &path, "--reason", "in bulk"]).refused(words);
        assert_eq!(head(&env), before, "{bad}");
        // Alone in the file it is named too.
        let path = file(&env, &["".into(), "".into(), "".into(), bad.to_string()]);
        env.run(["redact", "--from", &path, "--reason", "in bulk"]).refused(words);
        assert_eq!(head(&env), before, "{bad}");
    }
    let path = file(&env, &["".into(), " ".into()]);
    env.run(["redact", "--from", &path, "--reason", "why"]).refused(&["no line"]);
    // A line without a reason, and none on the command line.
    let path = file(&env, &["{\"literal\": \"tides\"}".to_string()]);
    env.run(["redact", "--from", &path]).refused(&["reason"]);
    assert_eq!(env.count("SELECT count(*) FROM redactions"), 0);
}

#[test]
fn lines_come_from_stdin_too() {
    let env = without_rules();
    let mut child = env
        .command(["redact", "--from", "-", "--reason", "piped", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = json!({"literal": "sandcastle"}).to_string();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(done.as_array().unwrap().len(), 1, "a list, however few they are");
    assert_eq!(done[0]["redaction"]["reason"], "piped");
}

#[test]
fn who_did_it_is_recorded() {
    let env = without_rules();
    let redaction = hide(&env, &["--literal", "sandcastle"]);
    let by = env.json(["redact", "--literal", "PORT ELLERY", "--reason", "r", "--actor", "Ada L."]);
    assert_eq!(by["redaction"]["actor"], "Ada L.");
    env.ok(["redact", "undo", &redaction.to_string(), "--reason", "r", "--actor", "bob"]);
    let history = env.json(["redact", "history"]);
    let actor = |index: usize, kind: &str| history[index][kind]["actor"].clone();
    assert_eq!(actor(0, "redaction"), "tester", "from CODEX_LEDGER_ACTOR");
    assert_eq!(actor(1, "redaction"), "Ada L.");
    assert_eq!(actor(2, "revocation"), "bob");
    assert_eq!(column(&env, "SELECT actor FROM revocations"), ["bob"]);
    let text = env.ok(["redact", "history"]);
    for word in ["tester", "Ada L.", "bob", "a test"] {
        assert!(text.text().contains(word), "{word}: {}", text.text());
    }
    // Nobody is somebody too: the system's user stands for who names no one.
    let outcome = env
        .command(["redact", "--literal", "tides", "--reason", "r", "--json"])
        .env_remove("CODEX_LEDGER_ACTOR")
        .output()
        .unwrap();
    let done: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert!(done["redaction"]["actor"].as_str().is_some_and(|actor| !actor.is_empty()));
}

/// The documented fields, no more and no fewer.
#[test]
fn the_fields_of_each_answer() {
    let env = without_rules();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let done = redact(&env, &["--literal", "sandcastle"]);
    assert_eq!(
        keys(&done),
        [
            "forms",
            "ids",
            "near_misses",
            "other_redactions",
            "quotations",
            "quotations_total",
            "redaction",
            "rows_changed"
        ]
    );
    let mut fields = vec![
        "active",
        "actor",
        "field",
        "id",
        "passages",
        "reason",
        "recorded_at_ms",
        "replacement",
        "revoked_by",
        "scope",
        "seq",
        "target",
        "within",
    ];
    let sorted = |value: &Value| {
        let mut found = keys(value);
        found.sort();
        found
    };
    fields.sort_unstable();
    assert_eq!(sorted(&done["redaction"]), fields);
    let of = done["redaction"]["seq"].as_u64().unwrap();
    let undone = env.json(["redact", "undo", &of.to_string(), "--reason", "r"]);
    let said = ["active", "actor", "id", "of", "reason", "recorded_at_ms", "seq"];
    assert_eq!(sorted(&undone["revocation"]), said);
    assert_eq!(undone["of"], of);
    let by = undone["revocation"]["seq"].as_u64().unwrap();
    assert_eq!(env.json(["redact", "list"]), json!([]));
    let history = env.json(["redact", "history", &of.to_string()]);
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[0]["redaction"]["active"], false);
    assert_eq!(history[0]["redaction"]["revoked_by"], by);
    assert_eq!(history[0]["redaction"]["passages"], 0);
    assert_eq!(history[1]["revocation"]["of"], of);
    // By its id, and the whole chain of undos.
    let id = done["redaction"]["id"].as_str().unwrap();
    let third = undo(&env, by);
    for name in [of.to_string(), id.to_string(), id[..12].to_string()] {
        let chain = env.json(["redact", "history", &name]);
        let seqs: Vec<u64> = chain
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                [&row["redaction"], &row["revocation"]][usize::from(row["redaction"].is_null())]
                        ["seq"]
                        .as_u64()
                        .unwrap()
            })
            .collect();
        assert_eq!(seqs, [of, by, third]);
    }
    env.ok(["redact", "undo", &id[..12], "--reason", "by its id"]);
    assert_eq!(env.json(["redact", "list"]), json!([]));
    let other = hide(&env, &["--literal", "PORT ELLERY"]);
    assert_eq!(env.json(["redact", "history", &other.to_string()]).as_array().unwrap().len(), 1);
}

/// What an undo says is what then holds.
#[test]
fn an_undo_says_truly_what_is_shown_now() {
    let env = without_rules();
    let shown =
        || env.count("SELECT count(*) FROM function_calls WHERE output LIKE '%sandcastle%'") > 0;
    let first = hide(&env, &["--literal", "sandcastle"]);
    let mut last = first;
    let say = |of: u64| {
        let done = env.ok(["redact", "undo", &of.to_string(), "--reason", "r"]);
        let said = done.text().to_string();
        assert!(said.contains(&format!("ends {of}")), "{said}");
        let claims = (said.contains("shown again"), said.contains("hidden again"));
        (claims, seq(&env, "SELECT max(seq) FROM revocations"))
    };
    let mut chain = vec![first];
    for round in 0..4 {
        let (claims, next) = say(last);
        let now = shown();
        assert_eq!(now, round % 2 == 0, "round {round}");
        assert_eq!(claims, (now, !now), "round {round}");
        last = next;
        chain.push(last);
    }
    // In force again; ended anew beside the old chain: two revocations end it then.
    let (claims, beside) = say(first);
    assert_eq!((shown(), claims), (true, (true, false)));
    let (claims, _) = say(chain[2]);
    assert_eq!((shown(), claims), (true, (false, false)), "another undo holds");
    assert!(
        !env.json(["redact", "list"]).as_array().unwrap().iter().any(|row| row["seq"] == first)
    );
    // Ending one of two ends nothing: it is shown as before, and nothing else may be said.
    let (claims, _) = say(beside);
    assert!(shown(), "the other revocation holds still");
    assert_eq!(claims, (false, false), "nothing changes while the other revocation holds");
    assert_eq!(text(&env, "SELECT count(*) || '' FROM redactions"), "1");
    env.digest();
}

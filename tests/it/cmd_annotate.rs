//! `tag`, `note`, `disposition`: what reviewers say is kept with who and when, holds where it is asked for, and
//! changes nothing else.

mod refused;
mod rules;
mod sequences;

use crate::cli_support::{TestEnvironment, no_escapes, session, thread};
use serde_json::{Value, json};

/// Three sessions with one, two and three prompts.
fn three_sessions() -> TestEnvironment {
    let env = TestEnvironment::new();
    for number in 1..=3 {
        env.write(&env.rollout(number), &session(number, number));
    }
    env.append(&[]);
    env
}

fn prompt(number: u64, prompt: u64) -> String {
    format!("{}#{prompt}", thread(number))
}

/// What has a tag, disposition or note: session's number, prompt, value.
#[track_caller]
fn listed(env: &TestEnvironment, what: &str) -> Vec<(u64, u64, String)> {
    let rows = env.json([what, "list"]);
    let value = ["tag", "value", "text"];
    let of = |row: &Value| {
        let id = row["session"].as_str().expect("a session");
        let number = (1..9).find(|number| thread(*number) == id).expect("one of ours");
        let value = value.iter().find_map(|name| row[*name].as_str()).expect("a value");
        (number, row["prompt"].as_u64().expect("a prompt"), value.to_string())
    };
    rows.as_array().expect("rows").iter().map(of).collect()
}

fn row(session: u64, prompt: u64, value: &str) -> (u64, u64, String) {
    (session, prompt, value.into())
}

fn size(env: &TestEnvironment) -> u64 {
    env.json(["status"])["head"]["size"].as_u64().expect("a size")
}

#[test]
fn tags_are_given_taken_away_and_listed() {
    let env = three_sessions();
    let before = env.digest();
    let said = env.ok(["tag", "add", "release-1.2", &thread(1), &prompt(2, 1), &prompt(3, 3)]);
    assert_eq!(said.text(), "tagged 1 session and 2 prompts\n");
    env.ok(["tag", "add", "größe/x:1+2_3", &thread(3)]);
    let all = [
        row(3, 0, "größe/x:1+2_3"),
        row(1, 0, "release-1.2"),
        row(2, 1, "release-1.2"),
        row(3, 3, "release-1.2"),
    ];
    assert_eq!(listed(&env, "tag"), all, "by tag, session and prompt");
    let one = env.json(["tag", "list", "größe/x:1+2_3"]);
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(env.json(["tag", "list", "none"]), json!([]));
    assert_eq!(env.digest(), before, "what was said and done is as before");
    env.ok(["tag", "remove", "release-1.2", &prompt(2, 1), &thread(1)]);
    assert_eq!(listed(&env, "tag"), [row(3, 0, "größe/x:1+2_3"), row(3, 3, "release-1.2")]);
    assert!(env.ok(["tag", "list"]).text().contains("#3"));
    assert_eq!(env.digest(), before);
    env.audits_clean();
}

/// Whoever is named twice is named once; what is so already is not written again.
#[test]
fn nothing_is_said_twice() {
    let env = three_sessions();
    let add = [
        "tag",
        "add",
        "a",
        &thread(1),
        &thread(1),
        &thread(1).to_uppercase(),
        "--session",
        &thread(1),
    ];
    let done = env.json(add);
    let subject = json!({"session": thread(1), "prompt": 0});
    assert_eq!((&done["count"], &done["subjects"]), (&json!(1), &json!([subject])));
    let before = size(&env);
    assert_eq!(env.json(add), json!({"from": null, "count": 0, "subjects": []}));
    let again = env.ok(add);
    assert!(
        again.text().is_empty() && again.stderr.contains("nothing was written"),
        "{}",
        again.stderr
    );
    env.ok(["tag", "remove", "a", &thread(2)]);
    env.ok(["tag", "remove", "b", &thread(1)]);
    env.ok(["disposition", "clear", &thread(1)]);
    assert_eq!(size(&env), before, "no entry");
    let done = env.json(["tag", "add", "a", &thread(1), &thread(2)]);
    assert_eq!((&done["count"], &done["from"]), (&json!(1), &json!(before)), "only the new one");
    env.ok(["disposition", "set", "followed", &thread(1)]);
    env.ok(["disposition", "set", "followed", &thread(1)]);
    env.ok(["disposition", "set", "ignored", &thread(1)]);
    assert_eq!(size(&env), before + 3);
    assert_eq!(listed(&env, "disposition"), [row(1, 0, "ignored")]);
    env.ok(["note", "add", &thread(1), "the same"]);
    env.ok(["note", "add", &thread(1), "the same"]);
    assert_eq!(listed(&env, "note").len(), 2, "a note is a note each time");
}

#[test]
fn notes_are_written_and_taken_away() {
    let env = three_sessions();
    let before = env.digest();
    let first = env.json(["note", "add", &prompt(2, 2), "look", "at", "this"])["seq"].to_string();
    env.ok(["note", "add", &thread(1), "two\nlines"]);
    assert_eq!(listed(&env, "note"), [row(2, 2, "look at this"), row(1, 0, "two\nlines")]);
    let of_one = env.json(["note", "list", &thread(1)]);
    assert_eq!(of_one.as_array().unwrap().len(), 1);
    assert_eq!(of_one[0]["actor"], "tester");
    assert!(of_one[0]["recorded_at_ms"].as_i64().is_some_and(|at| at > 1_700_000_000_000));
    let removed = env.json(["note", "remove", &first]);
    assert_eq!(removed["of"].to_string(), first);
    assert_eq!(listed(&env, "note"), [row(1, 0, "two\nlines")]);
    env.run(["note", "remove", &first]).refused(&["no note", &first]);
    assert_eq!(env.digest(), before);
}

#[test]
fn dispositions_hold_until_another_is_said() {
    let env = three_sessions();
    env.write(&env.path("user/config.toml"), b"[review]\ndispositions = ['parked']\n");
    for value in ["followed", "ignored", "needs-review", "parked"] {
        env.ok(["disposition", "set", value, &prompt(1, 1)]);
        assert_eq!(listed(&env, "disposition"), [row(1, 1, value)]);
    }
    env.ok(["disposition", "set", "ignored", &thread(1)]);
    assert_eq!(listed(&env, "disposition"), [row(1, 0, "ignored"), row(1, 1, "parked")]);
    env.ok(["disposition", "clear", &prompt(1, 1)]);
    assert_eq!(listed(&env, "disposition"), [row(1, 0, "ignored")]);
    env.digest();
}

/// Every act stays in the history with who and when, also what was taken away.
#[test]
fn the_history_keeps_all() {
    let env = three_sessions();
    let seq = env.json(["note", "add", &thread(1), "x", "--actor", "ada"])["seq"].to_string();
    env.ok(["note", "remove", &seq, "--actor", "bob"]);
    env.ok(["tag", "add", "t", &prompt(1, 1)]);
    env.ok(["tag", "remove", "t", &prompt(1, 1), "--actor", "bob"]);
    env.ok(["disposition", "set", "followed", &thread(1)]);
    env.ok(["disposition", "clear", &thread(1), "--actor", "grace"]);
    let views = env.views();
    let mut statement = views
        .prepare("SELECT act, actor, prompt, coalesce(value, text), recorded_at_ms FROM annotations ORDER BY seq")
        .unwrap();
    let rows: Vec<(String, String, i64, String, i64)> = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let said: Vec<_> = rows
        .iter()
        .map(|(act, actor, prompt, value, _)| {
            (act.as_str(), actor.as_str(), *prompt, value.as_str())
        })
        .collect();
    let expected = [
        ("note", "ada", 0, "x"),
        ("unnote", "bob", 0, seq.as_str()),
        ("tag", "tester", 1, "t"),
        ("untag", "bob", 1, "t"),
        ("disposition", "tester", 0, "followed"),
        ("disposition", "grace", 0, ""),
    ];
    assert_eq!(said, expected);
    assert!(rows.is_sorted_by_key(|row| row.4) && rows[0].4 > 1_700_000_000_000);
    for what in ["tag", "note", "disposition"] {
        assert_eq!(env.json([what, "list"]), json!([]));
    }
    env.digest();
}

#[test]
fn filters_pick_sessions_in_bulk_and_by_what_was_said() {
    let env = three_sessions();
    let ids = |args: &[&str]| -> Vec<String> {
        let rows = env.json(["sessions"].iter().chain(args));
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_string()).collect()
    };
    let done = env.json(["tag", "add", "all", "--since", "2026-03-01", "--until", "2026-03-01"]);
    assert_eq!(done["count"], 3);
    let done = env.json(["tag", "add", "two", "--session", &thread(2), &prompt(3, 1)]);
    assert_eq!(done["count"], 2, "filters and names");
    env.ok(["disposition", "set", "followed", "--tag", "two"]);
    assert_eq!(listed(&env, "disposition"), [row(2, 0, "followed"), row(3, 0, "followed")]);
    env.ok(["disposition", "set", "ignored", &prompt(1, 1)]);
    let mut two = ids(&["--tag", "two"]);
    two.sort();
    assert_eq!(two, [thread(2), thread(3)], "a tag of a prompt counts for its session");
    assert_eq!(ids(&["--tag", "two", "--tag", "all", "--session", &thread(2)]), [thread(2)]);
    assert_eq!(ids(&["--disposition", "ignored"]), [thread(1)]);
    assert_eq!(ids(&["--disposition", "ignored", "--disposition", "followed"]).len(), 3);
    for (args, count) in
        [(["--tag", "two"], 2), (["--disposition", "ignored"], 1), (["--tag", "all"], 3)]
    {
        let report = env.json(["report"].iter().chain(&args));
        assert_eq!(report["sessions"].as_array().unwrap().len(), count, "{args:?}");
    }
    assert_eq!(env.json(["search", "high tag:two"])["total"], 5);
    for command in ["sessions", "report"] {
        env.run([command, "--tag", "tow"]).refused(&["--tag", "tow", "two"]);
        env.run([command, "--disposition", "follwed"]).refused(&["--disposition", "followed"]);
    }
    let before = size(&env);
    let none = env.ok(["tag", "add", "none", "--until", "2020-01-01"]);
    assert!(none.stderr.contains("no sessions match; nothing was written"), "{}", none.stderr);
    assert_eq!(size(&env), before);
    let done = env.json(["tag", "remove", "all", "--tag", "two"]);
    assert_eq!(done["count"], 2);
    assert_eq!(ids(&["--tag", "all"]), [thread(1)]);
    env.digest();
}

/// Notes quote logs: what is hidden there is hidden in them, as long as it is hidden.
#[test]
fn what_is_hidden_is_hidden_in_notes_and_tags() {
    let env = three_sessions();
    env.ok(["note", "add", &thread(1), "they said zanzibar, twice: zanzibar"]);
    env.ok(["tag", "add", "trip/zanzibar", &thread(1)]);
    let before = env.digest();
    let hidden = env.json(["redact", "--literal", "zanzibar", "--reason", "a test"]);
    assert_eq!(listed(&env, "note"), [row(1, 0, "they said [redacted], twice: [redacted]")]);
    assert_eq!(listed(&env, "tag"), [row(1, 0, "trip/[redacted]")]);
    assert_eq!(env.digest(), before, "notes and tags are no part of it");
    env.ok(["note", "add", &thread(2), "zanzibar again"]);
    assert_eq!(listed(&env, "note")[1], row(2, 0, "[redacted] again"));
    assert_eq!(env.count("SELECT count(*) FROM annotations WHERE instr(coalesce(value, '') || coalesce(text, ''), 'zanzibar')"), 0);
    env.digest();
    let seq = hidden["redaction"]["seq"].to_string();
    env.ok(["redact", "undo", &seq, "--reason", "a test"]);
    assert_eq!(
        listed(&env, "note"),
        [row(1, 0, "they said zanzibar, twice: zanzibar"), row(2, 0, "zanzibar again")]
    );
    assert_eq!(listed(&env, "tag"), [row(1, 0, "trip/zanzibar")]);
    assert_eq!(env.digest(), before);
    env.audits_clean();
}

/// A session that is shown under another name keeps what was said of it when its name comes back.
#[test]
fn a_hidden_session_keeps_its_annotations() {
    let env = three_sessions();
    let hidden = env.json(["redact", "--literal", &thread(1), "--reason", "a test"]);
    let shown = env.count("SELECT count(*) FROM sessions WHERE id LIKE 'redacted-%'");
    assert_eq!(shown, 1);
    env.ok(["tag", "add", "bulk", "--since", "2026-03-01"]);
    let masked = env.json(["sessions", "--tag", "bulk"]);
    assert_eq!(masked.as_array().unwrap().len(), 3);
    let id = masked
        .as_array()
        .unwrap()
        .iter()
        .find_map(|row| row["id"].as_str().filter(|id| id.starts_with("redacted-")))
        .unwrap();
    env.ok(["note", "add", &format!("{id}#1"), "seen"]);
    env.ok(["disposition", "set", "ignored", id]);
    env.digest();
    let seq = hidden["redaction"]["seq"].to_string();
    env.ok(["redact", "undo", &seq, "--reason", "a test"]);
    assert_eq!(listed(&env, "tag"), [row(1, 0, "bulk"), row(2, 0, "bulk"), row(3, 0, "bulk")]);
    assert_eq!(listed(&env, "note"), [row(1, 1, "seen")]);
    assert_eq!(listed(&env, "disposition"), [row(1, 0, "ignored")]);
}

#[test]
fn hostile_notes_are_harmless() {
    let env = three_sessions();
    let hostile = "a\u{1b}[2J\u{7}\u{202e}gnp\u{2066}\u{200b}\u{9b}31m\r\u{2028}b";
    env.ok(["note", "add", &thread(1), hostile, "--actor", hostile]);
    for args in [&["note", "list"][..], &["note", "list", &thread(1)], &["tag", "list"]] {
        let text = env.ok(args.iter());
        no_escapes(&args.join(" "), &text.stdout);
        no_escapes(&args.join(" "), text.stderr.as_bytes());
    }
    assert!(env.ok(["note", "list"]).text().contains("\\x1b"));
    assert_eq!(listed(&env, "note"), [row(1, 0, hostile)], "and a program gets the text");
    for args in [
        &["tag", "add", hostile, &thread(1)][..],
        &["disposition", "set", hostile, &thread(1)],
        &["tag", "add", "x", hostile],
        &["note", "add", hostile, "x"],
        &["tag", "add", "x", &format!("{}#{hostile}", thread(1))],
    ] {
        no_escapes(&args.join(" "), env.run(args.iter()).refused(&["try:"]).stderr.as_bytes());
    }
}

/// What one wrote oneself is where one reads: beside the session and its prompts, in every form.
#[test]
fn what_was_said_is_shown_and_reported() {
    let env = three_sessions();
    env.ok(["tag", "add", "audited", &thread(2), &prompt(2, 2)]);
    env.ok(["disposition", "set", "needs-review", &prompt(2, 2)]);
    env.ok(["note", "add", &thread(2), "ask <b>grace</b>\nabout it", "--actor", "ada"]);
    env.ok(["note", "add", &prompt(2, 1), "this one is fine"]);
    let shown = env.ok(["show", &thread(2)]).text().to_string();
    for line in [
        "tags      audited\n",
        "ada: ask <b>grace</b>",
        "    tags: audited\n",
        "    note: tester: this one is fine\n",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let json = env.json(["show", &thread(2)]);
    assert_eq!(json["review"]["tags"], json!(["audited"]));
    let session = &thread(2);
    let report = |format: &str| {
        env.ok(["report", "--session", session, "--format", format]).text().to_string()
    };
    let markdown = report("markdown");
    for part in [
        "tags `audited`",
        "disposition `needs-review`",
        "note `tester: this one is fine`",
        "ask &#60;b&#62;grace",
    ] {
        assert!(markdown.contains(part), "{part} in {markdown}");
    }
    let html = report("html");
    assert!(
        html.contains("needs-review") && html.contains("ask &lt;b&gt;grace&lt;/b&gt;"),
        "{html}"
    );
    let document: Value = serde_json::from_str(&report("json")).unwrap();
    let of = &document["sessions"][0];
    assert_eq!(of["review"]["notes"][0]["actor"], "ada");
    assert_eq!(of["prompts"][1]["review"]["disposition"], "needs-review");
}

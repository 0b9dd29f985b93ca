//! What cannot be done is refused with the reason and a hint, and the ledger stays as it is.

use super::{head, hide, seq, undo, without_rules};
use crate::cli_support::{TestEnvironment, fixture_home};
use std::fs;

const SESSION: &str = "019c416a";

/// Exit code 2, nothing on stdout, these words on stderr, a hint, and the same head as before.
#[track_caller]
fn refused(env: &TestEnvironment, args: &[&str], words: &[&str]) {
    let before = head(env);
    let outcome = env.run(["redact"].iter().chain(args)).refused(words);
    let text = &outcome.stderr;
    let has_hint = text.lines().skip(1).any(|line| line.contains("try"));
    assert!(has_hint, "a hint is missing: {text}");
    assert_eq!(head(env), before, "the ledger is as before: {args:?}");
}

#[test]
fn what_is_not_whole_is_refused() {
    let env = without_rules();
    let name = format!("{SESSION}#1");
    let why = ["--reason", "why"];
    refused(&env, &["--prompt", &name], &["reason", "--reason"]);
    refused(&env, &["--prompt", &name, "--reason", ""], &["reason", "--reason"]);
    refused(&env, &["--prompt", &name, "--reason", " \t "], &["reason", "--reason"]);
    refused(&env, &[&["--prompt", &name, "--with", ""], &why[..]].concat(), &["replacement"]);
    refused(&env, &[&["--prompt", &name, "--with", "  "], &why[..]].concat(), &["replacement"]);
    for two in [
        ["--prompt", &name, "--literal", "tides"],
        ["--prompt", &name, "--entry", "3"],
        ["--literal", "tides", "--regex", "tides"],
        ["--entry", "5", "--literal", "tides"],
        ["--prompt", &name, "--session", SESSION],
        ["--entry", "5", "--session", SESSION],
        ["--entry", "5", "--repo", "/home/ada/tide-tables"],
        ["--session", SESSION, "--repo", "/home/ada/tide-tables"],
    ] {
        refused(&env, &[&two[..], &why].concat(), &[]);
    }
    refused(&env, &why, &["--prompt", "--session", "--entry", "--literal", "--regex"]);
    refused(&env, &["--repo", "/home/ada/tide-tables", "--reason", "why"], &["--literal"]);
    refused(&env, &["--field", "/payload/text", "--reason", "why"], &["--entry"]);
    refused(&env, &["--entry", "5", "--span", "0..4", "--reason", "why"], &["--field"]);
    assert_eq!(env.count("SELECT count(*) FROM redactions"), 0);
}

/// What stands nearly everywhere is hidden only if that is said.
#[test]
fn what_would_hide_nearly_everything_is_refused() {
    let env = TestEnvironment::with_session(300);
    let why = ["--reason", "why"];
    for wide in [["--literal", "high water"], ["--regex", "[a-z]+"]] {
        let args = [&wide[..], &["--with", "X"], &why].concat();
        refused(&env, &args, &["would hide something in ", " texts", "--wide"]);
    }
    let rules = env.path("rules.yaml");
    let file =
        |id: &str| format!("extends: builtin\nrules:\n- {{id: {id}, pattern: '[a-z]{{2,}}'}}\n");
    env.write(&rules, file("letters").as_bytes());
    let path = rules.to_str().unwrap();
    refused(
        &env,
        &["rules", "set", path, "--reason", "why"],
        &["rule `letters` would hide", "--wide"],
    );
    assert_eq!(env.count("SELECT count(*) FROM redactions"), 0);
    let said =
        env.ok(["redact", "rules", "set", path, "--wide", "--reason", "why"]).text().to_string();
    assert!(said.contains("they hide ") && said.contains("; 1 before"), "{said}");
    env.ok(["redact", "rules", "set", "builtin", "--reason", "why"]);
    env.ok(["redact", "--literal", "high water", "--wide", "--reason", "why"]);
    let narrowed = ["redact", "--literal", "day 77", "--reason", "why"];
    env.ok(narrowed);
}

#[test]
fn literals_are_neither_too_short_nor_too_long_and_errors_repeat_no_line() {
    let env = without_rules();
    let why = ["--reason", "why"];
    refused(&env, &["--literal", "\u{ad}\u{ad}\u{ad}ab", "--reason", "why"], &["shorter than 3"]);
    let file = env.path("requests.jsonl");
    let path = file.to_str().unwrap();
    let long = serde_json::json!({"literal": "ab cd ".repeat(20_000)}).to_string();
    env.write(&file, long.as_bytes());
    refused(&env, &[&["--from", path], &why[..]].concat(), &["line 1", "120000 bytes", "--entry"]);
    for line in
        [r#"{"literal": "tides", "harbourmaster": 1}"#, r#"{"literal": 7, "x": "harbourmaster"}"#]
    {
        env.write(&file, line.as_bytes());
        let outcome =
            env.run(["redact", "--from", path, "--reason", "why"]).refused(&["line 1", "request"]);
        assert!(!outcome.stderr.contains("harbourmaster"), "{}", outcome.stderr);
    }
    let rules = env.path("rules.yaml");
    env.write(&rules, b"extends: none\nrules:\n- {id: berth, pattern: 'berth-[0-9]+', examples: {match: [nope]}}\n");
    let said = env.run(["redact", "rules", "check", rules.to_str().unwrap()]);
    assert!(!said.refused(&["`berth` does not do what its examples say"]).stderr.contains("nope"));
}

/// What is shown instead is written as it is: it may hold nothing that is hidden elsewhere.
#[test]
fn a_replacement_that_says_what_is_hidden_is_refused() {
    let env = without_rules();
    hide(&env, &["--literal", "sandcastle"]);
    let why = ["--reason", "why"];
    let with = ["--literal", "tide", "--with", "[a Sandcastle]"];
    refused(&env, &[&with[..], &why].concat(), &["replacement", "another redaction", "--with"]);
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let with = ["--literal", "sandcastle", "--with", "see ada@tides-office.org"];
    refused(&env, &[&with[..], &why].concat(), &["replacement", "a rule", "--with"]);
    hide(&env, &["--literal", "tide", "--with", "[water]"]);
}

#[test]
fn targets_that_do_not_exist_are_refused() {
    let env = without_rules();
    let size = head(&env)["size"].as_u64().unwrap();
    let (beyond, last) = (size.to_string(), (size - 1).to_string());
    let of = |args: &[&'static str]| args.to_vec();
    let cases: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (of(&["--prompt", "019c416a"]), vec!["019c416a", "SESSION#N"]),
        (of(&["--prompt", "019c416a#"]), vec!["number"]),
        (of(&["--prompt", "019c416a#two"]), vec!["two"]),
        (of(&["--prompt", "019c416a#-1"]), vec!["-1"]),
        (of(&["--prompt", "019c416a#0"]), vec!["0", "numbers the prompts"]),
        (of(&["--prompt", "019d737a#0"]), vec!["0", "numbers the prompts"]),
        (of(&["--prompt", "019c416a#99"]), vec!["99", "019c416a"]),
        (of(&["--prompt", "019c416a#18446744073709551616"]), vec!["18446744073709551616"]),
        (of(&["--prompt", "019c416a#18446744073709551615"]), vec!["18446744073709551615"]),
        (of(&["--prompt", "019#1"]), vec!["019", "is the beginning of"]),
        (of(&["--prompt", "ffff#1"]), vec!["ffff", "codex-ledger sessions"]),
        (of(&["--prompt", "#1"]), vec!["no session is named"]),
        (of(&["--session", "019"]), vec!["019", "is the beginning of", "more digits"]),
        (of(&["--session", "ffff"]), vec!["ffff", "codex-ledger sessions"]),
        (of(&["--session", ""]), vec!["session"]),
        (of(&["--literal", "tides", "--session", "ffff"]), vec!["ffff"]),
        (of(&["--literal", "tides", "--session", "019"]), vec!["019"]),
        (of(&["--literal", "tides", "--repo", "nowhere"]), vec!["nowhere"]),
        (vec!["--entry", &beyond], vec![&beyond, "no entry"]),
        (of(&["--entry", "18446744073709551615"]), vec!["18446744073709551615"]),
        (of(&["--entry", "0"]), vec!["0", "no record"]),
        (vec!["--entry", &last], vec![]),
    ];
    let (last_case, cases) = cases.split_last().unwrap();
    for (args, words) in cases {
        let args = [&args[..], &["--reason", "why"]].concat();
        refused(&env, &args, words);
    }
    // The last entry is a record or it is not; either way the answer fits.
    let outcome = env.run(["redact", "--reason", "why"].iter().chain(&last_case.0));
    assert!(outcome.code == Some(0) || outcome.stderr.contains("no record"));
}

#[test]
fn fields_and_spans_that_do_not_exist_are_refused() {
    let env = without_rules();
    let call = seq(&env, "SELECT seq FROM function_calls WHERE output LIKE '%sandcastle%'");
    let prompt = seq(&env, "SELECT seq FROM prompts WHERE text LIKE 'Make the page readable%'");
    let (call, prompt) = (call.to_string(), prompt.to_string());
    let field = |seq: &str, pointer: &str, words: &[&str]| {
        refused(&env, &["--entry", seq, "--field", pointer, "--reason", "why"], words);
    };
    field(&call, "/payload/nothing", &["/payload/nothing", "show --raw"]);
    field(&call, "payload/name", &["payload/name"]);
    field(&call, "/payload/arguments/7", &["/payload/arguments/7"]);
    for pointer in [
        "/type",
        "/timestamp",
        "/payload/type",
        "/payload/call_id",
        "/payload/c~0all_id",
        "/payload",
    ] {
        let outcome = env.run(["redact", "--entry", &call, "--field", pointer, "--reason", "why"]);
        if pointer == "/payload" {
            // Not structure itself; what of it is structure stays (`places.rs`).
            assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        } else {
            outcome.refused(&[pointer]);
        }
    }
    let span = |seq: &str, pointer: &str, span: &str, words: &[&str]| {
        let args = ["--entry", seq, "--field", pointer, "--span", span, "--reason", "why"];
        refused(&env, &args, words);
    };
    let chinese = "Make the page readable on a phone. ".len();
    let (start, inside) = (chinese, chinese + 1);
    span(&prompt, "/payload/message", "0..4000", &["4000", "bytes"]);
    span(&prompt, "/payload/message", "4000..4001", &["4000"]);
    span(&prompt, "/payload/message", "9..4", &["9..4"]);
    span(&prompt, "/payload/message", "4..4", &["4..4"]);
    span(&prompt, "/payload/message", "4", &["FROM..TO"]);
    span(&prompt, "/payload/message", "-1..4", &[]);
    span(&prompt, "/payload/message", "0..18446744073709551615", &["18446744073709551615"]);
    span(&prompt, "/payload/message", &format!("{start}..{inside}"), &["inside a character"]);
    span(&prompt, "/payload/message", &format!("{inside}..60"), &["inside a character"]);
    span(&prompt, "/payload/images", "0..1", &["/payload/images", "no text"]);
    hide(&env, &["--entry", &prompt, "--field", "/payload/message", "--span", "0..4"]);
}

#[test]
fn texts_and_patterns_that_would_hide_too_much_are_refused() {
    let env = without_rules();
    for text in ["", "a", "ab", "  ab  ", "é!", "\n\t \n", "😀😀"] {
        refused(&env, &["--literal", text, "--reason", "why"], &["3 characters", "--regex"]);
    }
    for (pattern, words) in [
        ("berth(?= 7)", &["look-around"][..]),
        ("(?<!x)berth", &["look-around"]),
        (r"(a)\1", &["back-reference"]),
        ("berth (", &["unclosed"]),
        ("berth )", &[]),
        ("", &["empty"]),
        ("a*", &["empty"]),
        ("(x|)", &["empty"]),
        ("^", &["empty"]),
        (r"\b", &["empty"]),
        (r"\p{Nope}ork", &[]),
        ("(?s:.{1000}{1000}{1000})", &[]),
    ] {
        refused(&env, &["--regex", pattern, "--reason", "why"], words);
    }
}

/// What would show what it hides.
#[test]
fn a_replacement_that_says_the_text_is_refused() {
    let env = without_rules();
    refused(
        &env,
        &["--literal", "PORT ELLERY", "--with", "not PORT ELLERY", "--reason", "why"],
        &["replacement"],
    );
}

#[test]
fn undo_of_what_is_not_in_force_is_refused() {
    let env = without_rules();
    let no_undo = |target: &str, words: &[&str]| {
        refused(&env, &["undo", target, "--reason", "why"], words);
    };
    no_undo("7", &["7", "redact history"]);
    no_undo("99999", &["99999", "redact history"]);
    no_undo("abcdef012345", &["abcdef012345", "redact history"]);
    no_undo("", &["redact history"]);
    let rules = seq(&env, "SELECT max(seq) FROM rule_sets").to_string();
    no_undo(&rules, &[&rules]);
    let first = hide(&env, &["--literal", "PORT ELLERY"]);
    refused(&env, &["undo", &first.to_string()], &["reason"]);
    refused(&env, &["undo", &first.to_string(), "--reason", "  "], &["reason"]);
    let revocation = undo(&env, first);
    no_undo(&first.to_string(), &["undone already", &revocation.to_string()]);
    undo(&env, revocation);
    no_undo(&revocation.to_string(), &["undone already"]);
    env.run(["redact", "history", "99999"]).refused(&["99999"]);
}

fn bad_rule_files() -> Vec<(String, String)> {
    let folder = fixture_home().parent().unwrap().join("redaction/rules/bad");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    let read =
        |path: &std::path::PathBuf| (path.display().to_string(), fs::read_to_string(path).unwrap());
    files.iter().map(read).collect()
}

#[test]
fn bad_rule_files_are_refused_with_the_reason() {
    let env = without_rules();
    let files = bad_rule_files();
    assert!(files.len() >= 25);
    let before = head(&env);
    let mut wrong = Vec::new();
    for (path, text) in &files {
        let expected: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect: "))
            .map(str::to_lowercase)
            .collect();
        assert!(!expected.is_empty(), "{path}");
        for command in [&["rules", "check"][..], &["rules", "set", "--reason", "why"]] {
            let outcome = env.run(["redact"].iter().chain(command).chain(&[path.as_str()]));
            let said = outcome.stderr.to_lowercase();
            let missing: Vec<_> = expected.iter().filter(|word| !said.contains(*word)).collect();
            let file = path.rsplit('/').next().unwrap();
            if outcome.code != Some(2) || !missing.is_empty() || !said.contains(file) {
                wrong.push(format!("{file}: {:?}, without {missing:?}: {said}", outcome.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(head(&env), before);
}

#[test]
fn rule_files_that_cannot_be_read_are_refused() {
    let env = without_rules();
    let none = env.work().join("none.yml").display().to_string();
    let folder = env.work().display().to_string();
    let binary = env.work().join("binary.yml");
    env.write(&binary, b"\xff\xfe\x00rules");
    let binary = binary.display().to_string();
    for file in [&none, &folder, &binary] {
        refused_file(&env, &["rules", "set", file, "--reason", "why"], file);
        refused_file(&env, &["--from", file, "--reason", "why"], file);
    }
    refused(&env, &["rules", "set", "builtin", "--reason", " "], &["reason"]);
    let config = env.path("user/config.toml");
    env.write(&config, b"[redaction]\nrules = 'gone.yml'\n");
    let append = env.run(["append", &env.codex().display().to_string()]);
    append.refused(&["gone.yml", "redaction.rules", "user/config.toml"]);
    // The rules in force are in the ledger: what only reads needs no file.
    env.ok(["sessions"]);
    env.ok(["redact", "rules", "list"]);
}

#[track_caller]
fn refused_file(env: &TestEnvironment, args: &[&str], file: &str) {
    let before = head(env);
    env.run(["redact"].iter().chain(args)).refused(&[file]);
    assert_eq!(head(env), before);
}

/// Without a ledger or without views there is an answer too, and nothing is made.
#[test]
fn without_a_ledger_there_is_nothing_to_hide() {
    let env = TestEnvironment::new();
    for args in [
        &["--literal", "tides", "--reason", "why"][..],
        &["--prompt", "a#1", "--reason", "why"],
        &["list"],
        &["undo", "3", "--reason", "why"],
        &["preview"],
    ] {
        env.run(["redact"].iter().chain(args)).refused(&[]);
        assert!(!env.ledger().exists(), "{args:?} makes no ledger");
    }
}

//! Rules: files of other tools do end to end what `fixtures/redaction/rules/expect.jsonl` says of them.

use super::evidence::leaks;
use super::{column, configure_rules, head, hide, text, undo};
use crate::cli_support::{TestEnvironment, fixture_home, prompt_line, session, thread};
use codex_ledger_ledger::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    fixture_home().parent().unwrap().join("redaction/rules")
}

/// Characters for placeholders, by class (`fixtures/redaction/README.md`).
fn alphabet(class: &str) -> Vec<u8> {
    let digits = b'0'..=b'9';
    match class {
        "alnum" => digits.chain(b'A'..=b'Z').chain(b'a'..=b'z').collect(),
        "lower" => digits.chain(b'a'..=b'z').collect(),
        "upper" => digits.chain(b'A'..=b'Z').collect(),
        "hex" => digits.chain(b'a'..=b'f').collect(),
        "HEX" => digits.chain(b'A'..=b'F').collect(),
        "digits" => digits.collect(),
        other => panic!("the class {other} is not in expect.jsonl"),
    }
}

fn made_up(inside: &str) -> String {
    let parts: Vec<&str> = inside.split(':').collect();
    let letters = alphabet(parts[0]);
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut state = inside.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let count: usize = parts[1].parse().expect("a length");
    let letter = |n: u64| char::from(letters[(n % letters.len() as u64) as usize]);
    (0..count).map(|_| letter(next())).collect()
}

fn expanded(text: &str) -> String {
    let Some((before, rest)) = text.split_once("{{") else { return text.into() };
    let (inside, after) = rest.split_once("}}").expect("a whole placeholder");
    format!("{before}{}{}", made_up(inside), expanded(after))
}

fn expectations(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join("expect.jsonl")).unwrap();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|one| one["rules"] == file).collect()
}

fn assistant_line(text: &str) -> Vec<u8> {
    let line = json!({
        "timestamp": "2026-03-01T10:00:02.000Z", "type": "response_item",
        "payload": {"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": text}]},
    });
    format!("{line}\n").into_bytes()
}

/// The texts as a session, in their order.
fn said(expected: &[Value]) -> Vec<u8> {
    let mut bytes = session(1, 0);
    for one in expected {
        let text = expanded(one["text"].as_str().unwrap());
        match one["role"].as_str() {
            Some("assistant") => bytes.extend(assistant_line(&text)),
            _ => bytes.extend(prompt_line(&text)),
        }
    }
    bytes
}

const SHOWN: &str = "SELECT text FROM (SELECT line, text FROM prompts UNION ALL
    SELECT line, text FROM messages) ORDER BY line";

#[test]
fn a_rule_for_a_role_reaches_what_that_role_says() {
    for (role, prompt, answer) in [("assistant", 1, 0), ("user", 0, 1)] {
        let env = TestEnvironment::new();
        let rule = "  - id: bird\n    type: literal\n    pattern: gannetstone\n";
        let rules = format!("name: roles\nextends: none\nrules:\n{rule}    roles: [{role}]\n");
        configure_rules(&env, &rules);
        let said = [prompt_line("A gannetstone?"), assistant_line("A gannetstone.")].concat();
        env.write(&env.rollout(1), &[session(1, 1), said].concat());
        env.append(&[]);
        let shown = |table: &str| {
            env.count(&format!("SELECT count(*) FROM {table} WHERE text LIKE '%gannetstone%'"))
        };
        assert_eq!((shown("prompts"), shown("messages")), (prompt, answer), "{role}");
    }
}

#[test]
fn placeholders_are_made_up_as_documented() {
    assert_eq!(made_up("alnum:8:a"), "H9GFFBMZ");
    assert_eq!(made_up("hex:8:a"), "61fa3c05");
}

#[test]
fn files_of_other_tools_do_what_they_say() {
    let mut wrong = Vec::new();
    for file in [
        "ancestor.yml",
        "ancestor-interaction.yml",
        "house.yml",
        "gitleaks.toml",
        "gitleaks-wide.toml",
    ] {
        let expected = expectations(file);
        assert!(!expected.is_empty(), "{file}");
        let env = TestEnvironment::new();
        configure_rules(&env, super::NO_RULES);
        env.write(&env.rollout(1), &said(&expected));
        env.append(&[]);
        fs::remove_file(env.path("user/config.toml")).unwrap();
        let before = env.digest();
        let path = folder().join(file).display().to_string();
        let done = env.json(["redact", "rules", "set", &path, "--reason", "a test"]);
        assert!(done["seq"].is_u64(), "{file}: {done}");
        let shown = column(&env, SHOWN);
        assert_eq!(shown.len(), expected.len());
        for (number, (one, shown)) in expected.iter().zip(&shown).enumerate() {
            if *shown != expanded(one["out"].as_str().unwrap()) {
                let optional = if one["optional"] == true { " (optional)" } else { "" };
                wrong.push(format!("{file}, line {number}{optional}: {shown}"));
            }
        }
        env.digest();
        let listed = env.json(["redact", "rules", "list"]);
        assert_eq!(listed["digest"], done["digest"], "{file}");
        assert_eq!(listed["notes"], done["notes"], "{file}");
        // In force already: nothing is appended.
        let size = head(&env);
        let again = env.json(["redact", "rules", "set", &path, "--reason", "again"]);
        assert_eq!((&again["seq"], head(&env)), (&Value::Null, size), "{file}");
        let none = env.path("user/rules.yml").display().to_string();
        env.ok(["redact", "rules", "set", &none, "--reason", "back"]);
        assert_eq!(env.digest(), before, "{file}: gone again");
        assert_eq!(
            column(&env, SHOWN),
            expected.iter().map(|one| expanded(one["text"].as_str().unwrap())).collect::<Vec<_>>()
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a newer gitleaks file has besides is noted, never silently dropped.
#[test]
fn what_is_not_honoured_is_noted() {
    let env = TestEnvironment::with_session(1);
    let path = folder().join("gitleaks-wide.toml").display().to_string();
    let checked = env.json(["redact", "rules", "check", &path]);
    assert!(!checked["notes"].as_array().unwrap().is_empty());
    env.ok(["redact", "rules", "set", &path, "--reason", "r"]);
    let listed = env.json(["redact", "rules", "list"]);
    assert_eq!(listed["notes"], checked["notes"], "they stay with the entry");
}

#[test]
fn configured_rules_come_into_force_with_the_next_append() {
    let env = TestEnvironment::new();
    let mut bytes = session(1, 1);
    bytes.extend(prompt_line("moor at Berth 17, write to ada@seadler.no"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let shown = || column(&env, "SELECT text FROM prompts WHERE number = 2").remove(0);
    assert_eq!(column(&env, "SELECT name FROM rule_sets WHERE in_force = 1").len(), 1);
    assert!(shown().contains("Berth 17"), "the rules that come with the program");
    let size = head(&env)["size"].as_u64().unwrap();
    let rules = fs::read_to_string(folder().join("ancestor.yml")).unwrap();
    configure_rules(&env, &rules);
    // Nothing new to read, and yet the rules are.
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["appended"], 0);
    assert_eq!(head(&env)["size"], size + 1);
    assert!(shown().contains("[berth]"), "{}", shown());
    env.append(&[]);
    assert_eq!(head(&env)["size"], size + 1, "once");
    assert_eq!(leaks(&env, &["Berth 17"]), BTreeSet::new());
    env.digest();
    // Other rules with other bytes come with them, and hold for them.
    configure_rules(&env, &rules.replace("[berth]", "[where]"));
    env.extend(&env.rollout(1), &prompt_line("then to berth 204"));
    env.append(&[]);
    let all = column(&env, "SELECT text FROM prompts ORDER BY line").join("|");
    assert!(all.contains("moor at [where]") && all.contains("then to [where]"), "{all}");
    env.digest();
    let actors = column(&env, "SELECT actor || ': ' || reason FROM rule_sets ORDER BY seq");
    assert_eq!(actors.len(), 3);
    assert!(actors[2].contains("configured"), "{actors:?}");
    env.audits_clean();
}

/// Puts rules in force, whatever they hide less.
fn set_rules(env: &TestEnvironment, rules: &str) {
    let path = env.path("set.yml");
    env.write(&path, rules.as_bytes());
    env.ok(["redact", "rules", "set", path.to_str().unwrap(), "--reason", "a test"]);
}

/// A configuration only adds: what it lacks, switches off or changes stays as it is, and is said.
#[test]
fn configured_rules_never_weaken_those_in_force() {
    let rule = |id: &str, more: &str| {
        format!("  - id: {id}\n    type: literal\n    pattern: {id} bravo\n{more}")
    };
    let file = |rules: &[String]| format!("name: x\nextends: none\nrules:\n{}", rules.concat());
    let env = TestEnvironment::new();
    configure_rules(&env, &file(&[rule("alpha", ""), rule("gamma", "")]));
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("alpha bravo, gamma bravo, delta bravo"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let shown = || text(&env, "SELECT text FROM prompts");
    let both = "[redacted:alpha], [redacted:gamma], delta bravo";
    assert_eq!(shown(), both);
    let size = || head(&env)["size"].as_u64().unwrap();
    let before = size();
    for (rules, words) in [
        (vec![rule("alpha", "")], "`gamma` is missing"),
        (vec![rule("alpha", ""), rule("gamma", "    enabled: false\n")], "`gamma` is off"),
        (
            vec![rule("gamma", ""), rule("alpha", "    allow: ['alpha']\n")],
            "`alpha` has another allow",
        ),
    ] {
        configure_rules(&env, &file(&rules));
        for _ in 0..2 {
            let done = env.ok(["append", env.codex().to_str().unwrap()]);
            assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
            assert!(done.stderr.contains("rules set FILE --reason"), "{}", done.stderr);
            assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
            assert_eq!(shown(), both, "{words}");
        }
    }
    assert!(size() <= before + 1, "another order is another set, and no more");
    // What is added comes into force beside what would be missing.
    configure_rules(&env, &file(&[rule("delta", "")]));
    env.ok(["append", env.codex().to_str().unwrap()]);
    assert_eq!(shown(), "[redacted:alpha], [redacted:gamma], [redacted:delta]");
    // A person with a reason may, and is told what is weaker.
    let path = env.path("user/rules.yml").display().to_string();
    let done = env.ok(["redact", "rules", "set", &path, "--reason", "no longer"]);
    assert!(done.stderr.contains("weaker") && done.stderr.contains("`gamma` is missing"));
    assert_eq!(shown(), "alpha bravo, gamma bravo, [redacted:delta]");
    assert_eq!(env.append(&[])["bytes"]["appended"], 0, "and the configuration agrees");
    env.digest();
    env.audits_clean();
}

/// An order of rules decides where they overlap: a set that differs in it alone is another set.
#[test]
fn the_order_of_rules_is_part_of_the_set() {
    let rule = |id: &str, pattern: &str| {
        format!(
            "  - id: {id}\n    type: literal\n    pattern: {pattern}\n    replacement: '[{id}]'\n"
        )
    };
    let (one, two) = (rule("one", "alpha bravo"), rule("two", "bravo charlie"));
    let head_lines = "name: two\nextends: none\nrules:\n";
    let env = TestEnvironment::new();
    configure_rules(&env, &format!("{head_lines}{one}{two}"));
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("see alpha bravo charlie delta"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    assert_eq!(text(&env, "SELECT text FROM prompts"), "see [one] delta");
    configure_rules(&env, &format!("{head_lines}{two}{one}"));
    env.append(&[]);
    assert_eq!(text(&env, "SELECT text FROM prompts"), "see [two] delta");
    env.digest();
    // Off and on again; and a person is above all rules.
    set_rules(&env, &format!("{head_lines}{two}    enabled: false\n{one}"));
    assert_eq!(text(&env, "SELECT text FROM prompts"), "see [one] charlie delta");
    let mine = hide(&env, &["--literal", "charlie", "--with", "[mine]"]);
    configure_rules(&env, &format!("{head_lines}{two}{one}"));
    env.append(&[]);
    assert_eq!(text(&env, "SELECT text FROM prompts"), "see [mine] delta");
    env.digest();
    undo(&env, mine);
    assert_eq!(text(&env, "SELECT text FROM prompts"), "see [two] delta");
    env.digest();
    let hits = column(&env, "SELECT rule FROM redaction_hits ORDER BY rule");
    assert_eq!(hits, ["one", "two"], "a passage that several hide counts for each");
}

/// A rule that is changed but keeps its name touches what it had hidden and what it hides now.
#[test]
fn a_changed_rule_is_applied_anew() {
    let rules = |pattern: &str, with: &str| {
        format!(
            "name: one\nextends: none\nrules:\n  - id: word\n    type: regex\n    pattern: '{pattern}'\n    \
             replacement: '{with}'\n"
        )
    };
    let env = TestEnvironment::new();
    configure_rules(&env, &rules("day 0", "[w]"));
    for number in 1..=3 {
        env.write(&env.rollout(number), &session(number, number));
    }
    env.append(&[]);
    let count =
        |word: &str| env.count(&format!("SELECT count(*) FROM prompts WHERE text LIKE '%{word}%'"));
    assert_eq!((count("[w]"), count("day")), (3, 3));
    for (pattern, with, hidden, left) in [
        ("day 1", "[w]", 2, 4),
        ("day 1", "[v]", 2, 4),
        ("day [12]", "[v]", 3, 3),
        ("week", "[v]", 0, 6),
    ] {
        set_rules(&env, &rules(pattern, with));
        assert_eq!((count(with), count("day")), (hidden, left), "{pattern} {with}");
        env.digest();
    }
    assert_eq!(env.json(["show", &thread(3)])["prompts"], 3);
}

/// A ledger of a version that knew no rules gets them before its views are made anew.
#[test]
fn a_ledger_without_rules_gets_them_before_its_views_are_made() {
    for command in [&["migrate"][..], &["rebuild-views"]] {
        let env = TestEnvironment::with_fixture();
        crate::support::ledger::append(&env.ledger(), &env.codex(), World::real()).unwrap();
        env.ok(command);
        let count = |sql: &str| env.count(sql);
        assert_eq!(count("SELECT count(*) FROM rule_sets WHERE in_force = 1"), 1, "{command:?}");
        assert!(count("SELECT count(*) FROM redaction_hits") > 0, "{command:?}");
        let head = env.json(["status"])["head"].clone();
        env.ok(command);
        assert_eq!(env.json(["status"])["head"], head, "once is enough");
        env.audits_clean();
    }
}

#[test]
fn a_new_ledger_with_weaker_rules_than_the_programs_says_so_once() {
    let env = TestEnvironment::with_fixture();
    configure_rules(&env, super::NO_RULES);
    let codex = env.codex().display().to_string();
    let first = env.ok(["append", &codex]);
    assert!(first.stderr.contains("begins with weaker rules"), "{}", first.stderr);
    assert!(first.stderr.contains("redact rules set builtin"), "{}", first.stderr);
    assert_eq!(env.ok(["append", &codex]).stderr, "");
}

/// The pattern of a literal rule is what it hides.
#[test]
fn a_listed_literal_rule_does_not_say_its_text() {
    let env = TestEnvironment::with_session(1);
    let file = env.work().join("own.yaml");
    let rules = "rules:\n  - id: ours\n    type: literal\n    pattern: gannetrock-42\n    examples: {match: [a gannetrock-42]}\n";
    env.write(&file, rules.as_bytes());
    let path = file.display().to_string();
    for listed in [env.json(["redact", "rules", "check", &path]), {
        env.ok(["redact", "rules", "set", &path, "--reason", "r"]);
        env.json(["redact", "rules", "list"])
    }] {
        assert!(listed.to_string().contains("\"ours\""), "it is listed");
        assert!(!listed.to_string().contains("gannetrock"), "{listed}");
    }
}

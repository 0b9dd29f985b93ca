//! Capital and small letters of a literal: the same unless they are asked for, and kept with the decision.

use super::{configure_rules, hide, text, undo};
use crate::cli_support::{TestEnvironment, prompt_line, session};

const SHOWN: &str = "SELECT text FROM prompts WHERE number = 1";

#[test]
fn letters_count_only_where_they_are_asked_for() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("Heron, HERON and her\u{f6}n, then her\u{ad}on"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let before = env.digest();
    let any = hide(&env, &["--literal", "heron"]);
    assert_eq!(text(&env, SHOWN), "[redacted], [redacted] and her\u{f6}n, then [redacted]");
    env.digest();
    undo(&env, any);
    let exact = hide(&env, &["--literal", "HERON", "--exact-case"]);
    assert_eq!(text(&env, SHOWN), "Heron, [redacted] and her\u{f6}n, then her\u{ad}on");
    env.digest();
    undo(&env, exact);
    assert_eq!(env.digest(), before);
    let refused = env.run(["redact", "--regex", "heron", "--exact-case", "--reason", "r"]);
    assert_eq!(refused.code, Some(2));
}

/// What was found is told by its spelling, and what is nearly the same is told too.
#[test]
fn a_literal_is_counted_by_its_spellings_and_near_misses_are_named() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    for said in [
        "Blue Kelp and blue kelp, blue_kelp, BlueKelp",
        "Blue%20Kelp\nBlue\n  Kelp, Blue&#32;Kelp, Qmx1ZSBLZWxw, blue_kelp",
        "Blue\u{200b} Kelp",
    ] {
        bytes.extend(prompt_line(said));
    }
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let done = super::redact(&env, &["--literal", "Blue Kelp"]);
    let forms = done["forms"].as_array().unwrap();
    let forms: Vec<(&str, u64)> = forms
        .iter()
        .map(|form| (form["form"].as_str().unwrap(), form["passages"].as_u64().unwrap()))
        .collect();
    let expected = [
        "as written",
        "base64",
        "entities",
        "other case",
        "over line breaks",
        "percent signs",
        "unseen characters inside",
    ];
    assert_eq!(forms, expected.map(|form| (form, 1)));
    assert_eq!(done["redaction"]["passages"], 7);
    let near = done["near_misses"].as_array().unwrap();
    let near: Vec<(&str, u64)> = near
        .iter()
        .map(|miss| (miss["text"].as_str().unwrap(), miss["passages"].as_u64().unwrap()))
        .collect();
    assert_eq!(near, [("blue_kelp", 2), ("BlueKelp", 1)]);
    env.digest();
    super::undo(&env, done["redaction"]["seq"].as_u64().unwrap());
    let said = env.ok(["redact", "--literal", "Blue Kelp", "--reason", "r"]).text().to_string();
    assert!(said.contains("found as written 1, base64 1"), "{said}");
    assert!(said.contains("blue_kelp  2 times, first in"), "{said}");
}

/// A directory whose sessions belong to a repository with an address stands for that repository; where some do and some
/// do not, somebody has to say which.
#[test]
fn a_directory_stands_for_the_repository_of_its_sessions() {
    let with_remote = |number: u64| {
        let session = String::from_utf8(session(number, 0)).unwrap();
        let git = r#""git":{"repository_url":"https://tower.example/dev/tides.git"},"cwd""#;
        [session.replace("\"cwd\"", git).into_bytes(), prompt_line("the Heron is late")].concat()
    };
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    env.write(&env.rollout(1), &with_remote(1));
    env.append(&[]);
    let narrowed = ["--literal", "Heron", "--repo", "/home/dev/tides"];
    let seq = hide(&env, &narrowed);
    assert_eq!(text(&env, SHOWN), "the [redacted] is late");
    undo(&env, seq);
    let without = [session(2, 0), prompt_line("the Heron is late")].concat();
    env.write(&env.rollout(2), &without);
    env.append(&[]);
    let refused = env.run(["redact"].iter().chain(&narrowed).chain(&["--reason", "r"]));
    refused.refused(&["names 2 repositories"]);
    assert_eq!(text(&env, "SELECT count(*) || '' FROM redaction_hits"), "0");
}

/// What is narrowed to a repository is hidden whichever way a session spells its address, and everything else that asks
/// for a repository knows its spellings, too.
#[test]
fn a_repository_is_one_in_all_spellings() {
    let addresses = [
        "https://tower.example/dev/tides.git",
        "git@tower.example:dev/tides.git",
        "ssh://git@tower.example:22/Dev/Tides",
    ];
    for given in addresses.iter().chain(&["tower.example:dev/tides", "dev/tides"]) {
        let env = TestEnvironment::new();
        configure_rules(&env, super::NO_RULES);
        let other = "https://tower.example/dev/moorings";
        for (number, address) in (1..).zip(addresses.iter().chain(&[other])) {
            let session = String::from_utf8(session(number, 1)).unwrap();
            let git = format!(r#""git":{{"repository_url":"{address}"}},"cwd""#);
            let session = session.replace("\"cwd\"", &git).into_bytes();
            let count = br#"{"timestamp":"2026-03-01T12:00:00.000Z","type":"event_msg","payload":{"type":"token_count","info":{"last_token_usage":{"input_tokens":7,"output_tokens":1,"total_tokens":8}}}}"#;
            let said = prompt_line("the Heron is late");
            env.write(&env.rollout(number), &[&session[..], &said, count, b"\n"].concat());
        }
        env.append(&[]);
        hide(&env, &["--literal", "Heron", "--repo", given]);
        let shown = "SELECT count(*) || '' FROM prompts WHERE text LIKE '%Heron%'";
        assert_eq!(text(&env, shown), "1", "{given}");
        let count = |args: &[&str]| env.json(args).as_array().map_or(0, Vec::len);
        assert_eq!(count(&["sessions", "--repo", given]), 3, "{given}");
        let by_repo = env.json(["tokens", "--by", "repo"]);
        assert_eq!(by_repo["rows"].as_array().map(Vec::len), Some(2), "{by_repo}");
        if given.contains(':') {
            let found = env.json(["search", &format!("late repo:{given}")]);
            assert_eq!(found["total"], 3, "{given}");
        }
    }
}

/// Tags, own rules and own words for dispositions are written by people, and hidden as everything else.
#[test]
fn what_people_have_named_is_hidden_where_it_is_listed() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &[session(1, 1), prompt_line("the zorblax is late")].concat());
    env.append(&[]);
    let id = crate::cli_support::thread(1);
    env.ok(["tag", "add", "zorblax", &id]);
    let rules = env.path("rules.yml");
    let own =
        "rules:\n  - {id: zorblax-ids, description: ids of the zorblax, pattern: 'ZX-[0-9]{6}'}\n";
    std::fs::write(&rules, own).unwrap();
    env.ok(["redact", "rules", "set", &rules.display().to_string(), "--reason", "r"]);
    hide(&env, &["--literal", "zorblax", "--session", &id]);
    let tags = super::column(&env, "SELECT tag FROM tags UNION SELECT value FROM annotations");
    assert!(!tags.concat().contains("zorblax"), "{tags:?}");
    hide(&env, &["--literal", "zorblax"]);
    for args in [&["redact", "rules", "list"][..], &["redact", "rules", "list", "--json"]] {
        let listed = env.ok(args).text().to_string();
        assert!(listed.contains("ghp_") || listed.contains("github-token"), "{listed}");
        assert!(!listed.contains("zorblax"), "{args:?}");
    }
    let config = env.path("config.toml");
    std::fs::write(&config, "[review]\ndispositions = [\"zorblaxed\"]\n").unwrap();
    let config = config.display().to_string();
    let refused = env.run(["--config", &config, "disposition", "set", "zorblaxes", &id]);
    assert_eq!(refused.code, Some(2));
    assert!(!refused.stderr.contains("zorblaxed"), "{}", refused.stderr);
    // A word of the format is no text of anybody.
    hide(&env, &["--literal", "plain", "--wide"]);
    env.audits_clean();
}

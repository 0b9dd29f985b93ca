//! What is hidden is in no file that derives from the ledger; what is shown again is as it was.

use super::evidence::{Sought, in_files, in_texts, leaks};
use super::{column, head, hide, redact, seq, text, undo, without_rules};
use crate::cli_support::{TestEnvironment, prompt_line, rollout_name, session};
use std::collections::BTreeSet;

const SESSION: &str = "019c416a-4ee0-7d54-a729-8a2d16bc4c61";

/// Ids, names, models, places: what a reader of state would keep for later records.
fn literals(env: &TestEnvironment) -> Vec<String> {
    let one = |sql: &str| text(env, sql);
    vec![
        one(
            "SELECT turn_id FROM turns WHERE what = 'started' AND turn_id LIKE '019c41bd%' LIMIT 1",
        ),
        one("SELECT call_id FROM function_calls WHERE output LIKE '%sandcastle%' LIMIT 1"),
        one("SELECT model FROM sessions WHERE id LIKE '019c416a%'"),
        "tide-tables".into(),
        "Serve the tables over HTTP".into(),
        one("SELECT git_url FROM sessions WHERE git_url IS NOT NULL LIMIT 1"),
        SESSION.into(),
        "Two minutes and three centimetres".into(),
        "繁體中文".into(),
    ]
}

#[test]
fn a_literal_is_gone_from_every_file_and_comes_back() {
    let env = without_rules();
    let before = env.digest();
    let literals = literals(&env);
    let there = in_texts(&env, &Sought::new(&literals));
    for index in 0..literals.len() {
        let name = format!("literal {index} in ");
        assert!(there.iter().any(|place| place.starts_with(&name)), "{name}nothing");
    }
    assert!(!in_files(&env, &Sought::new(&literals)).is_empty());
    // The index of the search holds the words too, once somebody has searched.
    let words = |word: &str| env.json(["search", word])["hits"].as_array().map_or(0, Vec::len);
    assert!(words("centimetres") > 0);
    let mut hidden = Vec::new();
    for literal in &literals {
        hidden.push(hide(&env, &["--literal", literal]));
        assert_eq!(in_files(&env, &Sought::new(&[literal])), BTreeSet::new());
    }
    assert_ne!(env.digest(), before);
    assert_eq!(leaks(&env, &literals), BTreeSet::new());
    assert_eq!(words("centimetres"), 0);
    // Whatever else is written later, nothing of it comes back.
    env.write(&env.rollout(7), &session(7, 2));
    env.append(&[]);
    env.ok(["rebuild-views", "--quiet"]);
    assert_eq!(leaks(&env, &literals), BTreeSet::new());
    std::fs::remove_file(env.rollout(7)).unwrap();
    for redaction in hidden {
        undo(&env, redaction);
    }
    let after = env.digest();
    env.write(&env.rollout(7), &session(7, 2));
    assert_eq!(after, super::digest_of_a_fresh_ledger(&env));
}

/// Each kind of target: gone, and after the undo the views are to the last row what they were.
#[test]
fn each_kind_of_target_comes_back_whole() {
    let env = without_rules();
    let before = env.json(["rebuild-views"]);
    let prompt = seq(&env, "SELECT seq FROM prompts WHERE text LIKE 'Compare our heights%'");
    let call = seq(&env, "SELECT seq FROM function_calls WHERE output LIKE '%sandcastle%'");
    let output = seq(
        &env,
        "SELECT e.seq FROM function_calls c JOIN events e ON e.stream = c.stream
         AND e.line = c.output_line WHERE c.output LIKE '%sandcastle%'",
    );
    let (prompt, call, output) = (prompt.to_string(), call.to_string(), output.to_string());
    let named = format!("{}#2", &SESSION[..8]);
    let targets: [(&[&str], &str); 12] = [
        (&["--prompt", &named], "Compare our heights with"),
        (&["--session", SESSION], "I cannot download anything from here"),
        (&["--entry", &prompt], ""),
        (&["--entry", &call], ""),
        (&["--entry", &output], "postgres://tides"),
        (&["--entry", &call, "--field", "/payload/arguments"], ""),
        (&["--entry", &call, "--field", "/payload/arguments/date"], ""),
        (&["--entry", &output, "--field", "/payload/output", "--span", "3..40"], ""),
        (&["--literal", "PORT ELLERY"], "PORT ELLERY"),
        (&["--literal", "with a password", "--session", "019c416a"], ""),
        (&["--literal", "heights", "--repo", "https://github.com/example/tide-tables.git"], ""),
        (&["--regex", r"postgres://\S+tides"], "postgres://tides:sandcastle"),
    ];
    for (target, gone) in targets {
        let redaction = hide(&env, target);
        let hidden = env.json(["rebuild-views", "--check"]);
        assert_eq!(hidden["matches_live"], true, "{target:?}");
        assert_ne!(hidden["digest"], before["digest"], "{target:?} hides something");
        if !gone.is_empty() {
            let sought = Sought::new(&[gone]);
            assert_eq!(in_texts(&env, &sought), BTreeSet::new(), "{target:?}");
            assert_eq!(in_files(&env, &sought), BTreeSet::new(), "{target:?}");
        }
        let revocation = undo(&env, redaction);
        assert_eq!(env.digest(), before["digest"].as_str().unwrap(), "{target:?} undone");
        assert_eq!(undo(&env, revocation), revocation + 1);
        assert_eq!(env.json(["rebuild-views", "--check"])["digest"], hidden["digest"]);
        undo(&env, revocation + 1);
        let after = env.json(["rebuild-views", "--check"]);
        assert_eq!(after["matches_live"], true, "{target:?} undone");
        for (table, digest) in before["tables"].as_object().unwrap() {
            if !["redactions", "revocations", "actions"].contains(&table.as_str()) {
                assert_eq!(&after["tables"][table], digest, "{target:?}: {table}");
            }
        }
    }
    env.audits_clean();
}

/// What a reader copies out of the views may span several strings of JSON.
#[test]
fn literals_across_the_strings_of_json_are_gone() {
    let env = without_rules();
    let before = env.digest();
    for literal in [
        "\"station\":\"PORT ELLERY\",\"date\"",
        "{\"station\":\"PORT",
        "PORT ELLERY\",\"source\":",
        "[[\"03:39\",4.05],[",
        "TIDES_PORT=8080\nAWS",
    ] {
        let done = redact(&env, &["--literal", literal]);
        assert!(done["redaction"]["passages"].as_u64() > Some(0), "{literal}");
        let sought = Sought::new(&[literal]);
        assert_eq!(in_texts(&env, &sought), BTreeSet::new(), "{literal}");
        assert_eq!(in_files(&env, &sought), BTreeSet::new(), "{literal}");
        env.digest();
        undo(&env, done["redaction"]["seq"].as_u64().unwrap());
        assert_eq!(env.digest(), before, "{literal}");
    }
}

/// Long texts lie on many pages; what is left of the old ones is nowhere.
#[test]
fn long_texts_leave_nothing_on_freed_pages() {
    let env = TestEnvironment::new();
    super::configure_rules(&env, super::NO_RULES);
    let words: String = (0..6_000).map(|n| format!("lorem {n} secret-{n:05} ")).collect();
    let mut bytes = session(1, 2);
    bytes.extend(prompt_line(&words));
    env.write(&env.rollout(1), &bytes);
    env.write(&env.rollout(2), &session(2, 3));
    env.append(&[]);
    let sought = [0, 17, 170, 1_700, 4_097, 5_999].map(|n| format!("secret-{n:05}"));
    assert!(in_files(&env, &Sought::new(&sought)).len() >= sought.len());
    let before = env.digest();
    let first = hide(&env, &["--regex", "secret-[0-9]{5}"]);
    assert_eq!(leaks(&env, &sought), BTreeSet::new());
    undo(&env, first);
    assert_eq!(env.digest(), before);
    hide(&env, &["--prompt", &format!("{}#3", crate::cli_support::thread(1))]);
    assert_eq!(leaks(&env, &sought), BTreeSet::new());
    assert_eq!(env.count("SELECT count(*) FROM prompts"), 6);
}

/// A reader that has the views open keeps what it sees, but nothing of it stays behind.
#[test]
fn a_reader_does_not_keep_the_old_text_alive() {
    let env = without_rules();
    let reader = env.views();
    reader.execute_batch("BEGIN").unwrap();
    let count = |sql: &str| -> i64 { reader.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert!(count("SELECT count(*) FROM function_calls WHERE output LIKE '%sandcastle%'") > 0);
    hide(&env, &["--literal", "sandcastle"]);
    assert_eq!(in_texts(&env, &Sought::new(&["sandcastle"])), BTreeSet::new());
    assert_eq!(in_files(&env, &Sought::new(&["sandcastle"])), BTreeSet::new(), "while it reads");
    assert!(count("SELECT count(*) FROM function_calls WHERE output LIKE '%sandcastle%'") > 0);
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    assert_eq!(in_files(&env, &Sought::new(&["sandcastle"])), BTreeSet::new());
    env.digest();
}

/// Older databases, of rebuilds, and raw records hold nothing either.
#[test]
fn older_views_and_raw_records_are_covered() {
    let env = without_rules();
    let config = env.path("user/config.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str("[views]\nraw_json = true\n");
    env.write(&config, text.as_bytes());
    env.append(&[]);
    env.ok(["rebuild-views", "--quiet"]);
    env.ok(["rebuild-views", "--quiet"]);
    let before = env.digest();
    assert!(env.count("SELECT count(*) FROM raw_records WHERE raw LIKE '%sandcastle%'") > 0);
    let prompt = "Then read TIDES_PORT, and finish the documentation.";
    let first = hide(&env, &["--literal", "sandcastle"]);
    let second = hide(&env, &["--prompt", "019c416a#5"]);
    assert_eq!(leaks(&env, &["sandcastle", prompt]), BTreeSet::new());
    for raw in column(&env, "SELECT raw FROM raw_records WHERE raw LIKE '{%'") {
        let is_json = serde_json::from_str::<serde_json::Value>(&raw).is_ok();
        assert!(is_json || !raw.contains("[redacted]"), "what is hidden leaves JSON");
    }
    env.digest();
    undo(&env, second);
    undo(&env, first);
    assert_eq!(env.digest(), before);
}

/// What was hidden before it was there is hidden when it comes.
#[test]
fn what_comes_later_is_hidden_too() {
    let env = TestEnvironment::with_session(1);
    let done = redact(&env, &["--literal", "barnacle"]);
    assert_eq!(done["redaction"]["passages"], 0);
    env.extend(&env.rollout(1), &prompt_line("the barnacle is in the bar\\nacle"));
    let other = env.codex().join("sessions/2026/03/02").join(rollout_name(2));
    let mut bytes = session(2, 1);
    bytes.extend(prompt_line("a barnacle\nin {\"a\":\"barnacle\"}"));
    env.write(&other, &bytes);
    env.append(&[]);
    assert_eq!(leaks(&env, &["barnacle"]), BTreeSet::new());
    assert_eq!(env.count("SELECT sum(passages) FROM redaction_hits WHERE redaction > 0"), 3);
    env.digest();
    let before = head(&env);
    assert_eq!(env.append(&[])["head"]["size"], before["size"]);
}

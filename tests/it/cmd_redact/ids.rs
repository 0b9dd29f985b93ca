//! Ids that are hidden: another name takes their place everywhere, and what belongs together stays together.

use super::evidence::leaks;
use super::twins::assert_same_structure;
use super::{column, configure_rules, hide, shape, text, undo, without_rules};
use crate::cli_support::{TestEnvironment, session, thread};
use std::collections::BTreeSet;

const SESSION: &str = "019c416a-4ee0-7d54-a729-8a2d16bc4c61";

fn id_of(env: &TestEnvironment, sql: &str) -> String {
    let name = text(env, sql);
    let hash = name.strip_prefix("redacted-").unwrap_or_else(|| panic!("{name}: a masked name"));
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    name
}

#[test]
fn a_hidden_thread_id_is_one_name_everywhere() {
    let (env, plain) = (without_rules(), without_rules());
    let before = env.digest();
    let of_session = format!("SELECT id FROM sessions WHERE stream = {}", stream(&env));
    let redaction = hide(&env, &["--literal", SESSION]);
    let name = id_of(&env, &of_session);
    assert_same_structure(&env, &plain, "a thread id");
    assert_eq!(leaks(&env, &[SESSION]), BTreeSet::new());
    for beginning in [&name[..], &name[..12], &name.to_uppercase()] {
        assert_eq!(env.json(["show", beginning])["id"], name.as_str());
        assert!(env.ok(["group", beginning]).text().contains(&name));
    }
    let listed = env.json(["sessions", "--limit", "0"]);
    let listed = listed["sessions"].as_array().or(listed.as_array()).unwrap();
    let row = listed.iter().find(|row| row["id"] == name.as_str()).expect("it is listed");
    assert_eq!(row["name"], "Serve the tables over HTTP", "its name is found");
    env.run(["show", SESSION]).refused(&["no session begins with `[redacted]`"]);
    env.ok(["show", "--raw", &name]);
    // The note of that reading does not name it either.
    env.append(&[]);
    assert_eq!(leaks(&env, &[SESSION]), BTreeSet::new());
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

fn stream(env: &TestEnvironment) -> i64 {
    env.count(&format!("SELECT stream FROM sessions WHERE id = '{SESSION}'"))
}

/// What a masked name names is what it stands for: also for those who hide more.
#[test]
fn a_masked_session_can_be_hidden_further() {
    let env = without_rules();
    let before = env.digest();
    let stream = stream(&env);
    let of_session = format!("SELECT id FROM sessions WHERE stream = {stream}");
    let prompts = format!("SELECT text FROM prompts WHERE stream = {stream} ORDER BY line");
    let first = hide(&env, &["--literal", SESSION]);
    let name = id_of(&env, &of_session);
    let history = "SELECT count(*) FROM history_prompts WHERE text LIKE 'Compare our heights%'";
    assert_eq!(env.count(history), 1);
    let prompt = hide(&env, &["--prompt", &format!("{name}#2")]);
    assert_eq!(column(&env, &prompts)[1], "[redacted]");
    assert_eq!(env.count(history), 0, "its repeats too");
    undo(&env, prompt);
    let short = hide(&env, &["--literal", "async framework", "--session", &name]);
    assert!(column(&env, &prompts)[2].contains("[redacted]"), "within the session");
    undo(&env, short);
    let whole = hide(&env, &["--session", &name]);
    assert!(column(&env, &prompts).iter().all(|text| text == "[redacted]"), "the session");
    env.digest();
    // Shown by its own name again, it is still the session that was hidden.
    undo(&env, first);
    assert_eq!(text(&env, &of_session), SESSION);
    assert!(column(&env, &prompts).iter().all(|text| text == "[redacted]"));
    env.digest();
    undo(&env, whole);
    assert_eq!(env.digest(), before);
}

#[test]
fn hidden_call_and_turn_ids_still_join() {
    let (env, plain) = (without_rules(), without_rules());
    let call = text(&env, "SELECT call_id FROM function_calls WHERE output LIKE '%sandcastle%'");
    let turn =
        text(&env, "SELECT turn_id FROM turns WHERE what = 'started' AND turn_id LIKE '019c41bd%'");
    let before = env.digest();
    let literals = [&call[..], &turn, &call[5..14], "call_", "019c41bd-", "01a08a27"];
    for literal in literals {
        let redaction = hide(&env, &["--literal", literal]);
        assert_same_structure(&env, &plain, literal);
        if literal != "call_" {
            // That one is a part of words of the format, and of names of columns.
            assert_eq!(leaks(&env, &[literal]), BTreeSet::new());
        }
        env.digest();
        undo(&env, redaction);
        assert_eq!(env.digest(), before, "{literal}");
    }
    let redaction = hide(&env, &["--regex", "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}"]);
    assert_same_structure(&env, &plain, "all ids of threads and turns");
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// A redaction that holds in one session only does not part its ids from those of others.
#[test]
fn narrow_redactions_keep_ids_joined() {
    for name in ["fork_restamped", "spawn_original_times"] {
        let (env, plain) = (shape(name), shape(name));
        let ids = column(&env, "SELECT id FROM sessions ORDER BY stream");
        let repo = text(&env, "SELECT DISTINCT coalesce(git_url, cwd) FROM sessions");
        let before = env.digest();
        for id in &ids {
            for within in
                [["--session", &ids[0]], ["--session", ids.last().unwrap()], ["--repo", &repo]]
            {
                let redaction = hide(&env, &[&["--literal", id], &within[..]].concat());
                assert_same_structure(&env, &plain, &format!("{name}: an id within {}", within[0]));
                undo(&env, redaction);
            }
        }
        assert_eq!(env.digest(), before);
    }
    let (env, plain) = (without_rules(), without_rules());
    for within in [["--session", SESSION], ["--repo", "https://github.com/example/tide-tables.git"]]
    {
        let redaction = hide(&env, &[&["--literal", "019c41"], &within[..]].concat());
        assert_same_structure(&env, &plain, &format!("ids within {}", within[0]));
        undo(&env, redaction);
    }
}

/// A word that can be no part of a thread's id hides an id in its session alone, and where nobody says whose it is.
#[test]
fn a_narrow_word_hides_ids_of_its_session() {
    let env = TestEnvironment::new();
    let named = |number: u64| {
        let text = String::from_utf8(session(number, 1)).unwrap();
        let call = r#"{"timestamp":"2026-02-01T10:00:09.000Z","type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{}","call_id":"call_Quinby_7"}}"#;
        format!("{text}{call}\n").into_bytes()
    };
    for number in 1..=2 {
        env.write(&env.rollout(number), &named(number));
    }
    env.append(&[]);
    let before = env.digest();
    let ids = || column(&env, "SELECT call_id FROM function_calls ORDER BY stream");
    let one = hide(&env, &["--literal", "Quinby", "--session", &thread(1)]);
    assert!(ids()[0].starts_with("redacted-") && ids()[1] == "call_Quinby_7", "{:?}", ids());
    env.ok(["rebuild-views", "--check"]);
    undo(&env, one);
    assert_eq!(env.digest(), before);
}

/// Rules that look at some columns or roles only do not part ids either.
#[test]
fn rules_with_a_reach_keep_ids_joined() {
    let plain = without_rules();
    for reach in ["roles: [user]", "fields: [prompts]", "scope: prompt", "fields: [sessions]"] {
        let rules = format!(
            "name: ids\nextends: none\nrules:\n  - id: ids\n    type: regex\n    \
             pattern: '019[a-f0-9]{{5}}-[a-f0-9-]+'\n    {reach}\n"
        );
        let env = TestEnvironment::with_fixture();
        configure_rules(&env, &rules);
        env.append(&[]);
        assert_same_structure(&env, &plain, reach);
        env.digest();
    }
}

/// Parents and children find each other, and lineage is told as before.
#[test]
fn forks_of_hidden_sessions_keep_their_parents() {
    for name in ["fork_old", "fork_restamped", "fork_nested", "review_window"] {
        let (env, plain) = (shape(name), shape(name));
        let before = env.digest();
        for id in column(&env, "SELECT DISTINCT id FROM sessions ORDER BY id") {
            let redaction = hide(&env, &["--literal", &id]);
            assert_same_structure(&env, &plain, name);
            env.digest();
            undo(&env, redaction);
        }
        assert_eq!(env.digest(), before, "{name}");
    }
}

/// What says which kind a row is stays what it is, even where a person hides that very word.
#[test]
fn words_of_the_format_are_no_text() {
    let (env, plain) = (without_rules(), without_rules());
    for literal in ["user_message", "function_call", "assistant", "developer", "token_count"] {
        let redaction = hide(&env, &["--literal", literal]);
        assert_same_structure(&env, &plain, literal);
        env.digest();
        undo(&env, redaction);
    }
}

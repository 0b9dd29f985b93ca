//! What is appended is found, what is rewritten is found no more.

use super::{found, header, said, set, shards, two_sessions};
use crate::cli_support::{TestEnvironment, prompt_line, session, sources_below};
use std::fs;

#[test]
fn a_grown_session_is_found_by_its_new_words() {
    let env = two_sessions();
    assert_eq!(found(&env, "lighthouse"), [""; 0]);
    env.extend(&env.rollout(1), &prompt_line("Where is the lighthouse?"));
    env.append(&[]);
    assert_eq!(found(&env, "lighthouse"), ["prompt 1"]);
    assert_eq!(set(&env, "\"high water\""), ["message 1", "prompt 1"], "and by its old ones, once");
    for step in 0..5 {
        env.extend(
            &env.rollout(2),
            &said("2026-03-05T00:00:00.000Z", &format!("beacon{step} stands")),
        );
        env.append(&[]);
        assert_eq!(found(&env, &format!("beacon{step}")), ["message 2"]);
        assert_eq!(found(&env, "beacon*").len(), step + 1);
    }
    env.write(&env.rollout(3), &[header(3, "/srv/x", "x"), prompt_line("A buoy")].concat());
    env.append(&[]);
    assert_eq!(found(&env, "buoy"), ["prompt 3"]);
}

/// Nothing but the shard of the grown session is written.
#[test]
fn only_what_grew_is_indexed() {
    let env = two_sessions();
    found(&env, "x");
    let times = || -> Vec<_> {
        shards(&env)
            .iter()
            .map(|path| fs::metadata(path.join("meta.json")).unwrap().modified().unwrap())
            .collect()
    };
    let before = times();
    assert_eq!(before.len(), 16);
    found(&env, "x");
    assert_eq!(times(), before, "a search that finds the index up to date writes nothing");
    env.extend(&env.rollout(1), &prompt_line("more"));
    env.append(&[]);
    found(&env, "more");
    let changed = times().iter().zip(&before).filter(|(now, then)| now != then).count();
    assert_eq!(changed, 1);
}

#[test]
fn a_torn_line_is_found_when_it_is_whole() {
    let env = two_sessions();
    let line = prompt_line("Ring the foghorn now");
    let (torn, rest) = line.split_at(line.len() - 20);
    for is_settled in [false, true] {
        env.extend(&env.rollout(1), torn);
        if is_settled {
            env.settle(&env.rollout(1));
        }
        env.append(&[]);
        assert_eq!(found(&env, "foghorn"), vec!["prompt 1"; usize::from(is_settled)]);
        env.extend(&env.rollout(1), rest);
        env.append(&[]);
        assert_eq!(found(&env, "foghorn"), vec!["prompt 1"; 1 + usize::from(is_settled)]);
    }
    env.digest();
}

#[test]
fn the_old_words_of_a_rewritten_source_are_still_found() {
    let env = two_sessions();
    assert_eq!(found(&env, "zephyr").len(), 1);
    env.write(&env.rollout(2), &[header(2, "/srv/x", "x"), prompt_line("Only a jetty")].concat());
    env.append(&[]);
    assert_eq!(found(&env, "zephyr").len(), 1, "what was shown stays shown");
    assert_eq!(found(&env, "jetty"), ["prompt 2"]);
    env.ok(["redact", "--literal", "zephyr", "--reason", "r"]);
    assert_eq!(found(&env, "zephyr"), [""; 0]);
    assert!(!super::stands_in_shards(&env, "zephyr"), "nor in the files");
}

/// However the index came to be, it answers the same.
#[test]
fn a_grown_index_answers_as_a_new_one() {
    let env = TestEnvironment::new();
    for round in 1..=4 {
        for number in 1..=3 {
            env.write(&env.rollout(number), &session(number, round * number));
            env.append(&[]);
            found(&env, "water");
        }
    }
    let answers = || {
        ["water", "day", "\"day 3\"", "in:prompt"]
            .map(|question| env.json(["search", question, "--limit", "7"]))
    };
    let grown = answers();
    shards(&env).iter().for_each(|path| fs::remove_dir_all(path).unwrap());
    assert_eq!(answers(), grown);
}

/// Every prompt of the invented home is found by its own words.
#[test]
fn every_prompt_of_a_home_is_found() {
    let env = TestEnvironment::with_fixture();
    for _ in 0..sources_below(&env.codex()).len().div_ceil(4) {
        env.append(&["--limit", "4"]);
        found(&env, "x");
    }
    let views = env.views();
    let mut statement = views
        .prepare("SELECT s.id, p.number, p.text FROM prompts p JOIN sessions s USING (stream) WHERE number > 0")
        .unwrap();
    let rows = statement
        .query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
        })
        .unwrap();
    let mut asked = 0;
    for row in rows {
        let (id, number, text) = row.unwrap();
        let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
        let Some(word) = words.next() else { continue };
        let question = format!("in:prompt session:{id} \"{word}\"");
        let answer = env.json(["search", "--limit", "0", &question]);
        let is_it = |hit: &serde_json::Value| hit["prompt"] == number;
        assert!(answer["hits"].as_array().unwrap().iter().any(is_it), "{question}: {answer}");
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
}

//! Files that the client has rewritten, cut, migrated or gone back in: in whatever order and pieces their versions
//! came into the ledger, the views say the same.

use crate::cli_support::{Source, TestEnvironment, sources_below};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

const CASES: u32 = 18;
/// Shapes of the conformance suite whose second step does not go on where the first ends.
const SHAPES: [&str; 6] = [
    "step_cut_and_regrown",
    "step_document_rewritten",
    "step_migrated",
    "step_migrated_fork",
    "step_reverted",
    "step_rewritten",
];

/// A version of a file, in the order in which the client wrote them.
fn versions(shape: &str) -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rollouts").join(shape);
    let steps = ["step1", "step2"].map(|step| sources_below(&folder.join(step)));
    let mut versions: Vec<Source> = Vec::new();
    for source in steps.into_iter().flatten() {
        let is_known = |known: &Source| known.bytes == source.bytes;
        if !versions.iter().any(is_known) {
            versions.push(source);
        }
    }
    versions
}

fn append(env: &TestEnvironment, source: &Source, bytes: &[u8]) {
    let path = env.codex().join(&source.relative);
    env.write(&path, bytes);
    env.settle(&path);
    env.append_roots(std::slice::from_ref(&path), &[]);
}

/// When each version comes, and how much of it had come before, in thousandths.
fn arrival() -> impl Strategy<Value = (usize, Vec<(u32, u32)>)> {
    let version = (any::<u32>(), prop_oneof![Just(0), 0..1000u32]);
    (0..SHAPES.len(), prop::collection::vec(version, 4))
}

#[test]
fn versions_of_a_file_leave_no_trace_of_their_order() {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_129),
        ..ProptestConfig::default()
    };
    let env = TestEnvironment::new();
    let expected: RefCell<HashMap<&str, String>> = RefCell::default();
    let result = TestRunner::new(config).run(&arrival(), |(shape, times)| {
        let shape = SHAPES[shape];
        let versions = versions(shape);
        assert!((2..=times.len()).contains(&versions.len()), "versions of {shape}");
        let mut expected = expected.borrow_mut();
        let in_order = &*expected.entry(shape).or_insert_with(|| {
            fs::remove_dir_all(env.ledger()).ok();
            versions.iter().for_each(|version| append(&env, version, &version.bytes));
            env.digest()
        });
        fs::remove_dir_all(env.ledger()).ok();
        let mut order: Vec<_> = versions.iter().zip(&times).collect();
        order.sort_by_key(|(_, (when, _))| *when);
        for (version, (_, part)) in &order {
            // A document that is not whole would be another document.
            if !version.is_document() {
                append(
                    &env,
                    version,
                    &version.bytes[..version.bytes.len() * *part as usize / 1000],
                );
            }
        }
        for (version, _) in &order {
            append(&env, version, &version.bytes);
        }
        prop_assert_eq!(&env.digest(), in_order, "{} in the order {:?}", shape, times);
        Ok(())
    });
    result.unwrap_or_else(|failed| panic!("{failed}"));
    env.audits_clean();
}

/// Session, number and key of the words of each prompt that has a number.
fn prompts(env: &TestEnvironment) -> Vec<(String, i64, String)> {
    let sql = "SELECT s.id, p.number, substr(p.text_key, 1, 12) FROM prompts p JOIN sessions s USING (stream)
        JOIN streams t USING (stream) WHERE p.number > 0 AND t.superseded = 0 AND t.kind = 'rollout' ORDER BY 1, 2";
    let db = env.views();
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_is_said_of_a_prompt_stays_on_its_words_in_any_order_of_its_files() {
    for shape in SHAPES {
        let versions = versions(shape);
        for first in 0..versions.len() {
            let env = TestEnvironment::new();
            let mut order: Vec<&Source> = versions.iter().collect();
            order.rotate_left(first);
            order[1..].reverse();
            for version in order {
                append(&env, version, &version.bytes);
                for (session, number, words) in prompts(&env) {
                    let subject = format!("{session}#{number}");
                    env.ok(["tag", "add", &words, &subject]);
                    env.ok(["disposition", "set", "followed", &subject]);
                    env.ok(["note", "add", &subject, &words]);
                }
            }
            let prompts = prompts(&env);
            for what in ["tag", "note"] {
                for row in env.json([what, "list"]).as_array().unwrap() {
                    let words = row["tag"].as_str().or(row["text"].as_str()).unwrap();
                    let id = row["session"].as_str().unwrap();
                    let number = row["prompt"].as_i64().unwrap();
                    let are_its = prompts
                        .iter()
                        .any(|p| (p.0.as_str(), p.1, p.2.as_str()) == (id, number, words));
                    let is_gone = number == 0 && !prompts.iter().any(|p| p.0 == id && p.2 == words);
                    assert!(
                        are_its || is_gone,
                        "{shape} from {first}: {what} {words} of {id}#{number}"
                    );
                }
            }
            let dispositions = env.json(["disposition", "list"]).as_array().unwrap().len();
            assert!(dispositions >= prompts.len(), "{shape} from {first}: each prompt has its one");
            for (session, number, words) in &prompts {
                env.ok(["tag", "remove", words, &format!("{session}#{number}")]);
            }
            let left = env.json(["tag", "list"]);
            assert!(
                left.as_array().unwrap().iter().all(|row| row["prompt"] == 0),
                "{shape}: {left}"
            );
            env.audits_clean();
        }
    }
}

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

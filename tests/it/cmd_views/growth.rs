//! However files grew and in whatever order they were read, the views say the same in the end.

use crate::cli_support::{Source, TestEnvironment, fixture_home, sources_below};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Growth of one file: where it was torn, and when each part came.
#[derive(Clone, Debug)]
struct Growth {
    /// Places in thousandths of the file.
    cuts: Vec<u32>,
    /// Whether the parts were still for long, so that torn ends were taken.
    is_still: bool,
    /// Rank in the order of reading.
    rank: u32,
}

const STEPS: usize = 4;
const CASES: u32 = 24;

fn growth() -> impl Strategy<Value = Growth> {
    let cuts = prop::collection::vec(0..1000u32, 0..STEPS);
    (cuts, any::<bool>(), any::<u32>()).prop_map(|(mut cuts, is_still, rank)| {
        cuts.sort_unstable();
        Growth { cuts, is_still, rank }
    })
}

fn fixture() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| sources_below(&fixture_home()))
}

/// The bytes on disk of a source after that step; a whole file comes at once with its only step.
fn part<'a>(growth: &Growth, step: usize, on_disk: &'a [u8]) -> &'a [u8] {
    let missing = STEPS - 1 - step;
    let cut = growth.cuts.len().checked_sub(missing).map(|at| growth.cuts.get(at));
    match cut {
        None => &[],
        Some(None) => on_disk,
        Some(Some(cut)) => &on_disk[..on_disk.len() * *cut as usize / 1000],
    }
}

fn place(env: &TestEnvironment, path: &Path, bytes: &[u8], is_still: bool) {
    env.write(path, bytes);
    if is_still {
        env.settle(path);
    }
}

/// Every source appended whole and in one run.
fn at_once(env: &TestEnvironment) -> String {
    fs::remove_dir_all(env.ledger()).ok();
    for source in fixture() {
        let bytes = fs::read(&source.path).unwrap();
        place(env, &env.codex().join(&source.relative), &bytes, true);
    }
    env.append(&[]);
    env.digest()
}

fn in_steps(env: &TestEnvironment, growths: &[Growth]) -> String {
    fs::remove_dir_all(env.ledger()).ok();
    fs::remove_dir_all(env.codex()).ok();
    let mut order: Vec<usize> = (0..growths.len()).collect();
    order.sort_by_key(|index| growths[*index].rank);
    for step in 0..STEPS {
        let is_last = step + 1 == STEPS;
        let mut roots = Vec::new();
        for index in &order {
            let (source, growth) = (&fixture()[*index], &growths[*index]);
            let path = env.codex().join(&source.relative);
            let on_disk = fs::read(&source.path).unwrap();
            let bytes = part(growth, step, &on_disk);
            // A document that is not whole would be another document.
            let bytes = if source.is_document() && !is_last { &[][..] } else { bytes };
            place(env, &path, bytes, growth.is_still || is_last);
            roots.push(path);
        }
        // Two runs with half of the files each: entries come in the order of the ranks.
        for roots in roots.chunks(roots.len().div_ceil(2)) {
            env.append_roots(roots, &[]);
        }
    }
    env.digest()
}

#[test]
fn growth_and_order_leave_no_trace() {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_301),
        ..ProptestConfig::default()
    };
    let env = TestEnvironment::new();
    let expected = at_once(&env);
    let total: usize = fixture().iter().map(|source| source.bytes.len()).sum();
    let growths = prop::collection::vec(growth(), fixture().len());
    let result = TestRunner::new(config).run(&growths, |growths| {
        prop_assert_eq!(in_steps(&env, &growths), expected.as_str());
        let bytes = &env.json(["status"])["coverage"]["bytes"];
        prop_assert_eq!(bytes, total);
        Ok(())
    });
    result.unwrap_or_else(|failed| panic!("{failed}"));
}

/// A document that was read while it was being written is superseded by the whole one.
#[test]
fn a_document_that_was_read_too_early_leaves_no_trace() {
    let env = TestEnvironment::new();
    let expected = at_once(&env);
    fs::remove_dir_all(env.ledger()).unwrap();
    let document = fixture().iter().find(|source| source.is_document()).unwrap();
    let path = env.codex().join(&document.relative);
    for tenth in 1..10 {
        place(&env, &path, &document.bytes[..document.bytes.len() * tenth / 10], true);
        env.append_roots(std::slice::from_ref(&path), &[]);
        env.digest();
    }
    place(&env, &path, &document.bytes, true);
    env.append(&[]);
    assert_eq!(env.digest(), expected);
    assert_eq!(env.raw(&document.id(), &[]), document.bytes);
}

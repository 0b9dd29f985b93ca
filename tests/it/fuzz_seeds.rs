//! Replays the seeds of `fuzz/` through the functions that the fuzz targets call.

use std::fs;
use std::panic;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod checks;

#[test]
fn every_line_seed_keeps_the_promises_of_the_parser() {
    replay("line", checks::line, 100);
}

#[test]
fn every_document_seed_keeps_the_promises_of_the_parser() {
    replay("document", checks::document, 10);
}

/// Runs the check on each seed, also cut in its middle, and names the seeds that break it.
fn replay(target: &str, check: fn(&[u8]), at_least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let entries = fs::read_dir(&folder).expect("fuzz/seeds is there").map(Result::unwrap);
    let mut seeds: Vec<_> = entries.map(|entry| entry.path()).collect();
    seeds.sort();
    assert!(seeds.len() >= at_least, "only {} seeds for `{target}`", seeds.len());
    let broken: Vec<_> = seeds
        .iter()
        .filter(|seed| {
            let bytes = fs::read(seed).unwrap();
            let halves = [&bytes[..], &bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]];
            panic::catch_unwind(|| halves.into_iter().for_each(check)).is_err()
        })
        .filter_map(|seed| seed.file_name())
        .collect();
    assert!(broken.is_empty(), "seeds of `{target}` that break a promise: {broken:?}");
}

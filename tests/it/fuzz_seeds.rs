//! Replays the seeds of `fuzz/` through the functions that the fuzz targets call.

use crate::cli_support::variable;
use std::fs;
use std::panic;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod checks;

#[test]
fn every_line_seed_keeps_the_promises_of_the_parser() {
    replay("line", checks::rollout::line, 100);
}

#[test]
fn every_document_seed_keeps_the_promises_of_the_parser() {
    replay("document", checks::rollout::document, 10);
}

#[test]
fn every_seed_of_a_text_keeps_the_promises_of_its_reader() {
    replay("header", checks::texts::header, 20);
    replay("proof", checks::texts::proof, 6);
    replay("rules", checks::texts::rules, 10);
    replay("config", checks::texts::config, 1);
}

#[test]
fn every_seed_of_a_file_keeps_the_promises_of_the_ledger() {
    replay("head", checks::files::head, 1);
    replay("journal", checks::files::journal, 1);
    replay("pack", checks::files::pack, 10);
    replay("volume", checks::files::volume, 1);
    replay("side", checks::files::side, 3);
    replay("bundle", checks::files::bundle, 1);
}

/// Files of a ledger, and texts that are read on their own, each with a seed to start from.
#[test]
fn what_the_targets_start_from_is_kept() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = checks::files::seeds();
    for (target, folder) in [
        ("rules", "fixtures/redaction/rules"),
        ("rules", "fixtures/redaction/rules/bad"),
        ("proof", "fixtures/bundles/form-2"),
        ("proof", "crates/proof/fixtures/stamps"),
    ] {
        for entry in fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            // Of a bundle, what is evidence: not its programs and reports.
            let is_evidence = target == "rules" || !name.contains("verify") && !name.contains('.');
            let is_stamp = folder.ends_with("stamps") && name != "make";
            if entry.path().is_file() && (is_evidence && name != "entries.cxb" || is_stamp) {
                seeds.push((target, name, fs::read(entry.path()).unwrap()));
            }
        }
    }
    let guide = fs::read_to_string(root.join("docs/CONFIGURATION.md")).unwrap();
    for (number, block) in guide.split("```toml\n").skip(1).enumerate() {
        let block = block.split("```").next().unwrap();
        seeds.push(("config", format!("guide-{number}"), block.as_bytes().to_vec()));
    }
    assert!(seeds.len() > 50, "only {}", seeds.len());
    let is_asked = variable("UPDATE_GOLDEN").is_some();
    for (target, name, bytes) in seeds {
        let path = root.join("fuzz/seeds").join(target).join(&name);
        if is_asked {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        assert!(path.is_file(), "{target}/{name} is missing: UPDATE_GOLDEN=1 writes it");
    }
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

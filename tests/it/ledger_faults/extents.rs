//! Settled volumes are read where their packs lie, without the log engine, and are never touched.

use crate::support::evidence::{Evidence, evidence, files_of, places, write_files};
use crate::support::ledger::{contents, findings};
use crate::support::world::{holder, quick};
use codex_ledger_entry::{Seq, checksum};
use codex_ledger_ledger::{Ledger, LedgerReader, Survey};
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

const LONG_AGO: SystemTime = SystemTime::UNIX_EPOCH;

fn engine_files(evidence: &Evidence) -> Vec<PathBuf> {
    let volume = evidence.name("/db").parent().unwrap().to_path_buf();
    evidence.files.keys().filter(|name| name.starts_with(&volume)).cloned().collect()
}

fn set_old(evidence: &Evidence) {
    for name in engine_files(evidence) {
        let file = File::options().append(true).open(evidence.ledger().join(name)).unwrap();
        file.set_modified(LONG_AGO + Duration::from_secs(9)).unwrap();
    }
}

fn assert_old(evidence: &Evidence, what: &str) {
    for name in engine_files(evidence) {
        let modified = fs::metadata(evidence.ledger().join(&name)).unwrap().modified().unwrap();
        let age = modified.duration_since(LONG_AGO).unwrap();
        assert_eq!(age.as_secs(), 9, "{what}: {} was written", name.display());
    }
}

#[test]
fn no_reader_writes_to_a_settled_volume() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger());
    for without in [None, Some(".extents"), Some("/conf"), Some("/snap.")] {
        let mut files = evidence.files.clone();
        without.map(|part| files.remove(&evidence.name(part)));
        write_files(&evidence.ledger(), &evidence.files);
        set_old(&evidence);
        if let Some(part) = without {
            fs::remove_file(evidence.ledger().join(evidence.name(part))).unwrap();
        }

        let what = format!("without {without:?}");
        assert!(contents(&evidence.ledger()) == whole, "{what}: other entries");
        let is_sound = findings(&evidence.ledger()).is_empty();
        assert_eq!(is_sound, matches!(without, None | Some(".extents")), "{what}");
        Survey::of(&evidence.ledger(), &[]).expect(&what);
        assert!(files_of(&evidence.ledger()) == files, "{what}: reading changed the files");
        if !without.is_some_and(|part| part.starts_with('/')) {
            assert_old(&evidence, &what);
        }
    }
}

#[test]
fn opening_for_writing_makes_missing_and_damaged_extents_anew() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger());
    let name = evidence.name(".extents");
    let extents = &evidence.files[&name];
    let flips = places(extents.len(), &[0, 16, 32], 12, 3);
    let damaged = flips.into_iter().map(|at| {
        let mut bytes = extents.clone();
        bytes[at] ^= 1 << (at % 8);
        Some(bytes)
    });
    for bytes in damaged.chain([None, Some(Vec::new())]) {
        let mut files = evidence.files.clone();
        match &bytes {
            Some(bytes) => drop(files.insert(name.clone(), bytes.clone())),
            None => drop(files.remove(&name)),
        }
        write_files(&evidence.ledger(), &files);
        assert!(contents(&evidence.ledger()) == whole, "other entries are read");
        let found = findings(&evidence.ledger());
        assert_eq!(found.len(), usize::from(bytes.is_some()), "{found:?}");
        set_old(&evidence);
        drop(Ledger::open(&evidence.ledger(), quick(5), &holder()).unwrap());
        assert_old(&evidence, "opened for writing");
        assert!(fs::read(evidence.ledger().join(&name)).unwrap() == *extents);
        assert_eq!(findings(&evidence.ledger()), []);
    }
}

#[test]
fn extents_of_another_ledger_are_not_used() {
    let (ours, theirs) = (evidence(1), evidence(2));
    let name = ours.name(".extents");
    let whole = contents(&ours.ledger());
    let mut files = ours.files.clone();
    files.insert(name.clone(), theirs.files[&name].clone());
    write_files(&ours.ledger(), &files);
    assert!(contents(&ours.ledger()) == whole, "other entries are read");
    let found = findings(&ours.ledger());
    assert!(found.len() == 1 && found[0].file == ours.ledger().join(&name), "{found:?}");
}

/// The engine gives up a whole leaf for one wrong byte; the packs of the leaf still stand in the file.
#[test]
fn a_flipped_byte_of_a_volume_costs_one_pack_at_most() {
    let evidence = evidence(1);
    let largest = largest_pack(&evidence);
    let name = evidence.name("/db");
    let (mut whole, mut damaged) = (0, 0);
    for at in places(evidence.files[&name].len(), &[], 40, 29) {
        let mut files = evidence.files.clone();
        files.get_mut(&name).unwrap()[at] ^= 1;
        write_files(&evidence.ledger(), &files);
        match Survey::of(&evidence.ledger(), &[]) {
            Ok(survey) if survey.lost().is_empty() => whole += 1,
            Ok(survey) => {
                damaged += 1;
                assert!(survey.unreadable() <= largest, "at {at}: {}", survey.unreadable());
            }
            // The pack of the first entry is hit.
            Err(_) => damaged += 1,
        }
    }
    assert!(whole > 10 && damaged > 5, "{whole} whole, {damaged} damaged");
}

fn largest_pack(evidence: &Evidence) -> u64 {
    let mut reader = LedgerReader::open(&evidence.ledger()).unwrap();
    let (mut next, mut largest) = (Seq::FIRST, 0);
    while let Some(pack) = reader.pack_from(next).unwrap() {
        next = pack.info.end_seq();
        largest = largest.max(u64::from(pack.info.count));
    }
    largest
}

/// Whoever can write the file can give it a right checksum: what it says is believed no more for that.
#[test]
fn wrong_extents_with_a_right_checksum_cost_no_entry() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger());
    let name = evidence.name(".extents");
    let bytes = &evidence.files[&name];
    let mut said = 0;
    for at in places(bytes.len(), &[33, 90, 130], 30, 41).into_iter().filter(|at| *at >= 32) {
        let mut forged = bytes.clone();
        forged[at] ^= 1 << (at % 8);
        let sum = checksum("codex-ledger v1 side record", &[&forged[..16], &forged[32..]]);
        forged[16..32].copy_from_slice(&sum);
        let mut files = evidence.files.clone();
        files.insert(name.clone(), forged);
        write_files(&evidence.ledger(), &files);
        assert!(contents(&evidence.ledger()) == whole, "byte {at}: other entries");
        let found = findings(&evidence.ledger());
        assert!(found.iter().all(|f| f.file == evidence.ledger().join(&name)), "{at}: {found:?}");
        said += found.len();
        let survey = Survey::of(&evidence.ledger(), &[]).unwrap();
        assert!(survey.lost().is_empty(), "byte {at}: nothing is lost");
    }
    assert!(said > 10, "{said} findings");
}

/// Its packs are sound, and not ours.
#[test]
fn the_engines_file_of_another_ledger_is_never_read_as_ours() {
    let (ours, theirs) = (evidence(1), evidence(2));
    let name = ours.name("/db");
    for with_extents in [false, true] {
        let mut files = ours.files.clone();
        files.insert(name.clone(), theirs.files[&name].clone());
        let extents = ours.name(".extents");
        match with_extents {
            true => drop(files.insert(extents.clone(), theirs.files[&extents].clone())),
            false => drop(files.remove(&extents)),
        }
        write_files(&ours.ledger(), &files);
        let mut reader = LedgerReader::open(&ours.ledger()).unwrap();
        let error = reader.pack_from(Seq::FIRST).map(drop).expect_err("another ledger's entries");
        assert!(error.to_string().contains("db"), "{error}");
        assert!(!findings(&ours.ledger()).is_empty());
    }
}

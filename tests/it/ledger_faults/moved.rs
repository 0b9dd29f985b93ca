//! Whole pieces in the wrong place: swapped, doubled, older than they should be, of another ledger.

use crate::support::evidence::{
    Evidence, Files, evidence, files_of, frame_bounds, newborn_head, write_files,
};
use crate::support::ledger::{contents, findings};
use crate::support::world::{holder, quick};
use codex_ledger_entry::Seq;
use codex_ledger_ledger::Ledger;
use std::path::{Path, PathBuf};

const SLOT_BYTES: usize = 4096;

/// What opening for writing says, when it refuses; then every file is as it was.
fn refusal(evidence: &Evidence, damage: impl FnOnce(&mut Files)) -> Option<String> {
    let mut files = evidence.files.clone();
    damage(&mut files);
    write_files(&evidence.ledger(), &files);
    let opened = Ledger::open(&evidence.ledger(), quick(9), &holder()).map(drop);
    let refusal = opened.err().map(|error| error.to_string());
    if refusal.is_some() {
        assert!(files_of(&evidence.ledger()) == files, "{refusal:?} changed the files");
    }
    write_files(&evidence.ledger(), &evidence.files);
    refusal
}

#[test]
fn swapped_and_doubled_slots_of_head_are_reported() {
    let evidence = evidence(1);
    let name = evidence.name("HEAD");
    let (first, second) = evidence.files[&name].split_at(SLOT_BYTES);
    let cases =
        [("swapped", [second, first]), ("first twice", [first; 2]), ("second twice", [second; 2])];
    for (what, slots) in cases {
        evidence.assert_reported(&name, what, Some(slots.concat()));
    }
}

#[test]
fn dropped_doubled_and_swapped_frames_of_the_journal_are_reported() {
    let evidence = evidence(1);
    let name = evidence.name(".cxj");
    let journal = &evidence.files[&name];
    let bounds = frame_bounds(journal);
    assert!(bounds.len() > 5, "too few frames to move: {bounds:?}");
    let frames: Vec<&[u8]> = bounds.windows(2).map(|b| &journal[b[0]..b[1]]).collect();
    let report = |what: String, frames: Vec<&[u8]>| {
        let bytes = [&journal[..64], &frames.concat()].concat();
        evidence.assert_reported(&name, &what, Some(bytes));
    };
    for at in 0..frames.len() {
        let mut dropped = frames.clone();
        dropped.remove(at);
        report(format!("frame {at} dropped"), dropped);
        if at + 1 < frames.len() {
            let mut doubled = frames.clone();
            doubled.insert(at, frames[at]);
            report(format!("frame {at} doubled"), doubled);
            let mut swapped = frames.clone();
            swapped.swap(at, at + 1);
            report(format!("frames {at} and {} swapped", at + 1), swapped);
        }
    }
    // A doubled last commit lies behind what was acknowledged, where anything may lie.
    report("all but the first".into(), frames[1..].to_vec());
}

#[test]
fn pieces_of_another_ledger_are_reported_and_never_written_to() {
    let (evidence, other) = (evidence(1), evidence(2));
    let same_names: Vec<&PathBuf> =
        evidence.files.keys().filter(|name| other.files.contains_key(*name)).collect();
    assert!(same_names.len() >= 7, "{same_names:?}");
    for name in same_names {
        let theirs = other.files[name].clone();
        let what = format!("{} of another ledger", name.display());
        let found = evidence.inspect(&what, |files| {
            files.insert(name.clone(), theirs.clone());
        });
        let counts = evidence.files[name] != theirs;
        assert_eq!(!found.is_empty(), counts, "{what}: {found:?}");
        let is_read_at_start = ["FORMAT", "HEAD"].contains(&name.to_str().unwrap())
            || name.extension().is_some_and(|e| e == "cxj");
        if is_read_at_start {
            let refusal = refusal(&evidence, |files| drop(files.insert(name.clone(), theirs)));
            assert!(refusal.is_some(), "{what}: can be written to");
        }
    }
}

#[test]
fn the_whole_store_of_another_ledger_is_reported_by_entry() {
    let (evidence, other) = (evidence(1), evidence(2));
    let found = evidence.inspect("another store", |files| {
        files.retain(|name, _| !name.starts_with("store"));
        let theirs = other.files.iter().filter(|(name, _)| name.starts_with("store"));
        files.extend(theirs.map(|(name, bytes)| (name.clone(), bytes.clone())));
    });
    let volume = evidence.ledger().join("store/0000000000000000");
    assert!(found.iter().any(|f| f.file == volume && f.seq == Some(Seq::FIRST)), "{found:?}");
}

#[test]
fn a_head_older_than_its_store_is_reported_and_never_written_to() {
    let evidence = evidence(1);
    for keeps_journal in [true, false] {
        let rolled_back = |files: &mut Files| {
            let head = newborn_head(&files[Path::new("HEAD")]);
            files.insert("HEAD".into(), head);
            files.retain(|name, _| keeps_journal || !name.starts_with("journal"));
        };
        let found = evidence.inspect("old HEAD", rolled_back);
        assert!(found.iter().any(|f| f.file == evidence.ledger().join("HEAD")), "{found:?}");
        let refusal = refusal(&evidence, rolled_back).expect("seqs would be given twice");
        assert!(refusal.contains("HEAD"), "{refusal}");
    }
}

/// The newer slot is damaged and the older one is from before the volume: what is settled says more.
#[test]
fn a_damaged_slot_beside_an_old_one_loses_no_settled_entry() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger()).ids;
    let mut files = evidence.files.clone();
    let mut head = newborn_head(&files[Path::new("HEAD")]);
    head[SLOT_BYTES + 100] ^= 1;
    files.insert("HEAD".into(), head);
    write_files(&evidence.ledger(), &files);
    assert!(!findings(&evidence.ledger()).is_empty());
    drop(Ledger::open(&evidence.ledger(), quick(9), &holder()).unwrap());
    assert!(contents(&evidence.ledger()).ids == whole, "entries are gone or others");
    assert_eq!(findings(&evidence.ledger()), []);
}

#[test]
fn a_journal_and_store_older_than_head_are_reported_as_lost_and_never_written_to() {
    let evidence = evidence(1);
    let old_files = |part: &'static str| {
        let earlier = evidence.earlier.clone();
        move |files: &mut Files| {
            files.retain(|name, _| !name.starts_with(part));
            files.extend(earlier.into_iter().filter(|(name, _)| name.starts_with(part)));
        }
    };
    let found = evidence.inspect("old journal", old_files("journal"));
    assert!(found.iter().any(|f| f.file.starts_with(evidence.ledger().join("journal"))));
    assert!(refusal(&evidence, old_files("journal")).is_some());
}

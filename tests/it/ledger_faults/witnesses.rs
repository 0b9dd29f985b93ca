//! Everything that knows how long the ledger is must say the same; where it does not, that is said.

use crate::support::evidence::{Evidence, Files, evidence, files_of, frame_bounds, write_files};
use crate::support::ledger::{contents, findings};
use crate::support::world::{holder, quick};
use codex_ledger_entry::Kind;
use codex_ledger_ledger::{Finding, FindingKind, Ledger, LedgerError, check_whole};
use std::path::Path;

/// Puts files of the time before the second append in the place of today's.
fn put_back(evidence: &Evidence, files: &mut Files, part: &str) {
    files.retain(|name, _| !name.starts_with(part));
    let earlier = evidence.earlier.iter().filter(|(name, _)| name.starts_with(part));
    files.extend(earlier.map(|(name, bytes)| (name.clone(), bytes.clone())));
}

fn kinds(found: &[Finding]) -> Vec<FindingKind> {
    let mut kinds: Vec<FindingKind> = found.iter().map(|finding| finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn a_head_that_was_put_back_alone_is_a_finding_and_loses_nothing() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger()).ids;
    let found = evidence.inspect("old HEAD", |files| put_back(&evidence, files, "HEAD"));
    assert_eq!(kinds(&found), [FindingKind::Lost], "{found:?}");
    assert!(found[0].detail.contains(&whole.len().to_string()), "{found:?}");

    let mut files = evidence.files.clone();
    put_back(&evidence, &mut files, "HEAD");
    write_files(&evidence.ledger(), &files);
    drop(Ledger::open(&evidence.ledger(), quick(9), &holder()).unwrap());
    assert!(contents(&evidence.ledger()).ids == whole, "the journal has them all");
    assert_eq!(findings(&evidence.ledger()), []);
}

/// One commit ahead of HEAD is what a kill leaves; what nothing else knows of is no finding.
#[test]
fn a_journal_that_is_ahead_of_head_by_more_than_a_kill_leaves_is_a_finding() {
    let evidence = evidence(1);
    let without_records = |files: &mut Files| {
        put_back(&evidence, files, "HEAD");
        files.retain(|name, _| !["tails", "sources"].contains(&name.to_str().unwrap()));
    };
    assert_eq!(evidence.inspect("a kill", without_records), []);
    let mut ledger = Ledger::open(&evidence.ledger(), quick(9), &holder()).unwrap();
    ledger.append_one(Kind::Action, b"one more").unwrap();
    let end = ledger.head().end();
    drop(ledger);
    let mut files = files_of(&evidence.ledger());
    without_records(&mut files);
    write_files(&evidence.ledger(), &files);
    let found = findings(&evidence.ledger());
    assert_eq!(kinds(&found), [FindingKind::Journal], "{found:?}");
    let more = format!("holds {} entries", end.since(found[0].seq.unwrap()));
    assert!(found[0].detail.contains(&more), "{found:?}");
}

/// HEAD and journal agree on the past; only what is cached knows better.
#[test]
fn a_side_record_that_knows_more_entries_is_a_finding_and_blocks_writing() {
    for record in ["tails", "sources"] {
        let evidence = evidence(1);
        let cut = |files: &mut Files| {
            put_back(&evidence, files, "HEAD");
            put_back(&evidence, files, "journal");
            let other = if record == "tails" { "sources" } else { "tails" };
            put_back(&evidence, files, other);
        };
        let found = evidence.inspect(record, cut);
        assert_eq!(kinds(&found), [FindingKind::Lost], "{record}: {found:?}");
        let mut files = evidence.files.clone();
        cut(&mut files);
        write_files(&evidence.ledger(), &files);
        let opened = Ledger::open(&evidence.ledger(), quick(9), &holder()).map(drop);
        let error = opened.expect_err("seqs would be given twice");
        assert!(matches!(&error, LedgerError::Damaged { path, .. } if path.ends_with(record)));
        assert!(files_of(&evidence.ledger()) == files, "{record}: refusing changed the files");
        assert!(check_whole(&evidence.ledger()).is_err(), "{record}");
    }
}

#[test]
fn slots_of_head_that_contradict_each_other_are_a_finding_and_block_writing() {
    let evidence = evidence(1);
    let mut head = evidence.files[Path::new("HEAD")].clone();
    let old = &evidence.earlier[Path::new("HEAD")];
    // The slot of an earlier turn than the one before, in a place that fits it.
    let newest = usize::from(turn(&head[4096..]) > turn(&head[..4096]));
    let other = (1 - newest) * 4096;
    assert_ne!(head[other..other + 4096], old[other..other + 4096], "turns moved on");
    head[other..other + 4096].copy_from_slice(&old[other..other + 4096]);
    let found = evidence.inspect("slots", |files| drop(files.insert("HEAD".into(), head.clone())));
    assert_eq!(kinds(&found), [FindingKind::Structure], "{found:?}");
    let mut files = evidence.files.clone();
    files.insert("HEAD".into(), head);
    write_files(&evidence.ledger(), &files);
    Ledger::open(&evidence.ledger(), quick(9), &holder()).map(drop).expect_err("contradiction");
}

fn turn(slot: &[u8]) -> u64 {
    u64::from_be_bytes(slot[8..16].try_into().unwrap())
}

#[test]
fn the_cheap_look_sees_every_missing_and_shortened_file() {
    let evidence = evidence(1);
    assert_eq!(
        check_whole(&evidence.ledger()).unwrap().size(),
        contents(&evidence.ledger()).ids.len() as u64
    );
    for (name, bytes) in &evidence.files {
        let is_cache = evidence.is_cache(name);
        for keep in [None, Some(0), Some(bytes.len() / 2), Some(bytes.len() - 1)] {
            let mut files = evidence.files.clone();
            match keep {
                None => drop(files.remove(name)),
                Some(len) => files.get_mut(name).unwrap().truncate(len),
            }
            write_files(&evidence.ledger(), &files);
            let checked = check_whole(&evidence.ledger());
            // Of HEAD one slot is enough.
            let survives =
                is_cache || (name == Path::new("HEAD") && keep.is_some_and(|len| len >= 4096));
            assert_eq!(
                checked.is_ok(),
                survives,
                "{} cut to {keep:?}: {checked:?}",
                name.display()
            );
        }
        write_files(&evidence.ledger(), &evidence.files);
    }
}

#[test]
fn a_journal_cut_at_a_frame_or_of_other_frames_is_seen_by_the_cheap_look() {
    let evidence = evidence(1);
    let name = evidence.name(".cxj");
    let journal = &evidence.files[&name];
    let bounds = frame_bounds(journal);
    for at in &bounds[..bounds.len() - 1] {
        let mut files = evidence.files.clone();
        files.insert(name.clone(), journal[..*at].to_vec());
        write_files(&evidence.ledger(), &files);
        let error = check_whole(&evidence.ledger()).expect_err("the journal is cut");
        assert!(error.to_string().contains("journal"), "{error}");
    }
    // What lies behind HEAD is nobody's business here.
    let mut files = evidence.files.clone();
    files.get_mut(&name).unwrap().extend_from_slice(b"torn");
    write_files(&evidence.ledger(), &files);
    check_whole(&evidence.ledger()).unwrap();
}

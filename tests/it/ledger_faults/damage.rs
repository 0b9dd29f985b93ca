//! Flipped, cut, zeroed and missing bytes: all are reported, none is made worse by looking.

use crate::support::evidence::{Evidence, evidence, files_of, frame_bounds, places, write_files};
use crate::support::ledger::{contents, findings, try_contents};
use crate::support::random::Random;
use crate::support::world::{holder, quick};
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{Ledger, LedgerReader, inspect};
use std::fs;
use std::path::Path;

/// Flips a bit at each place and looks.
fn assert_flips_are_reported(evidence: &Evidence, part: &str, bounds: &[usize], sample: usize) {
    let name = evidence.name(part);
    let bytes = &evidence.files[&name];
    for at in places(bytes.len(), bounds, sample, 11) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        evidence.assert_reported(&name, &format!("flipped at {at}"), Some(flipped));
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_small_files_is_reported() {
    let evidence = evidence(1);
    for part in ["FORMAT", ".volume", "conf", "tails", "sources"] {
        assert_flips_are_reported(&evidence, part, &[], 0);
    }
}

#[test]
fn a_flipped_bit_in_either_slot_of_head_is_reported() {
    let fields: Vec<usize> = (0..300).step_by(3).chain(4090..4400).step_by(3).collect();
    assert_flips_are_reported(&evidence(1), "HEAD", &fields, 40);
}

#[test]
fn a_flipped_bit_in_the_journal_is_reported_with_its_entry() {
    let evidence = evidence(1);
    let mut bounds = frame_bounds(&evidence.files[&evidence.name(".cxj")]);
    bounds.extend((0..64).step_by(5));
    assert_flips_are_reported(&evidence, ".cxj", &bounds, 120);
}

#[test]
fn a_flipped_bit_in_a_volume_is_reported_and_says_whether_entries_read_back() {
    let evidence = evidence(1);
    let pages: Vec<usize> = (0..140).step_by(7).chain([1 << 12, 1 << 14, 1 << 18]).collect();
    assert_flips_are_reported(&evidence, "/db", &pages, 150);
    assert_flips_are_reported(&evidence, "/snap.", &[0, 8, 64], 100);
}

#[test]
fn cut_zeroed_and_missing_files_are_reported() {
    let evidence = evidence(1);
    let mut random = Random(5);
    for (name, bytes) in &evidence.files {
        let report = |what: &str, bytes| evidence.assert_reported(name, what, bytes);
        let len = bytes.len();
        for keep in [0, 1, 63, len / 2, len.saturating_sub(109), len - 1] {
            report(&format!("cut to {keep}"), Some(bytes[..keep.min(len)].to_vec()));
        }
        for run in [1, 512, 4096, len] {
            let from = random.below((len - run.min(len)) as u64 + 1) as usize;
            let mut zeroed = bytes.clone();
            zeroed[from..len.min(from + run)].fill(0);
            report(&format!("{run} zeroed at {from}"), Some(zeroed));
        }
        // What lies behind the last commit of a journal was never acknowledged.
        if !name.starts_with("journal") {
            report("bytes added", Some([bytes, &b"more"[..]].concat()));
        }
        if !evidence.is_cache(name) {
            report("missing", None);
        }
    }
}

#[test]
fn side_records_are_rebuilt_when_they_are_missing() {
    let evidence = evidence(1);
    let found = evidence.inspect("no side records", |files| {
        files.retain(|name, _| !evidence.is_cache(name));
    });
    assert_eq!(found, []);
}

#[test]
fn missing_folders_are_reported() {
    for folder in ["journal", "store", "store/0000000000000000"] {
        let evidence = evidence(1);
        let path = evidence.ledger().join(folder);
        fs::remove_dir_all(&path).unwrap();
        let found = inspect(&evidence.ledger(), &mut |_| ()).map(|inspection| inspection.findings);
        let found = found.unwrap_or_else(|e| panic!("{folder}: {e}"));
        assert!(found.iter().any(|f| f.file.starts_with(&path)), "{folder}: {found:?}");
        let opened = Ledger::open(&evidence.ledger(), quick(2), &holder()).map(drop);
        let error = opened.expect_err("nothing is written while entries are missing");
        assert!(error.to_string().contains(&path.display().to_string()), "{folder}: {error}");
    }
}

/// Opening for writing either sees nothing amiss that it cannot mend, or leaves everything alone.
#[test]
fn opening_a_damaged_ledger_destroys_no_evidence() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger()).ids;
    for (part, sample) in [("HEAD", 30), (".cxj", 60), (".volume", 0), ("FORMAT", 0)] {
        let name = evidence.name(part);
        let bytes = &evidence.files[&name];
        for at in places(bytes.len(), &[0, 4096], sample, 17) {
            for is_cut in [false, true] {
                let mut files = evidence.files.clone();
                let damaged = files.get_mut(&name).unwrap();
                if is_cut {
                    damaged.truncate(at)
                } else {
                    damaged[at] ^= 1 << (at % 8)
                }
                write_files(&evidence.ledger(), &files);
                let what = format!("{part} at {at}, cut: {is_cut}");
                let opened = Ledger::open(&evidence.ledger(), quick(2), &holder()).map(drop);
                assert_opened_or_untouched(&evidence, &files, opened.is_ok(), &whole, &what);
            }
        }
    }
}

fn assert_opened_or_untouched(
    evidence: &Evidence,
    damaged: &crate::support::evidence::Files,
    is_open: bool,
    whole: &[codex_ledger_entry::EntryId],
    what: &str,
) {
    let dir: &Path = &evidence.ledger();
    if is_open {
        assert_eq!(findings(dir), [], "{what}");
        assert!(contents(dir).ids == whole, "{what}: entries are gone");
    } else {
        assert!(files_of(dir) == *damaged, "{what}: the evidence is not as it was");
    }
}

/// The log engine mends what it opens, so that it may only ever be shown a copy of what is damaged.
#[test]
fn reading_a_damaged_volume_gives_whole_entries_or_errors_and_changes_nothing() {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger());
    let name = evidence.name("/db");
    let mut errors = 0;
    for at in places(evidence.files[&name].len(), &[64, 1 << 16], 60, 23) {
        let mut files = evidence.files.clone();
        files.get_mut(&name).unwrap()[at] ^= 1 << (at % 8);
        write_files(&evidence.ledger(), &files);
        match try_contents(&evidence.ledger()) {
            Ok(read) => assert!(read == whole, "flipped at {at}: other bytes"),
            Err(_) => errors += 1,
        }
        assert!(
            files_of(&evidence.ledger()) == files,
            "flipped at {at}: reading changed the files"
        );
    }
    assert!(errors > 10, "{errors} errors: the flips hit nothing");
}

#[test]
fn two_readers_at_once_see_the_same() {
    let evidence = evidence(1);
    let mut first = LedgerReader::open(&evidence.ledger()).unwrap();
    let pack = first.pack_from(Seq::new(3)).unwrap().expect("a settled entry");
    let read = contents(&evidence.ledger());
    assert_eq!(read.ids.len() as u64, first.head().size());
    assert_eq!(findings(&evidence.ledger()), []);
    assert_eq!(first.pack_from(Seq::new(3)).unwrap().unwrap().info, pack.info);
}

/// A pipe in the place of a file has no end: whoever read it would wait for ever.
#[cfg(unix)]
#[test]
fn pipes_in_the_place_of_files_are_not_waited_for() {
    let evidence = evidence(1);
    for part in ["HEAD", "FORMAT", "tails", "sources", ".cxj", ".volume", ".extents", "/db"] {
        write_files(&evidence.ledger(), &evidence.files);
        let path = evidence.ledger().join(evidence.name(part));
        fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success(), "{part}");
        let found = inspect(&evidence.ledger(), &mut |_| ()).map(|found| found.findings);
        if !evidence.is_cache(&evidence.name(part)) {
            assert!(found.is_err() || found.is_ok_and(|found| !found.is_empty()), "{part}");
        }
        try_contents(&evidence.ledger()).ok();
        codex_ledger_ledger::check_whole(&evidence.ledger()).ok();
        Ledger::open(&evidence.ledger(), quick(2), &holder()).map(drop).ok();
        if path.exists() && !path.is_file() {
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_ledger_without_its_format_is_not_read() {
    let evidence = evidence(1);
    for text in [None, Some(&b"codex-ledger ledger format 2\n"[..]), Some(b"")] {
        let mut files = evidence.files.clone();
        match text {
            Some(text) => drop(files.insert("FORMAT".into(), text.to_vec())),
            None => drop(files.remove(Path::new("FORMAT"))),
        }
        write_files(&evidence.ledger(), &files);
        let error = LedgerReader::open(&evidence.ledger()).map(drop).expect_err("not read");
        assert!(error.to_string().contains("FORMAT"), "{error}");
    }
}

#[test]
fn side_files_without_end_are_not_read_whole() {
    const LEN: u64 = 20 << 30;
    let evidence = evidence(1);
    for part in ["HEAD", "FORMAT", "tails", "sources", ".volume", ".extents"] {
        write_files(&evidence.ledger(), &evidence.files);
        let path = evidence.ledger().join(evidence.name(part));
        fs::File::options().append(true).open(&path).unwrap().set_len(LEN).unwrap();
        let found = findings(&evidence.ledger());
        assert!(found.iter().any(|finding| finding.file == path), "{part}: {found:?}");
        Ledger::open(&evidence.ledger(), quick(2), &holder()).map(drop).ok();
        fs::remove_file(&path).ok();
    }
}

#[test]
fn files_that_are_not_of_the_ledger_are_named() {
    let evidence = evidence(1);
    for name in ["journal/junk", "store/junk", "journal/0000000000000001.cxj"] {
        let found =
            evidence.inspect(name, |files| drop(files.insert(name.into(), b"junk".to_vec())));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(found[0].file, evidence.ledger().join(name));
        assert!(!found[0].kind.needs_repair());
    }
}

//! Full and read-only file systems, second writers, and clocks that go backwards.

use crate::support::disk::Quick;
use crate::support::evidence::{evidence, write_files};
use crate::support::ledger::{append, assert_holds, contents, findings, rollout_in};
use crate::support::mount::Tmpfs;
use crate::support::random::Random;
use crate::support::within;
use crate::support::world::{Counted, SetClock, holder, quick};
use codex_ledger_entry::Kind;
use codex_ledger_ledger::{Holder, Ledger, LedgerError, World, lock_holder, read_head};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Lines of noise, so that compression does not make room.
fn noise(bytes: usize) -> Vec<u8> {
    let mut random = Random(3);
    let lines = bytes / 50_000 + 1;
    (0..lines).flat_map(|_| [random.noise(bytes / lines), vec![b'\n']].concat()).collect()
}

/// Fills the disk with one append, makes room, and appends again.
fn fill_and_go_on(test: &'static str, size: &str, source_bytes: usize, acknowledged: bool) {
    let Some(disk) = Tmpfs::of(size, test) else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let source = noise(source_bytes);
    fs::write(rollout_in(home.path()), &source).unwrap();
    let (ledger, root): (PathBuf, PathBuf) = (disk.path().join("ledger"), home.path().into());

    let (dir, from) = (ledger.clone(), root.clone());
    let failed = within(60, test, move || append(&dir, &from, World::real()));
    let error = failed.expect_err("more than fits");
    assert!(error.is_out_of_space(), "{error}");
    assert!(error.to_string().contains(&disk.path().display().to_string()), "{error}");
    let size = read_head(&ledger).map_or(0, |slots| slots.head.size());
    assert_eq!(size > 1, acknowledged, "{size} entries are acknowledged");

    disk.remount("size=64m");
    let dir = ledger.clone();
    within(60, test, move || append(&dir, &root, World::real())).unwrap();
    assert_eq!(findings(&ledger), []);
    assert_holds(&ledger, &source, test);
    assert!(contents(&ledger).ids.len() as u64 >= size);
}

#[test]
fn a_disk_too_small_for_a_new_ledger_is_said_and_works_once_it_is_larger() {
    fill_and_go_on(
        "a_disk_too_small_for_a_new_ledger_is_said_and_works_once_it_is_larger",
        "12k",
        1_000,
        false,
    );
}

#[test]
fn a_disk_that_fills_up_in_the_journal_is_said_and_works_once_it_is_larger() {
    fill_and_go_on(
        "a_disk_that_fills_up_in_the_journal_is_said_and_works_once_it_is_larger",
        "8m",
        12_000_000,
        false,
    );
}

#[test]
fn a_disk_that_fills_up_in_the_log_engine_keeps_what_was_acknowledged() {
    fill_and_go_on(
        "a_disk_that_fills_up_in_the_log_engine_keeps_what_was_acknowledged",
        "8m",
        5_000_000,
        true,
    );
}

#[test]
fn a_read_only_ledger_can_be_read_and_says_why_it_cannot_be_written() {
    let Some(disk) =
        Tmpfs::of("16m", "a_read_only_ledger_can_be_read_and_says_why_it_cannot_be_written")
    else {
        return;
    };
    let evidence = evidence(1);
    let dir = disk.path().join("ledger");
    write_files(&dir, &evidence.files);
    disk.remount("ro");
    assert_eq!(contents(&dir), contents(&evidence.ledger()));
    assert_eq!(findings(&dir), []);
    let error = Ledger::open(&dir, quick(2), &holder()).map(drop).expect_err("read-only");
    assert!(error.to_string().contains(&dir.display().to_string()), "{error}");
    assert!(error.to_string().contains("Read-only"), "{error}");
}

#[test]
fn a_second_writer_is_told_who_writes_since_when() {
    let dir = tempfile::tempdir().unwrap();
    let first =
        Holder { command: "append --watch".into(), pid: 4711, since: "2026-02-09 18:36".into() };
    let ledger = Ledger::open(dir.path(), quick(1), &first).unwrap();
    let error = Ledger::open(dir.path(), quick(2), &holder()).map(drop).expect_err("two writers");
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    for word in ["append --watch", "4711", "2026-02-09 18:36"] {
        assert!(error.to_string().contains(word), "{error}");
        assert!(lock_holder(dir.path()).unwrap().contains(word));
    }
    assert_eq!(contents(dir.path()).ids.len(), 1, "readers need no lock");
    drop(ledger);
    assert_eq!(lock_holder(dir.path()), None);
    // A killed writer leaves its text, but not its lock.
    fs::write(dir.path().join("LOCK"), "`append`, pid 1, since ever\n").unwrap();
    assert_eq!(lock_holder(dir.path()), None);
    Ledger::open(dir.path(), quick(3), &holder()).unwrap();
}

#[test]
fn a_clock_that_goes_backwards_never_makes_recorded_at_decrease() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SetClock::at(500);
    let world = || World {
        clock: Arc::clone(&clock) as _,
        entropy: Counted::from(1),
        disk: Arc::new(Quick),
    };
    for now in [500, 900, 100, 0, 901, u64::MAX, 5] {
        clock.set(now);
        let mut ledger = Ledger::open(dir.path(), world(), &holder()).unwrap();
        ledger.append_one(Kind::Action, b"tick").unwrap();
    }
    let times: Vec<u64> = contents(dir.path()).headers.iter().map(|h| h.recorded_at).collect();
    assert_eq!(times, [500, 500, 900, 900, 900, 901, u64::MAX, u64::MAX]);
    assert_eq!(findings(dir.path()), []);
}

//! A repair keeps what verifies, says what is lost, and leaves the damaged ledger as it was.

use crate::support::evidence::{
    Evidence, Files, evidence, files_of, frame_bounds, places, write_files,
};
use crate::support::ledger::{append, assert_holds, contents, findings, first_part, second_part};
use crate::support::world::{holder, quick};
use codex_ledger_entry::{EntryId, Kind, Seq, SeqRange};
use codex_ledger_ledger::{Ledger, LedgerError, Patience, Repair, Survey};
use std::fs;
use std::path::{Path, PathBuf};

/// A ledger of two appends, and the ids of all its entries.
pub(super) struct Bench {
    pub(super) evidence: Evidence,
    pub(super) whole: Vec<EntryId>,
}

pub(super) fn bench() -> Bench {
    let evidence = evidence(1);
    let whole = contents(&evidence.ledger()).ids;
    Bench { evidence, whole }
}

impl Bench {
    pub(super) fn dir(&self) -> PathBuf {
        self.evidence.ledger()
    }

    /// Damages the files; gives what they are then.
    pub(super) fn damage(&self, damage: impl FnOnce(&mut Files)) -> Files {
        let mut files = self.evidence.files.clone();
        damage(&mut files);
        write_files(&self.dir(), &files);
        files
    }

    /// Repairs, and checks everything that must hold; gives how many entries were kept.
    pub(super) fn repair(&self, damaged: &Files, what: &str) -> usize {
        let survey = Survey::of(&self.dir(), &[]).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(files_of(&self.dir()) == *damaged, "{what}: looking changed the files");
        assert!(!survey.is_sound, "{what}: nothing to repair?");
        let kept = survey.kept.size() as usize;
        assert_eq!(
            survey.lost(),
            SeqRange::new(survey.kept.end(), Seq::new(self.whole.len() as u64)),
            "{what}"
        );
        let note = (Kind::Action, EntryId::default(), b"repaired".to_vec());
        let repair = Repair::start(&self.dir(), quick(5), &holder(), &Patience::default()).unwrap();
        let done = repair.finish(&survey, &holder(), &[note]);
        let done = done.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(done.head.size() as usize, kept + 1, "{what}");

        assert!(files_of(&done.damaged) == *damaged, "{what}: the damaged ledger was changed");
        assert_eq!(findings(&self.dir()), [], "{what}");
        let ids = contents(&self.dir()).ids;
        assert!(ids[..kept] == self.whole[..kept], "{what}: other entries");
        let home = self.dir().with_file_name("home");
        append(&self.dir(), &home, quick(6)).unwrap();
        assert_holds(&self.dir(), &[first_part(), second_part()].concat(), what);
        assert_eq!(findings(&self.dir()), [], "{what}: after the next append");

        fs::remove_dir_all(self.dir()).unwrap();
        fs::remove_dir_all(&done.damaged).unwrap();
        fs::create_dir(self.dir()).unwrap();
        kept
    }
}

#[test]
fn a_journal_that_is_cut_keeps_all_entries_before() {
    let bench = bench();
    let name = bench.evidence.name(".cxj");
    let bounds = frame_bounds(&bench.evidence.files[&name]);
    let mut last = 0;
    for at in &bounds[..bounds.len() - 1] {
        let damaged = bench.damage(|files| files.get_mut(&name).unwrap().truncate(*at));
        let kept = bench.repair(&damaged, &format!("journal cut at {at}"));
        assert!(kept >= last, "more of the journal keeps less");
        last = kept;
    }
    assert!(last > bench.whole.len() - 4, "{last} entries kept of {}", bench.whole.len());
}

#[test]
fn a_flipped_bit_in_the_journal_keeps_all_entries_before() {
    let bench = bench();
    let name = bench.evidence.name(".cxj");
    let mut bounds = frame_bounds(&bench.evidence.files[&name]);
    bounds.truncate(4);
    bounds.push(20);
    for at in bounds {
        let damaged = bench.damage(|files| files.get_mut(&name).unwrap()[at] ^= 4);
        bench.repair(&damaged, &format!("journal flipped at {at}"));
    }
}

#[test]
fn a_damaged_volume_keeps_what_verifies_and_what_follows_without_a_gap() {
    let bench = bench();
    let name = bench.evidence.name("/db");
    let len = bench.evidence.files[&name].len();
    let mut whole = 0;
    for at in places(len, &[], 12, 31).into_iter().step_by(2) {
        let damaged = bench.damage(|files| files.get_mut(&name).unwrap()[at] ^= 1);
        // Where not even the first entry is left, that is said.
        match Survey::of(&bench.dir(), &[]) {
            Ok(_) => {
                let kept = bench.repair(&damaged, &format!("volume flipped at {at}"));
                whole += usize::from(kept == bench.whole.len());
            }
            Err(error) => assert!(error.to_string().contains("first entry"), "{error}"),
        }
    }
    assert!(whole > 0, "no flip hit dead space only, after which nothing is lost");
}

#[test]
fn what_names_the_ledger_may_be_gone() {
    let bench = bench();
    for gone in ["HEAD", "FORMAT", ".volume"] {
        let name = bench.evidence.name(gone);
        let damaged = bench.damage(|files| drop(files.remove(&name)));
        let kept = bench.repair(&damaged, &format!("{gone} is gone"));
        assert_eq!(kept, bench.whole.len(), "{gone} is gone");
    }
    let damaged = bench.damage(|files| files.get_mut(Path::new("HEAD")).unwrap().fill(0));
    assert_eq!(bench.repair(&damaged, "both slots are damaged"), bench.whole.len());
}

#[test]
fn what_the_next_append_mends_needs_no_repair() {
    let bench = bench();
    let slots = [100, 4196].map(|at| ("HEAD", at));
    for (part, at) in slots.into_iter().chain([("tails", 40), ("sources", 40)]) {
        let name = bench.evidence.name(part);
        bench.damage(|files| files.get_mut(&name).unwrap()[at] ^= 1);
        assert!(Survey::of(&bench.dir(), &[]).unwrap().is_sound, "{part} flipped at {at}");
    }
    let torn = bench.evidence.name(".cxj");
    bench.damage(|files| files.get_mut(&torn).unwrap().extend_from_slice(b"torn"));
    assert!(Survey::of(&bench.dir(), &[]).unwrap().is_sound);
}

#[test]
fn a_repair_waits_for_no_writer_and_takes_no_name_that_is_there() {
    let bench = bench();
    let ledger = Ledger::open(&bench.dir(), quick(2), &holder()).unwrap();
    let refused = Repair::start(&bench.dir(), quick(3), &holder(), &Patience::default()).map(drop);
    assert!(matches!(refused, Err(LedgerError::Locked { .. })));
    drop(ledger);
    let name = bench.evidence.name(".cxj");
    let other = bench.dir().with_file_name("ledger.damaged");
    fs::write(&other, b"somebody's").unwrap();
    fs::create_dir(bench.dir().with_file_name("ledger.repairing")).unwrap();
    bench.damage(|files| files.get_mut(&name).unwrap().truncate(70));
    let survey = Survey::of(&bench.dir(), &[]).unwrap();
    let repair = Repair::start(&bench.dir(), quick(3), &holder(), &Patience::default()).unwrap();
    let done = repair.finish(&survey, &holder(), &[]).unwrap();
    assert_eq!(done.damaged, bench.dir().with_file_name("ledger.damaged-2"));
    assert_eq!(fs::read(&other).unwrap(), b"somebody's");
    assert!(!bench.dir().with_file_name("ledger.repairing").exists());
}

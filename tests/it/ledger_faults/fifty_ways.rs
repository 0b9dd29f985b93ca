//! A ledger that is damaged in each of many ways is repaired or refused, and what is said to be lost is exactly what is lost.
//!
//! What is lost follows from the damaged bytes alone, by FORMAT.md: a journal's frame is whole where its bytes stand in
//! their place, and a pack is whole where its frame and those of its blocks are.

use super::repairs::{Bench, bench};
use crate::support::evidence::{Files, frame_bounds};
use crate::support::ledger::{append, assert_holds, contents, first_part, second_part};
use crate::support::world::quick;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{LedgerReader, Survey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const PACK: u8 = 1;
const BLOCK: u8 = 2;

/// A frame of the journal.
struct Frame {
    from: usize,
    to: usize,
    kind: u8,
    /// The first seq of a pack, the seq of a block.
    seq: u64,
    /// Entries of a pack.
    count: u64,
}

fn frames(journal: &[u8]) -> Vec<Frame> {
    let bounds = frame_bounds(journal);
    let frame = |pair: &[usize]| {
        let (from, to) = (pair[0], pair[1]);
        let payload = &journal[from + 36..to];
        let kind = journal[from + 4];
        let number = |at: usize| u64::from_be_bytes(payload[at..at + 8].try_into().unwrap());
        let seq = if kind == PACK || kind == BLOCK { number(8) } else { 0 };
        let count = if kind == PACK { number(12) & 0xffff_ffff } else { 0 };
        Frame { from, to, kind, seq, count }
    };
    bounds.windows(2).map(frame).collect()
}

/// What is lost, by what is whole in the journal.
#[derive(Debug, PartialEq, Eq)]
struct Truth {
    kept: u64,
    unreadable: u64,
    kinds: BTreeMap<&'static str, u64>,
}

struct Ways {
    bench: Bench,
    journal: PathBuf,
    frames: Vec<Frame>,
    /// What the entries are.
    kinds: Vec<&'static str>,
    seen: BTreeSet<String>,
}

impl Ways {
    fn of(bench: Bench) -> Ways {
        let journal = bench.evidence.name(".cxj");
        let frames = frames(&bench.evidence.files[&journal]);
        let mut reader = LedgerReader::open(&bench.dir()).unwrap();
        let (mut next, mut kinds) = (Seq::FIRST, Vec::new());
        while let Some(pack) = reader.pack_from(next).unwrap() {
            next = pack.info.end_seq();
            kinds.extend(pack.entries.iter().map(|entry| entry.kind.name()));
        }
        Ways { bench, journal, frames, kinds, seen: BTreeSet::new() }
    }

    /// What is lost of a journal that has become these bytes.
    fn truth(&self, damaged: &[u8]) -> Truth {
        let original = &self.bench.evidence.files[&self.journal];
        let is_whole = |frame: &Frame| {
            damaged.get(frame.from..frame.to) == Some(&original[frame.from..frame.to])
        };
        let broken: Vec<&Frame> = self.frames.iter().filter(|frame| !is_whole(frame)).collect();
        let packs = || self.frames.iter().filter(|frame| frame.kind == PACK);
        let of_pack = |pack: &Frame, seq: u64| (pack.seq..pack.seq + pack.count).contains(&seq);
        let is_readable = |pack: &Frame| {
            is_whole(pack)
                && !broken.iter().any(|frame| frame.kind == BLOCK && of_pack(pack, frame.seq))
        };
        let all = self.kinds.len() as u64;
        let kept = packs().find(|pack| !is_readable(pack)).map_or(all, |pack| pack.seq);
        let mut kinds = BTreeMap::new();
        for pack in packs().filter(|pack| pack.seq >= kept && is_readable(pack)) {
            for kind in &self.kinds[pack.seq as usize..(pack.seq + pack.count) as usize] {
                *kinds.entry(*kind).or_default() += 1;
            }
        }
        let unreadable = all - kept - kinds.values().sum::<u64>();
        Truth { kept, unreadable, kinds }
    }

    fn begin(&mut self, what: &str, damage: impl FnOnce(&mut Files)) -> Files {
        assert!(self.seen.insert(what.to_string()), "{what}: twice");
        let damaged = self.bench.damage(damage);
        assert!(damaged != self.bench.evidence.files, "{what}: no damage");
        damaged
    }

    /// What is said of a ledger that was damaged is what is true of it, and the repair keeps the rest.
    fn check(&mut self, what: &str, damage: impl FnOnce(&mut Files)) {
        let damaged = self.begin(what, damage);
        let truth = self.truth(damaged.get(&self.journal).map_or(&[], Vec::as_slice));
        let survey = Survey::of(&self.bench.dir(), &[]).unwrap_or_else(|e| panic!("{what}: {e}"));
        let said = Truth {
            kept: survey.kept.size(),
            unreadable: survey.unreadable(),
            kinds: survey.lost_kinds.clone(),
        };
        assert_eq!(said, truth, "{what}");
        if !survey.is_sound {
            assert_eq!(self.bench.repair(&damaged, what) as u64, truth.kept, "{what}");
            return;
        }
        assert_eq!(truth.kept, self.kinds.len() as u64, "{what}: sound, but something is lost");
        let home = self.bench.dir().with_file_name("home");
        append(&self.bench.dir(), &home, quick(6)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_holds(&self.bench.dir(), &[first_part(), second_part()].concat(), what);
        assert!(contents(&self.bench.dir()).ids.starts_with(&self.bench.whole), "{what}");
    }

    /// Nothing of it can be kept: said in these words, and nothing is changed.
    fn refused(&mut self, what: &str, words: &str, damage: impl FnOnce(&mut Files)) {
        self.begin(what, damage);
        let said =
            Survey::of(&self.bench.dir(), &[]).map(|_| ()).map_err(|error| error.to_string());
        assert!(said.as_ref().is_err_and(|said| said.contains(words)), "{what}: {said:?}");
    }
}

fn flip(files: &mut Files, name: &Path, at: usize) {
    files.get_mut(name).unwrap()[at] ^= 0x10;
}

#[test]
fn journals() {
    let mut ways = Ways::of(bench());
    let name = ways.journal.clone();
    let places: Vec<(usize, usize)> =
        ways.frames.iter().map(|frame| (frame.from, frame.to)).collect();
    for (number, (from, to)) in places.iter().copied().enumerate() {
        ways.check(&format!("head of frame {number} flipped"), |files| {
            flip(files, &name, from + 1)
        });
        ways.check(&format!("length of frame {number} flipped"), |files| {
            flip(files, &name, from + 9)
        });
        ways.check(&format!("frame {number} flipped within"), |files| {
            flip(files, &name, usize::midpoint(from, to) + 17);
        });
        ways.check(&format!("frame {number} zeroed"), |files| {
            files.get_mut(&name).unwrap()[from..to].fill(0);
        });
        ways.check(&format!("cut before frame {number}"), |files| {
            files.get_mut(&name).unwrap().truncate(from);
        });
        ways.check(&format!("cut in frame {number}"), |files| {
            files.get_mut(&name).unwrap().truncate(to - 1);
        });
    }
    ways.check("the journal is gone", |files| drop(files.remove(&name)));
    ways.check("the journal is empty", |files| files.get_mut(&name).unwrap().clear());
    ways.check("the journal is zeros", |files| files.get_mut(&name).unwrap().fill(0));
    ways.check("something stands behind the journal", |files| {
        files.get_mut(&name).unwrap().extend_from_slice(b"torn");
    });
    for at in [1, 5, 10, 30, 45, 50] {
        ways.check(&format!("byte {at} of the journal's header flipped"), |files| {
            flip(files, &name, at);
        });
    }
    assert!(ways.seen.len() >= 50, "{} ways", ways.seen.len());
}

#[test]
fn everything_else() {
    let mut ways = Ways::of(bench());
    let mut names: Vec<PathBuf> = ways.bench.evidence.files.keys().cloned().collect();
    names.retain(|name| *name != ways.journal && !name.ends_with("db"));
    for name in &names {
        let len = ways.bench.evidence.files[name].len();
        let shown = name.display();
        ways.check(&format!("{shown} is gone"), |files| drop(files.remove(name)));
        for at in [0, len / 2, len - 1] {
            ways.check(&format!("{shown} flipped at {at}"), |files| flip(files, name, at));
        }
        ways.check(&format!("{shown} is cut"), |files| {
            files.get_mut(name).unwrap().truncate(len / 2);
        });
        ways.check(&format!("{shown} is empty"), |files| files.get_mut(name).unwrap().clear());
    }
    let db = ways.bench.evidence.name("/db");
    let first = "first entry";
    ways.refused("the engine's file is gone", first, |files| drop(files.remove(&db)));
    ways.refused("the engine's file is empty", first, |files| files.get_mut(&db).unwrap().clear());
    ways.refused("the engine's file is zeros", first, |files| files.get_mut(&db).unwrap().fill(0));
    ways.refused("all volumes are gone", first, |files| {
        files.retain(|name, _| !name.starts_with("store"))
    });
    ways.refused("HEAD, FORMAT and the journal are gone", "FORMAT", |files| {
        files.retain(|name, _| name.starts_with("store"));
    });
    assert!(ways.seen.len() >= 50, "{} ways", ways.seen.len());
}

//! Repair: builds a ledger beside a damaged one from what verifies of it, and puts it in its place.
//!
//! The damaged folder is renamed, never changed and never removed. The copy takes its place only after an
//! inspection has found nothing.

use super::codec::Encoder;
use super::copy::copy_tree;
use super::error::{LedgerError, Result};
use super::head::{Head, write_head_anew};
use super::inspect::inspect;
use super::journal::{Commit, FrameKind, JournalWriter};
use super::lock::{Holder, Lock, Patience, lock_path};
use super::open::{Ledger, write_format};
use super::pack::without_bodies;
use super::salvage::{Open, Prover};
use super::survey::{Segment, Survey};
use super::volume::{self, Volume, store_dir};
use super::world::World;
use super::{block, journal, private};
use codex_ledger_entry::{EntryId, Kind, Seq};
use std::fs;
use std::path::{Path, PathBuf};

/// An entry that is appended to the repaired ledger: what it is, what it speaks of or zeros, its body.
pub type Addition = (Kind, EntryId, Vec<u8>);

/// A damaged ledger that nobody else writes to meanwhile.
pub struct Repair {
    dir: PathBuf,
    world: World,
    _lock: Lock,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// The head of the ledger that is there now.
    pub head: Head,
    /// Where the damaged one lies.
    pub damaged: PathBuf,
}

impl Repair {
    /// Takes the ledger's lock.
    ///
    /// # Errors
    /// When there is no folder, or another process writes.
    pub fn start(dir: &Path, world: World, holder: &Holder, patience: &Patience) -> Result<Repair> {
        if !dir.is_dir() {
            return Err(LedgerError::Missing { path: dir.to_path_buf() });
        }
        // The folder itself, where the name is a link: it is the one that is replaced.
        let dir = fs::canonicalize(dir).map_err(LedgerError::io("cannot find", dir))?;
        let lock = Lock::wait(&dir, holder, patience)?;
        Ok(Repair { dir, world, _lock: lock })
    }

    /// Builds the copy, appends what is to be added, inspects it, and puts it in the place of the damaged one.
    ///
    /// # Errors
    /// When something cannot be read again or written; the ledger then is as it was.
    pub fn finish(
        self,
        survey: &Survey,
        holder: &Holder,
        additions: &[Addition],
    ) -> Result<Repaired> {
        let copy = beside(&self.dir, "repairing");
        if copy.exists() {
            // Left by a repair that was stopped; nothing in it is not in the ledger.
            fs::remove_dir_all(&copy).map_err(LedgerError::io("cannot remove", &copy))?;
        }
        let done = self.fill(&copy, survey, holder, additions).and_then(|head| {
            let damaged = self.swap(&copy)?;
            Ok(Repaired { head, damaged })
        });
        if done.is_err() {
            fs::remove_dir_all(&copy).ok();
        }
        done
    }

    /// Builds the copy, adds to it, and makes sure that it holds.
    fn fill(
        &self,
        copy: &Path,
        survey: &Survey,
        holder: &Holder,
        additions: &[Addition],
    ) -> Result<Head> {
        self.build(survey, copy)?;
        let mut ledger = Ledger::open(copy, self.world.clone(), holder)?;
        let mut appender = ledger.appender()?;
        for (kind, reference, body) in additions {
            appender.append_about(*kind, *reference, body)?;
        }
        appender.finish()?;
        // Its end may be lost, or may never have come.
        if ledger.head().erasing.is_some() {
            ledger.erase_bodies()?;
            ledger.end_erasure()?;
        }
        let inspection = inspect(copy, &mut |_| ())?;
        match inspection.findings.first() {
            None => Ok(ledger.head().clone()),
            Some(finding) => {
                let detail = format!("the repaired copy does not hold: {}", finding.detail);
                Err(LedgerError::damaged(&finding.file, detail))
            }
        }
    }

    fn build(&self, survey: &Survey, copy: &Path) -> Result<()> {
        let world = &self.world;
        for part in [store_dir(copy), journal::journal_dir(copy)] {
            private::create_dir_all(&part).map_err(LedgerError::io("cannot create", &part))?;
        }
        let mut head = Head { chain: survey.kept.clone(), ..Head::empty(survey.identity) };
        (head.generation, head.erasing) = survey.erasures();
        write_format(world, copy, &head)?;
        let mut settled = Seq::FIRST;
        for segment in &survey.segments {
            if let Segment::Volume(volume) = segment {
                settled = volume.end_seq;
                copy_volume(world, &self.dir, copy, volume)?;
            }
        }
        if survey.kept.end() > settled {
            self.write_journal(survey, copy, settled)?;
        }
        head.settled = settled;
        write_head_anew(world, copy, &mut head)
    }

    /// All packs that are kept outside of whole volumes, as the frames of one journal.
    fn write_journal(&self, survey: &Survey, copy: &Path, settled: Seq) -> Result<()> {
        let (world, identity) = (&self.world, &survey.identity);
        let mut prover = Prover::new(&self.dir, *identity)?;
        let erased = survey.erased();
        let mut encoder =
            Encoder::new().map_err(LedgerError::io("no compressor for", &self.dir))?;
        let mut writer = JournalWriter::create(world, copy, identity, settled)?;
        for segment in &survey.segments {
            let Segment::Packs(place, seqs) = segment else { continue };
            let gone =
                || LedgerError::damaged_at(&self.dir, seqs.from, "cannot be read a second time");
            let mut open = place.open(identity)?.ok_or_else(gone)?;
            let mut next = seqs.from;
            while next < seqs.end {
                let proven = prover.at(&mut open, next)?.ok_or_else(gone)?;
                next = proven.pack.info.end_seq();
                for entry in &proven.pack.entries {
                    if entry.is_in_blocks() && !erased.contains(entry.seq) {
                        write_blocks(world, &mut writer, &mut open, entry.seq, entry.body_len)?;
                    }
                }
                match erased.meets(proven.pack.info.seqs()) {
                    false => writer.write(world, FrameKind::Pack, &proven.bytes)?,
                    // A copy of before an erasure may still have it.
                    true => {
                        let bytes = without_bodies(&proven.pack, &mut encoder, &erased);
                        writer.write(world, FrameKind::Pack, &bytes)?;
                    }
                }
            }
        }
        let chain = &survey.kept;
        let commit = Commit { end: chain.end(), id: chain.id, root: chain.tree.root() };
        writer.commit(world, &commit)
    }

    /// Gives both folders their names; the lock stays the same file for those who wait for it.
    fn swap(&self, copy: &Path) -> Result<PathBuf> {
        let lock = lock_path(copy);
        fs::remove_file(&lock).map_err(LedgerError::io("cannot remove", &lock))?;
        fs::hard_link(lock_path(&self.dir), &lock)
            .map_err(LedgerError::io("cannot link", &lock))?;
        let parent = self.dir.parent().unwrap_or(&self.dir);
        let disk = &self.world.disk;
        let sync = || disk.sync_dir(parent).map_err(LedgerError::io("cannot sync", parent));
        disk.sync_dir(copy).map_err(LedgerError::io("cannot sync", copy))?;
        sync()?;
        let damaged = free_name(&self.dir);
        disk.rename(&self.dir, &damaged).map_err(LedgerError::io("cannot rename", &self.dir))?;
        if let Err(error) = disk.rename(copy, &self.dir) {
            disk.rename(&damaged, &self.dir).ok();
            return Err(LedgerError::io("cannot rename", copy)(error));
        }
        sync()?;
        Ok(damaged)
    }
}

fn write_blocks(
    world: &World,
    writer: &mut JournalWriter,
    open: &mut Open,
    seq: Seq,
    body_len: u64,
) -> Result<()> {
    for index in 0..block::block_count(body_len) {
        let gone = || LedgerError::damaged_at(Path::new("repair"), seq, "a block is gone");
        let bytes = open.block(seq, index)?.ok_or_else(gone)?;
        writer.write(world, FrameKind::Block, &bytes)?;
    }
    Ok(())
}

fn copy_volume(world: &World, from: &Path, to: &Path, volume: &Volume) -> Result<()> {
    let target = volume.dir(to);
    private::create_dir_all(&target).map_err(LedgerError::io("cannot create", &target))?;
    copy_tree(&volume.dir(from), &target, &|_| true)?;
    volume::sync_tree(world, &target)?;
    volume.save(world, to)
}

/// The ledger's folder with a word behind its name.
fn beside(dir: &Path, word: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(word);
    dir.with_file_name(name)
}

/// A name for the damaged folder that nothing has yet.
fn free_name(dir: &Path) -> PathBuf {
    let names = (1u32..).map(|number| match number {
        1 => beside(dir, "damaged"),
        _ => beside(dir, &format!("damaged-{number}")),
    });
    let mut free = names.filter(|path| fs::symlink_metadata(path).is_err());
    free.next().unwrap_or_else(|| beside(dir, "damaged"))
}

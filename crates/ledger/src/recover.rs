//! Recovery: compares HEAD, volumes and journal, refuses what does not fit, and only then writes.
//!
//! A HEAD as it is read proves that what it covers was synced by somebody who saw that succeed. Nothing
//! else that stands in the files proves that it is on the disk: a sync may have failed, after which the
//! system takes the pages for written. So what is kept of it is written anew.

use super::chain::ChainEnd;
use super::codec::Decoder;
use super::error::{LedgerError, Result};
use super::head::{Head, HeadSlots, write_head_anew};
use super::journal::{self, Commit, FrameKind, JournalScan, journal_path};
use super::pack::Pack;
use super::volume::{self, Volume};
use super::volume_reader::VolumeReader;
use super::whole::{check_agree, check_volumes};
use super::world::World;
use codex_ledger_entry::Seq;
use std::path::Path;

/// What has to be done so that the files say one thing.
pub(super) struct Recovery {
    /// What will be acknowledged then.
    head: Head,
    /// Volumes that count.
    volumes: Vec<Volume>,
    /// Volumes that HEAD does not prove; their journals hold the same entries.
    unproven: Vec<Seq>,
    /// Journals that have become volumes.
    done: Vec<Seq>,
    journal: Active,
}

/// The active journal.
enum Active {
    /// There is none.
    Absent,
    /// All of it is proven; it ends here.
    Whole(u64),
    /// It is kept up to a position that ends this commit.
    Anew(u64, Commit),
    /// Nothing in it was ever committed, and nobody knows whether its name is durable.
    Empty,
}

impl Recovery {
    /// Compares everything; writes nothing.
    ///
    /// # Errors
    /// When acknowledged entries are missing or the files contradict each other.
    pub(super) fn look(dir: &Path, slots: HeadSlots) -> Result<Recovery> {
        check_agree(dir, &slots)?;
        let unproven: Vec<Seq> = volume::manifest_seqs(dir)?
            .into_iter()
            .filter(|seq| *seq >= slots.head.settled && journal_path(dir, *seq).exists())
            .collect();
        let volumes = volume::list_without(dir, &unproven)?;
        let settled = check_volumes(dir, &slots, &volumes)?;
        let HeadSlots { mut head, .. } = slots;
        if head.end() < settled {
            head.chain = chain_of_volumes(dir, &head, &volumes)?;
        }
        head.settled = settled;
        let done = settled_journals(dir, &head, &volumes)?;
        let (behind, journal) = look_at_journal(dir, &head)?;
        head = behind;
        if let Some((path, end)) = super::files::side_record_ahead(dir, &head) {
            let detail = format!(
                "knows of {end} entries; HEAD and journal have {}: entries are missing",
                head.end()
            );
            return Err(LedgerError::damaged_at(&path, head.end(), detail));
        }
        let recovery = Recovery { head, volumes, unproven, done, journal };
        recovery.check_unproven(dir)?;
        Ok(recovery)
    }

    /// A volume goes only when its journal holds all that it holds.
    fn check_unproven(&self, dir: &Path) -> Result<()> {
        for first_seq in &self.unproven {
            let end = Volume::load(dir, *first_seq).map_or(Seq::FIRST, |volume| volume.end_seq);
            if *first_seq != self.head.settled || end > self.head.end() {
                let path = journal_path(dir, *first_seq);
                let detail = format!("the journal ends before its volume, which ends at {end}");
                return Err(LedgerError::damaged_at(&path, self.head.end(), detail));
            }
        }
        Ok(())
    }

    /// Does it; says what is acknowledged and where the active journal ends.
    ///
    /// # Errors
    /// When the disk refuses something.
    pub(super) fn act(self, world: &World, dir: &Path) -> Result<(Head, Option<u64>)> {
        let mut head = self.head;
        for first_seq in self.unproven {
            volume::discard(world, dir, first_seq)?;
        }
        for first_seq in self.done {
            journal::remove(world, dir, first_seq)?;
        }
        volume::discard_unsettled(world, dir)?;
        for volume in &self.volumes {
            // Where that fails, reading is slower, and no worse.
            volume.keep_extents(world, dir, head.identity.ledger.0).ok();
        }
        let first_seq = head.settled;
        let journal_end = match self.journal {
            Active::Absent => None,
            Active::Whole(end) => Some(end),
            Active::Anew(upto, last) => {
                let (identity, upto) = (&head.identity, (upto, &last));
                let mut keep = |frame: journal::Frame| Ok(Some(frame.payload));
                Some(journal::write_anew(world, dir, identity, first_seq, upto, &mut keep)?)
            }
            Active::Empty => {
                journal::remove(world, dir, first_seq)?;
                None
            }
        };
        write_head_anew(world, dir, &mut head)?;
        Ok((head, journal_end))
    }
}

/// Compares the active journal with HEAD; it may be ahead. Gives the head that it leads to.
fn look_at_journal(dir: &Path, head: &Head) -> Result<(Head, Active)> {
    let (first_seq, known) = (head.settled, head.end());
    let path = journal_path(dir, first_seq);
    if !path.exists() {
        if known > first_seq {
            let detail = format!("the journal is gone; HEAD says there are {known} entries");
            return Err(LedgerError::damaged_at(&path, first_seq, detail));
        }
        return Ok((head.clone(), Active::Absent));
    }
    let (scan, behind) = scan_and_chain(dir, head)?;
    let end = scan.commit.map_or(first_seq, |commit| commit.end);
    if end < known {
        let detail = format!("the journal ends at {end}; HEAD says there are {known} entries");
        return Err(LedgerError::damaged_at(&path, end, detail));
    }
    let active = match scan.commit {
        _ if end == first_seq => Active::Empty,
        None => Active::Empty,
        Some(_) if end == known && scan.len == scan.committed_at => {
            Active::Whole(scan.committed_at)
        }
        Some(last) => Active::Anew(scan.committed_at, last),
    };
    Ok((behind, active))
}

/// Brings a head that is behind its volumes forward, verifying every entry between.
fn chain_of_volumes(dir: &Path, head: &Head, volumes: &[Volume]) -> Result<ChainEnd> {
    let mut chain = head.chain.clone();
    let mut decoder = Decoder::new().map_err(LedgerError::io("no decompressor for", dir))?;
    for volume in volumes.iter().filter(|volume| volume.end_seq > head.end()) {
        let path = volume.dir(dir);
        let store = VolumeReader::open(dir, volume)?;
        while chain.end() < volume.end_seq {
            let seq = chain.end();
            let damaged = |detail: &str| LedgerError::damaged_at(&path, seq, detail);
            let bytes = store.pack_with(seq)?.ok_or_else(|| damaged("the entry is missing"))?;
            let pack = Pack::decode(&mut decoder, &bytes).map_err(|e| damaged(&e.to_string()))?;
            if pack.info.prev != chain.id {
                return Err(damaged("the pack does not continue the entry before it"));
            }
            pack.verify(&head.identity, &mut chain).map_err(|e| damaged(&e.to_string()))?;
        }
    }
    Ok(chain)
}

/// Journals whose volume HEAD covers: they have done their work.
fn settled_journals(dir: &Path, head: &Head, volumes: &[Volume]) -> Result<Vec<Seq>> {
    let has_more = head.end() > head.settled && !journal_path(dir, head.settled).exists();
    let is_settled = |seq: &Seq| volumes.iter().any(|volume| volume.first_seq == *seq);
    let done: Vec<Seq> = journal::list(dir)?.into_iter().filter(is_settled).collect();
    match done.first() {
        Some(first_seq) if has_more => {
            let detail = "the journal may have entries that its volume lacks";
            Err(LedgerError::damaged_at(&journal_path(dir, *first_seq), head.settled, detail))
        }
        _ => Ok(done),
    }
}

/// Scans the active journal and verifies what HEAD does not cover yet.
fn scan_and_chain(dir: &Path, head: &Head) -> Result<(JournalScan, Head)> {
    let first_seq = head.settled;
    let path = journal_path(dir, first_seq);
    let mut decoder = Decoder::new().map_err(LedgerError::io("no decompressor for", &path))?;
    let (mut open, mut committed) = (head.clone(), head.clone());
    let scan = journal::scan(dir, &head.identity, first_seq, |frame| {
        match frame.kind {
            FrameKind::Pack => {
                let pack = Pack::decode(&mut decoder, &frame.payload)
                    .map_err(|e| LedgerError::damaged_at(&path, open.end(), e.to_string()))?;
                if pack.info.first_seq >= head.end() {
                    pack.verify(&head.identity, &mut open.chain).map_err(|e| {
                        LedgerError::damaged_at(&path, pack.info.first_seq, e.to_string())
                    })?;
                    pack.entries.iter().for_each(|entry| open.pass(entry.kind, entry.seq));
                }
            }
            FrameKind::Block => {}
            FrameKind::Commit => {
                let commit = journal::Commit::decode(&frame.payload);
                if commit.is_some_and(|commit| commit.end >= head.end()) {
                    let same = commit.is_some_and(|commit| {
                        commit.end == open.end()
                            && commit.id == open.chain.id
                            && commit.root == open.chain.tree.root()
                    });
                    if !same {
                        let detail = "a commit does not fit the entries before it";
                        return Err(LedgerError::damaged_at(&path, open.end(), detail));
                    }
                    committed = open.clone();
                }
            }
        }
        Ok(())
    })?;
    Ok((scan, committed))
}

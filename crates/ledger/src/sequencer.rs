//! The ordered half of an append: chains entries, writes the journal, acknowledges, and lets a volume follow.

use super::chain::ChainEnd;
use super::error::{LedgerError, Result};
use super::head::write_head;
use super::journal::{self, Commit, FrameKind, JournalWriter};
use super::open::{Ledger, LedgerPaths};
use super::pack::place;
use super::tiles::TilesWriter;
use super::volume::{VolumeBuilder, volume_dir};
use super::worker::{Work, start_thread};
use super::world::World;
use codex_ledger_entry::{EntryId, Seq};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Journal bytes between two acknowledgements.
const COMMIT_BYTES: u64 = 16 << 20;
/// A journal this large becomes a volume when the append ends.
const SETTLE_BYTES: u64 = 32 << 20;
/// A journal this large becomes a volume at once, which bounds the space it takes twice.
const ROTATE_BYTES: u64 = 256 << 20;
/// Commits that the volume builder may lag behind; a journal is settled long before.
const POSITIONS_LEN: usize = 64;

/// Chains entries and writes the journal; owns the head until the append ends.
pub(super) struct Sequencer {
    dir: PathBuf,
    world: World,
    pub(super) head: super::head::Head,
    chain: ChainEnd,
    tiles: TilesWriter,
    pub(super) journal: Option<JournalWriter>,
    pub(super) committed_at: u64,
    builder: Option<Builder>,
    abandoned: Arc<AtomicBool>,
    /// Why no volume is built any more in this append.
    pub(super) unsettled: Option<String>,
}

impl Sequencer {
    pub(super) fn start(ledger: &Ledger, abandoned: Arc<AtomicBool>) -> Result<Sequencer> {
        let paths = LedgerPaths { dir: ledger.dir.clone() };
        let journal = match ledger.journal_end {
            Some(at) => {
                let identity = &ledger.head.identity;
                let first_seq = ledger.head.settled;
                Some(JournalWriter::resume(&ledger.dir, identity, first_seq, at)?)
            }
            None => None,
        };
        Ok(Sequencer {
            dir: ledger.dir.clone(),
            world: ledger.world.clone(),
            head: ledger.head.clone(),
            chain: ledger.head.chain.clone(),
            tiles: TilesWriter::start(&ledger.world, &paths, &ledger.head),
            committed_at: ledger.journal_end.unwrap_or(0),
            journal,
            builder: None,
            abandoned,
            unsettled: None,
        })
    }

    pub(super) fn run(mut self, outgoing: &Receiver<(u64, Work)>) -> Result<Sequencer> {
        let mut waiting = BTreeMap::new();
        let mut next = 0u64;
        while let Ok((ticket, work)) = outgoing.recv() {
            waiting.insert(ticket, work);
            while let Some(work) = waiting.remove(&next) {
                next += 1;
                self.write(work)?;
            }
        }
        if self.abandoned.load(Ordering::Relaxed) {
            return Ok(self);
        }
        self.commit()?;
        if self.journal.is_some() && self.is_due() {
            self.settle()?;
        }
        Ok(self)
    }

    fn write(&mut self, work: Work) -> Result<()> {
        match work {
            Work::Pack(pack) => {
                let now = self.world.clock.now();
                let tiles = &mut self.tiles.completed;
                let bytes = place(pack, &self.head.identity, &mut self.chain, tiles, now);
                self.write_frame(FrameKind::Pack, &bytes)?;
            }
            // The blocks of a body and the pack that names it are committed together.
            Work::Block(bytes) => return self.write_frame(FrameKind::Block, &bytes),
        }
        let position = self.journal.as_ref().map_or(0, JournalWriter::position);
        if position - self.committed_at >= COMMIT_BYTES {
            self.commit()?;
            if position >= ROTATE_BYTES {
                self.settle()?;
            }
        }
        Ok(())
    }

    fn write_frame(&mut self, kind: FrameKind, bytes: &[u8]) -> Result<()> {
        if self.journal.is_none() {
            let identity = &self.head.identity;
            let journal =
                JournalWriter::create(&self.world, &self.dir, identity, self.head.settled)?;
            self.committed_at = journal.position();
            self.journal = Some(journal);
        }
        match &mut self.journal {
            Some(journal) => journal.write(&self.world, kind, bytes),
            None => Ok(()),
        }
    }

    /// Acknowledges: journal first, then HEAD; only then may the log engine see the entries.
    fn commit(&mut self) -> Result<()> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        let is_new = self.chain.end() > self.head.end();
        if !is_new && journal.position() == self.committed_at {
            return Ok(());
        }
        let root = self.chain.tree.root();
        let commit = Commit { end: self.chain.end(), id: self.chain.id, root };
        journal.commit(&self.world, &commit)?;
        self.committed_at = journal.position();
        if !is_new {
            // Only blocks of bodies that were given up.
            return Ok(());
        }
        self.tiles.flush()?;
        self.head.chain = self.chain.clone();
        write_head(&self.world, &self.dir, &mut self.head)?;
        if self.is_due() {
            self.build();
        }
        Ok(())
    }

    /// The first volume is built at once, so that every ledger has its log; later ones when it pays.
    fn is_due(&self) -> bool {
        let has_real_entries = self.head.size() > 1;
        (self.head.settled == Seq::FIRST && has_real_entries) || self.committed_at >= SETTLE_BYTES
    }

    /// Lets the volume follow the journal. Failing is no reason to fail the append: the journal has it all.
    fn build(&mut self) {
        if self.unsettled.is_some() {
            return;
        }
        let builder = match self.builder.take() {
            Some(builder) => Ok(builder),
            None => Builder::start(&self.dir, &self.head.identity, self.head.settled),
        };
        match builder {
            Ok(builder) if builder.advance(self.committed_at) => self.builder = Some(builder),
            Ok(builder) => self.unsettled = builder.finish().err().map(|e| e.to_string()),
            Err(error) => self.unsettled = Some(error.to_string()),
        }
    }

    /// Turns the journal into a settled volume; the journal goes only when HEAD says so.
    fn settle(&mut self) -> Result<()> {
        self.build();
        let Some(builder) = self.builder.take() else {
            return Ok(());
        };
        let first_seq = self.head.settled;
        let last: EntryId = self.head.chain.id;
        let settled = builder.finish().and_then(|b| b.settle(&self.world, self.head.end(), last));
        let volume = match settled {
            Ok(volume) => volume,
            // Once it has its name, the volume may count: only opening again can tell.
            Err(error) if volume_dir(&self.dir, first_seq, 0).exists() => return Err(error),
            Err(error) => {
                self.unsettled = Some(error.to_string());
                return Ok(());
            }
        };
        self.head.settled = volume.end_seq;
        write_head(&self.world, &self.dir, &mut self.head)?;
        self.journal = None;
        self.committed_at = 0;
        journal::remove(&self.world, &self.dir, first_seq)
    }
}

/// Runs a [`VolumeBuilder`] beside the sequencer.
struct Builder {
    positions: Option<SyncSender<u64>>,
    thread: Option<JoinHandle<Result<VolumeBuilder>>>,
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.positions = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Builder {
    fn start(dir: &Path, identity: &super::pack::Identity, first_seq: Seq) -> Result<Builder> {
        let mut builder = VolumeBuilder::start(dir, identity, (first_seq, 0))?;
        let (positions, incoming) = sync_channel::<u64>(POSITIONS_LEN);
        let thread = start_thread(dir, move || {
            while let Ok(committed_at) = incoming.recv() {
                builder.advance(committed_at)?;
            }
            Ok(builder)
        })?;
        Ok(Builder { positions: Some(positions), thread: Some(thread) })
    }

    /// False when the builder has failed; [`Builder::finish`] says why.
    fn advance(&self, committed_at: u64) -> bool {
        self.positions.as_ref().is_some_and(|positions| positions.send(committed_at).is_ok())
    }

    fn finish(mut self) -> Result<VolumeBuilder> {
        self.positions = None;
        let died = || LedgerError::damaged(Path::new("append"), "the volume builder panicked");
        self.thread.take().ok_or_else(died)?.join().map_err(|_| died())?
    }
}

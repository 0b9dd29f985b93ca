//! Appending: workers hash and compress, one thread chains and writes the journal, one fills the volume.
//!
//! Order is kept by tickets: work may finish in any order, entries are chained in the order given.

use super::codec::Encoder;
use super::error::{LedgerError, Result};
use super::head::write_head;
use super::journal::{Commit, FrameKind, JournalWriter, journal_path};
use super::open::Ledger;
use super::pack::{
    BLOCK_BYTES, ChainEnd, Draft, DraftBody, PACK_BYTES, PackDraft, PreparedPack, encode_block, place, prepare,
};
use super::volume::VolumeBuilder;
use super::world::World;
use crate::entry::{Commitment, EntryId, FLAG_LINE_FEED, Kind, SALT_BYTES, Salt, commit_hasher};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

/// Journal bytes between two acknowledgements.
const COMMIT_BYTES: u64 = 16 << 20;
/// A journal this large becomes a volume when the append ends.
const SETTLE_BYTES: u64 = 32 << 20;
/// A journal this large becomes a volume at once, which bounds the space it takes twice.
const ROTATE_BYTES: u64 = 256 << 20;
/// Commits that the volume builder may lag behind; a journal is settled long before.
const POSITIONS_LEN: usize = 64;
/// Jobs on their way: enough to keep the workers busy while the journal syncs, and with packs of 64 KiB
/// and blocks of 256 KiB a bound on memory.
const QUEUE_LEN: usize = 48;

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Seq of the first new entry.
    pub from: u64,
    /// One past the last new entry.
    pub to: u64,
    /// Why the journal could not be turned into a volume, if that failed. The entries are durable in the
    /// journal all the same, and the next append tries again.
    pub unsettled: Option<String>,
}

enum Job {
    Pack(PackDraft),
    Block { seq: u64, index: u32, bytes: Vec<u8> },
}

enum Work {
    Pack(PreparedPack),
    Block(Vec<u8>),
}

/// Takes entries in order; see [`Ledger::appender`].
pub struct Appender<'l> {
    ledger: &'l mut Ledger,
    /// Tells the sequencer that nothing more is to be acknowledged.
    abandoned: Arc<AtomicBool>,
    jobs: Option<SyncSender<(u64, Job)>>,
    workers: Vec<JoinHandle<()>>,
    sequencer: Option<JoinHandle<Result<Sequencer>>>,
    salts: Salts,
    ticket: u64,
    from: u64,
    next_seq: u64,
    draft: PackDraft,
}

impl<'l> Appender<'l> {
    pub(super) fn start(ledger: &'l mut Ledger) -> Result<Appender<'l>> {
        if ledger.poisoned {
            let detail = "an earlier append failed; the ledger must be opened again";
            return Err(LedgerError::damaged(&ledger.dir, detail));
        }
        let abandoned = Arc::new(AtomicBool::new(false));
        let sequencer = Sequencer::start(ledger, Arc::clone(&abandoned))?;
        let (jobs, incoming) = sync_channel::<(u64, Job)>(QUEUE_LEN);
        let (finished, outgoing) = sync_channel::<(u64, Work)>(QUEUE_LEN);
        let incoming = Arc::new(Mutex::new(incoming));
        let count = std::thread::available_parallelism().map_or(2, |n| n.get()).clamp(1, 8);
        let mut workers = Vec::with_capacity(count);
        for _ in 0..count {
            let encoder =
                Encoder::new().map_err(LedgerError::io("no compressor for", &ledger.dir))?;
            let salts = Salts::new(&ledger.world, &ledger.dir)?;
            let (incoming, finished) = (Arc::clone(&incoming), finished.clone());
            workers.push(spawn(move || work(encoder, salts, &incoming, &finished)));
        }
        drop(finished);
        let next_seq = ledger.head.size();
        let salts = Salts::new(&ledger.world, &ledger.dir)?;
        ledger.poisoned = true;
        Ok(Appender {
            ledger,
            abandoned,
            jobs: Some(jobs),
            workers,
            sequencer: Some(spawn(move || sequencer.run(&outgoing))),
            salts,
            ticket: 0,
            from: next_seq,
            next_seq,
            draft: PackDraft::default(),
        })
    }

    /// The seq that the next entry will have.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Adds an entry whose body is in memory. `stream` `None` means that it opens or has none.
    ///
    /// # Errors
    /// When an earlier entry could not be written.
    pub fn append(
        &mut self,
        kind: Kind,
        stream: Option<u64>,
        line: u64,
        offset: u64,
        line_feed: bool,
        body: &[u8],
    ) -> Result<u64> {
        if body.len() > BLOCK_BYTES {
            let mut large = self.large_body()?;
            large.push(self, body)?;
            let stream = stream.unwrap_or(self.next_seq);
            return self.append_large(kind, stream, line, offset, line_feed, large);
        }
        let at = self.draft.bodies.len();
        self.draft.bodies.extend_from_slice(body);
        let body = DraftBody::Inline(at..self.draft.bodies.len());
        self.push(kind, stream, line, offset, line_feed, body)
    }

    /// Adds an entry that belongs to no stream.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append_small(&mut self, kind: Kind, body: &[u8]) -> Result<u64> {
        self.append(kind, None, 0, 0, false, body)
    }

    /// Starts an entry whose body arrives in pieces; see [`LargeBody`].
    ///
    /// # Errors
    /// When an earlier entry could not be written.
    pub fn large_body(&mut self) -> Result<LargeBody> {
        self.submit_draft()?;
        let salt = self.salts.next();
        Ok(LargeBody { salt, hasher: commit_hasher(&salt), len: 0, index: 0, block: Vec::new() })
    }

    /// Adds the entry of a large body whose pieces were all given.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append_large(
        &mut self,
        kind: Kind,
        stream: u64,
        line: u64,
        offset: u64,
        line_feed: bool,
        mut body: LargeBody,
    ) -> Result<u64> {
        body.flush(self)?;
        let commitment = Commitment(*body.hasher.finalize().as_bytes());
        let body = DraftBody::Blocks { len: body.len, salt: body.salt, commitment };
        let seq = self.push(kind, Some(stream), line, offset, line_feed, body)?;
        self.submit_draft()?;
        Ok(seq)
    }

    fn push(
        &mut self,
        kind: Kind,
        stream: Option<u64>,
        line: u64,
        offset: u64,
        line_feed: bool,
        body: DraftBody,
    ) -> Result<u64> {
        let seq = self.next_seq;
        self.next_seq += 1;
        let flags = if line_feed { FLAG_LINE_FEED } else { 0 };
        let stream = stream.unwrap_or(seq);
        self.draft.entries.push(Draft { kind, flags, stream, line, offset, body });
        if self.draft.bodies.len() >= PACK_BYTES || self.draft.entries.len() >= 4096 {
            self.submit_draft()?;
        }
        Ok(seq)
    }

    fn submit_draft(&mut self) -> Result<()> {
        if self.draft.entries.is_empty() {
            return Ok(());
        }
        let draft = std::mem::take(&mut self.draft);
        self.submit(Job::Pack(draft))
    }

    fn submit(&mut self, job: Job) -> Result<()> {
        let ticket = self.ticket;
        self.ticket += 1;
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send((ticket, job)).is_ok());
        if sent {
            return Ok(());
        }
        // Only a thread that failed stops taking jobs: joining tells why.
        self.join()?;
        Err(LedgerError::damaged(&self.ledger.dir, "the append stopped early"))
    }

    /// Makes everything durable and acknowledges it.
    ///
    /// # Errors
    /// When writing or syncing failed; entries of commits before that are acknowledged all the same.
    pub fn finish(mut self) -> Result<Appended> {
        self.submit_draft()?;
        let unsettled = self.join()?;
        Ok(Appended { from: self.from, to: self.next_seq, unsettled })
    }

    /// Ends the threads and takes the new head over; says why settling failed, if it did.
    fn join(&mut self) -> Result<Option<String>> {
        self.jobs = None;
        let workers = self.workers.drain(..).map(JoinHandle::join).filter(std::result::Result::is_err);
        let died = workers.count() > 0;
        if died {
            self.abandoned.store(true, Ordering::Relaxed);
        }
        let Some(sequencer) = self.sequencer.take() else {
            return Err(LedgerError::damaged(&self.ledger.dir, "an earlier append failed"));
        };
        let panicked = || LedgerError::damaged(&self.ledger.dir, "a thread of the append panicked");
        let done = sequencer.join().map_err(|_| panicked())??;
        if died {
            return Err(panicked());
        }
        let committed_at = done.committed_at;
        self.ledger.journal_end = done.journal.is_some().then_some(committed_at);
        self.ledger.head = done.head;
        self.ledger.poisoned = false;
        Ok(done.unsettled)
    }
}

impl Drop for Appender<'_> {
    /// What was not finished is not acknowledged; no thread outlives the appender and its lock.
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.jobs = None;
        for worker in self.workers.drain(..) {
            worker.join().ok();
        }
        if let Some(sequencer) = self.sequencer.take() {
            sequencer.join().ok();
        }
    }
}

/// Collects a body of any size in blocks.
pub struct LargeBody {
    salt: Salt,
    hasher: blake3::Hasher,
    len: u64,
    index: u32,
    block: Vec<u8>,
}

impl LargeBody {
    /// Adds the next piece.
    ///
    /// # Errors
    /// When a block could not be handed over.
    pub fn push(&mut self, appender: &mut Appender<'_>, mut piece: &[u8]) -> Result<()> {
        self.hasher.update(piece);
        self.len += piece.len() as u64;
        while !piece.is_empty() {
            let room = BLOCK_BYTES - self.block.len();
            let (now, later) = piece.split_at(piece.len().min(room));
            self.block.extend_from_slice(now);
            piece = later;
            if self.block.len() == BLOCK_BYTES {
                self.flush(appender)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, appender: &mut Appender<'_>) -> Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.block);
        let job = Job::Block { seq: appender.next_seq, index: self.index, bytes };
        self.index += 1;
        appender.submit(job)
    }
}

/// Fresh salts out of one read of the system's randomness.
struct Salts(blake3::OutputReader);

impl Salts {
    fn new(world: &World, dir: &Path) -> Result<Salts> {
        let mut seed = [0u8; 32];
        world.entropy.fill(&mut seed).map_err(LedgerError::io("no randomness for", dir))?;
        Ok(Salts(blake3::Hasher::new_keyed(&seed).finalize_xof()))
    }

    fn next(&mut self) -> Salt {
        let mut salt = [0u8; SALT_BYTES];
        self.0.fill(&mut salt);
        salt
    }
}

fn work(
    mut encoder: Encoder,
    mut salts: Salts,
    incoming: &Mutex<Receiver<(u64, Job)>>,
    finished: &SyncSender<(u64, Work)>,
) {
    loop {
        let next = match incoming.lock() {
            Ok(receiver) => receiver.recv(),
            Err(_) => return,
        };
        let Ok((ticket, job)) = next else { return };
        let work = match job {
            Job::Pack(draft) => Work::Pack(prepare(&mut encoder, draft, || salts.next())),
            Job::Block { seq, index, bytes } => {
                Work::Block(encode_block(&mut encoder, seq, index, &bytes))
            }
        };
        if finished.send((ticket, work)).is_err() {
            return;
        }
    }
}

/// Chains entries and writes the journal; owns the head until the append ends.
struct Sequencer {
    dir: PathBuf,
    world: World,
    head: super::head::Head,
    chain: ChainEnd,
    journal: Option<JournalWriter>,
    committed_at: u64,
    builder: Option<Builder>,
    abandoned: Arc<AtomicBool>,
    /// Why no volume is built any more in this append.
    unsettled: Option<String>,
}

impl Sequencer {
    fn start(ledger: &Ledger, abandoned: Arc<AtomicBool>) -> Result<Sequencer> {
        let journal = match ledger.journal_end {
            Some(at) => {
                let identity = &ledger.head.identity;
                let first_seq = ledger.head.settled;
                Some(JournalWriter::resume(&ledger.world, &ledger.dir, identity, first_seq, at)?)
            }
            None => None,
        };
        Ok(Sequencer {
            dir: ledger.dir.clone(),
            world: ledger.world.clone(),
            head: ledger.head.clone(),
            chain: ledger.head.chain.clone(),
            committed_at: ledger.journal_end.unwrap_or(0),
            journal,
            builder: None,
            abandoned,
            unsettled: None,
        })
    }

    fn run(mut self, outgoing: &Receiver<(u64, Work)>) -> Result<Sequencer> {
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
                let bytes = place(pack, &self.head.identity, &mut self.chain, now);
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
        let Some(journal) = &mut self.journal else { return Ok(()) };
        if self.chain.size() == self.head.size() {
            return Ok(());
        }
        let root = self.chain.tree.root();
        let commit = Commit { size: self.chain.size(), id: self.chain.id, root };
        journal.commit(&self.world, &commit)?;
        self.committed_at = journal.position();
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
        (self.head.settled == 0 && has_real_entries) || self.committed_at >= SETTLE_BYTES
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
        let Some(builder) = self.builder.take() else { return Ok(()) };
        let first_seq = self.head.settled;
        let last: EntryId = self.head.chain.id;
        let settled = builder.finish().and_then(|b| b.settle(&self.world, self.head.size(), last));
        let volume = match settled {
            Ok(volume) => volume,
            Err(error) => {
                self.unsettled = Some(error.to_string());
                return Ok(());
            }
        };
        self.head.settled = volume.end_seq;
        write_head(&self.world, &self.dir, &mut self.head)?;
        self.journal = None;
        self.committed_at = 0;
        let path = journal_path(&self.dir, first_seq);
        self.world.disk.remove_file(&path).map_err(LedgerError::io("cannot remove", &path))?;
        let parent = super::journal::journal_dir(&self.dir);
        self.world.disk.sync_dir(&parent).map_err(LedgerError::io("cannot sync", &parent))
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
    fn start(dir: &Path, identity: &super::pack::Identity, first_seq: u64) -> Result<Builder> {
        let mut builder = VolumeBuilder::start(dir, identity, first_seq)?;
        let (positions, incoming) = sync_channel::<u64>(POSITIONS_LEN);
        let thread = spawn(move || {
            while let Ok(committed_at) = incoming.recv() {
                builder.advance(committed_at)?;
            }
            Ok(builder)
        });
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

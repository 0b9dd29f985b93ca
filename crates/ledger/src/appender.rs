//! Appending: workers hash and compress, one thread chains and writes the journal, one fills the volume.
//!
//! Order is kept by tickets: work may finish in any order, entries are chained in the order given.

use super::block::BLOCK_BYTES;
use super::codec::Encoder;
use super::error::{LedgerError, Result};
use super::open::Ledger;
use super::pack::{DraftBody, EntryDraft, PACK_BYTES, PackDraft};
use super::sequencer::Sequencer;
use super::worker::{Job, Salts, Work, start_thread, work};
use codex_ledger_entry::{
    Commitment, EntryId, FLAG_LINE_FEED, Kind, Salt, Seq, SeqRange, StreamId, commit_hasher,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Jobs on their way: enough to keep the workers busy while the journal syncs, and with packs of 64 KiB
/// and blocks of 256 KiB a bound on memory.
const QUEUE_LEN: usize = 48;

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The new entries.
    pub entries: SeqRange,
    /// Why the journal could not be turned into a volume, if that failed. The entries are durable in the
    /// journal all the same, and the next append tries again.
    pub unsettled: Option<String>,
}

/// Where an entry's bytes come from: for one of no source, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Seq of the entry that opened the stream; `None` for one that opens one or has none.
    pub stream: Option<StreamId>,
    /// Line of the source, from 0.
    pub line: u64,
    /// First byte in the source, decompressed.
    pub offset: u64,
    /// Whether a line feed ends it there, which is no part of the body.
    pub has_line_feed: bool,
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
    from: Seq,
    next_seq: Seq,
    draft: PackDraft,
    /// What the next entry speaks of.
    reference: EntryId,
}

impl<'l> Appender<'l> {
    pub(super) fn start(ledger: &'l mut Ledger) -> Result<Appender<'l>> {
        if ledger.poisoned {
            let detail = "an earlier append failed: open the ledger again";
            return Err(LedgerError::damaged(&ledger.dir, detail));
        }
        ledger.poisoned = true;
        let abandoned = Arc::new(AtomicBool::new(false));
        let sequencer = Sequencer::start(ledger, Arc::clone(&abandoned))?;
        let (jobs, incoming) = sync_channel::<(u64, Job)>(QUEUE_LEN);
        let (finished, outgoing) = sync_channel::<(u64, Work)>(QUEUE_LEN);
        let next_seq = ledger.head.end();
        let salts = Salts::new(&ledger.world, &ledger.dir)?;
        // From here on, whatever fails ends the threads that were started.
        let mut appender = Appender {
            ledger,
            abandoned,
            jobs: Some(jobs),
            workers: Vec::new(),
            sequencer: None,
            salts,
            ticket: 0,
            from: next_seq,
            next_seq,
            draft: PackDraft::default(),
            reference: EntryId::default(),
        };
        appender.start_workers(incoming, finished)?;
        let dir = &appender.ledger.dir;
        appender.sequencer = Some(start_thread(dir, move || sequencer.run(&outgoing))?);
        Ok(appender)
    }

    /// Starts one worker per processor; fewer do where the system has no more threads to give.
    fn start_workers(
        &mut self,
        incoming: Receiver<(u64, Job)>,
        finished: SyncSender<(u64, Work)>,
    ) -> Result<()> {
        let Ledger { dir, world, .. } = &*self.ledger;
        let incoming = Arc::new(Mutex::new(incoming));
        let count = std::thread::available_parallelism().map_or(2, |n| n.get()).clamp(1, 8);
        for _ in 0..count {
            let encoder = Encoder::new().map_err(LedgerError::io("no compressor for", dir))?;
            let salts = Salts::new(world, dir)?;
            let (incoming, finished) = (Arc::clone(&incoming), finished.clone());
            match start_thread(dir, move || work(encoder, salts, &incoming, &finished)) {
                Ok(worker) => self.workers.push(worker),
                Err(error) if self.workers.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// The seq that the next entry will have.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Adds an entry whose body is in memory.
    ///
    /// # Errors
    /// When an earlier entry could not be written.
    pub fn append(&mut self, kind: Kind, origin: Origin, body: &[u8]) -> Result<Seq> {
        if body.len() > BLOCK_BYTES {
            let mut large = self.large_body()?;
            large.push(self, body)?;
            return self.append_large(kind, origin, large);
        }
        let at = self.draft.bodies.len();
        self.draft.bodies.extend_from_slice(body);
        let body = DraftBody::Inline(at..self.draft.bodies.len());
        self.push(kind, origin, body)
    }

    /// Adds an entry that belongs to no stream.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append_small(&mut self, kind: Kind, body: &[u8]) -> Result<Seq> {
        self.append(kind, Origin::default(), body)
    }

    /// Adds an entry that belongs to no stream and speaks of another entry.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append_about(&mut self, kind: Kind, reference: EntryId, body: &[u8]) -> Result<Seq> {
        self.reference = reference;
        self.append_small(kind, body)
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
    pub fn append_large(&mut self, kind: Kind, origin: Origin, mut body: LargeBody) -> Result<Seq> {
        body.flush(self)?;
        let commitment = Commitment(*body.hasher.finalize().as_bytes());
        let body = DraftBody::Blocks { len: body.len, salt: body.salt, commitment };
        let seq = self.push(kind, origin, body)?;
        self.submit_draft()?;
        Ok(seq)
    }

    fn push(&mut self, kind: Kind, origin: Origin, body: DraftBody) -> Result<Seq> {
        let Origin { stream, line, offset, has_line_feed } = origin;
        let seq = self.next_seq;
        self.next_seq = seq.next();
        let flags = if has_line_feed { FLAG_LINE_FEED } else { 0 };
        let stream = stream.unwrap_or(StreamId::opened_by(seq));
        let reference = std::mem::take(&mut self.reference);
        self.draft.entries.push(EntryDraft { kind, flags, stream, line, offset, reference, body });
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
        Ok(Appended { entries: SeqRange::new(self.from, self.next_seq), unsettled })
    }

    /// Ends the threads and takes the new head over; says why settling failed, if it did.
    fn join(&mut self) -> Result<Option<String>> {
        self.jobs = None;
        let workers =
            self.workers.drain(..).map(JoinHandle::join).filter(std::result::Result::is_err);
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

//! Applies entries in order, each to the tables that it speaks to, and derives streams anew where that is due.

use crate::policy::Decisions;
use crate::replay::ReplayError;
use crate::replay::changes::Changes;
use crate::replay::derive::{Deriver, Line, LineStart, derive_files};
use crate::replay::lines::body;
use crate::replay::parcels::{End, Shipper};
use crate::replay::streams::Streams;
use crate::row::{At, RowBuilder};
use crate::tables::{actions, annotations, redactions, requests, streams};
use codex_ledger_entry::{Kind, Seq, SeqRange, StreamDescriptor, StreamId, StreamName};
use codex_ledger_ledger::{Control, LedgerReader, Pack, StoredEntry};
use std::ops::ControlFlow;

/// Entries between two transactions.
const COMMIT_ENTRIES: u64 = 50_000;

/// Applies entries up to the reader's head.
pub(crate) struct Applier<'a> {
    pub reader: &'a mut LedgerReader,
    pub streams: Streams,
    deriver: Deriver<'a>,
    shipper: Shipper<'a>,
    /// One past the last entry.
    pub to: Seq,
    /// Packs that end at or before this seq are noted in the states of the streams that they hold.
    scanned_to: Seq,
    decisions: &'a Decisions,
    /// Whether an entry has decided what may be shown.
    decided: bool,
    /// Annotations of this replay.
    annotated: Vec<Seq>,
}

impl<'a> Applier<'a> {
    pub(crate) fn new(
        reader: &'a mut LedgerReader,
        streams: Streams,
        deriver: Deriver<'a>,
        shipper: Shipper<'a>,
        decisions: &'a Decisions,
    ) -> Applier<'a> {
        let to = reader.head().end();
        let (scanned_to, decided, annotated) = (Seq::FIRST, false, Vec::new());
        Applier { reader, streams, deriver, shipper, to, scanned_to, decisions, decided, annotated }
    }

    /// Applies everything from the cursor on. With `is_whole` all of it becomes visible at once: rows that
    /// show what was hidden meanwhile must not stay behind a cursor that has passed the entry that hides.
    pub(crate) fn run(
        &mut self,
        cursor: Seq,
        changes: &Changes,
        is_whole: bool,
    ) -> Result<(), ReplayError> {
        let mut next = cursor;
        let mut committed = cursor;
        self.scanned_to = cursor;
        while next < self.to {
            let Some(pack) = self.reader.pack_from(next)? else {
                break;
            };
            for entry in pack.entries.iter().filter(|entry| entry.seq >= next) {
                self.entry(&pack, entry)?;
                self.shipper.ship_if_full(&mut self.deriver.drafts)?;
            }
            self.note(&pack);
            next = pack.info.end_seq();
            self.scanned_to = next;
            if next.since(committed) >= COMMIT_ENTRIES && next < self.to && !is_whole {
                self.commit(next, false)?;
                committed = next;
            }
        }
        self.redecide(changes)?;
        self.settle_copies()?;
        self.commit(self.to, true)
    }

    /// Stores what is known of the streams, and ends the transaction.
    fn commit(&mut self, cursor: Seq, is_last: bool) -> Result<(), ReplayError> {
        let Deriver { policy, drafts, .. } = &mut self.deriver;
        self.streams.store(policy, cursor, drafts);
        self.shipper.ship(drafts, Some(End { cursor, is_last }))
    }

    /// Writes again what the policy in force now shows otherwise.
    fn redecide(&mut self, changes: &Changes) -> Result<(), ReplayError> {
        if self.decided {
            redactions::all(self.deriver.policy, self.decisions, &mut self.deriver.drafts);
        }
        for id in &changes.gone {
            streams::remove(self.deriver.policy, *id, &mut self.deriver.drafts);
            self.streams.remove(*id);
        }
        for seq in &changes.void {
            redactions::forget(self.deriver.policy, *seq, &mut self.deriver.drafts);
            requests::forget(self.deriver.policy, *seq, &mut self.deriver.drafts);
        }
        for id in &changes.copies {
            if let Some(stream) = self.streams.get_mut(*id) {
                (stream.state.copy_end, stream.state.compared) = (None, None);
            }
        }
        let mut due = self.streams.due();
        due.extend(changes.streams.iter().filter_map(|id| self.streams.thread(*id).iter().min()));
        for id in due {
            self.derive_thread(id)?;
        }
        self.side_files_again()?;
        if changes.names {
            let Deriver { policy, drafts, .. } = &mut self.deriver;
            for stream in self.streams.iter() {
                streams::rename(policy, stream.id, &stream.state, drafts);
            }
            for seq in &changes.actions {
                if let Some(entry) = self.reader.control(*seq)? {
                    actions::again(policy, *seq, entry.recorded_at, &entry.body, drafts);
                }
            }
            let new = std::mem::take(&mut self.annotated);
            self.annotations_again(&[&changes.annotations[..], &new[..]].concat())?;
        }
        Ok(())
    }

    /// Lines of side files name their session only; its repository is known when all is applied. Where a
    /// redaction is narrowed to a repository, these few files are derived anew each time.
    fn side_files_again(&mut self) -> Result<(), ReplayError> {
        if !self.deriver.policy.is_narrowed_to_repos() {
            return Ok(());
        }
        let mut side_files = Vec::new();
        for stream in self.streams.current() {
            let state = &stream.state;
            match (&stream.name, state.session_id.as_ref(), &state.repo) {
                (StreamName::History(_) | StreamName::Index(_), ..) => side_files.push(stream.id),
                (StreamName::Rollout { thread, .. }, session, Some(repo)) => {
                    let session = session.unwrap_or(thread).clone();
                    self.deriver.repos.insert(session, repo.clone());
                }
                _ => {}
            }
        }
        side_files.into_iter().try_for_each(|id| self.derive_thread(id))
    }

    fn annotations_again(&mut self, seqs: &[Seq]) -> Result<(), ReplayError> {
        let (policy, out) = (self.deriver.policy, &mut self.deriver.drafts);
        if !seqs.is_empty() {
            let row = || RowBuilder::new(policy, "annotations", At::default(), 0);
            out.extend(annotations::CLEAR.map(|sql| row().write(sql)));
        }
        for seq in seqs {
            if let Some(entry) = self.reader.control(*seq)? {
                annotations::annotation(policy, *seq, entry.recorded_at, &entry.body, out);
            }
        }
        Ok(())
    }

    /// Notes which streams have entries in a pack.
    fn note(&mut self, pack: &Pack) {
        let mut last = None;
        for entry in pack.entries.iter().filter(|e| matches!(e.kind, Kind::Line | Kind::Document)) {
            if last.replace(entry.stream) != Some(entry.stream)
                && let Some(stream) = self.streams.get_mut(entry.stream)
            {
                stream.state.applied(pack.info.seqs());
            }
        }
    }

    fn entry(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        if !matches!(entry.kind, Kind::Line | Kind::Document | Kind::Stream) {
            let body = body(self.reader, pack, entry)?.unwrap_or_default();
            let Deriver { policy, drafts, .. } = &mut self.deriver;
            requests::request(policy, entry.seq, &body, drafts);
        }
        match entry.kind {
            Kind::Created | Kind::Action | Kind::Access | Kind::Key => self.action(pack, entry)?,
            Kind::EraseIntent | Kind::EraseDone => {
                self.action(pack, entry)?;
                self.decided = true;
            }
            Kind::Annotation => {
                let body = body(self.reader, pack, entry)?.unwrap_or_default();
                let Deriver { policy, drafts, .. } = &mut self.deriver;
                annotations::annotation(policy, entry.seq, pack.info.recorded_at, &body, drafts);
                self.annotated.push(entry.seq);
            }
            Kind::Stream => {
                let id = StreamId::opened_by(entry.seq);
                // One that was erased has no name, and nothing is derived of it.
                if let Some(body) = pack.body(entry) {
                    self.open(id, body);
                }
            }
            Kind::Line | Kind::Document => self.source_entry(pack, entry)?,
            // Written as a whole at the end: what one says of another must be true of all.
            Kind::Redaction | Kind::Revocation | Kind::RuleSet => self.decided = true,
            Kind::Other(_) => {}
        }
        Ok(())
    }

    /// What was done; of one that was erased, nobody knows what.
    fn action(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        let body = body(self.reader, pack, entry)?.unwrap_or_default();
        let Deriver { policy, drafts, .. } = &mut self.deriver;
        actions::action(policy, entry.seq, pack.info.recorded_at, &body, drafts);
        Ok(())
    }

    fn open(&mut self, id: StreamId, body: &[u8]) {
        let Ok(descriptor) = StreamDescriptor::decode(body) else {
            return;
        };
        let Deriver { policy, drafts, .. } = &mut self.deriver;
        streams::open(policy, id, &descriptor, drafts);
        self.streams.open(id, descriptor);
    }

    fn source_entry(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        let is_due = self.streams.is_due(entry.stream);
        let Some(stream) = self.streams.get_mut(entry.stream) else {
            return self.check_nameless(entry.stream);
        };
        if entry.seq < stream.derived_to {
            return Ok(());
        }
        stream.grew = true;
        stream.state.is_due |= is_due;
        if stream.state.torn && !is_due {
            // The last line goes on: what was said of its beginning no longer holds.
            return self.derive_thread(entry.stream);
        }
        let body = body(self.reader, pack, entry)?;
        let line = Line { start: LineStart::of(entry), entry, body: body.as_deref() };
        match is_due {
            true => self.deriver.look(stream, &line),
            false => self.deriver.line(stream, &line),
        }
        Ok(())
    }

    /// Only a stream whose entry does not say what it is may be unknown; of any other the views have lost it.
    fn check_nameless(&mut self, stream: StreamId) -> Result<(), ReplayError> {
        let opened = self.reader.control(stream.opener())?;
        let is_named = |entry: Control| {
            entry.kind == Kind::Stream
                && !entry.body.is_empty()
                && StreamDescriptor::decode(&entry.body).is_ok()
        };
        match opened.is_some_and(is_named) {
            true => Err(ReplayError::State(stream)),
            false => Ok(()),
        }
    }

    /// Derives the rows of a stream's thread again, its copy of its parent ending where it is said to, else where its
    /// structure tells.
    pub(crate) fn derive_anew(
        &mut self,
        id: StreamId,
        copy_end: Option<u64>,
    ) -> Result<(), ReplayError> {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.state.copy_end = copy_end;
        }
        self.derive_thread(id)
    }

    /// Derives the rows of a stream's thread again, from all entries of all its files.
    fn derive_thread(&mut self, id: StreamId) -> Result<(), ReplayError> {
        let order = self.streams.order(id);
        self.derive_in(&order)?;
        // A line that was torn may have hidden what tells the order.
        let again = self.streams.order(id);
        if again != order { self.derive_in(&again) } else { Ok(()) }
    }

    fn derive_in(&mut self, order: &[StreamId]) -> Result<(), ReplayError> {
        let Applier { reader, streams, deriver, shipper, to, scanned_to, .. } = self;
        let mut files = streams.take(order);
        for stream in &mut files {
            streams::reset(deriver.policy, stream, &mut deriver.drafts);
            stream.restart(*to);
            streams::clear(deriver.policy, stream.id, &stream.state, &mut deriver.drafts);
        }
        let unnoted = SeqRange::new(*scanned_to, *to);
        let derived = derive_files(reader, deriver, &mut files, unnoted, &mut |deriver| {
            shipper.ship_if_full(&mut deriver.drafts).map(ControlFlow::Continue)
        });
        streams.put_back(files);
        derived
    }
}

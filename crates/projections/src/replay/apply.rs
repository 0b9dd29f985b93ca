//! The half of a replay that reads: entries in order, and streams that must be derived anew.

use crate::policy::Decisions;
use crate::replay::ReplayError;
use crate::replay::changes::Changes;
use crate::replay::derive::{Place, Sink};
use crate::replay::streams::Stream;
use crate::row::{At, RowBuilder};
use crate::state::State;
use crate::tables::actions;
use crate::tables::annotations;
use crate::tables::redactions;
use crate::tables::streams;
use codex_ledger_entry::{Kind, StreamDescriptor, StreamName};
use codex_ledger_ledger::{Control, LedgerReader, Pack, StoredEntry};
use std::borrow::Cow;
use std::ops::Range;

/// A body longer than this is not parsed; it keeps its event row and its bytes in the ledger.
const PARSE_MAX_BYTES: u64 = 64 << 20;
/// Entries between two transactions.
const COMMIT_ENTRIES: u64 = 50_000;

/// A line of a source: where its pieces lie, its last entry with the whole length, and its bytes unless it is
/// too long.
pub(crate) struct Line<'a> {
    pub places: &'a [Place],
    pub entry: &'a StoredEntry,
    pub body: Option<&'a [u8]>,
}

impl Line<'_> {
    /// The 0-based line of the source at which it begins.
    pub(crate) fn first_line(&self) -> u64 {
        self.places.first().map_or(self.entry.line, |place| place.line)
    }
}

/// Reads entries and gives their lines to the sink.
pub(crate) struct Folder<'a> {
    pub reader: &'a mut LedgerReader,
    pub sink: Sink<'a>,
    pub to: u64,
    /// Packs that end at or before this seq are noted in the states of the streams that they hold.
    pub scanned_to: u64,
    decisions: &'a Decisions,
    /// Whether an entry has decided what may be shown.
    decided: bool,
    /// Annotations of this replay.
    annotated: Vec<u64>,
}

impl<'a> Folder<'a> {
    pub(crate) fn new(
        reader: &'a mut LedgerReader,
        sink: Sink<'a>,
        decisions: &'a Decisions,
    ) -> Folder<'a> {
        let to = reader.head().size();
        let annotated = Vec::new();
        Folder { reader, sink, to, scanned_to: 0, decisions, decided: false, annotated }
    }

    /// Applies everything from the cursor on. With `is_whole` all of it becomes visible at once: rows that
    /// show what was hidden meanwhile must not stay behind a cursor that has passed the entry that hides.
    pub(crate) fn run(
        &mut self,
        cursor: u64,
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
                self.sink.ship_if_full()?;
            }
            self.note(&pack);
            next = pack.info.end_seq();
            self.scanned_to = next;
            if next - committed >= COMMIT_ENTRIES && next < self.to && !is_whole {
                self.sink.ship(Some(next), false)?;
                committed = next;
            }
        }
        self.redecide(changes)?;
        self.settle_copies()?;
        self.sink.ship(Some(self.to), true)
    }

    /// Writes again what the policy in force now shows otherwise.
    fn redecide(&mut self, changes: &Changes) -> Result<(), ReplayError> {
        if self.decided {
            redactions::all(self.sink.policy, self.decisions, &mut self.sink.out);
        }
        for id in &changes.streams {
            if let Some(stream) = self.sink.known.streams.get(id).filter(|s| !s.superseded) {
                let copy_end = stream.state.copy_end;
                self.derive_anew(*id, copy_end)?;
            }
        }
        self.side_files_again()?;
        if changes.names {
            let sink = &mut self.sink;
            let mut ids: Vec<u64> = sink.known.streams.keys().copied().collect();
            ids.sort_unstable();
            for id in ids {
                if let Some(stream) = sink.known.streams.get(&id) {
                    streams::rename(sink.policy, id, &stream.state, &mut sink.out);
                }
            }
            for seq in &changes.actions {
                if let Some(entry) = self.reader.control(*seq)? {
                    let (at, out) = (entry.recorded_at, &mut self.sink.out);
                    actions::again(self.sink.policy, *seq, at, &entry.body, out);
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
        if !self.sink.policy.is_narrowed_to_repos() {
            return Ok(());
        }
        let known = &self.sink.known.streams;
        let mut ids: Vec<u64> = known.keys().copied().collect();
        ids.sort_unstable();
        let mut side = Vec::new();
        for id in &ids {
            let Some(stream) = known.get(id).filter(|stream| !stream.superseded) else { continue };
            let state = &stream.state;
            match (&stream.name, state.session_id.as_ref(), &state.repo) {
                (StreamName::History(_) | StreamName::Index(_), ..) => side.push(*id),
                (StreamName::Rollout { thread, .. }, session, Some(repo)) => {
                    let session = session.unwrap_or(thread).clone();
                    self.sink.repos.insert(session, repo.clone());
                }
                _ => {}
            }
        }
        side.into_iter().try_for_each(|id| self.derive_anew(id, None))
    }

    fn annotations_again(&mut self, seqs: &[u64]) -> Result<(), ReplayError> {
        let (policy, out) = (self.sink.policy, &mut self.sink.out);
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
        let (first, end) = (pack.info.first_seq, pack.info.end_seq());
        let mut last = None;
        for entry in pack.entries.iter().filter(|e| matches!(e.kind, Kind::Line | Kind::Document)) {
            if last.replace(entry.stream) != Some(entry.stream)
                && let Some(stream) = self.sink.known.streams.get_mut(&entry.stream)
            {
                stream.state.applied(first, end);
            }
        }
    }

    fn entry(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        match entry.kind {
            Kind::Created | Kind::Action | Kind::Access => {
                let body = pack.body(entry).unwrap_or_default();
                let sink = &mut self.sink;
                let at = pack.info.recorded_at;
                actions::action(sink.policy, entry.seq, at, body, &mut sink.out);
            }
            Kind::Annotation => {
                let body = pack.body(entry).unwrap_or_default();
                let sink = &mut self.sink;
                let at = pack.info.recorded_at;
                annotations::annotation(sink.policy, entry.seq, at, body, &mut sink.out);
                self.annotated.push(entry.seq);
            }
            Kind::Stream => self.open(entry.seq, pack.body(entry).unwrap_or_default()),
            Kind::Line | Kind::Document => self.source_entry(pack, entry)?,
            // Written as a whole at the end: what one says of another must be true of all.
            Kind::Redaction | Kind::Revocation | Kind::RuleSet => self.decided = true,
            Kind::Other(_) => {}
        }
        Ok(())
    }

    fn open(&mut self, seq: u64, body: &[u8]) {
        let Ok(descriptor) = StreamDescriptor::decode(body) else {
            return;
        };
        let sink = &mut self.sink;
        streams::open(sink.policy, seq, &descriptor, &mut sink.out);
        let older = sink.known.newest.insert(descriptor.name.to_string(), seq);
        if let Some(older) = older
            && let Some(stream) = sink.known.streams.get_mut(&older)
        {
            streams::supersede(sink.policy, older, &stream.state, &mut sink.out);
            stream.superseded = true;
        }
        let mut stream = Stream::new(descriptor.name);
        stream.state.path = descriptor.path;
        sink.known.streams.insert(seq, stream);
    }

    fn source_entry(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        let Some(stream) = self.sink.known.streams.get_mut(&entry.stream) else {
            return self.check_nameless(entry.stream);
        };
        if entry.seq < stream.derived_to {
            return Ok(());
        }
        stream.grew = true;
        if stream.state.torn {
            // The last line goes on: what was said of its beginning no longer holds.
            let copy_end = stream.state.copy_end;
            return self.derive_anew(entry.stream, copy_end);
        }
        let places = [Place::of(entry)];
        let body = body(self.reader, pack, entry)?;
        self.sink.line(entry.stream, &Line { places: &places, entry, body: body.as_deref() });
        Ok(())
    }

    /// Only a stream whose entry does not say what it is may be unknown; of any other the views have lost it.
    fn check_nameless(&mut self, stream: u64) -> Result<(), ReplayError> {
        let opened = self.reader.control(stream)?;
        let is_named = |entry: Control| {
            entry.kind == Kind::Stream && StreamDescriptor::decode(&entry.body).is_ok()
        };
        match opened.is_some_and(is_named) {
            true => Err(ReplayError::State(stream)),
            false => Ok(()),
        }
    }

    /// Derives a stream's rows again from all its entries; a copy of its parent's then ends where it is said
    /// to, else where its structure tells.
    pub(crate) fn derive_anew(
        &mut self,
        id: u64,
        copy_end: Option<u64>,
    ) -> Result<(), ReplayError> {
        let sink = &mut self.sink;
        streams::reset(sink.policy, id, &mut sink.out);
        if let Some(stream) = sink.known.streams.get_mut(&id) {
            let packs = std::mem::take(&mut stream.state.packs);
            let State { compared, name, path, .. } = std::mem::take(&mut stream.state);
            stream.state = State { name, path, packs, copy_end, compared, ..State::default() };
            streams::clear(sink.policy, id, &stream.state, &mut sink.out);
            stream.touched = true;
            stream.totals = crate::fold::Totals::default();
            stream.derived_to = self.to;
        }
        let (packs, scan_from) = self.reading_plan(id);
        let Folder { reader, sink, to, .. } = self;
        let mut found = Vec::new();
        each_line(reader, id, &packs, scan_from..*to, &mut found, &mut |line| {
            sink.line(id, line);
            sink.ship_if_full()
        })?;
        if let Some(stream) = sink.known.streams.get_mut(&id) {
            found.iter().for_each(|(first, end)| stream.state.applied(*first, *end));
        }
        Ok(())
    }

    /// The packs that are known to hold entries of a stream, and from where on others may.
    pub(crate) fn reading_plan(&self, id: u64) -> (Vec<(u64, u64)>, u64) {
        let known = self.sink.known.streams.get(&id);
        let packs = known.map(|stream| stream.state.packs.clone()).unwrap_or_default();
        let noted_to = packs.last().map_or(0, |(_, end)| *end);
        (packs, self.scanned_to.max(noted_to).max(id))
    }
}

/// Gives every line of a stream, in order, joining the pieces of lines that were torn.
///
/// `packs` are runs of packs by first and last seq; `scan` is searched for more of them, which are added to
/// `found`.
pub(crate) fn each_line(
    reader: &mut LedgerReader,
    id: u64,
    packs: &[(u64, u64)],
    scan: Range<u64>,
    found: &mut Vec<(u64, u64)>,
    each: &mut dyn FnMut(&Line<'_>) -> Result<(), ReplayError>,
) -> Result<(), ReplayError> {
    let to = scan.end;
    let mut torn: Option<TornLine> = None;
    let scan = (scan.start, scan.end);
    for (from, end) in packs.iter().copied().chain([scan]) {
        let mut next = from;
        while next < end {
            let Some(pack) = reader.pack_from(next)? else { break };
            next = pack.info.end_seq();
            let of_stream = |e: &&StoredEntry| e.stream == id && e.seq != id && e.seq < to;
            let mut holds = false;
            for entry in pack.entries.iter().filter(of_stream) {
                holds = true;
                let body = body(reader, &pack, entry)?;
                let mut line = torn.take().unwrap_or_else(|| TornLine::new(entry));
                line.add(entry, body.as_deref());
                if entry.has_line_feed() || entry.kind == Kind::Document {
                    each(&line.whole())?;
                } else {
                    torn = Some(line);
                }
            }
            if holds && (from, end) == scan {
                found.push((pack.info.first_seq, next));
            }
        }
    }
    torn.map_or(Ok(()), |line| each(&line.whole()))
}

/// A line whose end has not come yet.
struct TornLine {
    places: Vec<Place>,
    bytes: Option<Vec<u8>>,
    last: StoredEntry,
}

impl TornLine {
    fn new(first: &StoredEntry) -> TornLine {
        let last = StoredEntry { body_len: 0, ..first.clone() };
        TornLine { places: Vec::new(), bytes: Some(Vec::new()), last }
    }

    fn add(&mut self, entry: &StoredEntry, body: Option<&[u8]>) {
        self.places.push(Place::of(entry));
        self.last.flags = entry.flags;
        self.last.body_len += entry.body_len;
        let is_short = self.last.body_len <= PARSE_MAX_BYTES;
        match (&mut self.bytes, body.filter(|_| is_short)) {
            (Some(bytes), Some(body)) => bytes.extend_from_slice(body),
            _ => self.bytes = None,
        }
    }

    fn whole(&self) -> Line<'_> {
        Line { places: &self.places, entry: &self.last, body: self.bytes.as_deref() }
    }
}

/// The bytes of an entry, unless they are too long to be parsed.
fn body<'p>(
    reader: &mut LedgerReader,
    pack: &'p Pack,
    entry: &StoredEntry,
) -> Result<Option<Cow<'p, [u8]>>, ReplayError> {
    match pack.body(entry) {
        Some(body) => Ok(Some(body.into())),
        None => Ok(reader.body(pack, entry, PARSE_MAX_BYTES)?.map(Into::into)),
    }
}

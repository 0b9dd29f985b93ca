//! The half of a replay that reads: decodes, parses and folds entries into statements.

use super::events::{self, Span};
use super::fold::{self, Fold, Options, Totals};
use super::replay::{Parcel, ReplayError};
use super::row::{At, RowBuilder, Write};
use super::state::State;
use super::{actions, side_files, streams};
use crate::db::{Connection, OptionalExtension};
use crate::entry::{Kind, StreamDescriptor, StreamName};
use crate::ledger::{LedgerReader, Pack, StoredEntry, side};
use crate::redaction::Policy;
use crate::rollout;
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::SyncSender;

/// A body longer than this is not parsed; it keeps its event row and its bytes in the ledger.
const PARSE_MAX_BYTES: u64 = 64 << 20;
/// Text on its way to the writer in one parcel.
const PARCEL_BYTES: usize = 512 << 10;
/// Entries between two transactions.
const COMMIT_ENTRIES: u64 = 50_000;
const PUT_STATE: &str = "INSERT OR REPLACE INTO fold_states VALUES (?,?)";

/// What the views knew of streams before this replay.
pub(super) struct Known {
    /// Newest stream of each name.
    newest: HashMap<String, u64>,
    streams: HashMap<u64, Stream>,
}

impl Known {
    pub(super) fn load(db: &Connection, path: &Path) -> Result<Known, ReplayError> {
        let mut known = Known { newest: HashMap::new(), streams: HashMap::new() };
        let load = |known: &mut Known| -> crate::db::SqlResult<()> {
            let mut statement =
                db.prepare("SELECT stream, name, superseded FROM streams ORDER BY stream")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (stream, name): (i64, String) = (row.get(0)?, row.get(1)?);
                let superseded: bool = row.get(2)?;
                let state = db
                    .prepare_cached("SELECT state FROM fold_states WHERE stream = ?")?
                    .query_row([stream], |row| row.get::<_, Vec<u8>>(0))
                    .optional()?;
                let mut entry = Stream::new(StreamName::parse(&name));
                entry.superseded = superseded;
                entry.state = state.and_then(|bytes| side::decode(&bytes)).unwrap_or_default();
                known.newest.insert(name, stream as u64);
                known.streams.insert(stream as u64, entry);
            }
            Ok(())
        };
        load(&mut known).map_err(crate::db::at(path))?;
        Ok(known)
    }
}

/// One stream while its entries go by.
struct Stream {
    name: StreamName,
    state: State,
    totals: Totals,
    superseded: bool,
    touched: bool,
    /// Entries below this seq were applied when the stream was derived anew.
    derived_to: u64,
}

impl Stream {
    fn new(name: StreamName) -> Stream {
        Stream {
            name,
            state: State::default(),
            totals: Totals::default(),
            superseded: false,
            touched: false,
            derived_to: 0,
        }
    }
}

/// Where a piece of a line lies.
#[derive(Clone, Copy)]
struct Place {
    seq: u64,
    line: u64,
    offset: u64,
}

impl Place {
    fn of(entry: &StoredEntry) -> Place {
        Place { seq: entry.seq, line: entry.line, offset: entry.offset }
    }
}

/// A line whose end has not come yet.
struct TornLine {
    places: Vec<Place>,
    bytes: Vec<u8>,
    last: StoredEntry,
}

impl TornLine {
    fn new(first: &StoredEntry) -> TornLine {
        TornLine { places: Vec::new(), bytes: Vec::new(), last: first.clone() }
    }
}

/// The half that reads and folds.
pub(super) struct Folder<'a> {
    reader: &'a mut LedgerReader,
    policy: &'a Policy,
    options: Options,
    known: Known,
    parcels: SyncSender<Parcel>,
    to: u64,
    out: Vec<Write>,
    weight: usize,
    counted: usize,
}

impl<'a> Folder<'a> {
    pub(super) fn new(
        reader: &'a mut LedgerReader,
        policy: &'a Policy,
        options: Options,
        known: Known,
        parcels: SyncSender<Parcel>,
        to: u64,
    ) -> Folder<'a> {
        Folder {
            reader,
            policy,
            options,
            known,
            parcels,
            to,
            out: Vec::new(),
            weight: 0,
            counted: 0,
        }
    }

    pub(super) fn run(&mut self, cursor: u64) -> Result<(), ReplayError> {
        let mut next = cursor;
        let mut committed = cursor;
        while next < self.to {
            let Some(pack) = self.reader.pack_from(next)? else {
                break;
            };
            for entry in pack.entries.iter().filter(|entry| entry.seq >= next) {
                self.entry(&pack, entry)?;
                self.ship_if_full()?;
            }
            next = pack.info.end_seq();
            if next - committed >= COMMIT_ENTRIES && next < self.to {
                self.ship(Some(next), false)?;
                committed = next;
            }
        }
        self.ship(Some(self.to), true)
    }

    fn ship_if_full(&mut self) -> Result<(), ReplayError> {
        self.weight += self.out[self.counted..].iter().map(Write::weight).sum::<usize>();
        self.counted = self.out.len();
        if self.weight >= PARCEL_BYTES { self.ship(None, false) } else { Ok(()) }
    }

    fn ship(&mut self, commit: Option<u64>, done: bool) -> Result<(), ReplayError> {
        if commit.is_some() {
            self.put_states();
        }
        let writes = std::mem::take(&mut self.out);
        (self.weight, self.counted) = (0, 0);
        self.parcels.send(Parcel { writes, commit, done }).map_err(|_| ReplayError::Died)
    }

    /// What later records will need, and the counts, of every stream that was touched.
    fn put_states(&mut self) {
        let mut touched: Vec<u64> = Vec::new();
        touched.extend(
            self.known.streams.iter().filter(|(_, stream)| stream.touched).map(|(id, _)| *id),
        );
        touched.sort_unstable();
        for id in touched {
            let Some(stream) = self.known.streams.get_mut(&id) else {
                continue;
            };
            stream.touched = false;
            let totals = std::mem::take(&mut stream.totals);
            streams::add(self.policy, id, &totals, stream.state.torn, &mut self.out);
            if let Some(state) = side::encode(&stream.state) {
                self.out
                    .push(RowBuilder::new(self.policy, 2).number(id).bytes(state).write(PUT_STATE));
            }
        }
    }

    fn entry(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        match entry.kind {
            Kind::Created | Kind::Action => {
                let body = pack.body(entry).unwrap_or_default();
                actions::action(self.policy, entry.seq, pack.info.recorded_at, body, &mut self.out);
            }
            Kind::Stream => self.open(entry.seq, pack.body(entry).unwrap_or_default()),
            Kind::Line | Kind::Document => self.source_entry(pack, entry)?,
            Kind::Other(_) => {}
        }
        Ok(())
    }

    fn open(&mut self, seq: u64, body: &[u8]) {
        let Ok(descriptor) = StreamDescriptor::decode(body) else {
            return;
        };
        streams::open(self.policy, seq, &descriptor, &mut self.out);
        let older = self.known.newest.insert(descriptor.name.to_string(), seq);
        if let Some(older) = older {
            streams::supersede(self.policy, older, &mut self.out);
            if let Some(stream) = self.known.streams.get_mut(&older) {
                stream.superseded = true;
            }
        }
        self.known.streams.insert(seq, Stream::new(descriptor.name));
    }

    fn source_entry(&mut self, pack: &Pack, entry: &StoredEntry) -> Result<(), ReplayError> {
        let Some(stream) = self.known.streams.get(&entry.stream) else {
            return Ok(());
        };
        if entry.seq < stream.derived_to {
            return Ok(());
        }
        if stream.state.torn {
            // The last line goes on: what was said of its beginning no longer holds.
            return self.derive_anew(entry.stream);
        }
        let lines = [Place::of(entry)];
        let body = self.body(pack, entry)?;
        self.line(entry.stream, &lines, entry, body.as_deref())
    }

    fn body<'p>(
        &mut self,
        pack: &'p Pack,
        entry: &StoredEntry,
    ) -> Result<Option<std::borrow::Cow<'p, [u8]>>, ReplayError> {
        match pack.body(entry) {
            Some(body) => Ok(Some(body.into())),
            None => Ok(self.reader.body(pack, entry, PARSE_MAX_BYTES)?.map(Into::into)),
        }
    }

    /// Derives a stream's rows again from all its entries, joining the pieces of lines that were torn.
    fn derive_anew(&mut self, id: u64) -> Result<(), ReplayError> {
        streams::clear(self.policy, id, &mut self.out);
        streams::reset(self.policy, id, &mut self.out);
        if let Some(stream) = self.known.streams.get_mut(&id) {
            stream.state = State::default();
            stream.totals = Totals::default();
            stream.derived_to = self.to;
        }
        let mut pending: Option<TornLine> = None;
        let mut next = id;
        while let Some(pack) = self.reader.pack_from(next)? {
            let to = self.to;
            for entry in pack.entries.iter().filter(|e| e.stream == id && e.seq != id && e.seq < to)
            {
                let body = self.body(&pack, entry)?.unwrap_or_default();
                let mut line = pending.take().unwrap_or_else(|| TornLine::new(entry));
                line.places.push(Place::of(entry));
                line.bytes.extend_from_slice(&body);
                line.last.flags = entry.flags;
                line.last.body_len = line.bytes.len() as u64;
                if entry.has_line_feed() || entry.kind == Kind::Document {
                    self.line(id, &line.places, &line.last, Some(&line.bytes))?;
                    self.ship_if_full()?;
                } else {
                    pending = Some(line);
                }
            }
            next = pack.info.end_seq();
            if next >= self.to {
                break;
            }
        }
        match pending {
            Some(line) => self.line(id, &line.places, &line.last, Some(&line.bytes)),
            None => Ok(()),
        }
    }

    /// Folds one line, whose pieces lie at `places`.
    fn line(
        &mut self,
        id: u64,
        places: &[Place],
        entry: &StoredEntry,
        body: Option<&[u8]>,
    ) -> Result<(), ReplayError> {
        let Some(stream) = self.known.streams.get_mut(&id) else {
            return Ok(());
        };
        let Some(Place { seq, line, offset }) = places.first().copied() else {
            return Ok(());
        };
        stream.touched = true;
        stream.totals.lines += 1;
        stream.totals.bytes += entry.body_len + u64::from(entry.has_line_feed());
        stream.state.torn = entry.kind == Kind::Line && !entry.has_line_feed();
        if stream.superseded {
            return Ok(());
        }
        let at = At { stream: id, line, part: 0, seq, at_ms: None };
        let thread = match &stream.name {
            StreamName::Rollout { thread, .. } => Some(thread.as_str()),
            _ => None,
        };
        let mut fold = Fold {
            at,
            state: &mut stream.state,
            policy: self.policy,
            thread,
            copied: false,
            bare: false,
            out: &mut self.out,
        };
        let span = Span { offset, bytes: entry.body_len };
        let Some(body) = body else {
            stream.totals.malformed += 1;
            events::plain(&mut fold, span, "malformed", Some("too_long"));
            return Ok(());
        };
        if self.options.raw_json {
            events::raw(&mut fold, body);
        }
        match (&stream.name, entry.kind) {
            (StreamName::History(_), _) => {
                side_files::history(&mut fold, body, span, &mut stream.totals)
            }
            (StreamName::Index(_), _) => {
                side_files::index(&mut fold, body, span, &mut stream.totals)
            }
            (_, Kind::Document) => fold_document(&mut fold, body, span, &mut stream.totals),
            _ => fold_line(&mut fold, body, span, &mut stream.totals),
        }
        Ok(())
    }
}

fn fold_line(fold: &mut Fold<'_>, body: &[u8], span: Span, totals: &mut Totals) {
    let at = fold.at;
    let pieces = rollout::pieces(body);
    let count = pieces.len();
    for (index, (start, record)) in pieces.iter().enumerate() {
        fold.at = At { part: index as u64, at_ms: record.timestamp_ms, ..at };
        let start = *start as u64;
        let bytes = if count == 1 { span.bytes } else { span.bytes.saturating_sub(start) };
        fold::record(fold, record, Span { offset: span.offset + start, bytes }, totals);
    }
}

fn fold_document(fold: &mut Fold<'_>, body: &[u8], span: Span, totals: &mut Totals) {
    let at = fold.at;
    let document = rollout::parse_document(body);
    let problem = document.problems.first().map(|problem| problem.reason.name());
    totals.malformed += u64::from(problem.is_some());
    fold.at.at_ms = document.session.as_ref().and_then(|session| session.timestamp_ms);
    events::plain(fold, span, "document", problem);
    if let Some(session) = &document.session {
        super::sessions::ensure(fold);
        super::sessions::fold(fold, session);
        totals.first_at_ms.get_or_insert(session.timestamp_ms.unwrap_or_default());
    }
    for (index, item) in document.items.iter().enumerate() {
        fold.at = At { part: index as u64 + 1, at_ms: item.record.timestamp_ms, ..at };
        let item_span = Span { offset: item.offset as u64, bytes: item.bytes.len() as u64 };
        fold::record(fold, &item.record, item_span, totals);
    }
}

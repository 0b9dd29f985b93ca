//! The half of a replay that folds: lines in, statements out, parcel by parcel.

use crate::fold::{self, Fold, Options, Totals};
use crate::replay::apply::Line;
use crate::replay::streams::Known;
use crate::replay::{Parcel, ReplayError};
use crate::row::{At, Draft, RowBuilder};
use crate::tables::events::{self, Span};
use crate::tables::side_files;
use crate::tables::streams;
use codex_ledger_entry::{Kind, StreamName};
use codex_ledger_ledger::{StoredEntry, side};
use codex_ledger_redaction::Policy;
use codex_ledger_rollout as rollout;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

/// Text on its way to the writer in one parcel.
const PARCEL_BYTES: usize = 512 << 10;

/// Enciphers or deciphers a stored state: it holds words of the log, which the views must not. The key is the
/// ledger's; no (stream, cursor) ever gets two states under one key and one version of the program.
pub(crate) fn cipher(key: &[u8; 32], stream: u64, cursor: u64, bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"fold state").update(&stream.to_be_bytes()).update(&cursor.to_be_bytes());
    let mut keystream = hasher.finalize_xof();
    let mut pad = [0u8; 1024];
    for chunk in bytes.chunks_mut(pad.len()) {
        keystream.fill(&mut pad);
        chunk.iter_mut().zip(&pad).for_each(|(byte, pad)| *byte ^= pad);
    }
}

/// Where a piece of a line lies.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    seq: u64,
    pub line: u64,
    offset: u64,
}

impl Place {
    pub(crate) fn of(entry: &StoredEntry) -> Place {
        Place { seq: entry.seq, line: entry.line, offset: entry.offset }
    }
}

/// Folds lines and sends the statements on.
pub(crate) struct Sink<'a> {
    pub policy: &'a Policy,
    options: Options,
    pub known: Known,
    parcels: SyncSender<(u64, Parcel)>,
    pub out: Vec<Draft>,
    weight: usize,
    counted: usize,
    ticket: u64,
    /// Repositories by session, once all is applied and where they matter.
    pub repos: HashMap<String, String>,
    /// Set when nobody takes parcels any more.
    is_over: &'a AtomicBool,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(
        policy: &'a Policy,
        options: Options,
        known: Known,
        parcels: SyncSender<(u64, Parcel)>,
        is_over: &'a AtomicBool,
    ) -> Sink<'a> {
        Sink {
            policy,
            options,
            known,
            parcels,
            out: Vec::new(),
            weight: 0,
            counted: 0,
            ticket: 0,
            repos: HashMap::new(),
            is_over,
        }
    }

    pub(crate) fn ship_if_full(&mut self) -> Result<(), ReplayError> {
        self.weight += self.out[self.counted..].iter().map(Draft::weight).sum::<usize>();
        self.counted = self.out.len();
        if self.weight >= PARCEL_BYTES { self.ship(None, false) } else { Ok(()) }
    }

    pub(crate) fn ship(&mut self, commit: Option<u64>, done: bool) -> Result<(), ReplayError> {
        if let Some(cursor) = commit {
            self.put_states(cursor);
        }
        let drafts = std::mem::take(&mut self.out);
        (self.weight, self.counted) = (0, 0);
        if self.is_over.load(Ordering::Relaxed) {
            return Err(ReplayError::Died);
        }
        let ticket = self.ticket;
        self.ticket += 1;
        self.parcels.send((ticket, Parcel { drafts, commit, done })).map_err(|_| ReplayError::Died)
    }

    /// What later records will need, and the counts, of every stream that was touched.
    fn put_states(&mut self, cursor: u64) {
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
            if let Some(mut state) = side::encode(&stream.state) {
                cipher(self.policy.key(), id, cursor, &mut state);
                let row = RowBuilder::new(self.policy, "fold_states", At::default(), 3);
                self.out.push(
                    row.number("stream", id)
                        .number("cursor", cursor)
                        .bytes("state", state)
                        .replace(),
                );
            }
        }
    }

    /// Folds one line of a stream.
    pub(crate) fn line(&mut self, id: u64, line: &Line<'_>) {
        let Line { places, entry, body } = *line;
        let Some(stream) = self.known.streams.get_mut(&id) else {
            return;
        };
        let Some(Place { seq, line, offset }) = places.first().copied() else {
            return;
        };
        stream.touched = true;
        stream.totals.lines += 1;
        stream.totals.bytes += entry.body_len + u64::from(entry.has_line_feed());
        stream.state.torn = entry.kind == Kind::Line && !entry.has_line_feed();
        if stream.superseded {
            return;
        }
        let at = At { stream: id, line, seq, ..At::default() };
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
            repos: &self.repos,
            out: &mut self.out,
            items_left: rollout::ITEMS_MAX,
        };
        let span = Span { offset, bytes: entry.body_len };
        let Some(body) = body else {
            stream.totals.malformed += 1;
            events::plain(&mut fold, span, "malformed", Some("too_long"));
            return;
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
        crate::tables::sessions::ensure(fold);
        crate::tables::sessions::fold(fold, session);
        totals.first_at_ms.get_or_insert(session.timestamp_ms.unwrap_or_default());
    }
    for (index, item) in document.items.iter().enumerate() {
        fold.at = At { part: index as u64 + 1, at_ms: item.record.timestamp_ms, ..at };
        let item_span = Span { offset: item.offset as u64, bytes: item.bytes.len() as u64 };
        fold::record(fold, &item.record, item_span, totals);
    }
}

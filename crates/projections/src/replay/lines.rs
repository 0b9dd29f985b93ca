//! The lines of a stream: read from the packs that hold them, and joined where they were torn.

use crate::replay::ReplayError;
use crate::replay::derive::{Line, LineStart};
use crate::replay::streams::Stream;
use codex_ledger_entry::{Kind, SeqRange, StreamId};
use codex_ledger_ledger::{LedgerReader, Pack, StoredEntry};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// A body longer than this is not parsed; it keeps its event row and its bytes in the ledger.
pub(crate) const PARSE_MAX_BYTES: u64 = 64 << 20;

/// Hears of each line, and says whether to go on.
pub(crate) type EachLine<'a> = &'a mut dyn FnMut(&Line<'_>) -> Result<ControlFlow<()>, ReplayError>;

/// Gives every line of a stream that its state knows of.
pub(crate) fn each_known_line(
    reader: &mut LedgerReader,
    stream: &Stream,
    each: EachLine<'_>,
) -> Result<(), ReplayError> {
    let end = stream.end();
    each_line(
        reader,
        stream.id,
        &stream.state.packs,
        SeqRange::new(end, end),
        &mut Vec::new(),
        each,
    )
}

/// Gives every line of a stream, in order, joining the pieces of lines that were torn.
///
/// `packs` are the entries of runs of packs; `scan` is searched for more of them, which are added to
/// `found`.
pub(crate) fn each_line(
    reader: &mut LedgerReader,
    id: StreamId,
    packs: &[SeqRange],
    scan: SeqRange,
    found: &mut Vec<SeqRange>,
    each: EachLine<'_>,
) -> Result<(), ReplayError> {
    let opener = id.opener();
    let mut torn: Option<TornLine> = None;
    for run in packs.iter().copied().chain([scan]) {
        let mut next = run.from;
        while next < run.end {
            let Some(pack) = reader.pack_from(next)? else { break };
            next = pack.info.end_seq();
            let of_stream =
                |e: &&StoredEntry| e.stream == id && e.seq != opener && e.seq < scan.end;
            let mut holds = false;
            for entry in pack.entries.iter().filter(of_stream) {
                holds = true;
                let body = body(reader, &pack, entry)?;
                let mut line = torn.take().unwrap_or_else(|| TornLine::new(entry));
                line.add(entry, body.as_deref());
                if entry.has_line_feed() || entry.kind == Kind::Document {
                    if each(&line.whole())?.is_break() {
                        return Ok(());
                    }
                } else {
                    torn = Some(line);
                }
            }
            if holds && run == scan {
                found.push(pack.info.seqs());
            }
        }
    }
    torn.map_or(Ok(()), |line| each(&line.whole()).map(drop))
}

/// A line whose end has not come yet.
struct TornLine {
    start: LineStart,
    bytes: Option<Vec<u8>>,
    last: StoredEntry,
}

impl TornLine {
    fn new(first: &StoredEntry) -> TornLine {
        let last = StoredEntry { body_len: 0, ..first.clone() };
        TornLine { start: LineStart::of(first), bytes: Some(Vec::new()), last }
    }

    fn add(&mut self, entry: &StoredEntry, body: Option<&[u8]>) {
        self.last.flags = entry.flags;
        if entry.is_erased() {
            self.last.body = entry.body.clone();
            // Whoever asks by which entry it was erased means this piece.
            self.start.seq = entry.seq;
        }
        self.last.body_len += entry.body_len;
        let is_short = self.last.body_len <= PARSE_MAX_BYTES;
        match (&mut self.bytes, body.filter(|_| is_short)) {
            (Some(bytes), Some(body)) => bytes.extend_from_slice(body),
            _ => self.bytes = None,
        }
    }

    fn whole(&self) -> Line<'_> {
        Line { start: self.start, entry: &self.last, body: self.bytes.as_deref() }
    }
}

/// The bytes of an entry, unless they are too long to be parsed.
pub(crate) fn body<'p>(
    reader: &mut LedgerReader,
    pack: &'p Pack,
    entry: &StoredEntry,
) -> Result<Option<Cow<'p, [u8]>>, ReplayError> {
    match pack.body(entry) {
        Some(body) => Ok(Some(body.into())),
        None => Ok(reader.body(pack, entry, PARSE_MAX_BYTES)?.map(Into::into)),
    }
}

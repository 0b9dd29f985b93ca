//! Which entries a bundle holds.

use crate::error::Result;
use crate::setup::App;
use codex_ledger_db as db;
use codex_ledger_entry::{Kind, Seq, StreamId};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_projections::Decisions;
use codex_ledger_query::{entries_with_hidden, session_files};
use codex_ledger_redaction::{Policy, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The entries of a bundle.
pub(super) struct Selection {
    /// In order, apart from each other.
    pub ranges: Vec<Range<u64>>,
    /// Those of which something is hidden, as the views and the redactions say.
    pub hidden: BTreeSet<Seq>,
    /// Streams whose bodies may be shown, as far as nothing in them is hidden; of others the headers alone are there.
    pub streams: BTreeSet<StreamId>,
    /// The last entry that decides what may be shown.
    pub last_decision: Option<Seq>,
}

impl Selection {
    /// The ranges, and one entry behind them.
    pub(super) fn with(&self, last: Seq) -> Vec<Range<u64>> {
        let mut seqs = Seqs { ranges: self.ranges.clone() };
        seqs.extend([last.get()]);
        seqs.ranges
    }
}

/// The entries of these sessions, and all that decides what may be shown; or all entries.
pub(super) fn selected(
    app: &App,
    reader: &mut LedgerReader,
    sessions: &[(StreamId, &str)],
    policy: &Policy,
    is_complete: bool,
) -> Result<Selection> {
    let end = reader.head().end();
    let db = app.views_for_reading()?;
    let at = |error| db::at(app.views_path())(error);
    let mut hidden: BTreeSet<Seq> = policy.named_entries().collect();
    let (mut streams, mut bytes) = (BTreeSet::new(), BTreeMap::new());
    let is_hidden = |id: &str| {
        let mut targets = policy.redactions().iter().map(|redaction| &redaction.target);
        targets.any(|target| matches!(target, Target::Session { id: of } if of == id))
    };
    for (session, id) in sessions {
        hidden.extend(entries_with_hidden(&db, *session).map_err(at)?);
        for file in session_files(&db, *session).map_err(at)? {
            bytes.insert(file.stream, file.bytes);
            if !is_hidden(id) {
                streams.insert(file.stream);
            }
        }
    }
    let mut seqs = match is_complete {
        true => Seqs::whole(end),
        false => of_streams(reader, bytes)?,
    };
    let decisions = Decisions::load(reader, end)?;
    seqs.extend(decisions.entries.iter().map(|entry| entry.seq.get()));
    let last_decision = decisions.entries.last().map(|entry| entry.seq);
    Ok(Selection { ranges: seqs.ranges, hidden, streams, last_decision })
}

/// The entries of streams of which so many bytes are in the ledger. A file is mostly appended in one piece, so the
/// search for a stream's entries ends where its bytes do.
fn of_streams(reader: &mut LedgerReader, bytes: BTreeMap<StreamId, u64>) -> Result<Seqs> {
    let mut seqs = Seqs::default();
    let mut left = bytes;
    let mut open: BTreeMap<StreamId, u64> = BTreeMap::new();
    let mut next = left.first_key_value().map(|(stream, _)| stream.opener());
    while let Some(at) = next {
        let Some(pack) = reader.pack_from(at)? else { break };
        for entry in pack.entries.iter().filter(|entry| entry.seq >= at) {
            if entry.kind == Kind::Stream
                && let Some(bytes) = left.remove(&entry.stream)
            {
                seqs.extend([entry.seq.get()]);
                if bytes > 0 {
                    open.insert(entry.stream, bytes);
                }
                continue;
            }
            let Some(bytes) = open.get_mut(&entry.stream) else { continue };
            seqs.extend([entry.seq.get()]);
            *bytes = bytes.saturating_sub(entry.body_len + u64::from(entry.has_line_feed()));
            if *bytes == 0 {
                open.remove(&entry.stream);
            }
        }
        next = match open.is_empty() {
            true => left.first_key_value().map(|(stream, _)| stream.opener()),
            false => Some(pack.info.end_seq()),
        };
    }
    Ok(seqs)
}

/// Numbers of entries as ranges in order.
#[derive(Default)]
struct Seqs {
    ranges: Vec<Range<u64>>,
}

impl Seqs {
    fn whole(end: Seq) -> Seqs {
        let mut seqs = Seqs::default();
        seqs.ranges.push(0..end.get());
        seqs
    }

    fn extend(&mut self, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            match self.ranges.last_mut() {
                Some(range) if range.end == seq => range.end += 1,
                Some(range) if range.end > seq => self.insert(seq),
                _ => self.ranges.push(seq..seq + 1),
            }
        }
    }

    /// One that comes before the end of the last range.
    fn insert(&mut self, seq: u64) {
        let at = self.ranges.partition_point(|range| range.end < seq);
        let Some(range) = self.ranges.get_mut(at) else { return };
        if range.contains(&seq) {
            return;
        }
        if range.end == seq {
            range.end += 1;
        } else if range.start == seq + 1 {
            range.start = seq;
        } else {
            self.ranges.insert(at, seq..seq + 1);
            return;
        }
        if let Some([left, right]) = self.ranges.get_mut(at..at + 2)
            && left.end == right.start
        {
            left.end = right.end;
            self.ranges.remove(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order_and_apart_whatever_comes_when() {
        for order in 0..720_usize {
            let (mut left, mut order, mut seqs) = (vec![0, 1, 2, 4, 5, 7], order, Seqs::default());
            while !left.is_empty() {
                let at = order % left.len();
                order /= left.len();
                seqs.extend([left.remove(at)]);
            }
            seqs.extend([4, 0, 7]);
            assert_eq!(seqs.ranges, [0..3, 4..6, 7..8]);
        }
    }
}

//! Which entries a bundle holds.

use super::BundleRequest;
use crate::error::Result;
use crate::setup::App;
use codex_ledger_db as db;
use codex_ledger_entry::{Kind, Seq, StreamId};
use codex_ledger_ledger::{Control, LedgerReader};
use codex_ledger_projections::Decisions;
use codex_ledger_query::{
    ReportRequest, annotations_of, entries_behind, entries_with_hidden, has_copies, origins,
    session_files,
};
use codex_ledger_redaction::{Policy, RedactionRecord, Target, What};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The entries of a bundle.
pub(super) struct Selection {
    /// In order, apart from each other.
    pub ranges: Vec<Range<u64>>,
    /// Those whose bodies stand behind what the report says; of the others the headers alone are there.
    pub chosen: BTreeSet<Seq>,
    /// Those of which something is hidden, as the views and the redactions say.
    pub hidden: BTreeSet<Seq>,
    /// What hidden entries say, line by line: whoever says the same is not shown either.
    secrets: Vec<(Seq, String)>,
    /// Streams of which nothing is shown, since nobody can tell what is hidden in them.
    pub unknown: BTreeSet<StreamId>,
    /// The last entry that decides what may be shown.
    pub last_decision: Option<Seq>,
}

impl Selection {
    /// Whether a body says what a hidden entry says, or a line of it; who cannot be read does.
    pub(super) fn says_hidden(&self, body: &[u8]) -> bool {
        if self.secrets.is_empty() {
            return false;
        }
        let Ok(value) = serde_json::from_slice::<Value>(body) else { return true };
        let mut said = Vec::new();
        texts_of(&value, &mut said);
        let mut lines = said.iter().flat_map(|text| lines_of(text));
        lines.any(|line| {
            let is_of =
                |(_, text): &(Seq, String)| text.contains(line) || line.contains(text.as_str());
            self.secrets.iter().any(is_of)
        })
    }

    /// The first hidden entry of which a text says a line that is no common one.
    pub(super) fn hidden_in(&self, text: &str) -> Option<Seq> {
        let is_long = |(_, line): &&(Seq, String)| line.len() >= TELLING_BYTES;
        let mut long = self.secrets.iter().filter(is_long);
        long.find(|(_, line)| text.contains(line.as_str())).map(|(seq, _)| *seq)
    }

    /// The ranges, and one entry behind them.
    pub(super) fn with(&self, last: Seq) -> Vec<Range<u64>> {
        let mut seqs = Seqs { ranges: self.ranges.clone() };
        seqs.extend([last.get()]);
        seqs.ranges
    }
}

/// A shorter text says nothing by itself.
const TEXT_MIN_BYTES: usize = 12;
/// Of a shorter line, a report may say the same without saying what is hidden.
const TELLING_BYTES: usize = 24;
/// A hidden entry is read as far as this.
const HIDDEN_MAX_BYTES: u64 = 64 << 20;

/// The texts of a record, whatever they are called.
fn texts_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.trim().len() >= TEXT_MIN_BYTES => {
            // Arguments and outputs are JSON in a string.
            if text.trim_start().starts_with(['{', '['])
                && let Ok(nested) = serde_json::from_str::<Value>(text)
            {
                texts_of(&nested, found);
            }
            found.push(text.trim().to_string());
        }
        Value::Array(all) => all.iter().for_each(|value| texts_of(value, found)),
        Value::Object(all) => all.values().for_each(|value| texts_of(value, found)),
        _ => {}
    }
}

/// The lines of a text that say something, without the marks of a patch.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| line.trim_start_matches(['+', '-']).trim());
    lines.filter(|line| line.len() >= TEXT_MIN_BYTES)
}

/// What hidden entries say, line by line, and the streams of those of which nobody can tell.
type Secrets = (Vec<(Seq, String)>, BTreeSet<StreamId>);

fn secrets(reader: &mut LedgerReader, policy: &Policy) -> Result<Secrets> {
    let (mut secrets, mut unknown) = (Vec::new(), BTreeSet::new());
    for redaction in policy.redactions() {
        let Target::Entry { seq } = redaction.target else { continue };
        let Some(pack) = reader.pack_from(seq)? else { continue };
        let Some(entry) = pack.entry(seq).filter(|entry| entry.kind == Kind::Line) else {
            continue;
        };
        let body = reader.body(&pack, entry, HIDDEN_MAX_BYTES)?.unwrap_or_default();
        let value = serde_json::from_slice::<Value>(&body).ok().filter(|_| entry.has_line_feed());
        let Some(value) = value else {
            // A part of a line: what the whole says stands in other records, too.
            unknown.insert(entry.stream);
            continue;
        };
        let mut texts = Vec::new();
        // Of the envelope only what is said: kinds and times are in every record.
        texts_of(value.get("payload").unwrap_or(&value), &mut texts);
        let lines = texts.iter().flat_map(|text| lines_of(text));
        secrets.extend(lines.map(|line| (seq, line.to_string())));
    }
    Ok((secrets, unknown))
}

/// The entries of the sessions of a report, and all that decides what may be shown; or all entries.
pub(super) fn selected(
    app: &App,
    reader: &mut LedgerReader,
    sessions: &[(StreamId, String)],
    policy: &Policy,
    request: &BundleRequest,
) -> Result<Selection> {
    let end = reader.head().end();
    let db = app.views_for_reading()?;
    let at = |error| db::at(app.views_path())(error);
    let ReportRequest { mode, filter, external, .. } = &request.report;
    let times = (filter.since_ms, filter.until_ms);
    let mut hidden: BTreeSet<Seq> = policy.named_entries().collect();
    let (mut chosen, mut bytes) = (BTreeSet::new(), BTreeMap::new());
    let mut whole = policy.redactions().iter().filter_map(|redaction| match &redaction.target {
        Target::Session { id } => Some(id.as_str()),
        _ => None,
    });
    let whole: BTreeSet<&str> = whole.by_ref().collect();
    for (session, id) in sessions {
        hidden.extend(entries_with_hidden(&db, *session).map_err(at)?);
        let files = session_files(&db, *session).map_err(at)?;
        bytes.extend(files.into_iter().map(|file| (file.stream, file.bytes)));
        // A hidden session's lines are copied into what goes on from it, and nothing tells each of them apart.
        let origins = origins(&db, *session).map_err(at)?;
        let is_copy = origins.iter().any(|id| whole.contains(id.as_str()))
            || (!whole.is_empty() && has_copies(&db, *session).map_err(at)?);
        if !whole.contains(id.as_str()) && !is_copy {
            chosen.extend(entries_behind(&db, *session, *mode, times).map_err(at)?);
        }
    }
    let mut seqs = match request.is_complete {
        true => Seqs::whole(end),
        false => of_streams(reader, bytes)?,
    };
    let decisions = Decisions::load(reader, end)?;
    seqs.extend(decisions.entries.iter().map(|entry| entry.seq.get()));
    if !external {
        for (_, id) in sessions {
            let said = annotations_of(&db, id).map_err(at)?;
            seqs.extend(said.iter().map(|seq| seq.get()));
            chosen.extend(said);
        }
        let about = about(&decisions, sessions, &chosen);
        chosen.extend(about);
    }
    let last_decision = decisions.entries.last().map(|entry| entry.seq);
    let (secrets, unknown) = secrets(reader, policy)?;
    Ok(Selection { ranges: seqs.ranges, chosen, hidden, secrets, unknown, last_decision })
}

/// The decisions that are about these sessions, and the rule sets, which are about everything.
fn about(
    decisions: &Decisions,
    sessions: &[(StreamId, String)],
    chosen: &BTreeSet<Seq>,
) -> BTreeSet<Seq> {
    let is_session = |id: &str| sessions.iter().any(|(_, of)| of == id);
    let is_about = |entry: &Control| match RedactionRecord::decode(&entry.body).map(|it| it.what) {
        Some(What::Prompt { session, .. }) => is_session(&session),
        Some(What::Session { id }) => is_session(&id),
        Some(What::Entry { seq } | What::Field { seq, .. }) => chosen.contains(&seq),
        // The words themselves are in it, or nobody can tell.
        Some(What::Literal { .. } | What::Regex { .. } | What::Unknown) | None => false,
    };
    let redactions: BTreeSet<Seq> = decisions
        .entries
        .iter()
        .filter(|entry| entry.kind == Kind::Redaction && is_about(entry))
        .map(|entry| entry.seq)
        .collect();
    let of = |entry: &&Control| match entry.kind {
        Kind::RuleSet => true,
        Kind::Revocation => redactions.contains(&decisions.redaction_behind(entry.seq)),
        _ => redactions.contains(&entry.seq),
    };
    decisions.entries.iter().filter(of).map(|entry| entry.seq).collect()
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

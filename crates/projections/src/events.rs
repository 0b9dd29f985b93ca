//! `events`: one row per record, whatever it says.

use super::fold::Fold;
use codex_ledger_rollout::{Reason, Record, Understanding};

const TABLE: &str = "events";
const INSERT: &str = "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const INSERT_RAW: &str = "INSERT INTO raw_records VALUES (?,?,?,?,?)";

/// The first problem of a record is the one that is named.
const CUT: &str =
    "UPDATE events SET problem = coalesce(problem, ?4), problem_at = coalesce(problem_at, 0)
    WHERE stream = ?1 AND line = ?2 AND part = ?3";

/// Where a record lies in its source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub offset: u64,
    pub bytes: u64,
}

pub(super) fn fold(fold: &mut Fold<'_>, record: &Record<'_>, span: Span) {
    let problem = record.problems.first();
    let is_known = record.understanding == Understanding::Understood;
    let drift = (!record.unknown_fields.is_empty()).then(|| record.unknown_fields.join(","));
    let row = fold
        .row(TABLE, 15)
        .place(fold.at)
        .number(span.offset)
        .number(span.bytes)
        .int(record.timestamp_ms)
        .word_or_null(record.generation.map(|generation| generation.name()))
        .tag("kind", is_known, Some(&record.kind))
        .tag("subtype", is_known, record.subtype.as_deref())
        .int(record.ordinal.and_then(|ordinal| i64::try_from(ordinal).ok()))
        .word(record.understanding.name())
        .word_or_null(problem.map(|problem| problem.reason.name()))
        .int(problem.map(|problem| problem.offset as i64))
        .label("drift", drift);
    fold.push(row.write(INSERT));
}

/// Not everything that a record says gets rows.
pub(super) fn cut(fold: &mut Fold<'_>) {
    let at = fold.at;
    let row = fold.row(TABLE, 4).number(at.stream).number(at.line).number(at.part);
    fold.push(row.word(Reason::TooManyItems.name()).write(CUT));
}

/// A line of a source that is no rollout, or a body that is too long to be parsed.
pub(super) fn plain(
    fold: &mut Fold<'_>,
    span: Span,
    kind: &'static str,
    problem: Option<&'static str>,
) {
    let row = fold
        .row(TABLE, 15)
        .place(fold.at)
        .number(span.offset)
        .number(span.bytes)
        .int(fold.at.at_ms)
        .word_or_null(None)
        .word(kind)
        .word_or_null(None)
        .int(None)
        .word(if problem.is_some() { "malformed" } else { "understood" })
        .word_or_null(problem)
        .int(problem.map(|_| 0))
        .word_or_null(None);
    fold.push(row.write(INSERT));
}

/// The record's exact text; other bytes become U+FFFD, the ledger has them as they are.
pub(super) fn raw(fold: &mut Fold<'_>, bytes: &[u8]) {
    let row =
        fold.row("raw_records", 5).place(fold.at).text("raw", Some(String::from_utf8_lossy(bytes)));
    fold.push(row.write(INSERT_RAW));
}

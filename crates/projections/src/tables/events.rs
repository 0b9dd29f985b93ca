//! `events`: one row per record, whatever it says.

use crate::fold::Fold;
use codex_ledger_rollout::{Reason, Record, Understanding};

const TABLE: &str = "events";

/// The first problem of a record is the one that is named.
const CUT: &str =
    "UPDATE events SET problem = coalesce(problem, :problem), problem_at = coalesce(problem_at, 0)
    WHERE stream = :stream AND line = :line AND part = :part";

/// Where a record lies in its source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub offset: u64,
    pub bytes: u64,
}

pub(crate) fn fold(fold: &mut Fold<'_>, record: &Record<'_>, span: Span) {
    if fold.is_superseded {
        return;
    }
    let problem = record.problems.first();
    let is_known = record.understanding == Understanding::Understood;
    let drift = (!record.unknown_fields.is_empty()).then(|| record.unknown_fields.join(","));
    let row = fold
        .row(TABLE, 15)
        .place(fold.at)
        .number("offset", span.offset)
        .number("bytes", span.bytes)
        .int("at_ms", record.timestamp_ms)
        .word_or_null("generation", record.generation.map(|generation| generation.name()))
        .tag("kind", is_known, Some(&record.kind))
        .tag("subtype", is_known, record.subtype.as_deref())
        .int("ordinal", record.ordinal.and_then(|ordinal| i64::try_from(ordinal).ok()))
        .word("understood", record.understanding.name())
        .word_or_null("problem", problem.map(|problem| problem.reason.name()))
        .int("problem_at", problem.map(|problem| problem.offset as i64))
        .label("drift", drift);
    fold.push(row.insert());
}

/// Not everything that a record says gets rows.
pub(crate) fn cut(fold: &mut Fold<'_>) {
    if fold.is_superseded {
        return;
    }
    let at = fold.at;
    let row = fold.row(TABLE, 4).stream(at.stream).number("line", at.line).number("part", at.part);
    fold.push(row.word("problem", Reason::TooManyItems.name()).write(CUT));
}

/// A line of a source that is no rollout, or a body that is too long to be parsed.
pub(crate) fn plain(
    fold: &mut Fold<'_>,
    span: Span,
    kind: &'static str,
    problem: Option<&'static str>,
) {
    if fold.is_superseded {
        return;
    }
    let row = fold
        .row(TABLE, 15)
        .place(fold.at)
        .number("offset", span.offset)
        .number("bytes", span.bytes)
        .int("at_ms", fold.at.at_ms)
        .word_or_null("generation", None)
        .word("kind", kind)
        .word_or_null("subtype", None)
        .int("ordinal", None)
        .word("understood", if problem.is_some() { "malformed" } else { "understood" })
        .word_or_null("problem", problem)
        .int("problem_at", problem.map(|_| 0))
        .word_or_null("drift", None);
    fold.push(row.insert());
}

/// The record's exact text; other bytes become U+FFFD, the ledger has them as they are.
pub(crate) fn raw(fold: &mut Fold<'_>, bytes: &[u8]) {
    if fold.is_superseded {
        return;
    }
    let row =
        fold.row("raw_records", 5).place(fold.at).text("raw", Some(String::from_utf8_lossy(bytes)));
    fold.push(row.insert());
}

//! How much of what was read was understood, and what was not.

use super::row::{Counts, LINES_PER_FILE, sql_seq, sql_stream};
use codex_ledger_db::{Connection, Row, SqlResult};
use codex_ledger_entry::{Seq, SeqRange, StreamId};
use serde::Serialize;

/// Counts over all sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Sources in their newest generation.
    pub streams: StreamCounts,
    /// Sessions.
    pub sessions: u64,
    /// Lines in the ledger.
    pub lines: u64,
    /// Bytes of the sources in the ledger.
    pub bytes: u64,
    /// Blank lines.
    pub blank: u64,
    /// Lines that are no records.
    pub malformed: u64,
    /// Records of kinds that this version does not know.
    pub unknown: u64,
    /// Records that were erased, in sources of which others were not.
    pub erased: u64,
    /// Bytes of the newest generations, less the records that could not be read or understood; a record that was
    /// recovered from a torn line is a part of that line, and never makes this less than 0.
    pub bytes_understood: u64,
    /// Sessions that an index or a history names but no source tells of.
    pub sessions_without_source: u64,
    /// Records that were kept but not understood, by kind.
    pub not_understood: Vec<KindCount>,
    /// Fields that this version does not know, by name, the most frequent first; at most [`LIST_MAX`].
    pub unknown_fields: Vec<FieldCount>,
    /// Lines that could not be read; at most [`LIST_MAX`], `malformed` counts them all.
    pub unreadable: Vec<LineProblem>,
    /// The files that these lines are in, those with the most of them first; at most [`LIST_MAX`].
    pub unreadable_files: Vec<FileProblems>,
    /// Sources that could not be read to their end, and where that is: what stands before may be wrong; at most
    /// [`LIST_MAX`].
    pub damaged: Vec<LineProblem>,
}

/// The entry that has erased the record of an event `e`: runs of erased entries never meet.
pub(super) const ERASED_BY: &str = "coalesce((SELECT r.by FROM erased_runs r WHERE r.first_seq <= e.seq ORDER BY r.first_seq DESC, r.by LIMIT 1), 0)";

/// What was erased of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedRecords {
    /// How many of its records.
    pub records: u64,
    /// The entries that say so.
    pub by: Vec<Seq>,
}

/// What was erased of a session, if anything.
///
/// # Errors
/// As the database.
pub fn erased_in(db: &Connection, stream: StreamId) -> SqlResult<Option<ErasedRecords>> {
    let sql = format!(
        "SELECT {ERASED_BY} AS by, count(*) AS records FROM events e
         WHERE e.kind = 'erased' AND e.stream = ? GROUP BY 1 ORDER BY 1"
    );
    let mut statement = db.prepare(&sql)?;
    let rows = statement
        .query_map([sql_stream(stream)], |row| Ok((row.seq("by")?, row.count("records")?)))?;
    let found: Vec<(Seq, u64)> = rows.collect::<SqlResult<_>>()?;
    let records = found.iter().map(|(_, records)| records).sum();
    let by = found.into_iter().map(|(by, _)| by).collect();
    Ok(Some(ErasedRecords { records, by }).filter(|erased| erased.records > 0))
}

/// How long the lists of a coverage are.
pub const LIST_MAX: usize = 100;

/// Records of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindCount {
    /// Kind, and type of the payload where it has one: `event_msg/foo`.
    pub kind: String,
    /// How many records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What [`KindCount::read`] reads, of groups of events.
pub(super) const KIND_COUNTS: &str =
    "kind || coalesce('/' || subtype, '') AS full_kind, count(*) AS records, sum(bytes) AS bytes";

impl KindCount {
    pub(super) fn read(row: &Row<'_>) -> SqlResult<KindCount> {
        Ok(KindCount {
            kind: row.get("full_kind")?,
            records: row.count("records")?,
            bytes: row.count("bytes")?,
        })
    }
}

/// A field that nobody told this version of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldCount {
    /// Names as the records have them, comma separated.
    pub fields: String,
    /// How many records.
    pub records: u64,
}

/// Sources by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// Rollouts.
    pub rollouts: u64,
    /// Histories, indexes and files given by hand.
    pub others: u64,
    /// Older generations of rewritten sources.
    pub superseded: u64,
    /// Sources whose last line is torn.
    pub torn: u64,
}

/// Reads the counts.
///
/// # Errors
/// As the database.
pub fn coverage(db: &Connection) -> SqlResult<Coverage> {
    let mut coverage = counts(db)?;
    coverage.not_understood = not_understood(db)?;
    coverage.unknown_fields = unknown_fields(db)?;
    coverage.unreadable = unreadable(db)?;
    coverage.unreadable_files = unreadable_files(db)?;
    coverage.damaged = damaged(db, "", LIST_MAX)?;
    Ok(coverage)
}

fn counts(db: &Connection) -> SqlResult<Coverage> {
    db.query_row(
        "SELECT count(*) FILTER (WHERE kind = 'rollout' AND superseded = 0) AS rollouts,
            count(*) FILTER (WHERE kind <> 'rollout' AND superseded = 0) AS others,
            count(*) FILTER (WHERE superseded = 1) AS superseded,
            count(*) FILTER (WHERE torn = 1 AND superseded = 0) AS torn,
            (SELECT count(*) FROM sessions) AS sessions, coalesce(sum(lines), 0) AS lines,
            coalesce(sum(bytes), 0) AS bytes, coalesce(sum(blank), 0) AS blank,
            coalesce(sum(malformed), 0) AS malformed, coalesce(sum(unknown), 0) AS unknown,
            (SELECT count(*) FROM events WHERE kind = 'erased') AS erased,
            (SELECT count(*) FROM (SELECT session_id FROM session_names UNION SELECT session_id FROM history_prompts)
                WHERE session_id <> '' AND session_id NOT IN (SELECT id FROM sessions))
                AS sessions_without_source,
            max(0, coalesce(sum(bytes) FILTER (WHERE superseded = 0), 0)
                - (SELECT coalesce(sum(bytes), 0) FROM events WHERE problem IS NOT NULL AND understood = 'malformed')
                - (SELECT coalesce(sum(bytes), 0) FROM events WHERE understood = 'unknown')
                - (SELECT coalesce(sum(bytes), 0) FROM events WHERE kind = 'erased'))
                AS bytes_understood
         FROM streams",
        [],
        |row| {
            Ok(Coverage {
                streams: StreamCounts {
                    rollouts: row.count("rollouts")?,
                    others: row.count("others")?,
                    superseded: row.count("superseded")?,
                    torn: row.count("torn")?,
                },
                sessions: row.count("sessions")?,
                lines: row.count("lines")?,
                bytes: row.count("bytes")?,
                blank: row.count("blank")?,
                malformed: row.count("malformed")?,
                unknown: row.count("unknown")?,
                erased: row.count("erased")?,
                sessions_without_source: row.count("sessions_without_source")?,
                bytes_understood: row.count("bytes_understood")?,
                ..Coverage::default()
            })
        },
    )
}

fn not_understood(db: &Connection) -> SqlResult<Vec<KindCount>> {
    let sql = format!(
        "SELECT {KIND_COUNTS} FROM events WHERE understood = 'unknown'
         GROUP BY kind, subtype ORDER BY records DESC, full_kind"
    );
    db.prepare(&sql)?.query_map([], KindCount::read)?.collect()
}

fn unknown_fields(db: &Connection) -> SqlResult<Vec<FieldCount>> {
    let sql = "SELECT drift, count(*) AS records FROM events WHERE drift IS NOT NULL
        GROUP BY drift ORDER BY records DESC, drift LIMIT ?";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([LIST_MAX as i64], |row| {
        Ok(FieldCount { fields: row.get("drift")?, records: row.count("records")? })
    })?;
    rows.collect()
}

/// A kind of record or field that this version does not know, and an entry that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftExample {
    /// Kind of the record, with its subtype.
    pub kind: String,
    /// Fields that are not known; none where the kind is not.
    pub fields: Option<String>,
    /// Records like it.
    pub records: u64,
    /// One of them.
    pub seq: Seq,
}

/// What this version does not know, each with an example.
///
/// # Errors
/// As the database.
pub fn drift_examples(db: &Connection) -> SqlResult<Vec<DriftExample>> {
    let sql = "SELECT kind || coalesce('/' || subtype, '') AS full_kind, drift, count(*) AS records, max(seq) AS seq
        FROM events WHERE drift IS NOT NULL OR understood = 'unknown'
        GROUP BY full_kind, drift ORDER BY records DESC, full_kind, drift LIMIT ?";
    let mut statement = db.prepare(sql)?;
    let example = |row: &Row<'_>| {
        Ok(DriftExample {
            kind: row.get("full_kind")?,
            fields: row.get("drift")?,
            records: row.count("records")?,
            seq: row.seq("seq")?,
        })
    };
    statement.query_map([LIST_MAX as i64], example)?.collect()
}

fn unreadable(db: &Connection) -> SqlResult<Vec<LineProblem>> {
    let sql = format!(
        "SELECT f.path, {LINE_PROBLEM} FROM events e {FILE_OF_EVENT}
         WHERE e.problem IS NOT NULL AND e.understood = 'malformed'
         ORDER BY e.stream, e.line, e.part LIMIT ?"
    );
    db.prepare(&sql)?.query_map([LIST_MAX as i64], LineProblem::read)?.collect()
}

fn unreadable_files(db: &Connection) -> SqlResult<Vec<FileProblems>> {
    // Of the columns that are no sums, SQLite gives those of the row with the least line.
    let sql = format!(
        "SELECT f.path, count(*) AS lines, min(e.line) AS line, e.offset + coalesce(e.problem_at, 0) AS problem_offset,
            group_concat(DISTINCT e.problem) AS problems
         FROM events e {FILE_OF_EVENT} WHERE e.problem IS NOT NULL AND e.understood = 'malformed'
         GROUP BY e.stream, t.rank ORDER BY count(*) DESC, f.path LIMIT ?"
    );
    let mut statement = db.prepare(&sql)?;
    let rows = statement.query_map([LIST_MAX as i64], |row| {
        let problems: String = row.get("problems")?;
        let mut reasons: Vec<String> = problems.split(',').map(str::to_string).collect();
        reasons.sort_unstable();
        Ok(FileProblems {
            path: row.get("path")?,
            lines: row.count("lines")?,
            line: row.count("line")? % LINES_PER_FILE,
            offset: row.count("problem_offset")?,
            reasons,
        })
    })?;
    rows.collect()
}

/// Sources that could not be read to their end, of all streams or of those that `of` leaves. One that has grown since, or
/// that was told anew, was read further.
pub(super) fn damaged(db: &Connection, of: &str, limit: usize) -> SqlResult<Vec<LineProblem>> {
    let sql = format!(
        "SELECT f.path, t.lines AS line, t.bytes AS problem_offset, a.detail AS problem
         FROM actions a JOIN streams t ON t.stream = a.of_stream JOIN files f ON f.stream = t.stream
         WHERE a.verb = 'damaged' AND a.detail IS NOT NULL AND t.superseded = 0 {of}
         AND NOT EXISTS (SELECT 1 FROM events e WHERE e.stream = t.holder AND e.line / 4294967296 = t.rank
            AND e.seq > a.seq)
         ORDER BY a.seq LIMIT ?"
    );
    db.prepare(&sql)?.query_map([limit as i64], LineProblem::read)?.collect()
}

/// The file that has told an event, among those of its thread.
const FILE_OF_EVENT: &str = "JOIN streams t ON t.holder = e.stream AND t.rank = e.line / 4294967296
    JOIN files f ON f.stream = t.stream";

/// Whether the ledger has a source of that thread.
///
/// # Errors
/// As the database.
pub fn has_source(db: &Connection, thread: &str) -> SqlResult<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM streams WHERE thread = ?1 UNION SELECT 1 FROM sessions WHERE id = ?1)";
    db.prepare_cached(sql)?.query_row([thread], |row| row.get(0))
}

/// A line that is not a sound record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineProblem {
    /// The file as it was called when it was first read.
    pub path: String,
    /// 0-based line.
    pub line: u64,
    /// Byte offset of the line in the file.
    pub offset: u64,
    /// Reason, such as `torn` or `nul_run`.
    pub reason: String,
}

/// Lines of a file that are no sound records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileProblems {
    /// The file as it was called when it was first read.
    pub path: String,
    /// How many lines.
    pub lines: u64,
    /// The first of them, 0-based.
    pub line: u64,
    /// Byte offset in the file at which that one is wrong.
    pub offset: u64,
    /// Why, each reason once.
    pub reasons: Vec<String>,
}

/// What [`LineProblem::read`] reads of an event `e`, beside a `path`.
pub(super) const LINE_PROBLEM: &str =
    "e.line, e.offset + coalesce(e.problem_at, 0) AS problem_offset, e.problem";

impl LineProblem {
    pub(super) fn read(row: &Row<'_>) -> SqlResult<LineProblem> {
        Ok(LineProblem {
            path: row.get("path")?,
            line: row.count("line")? % LINES_PER_FILE,
            offset: row.count("problem_offset")?,
            reason: row.get("problem")?,
        })
    }
}

/// Problems of the lines that came in with these entries.
///
/// # Errors
/// As the database.
pub fn problems_in(db: &Connection, entries: SeqRange) -> SqlResult<Vec<LineProblem>> {
    let sql = format!(
        "SELECT f.path, {LINE_PROBLEM} FROM events e {FILE_OF_EVENT}
         WHERE e.problem IS NOT NULL AND e.seq >= ?1 AND e.seq < ?2 ORDER BY e.stream, e.line, e.part"
    );
    db.prepare(&sql)?
        .query_map([sql_seq(entries.from), sql_seq(entries.end)], LineProblem::read)?
        .collect()
}

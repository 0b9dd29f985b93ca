//! How much of what was read was understood, and what was not.

use crate::db::{Connection, SqlResult};
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
    /// Sessions that an index names but no source tells of.
    pub sessions_without_source: u64,
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
    db.query_row(
        "SELECT count(*) FILTER (WHERE kind = 'rollout' AND superseded = 0),
            count(*) FILTER (WHERE kind <> 'rollout' AND superseded = 0),
            count(*) FILTER (WHERE superseded = 1), count(*) FILTER (WHERE torn = 1 AND superseded = 0),
            (SELECT count(*) FROM sessions), coalesce(sum(lines), 0), coalesce(sum(bytes), 0),
            coalesce(sum(blank), 0), coalesce(sum(malformed), 0), coalesce(sum(unknown), 0),
            (SELECT count(DISTINCT session_id) FROM session_names WHERE session_id NOT IN
                (SELECT id FROM sessions))
         FROM streams",
        [],
        |row| {
            let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
            Ok(Coverage {
                streams: StreamCounts {
                    rollouts: count(0)?,
                    others: count(1)?,
                    superseded: count(2)?,
                    torn: count(3)?,
                },
                sessions: count(4)?,
                lines: count(5)?,
                bytes: count(6)?,
                blank: count(7)?,
                malformed: count(8)?,
                unknown: count(9)?,
                sessions_without_source: count(10)?,
            })
        },
    )
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

/// Problems of the lines that came in with the entries from `from` up to `to`.
///
/// # Errors
/// As the database.
pub fn problems_between(db: &Connection, from: u64, to: u64) -> SqlResult<Vec<LineProblem>> {
    let mut statement = db.prepare(
        "SELECT f.path, e.line, e.offset + coalesce(e.problem_at, 0), e.problem FROM events e
         JOIN files f ON f.stream = e.stream
         WHERE e.problem IS NOT NULL AND e.seq >= ?1 AND e.seq < ?2 ORDER BY e.stream, e.line, e.part",
    )?;
    let rows = statement.query_map([from as i64, to as i64], |row| {
        Ok(LineProblem {
            path: row.get(0)?,
            line: row.get::<_, i64>(1)? as u64,
            offset: row.get::<_, i64>(2)? as u64,
            reason: row.get(3)?,
        })
    })?;
    rows.collect()
}

//! Every usage record of a session, with the reason why it counts or not.

use super::row::{Counts, LINES_PER_FILE, columns, sql_stream};
use codex_ledger_db::{Connection, Row, SqlResult};
use codex_ledger_entry::{Seq, StreamId};
use serde::Serialize;

/// One usage record and the verdict on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainRow {
    /// Ledger entry.
    pub seq: Seq,
    /// 0-based line of the source.
    pub line: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Whether it is billed usage.
    pub counted: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Model in force.
    pub model: Option<String>,
    /// Input tokens of the record.
    pub input: u64,
    /// Of these, read from the cache.
    pub cached: u64,
    /// Output tokens of the record.
    pub output: u64,
    /// Cumulative input as recorded.
    pub total_input: Option<i64>,
    /// Cumulative output as recorded.
    pub total_output: Option<i64>,
}

columns! {
    ExplainColumns: seq, line, at_ms, counted, reason, model, input, cached_input, output,
    total_input, total_output
}

impl ExplainColumns {
    fn read(&self, row: &Row<'_>) -> SqlResult<ExplainRow> {
        Ok(ExplainRow {
            seq: row.seq(self.seq)?,
            line: row.count(self.line)? % LINES_PER_FILE,
            at_ms: row.get(self.at_ms)?,
            counted: row.get(self.counted)?,
            reason: row.get(self.reason)?,
            model: row.get(self.model)?,
            input: row.count(self.input)?,
            cached: row.count(self.cached_input)?,
            output: row.count(self.output)?,
            total_input: row.get(self.total_input)?,
            total_output: row.get(self.total_output)?,
        })
    }
}

/// Every usage record of a session, in order.
///
/// # Errors
/// As the database.
pub fn explain(db: &Connection, stream: StreamId) -> SqlResult<Vec<ExplainRow>> {
    let sql =
        "SELECT seq, line, at_ms, counted, reason, model, input, cached_input, output, total_input,
        total_output FROM token_messages WHERE stream = ? ORDER BY line, part, item";
    let mut statement = db.prepare(sql)?;
    let columns = ExplainColumns::of(&statement)?;
    statement.query_map([sql_stream(stream)], |row| columns.read(row))?.collect()
}

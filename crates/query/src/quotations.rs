//! Where a text is quoted: what a person may want to hide beside the text itself.

use super::row::Counts;
use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_entry::Seq;
use serde::Serialize;

/// Columns with texts that may quote another.
const COLUMNS: [(&str, &str); 8] = [
    ("agent_reasoning_messages", "text"),
    ("function_calls", "arguments"),
    ("function_calls", "command"),
    ("function_calls", "output"),
    ("function_plan_messages", "step"),
    ("messages", "text"),
    ("prompts", "text"),
    ("turns", "text"),
];
/// Characters of the stretch that is looked for; a text without one so long is not looked for.
const STRETCH_MIN_CHARS: usize = 20;
const STRETCH_MAX_CHARS: usize = 60;

/// A text that quotes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quotation {
    /// Session.
    pub session: String,
    /// Entry that says it.
    pub seq: Seq,
    /// Table and column.
    pub field: String,
}

/// Texts in the views that hold the longest stretch of another that stands on one line and needs no escapes in JSON;
/// at most so many of each column.
///
/// # Errors
/// As the database.
pub fn quotations(db: &Connection, of: &str, limit: usize) -> SqlResult<Vec<Quotation>> {
    let parts = of.split(|c: char| c.is_control() || "\"\\/".contains(c)).map(str::trim);
    let longest = parts.max_by_key(|part| part.chars().count()).unwrap_or_default();
    let stretch: String = longest.chars().take(STRETCH_MAX_CHARS).collect();
    let mut found = Vec::new();
    if stretch.chars().count() < STRETCH_MIN_CHARS {
        return Ok(found);
    }
    for (table, column) in COLUMNS {
        let sql = format!(
            "SELECT s.id, t.seq FROM {table} t JOIN sessions s USING (stream)
             WHERE instr(t.{column}, ?1) > 0 ORDER BY t.seq LIMIT ?2"
        );
        let mut statement = db.prepare(&sql)?;
        let rows = statement.query_map(params![stretch, limit as i64], |row| {
            let field = format!("{table}.{column}");
            Ok(Quotation { session: row.get("id")?, seq: row.seq("seq")?, field })
        })?;
        found.extend(rows.collect::<SqlResult<Vec<_>>>()?);
    }
    Ok(found)
}

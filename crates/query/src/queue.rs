//! Prompts that wait for a reviewer, and what makes each worth a look.

use super::annotations::dispositions;
use super::filter::{Filter, FilterError};
use super::row::{Counts, has_failed};
use super::select::pick;
use codex_ledger_db::{Connection, Row, SqlResult};
use serde::Serialize;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

/// A prompt that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueItem {
    /// Thread id.
    pub session: String,
    /// Number of the prompt.
    pub prompt: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Calls that failed up to the next prompt.
    pub failed: u64,
    /// Files that were changed up to the next prompt, one for each patch.
    pub files: u64,
    /// Passages that are hidden up to the next prompt.
    pub hidden: u64,
    /// What it was judged; none where it waits.
    pub disposition: Option<String>,
}

impl QueueItem {
    /// The more, the earlier it is worth a look.
    fn risk(&self) -> u64 {
        self.failed * 3 + self.hidden * 2 + self.files
    }

    /// Their order: those that wait come first, of these the riskiest, the newest.
    pub fn compare(&self, other: &QueueItem) -> Ordering {
        let key = |item: &QueueItem| {
            (item.disposition.is_some(), Reverse(item.risk()), Reverse(item.at_ms))
        };
        let name = |item: &QueueItem| (item.session.clone(), item.prompt);
        key(self).cmp(&key(other)).then_with(|| name(self).cmp(&name(other)))
    }
}

const ASKED: &str = "
    WITH asked AS (
        SELECT p.stream, s.id, p.number, p.at_ms, p.line, p.part,
            lead(p.line, 1, 9223372036854775807) OVER next_one AS to_line,
            lead(p.part, 1, 0) OVER next_one AS to_part
        FROM prompts p JOIN temp.picked q ON q.stream = p.stream JOIN sessions s ON s.stream = p.stream
        WHERE p.number > 0
        WINDOW next_one AS (PARTITION BY p.stream ORDER BY p.line, p.part))
    SELECT a.id, a.number, a.at_ms,
        (SELECT count(*) FROM function_calls c WHERE ";

const FAILED: &str = concat!(" AND c.copied = 0 AND ", has_failed!("c"), ") AS failed,");
const FILES: &str = " (SELECT count(*) FROM file_changes c WHERE ";
const HIDDEN: &str = " AND c.copied = 0) AS files,
        (SELECT coalesce(sum(c.passages), 0) FROM redaction_hits c WHERE ";
const END: &str = ") AS hidden
    FROM asked a";
/// Up to the next prompt.
const WITHIN: &str = "c.stream = a.stream AND c.line BETWEEN a.line AND a.to_line
        AND (c.line, c.part) >= (a.line, a.part) AND (c.line, c.part) < (a.to_line, a.to_part)";

/// The prompts of the sessions that a filter picks: those that wait come first, of these the riskiest, the newest.
///
/// # Errors
/// When the filter names what is not there.
pub fn queue(db: &Connection, filter: &Filter) -> Result<Vec<QueueItem>, FilterError> {
    pick(db, filter)?;
    let judged = dispositions(db, None)?.into_iter();
    let judged: BTreeMap<(String, u64), String> =
        judged.map(|row| ((row.session, row.prompt), row.value)).collect();
    let sql = [ASKED, WITHIN, FAILED, FILES, WITHIN, HIDDEN, WITHIN, END].concat();
    let mut statement = db.prepare(&sql)?;
    let read = |row: &Row<'_>| {
        let of = (row.get("id")?, row.count("number")?);
        let disposition = judged.get(&of).cloned();
        let (session, prompt) = of;
        Ok(QueueItem {
            session,
            prompt,
            at_ms: row.get("at_ms")?,
            failed: row.count("failed")?,
            files: row.count("files")?,
            hidden: row.count("hidden")?,
            disposition,
        })
    };
    let mut items = statement.query_map([], read)?.collect::<SqlResult<Vec<QueueItem>>>()?;
    items.sort_by(QueueItem::compare);
    Ok(items)
}

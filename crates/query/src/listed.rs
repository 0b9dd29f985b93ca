//! What stands in lists of sessions: prompts of many of them at once, files of one.

use super::row::{Counts, sql_stream};
use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_entry::{Seq, StreamId};
use std::collections::BTreeMap;

/// A prompt in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptRow {
    /// Its number in the session, from 1.
    pub number: u64,
    /// Ledger entry.
    pub seq: Seq,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// What was asked, or the beginning of it.
    pub text: String,
    /// Count of images.
    pub images: u64,
    /// Whether its turn was rolled back.
    pub rolled_back: bool,
}

/// What was asked in each of these sessions, in order; a text of more than so many characters is cut.
///
/// # Errors
/// As the database.
pub fn prompts_of(
    db: &Connection,
    sessions: &[StreamId],
    chars: usize,
) -> SqlResult<BTreeMap<StreamId, Vec<PromptRow>>> {
    let sql = "SELECT stream, number, seq, at_ms, substr(coalesce(request, text), 1, ?2) AS asked, images, rolled_back
        FROM prompts WHERE stream IN (SELECT value FROM json_each(?1)) AND number > 0 ORDER BY stream, number";
    let streams: Vec<i64> = sessions.iter().map(|stream| sql_stream(*stream)).collect();
    let streams = serde_json::json!(streams).to_string();
    let mut prompts: BTreeMap<StreamId, Vec<PromptRow>> = BTreeMap::new();
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params![streams, chars as i64])?;
    while let Some(row) = rows.next()? {
        let prompt = PromptRow {
            number: row.count("number")?,
            seq: row.seq("seq")?,
            at_ms: row.get("at_ms")?,
            text: row.get("asked")?,
            images: row.count("images")?,
            rolled_back: row.get("rolled_back")?,
        };
        prompts.entry(row.stream("stream")?).or_default().push(prompt);
    }
    Ok(prompts)
}

/// A file that a patch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Ledger entry.
    pub seq: Seq,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// The file.
    pub path: String,
    /// Where it was moved to.
    pub move_to: Option<String>,
    /// add, update, delete.
    pub action: String,
    /// Lines that were added.
    pub added: u64,
    /// Lines that were removed.
    pub removed: u64,
}

/// The files that patches changed in a session, in order.
///
/// # Errors
/// As the database.
pub fn files_changed(db: &Connection, session: StreamId) -> SqlResult<Vec<FileChange>> {
    let sql = "SELECT seq, at_ms, path, move_to, action, added, removed FROM file_changes
        WHERE stream = ? AND copied = 0 ORDER BY line, part, item";
    let mut statement = db.prepare(sql)?;
    let files = statement.query_map([sql_stream(session)], |row| {
        Ok(FileChange {
            seq: row.seq("seq")?,
            at_ms: row.get("at_ms")?,
            path: row.get("path")?,
            move_to: row.get("move_to")?,
            action: row.get("action")?,
            added: row.count("added")?,
            removed: row.count("removed")?,
        })
    })?;
    files.collect()
}

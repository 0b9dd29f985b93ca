//! Prompts, calls and changed files of the sessions that a filter picks, in the order of the ledger, some at a time.

use super::filter::{Filter, FilterError};
use super::row::{Counts, LINES_PER_FILE, sql_stream};
use super::select::pick;
use codex_ledger_db::{Connection, Row, SqlResult, params};
use codex_ledger_entry::{Seq, StreamId};
use std::collections::BTreeMap;

/// Texts of one page are no longer than this together, but for the last of them.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// Where a row stands: its stream, line, part and item.
pub type RowPlace = [u64; 4];

/// Some rows, and where those behind them begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPage<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Place of the last of them, where there are more.
    pub next: Option<RowPlace>,
}

/// Which rows: so many of those that a filter picks, behind a place.
#[derive(Clone, Copy, Debug)]
pub struct RowsAsked<'a> {
    /// Which sessions, and which times.
    pub filter: &'a Filter,
    /// Behind which row; none for the first.
    pub behind: Option<RowPlace>,
    /// How many at most.
    pub limit: usize,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptRow {
    /// Session.
    pub session: String,
    /// Number in its session, from 1.
    pub number: u64,
    /// Entry.
    pub seq: Seq,
    /// 0-based line of its file.
    pub line: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// As sent.
    pub text: String,
    /// What was typed, where a client wrapped it in context.
    pub request: Option<String>,
    /// How many images came with it.
    pub images: u64,
    /// Whether its turn was rolled back.
    pub rolled_back: bool,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRow {
    /// Session.
    pub session: String,
    /// Entry.
    pub seq: Seq,
    /// 0-based line of its file.
    pub line: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Id that joins it with its output.
    pub call_id: Option<String>,
    /// Family: shell, apply_patch, mcp, …
    pub tool: String,
    /// Name, as the model wrote it.
    pub name: String,
    /// What is asked for, in one text.
    pub command: String,
    /// Directory.
    pub workdir: Option<String>,
    /// What came of it.
    pub output: Option<String>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// ok, failed, running, rejected, aborted, error, unknown; none where nothing tells.
    pub status: Option<String>,
    /// Duration, milliseconds.
    pub duration_ms: Option<i64>,
}

/// A file that a patch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Session.
    pub session: String,
    /// Entry.
    pub seq: Seq,
    /// 0-based line of its file.
    pub line: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Id of the call.
    pub call_id: Option<String>,
    /// Path.
    pub path: String,
    /// Path behind it, where it was moved.
    pub move_to: Option<String>,
    /// add, update, delete.
    pub action: String,
    /// Lines that were added.
    pub added: u64,
    /// Lines that were removed.
    pub removed: u64,
}

const PROMPTS: (&str, &str) = ("prompts", "x.number > 0");
const CALLS: (&str, &str) = ("function_calls", "x.copied = 0");
const FILES: (&str, &str) = ("file_changes", "x.copied = 0");

/// Prompts.
///
/// # Errors
/// When the filter names what is not there.
pub fn prompts(db: &Connection, asked: RowsAsked<'_>) -> Result<RowPage<PromptRow>, FilterError> {
    page(db, PROMPTS, asked, |row| {
        let text: String = row.get("text")?;
        let request: Option<String> = row.get("request")?;
        let bytes = text.len() + request.as_ref().map_or(0, String::len);
        let row = PromptRow {
            session: row.get("session")?,
            number: row.count("number")?,
            seq: row.seq("seq")?,
            line: row.count("line")? % LINES_PER_FILE,
            at_ms: row.get("at_ms")?,
            text,
            request,
            images: row.count("images")?,
            rolled_back: row.get("rolled_back")?,
        };
        Ok((row, bytes))
    })
}

/// All prompts of each of these sessions, by its id, in order; as they were typed, and a text of more than so many characters is cut.
///
/// # Errors
/// As the database.
pub fn prompts_of(
    db: &Connection,
    sessions: &[StreamId],
    chars: usize,
) -> SqlResult<BTreeMap<String, Vec<PromptRow>>> {
    let sql = "SELECT s.id AS session, x.number, x.seq, x.line, x.at_ms, x.images, x.rolled_back,
            substr(coalesce(x.request, x.text), 1, ?2) AS asked
        FROM prompts x JOIN sessions s ON s.stream = x.stream
        WHERE x.stream IN (SELECT value FROM json_each(?1)) AND x.number > 0 ORDER BY x.stream, x.number";
    let streams: Vec<i64> = sessions.iter().map(|stream| sql_stream(*stream)).collect();
    let streams = serde_json::json!(streams).to_string();
    let mut prompts: BTreeMap<String, Vec<PromptRow>> = BTreeMap::new();
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params![streams, chars as i64])?;
    while let Some(row) = rows.next()? {
        let prompt = PromptRow {
            session: row.get("session")?,
            number: row.count("number")?,
            seq: row.seq("seq")?,
            line: row.count("line")? % LINES_PER_FILE,
            at_ms: row.get("at_ms")?,
            text: row.get("asked")?,
            request: None,
            images: row.count("images")?,
            rolled_back: row.get("rolled_back")?,
        };
        prompts.entry(prompt.session.clone()).or_default().push(prompt);
    }
    Ok(prompts)
}

/// Calls of tools, with their outputs.
///
/// # Errors
/// When the filter names what is not there.
pub fn calls(db: &Connection, asked: RowsAsked<'_>) -> Result<RowPage<CallRow>, FilterError> {
    page(db, CALLS, asked, |row| {
        let command: Option<String> = row.get("command")?;
        let command = command.map_or_else(|| row.get("arguments"), Ok)?;
        let output: Option<String> = row.get("output")?;
        let bytes = command.len() + output.as_ref().map_or(0, String::len);
        let row = CallRow {
            session: row.get("session")?,
            seq: row.seq("seq")?,
            line: row.count("line")? % LINES_PER_FILE,
            at_ms: row.get("at_ms")?,
            call_id: row.get("call_id")?,
            tool: row.get("tool")?,
            name: row.get("name")?,
            command,
            workdir: row.get("workdir")?,
            output,
            exit_code: row.get("exit_code")?,
            status: row.get("status")?,
            duration_ms: row.get("duration_ms")?,
        };
        Ok((row, bytes))
    })
}

/// Files that patches changed.
///
/// # Errors
/// When the filter names what is not there.
pub fn files(db: &Connection, asked: RowsAsked<'_>) -> Result<RowPage<FileRow>, FilterError> {
    page(db, FILES, asked, |row| {
        let path: String = row.get("path")?;
        let bytes = path.len();
        let row = FileRow {
            session: row.get("session")?,
            seq: row.seq("seq")?,
            line: row.count("line")? % LINES_PER_FILE,
            at_ms: row.get("at_ms")?,
            call_id: row.get("call_id")?,
            path,
            move_to: row.get("move_to")?,
            action: row.get("action")?,
            added: row.count("added")?,
            removed: row.count("removed")?,
        };
        Ok((row, bytes))
    })
}

fn page<T>(
    db: &Connection,
    (table, own): (&str, &str),
    asked: RowsAsked<'_>,
    read: impl Fn(&Row<'_>) -> SqlResult<(T, usize)>,
) -> Result<RowPage<T>, FilterError> {
    pick(db, asked.filter)?;
    let sql = format!(
        "SELECT s.id AS session, x.* FROM temp.picked q CROSS JOIN {table} x ON x.stream = q.stream
            JOIN sessions s ON s.stream = q.stream
         WHERE {own} AND q.stream >= ?1 AND (x.stream, x.line, x.part, x.item) > (?1, ?2, ?3, ?4)
            AND (q.timed = 0 OR coalesce(x.at_ms, q.start_ms) >= ?5 AND coalesce(x.at_ms, q.start_ms) < ?6)
         ORDER BY q.stream, x.line, x.part, x.item"
    );
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    // In front of all rows: streams have numbers from 1 on.
    let [stream, line, part, item] = asked.behind.unwrap_or_default().map(number);
    let (since, until) = asked.filter.range();
    let mut statement = db.prepare(&sql)?;
    let mut found = statement.query(params![stream, line, part, item, since, until])?;
    let (mut rows, mut bytes, mut last) = (Vec::new(), 0, None);
    while let Some(row) = found.next()? {
        if rows.len() == asked.limit || bytes > PAGE_BYTES_MAX {
            return Ok(RowPage { rows, next: last });
        }
        let (value, size) = read(row)?;
        bytes += size;
        rows.push(value);
        let place = |column: &str| row.count(column);
        last = Some([place("stream")?, place("line")?, place("part")?, place("item")?]);
    }
    Ok(RowPage { rows, next: None })
}

//! The list of sessions, and finding one by the beginning of its id or by its name.

use super::filter::{Filter, FilterError};
use super::row::{Counts, has_failed, sql_stream};
use super::select::pick;
use super::title;
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, params};
use codex_ledger_entry::StreamId;
use serde::Serialize;
use std::collections::BTreeMap;

/// One session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// Thread id.
    pub id: String,
    /// Number of its stream in the ledger.
    pub stream: StreamId,
    /// Name given to the thread.
    pub name: Option<String>,
    /// Its name, else what was asked first, in one line.
    pub title: Option<String>,
    /// Creation, UTC milliseconds.
    pub created_at_ms: Option<i64>,
    /// Last record, UTC milliseconds.
    pub last_at_ms: Option<i64>,
    /// Directory.
    pub cwd: Option<String>,
    /// Last model in force.
    pub model: Option<String>,
    /// Where it was started: cli, vscode, exec, subagent, …
    pub source: Option<String>,
    /// Kind of subagent or internal session: review, thread_spawn, guardian, …; none of a person's session.
    pub subagent: Option<String>,
    /// Version of the client.
    pub cli_version: Option<String>,
    /// Thread that spawned it or that it was forked from.
    pub parent_id: Option<String>,
    /// Count of prompts.
    pub prompts: u64,
    /// Count of tool calls.
    pub calls: u64,
    /// Of these, the ones that have failed: an exit code that is not 0, an error, a refusal.
    pub failed: u64,
    /// Billed input and output tokens.
    pub tokens: u64,
    /// Lines of its file.
    pub lines: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Lines that are no records.
    pub malformed: u64,
}

const NAMED: &str = "SELECT DISTINCT session_id AS id, name, asked FROM session_titles ORDER BY 1";

/// Sessions are chosen before anything is counted: to count costs more than to choose.
const SELECT: &str = concat!(
    "
    SELECT s.id, s.stream,
        (SELECT x.name FROM session_titles x WHERE x.stream = s.stream) AS name,
        (SELECT x.asked FROM session_titles x WHERE x.stream = s.stream) AS asked,
        coalesce(s.created_at_ms, t.first_at_ms) AS created_at_ms, t.last_at_ms, s.cwd, s.model, s.source,
        s.subagent, s.cli_version, coalesce(s.parent_id, s.forked_from_id) AS parent_id,
        (SELECT count(*) FROM prompts p WHERE p.stream = s.stream AND p.number > 0) AS prompts,
        (SELECT count(*) FROM function_calls c WHERE c.stream = s.stream AND c.copied = 0) AS calls,
        (SELECT count(*) FROM function_calls c WHERE c.stream = s.stream AND c.copied = 0 AND ",
    has_failed!("c"),
    ") AS failed,
        (SELECT CAST(total(k.input + k.output) AS INTEGER) FROM token_messages k
            WHERE k.stream = s.stream AND k.counted = 1) AS tokens,
        t.lines, t.bytes, t.malformed
    FROM sessions s JOIN streams t ON t.stream = s.stream"
);

/// A revert writes another file of the same thread: the one with the latest record stands for the session.
pub(super) const NEWER: &str =
    "SELECT 1 FROM sessions o JOIN streams u ON u.stream = o.stream WHERE o.id = s.id
    AND (coalesce(u.last_at_ms, 0), u.name) > (coalesce(t.last_at_ms, 0), t.name)";

impl SessionRow {
    /// Where it was started and, of what no person started, as what.
    pub fn started_from(&self) -> Option<String> {
        let words: Vec<&str> =
            [&self.source, &self.subagent].into_iter().flatten().map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    fn read(row: &Row<'_>) -> SqlResult<SessionRow> {
        let (name, title) = title::read(row)?;
        Ok(SessionRow {
            id: row.get("id")?,
            stream: row.stream("stream")?,
            name,
            title,
            created_at_ms: row.get("created_at_ms")?,
            last_at_ms: row.get("last_at_ms")?,
            cwd: row.get("cwd")?,
            model: row.get("model")?,
            source: row.get("source")?,
            subagent: row.get("subagent")?,
            cli_version: row.get("cli_version")?,
            parent_id: row.get("parent_id")?,
            prompts: row.count("prompts")?,
            calls: row.count("calls")?,
            failed: row.count("failed")?,
            tokens: row.count("tokens")?,
            lines: row.count("lines")?,
            bytes: row.count("bytes")?,
            malformed: row.count("malformed")?,
        })
    }
}

/// The newest sessions first; `limit` 0 means all.
///
/// # Errors
/// As the database.
pub fn sessions(db: &Connection, limit: usize) -> SqlResult<Vec<SessionRow>> {
    newest(db, "", limit)
}

/// Only the sessions that a filter has picked.
const PICKED: &str = "JOIN temp.picked p ON p.stream = s.stream";

/// The sessions that a filter picks, the newest first; `limit` 0 means all.
///
/// # Errors
/// When the filter names what is not there.
pub fn sessions_matching(
    db: &Connection,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<SessionRow>, FilterError> {
    pick(db, filter)?;
    Ok(newest(db, PICKED, limit)?)
}

/// How many sessions a filter picks.
///
/// # Errors
/// When the filter names what is not there.
pub fn count_matching(db: &Connection, filter: &Filter) -> Result<u64, FilterError> {
    pick(db, filter)?;
    let sql = format!(
        "SELECT count(*) AS sessions FROM sessions s JOIN streams t ON t.stream = s.stream {PICKED}
         WHERE NOT EXISTS ({NEWER})"
    );
    Ok(db.query_row(&sql, [], |row| row.count("sessions"))?)
}

/// What was asked in the sessions that a filter picks, each prompt in one line, by session and number.
///
/// # Errors
/// When the filter names what is not there.
pub fn prompt_titles(
    db: &Connection,
    filter: &Filter,
) -> Result<BTreeMap<(String, u64), String>, FilterError> {
    pick(db, filter)?;
    let sql = format!(
        "SELECT s.id, x.number, substr(coalesce(nullif(trim(x.request), ''), x.text), 1, 400) AS asked
         FROM prompts x JOIN sessions s ON s.stream = x.stream {PICKED} WHERE x.number > 0"
    );
    let mut statement = db.prepare(&sql)?;
    let titles = statement.query_map([], |row| {
        let asked: String = row.get("asked")?;
        Ok(((row.get("id")?, row.count("number")?), title::title_of(&asked).unwrap_or_default()))
    })?;
    Ok(titles.collect::<SqlResult<_>>()?)
}

/// Which sessions come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionOrder {
    /// The one with the latest record.
    #[default]
    Newest,
    /// The one whose last record is the earliest.
    Oldest,
    /// The one between whose first and last record the most time has passed.
    Longest,
    /// The one with the most prompts.
    Prompts,
    /// The one with the most failed calls.
    Failed,
    /// The one with the most tokens.
    Tokens,
}

impl SessionOrder {
    /// What is compared, the largest first.
    fn key(self) -> &'static str {
        match self {
            SessionOrder::Newest => "coalesce(t.last_at_ms, s.created_at_ms)",
            SessionOrder::Oldest => "-coalesce(t.last_at_ms, s.created_at_ms)",
            SessionOrder::Longest => "t.last_at_ms - coalesce(s.created_at_ms, t.first_at_ms)",
            SessionOrder::Prompts => {
                "(SELECT count(*) FROM prompts p WHERE p.stream = s.stream AND p.number > 0)"
            }
            SessionOrder::Failed => concat!(
                "(SELECT count(*) FROM function_calls c WHERE c.stream = s.stream AND c.copied = 0 AND ",
                has_failed!("c"),
                ")"
            ),
            SessionOrder::Tokens => {
                "(SELECT CAST(total(k.input + k.output) AS INTEGER) FROM token_messages k
                    WHERE k.stream = s.stream AND k.counted = 1)"
            }
        }
    }
}

/// Some of the sessions that a filter picks: `limit` of them (0 means all), behind so many.
///
/// # Errors
/// When the filter names what is not there.
pub fn session_page(
    db: &Connection,
    filter: &Filter,
    order: SessionOrder,
    (limit, behind): (usize, usize),
) -> Result<Vec<SessionRow>, FilterError> {
    pick(db, filter)?;
    Ok(ordered(db, PICKED, order, (limit, behind))?)
}

fn newest(db: &Connection, picked: &str, limit: usize) -> SqlResult<Vec<SessionRow>> {
    ordered(db, picked, SessionOrder::Newest, (limit, 0))
}

fn ordered(
    db: &Connection,
    picked: &str,
    order: SessionOrder,
    (limit, behind): (usize, usize),
) -> SqlResult<Vec<SessionRow>> {
    let chosen = chosen(picked, order);
    let sql = format!(
        "WITH chosen AS MATERIALIZED ({chosen} LIMIT ? OFFSET ?)
         {SELECT} JOIN chosen c ON c.stream = s.stream ORDER BY c.key DESC NULLS LAST, s.id, s.stream"
    );
    let limit = if limit == 0 { -1 } else { i64::try_from(limit).unwrap_or(-1) };
    let behind = i64::try_from(behind).unwrap_or(i64::MAX);
    db.prepare(&sql)?.query_map([limit, behind], SessionRow::read)?.collect()
}

/// Streams in an order, with what they are ordered by.
fn chosen(picked: &str, order: SessionOrder) -> String {
    let key = order.key();
    format!(
        "SELECT s.stream, {key} AS key FROM sessions s JOIN streams t ON t.stream = s.stream
         {picked} WHERE NOT EXISTS ({NEWER}) ORDER BY key DESC NULLS LAST, s.id, s.stream"
    )
}

/// The streams of the sessions that were picked, in an order.
pub(super) fn picked_streams(db: &Connection, order: SessionOrder) -> SqlResult<Vec<StreamId>> {
    db.prepare(&chosen(PICKED, order))?.query_map([], |row| row.stream("stream"))?.collect()
}

/// The sessions of these streams, in no order.
pub(super) fn of_streams(db: &Connection, streams: &[StreamId]) -> SqlResult<Vec<SessionRow>> {
    let streams: Vec<i64> = streams.iter().map(|stream| sql_stream(*stream)).collect();
    let sql = format!("{SELECT} WHERE s.stream IN (SELECT value FROM json_each(?1))");
    let values = [serde_json::json!(streams).to_string()];
    db.prepare(&sql)?.query_map(values, SessionRow::read)?.collect()
}

/// The sessions that stand before and behind a session where the newest come first.
///
/// # Errors
/// As the database.
pub fn neighbours(db: &Connection, id: &str) -> SqlResult<[Option<String>; 2]> {
    let key = SessionOrder::Newest.key();
    let beside = |is_before: bool| {
        let (more, less, up, down) =
            if is_before { (">", "<", "ASC", "DESC") } else { ("<", ">", "DESC", "ASC") };
        let sql = format!(
            "WITH own AS (SELECT {key} AS key FROM sessions s JOIN streams t ON t.stream = s.stream WHERE s.id = ?1 LIMIT 1)
             SELECT s.id FROM own, sessions s JOIN streams t ON t.stream = s.stream
             WHERE NOT EXISTS ({NEWER}) AND ({key} {more} own.key OR ({key} = own.key AND s.id {less} ?1))
             ORDER BY {key} {up}, s.id {down} LIMIT 1"
        );
        db.query_row(&sql, [id], |row| row.get(0)).optional()
    };
    Ok([beside(true)?, beside(false)?])
}

/// The sessions that a session has spawned, or that were forked from it, the oldest first.
///
/// # Errors
/// As the database.
pub fn children(db: &Connection, id: &str) -> SqlResult<Vec<SessionRow>> {
    let sql = format!(
        "{SELECT} WHERE ?1 IN (s.parent_id, s.forked_from_id) AND s.id <> ?1 AND NOT EXISTS ({NEWER})
         ORDER BY created_at_ms, s.id, s.stream"
    );
    db.prepare(&sql)?.query_map([id], SessionRow::read)?.collect()
}

/// The sessions that each of these has spawned, or that were forked from it, the oldest first.
///
/// # Errors
/// As the database.
pub fn children_of(
    db: &Connection,
    ids: &[String],
) -> SqlResult<BTreeMap<String, Vec<SessionRow>>> {
    let sql = format!(
        "WITH wanted AS MATERIALIZED (SELECT value AS id FROM json_each(?1)),
            pairs AS MATERIALIZED (
                SELECT s.stream, s.parent_id AS whose FROM sessions s WHERE s.parent_id IN (SELECT id FROM wanted)
                UNION SELECT s.stream, s.forked_from_id FROM sessions s WHERE s.forked_from_id IN (SELECT id FROM wanted))
         {} JOIN pairs p ON p.stream = s.stream WHERE s.id <> p.whose AND NOT EXISTS ({NEWER})
         ORDER BY created_at_ms, s.id, s.stream",
        SELECT.replacen("SELECT s.id,", "SELECT p.whose, s.id,", 1)
    );
    let ids = serde_json::json!(ids).to_string();
    let mut children: BTreeMap<String, Vec<SessionRow>> = BTreeMap::new();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([ids])?;
    while let Some(row) = rows.next()? {
        children.entry(row.get("whose")?).or_default().push(SessionRow::read(row)?);
    }
    Ok(children)
}

/// Ids of which a given text is the beginning that are read: more than anybody would want to see.
const IDS_READ_MAX: i64 = 11;

/// How many there are, as far as they were read.
fn many(read: usize) -> String {
    if read as i64 >= IDS_READ_MAX { format!("more than {}", read - 1) } else { read.to_string() }
}

/// Why no single session was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No id begins so, and none is called so.
    #[error("no session begins with `{0}` or has that name or title")]
    None(String),
    /// Several ids do, or several are called so.
    #[error("`{prefix}` is the beginning of {} sessions or their name: {}", many(ids.len()), ids.join(", "))]
    Several {
        /// What was given.
        prefix: String,
        /// The ids, or the first of them.
        ids: Vec<String>,
    },
    /// The database.
    #[error(transparent)]
    Sql(#[from] codex_ledger_db::SqlError),
}

/// The session whose id begins with that text, else the one of that name, else the one whose name or title begins so;
/// the newest one for an empty text, `latest`, `last` and `-1`, the one before it for `-2`, and so on.
///
/// # Errors
/// When none or several do.
pub fn find_session(db: &Connection, prefix: &str) -> Result<SessionRow, FindError> {
    if let Some(back) = places_back(prefix) {
        let newest = sessions(db, back)?.into_iter().nth(back - 1);
        return newest.ok_or_else(|| FindError::None(prefix.into()));
    }
    let lower = prefix.to_ascii_lowercase();
    let sql = format!(
        "{SELECT} WHERE substr(s.id, 1, length(?1)) = ?1 AND NOT EXISTS ({NEWER}) ORDER BY s.id, s.stream LIMIT ?2"
    );
    let found: Vec<SessionRow> = db
        .prepare(&sql)?
        .query_map(params![lower, IDS_READ_MAX], SessionRow::read)?
        .collect::<SqlResult<_>>()?;
    let mut ids: Vec<String> = found.iter().map(|row| row.id.clone()).collect();
    ids.dedup();
    match (ids.len(), found.into_iter().next_back()) {
        (1, Some(row)) => Ok(row),
        (0, _) => find_named(db, prefix),
        _ => Err(FindError::Several { prefix: prefix.into(), ids }),
    }
}

/// Which of the newest sessions a text names, from 1.
pub(super) fn places_back(text: &str) -> Option<usize> {
    match text {
        "" | "latest" | "last" => Some(1),
        _ => text.strip_prefix('-')?.parse().ok().filter(|back| *back > 0),
    }
}

fn find_named(db: &Connection, name: &str) -> Result<SessionRow, FindError> {
    let mut ids = ids_named(db, name)?;
    if ids.is_empty() {
        ids = ids_with(db, name, |called, wanted| called.starts_with(wanted))?;
    }
    match &ids[..] {
        [] => Err(FindError::None(name.into())),
        [id] => {
            let sql = format!("{SELECT} WHERE s.id = ? AND NOT EXISTS ({NEWER})");
            Ok(db.query_row(&sql, [id], SessionRow::read)?)
        }
        _ => {
            ids.truncate(IDS_READ_MAX as usize);
            Err(FindError::Several { prefix: name.into(), ids })
        }
    }
}

/// Ids of the sessions that are called so now, whatever the case.
pub(super) fn ids_named(db: &Connection, name: &str) -> SqlResult<Vec<String>> {
    ids_with(db, name, |called, wanted| called == wanted)
}

/// Ids of the sessions whose name or title is as wanted, whatever the case and the blanks.
fn ids_with(
    db: &Connection,
    name: &str,
    is_it: impl Fn(&str, &str) -> bool,
) -> SqlResult<Vec<String>> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let wanted = plain(name);
    let mut statement = db.prepare(NAMED)?;
    let mut rows = statement.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, title) = title::read(row)?;
        if [name, title].into_iter().flatten().any(|called| is_it(&plain(&called), &wanted)) {
            ids.push(row.get("id")?);
        }
    }
    ids.dedup();
    Ok(ids)
}

/// A session's id and the stream of its source in that generation, the newest when none is named; no
/// stream when there is no such generation.
///
/// A file without a single record makes no session; the thread in its name stands for one.
///
/// # Errors
/// When none or several ids begin so.
pub fn find_source(
    db: &Connection,
    prefix: &str,
    generation: Option<u32>,
) -> Result<(String, Option<StreamId>), FindError> {
    let session = match find_session(db, prefix) {
        Ok(session) => session,
        Err(FindError::None(_)) if !prefix.is_empty() => {
            return find_thread(db, prefix, generation);
        }
        Err(error) => return Err(error),
    };
    let sql = "SELECT stream FROM streams WHERE generation = coalesce(?2, generation)
         AND name = (SELECT name FROM streams WHERE stream = ?1) ORDER BY generation DESC LIMIT 1";
    let values = params![sql_stream(session.stream), generation];
    let stream = db.query_row(sql, values, |row| row.stream(0)).optional()?;
    Ok((session.id, stream))
}

/// The ids in a column of a table that begin with that text, in order; only so many are read.
pub(super) fn ids_beginning(
    db: &Connection,
    (column, table): (&str, &str),
    prefix: &str,
) -> SqlResult<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT {column} AS id FROM {table} WHERE substr({column}, 1, length(?1)) = ?1
         ORDER BY id LIMIT ?2"
    );
    let mut statement = db.prepare(&sql)?;
    let ids = statement
        .query_map(params![prefix.to_ascii_lowercase(), IDS_READ_MAX], |row| row.get("id"))?;
    ids.collect()
}

fn find_thread(
    db: &Connection,
    prefix: &str,
    generation: Option<u32>,
) -> Result<(String, Option<StreamId>), FindError> {
    let ids = ids_beginning(db, ("thread", "streams"), prefix)?;
    let [id] = &ids[..] else {
        let prefix = prefix.to_string();
        let none = ids.is_empty();
        return Err(if none {
            FindError::None(prefix)
        } else {
            FindError::Several { prefix, ids }
        });
    };
    let sql =
        "SELECT stream FROM streams WHERE thread = ?1 AND generation = coalesce(?2, generation)
         ORDER BY stream DESC LIMIT 1";
    let stream = db.query_row(sql, params![id, generation], |row| row.stream(0)).optional()?;
    Ok((id.clone(), stream))
}

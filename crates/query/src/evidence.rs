//! Which entries stand behind what a report says of a session, and of which of them something is hidden.

use super::report::Mode;
use super::row::{Counts, sql_stream};
use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_entry::{Seq, StreamId};
use std::collections::BTreeSet;

/// A file of a session's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFile {
    /// Its stream.
    pub stream: StreamId,
    /// Bytes of it in the ledger, line feeds included.
    pub bytes: u64,
}

/// The streams of a thread.
const THREAD: &str =
    "(SELECT stream FROM streams WHERE holder = (SELECT holder FROM streams WHERE stream = ?1))";

/// All files of a session's thread, older versions included.
///
/// # Errors
/// As the database.
pub fn session_files(db: &Connection, session: StreamId) -> SqlResult<Vec<SessionFile>> {
    let sql = format!("SELECT stream, bytes FROM streams WHERE stream IN {THREAD} ORDER BY stream");
    db.prepare(&sql)?
        .query_map([sql_stream(session)], |row| {
            Ok(SessionFile { stream: row.stream("stream")?, bytes: row.count("bytes")? })
        })?
        .collect()
}

/// Where views say that an entry's line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownLine {
    /// The entry.
    pub seq: Seq,
    /// Its stream.
    pub stream: StreamId,
    /// 0-based line of the source.
    pub line: u64,
    /// Byte offset in the source.
    pub offset: u64,
    /// Length in bytes, without the line feed.
    pub bytes: u64,
}

/// Gives what views say of every line, by the entry that it begins with, until `each` says false.
///
/// # Errors
/// As the database.
pub fn known_lines(db: &Connection, each: &mut dyn FnMut(KnownLine) -> bool) -> SqlResult<()> {
    // Where a line stands says which file of its thread it is of (`FILE_LINES` of the projections).
    let sql = "SELECT e.seq, s.stream, e.line % 4294967296 AS line, e.offset, e.bytes
        FROM events e JOIN streams s ON s.holder = e.stream AND s.rank = e.line / 4294967296
        WHERE e.part = 0 ORDER BY e.seq";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let known = KnownLine {
            seq: row.seq("seq")?,
            stream: row.stream("stream")?,
            line: row.count("line")?,
            offset: row.count("offset")?,
            bytes: row.count("bytes")?,
        };
        if !each(known) {
            break;
        }
    }
    Ok(())
}

/// The entries of a session's thread of which something is hidden in a view.
///
/// # Errors
/// As the database.
pub fn entries_with_hidden(db: &Connection, session: StreamId) -> SqlResult<BTreeSet<Seq>> {
    let sql = format!("SELECT DISTINCT seq FROM redaction_hits WHERE stream IN {THREAD}");
    db.prepare(&sql)?.query_map([sql_stream(session)], |row| row.seq("seq"))?.collect()
}

/// The entries behind what a report of that mode says of a session between two moments; the header of the session always.
///
/// # Errors
/// As the database.
pub fn entries_behind(
    db: &Connection,
    session: StreamId,
    mode: Mode,
    (since_ms, until_ms): (Option<i64>, Option<i64>),
) -> SqlResult<BTreeSet<Seq>> {
    const PROMPTS: &str = "prompts WHERE number > 0 AND";
    const ANSWERS: &str = "messages WHERE kind = 'assistant' AND";
    let tables: &[&str] = match mode {
        Mode::Prompts => &[PROMPTS],
        Mode::Answers => &[PROMPTS, ANSWERS],
        Mode::Tokens => &["token_messages WHERE"],
        // Calls and their outputs are records of many kinds.
        Mode::Actions | Mode::Full => &["events WHERE"],
    };
    let mut found = BTreeSet::new();
    for table in tables {
        let sql = format!(
            "SELECT DISTINCT seq FROM {table} stream IN {THREAD}
                AND (?2 IS NULL OR at_ms >= ?2) AND (?3 IS NULL OR at_ms < ?3)"
        );
        let values = params![sql_stream(session), since_ms, until_ms];
        for seq in db.prepare(&sql)?.query_map(values, |row| row.seq("seq"))? {
            found.insert(seq?);
        }
    }
    let sql = format!("SELECT seq FROM sessions WHERE stream IN {THREAD}");
    for seq in db.prepare(&sql)?.query_map([sql_stream(session)], |row| row.seq("seq"))? {
        found.insert(seq?);
    }
    Ok(found)
}

/// The sessions that a thread goes on from, was spawned by or has copies of, and theirs.
///
/// # Errors
/// As the database.
pub fn origins(db: &Connection, session: StreamId) -> SqlResult<BTreeSet<String>> {
    let sql = format!(
        "WITH RECURSIVE origins (id) AS (
            SELECT value FROM sessions, json_each(json_array(parent_id, forked_from_id, root_id))
                WHERE stream IN {THREAD} AND value IS NOT NULL
            UNION SELECT value FROM origins, sessions s, json_each(json_array(s.parent_id, s.forked_from_id, s.root_id))
                WHERE s.id = origins.id AND value IS NOT NULL)
        SELECT id FROM origins WHERE id NOT IN (SELECT id FROM sessions WHERE stream IN {THREAD})"
    );
    db.prepare(&sql)?.query_map([sql_stream(session)], |row| row.get("id"))?.collect()
}

/// The entries by which reviewers said something of a session.
///
/// # Errors
/// As the database.
pub fn annotations_of(db: &Connection, session: &str) -> SqlResult<BTreeSet<Seq>> {
    let sql = "SELECT seq FROM annotations WHERE session_id = ?1";
    db.prepare(sql)?.query_map([session], |row| row.seq("seq"))?.collect()
}

/// Whether a thread has lines of other threads in it.
///
/// # Errors
/// As the database.
pub fn has_copies(db: &Connection, session: StreamId) -> SqlResult<bool> {
    let sql = format!(
        "SELECT count(*) FROM sessions WHERE stream IN {THREAD} AND (foreign_headers > 0 OR copy IS NOT NULL)"
    );
    db.query_row(&sql, [sql_stream(session)], |row| row.get(0)).map(|count: i64| count > 0)
}

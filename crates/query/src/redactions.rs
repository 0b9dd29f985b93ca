//! What is hidden, by whom and why.

use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult};
use serde::Serialize;

/// A redaction, in force or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RedactionRow {
    /// Seq of its entry.
    pub seq: u64,
    /// Id of its entry, hex.
    pub id: String,
    /// When, UTC milliseconds.
    pub recorded_at_ms: i64,
    /// Who.
    pub actor: Option<String>,
    /// Why.
    pub reason: String,
    /// prompt, entry, field, session, literal, regex.
    pub scope: String,
    /// What it names, without the hidden text.
    pub target: String,
    /// What narrows a literal or regex.
    pub within: Option<String>,
    /// Pointer and span inside an entry.
    pub field: Option<String>,
    /// What is shown instead.
    pub replacement: String,
    /// Whether it is in force.
    pub active: bool,
    /// Seq of what ended it.
    pub revoked_by: Option<u64>,
    /// Passages that it hides now.
    pub passages: u64,
}

/// The end of a redaction, or of another end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevocationRow {
    /// Seq of its entry.
    pub seq: u64,
    /// Id of its entry, hex.
    pub id: String,
    /// When, UTC milliseconds.
    pub recorded_at_ms: i64,
    /// Who.
    pub actor: Option<String>,
    /// Why.
    pub reason: String,
    /// Seq of the redaction or revocation that it ends.
    pub of: u64,
    /// Whether it is in force.
    pub active: bool,
}

const SELECT: &str =
    "SELECT seq, id, recorded_at_ms, actor, reason, scope, target, within, field, replacement,
    active, revoked_by,
    (SELECT coalesce(sum(passages), 0) FROM redaction_hits h WHERE h.redaction = redactions.seq)
    FROM redactions";

fn redaction_row(row: &Row<'_>) -> SqlResult<RedactionRow> {
    Ok(RedactionRow {
        seq: row.get::<_, i64>(0)? as u64,
        id: row.get(1)?,
        recorded_at_ms: row.get(2)?,
        actor: row.get(3)?,
        reason: row.get(4)?,
        scope: row.get(5)?,
        target: row.get(6)?,
        within: row.get(7)?,
        field: row.get(8)?,
        replacement: row.get(9)?,
        active: row.get(10)?,
        revoked_by: row.get::<_, Option<i64>>(11)?.map(|seq| seq as u64),
        passages: row.get::<_, i64>(12)? as u64,
    })
}

/// All redactions, or those in force, the newest first.
///
/// # Errors
/// As the database.
pub fn redactions(db: &Connection, active_only: bool) -> SqlResult<Vec<RedactionRow>> {
    let sql = format!("{SELECT} WHERE active >= ? ORDER BY seq DESC");
    db.prepare(&sql)?.query_map([active_only], redaction_row)?.collect()
}

/// One redaction.
///
/// # Errors
/// As the database; also when there is none.
pub fn redaction(db: &Connection, seq: u64) -> SqlResult<RedactionRow> {
    db.query_row(&format!("{SELECT} WHERE seq = ?"), [seq as i64], redaction_row)
}

const SELECT_REVOCATION: &str =
    "SELECT seq, id, recorded_at_ms, actor, reason, of, active FROM revocations";

fn revocation_row(row: &Row<'_>) -> SqlResult<RevocationRow> {
    Ok(RevocationRow {
        seq: row.get::<_, i64>(0)? as u64,
        id: row.get(1)?,
        recorded_at_ms: row.get(2)?,
        actor: row.get(3)?,
        reason: row.get(4)?,
        of: row.get::<_, i64>(5)? as u64,
        active: row.get(6)?,
    })
}

/// All revocations, the newest first.
///
/// # Errors
/// As the database.
pub fn revocations(db: &Connection) -> SqlResult<Vec<RevocationRow>> {
    let sql = format!("{SELECT_REVOCATION} ORDER BY seq DESC");
    db.prepare(&sql)?.query_map([], revocation_row)?.collect()
}

/// One revocation.
///
/// # Errors
/// As the database; also when there is none.
pub fn revocation(db: &Connection, seq: u64) -> SqlResult<RevocationRow> {
    db.query_row(&format!("{SELECT_REVOCATION} WHERE seq = ?"), [seq as i64], revocation_row)
}

/// Rows in which a redaction hides something.
///
/// # Errors
/// As the database.
pub fn rows_hidden_by(db: &Connection, redaction: u64) -> SqlResult<u64> {
    let sql = "SELECT count(*) FROM (SELECT DISTINCT stream, line, part, item, substr(field, 1, instr(field, '.'))
        FROM redaction_hits WHERE redaction = ?)";
    db.query_row(sql, [redaction as i64], |row| row.get::<_, i64>(0)).map(|n| n as u64)
}

/// Entry of a session's prompt, and which record of the entry it is.
///
/// # Errors
/// As the database.
pub fn prompt_place(db: &Connection, stream: u64, number: u64) -> SqlResult<Option<(u64, u64)>> {
    let sql = "SELECT seq, part FROM prompts WHERE stream = ?1 AND number = ?2 AND number > 0";
    let place = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
    db.query_row(sql, [stream as i64, number as i64], place).optional()
}

/// Repositories of sessions as the views show them; the directory where there is none.
///
/// # Errors
/// As the database.
pub fn repos(db: &Connection) -> SqlResult<Vec<String>> {
    let sql = "SELECT DISTINCT coalesce(git_url, cwd) FROM sessions
        WHERE coalesce(git_url, cwd) IS NOT NULL ORDER BY 1";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Streams of the sessions that are shown with that repository, or that directory where they have none.
///
/// # Errors
/// As the database.
pub fn streams_of_repo(db: &Connection, repo: &str) -> SqlResult<Vec<u64>> {
    let sql = "SELECT stream FROM sessions WHERE coalesce(git_url, cwd) = ? ORDER BY stream";
    let mut statement = db.prepare(sql)?;
    let streams = statement.query_map([repo], |row| row.get::<_, i64>(0))?;
    streams.map(|stream| stream.map(|stream| stream as u64)).collect()
}

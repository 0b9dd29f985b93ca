//! What is hidden, by whom and why.

use super::row::{Counts, sql_seq, sql_stream};
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, params};
use codex_ledger_entry::{PromptPlace, Seq, StreamId};
use codex_ledger_location as location;
use serde::Serialize;

/// A redaction, in force or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RedactionRow {
    /// Seq of its entry.
    pub seq: Seq,
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
    pub revoked_by: Option<Seq>,
    /// Passages that it hides now.
    pub passages: u64,
}

impl RedactionRow {
    fn read(row: &Row<'_>) -> SqlResult<RedactionRow> {
        Ok(RedactionRow {
            seq: row.seq("seq")?,
            id: row.get("id")?,
            recorded_at_ms: row.get("recorded_at_ms")?,
            actor: row.get("actor")?,
            reason: row.get("reason")?,
            scope: row.get("scope")?,
            target: row.get("target")?,
            within: row.get("within")?,
            field: row.get("field")?,
            replacement: row.get("replacement")?,
            active: row.get("active")?,
            revoked_by: row.count_if_any("revoked_by")?.map(Seq::new),
            passages: row.count("passages")?,
        })
    }
}

/// The end of a redaction, or of another end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevocationRow {
    /// Seq of its entry.
    pub seq: Seq,
    /// Id of its entry, hex.
    pub id: String,
    /// When, UTC milliseconds.
    pub recorded_at_ms: i64,
    /// Who.
    pub actor: Option<String>,
    /// Why.
    pub reason: String,
    /// Seq of the redaction or revocation that it ends.
    pub of: Seq,
    /// Whether it is in force.
    pub active: bool,
}

impl RevocationRow {
    fn read(row: &Row<'_>) -> SqlResult<RevocationRow> {
        Ok(RevocationRow {
            seq: row.seq("seq")?,
            id: row.get("id")?,
            recorded_at_ms: row.get("recorded_at_ms")?,
            actor: row.get("actor")?,
            reason: row.get("reason")?,
            of: row.seq("of")?,
            active: row.get("active")?,
        })
    }
}

/// Its index has the hits of redactions alone; a question that does not say so reads all of them.
const SELECT: &str =
    "SELECT seq, id, recorded_at_ms, actor, reason, scope, target, within, field, replacement,
    active, revoked_by,
    (SELECT coalesce(sum(passages), 0) FROM redaction_hits h WHERE h.redaction = redactions.seq
        AND h.redaction > 0) AS passages
    FROM redactions";

/// All redactions, or those in force, the newest first.
///
/// # Errors
/// As the database.
pub fn redactions(db: &Connection, active_only: bool) -> SqlResult<Vec<RedactionRow>> {
    let sql = format!("{SELECT} WHERE active >= ? ORDER BY seq DESC");
    db.prepare(&sql)?.query_map([active_only], RedactionRow::read)?.collect()
}

/// One redaction.
///
/// # Errors
/// As the database; also when there is none.
pub fn redaction(db: &Connection, seq: Seq) -> SqlResult<RedactionRow> {
    db.query_row(&format!("{SELECT} WHERE seq = ?"), [sql_seq(seq)], RedactionRow::read)
}

/// How many redactions are in force.
///
/// # Errors
/// As the database.
pub fn redactions_in_force(db: &Connection) -> SqlResult<u64> {
    let sql = "SELECT count(*) FROM redactions WHERE active = 1";
    db.query_row(sql, [], |row| row.count(0))
}

const SELECT_REVOCATION: &str =
    "SELECT seq, id, recorded_at_ms, actor, reason, of, active FROM revocations";

/// All revocations, the newest first.
///
/// # Errors
/// As the database.
pub fn revocations(db: &Connection) -> SqlResult<Vec<RevocationRow>> {
    let sql = format!("{SELECT_REVOCATION} ORDER BY seq DESC");
    db.prepare(&sql)?.query_map([], RevocationRow::read)?.collect()
}

/// One revocation.
///
/// # Errors
/// As the database; also when there is none.
pub fn revocation(db: &Connection, seq: Seq) -> SqlResult<RevocationRow> {
    db.query_row(&format!("{SELECT_REVOCATION} WHERE seq = ?"), [sql_seq(seq)], RevocationRow::read)
}

/// How a literal is spelled where a redaction hides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormCount {
    /// The spelling.
    pub form: String,
    /// Passages.
    pub passages: u64,
}

/// In which spellings a redaction has found its literal, the most frequent first.
///
/// # Errors
/// As the database.
pub fn forms_hidden_by(db: &Connection, redaction: Seq) -> SqlResult<Vec<FormCount>> {
    let sql = "SELECT form, sum(passages) AS passages FROM redaction_hits WHERE redaction = ? AND redaction > 0 AND form <> ''
        GROUP BY form ORDER BY passages DESC, form";
    let read =
        |row: &Row<'_>| Ok(FormCount { form: row.get("form")?, passages: row.count("passages")? });
    db.prepare(sql)?.query_map([sql_seq(redaction)], read)?.collect()
}

/// Rows in which a redaction hides something.
///
/// # Errors
/// As the database.
pub fn rows_hidden_by(db: &Connection, redaction: Seq) -> SqlResult<u64> {
    let sql = "SELECT count(*) FROM (SELECT DISTINCT stream, line, part, item, substr(field, 1, instr(field, '.'))
        FROM redaction_hits WHERE redaction = ? AND redaction > 0)";
    db.query_row(sql, [sql_seq(redaction)], |row| row.count(0))
}

/// Sessions whose id a redaction hides.
///
/// # Errors
/// As the database.
pub fn ids_hidden_by(db: &Connection, redaction: Seq) -> SqlResult<u64> {
    let sql = "SELECT count(DISTINCT stream) FROM redaction_hits WHERE redaction = ? AND redaction > 0 AND field = 'sessions.id'";
    db.query_row(sql, [sql_seq(redaction)], |row| row.count(0))
}

/// Where a redaction hides something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenIn {
    /// Ids of some sessions, with how many passages, the most first.
    pub sessions: Vec<(String, u64)>,
    /// How many sessions there are.
    pub total: u64,
}

/// Where a redaction hides something; so many sessions are named.
///
/// # Errors
/// As the database.
pub fn hidden_in(db: &Connection, redaction: Seq, limit: usize) -> SqlResult<HiddenIn> {
    // The index has those of redactions alone; a cross join is not turned round.
    let sql = "SELECT s.id, sum(h.passages) AS passages, count(*) OVER () AS total
        FROM redaction_hits h CROSS JOIN sessions s ON s.stream = h.stream
        WHERE h.redaction = ?1 AND h.redaction > 0 GROUP BY s.id ORDER BY passages DESC, s.id LIMIT ?2";
    let mut total = 0;
    let mut statement = db.prepare(sql)?;
    let found = statement.query_map(params![sql_seq(redaction), limit as i64], |row| {
        total = row.count("total")?;
        Ok((row.get("id")?, row.count("passages")?))
    })?;
    let sessions = found.collect::<SqlResult<_>>()?;
    Ok(HiddenIn { sessions, total })
}

/// Where a session's prompt of that number stands; `None` when it has none.
///
/// # Errors
/// As the database.
pub fn prompt_place(
    db: &Connection,
    stream: StreamId,
    number: u64,
) -> SqlResult<Option<PromptPlace>> {
    let sql = "SELECT seq, part FROM prompts WHERE stream = ?1 AND number = ?2 AND number > 0";
    let place = |row: &Row<'_>| Ok(PromptPlace { seq: row.seq("seq")?, part: row.count("part")? });
    db.query_row(sql, [sql_stream(stream), number as i64], place).optional()
}

/// The numbered prompt of a session that stands in an entry; the first, where several do.
///
/// # Errors
/// As the database.
pub fn prompt_in_entry(
    db: &Connection,
    stream: StreamId,
    seq: Seq,
) -> SqlResult<Option<PromptPlace>> {
    let sql = "SELECT seq, part FROM prompts WHERE stream = ?1 AND seq = ?2 AND number > 0 ORDER BY part LIMIT 1";
    let place = |row: &Row<'_>| Ok(PromptPlace { seq: row.seq("seq")?, part: row.count("part")? });
    db.query_row(sql, [sql_stream(stream), sql_seq(seq)], place).optional()
}

/// Repositories of sessions as the views show them; the directory where there is none.
///
/// # Errors
/// As the database.
pub fn repos(db: &Connection) -> SqlResult<Vec<String>> {
    let sql = "SELECT DISTINCT coalesce(git_url, cwd) AS repo FROM sessions
        WHERE coalesce(git_url, cwd) IS NOT NULL ORDER BY repo";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// What sessions can be filtered by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterWords {
    /// Repositories; directories where there is none.
    pub repos: Vec<String>,
    /// Models.
    pub models: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
}

/// What sessions can be filtered by, as the views show it.
///
/// # Errors
/// As the database.
pub fn filter_words(db: &Connection) -> SqlResult<FilterWords> {
    let all = |sql: &str| -> SqlResult<Vec<String>> {
        db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    Ok(FilterWords {
        repos: repos(db)?,
        models: all("SELECT DISTINCT model FROM sessions WHERE model IS NOT NULL ORDER BY model")?,
        tags: all("SELECT DISTINCT tag FROM tags ORDER BY tag")?,
    })
}

/// Addresses of the repositories of sessions in a directory, whatever its spelling.
///
/// # Errors
/// As the database.
pub fn repos_in(db: &Connection, directory: &str) -> SqlResult<Vec<String>> {
    let sql = "SELECT DISTINCT git_url, cwd FROM sessions WHERE cwd IS NOT NULL AND git_url IS NOT NULL ORDER BY git_url";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found: Vec<String> = Vec::new();
    while let Some(row) = rows.next()? {
        if location::folder::is_same(row.get_ref("cwd")?.as_str().unwrap_or_default(), directory) {
            found.push(row.get("git_url")?);
        }
    }
    found.dedup();
    Ok(found)
}

/// Streams of the sessions that are shown with that repository, or that directory where they have none.
///
/// # Errors
/// As the database.
pub fn streams_of_repo(db: &Connection, repo: &str) -> SqlResult<Vec<StreamId>> {
    let sql = "SELECT stream FROM sessions WHERE coalesce(git_url, cwd) = ? ORDER BY stream";
    db.prepare(sql)?.query_map([repo], |row| row.stream(0))?.collect()
}

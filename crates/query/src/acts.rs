//! Who did what to the ledger, when and why: every entry that is no line of a source.

use super::row::{Counts, sql_seq};
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, params};
use codex_ledger_entry::Seq;
use serde::Serialize;

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActRow {
    /// Entry.
    pub seq: Seq,
    /// When it was recorded, UTC milliseconds.
    pub recorded_at_ms: i64,
    /// Who; none where nobody was named.
    pub actor: Option<String>,
    /// What kind of act: append, redaction, undo, rules, reveal, export, tag, note, …
    pub kind: String,
    /// What it is about.
    pub target: String,
    /// Why, where that was said.
    pub reason: Option<String>,
}

/// Which acts are wanted; none of it means all.
#[derive(Clone, Debug, Default)]
pub struct ActFilter {
    /// Of this actor.
    pub actor: Option<String>,
    /// Of these kinds.
    pub kinds: Vec<String>,
    /// About something with this in its name.
    pub target: Option<String>,
    /// From this moment on, UTC milliseconds.
    pub since_ms: Option<i64>,
    /// Before this moment.
    pub until_ms: Option<i64>,
}

const ACTS: &str = "
    SELECT seq, recorded_at_ms, actor, verb AS kind, coalesce(detail, '') AS target, reason FROM actions
    UNION ALL SELECT seq, recorded_at_ms, actor, 'redaction',
        CASE WHEN substr(target, 1, length(scope) + 1) = scope || ' ' THEN target ELSE scope || ' ' || target END
            || coalesce(' ' || field, '') || coalesce(' in ' || within, ''), nullif(reason, '') FROM redactions
    UNION ALL SELECT seq, recorded_at_ms, actor, 'undo', coalesce('entry ' || of, 'an entry'), nullif(reason, '') FROM revocations
    UNION ALL SELECT seq, recorded_at_ms, actor, 'rules', name || ', ' || count || ' rules', nullif(reason, '') FROM rule_sets
    UNION ALL SELECT seq, recorded_at_ms, actor, act,
        session_id || CASE prompt WHEN 0 THEN '' ELSE '#' || prompt END || coalesce(' ' || nullif(value, ''), ''), text
        FROM annotations";

/// The acts that a filter leaves, in their order.
///
/// # Errors
/// As the database.
pub fn acts(db: &Connection, filter: &ActFilter) -> SqlResult<Vec<ActRow>> {
    let sql = format!(
        "SELECT * FROM ({ACTS}) WHERE (?1 IS NULL OR actor = ?1)
            AND (?2 = '[]' OR kind IN (SELECT value FROM json_each(?2)))
            AND (?3 IS NULL OR instr(lower(target), lower(?3)) > 0)
            AND (?4 IS NULL OR recorded_at_ms >= ?4) AND (?5 IS NULL OR recorded_at_ms < ?5)
        ORDER BY seq"
    );
    let kinds = serde_json::json!(filter.kinds).to_string();
    let ActFilter { actor, target, since_ms, until_ms, .. } = filter;
    let values = params![actor, kinds, target, since_ms, until_ms];
    db.prepare(&sql)?.query_map(values, ActRow::read)?.collect()
}

/// The act that an entry is, if it is one.
///
/// # Errors
/// As the database.
pub fn act(db: &Connection, seq: Seq) -> SqlResult<Option<ActRow>> {
    let sql = format!("SELECT * FROM ({ACTS}) WHERE seq = ?");
    db.prepare(&sql)?.query_row([sql_seq(seq)], ActRow::read).optional()
}

/// The kinds of acts that there are.
///
/// # Errors
/// As the database.
pub fn kinds_of_acts(db: &Connection) -> SqlResult<Vec<String>> {
    let sql = format!("SELECT DISTINCT kind FROM ({ACTS}) ORDER BY kind");
    db.prepare(&sql)?.query_map([], |row| row.get("kind"))?.collect()
}

impl ActRow {
    fn read(row: &Row<'_>) -> SqlResult<ActRow> {
        Ok(ActRow {
            seq: row.seq("seq")?,
            recorded_at_ms: row.get("recorded_at_ms")?,
            actor: row.get("actor")?,
            kind: row.get("kind")?,
            target: row.get("target")?,
            reason: row.get("reason")?,
        })
    }
}

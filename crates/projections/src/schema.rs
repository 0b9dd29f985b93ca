//! The SQL of all views, and the digest that tells when they must be rebuilt.

use codex_ledger_db::{Connection, Row, SqlResult};
use std::sync::OnceLock;

/// Raised when a fold changes what it writes; the SQL itself is covered by the digest.
pub const VERSION: u32 = 2;

/// `/projections`, in the order in which it is executed.
const SQL: [&str; 17] = [
    include_str!("../../../projections/cursors.sql"),
    include_str!("../../../projections/streams.sql"),
    include_str!("../../../projections/events.sql"),
    include_str!("../../../projections/sessions.sql"),
    include_str!("../../../projections/prompts.sql"),
    include_str!("../../../projections/messages.sql"),
    include_str!("../../../projections/token_messages.sql"),
    include_str!("../../../projections/turn_context_messages.sql"),
    include_str!("../../../projections/agent_reasoning_messages.sql"),
    include_str!("../../../projections/function_plan_messages.sql"),
    include_str!("../../../projections/function_calls.sql"),
    include_str!("../../../projections/file_changes.sql"),
    include_str!("../../../projections/turns.sql"),
    include_str!("../../../projections/side_files.sql"),
    include_str!("../../../projections/actions.sql"),
    include_str!("../../../projections/redactions.sql"),
    include_str!("../../../projections/annotations.sql"),
];

/// Tables that hold one stream's records, keyed by (stream, line, part) and where a record says several things by `item`; cleared when a stream is derived anew.
pub(super) const STREAM_TABLES: [&str; 15] = [
    "agent_reasoning_messages",
    "events",
    "file_changes",
    "function_calls",
    "function_plan_messages",
    "history_prompts",
    "messages",
    "prompts",
    "raw_records",
    "redaction_hits",
    "session_names",
    "sessions",
    "token_messages",
    "turn_context_messages",
    "turns",
];

/// The statements that clear one stream, in the order of [`STREAM_TABLES`].
pub(super) const CLEAR_STREAM: [&str; 15] = [
    "DELETE FROM agent_reasoning_messages WHERE stream = ?",
    "DELETE FROM events WHERE stream = ?",
    "DELETE FROM file_changes WHERE stream = ?",
    "DELETE FROM function_calls WHERE stream = ?",
    "DELETE FROM function_plan_messages WHERE stream = ?",
    "DELETE FROM history_prompts WHERE stream = ?",
    "DELETE FROM messages WHERE stream = ?",
    "DELETE FROM prompts WHERE stream = ?",
    "DELETE FROM raw_records WHERE stream = ?",
    "DELETE FROM redaction_hits WHERE stream = ?",
    "DELETE FROM session_names WHERE stream = ?",
    "DELETE FROM sessions WHERE stream = ?",
    "DELETE FROM token_messages WHERE stream = ?",
    "DELETE FROM turn_context_messages WHERE stream = ?",
    "DELETE FROM turns WHERE stream = ?",
];

/// All statements that make the views' tables.
pub(super) fn create_all() -> String {
    SQL.concat()
}

/// Whether a database has the tables and indexes that [`create_all`] makes, and nothing beside them.
///
/// # Errors
/// As the database.
pub(super) fn is_as_made(db: &Connection) -> SqlResult<bool> {
    static MADE: OnceLock<Vec<Object>> = OnceLock::new();
    let made = match MADE.get() {
        Some(made) => made,
        None => {
            let fresh = Connection::open_in_memory()?;
            fresh.execute_batch(&create_all())?;
            let made = objects(&fresh)?;
            MADE.get_or_init(|| made)
        }
    };
    Ok(objects(db)? == *made)
}

/// Type, name, table and SQL of what a database holds.
type Object = [Option<String>; 4];

fn objects(db: &Connection) -> SqlResult<Vec<Object>> {
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
    let mut statement = db.prepare(sql)?;
    let object = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    let rows = statement.query_map([], object)?;
    rows.collect()
}

/// Digest of the SQL and of [`VERSION`]; views with another one are rebuilt.
pub fn schema_digest() -> String {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 views schema");
    hasher.update(&VERSION.to_be_bytes());
    for sql in SQL {
        hasher.update(sql.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

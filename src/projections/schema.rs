//! The SQL of all views, and the digest that tells when they must be rebuilt.

/// Raised when a fold changes what it writes; the SQL itself is covered by the digest.
pub const VERSION: u32 = 1;

/// `/projections`, in the order in which it is executed.
const SQL: [&str; 17] = [
    include_str!("../../projections/cursors.sql"),
    include_str!("../../projections/streams.sql"),
    include_str!("../../projections/events.sql"),
    include_str!("../../projections/sessions.sql"),
    include_str!("../../projections/prompts.sql"),
    include_str!("../../projections/messages.sql"),
    include_str!("../../projections/token_messages.sql"),
    include_str!("../../projections/turn_context_messages.sql"),
    include_str!("../../projections/agent_reasoning_messages.sql"),
    include_str!("../../projections/function_plan_messages.sql"),
    include_str!("../../projections/function_calls.sql"),
    include_str!("../../projections/file_changes.sql"),
    include_str!("../../projections/turns.sql"),
    include_str!("../../projections/side_files.sql"),
    include_str!("../../projections/actions.sql"),
    include_str!("../../projections/redactions.sql"),
    include_str!("../../projections/annotations.sql"),
];

/// Tables that hold one stream's records, keyed by (stream, line, part); cleared when a stream is derived anew.
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

/// Digest of the SQL and of [`VERSION`]; views with another one are rebuilt.
pub fn schema_digest() -> String {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 views schema");
    hasher.update(&VERSION.to_be_bytes());
    for sql in SQL {
        hasher.update(sql.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

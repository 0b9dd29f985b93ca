//! The SQL of all views, and the digest that tells when they must be rebuilt.

use codex_ledger_db::{Connection, Row, SqlResult, open_in_memory};
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

/// Raised when a fold changes what it writes; the SQL itself is covered by the digest.
pub const VERSION: u32 = 8;

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
pub(crate) const STREAM_TABLES: [&str; 17] = [
    "agent_reasoning_messages",
    "events",
    "file_changes",
    "function_calls",
    "function_plan_messages",
    "history_prompts",
    "kept_rows",
    "messages",
    "prompts",
    "raw_records",
    "redaction_hits",
    "retold_prompts",
    "session_names",
    "sessions",
    "token_messages",
    "turn_context_messages",
    "turns",
];

/// The statements that clear one stream, in the order of [`STREAM_TABLES`].
pub(crate) const CLEAR_STREAM: [&str; 17] = [
    "DELETE FROM agent_reasoning_messages WHERE stream = :stream",
    "DELETE FROM events WHERE stream = :stream",
    "DELETE FROM file_changes WHERE stream = :stream",
    "DELETE FROM function_calls WHERE stream = :stream",
    "DELETE FROM function_plan_messages WHERE stream = :stream",
    "DELETE FROM history_prompts WHERE stream = :stream",
    "DELETE FROM kept_rows WHERE stream = :stream",
    "DELETE FROM messages WHERE stream = :stream",
    "DELETE FROM prompts WHERE stream = :stream",
    "DELETE FROM raw_records WHERE stream = :stream",
    "DELETE FROM redaction_hits WHERE stream = :stream",
    "DELETE FROM retold_prompts WHERE stream = :stream",
    "DELETE FROM session_names WHERE stream = :stream",
    "DELETE FROM sessions WHERE stream = :stream",
    "DELETE FROM token_messages WHERE stream = :stream",
    "DELETE FROM turn_context_messages WHERE stream = :stream",
    "DELETE FROM turns WHERE stream = :stream",
];

/// What a row of each table has, out of the SQL files: the one description of a table.
static TABLES: LazyLock<BTreeMap<&'static str, Table>> = LazyLock::new(|| {
    let tables = SQL.iter().flat_map(|sql| sql.split("CREATE TABLE ").skip(1));
    tables.filter_map(Table::parse).collect()
});

struct Table {
    columns: Vec<&'static str>,
    /// Those of them that hold text.
    texts: Vec<&'static str>,
    /// What follows `INSERT` or `INSERT OR REPLACE`.
    insert: String,
    replace: String,
}

impl Table {
    /// Reads what follows `CREATE TABLE`: a name, and a line for each column.
    fn parse(sql: &'static str) -> Option<(&'static str, Table)> {
        let (name, rest) = sql.split_once(" (")?;
        let (lines, _) = rest.split_once("\n)")?;
        let word = |line: &'static str, at| line.split("--").next()?.split_whitespace().nth(at);
        let is_column = |word: &&str| !["PRIMARY", "CHECK", "UNIQUE"].contains(word);
        let column = |line| word(line, 0).filter(is_column);
        let columns: Vec<&str> = lines.lines().filter_map(column).collect();
        let is_text = |line: &&'static str| word(line, 1).is_some_and(|of| of.starts_with("TEXT"));
        let texts = lines.lines().filter(is_text).filter_map(column).collect();
        let (names, values) = (columns.join(", "), columns.join(", :"));
        let into = format!("INTO {name} ({names}) VALUES (:{values})");
        let (insert, replace) = (format!("INSERT {into}"), format!("INSERT OR REPLACE {into}"));
        Some((name, Table { columns, texts, insert, replace }))
    }
}

/// The statement that adds a row to a table, with a parameter of the name of each column.
pub(crate) fn insert_into(table: &str) -> &'static str {
    TABLES.get(table).map_or("", |table| &table.insert)
}

/// As [`insert_into`], in the place of the row of the same key.
pub(crate) fn replace_into(table: &str) -> &'static str {
    TABLES.get(table).map_or("", |table| &table.replace)
}

/// The columns of a table.
pub(crate) fn columns(table: &str) -> impl Iterator<Item = &'static str> {
    TABLES.get(table).into_iter().flat_map(|table| table.columns.iter().copied())
}

/// The columns of a table that hold text.
pub(crate) fn text_columns(table: &str) -> impl Iterator<Item = &'static str> {
    TABLES.get(table).into_iter().flat_map(|table| table.texts.iter().copied())
}

/// All statements that make the views' tables.
pub(crate) fn create_all() -> String {
    SQL.concat()
}

/// Whether a database has the tables and indexes that [`create_all`] makes, and nothing beside them.
///
/// # Errors
/// As the database.
pub(crate) fn is_as_made(db: &Connection) -> SqlResult<bool> {
    static MADE: OnceLock<Vec<Object>> = OnceLock::new();
    let made = match MADE.get() {
        Some(made) => made,
        None => {
            let fresh = open_in_memory()?;
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
    let object = |row: &Row<'_>| {
        Ok([row.get("type")?, row.get("name")?, row.get("tbl_name")?, row.get("sql")?])
    };
    let rows = statement.query_map([], object)?;
    rows.collect()
}

/// Digest of the SQL, of [`VERSION`] and of how texts are redacted; views with another one are rebuilt.
pub fn schema_digest() -> String {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 views schema");
    hasher.update(&VERSION.to_be_bytes());
    hasher.update(&codex_ledger_redaction::GENERATION.to_be_bytes());
    for sql in SQL {
        hasher.update(sql.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sql_files_are_read_as_the_database_reads_them() {
        let db = open_in_memory().unwrap();
        db.execute_batch(&create_all()).unwrap();
        let sql =
            "SELECT m.name AS tbl, c.name AS col FROM sqlite_schema m, pragma_table_info(m.name) c
                   WHERE m.type = 'table' ORDER BY m.name, c.cid";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get("tbl")?, row.get("col")?))).unwrap();
        let found: Vec<(String, String)> = rows.map(Result::unwrap).collect();
        let known = TABLES.iter().flat_map(|(name, table)| {
            table.columns.iter().map(|column| (name.to_string(), column.to_string()))
        });
        assert_eq!(known.collect::<Vec<_>>(), found);
    }
}

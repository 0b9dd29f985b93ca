//! Where a prompt that is to be hidden may be said again as a whole, looked up in the views as they are.

use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_entry::StreamId;
use codex_ledger_redaction::{Place, Policy, Sensitive};
use std::collections::BTreeSet;

use crate::row::ReadNumbers;

/// Columns that may hold a prompt and nothing else.
const WHOLE: [(&str, &str); 11] = [
    ("agent_reasoning_messages", "text"),
    ("function_calls", "command"),
    ("function_calls", "output"),
    ("function_plan_messages", "step"),
    ("history_prompts", "text"),
    ("messages", "text"),
    ("prompts", "request"),
    ("prompts", "text"),
    ("session_names", "name"),
    ("turns", "reason"),
    ("turns", "text"),
];
/// Characters at the beginning of a text that are compared.
const BEGINNING_CHARS: usize = 12;
/// Blanks around a text that says the same; texts with more are hidden when they are derived next.
const AROUND_BYTES: usize = 4096;
/// Characters of a stretch that is looked for among the arguments of calls.
const STRETCH_CHARS: usize = 40;

/// The streams in which a text may stand as a whole, and maybe some more. The views show it as the policy has let
/// them, under which they were written.
///
/// # Errors
/// As the database.
pub(super) fn streams_with(
    db: &Connection,
    policy: &Policy,
    text: &str,
) -> SqlResult<BTreeSet<StreamId>> {
    let mut found = BTreeSet::new();
    for (table, column) in WHOLE {
        let shown = shown_in(policy, text, table, column);
        // A name is the beginning of the prompt.
        let least = if table == "session_names" { 0 } else { shown.len() };
        let most = shown.len() + shown.lines().count() + AROUND_BYTES;
        let beginning: String = shown.chars().take(BEGINNING_CHARS).collect();
        let sql = format!(
            "SELECT DISTINCT stream FROM {table} WHERE octet_length({column}) BETWEEN ?1 AND ?2
                AND substr(ltrim({column}, char(9, 10, 13, 32)), 1, {BEGINNING_CHARS}) = ?3"
        );
        let mut statement = db.prepare(&sql)?;
        let values = params![least as i64, most as i64, beginning];
        let rows = statement.query_map(values, |row| row.stream("stream"))?;
        found.extend(rows.collect::<SqlResult<Vec<_>>>()?);
    }
    // As the inside of a JSON string: a stretch that needs no escapes.
    let shown = shown_in(policy, text, "function_calls", "arguments");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,-_:;()".contains(c);
    let longest = shown.split(|c| !is_plain(c)).max_by_key(|part| part.len()).unwrap_or_default();
    let stretch: String = longest.chars().take(STRETCH_CHARS).collect();
    let sql = "SELECT DISTINCT stream FROM function_calls WHERE octet_length(arguments) >= ?1
        AND instr(arguments, ?2) > 0";
    let mut statement = db.prepare(sql)?;
    let rows = statement
        .query_map(params![shown.len() as i64, stretch], |row| row.stream("stream"))?
        .collect::<SqlResult<Vec<_>>>()?;
    found.extend(rows);
    Ok(found)
}

/// What a column shows of a text.
fn shown_in(policy: &Policy, text: &str, table: &'static str, column: &'static str) -> String {
    let place = Place::of_column(table, column);
    policy.apply(Sensitive::new(text.trim()), &place, &mut |_, _| ()).into_string()
}

//! A ledger beside another that holds the same bytes and hides nothing: what must be the same in both.

use super::evidence::tables;
use crate::cli_support::TestEnvironment;
use rusqlite::types::Value;
use std::collections::{BTreeMap, HashMap};

/// Tables that speak of this ledger, of its redactions, or of how it is derived.
const OWN: [&str; 12] = [
    "actions",
    "annotations",
    "dispositions",
    "fold_states",
    "meta",
    "notes",
    "redaction_hits",
    "redactions",
    "revocations",
    "rule_sets",
    "rules",
    "tags",
];
/// Columns with the number of an entry: another ledger has other entries between them.
const PLACES: [&str; 1] = ["seq"];
/// Names that rows are joined by.
const IDS: [&str; 14] = [
    "call_id",
    "client_id",
    "forked_from_id",
    "git_commit",
    "id",
    "name",
    "parent_id",
    "response_id",
    "rollout",
    "root_id",
    "session_id",
    "thread",
    "turn_id",
    "text_key",
];
/// Words of the format and of this program, which say what a row is.
const TAGS: [&str; 14] = [
    "container",
    "copy",
    "generation",
    "kind",
    "origin",
    "phase",
    "problem",
    "reason",
    "role",
    "status",
    "subtype",
    "tool",
    "understood",
    "what",
];

/// A row of a table: what is compared as it is, and what is only compared in kind.
type Rows = Vec<Vec<(String, Value)>>;

fn rows(env: &TestEnvironment, table: &str) -> Rows {
    let db = env.views();
    let streams: HashMap<i64, i64> = {
        let mut statement = db.prepare("SELECT stream FROM streams ORDER BY stream").unwrap();
        let ids = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        ids.map(Result::unwrap).enumerate().map(|(rank, id)| (id, rank as i64)).collect()
    };
    let columns: Vec<String> = {
        let statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        statement.column_names().map(|name| name.to_string()).collect()
    };
    let order: Vec<&str> =
        ["stream", "line", "part"].into_iter().filter(|c| columns.iter().any(|n| n == c)).collect();
    let order = if order.is_empty() { "1".to_string() } else { order.join(", ") };
    let sql = format!("SELECT * FROM {table} ORDER BY {order}");
    let mut statement = db.prepare(&sql).unwrap();
    let mut found = statement.query([]).unwrap();
    let mut out = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let cells = columns.iter().enumerate().map(|(index, name)| {
            let value: Value = row.get(index).unwrap();
            let value = match (name.as_str(), value) {
                ("stream" | "holder", Value::Integer(id)) => Value::Integer(streams[&id]),
                (name, Value::Integer(_)) if PLACES.contains(&name) => Value::Null,
                (_, value) => value,
            };
            (name.clone(), value)
        });
        out.push(cells.collect());
    }
    out
}

/// Whether both ledgers say the same but for their texts: rows, numbers, absences, words that say what a row
/// is; and whether each id is shown by one name everywhere, and no two by the same.
///
/// # Panics
/// With table, row and column of the first difference.
#[track_caller]
pub fn assert_same_structure(env: &TestEnvironment, plain: &TestEnvironment, when: &str) {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    let mut hides: BTreeMap<String, String> = BTreeMap::new();
    for table in tables(&plain.views()).into_iter().filter(|name| !OWN.contains(&name.as_str())) {
        let (ours, theirs) = (rows(env, &table), rows(plain, &table));
        assert_eq!(ours.len(), theirs.len(), "{when}: rows of {table}");
        for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            for ((name, ours), (_, theirs)) in ours.iter().zip(theirs) {
                let place = format!("{when}: {table}.{name} in row {number}");
                match (ours, theirs) {
                    (Value::Text(ours), Value::Text(theirs)) => {
                        if TAGS.contains(&name.as_str()) && table != "turns" {
                            assert_eq!(ours, theirs, "{place}");
                        } else if is_id(&table, name) {
                            let known = shown.entry(theirs.clone()).or_insert_with(|| ours.clone());
                            assert_eq!(known, ours, "{place}: one name everywhere");
                            let known = hides.entry(ours.clone()).or_insert_with(|| theirs.clone());
                            assert!(known == theirs, "{place}: one name for two ids");
                        }
                    }
                    _ => assert_eq!(ours, theirs, "{place}"),
                }
            }
        }
    }
    assert_eq!(joins(env), joins(plain), "{when}: what is joined");
}

fn is_id(table: &str, name: &str) -> bool {
    // Keys differ between two ledgers, and names of calls and threads are no ids.
    IDS.contains(&name)
        && name != "text_key"
        && (name != "name" || table == "streams")
        && (name != "id" || table == "sessions")
}

/// How many rows find what they belong to.
fn joins(env: &TestEnvironment) -> Vec<i64> {
    [
        "SELECT count(*) FROM function_calls WHERE output_line IS NOT NULL",
        "SELECT count(*) FROM function_calls WHERE output IS NOT NULL",
        "SELECT count(*) FROM sessions s JOIN sessions p ON p.id = s.parent_id",
        "SELECT count(*) FROM sessions s JOIN sessions p ON p.id = s.forked_from_id",
        "SELECT count(*) FROM sessions s JOIN streams t ON t.thread = s.id",
        "SELECT count(*) FROM sessions s JOIN session_names n ON n.session_id = s.id",
        "SELECT count(*) FROM sessions s JOIN history_prompts h ON h.session_id = s.id",
        "SELECT count(*) FROM prompts p JOIN turns t USING (stream, turn_id)",
        "SELECT count(*) FROM messages m JOIN turn_context_messages c USING (stream, turn_id)",
        "SELECT count(*) FROM function_calls c JOIN file_changes f USING (stream, call_id)",
        "SELECT count(*) FROM token_messages WHERE counted = 1",
        "SELECT coalesce(sum(input + output), 0) FROM token_messages WHERE counted = 1",
        "SELECT count(*) FROM prompts p JOIN history_prompts h USING (text_key)",
    ]
    .into_iter()
    .map(|sql| env.count(sql))
    .collect()
}

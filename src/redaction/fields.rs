//! Which columns of the views a rule may name.

use super::parse::unknown;

/// Table, and its columns that hold text from logs.
const TABLES: &[(&str, &[&str])] = &[
    ("prompts", &["text", "request", "active_file"]),
    ("history_prompts", &["text"]),
    ("messages", &["text"]),
    ("agent_reasoning_messages", &["text"]),
    ("function_plan_messages", &["step", "explanation"]),
    ("function_calls", &["name", "command", "workdir", "justification", "arguments", "output"]),
    ("file_changes", &["path", "move_to"]),
    ("sessions", &["cwd", "git_url", "git_branch", "instructions", "agent_path", "agent_nickname"]),
    ("session_names", &["name"]),
    ("turns", &["cwd", "summary"]),
    ("turn_context_messages", &["cwd", "summary", "instructions", "sandbox_policy"]),
    ("events", &["detail", "text", "raw"]),
    ("raw_records", &["raw"]),
    ("token_messages", &["model"]),
    ("streams", &["path"]),
    ("files", &["path"]),
    ("actions", &["actor", "reason", "what", "detail", "options"]),
];

/// Names that rule files of the Python tool use for columns that are called otherwise here.
const OLDER: &[&str] = &[
    "prompt",
    "prompt_text",
    "content",
    "message",
    "raw_json",
    "plan",
    "reasoning",
    "arguments_json",
    "stdout",
    "stderr",
];

/// Whether `field` is a table, a column, or a column of a table.
pub(super) fn check(field: &str) -> Result<(), String> {
    let mut known: Vec<String> = OLDER.iter().map(|name| (*name).to_owned()).collect();
    for (table, columns) in TABLES {
        known.push((*table).to_owned());
        known.extend(columns.iter().map(|column| (*column).to_owned()));
        known.extend(columns.iter().map(|column| format!("{table}.{column}")));
    }
    match known.iter().any(|name| name == field) {
        true => Ok(()),
        false => Err(unknown("field", field, known.iter().map(String::as_str))),
    }
}

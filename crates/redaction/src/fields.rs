//! Which columns of the views a rule may name.

use super::parse::unknown;

/// Table, and its columns that hold text from logs.
const TABLES: &[(&str, &[&str])] = &[
    ("actions", &["verb", "actor", "detail"]),
    ("agent_reasoning_messages", &["turn_id", "origin", "text"]),
    ("raw_records", &["raw"]),
    ("file_changes", &["call_id", "path", "move_to", "action"]),
    (
        "function_calls",
        &[
            "turn_id",
            "call_id",
            "kind",
            "tool",
            "namespace",
            "name",
            "mcp_server",
            "mcp_tool",
            "command",
            "workdir",
            "justification",
            "arguments",
            "output",
            "status",
        ],
    ),
    ("function_plan_messages", &["turn_id", "call_id", "origin", "step", "status", "explanation"]),
    ("messages", &["turn_id", "role", "kind", "phase", "text"]),
    ("prompts", &["turn_id", "origin", "text", "request", "active_file", "client_id"]),
    (
        "sessions",
        &[
            "id",
            "root_id",
            "parent_id",
            "forked_from_id",
            "cwd",
            "originator",
            "cli_version",
            "source",
            "subagent",
            "agent_role",
            "agent_nickname",
            "agent_path",
            "model_provider",
            "model",
            "git_commit",
            "git_branch",
            "git_url",
            "history_mode",
            "instructions",
        ],
    ),
    ("history_prompts", &["session_id", "text"]),
    ("session_names", &["session_id", "name"]),
    ("streams", &["name", "kind", "thread", "rollout"]),
    ("files", &["path", "container"]),
    (
        "token_messages",
        &["turn_id", "origin", "model", "reason", "response_id", "plan_type", "limits", "tier"],
    ),
    (
        "turn_context_messages",
        &[
            "turn_id",
            "origin",
            "model",
            "effort",
            "summary",
            "cwd",
            "approval_policy",
            "sandbox_policy",
            "personality",
            "collaboration_mode",
            "service_tier",
            "timezone",
        ],
    ),
    ("turns", &["turn_id", "what", "reason", "text"]),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_of_the_views() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../projections");
        let files = std::fs::read_dir(folder).unwrap();
        let sql: String =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        for (table, columns) in TABLES {
            let body = sql.split_once(&format!("CREATE TABLE {table} (")).expect(table).1;
            let body = body.split_once(") STRICT").unwrap().0;
            for column in *columns {
                let begins = |line: &str| line.split_whitespace().next() == Some(column);
                assert!(body.lines().any(begins), "{table}.{column}");
            }
        }
    }

    #[test]
    fn a_field_is_a_table_a_column_or_both() {
        assert!(check("prompts").is_ok() && check("text").is_ok() && check("prompts.text").is_ok());
        assert!(check("prompts.txt").unwrap_err().contains("`prompts.text`"));
    }
}

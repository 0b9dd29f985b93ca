//! One session in full, in the order of its file, and grouped under its prompts.

use super::sessions::SessionRow;
use codex_ledger_db::{Connection, OptionalExtension, SqlResult};
use serde::Serialize;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// The user asked.
    Prompt,
    /// The assistant said.
    Message,
    /// Context that the client injected.
    Context,
    /// The model thought.
    Reasoning,
    /// A step of a plan.
    Plan,
    /// A tool was used.
    Call,
    /// A turn began or ended, the context was compacted, a review, an error.
    Turn,
}

/// One thing that happened in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Ledger entry.
    pub seq: u64,
    /// 0-based line of the source.
    pub line: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Number of a prompt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// A word: kind of context, name of a tool, status of a step.
    pub label: Option<String>,
    /// What was said, asked or called.
    pub text: String,
    /// Output of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How a call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Exit code of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Duration of a call or turn in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
}

/// One session and everything in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionDetail {
    /// As in the list.
    #[serde(flatten)]
    pub session: SessionRow,
    /// Where its file lay when it was first read.
    pub path: Option<String>,
    /// Branch.
    pub git_branch: Option<String>,
    /// Commit.
    pub git_commit: Option<String>,
    /// Everything that happened, in order.
    pub items: Vec<Item>,
}

/// What belongs to one prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The prompt; `None` for what came before the first.
    pub prompt: Option<Item>,
    /// What followed, up to the next prompt.
    pub items: Vec<Item>,
}

/// Columns: order, seq, line, part, item, at_ms, number, label, text, output, status, exit_code, duration_ms.
const ITEMS: &str = "
    SELECT 0, seq, line, part, item, at_ms, number, NULL, coalesce(request, text), NULL, NULL, NULL, NULL
        FROM prompts WHERE stream = ?1 AND number > 0
    UNION ALL SELECT CASE kind WHEN 'assistant' THEN 1 ELSE 2 END, seq, line, part, item, at_ms, NULL, kind, text,
        NULL, phase, NULL, NULL FROM messages WHERE stream = ?1 AND copied = 0
    UNION ALL SELECT 3, seq, line, part, item, at_ms, NULL, origin, text, NULL, NULL, NULL, NULL
        FROM agent_reasoning_messages WHERE stream = ?1 AND copied = 0 AND text <> ''
    UNION ALL SELECT 4, seq, line, part, item, at_ms, NULL, status, step, NULL, NULL, NULL, NULL
        FROM function_plan_messages WHERE stream = ?1 AND copied = 0
    UNION ALL SELECT 5, seq, line, part, item, at_ms, NULL, name, coalesce(command, arguments), output, status,
        exit_code, duration_ms FROM function_calls WHERE stream = ?1 AND copied = 0 AND name <> 'update_plan'
    UNION ALL SELECT 6, seq, line, part, item, at_ms, NULL, what, coalesce(text, reason, ''), NULL, reason, NULL,
        duration_ms FROM turns WHERE stream = ?1 AND copied = 0
    ORDER BY 3, 4, 1, 5";

/// Reads a session in full.
///
/// # Errors
/// As the database.
pub fn session_detail(db: &Connection, session: SessionRow) -> SqlResult<SessionDetail> {
    let stream = session.stream as i64;
    let path = db
        .query_row("SELECT path FROM files WHERE stream = ?", [stream], |row| row.get(0))
        .optional()?;
    let (git_branch, git_commit) = db.query_row(
        "SELECT git_branch, git_commit FROM sessions WHERE stream = ?",
        [stream],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(SessionDetail { items: items(db, stream)?, session, path, git_branch, git_commit })
}

fn items(db: &Connection, stream: i64) -> SqlResult<Vec<Item>> {
    let kinds = [
        ItemKind::Prompt,
        ItemKind::Message,
        ItemKind::Context,
        ItemKind::Reasoning,
        ItemKind::Plan,
        ItemKind::Call,
        ItemKind::Turn,
    ];
    let mut statement = db.prepare(ITEMS)?;
    let rows = statement.query_map([stream], |row| {
        let kind = row.get::<_, i64>(0)? as usize;
        Ok(Item {
            kind: kinds.get(kind).copied().unwrap_or(ItemKind::Turn),
            seq: row.get::<_, i64>(1)? as u64,
            line: row.get::<_, i64>(2)? as u64,
            at_ms: row.get(5)?,
            number: row.get::<_, Option<i64>>(6)?.map(|n| n as u64),
            label: row.get(7)?,
            text: row.get(8)?,
            output: row.get(9)?,
            status: row.get(10)?,
            exit_code: row.get(11)?,
            duration_ms: row.get(12)?,
        })
    })?;
    rows.collect()
}

/// Puts a session's items under the prompts that they follow.
pub fn group(items: Vec<Item>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for item in items {
        match (item.kind, groups.last_mut()) {
            (ItemKind::Prompt, _) => groups.push(Group { prompt: Some(item), items: Vec::new() }),
            (_, Some(group)) => group.items.push(item),
            (_, None) => groups.push(Group { prompt: None, items: vec![item] }),
        }
    }
    groups
}

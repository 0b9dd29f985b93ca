//! One session in full, in the order of its file, and grouped under its prompts.

use super::annotations::Review;
use super::coverage::{ErasedRecords, erased_in};
use super::row::{Counts, LINES_PER_FILE, columns, sql_seq, sql_stream};
use super::sessions::SessionRow;
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, params};
use codex_ledger_entry::{Seq, StreamId};
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
    pub seq: Seq,
    /// 0-based line of its file.
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
    /// Whether the turn of a prompt was rolled back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
    /// Whether only another version of the file says it than the last one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// What reviewers say of a prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
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
    /// What reviewers say of it.
    #[serde(skip_serializing_if = "Review::is_empty")]
    pub review: Review,
    /// Records that were erased, and the entries that say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<ErasedRecords>,
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

/// What an item is, by the number that [`ITEMS`] gives it; in this order where a record says several things.
const KINDS: [ItemKind; 7] = [
    ItemKind::Prompt,
    ItemKind::Message,
    ItemKind::Context,
    ItemKind::Reasoning,
    ItemKind::Plan,
    ItemKind::Call,
    ItemKind::Turn,
];

/// The first SELECT names the columns of all; `rank` is a place in [`KINDS`].
const ITEMS: &str = "
    SELECT rank, seq, line, at_ms, number, label, text, output, status, exit_code, duration_ms, rolled_back,
        EXISTS (SELECT 1 FROM kept_rows k
            WHERE (k.stream, k.line, k.part, k.item, k.tbl) = (?1, i.line, i.part, i.item, i.tbl)) AS kept
    FROM (
    SELECT 'prompts' AS tbl, 0 AS rank, seq, line, part, item, at_ms, number,
        CASE images WHEN 0 THEN NULL WHEN 1 THEN '1 image' ELSE images || ' images' END AS label, coalesce(request, text) AS text,
        NULL AS output, NULL AS status, NULL AS exit_code, NULL AS duration_ms, rolled_back
        FROM prompts WHERE stream = ?1 AND number > 0
    UNION ALL SELECT 'messages', CASE WHEN kind IN ('assistant', 'question', 'agent_mail', 'hook', 'notice', 'guardian', 'goal', 'citation', 'output', 'other') THEN 1 ELSE 2 END, seq, line, part, item, at_ms, NULL, kind,
        text, NULL, phase, NULL, NULL, 0 FROM messages WHERE stream = ?1 AND copied = 0
    UNION ALL SELECT 'agent_reasoning_messages', 3, seq, line, part, item, at_ms, NULL, origin, text, NULL, NULL, NULL,
        NULL, 0 FROM agent_reasoning_messages WHERE stream = ?1 AND copied = 0 AND text <> ''
    UNION ALL SELECT 'function_plan_messages', 4, seq, line, part, item, at_ms, NULL, status, step, NULL, NULL, NULL,
        NULL, 0 FROM function_plan_messages WHERE stream = ?1 AND copied = 0
    UNION ALL SELECT 'function_calls', 5, seq, line, part, item, at_ms, NULL,
        CASE WHEN mcp_server IS NULL THEN name ELSE mcp_server || '/' || coalesce(mcp_tool, name) END,
        coalesce(command, arguments), output,
        status, exit_code, duration_ms, 0 FROM function_calls
        WHERE stream = ?1 AND copied = 0 AND name <> 'update_plan'
    UNION ALL SELECT 'turns', 6, seq, line, part, item, at_ms, NULL, what, coalesce(text, reason, ''), NULL, reason, NULL,
        duration_ms, 0 FROM turns WHERE stream = ?1 AND copied = 0) i
    WHERE ?2 IS NULL OR seq = ?2
    ORDER BY line, part, rank, item";

/// Reads a session in full.
///
/// # Errors
/// As the database.
pub fn session_detail(db: &Connection, session: SessionRow) -> SqlResult<SessionDetail> {
    let stream = sql_stream(session.stream);
    let path = db
        .query_row("SELECT path FROM files WHERE stream = ?", [stream], |row| row.get(0))
        .optional()?;
    let (git_branch, git_commit) = db.query_row(
        "SELECT git_branch, git_commit FROM sessions WHERE stream = ?",
        [stream],
        |row| Ok((row.get("git_branch")?, row.get("git_commit")?)),
    )?;
    let mut items = items(db, stream, None)?;
    let mut reviews = Review::of_session(db, &session.id)?;
    for item in &mut items {
        item.review = item.number.and_then(|number| reviews.get(&number).cloned());
    }
    let review = reviews.remove(&0).unwrap_or_default();
    let erased = erased_in(db, session.stream)?;
    Ok(SessionDetail { review, items, session, path, git_branch, git_commit, erased })
}

fn items(db: &Connection, stream: i64, of: Option<Seq>) -> SqlResult<Vec<Item>> {
    let mut statement = db.prepare(ITEMS)?;
    let columns = ItemColumns::of(&statement)?;
    let values = params![stream, of.map(sql_seq)];
    statement.query_map(values, |row| columns.read(row))?.collect()
}

/// What views have of one entry of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryShown {
    /// Id of its session, where it is of one.
    pub session: Option<String>,
    /// Where its source lay.
    pub path: Option<String>,
    /// Kinds of its records, such as `response_item function_call_output`.
    pub kinds: Vec<String>,
    /// What it says by itself; an output stands with its call.
    pub items: Vec<Item>,
}

/// Reads what views have of an entry of that stream.
///
/// # Errors
/// As the database.
pub fn entry_shown(db: &Connection, stream: StreamId, seq: Seq) -> SqlResult<EntryShown> {
    let own = sql_stream(stream);
    let text = |sql: &str, of: i64| db.query_row(sql, [of], |row| row.get(0)).optional();
    let path = text("SELECT path FROM files WHERE stream = ?", own)?;
    let holder = "SELECT holder FROM streams WHERE stream = ?";
    let Some(holder) = db.query_row(holder, [own], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(EntryShown { path, ..EntryShown::default() });
    };
    let session = text("SELECT id FROM sessions WHERE stream = ?", holder)?;
    let kinds = "SELECT DISTINCT kind || coalesce(' ' || subtype, '') FROM events
        WHERE stream = ?1 AND seq = ?2 ORDER BY 1";
    let kinds = db
        .prepare(kinds)?
        .query_map(params![holder, sql_seq(seq)], |row| row.get(0))?
        .collect::<SqlResult<_>>()?;
    Ok(EntryShown { session, path, kinds, items: items(db, holder, Some(seq))? })
}

columns! {
    ItemColumns: rank, seq, line, at_ms, number, label, text, output, status, exit_code,
    duration_ms, rolled_back, kept
}

impl ItemColumns {
    fn read(&self, row: &Row<'_>) -> SqlResult<Item> {
        let rank = row.count(self.rank)? as usize;
        Ok(Item {
            kind: KINDS.get(rank).copied().unwrap_or(ItemKind::Turn),
            seq: row.seq(self.seq)?,
            line: row.count(self.line)? % LINES_PER_FILE,
            at_ms: row.get(self.at_ms)?,
            number: row.count_if_any(self.number)?,
            label: row.get(self.label)?,
            text: row.get(self.text)?,
            output: row.get(self.output)?,
            status: row.get(self.status)?,
            exit_code: row.get(self.exit_code)?,
            duration_ms: row.get(self.duration_ms)?,
            rolled_back: row.get(self.rolled_back)?,
            kept: row.get(self.kept)?,
            review: None,
        })
    }
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

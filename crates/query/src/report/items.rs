//! What followed a prompt: the records between two places of a source, from all tables.

use super::super::row::{Counts, columns};
use super::model::{Mode, ReportItem, ReportKind, ReportSession, SHOWN_BYTES_MAX};
use crate::row::sql_stream;
use codex_ledger_db::{Connection, Row, SqlResult, params};
use codex_ledger_entry::StreamId;
use std::collections::HashSet;

/// Where a record stands in its source.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub line: i64,
    pub part: i64,
}

const BEFORE_ALL: Spot = Spot { line: -1, part: 0 };
const BEHIND_ALL: Spot = Spot { line: i64::MAX, part: 0 };

/// A stretch of a source, from a prompt (or the beginning) up to the next prompt.
pub(super) struct Place {
    pub is_prompt: bool,
    pub from: Spot,
    pub to: Spot,
}

/// Every prompt's stretch; where items are wanted, also the one before the first prompt.
pub(super) fn places(db: &Connection, stream: StreamId, mode: Mode) -> SqlResult<Vec<Place>> {
    if !mode.has_prompts() {
        return Ok(Vec::new());
    }
    let sql = "SELECT line, part FROM prompts WHERE stream = ? AND number > 0 ORDER BY line, part";
    let spot = |row: &Row<'_>| Ok(Spot { line: row.get("line")?, part: row.get("part")? });
    let mut starts: Vec<Spot> =
        db.prepare_cached(sql)?.query_map([sql_stream(stream)], spot)?.collect::<SqlResult<_>>()?;
    starts.push(BEHIND_ALL);
    let mut places = Vec::with_capacity(starts.len());
    let mut from = BEFORE_ALL;
    for (index, to) in starts.into_iter().enumerate() {
        if index > 0 || mode.has_items() {
            places.push(Place { is_prompt: index > 0, from, to });
        }
        from = to;
    }
    Ok(places)
}

/// What an item is, by the number that the statement gives it; in this order where a record says several things.
const KINDS: [ReportKind; 11] = [
    ReportKind::Message,
    ReportKind::Context,
    ReportKind::Reasoning,
    ReportKind::Plan,
    ReportKind::Command,
    ReportKind::Mcp,
    ReportKind::WebSearch,
    ReportKind::Tool,
    ReportKind::File,
    ReportKind::Turn,
    ReportKind::RateLimits,
];

/// Columns as in [`SAID`], which comes first; `rank` is a place in [`KINDS`]. What is cut
/// is cut as bytes: as text it would end at a NUL. `?9` is 1 where everything is told.
const ACTIONS: &str = "
    SELECT line, part, item, 2 AS rank, seq, at_ms, NULL AS name, text, 0 AS text_bytes, NULL AS status,
        NULL AS exit_code, NULL AS duration_ms, NULL AS added, NULL AS removed, NULL AS detail, NULL AS output,
        NULL AS output_bytes
    FROM agent_reasoning_messages WHERE RANGE AND copied = 0 AND text <> ''
    UNION ALL SELECT line, part, item, 3, seq, at_ms, NULL, step, 0, status, NULL, NULL, NULL, NULL, explanation,
        NULL, NULL
    FROM function_plan_messages WHERE RANGE AND copied = 0
    UNION ALL SELECT line, part, item,
        CASE tool WHEN 'shell' THEN 4 WHEN 'mcp' THEN 5 WHEN 'web_search' THEN 6 ELSE 7 END, seq, at_ms,
        CASE WHEN mcp_server IS NULL THEN name ELSE mcp_server || '/' || coalesce(mcp_tool, name) END,
        CASE WHEN tool = 'apply_patch' AND ?9 = 0 THEN ''
            ELSE substr(CAST(coalesce(command, arguments) AS BLOB), 1, ?10) END,
        CASE WHEN tool = 'apply_patch' AND ?9 = 0 THEN 0
            ELSE octet_length(coalesce(command, arguments)) END,
        status, exit_code, duration_ms, NULL, NULL, workdir,
        CASE WHEN ?9 = 1 THEN substr(CAST(output AS BLOB), 1, ?10) END,
        CASE WHEN ?9 = 1 THEN octet_length(output) END
    FROM function_calls WHERE RANGE AND copied = 0 AND name <> 'update_plan'
    UNION ALL SELECT line, part, item, 8, seq, at_ms, action, path, 0, NULL, NULL, NULL, added, removed, move_to,
        NULL, NULL
    FROM file_changes WHERE RANGE AND copied = 0
    UNION ALL SELECT line, part, item, 9, seq, at_ms, what, substr(CAST(coalesce(text, '') AS BLOB), 1, ?10),
        octet_length(coalesce(text, '')), NULL, NULL, duration_ms, NULL, NULL, reason, NULL, NULL
    FROM turns WHERE RANGE AND copied = 0 AND (what <> 'started' OR ?9 = 1)";

/// What was said, with the columns of all.
const SAID: &str = "
    SELECT line, part, item, 0 AS rank, seq, at_ms, phase AS name, text, 0 AS text_bytes, NULL AS status,
        NULL AS exit_code, NULL AS duration_ms, NULL AS added, NULL AS removed, NULL AS detail, NULL AS output,
        NULL AS output_bytes
    FROM messages WHERE RANGE AND copied = 0 AND kind IN ('assistant', 'question', 'agent_mail')
        AND (?9 = 1 OR kind <> 'agent_mail') AND ?10 > 0";

const MORE: &str = "
    UNION ALL SELECT line, part, item, 1, seq, at_ms, kind, substr(CAST(text AS BLOB), 1, ?10), octet_length(text), NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL
    FROM messages WHERE RANGE AND copied = 0 AND kind NOT IN ('assistant', 'question', 'agent_mail')
    UNION ALL SELECT line, part, item, 1, seq, at_ms, 'review_prompt', substr(CAST(text AS BLOB), 1, ?10), octet_length(text),
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM prompts WHERE RANGE AND copied = 0 AND number = 0
    UNION ALL SELECT line, part, item, 10, seq, at_ms, NULL, limits, 0, NULL, NULL, NULL, NULL, NULL, plan_type,
        NULL, NULL
    FROM token_messages WHERE RANGE AND limits IS NOT NULL";

const RANGE: &str = "stream = ?1 AND (line, part) >= (?2, ?3) AND (line, part) < (?4, ?5)
    AND coalesce(at_ms, ?8, ?6) >= ?6 AND coalesce(at_ms, ?8, ?6) < ?7";

/// The items of a stretch, in the order of the source.
pub(super) fn between(
    db: &Connection,
    session: &ReportSession,
    place: &Place,
    (since, until): (i64, i64),
    mode: Mode,
) -> SqlResult<Vec<ReportItem>> {
    let is_full = mode == Mode::Full;
    let order = " ORDER BY line, part, item, rank";
    let arms = match mode {
        Mode::Answers => vec![SAID, order],
        Mode::Full => vec![SAID, " UNION ALL ", ACTIONS, MORE, order],
        _ => vec![SAID, " UNION ALL ", ACTIONS, order],
    };
    let arms = arms.concat();
    let mut statement = db.prepare_cached(&arms.replace("RANGE", RANGE))?;
    let values = params![
        sql_stream(session.stream),
        place.from.line,
        place.from.part,
        place.to.line,
        place.to.part,
        since,
        until,
        session.started_at_ms,
        is_full,
        SHOWN_BYTES_MAX as i64,
    ];
    let columns = ItemColumns::of(&statement)?;
    let kept = KeptRows::between(db, session.stream, place)?;
    let items = statement.query_map(values, |row| columns.read(row, &kept))?;
    let is_wanted = |item: &ReportItem| mode != Mode::Answers || !item.is_commentary();
    items.filter(|item| item.as_ref().map_or(true, is_wanted)).collect()
}

columns! {
    ItemColumns: line, part, item, rank, seq, at_ms, name, text, text_bytes, status, exit_code, duration_ms,
    added, removed, detail, output, output_bytes
}

impl ItemColumns {
    fn read(&self, row: &Row<'_>, kept: &KeptRows) -> SqlResult<ReportItem> {
        let rank = row.count(self.rank)? as usize;
        let place = (row.get(self.line)?, row.get(self.part)?, row.get(self.item)?);
        let bytes = row.count_or_zero(self.text_bytes)?;
        let text = shown(row, self.text)?.unwrap_or_default();
        let output = shown(row, self.output)?;
        Ok(ReportItem {
            kind: KINDS.get(rank).copied().unwrap_or(ReportKind::Tool),
            seq: row.seq(self.seq)?,
            at_ms: row.get(self.at_ms)?,
            name: row.get(self.name)?,
            text_bytes: (bytes > text.len() as u64).then_some(bytes),
            text,
            status: row.get(self.status)?,
            exit_code: row.get(self.exit_code)?,
            duration_ms: row.get(self.duration_ms)?,
            added: row.count_if_any(self.added)?,
            removed: row.count_if_any(self.removed)?,
            detail: row.get(self.detail)?,
            output_bytes: if output.is_some() {
                row.count_if_any(self.output_bytes)?
            } else {
                None
            },
            output,
            kept: kept.has(rank, place),
        })
    }
}

/// Tables of what an item is, by the number that the statement gives it.
const TABLES: [&[&str]; 11] = [
    &["messages"],
    &["messages", "prompts"],
    &["agent_reasoning_messages"],
    &["function_plan_messages"],
    &["function_calls"],
    &["function_calls"],
    &["function_calls"],
    &["function_calls"],
    &["file_changes"],
    &["turns"],
    &["token_messages"],
];

/// The rows of a stretch that the client's file no longer tells: line, part, item, and table.
struct KeptRows(HashSet<(i64, i64, i64, String)>);

impl KeptRows {
    fn between(db: &Connection, stream: StreamId, place: &Place) -> SqlResult<KeptRows> {
        let sql = "SELECT line, part, item, tbl FROM kept_rows
            WHERE stream = ?1 AND (line, part) >= (?2, ?3) AND (line, part) < (?4, ?5)";
        let Place { from, to, .. } = place;
        let range = params![sql_stream(stream), from.line, from.part, to.line, to.part];
        let row = |row: &Row<'_>| {
            Ok((row.get("line")?, row.get("part")?, row.get("item")?, row.get("tbl")?))
        };
        db.prepare_cached(sql)?.query_map(range, row)?.collect::<SqlResult<_>>().map(KeptRows)
    }

    fn has(&self, rank: usize, (line, part, item): (i64, i64, i64)) -> bool {
        let tables = TABLES.get(rank).copied().unwrap_or_default();
        !self.0.is_empty()
            && tables.iter().any(|table| self.0.contains(&(line, part, item, (*table).to_string())))
    }
}

/// Text, or bytes of a text that was cut, less a character that was split.
fn shown(row: &Row<'_>, column: usize) -> SqlResult<Option<String>> {
    let Some(bytes) = row.get_ref(column)?.as_bytes_or_null()? else { return Ok(None) };
    let end = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    };
    Ok(Some(String::from_utf8_lossy(&bytes[..end]).into_owned()))
}

//! What followed a prompt: the records between two places of a source, from all tables.

use super::model::{Mode, ReportItem, ReportKind, ReportSession, SHOWN_BYTES_MAX};
use codex_ledger_db::{Connection, Row, SqlResult, params};

/// A stretch of a source, from a prompt (or the beginning) up to the next prompt; ends are (line, part).
pub(super) struct Place {
    pub is_prompt: bool,
    pub from: (i64, i64),
    pub to: (i64, i64),
}

/// Every prompt's stretch; where items are wanted, also the one before the first prompt.
pub(super) fn places(db: &Connection, stream: u64, mode: Mode) -> SqlResult<Vec<Place>> {
    if !mode.has_prompts() {
        return Ok(Vec::new());
    }
    let sql = "SELECT line, part FROM prompts WHERE stream = ? AND number > 0 ORDER BY line, part";
    let mut starts: Vec<(i64, i64)> = db
        .prepare_cached(sql)?
        .query_map([stream as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<SqlResult<_>>()?;
    starts.push((i64::MAX, 0));
    let mut places = Vec::with_capacity(starts.len());
    let mut from = (-1, 0);
    for (index, to) in starts.into_iter().enumerate() {
        if index > 0 || mode.has_items() {
            places.push(Place { is_prompt: index > 0, from, to });
        }
        from = to;
    }
    Ok(places)
}

/// Columns: line, part, item, kind, seq, at_ms, name, text, bytes of the text, status, exit code, duration, added,
/// removed, detail, output, bytes of the output. What is cut is cut as bytes: as text it would end at a NUL.
/// `?9` is 1 where everything is told.
const ACTIONS: &str = "
    SELECT line, part, item, 2 AS kind, seq, at_ms, NULL AS name, text, 0 AS bytes, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL
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

const MORE: &str = "
    UNION ALL SELECT line, part, item, 0, seq, at_ms, phase, text, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM messages WHERE RANGE AND copied = 0 AND kind = 'assistant'
    UNION ALL SELECT line, part, item, 1, seq, at_ms, kind, substr(CAST(text AS BLOB), 1, ?10), octet_length(text), NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL
    FROM messages WHERE RANGE AND copied = 0 AND kind <> 'assistant'
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
    let order = " ORDER BY 1, 2, 3, 4";
    let arms = [ACTIONS, if is_full { MORE } else { "" }, order].concat();
    let mut statement = db.prepare_cached(&arms.replace("RANGE", RANGE))?;
    let values = params![
        session.stream as i64,
        place.from.0,
        place.from.1,
        place.to.0,
        place.to.1,
        since,
        until,
        session.started_at_ms,
        is_full,
        SHOWN_BYTES_MAX as i64,
    ];
    statement.query_map(values, item)?.collect()
}

fn item(row: &Row<'_>) -> SqlResult<ReportItem> {
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
    let count = |index: usize| row.get::<_, Option<i64>>(index).map(|n| n.map(|n| n as u64));
    let kind = KINDS.get(row.get::<_, i64>(3)? as usize).copied().unwrap_or(ReportKind::Tool);
    let bytes = count(8)?.unwrap_or_default();
    let output = text(row, 15)?;
    let text = text(row, 7)?.unwrap_or_default();
    Ok(ReportItem {
        kind,
        seq: count(4)?.unwrap_or_default(),
        at_ms: row.get(5)?,
        name: row.get(6)?,
        text_bytes: (bytes > text.len() as u64).then_some(bytes),
        text,
        status: row.get(9)?,
        exit_code: row.get(10)?,
        duration_ms: row.get(11)?,
        added: count(12)?,
        removed: count(13)?,
        detail: row.get(14)?,
        output_bytes: if output.is_some() { count(16)? } else { None },
        output,
    })
}

/// Text, or bytes of a text that was cut, less a character that was split.
fn text(row: &Row<'_>, index: usize) -> SqlResult<Option<String>> {
    let Some(bytes) = row.get_ref(index)?.as_bytes_or_null()? else { return Ok(None) };
    let end = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    };
    Ok(Some(String::from_utf8_lossy(&bytes[..end]).into_owned()))
}

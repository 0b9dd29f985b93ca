//! The head of a report: totals, tables and the sessions it will tell of.

use super::super::filter::Filter;
use super::super::select::Resolved;
use super::super::tokens::{TokenBy, tokens_of_picked};
use super::model::{Mode, Period, ReportHead, ReportSession, TokenTables, ToolRow, Totals};
use super::reader::{ReportRequest, ledger_head};
use super::transparency::{self, Accesses, Prices, Transparency};
use crate::pricing::PriceTable;
use codex_ledger_db::{Connection, Row, SqlResult, params};
use std::collections::BTreeMap;

/// What is counted for each stream.
#[derive(Clone, Copy, Default)]
struct Counts {
    prompts: u64,
    commands: u64,
    commands_failed: u64,
    tokens: u64,
}

pub(super) fn read(
    db: &Connection,
    request: &ReportRequest,
    resolved: &Resolved,
    prices: &PriceTable,
) -> SqlResult<ReportHead> {
    let filter = &request.filter;
    let (mut coverage, first_ms, last_ms) = transparency::coverage(db, filter)?;
    let by = [TokenBy::Day, TokenBy::Model, TokenBy::Repo, TokenBy::Session];
    let [day, model, repo, session] = tokens_of_picked(db, filter, by, &request.zone, prices)?;
    let mut totals = Totals { tokens: day.total, ..Totals::default() };
    let mut counts: BTreeMap<i64, Counts> = BTreeMap::new();
    prompts(db, filter, &mut totals, &mut counts)?;
    let tools = calls(db, filter, &mut totals, &mut counts)?;
    tokens(db, filter, &mut counts)?;
    files(db, filter, &mut totals)?;
    let sessions = sessions(db, &counts)?;
    totals.sessions = sessions.len() as u64;
    let mut accesses = Accesses::default();
    if !request.page {
        transparency::missing(db, filter, &mut coverage)?;
        accesses = transparency::accesses(db, filter)?;
    }
    Ok(ReportHead {
        title: request.title.clone().unwrap_or_else(|| title(request.mode).into()),
        mode: request.mode,
        filters: request.conditions(resolved),
        order: filter.order,
        period: Period { since_ms: filter.since_ms, until_ms: filter.until_ms, first_ms, last_ms },
        timezone: request.zone.name().to_string(),
        zone: request.zone.clone(),
        totals,
        tokens: TokenTables {
            by_day: day.rows,
            by_model: model.rows,
            by_repo: repo.rows,
            by_session: session.rows,
        },
        tools,
        transparency: Transparency {
            head: if request.page { None } else { Some(ledger_head(db)?) },
            checkpoint: None,
            tool: env!("CARGO_PKG_VERSION").to_string(),
            prices: Prices { date: prices.date().to_string(), digest: prices.digest().to_string() },
            coverage,
            redactions: transparency::redactions(db, filter)?,
            accesses,
        },
        sessions,
    })
}

fn title(mode: Mode) -> &'static str {
    match mode {
        Mode::Prompts => "Codex prompts",
        Mode::Actions => "Codex prompts and actions",
        Mode::Tokens => "Codex tokens and cost",
        Mode::Full => "Codex sessions in full",
    }
}

fn count(row: &Row<'_>, index: usize) -> SqlResult<u64> {
    row.get::<_, Option<i64>>(index).map(|n| n.unwrap_or_default() as u64)
}

/// Records of picked sessions in the range: `?1` and `?2` are its ends.
const IN_RANGE: &str =
    "(p.timed = 0 OR coalesce(x.at_ms, p.start_ms) >= ?1 AND coalesce(x.at_ms, p.start_ms) < ?2)";

fn prompts(
    db: &Connection,
    filter: &Filter,
    totals: &mut Totals,
    counts: &mut BTreeMap<i64, Counts>,
) -> SqlResult<()> {
    let head = "SELECT p.stream, count(*), sum(x.rolled_back) FROM temp.picked p
        CROSS JOIN prompts x ON x.stream = p.stream WHERE x.number > 0 AND ";
    let sql = [head, IN_RANGE, " GROUP BY 1"].concat();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(<[i64; 2]>::from(filter.range()))?;
    while let Some(row) = rows.next()? {
        let prompts = count(row, 1)?;
        totals.prompts += prompts;
        totals.prompts_rolled_back += count(row, 2)?;
        counts.entry(row.get(0)?).or_default().prompts = prompts;
    }
    Ok(())
}

fn calls(
    db: &Connection,
    filter: &Filter,
    totals: &mut Totals,
    counts: &mut BTreeMap<i64, Counts>,
) -> SqlResult<Vec<ToolRow>> {
    let head = "SELECT p.stream, x.tool, count(*), count(*) FILTER (WHERE x.exit_code <> 0
            OR x.status IN ('failed', 'error', 'rejected'))
        FROM temp.picked p CROSS JOIN function_calls x ON x.stream = p.stream WHERE x.copied = 0 AND ";
    let sql = [head, IN_RANGE, " GROUP BY 1, 2"].concat();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(<[i64; 2]>::from(filter.range()))?;
    let mut tools: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let tool: String = row.get(1)?;
        let (calls, failed) = (count(row, 2)?, count(row, 3)?);
        totals.calls += calls;
        if tool == "shell" {
            totals.commands += calls;
            totals.commands_failed += failed;
            let of = counts.entry(row.get(0)?).or_default();
            (of.commands, of.commands_failed) = (calls, failed);
        }
        let sums = tools.entry(tool).or_default();
        *sums = (sums.0 + calls, sums.1 + failed);
    }
    let mut tools: Vec<ToolRow> =
        tools.into_iter().map(|(tool, (calls, failed))| ToolRow { tool, calls, failed }).collect();
    tools.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.tool.cmp(&b.tool)));
    Ok(tools)
}

fn tokens(db: &Connection, filter: &Filter, counts: &mut BTreeMap<i64, Counts>) -> SqlResult<()> {
    let head = "SELECT p.stream, CAST(total(x.input + x.output) AS INTEGER) FROM temp.picked p
        CROSS JOIN token_messages x ON x.stream = p.stream
        WHERE x.counted = 1 AND (?3 IS NULL OR x.model = ?3) AND ";
    let sql = [head, IN_RANGE, " GROUP BY 1"].concat();
    let (since, until) = filter.range();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(params![since, until, filter.model])?;
    while let Some(row) = rows.next()? {
        counts.entry(row.get(0)?).or_default().tokens = count(row, 1)?;
    }
    Ok(())
}

fn files(db: &Connection, filter: &Filter, totals: &mut Totals) -> SqlResult<()> {
    let head = "SELECT count(DISTINCT coalesce(x.move_to, x.path)), sum(x.added), sum(x.removed)
        FROM temp.picked p CROSS JOIN file_changes x ON x.stream = p.stream WHERE x.copied = 0 AND ";
    let (since, until) = filter.range();
    db.query_row(&[head, IN_RANGE].concat(), [since, until], |row| {
        totals.files = count(row, 0)?;
        totals.lines_added = count(row, 1)?;
        totals.lines_removed = count(row, 2)?;
        Ok(())
    })
}

const SESSIONS: &str = "
    SELECT p.stream, s.id,
        (SELECT n.name FROM session_names n WHERE n.session_id = s.id
            ORDER BY n.at_ms DESC, n.stream DESC, n.line DESC LIMIT 1),
        p.start_ms, t.last_at_ms, s.cwd, s.git_url, s.git_branch, s.git_commit, s.source, s.subagent,
        s.originator, s.cli_version, coalesce(s.parent_id, s.forked_from_id), s.model,
        (SELECT json_group_array(model) FROM (SELECT model FROM turn_context_messages c
            WHERE c.stream = p.stream AND c.model IS NOT NULL GROUP BY model ORDER BY min(line), model)),
        (SELECT e.seq FROM events e WHERE e.stream = p.stream ORDER BY e.line DESC, e.part DESC LIMIT 1)
    FROM temp.picked p CROSS JOIN sessions s ON s.stream = p.stream
        CROSS JOIN streams t ON t.stream = p.stream
    ORDER BY p.place";

fn sessions(db: &Connection, counts: &BTreeMap<i64, Counts>) -> SqlResult<Vec<ReportSession>> {
    let mut statement = db.prepare(SESSIONS)?;
    let rows = statement.query_map([], |row| {
        let stream: i64 = row.get(0)?;
        let counts = counts.get(&stream).copied().unwrap_or_default();
        let models: String = row.get(15)?;
        let mut models: Vec<String> = serde_json::from_str(&models).unwrap_or_default();
        if models.is_empty() {
            models.extend(row.get::<_, Option<String>>(14)?);
        }
        Ok(ReportSession {
            id: row.get(1)?,
            stream: stream as u64,
            name: row.get(2)?,
            started_at_ms: row.get(3)?,
            ended_at_ms: row.get(4)?,
            cwd: row.get(5)?,
            repo: row.get(6)?,
            branch: row.get(7)?,
            commit: row.get(8)?,
            models,
            source: row.get(9)?,
            subagent: row.get(10)?,
            client: row.get(11)?,
            client_version: row.get(12)?,
            parent_id: row.get(13)?,
            prompts: counts.prompts,
            commands: counts.commands,
            commands_failed: counts.commands_failed,
            tokens: counts.tokens,
            last_seq: count(row, 16)?,
        })
    })?;
    rows.collect()
}

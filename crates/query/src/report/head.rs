//! The head of a report: totals, tables and the sessions it will tell of.

use super::super::filter::Filter;
use super::super::row::{Counts, has_failed};
use super::super::select::Resolved;
use super::super::tokens::{TokenBy, TokenRow, TokenSums, tokens_of_picked};
use super::model::{Mode, Period, ReportHead, ReportSession, TokenTables, ToolRow, Totals};
use super::reader::{ReportRequest, ledger_head};
use super::transparency::{self, Accesses, Prices, Seen, Transparency};
use crate::annotations::Review;
use crate::pricing::PriceTable;
use crate::title;
use codex_ledger_db::{Connection, SqlResult};
use codex_ledger_entry::{Seq, StreamId};
use std::collections::BTreeMap;

/// What is counted for each stream.
#[derive(Clone, Copy, Default)]
struct OfStream {
    prompts: u64,
    commands: u64,
    commands_failed: u64,
}

pub(super) fn read(
    db: &Connection,
    request: &ReportRequest,
    resolved: &Resolved,
    prices: &PriceTable,
) -> SqlResult<ReportHead> {
    let filter = &request.filter;
    let Seen { mut coverage, first_ms, last_ms } = transparency::coverage(db, filter)?;
    let by = [TokenBy::Day, TokenBy::Model, TokenBy::Repo, TokenBy::Session, TokenBy::Stream];
    let [day, model, repo, session, stream] =
        tokens_of_picked(db, filter, by, &request.zone, prices)?;
    let mut by_prompt = Vec::new();
    if day.rows.len() == 1 {
        let [prompt] = tokens_of_picked(db, filter, [TokenBy::Prompt], &request.zone, prices)?;
        by_prompt = prompt.rows;
    }
    let mut totals = Totals { tokens: day.total, ..Totals::default() };
    let mut counts: BTreeMap<StreamId, OfStream> = BTreeMap::new();
    prompts(db, filter, &mut totals, &mut counts)?;
    let tools = calls(db, filter, &mut totals, &mut counts)?;
    files(db, filter, &mut totals)?;
    let mut sessions = sessions(db, &counts, stream.rows)?;
    totals.sessions = sessions.len() as u64;
    let mut accesses = Accesses::default();
    if !request.page {
        transparency::missing(db, filter, &mut coverage)?;
        accesses = transparency::accesses(db, filter)?;
    }
    let mut redactions = transparency::redactions(db, filter)?;
    if request.external {
        sessions.iter_mut().for_each(|session| session.review = Review::default());
        redactions.by_hand.iter_mut().for_each(|of| (of.actor, of.reason) = (None, None));
        accesses.list.clear();
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
            by_prompt,
        },
        tools,
        transparency: Transparency {
            head: if request.page { None } else { Some(ledger_head(db)?) },
            checkpoint: request.checkpoint.clone().filter(|_| !request.page),
            tool: env!("CARGO_PKG_VERSION").to_string(),
            prices: Prices { date: prices.date().to_string(), digest: prices.digest().to_string() },
            coverage,
            redactions,
            accesses,
        },
        sessions,
        beside: request.beside.clone(),
        external: request.external,
    })
}

fn title(mode: Mode) -> &'static str {
    match mode {
        Mode::Prompts => "Codex prompts",
        Mode::Answers => "Codex prompts and answers",
        Mode::Actions => "Codex prompts and actions",
        Mode::Tokens => "Codex tokens and cost",
        Mode::Full => "Codex sessions in full",
    }
}

/// Records of picked sessions in the range: `?1` and `?2` are its ends.
const IN_RANGE: &str =
    "(p.timed = 0 OR coalesce(x.at_ms, p.start_ms) >= ?1 AND coalesce(x.at_ms, p.start_ms) < ?2)";

fn prompts(
    db: &Connection,
    filter: &Filter,
    totals: &mut Totals,
    counts: &mut BTreeMap<StreamId, OfStream>,
) -> SqlResult<()> {
    let head =
        "SELECT p.stream, count(*) AS prompts, sum(x.rolled_back) AS rolled_back FROM temp.picked p
        CROSS JOIN prompts x ON x.stream = p.stream WHERE x.number > 0 AND ";
    let sql = [head, IN_RANGE, " GROUP BY p.stream"].concat();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(<[i64; 2]>::from(filter.range()))?;
    while let Some(row) = rows.next()? {
        let prompts = row.count("prompts")?;
        totals.prompts += prompts;
        totals.prompts_rolled_back += row.count_or_zero("rolled_back")?;
        counts.entry(row.stream("stream")?).or_default().prompts = prompts;
    }
    Ok(())
}

fn calls(
    db: &Connection,
    filter: &Filter,
    totals: &mut Totals,
    counts: &mut BTreeMap<StreamId, OfStream>,
) -> SqlResult<Vec<ToolRow>> {
    let head = concat!(
        "SELECT p.stream, x.tool, count(*) AS calls, count(*) FILTER (WHERE ",
        has_failed!("x"),
        ") AS failed
        FROM temp.picked p CROSS JOIN function_calls x ON x.stream = p.stream WHERE x.copied = 0 AND "
    );
    let sql = [head, IN_RANGE, " GROUP BY p.stream, x.tool"].concat();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(<[i64; 2]>::from(filter.range()))?;
    let mut tools: BTreeMap<String, ToolRow> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let tool: String = row.get("tool")?;
        let (calls, failed) = (row.count("calls")?, row.count("failed")?);
        totals.calls += calls;
        if tool == "shell" {
            totals.commands += calls;
            totals.commands_failed += failed;
            let of = counts.entry(row.stream("stream")?).or_default();
            (of.commands, of.commands_failed) = (calls, failed);
        }
        let sums = tools.entry(tool.clone()).or_insert(ToolRow { tool, calls: 0, failed: 0 });
        sums.calls += calls;
        sums.failed += failed;
    }
    let mut tools: Vec<ToolRow> = tools.into_values().collect();
    tools.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.tool.cmp(&b.tool)));
    Ok(tools)
}

fn files(db: &Connection, filter: &Filter, totals: &mut Totals) -> SqlResult<()> {
    let head = "SELECT count(DISTINCT coalesce(x.move_to, x.path)) AS files, sum(x.added) AS added,
            sum(x.removed) AS removed
        FROM temp.picked p CROSS JOIN file_changes x ON x.stream = p.stream WHERE x.copied = 0 AND ";
    let (since, until) = filter.range();
    db.query_row(&[head, IN_RANGE].concat(), [since, until], |row| {
        totals.files = row.count("files")?;
        totals.lines_added = row.count_or_zero("added")?;
        totals.lines_removed = row.count_or_zero("removed")?;
        Ok(())
    })
}

const SESSIONS: &str = "
    SELECT p.stream, s.id,
        (SELECT x.name FROM session_titles x WHERE x.stream = s.stream) AS name,
        (SELECT x.asked FROM session_titles x WHERE x.stream = s.stream) AS asked,
        p.start_ms, t.last_at_ms, s.cwd, s.git_url, s.git_branch, s.git_commit, s.source, s.subagent,
        s.originator, s.cli_version, coalesce(s.parent_id, s.forked_from_id) AS parent_id, s.model,
        (SELECT json_group_array(model) FROM (SELECT model FROM turn_context_messages c
            WHERE c.stream = p.stream AND c.model IS NOT NULL GROUP BY model ORDER BY min(line), model)) AS models,
        (SELECT e.seq FROM events e WHERE e.stream = p.stream ORDER BY e.line DESC, e.part DESC LIMIT 1) AS last_seq
    FROM temp.picked p CROSS JOIN sessions s ON s.stream = p.stream
        CROSS JOIN streams t ON t.stream = p.stream
    ORDER BY p.place";

fn sessions(
    db: &Connection,
    counts: &BTreeMap<StreamId, OfStream>,
    usage: Vec<TokenRow>,
) -> SqlResult<Vec<ReportSession>> {
    let usage: BTreeMap<String, TokenSums> =
        usage.into_iter().map(|row| (row.key, row.sums)).collect();
    let mut statement = db.prepare(SESSIONS)?;
    let rows = statement.query_map([], |row| {
        let stream = row.stream("stream")?;
        let counts = counts.get(&stream).copied().unwrap_or_default();
        let usage = usage.get(&stream.get().to_string()).cloned().unwrap_or_else(TokenSums::none);
        let models: String = row.get("models")?;
        let mut models: Vec<String> = serde_json::from_str(&models).unwrap_or_default();
        if models.is_empty() {
            models.extend(row.get::<_, Option<String>>("model")?);
        }
        let (name, title) = title::read(row)?;
        Ok(ReportSession {
            id: row.get("id")?,
            stream,
            name,
            title,
            started_at_ms: row.get("start_ms")?,
            ended_at_ms: row.get("last_at_ms")?,
            cwd: row.get("cwd")?,
            repo: row.get("git_url")?,
            branch: row.get("git_branch")?,
            commit: row.get("git_commit")?,
            models,
            source: row.get("source")?,
            subagent: row.get("subagent")?,
            client: row.get("originator")?,
            client_version: row.get("cli_version")?,
            parent_id: row.get("parent_id")?,
            review: Review::read(db, &row.get::<_, String>("id")?, 0)?,
            prompts: counts.prompts,
            commands: counts.commands,
            commands_failed: counts.commands_failed,
            tokens: usage.total,
            usage,
            last_seq: Seq::new(row.count_or_zero("last_seq")?),
        })
    })?;
    rows.collect()
}

//! Full-text search over what the views show: what is asked, and what is found.

mod question;

use self::question::Exit;
pub use self::question::{QUALIFIERS, SEARCH_SOURCES, Search, SearchError};
use super::filter::near;
use super::row::{Counts, columns, sql_stream};
use super::scope::Scope;
use super::snippet::{Term, snippet, words_of};
use super::title;
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, Value, params_from_iter};
use codex_ledger_entry::{Seq, StreamId};
use regex::Regex;
use serde::Serialize;
use std::collections::HashMap;

/// At least so many places are kept before the worse half of them is dropped.
const KEPT_MIN: usize = 256;

/// A place where something was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchHit {
    /// Session.
    pub session: String,
    /// What the session is called.
    pub title: Option<String>,
    /// Number of the prompt that it is, or that it followed; 0 before the first.
    pub prompt: u64,
    /// Kind of text: prompt, message, context, reasoning, plan, call, output, file, turn, name.
    pub table: String,
    /// Ledger entry.
    pub seq: Seq,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Name of the tool, for calls and outputs.
    pub tool: Option<String>,
    /// Text around the first word that was found, with `⟦` and `⟧` around the words.
    pub snippet: String,
    /// Higher is better.
    pub score: f64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Hits {
    /// The best ones.
    pub hits: Vec<SearchHit>,
    /// How many there are.
    pub total: u64,
}

/// A place in the index.
struct Found {
    score: f64,
    source: String,
    stream: StreamId,
    line: i64,
    part: i64,
    item: i64,
    at_ms: Option<i64>,
    tool: Option<String>,
    /// Whose it is, where it stands in no stream of that session: a name.
    session: Option<String>,
}

/// Looks for something in the shards of the index; times are resolved by the caller. `limit` 0 means all.
///
/// # Errors
/// As the database.
pub fn search(
    views: &Connection,
    shards: &[Connection],
    search: &Search,
    (since_ms, until_ms): (Option<i64>, Option<i64>),
    limit: usize,
) -> SqlResult<Hits> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let scope = Scope::of(views, search)?;
    let (sql, values) = statement(search, since_ms, until_ms);
    let mut best: Vec<Found> = Vec::new();
    let mut total = 0;
    for shard in shards {
        let mut statement = shard.prepare_cached(&sql)?;
        let columns = FoundColumns::of(&statement)?;
        let mut rows = statement.query(params_from_iter(&values))?;
        while let Some(row) = rows.next()? {
            let (stream, line) = (row.stream(columns.stream)?, row.get(columns.line)?);
            let is_name = row.get_ref(columns.source)?.as_str().is_ok_and(|it| it == "name");
            if !scope.has_line(stream, line) || !is_name && !scope.has_stream(stream) {
                continue;
            }
            let mut found = columns.read(row)?;
            if is_name {
                found.session = scope.session_named_at(views, found.place())?;
            }
            if is_name && found.session.is_none() {
                continue;
            }
            if search.patterns.is_empty() || matches(views, &found, &search.patterns)? {
                total += 1;
                keep(&mut best, found, limit);
            }
        }
    }
    best.sort_by(order);
    best.truncate(limit);
    let names = names(views, &best)?;
    let hits = best.iter().map(|found| hit(views, found, &names, search));
    Ok(Hits { hits: hits.collect::<SqlResult<_>>()?, total })
}

/// What is asked of every shard of the index, and the values in it.
fn statement(
    search: &Search,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
) -> (String, Vec<Value>) {
    let mut conditions = vec!["1"];
    let mut values: Vec<Value> = Vec::new();
    let mut narrow = |condition: &'static str, value: Value| {
        conditions.push(condition);
        values.push(value);
    };
    if let Some(tool) = &search.tool {
        narrow("d.tool = ?", Value::Text(tool.clone()));
    }
    if let Some(source) = &search.source {
        narrow("d.source = ?", Value::Text(source.clone()));
    }
    match search.exit {
        Some(Exit::Is(code)) => narrow("d.exit_code = ?", Value::Integer(code)),
        Some(Exit::Failed) => narrow("d.exit_code <> ?", Value::Integer(0)),
        None => {}
    }
    if let Some(since) = since_ms {
        narrow("d.at_ms >= ?", Value::Integer(since));
    }
    if let Some(until) = until_ms {
        narrow("d.at_ms < ?", Value::Integer(until));
    }
    let conditions = conditions.join(" AND ");
    let sql = match search.expression.is_empty() {
        true => format!("SELECT 0.0 AS score, {PLACE} FROM docs d WHERE {conditions}"),
        false => {
            values.insert(0, Value::Text(search.expression.clone()));
            format!(
                "SELECT -bm25(texts) AS score, {PLACE} FROM texts JOIN docs d ON d.doc = texts.rowid
                 WHERE texts MATCH ? AND {conditions}"
            )
        }
    };
    (sql, values)
}

const PLACE: &str = "d.source, d.stream, d.line, d.part, d.item, d.at_ms, d.tool";

columns! {
    FoundColumns: score, source, stream, line, part, item, at_ms, tool
}

impl Found {
    fn place(&self) -> [i64; 4] {
        [sql_stream(self.stream), self.line, self.part, self.item]
    }
}

impl FoundColumns {
    fn read(&self, row: &Row<'_>) -> SqlResult<Found> {
        Ok(Found {
            score: row.get(self.score)?,
            source: row.get(self.source)?,
            stream: row.stream(self.stream)?,
            line: row.get(self.line)?,
            part: row.get(self.part)?,
            item: row.get(self.item)?,
            at_ms: row.get(self.at_ms)?,
            tool: row.get(self.tool)?,
            session: None,
        })
    }
}

/// The best first, what the client has put in behind all else; the newest first among equals, then in the order of the log.
fn order(a: &Found, b: &Found) -> std::cmp::Ordering {
    let place = |found: &Found| (found.stream, found.line, found.part, found.item);
    let is_context = |found: &Found| found.source == "context";
    is_context(a)
        .cmp(&is_context(b))
        .then(b.score.total_cmp(&a.score))
        .then(b.at_ms.cmp(&a.at_ms))
        .then_with(|| place(a).cmp(&place(b)))
        .then_with(|| a.source.cmp(&b.source))
}

/// Keeps the best ones without keeping them all.
fn keep(best: &mut Vec<Found>, found: Found, limit: usize) {
    best.push(found);
    if best.len() >= limit.saturating_mul(2).max(KEPT_MIN) {
        best.sort_by(order);
        best.truncate(limit);
    }
}

/// A session's id and title.
type Called = (String, Option<String>);

fn names(views: &Connection, found: &[Found]) -> SqlResult<HashMap<StreamId, Called>> {
    let mut names = HashMap::new();
    let mut statement = views
        .prepare_cached("SELECT session_id, name, asked FROM session_titles WHERE stream = ?")?;
    for found in found {
        if !names.contains_key(&found.stream)
            && let Some(called) = statement
                .query_row([sql_stream(found.stream)], |row| {
                    Ok((row.get("session_id")?, title::read(row)?.1))
                })
                .optional()?
        {
            names.insert(found.stream, called);
        }
    }
    Ok(names)
}

/// Whether the text at a place matches all patterns.
fn matches(views: &Connection, found: &Found, patterns: &[Regex]) -> SqlResult<bool> {
    let (_, text) = text_at(views, found)?;
    Ok(patterns.iter().all(|pattern| pattern.is_match(&text)))
}

/// What stands at a place, and the entry that says it.
fn text_at(views: &Connection, found: &Found) -> SqlResult<(Seq, String)> {
    let (table, column) = match found.source.as_str() {
        "prompt" => ("prompts", "text"),
        "message" | "context" => ("messages", "text"),
        "reasoning" => ("agent_reasoning_messages", "text"),
        "plan" => ("function_plan_messages", "step"),
        "output" => ("function_calls", "output"),
        "file" => ("file_changes", "path"),
        "turn" => ("turns", "text"),
        "name" => ("session_names", "name"),
        _ => (
            "function_calls",
            "CASE tool WHEN 'web_search' THEN coalesce(command || char(10), '') || arguments
                ELSE coalesce(command, arguments) END",
        ),
    };
    let sql = format!(
        "SELECT seq, coalesce({column}, '') AS text FROM {table} WHERE stream = ?1 AND line = ?2 AND part = ?3 AND item = ?4"
    );
    let text = views
        .prepare_cached(&sql)?
        .query_row(found.place(), |row| Ok((row.seq("seq")?, row.get("text")?)))
        .optional()?;
    Ok(text.unwrap_or_default())
}

fn hit(
    views: &Connection,
    found: &Found,
    names: &HashMap<StreamId, Called>,
    search: &Search,
) -> SqlResult<SearchHit> {
    let (seq, text) = text_at(views, found)?;
    let matched = search.patterns.iter().filter_map(|pattern| pattern.find(&text));
    let matched = matched.map(|found| {
        let words = words_of(found.as_str()).into_iter().map(|word| word.folded).collect();
        Term { words, is_beginning: true }
    });
    let terms: Vec<Term> = matched.chain(search.terms.iter().cloned()).collect();
    let prompt = "SELECT coalesce(max(number), 0) FROM prompts
        WHERE stream = ?1 AND (line, part, item) <= (?2, ?3, ?4) AND number > 0";
    let prompt = views.prepare_cached(prompt)?.query_row(found.place(), |row| row.count(0))?;
    let called = names.get(&found.stream);
    Ok(SearchHit {
        session: found.session.as_ref().or(called.map(|of| &of.0)).cloned().unwrap_or_default(),
        title: called.and_then(|of| of.1.clone()),
        prompt,
        table: found.source.clone(),
        seq,
        at_ms: found.at_ms,
        tool: found.tool.clone(),
        snippet: snippet(&text, &terms),
        score: found.score,
    })
}

/// A qualifier whose value is nowhere: why nothing is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The qualifier.
    pub qualifier: &'static str,
    /// The value that is most like it, of those that there are.
    pub nearest: Option<String>,
}

/// The qualifiers of a question that leave nothing by themselves.
///
/// # Errors
/// As the database.
pub fn unmatched(views: &Connection, search: &Search) -> SqlResult<Vec<Unmatched>> {
    let values = [
        ("repo", &search.repo, "SELECT DISTINCT coalesce(git_url, cwd) AS value FROM sessions"),
        ("session", &search.session, "SELECT DISTINCT id AS value FROM sessions"),
        (
            "title",
            &search.title,
            "SELECT DISTINCT coalesce(name, asked) AS value FROM session_titles",
        ),
        ("model", &search.model, "SELECT DISTINCT model AS value FROM turn_context_messages"),
        ("tool", &search.tool, "SELECT DISTINCT name AS value FROM function_calls"),
        ("tag", &search.tag, "SELECT DISTINCT tag AS value FROM tags"),
        ("disposition", &search.disposition, "SELECT DISTINCT value FROM dispositions"),
        ("file", &search.file, "SELECT DISTINCT path AS value FROM file_changes"),
    ];
    let mut unmatched = Vec::new();
    for (qualifier, wanted, sql) in values {
        let Some(wanted) = wanted else { continue };
        let is_part = matches!(qualifier, "repo" | "title" | "file" | "model" | "session");
        let mut statement = views.prepare(sql)?;
        let known = statement.query_map([], |row| row.get("value"))?;
        let known: Vec<String> =
            known.collect::<SqlResult<Vec<Option<String>>>>()?.into_iter().flatten().collect();
        let small = wanted.to_lowercase();
        let is_known = |value: &String| match is_part {
            true => value.to_lowercase().contains(&small),
            false => value == wanted,
        };
        if !known.iter().any(is_known) {
            // Of an address or a path, its last part is what people say.
            let last =
                |value: &str| value.trim_end_matches(".git").rsplit('/').next().map(str::to_string);
            let parts: Vec<String> = known.iter().filter_map(|value| last(value)).collect();
            let nearest = near(wanted, parts.iter().map(String::as_str)).map(str::to_string);
            unmatched.push(Unmatched { qualifier, nearest });
        }
    }
    Ok(unmatched)
}

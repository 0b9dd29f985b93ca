//! Full-text search over what the views show: what is asked, and what is found.

mod facets;
mod question;

pub use self::facets::Facets;
use self::facets::Spread;
pub use self::question::{QUALIFIERS, SEARCH_SOURCES, Search, SearchError};
use super::filter::near;
use super::row::{Counts, sql_stream};
use super::scope::{Scope, newest_named};
use super::snippet::snippet;
use super::title;
use super::zone::Zone;
use codex_ledger_db::{Connection, OptionalExtension, SqlError, SqlResult};
use codex_ledger_entry::{Seq, StreamId};
use codex_ledger_search::{Hit, Phrase, Question, SearchIndexError, Shard, Source, words_of};
use regex::Regex;
use serde::Serialize;
use std::cmp::Ordering;
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
    /// Exit code, for calls and outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
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
    source: Source,
    stream: StreamId,
    place: [i64; 3],
    at_ms: Option<i64>,
    tool: Option<String>,
    exit_code: Option<i64>,
    /// Whose it is, where it stands in no stream of that session: a name.
    session: Option<String>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The views.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A shard, which can be made anew.
    #[error(transparent)]
    Index(#[from] SearchIndexError),
}

/// First moment and end of what is looked through, UTC milliseconds.
type Range = (Option<i64>, Option<i64>);

/// Looks for something in the shards of the index; times are resolved by the caller. `limit` 0 means all.
///
/// # Errors
/// As the database, and when a shard is damaged.
pub fn search(
    views: &Connection,
    shards: &[Shard],
    question: &Search,
    range: Range,
    limit: usize,
) -> Result<Hits, AskError> {
    // One look at the views for all that is asked of them.
    let views = &*views.unchecked_transaction()?;
    look(views, shards, question, (range, limit), &mut |_, _| ())
}

/// As [`search`], and counts what the hits could be narrowed down by; days are those of a zone.
///
/// # Errors
/// As [`search`].
pub fn search_with_facets(
    views: &Connection,
    shards: &[Shard],
    question: &Search,
    (range, zone): (Range, &Zone),
    limit: usize,
) -> Result<(Hits, Facets), AskError> {
    let views = &*views.unchecked_transaction()?;
    let mut spread = Spread::default();
    let hits =
        look(views, shards, question, (range, limit), &mut |source, hit| spread.add(source, hit))?;
    Ok((hits, spread.facets(views, zone)?))
}

/// `each` hears of every hit, also of those that are not kept.
fn look(
    views: &Connection,
    shards: &[Shard],
    search: &Search,
    ((since_ms, until_ms), limit): (Range, usize),
    each: &mut dyn FnMut(Source, &Hit<'_>),
) -> Result<Hits, AskError> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let scope = Scope::of(views, search)?;
    // Who asks how calls ended, and for no words, wants each of them once, without its output.
    let is_of_ends = search.exit.is_some() && search.expression.is_none();
    let calls = Some(Source::Call).filter(|_| is_of_ends && search.patterns.is_empty());
    let question = Question {
        expression: search.expression.clone(),
        source: search.source.or(calls),
        tool: search.tool.clone(),
        exit: search.exit,
        since_ms,
        until_ms,
    };
    let mut best = Best { kept: Vec::new(), limit, worst: None };
    let mut total = 0;
    for shard in shards {
        let asked = shard.each(&question, &mut |hit| -> SqlResult<()> {
            let Some(source) = hit.source() else { return Ok(()) };
            let is_name = source == Source::Name;
            if !scope.is_everywhere() {
                let stream = StreamId::new(hit.stream());
                if !scope.has_line(stream, hit.line()) || !is_name && !scope.has_stream(stream) {
                    return Ok(());
                }
            }
            let is_sure = !is_name && search.patterns.is_empty();
            if is_sure && !best.takes(source, hit.score) {
                total += 1;
                each(source, hit);
                return Ok(());
            }
            let mut found = Found::read(source, hit);
            if is_name {
                found.session = scope.session_named_at(views, found.place())?;
                if found.session.is_none() {
                    return Ok(());
                }
            }
            if search.patterns.is_empty() || matches(views, &found, &search.patterns)? {
                total += 1;
                each(source, hit);
                best.keep(found);
            }
            Ok(())
        });
        asked??;
    }
    let best = best.finish();
    let names = names(views, &best)?;
    let hits = best.iter().map(|found| hit(views, found, &names, search));
    Ok(Hits { hits: hits.collect::<SqlResult<_>>()?, total })
}

impl Found {
    fn read(source: Source, hit: &Hit<'_>) -> Found {
        Found {
            score: hit.score,
            source,
            stream: StreamId::new(hit.stream()),
            place: hit.place(),
            at_ms: hit.at_ms(),
            tool: hit.tool(),
            exit_code: hit.exit_code(),
            session: None,
        }
    }

    fn place(&self) -> [i64; 4] {
        let [line, part, item] = self.place;
        [sql_stream(self.stream), line, part, item]
    }
}

/// The best places that were found, without all of them being kept.
struct Best {
    kept: Vec<Found>,
    limit: usize,
    /// What the last of the best is worth, once there are enough of them.
    worst: Option<(bool, f64)>,
}

impl Best {
    /// Whether it may be among the best.
    fn takes(&self, source: Source, score: f64) -> bool {
        self.worst.is_none_or(|(is_context, worst)| {
            match (source == Source::Context).cmp(&is_context) {
                Ordering::Less => true,
                Ordering::Equal => score >= worst,
                Ordering::Greater => false,
            }
        })
    }

    fn keep(&mut self, found: Found) {
        self.kept.push(found);
        if self.kept.len() >= self.limit.saturating_mul(2).max(KEPT_MIN) {
            self.shrink();
            let last = self.kept.last().filter(|_| self.kept.len() >= self.limit);
            self.worst = last.map(|last| (last.source == Source::Context, last.score));
        }
    }

    fn shrink(&mut self) {
        self.kept.sort_by(order);
        self.kept.truncate(self.limit);
    }

    fn finish(mut self) -> Vec<Found> {
        self.shrink();
        self.kept
    }
}

/// The best first, what the client has put in behind all else; the newest first among equals, then in the order of the log.
fn order(a: &Found, b: &Found) -> Ordering {
    let place = |found: &Found| (found.stream, found.place);
    let is_context = |found: &Found| found.source == Source::Context;
    is_context(a)
        .cmp(&is_context(b))
        .then(b.score.total_cmp(&a.score))
        .then(b.at_ms.cmp(&a.at_ms))
        .then_with(|| place(a).cmp(&place(b)))
        .then_with(|| a.source.name().cmp(b.source.name()))
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
    let (table, column) = match found.source {
        Source::Prompt => ("prompts", "text"),
        Source::Message | Source::Context => ("messages", "text"),
        Source::Reasoning => ("agent_reasoning_messages", "text"),
        Source::Plan => ("function_plan_messages", "step"),
        Source::Output => ("function_calls", "output"),
        Source::File => ("file_changes", "path"),
        Source::Turn => ("turns", "text"),
        Source::Name => ("session_names", "name"),
        Source::Call => (
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
        Phrase { words, is_beginning: true }
    });
    let terms: Vec<Phrase> = matched.chain(search.terms.iter().cloned()).collect();
    let prompt = "SELECT coalesce(max(number), 0) FROM prompts
        WHERE stream = ?1 AND (line, part, item) <= (?2, ?3, ?4) AND number > 0";
    let prompt = views.prepare_cached(prompt)?.query_row(found.place(), |row| row.count(0))?;
    let called = names.get(&found.stream);
    Ok(SearchHit {
        session: found.session.as_ref().or(called.map(|of| &of.0)).cloned().unwrap_or_default(),
        title: called.and_then(|of| of.1.clone()),
        prompt,
        table: found.source.name().to_string(),
        seq,
        at_ms: found.at_ms,
        tool: found.tool.clone(),
        exit_code: found.exit_code,
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
        let small = match qualifier {
            "session" => newest_named(views, wanted.to_lowercase())?,
            _ => wanted.to_lowercase(),
        };
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

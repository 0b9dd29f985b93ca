//! Full-text search over what the views show: what is asked, and what is found.

use super::row::{Counts, columns, sql_stream};
use super::scope::Scope;
use super::snippet::{Term, snippet, words_of};
use super::title;
use codex_ledger_db::{
    Connection, OptionalExtension, Row, SqlResult, Value, composed, params_from_iter, split_words,
};
use codex_ledger_entry::{Seq, StreamId};
use serde::Serialize;
use std::collections::HashMap;

/// A longer question is no question; the index would count every character of it.
const QUESTION_MAX_CHARS: usize = 4096;
/// As deep as an expression can become.
const QUESTION_MAX_WORDS: usize = 200;
/// At least so many places are kept before the worse half of them is dropped.
const KEPT_MIN: usize = 256;

/// What somebody looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The words, as the index wants them; empty: everything that the qualifiers leave.
    expression: String,
    /// The words alone, for showing where they stand.
    terms: Vec<Term>,
    /// `repo:`.
    pub(super) repo: Option<String>,
    /// `session:`, the beginning of an id.
    pub(super) session: Option<String>,
    /// `tool:`.
    tool: Option<String>,
    /// `file:`, part of a path that a patch touched.
    pub(super) file: Option<String>,
    /// `in:`, the kind of text.
    source: Option<String>,
    /// `tag:`, of the session or any of its prompts.
    pub(super) tag: Option<String>,
    /// `disposition:`, of the session or any of its prompts.
    pub(super) disposition: Option<String>,
    /// `exit:`.
    exit: Option<Exit>,
    /// `since:`, still as it was given.
    pub since: Option<String>,
    /// `until:`, still as it was given.
    pub until: Option<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Is(i64),
    Failed,
}

/// Why a question makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SearchError(String);

/// The kinds of text that `in:` names.
pub const SEARCH_SOURCES: [&str; 10] =
    ["prompt", "message", "context", "reasoning", "plan", "call", "output", "file", "turn", "name"];

impl Search {
    /// Reads a question: words, "phrases", beginnings*, AND, OR, NOT, and qualifiers such as `repo:x`.
    ///
    /// # Errors
    /// When it holds nothing to look for, an unknown qualifier's value, or an operator without a word.
    pub fn parse(text: &str) -> Result<Search, SearchError> {
        if text.chars().count() > QUESTION_MAX_CHARS {
            let message = format!("the question is longer than {QUESTION_MAX_CHARS} characters");
            return Err(SearchError(message));
        }
        let mut search = Search::default();
        let mut parts: Vec<String> = Vec::new();
        let mut wants_word: Option<&str> = None;
        for (token, is_phrase) in tokens(text) {
            if !is_phrase && search.qualifier(&token)? {
                continue;
            }
            match token.as_str() {
                "AND" | "OR" | "NOT" if !is_phrase => {
                    if parts.is_empty() || wants_word.is_some() {
                        return Err(SearchError(format!(
                            "`{token}` stands without a word before it"
                        )));
                    }
                    wants_word = Some(match token.as_str() {
                        "AND" => "AND",
                        "OR" => "OR",
                        _ => "NOT",
                    });
                }
                _ => {
                    let Some(term) = search.term(&token, is_phrase) else { continue };
                    // Said outright, AND binds as people read it: `a NOT b c` is a and c, without b.
                    let operator = wants_word.take().or((!parts.is_empty()).then_some("AND"));
                    parts.extend(operator.map(str::to_string));
                    parts.push(term);
                }
            }
        }
        if let Some(operator) = wants_word {
            return Err(SearchError(format!("`{operator}` stands without a word behind it")));
        }
        if search.terms.len() > QUESTION_MAX_WORDS {
            let message = format!("the question has more than {QUESTION_MAX_WORDS} words");
            return Err(SearchError(message));
        }
        search.expression = parts.join(" ");
        if search.expression.is_empty() && !search.has_qualifier() {
            return Err(SearchError("there is nothing to look for".into()));
        }
        Ok(search)
    }

    /// A word, phrase or beginning, quoted so that nothing in it is an operator.
    fn term(&mut self, token: &str, is_phrase: bool) -> Option<String> {
        let token = &*composed(token);
        let (text, is_beginning) = match token.strip_suffix('*') {
            Some(text) => (text, true),
            None => (token, !is_phrase && ends_in_hangul(token)),
        };
        let words: Vec<String> = words_of(text).into_iter().map(|word| word.folded).collect();
        if words.is_empty() {
            return None;
        }
        self.terms.push(Term { words, is_beginning });
        // The index would take a NUL for the end of the question.
        let quoted = split_words(text).replace('\0', " ").replace('"', "\"\"");
        Some(format!("\"{quoted}\"{}", if is_beginning { "*" } else { "" }))
    }

    fn has_qualifier(&self) -> bool {
        let texts = [
            &self.repo,
            &self.session,
            &self.tool,
            &self.file,
            &self.source,
            &self.tag,
            &self.disposition,
            &self.since,
            &self.until,
        ];
        self.exit.is_some() || texts.iter().any(|text| text.is_some())
    }

    /// Takes a token that is a qualifier.
    fn qualifier(&mut self, token: &str) -> Result<bool, SearchError> {
        let Some((name, value)) = token.split_once(':').filter(|(_, value)| !value.is_empty())
        else {
            return Ok(false);
        };
        let value = value.to_string();
        match name {
            "repo" => self.repo = Some(value),
            "session" => self.session = Some(value),
            "tool" => self.tool = Some(value),
            "file" => self.file = Some(value),
            "tag" => self.tag = Some(value),
            "disposition" => self.disposition = Some(value),
            "since" => self.since = Some(value),
            "until" => self.until = Some(value),
            "in" if SEARCH_SOURCES.contains(&value.as_str()) => self.source = Some(value),
            "in" => {
                let known = SEARCH_SOURCES.join(", ");
                return Err(SearchError(format!(
                    "in:{value} is no kind of text; these are: {known}"
                )));
            }
            "exit" if value == "failed" => self.exit = Some(Exit::Failed),
            "exit" => {
                let code = value.parse().map_err(|_| {
                    SearchError(format!("exit:{value} is no exit code; give a number or `failed`"))
                })?;
                self.exit = Some(Exit::Is(code));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Whether a word may go on in the text: Korean writes particles right behind a noun, and a reader types the noun.
fn ends_in_hangul(word: &str) -> bool {
    word.ends_with(|c| matches!(c, '가'..='힣'))
}

/// Words and "quoted phrases" of a question.
fn tokens(text: &str) -> Vec<(String, bool)> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (token, is_phrase, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (phrase, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                let (star, after) = match after.strip_prefix('*') {
                    Some(after) => ("*", after),
                    None => ("", after),
                };
                (format!("{phrase}{star}"), true, after)
            }
            None => word(rest),
        };
        tokens.push((token, is_phrase));
        rest = after.trim_start();
    }
    tokens
}

/// A word up to the next blank; the value of a qualifier may be quoted and have blanks.
fn word(rest: &str) -> (String, bool, &str) {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let quoted = word.find(":\"").and_then(|at| rest.split_at_checked(at + 2));
    match quoted.and_then(|(name, quoted)| Some((name, quoted.split_once('"')?))) {
        Some((name, (value, after))) if name.chars().rev().skip(2).all(char::is_alphabetic) => {
            (format!("{}{value}", name.trim_end_matches('"')), false, after)
        }
        _ => (word.to_string(), false, after),
    }
}

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
            if !is_name || found.session.is_some() {
                total += 1;
                keep(&mut best, found, limit);
            }
        }
    }
    best.sort_by(order);
    best.truncate(limit);
    let names = names(views, &best)?;
    let hits = best.iter().map(|found| hit(views, found, &names, &search.terms));
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

/// The best first; the newest first among equals, then in the order of the log.
fn order(a: &Found, b: &Found) -> std::cmp::Ordering {
    let place = |found: &Found| (found.stream, found.line, found.part, found.item);
    b.score
        .total_cmp(&a.score)
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

fn hit(
    views: &Connection,
    found: &Found,
    names: &HashMap<StreamId, Called>,
    terms: &[Term],
) -> SqlResult<SearchHit> {
    let (table, column) = match found.source.as_str() {
        "prompt" => ("prompts", "text"),
        "message" | "context" => ("messages", "text"),
        "reasoning" => ("agent_reasoning_messages", "text"),
        "plan" => ("function_plan_messages", "step"),
        "output" => ("function_calls", "output"),
        "file" => ("file_changes", "path"),
        "turn" => ("turns", "text"),
        "name" => ("session_names", "name"),
        _ => ("function_calls", "coalesce(command, arguments)"),
    };
    let sql = format!(
        "SELECT seq, {column} AS text FROM {table} WHERE stream = ?1 AND line = ?2 AND part = ?3 AND item = ?4"
    );
    let place = found.place();
    let (seq, text): (Seq, Option<String>) = views
        .prepare_cached(&sql)?
        .query_row(place, |row| Ok((row.seq("seq")?, row.get("text")?)))
        .optional()?
        .unwrap_or_default();
    let prompt = "SELECT coalesce(max(number), 0) FROM prompts
        WHERE stream = ?1 AND (line, part, item) <= (?2, ?3, ?4) AND number > 0";
    let prompt = views.prepare_cached(prompt)?.query_row(place, |row| row.count(0))?;
    let called = names.get(&found.stream);
    Ok(SearchHit {
        session: found.session.as_ref().or(called.map(|of| &of.0)).cloned().unwrap_or_default(),
        title: called.and_then(|of| of.1.clone()),
        prompt,
        table: found.source.clone(),
        seq,
        at_ms: found.at_ms,
        tool: found.tool.clone(),
        snippet: snippet(&text.unwrap_or_default(), terms),
        score: found.score,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(text: &str) -> String {
        Search::parse(text).map_or_else(|error| error.to_string(), |search| search.expression)
    }

    #[test]
    fn questions_become_expressions_in_which_nothing_is_an_operator_by_chance() {
        assert_eq!(expression("tide tables"), "\"tide\" AND \"tables\"");
        assert_eq!(expression("\"tide table\" OR gauge*"), "\"tide table\" OR \"gauge\"*");
        assert_eq!(expression("a NOT b"), "\"a\" NOT \"b\"");
        assert_eq!(expression("say \"NEAR(x"), "\"say\" AND \"NEAR(x\"");
        assert_eq!(expression("潮汐"), "\" 潮  汐 \"");
        assert_eq!(expression("등대 \"등대\" 등대a"), "\"등대\"* AND \"등대\" AND \"등대 a\"");
        assert_eq!(expression("repo:tides ebb"), "\"ebb\"");
        assert_eq!(expression("std::fs"), "\"std::fs\"");
        assert!(expression("OR x").contains("without a word before"));
        assert!(expression("x AND").contains("without a word behind"));
        assert!(expression(" ** ").contains("nothing to look for"));
        assert!(expression("in:nowhere x").contains("no kind of text"));
        assert!(expression("exit:x").contains("no exit code"));
    }

    #[test]
    fn snippets_show_the_words_in_their_place() {
        let found = |text: &str, question: &str| {
            snippet(text, &Search::parse(question).expect("a question").terms)
        };
        assert_eq!(found("The TIDE comes", "tide"), "The ⟦TIDE⟧ comes");
        assert_eq!(
            found("The tides: high\n water", "tid* \"high water\""),
            "The ⟦tides⟧: ⟦high\n water⟧"
        );
        assert_eq!(found("Größe, cafe\u{301}!", "grosse größe CAFÉ"), "⟦Größe⟧, ⟦cafe\u{301}⟧!");
        assert_eq!(found("今日の潮汐表", "潮汐"), "今日の⟦潮汐⟧表");
        assert_eq!(found("새 등대를 지었다", "등대"), "새 ⟦등대를⟧ 지었다");
        assert_eq!(found("İİİ", "x"), "İİİ");
        let long = format!("{}tide{}", "x ".repeat(100), " y".repeat(200));
        let found = found(&long, "tide");
        assert!(
            found.starts_with('…') && found.contains("⟦tide⟧") && found.ends_with('…'),
            "{found}"
        );
    }

    #[test]
    fn questions_have_an_end() {
        assert!(expression(&"x".repeat(5000)).contains("longer than"));
        assert!(expression(&"x ".repeat(500)).contains("more than 200 words"));
        assert_eq!(expression("a\0b"), "\"a b\"");
        assert_eq!(expression("a NOT b c"), "\"a\" NOT \"b\" AND \"c\"");
        let quoted = Search::parse("file:\"my file.rs\" x").expect("a question");
        assert_eq!(
            (quoted.file.as_deref(), quoted.expression.as_str()),
            (Some("my file.rs"), "\"x\"")
        );
        assert_eq!(expression("say:\"x"), "\"say:\"\"x\"");
    }
}

//! Sessions and calls in groups: by repository, by tool.

use super::filter::{Filter, FilterError};
use super::row::{Counts, has_failed};
use super::select::pick;
use super::sessions::{NEWER, SessionOrder, SessionRow, of_streams, picked_streams};
use super::title;
use super::tokens::sources;
use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_entry::StreamId;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Sessions of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoGroup {
    /// Repository URL, else directory; `None` of sessions that name neither.
    pub repo: Option<String>,
    /// How many the filter picks.
    pub total: u64,
    /// Those of the page.
    pub sessions: Vec<SessionRow>,
}

/// As [`session_page`](super::session_page), with all sessions of a repository together: the one that has the first session
/// comes first.
///
/// # Errors
/// When the filter names what is not there.
pub fn session_page_by_repo(
    db: &Connection,
    filter: &Filter,
    order: SessionOrder,
    (limit, behind): (usize, usize),
) -> Result<Vec<RepoGroup>, FilterError> {
    pick(db, filter)?;
    let mut repos = sources(db)?;
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    let mut groups: Vec<(Option<String>, Vec<StreamId>)> = Vec::new();
    for stream in picked_streams(db, order)? {
        let repo = repos.remove(&stream).and_then(|source| source.repo);
        let place = *places.entry(repo.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, streams)) => streams.push(stream),
            None => groups.push((repo, vec![stream])),
        }
    }
    let all = groups.iter().flat_map(|(_, streams)| streams);
    let on_page: Vec<StreamId> = all.skip(behind).take(limit).copied().collect();
    let rows = of_streams(db, &on_page)?.into_iter();
    let mut rows: HashMap<StreamId, SessionRow> = rows.map(|row| (row.stream, row)).collect();
    let groups = groups.into_iter().map(|(repo, streams)| {
        let total = streams.len() as u64;
        let sessions = streams.iter().filter_map(|stream| rows.remove(stream)).collect();
        RepoGroup { repo, total, sessions }
    });
    Ok(groups.filter(|group| !group.sessions.is_empty()).collect())
}

/// What sessions are called, by their ids; of those that are not here, nothing.
///
/// # Errors
/// As the database.
pub fn titles_of(db: &Connection, ids: &[&str]) -> SqlResult<BTreeMap<String, String>> {
    let sql = "SELECT s.id, x.name, x.asked FROM sessions s LEFT JOIN session_titles x ON x.stream = s.stream
         WHERE s.id IN (SELECT value FROM json_each(?1)) ORDER BY s.stream";
    let mut statement = db.prepare(sql)?;
    let titles = statement.query_map([json!(ids).to_string()], |row| {
        let id: String = row.get("id")?;
        let (_, title) = title::read(row)?;
        Ok((id.clone(), title.unwrap_or(id)))
    })?;
    titles.collect()
}

/// Calls of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCalls {
    /// Its name, as the model wrote it.
    pub name: String,
    /// Its calls.
    pub calls: u64,
    /// Of these, the ones that have failed.
    pub failed: u64,
}

/// The calls in the sessions and the time that a filter picks, by tool, the most first.
///
/// # Errors
/// When the filter names what is not there.
pub fn calls_by_tool(db: &Connection, filter: &Filter) -> Result<Vec<ToolCalls>, FilterError> {
    pick(db, filter)?;
    let sql = format!(
        "SELECT c.name, count(*) AS calls, coalesce(sum({failed}), 0) AS failed
         FROM temp.picked p JOIN sessions s ON s.stream = p.stream JOIN streams t ON t.stream = p.stream
         CROSS JOIN function_calls c ON c.stream = p.stream
         WHERE c.copied = 0 AND NOT EXISTS ({NEWER}) AND (p.timed = 0
            OR coalesce(c.at_ms, p.start_ms) >= ?1 AND coalesce(c.at_ms, p.start_ms) < ?2)
         GROUP BY c.name ORDER BY calls DESC, c.name",
        failed = has_failed!("c")
    );
    let (since, until) = filter.range();
    let mut statement = db.prepare(&sql)?;
    let rows = statement.query_map(params![since, until], |row| {
        let (calls, failed) = (row.count("calls")?, row.count("failed")?);
        Ok(ToolCalls { name: row.get("name")?, calls, failed })
    })?;
    Ok(rows.collect::<SqlResult<_>>()?)
}

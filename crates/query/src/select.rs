//! From a filter to the sessions it picks: one statement with bound values, and a table of what it picked.
//!
//! `temp.picked` lives in the reader's own memory. Every other statement of a report joins it, so that all
//! of them speak of the same sessions.

use super::filter::{Filter, FilterError, FilterName, Order, nearest};
use super::sessions::{ids_beginning, ids_named, places_back, sessions};
use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_location::folder::lies_below;
use codex_ledger_location::repository::{is_meant, spellings};
use serde_json::json;
use std::collections::BTreeSet;

/// A value of a filter and what it was found to mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Full ids of sessions; `None` for all.
    pub ids: Option<Vec<String>>,
    /// Full names of repositories; `None` for all.
    pub repos: Option<Vec<String>>,
    /// Directories; `None` for all.
    pub folders: Option<Vec<String>>,
}

const INSERT: &str = "INSERT INTO temp.picked (stream, start_ms, timed)";

const PICK: &str = "
    SELECT s.stream, coalesce(s.created_at_ms, t.first_at_ms) AS start_ms, ?6 AS timed
    FROM sessions s JOIN streams t ON t.stream = s.stream
    WHERE (?1 IS NULL OR s.id IN (SELECT value FROM json_each(?1)))
      AND (?2 IS NULL OR coalesce(s.git_url, s.cwd) IN (SELECT value FROM json_each(?2)))
      AND (?3 IS NULL OR s.cwd IN (SELECT value FROM json_each(?3)))
      AND (?4 IS NULL OR s.model = ?4
        OR EXISTS (SELECT 1 FROM turn_context_messages c WHERE c.stream = s.stream AND c.model = ?4)
        OR EXISTS (SELECT 1 FROM token_messages k WHERE k.stream = s.stream AND k.model = ?4))
      AND (?5 IS NULL OR s.source IN (SELECT value FROM json_each(?5))
        OR s.subagent IN (SELECT value FROM json_each(?5)))
      AND (?12 = 0 OR s.subagent IS NULL AND coalesce(s.source, '') NOT IN ('internal', 'subagent'))
      AND (?10 IS NULL OR (SELECT count(DISTINCT g.tag) FROM tags g WHERE g.session_id = s.id
        AND g.tag IN (SELECT value FROM json_each(?10))) = json_array_length(?10))
      AND (?11 IS NULL OR s.id IN (SELECT d.session_id FROM dispositions d
        WHERE d.value IN (SELECT value FROM json_each(?11))))
      AND (?6 = 0 OR coalesce(t.last_at_ms, s.created_at_ms) >= ?7
        AND coalesce(s.created_at_ms, t.first_at_ms) < ?8
        AND EXISTS (SELECT 1 FROM events e WHERE e.stream = s.stream
            AND coalesce(e.at_ms, s.created_at_ms, t.first_at_ms) >= ?7
            AND coalesce(e.at_ms, s.created_at_ms, t.first_at_ms) < ?8))";

/// What the picked sessions are, and whether single records are left out by their time.
const TABLE: &str = "
    CREATE TEMP TABLE IF NOT EXISTS picked (
        place INTEGER PRIMARY KEY, stream INTEGER NOT NULL UNIQUE, start_ms INTEGER, timed INTEGER NOT NULL);
    DELETE FROM temp.picked;";

/// Fills `temp.picked` with the sessions that a filter picks, in its order; returns what its values mean.
pub(super) fn pick(db: &Connection, filter: &Filter) -> Result<Resolved, FilterError> {
    let resolved = resolve(db, filter)?;
    let list =
        |values: &Option<Vec<String>>| values.as_ref().map(|values| json!(values).to_string());
    let (since, until) = filter.range();
    let order = match filter.order {
        Order::Oldest => " ORDER BY start_ms NULLS FIRST, s.id, s.stream LIMIT ?9",
        Order::Newest => " ORDER BY start_ms DESC NULLS LAST, s.id, s.stream LIMIT ?9",
    };
    let limit = filter.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
    db.execute_batch(TABLE)?;
    db.execute(
        &[INSERT, PICK, order].concat(),
        params![
            list(&resolved.ids),
            list(&resolved.repos),
            list(&resolved.folders),
            filter.model,
            listed(&filter.sources),
            filter.is_timed(),
            since,
            until,
            limit,
            listed(&filter.tags),
            listed(&filter.dispositions),
            filter.by_person,
        ],
    )?;
    Ok(resolved)
}

/// Values without repetitions as JSON; `None` for none.
fn listed(values: &[String]) -> Option<String> {
    let values: BTreeSet<&String> = values.iter().collect();
    (!values.is_empty()).then(|| json!(values).to_string())
}

fn resolve(db: &Connection, filter: &Filter) -> Result<Resolved, FilterError> {
    annotations(db, filter)?;
    let ids = match filter.sessions.is_empty() {
        true => None,
        false => Some(
            filter
                .sessions
                .iter()
                .map(|prefix| session(db, prefix))
                .collect::<Result<Vec<_>, _>>()?,
        ),
    };
    let repos = filter.repo.as_deref().map(|repo| repositories(db, repo)).transpose()?;
    let folders = filter.workspace.as_deref().map(|dir| folders(db, dir)).transpose()?;
    if let Some(model) = &filter.model {
        let sql = "SELECT model FROM sessions UNION SELECT model FROM turn_context_messages
            UNION SELECT model FROM token_messages ORDER BY 1";
        known(db, sql, FilterName::Model, model)?;
    }
    for source in &filter.sources {
        let sql = "SELECT source FROM sessions UNION SELECT subagent FROM sessions ORDER BY 1";
        known(db, sql, FilterName::Source, source)?;
    }
    Ok(Resolved { ids, repos, folders })
}

/// Tags and dispositions that somebody gave.
fn annotations(db: &Connection, filter: &Filter) -> Result<(), FilterError> {
    let kinds: [(&[String], _, _); 2] = [
        (&filter.tags, FilterName::Tag, "SELECT DISTINCT tag FROM tags ORDER BY 1"),
        (
            &filter.dispositions,
            FilterName::Disposition,
            "SELECT DISTINCT value FROM dispositions ORDER BY 1",
        ),
    ];
    for (values, filter, sql) in kinds {
        let all = if values.is_empty() { Vec::new() } else { texts(db, sql)? };
        if let Some(value) = values.iter().find(|value| !all.contains(value)) {
            return Err(match all.is_empty() {
                true => FilterError::NoSuch { filter, value: value.clone() },
                false => unknown(filter, value, all.iter().map(String::as_str)),
            });
        }
    }
    Ok(())
}

fn texts(db: &Connection, sql: &str) -> SqlResult<Vec<String>> {
    let rows: Vec<Option<String>> =
        db.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<SqlResult<_>>()?;
    Ok(rows.into_iter().flatten().collect())
}

fn known(db: &Connection, sql: &str, filter: FilterName, value: &str) -> Result<(), FilterError> {
    let all = texts(db, sql)?;
    if all.iter().any(|known| known == value) {
        return Ok(());
    }
    Err(unknown(filter, value, all.iter().map(String::as_str)))
}

fn unknown<'a>(
    filter: FilterName,
    value: &str,
    all: impl IntoIterator<Item = &'a str>,
) -> FilterError {
    let nearest = nearest(value, all).map(str::to_string);
    FilterError::Unknown { filter, value: value.into(), nearest }
}

/// The one id that begins so, else that of the one session of that name; `latest` and `-2` as everywhere.
fn session(db: &Connection, prefix: &str) -> Result<String, FilterError> {
    if let Some(back) = places_back(prefix).filter(|_| !prefix.is_empty())
        && let Some(newest) = sessions(db, back)?.into_iter().nth(back - 1)
    {
        return Ok(newest.id);
    }
    let lower = prefix.to_ascii_lowercase();
    let mut ids = ids_beginning(db, ("id", "sessions"), prefix)?;
    // A whole id names its session, even where a longer one begins with it.
    if ids.first().is_some_and(|id| *id == lower) {
        ids.truncate(1);
    }
    if ids.is_empty() {
        ids = ids_named(db, prefix)?;
    }
    match (ids.len(), ids.pop()) {
        (1, Some(id)) => Ok(id),
        (0, _) => {
            let all = texts(db, "SELECT DISTINCT id FROM sessions ORDER BY 1")?;
            let count = lower.chars().count();
            let heads: Vec<String> =
                all.iter().map(|id| id.chars().take(count.max(8)).collect()).collect();
            Err(unknown(FilterName::Session, prefix, heads.iter().map(String::as_str)))
        }
        (_, last) => {
            ids.extend(last);
            Err(FilterError::Several { prefix: prefix.into(), ids })
        }
    }
}

/// Full names of the repositories that a URL, `owner/name`, name or directory means.
fn repositories(db: &Connection, value: &str) -> Result<Vec<String>, FilterError> {
    let all = texts(
        db,
        "SELECT DISTINCT coalesce(git_url, cwd) FROM sessions WHERE git_url IS NOT NULL
            OR cwd IS NOT NULL ORDER BY 1",
    )?;
    let found: Vec<String> = all.iter().filter(|repo| is_meant(repo, value)).cloned().collect();
    if found.is_empty() {
        return Err(unknown(FilterName::Repo, value, all.iter().flat_map(|repo| spellings(repo))));
    }
    Ok(found)
}

/// Directories of sessions that are this one or lie below it.
fn folders(db: &Connection, value: &str) -> Result<Vec<String>, FilterError> {
    let all = texts(db, "SELECT DISTINCT cwd FROM sessions ORDER BY 1")?;
    let found: Vec<String> = all.iter().filter(|cwd| lies_below(cwd, value)).cloned().collect();
    if found.is_empty() {
        return Err(unknown(FilterName::Workspace, value, all.iter().map(String::as_str)));
    }
    Ok(found)
}

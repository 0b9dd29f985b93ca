//! What the qualifiers of a question leave of the places where its words stand.

use super::row::{Counts, columns};
use super::search::Search;
use codex_ledger_db::{Connection, Row, SqlResult};
use codex_ledger_entry::StreamId;
use codex_ledger_location::repository;
use std::collections::HashSet;

/// Streams and lines in which is looked; `None` for all.
pub(super) struct Scope {
    streams: Option<HashSet<StreamId>>,
    files: Option<HashSet<(StreamId, i64)>>,
}

impl Scope {
    pub(super) fn of(views: &Connection, search: &Search) -> SqlResult<Scope> {
        Ok(Scope { streams: streams(views, search)?, files: files(views, search)? })
    }

    pub(super) fn has_stream(&self, stream: StreamId) -> bool {
        self.streams.as_ref().is_none_or(|streams| streams.contains(&stream))
    }

    pub(super) fn has_line(&self, stream: StreamId, line: i64) -> bool {
        self.files.as_ref().is_none_or(|files| files.contains(&(stream, line)))
    }

    /// The session in here that has the name that stands at a place; older names are no longer its.
    pub(super) fn session_named_at(
        &self,
        views: &Connection,
        place: [i64; 4],
    ) -> SqlResult<Option<String>> {
        let sql =
            "SELECT s.id, s.stream FROM session_names n JOIN sessions s ON s.id = n.session_id
            WHERE n.stream = ?1 AND n.line = ?2 AND n.part = ?3 AND n.item = ?4
            AND (n.stream, n.line, n.part, n.item) = (SELECT o.stream, o.line, o.part, o.item
                FROM (SELECT stream, max(line) AS line, part, item, at_ms FROM session_names
                    WHERE session_id = n.session_id GROUP BY stream, line >> 32) o
                ORDER BY o.at_ms DESC, o.stream DESC, o.line DESC LIMIT 1)";
        let mut statement = views.prepare_cached(sql)?;
        let mut rows = statement.query(place)?;
        while let Some(row) = rows.next()? {
            if self.has_stream(row.stream("stream")?) {
                return row.get("id").map(Some);
            }
        }
        Ok(None)
    }
}

/// Streams that what is asked of their session leaves.
fn streams(views: &Connection, search: &Search) -> SqlResult<Option<HashSet<StreamId>>> {
    let Search { repo, session, tag, disposition, title, model, error, .. } = search;
    let all = [repo, session, tag, disposition, title, model, error];
    if all.iter().all(|value| value.is_none()) {
        return Ok(None);
    }
    let sql = "SELECT stream, coalesce(git_url, cwd, '') AS repo FROM sessions WHERE substr(id, 1, length(?1)) = ?1
        AND (?2 = '' OR id IN (SELECT session_id FROM tags WHERE tag = ?2))
        AND (?3 = '' OR id IN (SELECT session_id FROM dispositions WHERE value = ?3))
        AND (?4 = '' OR stream IN (SELECT stream FROM session_titles WHERE instr(lower(coalesce(name, asked)), ?4) > 0))
        AND (?5 = '' OR stream IN (SELECT stream FROM turn_context_messages WHERE substr(lower(model), 1, length(?5)) = ?5))
        AND (?6 = '' OR stream IN (SELECT stream FROM turns WHERE what = 'error' AND instr(lower(text), ?6) > 0))";
    let small = |value: &Option<String>| value.as_deref().unwrap_or_default().to_lowercase();
    let [session, title, model, error] = [session, title, model, error].map(small);
    let [tag, disposition] = [tag, disposition].map(|it| it.as_deref().unwrap_or_default());
    let mut statement = views.prepare_cached(sql)?;
    let values = [session.as_str(), tag, disposition, &title, &model, &error];
    let mut rows = statement.query(values)?;
    let mut streams = HashSet::new();
    while let Some(row) = rows.next()? {
        let shown: String = row.get("repo")?;
        if repo.as_deref().is_none_or(|repo| repository::contains(&shown, repo)) {
            streams.insert(row.stream("stream")?);
        }
    }
    Ok(Some(streams))
}

/// Streams and lines of patches that touched a file that `file:` names.
fn files(views: &Connection, search: &Search) -> SqlResult<Option<HashSet<(StreamId, i64)>>> {
    let Some(file) = &search.file else { return Ok(None) };
    let sql = "SELECT stream, line FROM file_changes WHERE instr(path, ?1) > 0";
    let mut statement = views.prepare_cached(sql)?;
    let columns = PatchColumns::of(&statement)?;
    let place = |row: &Row<'_>| Ok((row.stream(columns.stream)?, row.get(columns.line)?));
    let rows = statement.query_map([file], place)?;
    rows.collect::<SqlResult<_>>().map(Some)
}

columns! { PatchColumns: stream, line }

//! What the qualifiers of a question leave of the places where its words stand.

use super::row::{Counts, columns};
use super::search::Search;
use super::sessions::{places_back, sessions};
use codex_ledger_db::{Connection, Row, SqlResult};
use codex_ledger_entry::StreamId;
use codex_ledger_location::repository;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

/// Streams and lines in which is looked; `None` for all.
pub(super) struct Scope {
    streams: Option<HashSet<StreamId>>,
    files: Option<HashSet<(StreamId, i64)>>,
    /// Where the names of sessions stand that they have now, once they were asked for.
    named: OnceCell<Named>,
}

/// Sessions and their streams, by the places of their names.
type Named = HashMap<[i64; 4], Vec<(String, StreamId)>>;

fn named_now(views: &Connection) -> SqlResult<Named> {
    let sql = "SELECT n.stream AS at, n.line, n.part, n.item, s.id, s.stream FROM (
            SELECT *, row_number() OVER (PARTITION BY session_id ORDER BY at_ms DESC, stream DESC, line DESC) AS nth
            FROM (SELECT session_id, stream, max(line) AS line, part, item, at_ms FROM session_names
                GROUP BY session_id, stream, line >> 32)) n
        JOIN sessions s ON s.id = n.session_id WHERE n.nth = 1";
    let mut statement = views.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut named = Named::new();
    while let Some(row) = rows.next()? {
        let place = [row.get("at")?, row.get("line")?, row.get("part")?, row.get("item")?];
        named.entry(place).or_default().push((row.get("id")?, row.stream("stream")?));
    }
    Ok(named)
}

impl Scope {
    pub(super) fn of(views: &Connection, search: &Search) -> SqlResult<Scope> {
        let (streams, files) = (streams(views, search)?, files(views, search)?);
        Ok(Scope { streams, files, named: OnceCell::new() })
    }

    /// Whether nothing is left out.
    pub(super) fn is_everywhere(&self) -> bool {
        self.streams.is_none() && self.files.is_none()
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
        // All at once: a word may stand in the names of many.
        let named = match self.named.get() {
            Some(named) => named,
            None => {
                let read = named_now(views)?;
                self.named.get_or_init(|| read)
            }
        };
        let sessions = named.get(&place).into_iter().flatten();
        Ok(sessions
            .into_iter()
            .find(|(_, stream)| self.has_stream(*stream))
            .map(|(id, _)| id.clone()))
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
    let session = newest_named(views, session)?;
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

/// `latest`, `last`, `-1`, … as the id that they name, as everywhere; other values as they are.
pub(super) fn newest_named(views: &Connection, session: String) -> SqlResult<String> {
    let Some(back) = places_back(&session).filter(|_| !session.is_empty()) else {
        return Ok(session);
    };
    let newest = sessions(views, back)?.into_iter().nth(back - 1);
    Ok(newest.map_or(session, |newest| newest.id))
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

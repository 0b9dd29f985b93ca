//! What reviewers said: tags, notes, dispositions.

use super::row::{Counts, sql_seq, sql_stream};
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, params};
use codex_ledger_entry::{Seq, SeqRange, StreamId};
use codex_ledger_location::{folder::lies_below, repository};
use serde::Serialize;
use std::collections::BTreeMap;

/// A tag of a session or prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagRow {
    /// Session.
    pub session: String,
    /// Number of the prompt; 0 for the session itself.
    pub prompt: u64,
    /// The tag.
    pub tag: String,
    /// Entry that gave it.
    pub seq: Seq,
}

impl TagRow {
    fn read(row: &Row<'_>) -> SqlResult<TagRow> {
        Ok(TagRow {
            session: row.get("session_id")?,
            prompt: row.count("prompt")?,
            tag: row.get("tag")?,
            seq: row.seq("seq")?,
        })
    }
}

/// A note on a session or prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoteRow {
    /// Entry that holds it.
    pub seq: Seq,
    /// Session.
    pub session: String,
    /// Number of the prompt; 0 for the session itself.
    pub prompt: u64,
    /// Who.
    pub actor: Option<String>,
    /// When, UTC milliseconds.
    pub recorded_at_ms: i64,
    /// What it says.
    pub text: String,
}

impl NoteRow {
    fn read(row: &Row<'_>) -> SqlResult<NoteRow> {
        Ok(NoteRow {
            seq: row.seq("seq")?,
            session: row.get("session_id")?,
            prompt: row.count("prompt")?,
            actor: row.get("actor")?,
            recorded_at_ms: row.get("recorded_at_ms")?,
            text: row.get("text")?,
        })
    }
}

/// What came of a session or prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DispositionRow {
    /// Session.
    pub session: String,
    /// Number of the prompt; 0 for the session itself.
    pub prompt: u64,
    /// followed, ignored, needs-review, or one of the reader's own.
    pub value: String,
    /// Entry that says so.
    pub seq: Seq,
}

impl DispositionRow {
    fn read(row: &Row<'_>) -> SqlResult<DispositionRow> {
        Ok(DispositionRow {
            session: row.get("session_id")?,
            prompt: row.count("prompt")?,
            value: row.get("value")?,
            seq: row.seq("seq")?,
        })
    }
}

/// What reviewers say of a session or prompt, as it holds now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Tags, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The entries that gave them, in the same order: a tag that is shown in part can be named by its entry alone.
    #[serde(skip)]
    pub tagged_by: Vec<Seq>,
    /// followed, ignored, needs-review, or one of the reader's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// Notes, in the order in which they were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// A note in a [`Review`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Who.
    pub actor: Option<String>,
    /// What it says.
    pub text: String,
}

impl Review {
    /// What is said of a session, or of one of its prompts; `prompt` 0 is the session itself.
    ///
    /// # Errors
    /// As the database.
    pub fn read(db: &Connection, session: &str, prompt: u64) -> SqlResult<Review> {
        let of = params![session, prompt as i64];
        let sql =
            "SELECT tag, seq FROM tags WHERE session_id = ?1 AND prompt = ?2 ORDER BY tag, seq";
        let mut statement = db.prepare_cached(sql)?;
        let tag = |row: &Row<'_>| Ok((row.get("tag")?, row.seq("seq")?));
        let (tags, tagged_by) = statement.query_map(of, tag)?.collect::<SqlResult<_>>()?;
        let sql = "SELECT value FROM dispositions WHERE session_id = ?1 AND prompt = ?2";
        let disposition =
            db.prepare_cached(sql)?.query_row(of, |row| row.get("value")).optional()?;
        let sql =
            "SELECT actor, text FROM notes WHERE session_id = ?1 AND prompt = ?2 ORDER BY seq";
        let mut statement = db.prepare_cached(sql)?;
        let note = |row: &Row<'_>| Ok(Note { actor: row.get("actor")?, text: row.get("text")? });
        let notes = statement.query_map(of, note)?.collect::<SqlResult<_>>()?;
        Ok(Review { tags, tagged_by, disposition, notes })
    }

    /// What is said of a session, as its number 0, and of each of its prompts of which something is said.
    ///
    /// # Errors
    /// As the database.
    pub fn of_session(db: &Connection, session: &str) -> SqlResult<BTreeMap<u64, Review>> {
        let mut all: BTreeMap<u64, Review> = BTreeMap::new();
        let mut tags = db.prepare_cached(
            "SELECT prompt, tag FROM tags WHERE session_id = ? ORDER BY prompt, tag",
        )?;
        let mut rows = tags.query([session])?;
        while let Some(row) = rows.next()? {
            all.entry(row.count("prompt")?).or_default().tags.push(row.get("tag")?);
        }
        let mut values =
            db.prepare_cached("SELECT prompt, value FROM dispositions WHERE session_id = ?")?;
        let mut rows = values.query([session])?;
        while let Some(row) = rows.next()? {
            all.entry(row.count("prompt")?).or_default().disposition = Some(row.get("value")?);
        }
        for NoteRow { prompt, actor, text, .. } in notes(db, Some(session))? {
            all.entry(prompt).or_default().notes.push(Note { actor, text });
        }
        Ok(all)
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.disposition.is_none() && self.notes.is_empty()
    }

    /// Each thing that is said: what it is, and its words.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if !self.tags.is_empty() {
            facts.push(("tags", self.tags.join(", ")));
        }
        facts.extend(self.disposition.iter().map(|value| ("disposition", value.clone())));
        for Note { actor, text } in &self.notes {
            let by = actor.as_ref().map(|actor| format!("{actor}: ")).unwrap_or_default();
            facts.push(("note", format!("{by}{text}")));
        }
        facts
    }
}

/// All tags, or those of one name.
///
/// # Errors
/// As the database.
pub fn tags(db: &Connection, name: Option<&str>) -> SqlResult<Vec<TagRow>> {
    let sql = "SELECT session_id, prompt, tag, seq FROM tags WHERE ?1 IS NULL OR tag = ?1
        ORDER BY tag, session_id, prompt";
    db.prepare(sql)?.query_map([name], TagRow::read)?.collect()
}

/// All notes, or those of one session, in the order in which they were written.
///
/// # Errors
/// As the database.
pub fn notes(db: &Connection, session: Option<&str>) -> SqlResult<Vec<NoteRow>> {
    let sql = "SELECT seq, session_id, prompt, actor, recorded_at_ms, text FROM notes
        WHERE ?1 IS NULL OR session_id = ?1 ORDER BY seq";
    db.prepare(sql)?.query_map([session], NoteRow::read)?.collect()
}

/// All dispositions, or those of one value.
///
/// # Errors
/// As the database.
pub fn dispositions(db: &Connection, value: Option<&str>) -> SqlResult<Vec<DispositionRow>> {
    let sql =
        "SELECT session_id, prompt, value, seq FROM dispositions WHERE ?1 IS NULL OR value = ?1
        ORDER BY value, session_id, prompt";
    db.prepare(sql)?.query_map([value], DispositionRow::read)?.collect()
}

/// What an entry says of a session or prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// tag, untag, note, unnote, disposition.
    pub act: String,
    /// Thread id.
    pub session: String,
    /// Number that the prompt has now; 0 for the session itself.
    pub prompt: u64,
    /// Tag or disposition.
    pub value: Option<String>,
    /// Of a disposition: the one that held before.
    pub before: Option<String>,
}

/// What an entry says of a session or prompt, if it does.
///
/// # Errors
/// As the database.
pub fn said_by(db: &Connection, seq: Seq) -> SqlResult<Option<Said>> {
    let sql = "SELECT r.act, r.session_id, r.prompt, r.value, (SELECT b.value FROM reviews b
            WHERE r.act = 'disposition' AND b.act = r.act AND b.session_id = r.session_id AND b.prompt = r.prompt
                AND b.seq < r.seq ORDER BY b.seq DESC LIMIT 1) AS before
        FROM reviews r WHERE r.seq = ?";
    let read = |row: &Row<'_>| {
        Ok(Said {
            act: row.get("act")?,
            session: row.get("session_id")?,
            prompt: row.count("prompt")?,
            value: row.get("value")?,
            before: row.get("before")?,
        })
    };
    db.query_row(sql, [sql_seq(seq)], read).optional()
}

/// Sessions with new entries in a range that meet all conditions that are given (part of the repository,
/// directory, text of a prompt) and were never given that tag, nor had it taken away.
///
/// # Errors
/// As the database.
pub fn sessions_to_tag(
    db: &Connection,
    tag: &str,
    [repo, path, text]: [Option<&str>; 3],
    new: SeqRange,
) -> SqlResult<Vec<String>> {
    let sql = "SELECT s.id, s.stream, s.cwd, s.git_url FROM sessions s
        WHERE EXISTS (SELECT 1 FROM events e WHERE e.stream = s.stream AND e.seq >= ?2 AND e.seq < ?3)
        AND NOT EXISTS (SELECT 1 FROM annotations a WHERE a.session_id = s.id AND a.value = ?1
            AND a.act IN ('tag', 'untag') AND a.prompt = 0)
        ORDER BY s.id, s.stream";
    let mut statement = db.prepare(sql)?;
    let values = params![tag, sql_seq(new.from), sql_seq(new.end)];
    type Place = [Option<String>; 2];
    let rows: Vec<(String, StreamId, Place)> = statement
        .query_map(values, |row| {
            Ok((row.get("id")?, row.stream("stream")?, [row.get("cwd")?, row.get("git_url")?]))
        })?
        .collect::<SqlResult<_>>()?;
    let lies_there = |[cwd, url]: &Place| {
        let is_below = |path| cwd.as_deref().is_some_and(|cwd| lies_below(cwd, path));
        let is_of = |repo| url.as_deref().is_some_and(|url| repository::contains(url, repo));
        path.is_none_or(is_below) && repo.is_none_or(is_of)
    };
    let mut found = Vec::new();
    for (id, stream, place) in rows {
        if found.last() == Some(&id) || !lies_there(&place) {
            continue;
        }
        if text.map_or(Ok(true), |text| asks(db, stream, text))? {
            found.push(id);
        }
    }
    Ok(found)
}

/// Whether a prompt of a stream holds a text, whatever its case.
fn asks(db: &Connection, stream: StreamId, text: &str) -> SqlResult<bool> {
    let text = text.to_lowercase();
    let mut statement =
        db.prepare_cached("SELECT text FROM prompts WHERE stream = ? AND number > 0")?;
    let mut rows = statement.query([sql_stream(stream)])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, String>(0)?.to_lowercase().contains(&text) {
            return Ok(true);
        }
    }
    Ok(false)
}

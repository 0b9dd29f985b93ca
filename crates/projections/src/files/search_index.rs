//! The full-text index over what the views show: derived from redacted rows only, brought up to date when somebody
//! searches, and thrown away in shards when what it was made from changes.
//!
//! It lies in files of its own beside the views, so that appending never waits for it and so that words that
//! were hidden are gone with their shard's file, at once.

use crate::files::views::{Views, ViewsError};
use crate::replay::ReplayError;
use crate::row::{ReadNumbers, sql_stream};
use codex_ledger_db::{self as db, Connection, Row, SqlResult, params};
use codex_ledger_entry::StreamId;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::Builder;

/// A stream's texts are in the shard that its number names.
pub(crate) const SHARDS: u64 = 16;
/// Raised when the tables or the way of splitting words change.
const VERSION: i64 = 7;
/// What the name of a shard that is being written ends with.
const NEW: &str = "-new";
/// Of a longer text this many bytes are indexed: the rest is mostly the output of a build.
const TEXT_MAX_BYTES: usize = 64 << 10;

const SCHEMA: &str = "
    CREATE VIRTUAL TABLE texts USING fts5(text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2');
    CREATE TABLE docs (
        doc INTEGER PRIMARY KEY, source TEXT NOT NULL, stream INTEGER NOT NULL, line INTEGER NOT NULL,
        part INTEGER NOT NULL, item INTEGER NOT NULL, at_ms INTEGER, tool TEXT, exit_code INTEGER
    ) STRICT;
    CREATE INDEX docs_by_stream ON docs (stream);
    CREATE TABLE indexed (stream INTEGER PRIMARY KEY, cursor INTEGER NOT NULL) STRICT;
    CREATE TABLE made (decided INTEGER NOT NULL, ledger TEXT NOT NULL, docs INTEGER NOT NULL) STRICT;
    INSERT INTO made VALUES (-1, '', 0);";

/// Source word, table, text, tool and exit code of what can be found.
const SOURCES: [(&str, &str); 10] = [
    (
        "prompt",
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM prompts WHERE stream = ? AND number > 0",
    ),
    (
        "message",
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM messages WHERE stream = ? AND copied = 0 AND kind IN ('assistant', 'question', 'agent_mail')",
    ),
    (
        "context",
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM messages WHERE stream = ? AND copied = 0 AND kind NOT IN ('assistant', 'question', 'agent_mail')",
    ),
    (
        "reasoning",
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM agent_reasoning_messages WHERE stream = ? AND copied = 0",
    ),
    (
        "plan",
        "SELECT line, part, item, at_ms, step AS text, NULL AS tool, NULL AS exit_code FROM function_plan_messages WHERE stream = ? AND copied = 0",
    ),
    (
        "call",
        "SELECT line, part, item, at_ms, CASE tool WHEN 'web_search' THEN coalesce(command || char(10), '') || arguments ELSE coalesce(command, arguments) END AS text, name AS tool, exit_code FROM function_calls WHERE stream = ? AND copied = 0",
    ),
    (
        "output",
        "SELECT line, part, item, output_at_ms AS at_ms, output AS text, name AS tool, exit_code FROM function_calls WHERE stream = ? AND copied = 0 AND output IS NOT NULL",
    ),
    (
        "file",
        "SELECT line, part, item, at_ms, path AS text, NULL AS tool, NULL AS exit_code FROM file_changes WHERE stream = ? AND copied = 0",
    ),
    // Errors, why a turn was stopped, what a review has found, summaries of what was compacted.
    (
        "turn",
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM turns WHERE stream = ? AND copied = 0 AND text <> ''",
    ),
    // Stands where the name was given, mostly in a side file; who reads it asks whose name it is now.
    (
        "name",
        "SELECT line, part, item, at_ms, name AS text, NULL AS tool, NULL AS exit_code FROM session_names WHERE stream = ? AND name IS NOT NULL",
    ),
];

/// The shards' files of the current views.
pub(crate) fn shard_path(views: &Path, shard: u64) -> PathBuf {
    with_suffix(views, &format!("-search{shard:02}"))
}

/// The shard that a stream's texts are in.
pub(crate) fn shard_of(stream: StreamId) -> u64 {
    stream.get() % SHARDS
}

/// Whether a file is one of the shards of the views of that name.
pub(crate) fn is_shard(views: &str, name: &str) -> bool {
    (0..SHARDS).any(|shard| name == format!("{views}-search{shard:02}"))
}

/// Whether a file is a shard that is being written, or what lies beside one.
pub(crate) fn is_half_written(name: &str) -> bool {
    name.ends_with(NEW) || name.ends_with("-new-journal")
}

/// What the index is made from.
#[derive(Clone)]
pub(crate) struct Basis {
    /// Every stream that the views speak of, and when its rows were last written: the cursor of that transaction.
    pub streams: BTreeMap<StreamId, i64>,
    /// The last entry that decided what may be shown.
    pub decided: i64,
    /// Whose views they are.
    pub ledger: String,
}

impl Basis {
    pub(crate) fn read(views: &Connection) -> SqlResult<Basis> {
        let snapshot = views.unchecked_transaction()?;
        let decided = "SELECT max(
            (SELECT coalesce(max(seq), -1) FROM redactions),
            (SELECT coalesce(max(seq), -1) FROM revocations),
            (SELECT coalesce(max(seq), -1) FROM rule_sets))";
        let decided = snapshot.query_row(decided, [], |row| row.get(0))?;
        let ledger = snapshot.query_row("SELECT ledger FROM meta", [], |row| row.get(0))?;
        let mut statement = snapshot.prepare(
            "SELECT t.stream, f.cursor FROM streams t JOIN fold_states f ON f.stream = t.stream
                WHERE t.superseded = 0 AND t.kind IN ('rollout', 'file', 'index')",
        )?;
        let rows =
            statement.query_map([], |row| Ok((row.stream("stream")?, row.get("cursor")?)))?;
        Ok(Basis { decided, ledger, streams: rows.collect::<SqlResult<_>>()? })
    }

    /// The part of it that a shard is made from.
    pub(crate) fn of_shard(&self, shard: u64) -> Basis {
        let mine = self.streams.iter().filter(|(stream, _)| shard_of(**stream) == shard);
        let streams = mine.map(|(stream, cursor)| (*stream, *cursor)).collect();
        Basis { streams, decided: self.decided, ledger: self.ledger.clone() }
    }
}

/// Brings the index up to date with the views and opens its shards. A shard that is damaged is made anew; one
/// that cannot be written is made in a scratch place, for this one time.
///
/// # Errors
/// When the views cannot be read.
pub fn search_index(views: &Views) -> Result<Vec<Connection>, ViewsError> {
    // Without a lock nothing is written.
    let lock = lock(views).ok();
    // Read behind the lock: whoever hides something waits for it before the shards are thrown away.
    let Some(path) = views.paths.current() else {
        return Ok(Vec::new());
    };
    let basis = Basis::read(&views.reader()?).map_err(db::at(&path))?;
    let is_writable = lock.is_some();
    let of_half = |shards: std::ops::Range<u64>| {
        let db = views.reader()?;
        let shard = |shard: u64| {
            shard_at(&shard_path(&path, shard), &db, &basis.of_shard(shard), is_writable)
        };
        shards.map(shard).collect::<Result<Vec<_>, ViewsError>>()
    };
    std::thread::scope(|scope| {
        let other = Builder::new().spawn_scoped(scope, || of_half(SHARDS / 2..SHARDS));
        let other = other.map_err(ReplayError::Thread)?;
        let mut open = of_half(0..SHARDS / 2)?;
        open.extend(other.join().map_err(|_| ReplayError::Died)??);
        Ok(open)
    })
}

/// Makes the whole index in a scratch place, for this one time.
///
/// # Errors
/// When the views cannot be read.
pub fn scratch_search_index(views: &Views) -> Result<Vec<Connection>, ViewsError> {
    let db = views.reader()?;
    let basis = Basis::read(&db).map_err(db::at(&views.paths.link))?;
    (0..SHARDS).map(|shard| scratch_shard(&db, &basis.of_shard(shard))).collect()
}

/// Throws away the shards of these streams; of all streams when none is named.
///
/// # Errors
/// When a file cannot be removed.
pub fn forget_search(
    views: &Views,
    streams: Option<&BTreeSet<StreamId>>,
) -> Result<(), ViewsError> {
    let _lock = lock(views)?;
    let Some(path) = views.paths.current() else { return Ok(()) };
    for shard in 0..SHARDS {
        // Half-written ones of a search that was interrupted hold the words of any of their streams.
        remove_one(&with_suffix(&shard_path(&path, shard), NEW))?;
        if streams.is_none_or(|streams| streams.iter().any(|stream| shard_of(*stream) == shard)) {
            remove(&shard_path(&path, shard))?;
        }
    }
    Ok(())
}

/// Removes a shard and what lies beside it.
fn remove(path: &Path) -> Result<(), ViewsError> {
    ["", NEW, "-new-journal"].into_iter().try_for_each(|end| remove_one(&with_suffix(path, end)))
}

fn remove_one(path: &Path) -> Result<(), ViewsError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ViewsError::Io { action: "cannot remove", path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// The lock of whoever writes shards, where nobody has it.
pub(crate) fn try_lock(views: &Views) -> Option<File> {
    let path = views.paths.link.with_extension("search-lock");
    let file = File::options().create(true).append(true).open(&path).ok()?;
    file.try_lock().ok().map(|()| file)
}

fn lock(views: &Views) -> Result<File, ViewsError> {
    let path = views.paths.link.with_extension("search-lock");
    let failed = |source| ViewsError::Io { action: "cannot lock", path: path.clone(), source };
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// One shard, up to date.
fn shard_at(
    file: &Path,
    views: &Connection,
    basis: &Basis,
    is_writable: bool,
) -> Result<Connection, ViewsError> {
    if let Some(index) = db::open_reader(file).ok()
        && is_whole(&index, basis).unwrap_or(false)
        && known(&index).is_ok_and(|known| known == basis.streams)
    {
        return Ok(index);
    }
    if is_writable {
        // A second time after one that was damaged is thrown away.
        for _ in 0..2 {
            match write_shard(file, views, basis) {
                Ok(index) => return Ok(index),
                Err(_) if remove(file).is_ok() => {}
                Err(_) => break,
            }
        }
    }
    scratch_shard(views, basis)
}

pub(crate) fn scratch_shard(views: &Connection, basis: &Basis) -> Result<Connection, ViewsError> {
    // A database without a name is nobody else's, and goes when it is closed.
    let nowhere = Path::new("");
    let mut index = db::open_scratch(nowhere)?;
    index.execute_batch(SCHEMA).map_err(db::at(nowhere))?;
    update(&mut index, views, basis).map_err(db::at(nowhere))?;
    Ok(index)
}

/// Writes a shard beside the old one and moves it there: a file of the index is whole or is not there.
fn write_shard(file: &Path, views: &Connection, basis: &Basis) -> Result<Connection, ViewsError> {
    let path = with_suffix(file, NEW);
    let failed = |action| {
        let path = path.clone();
        move |source| ViewsError::Io { action, path, source }
    };
    remove_one(&path)?;
    let old = db::open_reader(file).ok();
    let may_grow = old.is_some_and(|old| may_grow(&old, basis).unwrap_or(false));
    if may_grow {
        fs::copy(file, &path).map_err(failed("cannot write"))?;
    }
    let mut index = db::open_scratch(&path)?;
    if !may_grow {
        index.execute_batch(&format!("BEGIN; {SCHEMA} COMMIT;")).map_err(db::at(&path))?;
        index.pragma_update(None, "user_version", VERSION).map_err(db::at(&path))?;
    }
    update(&mut index, views, basis).map_err(db::at(&path))?;
    drop(index);
    fs::rename(&path, file).map_err(failed("cannot rename"))?;
    Ok(db::open_reader(file)?)
}

fn version(index: &Connection) -> SqlResult<i64> {
    index.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Whether a shard is of this version, was made from these views, and has lost nothing since.
pub(crate) fn is_whole(index: &Connection, basis: &Basis) -> SqlResult<bool> {
    let made = "SELECT ledger = ?1 AND docs = (SELECT count(*) FROM docs)
        AND docs = (SELECT count(*) FROM texts_docsize) FROM made";
    Ok(version(index)? == VERSION && index.query_row(made, [&basis.ledger], |row| row.get(0))?)
}

/// The streams that a shard holds.
pub(crate) fn known(index: &Connection) -> SqlResult<BTreeMap<StreamId, i64>> {
    let mut statement = index.prepare("SELECT stream, cursor FROM indexed")?;
    let rows = statement.query_map([], |row| Ok((row.stream("stream")?, row.get("cursor")?)))?;
    rows.collect()
}

/// Whether a shard's file may go on. Words that are deleted from it stay in its pages: a file with streams
/// that are gone, or that may have been written anew because something in them was hidden, has to go.
fn may_grow(index: &Connection, basis: &Basis) -> SqlResult<bool> {
    if !is_whole(index, basis)? {
        return Ok(false);
    }
    let decided: i64 = index.query_row("SELECT decided FROM made", [], |row| row.get(0))?;
    let may_stay = |(stream, cursor): (&StreamId, &i64)| match basis.streams.get(stream) {
        Some(now) => now == cursor || decided == basis.decided,
        None => false,
    };
    Ok(known(index)?.iter().all(may_stay))
}

/// Indexes the streams that were written since.
fn update(index: &mut Connection, views: &Connection, basis: &Basis) -> SqlResult<()> {
    let known = known(index)?;
    let transaction = index.transaction()?;
    let mut doc: i64 =
        transaction.query_row("SELECT coalesce(max(doc), 0) FROM docs", [], |row| row.get(0))?;
    let written = basis.streams.iter().filter(|(stream, cursor)| known.get(stream) != Some(cursor));
    for (stream, cursor) in written {
        let id = sql_stream(*stream);
        transaction.execute(
            "DELETE FROM texts WHERE rowid IN (SELECT doc FROM docs WHERE stream = ?)",
            [id],
        )?;
        transaction.execute("DELETE FROM docs WHERE stream = ?", [id])?;
        for (source, sql) in SOURCES {
            let mut statement = views.prepare_cached(sql)?;
            let mut rows = statement.query([id])?;
            while let Some(row) = rows.next()? {
                doc += 1;
                insert(&transaction, doc, source, *stream, row)?;
            }
        }
        transaction.execute("INSERT OR REPLACE INTO indexed VALUES (?, ?)", params![id, cursor])?;
    }
    transaction.execute(
        "UPDATE made SET decided = ?, ledger = ?, docs = (SELECT count(*) FROM docs)",
        params![basis.decided, basis.ledger],
    )?;
    transaction.commit()
}

fn insert(
    index: &Connection,
    doc: i64,
    source: &str,
    stream: StreamId,
    row: &Row<'_>,
) -> SqlResult<()> {
    let text = row.get_ref("text")?.as_str().unwrap_or_default();
    let end = text.floor_char_boundary(TEXT_MAX_BYTES);
    let split = db::split_words(text.get(..end).unwrap_or_default());
    index
        .prepare_cached("INSERT INTO texts (rowid, text) VALUES (?, ?)")?
        .execute(params![doc, split])?;
    let place: [i64; 3] = [row.get("line")?, row.get("part")?, row.get("item")?];
    let [line, part, item] = place;
    let (at_ms, exit_code): (Option<i64>, Option<i64>) = (row.get("at_ms")?, row.get("exit_code")?);
    let tool: Option<String> = row.get("tool")?;
    index
        .prepare_cached(
            "INSERT INTO docs (doc, source, stream, line, part, item, at_ms, tool, exit_code)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            doc,
            source,
            sql_stream(stream),
            line,
            part,
            item,
            at_ms,
            tool,
            exit_code
        ])?;
    Ok(())
}

//! The full-text index over what the views show: derived from redacted rows only, brought up to date when somebody
//! searches, and thrown away in shards when what it was made from changes.
//!
//! It lies in files of its own beside the views, so that appending never waits for it and so that words that
//! were hidden are gone with their shard's file, at once.

use super::views::{Views, ViewsError};
use crate::db::{self, Connection, Row, SqlResult, params};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A stream's texts are in the shard that its number names.
const SHARDS: u64 = 16;
/// Raised when the tables or the way of splitting words change.
const VERSION: i64 = 1;
/// Of a longer text this many bytes are indexed: the rest is mostly the output of a build.
const TEXT_MAX_BYTES: usize = 64 << 10;

const SCHEMA: &str = "
    CREATE VIRTUAL TABLE texts USING fts5(text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2');
    CREATE TABLE docs (
        doc INTEGER PRIMARY KEY, source TEXT NOT NULL, stream INTEGER NOT NULL, line INTEGER NOT NULL,
        part INTEGER NOT NULL, at_ms INTEGER, tool TEXT, exit_code INTEGER
    ) STRICT;
    CREATE INDEX docs_by_stream ON docs (stream);
    CREATE TABLE indexed (stream INTEGER PRIMARY KEY, cursor INTEGER NOT NULL) STRICT;";

/// Source word, table, text, tool and exit code of what can be found.
const SOURCES: [(&str, &str); 8] = [
    (
        "prompt",
        "SELECT line, part, at_ms, text, NULL, NULL FROM prompts WHERE stream = ? AND number > 0",
    ),
    (
        "message",
        "SELECT line, part, at_ms, text, NULL, NULL FROM messages WHERE stream = ? AND copied = 0 AND kind = 'assistant'",
    ),
    (
        "context",
        "SELECT line, part, at_ms, text, NULL, NULL FROM messages WHERE stream = ? AND copied = 0 AND kind <> 'assistant'",
    ),
    (
        "reasoning",
        "SELECT line, part, at_ms, text, NULL, NULL FROM agent_reasoning_messages WHERE stream = ? AND copied = 0",
    ),
    (
        "plan",
        "SELECT line, part, at_ms, step, NULL, NULL FROM function_plan_messages WHERE stream = ? AND copied = 0",
    ),
    (
        "call",
        "SELECT line, part, at_ms, coalesce(command, arguments), name, exit_code FROM function_calls WHERE stream = ? AND copied = 0",
    ),
    (
        "output",
        "SELECT line, part, output_at_ms, output, name, exit_code FROM function_calls WHERE stream = ? AND copied = 0 AND output IS NOT NULL",
    ),
    (
        "file",
        "SELECT line, part, at_ms, path, NULL, NULL FROM file_changes WHERE stream = ? AND copied = 0",
    ),
];

/// The shards' files of the current views.
fn shard_path(views: &Path, shard: u64) -> PathBuf {
    let mut name = views.as_os_str().to_os_string();
    name.push(format!("-search{shard:02}"));
    PathBuf::from(name)
}

/// Brings the index up to date with the views and opens its shards.
///
/// # Errors
/// When the views cannot be read or the index not written.
pub fn search_index(views: &Views) -> Result<Vec<Connection>, ViewsError> {
    let _lock = lock(views)?;
    // Read behind the lock: whoever hides something waits for it before the shards are thrown away.
    let Some(path) = views.paths.current() else {
        return Ok(Vec::new());
    };
    let db = views.reader()?;
    let streams = streams(&db).map_err(db::at(&path))?;
    let shards: Vec<u64> = (0..SHARDS).collect();
    let middle = shards.len() / 2;
    let (one, two) = shards.split_at(middle);
    let second = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let db = views.reader()?;
            update_all(&db, &path, two, &streams)
        });
        let first = update_all(&db, &path, one, &streams)?;
        let second = other.join().map_err(|_| super::replay::ReplayError::Died)??;
        Ok::<_, ViewsError>((first, second))
    });
    let (mut first, second) = second?;
    first.extend(second);
    Ok(first)
}

/// Throws away the shards of these streams; of all streams when none is named.
///
/// # Errors
/// When a file cannot be removed.
pub fn forget_search(views: &Views, streams: Option<&BTreeSet<u64>>) -> Result<(), ViewsError> {
    let _lock = lock(views)?;
    let Some(path) = views.paths.current() else { return Ok(()) };
    for shard in 0..SHARDS {
        if streams.is_none_or(|streams| streams.iter().any(|stream| stream % SHARDS == shard)) {
            remove(&shard_path(&path, shard))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), ViewsError> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_os_string();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let path = PathBuf::from(name);
                return Err(ViewsError::Io { action: "cannot remove", path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn lock(views: &Views) -> Result<File, ViewsError> {
    let path = views.paths.link.with_extension("search-lock");
    let failed = |source| ViewsError::Io { action: "cannot lock", path: path.clone(), source };
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Every stream that the views speak of, and when its rows were last written: the cursor of that transaction.
fn streams(db: &Connection) -> SqlResult<BTreeMap<u64, i64>> {
    let mut statement = db.prepare(
        "SELECT t.stream, f.cursor FROM streams t JOIN fold_states f ON f.stream = t.stream
            WHERE t.superseded = 0 AND t.kind IN ('rollout', 'file')",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
    rows.collect()
}

fn update_all(
    views: &Connection,
    path: &Path,
    shards: &[u64],
    streams: &BTreeMap<u64, i64>,
) -> Result<Vec<Connection>, ViewsError> {
    let mut open = Vec::with_capacity(shards.len());
    for shard in shards {
        let file = shard_path(path, *shard);
        let mine = streams.iter().filter(|(stream, _)| *stream % SHARDS == *shard);
        let mine: BTreeMap<u64, i64> = mine.map(|(stream, cursor)| (*stream, *cursor)).collect();
        let mut index = open_shard(&file)?;
        update(&mut index, views, &mine).map_err(db::at(&file))?;
        open.push(index);
    }
    Ok(open)
}

fn open_shard(file: &Path) -> Result<Connection, ViewsError> {
    let version =
        |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    let mut index = db::open_scratch(file)?;
    let found = version(&index);
    if found.as_ref().is_ok_and(|found| *found == VERSION) {
        return Ok(index);
    }
    if !found.is_ok_and(|found| found == 0) {
        // Another version's, or damaged: it is derived, and made anew.
        drop(index);
        remove(file)?;
        index = db::open_scratch(file)?;
    }
    index
        .execute_batch(&format!("BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"))
        .map_err(db::at(file))?;
    Ok(index)
}

/// Indexes the streams that were written since, and forgets those that are gone.
fn update(
    index: &mut Connection,
    views: &Connection,
    streams: &BTreeMap<u64, i64>,
) -> SqlResult<()> {
    let known: BTreeMap<u64, i64> = {
        let mut statement = index.prepare("SELECT stream, cursor FROM indexed")?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
        rows.collect::<SqlResult<_>>()?
    };
    if &known == streams {
        return Ok(());
    }
    let transaction = index.transaction()?;
    for stream in known.iter().filter(|(stream, cursor)| streams.get(stream) != Some(cursor)) {
        let id = *stream.0 as i64;
        transaction.execute(
            "DELETE FROM texts WHERE rowid IN (SELECT doc FROM docs WHERE stream = ?)",
            [id],
        )?;
        transaction.execute("DELETE FROM docs WHERE stream = ?", [id])?;
        transaction.execute("DELETE FROM indexed WHERE stream = ?", [id])?;
    }
    let mut doc: i64 =
        transaction.query_row("SELECT coalesce(max(doc), 0) FROM docs", [], |row| row.get(0))?;
    for (stream, cursor) in
        streams.iter().filter(|(stream, cursor)| known.get(stream) != Some(cursor))
    {
        for (source, sql) in SOURCES {
            let mut statement = views.prepare_cached(sql)?;
            let mut rows = statement.query([*stream as i64])?;
            while let Some(row) = rows.next()? {
                doc += 1;
                insert(&transaction, doc, source, *stream, row)?;
            }
        }
        transaction
            .execute("INSERT INTO indexed VALUES (?, ?)", params![*stream as i64, cursor])?;
    }
    transaction.commit()
}

fn insert(index: &Connection, doc: i64, source: &str, stream: u64, row: &Row<'_>) -> SqlResult<()> {
    let text = row.get_ref(3)?.as_str().unwrap_or_default();
    let end = text.floor_char_boundary(TEXT_MAX_BYTES);
    let split = db::split_words(text.get(..end).unwrap_or_default());
    index
        .prepare_cached("INSERT INTO texts (rowid, text) VALUES (?, ?)")?
        .execute(params![doc, split])?;
    let (line, part): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (at_ms, tool, exit): (Option<i64>, Option<String>, Option<i64>) =
        (row.get(2)?, row.get(4)?, row.get(5)?);
    index.prepare_cached("INSERT INTO docs VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        doc,
        source,
        stream as i64,
        line,
        part,
        at_ms,
        tool,
        exit
    ])?;
    Ok(())
}

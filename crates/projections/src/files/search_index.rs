//! The full-text index over what the views show: derived from redacted rows only, brought up to date when somebody
//! searches, and thrown away in shards when what it was made from changes.
//!
//! It lies in folders of its own beside the views, so that appending never waits for it and so that words that
//! were hidden are gone with their shard's folder, at once.

use crate::files::views::{Views, ViewsError};
use crate::replay::ReplayError;
use crate::row::{ReadNumbers, sql_stream};
use codex_ledger_db::{self as db, Connection, Row, SqlResult};
use codex_ledger_entry::StreamId;
use codex_ledger_search::{self as search, Doc, Shard, ShardWriter, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::Builder;

/// A stream's texts are in the shard that its number names.
pub(crate) const SHARDS: u64 = 16;
/// Raised when what is indexed, or the way of splitting words, changes.
const VERSION: i64 = 8;
/// What the name of a shard that is being written ends with.
const NEW: &str = "-new";
/// Beside the shards: what the views were like when all of them were up to date.
const NOTED: &str = "-search-noted";
/// Of a longer text this many bytes are indexed: the rest is mostly the output of a build.
const TEXT_MAX_BYTES: usize = 64 << 10;

/// Kind, table, text, tool and exit code of what can be found.
const SOURCES: [(Source, &str); 10] = [
    (
        Source::Prompt,
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM prompts WHERE stream = ? AND number > 0",
    ),
    (
        Source::Message,
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM messages WHERE stream = ? AND copied = 0 AND kind IN ('assistant', 'question', 'agent_mail')",
    ),
    (
        Source::Context,
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM messages WHERE stream = ? AND copied = 0 AND kind NOT IN ('assistant', 'question', 'agent_mail')",
    ),
    (
        Source::Reasoning,
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM agent_reasoning_messages WHERE stream = ? AND copied = 0",
    ),
    (
        Source::Plan,
        "SELECT line, part, item, at_ms, step AS text, NULL AS tool, NULL AS exit_code FROM function_plan_messages WHERE stream = ? AND copied = 0",
    ),
    (
        Source::Call,
        "SELECT line, part, item, at_ms, CASE tool WHEN 'web_search' THEN coalesce(command || char(10), '') || arguments ELSE coalesce(command, arguments) END AS text, name AS tool, exit_code FROM function_calls WHERE stream = ? AND copied = 0",
    ),
    (
        Source::Output,
        "SELECT line, part, item, output_at_ms AS at_ms, output AS text, name AS tool, exit_code FROM function_calls WHERE stream = ? AND copied = 0 AND output IS NOT NULL",
    ),
    (
        Source::File,
        "SELECT line, part, item, at_ms, path AS text, NULL AS tool, NULL AS exit_code FROM file_changes WHERE stream = ? AND copied = 0",
    ),
    // Errors, why a turn was stopped, what a review has found, summaries of what was compacted.
    (
        Source::Turn,
        "SELECT line, part, item, at_ms, text, NULL AS tool, NULL AS exit_code FROM turns WHERE stream = ? AND copied = 0 AND text <> ''",
    ),
    // Stands where the name was given, mostly in a side file; who reads it asks whose name it is now.
    (
        Source::Name,
        "SELECT line, part, item, at_ms, name AS text, NULL AS tool, NULL AS exit_code FROM session_names WHERE stream = ? AND name IS NOT NULL",
    ),
];

/// The shards' folders of the current views.
pub(crate) fn shard_path(views: &Path, shard: u64) -> PathBuf {
    with_suffix(views, &format!("-search{shard:02}"))
}

/// The shard that a stream's texts are in.
pub(crate) fn shard_of(stream: StreamId) -> u64 {
    stream.get() % SHARDS
}

/// Whether something is one of the shards of the views of that name, or what is noted of them.
pub(crate) fn is_shard(views: &str, name: &str) -> bool {
    name == format!("{views}{NOTED}")
        || (0..SHARDS).any(|shard| name == format!("{views}-search{shard:02}"))
}

/// Whether a folder is a shard that is being written.
pub(crate) fn is_half_written(name: &str) -> bool {
    name.ends_with(NEW)
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

    /// As a shard keeps it.
    fn kept(&self) -> search::Basis {
        let streams = self.streams.iter().map(|(stream, cursor)| (stream.get(), *cursor)).collect();
        let Basis { decided, ledger, .. } = self.clone();
        search::Basis { version: VERSION, ledger, decided, streams }
    }

    /// Whether a shard is of this version and was made from these views.
    pub(crate) fn is_of(&self, shard: &Shard) -> bool {
        let search::Basis { version, ledger, .. } = shard.basis();
        *version == VERSION && *ledger == self.ledger
    }
}

/// Brings the index up to date with the views and opens its shards. A shard that is damaged is made anew; one
/// that cannot be written is made in a scratch place, for this one time.
///
/// # Errors
/// When the views cannot be read.
pub fn search_index(views: &Views, open: &Connection) -> Result<Vec<Shard>, ViewsError> {
    // Without a lock nothing is written.
    let lock = lock(views).ok();
    // Read behind the lock: whoever hides something waits for it before the shards are thrown away.
    let Some(path) = views.paths.current() else {
        return Ok(Vec::new());
    };
    // Views that were made anew meanwhile are other ones than those that are open.
    let is_current = open.path().is_some_and(|open| Path::new(open) == path);
    let reader = if is_current { None } else { Some(views.reader()?) };
    let db = reader.as_ref().unwrap_or(open);
    let state = state_of(db).map_err(db::at(&path))?;
    let noted = with_suffix(&path, NOTED);
    if fs::read_to_string(&noted).is_ok_and(|noted| noted == state) {
        let shard = |shard: u64| {
            let shard = Shard::open(&shard_path(&path, shard)).ok();
            let is_of =
                |of: &search::Basis| state.starts_with(&format!("{} {} ", of.version, of.ledger));
            Ok(shard.filter(|shard| is_of(shard.basis())))
        };
        let ready = in_halves(&|shards| shards.map(shard).collect())?;
        if ready.iter().all(Option::is_some) {
            return Ok(ready.into_iter().flatten().collect());
        }
    }
    let basis = Basis::read(db).map_err(db::at(&path))?;
    let shards = up_to_date(views, (&path, lock.is_some()), &basis)?;
    if lock.is_some() {
        // Where it cannot be written, the next search asks all shards again.
        fs::write(&noted, state).ok();
    }
    Ok(shards)
}

/// What the views were like, in words; other words where a shard may no longer be what they say.
fn state_of(views: &Connection) -> SqlResult<String> {
    let sql = "SELECT ledger, cursor, digest, uncleared FROM meta";
    views.query_row(sql, [], |row| {
        let (ledger, digest): (String, String) = (row.get("ledger")?, row.get("digest")?);
        let (cursor, uncleared): (i64, i64) = (row.get("cursor")?, row.get("uncleared")?);
        Ok(format!("{VERSION} {ledger} {cursor} {digest} {uncleared}"))
    })
}

/// All shards, those brought up to date that are not.
fn up_to_date(
    views: &Views,
    (path, is_writable): (&Path, bool),
    basis: &Basis,
) -> Result<Vec<Shard>, ViewsError> {
    let fresh = |shard: u64| Ok(fresh_shard(&shard_path(path, shard), &basis.of_shard(shard)));
    let ready = in_halves(&|shards| shards.map(fresh).collect())?;
    if ready.iter().all(Option::is_some) {
        return Ok(ready.into_iter().flatten().collect());
    }
    let is_ready = |shard: u64| {
        usize::try_from(shard).ok().and_then(|at| ready.get(at)).is_some_and(Option::is_some)
    };
    let made = in_halves(&|shards| {
        let db = views.reader()?;
        let shard = |shard: u64| {
            shard_at(&shard_path(path, shard), &db, &basis.of_shard(shard), is_writable)
        };
        shards.filter(|shard| !is_ready(*shard)).map(shard).collect()
    })?;
    Ok(ready.into_iter().flatten().chain(made).collect())
}

/// Does something with all shards, half of them in another thread.
pub(crate) fn in_halves<T: Send>(
    work: &(dyn Fn(std::ops::Range<u64>) -> Result<Vec<T>, ViewsError> + Sync),
) -> Result<Vec<T>, ViewsError> {
    std::thread::scope(|scope| {
        let other = Builder::new().spawn_scoped(scope, || work(SHARDS / 2..SHARDS));
        let other = other.map_err(ReplayError::Thread)?;
        let mut done = work(0..SHARDS / 2)?;
        done.extend(other.join().map_err(|_| ReplayError::Died)??);
        Ok(done)
    })
}

/// Makes the whole index in a scratch place, for this one time.
///
/// # Errors
/// When the views cannot be read.
pub fn scratch_search_index(views: &Views) -> Result<Vec<Shard>, ViewsError> {
    let db = views.reader()?;
    let basis = Basis::read(&db).map_err(db::at(&views.paths.link))?;
    (0..SHARDS).map(|shard| scratch_shard(&db, &basis.of_shard(shard))).collect()
}

impl Views {
    /// Bytes of the current database, and of the search index beside it.
    pub fn sizes(&self) -> (u64, u64) {
        let Some(path) = self.paths.current() else { return (0, 0) };
        let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
        let current = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = fs::read_dir(self.paths.folder()).into_iter().flatten().flatten();
        let shards = beside.filter(|of| is_shard(&current, &of.file_name().to_string_lossy()));
        let files =
            shards.flat_map(|shard| fs::read_dir(shard.path()).into_iter().flatten().flatten());
        (size(&path), files.map(|file| size(&file.path())).sum())
    }
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
    remove_one(&with_suffix(&path, NOTED))?;
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
    ["", NEW].into_iter().try_for_each(|end| remove_one(&with_suffix(path, end)))
}

/// Removes a folder, or what an older version of the program has in its place.
pub(crate) fn remove_one(path: &Path) -> Result<(), ViewsError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|about| about.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
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

/// A shard, where it is up to date.
fn fresh_shard(folder: &Path, basis: &Basis) -> Option<Shard> {
    let shard = Shard::open(folder).ok()?;
    let kept = search::Basis { decided: shard.basis().decided, ..basis.kept() };
    (*shard.basis() == kept).then_some(shard)
}

/// One shard that was not, brought up to date.
fn shard_at(
    folder: &Path,
    views: &Connection,
    basis: &Basis,
    is_writable: bool,
) -> Result<Shard, ViewsError> {
    if is_writable {
        // A second time after one that was damaged is thrown away.
        for _ in 0..2 {
            match write_shard(folder, views, basis) {
                Ok(shard) => return Ok(shard),
                Err(_) if remove(folder).is_ok() => {}
                Err(_) => break,
            }
        }
    }
    scratch_shard(views, basis)
}

fn scratch_shard(views: &Connection, basis: &Basis) -> Result<Shard, ViewsError> {
    Shard::scratch(basis.kept(), |shard| update(shard, views, basis, &BTreeMap::new()))
}

/// Adds to a shard what was written since; where that must not be, writes one beside it and moves it there.
fn write_shard(folder: &Path, views: &Connection, basis: &Basis) -> Result<Shard, ViewsError> {
    let old = Shard::open(folder).ok();
    if let Some(old) = old.filter(|old| may_grow(old, basis)) {
        let known = known(&old);
        drop(old);
        Shard::grow(folder, basis.kept(), |shard| update(shard, views, basis, &known))?;
        return Ok(Shard::open(folder)?);
    }
    let path = with_suffix(folder, NEW);
    let failed = |action| {
        let path = path.clone();
        move |source| ViewsError::Io { action, path, source }
    };
    remove_one(&path)?;
    fs::create_dir(&path).map_err(failed("cannot make"))?;
    Shard::create(&path, basis.kept(), |shard| update(shard, views, basis, &BTreeMap::new()))?;
    remove_one(folder)?;
    fs::rename(&path, folder).map_err(failed("cannot rename"))?;
    Ok(Shard::open(folder)?)
}

/// The streams that a shard holds.
pub(crate) fn known(shard: &Shard) -> BTreeMap<StreamId, i64> {
    let streams = shard.basis().streams.iter();
    streams.map(|(stream, cursor)| (StreamId::new(*stream), *cursor)).collect()
}

/// Whether a shard's folder may go on. Words that are deleted from it stay in its files: one with streams
/// that are gone, or that may have been written anew because something in them was hidden, has to go.
fn may_grow(shard: &Shard, basis: &Basis) -> bool {
    let decided = shard.basis().decided;
    let may_stay = |(stream, cursor): (&StreamId, &i64)| match basis.streams.get(stream) {
        Some(now) => now == cursor || decided == basis.decided,
        None => false,
    };
    basis.is_of(shard) && known(shard).iter().all(may_stay)
}

/// Indexes the streams that were written since.
fn update(
    shard: &mut ShardWriter,
    views: &Connection,
    basis: &Basis,
    known: &BTreeMap<StreamId, i64>,
) -> Result<(), ViewsError> {
    let written = basis.streams.iter().filter(|(stream, cursor)| known.get(stream) != Some(cursor));
    for (stream, _) in written {
        if known.contains_key(stream) {
            shard.remove(stream.get());
        }
        each_doc(views, *stream, &mut |doc| Ok(shard.add(doc)?))?;
    }
    Ok(())
}

/// Calls `visit` with every text of a stream.
pub(crate) fn each_doc(
    views: &Connection,
    stream: StreamId,
    visit: &mut dyn FnMut(&Doc<'_>) -> Result<(), ViewsError>,
) -> Result<(), ViewsError> {
    let at = || db::at(Path::new("views"));
    for (source, sql) in SOURCES {
        let mut statement = views.prepare_cached(sql).map_err(at())?;
        let mut rows = statement.query([sql_stream(stream)]).map_err(at())?;
        while let Some(row) = rows.next().map_err(at())? {
            visit(&doc(row, source, stream).map_err(at())?)?;
        }
    }
    Ok(())
}

fn doc<'r>(row: &'r Row<'_>, source: Source, stream: StreamId) -> SqlResult<Doc<'r>> {
    let text = row.get_ref("text")?.as_str().unwrap_or_default();
    let end = text.floor_char_boundary(TEXT_MAX_BYTES);
    Ok(Doc {
        source,
        stream: stream.get(),
        place: [row.get("line")?, row.get("part")?, row.get("item")?],
        at_ms: row.get("at_ms")?,
        tool: row.get_ref("tool")?.as_str().ok(),
        exit_code: row.get("exit_code")?,
        text: text.get(..end).unwrap_or_default(),
    })
}

//! The views' files: one stable path, `views.sqlite`, which always shows one whole set of views.
//!
//! The path is a link to a numbered database. A rebuild writes another database beside it and then moves
//! the link, so a reader that opens the path sees the old views or the new ones, never a mixture, and a
//! reader that has the old ones open keeps them.

use crate::files::digest::Digests;
use crate::files::search_index::{forget_search, is_half_written, is_shard, remove_one, try_lock};
use crate::files::standing::Standing;
use crate::policy::Decisions;
use crate::replay::derive::Options;
use crate::replay::{ReplayError, replay};
use crate::row::ReadNumbers;
use crate::schema::{create_all, schema_digest};
use codex_ledger_db::{self as db, Connection, DbError, params};
use codex_ledger_entry::{Seq, StreamId};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_search::SearchIndexError;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::Builder;

/// Raised when an older program could not understand the views any more.
pub(crate) const FORMAT: i64 = 1;
/// How often views that are replaced meanwhile are looked for again.
const OPEN_TRIES: u32 = 3;
const SOFTWARE: &str = concat!("codex-ledger ", env!("CARGO_PKG_VERSION"));

/// Why the views cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Replaying entries.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The search index.
    #[error(transparent)]
    Search(#[from] SearchIndexError),
    /// The files.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something else lies at the stable path.
    #[error("{}: a file that this program did not make", path.display())]
    Foreign {
        /// The stable path.
        path: PathBuf,
    },
    /// Entries are missing that the views have applied.
    #[error("{}: {cursor} entries are applied, the ledger has {size}", path.display())]
    Ahead {
        /// The stable path.
        path: PathBuf,
        /// The entry after those that are applied.
        cursor: Seq,
        /// Entries that the ledger acknowledges.
        size: u64,
    },
    /// Indexes and tables contradict each other.
    #[error("{}: {detail}", path.display())]
    Damaged {
        /// The stable path.
        path: PathBuf,
        /// What the database says.
        detail: String,
    },
    /// Written by a newer program.
    #[error("{}: written by {software}, whose views format {found} this program does not know", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The program that wrote it.
        software: String,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ViewsError {
    let path = path.to_path_buf();
    move |source| ViewsError::Io { action, path, source }
}

/// Where the views lie.
#[derive(Clone, Debug)]
pub struct ViewsPaths {
    /// The stable path.
    pub link: PathBuf,
}

impl ViewsPaths {
    /// The folder of the numbered databases.
    pub(crate) fn folder(&self) -> PathBuf {
        self.link.with_extension("d")
    }

    /// The database that the link leads to now.
    pub fn current(&self) -> Option<PathBuf> {
        fs::canonicalize(&self.link).ok().filter(|path| path.is_file())
    }

    fn next(&self) -> PathBuf {
        let number = |path: &Path| {
            path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse::<u64>().ok())
        };
        let last = fs::read_dir(self.folder())
            .into_iter()
            .flatten()
            .filter_map(|entry| number(&entry.ok()?.path()))
            .max();
        self.folder().join(format!("{:06}.sqlite", last.map_or(1, |last| last + 1)))
    }
}

/// The views of one ledger.
#[derive(Clone, Debug)]
pub struct Views {
    /// Where they lie.
    pub paths: ViewsPaths,
    /// What they hold beyond the defaults.
    pub options: Options,
}

impl Views {
    /// Opens the views for reading. [`Views::open`] says too whether they may be read.
    ///
    /// # Errors
    /// When there are none or the file is no database.
    pub fn reader(&self) -> Result<Connection, ViewsError> {
        // What the link leads to may be replaced between following it and opening it.
        let mut tries = OPEN_TRIES;
        loop {
            match db::open_reader(&self.paths.link) {
                Err(_) if tries > 0 && self.paths.current().is_some() => tries -= 1,
                other => return Ok(other?),
            }
        }
    }

    /// Brings the views to the reader's head: catches up, or rebuilds when that is not possible. What was hidden
    /// is gone from everything that is derived when this returns.
    ///
    /// # Errors
    /// When entries cannot be read or rows not written.
    pub fn update(
        &self,
        reader: &mut LedgerReader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ViewsError> {
        let end = reader.head().end();
        let known =
            |reader: &mut LedgerReader| Decisions::load(reader, end).map_err(ReplayError::from);
        match self.standing(reader.head())? {
            Standing::Usable { cursor, is_clear: true } if cursor == end => {
                let current = self.paths.current().unwrap_or_default();
                return if self.leftovers().is_empty() { Ok(()) } else { self.sweep(&[&current]) };
            }
            Standing::Usable { is_clear, .. } => {
                let decisions = known(reader)?;
                match self.catch_up(reader, &decisions, is_clear, progress) {
                    // The rows do not fit what is to be written: they are not what the entries say.
                    Err(ViewsError::Replay(error)) if error.is_of_the_rows() => {}
                    done => return done,
                }
            }
            Standing::Absent => {
                let decisions = known(reader)?;
                return self.rebuild(reader, &decisions, progress);
            }
            Standing::Ahead { cursor } => {
                let (path, size) = (self.paths.link.clone(), reader.head().size());
                return Err(ViewsError::Ahead { path, cursor, size });
            }
            Standing::Outdated { .. } => {}
        }
        let decisions = Decisions::find(reader).map_err(ReplayError::from)?;
        self.rebuild(reader, &decisions, progress)
    }

    fn catch_up(
        &self,
        reader: &mut LedgerReader,
        decisions: &Decisions,
        was_clear: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ViewsError> {
        let path = self.paths.current().unwrap_or_else(|| self.paths.link.clone());
        let mut connection = db::open_writer(&path)?;
        let applied = replay(reader, &mut connection, &path, self.options, decisions, progress)?;
        let uncleared = connection.query_row("SELECT uncleared FROM meta", [], |row| row.get(0));
        let uncleared: bool = uncleared.map_err(db::at(&path))?;
        let is_whole = db::empty_log(&connection, &path)?;
        drop(connection);
        if !uncleared {
            self.sweep(&[&path])
        } else if is_whole && db::scrub(&path).map_err(io_error("cannot clear", &path))? {
            // What an interrupted command has written anew, nobody knows any more.
            let is_known = was_clear && applied.is_decided_anew;
            let known = Some(&applied.decided_anew).filter(|_| is_known);
            self.clear_beside((&path, None), known)
        } else {
            // A reader keeps the old rows in the file: it may keep the file, without a name.
            self.rebuild(reader, decisions, progress)
        }
    }

    /// Builds a new set of views from entry 0 and swaps it in whole; nothing of the old ones stays.
    ///
    /// # Errors
    /// As [`Views::update`]; the old views then stay as they are.
    pub fn rebuild(
        &self,
        reader: &mut LedgerReader,
        decisions: &Decisions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ViewsError> {
        let at_link = fs::symlink_metadata(&self.paths.link);
        if cfg!(unix) && at_link.is_ok_and(|meta| !meta.is_symlink()) {
            return Err(ViewsError::Foreign { path: self.paths.link.clone() });
        }
        let folder = self.paths.folder();
        fs::create_dir_all(&folder).map_err(io_error("cannot create", &folder))?;
        let previous = self.previous(decisions);
        let path = self.paths.next();
        self.build(&path, reader, decisions, progress).inspect_err(|_| {
            fs::remove_file(&path).ok();
        })?;
        self.swap(&path)?;
        self.clear_beside((&path, previous.as_deref()), None)
    }

    /// The views that are about to be replaced, where they hide what these decisions hide: any program may just
    /// have followed the link to them, so their file stays until the views are next written.
    fn previous(&self, decisions: &Decisions) -> Option<PathBuf> {
        let erases_more = |db: &Connection| -> db::SqlResult<bool> {
            let cursor = db.query_row("SELECT cursor FROM meta", [], |row| row.seq("cursor"))?;
            Ok(decisions.erases_since(cursor).unwrap_or(true))
        };
        let hides_the_same = |db: &Connection| -> db::SqlResult<bool> {
            if erases_more(db)? {
                return Ok(false);
            }
            let sql = "SELECT seq FROM redactions WHERE active = 1 UNION ALL
                SELECT seq FROM rule_sets WHERE in_force = 1 ORDER BY seq";
            let mut statement = db.prepare(sql)?;
            let found = statement.query_map([], |row| row.seq("seq"))?;
            let found: Vec<Seq> = found.collect::<db::SqlResult<_>>()?;
            let sql = "SELECT uncleared FROM meta";
            let uncleared: bool = db.query_row(sql, [], |row| row.get(0))?;
            Ok(!uncleared && found.into_iter().eq(decisions.in_force()))
        };
        let hides_the_same = self.reader().ok().and_then(|db| hides_the_same(&db).ok());
        self.paths.current().filter(|_| hides_the_same == Some(true))
    }

    /// Builds views at a path of their own. They count as uncleared, for what they take the place of.
    fn build(
        &self,
        path: &Path,
        reader: &mut LedgerReader,
        decisions: &Decisions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ViewsError> {
        let mut connection = db::create_fresh(path)?;
        self.fill(&mut connection, path, reader, decisions, progress)?;
        db::finish_fresh(connection, path)?;
        let file = fs::File::open(path).map_err(io_error("cannot open", path))?;
        file.sync_all().map_err(io_error("cannot sync", path))
    }

    fn fill(
        &self,
        connection: &mut Connection,
        path: &Path,
        reader: &mut LedgerReader,
        decisions: &Decisions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ViewsError> {
        connection.execute_batch(&create_all()).map_err(db::at(path))?;
        connection.pragma_update(None, "user_version", FORMAT).map_err(db::at(path))?;
        let ledger = reader.head().identity.ledger.to_string();
        connection
            .execute(
                "INSERT INTO meta VALUES (1, 0, '', ?, ?, ?, ?, 1)",
                params![ledger, schema_digest(), self.options.name(), SOFTWARE],
            )
            .map_err(db::at(path))?;
        replay(reader, connection, path, self.options, decisions, progress)?;
        Ok(())
    }

    /// Moves the link to other views, which are durable by name before that.
    fn swap(&self, path: &Path) -> Result<(), ViewsError> {
        let folder = self.paths.folder();
        sync_dir(&folder)?;
        let relative = Path::new(folder.file_name().unwrap_or_default())
            .join(path.file_name().unwrap_or_default());
        let temporary = self.paths.link.with_extension("next");
        fs::remove_file(&temporary).ok();
        link(&relative, path, &temporary).map_err(io_error("cannot link", &temporary))?;
        fs::rename(&temporary, &self.paths.link).map_err(io_error("cannot rename", &temporary))?;
        let parent = self.paths.link.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_dir(parent.unwrap_or(Path::new(".")))
    }

    /// Removes what lies beside the current views and may hold words that are hidden now, the search index of
    /// these streams or of all included; then says in the views that nothing is left to clear.
    fn clear_beside(
        &self,
        (path, previous): (&Path, Option<&Path>),
        streams: Option<&BTreeSet<StreamId>>,
    ) -> Result<(), ViewsError> {
        if streams.is_none_or(|streams| !streams.is_empty()) {
            forget_search(self, streams)?;
        }
        let kept: Vec<&Path> = [path].into_iter().chain(previous).collect();
        self.sweep(&kept)?;
        sync_dir(&self.paths.folder())?;
        let connection = db::open_writer(path)?;
        connection.execute("UPDATE meta SET uncleared = 0", []).map_err(db::at(path))?;
        Ok(())
    }

    /// Removes all databases but these, with what lies beside them, and what a search has left half-written.
    fn sweep(&self, kept: &[&Path]) -> Result<(), ViewsError> {
        let name = |path: &&Path| Some(path.file_name()?.to_string_lossy().into_owned());
        let kept: Vec<String> = kept.iter().filter_map(name).collect();
        let search = try_lock(self);
        let current = kept.first().cloned().unwrap_or_default();
        for entry in fs::read_dir(self.paths.folder()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Of views that were replaced the database stays for a while, not their search index.
            let is_shard = name.contains("-search") && !name.starts_with(&current);
            let is_part = kept.iter().any(|kept| name.starts_with(kept)) && !is_shard;
            let is_half = search.is_some() && is_half_written(&name);
            if is_numbered(&name) && (!is_part || is_half) {
                remove_one(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes the views with all that lies beside them: they can be made anew from the ledger.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove(&self) -> Result<(), ViewsError> {
        // Whatever else lies there is somebody's own.
        if !self.paths.link.is_symlink() {
            return Ok(());
        }
        self.sweep(&[])?;
        fs::remove_file(&self.paths.link).map_err(io_error("cannot remove", &self.paths.link))
    }

    /// The digests of the live views.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn digests(&self, reader: &mut LedgerReader) -> Result<Digests, ViewsError> {
        let key = reader.views_key().map_err(ReplayError::from)?;
        let path = &self.paths.link;
        Ok(Digests::of(&self.reader()?, &key).map_err(db::at(path))?)
    }

    /// The digests of the live views, once their indexes were found to say what their tables say.
    fn digests_of_sound(&self, key: &[u8; 32]) -> Result<Digests, ViewsError> {
        let path = &self.paths.link;
        let db = self.reader()?;
        let said = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
        match said.map_err(db::at(path))? {
            said if said == "ok" => Ok(Digests::of(&db, key).map_err(db::at(path))?),
            detail => Err(ViewsError::Damaged { path: path.clone(), detail }),
        }
    }

    /// The digests of the live views and of views made anew from the entries alone, both at once.
    ///
    /// # Errors
    /// Of the new ones; that the live views cannot be read is a result.
    pub fn compare(
        &self,
        reader: &mut LedgerReader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Result<Digests, ViewsError>, Digests), ViewsError> {
        let decisions = Decisions::find(reader).map_err(ReplayError::from)?;
        std::thread::scope(|scope| {
            let live = || self.digests_of_sound(decisions.key());
            let live = Builder::new().spawn_scoped(scope, live).map_err(ReplayError::Thread)?;
            let rebuilt = self.digests_of_rebuild(reader, &decisions, progress)?;
            let live = live.join().map_err(|_| ReplayError::Died)?;
            Ok((live, rebuilt))
        })
    }

    /// The digests of views that are built beside the live ones and thrown away. Their file loses its name
    /// before anything is written, so that nothing of it stays, however this ends.
    ///
    /// # Errors
    /// As [`Views::update`].
    fn digests_of_rebuild(
        &self,
        reader: &mut LedgerReader,
        decisions: &Decisions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Digests, ViewsError> {
        let folder = tempfile::tempdir()
            .map_err(io_error("cannot make a scratch folder beside", &self.paths.link))?;
        let path = folder.path().join("check.sqlite");
        let mut connection = db::create_fresh(&path)?;
        if cfg!(unix) {
            fs::remove_file(&path).map_err(io_error("cannot remove", &path))?;
        }
        self.fill(&mut connection, &path, reader, decisions, progress)?;
        Ok(Digests::of(&connection, decisions.key()).map_err(db::at(&path))?)
    }

    /// Whether nothing lies where the views would be.
    pub fn is_gone(&self) -> bool {
        self.leftovers().is_empty() && fs::symlink_metadata(&self.paths.link).is_err()
    }

    /// What lies in the folder of the views and is none of them.
    pub fn strays(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.paths.folder()).into_iter().flatten().flatten();
        let is_stray = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Shards are folders; an older version of the program made them files.
            !is_numbered(&name) || !path.is_file() && !name.contains("-search")
        };
        let mut strays: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_stray).collect();
        strays.sort();
        strays
    }

    /// Files of the views that are no part of the current ones nor of those that they have replaced last.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let current = self.paths.current();
        let current = current.as_deref().and_then(Path::file_name).unwrap_or_default();
        let current = current.to_string_lossy();
        let names = fs::read_dir(self.paths.folder()).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| is_numbered(name));
        names.sort();
        let whole = |name: &&String| name.ends_with(".sqlite") && name.as_str() < &*current;
        let previous = names.iter().rfind(whole).cloned().unwrap_or_default();
        let is_part = |name: &String| {
            ["", "-wal", "-shm"].iter().any(|end| *name == format!("{current}{end}"))
                || is_shard(&current, name)
                || (!previous.is_empty()
                    && name.starts_with(&previous)
                    && !name.contains("-search"))
        };
        names
            .iter()
            .filter(|name| !is_part(name))
            .map(|name| self.paths.folder().join(name))
            .collect()
    }
}

fn sync_dir(path: &Path) -> Result<(), ViewsError> {
    // Elsewhere directories cannot be opened as files, and names are durable with the file.
    let done = match cfg!(unix) {
        true => fs::File::open(path).and_then(|dir| dir.sync_all()),
        false => Ok(()),
    };
    done.map_err(io_error("cannot sync", path))
}

/// Whether a file of the views' folder is one of the numbered databases or lies beside one.
fn is_numbered(name: &str) -> bool {
    name.split_once(".sqlite").is_some_and(|(number, rest)| {
        number.bytes().all(|b| b.is_ascii_digit())
            && (matches!(rest, "" | "-wal" | "-shm" | "-journal") || rest.starts_with("-search"))
    })
}

#[cfg(unix)]
fn link(relative: &Path, _: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(relative, at)
}

#[cfg(not(unix))]
fn link(_: &Path, target: &Path, at: &Path) -> io::Result<()> {
    fs::hard_link(target, at)
}

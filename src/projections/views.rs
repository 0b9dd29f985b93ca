//! The views' files: one stable path, `views.sqlite`, which always shows one whole set of views.
//!
//! The path is a link to a numbered database. A rebuild writes another database beside it and then moves
//! the link, so a reader that opens the path sees the old views or the new ones, never a mixture, and a
//! reader that has the old ones open keeps them.

use super::digest::Digests;
use super::fold::Options;
use super::replay::{Applied, ReplayError, replay};
use super::schema::{create_all, schema_digest};
use super::search_index::forget_search;
use crate::db::{self, Connection, DbError, OptionalExtension, params};
use crate::ledger::LedgerReader;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Raised when an older program could not understand the views any more.
const FORMAT: i64 = 1;
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
    fn folder(&self) -> PathBuf {
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

/// How the views stand to the ledger and to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There are none.
    Absent,
    /// They can be caught up from this cursor.
    Usable {
        /// Entries that are applied.
        cursor: u64,
    },
    /// They must be rebuilt.
    Outdated {
        /// Why, for people.
        reason: String,
        /// Entries that are applied.
        cursor: u64,
    },
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
    /// Opens the views for reading.
    ///
    /// # Errors
    /// When there are none or the file is no database.
    pub fn reader(&self) -> Result<Connection, ViewsError> {
        Ok(db::open_reader(&self.paths.link)?)
    }

    /// Compares the views with this program and with the ledger of that id.
    ///
    /// # Errors
    /// When they were written by a newer program or cannot be read.
    pub fn standing(&self, ledger: &str) -> Result<Standing, ViewsError> {
        let Some(path) = self.paths.current() else {
            return Ok(Standing::Absent);
        };
        let connection = match db::open_reader(&path) {
            Ok(connection) => connection,
            Err(error) => {
                return Ok(Standing::Outdated {
                    reason: format!("cannot be read: {error}"),
                    cursor: 0,
                });
            }
        };
        let format = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        let format = match format {
            Ok(format) => format,
            Err(error) => {
                let reason = format!("cannot be read: {error}");
                return Ok(Standing::Outdated { reason, cursor: 0 });
            }
        };
        let meta = connection
            .query_row("SELECT cursor, ledger, digest, options, software FROM meta", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .optional();
        let meta: Option<(i64, String, String, String, String)> = meta.unwrap_or(None);
        if format > FORMAT {
            let software = meta.map_or_else(|| "an unknown program".into(), |meta| meta.4);
            return Err(ViewsError::Newer { path, found: format, software });
        }
        let Some((cursor, of_ledger, digest, options, _)) = meta else {
            return Ok(Standing::Outdated { reason: "they are not whole".into(), cursor: 0 });
        };
        let cursor = cursor as u64;
        let reason = if of_ledger != ledger {
            "they belong to another ledger"
        } else if digest != schema_digest() {
            "the projections have changed"
        } else if options != self.options.name() {
            "the options have changed"
        } else {
            return Ok(Standing::Usable { cursor });
        };
        Ok(Standing::Outdated { reason: reason.into(), cursor })
    }

    /// Brings the views to the reader's head: catches up, or rebuilds when that is not possible.
    ///
    /// # Errors
    /// When entries cannot be read or rows not written.
    pub fn update(
        &self,
        reader: &mut LedgerReader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Applied, ViewsError> {
        let ledger = reader.head().identity.ledger.to_string();
        match self.standing(&ledger)? {
            Standing::Usable { cursor } if cursor <= reader.head().size() => {
                let path = self.paths.current().unwrap_or_else(|| self.paths.link.clone());
                self.sweep(&[Some(&path)]);
                let mut connection = db::open_writer(&path)?;
                let applied = replay(reader, &mut connection, &path, self.options, true, progress)?;
                let is_whole = db::empty_log(&connection, &path)?;
                drop(connection);
                if !applied.decided_anew.is_empty() {
                    forget_search(self, Some(&applied.decided_anew))?;
                }
                if applied.is_decided_anew && is_whole {
                    db::scrub(&path).map_err(io_error("cannot clear", &path))?;
                } else if applied.is_decided_anew {
                    // A reader keeps the old rows in the file: it may keep the file, without a name.
                    self.rebuild(reader, progress)?;
                    self.forget_older();
                }
                Ok(applied)
            }
            _ => self.rebuild(reader, progress),
        }
    }

    /// Builds a new set of views from entry 0 and swaps it in whole.
    ///
    /// # Errors
    /// As [`Views::update`]; the old views then stay as they are.
    pub fn rebuild(
        &self,
        reader: &mut LedgerReader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Applied, ViewsError> {
        let at_link = fs::symlink_metadata(&self.paths.link);
        if cfg!(unix) && at_link.is_ok_and(|meta| !meta.is_symlink()) {
            return Err(ViewsError::Foreign { path: self.paths.link.clone() });
        }
        let folder = self.paths.folder();
        fs::create_dir_all(&folder).map_err(io_error("cannot create", &folder))?;
        let path = self.paths.next();
        let applied = self.build(&path, reader, true, progress).inspect_err(|_| {
            fs::remove_file(&path).ok();
        })?;
        self.swap(&path)?;
        Ok(applied)
    }

    /// Builds views at a path of their own, trusting what is noted beside the entries or not.
    ///
    /// # Errors
    /// As [`Views::update`].
    pub fn build(
        &self,
        path: &Path,
        reader: &mut LedgerReader,
        is_trusting: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Applied, ViewsError> {
        let mut connection = db::create_fresh(path)?;
        connection.execute_batch(&create_all()).map_err(db::at(path))?;
        connection.pragma_update(None, "user_version", FORMAT).map_err(db::at(path))?;
        let ledger = reader.head().identity.ledger.to_string();
        connection
            .execute(
                "INSERT INTO meta VALUES (1, 0, '', ?, ?, ?, ?)",
                params![ledger, schema_digest(), self.options.name(), SOFTWARE],
            )
            .map_err(db::at(path))?;
        let applied = replay(reader, &mut connection, path, self.options, is_trusting, progress)?;
        db::finish_fresh(connection, path)?;
        let file = fs::File::open(path).map_err(io_error("cannot open", path))?;
        file.sync_all().map_err(io_error("cannot sync", path))?;
        Ok(applied)
    }

    /// Moves the link, then removes the databases that it led to before the previous one.
    fn swap(&self, path: &Path) -> Result<(), ViewsError> {
        let folder = self.paths.folder();
        let relative = Path::new(folder.file_name().unwrap_or_default())
            .join(path.file_name().unwrap_or_default());
        let temporary = self.paths.link.with_extension("next");
        let previous = self.paths.current();
        fs::remove_file(&temporary).ok();
        link(&relative, path, &temporary).map_err(io_error("cannot link", &temporary))?;
        fs::rename(&temporary, &self.paths.link).map_err(io_error("cannot rename", &temporary))?;
        // Whoever has just followed the link may still be about to open what it led to: that one stays until
        // the next append.
        self.sweep(&[Some(path), previous.as_deref()]);
        Ok(())
    }

    /// Removes every older database at once: what they hold may have been hidden since.
    pub fn forget_older(&self) {
        self.sweep(&[self.paths.current().as_deref()]);
    }

    /// Removes databases that the link no longer leads to.
    fn sweep(&self, kept: &[Option<&Path>]) {
        let name = |path: &&Path| Some(path.file_name()?.to_string_lossy().into_owned());
        let kept: Vec<String> = kept.iter().flatten().filter_map(name).collect();
        for entry in fs::read_dir(self.paths.folder()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_numbered(&name) && !kept.iter().any(|kept| name.starts_with(kept)) {
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    /// The digests of the live views.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn digests(&self) -> Result<Digests, ViewsError> {
        let path = &self.paths.link;
        Ok(Digests::of(&self.reader()?).map_err(db::at(path))?)
    }

    /// The digests of the live views and of a rebuild beside them, both at once.
    ///
    /// # Errors
    /// Of the rebuild; that the live views cannot be read is a result.
    pub fn compare(
        &self,
        reader: &mut LedgerReader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Result<Digests, ViewsError>, Digests), ViewsError> {
        std::thread::scope(|scope| {
            let live = scope.spawn(|| self.digests());
            let rebuilt = self.digests_of_rebuild(reader, progress)?;
            let live = live.join().map_err(|_| ReplayError::Died)?;
            Ok((live, rebuilt))
        })
    }

    /// The digests of views that are built beside the live ones and thrown away.
    ///
    /// # Errors
    /// As [`Views::update`].
    pub fn digests_of_rebuild(
        &self,
        reader: &mut LedgerReader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Digests, ViewsError> {
        let folder = tempfile::tempdir()
            .map_err(io_error("cannot make a scratch folder beside", &self.paths.link))?;
        let path = folder.path().join("check.sqlite");
        self.build(&path, reader, false, progress)?;
        let connection = db::open_reader(&path)?;
        Ok(Digests::of(&connection).map_err(db::at(&path))?)
    }
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

//! What the client's own database says of threads: it may know some whose rollout is gone.

use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use codex_ledger_db::{self as db, SqlResult};
use codex_ledger_query as query;
use std::fs;
use std::path::{Path, PathBuf};

/// Threads of a client's state database (`state_<epoch>.sqlite`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StateDb {
    /// The database.
    pub path: PathBuf,
    /// Threads that it names.
    pub threads: u64,
    /// Of these, archived ones.
    pub archived: u64,
    /// Threads without a source in the ledger; at most [`query::LIST_MAX`].
    pub without_source: Vec<String>,
    /// How many there are.
    pub without_source_count: u64,
    /// Why it could not be read.
    pub problem: Option<String>,
}

impl App {
    /// Compares the state databases beside the configured roots with the ledger.
    ///
    /// # Errors
    /// When there are no views; a database that cannot be read is named in the answer.
    pub fn state_databases(&self) -> Result<Vec<StateDb>> {
        let views = self.views_for_reading()?;
        let mut found = Vec::new();
        for root in self.roots() {
            for path in databases(root.path) {
                let mut entry = StateDb {
                    path: path.clone(),
                    threads: 0,
                    archived: 0,
                    without_source: Vec::new(),
                    without_source_count: 0,
                    problem: None,
                };
                if let Err(error) = compare(&path, &views, &mut entry) {
                    entry.problem = Some(error.message);
                }
                found.push(entry);
            }
        }
        Ok(found)
    }
}

fn databases(root: &Path) -> Vec<PathBuf> {
    let is_state = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // A pipe of that name would be waited for.
        name.starts_with("state_") && name.ends_with(".sqlite") && path.is_file()
    };
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_state).collect();
    paths.sort();
    paths
}

/// Reads a copy, since opening a database in WAL mode may write beside it.
fn compare(path: &Path, views: &db::Connection, entry: &mut StateDb) -> Result<()> {
    let failed = |error: std::io::Error| AppError::new(ErrorKind::Io, error.to_string());
    let scratch = tempfile::tempdir().map_err(failed)?;
    let copy = scratch.path().join("state.sqlite");
    fs::copy(path, &copy).map_err(failed)?;
    let wal = path.with_extension("sqlite-wal");
    if wal.exists() {
        fs::copy(&wal, copy.with_extension("sqlite-wal")).map_err(failed)?;
    }
    let threads = threads(&db::open_writer(&copy)?).map_err(db::at(path))?;
    for (id, is_archived) in threads {
        entry.threads += 1;
        entry.archived += u64::from(is_archived);
        if !query::has_source(views, &id).map_err(db::at(path))? {
            entry.without_source_count += 1;
            if entry.without_source.len() < query::LIST_MAX {
                entry.without_source.push(id);
            }
        }
    }
    Ok(())
}

fn threads(db: &db::Connection) -> SqlResult<Vec<(String, bool)>> {
    let mut statement = db.prepare("SELECT id, archived FROM threads ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let is_archived: Option<bool> = row.get("archived")?;
        Ok((row.get("id")?, is_archived.unwrap_or(false)))
    })?;
    rows.collect()
}

//! Compares the shards of the search index with the views that they were made from.

use crate::files::search_index::{Basis, each_doc, in_halves, known, shard_of, shard_path};
use crate::files::views::{Views, ViewsError};
use codex_ledger_db::{self as db, Connection};
use codex_ledger_entry::StreamId;
use codex_ledger_search::{Held, Shard, Sums};
use std::path::PathBuf;

impl Views {
    /// The shards that do not hold what the views say, and why. What was written to the views since a shard
    /// was made is no difference: the next search brings the shard up to date before it reads it.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub fn search_problems(&self) -> Result<Vec<(PathBuf, &'static str)>, ViewsError> {
        let Some(path) = self.paths.current() else { return Ok(Vec::new()) };
        let basis = Basis::read(&self.reader()?).map_err(db::at(&path))?;
        let sums = Sums::default();
        in_halves(&|shards| {
            let views = self.reader()?;
            let mut problems = Vec::new();
            for shard in shards {
                let file = shard_path(&path, shard);
                if !file.exists() {
                    continue;
                }
                let detail = match Shard::open_and_check(&file) {
                    Ok(index) => {
                        match differs(&index, &views, &basis.of_shard(shard), shard, &sums)? {
                            false => continue,
                            true => "not what the views say",
                        }
                    }
                    Err(_) => "cannot be read",
                };
                problems.push((file, detail));
            }
            Ok(problems)
        })
    }
}

fn differs(
    index: &Shard,
    views: &Connection,
    basis: &Basis,
    shard: u64,
    sums: &Sums,
) -> Result<bool, ViewsError> {
    let mut current = known(index);
    if !basis.is_of(index) || current.keys().any(|stream| shard_of(*stream) != shard) {
        return Ok(true);
    }
    current.retain(|stream, cursor| basis.streams.get(stream) == Some(cursor));
    let mut told = Held::new();
    for stream in current.keys() {
        each_doc(views, *stream, &mut |doc| {
            sums.add_doc(&mut told, doc);
            Ok(())
        })?;
    }
    let Ok(mut held) = index.held(sums) else { return Ok(true) };
    held.retain(|stream, _| current.contains_key(&StreamId::new(*stream)));
    Ok(held != told)
}

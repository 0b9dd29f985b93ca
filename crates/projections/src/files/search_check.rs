//! Compares the shards of the search index with the views that they were made from.

use crate::files::digest::feed;
use crate::files::search_index::{
    Basis, SHARDS, is_whole, known, scratch_shard, shard_of, shard_path,
};
use crate::files::views::{Views, ViewsError};
use crate::row::ReadNumbers;
use codex_ledger_db::{self as db, Connection, SqlResult};
use codex_ledger_entry::StreamId;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Digest of what a shard holds of each stream.
type Held = BTreeMap<StreamId, [u8; 32]>;

impl Views {
    /// The shards that do not hold what the views say, and why. What was written to the views since a shard
    /// was made is no difference: the next search brings the shard up to date before it reads it.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub fn search_problems(&self) -> Result<Vec<(PathBuf, &'static str)>, ViewsError> {
        let Some(path) = self.paths.current() else { return Ok(Vec::new()) };
        let views = self.reader()?;
        let basis = Basis::read(&views).map_err(db::at(&path))?;
        let mut problems = Vec::new();
        for shard in 0..SHARDS {
            let file = shard_path(&path, shard);
            if !file.exists() {
                continue;
            }
            let detail = match db::open_reader(&file) {
                Ok(index) => match differs(&index, &views, &basis.of_shard(shard), shard)? {
                    false => continue,
                    true => "not what the views say",
                },
                Err(_) => "cannot be read",
            };
            problems.push((file, detail));
        }
        Ok(problems)
    }
}

fn differs(
    index: &Connection,
    views: &Connection,
    basis: &Basis,
    shard: u64,
) -> Result<bool, ViewsError> {
    let Ok(true) = is_whole(index, basis) else { return Ok(true) };
    let Ok(mut current) = known(index) else { return Ok(true) };
    if current.keys().any(|stream| shard_of(*stream) != shard) {
        return Ok(true);
    }
    current.retain(|stream, cursor| basis.streams.get(stream) == Some(cursor));
    let basis = Basis { streams: current, ..basis.clone() };
    let fresh = scratch_shard(views, &basis)?;
    let fresh = held(&fresh, &basis).map_err(db::at(std::path::Path::new("")))?;
    Ok(held(index, &basis).ok() != Some(fresh))
}

/// Hashes, for each stream, its rows in order and the words of each.
fn held(index: &Connection, basis: &Basis) -> SqlResult<Held> {
    let words = words(index)?;
    let mut hashers: BTreeMap<StreamId, blake3::Hasher> = BTreeMap::new();
    // In the order of the feed; the first two are what the hash is kept by and what its words are found by.
    let sql = "SELECT stream, doc, source, line, part, item, at_ms, tool, exit_code FROM docs ORDER BY doc";
    let mut statement = index.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let stream = row.stream("stream")?;
        if !basis.streams.contains_key(&stream) {
            continue;
        }
        let hasher = hashers.entry(stream).or_default();
        for index in 2..columns {
            feed(hasher, row.get_ref(index)?);
        }
        let of_doc = words.get(&row.get("doc")?).copied().unwrap_or_default();
        hasher.update(&of_doc.to_be_bytes());
    }
    Ok(hashers.into_iter().map(|(stream, h)| (stream, *h.finalize().as_bytes())).collect())
}

/// For each row the sum of the hashes of its words and their places, which depends on no order.
fn words(index: &Connection) -> SqlResult<HashMap<i64, u128>> {
    index.execute_batch(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab(main, texts, instance)",
    )?;
    let mut sums: HashMap<i64, u128> = HashMap::new();
    let mut statement = index.prepare("SELECT term, doc, offset FROM temp.words")?;
    let mut rows = statement.query([])?;
    let (mut term, mut of_term) = (Vec::new(), blake3::Hasher::new());
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref("term")?.as_bytes().unwrap_or_default();
        if bytes != term {
            term = bytes.to_vec();
            of_term = blake3::Hasher::new();
            of_term.update(bytes);
        }
        let mut hasher = of_term.clone();
        hasher.update(&row.get::<_, i64>("offset")?.to_be_bytes());
        let hash = hasher.finalize();
        let hash = hash.as_bytes().first_chunk::<16>().map_or(0, |head| u128::from_be_bytes(*head));
        let sum = sums.entry(row.get("doc")?).or_default();
        *sum = sum.wrapping_add(hash);
    }
    Ok(sums)
}

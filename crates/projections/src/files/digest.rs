//! What the views say, as one hash: equal digests mean equal rows.

use crate::replay::streams::states_digest;
use crate::row::FILE_LINES;
use crate::schema::STREAM_TABLES;
use codex_ledger_db::{Connection, SqlResult, ValueRef};
use std::collections::{BTreeMap, HashSet};

/// Columns that name a place in this ledger rather than something that was said, or that only it can make.
const PLACES: [&str; 3] = ["stream", "seq", "text_key"];
/// Columns with lines of files.
const LINES: [&str; 3] = ["line", "last_line", "output_line"];
/// Tables that are compared row by row, of every stream and of none.
const WHOLE: [&str; 10] = [
    "actions",
    "annotations",
    "files",
    "redaction_hits",
    "redactions",
    "requests",
    "revocations",
    "rule_sets",
    "rules",
    "streams",
];

/// Rows and digest of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// Count of rows.
    pub rows: u64,
    /// BLAKE3 of the rows in order, hex.
    pub digest: String,
}

/// The digests of a set of views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of every table, places included; equal only for the same ledger.
    pub tables: BTreeMap<String, TableDigest>,
    /// Of what was said and done: content tables without places and recording times, ordered by stream
    /// name. Equal for ledgers that hold the same bytes in any order.
    pub content: String,
    /// Of what the next record of each stream needs to know of those before it.
    pub(crate) states: String,
}

impl Digests {
    /// Whether the same is remembered of every stream.
    pub fn same_states(&self, other: &Digests) -> bool {
        self.states == other.states
    }

    /// Reads all tables; the key is that of what is derived from the ledger.
    ///
    /// # Errors
    /// As the database.
    pub(crate) fn of(db: &Connection, key: &[u8; 32]) -> SqlResult<Digests> {
        let streams = streams(db)?;
        let mut content = Feeder::new("codex-ledger v1 views content");
        let mut tables = BTreeMap::new();
        for (name, lines) in stream_rows(db)? {
            content.update(name.as_bytes());
            content.update(&lines);
        }
        for table in STREAM_TABLES.into_iter().filter(|table| !WHOLE.contains(table)) {
            let mut all = Feeder::new("codex-ledger v1 views table");
            let order = match table {
                "sessions" => "line",
                "events" | "raw_records" => "line, part",
                "kept_rows" => "line, part, item, tbl",
                "retold_prompts" => "line, part, item, seq, seq_part",
                _ => "line, part, item",
            };
            let sql = format!("SELECT * FROM {table} WHERE stream = ? ORDER BY {order}");
            let mut statement = db.prepare(&sql)?;
            let names: Vec<&str> = statement.column_names().collect();
            let places: Vec<bool> = names.iter().map(|name| PLACES.contains(name)).collect();
            let lines: Vec<bool> = names.iter().map(|name| LINES.contains(name)).collect();
            let is_content = !["raw_records", "retold_prompts"].contains(&table);
            let mut rows = 0;
            content.update(table.as_bytes());
            for (name, stream) in &streams {
                let mut found = statement.query([stream])?;
                while let Some(row) = found.next()? {
                    rows += 1;
                    if is_content {
                        content.update(name.as_bytes());
                    }
                    for (index, is_place) in places.iter().enumerate() {
                        let value = row.get_ref(index)?;
                        all.feed(value);
                        match value {
                            // Wherever its file stands among those of the thread.
                            ValueRef::Integer(line) if is_content && lines[index] => {
                                content.feed(ValueRef::Integer(line % FILE_LINES as i64));
                            }
                            _ if is_content && !is_place => content.feed(value),
                            _ => {}
                        }
                    }
                }
            }
            rows += feed_others(db, table, &streams, &mut all)?;
            tables.insert(table.to_string(), finish(rows, &mut all));
        }
        for table in WHOLE {
            tables.insert(table.to_string(), whole_table(db, table)?);
        }
        let content = content.digest();
        Ok(Digests { tables, content, states: states_digest(db, key)? })
    }
}

/// Feeds the rows of a table that are of none of these streams; there are none in views that were not
/// tampered with.
fn feed_others(
    db: &Connection,
    table: &str,
    streams: &[(String, i64)],
    all: &mut Feeder,
) -> SqlResult<u64> {
    let known: HashSet<i64> = streams.iter().map(|(_, stream)| *stream).collect();
    let mut statement = db.prepare(&format!("SELECT DISTINCT stream FROM {table} ORDER BY 1"))?;
    let found = statement.query_map([], |row| row.get::<_, i64>(0))?;
    let mut rows = 0;
    for stream in found {
        let stream = stream?;
        if known.contains(&stream) {
            continue;
        }
        let mut statement = db.prepare(&format!("SELECT * FROM {table} WHERE stream = ?"))?;
        let columns = statement.column_count();
        let mut others = statement.query([stream])?;
        while let Some(row) = others.next()? {
            rows += 1;
            for index in 0..columns {
                all.feed(row.get_ref(index)?);
            }
        }
    }
    Ok(rows)
}

/// Newest streams by name.
fn streams(db: &Connection) -> SqlResult<Vec<(String, i64)>> {
    let mut statement =
        db.prepare("SELECT name, stream FROM streams WHERE superseded = 0 ORDER BY name, stream")?;
    let rows = statement.query_map([], |row| Ok((row.get("name")?, row.get("stream")?)))?;
    rows.collect()
}

/// The content columns of `streams`, by name.
fn stream_rows(db: &Connection) -> SqlResult<Vec<(String, Vec<u8>)>> {
    let mut statement = db.prepare(
        "SELECT name, kind, thread, rollout, lines, bytes, blank, malformed, unknown, torn, first_at_ms,
         last_at_ms FROM streams WHERE superseded = 0 ORDER BY name",
    )?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let mut bytes = Vec::new();
        for index in 1..columns {
            encode(&mut bytes, row.get_ref(index)?);
        }
        out.push((row.get("name")?, bytes));
    }
    Ok(out)
}

fn whole_table(db: &Connection, table: &str) -> SqlResult<TableDigest> {
    let mut hasher = Feeder::new("codex-ledger v1 views table");
    let order = match table {
        "redaction_hits" => "1, 2, 3, 4, 5, 6, 7, 8, 9",
        _ => "1",
    };
    let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
    let columns = statement.column_count();
    let mut found = statement.query([])?;
    let mut rows = 0;
    while let Some(row) = found.next()? {
        rows += 1;
        for index in 0..columns {
            hasher.feed(row.get_ref(index)?);
        }
    }
    Ok(finish(rows, &mut hasher))
}

fn finish(rows: u64, hasher: &mut Feeder) -> TableDigest {
    TableDigest { rows, digest: hasher.digest() }
}

/// A hash that is fed with small pieces. BLAKE3 takes many blocks at once, but only of what it gets at once.
struct Feeder {
    hasher: blake3::Hasher,
    waiting: Vec<u8>,
}

impl Feeder {
    /// So much waits before it is hashed.
    const WAITING_BYTES: usize = 64 << 10;

    fn new(context: &str) -> Feeder {
        let waiting = Vec::with_capacity(Feeder::WAITING_BYTES);
        Feeder { hasher: blake3::Hasher::new_derive_key(context), waiting }
    }

    fn update(&mut self, bytes: &[u8]) {
        if bytes.len() >= Feeder::WAITING_BYTES {
            self.flush();
            self.hasher.update(bytes);
            return;
        }
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= Feeder::WAITING_BYTES {
            self.flush();
        }
    }

    fn feed(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                let tag = if matches!(value, ValueRef::Text(_)) { 3 } else { 4 };
                self.waiting.push(tag);
                self.waiting.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                self.update(bytes);
            }
            other => encode(&mut self.waiting, other),
        }
    }

    fn flush(&mut self) {
        self.hasher.update(&self.waiting);
        self.waiting.clear();
    }

    fn digest(&mut self) -> String {
        self.flush();
        self.hasher.finalize().to_hex().to_string()
    }
}

/// Typed and length-prefixed, so that no two rows of different values look alike.
fn encode(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push(0),
        ValueRef::Integer(number) => {
            out.push(1);
            out.extend_from_slice(&number.to_be_bytes());
        }
        ValueRef::Real(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_bits().to_be_bytes());
        }
        ValueRef::Text(bytes) => encode_bytes(out, 3, bytes),
        ValueRef::Blob(bytes) => encode_bytes(out, 4, bytes),
    }
}

fn encode_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

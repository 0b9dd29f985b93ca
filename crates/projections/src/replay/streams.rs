//! What a replay knows of every stream: which is the newest of its name, and how far its fold has come.

use crate::fold::Totals;
use crate::replay::ReplayError;
use crate::replay::derive::cipher;
use crate::state::State;
use codex_ledger_db::{Connection, OptionalExtension, Row};
use codex_ledger_entry::StreamName;
use codex_ledger_ledger::side;
use std::collections::HashMap;
use std::path::Path;

/// The streams of a ledger, as far as they are applied.
#[derive(Default)]
pub(crate) struct Known {
    /// Newest stream of each name.
    pub newest: HashMap<String, u64>,
    pub streams: HashMap<u64, Stream>,
}

impl Known {
    pub(crate) fn load(db: &Connection, path: &Path, key: &[u8; 32]) -> Result<Known, ReplayError> {
        let mut known = Known::default();
        let load = |known: &mut Known| -> codex_ledger_db::SqlResult<Option<u64>> {
            let mut statement = db.prepare(
                "SELECT t.stream, t.superseded, f.cursor, f.state FROM streams t
                 LEFT JOIN fold_states f ON f.stream = t.stream ORDER BY t.stream",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let stream = row.get::<_, i64>(0)? as u64;
                let cursor = row.get::<_, Option<i64>>(2)?.unwrap_or_default() as u64;
                let mut bytes = row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default();
                cipher(key, stream, cursor, &mut bytes);
                let Some(state) = side::decode::<State>(&bytes) else {
                    return Ok(Some(stream));
                };
                let mut entry = Stream::new(StreamName::parse(&state.name));
                entry.superseded = row.get(1)?;
                // As stored: else every append would write all states again, and search would read all rows again.
                entry.touched = false;
                known.newest.insert(state.name.clone(), stream);
                entry.state = state;
                known.streams.insert(stream, entry);
            }
            Ok(None)
        };
        match load(&mut known).map_err(codex_ledger_db::at(path))? {
            Some(stream) => Err(ReplayError::State(stream)),
            None => Ok(known),
        }
    }

    /// The newest stream of a thread's rollout.
    pub(crate) fn rollout(&self, thread: &str) -> Option<u64> {
        let name = StreamName::Rollout { thread: thread.to_string(), rollout: None };
        self.newest.get(&name.to_string()).copied()
    }
}

/// Digest of what is remembered of every stream, but for what depends on how often the views were updated.
pub(crate) fn states_digest(db: &Connection, key: &[u8; 32]) -> codex_ledger_db::SqlResult<String> {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 fold states");
    let mut statement =
        db.prepare("SELECT stream, cursor, state FROM fold_states ORDER BY stream")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (stream, cursor) = (row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64);
        let mut bytes: Vec<u8> = row.get(2)?;
        cipher(key, stream, cursor, &mut bytes);
        let state: Option<State> = side::decode(&bytes);
        let state = state.map(|state| State { packs: Vec::new(), compared: None, ..state });
        hasher.update(&stream.to_be_bytes());
        hasher.update(&state.and_then(|state| side::encode(&state)).unwrap_or_default());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Thread id and repository of a session, as its records name them, whatever the views show.
///
/// # Errors
/// When the views cannot be read.
pub fn session_names(
    db: &Connection,
    path: &Path,
    key: &[u8; 32],
    stream: u64,
) -> Result<(Option<String>, Option<String>), ReplayError> {
    let sql = "SELECT cursor, state FROM fold_states WHERE stream = ?";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?));
    let found =
        db.query_row(sql, [stream as i64], read).optional().map_err(codex_ledger_db::at(path))?;
    let Some((cursor, mut bytes)) = found else { return Ok((None, None)) };
    cipher(key, stream, cursor, &mut bytes);
    let state: State = side::decode(&bytes).ok_or(ReplayError::State(stream))?;
    let thread = match StreamName::parse(&state.name) {
        StreamName::Rollout { thread, .. } => Some(thread),
        _ => None,
    };
    Ok((state.session_id.or(thread), state.repo))
}

/// One stream while its entries go by.
pub(crate) struct Stream {
    pub name: StreamName,
    pub state: State,
    pub totals: Totals,
    pub superseded: bool,
    /// Whether its state has changed since it was last stored.
    pub touched: bool,
    /// Whether entries of it were applied in this replay.
    pub grew: bool,
    /// Entries below this seq were applied when the stream was derived anew.
    pub derived_to: u64,
}

impl Stream {
    pub(crate) fn new(name: StreamName) -> Stream {
        Stream {
            state: State { name: name.to_string(), ..State::default() },
            name,
            totals: Totals::default(),
            superseded: false,
            touched: true,
            grew: false,
            derived_to: 0,
        }
    }
}

//! What a replay knows of every stream: which is the newest of its name, and how far its fold has come.

use super::fold::Totals;
use super::replay::ReplayError;
use super::state::State;
use crate::db::{Connection, OptionalExtension};
use crate::entry::StreamName;
use crate::ledger::side;
use std::collections::HashMap;
use std::path::Path;

/// The streams of a ledger, as far as they are applied.
pub(super) struct Known {
    /// Newest stream of each name.
    pub newest: HashMap<String, u64>,
    pub streams: HashMap<u64, Stream>,
}

impl Known {
    pub(super) fn load(db: &Connection, path: &Path) -> Result<Known, ReplayError> {
        let mut known = Known { newest: HashMap::new(), streams: HashMap::new() };
        let load = |known: &mut Known| -> crate::db::SqlResult<()> {
            let mut statement =
                db.prepare("SELECT stream, name, superseded FROM streams ORDER BY stream")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (stream, name): (i64, String) = (row.get(0)?, row.get(1)?);
                let superseded: bool = row.get(2)?;
                let state = db
                    .prepare_cached("SELECT state FROM fold_states WHERE stream = ?")?
                    .query_row([stream], |row| row.get::<_, Vec<u8>>(0))
                    .optional()?;
                let mut entry = Stream::new(StreamName::parse(&name));
                entry.superseded = superseded;
                entry.state = state.and_then(|bytes| side::decode(&bytes)).unwrap_or_default();
                known.newest.insert(name, stream as u64);
                known.streams.insert(stream as u64, entry);
            }
            Ok(())
        };
        load(&mut known).map_err(crate::db::at(path))?;
        Ok(known)
    }

    /// The newest stream of a thread's rollout.
    pub(super) fn rollout(&self, thread: &str) -> Option<u64> {
        let name = StreamName::Rollout { thread: thread.to_string(), rollout: None };
        self.newest.get(&name.to_string()).copied()
    }
}

/// One stream while its entries go by.
pub(super) struct Stream {
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
    pub(super) fn new(name: StreamName) -> Stream {
        Stream {
            name,
            state: State::default(),
            totals: Totals::default(),
            superseded: false,
            touched: false,
            grew: false,
            derived_to: 0,
        }
    }
}

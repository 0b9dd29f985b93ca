//! The streams of a ledger: which is the newest of its name, and how far the fold of each has come.

use crate::fold::Totals;
use crate::replay::ReplayError;
use crate::row::{At, Draft, ReadNumbers, RowBuilder, sql_stream};
use crate::state::State;
use crate::tables;
use codex_ledger_db::{self as db, Connection, OptionalExtension, Row, SqlResult};
use codex_ledger_entry::{Seq, StreamDescriptor, StreamId, StreamName};
use codex_ledger_ledger::side;
use codex_ledger_redaction::Policy;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The streams of a ledger, as far as they are applied.
#[derive(Default)]
pub(crate) struct Streams {
    /// Newest stream of each name.
    newest: HashMap<String, StreamId>,
    by_id: BTreeMap<StreamId, Stream>,
}

impl Streams {
    /// Reads what the views remember of every stream.
    pub(crate) fn load(
        db: &Connection,
        path: &Path,
        key: &[u8; 32],
    ) -> Result<Streams, ReplayError> {
        let mut streams = Streams::default();
        match streams.read(db, key).map_err(db::at(path))? {
            Some(stream) => Err(ReplayError::State(stream)),
            None => Ok(streams),
        }
    }

    /// The stream whose state cannot be read, if there is one.
    fn read(&mut self, db: &Connection, key: &[u8; 32]) -> SqlResult<Option<StreamId>> {
        let mut statement = db.prepare(
            "SELECT t.stream, t.superseded, f.cursor, f.state FROM streams t
             LEFT JOIN fold_states f ON f.stream = t.stream ORDER BY t.stream",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.stream("stream")?;
            let cursor = row.get::<_, Option<i64>>("cursor")?.unwrap_or_default();
            let cursor = Seq::new(cursor as u64);
            let bytes = row.get::<_, Option<Vec<u8>>>("state")?.unwrap_or_default();
            let Some(state) = decipher(key, id, cursor, bytes) else {
                return Ok(Some(id));
            };
            let mut stream = Stream::new(id, StreamName::parse(&state.name));
            stream.superseded = row.get("superseded")?;
            // As stored: else every append would write all states again, and search would read all rows again.
            stream.touched = false;
            stream.state = state;
            self.newest.insert(stream.state.name.clone(), id);
            self.by_id.insert(id, stream);
        }
        Ok(None)
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.by_id.get_mut(&id)
    }

    /// All, in the order in which they were opened.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.by_id.values()
    }

    /// The newest generation of every source.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Stream> {
        self.iter().filter(|stream| !stream.superseded)
    }

    /// A stream begins; gives the one that it takes the place of.
    pub(crate) fn open(
        &mut self,
        id: StreamId,
        descriptor: StreamDescriptor,
    ) -> Option<&mut Stream> {
        let older = self.newest.insert(descriptor.name.to_string(), id);
        let mut stream = Stream::new(id, descriptor.name);
        stream.state.path = descriptor.path;
        self.by_id.insert(id, stream);
        self.by_id.get_mut(&older?)
    }

    /// The newest stream of a thread's rollout.
    pub(crate) fn rollout(&self, thread: &str) -> Option<StreamId> {
        let name = StreamName::Rollout { thread: thread.to_string(), rollout: None };
        self.newest.get(&name.to_string()).copied()
    }

    /// Counts, and what later records will need, of every stream that was touched.
    pub(crate) fn store(&mut self, policy: &Policy, cursor: Seq, out: &mut Vec<Draft>) {
        for stream in self.by_id.values_mut().filter(|stream| stream.touched) {
            stream.touched = false;
            let totals = std::mem::take(&mut stream.totals);
            tables::streams::add(policy, stream.id, &totals, stream.state.torn, out);
            if let Some(state) = encipher(policy.key(), stream.id, cursor, &stream.state) {
                let row = RowBuilder::new(policy, "fold_states", At::default(), 3)
                    .stream(stream.id)
                    .seq("cursor", cursor)
                    .bytes("state", state);
                out.push(row.replace());
            }
        }
    }
}

/// One stream while its entries go by.
pub(crate) struct Stream {
    /// Its number.
    pub id: StreamId,
    pub name: StreamName,
    pub state: State,
    /// What was counted since the counts were last stored.
    pub totals: Totals,
    /// Whether a newer generation of the same source was opened.
    pub superseded: bool,
    /// Whether its state has changed since it was last stored.
    pub touched: bool,
    /// Whether entries of it were applied in this replay.
    pub grew: bool,
    /// Entries below this seq were applied when the stream was derived anew.
    pub derived_to: Seq,
}

impl Stream {
    fn new(id: StreamId, name: StreamName) -> Stream {
        Stream {
            id,
            state: State { name: name.to_string(), ..State::default() },
            name,
            totals: Totals::default(),
            superseded: false,
            touched: true,
            grew: false,
            derived_to: Seq::FIRST,
        }
    }

    /// The same stream before its first line, which copies its parent as far as is known of it.
    pub(crate) fn fresh(&self) -> Stream {
        let mut fresh = Stream::new(self.id, self.name.clone());
        fresh.state.copy_end = self.state.copy_end;
        fresh
    }

    /// One past the last seq at which the stream is known to have entries.
    pub(crate) fn end(&self) -> Seq {
        self.state.packs.last().map_or(Seq::FIRST, |run| run.end)
    }

    /// A newer generation has opened: nothing is derived of this one any more. What was remembered of it goes, since
    /// it depends on whether a comparison with a parent came before or after.
    pub(crate) fn supersede(&mut self) {
        let State { name, path, packs, .. } = std::mem::take(&mut self.state);
        self.state = State { name, path, packs, ..State::default() };
        self.superseded = true;
        self.touched = true;
    }

    /// Goes back to before its first line, to be derived again up to a seq; what was said of its copy by a
    /// comparison with its parent stays.
    pub(crate) fn restart(&mut self, copy_end: Option<u64>, to: Seq) {
        let State { compared, name, path, packs, .. } = std::mem::take(&mut self.state);
        self.state = State { name, path, packs, copy_end, compared, ..State::default() };
        self.totals = Totals::default();
        self.touched = true;
        self.derived_to = to;
    }
}

/// A state as it is stored: it holds words of the log, which the views must not. The key is the ledger's; no
/// (stream, cursor) ever gets two states under one key and one version of the program.
fn encipher(key: &[u8; 32], stream: StreamId, cursor: Seq, state: &State) -> Option<Vec<u8>> {
    let mut bytes = side::encode(state)?;
    cipher(key, stream, cursor, &mut bytes);
    Some(bytes)
}

fn decipher(key: &[u8; 32], stream: StreamId, cursor: Seq, mut bytes: Vec<u8>) -> Option<State> {
    cipher(key, stream, cursor, &mut bytes);
    side::decode(&bytes)
}

fn cipher(key: &[u8; 32], stream: StreamId, cursor: Seq, bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"fold state").update(&stream.get().to_be_bytes()).update(&cursor.to_be_bytes());
    let mut keystream = hasher.finalize_xof();
    let mut pad = [0u8; 1024];
    for chunk in bytes.chunks_mut(pad.len()) {
        keystream.fill(&mut pad);
        chunk.iter_mut().zip(&pad).for_each(|(byte, pad)| *byte ^= pad);
    }
}

/// Digest of what is remembered of every stream, but for what depends on how often the views were updated.
pub(crate) fn states_digest(db: &Connection, key: &[u8; 32]) -> SqlResult<String> {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 fold states");
    let mut statement =
        db.prepare("SELECT stream, cursor, state FROM fold_states ORDER BY stream")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let stream = row.stream("stream")?;
        let cursor = row.seq("cursor")?;
        let state = decipher(key, stream, cursor, row.get("state")?);
        let state = state.map(|state| State { packs: Vec::new(), compared: None, ..state });
        hasher.update(&stream.get().to_be_bytes());
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
    stream: StreamId,
) -> Result<(Option<String>, Option<String>), ReplayError> {
    let sql = "SELECT cursor, state FROM fold_states WHERE stream = ?";
    let read = |row: &Row<'_>| {
        let cursor = row.seq("cursor")?;
        Ok(decipher(key, stream, cursor, row.get("state")?))
    };
    let found = db.query_row(sql, [sql_stream(stream)], read).optional().map_err(db::at(path))?;
    let Some(state) = found else { return Ok((None, None)) };
    let state = state.ok_or(ReplayError::State(stream))?;
    let thread = match StreamName::parse(&state.name) {
        StreamName::Rollout { thread, .. } => Some(thread),
        _ => None,
    };
    Ok((state.session_id.or(thread), state.repo))
}

//! The streams of a ledger: which is the newest of its name, and how far the fold of each has come.

use crate::earlier::Said;
use crate::fold::Totals;
use crate::replay::ReplayError;
use crate::row::{At, Draft, ReadNumbers, RowBuilder, sql_stream};
use crate::state::{Region, State};
use crate::tables;
use codex_ledger_db::{self as db, Connection, OptionalExtension, Row, SqlResult};
use codex_ledger_entry::{Seq, StreamDescriptor, StreamId, StreamName};
use codex_ledger_ledger::side;
use codex_ledger_redaction::Policy;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// The streams of a ledger, as far as they are applied.
#[derive(Default)]
pub(crate) struct Streams {
    /// The files of each thread, and the generations of each other source: in order, but for those that are due.
    threads: HashMap<String, Vec<StreamId>>,
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
        if let Some(stream) = streams.read(db, key).map_err(db::at(path))? {
            return Err(ReplayError::State(stream));
        }
        let several = streams.threads.values_mut().filter(|files| files.len() > 1);
        for files in several {
            files.sort_by_key(|id| streams.by_id.get(id).map(|file| file.rank));
        }
        Ok(streams)
    }

    /// The stream whose state cannot be read, if there is one.
    fn read(&mut self, db: &Connection, key: &[u8; 32]) -> SqlResult<Option<StreamId>> {
        let mut statement = db.prepare(
            "SELECT t.stream, t.superseded, t.holder, t.rank, f.cursor, f.state FROM streams t
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
            stream.holder = row.stream("holder")?;
            stream.rank = row.get::<_, i64>("rank")? as u64;
            // As stored: else every append would write all states again, and search would read all rows again.
            stream.touched = false;
            stream.state = state;
            self.add(stream);
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

    /// A stream begins.
    pub(crate) fn open(&mut self, id: StreamId, descriptor: StreamDescriptor) {
        let mut stream = Stream::new(id, descriptor.name);
        stream.state.path = descriptor.path;
        // Where it stands among the files of its thread is told by what it says.
        stream.state.is_due = self.threads.contains_key(&stream.thread());
        self.add(stream);
    }

    /// Adds a stream to the files of its thread.
    fn add(&mut self, stream: Stream) {
        let files = self.threads.entry(stream.thread()).or_default();
        files.push(stream.id);
        let is_one_of_several = files.len() > 1;
        self.by_id.insert(stream.id, stream);
        for file in files.iter().filter(|_| is_one_of_several) {
            if let Some(file) = self.by_id.get_mut(file) {
                file.is_one_of_several = true;
            }
        }
    }

    /// The streams of the thread, or of the other source, that a stream is of; in order where none is due.
    pub(crate) fn thread(&self, id: StreamId) -> &[StreamId] {
        let thread = self.get(id).map(Stream::thread);
        thread.and_then(|thread| self.threads.get(&thread)).map_or(&[], Vec::as_slice)
    }

    /// The same streams themselves.
    pub(crate) fn files(&self, id: StreamId) -> impl Iterator<Item = &Stream> {
        self.thread(id).iter().filter_map(|id| self.get(*id))
    }

    /// Whether a thread's rows are derived anew once all is applied: when a file has come, or one has grown that is
    /// not the last.
    pub(crate) fn is_due(&self, id: StreamId) -> bool {
        let is_one_of_several = self.get(id).is_some_and(|file| file.is_one_of_several);
        let files = if is_one_of_several { self.thread(id) } else { &[] };
        files.len() > 1
            && (files.last() != Some(&id) || self.files(id).any(|file| file.state.is_due))
    }

    /// The first streams of all threads that are due.
    pub(crate) fn due(&self) -> BTreeSet<StreamId> {
        // One that has grown without a newer time may stand somewhere else now.
        let is_moved = |file: &Stream| {
            file.grew && file.is_one_of_several && self.sorted(file.id) != self.thread(file.id)
        };
        let due = self.iter().filter(|stream| stream.state.is_due || is_moved(stream));
        due.filter_map(|stream| self.thread(stream.id).iter().min().copied()).collect()
    }

    /// The files of a stream's thread in the order that they should have, by what they say and not by when they came:
    /// - those in which the client went on after a revert, behind all others;
    /// - those that a newer client has rewritten, behind the older ones;
    /// - those that go on for longer, behind those that end before;
    /// - those that have lost something, behind the whole ones; but a document was written anew when it was longer.
    fn sorted(&self, id: StreamId) -> Vec<StreamId> {
        let mut order = self.thread(id).to_vec();
        order.sort_by_key(|id| {
            let file = self.get(*id)?;
            let state = &file.state;
            let is_paginated = state.opens_paginated.unwrap_or_default();
            let bytes = if state.is_document { state.bytes } else { u64::MAX - state.bytes };
            Some((file.is_revert(), is_paginated, state.latest_ms, bytes, *id))
        });
        order
    }

    /// Puts the files of a stream's thread in order.
    pub(crate) fn order(&mut self, id: StreamId) -> Vec<StreamId> {
        let Some(thread) = self.get(id).map(Stream::thread) else { return Vec::new() };
        let order = self.sorted(id);
        let names: Vec<StreamName> =
            order.iter().filter_map(|id| self.get(*id)).map(|stream| stream.name.clone()).collect();
        let holder = order.last().copied().unwrap_or(id);
        for (rank, id) in order.iter().enumerate() {
            let Some(stream) = self.by_id.get_mut(id) else { continue };
            (stream.rank, stream.holder) = (rank as u64, holder);
            stream.superseded = names.iter().skip(rank + 1).any(|name| *name == stream.name);
        }
        self.threads.insert(thread, order.clone());
        order
    }

    /// Forgets a stream, which was erased as a whole.
    pub(crate) fn remove(&mut self, id: StreamId) {
        let Some(stream) = self.by_id.remove(&id) else { return };
        let thread = stream.thread();
        let Some(files) = self.threads.get_mut(&thread) else { return };
        files.retain(|file| *file != id);
        match files[..] {
            [] => drop(self.threads.remove(&thread)),
            [only] => {
                if let Some(only) = self.by_id.get_mut(&only) {
                    only.is_one_of_several = false;
                }
            }
            _ => {}
        }
    }

    /// Lends streams.
    pub(crate) fn take(&mut self, ids: &[StreamId]) -> Vec<Stream> {
        ids.iter().filter_map(|id| self.by_id.remove(id)).collect()
    }

    pub(crate) fn put_back(&mut self, streams: Vec<Stream>) {
        self.by_id.extend(streams.into_iter().map(|stream| (stream.id, stream)));
    }

    /// The last file of a thread, if there is one.
    pub(crate) fn rollout(&self, thread: &str) -> Option<StreamId> {
        let name = StreamName::Rollout { thread: thread.to_string(), rollout: None };
        self.threads.get(&thread_of(&name))?.last().copied()
    }

    /// Counts, and what later records will need, of every stream that was touched.
    pub(crate) fn store(&mut self, policy: &Policy, cursor: Seq, out: &mut Vec<Draft>) {
        let several = self.iter().filter(|file| file.touched && file.is_one_of_several);
        for file in several.filter(|file| file.holder == file.id && !self.is_due(file.id)) {
            let superseded: Vec<bool> = self.files(file.id).map(|file| file.superseded).collect();
            let rest = file.state.earlier.rest();
            let is_gone = |said: &&Said| superseded.get(said.row.rank()) == Some(&true);
            tables::prompts::renumber(policy, file.id, out);
            tables::streams::kept(policy, file.id, rest.into_iter().filter(is_gone), out);
        }
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

/// What a file belongs to: its thread, else the source of which it is a generation.
fn thread_of(name: &StreamName) -> String {
    match name {
        StreamName::Rollout { thread, .. } => format!("thread/{thread}"),
        other => other.to_string(),
    }
}

/// One stream while its entries go by.
#[derive(Clone)]
pub(crate) struct Stream {
    /// Its number.
    pub id: StreamId,
    pub name: StreamName,
    pub state: State,
    /// What was counted since the counts were last stored.
    pub totals: Totals,
    /// Whether there is a newer generation of the same source.
    pub superseded: bool,
    /// Whether its thread has more files.
    pub is_one_of_several: bool,
    /// How many files of its thread come before it.
    pub rank: u64,
    /// The last file of its thread, under which the rows of all of them stand.
    pub holder: StreamId,
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
            is_one_of_several: false,
            rank: 0,
            holder: id,
            touched: true,
            grew: false,
            derived_to: Seq::FIRST,
        }
    }

    fn thread(&self) -> String {
        thread_of(&self.name)
    }

    /// The id of its thread, where it is a session's.
    pub(crate) fn thread_id(&self) -> Option<&str> {
        match &self.name {
            StreamName::Rollout { thread, .. } => Some(thread),
            _ => None,
        }
    }

    /// Whether a client that went back to a place in its thread goes on in this file.
    fn is_revert(&self) -> bool {
        matches!(self.name, StreamName::Rollout { rollout: Some(_), .. })
    }

    /// The same stream as before its first line; what is known of its copy stays.
    pub(crate) fn fresh(&self) -> Stream {
        let mut fresh = self.clone();
        fresh.restart(Seq::FIRST);
        fresh
    }

    /// What tells where its entries are, and nothing else.
    pub(crate) fn clone_place(&self) -> Stream {
        let mut place = Stream::new(self.id, self.name.clone());
        place.state.packs = self.state.packs.clone();
        place
    }

    /// One past the last seq at which the stream is known to have entries.
    pub(crate) fn end(&self) -> Seq {
        self.state.packs.last().map_or(Seq::FIRST, |run| run.end)
    }

    /// Goes back to before its first line, to be derived again up to a seq; what was said of its copy by a
    /// comparison with its parent stays.
    pub(crate) fn restart(&mut self, to: Seq) {
        let State { compared, name, path, packs, copy_end, .. } = std::mem::take(&mut self.state);
        self.state = State { name, path, packs, copy_end, compared, ..State::default() };
        self.totals = Totals::default();
        self.touched = true;
        self.derived_to = to;
    }

    /// Takes over from the file of the same thread that comes before it: a client that goes back to a place in the
    /// thread's history goes on in a new file; any other file tells the thread from its beginning.
    pub(crate) fn follow(&mut self, before: &State) {
        if self.is_revert() {
            let State { compared, name, path, packs, .. } = std::mem::take(&mut self.state);
            self.state = State {
                name,
                path,
                packs,
                compared,
                region: Region::Past,
                copy_of: None,
                copy_end: None,
                history_start: None,
                compaction: None,
                torn: false,
                latest_ms: None,
                opens_paginated: None,
                bytes: 0,
                is_due: false,
                ..before.clone()
            };
        } else {
            self.state.has_session = before.has_session;
            self.state.is_defined = before.is_defined;
            self.state.numbered = before.numbered;
            self.state.bare_numbered = before.numbered;
        }
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

//! What is known about the end of each stream: how much of it the ledger has, and its hash.

use super::error::Result;
use super::head::Head;
use super::open::LedgerPaths;
use super::pack::StoredEntry;
use super::reader::{LedgerReader, each_zero};
use super::side::{self, Bound, SideRecord};
use super::world::World;
use bincode::{Decode, Encode};
use codex_ledger_entry::{Kind, Seq, StreamDescriptor, StreamId, stream_hasher};
use std::collections::{BTreeMap, HashMap};

/// The end of one generation of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tail {
    /// Seq of the entry that opened the stream.
    pub stream: StreamId,
    /// 0 for the first; one more for each time the source was rewritten.
    pub generation: u32,
    /// Line number of the next entry.
    pub line: u64,
    /// Bytes of the source that the ledger has, line feeds included.
    pub bytes: u64,
    /// Hash of these bytes, with zeros in the place of what was erased.
    pub prefix_hash: [u8; 32],
    /// What was erased, in order.
    pub erased: Vec<ErasedPiece>,
}

/// A piece of a source that was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ErasedPiece {
    /// Its entry.
    pub seq: Seq,
    /// Its first byte in the source.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// The ends of all streams, by name, oldest generation first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tails {
    /// What this is true of.
    pub bound: Bound,
    /// By stream name.
    pub streams: BTreeMap<String, Vec<Tail>>,
}

impl SideRecord for Tails {
    const SCHEMA: u32 = 103;
}

impl Tails {
    /// The stored ones when they fit the head, else rebuilt from the entries.
    ///
    /// # Errors
    /// When the entries cannot be read.
    pub fn load(paths: &LedgerPaths, head: &Head) -> Result<Tails> {
        match side::load::<Tails>(&paths.tails()) {
            Some(tails) if tails.bound == Bound::of(head) => Ok(tails),
            _ => Tails::rebuild(&mut LedgerReader::open(&paths.dir)?),
        }
    }

    /// Stores them for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, world: &World, paths: &LedgerPaths) -> Result<()> {
        side::save(world, &paths.tails(), self)
    }

    /// Derives them from the entries.
    ///
    /// # Errors
    /// When the entries cannot be read.
    pub fn rebuild(reader: &mut LedgerReader) -> Result<Tails> {
        let mut found = TailsBuilder::default();
        let mut next = Seq::FIRST;
        while let Some(pack) = reader.pack_from(next)? {
            next = pack.info.end_seq();
            for entry in &pack.entries {
                found.begin(entry, pack.body(entry).unwrap_or_default());
                if entry.is_of_source() && !entry.is_erased() {
                    reader.each_piece(&pack, entry, |piece| found.piece(entry, piece))?;
                }
                found.end(entry);
            }
        }
        Ok(found.finish(Bound::of(reader.head())))
    }

    /// How many bytes of each stream are known, by the stream's number.
    pub fn bytes_by_stream(&self) -> HashMap<StreamId, u64> {
        self.streams.values().flatten().map(|tail| (tail.stream, tail.bytes)).collect()
    }
}

/// Derives tails entry by entry.
#[derive(Default)]
pub(super) struct TailsBuilder {
    open: HashMap<StreamId, OpenTail>,
    /// Where streams are expected to end; what has come so far needs no hasher any more.
    ends: HashMap<StreamId, u64>,
}

struct OpenTail {
    name: String,
    tail: Tail,
    /// `None` once the hash is taken.
    hasher: Option<Box<blake3::Hasher>>,
}

impl OpenTail {
    fn close(&mut self) {
        if let Some(hasher) = self.hasher.take() {
            self.tail.prefix_hash = *hasher.finalize().as_bytes();
        }
    }
}

impl TailsBuilder {
    /// One that keeps little in memory as long as the streams end where they are expected to.
    pub(super) fn expecting(tails: &Tails) -> TailsBuilder {
        TailsBuilder { open: HashMap::new(), ends: tails.bytes_by_stream() }
    }

    /// Before the pieces of an entry's body; `body` is that of an entry that opens a stream.
    pub(super) fn begin(&mut self, entry: &StoredEntry, body: &[u8]) {
        // One that was erased has no name any more.
        if entry.kind != Kind::Stream || entry.is_erased() {
            return;
        }
        let Ok(descriptor) = StreamDescriptor::decode(body) else { return };
        let generation = descriptor.generation;
        let stream = StreamId::opened_by(entry.seq);
        let tail = Tail { stream, generation, ..Tail::default() };
        let (name, hasher) = (descriptor.name.to_string(), Some(Box::new(stream_hasher())));
        let mut open = OpenTail { name, tail, hasher };
        if self.ends.get(&stream) == Some(&0) {
            open.close();
        }
        self.open.insert(stream, open);
    }

    /// A piece of the body of an entry of a source.
    pub(super) fn piece(&mut self, entry: &StoredEntry, piece: &[u8]) {
        if let Some(hasher) = self.open.get_mut(&entry.stream).and_then(|o| o.hasher.as_mut()) {
            hasher.update(piece);
        }
    }

    /// Behind the pieces of an entry's body.
    pub(super) fn end(&mut self, entry: &StoredEntry) {
        if !entry.is_of_source() {
            return;
        }
        let Some(open) = self.open.get_mut(&entry.stream) else { return };
        if entry.is_erased() {
            let StoredEntry { seq, offset, body_len: len, .. } = *entry;
            open.tail.erased.push(ErasedPiece { seq, offset, len });
            if let Some(hasher) = &mut open.hasher {
                each_zero(entry.body_len, |zeros| {
                    hasher.update(zeros);
                });
            }
        }
        open.tail.bytes = entry.offset.saturating_add(entry.body_len);
        open.tail.line = entry.line;
        if entry.has_line_feed() {
            if let Some(hasher) = &mut open.hasher {
                hasher.update(b"\n");
            }
            open.tail.bytes = open.tail.bytes.saturating_add(1);
            open.tail.line = open.tail.line.saturating_add(1);
        }
        if self.ends.get(&entry.stream) == Some(&open.tail.bytes) {
            open.close();
        }
    }

    /// The tails, true of what was given.
    pub(super) fn finish(self, bound: Bound) -> Tails {
        let mut tails = Tails { bound, streams: BTreeMap::new() };
        for mut open in self.open.into_values() {
            open.close();
            tails.streams.entry(open.name).or_default().push(open.tail);
        }
        for generations in tails.streams.values_mut() {
            generations.sort_by_key(|tail| tail.stream);
        }
        tails
    }
}

//! What is known about the end of each stream: how much of it the ledger has, and its hash.

use super::error::Result;
use super::open::LedgerPaths;
use super::reader::LedgerReader;
use super::side::{self, SideRecord};
use super::world::World;
use crate::entry::{EntryId, Kind, StreamDescriptor, stream_hasher};
use bincode::{Decode, Encode};
use std::collections::{BTreeMap, HashMap};

/// The end of one generation of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Tail {
    /// Seq of the entry that opened the stream.
    pub stream: u64,
    /// 0 for the first; one more for each time the source was rewritten.
    pub generation: u32,
    /// Line number of the next entry.
    pub line: u64,
    /// Bytes of the source that the ledger has, line feeds included.
    pub bytes: u64,
    /// Hash of these bytes.
    pub prefix_hash: [u8; 32],
}

/// The ends of all streams, by name, oldest generation first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tails {
    /// Ledger size that this is true of.
    pub size: u64,
    /// Id of the last entry at that size.
    pub head: [u8; 32],
    /// By stream name.
    pub streams: BTreeMap<String, Vec<Tail>>,
}

impl SideRecord for Tails {
    const SCHEMA: u32 = 101;
}

impl Tails {
    /// The stored ones when they fit the head, else rebuilt from the entries.
    ///
    /// # Errors
    /// When the entries cannot be read.
    pub fn load(paths: &LedgerPaths, size: u64, head: EntryId) -> Result<Tails> {
        match side::load::<Tails>(&paths.tails()) {
            Some(tails) if tails.size == size && tails.head == head.0 => Ok(tails),
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
        let mut tails = Tails {
            size: reader.head().size(),
            head: reader.head().chain.id.0,
            streams: BTreeMap::new(),
        };
        let mut open: HashMap<u64, (String, Tail, blake3::Hasher)> = HashMap::new();
        let mut next = 0;
        while let Some(pack) = reader.pack_from(next)? {
            next = pack.info.end_seq();
            for entry in &pack.entries {
                match entry.kind {
                    Kind::Stream => {
                        let body = pack.body(entry).unwrap_or_default();
                        let Ok(descriptor) = StreamDescriptor::decode(body) else {
                            continue;
                        };
                        let tail = Tail {
                            stream: entry.seq,
                            generation: descriptor.generation,
                            line: 0,
                            bytes: 0,
                            prefix_hash: [0; 32],
                        };
                        let name = descriptor.name.to_string();
                        open.insert(entry.seq, (name, tail, stream_hasher()));
                    }
                    Kind::Line | Kind::Document => {
                        let Some((_, tail, hasher)) = open.get_mut(&entry.stream) else {
                            continue;
                        };
                        reader.each_piece(&pack, entry, |piece| {
                            hasher.update(piece);
                        })?;
                        tail.bytes = entry.offset + entry.body_len;
                        tail.line = entry.line;
                        if entry.has_line_feed() {
                            hasher.update(b"\n");
                            tail.bytes += 1;
                            tail.line += 1;
                        }
                    }
                    _ => {}
                }
            }
        }
        for (name, mut tail, hasher) in open.into_values() {
            tail.prefix_hash = *hasher.finalize().as_bytes();
            tails.streams.entry(name).or_default().push(tail);
        }
        for generations in tails.streams.values_mut() {
            generations.sort_by_key(|tail| tail.stream);
        }
        Ok(tails)
    }
}

//! Which entries decide what may be shown: found once, then known by their seqs.

use super::error::Result;
use super::open::LedgerPaths;
use super::reader::LedgerReader;
use super::side::{self, SideRecord};
use super::world::World;
use crate::entry::{EntryId, Kind};
use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use std::path::Path;

/// The redactions, revocations and rule sets of a ledger, and the key of what is derived from it (rebuildable).
///
/// Kept beside the ledger so that a small change opens no volume. An audit does not trust it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Controls {
    /// Entries below this seq were looked at.
    pub size: u64,
    /// The entries, in order.
    pub entries: Vec<Control>,
    key: Option<[u8; 32]>,
}

impl SideRecord for Controls {
    const SCHEMA: u32 = 502;
}

/// One such entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Position in the log.
    pub seq: u64,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: EntryId,
    /// The entry that it speaks of, or zeros.
    pub reference: EntryId,
    /// Nanoseconds since 1970-01-01 UTC.
    pub recorded_at: u64,
    /// Its body; empty when it was erased.
    pub body: Vec<u8>,
}

impl Controls {
    /// The stored ones, completed by what was appended since.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn load(reader: &mut LedgerReader) -> Result<Controls> {
        let paths = LedgerPaths { dir: reader.dir().to_path_buf() };
        let size = reader.head().size();
        let stored = side::load::<Controls>(&paths.controls());
        stored.filter(|known| known.size <= size).unwrap_or_default().completed(reader)
    }

    /// Finds them in the entries alone.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn find(reader: &mut LedgerReader) -> Result<Controls> {
        Controls::default().completed(reader)
    }

    fn completed(mut self, reader: &mut LedgerReader) -> Result<Controls> {
        while let Some(pack) = reader.pack_from(self.size)? {
            let from = self.size;
            let new = pack.entries.iter().filter(|e| e.seq >= from && e.kind.is_control());
            for seq in new.map(|entry| entry.seq).collect::<Vec<_>>() {
                self.entries.extend(reader.control(seq)?);
            }
            self.size = pack.info.end_seq();
        }
        if self.key.is_none() && self.size > 0 {
            self.key = Some(reader.views_key()?);
        }
        Ok(self)
    }

    /// Stores them for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, world: &World, paths: &LedgerPaths) -> Result<()> {
        side::save(world, &paths.controls(), self)
    }

    /// Notes what was just appended: entries `from` to `to`, of which the first `count` may be such ones.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn note(&mut self, dir: &Path, from: u64, to: u64, count: u64) -> Result<()> {
        if self.size != from {
            return Ok(());
        }
        if count > 0 {
            let mut reader = LedgerReader::open(dir)?;
            for seq in from..from + count {
                self.entries.extend(reader.control(seq)?.filter(|entry| entry.kind.is_control()));
            }
        }
        self.size = to;
        Ok(())
    }

    /// A key that only those know who have the ledger: derived from the salt of its first entry.
    pub fn key(&self) -> [u8; 32] {
        self.key.unwrap_or_default()
    }
}

impl Encode for Control {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> std::result::Result<(), EncodeError> {
        let Control { seq, kind, id, reference, recorded_at, body } = self;
        (seq, kind.code(), id.0, reference.0, recorded_at, body).encode(encoder)
    }
}

bincode::impl_borrow_decode!(Control);

impl<C> Decode<C> for Control {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> std::result::Result<Self, DecodeError> {
        let (seq, kind, id, reference, recorded_at, body): (
            u64,
            u8,
            [u8; 32],
            [u8; 32],
            u64,
            Vec<u8>,
        ) = Decode::decode(decoder)?;
        let (id, reference, kind) = (EntryId(id), EntryId(reference), Kind::from_code(kind));
        Ok(Control { seq, kind, id, reference, recorded_at, body })
    }
}

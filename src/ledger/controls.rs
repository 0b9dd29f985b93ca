//! Which entries decide what may be shown: found once, then known by their seqs.

use super::error::Result;
use super::open::LedgerPaths;
use super::reader::LedgerReader;
use super::side::{self, SideRecord};
use super::world::World;
use crate::entry::{EntryId, Kind};
use bincode::{Decode, Encode};

/// The redactions, revocations and rule sets of a ledger (rebuildable).
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Controls {
    /// Entries below this seq were looked at.
    pub size: u64,
    /// Their seqs, ascending.
    pub seqs: Vec<u64>,
}

impl SideRecord for Controls {
    const SCHEMA: u32 = 501;
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
        let mut controls = stored.filter(|known| known.size <= size).unwrap_or_default();
        while let Some(pack) = reader.pack_from(controls.size)? {
            let from = controls.size;
            let new = pack.entries.iter().filter(|e| e.seq >= from && e.kind.is_control());
            controls.seqs.extend(new.map(|entry| entry.seq));
            controls.size = pack.info.end_seq();
        }
        Ok(controls)
    }

    /// Stores them for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, world: &World, paths: &LedgerPaths) -> Result<()> {
        side::save(world, &paths.controls(), self)
    }

    /// Notes entries that were just appended: `seqs` of those from `from` up to `to`.
    pub fn note(&mut self, from: u64, to: u64, seqs: &[u64]) {
        if self.size == from {
            self.seqs.extend_from_slice(seqs);
            self.size = to;
        }
    }

    /// Reads the entries themselves.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(&self, reader: &mut LedgerReader) -> Result<Vec<Control>> {
        let mut controls = Vec::with_capacity(self.seqs.len());
        for seq in &self.seqs {
            controls.extend(reader.control(*seq)?);
        }
        Ok(controls)
    }
}

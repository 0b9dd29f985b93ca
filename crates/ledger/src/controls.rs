//! Which entries decide what may be shown: found once, then known by their seqs.

use super::error::Result;
use super::head::{Head, read_head};
use super::open::LedgerPaths;
use super::pack::{Identity, Pack, StoredEntry};
use super::reader::LedgerReader;
use super::side::{self, Bound, SideRecord};
use super::world::World;
use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use codex_ledger_entry::{EntryId, Header, Kind, Seq, SeqRange, SeqSet};
use std::path::Path;

/// The redactions, revocations and rule sets of a ledger, and the key of what is derived from it (rebuildable).
///
/// Kept beside the ledger so that a small change opens no volume. An audit compares it with the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Controls {
    /// The entries that were looked at.
    pub bound: Bound,
    /// The entries, in order.
    pub entries: Vec<Control>,
    key: Option<[u8; 32]>,
}

impl SideRecord for Controls {
    const SCHEMA: u32 = 503;
}

/// One such entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Position in the log.
    pub seq: Seq,
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

/// The wanted entries of a pack with their ids. Bodies that are kept in blocks are left empty, to be filled in.
pub(super) fn controls_in(
    pack: &Pack,
    identity: &Identity,
    is_wanted: &dyn Fn(&StoredEntry) -> bool,
) -> Vec<Control> {
    let mut found = Vec::new();
    // Ids cost a hash of every entry.
    let Some(last) = pack.entries.iter().rposition(is_wanted) else { return found };
    let mut id = pack.info.prev;
    for entry in pack.entries.iter().take(last + 1) {
        let header = pack.header(identity, entry, id);
        id = Header::id(&header.encode());
        if is_wanted(entry) {
            let Header { seq, kind, reference, recorded_at, .. } = header;
            let body = pack.body(entry).unwrap_or_default().to_vec();
            found.push(Control { seq, kind, id, reference, recorded_at, body });
        }
    }
    found
}

impl Controls {
    /// The stored ones when they are of this ledger, completed by what was appended since.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn load(reader: &mut LedgerReader) -> Result<Controls> {
        let paths = LedgerPaths { dir: reader.dir().to_path_buf() };
        let stored = side::load::<Controls>(&paths.controls());
        match stored {
            Some(known) if known.fits(reader)? => known.completed(reader),
            _ => Controls::find(reader),
        }
    }

    /// Finds them in the entries alone.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn find(reader: &mut LedgerReader) -> Result<Controls> {
        Controls::default().completed(reader)
    }

    /// Whether they speak of a beginning of this ledger, and not of another one as long.
    fn fits(&self, reader: &mut LedgerReader) -> Result<bool> {
        let (bound, head) = (self.bound, reader.head());
        if bound == Bound::of(head) {
            return Ok(true);
        }
        if bound.ledger != head.identity.ledger.0 || bound.end >= head.end() {
            return Ok(false);
        }
        // A head always lies between two packs.
        let next = reader.pack_from(bound.end)?;
        Ok(next
            .is_some_and(|pack| pack.info.first_seq == bound.end && pack.info.prev.0 == bound.last))
    }

    fn completed(mut self, reader: &mut LedgerReader) -> Result<Controls> {
        self.add(reader, self.bound.end, Seq::MAX)?;
        self.bound = Bound::of(reader.head());
        if self.key.is_none() && self.bound.end > Seq::FIRST {
            self.key = Some(reader.views_key()?);
        }
        Ok(self)
    }

    /// Adds those from `from` on, out of all packs that begin before `to`.
    fn add(&mut self, reader: &mut LedgerReader, from: Seq, to: Seq) -> Result<()> {
        let mut next = from;
        while next < to
            && let Some(pack) = reader.pack_from(next)?
        {
            self.entries.extend(reader.controls_of(&pack, next)?);
            next = pack.info.end_seq();
        }
        Ok(())
    }

    /// Stores them for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, world: &World, paths: &LedgerPaths) -> Result<()> {
        side::save(world, &paths.controls(), self)
    }

    /// Notes what was just appended: of these entries the first `count` may be such ones.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn note(&mut self, dir: &Path, new: SeqRange, count: u64) -> Result<()> {
        let head = read_head(dir)?.head;
        if self.bound.end != new.from || head.end() != new.end {
            return Ok(());
        }
        if count > 0 {
            self.add(&mut LedgerReader::open(dir)?, new.from, new.from.plus(count))?;
        }
        self.bound = Bound::of(&head);
        Ok(())
    }

    /// Whether they speak of a ledger.
    pub(super) fn is_of(&self, head: &Head) -> bool {
        self.bound.ledger == head.identity.ledger.0
    }

    /// Forgets what entries said that are erased.
    pub(super) fn forget(&mut self, erased: &SeqSet) {
        for entry in self.entries.iter_mut().filter(|entry| erased.contains(entry.seq)) {
            entry.body = Vec::new();
        }
    }

    /// A key that only those know who have the ledger: derived from the salt of its first entry.
    pub fn key(&self) -> [u8; 32] {
        self.key.unwrap_or_default()
    }

    /// Whether they say that this is the key, or do not say.
    pub(super) fn has_key(&self, key: &[u8; 32]) -> bool {
        self.key.is_none_or(|known| known == *key)
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
            Seq,
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

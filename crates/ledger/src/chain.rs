//! Where the chain of entries ends.

use super::tiles::TILE_HEIGHT;
use codex_ledger_entry::{EntryId, Frontier, HEADER_BYTES, Header, Seq, TreeHash};

/// The end of the chain so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// Id of the last entry; zeros when there is none.
    pub id: EntryId,
    /// Its time.
    pub recorded_at: u64,
    /// The tree over all headers.
    pub tree: Frontier,
}

impl ChainEnd {
    /// Before the first entry.
    pub fn empty() -> ChainEnd {
        ChainEnd { id: EntryId::default(), recorded_at: 0, tree: Frontier::default() }
    }

    /// Count of entries.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The number that the next entry gets.
    pub fn end(&self) -> Seq {
        Seq::FIRST.plus(self.size())
    }

    /// Adds the next entry; its header must continue this chain.
    pub fn push(&mut self, encoded: &[u8; HEADER_BYTES], recorded_at: u64) {
        self.push_noting(encoded, recorded_at);
    }

    /// The same; gives the root of the tile that this entry completes, if any.
    pub(super) fn push_noting(
        &mut self,
        encoded: &[u8; HEADER_BYTES],
        recorded_at: u64,
    ) -> Option<TreeHash> {
        self.id = Header::id(encoded);
        self.recorded_at = recorded_at;
        self.tree.push_noting(encoded, TILE_HEIGHT)
    }
}

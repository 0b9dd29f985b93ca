//! Where packs and blocks lie in a journal.

use super::block::block_place;
use super::error::{LedgerError, Result};
use super::journal::{FrameKind, JournalReader, Next};
use super::pack::PackInfo;
use codex_ledger_entry::Seq;
use std::collections::BTreeMap;

/// A journal, and the positions of what was read of it so far.
pub(super) struct JournalIndex {
    pub(super) reader: JournalReader,
    /// By first seq.
    packs: BTreeMap<Seq, u64>,
    /// By seq and index.
    blocks: BTreeMap<(Seq, u32), u64>,
    /// One past the last entry of the pack that was read last; [`Seq::FIRST`] before the first one.
    pub(super) end_seq: Seq,
}

impl JournalIndex {
    pub(super) fn new(reader: JournalReader) -> JournalIndex {
        let (packs, blocks) = (BTreeMap::new(), BTreeMap::new());
        JournalIndex { reader, packs, blocks, end_seq: Seq::FIRST }
    }

    /// Reads the next frame and notes what lies there.
    pub(super) fn step(&mut self) -> Result<Next> {
        let at = self.reader.position();
        let next = self.reader.next_frame()?;
        if let Next::Frame(frame) = &next {
            match frame.kind {
                FrameKind::Pack => {
                    if let Some(info) = PackInfo::read(&frame.payload) {
                        self.packs.insert(info.first_seq, at);
                        self.end_seq = info.end_seq();
                    }
                }
                FrameKind::Block => {
                    self.blocks.extend(block_place(&frame.payload).map(|place| (place, at)));
                }
                FrameKind::Commit => {}
            }
        }
        Ok(next)
    }

    /// The pack that begins with that entry.
    pub(super) fn pack(&mut self, seq: Seq) -> Result<Option<Vec<u8>>> {
        let at = self.packs.get(&seq).copied();
        at.map(|at| self.read(at)).transpose()
    }

    /// A block of a large body.
    pub(super) fn block(&mut self, seq: Seq, index: u32) -> Result<Option<Vec<u8>>> {
        let at = self.blocks.get(&(seq, index)).copied();
        at.map(|at| self.read(at)).transpose()
    }

    /// The first seqs of its packs, from `from` on.
    pub(super) fn pack_seqs(&self, from: Seq) -> impl Iterator<Item = Seq> {
        self.packs.range(from..).map(|(seq, _)| *seq)
    }

    /// The first seq of the last pack that begins at or before `seq`.
    pub(super) fn pack_seq_at_or_before(&self, seq: Seq) -> Option<Seq> {
        self.packs.range(..=seq).next_back().map(|(seq, _)| *seq)
    }

    fn read(&mut self, at: u64) -> Result<Vec<u8>> {
        self.reader.seek(at)?;
        match self.reader.next_frame()? {
            Next::Frame(frame) => Ok(frame.payload),
            Next::End | Next::Torn(_) => {
                Err(LedgerError::damaged(self.reader.path(), format!("no frame at byte {at}")))
            }
        }
    }
}

//! The journal's share of an inspection.

use super::Inspector;
use crate::block::block_place;
use crate::error::{LedgerError, Result};
use crate::finding::FindingKind;
use crate::head::{Head, read_head};
use crate::journal::{self, Commit, FrameKind, JournalReader, Next, journal_path};
use crate::lock::lock_holder;
use crate::volume::manifest_path;
use codex_ledger_entry::Seq;
use std::collections::BTreeMap;

impl Inspector<'_> {
    pub(super) fn check_journal(&mut self, head: &Head) -> Result<()> {
        let covered = self.chain.end();
        for first_seq in journal::list(self.dir)? {
            // A journal below a volume has done its work; the next append removes it.
            let path = journal_path(self.dir, first_seq);
            if first_seq > covered {
                let detail = format!("begins at entry {first_seq}, but only {covered} are known");
                self.find(FindingKind::Journal, Some(covered), &path, detail);
            } else if first_seq < covered && !manifest_path(self.dir, first_seq).exists() {
                let detail = format!("no journal begins at entry {first_seq}; remove it");
                self.find(FindingKind::Stray, Some(first_seq), &path, detail);
            }
        }
        let path = journal_path(self.dir, covered);
        if covered >= head.end() && !path.exists() {
            return Ok(());
        }
        if let Err(error) = self.check_frames(head, covered) {
            let lost = matches!(&error, LedgerError::Io { .. });
            let kind = if lost { FindingKind::Lost } else { FindingKind::Journal };
            match error {
                LedgerError::Io { .. } => self.find(kind, Some(covered), &path, error.to_string()),
                _ => self.find_error(kind, &path, &error),
            }
            self.skip_to(self.chain.end());
        }
        Ok(())
    }

    fn check_frames(&mut self, head: &Head, first_seq: Seq) -> Result<()> {
        let mut reader = JournalReader::open(self.dir, &head.identity, first_seq)?;
        let mut second = JournalReader::open(self.dir, &head.identity, first_seq)?;
        let mut blocks: BTreeMap<(Seq, u32), u64> = BTreeMap::new();
        let mut committed = first_seq;
        // What lies behind HEAD was never acknowledged: the next append takes it over or leaves it out.
        while committed < head.end() {
            let at = reader.position();
            let frame = match reader.next_frame()? {
                Next::Frame(frame) => frame,
                Next::End => return Err(self.journal_ends(&reader, committed, "ends")),
                Next::Torn(why) => return Err(self.journal_ends(&reader, committed, why)),
            };
            match frame.kind {
                FrameKind::Commit => committed = self.check_commit(&reader, &frame.payload)?,
                FrameKind::Block => {
                    blocks.extend(block_place(&frame.payload).map(|p| (p, at)));
                }
                FrameKind::Pack => {
                    let seq = self.chain.end();
                    let path = reader.path().to_path_buf();
                    let checked =
                        self.check_pack(head, &path, &frame.payload, seq, |seq, index| {
                            let Some(at) = blocks.get(&(seq, index)) else {
                                return Ok(None);
                            };
                            second.seek(*at)?;
                            match second.next_frame()? {
                                Next::Frame(frame) => Ok(Some(frame.payload)),
                                Next::End | Next::Torn(_) => Ok(None),
                            }
                        });
                    if checked.is_err() {
                        // Nothing behind it can be verified either.
                        self.out.bodies.violation += head.end().since(seq);
                    }
                    checked?;
                }
            }
        }
        self.check_ahead(head, &mut reader)
    }

    /// One commit that HEAD does not cover is what a kill between the two leaves, which the next append takes
    /// over. Where there are more, HEAD is older than it was.
    fn check_ahead(&mut self, head: &Head, reader: &mut JournalReader) -> Result<()> {
        let (mut end, mut commits) = (head.end(), 0);
        while let Next::Frame(frame) = reader.next_frame()? {
            let commit = Commit::decode(&frame.payload).filter(|_| frame.kind == FrameKind::Commit);
            if let Some(commit) = commit.filter(|commit| commit.end > end) {
                (end, commits) = (commit.end, commits + 1);
            }
        }
        // A writer at work has moved HEAD on since it was read.
        let now = read_head(self.dir).map_or(Seq::FIRST, |slots| slots.head.end());
        if commits > 1 && end > now && lock_holder(self.dir).is_none() {
            let more = end.since(head.end());
            let detail = format!(
                "holds {more} entries that HEAD does not know of: HEAD was put back; \
                 the next append takes them over"
            );
            self.find(FindingKind::Journal, Some(head.end()), reader.path(), detail);
        }
        Ok(())
    }

    fn journal_ends(&self, reader: &JournalReader, committed: Seq, why: &str) -> LedgerError {
        let detail =
            format!("{why} at byte {}, before all acknowledged entries", reader.position());
        LedgerError::damaged_at(reader.path(), committed, detail)
    }

    /// A commit must say what the entries before it hash to.
    fn check_commit(&self, reader: &JournalReader, payload: &[u8]) -> Result<Seq> {
        let commit = Commit::decode(payload);
        let fits = |commit: &Commit| {
            let same_root = !self.whole || commit.root == self.chain.tree.root();
            commit.end == self.chain.end() && commit.id == self.chain.id && same_root
        };
        match commit.filter(fits) {
            Some(commit) => Ok(commit.end),
            None => {
                let (first, end) = (self.pack_first, self.chain.end());
                let detail = format!(
                    "a commit does not fit the entries before it: one of the entries {first} to {end} was changed, moved \
                     or taken out"
                );
                Err(LedgerError::damaged_at(reader.path(), first, detail))
            }
        }
    }
}

//! Threads that were erased as a whole: their files are not read again.

use super::copies::ids;
use codex_ledger_entry::{Erasure, Kind, Seq, SeqSet, StreamName, ThreadHash, thread_hash};
use codex_ledger_ledger::Controls;
use std::collections::HashMap;

/// What a ledger says of the threads that were erased from it.
#[derive(Clone, Debug, Default)]
pub struct ErasedThreads {
    key: [u8; 32],
    /// The entry that says who erased it and why, else the one that says that it is done.
    by: HashMap<ThreadHash, Seq>,
    /// Entries that were erased, but not with a thread as a whole.
    single: SeqSet,
}

impl ErasedThreads {
    /// Reads them out of the entries that decide what may be shown.
    pub fn of(controls: &Controls) -> ErasedThreads {
        let mut erased = ErasedThreads { key: controls.key(), ..ErasedThreads::default() };
        for entry in &controls.entries {
            if matches!(entry.kind, Kind::EraseIntent | Kind::EraseDone)
                && let Some(erasure) = Erasure::decode(entry.seq, &entry.body)
            {
                if erasure.threads.is_empty() {
                    erased.single = erased.single.union(&erasure.entries);
                }
                for thread in erasure.threads {
                    erased.by.entry(thread).or_insert(entry.seq);
                }
            }
        }
        erased
    }

    /// Whether an entry was erased by itself, and not with its thread.
    pub(super) fn is_single(&self, seq: Seq) -> bool {
        self.single.contains(seq)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// The entry that says that a thread was erased which some bytes name.
    pub fn named_in(&self, bytes: &[u8]) -> Option<Seq> {
        if self.by.is_empty() {
            return None;
        }
        ids(bytes, usize::MAX).iter().find_map(|id| self.by(id))
    }

    /// The entry that says that a thread was erased.
    pub fn by(&self, thread: &str) -> Option<Seq> {
        let hash = || thread_hash(&self.key, thread);
        if self.by.is_empty() { None } else { self.by.get(&hash()).copied() }
    }

    /// The same of a source by its name.
    pub(super) fn by_name(&self, name: &StreamName) -> Option<Seq> {
        match name {
            StreamName::Rollout { thread, .. } => self.by(thread),
            _ => None,
        }
    }
}

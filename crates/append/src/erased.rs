//! Threads that were erased as a whole: their files are not read again.

use super::copies::ids;
use codex_ledger_entry::{Erasure, Kind, Seq, StreamName, ThreadHash, thread_hash};
use codex_ledger_ledger::Controls;
use std::collections::HashMap;

/// What a ledger says of the threads that were erased from it.
#[derive(Clone, Debug, Default)]
pub struct ErasedThreads {
    key: [u8; 32],
    /// The entry that says so.
    by: HashMap<ThreadHash, Seq>,
}

impl ErasedThreads {
    /// Reads them out of the entries that decide what may be shown.
    pub fn of(controls: &Controls) -> ErasedThreads {
        let mut erased = ErasedThreads { key: controls.key(), by: HashMap::new() };
        for entry in &controls.entries {
            if matches!(entry.kind, Kind::EraseIntent | Kind::EraseDone)
                && let Some(erasure) = Erasure::decode(entry.seq, &entry.body)
            {
                erased.by.extend(erasure.threads.into_iter().map(|thread| (thread, entry.seq)));
            }
        }
        erased
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

//! The erasures' share of an inspection: what is gone was to go, and what was to go is gone.

use super::Inspector;
use crate::finding::FindingKind;
use crate::head::Head;
use crate::pack::{Pack, StoredEntry};
use crate::volume;
use codex_ledger_entry::{Erasure, Kind, Seq, SeqSet};
use std::path::PathBuf;

/// What is gone, and what may be, in the entries that were verified.
#[derive(Default)]
pub(super) struct ErasureChecks {
    /// Entries without their bodies.
    gone: SeqSet,
    /// What was erased, by entries that say that it is done.
    done: SeqSet,
    /// What is to be erased, by the intent that HEAD names.
    under_way: SeqSet,
    /// Entries that say of no erasure what they must.
    unreadable: Vec<Seq>,
    /// Entries of kinds that are never erased, and are.
    unerasable: Vec<Seq>,
    /// All intents, and what they take.
    intents: Vec<(Seq, SeqSet)>,
}

/// Counts of bodies that are not as they were recorded.
#[derive(Clone, Copy, Default)]
pub(super) struct Gone {
    /// Erased, as an entry says.
    pub erased: u64,
    /// Gone, and no entry says why.
    pub lost: u64,
    /// Erased, as an entry says, and there all the same.
    pub back: u64,
}

impl ErasureChecks {
    /// Looks at the entries of a pack.
    pub(super) fn pass(&mut self, pack: &Pack) {
        for entry in &pack.entries {
            if entry.is_erased() {
                self.gone.insert(entry.seq);
                self.unerasable.extend(Some(entry.seq).filter(|_| !entry.kind.is_erasable()));
            } else if matches!(entry.kind, Kind::EraseIntent | Kind::EraseDone) {
                self.act(pack, entry);
            }
        }
    }

    fn act(&mut self, pack: &Pack, entry: &StoredEntry) {
        let body = pack.body(entry).unwrap_or_default();
        match (Erasure::decode(entry.seq, body), entry.kind) {
            (Some(erasure), Kind::EraseDone) => self.done = self.done.union(&erasure.entries),
            (Some(erasure), _) => self.intents.push((entry.seq, erasure.entries)),
            (None, _) => self.unreadable.push(entry.seq),
        }
    }
}

impl Inspector<'_> {
    /// Compares what is gone with what was erased, where all entries could be read.
    pub(super) fn check_erasures(&mut self, head: &Head) -> Gone {
        let mut checks = std::mem::take(&mut self.erasures);
        if let Some(seq) = head.erasing {
            let detail = "an erasure is under way; the next command that writes finishes it";
            self.find(FindingKind::Erasing, Some(seq), &self.dir.join("HEAD"), detail);
            let named = checks.intents.iter().find(|(intent, _)| *intent == seq);
            checks.under_way = named.map(|(_, entries)| entries.clone()).unwrap_or_default();
        } else {
            self.find_leftovers();
        }
        let wrong = [
            (&checks.unreadable, "the entry does not say of an erasure what it must"),
            (&checks.unerasable, "the body of an entry that is never erased is gone"),
        ];
        for (seqs, detail) in wrong {
            for seq in seqs {
                self.find(FindingKind::Entry, Some(*seq), self.dir, detail);
            }
        }
        let may_be_gone = checks.done.union(&checks.under_way);
        let lost = checks.gone.without(&may_be_gone);
        self.find_runs(&lost, "the body is gone, and no entry says that it was erased");
        let back = checks.done.without(&checks.gone);
        // What could not be read is told as such.
        let back = if self.whole { back } else { SeqSet::default() };
        self.find_runs(&back, "the body is there, and an entry says that it was erased");
        Gone { erased: checks.gone.len() - lost.len(), lost: lost.len(), back: back.len() }
    }

    fn find_runs(&mut self, seqs: &SeqSet, detail: &str) {
        for run in seqs.runs() {
            let more = match run.len() {
                1 => String::new(),
                count => format!(" (and of {} entries behind it)", count - 1),
            };
            let path = self.place_of(run.from);
            self.find(FindingKind::Entry, Some(run.from), &path, format!("{detail}{more}"));
        }
    }

    /// The volume that an entry lies in, else the folder.
    fn place_of(&self, seq: Seq) -> PathBuf {
        let volumes = volume::list(self.dir).unwrap_or_default();
        let volume = volumes.iter().find(|volume| volume.seqs().contains(seq));
        volume.map_or_else(|| self.dir.join("journal"), |volume| volume.dir(self.dir))
    }

    /// Folders that a volume had before it was written anew.
    fn find_leftovers(&mut self) {
        for (first_seq, generation) in volume::folders(self.dir).unwrap_or_default() {
            if volume::is_replaced(self.dir, (first_seq, generation)) {
                let path = volume::volume_dir(self.dir, first_seq, generation);
                let detail = "no record names it: an erasure has written the volume anew; the next append removes it";
                self.find(FindingKind::Erasing, Some(first_seq), &path, detail);
            }
        }
    }
}

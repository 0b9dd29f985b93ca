//! What an inspection says: what does not hold, and what became of each body.

use super::head::Head;
use codex_ledger_entry::Seq;
use std::path::PathBuf;

/// What kind of thing does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// A slot of HEAD does not check; the other one counts.
    HeadSlot,
    /// HEAD, FORMAT or a volume's record cannot be read or contradict each other.
    Structure,
    /// Bytes of a settled volume's file are not as they were settled.
    FileChanged,
    /// An entry is missing, or its bytes do not hash to what they must.
    Entry,
    /// Acknowledged entries are missing at the end.
    Lost,
    /// The tree or the last id is not what HEAD says.
    Root,
    /// The log engine failed.
    Engine,
    /// The journal is damaged.
    Journal,
    /// A record that is rebuilt by itself is damaged.
    SideRecord,
    /// An erasure is under way.
    Erasing,
    /// A file that is not of the ledger.
    Stray,
}

impl FindingKind {
    /// Whether the next append mends it by itself.
    pub fn is_mended(self) -> bool {
        use FindingKind::{Erasing, HeadSlot, Journal, SideRecord};
        matches!(self, HeadSlot | Journal | SideRecord | Erasing)
    }

    /// Whether entries may be missing or wrong, so that only a repair helps.
    pub fn needs_repair(self) -> bool {
        !self.is_mended() && self != FindingKind::Stray
    }

    /// The name that `--json` shows.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::HeadSlot => "head_slot",
            FindingKind::Structure => "structure",
            FindingKind::FileChanged => "file_changed",
            FindingKind::Entry => "entry",
            FindingKind::Lost => "lost",
            FindingKind::Root => "root",
            FindingKind::Engine => "engine",
            FindingKind::Journal => "journal",
            FindingKind::SideRecord => "side_record",
            FindingKind::Erasing => "erasing",
            FindingKind::Stray => "stray",
        }
    }
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The first entry that is affected, where known.
    pub seq: Option<Seq>,
    /// The file.
    pub file: PathBuf,
    /// What is wrong and what still holds; never any body text.
    pub detail: String,
}

/// Acknowledged bodies by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyVerdicts {
    /// Settled, and what was committed.
    pub ok: u64,
    /// Acknowledged and what was committed, but in the journal alone so far.
    pub pending: u64,
    /// Erased, as an entry says.
    pub erased: u64,
    /// Missing, and no act says why.
    pub loss: u64,
    /// There, but not what was committed, or in a pack of which something is not.
    pub violation: u64,
}

/// The result of an inspection.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// Entries that were read and verified.
    pub entries: u64,
    /// Bytes of bodies that were re-hashed.
    pub bytes: u64,
    /// The verdict on each acknowledged body, counted.
    pub bodies: BodyVerdicts,
    /// What does not hold; empty for a sound ledger.
    pub findings: Vec<Finding>,
    /// The head, when one could be read.
    pub head: Option<Head>,
}

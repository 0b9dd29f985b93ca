//! The append-only log. Knows bytes, hashes and files; no JSON, no SQL, and of decisions only which entries are some.
//!
//! `docs/FORMAT.md` describes every file it writes. The write half is [`Ledger`] and [`Appender`], the
//! read half [`LedgerReader`]; [`inspect`] verifies, and writes nothing.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

mod appender;
mod block;
mod bytes;
mod chain;
mod codec;
mod controls;
mod copy;
mod erase;
mod error;
mod export;
mod extents;
mod files;
mod finding;
mod frame;
mod head;
mod import;
mod inspect;
mod journal;
mod journal_index;
mod lock;
mod open;
mod pack;
mod part_roots;
mod private;
mod reader;
mod recover;
mod repair;
mod salvage;
mod sequencer;
pub mod side;
mod sources;
mod store;
mod survey;
mod tails;
mod tiles;
mod volume;
mod volume_reader;
mod whole;
mod worker;
mod world;

pub use appender::{Appended, Appender, LargeBody, Origin};
pub use block::BLOCK_BYTES;
pub use chain::ChainEnd;
pub use controls::{Control, Controls};
pub use copy::sweep_copies;
pub use error::{LedgerError, Result};
pub use export::{ExportSummary, export};
pub use finding::{BodyVerdicts, Finding, FindingKind, Inspection};
pub use head::{Head, HeadSlots, read_head};
pub use import::import;
pub use inspect::inspect;
pub use lock::{Holder, LockListener, LockNotice, Patience, lock_holder};
pub use open::{Ledger, LedgerPaths};
pub use pack::{
    DraftBody, EntryDraft, Identity, Pack, PackDraft, PackError, PackInfo, StoredBody, StoredEntry,
};
pub use part_roots::{header_of, part_roots};
pub use private::check_place;
pub use reader::{LedgerReader, each_zero};
pub use repair::{Addition, Repair, Repaired};
pub use sources::{SeenFile, SeenFiles, SourceProblem};
pub use survey::Survey;
pub use tails::{ErasedPiece, Tail, Tails};
pub use volume::{Volume, VolumeFile};
pub use whole::{check_whole, head_in_force, is_behind_its_journal};
pub use world::{Clock, Disk, Entropy, RealWorld, World};

use files::numbered;
pub use files::write_durably;

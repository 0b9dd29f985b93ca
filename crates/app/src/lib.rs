//! The use cases. Doors start here.

mod annotate;
mod append;
pub mod audit;
mod bundle;
pub mod config;
mod erase;
mod error;
mod export;
pub mod git_notes;
mod hint;
mod network;
mod open;
mod progress;
mod proofs;
pub mod publish;
mod publishing;
mod raw;
mod rebuild;
mod redact;
mod repair;
mod report;
mod requests;
mod review;
mod rules;
mod search;
mod sessions;
mod setup;
mod signing_keys;
pub mod small_file;
mod stamps;
mod state_db;
mod status;
mod target;
mod tokens;
mod views;
mod watch;
mod width;
mod witness;

pub use self::annotate::{Annotated, DISPOSITIONS, Subject};
pub use self::append::{AppendOptions, Appended};
pub use self::audit::{Audit, ViewsVerdict};
pub use self::bundle::{
    BodyCounts, BundleFile, BundleMade, BundleProven, BundleRequest, is_zip, verify_bundle,
};
pub use self::erase::{EraseRequest, Erased, ErasedSource, ErasurePlan, Hold};
pub use self::error::{AppError, ErrorKind, Result};
pub use self::hint::{ErasureHint, FolderHint, Hint, NameHint, Safe, TargetHint};
pub use self::open::{Notice, NoticeListener};
pub use self::progress::{Listener, Progress};
pub use self::proofs::{
    Against, Noted, Noting, Proven, SignedBy, Vouched, read_note, verify_consistency, verify_proof,
};
pub use self::publishing::{Publication, Published, Withheld, Written, WrittenFile, gate_of};
pub use self::redact::{RedactionMade, Undone};
pub use self::repair::{Carried, Lost, RepairReport};
pub use self::report::{PageBy, Rendering, ReportFile, renderer};
pub use self::rules::*;
pub use self::setup::{App, Root, Setup, statements};
pub use self::signing_keys::{KeyEnd, KeyEvent};
pub use self::stamps::{KeptStamp, StampRequest, read_authorities, verify_stamp};
pub use self::status::{Drift, HeadSummary, Status};
pub use self::target::RedactRequest;
pub use self::witness::{Cosignature, Cosigned, Seen};
pub use self::{raw::EntryDetail, rebuild::Rebuilt, requests::*, review::dismissal, search::Times};
pub use self::{state_db::StateDb, tokens::Explanation};
pub use codex_ledger_append::{AppendReport, ByteCounts, ErasedFile, FileCounts, SourceProblem};
pub use codex_ledger_entry::{Act, Seq, SeqRange, hex, parse_hex};
pub use codex_ledger_ledger::{BodyVerdicts, Holder, World, check_place};
pub use codex_ledger_projections::{Digests, Reason, Why};
pub use codex_ledger_proof::{
    Authority, Checkpoint, ConsistencyProof, Note, NoteError, Signer, Stamp, Stamped, Use, Verifier,
};
pub use codex_ledger_query::pricing::{PriceTable, WhatIf};
pub use codex_ledger_redaction::{
    Acts, By, Examples, FailedExamples, Rule, RuleFormat, RuleKind, RuleScope, RuleSet, SeenText,
    Severity, Tally, Weaker, builtin as builtin_rules,
};

//! Source -> ledger. Adds every new byte, and nothing twice.
//!
//! A stream is recognised by its name and by a hash of all the bytes that the ledger already has of it,
//! so a moved, compressed or doubled file adds nothing, a grown one adds its new lines, and a rewritten
//! one opens a new generation.

mod beginning;
mod copies;
mod erased;
mod plan;
mod run;
pub mod source;
mod start;

pub use crate::source::Watch;
pub use codex_ledger_ledger::SourceProblem;
pub use erased::ErasedThreads;
pub use plan::{AppendReport, ByteCounts, ErasedFile, FileCounts, Plan, Request, note_head};

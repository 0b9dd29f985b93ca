//! The floors of codex-ledger, top to bottom. Imports point down only; `docs/ARCHITECTURE.md` has the table.
//!
//! The ledger keeps the bytes; meaning is derived. `source -> ledger -> rollout/redaction ->
//! projections -> query -> report`; the only thing that ever comes back up is a new entry.

pub mod app;
pub mod append;
pub mod audit;
pub mod config;
pub mod db;
pub mod entry;
pub mod error;
pub mod ledger;
pub mod pricing;
pub mod projections;
pub mod publish;
pub mod query;
pub mod redaction;
pub mod report;
pub mod rollout;
pub mod source;

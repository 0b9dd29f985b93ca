//! Verifies the ledger, compares the views with what its entries say, and names what does not hold; changes neither.

mod remembered;
mod verify;
mod views;

pub use verify::{Audit, AuditError, Finding, FindingKind, ViewsVerdict};

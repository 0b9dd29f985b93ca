//! Floor 3: verify the ledger, compare the views, and say what does not hold. Writes nothing.

mod verify;
mod views;

pub use verify::{Audit, AuditError, Finding, FindingKind, ViewsVerdict};

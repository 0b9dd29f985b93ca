//! Verify the ledger, then compare the views with what its entries say.

use super::views::check_views;
use codex_ledger_ledger::{FindingKind, Inspection, LedgerError, inspect};
use codex_ledger_projections::{Views, ViewsError};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing: `entry`, `lost`, `file_changed`, `views`, …
    pub kind: &'static str,
    /// The first entry that is affected, where known.
    pub seq: Option<u64>,
    /// The file.
    pub file: PathBuf,
    /// What is wrong and what still holds; never any body text.
    pub detail: String,
}

/// How the views compare with a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewsVerdict {
    /// Every table is what a rebuild gives.
    Match,
    /// They are behind the ledger, or of an older version: they were not compared.
    Stale,
    /// There are none.
    Absent,
    /// They say something else.
    Differ,
    /// They were not compared, on request or because the ledger itself is damaged.
    NotCompared,
}

/// The result of an audit.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Entries verified.
    pub entries: u64,
    /// Bytes of bodies that were re-hashed.
    pub bytes: u64,
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// Whether something of it is not mended by the next append.
    pub needs_repair: bool,
    /// The views.
    pub views: ViewsVerdict,
    /// Size, id and root of the head, where one could be read.
    pub head: Option<(u64, String, String)>,
}

/// What can go wrong before there is a result.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The views.
    #[error(transparent)]
    Views(#[from] ViewsError),
}

/// Verifies everything; writes nothing.
///
/// # Errors
/// When there is no ledger or files cannot be read at all; damage is a finding.
pub fn audit(
    dir: &Path,
    views: Option<&Views>,
    progress: &mut dyn FnMut(u64),
) -> Result<Audit, AuditError> {
    let Inspection { entries, bytes, findings, head } = inspect(dir, progress)?;
    let needs_repair = findings.iter().any(|finding| finding.kind.needs_repair());
    let mut findings: Vec<Finding> = findings
        .into_iter()
        .map(|f| Finding { kind: f.kind.name(), seq: f.seq, file: f.file, detail: f.detail })
        .collect();
    let readable = findings.iter().all(|finding| {
        let harmless = [FindingKind::SideRecord, FindingKind::HeadSlot, FindingKind::Stray];
        harmless.iter().any(|kind| kind.name() == finding.kind)
    });
    let verdict = match views {
        Some(views) if readable => check_views(dir, views, &mut findings)?,
        _ => ViewsVerdict::NotCompared,
    };
    let head = head.map(|h| (h.size(), h.chain.id.to_string(), h.chain.tree.root().to_string()));
    Ok(Audit { entries, bytes, findings, needs_repair, views: verdict, head })
}

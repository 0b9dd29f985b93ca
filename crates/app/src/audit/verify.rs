//! Verify the ledger, then compare the views with what its entries say.

use super::remembered::first_other;
use super::views::audit_views;
use crate::error;
use crate::hint::Hint;
use crate::progress::{Listener, Progress};
use crate::setup::App;
use crate::status::HeadSummary;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{
    self as ledger, BodyVerdicts, Inspection, LedgerError, inspect, read_head,
};
use codex_ledger_projections::{ReplayError, Views, ViewsError};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::thread::Builder;

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
    /// What may help.
    pub hint: Option<Hint>,
}

/// What kind of thing does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// Of the ledger.
    Ledger(ledger::FindingKind),
    /// Of what is derived from it.
    Views,
    /// Of the checkpoint that lies beside it.
    Checkpoint,
}

impl FindingKind {
    /// A stable snake_case name: `entry`, `lost`, `file_changed`, `views`, …
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Ledger(kind) => kind.name(),
            FindingKind::Views => "views",
            FindingKind::Checkpoint => "checkpoint",
        }
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
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
    /// The verdict on each body, counted.
    pub bodies: BodyVerdicts,
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// Whether something of it is not mended by the next append.
    pub needs_repair: bool,
    /// The views.
    pub views: ViewsVerdict,
    /// The head, where one could be read.
    pub head: Option<HeadSummary>,
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

impl App {
    /// Verifies everything; `views` says whether to compare the views with a rebuild too. Writes nothing.
    ///
    /// # Errors
    /// When there is no ledger; damage is a finding.
    pub fn audit(&self, views: bool, listener: Listener<'_>) -> error::Result<Audit> {
        let total = read_head(self.dir()).map_or(0, |slots| slots.head.size());
        let mut progress = |n| listener(Progress::Verifying(n, total));
        Ok(audit(self.dir(), views.then_some(&self.views), &mut progress)?)
    }
}

/// Verifies the ledger and, at the same time, the views, where they are named: what is said of them counts where the entries can
/// be read.
fn audit(
    dir: &Path,
    views: Option<&Views>,
    progress: &mut dyn FnMut(u64),
) -> Result<Audit, AuditError> {
    let (inspection, audited) = std::thread::scope(|scope| {
        let work = |views| move || audit_views(dir, views);
        let audited = views.map(|views| Builder::new().spawn_scoped(scope, work(views)));
        let audited =
            audited.transpose().map_err(|error| ViewsError::from(ReplayError::Thread(error)))?;
        let inspection = inspect(dir, progress);
        Ok::<_, ViewsError>((inspection, audited.map(|audited| audited.join())))
    })?;
    let Inspection { entries, bytes, bodies, findings, head } = inspection?;
    let needs_repair = findings.iter().any(|finding| finding.kind.needs_repair());
    let readable = findings.iter().all(|finding| {
        use ledger::FindingKind::{HeadSlot, SideRecord, Stray};
        matches!(finding.kind, SideRecord | HeadSlot | Stray)
    });
    let mut findings: Vec<Finding> = findings
        .into_iter()
        .map(|ledger::Finding { kind, seq, file, detail }| Finding {
            kind: FindingKind::Ledger(kind),
            seq,
            file,
            detail,
            hint: None,
        })
        .collect();
    let verdict = match audited.filter(|_| readable) {
        Some(audited) => {
            let (verdict, found) = audited.map_err(|_| ViewsError::from(ReplayError::Died))??;
            findings.extend(found);
            verdict
        }
        None => ViewsVerdict::NotCompared,
    };
    if let Some((views, seq)) =
        views.filter(|_| needs_repair).and_then(|views| Some((views, first_other(dir, views)?)))
    {
        findings.push(Finding {
            kind: FindingKind::Ledger(ledger::FindingKind::Entry),
            seq: Some(seq),
            file: views.paths.link.clone(),
            detail: "the views were made of another entry in this place; they prove nothing, but whoever changed the log may have begun here".into(),
            hint: None,
        });
    }
    let head = head.as_ref().map(HeadSummary::of);
    Ok(Audit { entries, bytes, bodies, findings, needs_repair, views: verdict, head })
}

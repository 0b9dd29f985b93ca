//! Where the ledger and the views stand.

use super::setup::App;
use crate::error::Result;
use codex_ledger_db as db;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{ChainEnd, Head, LedgerError, head_in_force, lock_holder, read_head};
use codex_ledger_projections::Standing;
use codex_ledger_query::{self as query, Coverage};

/// Size, id and root of a head.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HeadSummary {
    /// Count of entries.
    pub size: u64,
    /// Id of the last entry, hex.
    pub id: String,
    /// Root of the tree over all headers, hex.
    pub root: String,
}

impl HeadSummary {
    /// The number that the next entry gets.
    pub fn end(&self) -> Seq {
        Seq::FIRST.plus(self.size)
    }

    pub(super) fn of(head: &Head) -> HeadSummary {
        HeadSummary::of_chain(&head.chain)
    }

    pub(super) fn of_chain(chain: &ChainEnd) -> HeadSummary {
        HeadSummary {
            size: chain.size(),
            id: chain.id.to_string(),
            root: chain.tree.root().to_string(),
        }
    }
}

/// Where the ledger and the views stand.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// The ledger.
    pub head: HeadSummary,
    /// The entry after those in settled volumes.
    pub settled: Seq,
    /// The views; `None` when there are none.
    pub cursor: Option<Seq>,
    /// Why the views must be rebuilt, if they must.
    pub outdated: Option<String>,
    /// Who writes now.
    #[serde(rename = "lock")]
    pub holder: Option<String>,
    /// What was understood.
    pub coverage: Option<Coverage>,
}

impl App {
    /// Where ledger and views stand.
    ///
    /// # Errors
    /// When there is no ledger or it cannot be read.
    pub fn status(&self) -> Result<Status> {
        let head = head_in_force(self.dir())?;
        let (cursor, outdated, db) = match self.views.open(&head)? {
            (Standing::Absent, _) => (None, None, None),
            (Standing::Usable { cursor, .. }, db) => match self.decided_since(cursor)? {
                None => (Some(cursor), None, db),
                Some(seq) => {
                    let reason =
                        format!("entry {seq} changes what may be shown, and is not applied");
                    (Some(cursor), Some(reason), None)
                }
            },
            (Standing::Outdated { reason, cursor }, _) => (Some(cursor), Some(reason), None),
            (Standing::Ahead { cursor }, _) => {
                (Some(cursor), Some(self.ahead(cursor).message), None)
            }
        };
        let coverage = db.map(|db| query::coverage(&db)).transpose();
        Ok(Status {
            settled: head.settled,
            head: HeadSummary::of(&head),
            cursor,
            outdated,
            holder: lock_holder(self.dir()),
            coverage: coverage.map_err(db::at(self.views_path()))?,
        })
    }

    pub(super) fn head_now(&self) -> Result<Option<HeadSummary>> {
        match read_head(self.dir()) {
            Ok(slots) => Ok(Some(HeadSummary::of(&slots.head))),
            Err(LedgerError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

//! Where the ledger and the views stand.

use super::setup::App;
use crate::error::Result;
use codex_ledger_db as db;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{
    ChainEnd, Head, LedgerError, LedgerReader, head_in_force, lock_holder, read_head,
};
use codex_ledger_projections::{Standing, shape};
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
    /// Bytes of the views' database.
    pub views_bytes: u64,
    /// Bytes of the index for search beside it; 0 before the first search.
    pub search_bytes: u64,
    /// Why the views must be rebuilt, if they must.
    pub outdated: Option<String>,
    /// Who writes now.
    #[serde(rename = "lock")]
    pub holder: Option<String>,
    /// What was understood.
    pub coverage: Option<Coverage>,
}

/// Longer records are no examples.
const EXAMPLE_MAX_BYTES: u64 = 1 << 20;

/// Something that newer clients write and this version does not know.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Drift {
    /// Kind of the record.
    pub kind: String,
    /// Fields that are not known; none where the kind is not.
    pub fields: Option<String>,
    /// Records like it.
    pub records: u64,
    /// The entry of one of them.
    pub seq: Seq,
    /// Names of fields and kinds of values of one of them: no text of anybody.
    pub shape: Option<String>,
}

impl App {
    /// The number that the next entry gets: another one says that something was appended.
    ///
    /// # Errors
    /// When there is no ledger.
    pub fn end(&self) -> Result<Seq> {
        Ok(read_head(self.dir())?.head.end())
    }

    /// Size, id and root of the ledger's head.
    ///
    /// # Errors
    /// When there is no ledger.
    pub fn head(&self) -> Result<HeadSummary> {
        Ok(HeadSummary::of(&read_head(self.dir())?.head))
    }

    /// The entry after those that the views show; none where they show nothing.
    ///
    /// # Errors
    /// When there is no ledger or it cannot be read.
    pub fn shown_to(&self) -> Result<Option<Seq>> {
        Ok(match self.views.open(&head_in_force(self.dir())?)? {
            (Standing::Usable { cursor, .. }, _) => Some(cursor),
            _ => None,
        })
    }

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
            (Standing::Outdated { reason, cursor, .. }, _) => (Some(cursor), Some(reason), None),
            (Standing::Ahead { cursor }, _) => {
                (Some(cursor), Some(self.ahead(cursor).message), None)
            }
        };
        let coverage = db.map(|db| query::coverage(&db)).transpose();
        let (views_bytes, search_bytes) = self.views.sizes();
        Ok(Status {
            views_bytes,
            search_bytes,
            settled: head.settled,
            head: HeadSummary::of(&head),
            cursor,
            outdated,
            holder: lock_holder(self.dir()),
            coverage: coverage.map_err(db::at(self.views_path()))?,
        })
    }

    /// What newer clients write that this version does not know, without anything that was said.
    ///
    /// # Errors
    /// When the views or entries cannot be read.
    pub fn drift(&self) -> Result<Vec<Drift>> {
        let db = self.views_for_reading()?;
        let examples = query::drift_examples(&db).map_err(db::at(self.views_path()))?;
        let mut reader = LedgerReader::open(self.dir())?;
        let mut drift = Vec::with_capacity(examples.len());
        for query::DriftExample { kind, fields, records, seq } in examples {
            let pack = reader.pack_from(seq)?;
            let found = pack.as_ref().and_then(|pack| Some((pack, pack.entry(seq)?)));
            let body = match found {
                Some((pack, entry)) => reader.body(pack, entry, EXAMPLE_MAX_BYTES)?,
                None => None,
            };
            let shape = body.map(|body| shape(&body));
            drift.push(Drift { kind, fields, records, seq, shape });
        }
        Ok(drift)
    }

    pub(super) fn head_now(&self) -> Result<Option<HeadSummary>> {
        match read_head(self.dir()) {
            Ok(slots) => Ok(Some(HeadSummary::of(&slots.head))),
            Err(LedgerError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

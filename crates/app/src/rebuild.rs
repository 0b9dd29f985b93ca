//! The views made anew, compared with a rebuild, and brought to this program's version.

use super::progress::{Listener, Progress};
use super::setup::App;
use crate::error::Result;
use codex_ledger_ledger::{Controls, LedgerPaths, LedgerReader, read_head};
use codex_ledger_projections::{Decisions, Digests, Standing};

/// What a rebuild gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries that it was made from.
    pub entries: u64,
    /// Digests of the rebuilt views.
    pub digests: Digests,
    /// Whether the live views are the same; what has replaced them is.
    pub matches_live: bool,
}

impl App {
    /// Rebuilds the views from entry 0. What decides what may be shown is found
    /// in the entries, whatever is noted beside them.
    ///
    /// # Errors
    /// When entries cannot be read or the views not written.
    pub fn rebuild_views(&self, listener: Listener<'_>) -> Result<Rebuilt> {
        // What a newer program made stays, as everywhere else.
        self.views.standing(&read_head(self.dir())?.head)?;
        let mut ledger = self.open()?;
        self.ensure_rules(&mut ledger)?;
        let mut reader = LedgerReader::open(self.dir())?;
        let controls = Controls::find(&mut reader)?;
        controls.save(&self.setup.world, &LedgerPaths { dir: self.dir().into() })?;
        let decisions = Decisions::from(controls);
        let total = reader.head().size();
        let mut progress = |n| listener(Progress::Views(n, total));
        self.views.rebuild(&mut reader, &decisions, &mut progress)?;
        let digests = self.views.digests(&mut reader)?;
        Ok(Rebuilt { entries: total, digests, matches_live: true })
    }

    /// Rebuilds the views beside the live ones and compares; changes nothing.
    ///
    /// # Errors
    /// As [`App::rebuild_views`].
    pub fn check_views(&self, listener: Listener<'_>) -> Result<Rebuilt> {
        let mut reader = LedgerReader::open(self.dir())?;
        let total = reader.head().size();
        let mut progress = |n| listener(Progress::Views(n, total));
        let (live, rebuilt) = self.views.compare(&mut reader, &mut progress)?;
        let matches_live = live.is_ok_and(|live| live == rebuilt);
        Ok(Rebuilt { entries: total, digests: rebuilt, matches_live })
    }

    /// What a migration would do: `None` when the views are as this program makes them.
    ///
    /// # Errors
    /// When the views were written by a newer program.
    pub fn migration(&self) -> Result<Option<String>> {
        let head = read_head(self.dir())?.head;
        Ok(match self.views.standing(&head)? {
            Standing::Absent => Some("there are no views yet; they are built".into()),
            Standing::Usable { cursor, .. } if cursor < head.end() => {
                Some(format!("{} entries are applied to the views", head.end().since(cursor)))
            }
            Standing::Usable { is_clear: false, .. } => {
                Some("words that were hidden are cleared from the views' files".into())
            }
            Standing::Usable { .. } => None,
            Standing::Outdated { reason, .. } => Some(format!("{reason}: the views are rebuilt")),
            Standing::Ahead { cursor } => return Err(self.ahead(cursor)),
        })
    }

    /// Brings the views to this program's version; the old ones stay until the new ones are whole.
    ///
    /// # Errors
    /// As [`App::rebuild_views`].
    pub fn migrate(&self, listener: Listener<'_>) -> Result<()> {
        let mut ledger = self.open()?;
        self.ensure_rules(&mut ledger)?;
        self.update_views(listener)
    }
}

//! The views: opened for reading, brought up to date, rebuilt, compared.

use super::core::{App, HeadSummary, Listener, Progress, Status};
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
use codex_ledger_db::{self as db, Connection};
use codex_ledger_ledger::sweep_copies;
use codex_ledger_ledger::{
    Controls, Head, LedgerError, LedgerPaths, LedgerReader, head_in_force, lock_holder, read_head,
};
use codex_ledger_projections::{Decisions, Digests, Standing};
use codex_ledger_query as query;

impl App {
    /// Opens the views for reading. Views that show what an entry has decided to hide are brought up to date
    /// first; where that is not possible, nothing is read.
    pub(super) fn views_for_reading(&self) -> Result<Connection> {
        match self.usable_views()? {
            (Some(db), None) => Ok(db),
            (_, behind) => {
                self.finish_hiding(behind)?;
                match self.usable_views()? {
                    (Some(db), None) => Ok(db),
                    _ => Err(AppError::new(
                        ErrorKind::Views,
                        format!("{}: they change all the time", self.views_path().display()),
                    )
                    .hint(Hint::Again)),
                }
            }
        }
    }

    /// The views, unless words that are hidden may still lie beside their rows; and the first entry that
    /// decides what may be shown and is not applied to them yet.
    fn usable_views(&self) -> Result<(Option<Connection>, Option<u64>)> {
        let path = self.views_path().display();
        let error = |message: String| AppError::new(ErrorKind::Views, message);
        match self.views.open(&head_in_force(self.dir())?)? {
            (Standing::Usable { cursor, is_clear }, db) => {
                let behind = self.decided_since(cursor)?;
                Ok((db.filter(|_| is_clear), behind))
            }
            (Standing::Absent, _) => {
                Err(error(format!("{path}: there are no views yet")).hint(Hint::MakeViews))
            }
            (Standing::Outdated { reason, .. }, _) => {
                Err(error(format!("{path}: {reason}")).hint(Hint::Migrate))
            }
            (Standing::Ahead { cursor }, _) => Err(self.ahead(cursor)),
        }
    }

    /// The first entry from the cursor on that decides what may be shown.
    fn decided_since(&self, cursor: u64) -> Result<Option<u64>> {
        // Read behind the views: what was acknowledged before they were opened is seen here.
        if read_head(self.dir())?.head.size() <= cursor {
            return Ok(None);
        }
        let controls = Controls::load(&mut LedgerReader::open(self.dir())?)?;
        Ok(controls.entries.iter().map(|entry| entry.seq).find(|seq| *seq >= cursor))
    }

    /// Applies what was decided, and removes what it hides from everything that is derived: an earlier
    /// command was interrupted before it had done so, or another one is at it.
    fn finish_hiding(&self, behind: Option<u64>) -> Result<()> {
        let done = self.open().and_then(|mut ledger| {
            self.ensure_rules(&mut ledger)?;
            self.update_views(&mut |_| ())
        });
        done.map_err(|error| {
            let why = match behind {
                Some(seq) => format!("entry {seq} changes what may be shown, and"),
                None => "words that were hidden are not cleared yet, and".into(),
            };
            let message =
                format!("{why} the views cannot be brought up to date: {}", error.message);
            AppError { message, ..error }
        })
    }

    /// What any command does first that reads the ledger or its views: finishes hiding what an interrupted
    /// one has left. That it cannot is no error here; what reads the views then says so.
    pub fn settle(&self) {
        sweep_copies();
        if self.views.paths.current().is_some() {
            self.views_for_reading().ok();
        }
    }

    fn ahead(&self, cursor: u64) -> AppError {
        let path = self.views_path().display();
        let message = format!(
            "{path}: the views have applied {cursor} entries, more than the ledger has: entries are missing, \
             or an older HEAD was put back"
        );
        AppError::new(ErrorKind::Damaged, message).hint(Hint::AuditOrMoveViews)
    }

    /// Refuses a ledger that has lost entries which its views have seen.
    pub(super) fn check_not_ahead(&self, head: &Head) -> Result<()> {
        match self.views.standing(head) {
            Ok(Standing::Ahead { cursor }) => Err(self.ahead(cursor)),
            _ => Ok(()),
        }
    }

    pub(super) fn views_if_behind(&self, listener: Listener<'_>) -> Result<()> {
        let head = read_head(self.dir())?.head;
        match self.views.standing(&head)? {
            Standing::Usable { cursor, is_clear: true }
                if cursor == head.size() && self.views.leftovers().is_empty() =>
            {
                Ok(())
            }
            _ => self.migrate(listener),
        }
    }

    pub(super) fn update_views(&self, listener: Listener<'_>) -> Result<()> {
        let mut reader = LedgerReader::open(self.dir())?;
        let total = reader.head().size();
        Ok(self.views.update(&mut reader, &mut |n| listener(Progress::Views(n, total)))?)
    }

    /// Rebuilds the views from entry 0; returns entries and digests. What decides what may be shown is found
    /// in the entries, whatever is noted beside them.
    ///
    /// # Errors
    /// When entries cannot be read or the views not written.
    pub fn rebuild_views(&self, listener: Listener<'_>) -> Result<(u64, Digests)> {
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
        Ok((total, self.views.digests(&mut reader)?))
    }

    /// Rebuilds the views beside the live ones; returns entries, digests, and whether they match.
    ///
    /// # Errors
    /// As [`App::rebuild_views`].
    pub fn check_views(&self, listener: Listener<'_>) -> Result<(u64, Digests, bool)> {
        let mut reader = LedgerReader::open(self.dir())?;
        let total = reader.head().size();
        let mut progress = |n| listener(Progress::Views(n, total));
        let (live, rebuilt) = self.views.compare(&mut reader, &mut progress)?;
        let matches = live.is_ok_and(|live| live == rebuilt);
        Ok((total, rebuilt, matches))
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

    /// What a migration would do: `None` when the views are as this program makes them.
    ///
    /// # Errors
    /// When the views were written by a newer program.
    pub fn migration(&self) -> Result<Option<String>> {
        let head = read_head(self.dir())?.head;
        Ok(match self.views.standing(&head)? {
            Standing::Absent => Some("there are no views yet; they are built".into()),
            Standing::Usable { cursor, .. } if cursor < head.size() => {
                Some(format!("{} entries are applied to the views", head.size() - cursor))
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

    pub(super) fn head_now(&self) -> Result<Option<HeadSummary>> {
        match read_head(self.dir()) {
            Ok(slots) => Ok(Some(HeadSummary::of(&slots.head))),
            Err(LedgerError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

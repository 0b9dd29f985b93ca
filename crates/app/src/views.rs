//! The views: opened for reading where they may be read, and brought up to date.

use super::progress::{Listener, Progress};
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
use codex_ledger_db::Connection;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{
    Controls, Head, LedgerReader, head_in_force, is_behind_its_journal, lock_holder, read_head,
    sweep_copies,
};
use codex_ledger_projections::Standing;

/// Views that this program can read.
struct Usable {
    /// The database, unless words that are hidden may still lie beside its rows.
    db: Option<Connection>,
    /// The first entry that decides what may be shown and is not applied to them yet.
    behind: Option<Seq>,
}

impl App {
    /// Opens the views for reading. Views that show what an entry has decided to hide are brought up to date
    /// first; where that is not possible, nothing is read.
    pub(super) fn views_for_reading(&self) -> Result<Connection> {
        self.take_in();
        match self.usable_views()? {
            Usable { db: Some(db), behind: None } => Ok(db),
            Usable { behind, .. } => {
                self.finish_hiding(behind)?;
                match self.usable_views()? {
                    Usable { db: Some(db), behind: None } => Ok(db),
                    _ => Err(AppError::new(
                        ErrorKind::Views,
                        format!("{}: they change all the time", self.views_path().display()),
                    )
                    .hint(Hint::Again)),
                }
            }
        }
    }

    /// Takes in what a writer that was stopped has made durable: among it may be what hides something, and whoever comes next
    /// would have it. A HEAD that is older than what is noted beside it was not left so by a writer: that is for an audit to see.
    fn take_in(&self) {
        let dir = self.dir();
        let was_stopped = || is_behind_its_journal(dir) && head_in_force(dir).is_ok();
        if was_stopped() && lock_holder(dir).is_none() {
            self.open().ok();
        }
    }

    fn usable_views(&self) -> Result<Usable> {
        let path = self.views_path().display();
        let error = |message: String| AppError::new(ErrorKind::Views, message);
        match self.views.open(&head_in_force(self.dir())?)? {
            (Standing::Usable { cursor, is_clear }, db) => {
                let behind = self.decided_since(cursor)?;
                Ok(Usable { db: db.filter(|_| is_clear), behind })
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
    pub(super) fn decided_since(&self, cursor: Seq) -> Result<Option<Seq>> {
        // Read behind the views: what was acknowledged before they were opened is seen here.
        if read_head(self.dir())?.head.end() <= cursor {
            return Ok(None);
        }
        let controls = Controls::load(&mut LedgerReader::open(self.dir())?)?;
        Ok(controls.entries.iter().map(|entry| entry.seq).find(|seq| *seq >= cursor))
    }

    /// Applies what was decided, and removes what it hides from everything that is derived: an earlier
    /// command was interrupted before it had done so, or another one is at it.
    fn finish_hiding(&self, behind: Option<Seq>) -> Result<()> {
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
    pub fn finish_interrupted(&self) {
        sweep_copies();
        self.take_in();
        if read_head(self.dir()).is_ok_and(|slots| slots.head.erasing.is_some()) {
            self.open().ok();
        }
        if self.views.paths.current().is_some() {
            self.views_for_reading().ok();
        }
    }

    pub(super) fn ahead(&self, cursor: Seq) -> AppError {
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
                if cursor == head.end() && self.views.leftovers().is_empty() =>
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
}

//! Opening for writing, and what is to be said beside the results.

use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
use codex_ledger_ledger::{Ledger, LedgerError, LockNotice, Patience};
use codex_ledger_redaction::Weaker;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Something that a person should know while or after a use case runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Another process writes, and so this one waits.
    Waiting {
        /// Who writes: command, pid, since when.
        holder: String,
        /// How long this one waits at most.
        wait: Duration,
    },
    /// Others could read or write in the ledger's directory, and no longer can.
    Tightened(PathBuf),
    /// The first rules of a ledger, out of a configuration, are weaker than those that come with the program.
    RulesFewer(Vec<Weaker>),
    /// The configured rules would be weaker than those in force: these stay.
    RulesKept(Vec<Weaker>),
    /// A watch could not append this time, and goes on.
    Failed(AppError),
}

/// Hears what is to be said.
pub type NoticeListener = Arc<dyn Fn(Notice) + Send + Sync>;

impl App {
    /// Opens the ledger for writing, waiting for another writer as long as the setup says; refuses one that has
    /// lost entries which its views have seen.
    pub(super) fn open(&self) -> Result<Ledger> {
        let setup = &self.setup;
        let patience = self.patience();
        let opened =
            Ledger::open_waiting(&setup.ledger_dir, setup.world.clone(), &setup.holder, &patience);
        let mut ledger = opened.map_err(|error| self.waited(error))?;
        self.check_not_ahead(ledger.head())?;
        self.finish_erasure(&mut ledger, &mut |_| ())?;
        Ok(ledger)
    }

    /// What is said of a lock that another writer still held when the wait was over.
    pub(super) fn waited(&self, error: LedgerError) -> AppError {
        match AppError::from(error) {
            error if error.kind == ErrorKind::Locked => {
                error.hint(Hint::WaitLonger { waited: self.setup.wait })
            }
            error => error,
        }
    }

    /// How long to wait for another writer, and who hears of it.
    pub(super) fn patience(&self) -> Patience {
        let notices = self.setup.notices.clone();
        let listener = move |notice| {
            if let Some(say) = &notices {
                say(match notice {
                    LockNotice::Waiting { holder, wait } => Notice::Waiting { holder, wait },
                    LockNotice::Tightened(dir) => Notice::Tightened(dir),
                });
            }
        };
        Patience { wait: self.setup.wait, listener: Some(Arc::new(listener)) }
    }

    pub(super) fn say(&self, notice: Notice) {
        if let Some(say) = &self.setup.notices {
            say(notice);
        }
    }
}

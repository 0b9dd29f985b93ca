//! The errors of all floors folded into one shape: kind, message, hint. Messages name no command and no option.

use crate::audit::AuditError;
use crate::hint::{Hint, NameHint, Safe};
use crate::publish::PublishError;
use codex_ledger_db::DbError;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::LedgerError;
use codex_ledger_projections::{PolicyError, ReplayError, ViewsError};
use codex_ledger_query::{FilterError, FilterName, FindError};
use codex_ledger_redaction::RuleError;

/// What kind of error it is, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request itself is wrong.
    Usage,
    /// What was named does not exist, or is not one thing.
    NotFound,
    /// The operating system refused.
    Io,
    /// There is no space left.
    OutOfSpace,
    /// Another process writes.
    Locked,
    /// A hold forbids it.
    Held,
    /// The same was done already.
    Done,
    /// The ledger is damaged.
    Damaged,
    /// The views cannot be used.
    Views,
}

impl ErrorKind {
    /// A stable snake_case name.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Usage => "usage",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Io => "io",
            ErrorKind::OutOfSpace => "out_of_space",
            ErrorKind::Locked => "locked",
            ErrorKind::Held => "held",
            ErrorKind::Done => "done",
            ErrorKind::Damaged => "damaged",
            ErrorKind::Views => "views",
        }
    }
}

/// What went wrong, for a door to put into its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", named(*filter))]
pub struct AppError {
    /// For programs.
    pub kind: ErrorKind,
    /// The value of a filter that is wrong, where it is one; the message does not name it.
    pub filter: Option<FilterName>,
    /// One line that names the file, line or value.
    pub message: String,
    /// What to try.
    pub hint: Option<Hint>,
    /// What was asked for is recorded as this entry, and only what is derived from it does not say so yet: the next one who reads
    /// or writes brings that up to date. Nothing is to be done again.
    pub recorded: Option<Seq>,
}

fn named(filter: Option<FilterName>) -> String {
    filter.map(|filter| format!("{}: ", filter.name())).unwrap_or_default()
}

impl AppError {
    /// Makes an error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> AppError {
        AppError { kind, filter: None, message: message.into(), hint: None, recorded: None }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: Hint) -> AppError {
        self.hint = Some(hint);
        self
    }
}

/// Shorthand of this floor.
pub type Result<T> = std::result::Result<T, AppError>;

impl From<LedgerError> for AppError {
    fn from(error: LedgerError) -> AppError {
        let message = error.to_string();
        match error {
            LedgerError::Locked { .. } => {
                AppError::new(ErrorKind::Locked, message).hint(Hint::AwaitWriter)
            }
            LedgerError::Exposed { .. } => {
                AppError::new(ErrorKind::Io, message).hint(Hint::Unshare)
            }
            LedgerError::Missing { .. } => {
                AppError::new(ErrorKind::NotFound, message).hint(Hint::Append)
            }
            LedgerError::Damaged { .. } | LedgerError::Engine { .. } => {
                AppError::new(ErrorKind::Damaged, message).hint(Hint::Repair)
            }
            LedgerError::Version { .. } => {
                AppError::new(ErrorKind::Damaged, message).hint(Hint::NewerProgram)
            }
            LedgerError::NoEntry { .. } => AppError::new(ErrorKind::NotFound, message),
            LedgerError::Io { .. } if error.is_out_of_space() => {
                AppError::new(ErrorKind::OutOfSpace, message)
                    .hint(Hint::MakeSpace(Safe::Acknowledged))
            }
            LedgerError::Io { .. } => AppError::new(ErrorKind::Io, message),
            LedgerError::NoCopy { .. } => {
                AppError::new(ErrorKind::Io, message).hint(Hint::TemporaryFolder)
            }
        }
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> AppError {
        let message = error.to_string();
        if error.is_out_of_space() {
            return AppError::new(ErrorKind::OutOfSpace, message)
                .hint(Hint::MakeSpace(Safe::Ledger));
        }
        AppError::new(ErrorKind::Views, message).hint(Hint::RebuildViews)
    }
}

impl From<ReplayError> for AppError {
    fn from(error: ReplayError) -> AppError {
        match error {
            ReplayError::Ledger(error) => error.into(),
            ReplayError::Db(error) => error.into(),
            ReplayError::Policy(error) => error.into(),
            ReplayError::State(_) => {
                AppError::new(ErrorKind::Views, error.to_string()).hint(Hint::RebuildViews)
            }
            ReplayError::Thread(_) => {
                AppError::new(ErrorKind::Io, error.to_string()).hint(Hint::FreeThreads)
            }
            ReplayError::Died => AppError::new(ErrorKind::Views, error.to_string()),
        }
    }
}

impl From<PolicyError> for AppError {
    fn from(error: PolicyError) -> AppError {
        match error {
            PolicyError::Ledger(error) => error.into(),
            PolicyError::Unreadable { what: "rule set", .. } => {
                AppError::new(ErrorKind::Views, error.to_string()).hint(Hint::NewerRules)
            }
            PolicyError::Unreadable { seq, .. } => {
                AppError::new(ErrorKind::Views, error.to_string())
                    .hint(Hint::NewerRedaction { seq })
            }
            PolicyError::Rule(error) => {
                AppError::new(ErrorKind::Views, error.to_string()).hint(Hint::SetRules)
            }
        }
    }
}

impl From<PublishError> for AppError {
    fn from(error: PublishError) -> AppError {
        let message = error.to_string();
        match error {
            PublishError::Io { .. } if error.is_out_of_space() => {
                AppError::new(ErrorKind::OutOfSpace, message).hint(Hint::MakeSpace(Safe::Files))
            }
            PublishError::Io { .. } => AppError::new(ErrorKind::Io, message),
            PublishError::Refused { hint, .. } => {
                AppError::new(ErrorKind::Usage, message).hint(Hint::Folder(hint))
            }
        }
    }
}

impl From<RuleError> for AppError {
    fn from(error: RuleError) -> AppError {
        AppError::new(ErrorKind::Usage, error.to_string())
    }
}

impl From<ViewsError> for AppError {
    fn from(error: ViewsError) -> AppError {
        let message = error.to_string();
        match error {
            ViewsError::Db(error) => error.into(),
            ViewsError::Replay(error) => error.into(),
            ViewsError::Io { .. } => AppError::new(ErrorKind::Io, message),
            ViewsError::Foreign { .. } => {
                AppError::new(ErrorKind::Views, message).hint(Hint::MoveForeignViews)
            }
            // It was made anew and still cannot be read: there is no room, or the folder is at fault.
            ViewsError::Search(_) => {
                AppError::new(ErrorKind::Io, message).hint(Hint::TemporaryFolder)
            }
            ViewsError::Damaged { .. } => {
                AppError::new(ErrorKind::Views, message).hint(Hint::RebuildViews)
            }
            ViewsError::Ahead { .. } => {
                AppError::new(ErrorKind::Damaged, message).hint(Hint::Audit)
            }
            ViewsError::Newer { .. } => {
                AppError::new(ErrorKind::Views, message).hint(Hint::NewerViews)
            }
        }
    }
}

impl From<AuditError> for AppError {
    fn from(error: AuditError) -> AppError {
        match error {
            AuditError::Ledger(error) => error.into(),
            AuditError::Views(error) => error.into(),
        }
    }
}

impl From<FindError> for AppError {
    fn from(error: FindError) -> AppError {
        let message = error.to_string();
        match error {
            FindError::None(_) => {
                AppError::new(ErrorKind::NotFound, message).hint(Hint::Name(NameHint::ListSessions))
            }
            FindError::Several { .. } => {
                AppError::new(ErrorKind::NotFound, message).hint(Hint::Name(NameHint::MoreDigits))
            }
            FindError::Sql(_) => AppError::new(ErrorKind::Views, message),
        }
    }
}

impl From<FilterError> for AppError {
    fn from(error: FilterError) -> AppError {
        let (filter, message) = (error.filter(), error.to_string());
        let hint = Hint::Name(match error {
            FilterError::Time { .. } => NameHint::TimeForms,
            FilterError::Backwards { .. } => NameHint::SwapTimes,
            FilterError::Unknown { filter, nearest: Some(value), .. } => {
                NameHint::Nearest { filter, value }
            }
            FilterError::Unknown { .. } => NameHint::ListFilters,
            FilterError::NoSuch { .. } => NameHint::LeaveOut,
            FilterError::Several { .. } => NameHint::MoreDigits,
            FilterError::Sql(_) => {
                return AppError::new(ErrorKind::Usage, message).hint(Hint::RebuildViews);
            }
        });
        AppError { filter, ..AppError::new(ErrorKind::Usage, message).hint(hint) }
    }
}

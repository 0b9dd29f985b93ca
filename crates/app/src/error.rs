//! Floor 4: the errors of all floors folded into one shape: kind, message, hint.

use crate::audit::AuditError;
use crate::publish::PublishError;
use codex_ledger_db::DbError;
use codex_ledger_ledger::LedgerError;
use codex_ledger_projections::{PolicyError, ReplayError, ViewsError};
use codex_ledger_query::FindError;
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
            ErrorKind::Damaged => "damaged",
            ErrorKind::Views => "views",
        }
    }
}

/// An error as a door shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AppError {
    /// For programs.
    pub kind: ErrorKind,
    /// One line that names the file, line or option.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

impl AppError {
    /// Makes an error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> AppError {
        AppError { kind, message: message.into(), hint: None }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> AppError {
        self.hint = Some(hint.into());
        self
    }
}

/// Shorthand of this floor.
pub type Result<T> = std::result::Result<T, AppError>;

impl From<LedgerError> for AppError {
    fn from(error: LedgerError) -> AppError {
        let message = error.to_string();
        match error {
            LedgerError::Locked { .. } => AppError::new(ErrorKind::Locked, message)
                .hint("wait until it ends, or stop it; reading commands work meanwhile"),
            LedgerError::Exposed { .. } => AppError::new(ErrorKind::Io, message).hint(
                "`chmod go-rwx` on it, then `codex-ledger audit`; or name another with --ledger DIR",
            ),
            LedgerError::Missing { .. } => AppError::new(ErrorKind::NotFound, message)
                .hint("`codex-ledger append` makes one from your Codex logs"),
            LedgerError::Damaged { .. } | LedgerError::Engine { .. } => {
                AppError::new(ErrorKind::Damaged, message)
                    .hint("`codex-ledger audit` says what still holds, `codex-ledger repair` what can be kept")
            }
            LedgerError::Version { .. } => AppError::new(ErrorKind::Damaged, message)
                .hint("use a newer codex-ledger, or `codex-ledger audit` if the file was damaged"),
            LedgerError::NoEntry { .. } => AppError::new(ErrorKind::NotFound, message),
            LedgerError::Io { .. } if error.is_out_of_space() => {
                AppError::new(ErrorKind::OutOfSpace, message)
                    .hint("make space and run the command again; what was acknowledged is safe")
            }
            LedgerError::Io { .. } => AppError::new(ErrorKind::Io, message),
            LedgerError::NoCopy { .. } => AppError::new(ErrorKind::Io, message)
                .hint("make space there, or name another temporary folder with TMPDIR"),
        }
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> AppError {
        let message = error.to_string();
        if error.is_out_of_space() {
            return AppError::new(ErrorKind::OutOfSpace, message)
                .hint("make space and run the command again; the ledger has every entry");
        }
        AppError::new(ErrorKind::Views, message)
            .hint("`codex-ledger rebuild-views` makes the views anew")
    }
}

impl From<ReplayError> for AppError {
    fn from(error: ReplayError) -> AppError {
        match error {
            ReplayError::Ledger(error) => error.into(),
            ReplayError::Db(error) => error.into(),
            ReplayError::Policy(error) => error.into(),
            ReplayError::State(_) => AppError::new(ErrorKind::Views, error.to_string())
                .hint("`codex-ledger rebuild-views` makes the views anew"),
            ReplayError::Thread(_) => AppError::new(ErrorKind::Io, error.to_string())
                .hint("end other programs and run the command again; the ledger has every entry"),
            ReplayError::Died => AppError::new(ErrorKind::Views, error.to_string()),
        }
    }
}

impl From<PolicyError> for AppError {
    fn from(error: PolicyError) -> AppError {
        match error {
            PolicyError::Ledger(error) => error.into(),
            PolicyError::Unreadable { what: "rule set", .. } => {
                AppError::new(ErrorKind::Views, error.to_string()).hint(
                    "use that version, or put other rules in force: `codex-ledger redact rules set FILE`",
                )
            }
            PolicyError::Unreadable { seq, .. } => {
                AppError::new(ErrorKind::Views, error.to_string()).hint(format!(
                    "use that version, or end it: `codex-ledger redact undo {seq} --reason TEXT`"
                ))
            }
            PolicyError::Rule(error) => AppError::new(ErrorKind::Views, error.to_string())
                .hint("`codex-ledger redact rules set FILE` puts other rules in force"),
        }
    }
}

impl From<PublishError> for AppError {
    fn from(error: PublishError) -> AppError {
        let message = error.to_string();
        match error {
            PublishError::Io { .. } if error.is_out_of_space() => {
                AppError::new(ErrorKind::OutOfSpace, message)
                    .hint("make space and run the command again; what was there is as it was")
            }
            PublishError::Io { .. } => AppError::new(ErrorKind::Io, message),
            PublishError::Refused { hint, .. } => {
                AppError::new(ErrorKind::Usage, message).hint(hint)
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
            ViewsError::Foreign { .. } => AppError::new(ErrorKind::Views, message)
                .hint("move it away, or name another place with `ingest.db_path`"),
            ViewsError::Damaged { .. } => AppError::new(ErrorKind::Views, message)
                .hint("`codex-ledger rebuild-views` makes the views anew"),
            ViewsError::Ahead { .. } => AppError::new(ErrorKind::Damaged, message)
                .hint("`codex-ledger audit` says what still holds"),
            ViewsError::Newer { .. } => AppError::new(ErrorKind::Views, message)
                .hint("use that version, or move the views away: `rebuild-views` makes them from the ledger"),
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
            FindError::None(_) => AppError::new(ErrorKind::NotFound, message)
                .hint("`codex-ledger sessions` lists them"),
            FindError::Several { .. } => {
                AppError::new(ErrorKind::NotFound, message).hint("give more digits of the id")
            }
            FindError::Sql(_) => AppError::new(ErrorKind::Views, message),
        }
    }
}

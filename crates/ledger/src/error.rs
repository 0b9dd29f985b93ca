//! What can go wrong in the ledger, said once.

use codex_ledger_entry::Seq;
use std::io;
use std::path::{Path, PathBuf};

/// An error of the ledger floor.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system refused something.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process writes.
    #[error("{}: the ledger is held by {holder}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it: command, pid, since when.
        holder: String,
    },
    /// Everybody may write where the ledger is.
    #[error("{}: everybody may write in this directory", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// There is no ledger in that directory.
    #[error("{}: there is no ledger here yet", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// A format that this program does not know.
    #[error("{}: ledger format {found} is not known to this program", path.display())]
    Version {
        /// The file that says so.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// Bytes are not what they must be.
    #[error("{}: {detail}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// First entry that is affected, where known.
        seq: Option<Seq>,
        /// What is wrong.
        detail: String,
    },
    /// A volume had to be read from a copy, and none could be made.
    #[error("{}: no copy of it could be made in the temporary folder: {source}", path.display())]
    NoCopy {
        /// The volume's directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The log engine failed.
    #[error("{}: log engine: {detail}", path.display())]
    Engine {
        /// The volume's directory.
        path: PathBuf,
        /// The engine's message.
        detail: String,
    },
    /// No such entry.
    #[error("there is no entry {seq}; the ledger has {size}")]
    NoEntry {
        /// The seq that was asked for.
        seq: Seq,
        /// How many entries there are.
        size: u64,
    },
}

impl LedgerError {
    /// Wraps an I/O error with what was done to which file.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
        let path = path.to_path_buf();
        move |source| LedgerError::Io { action, path, source }
    }

    /// Damage without a known entry.
    pub fn damaged(path: &Path, detail: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { path: path.to_path_buf(), seq: None, detail: detail.into() }
    }

    /// Damage that begins at an entry.
    pub fn damaged_at(path: &Path, seq: Seq, detail: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { path: path.to_path_buf(), seq: Some(seq), detail: detail.into() }
    }

    /// Whether the machine could not do it now, so that it says nothing of the files.
    pub(super) fn is_of_the_moment(&self) -> bool {
        use io::ErrorKind::{
            Interrupted, OutOfMemory, PermissionDenied, ReadOnlyFilesystem, WouldBlock,
        };
        // Too many open files, in the system or in the process.
        const TOO_MANY_FILES: [i32; 2] = [23, 24];
        match self {
            LedgerError::NoCopy { .. } => true,
            LedgerError::Io { source, .. } => {
                self.is_out_of_space()
                    || source.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code))
                    || matches!(
                        source.kind(),
                        Interrupted
                            | OutOfMemory
                            | PermissionDenied
                            | ReadOnlyFilesystem
                            | WouldBlock
                    )
            }
            _ => false,
        }
    }

    /// Whether no more may be written, so that retrying makes sense once there is space.
    pub fn is_out_of_space(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, LedgerError::Io { source, .. }
            if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}

/// Shorthand of this floor.
pub type Result<T> = std::result::Result<T, LedgerError>;

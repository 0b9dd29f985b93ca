//! What can go wrong on the way out.

use crate::hint::FolderHint;
use std::fmt::Display;
use std::io;

/// An error of publishing.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The operating system refused something.
    #[error("{place}: {source}")]
    Io {
        /// The file or folder.
        place: String,
        /// The system's reason.
        source: io::Error,
    },
    /// What stands there stays.
    #[error("{place}: {reason}")]
    Refused {
        /// The file or folder.
        place: String,
        /// Why it stays.
        reason: String,
        /// What to try.
        hint: FolderHint,
    },
}

impl PublishError {
    /// Wraps an I/O error with the place.
    pub fn io(place: impl Display) -> impl FnOnce(io::Error) -> PublishError {
        let place = place.to_string();
        move |source| PublishError::Io { place, source }
    }

    /// Makes a refusal.
    pub fn refused(
        place: impl Display,
        reason: impl Into<String>,
        hint: FolderHint,
    ) -> PublishError {
        PublishError::Refused { place: place.to_string(), reason: reason.into(), hint }
    }

    /// Whether the disk is full, so that trying again makes sense once there is space.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, PublishError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, PublishError>;

//! Where work was done: which directory a path means, and which repository an address means, whatever the spelling.
//!
//! The one place where they are compared: filters, reports, tokens, tags and redaction ask here.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

pub mod folder;
pub mod repository;

/// What stands for a repository, or for the directory of a session that has none, in all of its spellings.
pub fn plain(repository_or_directory: &str) -> String {
    repository::plain(repository_or_directory)
        .unwrap_or_else(|| folder::plain(repository_or_directory))
}

/// Whether two addresses or directories, as the views show them, are the same place.
pub fn is_same(shown: &str, other: &str) -> bool {
    match (repository::plain(shown), repository::plain(other)) {
        (Some(shown), Some(other)) => shown == other,
        (None, None) => folder::is_same(shown, other),
        _ => false,
    }
}

//! Whom the ledger's files are for: their owner alone. They hold every word that a redaction hides.

use super::error::{LedgerError, Result};
use std::io;
use std::path::Path;

/// Creates a directory and those above it that are missing, for their owner alone.
pub(super) fn create_dir_all(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Creates a directory that is not there yet, for its owner alone.
pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Refuses a directory that everybody may write: what lies in it may be anybody's.
///
/// # Errors
/// When everybody may write there; a directory that is not there is fine.
pub fn check_place(dir: &Path) -> Result<()> {
    if is_open_to_all(dir) {
        return Err(LedgerError::Exposed { path: dir.to_path_buf() });
    }
    Ok(())
}

#[cfg(unix)]
fn is_open_to_all(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o002 != 0)
}

#[cfg(not(unix))]
fn is_open_to_all(_: &Path) -> bool {
    false
}

/// Takes from everybody else what they may do in a ledger; says whether there was anything to take.
///
/// What belongs to another user stays as it is: only its owner can change that.
#[cfg(unix)]
pub(super) fn tighten(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let mut changed = false;
    // Links are not followed: where they lead is not the ledger's.
    for entry in walkdir::WalkDir::new(dir).into_iter().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let mode = meta.permissions().mode() & 0o7777;
        if (meta.is_dir() || meta.is_file()) && mode & 0o077 != 0 {
            let private = std::fs::Permissions::from_mode(mode & !0o077);
            changed |= std::fs::set_permissions(entry.path(), private).is_ok();
        }
    }
    changed
}

#[cfg(not(unix))]
pub(super) fn tighten(_: &Path) -> bool {
    false
}

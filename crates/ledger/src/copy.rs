//! Copies of volumes, for the log engine to open: it writes to what it opens.

use super::error::{LedgerError, Result};
use super::files::open_file;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const COPY_BYTES: usize = 1 << 20;

/// A folder for a copy, which goes with it. It is locked, so that what a killed program left is known.
pub(super) struct Scratch {
    dir: tempfile::TempDir,
    _lock: fs::File,
}

/// How the names of such folders begin, and the file in them that is locked.
const SCRATCH_PREFIX: &str = "codex-ledger-copy-";
const SCRATCH_LOCK: &str = "in-use";

impl Scratch {
    /// Makes one for the copy of a volume.
    pub(super) fn make(of: &Path) -> Result<Scratch> {
        let make = || {
            let dir = tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempdir()?;
            let lock = fs::File::create(dir.path().join(SCRATCH_LOCK))?;
            lock.try_lock()?;
            fs::create_dir(dir.path().join("volume"))?;
            Ok(Scratch { dir, _lock: lock })
        };
        make().map_err(|source| LedgerError::NoCopy { path: of.to_path_buf(), source })
    }

    /// The folder for the copy itself.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("volume")
    }
}

/// Removes copies that killed programs have left: they hold what the ledger holds.
pub fn sweep_copies() {
    let Ok(entries) = fs::read_dir(tempfile::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(SCRATCH_PREFIX);
        // Between its making and its lock a folder is empty.
        let lock = entry.path().join(SCRATCH_LOCK);
        if is_ours && fs::File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Copies the wanted files of a directory.
pub(super) fn copy_tree(from: &Path, to: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(from).map_err(LedgerError::io("cannot list", from))? {
        let path = entry.map_err(LedgerError::io("cannot list", from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            fs::create_dir_all(&target).map_err(LedgerError::io("cannot create", &target))?;
            copy_tree(&path, &target, is_wanted)?;
        } else if is_wanted(&path) {
            // Not `fs::copy`: that would copy the missing right to write too.
            copy_file(&path, &target)?;
        }
    }
    Ok(())
}

/// Tells what cannot be read from what cannot be written.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let unread = |e| LedgerError::io("cannot read", from)(e);
    let unmade = |source| LedgerError::NoCopy { path: from.to_path_buf(), source };
    let mut source = open_file(from).map_err(unread)?;
    let mut target = fs::File::create(to).map_err(unmade)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match source.read(&mut buffer).map_err(unread)? {
            0 => return Ok(()),
            got => target.write_all(&buffer[..got]).map_err(unmade)?,
        }
    }
}

//! The writer's lock: an advisory lock on `LOCK`, whose text says who holds it.

use super::error::{LedgerError, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a lock that is held is looked at again, and after what time: those who only look hold it
/// for less than that.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(5);

/// Who writes, for the one who has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The command, such as `append --watch`.
    pub command: String,
    /// Process id.
    pub pid: u32,
    /// When it started, as text for people.
    pub since: String,
}

/// Held while a process writes; the system frees it when the process ends, however it ends.
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Leaves no stale name behind; the lock itself goes with the file handle.
    fn drop(&mut self) {
        self.file.set_len(0).ok();
    }
}

/// The lock file.
pub(super) fn lock_path(dir: &Path) -> PathBuf {
    dir.join("LOCK")
}

impl Lock {
    /// Takes the lock or says who holds it.
    pub(super) fn take(dir: &Path, holder: &Holder) -> Result<Lock> {
        let path = lock_path(dir);
        let io = |action| LedgerError::io(action, &path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("cannot open"))?;
        let mut looks = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Perhaps only a look at who writes.
                Err(TryLockError::WouldBlock) if looks < LOOKS => {
                    looks += 1;
                    std::thread::park_timeout(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = read_holder(dir).unwrap_or_else(|| "another process".into());
                    return Err(LedgerError::Locked { path, holder });
                }
                Err(TryLockError::Error(source)) => return Err(io("cannot lock")(source)),
            }
        }
        let text = format!("`{}`, pid {}, since {}\n", holder.command, holder.pid, holder.since);
        file.set_len(0).map_err(io("cannot write"))?;
        file.write_all(text.as_bytes()).map_err(io("cannot write"))?;
        Ok(Lock { file })
    }
}

fn read_holder(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(lock_path(dir)).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_string())
}

/// Who holds the lock now, if anybody.
pub fn lock_holder(dir: &Path) -> Option<String> {
    for _ in 0..LOOKS {
        let file = File::open(lock_path(dir)).ok()?;
        // Shared, so that two who look do not take each other for a writer.
        let Err(TryLockError::WouldBlock) = file.try_lock_shared() else {
            return None;
        };
        if let Some(holder) = read_holder(dir) {
            return Some(holder);
        }
        // It has not written its name yet, or has just removed it.
        drop(file);
        std::thread::park_timeout(PAUSE);
    }
    Some("another process".into())
}

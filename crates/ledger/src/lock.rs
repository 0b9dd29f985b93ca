//! The writer's lock: an advisory lock on `LOCK`, whose text says who holds it.

use super::error::{LedgerError, Result};
use super::files::{open_file, read_file};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a lock that is held is looked at again, and after what time, by who does not wait: those who only
/// look hold it for less than that.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(5);
/// After this time a writer that waits says so.
const SAID_AFTER: Duration = Duration::from_secs(1);

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

/// What opening a ledger for writing has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockNotice {
    /// Another process writes, and so this one waits.
    Waiting {
        /// Who holds the lock: command, pid, since when.
        holder: String,
        /// How long at most.
        wait: Duration,
    },
    /// Others could read or write in this directory, and no longer can.
    Tightened(PathBuf),
}

/// Hears what opening has to tell.
pub type LockListener = Arc<dyn Fn(LockNotice) + Send + Sync>;

/// How long a writer waits for its turn, and who hears of it.
#[derive(Clone, Default)]
pub struct Patience {
    /// The longest time; none by itself.
    pub wait: Duration,
    /// Hears that the writer waits.
    pub listener: Option<LockListener>,
}

impl Patience {
    pub(super) fn say(&self, notice: LockNotice) {
        if let Some(listener) = &self.listener {
            listener(notice);
        }
    }
}

/// When to look again. Who has waited for long looks more often than who has just come, so that nobody is
/// passed by for ever; a queue that the system keeps would not end at a deadline.
fn pause_after(waited: Duration) -> Duration {
    Duration::from_millis(match waited.as_millis() {
        0..50 => 5,
        50..2_000 => 20,
        2_000..5_000 => 10,
        5_000..10_000 => 4,
        _ => 1,
    })
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
    /// Takes the lock, waiting for it as long as patience lasts, or says who holds it.
    pub(super) fn wait(dir: &Path, holder: &Holder, patience: &Patience) -> Result<Lock> {
        let path = lock_path(dir);
        let io = |action| LedgerError::io(action, &path);
        let mut file = open_lock(&path)?;
        let shortest = PAUSE * LOOKS as u32;
        let started = Instant::now();
        let mut is_said = false;
        loop {
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => break,
                // Another ledger was put in the place of the one that was held.
                Ok(()) => file = open_lock(&path)?,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(io("cannot lock")(source)),
            }
            let waited = started.elapsed();
            let other = || read_holder(dir).unwrap_or_else(|| "another process".into());
            if waited >= patience.wait.max(shortest) {
                return Err(LedgerError::Locked { path, holder: other() });
            }
            if waited >= SAID_AFTER && !is_said {
                is_said = true;
                patience.say(LockNotice::Waiting { holder: other(), wait: patience.wait });
            }
            std::thread::park_timeout(pause_after(waited));
        }
        let text = format!("`{}`, pid {}, since {}\n", holder.command, holder.pid, holder.since);
        file.set_len(0).map_err(io("cannot write"))?;
        file.write_all(text.as_bytes()).map_err(io("cannot write"))?;
        Ok(Lock { file })
    }
}

fn open_lock(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(LedgerError::io("cannot open", path))
}

/// Whether the path still leads to the open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(found)) => id(open) == id(found),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

fn read_holder(dir: &Path) -> Option<String> {
    let text = String::from_utf8(read_file(&lock_path(dir)).ok()?).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_string())
}

/// Who holds the lock now, if anybody.
pub fn lock_holder(dir: &Path) -> Option<String> {
    for _ in 0..LOOKS {
        let file = open_file(&lock_path(dir)).ok()?;
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

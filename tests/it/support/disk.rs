//! Disks that skip the hardware's wait, and disks that fail at one step.

use codex_ledger_ledger::Disk;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hears of every step before it is done, and may refuse it; hears of those that were done.
pub trait Steps: Send + Sync {
    fn before(&self, what: &str, path: &Path) -> io::Result<()>;

    fn after(&self, what: &str, path: &Path) {
        let _ = (what, path);
    }
}

/// The real file system without waiting for the hardware. A write is two steps, so that a stop
/// between them leaves half of it.
pub struct Stepped<S>(pub S);

impl<S: Steps> Stepped<S> {
    fn step<T>(
        &self,
        what: &str,
        path: &Path,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        self.0.before(what, path)?;
        let value = work()?;
        self.0.after(what, path);
        Ok(value)
    }
}

impl<S: Steps> Disk for Stepped<S> {
    fn write_all(&self, file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        self.step("write", path, || file.write_all(half))?;
        self.step("write the rest", path, || file.write_all(rest))
    }

    fn sync_file(&self, _: &File, path: &Path) -> io::Result<()> {
        self.step("sync", path, || Ok(()))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step("sync directory", path, || Ok(()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", from, || fs::rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path, || fs::remove_file(path))
    }
}

/// Nothing fails, nothing waits.
pub struct Quick;

impl Disk for Quick {
    fn sync_file(&self, _: &File, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Fails one step, or that one and all after it.
pub struct FailAt {
    step: AtomicUsize,
    at: usize,
    kind: io::ErrorKind,
    for_ever: bool,
}

impl FailAt {
    pub fn once(at: usize, kind: io::ErrorKind) -> Stepped<FailAt> {
        Stepped(FailAt { step: AtomicUsize::new(0), at, kind, for_ever: false })
    }

    pub fn from(at: usize, kind: io::ErrorKind) -> Stepped<FailAt> {
        Stepped(FailAt { step: AtomicUsize::new(0), at, kind, for_ever: true })
    }

    /// Whether the step that was to fail was reached.
    pub fn has_failed(&self) -> bool {
        self.step.load(Ordering::SeqCst) > self.at
    }
}

impl Steps for FailAt {
    fn before(&self, what: &str, _: &Path) -> io::Result<()> {
        let step = self.step.fetch_add(1, Ordering::SeqCst);
        if step == self.at || (self.for_ever && step > self.at) {
            return Err(io::Error::new(self.kind, format!("test: no {what} at step {step}")));
        }
        Ok(())
    }
}

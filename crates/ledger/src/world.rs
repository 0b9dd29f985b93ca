//! What the ledger takes from outside: a clock, random bytes and a disk. Tests give their own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Nanoseconds since 1970-01-01 UTC.
pub trait Clock: Send + Sync {
    /// The time now. May go backwards; the ledger copes.
    fn now(&self) -> u64;
}

/// Random bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    fn fill(&self, out: &mut [u8]) -> io::Result<()>;
}

/// Every write, sync and name change that the promises rest on goes through here, so that tests can
/// fail each of them and can simulate a power loss.
pub trait Disk: Send + Sync {
    /// Writes all bytes at the file's position.
    ///
    /// # Errors
    /// As `write_all`.
    fn write_all(&self, file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let _ = path;
        file.write_all(bytes)
    }

    /// Makes a file's bytes durable.
    ///
    /// # Errors
    /// As `fsync`.
    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        let _ = path;
        file.sync_all()
    }

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// As opening and `fsync`.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Elsewhere directories cannot be opened as files, and names are durable with the file.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    /// Renames, replacing.
    ///
    /// # Errors
    /// As `rename`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As `unlink`.
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The machine's own clock, randomness and disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealWorld;

impl Disk for RealWorld {}

impl Clock for RealWorld {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map(|d| d.as_nanos() as u64).unwrap_or(0)
    }
}

impl Entropy for RealWorld {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        getrandom::fill(out).map_err(|e| io::Error::other(e.to_string()))
    }
}

/// The three together, shared by the threads of a writer.
#[derive(Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Durable storage.
    pub disk: Arc<dyn Disk>,
}

impl World {
    /// The machine itself.
    pub fn real() -> World {
        World {
            clock: Arc::new(RealWorld),
            entropy: Arc::new(RealWorld),
            disk: Arc::new(RealWorld),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        World::real()
    }
}

//! The log engine. The only file that names sled.
//!
//! sled builds volumes. Once a volume is settled, sled is only ever shown a copy of it, so that what it does with
//! unsynced bytes between two runs, and with what it cannot read, never matters. Values stay under 4 KB, since
//! sled never syncs larger ones.

use super::block::block_place;
use super::copy::{Scratch, copy_tree};
use super::error::{LedgerError, Result};
use super::pack::PackInfo;
use super::worker::start_thread;
use bincode::{Decode, Encode};
use codex_ledger_entry::Seq;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The engine's file that holds the values.
pub(super) const FILE_NAME: &str = "db";
pub(super) const PART_BYTES: usize = 4000;
const CACHE_BYTES: u64 = 8 << 20;
/// sled's directory lock lingers for a moment after its last owner is gone.
const OPEN_ATTEMPTS: u32 = 40;
/// Opening takes far less than a second; this is for machines that are out of breath.
const OPEN_TIMEOUT: Duration = Duration::from_secs(45);
/// The last dirty pages of a volume, at most some 100 MB, on a slow disk.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(45);
/// Threads that the engine has work for at once when it opens.
const SPARE_THREADS: usize = 3;
const OPEN_PAUSE: Duration = Duration::from_millis(25);

/// An open volume.
pub(super) struct Store {
    /// `None` only while it is dropped.
    db: Option<sled::Db>,
    dir: PathBuf,
    /// Whether the engine has failed. Its own drop may then hang (seen when the disk is full), so it is not run.
    failed: std::cell::Cell<bool>,
    /// The copy that is read in place of a volume that must not be touched.
    _scratch: Option<Scratch>,
}

impl Drop for Store {
    /// The engine's own drop flushes: where that fails, it panics, or hangs. So it is flushed first, where failing is
    /// an error like others, and an engine that has failed is not dropped at all.
    ///
    /// Nothing is lost by that: what counts is read back from a volume that was closed and opened again.
    #[allow(
        clippy::disallowed_methods,
        reason = "dropping a failed engine may hang; the process ends soon"
    )]
    fn drop(&mut self) {
        let is_flushed = !self.failed.get() && self.flush().is_ok();
        let db = self.db.take();
        if is_flushed {
            guarded(&self.dir, || {
                drop(db);
                Ok(())
            })
            .ok();
        } else {
            std::mem::forget(db);
        }
    }
}

/// Packs and blocks on their way into a volume.
///
/// Not a sled batch: atomicity is the journal's business, and sled applies a batch in random order.
#[derive(Default)]
pub(super) struct StoreBatch {
    parts: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl StoreBatch {
    /// Adds a pack or a block; the key follows from its own fields. Returns false when it is neither.
    pub(super) fn put(&mut self, bytes: &[u8]) -> bool {
        let Some(key) = Key::of(bytes) else {
            return false;
        };
        for (index, part) in parts(bytes).enumerate() {
            let mut value = Vec::with_capacity(PART_BYTES + 4);
            if index == 0 {
                value.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            }
            value.extend_from_slice(part);
            self.parts.push((key.part(index as u32), value));
        }
        self.bytes += bytes.len();
        true
    }

    /// Bytes in the batch.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Names a pack or a block. Packs come first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(super) enum Key {
    /// By its first seq.
    Pack(Seq),
    /// By its entry's seq and its number in the body.
    Block(Seq, u32),
}

impl Key {
    /// What these bytes are, by their own fields.
    pub(super) fn of(bytes: &[u8]) -> Option<Key> {
        if let Some(info) = PackInfo::read(bytes) {
            return Some(Key::Pack(info.first_seq));
        }
        block_place(bytes).map(|(seq, index)| Key::Block(seq, index))
    }

    /// The engine's key of one part.
    fn part(self, part: u32) -> Vec<u8> {
        let mut key = Vec::with_capacity(17);
        match self {
            Key::Pack(first_seq) => {
                key.push(b'p');
                key.extend_from_slice(&first_seq.to_be_bytes());
            }
            Key::Block(seq, index) => {
                key.push(b'b');
                key.extend_from_slice(&seq.to_be_bytes());
                key.extend_from_slice(&index.to_be_bytes());
            }
        }
        key.extend_from_slice(&part.to_be_bytes());
        key
    }

    /// What the engine's key of a first part names.
    fn of_first_part(key: &[u8]) -> Option<Key> {
        let (kind, rest) = key.split_first()?;
        let (seq, rest) =
            rest.split_first_chunk().map(|(seq, rest)| (Seq::from_be_bytes(*seq), rest))?;
        match (kind, rest) {
            (b'p', [0, 0, 0, 0]) => Some(Key::Pack(seq)),
            (b'b', [index @ .., 0, 0, 0, 0]) => {
                Some(Key::Block(seq, u32::from_be_bytes(index.try_into().ok()?)))
            }
            _ => None,
        }
    }
}

/// The pieces in which the engine is given a pack or a block.
pub(super) fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(PART_BYTES)
}

impl Store {
    /// Opens or creates a volume. A panic inside the engine becomes an error.
    pub(super) fn open(dir: &Path) -> Result<Store> {
        let mut attempt = 0;
        loop {
            match open_engine(dir) {
                Ok(db) => {
                    let (db, dir) = (Some(db), dir.to_path_buf());
                    return Ok(Store { db, dir, failed: false.into(), _scratch: None });
                }
                Err(error) if !is_held(&error) => return Err(error),
                Err(_) if attempt < OPEN_ATTEMPTS => attempt += 1,
                Err(_) => {
                    let source = std::io::Error::from(std::io::ErrorKind::WouldBlock);
                    return Err(LedgerError::io("another process reads", dir)(source));
                }
            }
            pause();
        }
    }

    /// Opens a copy of a volume: of the files that are wanted, else of the engine's file alone, since all else
    /// only spares the engine time.
    pub(super) fn open_copy(dir: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Result<Store> {
        match Store::open_copy_of(dir, is_wanted) {
            Err(error) if !error.is_of_the_moment() => {
                Store::open_copy_of(dir, &|path| path == Path::new(FILE_NAME)).map_err(|_| error)
            }
            opened => opened,
        }
    }

    fn open_copy_of(dir: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Result<Store> {
        let scratch = Scratch::make(dir)?;
        copy_tree(dir, &scratch.path(), &|path| is_wanted(path.strip_prefix(dir).unwrap_or(path)))?;
        let mut store = Store::open(&scratch.path())?;
        store.dir = dir.to_path_buf();
        store._scratch = Some(scratch);
        Ok(store)
    }

    fn call<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T> {
        let closed = || sled::Error::Unsupported("the volume is closed".into());
        let result = guarded(&self.dir, || call(self.db.as_ref().ok_or_else(closed)?));
        self.failed.set(self.failed.get() || result.is_err());
        result
    }

    /// Adds a batch; not durable until [`Store::flush`] and a sync.
    ///
    /// Empty values go in first, so that the tree's leaves split while they are small; the real values
    /// then follow as one fragment each. Written directly, every value would be rewritten about five
    /// times by consolidations and splits, and the file would be 1.8 times its content instead of 1.2.
    pub(super) fn apply(&self, batch: StoreBatch) -> Result<()> {
        self.call(|db| {
            for (key, _) in &batch.parts {
                db.insert(key, &[])?;
            }
            for (key, value) in batch.parts {
                db.insert(key, value)?;
            }
            Ok(())
        })
    }

    /// Hands everything to the operating system.
    pub(super) fn flush(&self) -> Result<()> {
        let closed = || sled::Error::Unsupported("the volume is closed".into());
        let db = self.db.clone();
        let flush = move || db.as_ref().ok_or_else(closed)?.flush().map(drop);
        let result = beside(&self.dir, FLUSH_TIMEOUT, flush);
        self.failed.set(self.failed.get() || result.is_err());
        result
    }

    /// What the volume holds under the key of these bytes.
    pub(super) fn same(&self, bytes: &[u8]) -> Result<bool> {
        match Key::of(bytes) {
            Some(key) => Ok(self.get(key)?.as_deref() == Some(bytes)),
            None => Ok(false),
        }
    }

    /// A pack or a block.
    pub(super) fn get(&self, key: Key) -> Result<Option<Vec<u8>>> {
        self.call(|db| {
            let Some(first) = db.get(key.part(0))? else {
                return Ok(None);
            };
            let Some((len, head)) = first.split_first_chunk::<4>() else {
                return Ok(None);
            };
            let len = u32::from_be_bytes(*len) as usize;
            let mut out = Vec::with_capacity(len.min(8 << 20));
            out.extend_from_slice(head);
            let mut part = 0;
            while out.len() < len {
                part += 1;
                match db.get(key.part(part))? {
                    Some(value) if !value.is_empty() => out.extend_from_slice(&value),
                    _ => return Ok(None),
                }
            }
            Ok((out.len() == len).then_some(out))
        })
    }

    /// The first seq of the last pack that begins at or before `seq`.
    pub(super) fn pack_seq_at_or_before(&self, seq: Seq) -> Result<Option<Seq>> {
        self.call(|db| {
            let end = Key::Pack(seq).part(u32::MAX);
            let found = db.range(Key::Pack(Seq::FIRST).part(0)..=end).next_back().transpose()?;
            Ok(found.and_then(|(key, _)| {
                key.get(1..9).and_then(|seq| seq.try_into().ok()).map(Seq::from_be_bytes)
            }))
        })
    }

    /// Gives every pack and block.
    pub(super) fn each(&self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let keys = self.call(|db| db.iter().keys().collect::<sled::Result<Vec<_>>>())?;
        for key in keys.iter().filter_map(|key| Key::of_first_part(key)) {
            self.get(key)?.iter().for_each(|bytes| each(bytes));
        }
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "the engine's lock gives no news when it is free")]
fn pause() {
    std::thread::sleep(OPEN_PAUSE);
}

/// sled says in words only that another process or thread has the volume open.
fn is_held(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Io { source, .. } if source.to_string().contains("could not acquire lock"))
}

fn open_engine(dir: &Path) -> Result<sled::Db> {
    spare_threads(dir)?;
    let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES);
    beside(dir, OPEN_TIMEOUT, move || config.flush_every_ms(None).open())
}

/// Runs an engine call beside this thread, and does not wait for ever: the engine queues work for threads of its own,
/// and where the system starts none, that work is never done.
fn beside<T: Send + 'static>(
    dir: &Path,
    limit: Duration,
    call: impl FnOnce() -> sled::Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, done) = sync_channel(1);
    let path = dir.to_path_buf();
    start_thread(dir, move || drop(sender.send(guarded(&path, call))))?;
    done.recv_timeout(limit).unwrap_or_else(|_| {
        let source = std::io::Error::new(
            std::io::ErrorKind::WouldBlock,
            "it does not answer; can the system start more threads?",
        );
        Err(LedgerError::io("log engine", dir)(source))
    })
}

/// Says at once that the system has no threads to give, where the engine would wait.
fn spare_threads(dir: &Path) -> Result<()> {
    let (hold, held) = sync_channel::<()>(0);
    let held = Arc::new(Mutex::new(held));
    let wait = |_| {
        let held = Arc::clone(&held);
        start_thread(dir, move || drop(held.lock().map(|held| held.recv().is_ok())))
    };
    let spare: Result<Vec<_>> = (0..SPARE_THREADS).map(wait).collect();
    drop(hold);
    spare?.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

/// Runs an engine call; its error or panic becomes ours, naming the volume.
fn guarded<T>(dir: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T> {
    let engine = |detail: String| LedgerError::Engine { path: dir.to_path_buf(), detail };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => {
            Err(LedgerError::Io { action: "log engine", path: dir.to_path_buf(), source })
        }
        Ok(Err(error)) => Err(engine(error.to_string())),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(engine(format!("panic: {text}")))
        }
    }
}

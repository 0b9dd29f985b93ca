//! Any content a source may have, and a home in which it lies, moves and changes.

use super::ledger::{THREAD, append, contents, findings, rollout_in, rollout_of};
use super::random::Random;
use super::world::{Counted, SetClock};
use crate::support::disk::Quick;
use codex_ledger_append::{AppendReport, Request};
use codex_ledger_ledger::{BLOCK_BYTES, World};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// The same cases in every run.
pub fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        rng_seed: RngSeed::Fixed(0x0063_6f64_6578),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

/// Lines of every kind: empty, CRLF, NUL, not UTF-8, around the size that is stored in blocks.
pub fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => Just(Vec::new()),
        8 => proptest::collection::vec(any::<u8>(), 0..60),
        4 => "\\{\"type\":\"[a-zçé]{0,20}\"\\}\r?".prop_map(String::into_bytes),
        2 => Just(b"\0\0\r".to_vec()),
        2 => Just(b"\xff\xfe{\"half\":".to_vec()),
        1 => (0..4usize, any::<u64>()).prop_map(|(more, seed)| {
            Random(seed).noise(BLOCK_BYTES - 1 + more)
        }),
    ];
    (proptest::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, ends)| {
        let mut bytes = lines.join(&b'\n');
        if ends {
            bytes.push(b'\n');
        }
        bytes
    })
}

/// A home with one rollout, and the ledger it goes to.
pub struct Bench {
    dir: tempfile::TempDir,
    clock: Arc<SetClock>,
    written: std::cell::Cell<u64>,
}

/// Before the time of every file here, so that torn last lines stay pending.
pub const SOON: u64 = 0;
/// So late that every file has been still for long.
pub const LATE: u64 = u64::MAX;

impl Bench {
    pub fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        Bench { dir, clock: SetClock::at(SOON), written: std::cell::Cell::new(0) }
    }

    pub fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn rollout(&self) -> PathBuf {
        rollout_in(&self.home())
    }

    pub fn archived(&self) -> PathBuf {
        rollout_of(&self.home().join("archived_sessions"), THREAD)
    }

    pub fn compressed(&self) -> PathBuf {
        self.rollout().with_extension("jsonl.zst")
    }

    /// Each write has a time of its own, as two writes by a person have.
    pub fn write(&self, path: &Path, bytes: &[u8]) {
        self.written.set(self.written.get() + 1);
        fs::write(path, bytes).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000 + self.written.get());
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    /// Appends the home; the counts add up.
    pub fn append(&self, now: u64) -> AppendReport {
        self.clock.set(now);
        let report = append(&self.ledger(), &self.home(), self.world()).unwrap();
        let bytes = &report.bytes;
        let sum = bytes.appended + bytes.already + bytes.pending + bytes.skipped;
        assert_eq!(bytes.seen, sum, "{bytes:?}");
        report
    }

    pub fn world(&self) -> World {
        World {
            clock: Arc::clone(&self.clock) as _,
            entropy: Counted::from(self.written.get() << 32),
            disk: Arc::new(Quick),
        }
    }

    pub fn request(&self, limit: usize) -> Request {
        Request {
            roots: vec![self.home()],
            actor: "test".into(),
            limit: Some(limit),
            ..Request::default()
        }
    }

    /// The generations of the rollout.
    pub fn generations(&self) -> Vec<Vec<u8>> {
        assert_eq!(findings(&self.ledger()), []);
        let mut streams = contents(&self.ledger()).streams;
        streams.remove(&format!("rollout/{THREAD}")).unwrap_or_default()
    }

    pub fn size(&self) -> usize {
        contents(&self.ledger()).ids.len()
    }
}

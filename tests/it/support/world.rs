//! Clocks and randomness that give the same in every run.

use super::disk::Quick;
use codex_ledger_ledger::{Clock, Disk, Entropy, Holder, World};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Long before the time of any file that a test makes, so that torn last lines stay pending.
pub const EARLY: u64 = 1_000_000_000;

/// Stands still until it is set.
pub struct SetClock(AtomicU64);

impl SetClock {
    pub fn at(now: u64) -> Arc<SetClock> {
        Arc::new(SetClock(AtomicU64::new(now)))
    }

    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Other bytes at every call, the same in every run.
pub struct Counted(AtomicU64);

impl Counted {
    pub fn from(seed: u64) -> Arc<Counted> {
        Arc::new(Counted(AtomicU64::new(seed)))
    }
}

impl Entropy for Counted {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        blake3::Hasher::new_derive_key("tests: counted").update(&count).finalize_xof().fill(out);
        Ok(())
    }
}

/// The same bytes at every call, so that it does not matter which worker asks.
pub struct Same;

impl Entropy for Same {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        out.iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8);
        Ok(())
    }
}

/// A world with that disk; ids and salts follow from the seed.
pub fn world_on(disk: Arc<dyn Disk>, seed: u64) -> World {
    World { clock: SetClock::at(EARLY), entropy: Counted::from(seed << 32), disk }
}

/// A world whose disk never waits for the hardware.
pub fn quick(seed: u64) -> World {
    world_on(Arc::new(Quick), seed)
}

pub fn holder() -> Holder {
    Holder { command: "test".into(), pid: 7, since: "1970-01-01".into() }
}

//! The costly half of an append, free of order: salts, commitments, compression.

use super::block::encode_block;
use super::codec::Encoder;
use super::error::{LedgerError, Result};
use super::pack::{PackDraft, PreparedPack, prepare};
use super::world::World;
use codex_ledger_entry::{SALT_BYTES, Salt, Seq};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::{Builder, JoinHandle};

/// Starts a thread, or says that the system has none to give.
pub(super) fn start_thread<T: Send + 'static>(
    dir: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    Builder::new().spawn(work).map_err(LedgerError::io("cannot start a thread for", dir))
}

pub(super) enum Job {
    Pack(PackDraft),
    Block { seq: Seq, index: u32, bytes: Vec<u8> },
}

pub(super) enum Work {
    Pack(PreparedPack),
    Block(Vec<u8>),
}

/// Fresh salts out of one read of the system's randomness.
pub(super) struct Salts(blake3::OutputReader);

impl Salts {
    pub(super) fn new(world: &World, dir: &Path) -> Result<Salts> {
        let mut seed = [0u8; 32];
        world.entropy.fill(&mut seed).map_err(LedgerError::io("no randomness for", dir))?;
        Ok(Salts(blake3::Hasher::new_keyed(&seed).finalize_xof()))
    }

    pub(super) fn next(&mut self) -> Salt {
        let mut salt = [0u8; SALT_BYTES];
        self.0.fill(&mut salt);
        salt
    }
}

pub(super) fn work(
    mut encoder: Encoder,
    mut salts: Salts,
    incoming: &Mutex<Receiver<(u64, Job)>>,
    finished: &SyncSender<(u64, Work)>,
) {
    loop {
        let next = match incoming.lock() {
            Ok(receiver) => receiver.recv(),
            Err(_) => return,
        };
        let Ok((ticket, job)) = next else { return };
        let work = match job {
            Job::Pack(draft) => Work::Pack(prepare(&mut encoder, draft, || salts.next())),
            Job::Block { seq, index, bytes } => {
                Work::Block(encode_block(&mut encoder, seq, index, &bytes))
            }
        };
        if finished.send((ticket, work)).is_err() {
            return;
        }
    }
}

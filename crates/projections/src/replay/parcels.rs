//! What goes from the folding thread through the policy, on all cores, to the writer, in order.

use crate::replay::ReplayError;
use crate::row::{Draft, Write};
use crate::tables::redactions;
use codex_ledger_entry::Seq;
use codex_ledger_redaction::Policy;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

/// Text on its way in one parcel.
const PARCEL_BYTES: usize = 512 << 10;

/// Statements, and after them perhaps the end of a transaction.
pub(crate) struct Parcel {
    drafts: Vec<Draft>,
    end: Option<End>,
}

/// The same, passed by the policy.
pub(crate) struct Passed {
    pub writes: Vec<Write>,
    pub end: Option<End>,
}

/// The end of a transaction.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// The new cursor.
    pub cursor: Seq,
    /// Whether nothing follows.
    pub is_last: bool,
}

/// Sends drafts on, as parcels with running numbers.
pub(crate) struct Shipper<'a> {
    parcels: SyncSender<(u64, Parcel)>,
    next: u64,
    weight: usize,
    /// Drafts that the weight is of.
    counted: usize,
    /// Set when nobody takes parcels any more.
    is_over: &'a AtomicBool,
}

impl<'a> Shipper<'a> {
    pub(crate) fn new(parcels: SyncSender<(u64, Parcel)>, is_over: &'a AtomicBool) -> Shipper<'a> {
        Shipper { parcels, next: 0, weight: 0, counted: 0, is_over }
    }

    /// Sends the drafts once they are worth a parcel.
    pub(crate) fn ship_if_full(&mut self, drafts: &mut Vec<Draft>) -> Result<(), ReplayError> {
        self.weight += drafts.iter().skip(self.counted).map(Draft::weight).sum::<usize>();
        self.counted = drafts.len();
        if self.weight >= PARCEL_BYTES { self.ship(drafts, None) } else { Ok(()) }
    }

    pub(crate) fn ship(
        &mut self,
        drafts: &mut Vec<Draft>,
        end: Option<End>,
    ) -> Result<(), ReplayError> {
        (self.weight, self.counted) = (0, 0);
        if self.is_over.load(Ordering::Relaxed) {
            return Err(ReplayError::Died);
        }
        let parcel = Parcel { drafts: std::mem::take(drafts), end };
        self.next += 1;
        self.parcels.send((self.next - 1, parcel)).map_err(|_| ReplayError::Died)
    }
}

/// Takes parcels until there are no more; several of these share one queue. When nobody wants what was passed
/// any more, `is_over` tells the folding thread so, and what it has sent is thrown away.
pub(crate) fn pass_all(
    policy: &Policy,
    incoming: &Mutex<Receiver<(u64, Parcel)>>,
    passed: &SyncSender<(u64, Passed)>,
    is_over: &AtomicBool,
) {
    loop {
        let next = incoming.lock().map(|incoming| incoming.recv());
        let Ok(Ok((ticket, parcel))) = next else { return };
        if is_over.load(Ordering::Relaxed) {
            continue;
        }
        let Parcel { drafts, end } = parcel;
        let mut writes = Vec::with_capacity(drafts.len());
        let mut hidden = Vec::new();
        for draft in drafts {
            writes.push(Draft::redact(draft, policy, &mut hidden));
            for hidden in hidden.drain(..) {
                let hit = redactions::hit(policy, &hidden);
                writes.push(hit.redact(&Policy::none(), &mut Vec::new()));
            }
        }
        if passed.send((ticket, Passed { writes, end })).is_err() {
            is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// Puts what was passed back into order.
pub(crate) struct InOrder<'a> {
    incoming: &'a Receiver<(u64, Passed)>,
    waiting: BTreeMap<u64, Passed>,
    next: u64,
}

impl<'a> InOrder<'a> {
    pub(crate) fn new(incoming: &'a Receiver<(u64, Passed)>) -> InOrder<'a> {
        InOrder { incoming, waiting: BTreeMap::new(), next: 0 }
    }
}

impl Iterator for InOrder<'_> {
    type Item = Passed;

    fn next(&mut self) -> Option<Passed> {
        loop {
            if let Some(passed) = self.waiting.remove(&self.next) {
                self.next += 1;
                return Some(passed);
            }
            let (ticket, passed) = self.incoming.recv().ok()?;
            self.waiting.insert(ticket, passed);
        }
    }
}

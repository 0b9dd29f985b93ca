//! The stage between folding and writing: the policy passes every text, on all cores, in order.

use crate::replay::{Parcel, Passed};
use crate::row::Draft;
use crate::tables::redactions;
use codex_ledger_redaction::Policy;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

/// Takes parcels until there are no more; several of these share one queue. When nobody wants what was passed
/// any more, `is_over` tells the folding thread so, and what it has sent is thrown away.
pub(crate) fn redact_all(
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
        let Parcel { drafts, commit, done } = parcel;
        let mut writes = Vec::with_capacity(drafts.len());
        let mut hidden = Vec::new();
        for draft in drafts {
            writes.push(Draft::redact(draft, policy, &mut hidden));
            for hidden in hidden.drain(..) {
                let hit = redactions::hit(policy, &hidden);
                writes.push(hit.redact(&Policy::none(), &mut Vec::new()));
            }
        }
        if passed.send((ticket, Passed { writes, commit, done })).is_err() {
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

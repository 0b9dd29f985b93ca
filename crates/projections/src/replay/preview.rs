//! What the policy makes of the texts of streams, with the raw text beside it: for the eyes of a reviewer.

use crate::fold::Options;
use crate::policy::load_policy;
use crate::replay::ReplayError;
use crate::replay::apply::each_line;
use crate::replay::derive::Sink;
use crate::replay::streams::{Known, Stream};
use codex_ledger_db::Connection;
use codex_ledger_entry::StreamName;
use codex_ledger_ledger::LedgerReader;
use codex_ledger_redaction::Seen;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

/// Folds streams as a replay does and tells of every text that is not shown as it is, or that looks as if it
/// should not be. `each` says whether to go on.
///
/// # Errors
/// When entries cannot be read.
pub fn preview(
    reader: &mut LedgerReader,
    (db, path): (&Connection, &Path),
    streams: &[u64],
    each: &mut dyn FnMut(u64, Seen) -> bool,
) -> Result<(), ReplayError> {
    let witness = Arc::new(Mutex::new(Vec::new()));
    let policy = load_policy(reader)?.witnessed_by(Arc::clone(&witness));
    let known = Known::load(db, path, policy.key())?;
    let mut goes_on = true;
    let is_over = AtomicBool::new(false);
    for id in streams {
        let Some(stream) = known.streams.get(id).filter(|stream| !stream.superseded) else {
            continue;
        };
        let state = &stream.state;
        let mut fresh = Stream::new(StreamName::parse(&state.name));
        fresh.state.copy_end = state.copy_end;
        let mut alone = Known::default();
        alone.streams.insert(*id, fresh);
        let (parcels, _nobody) = sync_channel(1);
        let mut sink = Sink::new(&policy, Options::default(), alone, parcels, &is_over);
        let end = state.packs.last().map_or(0, |(_, end)| *end);
        each_line(reader, *id, &state.packs, end..end, &mut Vec::new(), &mut |line| {
            if goes_on {
                sink.line(*id, line);
                let mut hidden = Vec::new();
                for draft in sink.out.drain(..) {
                    draft.redact(&policy, &mut hidden);
                }
                let seen = witness.lock().map(|mut seen| std::mem::take(&mut *seen));
                goes_on = seen.unwrap_or_default().into_iter().all(|seen| each(*id, seen));
            }
            Ok(())
        })?;
    }
    Ok(())
}

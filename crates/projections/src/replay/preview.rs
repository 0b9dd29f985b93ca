//! What the policy makes of the texts of streams, with the raw text beside it: for the eyes of a reviewer.

use crate::policy::load_policy;
use crate::replay::ReplayError;
use crate::replay::derive::{Deriver, Options, derive_files};
use crate::replay::streams::{Stream, Streams};
use crate::row::Hidden;
use codex_ledger_db::Connection;
use codex_ledger_entry::{SeqRange, StreamId};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_redaction::{Policy, SeenText};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Derives the rows of streams as a replay does and tells of every text that is not shown as it is, or that looks
/// as if it should not be. `each` says whether to go on.
///
/// # Errors
/// When entries cannot be read.
pub fn preview(
    reader: &mut LedgerReader,
    (db, path): (&Connection, &Path),
    streams: &[StreamId],
    each: &mut dyn FnMut(StreamId, SeenText) -> bool,
) -> Result<(), ReplayError> {
    let witness = Arc::new(Mutex::new(Vec::new()));
    let policy = load_policy(reader)?.witnessed_by(Arc::clone(&witness));
    let known = Streams::load(db, path, policy.key())?;
    let mut goes_on = true;
    for id in streams {
        let files = known.files(*id).map(Stream::fresh).collect();
        each_passed_line(reader, files, &policy, &mut |_| {
            let seen = witness.lock().map(|mut seen| std::mem::take(&mut *seen));
            goes_on = goes_on && seen.unwrap_or_default().into_iter().all(|seen| each(*id, seen));
            goes_on
        })?;
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Derives the rows of a thread's files, or of one of them, as a replay does, lets the policy pass them, and throws
/// them away. `each` hears what was hidden in each line, and says whether to go on.
pub(crate) fn each_passed_line(
    reader: &mut LedgerReader,
    mut files: Vec<Stream>,
    policy: &Policy,
    each: &mut dyn FnMut(&[Hidden]) -> bool,
) -> Result<(), ReplayError> {
    let mut deriver = Deriver::new(policy, Options::default());
    derive_files(reader, &mut deriver, &mut files, SeqRange::default(), &mut |deriver| {
        let mut hidden = Vec::new();
        for draft in deriver.drafts.drain(..) {
            draft.redact(policy, &mut hidden);
        }
        Ok(if each(&hidden) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
}

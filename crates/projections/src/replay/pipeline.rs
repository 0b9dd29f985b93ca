//! The one loop: entries in, rows out. Rows and cursor are committed together, every 50,000 entries, or all at once
//! where something is hidden.
//!
//! One thread decodes, parses and folds, some let the policy pass every text, one executes the statements. A rebuild is the same loop
//! from entry 0 into empty tables.

use crate::policy::{Decisions, PolicyError};
use crate::replay::apply::Applier;
use crate::replay::changes::Changes;
use crate::replay::derive::{Deriver, Options};
use crate::replay::parcels::{End, InOrder, Parcel, Passed, Shipper, pass_all};
use crate::replay::streams::Streams;
use crate::replay::threads;
use crate::row::{ReadNumbers, Writer, sql_seq};
use crate::tables::token_messages::COUNT_REVIEWS_ONCE;
use codex_ledger_db::{Connection, params};
use codex_ledger_entry::{Kind, Seq, SeqRange, StreamId};
use codex_ledger_ledger::{LedgerError, LedgerReader};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;

/// So many entries are looked at to see whether any of them belongs to a source.
const FEW_ENTRIES: u64 = 10_000;
/// Parcels on their way.
const PARCELS: usize = 6;

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The entries that were applied.
    pub entries: SeqRange,
    /// Streams whose rows show other words since, because what may be shown was decided anew.
    pub decided_anew: BTreeSet<StreamId>,
    /// Whether what may be shown was decided anew.
    pub is_decided_anew: bool,
}

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The entries cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The views cannot be written.
    #[error(transparent)]
    Db(#[from] codex_ledger_db::DbError),
    /// What may be shown cannot be told.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// What a stream's next record needs to know of those before it cannot be read.
    #[error("what is remembered of stream {0} cannot be read")]
    State(StreamId),
    /// The system starts no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// A thread of the replay died.
    #[error("the projections stopped unexpectedly")]
    Died,
}

impl ReplayError {
    /// Whether the rows that are there do not fit the ones to be written, so that only new views help.
    pub(crate) fn is_of_the_rows(&self) -> bool {
        match self {
            ReplayError::State(_) => true,
            ReplayError::Db(error) => error.is_of_the_content(),
            _ => false,
        }
    }
}

/// Brings the views from their cursor to the head that the reader sees, under these decisions.
///
/// # Errors
/// When entries cannot be read or rows not written; the cursor then stays at the last transaction.
pub fn replay(
    reader: &mut LedgerReader,
    db: &mut Connection,
    path: &Path,
    options: Options,
    decisions: &Decisions,
    progress: &mut dyn FnMut(u64),
) -> Result<Applied, ReplayError> {
    // Without a head, an interrupted replay has left something to do at its end.
    let (cursor, is_whole) = db
        .query_row("SELECT cursor, head <> '' AS whole FROM meta", [], |row| {
            Ok((row.seq("cursor")?, row.get::<_, bool>("whole")?))
        })
        .map_err(codex_ledger_db::at(path))?;
    let to = reader.head().end();
    let head = reader.head().chain.id.to_string();
    if cursor >= to {
        return Ok(Applied { entries: SeqRange::new(cursor, cursor), ..Applied::default() });
    }
    let policy = decisions.policy(reader)?;
    let is_decided_anew = decisions.decides_since(cursor)?;
    // What is remembered of thousands of streams is read only where something speaks of one.
    let streams = match is_whole && !is_decided_anew && !speaks_of_streams(reader, cursor)? {
        true => Streams::default(),
        false => Streams::load(db, path, policy.key())?,
    };
    let hides = cursor > Seq::FIRST && is_decided_anew;
    let changes = match hides {
        true => Changes::between(reader, (db, path), &streams, cursor, (decisions, &policy))?,
        false => Changes::default(),
    };
    let (parcels, drafts) = sync_channel::<(u64, Parcel)>(PARCELS);
    let (passed, incoming) = sync_channel::<(u64, Passed)>(PARCELS);
    let drafts = Mutex::new(drafts);
    let is_over = &AtomicBool::new(false);
    let (policy, changes, drafts) = (&policy, &changes, &drafts);
    let written = std::thread::scope(|scope| {
        for nth in 0..threads() {
            let passed = passed.clone();
            let work = move || pass_all(policy, drafts, &passed, is_over);
            // One is enough. They wait for the fold that starts behind them, and end when it cannot start:
            // the other way round it would wait for workers that never come.
            match Builder::new().spawn_scoped(scope, work) {
                Err(error) if nth == 0 => return Err(ReplayError::Thread(error)),
                _ => {}
            }
        }
        drop(passed);
        let folding = move || {
            let deriver = Deriver::new(policy, options);
            let shipper = Shipper::new(parcels, is_over);
            Applier::new(reader, streams, deriver, shipper, decisions).run(cursor, changes, hides)
        };
        let folding = Builder::new().spawn_scoped(scope, folding).map_err(ReplayError::Thread)?;
        let written = write_all(db, path, &incoming, (&head, hides), progress);
        drop(incoming);
        let folded = folding.join().map_err(|_| ReplayError::Died)?;
        match (folded, written) {
            (Err(ReplayError::Died) | Ok(()), written) => written,
            (Err(error), _) => Err(error),
        }
    });
    let decided_anew = changes.streams.union(&changes.gone).copied().collect();
    written.map(|()| Applied { entries: SeqRange::new(cursor, to), decided_anew, is_decided_anew })
}

/// Whether one of the entries from the cursor on belongs to a source, or there are many.
fn speaks_of_streams(reader: &mut LedgerReader, cursor: Seq) -> Result<bool, ReplayError> {
    let end = reader.head().end();
    let mut next = cursor;
    while next < end {
        let Some(pack) = reader.pack_from(next)? else { return Ok(true) };
        let is_of_stream = |kind: Kind| {
            !matches!(kind, Kind::Annotation | Kind::Action | Kind::Access | Kind::Key)
        };
        let mut new = pack.entries.iter().filter(|entry| entry.seq >= next);
        if end.since(cursor) > FEW_ENTRIES || new.any(|entry| is_of_stream(entry.kind)) {
            return Ok(true);
        }
        next = pack.info.end_seq();
    }
    Ok(false)
}

fn write_all(
    db: &mut Connection,
    path: &Path,
    incoming: &Receiver<(u64, Passed)>,
    (head, hides): (&str, bool),
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReplayError> {
    let sql = codex_ledger_db::at(path);
    let run = || -> codex_ledger_db::SqlResult<bool> {
        let mut done = false;
        let mut writer = Writer::default();
        let mut transaction = db.transaction()?;
        for parcel in InOrder::new(incoming) {
            for write in parcel.writes {
                writer.run(&transaction, &write)?;
            }
            let Some(End { cursor, is_last }) = parcel.end else { continue };
            if is_last {
                for sql in COUNT_REVIEWS_ONCE {
                    transaction.execute(sql, [])?;
                }
            }
            // Only at the last one is the head the one that the rows were made from.
            let head = if is_last { head } else { "" };
            transaction.execute(
                "UPDATE meta SET cursor = ?, head = ?, uncleared = max(uncleared, ?)",
                params![sql_seq(cursor), head, hides],
            )?;
            transaction.commit()?;
            progress(cursor.get());
            transaction = db.transaction()?;
            done |= is_last;
        }
        Ok(done)
    };
    let mut run = run;
    match run().map_err(sql)? {
        true => Ok(()),
        false => Err(ReplayError::Died),
    }
}

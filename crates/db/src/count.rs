//! How many statements a thread has run on databases that are only read.

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, Result};
use std::cell::Cell;

thread_local! {
    static STATEMENTS: Cell<u64> = const { Cell::new(0) };
}

/// Statements that this thread has begun to run, on all databases that [`super::open_reader`] has opened for it.
///
/// A list costs the same number of them, however long it is: what is counted can be held to that.
pub fn statements() -> u64 {
    STATEMENTS.get()
}

/// Counts the statements of a database.
pub(super) fn watch(db: &mut Connection) -> Result<()> {
    let count = |_: TraceEvent<'_>| STATEMENTS.set(STATEMENTS.get() + 1);
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count))
}

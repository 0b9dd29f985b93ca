//! Which entries stand behind a session, and of which of them something is hidden.

use super::row::{Counts, sql_stream};
use codex_ledger_db::{Connection, SqlResult};
use codex_ledger_entry::{Seq, StreamId};
use std::collections::BTreeSet;

/// A file of a session's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFile {
    /// Its stream.
    pub stream: StreamId,
    /// Bytes of it in the ledger, line feeds included.
    pub bytes: u64,
}

/// All files of a session's thread, older versions included.
///
/// # Errors
/// As the database.
pub fn session_files(db: &Connection, session: StreamId) -> SqlResult<Vec<SessionFile>> {
    let sql = "SELECT stream, bytes FROM streams
        WHERE holder = (SELECT holder FROM streams WHERE stream = ?1) ORDER BY stream";
    db.prepare(sql)?
        .query_map([sql_stream(session)], |row| {
            Ok(SessionFile { stream: row.stream("stream")?, bytes: row.count("bytes")? })
        })?
        .collect()
}

/// The entries of a session's thread of which something is hidden in a view.
///
/// # Errors
/// As the database.
pub fn entries_with_hidden(db: &Connection, session: StreamId) -> SqlResult<BTreeSet<Seq>> {
    let sql = "SELECT DISTINCT seq FROM redaction_hits WHERE stream IN
        (SELECT stream FROM streams WHERE holder = (SELECT holder FROM streams WHERE stream = ?1))";
    db.prepare(sql)?.query_map([sql_stream(session)], |row| row.seq("seq"))?.collect()
}

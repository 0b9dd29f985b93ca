//! What a request with a key of its own has made.

use super::row::Counts;
use codex_ledger_db::{Connection, Row, SqlResult};
use codex_ledger_entry::{RequestId, Seq};

const MADE: &str = "SELECT seq, content FROM requests WHERE request = ? ORDER BY seq";

/// The entries that a request has made, each with the digest of what was asked.
///
/// # Errors
/// As the database.
pub fn made_by(db: &Connection, request: &RequestId) -> SqlResult<Vec<(Seq, Vec<u8>)>> {
    let read = |row: &Row<'_>| Ok((row.seq("seq")?, row.get("content")?));
    db.prepare_cached(MADE)?.query_map([request.key.as_slice()], read)?.collect()
}

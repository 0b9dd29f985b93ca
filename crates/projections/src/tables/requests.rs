//! `requests`: which entries a request with a key of its own has made.

use crate::row::{At, Draft, RowBuilder};
use codex_ledger_entry::{RequestId, Seq};
use codex_ledger_redaction::Policy;

const TABLE: &str = "requests";
const DROP: &str = "DELETE FROM requests WHERE seq = :seq";

/// The request that an entry names, if it names one.
pub(crate) fn request(policy: &Policy, seq: Seq, body: &[u8], out: &mut Vec<Draft>) {
    let Some(RequestId { key, content }) = RequestId::of(body) else { return };
    let row = RowBuilder::new(policy, TABLE, At::entry(seq), 3).seq("seq", seq);
    out.push(row.bytes("request", key.to_vec()).bytes("content", content.to_vec()).insert());
}

/// An entry that was erased names none.
pub(crate) fn forget(policy: &Policy, seq: Seq, out: &mut Vec<Draft>) {
    out.push(RowBuilder::new(policy, TABLE, At::entry(seq), 1).seq("seq", seq).write(DROP));
}

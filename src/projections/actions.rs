//! `actions`: what was done to the ledger.

use super::row::{RowBuilder, Write};
use crate::entry::Fields;
use crate::redaction::Policy;

const ACTION: &str = "INSERT INTO actions VALUES (?,?,?,?,?)";

/// Something that was done to the ledger.
pub(super) fn action(
    policy: &Policy,
    seq: u64,
    recorded_at: u64,
    body: &[u8],
    out: &mut Vec<Write>,
) {
    let fields = Fields::parse(body).ok();
    let text = |name: &str| fields.as_ref().and_then(|fields| fields.text(name));
    let row = RowBuilder::new(policy, 5)
        .number(seq)
        .number(recorded_at / 1_000_000)
        .text(Some(text("verb").unwrap_or_else(|| "created".into())))
        .text(text("actor"))
        .text(text("detail").or_else(|| text("software")));
    out.push(row.write(ACTION));
}

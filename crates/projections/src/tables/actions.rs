//! `actions`: what was done to the ledger.

use crate::row::{At, Draft, RowBuilder};
use codex_ledger_entry::{Fields, Seq};
use codex_ledger_redaction::Policy;

const DROP: &str = "DELETE FROM actions WHERE seq = :seq";

/// Writes an action again, as the policy shows it now.
pub(crate) fn again(
    policy: &Policy,
    seq: Seq,
    recorded_at: u64,
    body: &[u8],
    out: &mut Vec<Draft>,
) {
    for sql in ["DELETE FROM redaction_hits WHERE stream = :seq AND seq = :seq", DROP] {
        let row = RowBuilder::new(policy, "actions", At::entry(seq), 1);
        out.push(row.seq("seq", seq).write(sql));
    }
    action(policy, seq, recorded_at, body, out);
}

/// Something that was done to the ledger.
pub(crate) fn action(
    policy: &Policy,
    seq: Seq,
    recorded_at: u64,
    body: &[u8],
    out: &mut Vec<Draft>,
) {
    let fields = Fields::parse(body).ok();
    let text = |name: &str| fields.as_ref().and_then(|fields| fields.text(name));
    // Who writes an entry puts the reason behind what was done, too, for readers that know no field of its own.
    let reason = text("reason").filter(|reason| !reason.is_empty());
    let detail = text("detail").or_else(|| text("software")).map(|detail| match &reason {
        Some(reason) => match detail.strip_suffix(&format!(": {reason}")) {
            Some(done) => done.to_string(),
            None => detail,
        },
        None => detail,
    });
    let verb = match (text("verb"), body.is_empty()) {
        (Some(verb), _) => verb,
        (None, true) => "erased".into(),
        (None, false) => "created".into(),
    };
    let row = RowBuilder::new(policy, "actions", At::entry(seq), 7)
        .seq("seq", seq)
        .number("recorded_at_ms", recorded_at / 1_000_000)
        .tag("verb", true, Some(verb))
        .text("actor", text("actor"))
        .text("detail", detail)
        .text("reason", reason)
        .int("of_stream", text("stream").and_then(|stream| stream.parse().ok()));
    out.push(row.insert());
}

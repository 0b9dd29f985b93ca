//! `annotations`: what reviewers say. What holds of it now is a view over these rows.

use crate::row::{At, Draft, RowBuilder};
use codex_ledger_entry::{Act, Annotation, Seq};
use codex_ledger_redaction::Policy;

const TABLE: &str = "annotations";
/// Before all annotations are written again.
pub(crate) const CLEAR: [&str; 2] =
    ["DELETE FROM annotations", "DELETE FROM redaction_hits WHERE field LIKE 'annotations.%'"];

/// Something that a reviewer said.
pub(crate) fn annotation(
    policy: &Policy,
    seq: Seq,
    recorded_at: u64,
    body: &[u8],
    out: &mut Vec<Draft>,
) {
    let Some(said) = Annotation::decode(body) else { return };
    let (value, text, by_rule) = match &said.act {
        Act::Tag { name, by_rule } => (Some(name.clone()), None, *by_rule),
        Act::Untag { name } => (Some(name.clone()), None, false),
        Act::Note { text } => (None, Some(text), false),
        Act::Unnote { of } => (Some(of.to_string()), None, false),
        Act::Disposition { value } => (Some(value.clone()), None, false),
    };
    let number = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok());
    let row = RowBuilder::new(policy, TABLE, At::entry(seq), 11)
        .seq("seq", seq)
        .number("recorded_at_ms", recorded_at / 1_000_000)
        .text("actor", Some(&said.actor))
        .word("act", said.act.name())
        .id("session_id", Some(&said.session))
        .number("prompt", said.prompt)
        .int("prompt_seq", number(said.place.map(|place| place.seq.get())))
        .int("prompt_part", number(said.place.map(|place| place.part)))
        .label("value", value)
        .text("text", text)
        .number("by_rule", u64::from(by_rule));
    out.push(row.insert());
}

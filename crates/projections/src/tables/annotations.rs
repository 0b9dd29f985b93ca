//! `annotations`, `tags`, `notes`, `dispositions`: what reviewers say.

use crate::row::{At, Draft, RowBuilder};
use codex_ledger_entry::{Act, Annotation, Seq};
use codex_ledger_redaction::Policy;

const UNTAG: &str =
    "DELETE FROM tags WHERE session_id = :session_id AND prompt = :prompt AND tag = :tag";
const UNNOTE: &str = "DELETE FROM notes WHERE seq = :seq";
const UNDISPOSE: &str =
    "DELETE FROM dispositions WHERE session_id = :session_id AND prompt = :prompt";
/// Before all annotations are written again.
pub(crate) const CLEAR: [&str; 5] = [
    "DELETE FROM annotations",
    "DELETE FROM tags",
    "DELETE FROM notes",
    "DELETE FROM dispositions",
    "DELETE FROM redaction_hits WHERE substr(field, 1, instr(field, '.') - 1)
        IN ('annotations', 'tags', 'notes', 'dispositions')",
];

/// Something that a reviewer said.
pub(crate) fn annotation(
    policy: &Policy,
    seq: Seq,
    recorded_at: u64,
    body: &[u8],
    out: &mut Vec<Draft>,
) {
    let Some(said) = Annotation::decode(body) else { return };
    let (value, by_rule) = match &said.act {
        Act::Tag { name, by_rule } => (Some(name.clone()), *by_rule),
        Act::Untag { name } => (Some(name.clone()), false),
        Act::Note { text } => (Some(text.clone()), false),
        Act::Unnote { of } => (Some(of.to_string()), false),
        Act::Disposition { value } => (Some(value.clone()), false),
    };
    let row = |table: &'static str| RowBuilder::new(policy, table, At::entry(seq), 8);
    let written = row("annotations")
        .seq("seq", seq)
        .number("recorded_at_ms", recorded_at / 1_000_000)
        .text("actor", Some(&said.actor))
        .word("act", said.act.name())
        .id("session_id", Some(&said.session))
        .number("prompt", said.prompt)
        .label("value", value)
        .number("by_rule", u64::from(by_rule));
    out.push(written.insert());
    out.push(match &said.act {
        Act::Tag { name, .. } => row("tags")
            .id("session_id", Some(&said.session))
            .number("prompt", said.prompt)
            .label("tag", Some(name))
            .seq("seq", seq)
            .replace(),
        Act::Untag { name } => row("tags")
            .id("session_id", Some(&said.session))
            .number("prompt", said.prompt)
            .label("tag", Some(name))
            .write(UNTAG),
        Act::Note { text } => row("notes")
            .seq("seq", seq)
            .id("session_id", Some(&said.session))
            .number("prompt", said.prompt)
            .text("actor", Some(&said.actor))
            .number("recorded_at_ms", recorded_at / 1_000_000)
            .text("text", Some(text))
            .insert(),
        Act::Unnote { of } => row("notes").seq("seq", *of).write(UNNOTE),
        Act::Disposition { value } if value.is_empty() => row("dispositions")
            .id("session_id", Some(&said.session))
            .number("prompt", said.prompt)
            .write(UNDISPOSE),
        Act::Disposition { value } => row("dispositions")
            .id("session_id", Some(&said.session))
            .number("prompt", said.prompt)
            .label("value", Some(value))
            .seq("seq", seq)
            .replace(),
    });
}

//! `streams` and `files`: which sources the ledger has.

use crate::earlier::Said;
use crate::fold::Totals;
use crate::replay::streams::Stream;
use crate::row::{At, Draft, RowBuilder};
use crate::schema::CLEAR_STREAM;
use crate::state::State;
use codex_ledger_entry::{Container, StreamDescriptor, StreamId, StreamName};
use codex_ledger_redaction::Policy;

const RENAME: &str =
    "UPDATE streams SET name = :name, thread = :thread, rollout = :rollout WHERE stream = :stream";
const RENAME_FILE: &str = "UPDATE files SET path = :path WHERE stream = :stream";
const CLEAR_HITS: &str = "DELETE FROM redaction_hits WHERE stream = :stream AND seq = :stream";
const CLEAR_KEPT: &str = "DELETE FROM kept_rows WHERE stream = :stream";
const REMOVE: [&str; 3] = [
    "DELETE FROM streams WHERE stream = :stream",
    "DELETE FROM files WHERE stream = :stream",
    "DELETE FROM fold_states WHERE stream = :stream",
];
const RESET: &str =
    "UPDATE streams SET superseded = :superseded, lines = 0, bytes = 0, blank = 0, malformed = 0, unknown = 0, torn = 0,
    first_at_ms = NULL, last_at_ms = NULL, holder = :holder, rank = :rank WHERE stream = :stream";
const ADD: &str = "UPDATE streams SET lines = lines + :lines, bytes = bytes + :bytes, blank = blank + :blank,
    malformed = malformed + :malformed, unknown = unknown + :unknown, torn = :torn,
    first_at_ms = coalesce(first_at_ms, :first_at_ms),
    last_at_ms = max(coalesce(last_at_ms, :last_at_ms), coalesce(:last_at_ms, last_at_ms)) WHERE stream = :stream";

pub(crate) fn open(
    policy: &Policy,
    stream: StreamId,
    descriptor: &StreamDescriptor,
    out: &mut Vec<Draft>,
) {
    let (thread, rollout) = parts(&descriptor.name);
    let row = RowBuilder::new(policy, "streams", At::entry(stream.opener()), 17)
        .stream(stream)
        .id("name", Some(descriptor.name.to_string()))
        .word("kind", descriptor.name.kind())
        .id("thread", thread)
        .id("rollout", rollout)
        .number("generation", u64::from(descriptor.generation))
        .number("superseded", 0)
        .number("lines", 0)
        .number("bytes", 0)
        .number("blank", 0)
        .number("malformed", 0)
        .number("unknown", 0)
        .number("torn", 0)
        .int("first_at_ms", None)
        .int("last_at_ms", None)
        .number("holder", stream.get())
        .number("rank", 0);
    out.push(row.insert());
    let row = RowBuilder::new(policy, "files", At::entry(stream.opener()), 3)
        .stream(stream)
        .text("path", Some(String::from_utf8_lossy(&descriptor.path)))
        .tag(
            "container",
            Container::named(&descriptor.container).is_some(),
            Some(&descriptor.container),
        );
    out.push(row.insert());
}

/// Removes all rows that a stream's records gave rise to, and all that was said to be hidden in them.
pub(crate) fn clear(policy: &Policy, stream: StreamId, state: &State, out: &mut Vec<Draft>) {
    let at = At::entry(stream.opener());
    let row = || RowBuilder::new(policy, "streams", at, 1).stream(stream);
    out.extend(CLEAR_STREAM.map(|sql| row().write(sql)));
    rename(policy, stream, state, out);
}

/// Removes all that is known of a stream.
pub(crate) fn remove(policy: &Policy, stream: StreamId, out: &mut Vec<Draft>) {
    let at = At::entry(stream.opener());
    let row = || RowBuilder::new(policy, "streams", at, 1).stream(stream);
    out.extend(CLEAR_STREAM.map(|sql| row().write(sql)));
    out.extend(REMOVE.map(|sql| row().write(sql)));
}

/// Writes a stream's name and path again, as the policy shows them now.
pub(crate) fn rename(policy: &Policy, stream: StreamId, state: &State, out: &mut Vec<Draft>) {
    let at = At::entry(stream.opener());
    out.push(RowBuilder::new(policy, "streams", at, 1).stream(stream).write(CLEAR_HITS));
    let name = StreamName::parse(&state.name);
    let (thread, rollout) = parts(&name);
    let row = RowBuilder::new(policy, "streams", at, 4)
        .stream(stream)
        .id("name", Some(&state.name))
        .id("thread", thread)
        .id("rollout", rollout);
    out.push(row.write(RENAME));
    let row = RowBuilder::new(policy, "files", at, 2)
        .stream(stream)
        .text("path", Some(String::from_utf8_lossy(&state.path)));
    out.push(row.write(RENAME_FILE));
}

/// Writes which rows only superseded files of a thread tell.
pub(crate) fn kept<'s>(
    policy: &Policy,
    stream: StreamId,
    rows: impl Iterator<Item = &'s Said>,
    out: &mut Vec<Draft>,
) {
    let at = At::entry(stream.opener());
    let row = || RowBuilder::new(policy, "kept_rows", at, 5).stream(stream);
    out.push(row().write(CLEAR_KEPT));
    for said in rows {
        let row = row().number("line", said.row.line).number("part", said.row.part);
        out.push(row.number("item", said.row.item).word("tbl", said.table()).insert());
    }
}

fn parts(name: &StreamName) -> (Option<&String>, Option<&String>) {
    match name {
        StreamName::Rollout { thread, rollout } => (Some(thread), rollout.as_ref()),
        _ => (None, None),
    }
}

/// Sets a stream's counts back before it is derived anew.
pub(crate) fn reset(policy: &Policy, stream: &Stream, out: &mut Vec<Draft>) {
    let id = stream.id;
    out.push(
        RowBuilder::new(policy, "streams", At::entry(id.opener()), 4)
            .stream(id)
            .number("superseded", u64::from(stream.superseded))
            .number("holder", stream.holder.get())
            .number("rank", stream.rank)
            .write(RESET),
    );
}

/// Adds what has been read of a stream since the last time.
pub(crate) fn add(
    policy: &Policy,
    stream: StreamId,
    totals: &Totals,
    torn: bool,
    out: &mut Vec<Draft>,
) {
    let row = RowBuilder::new(policy, "streams", At::entry(stream.opener()), 9)
        .stream(stream)
        .number("lines", totals.lines)
        .number("bytes", totals.bytes)
        .number("blank", totals.blank)
        .number("malformed", totals.malformed)
        .number("unknown", totals.unknown)
        .number("torn", u64::from(torn))
        .int("first_at_ms", totals.first_at_ms)
        .int("last_at_ms", totals.last_at_ms);
    out.push(row.write(ADD));
}

//! `streams` and `files`: which sources the ledger has.

use super::fold::Totals;
use super::row::{At, Draft, RowBuilder};
use super::schema::CLEAR_STREAM;
use super::state::State;
use codex_ledger_entry::{StreamDescriptor, StreamName};
use codex_ledger_redaction::Policy;

const INSERT: &str = "INSERT INTO streams VALUES (?,?,?,?,?,?,0,0,0,0,0,0,0,NULL,NULL)";
const INSERT_FILE: &str = "INSERT INTO files VALUES (?,?,?)";
const RENAME: &str = "UPDATE streams SET name = ?2, thread = ?3, rollout = ?4 WHERE stream = ?1";
const RENAME_FILE: &str = "UPDATE files SET path = ?2 WHERE stream = ?1";
const CLEAR_HITS: &str = "DELETE FROM redaction_hits WHERE stream = ?1 AND seq = ?1";
const SUPERSEDE: &str = "UPDATE streams SET superseded = 1 WHERE stream = ?";
const RESET: &str =
    "UPDATE streams SET lines = 0, bytes = 0, blank = 0, malformed = 0, unknown = 0, torn = 0,
    first_at_ms = NULL, last_at_ms = NULL WHERE stream = ?";
const ADD: &str = "UPDATE streams SET lines = lines + ?2, bytes = bytes + ?3, blank = blank + ?4,
    malformed = malformed + ?5, unknown = unknown + ?6, torn = ?7, first_at_ms = coalesce(first_at_ms, ?8),
    last_at_ms = max(coalesce(last_at_ms, ?9), coalesce(?9, last_at_ms)) WHERE stream = ?1";

pub(super) fn open(
    policy: &Policy,
    stream: u64,
    descriptor: &StreamDescriptor,
    out: &mut Vec<Draft>,
) {
    let (thread, rollout) = parts(&descriptor.name);
    let row = RowBuilder::new(policy, "streams", At::entry(stream, stream), 6)
        .number(stream)
        .id("name", Some(descriptor.name.to_string()))
        .word(descriptor.name.kind())
        .id("thread", thread)
        .id("rollout", rollout)
        .number(u64::from(descriptor.generation));
    out.push(row.write(INSERT));
    let row = RowBuilder::new(policy, "files", At::entry(stream, stream), 3)
        .number(stream)
        .text("path", Some(String::from_utf8_lossy(&descriptor.path)))
        .label("container", Some(&descriptor.container));
    out.push(row.write(INSERT_FILE));
}

/// A newer generation of the same source has opened: the views speak of it alone.
pub(super) fn supersede(policy: &Policy, stream: u64, state: &State, out: &mut Vec<Draft>) {
    out.push(
        RowBuilder::new(policy, "streams", At::entry(stream, stream), 1)
            .number(stream)
            .write(SUPERSEDE),
    );
    clear(policy, stream, state, out);
}

/// Removes all rows that a stream's records gave rise to, and all that was said to be hidden in them.
pub(super) fn clear(policy: &Policy, stream: u64, state: &State, out: &mut Vec<Draft>) {
    let at = At::entry(stream, stream);
    let row = || RowBuilder::new(policy, "streams", at, 1).number(stream);
    out.extend(CLEAR_STREAM.map(|sql| row().write(sql)));
    rename(policy, stream, state, out);
}

/// Writes a stream's name and path again, as the policy shows them now.
pub(super) fn rename(policy: &Policy, stream: u64, state: &State, out: &mut Vec<Draft>) {
    let at = At::entry(stream, stream);
    out.push(RowBuilder::new(policy, "streams", at, 1).number(stream).write(CLEAR_HITS));
    let name = StreamName::parse(&state.name);
    let (thread, rollout) = parts(&name);
    let row = RowBuilder::new(policy, "streams", at, 4)
        .number(stream)
        .id("name", Some(&state.name))
        .id("thread", thread)
        .id("rollout", rollout);
    out.push(row.write(RENAME));
    let row = RowBuilder::new(policy, "files", at, 2)
        .number(stream)
        .text("path", Some(String::from_utf8_lossy(&state.path)));
    out.push(row.write(RENAME_FILE));
}

fn parts(name: &StreamName) -> (Option<&String>, Option<&String>) {
    match name {
        StreamName::Rollout { thread, rollout } => (Some(thread), rollout.as_ref()),
        _ => (None, None),
    }
}

/// Sets a stream's counts back before it is derived anew.
pub(super) fn reset(policy: &Policy, stream: u64, out: &mut Vec<Draft>) {
    out.push(
        RowBuilder::new(policy, "streams", At::entry(stream, stream), 1)
            .number(stream)
            .write(RESET),
    );
}

/// Adds what has been read of a stream since the last time.
pub(super) fn add(policy: &Policy, stream: u64, totals: &Totals, torn: bool, out: &mut Vec<Draft>) {
    let row = RowBuilder::new(policy, "streams", At::entry(stream, stream), 9)
        .number(stream)
        .number(totals.lines)
        .number(totals.bytes)
        .number(totals.blank)
        .number(totals.malformed)
        .number(totals.unknown)
        .number(u64::from(torn))
        .int(totals.first_at_ms)
        .int(totals.last_at_ms);
    out.push(row.write(ADD));
}

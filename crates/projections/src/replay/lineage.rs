//! Which records of a file are its own, and which are a copy of its parent's.
//!
//! A forked or spawned thread begins with its own header, then the parent's header, then a copy of the
//! parent's records, stamped anew in one burst. The copy ends before the first turn that was created after
//! the thread itself: turn ids carry their time (UUID version 7). Clients before 0.101 wrote no turn ids;
//! there the copy is the burst, which ends at the first pause of more than a second.
//!
//! All this is inferred. Where the ledger has the parent, its turns and records tell (`copies.rs`).

use crate::fold::Fold;
use crate::state::Region;
use codex_ledger_rollout::Record;
use codex_ledger_rollout::event::{Event, SessionMeta};

/// A pause that a burst of copied records never has.
const PAUSE_MS: i64 = 1_000;

/// Whether the record is a copy of a parent's; moves the region on.
pub(crate) fn is_copy(fold: &mut Fold<'_>, record: &Record<'_>) -> bool {
    let born_ms = fold.state.born_ms.unwrap_or(i64::MIN);
    let turn = record.event.begun_turn();
    let created = turn.and_then(created_ms);
    let is_own_turn = created.is_some_and(|created| created >= born_ms);
    fold.state.has_own_turn |= is_own_turn;
    match fold.state.region {
        Region::Past => false,
        Region::Own => begins(fold, record, created.is_some_and(|created| created < born_ms)),
        _ if is_own_turn && fold.state.copy_end.is_none() => ends(fold),
        Region::Copy { .. } if fold.state.copy_end.is_some() => {
            match fold.state.copy_end.is_some_and(|end| fold.line_in_file() >= end) {
                true => ends(fold),
                false => true,
            }
        }
        Region::Copy { last_ms, turn_ids } => {
            let at_ms = record.timestamp_ms.unwrap_or_default();
            let start = fold.state.history_start.zip(record.ordinal);
            if let Some((start, ordinal)) = start {
                return ordinal < start || ends(fold);
            }
            let paused = !turn_ids && turn.is_none() && at_ms.saturating_sub(last_ms) > PAUSE_MS;
            if paused && at_ms >= born_ms && !fold.state.has_turn_ids {
                return ends(fold);
            }
            let last_ms = if at_ms > 0 { at_ms } else { last_ms };
            let turn_ids = turn_ids || created.is_some();
            fold.state.region = Region::Copy { last_ms, turn_ids };
            true
        }
    }
}

/// A copy begins with the parent's header; where a migration has dropped that, with a turn older than the thread.
fn begins(fold: &mut Fold<'_>, record: &Record<'_>, is_older_turn: bool) -> bool {
    // Copied history stands at the beginning; a foreign header in the middle is something else.
    let is_told = fold.state.copy_end.is_some_and(|end| fold.line_in_file() < end);
    if fold.state.prompts > 0 || !fold.state.totals.is_empty() {
        return false;
    }
    let parent = match &record.event {
        Event::SessionMeta(meta) if is_foreign(fold, meta) => meta.id.as_deref(),
        Event::SessionMeta(_) => None,
        _ if is_older_turn || is_told => fold.state.parent.as_deref(),
        _ => None,
    };
    let Some(parent) = parent.map(str::to_string) else { return false };
    fold.state.copy_of = Some((parent, fold.line_in_file()));
    crate::tables::sessions::copies(fold);
    let last_ms = record.timestamp_ms.unwrap_or_default();
    fold.state.region = Region::Copy { last_ms, turn_ids: is_older_turn };
    true
}

/// The record is the first one behind the copy.
fn ends(fold: &mut Fold<'_>) -> bool {
    fold.state.region = Region::Past;
    false
}

fn is_foreign(fold: &Fold<'_>, meta: &SessionMeta<'_>) -> bool {
    match (&fold.state.session_id, meta.id.as_deref()) {
        (Some(own), Some(id)) => own != id,
        _ => false,
    }
}

/// Milliseconds since 1970 out of a UUID of version 7.
pub(crate) fn created_ms(id: &str) -> Option<i64> {
    let bytes = id.as_bytes();
    if bytes.len() != 36 || bytes.get(14) != Some(&b'7') {
        return None;
    }
    let time = format!("{}{}", id.get(..8)?, id.get(9..13)?);
    i64::from_str_radix(&time, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_time() {
        assert_eq!(created_ms("019c0000-0000-7000-8000-000000000001"), Some(0x019c_0000_0000));
        assert_eq!(created_ms("f3973202-99c5-486e-a1d3-7039507c0321"), None);
        assert_eq!(created_ms("t1"), None);
    }
}

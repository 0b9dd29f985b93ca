//! Which records of a file are its own, and which are a copy of its parent's.
//!
//! A forked or spawned thread begins with its own header, then the parent's header, then a copy of the
//! parent's records, stamped anew in one burst. The copy ends before the first turn that was created after
//! the thread itself: turn ids carry their time (UUID version 7). Clients before 0.101 wrote no turn ids;
//! there the copy is the burst, which ends at the first pause of more than a second.
//!
//! All this is inferred. Where the ledger has the parent, the records themselves tell: the copy goes as far as
//! they are the parent's, in order (`settle.rs`).

use crate::fold::Fold;
use crate::state::Region;
use codex_ledger_rollout::Record;
use codex_ledger_rollout::event::{Event, SessionMeta};

/// A pause that a burst of copied records never has.
const PAUSE_MS: i64 = 1_000;

/// Whether the record is a copy of a parent's; moves the region on.
pub(crate) fn is_copy(fold: &mut Fold<'_>, record: &Record<'_>) -> bool {
    if let (Some(start), Some(ordinal)) = (fold.state.history_start, record.ordinal)
        && ordinal < start
        && !matches!(record.event, Event::SessionMeta(_))
    {
        return true;
    }
    let at_ms = record.timestamp_ms.unwrap_or_default();
    match fold.state.region {
        Region::Past => false,
        Region::Own => {
            let begins = match &record.event {
                Event::SessionMeta(meta) => is_foreign(fold, meta),
                _ => false,
            };
            // Copied history stands at the beginning; a foreign header in the middle is something else.
            if begins && fold.state.prompts == 0 && fold.state.totals.is_empty() {
                if let Event::SessionMeta(meta) = &record.event {
                    let parent = meta.id.as_deref().unwrap_or_default().to_string();
                    fold.state.copy_of = Some((parent, fold.at.line));
                }
                crate::tables::sessions::copies(fold);
                fold.state.region = Region::Copy { last_ms: at_ms, turn_ids: false };
                return true;
            }
            false
        }
        Region::Copy { .. } if fold.state.copy_end.is_some() => {
            let is_past = fold.state.copy_end.is_some_and(|end| fold.at.line >= end);
            if is_past {
                fold.state.region = Region::Past;
            }
            !is_past
        }
        Region::Copy { last_ms, turn_ids } => {
            let born_ms = fold.state.born_ms.unwrap_or(i64::MIN);
            let turn = turn_id(&record.event);
            let created = turn.and_then(created_ms);
            let is_new_turn = created.is_some_and(|created| created >= born_ms);
            let paused = !turn_ids && turn.is_none() && at_ms.saturating_sub(last_ms) > PAUSE_MS;
            let burst_ends = paused && at_ms >= born_ms && !fold.state.has_turn_ids;
            if is_new_turn || burst_ends {
                fold.state.region = Region::Past;
                return false;
            }
            let last_ms = if at_ms > 0 { at_ms } else { last_ms };
            let turn_ids = turn_ids || created.is_some();
            fold.state.region = Region::Copy { last_ms, turn_ids };
            true
        }
    }
}

fn is_foreign(fold: &Fold<'_>, meta: &SessionMeta<'_>) -> bool {
    match (&fold.state.session_id, meta.id.as_deref()) {
        (Some(own), Some(id)) => own != id,
        _ => false,
    }
}

fn turn_id<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match event {
        Event::TaskStarted(start) => start.turn_id.as_deref(),
        Event::TurnContext(context) => context.turn_id.as_deref(),
        _ => None,
    }
}

/// Milliseconds since 1970 out of a UUID of version 7.
fn created_ms(id: &str) -> Option<i64> {
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

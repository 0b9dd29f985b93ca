//! `turn_context_messages`: settings in force; a run of equal ones is one row.

use super::fold::Fold;
use super::sessions;
use super::state::hash;
use crate::rollout::event::{ThreadSettings, TurnContext};

const INSERT: &str =
    "INSERT INTO turn_context_messages VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,1,?2)";
const REPEAT: &str = "UPDATE turn_context_messages SET repeats = repeats + 1, last_line = ?4
    WHERE stream = ?1 AND line = ?2 AND part = ?3";

pub(super) fn context(fold: &mut Fold<'_>, context: &TurnContext<'_>) {
    sessions::model(fold, context.model.as_deref());
    if let Some(turn) = context.turn_id.as_deref() {
        fold.state.turn_id = Some(turn.to_string());
    }
    let key = hash(context.payload);
    if repeats(fold, key) {
        return;
    }
    let row = fold
        .row_at(0, 18)
        .text(context.turn_id.as_deref())
        .word("turn_context")
        .text(context.model.as_deref())
        .text(context.effort.as_deref())
        .text(context.summary.as_deref())
        .text(context.cwd.as_deref())
        .text(context.approval_policy.as_deref())
        .text(context.sandbox_policy.as_deref())
        .int(context.network_access.map(i64::from))
        .text(context.personality.as_deref())
        .text(context.collaboration_mode.as_deref())
        .word_or_null(None)
        .text(context.timezone.as_deref());
    fold.push(row.write(INSERT));
}

pub(super) fn settings(fold: &mut Fold<'_>, settings: &ThreadSettings<'_>) {
    sessions::model(fold, settings.model.as_deref());
    fold.state.tier = settings.service_tier.as_deref().map(str::to_string);
    let key = hash(settings.payload);
    if repeats(fold, key) {
        return;
    }
    let turn = fold.turn(None);
    let row = fold
        .row_at(0, 18)
        .text(turn)
        .word("thread_settings")
        .text(settings.model.as_deref())
        .text(settings.effort.as_deref())
        .text(settings.summary.as_deref())
        .text(settings.cwd.as_deref())
        .text(settings.approval_policy.as_deref())
        .text(settings.permission_profile.as_deref())
        .int(None)
        .text(settings.personality.as_deref())
        .text(settings.collaboration_mode.as_deref())
        .text(settings.service_tier.as_deref())
        .word_or_null(None);
    fold.push(row.write(INSERT));
}

/// Counts the record on the last row when it says the same; else remembers it as the last.
fn repeats(fold: &mut Fold<'_>, key: u64) -> bool {
    let at = fold.at.sub(0);
    match fold.state.context {
        Some((known, line, part)) if known == key => {
            let row = fold.row(4).number(at.stream).number(line).number(part).number(at.line);
            fold.push(row.write(REPEAT));
            true
        }
        _ => {
            fold.state.context = Some((key, at.line, at.part));
            false
        }
    }
}

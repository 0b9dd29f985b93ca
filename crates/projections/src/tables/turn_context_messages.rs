//! `turn_context_messages`: settings in force; a run of equal ones is one row.

use crate::fold::{Fold, brief};
use crate::state::hash;
use crate::tables::sessions;
use codex_ledger_rollout::event::{ThreadSettings, TurnContext};

const TABLE: &str = "turn_context_messages";
const REPEAT: &str =
    "UPDATE turn_context_messages SET repeats = repeats + 1, last_line = :last_line
    WHERE stream = :stream AND line = :line AND part = :part";

pub(crate) fn context(fold: &mut Fold<'_>, context: &TurnContext<'_>) {
    sessions::model(fold, context.model.as_deref());
    if let Some(turn) = brief(context.turn_id.as_deref()) {
        fold.state.turn_id = Some(turn.to_string());
    }
    let key = hash(context.payload);
    if repeats(fold, key) {
        return;
    }
    let row = fold
        .row_at(TABLE, 0, 19)
        .id("turn_id", context.turn_id.as_deref())
        .word("origin", "turn_context")
        .label("model", context.model.as_deref())
        .label("effort", context.effort.as_deref())
        .label("summary", context.summary.as_deref())
        .text("cwd", context.cwd.as_deref())
        .label("approval_policy", context.approval_policy.as_deref())
        .label("sandbox_policy", context.sandbox_policy.as_deref())
        .int("network_access", context.network_access.map(i64::from))
        .label("personality", context.personality.as_deref())
        .label("collaboration_mode", context.collaboration_mode.as_deref())
        .word_or_null("service_tier", None)
        .label("timezone", context.timezone.as_deref())
        .number("repeats", 1)
        .number("last_line", fold.at.line);
    fold.push(row.insert());
}

/// A turn that runs goes on under the settings that it began with.
pub(crate) fn settings(fold: &mut Fold<'_>, settings: &ThreadSettings<'_>) {
    let owned = |text: Option<&str>| brief(text).map(str::to_string);
    let chosen = (owned(settings.model.as_deref()), owned(settings.service_tier.as_deref()));
    fold.state.chosen = Some(chosen);
    if fold.state.turn_began_ms.is_none() {
        turn_begins(fold);
    }
    let key = hash(settings.payload);
    if repeats(fold, key) {
        return;
    }
    let turn = fold.turn(None);
    let row = fold
        .row_at(TABLE, 0, 19)
        .id("turn_id", turn)
        .word("origin", "thread_settings")
        .label("model", settings.model.as_deref())
        .label("effort", settings.effort.as_deref())
        .label("summary", settings.summary.as_deref())
        .text("cwd", settings.cwd.as_deref())
        .label("approval_policy", settings.approval_policy.as_deref())
        .label("sandbox_policy", settings.permission_profile.as_deref())
        .int("network_access", None)
        .label("personality", settings.personality.as_deref())
        .label("collaboration_mode", settings.collaboration_mode.as_deref())
        .label("service_tier", settings.service_tier.as_deref())
        .word_or_null("timezone", None)
        .number("repeats", 1)
        .number("last_line", fold.at.line);
    fold.push(row.insert());
}

/// What was chosen meanwhile comes into force.
pub(crate) fn turn_begins(fold: &mut Fold<'_>) {
    if let Some((model, tier)) = fold.state.chosen.take() {
        sessions::model(fold, model.as_deref());
        fold.state.tier = tier;
    }
}

/// Counts the record on the last row when it says the same; else remembers it as the last.
fn repeats(fold: &mut Fold<'_>, key: u64) -> bool {
    let at = fold.at;
    match fold.state.context {
        Some((known, line, part)) if known == key => {
            let row = fold
                .row(TABLE, 4)
                .stream(at.stream)
                .number("line", line)
                .number("part", part)
                .number("last_line", at.line);
            fold.push(row.write(REPEAT));
            true
        }
        _ => {
            fold.state.context = Some((key, at.line, at.part));
            false
        }
    }
}

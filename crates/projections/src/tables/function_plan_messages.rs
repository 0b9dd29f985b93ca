//! `function_plan_messages`: the steps of every plan.

use crate::fold::{Fold, brief};
use codex_ledger_rollout::call;
use codex_ledger_rollout::event::ToolCall;

const TABLE: &str = "function_plan_messages";

/// Steps that the explanation of a plan stands beside, and bytes of one that stands beside more than the first.
const REPEATS_MAX: usize = 256;
const REPEATED_MAX_BYTES: usize = 4096;

pub(crate) fn call(fold: &mut Fold<'_>, call: &ToolCall<'_>) {
    if call.name != "update_plan" {
        return;
    }
    let turn = fold.turn(call.turn_id.as_deref());
    let plan = call::plan(&call.arguments);
    // Some plans have their explanation among the steps.
    let (steps, others): (Vec<_>, Vec<_>) =
        plan.steps.iter().partition(|step| !step.step.is_empty());
    let stray = others.iter().find_map(|other| other.explanation.as_deref());
    let whole = plan.explanation.as_deref().or(stray);
    let call_id = brief(call.call_id.as_deref());
    let taken = fold.take(steps.len());
    for (index, step) in steps.into_iter().take(taken).enumerate() {
        let shared = whole
            .filter(|text| index == 0 || index < REPEATS_MAX && text.len() <= REPEATED_MAX_BYTES);
        let explanation = step.explanation.as_deref().or(shared);
        let row = fold
            .row_at(TABLE, index, 11)
            .id("turn_id", turn.as_deref())
            .id("call_id", call_id)
            .word("origin", "call")
            .text("step", Some(&step.step))
            .label("status", Some(&step.status))
            .text("explanation", explanation)
            .number("copied", fold.copy_flag());
        fold.push(row.insert());
    }
}

/// A plan written as text.
pub(crate) fn item(fold: &mut Fold<'_>, text: &str, turn: Option<String>) {
    let row = fold
        .row_at(TABLE, 0, 11)
        .id("turn_id", turn)
        .word_or_null("call_id", None)
        .word("origin", "item")
        .text("step", Some(text))
        .word_or_null("status", None)
        .word_or_null("explanation", None)
        .number("copied", fold.copy_flag());
    fold.push(row.insert());
}

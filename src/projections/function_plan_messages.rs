//! `function_plan_messages`: the steps of every plan.

use super::fold::Fold;
use crate::rollout::call;
use crate::rollout::event::ToolCall;

const TABLE: &str = "function_plan_messages";
const INSERT: &str = "INSERT INTO function_plan_messages VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";

pub(super) fn call(fold: &mut Fold<'_>, call: &ToolCall<'_>) {
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
    for (index, step) in steps.into_iter().enumerate() {
        let explanation = step.explanation.as_deref().or(whole);
        let row = fold
            .row_at(TABLE, index, 11)
            .id("turn_id", turn.as_deref())
            .id("call_id", call.call_id.as_deref())
            .word("call")
            .text("step", Some(&step.step))
            .label("status", Some(&step.status))
            .text("explanation", explanation)
            .number(fold.copy_flag());
        fold.push(row.write(INSERT));
    }
}

/// A plan written as text.
pub(super) fn item(fold: &mut Fold<'_>, text: &str, turn: Option<String>) {
    let row = fold
        .row_at(TABLE, 0, 11)
        .id("turn_id", turn)
        .word_or_null(None)
        .word("item")
        .text("step", Some(text))
        .word_or_null(None)
        .word_or_null(None)
        .number(fold.copy_flag());
    fold.push(row.write(INSERT));
}

//! `agent_reasoning_messages`: each text once, from events or from the items that no event repeats.

use crate::fold::Fold;
use codex_ledger_rollout::event::{AgentReasoning, Reasoning};

const TABLE: &str = "agent_reasoning_messages";

pub(crate) fn event(fold: &mut Fold<'_>, reasoning: &AgentReasoning<'_>) {
    if fold.state.is_repeated_reasoning(&reasoning.text, true) {
        return;
    }
    let turn = fold.turn(None);
    let origin = if reasoning.raw { "raw_event" } else { "event" };
    insert(fold, 0, turn.as_deref(), origin, &reasoning.text, 0);
}

pub(crate) fn item(fold: &mut Fold<'_>, reasoning: &Reasoning<'_>) {
    let turn = fold.turn(reasoning.turn_id.as_deref());
    let mut encrypted = reasoning.encrypted_len as u64;
    let mut index = 0;
    let texts = reasoning.summary.iter().map(|text| (text, "summary"));
    let taken = fold.take(reasoning.summary.len() + reasoning.content.len());
    let texts = texts.chain(reasoning.content.iter().map(|text| (text, "content")));
    for (text, origin) in texts.take(taken) {
        if !fold.state.is_repeated_reasoning(text, false) {
            insert(fold, index, turn.as_deref(), origin, text, std::mem::take(&mut encrypted));
            index += 1;
        }
    }
    if encrypted > 0 {
        insert(fold, index, turn.as_deref(), "encrypted", "", encrypted);
    }
}

fn insert(
    fold: &mut Fold<'_>,
    index: usize,
    turn: Option<&str>,
    origin: &'static str,
    text: &str,
    encrypted: u64,
) {
    let row = fold
        .row_at(TABLE, index, 10)
        .id("turn_id", turn)
        .word("origin", origin)
        .text("text", Some(text))
        .number("encrypted_bytes", encrypted)
        .number("copied", fold.copy_flag());
    fold.push(row.insert());
}

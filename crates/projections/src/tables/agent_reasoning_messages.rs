//! `agent_reasoning_messages`: each text once, from events or from the items that no event repeats.

use crate::fold::Fold;
use crate::state::Said;
use codex_ledger_rollout::event::{AgentReasoning, Reasoning};

const TABLE: &str = "agent_reasoning_messages";

pub(crate) fn event(fold: &mut Fold<'_>, reasoning: &AgentReasoning<'_>) {
    if fold.state.is_repeated_reasoning(&reasoning.text, Said::Event) {
        return;
    }
    let turn = fold.turn(None);
    let origin = if reasoning.raw { "raw_event" } else { "event" };
    insert(fold, 0, turn.as_deref(), origin, &reasoning.text, 0);
}

pub(crate) fn response(fold: &mut Fold<'_>, reasoning: &Reasoning<'_>) {
    let turn = fold.turn(reasoning.turn_id.as_deref());
    texts(fold, reasoning, turn, None);
}

/// An item is said again with more texts while it grows, under the same id, which counts in its turn.
pub(crate) fn item(
    fold: &mut Fold<'_>,
    reasoning: &Reasoning<'_>,
    id: Option<&str>,
    turn: Option<String>,
) {
    let id = format!("{}/{}", turn.as_deref().unwrap_or_default(), id.unwrap_or_default());
    texts(fold, reasoning, turn, Some(&id));
}

fn texts(
    fold: &mut Fold<'_>,
    reasoning: &Reasoning<'_>,
    turn: Option<String>,
    item_id: Option<&str>,
) {
    let said = if item_id.is_some() { Said::Item } else { Said::Response };
    let mut encrypted = reasoning.encrypted_len as u64;
    let mut index = 0;
    let texts = reasoning.summary.iter().map(|text| (text, "summary"));
    let taken = fold.take(reasoning.summary.len() + reasoning.content.len());
    let texts = texts.chain(reasoning.content.iter().map(|text| (text, "content")));
    for (text, origin) in texts.take(taken) {
        if item_id.is_some_and(|id| fold.state.has_said(id, text)) {
            continue;
        }
        if !fold.state.is_repeated_reasoning(text, said) {
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
        .said_by("assistant")
        .id("turn_id", turn)
        .word("origin", origin)
        .text("text", Some(text))
        .number("encrypted_bytes", encrypted)
        .number("copied", fold.copy_flag());
    fold.push(row.insert());
}

//! `messages`: the assistant's words, and context that the client injected.

use crate::fold::{Fold, brief};
use crate::tables::prompts;
use crate::tables::sessions;
use codex_ledger_rollout::event::{Message, Role};
use codex_ledger_rollout::prompt::{self, Injected};

const TABLE: &str = "messages";

pub(crate) fn fold(fold: &mut Fold<'_>, message: &Message<'_>, inherited: bool) {
    let turn = fold.turn(message.turn_id.as_deref());
    let kinds = prompt::classify_parts(&message.role, &message.parts);
    let mut said = Vec::new();
    let mut images = 0;
    let mut index = 0;
    let taken = fold.take(message.parts.len());
    for (part, kind) in message.parts.iter().zip(kinds).take(taken) {
        match (part.text(), kind) {
            (Some(text), Some(kind)) => {
                if kind == Injected::EnvironmentContext {
                    sessions::environment(fold, text);
                }
                if kind != Injected::ImageWrapper {
                    insert(fold, index, message, kind.name(), text, turn.as_deref());
                    index += 1;
                }
            }
            (Some(text), None) => said.push(text),
            (None, _) => images += 1,
        }
    }
    if said.is_empty() && (images == 0 || message.role != Role::User) {
        return;
    }
    let text = said.join("\n");
    match message.role {
        Role::User if inherited => {}
        Role::User => prompts::candidate(fold, &text, turn, images),
        _ => {
            let kind = if message.role == Role::Assistant { "assistant" } else { "other" };
            insert(fold, index, message, kind, &text, turn.as_deref());
        }
    }
}

fn insert(
    fold: &mut Fold<'_>,
    index: usize,
    message: &Message<'_>,
    kind: &'static str,
    text: &str,
    turn: Option<&str>,
) {
    let role = brief(Some(message.role.name())).unwrap_or("other");
    let row = fold
        .row_at(TABLE, index, 11)
        .id("turn_id", turn)
        .tag("role", !matches!(message.role, Role::Other(_)), Some(role))
        .word("kind", kind)
        .label("phase", brief(message.phase.as_deref()))
        .text("text", Some(text))
        .number("copied", fold.copy_flag());
    fold.push(row.insert());
}

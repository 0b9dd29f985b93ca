//! `messages`: the assistant's words, and context that the client injected.

use crate::fold::{Fold, brief};
use crate::row::RowBuilder;
use crate::tables::prompts;
use crate::tables::remarks::{self, Remark};
use crate::tables::sessions;
use codex_ledger_rollout::event::{Message, Part, Role};
use codex_ledger_rollout::prompt::{self, Injected};

const TABLE: &str = "messages";

pub(crate) fn fold(fold: &mut Fold<'_>, message: &Message<'_>, inherited: bool) {
    let turn = fold.turn(message.turn_id.as_deref());
    let kinds = prompt::classify_parts(&message.role, &message.parts);
    // Beside what was typed, a part that is a wrapper as a whole is context of a kind that nobody knows yet.
    let is_typed = |(part, kind): (&Part<'_>, &Option<Injected>)| {
        kind.is_none() && part.text().is_some_and(|text| !prompt::is_wrapped(text))
    };
    let is_mixed = message.role == Role::User && message.parts.iter().zip(&kinds).any(is_typed);
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
                // A person may quote a guardian: then an event says that it is a prompt.
                let may_be_asked = kind == Injected::Guardian;
                if may_be_asked && remarks::is_heard(fold, text) || kind == Injected::ImageWrapper {
                    continue;
                }
                insert(fold, index, message, kind.name(), text, turn.as_deref());
                if may_be_asked {
                    remarks::remember(fold, text, (fold.at.line, fold.at.part, index as u64));
                }
                index += 1;
            }
            (Some(text), None) if is_mixed && prompt::is_wrapped(text) => {
                insert(fold, index, message, "other", text, turn.as_deref());
                index += 1;
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
        Role::User if inherited => {
            // The parent's prompt: it is told, and as a copy.
            fold.copied = true;
            insert(fold, index, message, "other", &text, turn.as_deref());
        }
        Role::User => prompts::candidate(fold, index, &text, turn, images),
        _ => {
            let is_answer = message.role == Role::Assistant;
            if is_answer {
                let told: Vec<bool> =
                    said.iter().map(|text| remarks::is_told_before(fold, text)).collect();
                if told == [true] {
                    return;
                }
            }
            let kind = if is_answer { "assistant" } else { "other" };
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
    let is_known = !matches!(message.role, Role::Other(_));
    let phase = brief(message.phase.as_deref());
    let row = fold.row_at(TABLE, index, 12).tag("role", is_known, Some(role));
    // Rules for what a user has asked are for prompts; context in the user's name is none.
    let row = match message.role {
        Role::Assistant => row.said_by("assistant"),
        Role::Developer => row.said_by("developer"),
        Role::System => row.said_by("system"),
        Role::User | Role::Other(_) => row,
    };
    fold.push(said(row, kind, phase, text, turn).number("copied", fold.copy_flag()).insert());
}

/// A row for something that is no message of the model's conversation.
/// Whether an earlier file of the thread has told it.
pub(crate) fn insert_remark(fold: &mut Fold<'_>, index: usize, remark: &Remark<'_>) -> bool {
    let Remark { role, kind, phase, text, turn } = remark;
    let row = fold.row_at(TABLE, index, 12).word("role", role);
    let row = if *role == "user" { row } else { row.said_by(role) };
    let row = said(row, kind, phase.as_deref(), text, turn.as_deref());
    let row = row.number("copied", fold.copy_flag()).insert();
    let told = fold.told(&row);
    fold.push_unless(told, row);
    told.is_some()
}

fn said<'p>(
    row: RowBuilder<'p>,
    kind: &'static str,
    phase: Option<&str>,
    text: &str,
    turn: Option<&str>,
) -> RowBuilder<'p> {
    row.id("turn_id", turn).word("kind", kind).label("phase", phase).text("text", Some(text))
}

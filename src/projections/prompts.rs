//! `prompts`: events say what was asked; messages do only where no event ever does.

use super::fold::Fold;
use crate::rollout::event::{Part, UserMessage};
use crate::rollout::prompt;

const INSERT: &str = "INSERT INTO prompts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)";
const ROLL_BACK: &str = "UPDATE prompts SET rolled_back = 1 WHERE stream = ? AND number = ?";
const DROP_CANDIDATES: &str = "DELETE FROM prompts WHERE stream = ? AND origin = 'message'";

/// A prompt before it has its number.
struct Prompt<'a> {
    origin: &'static str,
    text: &'a str,
    turn: Option<String>,
    images: usize,
    client_id: Option<&'a str>,
}

pub(super) fn event(fold: &mut Fold<'_>, message: &UserMessage<'_>) {
    // Older clients repeat injected context as events of these kinds.
    if matches!(message.kind.as_deref(), Some("environment_context" | "user_instructions")) {
        return;
    }
    events_decide(fold);
    let turn = fold.turn(None);
    let prompt = Prompt {
        origin: "event",
        text: &message.message,
        turn,
        images: message.images.len() + message.local_images.len(),
        client_id: message.client_id.as_deref(),
    };
    insert(fold, &prompt);
}

/// The prompt of a paginated file.
pub(super) fn item(fold: &mut Fold<'_>, parts: &[Part<'_>], turn: Option<String>) {
    events_decide(fold);
    let texts: Vec<&str> = parts.iter().filter_map(Part::text).collect();
    let text = texts.join("\n");
    let images = parts.len() - texts.len();
    insert(fold, &Prompt { origin: "item", text: &text, turn, images, client_id: None });
}

/// A user message, less its injected parts, in a file that has shown no prompt event yet.
pub(super) fn candidate(fold: &mut Fold<'_>, text: &str, turn: Option<String>, images: usize) {
    if fold.bare {
        fold.state.bare_prompts += 1;
        insert(fold, &Prompt { origin: "bare_message", text, turn, images, client_id: None });
    } else if !fold.state.prompt_events {
        insert(fold, &Prompt { origin: "message", text, turn, images, client_id: None });
    }
}

/// The last turns are no longer part of the conversation; their records stay, and their tokens were billed.
pub(super) fn rolled_back(fold: &mut Fold<'_>, turns: u64) {
    for _ in 0..turns {
        let Some(number) = fold.state.live_prompts.pop() else { return };
        let row = fold.row(2).number(fold.at.stream).number(number);
        fold.push(row.write(ROLL_BACK));
    }
}

fn events_decide(fold: &mut Fold<'_>) {
    if fold.state.prompt_events {
        return;
    }
    fold.state.prompt_events = true;
    let bare = fold.state.bare_prompts;
    fold.state.prompts = bare;
    fold.state.live_prompts.retain(|number| *number <= bare);
    let row = fold.row(1).number(fold.at.stream);
    fold.push(row.write(DROP_CANDIDATES));
}

fn insert(fold: &mut Fold<'_>, prompt: &Prompt<'_>) {
    // Copies and the machine-made prompts of a review are no prompts of this session.
    let review = fold.state.in_review;
    let number = if fold.copied || review { 0 } else { fold.state.prompts + 1 };
    if number > 0 {
        fold.state.prompts = number;
        fold.state.live_prompts.push(number);
    }
    let ide = prompt::split_ide(prompt.text);
    let row = fold
        .row(16)
        .place(fold.at.sub(0))
        .number(number)
        .int(fold.at.at_ms)
        .text(prompt.turn.as_deref())
        .word(prompt.origin)
        .text(Some(prompt.text))
        .text(ide.as_ref().and_then(|ide| ide.request))
        .text(ide.as_ref().and_then(|ide| ide.active_file))
        .text(ide.as_ref().map(|ide| ide.open_tabs.join("\n")).filter(|tabs| !tabs.is_empty()))
        .number(prompt.images as u64)
        .text(prompt.client_id)
        .number(fold.copy_flag())
        .number(u64::from(review));
    fold.push(row.write(INSERT));
}

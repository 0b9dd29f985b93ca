//! `prompts`: events say what was asked; messages do only where no event ever does.

use crate::fold::Fold;
use crate::row::{At, Draft, RowBuilder};
use crate::state::LivePrompt;
use crate::tables::remarks;
use crate::whole::Whole;
use codex_ledger_entry::StreamId;
use codex_ledger_redaction::Policy;
use codex_ledger_rollout::event::{Part, UserMessage};
use codex_ledger_rollout::{prompt, wrapper};

const TABLE: &str = "prompts";
const ROLL_BACK: &str = "UPDATE prompts SET rolled_back = 1 WHERE stream = :stream AND line = :line AND part = :part AND item = :item";
/// Of a thread with several files: by time, so that what is asked later, in whichever file, never changes a number
/// that was shown.
const RENUMBER: &str = "UPDATE prompts SET number = n.number FROM (
        SELECT line, part, item, row_number() OVER (ORDER BY at_ms, line, part, item) AS number FROM prompts
        WHERE stream = :stream AND number > 0) n
    WHERE prompts.stream = :stream AND (prompts.line, prompts.part, prompts.item) = (n.line, n.part, n.item)";
/// What no event repeats was read by the model all the same.
const KEEP: [&str; 2] = [
    "UPDATE OR IGNORE redaction_hits SET field = 'messages.text' WHERE stream = :stream AND field = 'prompts.text'
        AND line IN (SELECT line FROM prompts WHERE stream = :stream AND line >= :from AND origin = 'message')",
    "INSERT INTO messages (stream, line, part, item, seq, at_ms, turn_id, role, kind, text, copied)
        SELECT stream, line, part, item, seq, at_ms, turn_id, 'user', 'other', text, copied FROM prompts
        WHERE stream = :stream AND line >= :from AND origin = 'message' AND text <> ''",
];
const DROP_HIDDEN: &str =
    "DELETE FROM redaction_hits WHERE stream = :stream AND field LIKE 'prompts.%'
    AND line IN (SELECT line FROM prompts WHERE stream = :stream AND line >= :from AND origin = 'message')";
const DROP_CANDIDATES: &str =
    "DELETE FROM prompts WHERE stream = :stream AND line >= :from AND origin = 'message'";

/// A prompt before it has its number.
struct Prompt<'a> {
    origin: &'static str,
    text: &'a str,
    turn: Option<String>,
    images: usize,
    client_id: Option<&'a str>,
}

pub(crate) fn event(fold: &mut Fold<'_>, message: &UserMessage<'_>) {
    // Older clients repeat injected context as events of these kinds.
    if matches!(message.kind.as_deref(), Some("environment_context" | "user_instructions")) {
        return;
    }
    events_decide(fold);
    remarks::heard(fold, &message.message);
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
pub(crate) fn item(fold: &mut Fold<'_>, parts: &[Part<'_>], turn: Option<String>) {
    let images = parts.iter().filter(|part| matches!(part, Part::Image(_))).count();
    // A migration makes items of context that older clients gave the model as the user's words.
    let Some(text) = prompt::asked(parts, images) else { return };
    events_decide(fold);
    remarks::heard(fold, &text);
    insert(fold, &Prompt { origin: "item", text: &text, turn, images, client_id: None });
}

/// A user message, less its injected parts: a prompt where no event ever says one. `index` is how many of its parts
/// have rows already.
pub(crate) fn candidate(
    fold: &mut Fold<'_>,
    index: usize,
    text: &str,
    turn: Option<String>,
    images: usize,
) {
    if fold.bare {
        fold.state.bare_prompts += 1;
        insert(fold, &Prompt { origin: "bare_message", text, turn, images, client_id: None });
        fold.state.bare_numbered = fold.state.numbered;
        fold.state.bare_live = fold.state.live_prompts.len();
    } else if fold.state.prompt_events {
        remarks::unheard(fold, index, text, turn);
    } else {
        let at = At { item: index as u64, ..fold.at };
        let at = std::mem::replace(&mut fold.at, at);
        insert(fold, &Prompt { origin: "message", text, turn, images, client_id: None });
        remarks::remember(fold, text, (at.line, at.part, index as u64));
        fold.at = at;
    }
}

/// The last turns are no longer part of the conversation; their records stay, and their tokens were billed.
pub(crate) fn rolled_back(fold: &mut Fold<'_>, turns: u64) {
    for _ in 0..turns {
        let Some(prompt) = fold.state.live_prompts.pop() else { return };
        take_back(fold, prompt);
    }
}

/// The thread goes on from a place in its history, in another file; what was asked from there on is taken back.
pub(crate) fn reverted(fold: &mut Fold<'_>, end_ordinal: u64) {
    let is_behind = |ordinal: Option<u64>| ordinal.is_some_and(|ordinal| ordinal >= end_ordinal);
    while let Some(prompt) = fold.state.live_prompts.pop_if(|prompt| is_behind(prompt.ordinal)) {
        take_back(fold, prompt);
    }
}

fn take_back(fold: &mut Fold<'_>, prompt: LivePrompt) {
    let LivePrompt { line, part, item, .. } = prompt;
    let row = fold.row(TABLE, 4).stream(fold.at.stream);
    fold.push(row.number("line", line).number("part", part).number("item", item).write(ROLL_BACK));
}

/// Numbers the prompts of a thread with several files.
pub(crate) fn renumber(policy: &Policy, stream: StreamId, out: &mut Vec<Draft>) {
    let at = At::entry(stream.opener());
    out.push(RowBuilder::new(policy, TABLE, at, 1).stream(stream).write(RENUMBER));
}

fn events_decide(fold: &mut Fold<'_>) {
    if fold.state.prompt_events {
        return;
    }
    fold.state.prompt_events = true;
    let bare = fold.state.bare_prompts;
    fold.state.prompts = bare;
    fold.state.numbered = fold.state.bare_numbered;
    fold.state.live_prompts.truncate(fold.state.bare_live);
    fold.state.earlier.put_back_candidates();
    if let Some(telling) = &mut fold.telling {
        telling.drop_candidates();
    }
    let from = fold.at.line - fold.line_in_file();
    for sql in KEEP.into_iter().chain([DROP_HIDDEN, DROP_CANDIDATES]) {
        let row = fold.row(TABLE, 2).stream(fold.at.stream).number("from", from);
        fold.push(row.write(sql));
    }
}

fn insert(fold: &mut Fold<'_>, prompt: &Prompt<'_>) {
    // Copies, and what the client itself asks, are no prompts of this session.
    let review = fold.state.in_review || fold.state.is_asked_by_machine;
    let number = if fold.copied || review { 0 } else { fold.state.numbered + 1 };
    let ide = wrapper::split_ide(prompt.text);
    // Few prompts have a wrapper.
    let wrapped = if ide.is_some() { prompt.text } else { "" };
    let whole = (prompt.text, &Whole::new((TABLE, "text"), "user", wrapped));
    let ide = ide.unwrap_or_default();
    let row = fold
        .row(TABLE, 18)
        .item(fold.at)
        .said_by("user")
        .number("number", number)
        .int("at_ms", fold.at.at_ms)
        .id("turn_id", prompt.turn.as_deref())
        .word("origin", prompt.origin)
        .text("text", Some(prompt.text))
        .key("text_key", prompt.text)
        .cut("request", ide.request.filter(|typed| !typed.is_empty()).as_slice(), whole)
        .cut("active_file", ide.active_file.as_slice(), whole)
        .cut("open_tabs", &ide.open_tabs, whole)
        .number("images", prompt.images as u64)
        .id("client_id", prompt.client_id)
        .number("copied", fold.copy_flag())
        .number("review", u64::from(review))
        .number("rolled_back", 0)
        .insert();
    let told = fold.told(&row);
    if number > 0 {
        fold.state.prompts += 1;
        fold.state.numbered += u64::from(told.is_none());
        // An earlier file may know better that it is a copy.
        if told.is_none_or(|told| told.number > 0) {
            let At { line, part, item, .. } = fold.at;
            let (line, part, item) =
                told.map_or((line, part, item), |told| (told.line, told.part, told.item));
            fold.state.live_prompts.push(LivePrompt { line, part, item, ordinal: fold.ordinal });
        }
    }
    if let Some(told) = told {
        let At { part, seq, .. } = fold.at;
        let at = At { line: told.line, part: told.part, item: told.item, ..fold.at };
        // What names the entry means that row.
        let again = fold.row("retold_prompts", 6).item(at).seq("seq", seq);
        fold.push(again.number("seq_part", part).replace());
    }
    fold.push_unless(told, row);
}

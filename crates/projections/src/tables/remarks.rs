//! Rows of `messages` for what people and models saw beside prompts, answers and calls.

use crate::answers::Told;
use crate::fold::{Fold, brief};
use crate::row::At;
use crate::state::{hash, push};
use crate::tables::messages;
use codex_ledger_rollout::Text;
use codex_ledger_rollout::event::{GuardianAssessment, Other, Part, ThreadGoal};

/// Texts of users that are remembered until an event says that they are prompts.
const UNHEARD_MAX: usize = 16;
const FORGET: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND line = :line AND part = :part AND item = :item
        AND field LIKE 'messages.%'",
    "DELETE FROM messages WHERE stream = :stream AND line = :line AND part = :part AND item = :item",
];

/// Where the call has got this output, or an earlier file of the thread has told it. A second output of one call stays.
const FORGET_IF_CALLED: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND line = :line AND part = :part AND item = 0
        AND field LIKE 'messages.%'
        AND EXISTS (SELECT 1 FROM function_calls c WHERE c.stream = :stream AND c.call_id = :call_id
            AND (c.output_line = :line OR c.output_line < :file OR c.kind = 'item'))",
    "DELETE FROM messages WHERE stream = :stream AND line = :line AND part = :part AND item = 0
        AND EXISTS (SELECT 1 FROM function_calls c WHERE c.stream = :stream AND c.call_id = :call_id
            AND (c.output_line = :line OR c.output_line < :file OR c.kind = 'item'))",
];

/// Something that was said, and by whom.
pub(crate) struct Remark<'a> {
    /// What kind of thing: a word of `messages.kind`.
    pub kind: &'static str,
    /// A role of `messages.role`.
    pub role: &'static str,
    pub turn: Option<String>,
    /// Sender and receiver, or how it stands.
    pub phase: Option<String>,
    pub text: &'a str,
}

/// Adds the `index`th remark of a record.
/// Says whether an earlier file of the thread has told it.
pub(crate) fn insert(fold: &mut Fold<'_>, index: usize, remark: &Remark<'_>) -> bool {
    !remark.text.trim().is_empty() && messages::insert_remark(fold, index, remark)
}

/// A text in the user's name that no prompt event has said yet: the model read it all the same. It goes when an event
/// says it.
pub(crate) fn unheard(fold: &mut Fold<'_>, index: usize, text: &str, turn: Option<String>) {
    let at = fold.at;
    if is_heard(fold, text) {
        return;
    }
    let remark = Remark { kind: "other", role: "user", turn, phase: None, text };
    insert(fold, index, &remark);
    remember(fold, text, (at.line, at.part, index as u64));
}

/// Whether a prompt event has just said a text that a message says again.
pub(crate) fn is_heard(fold: &mut Fold<'_>, text: &str) -> bool {
    let is_heard = fold.state.heard == Some(hash(text.trim()));
    if is_heard {
        fold.state.heard = None;
    }
    is_heard
}

/// Remembers where a text stands that an event may say again.
pub(crate) fn remember(fold: &mut Fold<'_>, text: &str, (line, part, item): (u64, u64, u64)) {
    push(&mut fold.state.unheard, (hash(text.trim()), line, part, item), UNHEARD_MAX);
}

/// A prompt event has said a text: what stands of it among the messages is the same.
pub(crate) fn heard(fold: &mut Fold<'_>, text: &str) {
    let said = hash(text.trim());
    let known = fold.state.unheard.iter().position(|(unheard, ..)| *unheard == said);
    let Some((_, line, part, item)) = known.and_then(|at| fold.state.unheard.remove(at)) else {
        fold.state.heard = Some(said);
        return;
    };
    drop_row(fold, (line, part, item));
}

fn drop_row(fold: &mut Fold<'_>, (line, part, item): (u64, u64, u64)) {
    if let Some(telling) = &mut fold.telling {
        telling.drop_row("messages", line, part, item);
    }
    for sql in FORGET {
        let row = fold.row("messages", 4).stream(fold.at.stream);
        fold.push(row.number("line", line).number("part", part).number("item", item).write(sql));
    }
}

/// An event or item says the assistant's words. The message beside it says the same, and gets the row; where there is
/// none, as the line is damaged or the file ends, this one does.
pub(crate) fn told_by_event(fold: &mut Fold<'_>, index: usize, text: &str, turn: Option<String>) {
    let At { line, part, .. } = fold.at;
    if text.trim().is_empty() || fold.state.answers.is_told_by_message(text, line) {
        return;
    }
    // What a review says stands in a file of its own.
    fold.copied |= fold.state.in_review && !fold.state.is_review;
    let remark = Remark { kind: "assistant", role: "assistant", turn, phase: None, text };
    let is_told = insert(fold, index, &remark);
    let row = (!is_told).then_some((line, part, index as u64));
    fold.state.answers.told_by_event(text, line, row);
}

/// A message of the assistant says a text; whether an event has said it that an earlier file of the thread has told.
pub(crate) fn is_told_before(fold: &mut Fold<'_>, text: &str) -> bool {
    let told = fold.state.answers.told_by_message(text, fold.at.line);
    if let Told::InPlaceOf(row) = told {
        drop_row(fold, row);
    }
    told == Told::Before
}

/// The output of a call that is not among the recent ones: where no row has it, since the line of the call is damaged or
/// the call has an output already, the model has read it all the same.
pub(crate) fn output_alone(fold: &mut Fold<'_>, call_id: &str, output: &str) {
    let turn = fold.turn(None);
    insert(fold, 0, &Remark { kind: "output", role: "tool", turn, phase: None, text: output });
    let At { stream, line, part, .. } = fold.at;
    let file = line - fold.line_in_file();
    for sql in FORGET_IF_CALLED {
        let row = fold.row("messages", 5).stream(stream).number("line", line).number("part", part);
        fold.push(row.number("file", file).id("call_id", Some(call_id)).write(sql));
    }
}

/// Mail between agents, which a client records twice: on its way, and as what the model read.
pub(crate) fn mail(
    fold: &mut Fold<'_>,
    (author, recipient): (Option<&str>, Option<&str>),
    parts: &[Part<'_>],
    turn: Option<&str>,
) {
    let texts: Vec<&str> = parts.iter().filter_map(Part::text).collect();
    let text = texts.join("\n");
    let from_to = [author, recipient].map(|agent| agent.unwrap_or("?")).join(" -> ");
    let said = hash(&format!("{from_to}\0{text}"));
    if fold.state.mail.replace(said) == Some(said) {
        fold.state.mail = None;
        return;
    }
    let phase = brief(Some(&from_to)).map(str::to_string);
    let turn = fold.turn(turn);
    insert(fold, 0, &Remark { kind: "agent_mail", role: "agent", turn, phase, text: &text });
}

/// Why an action was allowed or refused without asking the user.
pub(crate) fn guardian(fold: &mut Fold<'_>, assessment: &GuardianAssessment<'_>) {
    let Some(text) = assessment.rationale.as_deref() else { return };
    let turn = fold.turn(assessment.turn_id.as_deref());
    let phase = assessment.status.as_deref().map(str::to_string);
    insert(fold, 0, &Remark { kind: "guardian", role: "client", turn, phase, text });
}

/// What the thread is to reach; told again while it stands otherwise.
pub(crate) fn goal(fold: &mut Fold<'_>, goal: &ThreadGoal<'_>) {
    let Some(text) = goal.objective.as_deref() else { return };
    let said = hash(&format!("{text}\0{}", goal.status.as_deref().unwrap_or_default()));
    if fold.state.goal.replace(said) == Some(said) {
        return;
    }
    let phase = goal.status.as_deref().map(str::to_string);
    let turn = fold.turn(None);
    insert(fold, 0, &Remark { kind: "goal", role: "client", turn, phase, text });
}

/// What an answer asks, and the memories that it cites.
pub(crate) fn beside(
    fold: &mut Fold<'_>,
    questions: &[Text<'_>],
    citations: &[Text<'_>],
    turn: Option<&str>,
) {
    let turn = fold.turn(turn);
    let questions = questions.iter().map(|text| ("question", text));
    let all = questions.chain(citations.iter().map(|text| ("citation", text)));
    for (index, (kind, text)) in all.enumerate() {
        if fold.take(1) == 0 {
            return;
        }
        let turn = turn.clone();
        insert(fold, index, &Remark { kind, role: "assistant", turn, phase: None, text });
    }
}

/// What a record of a kind without a table says in words.
pub(crate) fn record(fold: &mut Fold<'_>, record: &Other<'_>) {
    let mut said = record.said();
    said.dedup();
    let (turn, text) = (fold.turn(None), said.join("\n"));
    insert(fold, 0, &Remark { kind: "record", role: "client", turn, phase: None, text: &text });
}

/// Each of these texts as a remark.
pub(crate) fn each<'a>(
    fold: &mut Fold<'_>,
    (role, kind): (&'static str, &'static str),
    turn: Option<&str>,
    texts: impl Iterator<Item = &'a str>,
) {
    let turn = fold.turn(turn);
    for (index, text) in texts.enumerate() {
        if fold.take(1) == 0 {
            return;
        }
        insert(fold, index, &Remark { kind, role, turn: turn.clone(), phase: None, text });
    }
}

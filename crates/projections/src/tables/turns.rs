//! `turns`: what happened around the conversation.

use crate::fold::{self, Fold};
use crate::row::At;
use crate::state::{Compaction, hash};
use crate::tables::{file_changes, turn_context_messages};
use codex_ledger_rollout::event::{EnteredReview, Event, ExitedReview, ItemBody};

const TABLE: &str = "turns";
const SUMMARY: &str = "UPDATE turns SET count = :count, text = :text
    WHERE stream = :stream AND line = :line AND part = :part AND what = 'compacted'";

#[derive(Default)]
struct Row<'a> {
    turn: Option<&'a str>,
    what: &'static str,
    reason: Option<&'a str>,
    duration_ms: Option<i64>,
    count: Option<u64>,
    text: Option<&'a str>,
}

pub(crate) fn fold(fold: &mut Fold<'_>, event: &Event<'_>) {
    if let Event::TaskStarted(start) = event
        && let Some(turn) = fold::brief(start.turn_id.as_deref())
    {
        fold.state.turn_id = Some(turn.to_string());
    }
    match event {
        Event::EnteredReview(_) => fold.state.in_review = true,
        Event::ExitedReview(_) => fold.state.in_review = false,
        _ => {}
    }
    let both;
    let Some(mut row) = row(event) else { return };
    if let Event::TaskComplete(done) = event {
        // The end of a turn repeats the last answer; where nothing has said it, this does.
        let last = done.last_agent_message.as_deref();
        let is_unsaid = |text: &&str| !text.trim().is_empty() && !fold.state.answers.has_said(text);
        row.text = match (row.text, last.filter(is_unsaid)) {
            (Some(error), Some(last)) => {
                both = format!("{error}\n{last}");
                Some(&both)
            }
            (error, last) => error.or(last),
        };
    }
    match row.what {
        "started" => {
            fold.state.turn_began_ms = fold.at.at_ms;
            fold.state.compaction = None;
            turn_context_messages::turn_begins(fold);
        }
        "compacted" => return compacted(fold, row),
        "completed" | "aborted" => {
            if row.what == "aborted" {
                file_changes::broken_off(fold);
            }
            let began = fold.state.turn_began_ms.take();
            let lasted =
                fold.at.at_ms.zip(began).map(|(end, began)| end.saturating_sub(began).max(0));
            row.duration_ms = row.duration_ms.or(lasted);
        }
        _ => {}
    }
    insert(fold, row);
}

fn row<'a>(event: &'a Event<'_>) -> Option<Row<'a>> {
    Some(match event {
        Event::TaskStarted(start) => {
            Row { what: "started", turn: start.turn_id.as_deref(), ..Row::default() }
        }
        Event::TaskComplete(done) => Row {
            what: "completed",
            turn: done.turn_id.as_deref(),
            duration_ms: done.duration_ms,
            reason: done.error.as_ref().map(|error| error.code.as_deref().unwrap_or("error")),
            text: done.error.as_ref().map(|error| &*error.message),
            ..Row::default()
        },
        Event::TurnAborted(aborted) => Row {
            what: "aborted",
            turn: aborted.turn_id.as_deref(),
            reason: aborted.reason.as_deref(),
            duration_ms: aborted.duration_ms,
            text: aborted.error.as_ref().map(|error| &*error.message),
            ..Row::default()
        },
        Event::Compacted(compacted) => Row {
            what: "compacted",
            count: Some(compacted.replacement_count as u64),
            text: Some(&compacted.message),
            ..Row::default()
        },
        Event::ThreadRolledBack(back) => {
            Row { what: "rolled_back", count: Some(back.num_turns), ..Row::default() }
        }
        Event::EnteredReview(review) => entered(review),
        Event::ExitedReview(review) => left(review),
        Event::Error(error) => Row {
            what: "error",
            reason: error.code.as_deref(),
            text: Some(&error.message),
            ..Row::default()
        },
        _ => return None,
    })
}

fn entered<'a>(review: &'a EnteredReview<'_>) -> Row<'a> {
    let (reason, text) = (review.target.as_deref(), review.told.as_deref());
    Row { what: "review_entered", reason, text, ..Row::default() }
}

fn left<'a>(review: &'a ExitedReview<'_>) -> Row<'a> {
    let (reason, text) = (review.correctness.as_deref(), review.outcome.as_deref());
    let count = review.has_output.then_some(review.findings as u64);
    Row { what: "review_left", reason, count, text, ..Row::default() }
}

/// Items of paginated files that are no prompts, texts or calls.
pub(crate) fn item(
    fold: &mut Fold<'_>,
    body: &ItemBody<'_>,
    id: Option<&str>,
    turn: Option<String>,
) {
    let row = match body {
        ItemBody::EnteredReviewMode(review) => {
            fold.state.in_review = true;
            entered(review)
        }
        ItemBody::ExitedReviewMode(review) => {
            fold.state.in_review = false;
            left(review)
        }
        ItemBody::ContextCompaction => return compacted_item(fold, id, turn),
        _ => return,
    };
    insert(fold, Row { turn: turn.as_deref(), ..row });
}

/// The record has the summary: where an item has told the compaction, its row gets the words.
fn compacted(fold: &mut Fold<'_>, row: Row<'_>) {
    match &mut fold.state.compaction {
        Some(known) if !known.has_record => {
            known.has_record = true;
            let (line, part) = (known.line, known.part);
            let summary = fold
                .row(TABLE, 5)
                .stream(fold.at.stream)
                .number("line", line)
                .number("part", part)
                .int("count", row.count.and_then(|count| i64::try_from(count).ok()))
                .text("text", row.text);
            fold.push(summary.write(SUMMARY));
        }
        _ => {
            let At { line, part, .. } = fold.at;
            fold.state.compaction = Some(Compaction { line, part, has_record: true, item: None });
            insert(fold, row);
        }
    }
}

fn compacted_item(fold: &mut Fold<'_>, id: Option<&str>, turn: Option<String>) {
    let id = hash(id.unwrap_or_default());
    match &mut fold.state.compaction {
        Some(known) if known.item.is_none_or(|item| item == id) => known.item = Some(id),
        _ => {
            let At { line, part, .. } = fold.at;
            fold.state.compaction =
                Some(Compaction { line, part, has_record: false, item: Some(id) });
            insert(fold, Row { what: "compacted", turn: turn.as_deref(), ..Row::default() });
        }
    }
}

fn insert(fold: &mut Fold<'_>, row: Row<'_>) {
    let turn = fold.turn(row.turn);
    let built = fold
        .row_at(TABLE, 0, 12)
        .id("turn_id", turn)
        .word("what", row.what)
        .label("reason", row.reason)
        .int("duration_ms", row.duration_ms)
        .int("count", row.count.and_then(|count| i64::try_from(count).ok()))
        .text("text", row.text)
        .number("copied", fold.copy_flag());
    fold.push(built.insert());
}

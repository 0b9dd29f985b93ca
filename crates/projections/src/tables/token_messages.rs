//! `token_messages`: every usage record, and whether it counts.

use crate::fold::Fold;
use crate::replay::lineage::created_ms;
use crate::state::{Counters, hash, push};
use codex_ledger_rollout::event::{RateLimits, TokenCount, TokenUsageRecord, Usage};

const TABLE: &str = "token_messages";

/// Totals of a file that are remembered, to know them when they are told again.
const TOTALS_MAX: usize = 1024;

/// Where a paginated file has usage records, they alone are the bill of their turn, and of those that follow. What an
/// older client has counted in turns before was billed by its counts.
const COVER: &str = "UPDATE token_messages SET counted = 0, reason = 'usage_record'
    WHERE stream = :stream AND line >= :from AND origin = 'token_count' AND counted = 1
    AND turn_id IS :turn_id";

/// While a review runs, the main thread's file carries the review's usage too. It counts once: in the
/// review's own file where the ledger has it, else here. Decided anew after every replay, so that the
/// order in which the two files arrive makes no difference.
pub(crate) const COUNT_REVIEWS_ONCE: [&str; 2] = [
    "UPDATE token_messages SET counted = 1, reason = NULL WHERE review = 1 AND reason = 'review_copy'",
    "UPDATE token_messages SET counted = 0, reason = 'review_copy' WHERE review = 1 AND counted = 1 AND EXISTS (
        SELECT 1 FROM token_messages o WHERE o.review = 2
        AND o.at_ms BETWEEN token_messages.at_ms - 2 AND token_messages.at_ms + 2
        AND o.input = token_messages.input AND o.cached_input = token_messages.cached_input
        AND o.output = token_messages.output)",
];

/// A usage record and the verdict on it.
struct Row<'a> {
    origin: &'static str,
    turn: Option<String>,
    /// Why it does not count.
    reason: Option<&'static str>,
    used: Usage,
    total: Option<Usage>,
    context_tokens: Option<u64>,
    context_window: Option<u64>,
    response_id: Option<&'a str>,
    limits: Option<&'a RateLimits<'a>>,
}

pub(crate) fn count(fold: &mut Fold<'_>, count: &TokenCount<'_>) {
    let (used, reason) = verdict(fold, count);
    let is_covered = reason.is_none() && is_recorded(fold, &used, count.last.is_some());
    let reason = reason.or(is_covered.then_some("usage_record"));
    let row = Row {
        origin: "token_count",
        turn: fold.turn(None),
        reason,
        used,
        total: count.total,
        context_tokens: count.last.map(|last| last.total),
        context_window: count.context_window,
        response_id: None,
        limits: count.rate_limits.as_ref(),
    };
    insert(fold, &row);
}

/// Whether a usage record is the bill of what a count tells. An older client that goes on with the file writes counts
/// alone, which no record covers.
fn is_recorded(fold: &mut Fold<'_>, used: &Usage, is_last: bool) -> bool {
    let state = &mut fold.state;
    state.usage_records
        && match is_last {
            true => state.take_recorded(brief_of(used)),
            false => state.take_all_recorded(brief_of(used)),
        }
}

/// The counters that all clients know.
fn brief_of(usage: &Usage) -> [u64; 3] {
    [usage.input, usage.cached_input, usage.output]
}

/// What a `token_count` record adds to the bill, or why it adds nothing.
///
/// A total that the file has told before is a repetition (absent counters are zero): also when another client
/// counts in the same file. A first total above its response, in a forked thread, is the parent's, but for
/// paginated files, which hold nothing of the parent.
fn verdict(fold: &mut Fold<'_>, count: &TokenCount<'_>) -> (Usage, Option<&'static str>) {
    let usages = [count.total, count.last];
    if usages.iter().flatten().any(|usage| usage.is_bad) {
        return (count.last.or(count.total).unwrap_or_default(), Some("bad_number"));
    }
    let Some(total) = count.total else {
        return match count.last {
            Some(last) if !last.is_estimate() => (last, None),
            Some(last) => (last, Some("estimate")),
            None => (Usage::default(), Some("rate_limits_only")),
        };
    };
    let begins_with_parents = fold.state.parent.is_some() && !fold.state.is_paginated;
    let now = counters(&total);
    let hash = hash_of(&now);
    if let Some(last) = count.last.filter(Usage::is_estimate) {
        return (last, Some("estimate"));
    }
    if fold.state.totals.contains(&hash) {
        return (count.last.unwrap_or_default(), Some("re_emission"));
    }
    let used = match count.last {
        Some(last) => last,
        None => delta(&total, &fold.state.total),
    };
    if now == Counters::default() || counters(&used) == Counters::default() {
        return (used, Some("estimate"));
    }
    let is_first = fold.state.totals.is_empty();
    let is_parents = begins_with_parents && is_first && now != counters(&used);
    push(&mut fold.state.totals, hash, TOTALS_MAX);
    fold.state.total = now;
    (used, is_parents.then_some("baseline"))
}

/// Tells totals of one file apart, nothing more.
fn hash_of(counters: &Counters) -> u64 {
    hash(&format!("{counters:?}"))
}

fn counters(usage: &Usage) -> Counters {
    [usage.input, usage.cached_input, usage.cache_write_input, usage.output, usage.reasoning_output]
}

/// Usage since the latest total, for clients that recorded totals only.
fn delta(total: &Usage, latest: &Counters) -> Usage {
    let [input, cached, write, output, reasoning] = *latest;
    if total.input < input || total.output < output {
        return *total;
    }
    Usage {
        input: total.input - input,
        cached_input: total.cached_input.saturating_sub(cached),
        cache_write_input: total.cache_write_input.saturating_sub(write),
        output: total.output - output,
        reasoning_output: total.reasoning_output.saturating_sub(reasoning),
        ..Usage::default()
    }
}

pub(crate) fn usage_record(fold: &mut Fold<'_>, record: &TokenUsageRecord<'_>) {
    if !fold.state.usage_records {
        fold.state.usage_records = true;
        if fold.state.is_paginated {
            let turn = fold.turn(record.turn_id.as_deref());
            // A turn whose id tells its time is the same in every file of the thread.
            let is_one = turn.as_deref().is_some_and(|turn| created_ms(turn).is_some());
            let from = if is_one { 0 } else { fold.at.line - fold.line_in_file() };
            let row = fold.row(TABLE, 3).stream(fold.at.stream).number("from", from);
            fold.push(row.id("turn_id", turn).write(COVER));
        }
    }
    let own = fold.state.session_id.as_deref().filter(|id| !id.is_empty()).or(fold.thread);
    let foreign = match (own, record.thread_id.as_deref()) {
        (Some(own), Some(named)) => own != named,
        _ => false,
    };
    // A response that could not be read may be told again.
    let id = record.response_id.as_deref().filter(|_| !record.usage.is_bad);
    let turn = record.turn_id.as_deref();
    let repeated = id.is_some_and(|id| fold.state.is_repeated_response(id, turn));
    if !record.usage.is_bad && !repeated {
        fold.state.remember_recorded(brief_of(&record.usage));
    }
    let reason = match (record.usage.is_bad, foreign, repeated) {
        (true, ..) => Some("bad_number"),
        (_, true, _) => Some("foreign_thread"),
        (.., true) => Some("duplicate_response"),
        _ => None,
    };
    let row = Row {
        origin: "token_usage_record",
        turn: fold.turn(record.turn_id.as_deref()),
        reason,
        used: record.usage,
        total: None,
        context_tokens: Some(record.usage.total),
        context_window: None,
        response_id: record.response_id.as_deref(),
        limits: None,
    };
    insert(fold, &row);
}

fn insert(fold: &mut Fold<'_>, row: &Row<'_>) {
    let model = fold.state.model.clone();
    let review = if fold.state.is_review { 2 } else { u64::from(fold.state.in_review) };
    let reason = if fold.copied { Some("replay") } else { row.reason };
    let small = |number: Option<u64>| number.and_then(|n| i64::try_from(n).ok());
    let built = fold
        .row_at(TABLE, 0, 27)
        .id("turn_id", row.turn.as_deref())
        .word("origin", row.origin)
        .label("model", model)
        .number("counted", u64::from(reason.is_none()))
        .word_or_null("reason", reason)
        .number("input", row.used.input)
        .number("cached_input", row.used.cached_input)
        .number("cache_write_input", row.used.cache_write_input)
        .number("output", row.used.output)
        .number("reasoning_output", row.used.reasoning_output)
        .int("context_tokens", small(row.context_tokens))
        .int("total_input", small(row.total.map(|total| total.input)))
        .int("total_cached", small(row.total.map(|total| total.cached_input)))
        .int("total_output", small(row.total.map(|total| total.output)))
        .int("total_reasoning", small(row.total.map(|total| total.reasoning_output)))
        .int("context_window", small(row.context_window))
        .id("response_id", row.response_id)
        .label("plan_type", row.limits.and_then(|limits| limits.plan_type.as_deref()))
        .label("limits", row.limits.map(windows))
        .number("review", review)
        .label("tier", fold.state.tier.clone());
    fold.push(built.insert());
}

fn windows(limits: &RateLimits<'_>) -> String {
    let window = |window: &codex_ledger_rollout::event::RateWindow| {
        let minutes = window.window_minutes.map_or("?".to_string(), |minutes| minutes.to_string());
        let used = window.used_percent.map_or("?".to_string(), |used| used.to_string());
        format!("{minutes}:{used}")
    };
    limits.windows.iter().map(window).collect::<Vec<_>>().join(",")
}

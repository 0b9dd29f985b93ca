//! Tokens and rate limits.

use super::json::{Object, Text};
use super::number;

/// Token counters. An absent counter is 0: clients add counters over time and re-emit old totals
/// with the new ones set to 0.
///
/// Cached input is part of input, reasoning output is part of output, total is input + output
/// except in estimates of the context size, which have a total and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Usage {
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Input tokens read from the cache.
    pub cached_input: u64,
    /// Input tokens written to the cache.
    pub cache_write_input: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_output: u64,
    /// Total as written; do not sum it.
    pub total: u64,
    /// Whether a counter is none that a client can mean: negative, beyond 2^53, a fraction, a text. It reads as 0,
    /// and nothing of the usage is to be counted.
    pub is_bad: bool,
}

/// Event `token_count`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenCount<'a> {
    /// Cumulative for the thread. None with `last` for a mere refresh of the rate limits.
    pub total: Option<Usage>,
    /// The latest model response.
    pub last: Option<Usage>,
    /// Size of the model's context in tokens.
    pub context_window: Option<u64>,
    /// State of the plan's limits.
    pub rate_limits: Option<RateLimits<'a>>,
}

/// State of the limits of a plan, the same for all generations of the field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RateLimits<'a> {
    /// The windows in the order of the record. Label them by length: `primary` may be the week.
    pub windows: Vec<RateWindow>,
    /// Plan of the account.
    pub plan_type: Option<Text<'a>>,
    /// Id of the limit.
    pub limit_id: Option<Text<'a>>,
    /// Name of the limit.
    pub limit_name: Option<Text<'a>>,
    /// Credits beside the plan.
    pub credits: Option<Credits<'a>>,
    /// Which limit was reached.
    pub reached_type: Option<Text<'a>>,
}

/// One window of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RateWindow {
    /// True for `primary`, false for `secondary`.
    pub primary: bool,
    /// Share used, 0 to 100.
    pub used_percent: Option<f64>,
    /// Length of the window in minutes.
    pub window_minutes: Option<u64>,
    /// End of the window, seconds since the epoch.
    pub resets_at_s: Option<i64>,
    /// Seconds from the time of the record to the end of the window, in older files.
    pub resets_in_s: Option<i64>,
}

/// Credits of an account.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Credits<'a> {
    /// Whether there are any.
    pub has_credits: Option<bool>,
    /// Whether they are without limit.
    pub unlimited: Option<bool>,
    /// Balance as text.
    pub balance: Option<Text<'a>>,
}

/// Top level `token_usage_record`: the usage of one model response (paginated files).
///
/// The cumulative copies for turn and thread in the same record are left out on purpose.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenUsageRecord<'a> {
    /// Root session.
    pub session_id: Option<Text<'a>>,
    /// Thread; count a record only under its own.
    pub thread_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Turn of the root thread.
    pub root_turn_id: Option<Text<'a>>,
    /// Model response: with the session or thread, the key against double counting.
    pub response_id: Option<Text<'a>>,
    /// Usage of this response.
    pub usage: Usage,
}

/// The counters of a usage object.
pub(crate) const COUNTERS: [&str; 6] = [
    "input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "total_tokens",
];

impl Usage {
    /// Counters of a usage object; absent ones are 0.
    #[must_use]
    pub(super) fn decode(o: &Object<'_>) -> Self {
        let count = |name: &str| o.u64(name).unwrap_or(0);
        let is_bad = |name: &&str| number::is_no_count(o, name);
        Self {
            input: count("input_tokens"),
            cached_input: count("cached_input_tokens"),
            cache_write_input: count("cache_write_input_tokens"),
            output: count("output_tokens"),
            reasoning_output: count("reasoning_output_tokens"),
            total: count("total_tokens"),
            is_bad: COUNTERS.iter().any(is_bad),
        }
    }

    /// Whether this is an estimate of the context size: a total and nothing else.
    #[must_use]
    pub const fn is_estimate(&self) -> bool {
        self.input == 0 && self.output == 0 && self.total > 0
    }
}

impl<'a> TokenCount<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let info = o.object("info").unwrap_or_default();
        let usage = |name: &str| info.object(name).map(|usage| Usage::decode(&usage));
        Self {
            total: usage("total_token_usage"),
            last: usage("last_token_usage"),
            context_window: info.u64("model_context_window"),
            rate_limits: o.object("rate_limits").map(|limits| RateLimits::decode(&limits)),
        }
    }
}

impl<'a> RateLimits<'a> {
    fn decode(o: &Object<'a>) -> Self {
        Self {
            windows: [("primary", true), ("secondary", false)]
                .into_iter()
                .filter_map(|(name, primary)| RateWindow::decode(o, name, primary))
                .collect(),
            plan_type: o.text("plan_type"),
            limit_id: o.text("limit_id"),
            limit_name: o.text("limit_name"),
            credits: o.object("credits").map(|credits| Credits::decode(&credits)),
            reached_type: o.tag("rate_limit_reached_type"),
        }
    }
}

impl RateWindow {
    /// A window as an object or, in the oldest form, as fields named after it.
    fn decode(limits: &Object<'_>, name: &str, primary: bool) -> Option<Self> {
        if let Some(window) = limits.object(name) {
            return Some(Self {
                primary,
                used_percent: window.f64("used_percent"),
                window_minutes: window.u64("window_minutes"),
                resets_at_s: window.i64("resets_at"),
                resets_in_s: window.i64("resets_in_seconds"),
            });
        }
        let used = if primary { "primary_used_percent" } else { "secondary_used_percent" };
        let length = if primary { "primary_window_minutes" } else { "secondary_window_minutes" };
        let used_percent = limits.f64(used)?;
        Some(Self {
            primary,
            used_percent: Some(used_percent),
            window_minutes: limits.u64(length),
            ..Self::default()
        })
    }
}

impl<'a> Credits<'a> {
    fn decode(o: &Object<'a>) -> Self {
        Self {
            has_credits: o.bool("has_credits"),
            unlimited: o.bool("unlimited"),
            balance: o.text("balance"),
        }
    }
}

impl<'a> TokenUsageRecord<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            session_id: o.str("session_id"),
            thread_id: o.str("thread_id"),
            turn_id: o.str("turn_id"),
            root_turn_id: o.str("root_turn_id"),
            response_id: o.str("response_id"),
            usage: o.object("usage").map(|usage| Usage::decode(&usage)).unwrap_or_default(),
        }
    }
}

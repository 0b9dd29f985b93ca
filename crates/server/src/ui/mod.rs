//! The pages of the review: rendered here, usable without a script, and better with ours.

mod acts;
pub(crate) mod assets;
mod audit;
pub(crate) mod candidates;
pub(crate) mod chart_cache;
pub(crate) mod checks;
pub(crate) mod enter;
mod entries;
pub(crate) mod export;
mod finder;
pub(crate) mod layout;
mod listed;
mod queue;
pub(crate) mod queue_cache;
mod redactions;
mod review;
mod routes;
mod rule_form;
mod rule_trial;
mod rules;
mod search;
mod session;
mod sessions;
mod settings;
mod theme;
mod tokens;

pub(crate) use self::routes::routes;
pub(crate) use self::rules::is_own as is_own_rule;
pub(crate) use self::session::{TEXT_BYTES_MAX, clear_snippet, hide_split};

use crate::params::Params;
use crate::state::Desk;

/// Prepares what the first pages would wait for: the gate, the charts and the queue. What fails here is said by the page that
/// needs it.
pub(crate) fn warm_up(desk: &Desk, queue: &queue_cache::QueueCache) {
    sessions::body(desk, &Params::default()).ok();
    desk.gate().ok();
    queue.items(desk, &Params::default()).ok();
}

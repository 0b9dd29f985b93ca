//! Charts over all sessions take a while to count: while something is appended, they may be some seconds old.

use crate::error::Result;
use crate::params::Params;
use codex_ledger_app::Seq;
use maud::{Markup, PreEscaped};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How old what is shown may be.
const STALE_AFTER: Duration = Duration::from_secs(10);
/// Filters whose charts are kept.
const KEPT: usize = 16;

struct Counted {
    params: Params,
    end: Seq,
    at: Instant,
    markup: String,
}

/// What was counted last, the newest first.
#[derive(Default)]
pub(crate) struct ChartCache(Mutex<Vec<Counted>>);

impl ChartCache {
    /// The charts of these parameters, counted where none are kept that will do.
    pub(crate) fn get(
        &self,
        params: &Params,
        end: Seq,
        count: impl FnOnce() -> Result<Markup>,
    ) -> Result<Markup> {
        let will_do = |of: &&Counted| {
            of.params == *params && (of.end == end || of.at.elapsed() < STALE_AFTER)
        };
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = known().iter().find(will_do) {
            return Ok(PreEscaped(counted.markup.clone()));
        }
        let markup = count()?.into_string();
        let counted =
            Counted { params: params.clone(), end, at: Instant::now(), markup: markup.clone() };
        let mut all = known();
        all.retain(|of| of.params != *params);
        all.truncate(KEPT - 1);
        all.insert(0, counted);
        Ok(PreEscaped(markup))
    }
}

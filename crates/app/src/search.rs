//! Search: brings the index up to date and asks it.

use super::setup::App;
use crate::error::Result;
use codex_ledger_db as db;
use codex_ledger_projections::{forget_search, scratch_search_index, search_index};
use codex_ledger_query::{self as query, Hits, Search, Unmatched};

/// When something was said or done, in UTC milliseconds; open where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// First moment.
    pub since_ms: Option<i64>,
    /// End of the range, itself not in it.
    pub until_ms: Option<i64>,
}

impl App {
    /// The qualifiers of a question that leave nothing by themselves.
    ///
    /// # Errors
    /// When there are no views.
    pub fn unmatched(&self, question: &Search) -> Result<Vec<Unmatched>> {
        let views = self.views_for_reading()?;
        Ok(query::unmatched(&views, question).map_err(db::at(self.views_path()))?)
    }

    /// Looks for something in all that the views show.
    ///
    /// # Errors
    /// When there are no views or they cannot be read.
    pub fn search(&self, question: &Search, times: Times, limit: usize) -> Result<Hits> {
        let views = self.views_for_reading()?;
        let times = (times.since_ms, times.until_ms);
        let ask = |shards: &[db::Connection]| query::search(&views, shards, question, times, limit);
        if let Ok(found) = ask(&search_index(&self.views)?) {
            return Ok(found);
        }
        // Damage shows when the damaged page is read; the index can be made anew at any time.
        let shards = match forget_search(&self.views, None) {
            Ok(()) => search_index(&self.views)?,
            Err(_) => scratch_search_index(&self.views)?,
        };
        Ok(ask(&shards).map_err(db::at(self.views_path()))?)
    }
}

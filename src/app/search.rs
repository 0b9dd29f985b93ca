//! Search: brings the index up to date and asks it.

use super::core::App;
use crate::db;
use crate::error::Result;
use crate::projections::search_index;
use crate::query::{self, Hits, Search};

impl App {
    /// Looks for something in all that the views show. Times are UTC milliseconds, the end not in the range.
    ///
    /// # Errors
    /// When there are no views or the index cannot be written.
    pub fn search(
        &self,
        question: &Search,
        times: (Option<i64>, Option<i64>),
        limit: usize,
    ) -> Result<Hits> {
        let views = self.views_for_reading()?;
        let shards = search_index(&self.views)?;
        let found = query::search(&views, &shards, question, times, limit);
        Ok(found.map_err(db::at(self.views_path()))?)
    }
}

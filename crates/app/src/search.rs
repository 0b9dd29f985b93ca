//! Search: brings the index up to date and asks it.

use super::setup::App;
use crate::error::Result;
use codex_ledger_db::{self as db, Connection};
use codex_ledger_projections::{ViewsError, forget_search, scratch_search_index, search_index};
use codex_ledger_query::{self as query, AskError, Facets, Hits, Search, Unmatched, Zone};
use codex_ledger_search::Shard;

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

    /// Brings the index up to date, so that the next search waits for nothing.
    ///
    /// # Errors
    /// When there are no views or they cannot be read.
    pub fn index_texts(&self) -> Result<()> {
        let views = self.views_for_reading()?;
        search_index(&self.views, &views)?;
        Ok(())
    }

    /// Looks for something in all that the views show.
    ///
    /// # Errors
    /// When there are no views or they cannot be read.
    pub fn search(&self, question: &Search, times: Times, limit: usize) -> Result<Hits> {
        let times = (times.since_ms, times.until_ms);
        self.ask(|views, shards| query::search(views, shards, question, times, limit))
    }

    /// As [`App::search`], and counts what the hits could be narrowed down by; days are those of a zone.
    ///
    /// # Errors
    /// As [`App::search`].
    pub fn search_with_facets(
        &self,
        question: &Search,
        times: Times,
        zone: &Zone,
        limit: usize,
    ) -> Result<(Hits, Facets)> {
        let range = ((times.since_ms, times.until_ms), zone);
        self.ask(|views, shards| query::search_with_facets(views, shards, question, range, limit))
    }

    fn ask<T>(
        &self,
        ask: impl Fn(&Connection, &[Shard]) -> std::result::Result<T, AskError>,
    ) -> Result<T> {
        let views = self.views_for_reading()?;
        match ask(&views, &search_index(&self.views, &views)?) {
            Ok(found) => return Ok(found),
            Err(AskError::Sql(error)) => return Err(db::at(self.views_path())(error).into()),
            Err(AskError::Index(_)) => {}
        }
        // Damage shows when the damaged place is read; the index can be made anew at any time.
        let shards = match forget_search(&self.views, None) {
            Ok(()) => search_index(&self.views, &views)?,
            Err(_) => scratch_search_index(&self.views)?,
        };
        match ask(&views, &shards) {
            Ok(found) => Ok(found),
            Err(AskError::Sql(error)) => Err(db::at(self.views_path())(error).into()),
            Err(AskError::Index(error)) => Err(ViewsError::from(error).into()),
        }
    }
}

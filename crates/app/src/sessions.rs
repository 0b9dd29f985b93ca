//! Sessions: listed, picked by a filter, shown in full.

use super::setup::App;
use crate::error::{AppError, Result};
use codex_ledger_db as db;
use codex_ledger_query::{self as query, Filter, FilterError, SessionDetail, SessionRow};

impl App {
    /// The newest sessions; `limit` 0 means all.
    ///
    /// # Errors
    /// When there are no views.
    pub fn sessions(&self, limit: usize) -> Result<Vec<SessionRow>> {
        let db = self.views_for_reading()?;
        Ok(query::sessions(&db, limit).map_err(db::at(self.views_path()))?)
    }

    /// The sessions that a filter picks, the newest first; `limit` 0 means all.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn sessions_matching(&self, filter: &Filter, limit: usize) -> Result<Vec<SessionRow>> {
        let db = self.views_for_reading()?;
        let found = query::sessions_matching(&db, filter, limit);
        found.map_err(|error| self.filter_error(error))
    }

    /// One session in full, by the beginning of its id; the newest one for an empty text.
    ///
    /// # Errors
    /// When none or several sessions begin so.
    pub fn session(&self, prefix: &str) -> Result<SessionDetail> {
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, prefix)?;
        Ok(query::session_detail(&db, session).map_err(db::at(self.views_path()))?)
    }

    /// Names the views, where it is they that cannot be read.
    pub(super) fn filter_error(&self, error: FilterError) -> AppError {
        match error {
            FilterError::Sql(error) => db::at(self.views_path())(error).into(),
            other => other.into(),
        }
    }
}

//! Sessions: listed, picked by a filter, shown in full.

use super::setup::App;
use crate::error::{AppError, Result};
use codex_ledger_db as db;
use codex_ledger_entry::StreamId;
use codex_ledger_query::{
    self as query, CallRow, FileRow, Filter, FilterError, PromptRow, RowPage, RowsAsked,
    SessionDetail, SessionRow,
};
use std::collections::BTreeMap;

/// The session that `SESSION` or `SESSION#N` names, and what stands behind the sign. A session may itself be called
/// `Mend issue #3`.
pub(super) fn named<'n>(
    db: &db::Connection,
    name: &'n str,
) -> Result<(SessionRow, Option<&'n str>)> {
    match (query::find_session(db, name), name.rsplit_once('#')) {
        (Err(query::FindError::None(_)), Some((session, number))) => {
            Ok((query::find_session(db, session)?, Some(number)))
        }
        (found, _) => Ok((found?, None)),
    }
}

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

    /// What was asked in the sessions that a filter picks, each prompt in one line, by session and number.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn prompt_titles(&self, filter: &Filter) -> Result<BTreeMap<(String, u64), String>> {
        let db = self.views_for_reading()?;
        query::prompt_titles(&db, filter).map_err(|error| self.filter_error(error))
    }

    /// The sessions that each of these has spawned, or that were forked from it, the oldest first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn children_of(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<SessionRow>>> {
        let db = self.views_for_reading()?;
        Ok(query::children_of(&db, ids).map_err(db::at(self.views_path()))?)
    }

    /// All prompts of each of these sessions, by its id, in order; as they were typed, and a text of more than so many characters is
    /// cut.
    ///
    /// # Errors
    /// When there are no views.
    pub fn prompts_of(
        &self,
        sessions: &[StreamId],
        chars: usize,
    ) -> Result<BTreeMap<String, Vec<PromptRow>>> {
        let db = self.views_for_reading()?;
        Ok(query::prompts_of(&db, sessions, chars).map_err(db::at(self.views_path()))?)
    }

    /// How many sessions a filter picks.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn count_matching(&self, filter: &Filter) -> Result<u64> {
        let db = self.views_for_reading()?;
        query::count_matching(&db, filter).map_err(|error| self.filter_error(error))
    }

    /// One session in full, by what [`query::find_session`] finds it by; `SESSION#N` is its Nth prompt with what
    /// followed.
    ///
    /// # Errors
    /// When none or several sessions are named so, or it has no such prompt.
    pub fn session(&self, name: &str) -> Result<SessionDetail> {
        let db = self.views_for_reading()?;
        let (session, number) = named(&db, name).map_err(|error| self.or_erased(name, error))?;
        let said = number.map(|said| (said, said.parse::<u64>().unwrap_or(0)));
        if let Some((said, number)) = said {
            self.prompt_place(&db, &session, number, &format!("`{said}`"))?;
        }
        let mut detail = query::session_detail(&db, session).map_err(db::at(self.views_path()))?;
        if let Some((_, number)) = said {
            let is_it = |group: &query::Group| {
                group.prompt.as_ref().is_some_and(|prompt| prompt.number == Some(number))
            };
            let group = query::group(detail.items).into_iter().find(is_it);
            let items = group.into_iter().flat_map(|of| of.prompt.into_iter().chain(of.items));
            detail.items = items.collect();
            // The next prompt's turn begins before it.
            let begins = |item: &query::Item| {
                item.kind == query::ItemKind::Turn && item.label.as_deref() == Some("started")
            };
            while detail.items.pop_if(|item| begins(item)).is_some() {}
        }
        Ok(detail)
    }

    /// Some of the prompts of sessions that a filter picks.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn prompts(&self, asked: RowsAsked<'_>) -> Result<RowPage<PromptRow>> {
        let db = self.views_for_reading()?;
        query::prompts(&db, asked).map_err(|error| self.filter_error(error))
    }

    /// Some of the calls of tools, with their outputs.
    ///
    /// # Errors
    /// As [`App::prompts`].
    pub fn calls(&self, asked: RowsAsked<'_>) -> Result<RowPage<CallRow>> {
        let db = self.views_for_reading()?;
        query::calls(&db, asked).map_err(|error| self.filter_error(error))
    }

    /// Some of the files that patches changed.
    ///
    /// # Errors
    /// As [`App::prompts`].
    pub fn files(&self, asked: RowsAsked<'_>) -> Result<RowPage<FileRow>> {
        let db = self.views_for_reading()?;
        query::files(&db, asked).map_err(|error| self.filter_error(error))
    }

    /// Names the views, where it is they that cannot be read.
    pub(super) fn filter_error(&self, error: FilterError) -> AppError {
        match error {
            FilterError::Sql(error) => db::at(self.views_path())(error).into(),
            other => other.into(),
        }
    }
}

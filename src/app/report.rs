//! Reports: from the views to the model that renderers read.

use super::core::App;
use crate::db;
use crate::error::{AppError, ErrorKind, Result};
use crate::ledger::read_head;
use crate::pricing::PriceTable;
use crate::query::{
    self, Filter, FilterError, Prompts, ReportPrompt, ReportReader, ReportRequest, ReportSession,
    SessionRow,
};

impl App {
    /// A report over the views as they are now, whatever is appended meanwhile.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn report(&self, request: ReportRequest, prices: &PriceTable) -> Result<ReportReader> {
        let db = self.views_for_reading()?;
        let report = ReportReader::open(db, request, prices);
        let mut report = report.map_err(|error| self.filter_error(error))?;
        // The ledger only grows: read after the views, its head is never behind them.
        let chain = read_head(self.dir())?.head.chain;
        report.know_ledger(chain.size(), &chain.id.to_string(), &chain.tree.root().to_string());
        Ok(report)
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

    fn filter_error(&self, error: FilterError) -> AppError {
        match error {
            FilterError::Sql(error) => db::at(self.views_path())(error).into(),
            other => other.into(),
        }
    }

    /// The prompts of a session in a report.
    ///
    /// # Errors
    /// As the database.
    pub fn prompts<'a>(
        &self,
        report: &'a ReportReader,
        session: &'a ReportSession,
    ) -> Result<Prompts<'a>> {
        Ok(report.prompts(session).map_err(db::at(self.views_path()))?)
    }

    /// The days of a report that have something to tell: their names, beginnings and ends.
    ///
    /// # Errors
    /// As the database.
    pub fn report_days(&self, report: &ReportReader) -> Result<Vec<(String, i64, i64)>> {
        Ok(report.days().map_err(db::at(self.views_path()))?)
    }

    /// The next prompt of a session in a report.
    ///
    /// # Errors
    /// As the database.
    pub fn next_prompt(&self, prompts: &mut Prompts<'_>) -> Result<Option<ReportPrompt>> {
        Ok(prompts.next_prompt().map_err(db::at(self.views_path()))?)
    }
}

impl From<FilterError> for AppError {
    fn from(error: FilterError) -> AppError {
        let hint = match &error {
            FilterError::Time { .. } => {
                "a day (2026-03-01), a time (2026-03-01T10:00:00Z), or how long ago (7d, 24h)"
                    .into()
            }
            FilterError::Backwards { .. } => "swap them".into(),
            FilterError::Unknown { option, nearest: Some(nearest), .. } => {
                format!("the nearest known value: {option} {nearest}")
            }
            FilterError::Unknown { .. } => "`codex-ledger sessions` lists what is there".into(),
            FilterError::NoSuch { .. } => "leave the option out".into(),
            FilterError::Several { .. } => "give more digits of the id".into(),
            FilterError::Sql(_) => "`codex-ledger rebuild-views` makes the views anew".into(),
        };
        AppError::new(ErrorKind::Usage, error.to_string()).hint(hint)
    }
}

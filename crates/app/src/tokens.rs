//! Token totals, what they would have cost, and why each record counts or not.

use super::setup::App;
use crate::error::Result;
use codex_ledger_db as db;
use codex_ledger_query::pricing::PriceTable;
use codex_ledger_query::{
    self as query, ExplainRow, Filter, PriceRow, TokenReport, TokenRequest, ToolCalls,
};

/// The usage records of a session.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// Its id.
    pub session: String,
    /// Each with the reason why it counts or not.
    pub records: Vec<ExplainRow>,
    /// How its cost comes about, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<PriceRow>,
}

impl App {
    /// Token totals and what they would have cost, with a price table over the one in the program.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn tokens(&self, request: &TokenRequest<'_>) -> Result<TokenReport> {
        let db = self.views_for_reading()?;
        query::tokens(&db, request).map_err(|error| self.filter_error(error))
    }

    /// The calls in what a filter picks, by tool, the most first.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn calls_by_tool(&self, filter: &Filter) -> Result<Vec<ToolCalls>> {
        let db = self.views_for_reading()?;
        query::calls_by_tool(&db, filter).map_err(|error| self.filter_error(error))
    }

    /// Every usage record of a session, with the reason why it counts or not.
    ///
    /// # Errors
    /// When none or several sessions begin so.
    pub fn explain_tokens(&self, prefix: &str, prices: Option<&PriceTable>) -> Result<Explanation> {
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, prefix)?;
        let records = query::explain(&db, session.stream).map_err(db::at(self.views_path()))?;
        let rows = prices.map(|prices| query::price_rows(&db, session.stream, prices));
        let prices = rows.transpose().map_err(db::at(self.views_path()))?.unwrap_or_default();
        Ok(Explanation { session: session.id, records, prices })
    }
}

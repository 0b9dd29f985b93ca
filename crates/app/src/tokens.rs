//! Token totals, what they would have cost, and why each record counts or not.

use super::setup::App;
use crate::error::Result;
use codex_ledger_db as db;
use codex_ledger_query::pricing::{PriceTable, WhatIf};
use codex_ledger_query::{self as query, ExplainRow, TokenBy, TokenReport, Zone};

/// The usage records of a session.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// Its id.
    pub session: String,
    /// Each with the reason why it counts or not.
    pub records: Vec<ExplainRow>,
}

impl App {
    /// Token totals and what they would have cost, with a price table over the one in the program.
    ///
    /// # Errors
    /// When there are no views.
    pub fn tokens(
        &self,
        by: TokenBy,
        zone: &Zone,
        prices: &PriceTable,
        what_if: &WhatIf,
    ) -> Result<TokenReport> {
        let db = self.views_for_reading()?;
        Ok(query::tokens(&db, by, zone, prices, what_if).map_err(db::at(self.views_path()))?)
    }

    /// Every usage record of a session, with the reason why it counts or not.
    ///
    /// # Errors
    /// When none or several sessions begin so.
    pub fn explain_tokens(&self, prefix: &str) -> Result<Explanation> {
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, prefix)?;
        let records = query::explain(&db, session.stream).map_err(db::at(self.views_path()))?;
        Ok(Explanation { session: session.id, records })
    }
}

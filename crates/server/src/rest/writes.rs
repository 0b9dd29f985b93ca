//! What changes something: by whom, once where it has a key of its own, and which entries say so.

use super::model::Whole;
use super::snapshot::{json, unwritable};
use super::told::Made;
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::{Desk, Once, Shared};
use axum::http::header::LOCATION;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use codex_ledger_app::{KeyedRequest, SeqRange};
use serde::Serialize;

/// Says that a request was done before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

impl From<SeqRange> for Made {
    fn from(of: SeqRange) -> Made {
        let first = (!of.is_empty()).then(|| of.from.into());
        Made { first, last: of.last().map(Whole::from), count: of.len() }
    }
}

impl Shared {
    /// Does something that makes entries, and tells of them: the same whether it was done now or before.
    pub(crate) async fn write<T: Serialize + Send + 'static>(
        &self,
        who: Who,
        request: Option<KeyedRequest>,
        work: impl FnOnce(&Desk) -> Result<SeqRange> + Send + 'static,
        tell: impl FnOnce(&Desk, SeqRange) -> Result<(String, T)> + Send + 'static,
    ) -> Result<Response> {
        let (entries, is_before) =
            match self.once(who.clone(), request, work).await.map_err(WebError::of_meaning)? {
                Once::Now(entries) => (entries, false),
                Once::Before(entries) => (entries, true),
            };
        let told = move |desk: &Desk| {
            let (to, value) = tell(desk, entries)?;
            Ok((to, serde_json::to_vec(&value).map_err(unwritable)?))
        };
        let (to, body) = self.at_desk(who, told).await?;
        let is_new = !entries.is_empty();
        let mut response = json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, body);
        if let Some(to) = HeaderValue::from_str(&to).ok().filter(|_| is_new) {
            response.headers_mut().insert(LOCATION, to);
        }
        if is_before {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}

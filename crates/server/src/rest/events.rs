//! Server-sent events: up to where the ledger goes, whenever that changes.

use super::asked::{Asked, Nothing};
use crate::access::Who;
use crate::error::Result;
use crate::state::Shared;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;

/// How often is looked whether there is more.
const LOOK: Duration = Duration::from_millis(500);
/// How often something is sent where nothing happens, so that both sides know of each other.
const ALIVE: Duration = Duration::from_secs(15);

/// Tells where the ledger ends, now and whenever that changes: `event: end`, `data` the number of the next entry.
#[utoipa::path(get, path = "/events", tag = "read",
    responses((status = 200, description = "Events", body = String, content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let first = shared.at_desk(who.clone(), |desk| Ok(desk.app.end()?)).await?;
    let told = stream::unfold((shared, who, headers, Some(first), None), |state| async move {
        let (shared, who, headers, mut next, told) = state;
        loop {
            if let Some(end) = next.take().filter(|end| told != Some(*end)) {
                let event = Event::default().event("end").id(end.to_string()).data(end.to_string());
                let state = (shared, who, headers, None, Some(end));
                return Some((Ok::<_, Infallible>(event), state));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = shared.stopped() => return None,
            }
            // A token that was taken back hears nothing more.
            shared.who(&headers)?;
            next = shared.at_desk(who.clone(), |desk| Ok(desk.app.end()?)).await.ok();
        }
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

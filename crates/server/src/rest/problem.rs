//! What is refused, as RFC 9457 has it.

use super::model::Whole;
use crate::error::WebError;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Where programs ask.
pub(crate) const PREFIX: &str = "/api/v1";
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// Seconds after which what was refused for now may be asked again.
const LATER: &str = "1";

/// Why a request was not done (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The entry that says what was asked for: it is recorded, and there is nothing to do again.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Whole>,
}

/// Whether a program asks, which reads problems and no pages.
pub(crate) fn is_api(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Gives programs a problem where people are shown a page.
pub(crate) async fn problems(request: Request, next: Next) -> Response {
    let is_api = is_api(request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    if !is_api || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let error = response.extensions().get::<WebError>().cloned();
    let error = error.unwrap_or_else(|| WebError::new(status, reason(status)));
    let mut told = of(error).into_response();
    // Which methods there are is said in a header.
    for (name, value) in response.headers() {
        if *name != CONTENT_TYPE && *name != axum::http::header::CONTENT_LENGTH {
            told.headers_mut().append(name.clone(), value.clone());
        }
    }
    told
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Not done")
}

fn of(error: WebError) -> impl IntoResponse {
    let WebError { status, message: detail, hint, recorded } = error;
    let recorded = recorded.map(Whole::from);
    let (kind, title) = ("about:blank", reason(status));
    let problem = Problem { kind, title, status: status.as_u16(), detail, hint, recorded };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(LATER));
        }
        _ => {}
    }
    response
}

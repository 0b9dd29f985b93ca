//! What a program asks: what stands behind the `?`, and JSON.

use crate::error::{Result, WebError};
use crate::params::{FORM_BYTES_MAX, FORM_PATIENCE};
use crate::state::Shared;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use codex_ledger_app::KeyedRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_CHARS_MAX: usize = 128;

/// What stands behind the `?`; a name that is not known is refused.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Asked<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Asked<T>> {
        let query = parts.uri.query().unwrap_or_default();
        if percent_encoding::percent_decode_str(query).decode_utf8().is_err() {
            return Err(WebError::bad("a parameter is no UTF-8"));
        }
        if query.contains("%00") {
            return Err(WebError::meaningless("a parameter has a NUL in it"));
        }
        let asked = serde_html_form::from_str(query);
        asked.map(Asked).map_err(|error| WebError::bad(format!("a parameter is wrong: {error}")))
    }
}

/// JSON that was sent, and the key of the request where it has one of its own.
pub(crate) struct Sent<T> {
    pub(crate) body: T,
    pub(crate) request: Option<KeyedRequest>,
}

impl<T: DeserializeOwned> FromRequest<Shared> for Sent<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, _: &Shared) -> Result<Sent<T>> {
        let key = key_of(request.headers())?;
        if !is_json(request.headers()) {
            let error = WebError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is no JSON");
            return Err(error.hint("send `application/json`"));
        }
        let asked = format!("{} {}", request.method(), request.uri());
        let bytes = whole(request, FORM_BYTES_MAX).await?;
        let wrong = |error| WebError::bad(format!("the JSON is not what is expected: {error}"));
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(wrong)?;
        if !value.is_object() {
            return Err(WebError::bad("the JSON is not what is expected: an object"));
        }
        let body = serde_json::from_value(value).map_err(wrong)?;
        let content = [asked.as_bytes(), b"\n", &bytes].concat();
        Ok(Sent { body, request: key.map(|key| KeyedRequest { key, content }) })
    }
}

/// A body as it was sent, in time and not too long.
async fn whole(request: Request, bytes_max: usize) -> Result<Bytes> {
    let body = axum::body::to_bytes(request.into_body(), bytes_max);
    let body = tokio::time::timeout(FORM_PATIENCE, body).await.map_err(|_| {
        WebError::new(StatusCode::REQUEST_TIMEOUT, "what was sent did not come in time")
    })?;
    body.map_err(|_| {
        let message = format!("this is longer than {bytes_max} bytes, or was not sent whole");
        WebError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    })
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = all.next() else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| {
        (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match (key, all.next()) {
        (Some(key), None) => Ok(Some(key.to_string())),
        _ => Err(WebError::bad(format!(
            "Idempotency-Key: one key of 1 to {KEY_CHARS_MAX} letters, digits and signs is expected"
        ))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, details) = kind.split_once(';').unwrap_or((kind, ""));
    let is_utf8 = details.trim().is_empty() || details.trim().eq_ignore_ascii_case("charset=utf-8");
    is_utf8 && kind.trim().eq_ignore_ascii_case("application/json")
}

/// Declares what stands behind a `?`: what narrows down sessions, and more.
macro_rules! filtered {
    ($(#[$of:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$of])*
        #[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
        #[serde(default, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            $($(#[$meta])* pub(crate) $field: $kind,)*
            /// From this day or moment on: `2026-02-09`, `2026-02-09T10:00:00Z`, or `7d` ago.
            pub(crate) since: Option<String>,
            /// Up to this day, which is in it as a whole, or before this moment.
            pub(crate) until: Option<String>,
            /// Of these sessions: ids, beginnings of ids, or names.
            pub(crate) session: Vec<String>,
            /// Of this repository.
            pub(crate) repo: Option<String>,
            /// In this directory, or below it.
            pub(crate) workspace: Option<String>,
            /// That used this model.
            pub(crate) model: Option<String>,
            /// Started from one of these: cli, vscode, exec, subagent, …
            pub(crate) source: Vec<String>,
            /// Only sessions that a person started.
            pub(crate) by_person: bool,
            /// With all these tags.
            pub(crate) tag: Vec<String>,
            /// Judged one of these.
            pub(crate) disposition: Vec<String>,
        }

        impl $name {
            /// The filter, with times understood: the same that commands take.
            pub(crate) fn filter(&self, desk: &$crate::state::Desk) -> $crate::error::Result<codex_ledger_query::Filter> {
                $crate::params::timed(
                    codex_ledger_query::Filter {
                        sessions: self.session.clone(),
                        repo: self.repo.clone(),
                        workspace: self.workspace.clone(),
                        model: self.model.clone(),
                        sources: self.source.clone(),
                        by_person: self.by_person,
                        tags: self.tag.clone(),
                        dispositions: self.disposition.clone(),
                        ..codex_ledger_query::Filter::default()
                    },
                    (self.since.as_deref(), self.until.as_deref()),
                    (&desk.zone, desk.now_ms),
                )
            }
        }
    };
}
pub(crate) use filtered;

/// Nothing is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

//! What an answer is made of: the entries up to one, and the question. Its tag says both, and a cursor goes on within both.

use super::asked::Asked;
use super::problem::PREFIX;
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::{Desk, Shared};
use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_ledger_app::Seq;
use serde::Serialize;

/// How often a question is asked again while entries come in between.
const TRIES_MAX: usize = 3;

/// What is asked, and what the client has of it already.
pub(crate) struct Question {
    /// Path and parameters, but for the cursor.
    text: String,
    /// Whether the answer changes by itself as time goes by.
    is_timeless: bool,
    known: Option<String>,
    cursor: Option<String>,
}

impl FromRequestParts<Shared> for Question {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Question> {
        let Asked(pairs) =
            Asked::<Vec<(String, String)>>::from_request_parts(parts, shared).await?;
        // Who may see more is answered more.
        let role = parts.extensions.get::<Who>().map_or("", |who| who.role.name());
        let mut text = format!("{role} {}", parts.uri.path());
        let (mut is_timeless, mut cursor) = (true, None);
        for (name, value) in pairs {
            match name.as_str() {
                "cursor" => cursor = Some(value),
                _ => {
                    is_timeless &= match name.as_str() {
                        "since" | "until" => value.contains('-'),
                        "q" => !value.contains("since:") && !value.contains("until:"),
                        _ => true,
                    };
                    text.push_str(&format!("\n{name}={value}"));
                }
            }
        }
        let known = parts.headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        Ok(Question { text, is_timeless, known: known.map(str::to_string), cursor })
    }
}

impl Question {
    /// The same, whose answer has no tag: it depends on more than on the ledger.
    pub(crate) fn without_tag(self) -> Question {
        Question { is_timeless: false, ..self }
    }
}

/// Where an answer stands: what a cursor is bound to.
pub(crate) struct Snapshot {
    /// The entry after those that are shown.
    end: Option<Seq>,
    question: String,
    cursor: Option<String>,
    instance: String,
}

impl Snapshot {
    /// The entry after those that are shown.
    pub(crate) fn end(&self) -> Option<Seq> {
        self.end
    }

    /// A digest of all that an answer depends on.
    fn version(&self) -> String {
        let end = self.end.map(|end| end.to_string()).unwrap_or_default();
        let parts = [&*self.instance, &*end, &*self.question];
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part.as_bytes());
        }
        hasher.finalize().to_hex().get(..32).unwrap_or_default().to_string()
    }

    fn tag(&self) -> String {
        format!("\"{}\"", self.version())
    }

    /// The place that the request goes on behind; none where it begins.
    pub(crate) fn place<const N: usize>(&self) -> Result<Option<[u64; N]>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let (version, place) = cursor.split_once('.').unwrap_or((cursor, ""));
        let numbers: Option<Vec<u64>> = place.split('-').map(|one| one.parse().ok()).collect();
        let ours =
            || WebError::bad("cursor: this is none of ours").hint("take `next` of the page before");
        let numbers = numbers.ok_or_else(ours)?;
        if version != self.version() {
            let error = WebError::new(
                StatusCode::GONE,
                "cursor: it belongs to another question, or the ledger has gone on since",
            );
            return Err(error.hint("ask for the first page again"));
        }
        let place = numbers.try_into().map_err(|_| ours())?;
        Ok(Some(place))
    }

    /// A cursor to go on behind a place.
    pub(crate) fn cursor<const N: usize>(&self, place: [u64; N]) -> String {
        format!("{}.{}", self.version(), place.map(|number| number.to_string()).join("-"))
    }
}

impl Shared {
    /// Answers a question out of what is shown, with its tag; says only that it is the same where the client has it already.
    pub(crate) async fn read<T: Serialize + Send + 'static>(
        &self,
        who: Who,
        question: Question,
        work: impl Fn(&Desk, &Snapshot) -> Result<T> + Send + 'static,
    ) -> Result<Response> {
        let instance = self.instance().to_string();
        let done = self.at_desk(who, move |desk| {
            let Question { text, is_timeless, known, cursor } = question;
            let of = |end| Snapshot {
                end,
                question: text.clone(),
                cursor: cursor.clone(),
                instance: instance.clone(),
            };
            let tag_of = |at: &Snapshot| {
                let cursor = cursor.as_deref().unwrap_or_default();
                is_timeless.then(|| format!("{}{cursor}\"", at.tag().trim_end_matches('"')))
            };
            // Whoever has seen all that there is needs no look at the views.
            let tag = tag_of(&of(desk.end));
            if let (Some(known), Some(tag)) = (&known, &tag)
                && is_among(known, tag)
            {
                return Ok((StatusCode::NOT_MODIFIED, Some(tag.clone()), Vec::new()));
            }
            for _ in 0..TRIES_MAX {
                let snapshot = of(desk.app.shown_to()?);
                let value = work(desk, &snapshot)?;
                if desk.app.shown_to()? == snapshot.end {
                    let body = serde_json::to_vec(&value).map_err(unwritable)?;
                    return Ok((StatusCode::OK, tag_of(&snapshot), body));
                }
            }
            Err(WebError::new(StatusCode::SERVICE_UNAVAILABLE, "entries come in all the time")
                .hint("ask again in a moment"))
        });
        let (status, tag, body) = done.await.map_err(WebError::of_meaning)?;
        let mut response = match status {
            StatusCode::NOT_MODIFIED => status.into_response(),
            _ => json(status, body),
        };
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
            response.headers_mut().insert(ETAG, tag);
        }
        let kept = HeaderValue::from_static("private, no-cache");
        response.headers_mut().insert(axum::http::header::CACHE_CONTROL, kept);
        Ok(response)
    }
}

/// Whether a tag is among those that a client names.
fn is_among(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one.trim_start_matches("W/") == tag)
}

pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(axum::http::header::CONTENT_TYPE, "application/json")], body).into_response()
}

pub(crate) fn unwritable(error: serde_json::Error) -> WebError {
    WebError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{PREFIX}: {error}"))
}

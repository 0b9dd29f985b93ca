//! What stands behind the `?` of an address, or in a form.

use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::{Desk, Shared};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use codex_ledger_app::{AppError, Times};
use codex_ledger_query::{Filter, FilterError, Search, Zone, since, until};
use std::convert::Infallible;
use std::time::Duration;

/// Of a form, none is longer.
pub(crate) const FORM_BYTES_MAX: usize = 256 * 1024;
/// A form that is sent is here within this time.
pub(crate) const FORM_PATIENCE: Duration = Duration::from_secs(10);
/// The field that each form has to bring back.
pub(crate) const FORM_SECRET: &str = "form_secret";

/// Names and values, in their order; a name may stand there again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(bytes: &[u8]) -> Params {
        let pairs = form_urlencoded::parse(bytes);
        Params(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first value of that name that says something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let of_name = self.0.iter().filter(|(of, _)| of == name);
        of_name.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }

    /// All values of that name that say something.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.0.iter().filter(move |(of, _)| of == name);
        of_name.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value of that name as it was sent, whatever blanks are in it.
    pub(crate) fn exact(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// A number, or an error that names it.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        let read = |text: &str| {
            text.parse().map_err(|_| WebError::bad(format!("{name}: `{text}` is no number")))
        };
        self.get(name).map(read).transpose()
    }

    /// The same with other values for one name; none takes it away.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> Params {
        let mut pairs: Vec<_> = self.0.iter().filter(|(of, _)| of != name).cloned().collect();
        pairs.extend(value.map(|value| (name.to_string(), value.to_string())));
        Params(pairs)
    }

    /// The same with one more.
    pub(crate) fn and(&self, name: &str, value: &str) -> Params {
        let mut pairs = self.0.clone();
        pairs.push((name.to_string(), value.to_string()));
        Params(pairs)
    }

    /// Only those that narrow down sessions.
    pub(crate) fn of_filter(&self) -> Params {
        let is_one = |(name, value): &&(String, String)| {
            FILTERS.contains(&name.as_str()) && !value.trim().is_empty()
        };
        Params(self.0.iter().filter(is_one).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An address with them.
    pub(crate) fn url(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_string();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.pairs());
        format!("{path}?{}", query.finish())
    }

    /// The filter, with times understood: the same that commands take.
    pub(crate) fn filter(&self, zone: &Zone, now_ms: i64) -> Result<Filter> {
        let list = |name: &str| self.all(name).map(str::to_string).collect::<Vec<_>>();
        let filter = Filter {
            sessions: list("session"),
            repo: self.get("repo").map(str::to_string),
            workspace: self.get("workspace").map(str::to_string),
            model: self.get("model").map(str::to_string),
            sources: list("source"),
            by_person: self.get("by_person").is_some(),
            tags: list("tag"),
            dispositions: list("disposition"),
            ..Filter::default()
        };
        timed(filter, (self.get("since"), self.get("until")), (zone, now_ms))
    }
}

/// A filter with its times understood.
pub(crate) fn timed(
    filter: Filter,
    (from, to): (Option<&str>, Option<&str>),
    (zone, now_ms): (&Zone, i64),
) -> Result<Filter> {
    let wrong = |error: FilterError| WebError::from(AppError::from(error));
    let filter = Filter {
        since_ms: from.map(|text| since(text, zone, now_ms)).transpose().map_err(wrong)?,
        until_ms: to.map(|text| until(text, zone, now_ms)).transpose().map_err(wrong)?,
        ..filter
    };
    filter.check(from, to).map_err(wrong)?;
    Ok(filter)
}

/// The words of a search and its times, understood.
pub(crate) fn question(desk: &Desk, asked: &str) -> Result<(Search, Times)> {
    let question = Search::parse(asked).map_err(|error| WebError::bad(error.to_string()))?;
    let times = (question.since.as_deref(), question.until.as_deref());
    let Filter { since_ms, until_ms, .. } =
        timed(Filter::default(), times, (&desk.zone, desk.now_ms))?;
    Ok((question, Times { since_ms, until_ms }))
}

const FILTERS: [&str; 10] = [
    "since",
    "until",
    "session",
    "repo",
    "workspace",
    "model",
    "source",
    "by_person",
    "tag",
    "disposition",
];

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Params, Infallible> {
        Ok(Params::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

/// A form that one of our pages, or a program with a token, has sent.
pub(crate) struct Posted(pub(crate) Params);

impl FromRequest<Shared> for Posted {
    type Rejection = WebError;

    async fn from_request(request: Request, _: &Shared) -> Result<Posted> {
        let who = request.extensions().get::<Who>().cloned();
        let form = read_form(request).await?;
        let is_ours = who.is_some_and(|who| match &who.form_secret {
            Some(secret) => form.exact(FORM_SECRET) == Some(secret),
            None => true,
        });
        if !is_ours {
            let error = WebError::new(StatusCode::FORBIDDEN, "this form is not one of these pages");
            return Err(error.hint("open the page again; nothing was changed"));
        }
        Ok(Posted(form.with(FORM_SECRET, None)))
    }
}

/// A form as it was sent.
pub(crate) async fn read_form(request: Request) -> Result<Params> {
    if !is_form(request.headers()) {
        let error = WebError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is no form");
        return Err(error.hint("send `application/x-www-form-urlencoded`"));
    }
    let body = axum::body::to_bytes(request.into_body(), FORM_BYTES_MAX);
    // Whoever sends slower holds a place that somebody else waits for.
    let body = tokio::time::timeout(FORM_PATIENCE, body)
        .await
        .map_err(|_| WebError::new(StatusCode::REQUEST_TIMEOUT, "the form did not come in time"))?;
    let body = body.map_err(|_| {
        let message =
            format!("the form is longer than {FORM_BYTES_MAX} bytes, or was not sent whole");
        WebError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    })?;
    if std::str::from_utf8(&body).is_err() {
        return Err(WebError::bad("the form is no UTF-8"));
    }
    Ok(Params::parse(&body))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, details) = kind.split_once(';').unwrap_or((kind, ""));
    let is_utf8 = details.trim().is_empty() || details.trim().eq_ignore_ascii_case("charset=utf-8");
    is_utf8 && kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_what_says_nothing_is_none() {
        let params = Params::parse(b"tag=a&tag=%20&tag=b+c&since=&x=%ff");
        assert_eq!(params.all("tag").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(params.get("since"), None);
        assert_eq!(params.of_filter().url("/"), "/?tag=a&tag=b+c");
        assert_eq!(params.with("tag", Some("é&")).of_filter().url("/q"), "/q?tag=%C3%A9%26");
        assert_eq!(Params::default().url("/"), "/");
    }
}

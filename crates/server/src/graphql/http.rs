//! GraphQL over HTTP: what is asked for in which form, and the status that an answer has.

use super::answer::{Answer, Asked, answer, status_of};
use super::{PATH, console};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::{FORM_BYTES_MAX, FORM_PATIENCE, Posted};
use crate::state::Shared;
use axum::Extension;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json};

/// In which form an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The media type of GraphQL's own answers, whose statuses say more.
    GraphQl,
    /// JSON, as older programs want it.
    Plain,
    /// A page.
    Page,
}

const FORMS: [(&str, &str, Form); 3] = [
    ("application", "graphql-response+json", Form::GraphQl),
    ("application", "json", Form::Plain),
    ("text", "html", Form::Page),
];

impl Form {
    /// The form that is wanted most; JSON where all are welcome, none where none of ours is.
    fn of(headers: &HeaderMap, with_page: bool) -> Option<Form> {
        let lines: Vec<&str> =
            headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
        let wanted = lines.join(",");
        if wanted.trim().is_empty() {
            return Some(Form::Plain);
        }
        let mut best: Option<(f32, Form)> = None;
        for one in wanted.split(',') {
            let mut parts = one.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let mut weight = 1.0;
            let mut is_utf8 = true;
            for part in parts {
                match part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                    Some(("q", value)) => weight = value.parse().unwrap_or(0.0),
                    Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                        is_utf8 = is_utf8_name(value);
                    }
                    _ => {}
                }
            }
            let form = match kind.split_once('/') {
                Some(("*", "*") | ("application", "*")) => Some(Form::Plain),
                Some(kind) => FORMS.iter().find(|(of, one, _)| (*of, *one) == kind).map(|of| of.2),
                None => None,
            };
            let form = form.filter(|form| is_utf8 && (with_page || *form != Form::Page));
            if let Some(form) = form.filter(|_| weight > 0.0)
                && best.is_none_or(|(known, _)| weight > known)
            {
                best = Some((weight, form));
            }
        }
        best.map(|(_, form)| form)
    }

    fn name(self) -> &'static str {
        match self {
            Form::GraphQl => "application/graphql-response+json; charset=utf-8",
            Form::Plain | Form::Page => "application/json; charset=utf-8",
        }
    }
}

fn is_utf8_name(name: &str) -> bool {
    name.trim_matches('"').eq_ignore_ascii_case("utf-8")
}

fn not_acceptable() -> Response {
    let error = WebError::new(StatusCode::NOT_ACCEPTABLE, "this is answered in JSON");
    let error = error.hint("accept `application/graphql-response+json` or `application/json`");
    respond(Form::Plain, &Answer::refused(error))
}

/// A query in an address, or the page to write one on.
pub(super) async fn get(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    match Form::of(request.headers(), true) {
        None => not_acceptable(),
        Some(Form::Page) => console::show(&shared, who, query).await,
        Some(form) => match asked_in_address(query) {
            Ok(asked) => respond(form, &answer(shared, who, asked, false).await),
            Err(error) => respond_wrong(form, error),
        },
    }
}

/// A query or mutation: as JSON, or as a form of our own page.
pub(super) async fn post(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    request: Request,
) -> Response {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("application/x-www-form-urlencoded") {
        return match Posted::from_request(request, &shared).await {
            Ok(Posted(form)) => console::run(shared, who, &form).await,
            Err(error) => error.into_response(),
        };
    }
    let Some(form) = Form::of(request.headers(), false) else { return not_acceptable() };
    if !is_json(&kind) {
        let message = "a request is `application/json` in UTF-8";
        return respond_wrong(form, WebError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    match asked_in_body(request).await {
        Ok(asked) => respond(form, &answer(shared, who, asked, true).await),
        Err(error) => respond_wrong(form, error),
    }
}

fn is_json(kind: &str) -> bool {
    let mut parts = kind.split(';').map(str::trim);
    let is_kind = parts.next() == Some("application/json");
    is_kind
        && parts.all(|part| match part.split_once('=') {
            Some((name, value)) if name.trim() == "charset" => is_utf8_name(value.trim()),
            _ => true,
        })
}

fn respond(form: Form, answer: &Answer) -> Response {
    response(form, status_of(answer, form == Form::Plain), answer)
}

/// The answer to what is no request.
fn respond_wrong(form: Form, error: WebError) -> Response {
    response(form, error.status, &Answer::refused(error))
}

fn response(form: Form, status: StatusCode, answer: &Answer) -> Response {
    let Ok(body) = serde_json::to_vec(answer) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, [(CONTENT_TYPE, form.name())], body).into_response();
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(Method::POST.as_str()));
    }
    response
}

/// Gives programs in their form what is refused before this is reached, where people are shown a page.
pub(crate) async fn refusals(request: Request, next: Next) -> Response {
    let form = Form::of(request.headers(), true).filter(|form| *form != Form::Page);
    let form = form.filter(|_| request.uri().path() == PATH);
    let refused = next.run(request).await;
    let status = refused.status();
    let kind = refused.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_own = kind.is_some_and(|kind| kind.starts_with(b"application/"));
    let Some(form) =
        form.filter(|_| !is_own && (status.is_client_error() || status.is_server_error()))
    else {
        return refused;
    };
    let error = refused.extensions().get::<WebError>().cloned();
    let error = error.unwrap_or_else(|| {
        WebError::new(status, status.canonical_reason().unwrap_or("this was not done"))
    });
    let mut told = respond_wrong(form, error);
    if let Some(methods) = refused.headers().get(ALLOW) {
        told.headers_mut().insert(ALLOW, methods.clone());
    }
    if status == StatusCode::UNAUTHORIZED {
        told.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    told
}

async fn asked_in_body(request: Request) -> Result<Asked> {
    let body = axum::body::to_bytes(request.into_body(), FORM_BYTES_MAX);
    let late = |_| WebError::new(StatusCode::REQUEST_TIMEOUT, "the request did not come in time");
    let long = |_| {
        let message =
            format!("the request is longer than {FORM_BYTES_MAX} bytes, or was not sent whole");
        WebError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    // Whoever sends slower holds a place that somebody else waits for.
    let body = tokio::time::timeout(FORM_PATIENCE, body).await.map_err(late)?.map_err(long)?;
    let text = std::str::from_utf8(&body).map_err(|_| WebError::bad("the request is no UTF-8"))?;
    let wrong = || WebError::bad("the request is no JSON");
    match serde_json::from_str(text).map_err(|_| wrong())? {
        Json::Object(fields) => asked_of(fields),
        Json::Array(_) => {
            let error = WebError::bad("several requests are not answered at once");
            Err(error.hint("send each by itself, or ask for several fields in one"))
        }
        _ => Err(WebError::bad("a request is an object with a `query`")),
    }
}

fn asked_in_address(query: &str) -> Result<Asked> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        // What is no UTF-8 is read as this sign.
        if value.contains('\u{fffd}') && !query.to_ascii_uppercase().contains("%EF%BF%BD") {
            return Err(WebError::bad(format!("{name}: this is no UTF-8")));
        }
        let value = match &*name {
            "query" | "operationName" => Json::String(value.into_owned()),
            "variables" | "extensions" if value.is_empty() => Json::Null,
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|_| WebError::bad(format!("{name}: this is no JSON")))?,
            _ => continue,
        };
        if fields.insert(name.to_string(), value).is_some() {
            return Err(WebError::bad(format!("{name} stands there twice")));
        }
    }
    if fields.get("operationName").is_some_and(|name| name == "") {
        fields.remove("operationName");
    }
    asked_of(fields)
}

/// What a request says; members that are not known are left alone.
pub(super) fn asked_of(mut fields: Map<String, Json>) -> Result<Asked> {
    let wrong = |name: &str, what: &str| WebError::bad(format!("{name}: this is no {what}"));
    let query = match fields.remove("query") {
        Some(Json::String(query)) => query,
        None => return Err(WebError::bad("there is no `query`")),
        Some(_) => return Err(wrong("query", "text")),
    };
    let operation = match fields.remove("operationName") {
        None | Some(Json::Null) => None,
        Some(Json::String(name)) => Some(name),
        Some(_) => return Err(wrong("operationName", "text")),
    };
    let variables = match fields.remove("variables") {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(variables)) => variables,
        Some(_) => return Err(wrong("variables", "object")),
    };
    match fields.remove("extensions") {
        None | Some(Json::Null | Json::Object(_)) => Ok(Asked { query, operation, variables }),
        Some(_) => Err(wrong("extensions", "object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_wanted_most_is_answered_in() {
        let form = |accept: &'static str, with_page: bool| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            Form::of(&headers, with_page)
        };
        assert_eq!(Form::of(&HeaderMap::new(), true), Some(Form::Plain));
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(form(browser, true), Some(Form::Page));
        assert_eq!(form(browser, false), Some(Form::Plain));
        let both = "application/json;q=0.5, Application/GraphQL-response+json; charset=utf-8";
        assert_eq!(form(both, true), Some(Form::GraphQl));
        assert_eq!(
            form("application/json, application/graphql-response+json", true),
            Some(Form::Plain)
        );
        for other in
            ["image/png", "application/json;q=0", "application/json; charset=latin1", "nothing"]
        {
            assert_eq!(form(other, true), None, "{other}");
        }
    }
}

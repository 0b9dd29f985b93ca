//! What every request passes, in this order: a host that is ours, an origin that is ours where something is to change,
//! somebody who has come in, a role that may.

use super::logins::Who;
use super::role::Right;
use super::theme::{self, Theme};
use crate::error::WebError;
use crate::state::Shared;
use crate::ui::enter;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

/// Name of the cookie of somebody who has come in. A browser sends one that begins so only over TLS, and only to the host that has
/// set it.
pub(crate) fn cookie_name(is_safe: bool) -> &'static str {
    if is_safe { "__Host-codex_ledger" } else { "codex_ledger" }
}
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses whoever does not pass; says who it is to those behind.
pub(crate) async fn guard(
    State(shared): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let Some(host) = host_of(request.uri(), headers).filter(|host| shared.is_host(host)) else {
        return WebError::new(StatusCode::MISDIRECTED_REQUEST, "this is not reached by that name")
            .hint("open the address that `codex-ledger serve` has printed, or name another host with --host")
            .into_response();
    };
    let is_twice = |name: HeaderName| headers.get_all(name).iter().nth(1).is_some();
    if is_twice(AUTHORIZATION) || is_twice(ORIGIN) || is_twice(FETCH_SITE) {
        return WebError::bad("a header that says who asks stands there twice").into_response();
    }
    let is_program = bearer(headers).is_some();
    let is_api = crate::rest::is_api(request.uri().path());
    if is_api && !is_program && cookie(headers, shared.is_safe()).is_none() {
        return unknown().into_response();
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    if changes && !is_from_here(&shared, headers, host, is_program) {
        return WebError::new(StatusCode::FORBIDDEN, "this was sent by a page of somebody else")
            .hint("nothing was changed; use the pages of this address")
            .into_response();
    }
    let path = request.uri().path();
    if path == enter::PATH || path.starts_with(crate::ui::assets::PREFIX) {
        return next.run(request).await;
    }
    match shared.who(headers) {
        Some(mut who) => {
            who.theme = named_cookie(headers, theme::COOKIE).and_then(Theme::named);
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        None if is_program => WebError::new(StatusCode::UNAUTHORIZED, "this token lets nobody in")
            .hint("`codex-ledger serve token list` says which are in use")
            .into_response(),
        None if is_api => unknown().into_response(),
        None => {
            let to = request.uri().path_and_query().map(|to| to.as_str()).filter(|_| !changes);
            let to = to.unwrap_or("/");
            enter::page(StatusCode::UNAUTHORIZED, (to, None))
        }
    }
}

fn unknown() -> WebError {
    WebError::new(StatusCode::UNAUTHORIZED, "no token was sent that lets anybody in")
        .hint("send `Authorization: Bearer TOKEN`; `codex-ledger serve token create` makes one")
}

/// Lets only those pass who have the right.
pub(crate) fn with_right(right: Right, handler: MethodRouter<Shared>) -> MethodRouter<Shared> {
    handler.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        let who = request.extensions().get::<Who>();
        match who.is_some_and(|who| who.role.may(right)) {
            true => next.run(request).await,
            false => {
                WebError::new(StatusCode::FORBIDDEN, format!("your role may not {}", right.words()))
                    .into_response()
            }
        }
    }))
}

/// The host that is asked for; none where the request is not clear about it.
fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut named = headers.get_all(HOST).iter();
    let host = named.next()?.to_str().ok()?;
    let is_clear = named.next().is_none()
        && uri.authority().is_none_or(|authority| authority.as_str() == host);
    is_clear.then_some(host)
}

/// Whether a request that changes something comes from our own pages, or from a program with a token, which no page of somebody
/// else can send.
fn is_from_here(shared: &Shared, headers: &HeaderMap, host: &str, is_program: bool) -> bool {
    let site = headers.get(FETCH_SITE).map(|site| site.as_bytes());
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let is_own = |origin: &str| origin == format!("{}://{host}", shared.scheme());
    match (site, origin) {
        (Some(site), _) if site != b"same-origin" => false,
        (_, Some(origin)) => is_own(origin),
        (_, None) => is_program,
    }
}

/// The token that a program sends.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The cookie of somebody who has come in.
pub(crate) fn cookie(headers: &HeaderMap, is_safe: bool) -> Option<&str> {
    named_cookie(headers, cookie_name(is_safe))
}

fn named_cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut named = pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted);
    named.next().map(|(_, value)| value)
}

//! Coming in: by the link that was printed, or with a token.

use super::layout::{self, Page};
use crate::access::{Who, cookie, cookie_name};
use crate::error::{Result, WebError};
use crate::params::{Params, Posted, read_form};
use crate::state::Shared;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::html;

/// Where one comes in.
pub(crate) const PATH: &str = "/enter";

pub(crate) async fn show() -> Response {
    page(StatusCode::OK, ("/", None))
}

/// The page on which one comes in. What stands behind `#` in its address is filled in by the script, or by hand.
pub(crate) fn page(status: StatusCode, (to, wrong): (&str, Option<&str>)) -> Response {
    let body = html! {
        h1 { "codex-ledger" }
        @if let Some(wrong) = wrong { p.refused role="alert" { (wrong) } }
        form.enter method="post" action=(PATH) {
            // Whoever came for a page gets there.
            input type="hidden" name="back" value=(to);
            label for="key" { "What stands behind the # in the link that was printed, or a token" }
            // So that a password manager can keep a token.
            input type="text" name="user" value="codex-ledger" autocomplete="username" hidden;
            input type="password" id="key" name="key" autocomplete="current-password" required autofocus;
            button { "Come in" }
        }
        p.quiet { "The link lets in once. " code { "codex-ledger serve token create" } " makes a token for somebody else." }
    };
    let page: Page = layout::bare("Come in", &body);
    (status, page).into_response()
}

pub(crate) async fn enter(State(shared): State<Shared>, request: Request) -> Result<Response> {
    let form: Params = read_form(request).await?;
    let back = super::review::back(&form).unwrap_or_else(|_| "/".into());
    let (key, now_ms) = (form.get("key").unwrap_or_default(), shared.now_ms());
    let failed =
        |_| WebError::new(StatusCode::INTERNAL_SERVER_ERROR, "the system gives no randomness");
    let by_link = shared.logins().open_link(key, now_ms).map_err(failed)?;
    let opened = match by_link {
        Some(cookie) => Some(cookie),
        None => match shared.tokens().find(key, now_ms) {
            Some(token) => Some(shared.logins().open_token(&token, now_ms).map_err(failed)?),
            None => None,
        },
    };
    let Some(cookie) = opened else {
        let wrong = "That lets nobody in: a link works once and for ten minutes, and a token until it ends.";
        return Ok(page(StatusCode::FORBIDDEN, (&back, Some(wrong))));
    };
    Ok(with_cookie(&shared, (cookie.text(), ""), &back))
}

pub(crate) async fn leave(
    State(shared): State<Shared>,
    Extension(_): Extension<Who>,
    headers: HeaderMap,
    Posted(_): Posted,
) -> Response {
    if let Some(cookie) = cookie(&headers, shared.is_safe()) {
        shared.logins().leave(cookie);
    }
    with_cookie(&shared, ("", "; Max-Age=0"), "/")
}

fn with_cookie(shared: &Shared, (value, more): (&str, &str), to: &str) -> Response {
    let name = cookie_name(shared.is_safe());
    let secure = if shared.is_safe() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    (StatusCode::SEE_OTHER, [(LOCATION, to), (SET_COOKIE, cookie.as_str())]).into_response()
}

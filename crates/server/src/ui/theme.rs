//! Light or dark by choice. Kept by the browser alone, so it is no entry.

use super::layout::form_secret;
use super::review;
use crate::access::{THEME_COOKIE, Theme, Who};
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::Shared;
use axum::extract::State;
use axum::http::header::{LOCATION, REFERER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

const AS_SYSTEM: &str = "system";
/// How long it is kept.
const KEPT_S: u32 = 365 * 24 * 60 * 60;

pub(crate) async fn choose(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Posted(form): Posted,
) -> Result<Response> {
    let chosen = form.get("theme").unwrap_or_default();
    let kept_s = match (Theme::named(chosen), chosen) {
        (Some(_), _) => KEPT_S,
        (None, AS_SYSTEM) => 0,
        _ => return Err(WebError::bad("theme: light, dark or system")),
    };
    let secure = if shared.is_safe() { "; Secure" } else { "" };
    let cookie = format!(
        "{THEME_COOKIE}={chosen}; Path=/; Max-Age={kept_s}; HttpOnly; SameSite=Strict{secure}"
    );
    Ok((StatusCode::SEE_OTHER, [(LOCATION, back(&headers)?), (SET_COOKIE, cookie)]).into_response())
}

/// The page on which it was chosen: browsers name it to us, and to nobody else.
fn back(headers: &HeaderMap) -> Result<String> {
    let page = headers.get(REFERER).and_then(|page| page.to_str().ok()).unwrap_or_default();
    let path = page.split_once("://").and_then(|(_, behind)| behind.split_once('/'));
    let path = path.map_or("/".to_string(), |(_, path)| format!("/{path}"));
    review::back(&Params::default().and("back", &path))
}

/// The form at the end of each page.
pub(super) fn form(who: &Who) -> Markup {
    let now = who.theme.map_or(AS_SYSTEM, Theme::name);
    let choices = [("light", "light"), ("dark", "dark"), (AS_SYSTEM, "as the system")];
    html! {
        form.theme method="post" action="/theme" {
            (form_secret(who))
            span { "Colours:" }
            @for (name, words) in choices {
                button.small name="theme" value=(name) aria-pressed=((now == name).to_string()) { (words) }
            }
        }
    }
}

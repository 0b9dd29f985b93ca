//! Where logs come from, and who may come in.

use super::layout::{self, Page, form_secret, shown};
use crate::access::{Token, Who};
use crate::error::{Result, WebError};
use crate::params::Posted;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
) -> Result<Page> {
    let tokens = shared.tokens().list().map_err(failed)?;
    shared.at_desk(who, move |desk| Ok(body(desk, &tokens))).await
}

pub(crate) async fn revoke(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let id = form.get("id").ok_or_else(|| WebError::bad("no token is named"))?;
    let token = shared.tokens().revoke(id, shared.now_ms()).map_err(failed)?;
    let what = format!("{}, {}, id {}", token.actor, token.role.name(), token.id);
    shared.at_desk(who, move |desk| Ok(desk.app.note_token(false, &what)?)).await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, "/settings")]).into_response())
}

fn failed(error: crate::access::TokenError) -> WebError {
    match error {
        crate::access::TokenError::Unknown(_) => WebError::missing(error.to_string()),
        _ => WebError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn body(desk: &Desk, tokens: &[Token]) -> Page {
    let markup = html! {
        h1 { "Settings" }
        h2 { "Where logs come from" }
        ul.roots {
            @for root in desk.app.roots() {
                li { code { (shown(&root.path.display().to_string())) } @if !root.exists { " " span.bad { "is not there" } } }
            }
        }
        p.quiet { "The ledger is in " code { (shown(&desk.app.dir().display().to_string())) } ". The configuration says more: " code { "codex-ledger config show" } "." }
        h2 { "Who may come in" }
        @if tokens.is_empty() { p { "You alone." } }
        ol.tokens { @for token in tokens { (listed(desk, token)) } }
        p.quiet { code { "codex-ledger serve token create" } " makes a token for somebody." }
    };
    layout::page(desk, "Settings", "/settings", &markup)
}

fn listed(desk: &Desk, of: &Token) -> Markup {
    let minute = |ms: u64| desk.zone.minute(ms as i64);
    html! {
        li {
            strong { (shown(&of.actor)) } " " (of.role.name()) " " code { (of.id) } " "
            @match (of.revoked_at_ms, of.is_valid(desk.now_ms as u64)) {
                (Some(at), _) => span.quiet { "taken back " (minute(at)) },
                (None, false) => span.quiet { "ended " (minute(of.ends_at_ms)) },
                (None, true) => {
                    span.quiet { "until " (minute(of.ends_at_ms)) }
                    form.undo method="post" action="/settings/revoke" {
                        (form_secret(&desk.who))
                        button name="id" value=(of.id) { "Take back" }
                    }
                },
            }
        }
    }
}

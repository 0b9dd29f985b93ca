//! Where logs come from, and who may come in.

use super::layout::{self, Page, form_secret, shown};
use crate::access::{DAYS_MAX, Role, Token, TokenError, Who};
use crate::error::{Result, WebError};
use crate::params::Posted;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::config::RetentionConfig;
use codex_ledger_app::publish::Gate;
use codex_ledger_report::numbers::plural;
use maud::{Markup, html};

/// For how many days a token is unless somebody says otherwise.
const DAYS: u64 = 90;
/// What each role may, in short.
const ROLES: [(Role, &str); 4] = [
    (Role::Viewer, "reads what is shown"),
    (Role::Reviewer, "also tags, judges, hides, and takes out reports"),
    (Role::Auditor, "reads what is shown and who did what, and takes out reports"),
    (Role::Admin, "everything, also what is hidden"),
];

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
) -> Result<Page> {
    let tokens = shared.tokens().list().map_err(failed)?;
    shared.at_desk(who, move |desk| Ok(body(desk, &tokens))).await
}

/// Makes a token and shows it, once: an entry says first who made it for whom.
pub(crate) async fn create(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Page> {
    let role = form.get("role").and_then(Role::named);
    let role = role.ok_or_else(|| WebError::bad("no role is named"))?;
    let (name, days) = (form.get("name").unwrap_or_default(), form.number("days")?.unwrap_or(DAYS));
    Token::check(name, role, days, &[&who.actor, shared.owner()]).map_err(failed)?;
    let (name, all) = (name.to_string(), shared.clone());
    let made = shared.at_desk(who, move |desk| {
        desk.app.note_token(true, &format!("{name}, {}, {days} days", role.name()))?;
        let (token, text) = all.tokens().create(&name, role, days, all.now_ms()).map_err(failed)?;
        Ok(made(desk, &token, &text))
    });
    made.await
}

fn made(desk: &Desk, of: &Token, text: &str) -> Page {
    let markup = html! {
        h1 { "A token for " (shown(&of.actor)) }
        p role="status" { "It is shown this once and kept nowhere: hand it on now." }
        p { code id="token" data-copy="" { (text) } }
        p {
            strong { (shown(&of.actor)) } " " (of.role.name()) " " code { (of.id) } ", until "
            (desk.zone.minute(of.ends_at_ms as i64)) ". It is pasted into the first page, or sent as "
            code { "Authorization: Bearer TOKEN" } "."
        }
        p { a href="/settings" { "To the settings" } }
    };
    layout::page(desk, "Token", "/settings", &markup)
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

fn failed(error: TokenError) -> WebError {
    match error {
        TokenError::Unknown(_) => WebError::missing(error.to_string()),
        TokenError::Nameless | TokenError::Days => WebError::bad(error.to_string()),
        TokenError::Own(_) => WebError::bad(error.to_string())
            .hint("go back and give it the name of who gets it; for yourself, make it an admin"),
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
        h3 { "Let somebody in" }
        form.apply method="post" action="/settings/token" {
            (form_secret(&desk.who))
            label { span { "Who gets it: what is done with it stands under this name" } input type="text" name="name" required maxlength="80" autocomplete="off"; }
            label { span { "Role" } select name="role" { @for (role, may) in ROLES { option value=(role.name()) { (role.name()) ": " (may) } } } }
            label { span { "For how many days" } input type="number" name="days" value=(DAYS) min="1" max=(DAYS_MAX) required; }
            p { button.main { "Make a token" } }
        }
        h2 { "What is not kept for ever" }
        (retention(desk.app.retention_config(), desk.gate().ok().as_deref()))
    };
    layout::page(desk, "Settings", "/settings", &markup)
}

/// `[retention]` as it is configured.
fn retention(of: &RetentionConfig, gate: Option<&Gate>) -> Markup {
    let RetentionConfig { raw_output_days, tags } = of;
    let clear = |tag: &str| match gate {
        Some(gate) => gate.hide(tag).unwrap_or_else(|| tag.to_string()),
        None => "(what is hidden cannot be read)".into(),
    };
    html! {
        @if raw_output_days.is_none() && tags.is_empty() { p { "Nothing: all is kept." } }
        @else {
            ul {
                @if let Some(days) = raw_output_days { li { "The raw output of commands and other tools that is older than " (plural(u64::from(*days), "day")) } }
                @for tag in tags { li { "Sessions with the tag " code { (shown(&clear(tag))) } } }
            }
        }
        p.quiet { "Nothing is erased by itself: " code { "codex-ledger erase --retention" } " takes it, and leaves what is held. It is set in the configuration, " code { "[retention]" } "." }
    }
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

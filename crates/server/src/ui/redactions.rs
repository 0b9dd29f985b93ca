//! Hiding: what it would hide, then why, then it is hidden; and the history, with a way back.

use super::layout::{self, Page, form_secret, piece, shown};
use super::review::back;
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::RedactRequest;
use codex_ledger_query::{Forecast, RedactionRow};
use codex_ledger_report::numbers::{number, plural};
use maud::{Markup, html};

/// Reasons that are often given.
const REASONS: [&str; 4] = ["a secret", "personal data", "of a customer", "not for this audience"];

/// How far hiding may reach, with the words for it.
const REACHES: [(&str, &str); 3] = [
    ("session", "in this session"),
    ("repository", "in this repository"),
    ("everywhere", "everywhere"),
];

/// The choice of how far it reaches.
pub(crate) fn reach(chosen: &str) -> Markup {
    html! {
        fieldset.reach {
            legend { "Hide it" }
            @for (name, words) in REACHES {
                label { input type="radio" name="reach" value=(name) checked[name == chosen]; " " (words) }
            }
        }
    }
}

/// What a form asks to hide.
fn request(desk: &Desk, form: &Params) -> Result<RedactRequest> {
    let reason = form.get("reason").or(form.get("preset")).unwrap_or_default().to_string();
    if let Some(prompt) = form.get("prompt") {
        return Ok(RedactRequest {
            prompt: Some(prompt.into()),
            reason,
            ..RedactRequest::default()
        });
    }
    let literal = form.exact("literal").unwrap_or_default().replace("\r\n", "\n");
    let literal = literal.trim().to_string();
    let mut request = RedactRequest {
        literal: Some(literal),
        exact_case: form.get("exact_case").is_some(),
        wide: form.get("wide").is_some(),
        reason,
        ..RedactRequest::default()
    };
    let of = form.get("of");
    match form.get("reach").unwrap_or("session") {
        "everywhere" => {}
        "session" => request.session = Some(needed(of)?.to_string()),
        "repository" => {
            let session = desk.app.session(needed(of)?)?.session;
            let missing = || WebError::bad("this session names no repository or directory");
            request.repo = Some(session.cwd.ok_or_else(missing)?);
        }
        other => return Err(WebError::bad(format!("`{other}` is no reach"))),
    }
    Ok(request)
}

fn needed(of: Option<&str>) -> Result<&str> {
    of.ok_or_else(|| WebError::bad("no session is named in which it is to be hidden"))
}

pub(crate) async fn preview(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Page> {
    let to = back(&form)?;
    let looked = shared.at_desk(who, move |desk| {
        let request = request(desk, &form)?;
        let forecast = match &request.literal {
            // Why is said on the page that this makes.
            Some(_) => {
                Some(desk.app.forecast(&RedactRequest { reason: "a look".into(), ..request })?)
            }
            None => {
                desk.app.subject(request.prompt.as_deref().unwrap_or_default())?;
                None
            }
        };
        Ok(preview_page(desk, &form, &to, forecast.as_ref()))
    });
    looked.await
}

fn preview_page(desk: &Desk, form: &Params, to: &str, forecast: Option<&Forecast>) -> Page {
    let keep = ["prompt", "literal", "of", "reach", "exact_case"];
    let markup = html! {
        h1 { "Hide" }
        @match forecast {
            Some(found) => (told(found)),
            None => p { "The whole prompt " code { (shown(form.get("prompt").unwrap_or_default())) } ", what was said and done after it stays." },
        }
        @if forecast.is_some() {
            form.again method="post" action="/redactions/preview" {
                (form_secret(&desk.who))
                input type="hidden" name="back" value=(to);
                @for name in ["literal", "of", "exact_case"] {
                    @if let Some(value) = form.exact(name) { input type="hidden" name=(name) value=(value); }
                }
                (reach(form.get("reach").unwrap_or("session")))
                button { "Look again" }
            }
        }
        form.apply method="post" action="/redactions/apply" {
            (form_secret(&desk.who))
            input type="hidden" name="back" value=(to);
            @for name in keep {
                @if let Some(value) = form.exact(name) { input type="hidden" name=(name) value=(value); }
            }
            fieldset {
                legend { "Why" }
                @for reason in REASONS {
                    label { input type="radio" name="preset" value=(reason); " " (reason) }
                }
                label { span { "or in your own words" } input type="text" name="reason" autocomplete="off" maxlength="500"; }
            }
            @if forecast.is_some() {
                label.check { input type="checkbox" name="wide" value="1"; " also where that hides much" }
            }
            p { button.main { "Hide it" } " " a href=(to) { "Leave it" } }
        }
        p.quiet { "It is hidden everywhere from here: on these pages, in search, in reports. The bytes stay in the ledger, and it can be shown again." }
    };
    layout::page(&desk.who, "Hide", "/redactions", &markup)
}

fn told(found: &Forecast) -> Markup {
    html! {
        @if found.passages == 0 {
            p { "Nothing that is shown now says this. It is hidden wherever it comes up later." }
        } @else {
            p { strong { (plural(found.passages, "passage")) } " in " (plural(found.sessions.len() as u64, "session")) ":" }
            ul.samples {
                @for sample in &found.samples {
                    li {
                        code { (piece(&sample.before)) mark { (shown(&sample.passage)) } (piece(&sample.behind)) }
                        @if let Some(session) = &sample.place.session {
                            " " a href=(format!("/sessions/{session}")) { (shown(&session.chars().take(8).collect::<String>())) }
                            " " span.quiet { (number(found.sessions.get(session).copied().unwrap_or(1))) " there" }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn apply(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let to = back(&form)?;
    let made = shared.at_desk(who, move |desk| {
        let request = request(desk, &form)?;
        let made = desk.app.redact(&[request], &mut |_| ())?;
        let made = made.into_iter().next();
        made.map(|made| made.redaction.seq)
            .ok_or_else(|| WebError::bad("nothing is named that is to be hidden"))
    });
    let seq = made.await?;
    let (path, at) = to.split_once('#').map_or((&*to, None), |(path, at)| (path, Some(at)));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let list = Params::default()
        .and("done", &seq.to_string())
        .and("back", &Params::parse(query.as_bytes()).url(path));
    let list = at.map_or(list.clone(), |_| list).url("/redactions");
    Ok((StatusCode::SEE_OTHER, [(LOCATION, list)]).into_response())
}

pub(crate) async fn undo(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let undone = shared.at_desk(who, move |desk| {
        let target = form.get("seq").ok_or_else(|| WebError::bad("no redaction is named"))?;
        let reason = form.get("reason").unwrap_or_default();
        Ok(desk.app.undo(target, reason, &mut |_| ())?.revocation.seq)
    });
    let list = Params::default().and("shown", &undone.await?.to_string()).url("/redactions");
    Ok((StatusCode::SEE_OTHER, [(LOCATION, list)]).into_response())
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| list_page(desk, &params)).await
}

fn list_page(desk: &Desk, params: &Params) -> Result<Page> {
    let rows = desk.app.redactions(params.get("all").is_none())?;
    let by_rules = desk.app.hidden_by_rules()?;
    let to = back(params)?;
    let markup = html! {
        @if let Some(seq) = params.number("done")? {
            (layout::toast(&format!("Hidden by entry {seq}."), Some(&html! { a href=(to) { "Back to where you were" } })))
        }
        @if let Some(seq) = params.number("shown")? {
            (layout::toast(&format!("Shown again by entry {seq}."), None))
        }
        h1 { "Redactions" }
        p.quiet { "Rules hide " (plural(by_rules, "passage")) " by themselves. " (plural(rows.iter().filter(|row| row.active).count() as u64, "redaction")) " by hand in force." }
        @if params.get("all").is_none() { p { a href="/redactions?all=1" { "Also those that were undone" } } }
        @if rows.is_empty() { p { "Nothing was hidden by hand. Select a passage in a session to hide it." } }
        ol.redactions data-list="" {
            @for row in &rows { (redaction(&desk.who, row, desk)) }
        }
    };
    Ok(layout::page(&desk.who, "Redactions", "/redactions", &markup))
}

fn redaction(who: &Who, of: &RedactionRow, desk: &Desk) -> Markup {
    html! {
        li.undone[!of.active] data-item="" {
            div {
                strong { (shown(&of.target)) }
                @if let Some(within) = &of.within { " in " (shown(within)) }
                @if let Some(field) = &of.field { " at " code { (shown(field)) } }
            }
            div.facts {
                span { "entry " (of.seq) }
                time { (desk.zone.minute(of.recorded_at_ms)) }
                @if let Some(actor) = &of.actor { span { (shown(actor)) } }
                span { (shown(&of.reason)) }
                @if of.active { span { (plural(of.passages, "passage")) } } @else { span { "undone" } }
            }
            @if of.active {
                form.undo method="post" action="/redactions/undo" {
                    (form_secret(who))
                    input type="text" name="reason" aria-label="Why it is shown again" placeholder="why" required autocomplete="off";
                    button name="seq" value=(of.seq) { "Show again" }
                }
            }
        }
    }
}

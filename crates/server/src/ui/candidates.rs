//! What looks like a secret and is shown: hidden or dismissed, one key each.

use super::layout::{self, Page, form_secret, piece, shown};
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::{RedactRequest, Seq, dismissal};
use codex_ledger_query::Candidate;
use codex_ledger_report::numbers::plural;
use maud::{Markup, html};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Candidates on a page.
const LISTED: usize = 50;
/// How old what was found may be, as long as nothing was decided since.
const STALE_AFTER: Duration = Duration::from_secs(60);

struct Found {
    /// The last decision of what may be shown; with another, other texts are.
    decision: Option<Seq>,
    at: Instant,
    all: Arc<Vec<Candidate>>,
}

/// What was found last: all texts are looked through for it.
#[derive(Default)]
pub(crate) struct CandidateCache(Mutex<Option<Found>>);

impl CandidateCache {
    fn all(&self, desk: &Desk) -> Result<Arc<Vec<Candidate>>> {
        let decision = desk.app.last_decision()?;
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let will_do = |of: &&Found| of.decision == decision && of.at.elapsed() < STALE_AFTER;
        if let Some(found) = known().as_ref().filter(will_do) {
            return Ok(found.all.clone());
        }
        let all = Arc::new(desk.app.candidates()?);
        *known() = Some(Found { decision, at: Instant::now(), all: all.clone() });
        Ok(all)
    }
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| body(desk, &params)).await
}

fn body(desk: &Desk, params: &Params) -> Result<Page> {
    let all = desk.candidates().all(desk)?;
    let dismissed = desk.app.dismissed()?;
    let waits = |of: &&Candidate| !dismissed.contains_key(&dismissal(&of.text));
    let waiting: Vec<&Candidate> = all.iter().filter(waits).collect();
    let done = params.number("done")?;
    let last = dismissed.iter().find(|(_, seq)| Some(seq.get()) == done);
    let markup = html! {
        @if let Some(seq) = done.filter(|_| desk.who.role.may(Right::Redact)) { (said(&desk.who, seq, last.map(|(dismissal, _)| dismissal.as_str()))) }
        h1 { "What looks like a secret and is shown" }
        p.quiet {
            (plural(waiting.len() as u64, "passage")) " that look random, as keys do, and that no rule hides"
            @if waiting.len() > LISTED { "; the most frequent " (LISTED) }
            @if !dismissed.is_empty() { " · " (plural(dismissed.len() as u64, "other")) " dismissed" }
            ". Most such passages are ids."
        }
        @if waiting.is_empty() { p { "Nothing waits. " a href="/redactions" { "To the redactions" } } }
        ol.hits data-list="" {
            @for (at, of) in waiting.iter().take(LISTED).enumerate() { (candidate(&desk.who, at, of)) }
        }
    };
    Ok(layout::page(desk, "Candidates", "/redactions", &markup))
}

fn candidate(who: &Who, at: usize, of: &Candidate) -> Markup {
    let first = &of.first;
    html! {
        li id=(format!("c{at}")) data-item="" {
            code { (piece(&first.before)) mark { (shown(&of.text)) } (piece(&first.behind)) }
            div.facts {
                span { (plural(of.passages, "time")) }
                span { (shown(&first.place.field)) }
                @if let Some(session) = &first.place.session {
                    a href=(format!("/sessions/{session}")) { "session " (shown(&session.chars().take(8).collect::<String>())) }
                }
            }
            @if who.role.may(Right::Redact) {
                form.judge.undo method="post" action="/candidates/say" {
                    (form_secret(who))
                    input type="hidden" name="at" value=(at);
                    button name="hide" value=(of.text) { "Hide everywhere (1)" }
                    button name="dismiss" value=(dismissal(&of.text)) { "It is no secret (2)" }
                }
            }
        }
    }
}

/// What was just done, with a way back.
fn said(who: &Who, seq: u64, dismissed: Option<&str>) -> Markup {
    let undo = html! {
        form method="post" action="/candidates/say" {
            (form_secret(who))
            @match dismissed {
                Some(dismissal) => button name="reconsider" value=(dismissal) data-key="u" { "Undo" },
                None => button name="undo" value=(seq) data-key="u" { "Undo" },
            }
        }
    };
    layout::toast(&format!("Recorded as entry {seq}."), Some(&undo))
}

pub(crate) async fn say(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let all = shared.clone();
    let at = form.number("at")?.unwrap_or(0);
    let is_undo = form.get("undo").or(form.get("reconsider")).is_some();
    let done = shared.at_desk(who, move |desk| {
        let _turn = all.deciding();
        if let Some(text) = form.get("hide") {
            return hide(desk, text);
        }
        if let Some(seq) = form.get("undo") {
            return Ok(desk.app.undo(seq, "undone at once", &mut |_| ())?.revocation.seq);
        }
        let is_dismissal = |text: &&str| {
            text.strip_prefix("passage ").is_some_and(|hash| {
                hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        };
        let named = |name: &str| form.get(name).filter(is_dismissal);
        match (named("dismiss"), named("reconsider")) {
            (Some(passage), _) => Ok(desk.app.dismiss(passage, true)?),
            (None, Some(passage)) => Ok(desk.app.dismiss(passage, false)?),
            (None, None) => Err(WebError::bad("nothing is said of a passage")),
        }
    });
    let done = done.await?.to_string();
    let list = Params::default().with("done", Some(&*done).filter(|_| !is_undo)).url("/candidates");
    Ok((StatusCode::SEE_OTHER, [(LOCATION, format!("{list}#c{at}"))]).into_response())
}

fn hide(desk: &Desk, text: &str) -> Result<Seq> {
    let request = RedactRequest {
        literal: Some(text.to_string()),
        reason: "a secret".into(),
        ..RedactRequest::default()
    };
    match desk.app.hidden_already(&request)? {
        Some(seq) => {
            let error =
                WebError::new(StatusCode::CONFLICT, format!("entry {seq} hides this already"));
            Err(error.hint("nothing was recorded; open the list again"))
        }
        None => Ok(desk.app.hide(&[request], &mut |_| ())?.from),
    }
}

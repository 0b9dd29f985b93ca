//! Hiding: what it would hide, then why, then it is hidden; and the history, with a way back.

use super::layout::{self, Page, form_secret, piece, shown};
use super::review::back;
use super::session::report_of;
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::{RedactRequest, Seq};
use codex_ledger_query::{Forecast, HiddenIn, Mode, RedactionRow};
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

/// Sessions that are named of those in which something is hidden.
const PLACES: usize = 5;

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
    let said: Vec<&str> = ["preset", "reason"].iter().filter_map(|name| form.get(name)).collect();
    let reason = said.join(": ");
    if let Some(prompt) = form.get("prompt") {
        return Ok(RedactRequest {
            prompt: Some(prompt.into()),
            reason,
            ..RedactRequest::default()
        });
    }
    if form.get("whole").is_some() {
        let entry = form.number("entry")?.map(Seq::new);
        return Ok(RedactRequest { entry, reason, ..RedactRequest::default() });
    }
    let pattern = form.get("pattern").map(str::to_string);
    let mut request = RedactRequest {
        literal: Some(passage(form)).filter(|_| pattern.is_none()),
        regex: pattern,
        wide: form.get("wide").is_some(),
        reason,
        ..RedactRequest::default()
    };
    let of = form.get("of");
    match form.get("reach").unwrap_or("session") {
        "everywhere" => {}
        "session" => request.session = Some(needed(of)?.to_string()),
        "repository" => {
            let gate = desk.gate()?;
            let report = report_of(desk, &gate, needed(of)?, Mode::Prompts)?;
            let session = report.head().sessions.first();
            let repo = session.and_then(|of| of.repo.clone().or(of.cwd.clone()));
            let missing = || WebError::bad("this session names no repository or directory");
            request.repo = Some(repo.ok_or_else(missing)?);
        }
        other => return Err(WebError::bad(format!("`{other}` is no reach"))),
    }
    Ok(request)
}

/// What was selected or written, as a form sends it.
pub(crate) fn passage(form: &Params) -> String {
    form.exact("literal").unwrap_or_default().replace("\r\n", "\n").trim().to_string()
}

/// Signs that Markdown may have between two words of which a page shows a blank, or nothing.
const BETWEEN: &str = r"[\s`*_~\[\]()#>|:-]{1,40}";
/// More words are a text of their own, which can be hidden as a whole.
const WORDS_MAX: usize = 200;

/// A pattern for a passage as a page shows it, whose text in the log has marks of Markdown in it.
fn pattern_with_marks(passage: &str) -> Option<String> {
    let words = passage.split_whitespace().count();
    (2..=WORDS_MAX).contains(&words).then(|| pattern_of(passage, BETWEEN))
}

/// A pattern that finds a passage, with this between its words.
pub(crate) fn pattern_of(passage: &str, between: &str) -> String {
    passage.split_whitespace().map(escaped).collect::<Vec<_>>().join(between)
}

/// A word that means itself in a pattern.
fn escaped(word: &str) -> String {
    let sign = |c: char| {
        let is_plain = !c.is_ascii_punctuation() || "_:;,'\"/=@%!<>`".contains(c);
        if is_plain { c.to_string() } else { format!("\\{c}") }
    };
    word.chars().map(sign).collect()
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
    shared.at_desk(who, move |desk| look(desk, &form, &to, None)).await
}

/// What a form would hide; with what is wrong with it, if something is.
fn look(desk: &Desk, form: &Params, to: &str, wrong: Option<&str>) -> Result<Page> {
    if form.get("prompt").is_some() || form.get("whole").is_some() {
        return Ok(preview_page(desk, form, to, (None, wrong)));
    }
    // Why is said on the page that this makes.
    let found_by = |form: &Params| {
        let request = RedactRequest { reason: "a look".into(), ..request(desk, form)? };
        Ok::<_, WebError>(desk.app.forecast(&request)?)
    };
    let found = found_by(form)?;
    if found.passages == 0
        && form.get("pattern").is_none()
        && let Some(pattern) = pattern_with_marks(&passage(form))
    {
        let form = form.with("pattern", Some(&pattern));
        let found = found_by(&form)?;
        if found.passages > 0 {
            return Ok(preview_page(desk, &form, to, (Some(&found), wrong)));
        }
    }
    Ok(preview_page(desk, form, to, (Some(&found), wrong)))
}

/// What it would hide, and one form: to look again, or to hide it.
fn preview_page(
    desk: &Desk,
    form: &Params,
    to: &str,
    (found, wrong): (Option<&Forecast>, Option<&str>),
) -> Page {
    let markup = html! {
        h1 { "Hide" }
        @if let Some(wrong) = wrong { p.refused role="alert" { (wrong) } }
        form.apply method="post" action="/redactions/apply" {
            (form_secret(&desk.who))
            input type="hidden" name="back" value=(to);
            @for name in ["prompt", "of", "entry", "whole", "pattern"] {
                @if let Some(value) = form.exact(name) { input type="hidden" name=(name) value=(value); }
            }
            @match found {
                Some(found) => {
                    input type="hidden" name="literal" value=(passage(form));
                    (told(found, form))
                    (reach(form.get("reach").unwrap_or("session")))
                    p {
                        button formaction="/redactions/preview" { "Look again" } " "
                        button formaction="/rules/rule" { "Make a rule of it" }
                        span.quiet { " that also finds what is like it, and what comes later" }
                    }
                },
                None => p { (whole(form)) },
            }
            fieldset {
                legend { "Why" }
                @for reason in REASONS {
                    label { input type="radio" name="preset" value=(reason) checked[form.get("preset") == Some(reason)]; " " (reason) }
                }
                label { span { "and in your own words" } input type="text" name="reason" autocomplete="off" maxlength="500"; }
            }
            @if found.is_some() {
                label.check { input type="checkbox" name="wide" value="1" checked[form.get("wide").is_some()]; " it may hide much" }
            }
            p { button.main { "Hide it" } " " a href=(to) { "Leave it as it is" } }
        }
        p.quiet { "What is hidden is gone from these pages, from search and from reports. The bytes stay in the ledger, and it can be shown again." }
    };
    layout::page(desk, "Hide", "/redactions", &markup)
}

/// A prompt, or a text as a whole.
fn whole(form: &Params) -> Markup {
    html! {
        @match form.get("prompt") {
            Some(prompt) => { "The whole prompt " code { (shown(prompt)) } "; what was said and done after it stays." },
            None => { "All that entry " (shown(form.get("entry").unwrap_or_default())) " says." },
        }
    }
}

fn told(found: &Forecast, form: &Params) -> Markup {
    html! {
        @if found.passages == 0 {
            p.refused { "Nothing that is shown now says exactly this." }
            p { "A passage that runs over several texts cannot be hidden at once. Select less"
                @if form.get("entry").is_some() { ", or " button name="whole" value="1" formaction="/redactions/preview" { "hide the text as a whole" } }
                ". Hidden now, it would be hidden wherever it comes up later."
            }
        } @else {
            p {
                "At least " strong { (plural(found.passages, "passage")) } " in " (plural(found.sessions.len() as u64, "session"))
                @if form.get("pattern").is_some() { ", whatever marks of Markdown stand between its words" }
                ":"
            }
            (samples(found))
        }
    }
}

/// Some of the passages that something would hide.
pub(crate) fn samples(found: &Forecast) -> Markup {
    html! {
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
        @if found.elsewhere > 0 {
            p { "Elsewhere, where this does not reach, it stands " (plural(found.elsewhere, "more time")) "." }
        }
    }
}

pub(crate) async fn apply(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let to = back(&form)?;
    let all = shared.clone();
    let made = shared.at_desk(who, move |desk| {
        if form.get("preset").or(form.get("reason")).is_none() {
            let page = look(desk, &form, &to, Some("Say why: choose a reason, or write one."))?;
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
        let request = request(desk, &form)?;
        // Of two who hide the same, the second is told.
        let _turn = all.deciding();
        if let Some(seq) = desk.app.hidden_already(&request)? {
            let error =
                WebError::new(StatusCode::CONFLICT, format!("entry {seq} hides this already"));
            return Err(error.hint("nothing was recorded; go on from the list of redactions"));
        }
        let seq = desk.app.hide(&[request], &mut |_| ())?.from;
        let list =
            Params::default().and("done", &seq.to_string()).and("back", &to).url("/redactions");
        Ok((StatusCode::SEE_OTHER, [(LOCATION, list)]).into_response())
    });
    made.await
}

pub(crate) async fn undo(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let all = shared.clone();
    let undone = shared.at_desk(who, move |desk| {
        let _turn = all.deciding();
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
    let seqs: Vec<Seq> = rows.iter().map(|row| row.seq).collect();
    let places = desk.app.hidden_in(&seqs, PLACES)?;
    let by_rules = desk.app.hidden_by_rules()?;
    let to = back(params)?;
    let markup = html! {
        @if let Some(seq) = params.number("done")? {
            (hidden_now(&desk.who, &rows, seq, &to))
        }
        @if let Some(seq) = params.number("shown")? {
            (layout::toast(&format!("Shown again by entry {seq}."), None))
        }
        h1 { "Redactions" }
        p.quiet { "Rules hide " (plural(by_rules, "passage")) " by themselves. " (plural(rows.iter().filter(|row| row.active).count() as u64, "redaction")) " by hand in force." }
        p { a href="/candidates" { "What looks like a secret and is shown" } }
        @if params.get("all").is_none() { p { a href="/redactions?all=1" { "Also those that were undone" } } }
        @if rows.is_empty() { p { "Nothing was hidden by hand. Select a passage in a session to hide it." } }
        ol.redactions data-list="" {
            @for (row, places) in rows.iter().zip(&places) { (redaction(&desk.who, row, places, desk)) }
        }
    };
    Ok(layout::page(desk, "Redactions", "/redactions", &markup))
}

/// What was just hidden, with two ways back.
fn hidden_now(who: &Who, rows: &[RedactionRow], seq: u64, to: &str) -> Markup {
    let passages = rows.iter().find(|row| row.seq.get() == seq).map_or(0, |row| row.passages);
    let ways = html! {
        form method="post" action="/redactions/undo" {
            (form_secret(who))
            input type="hidden" name="reason" value="undone at once";
            button name="seq" value=(seq) data-key="u" { "Undo" }
        }
        a href=(to) { "Back to where you were" }
    };
    layout::toast(&format!("Hidden by entry {seq}: {}.", plural(passages, "passage")), Some(&ways))
}

/// Where it is hidden; a session by its page.
fn place(within: &str) -> Markup {
    html! {
        @match within.strip_prefix("session:") {
            Some(id) => { " in session " a href=(format!("/sessions/{id}")) { (shown(id)) } },
            None => { " in " (shown(within)) },
        }
    }
}

fn redaction(who: &Who, of: &RedactionRow, places: &HiddenIn, desk: &Desk) -> Markup {
    let HiddenIn { sessions, total } = places;
    html! {
        li.undone[!of.active] data-item="" {
            div {
                strong { (shown(&of.target)) }
                @if let Some(within) = &of.within { (place(within)) }
                @if let Some(field) = &of.field { " at " code { (shown(field)) } }
            }
            div.facts {
                span { "entry " (of.seq) }
                time { (desk.zone.minute(of.recorded_at_ms)) }
                @if let Some(actor) = &of.actor { span { (shown(actor)) } }
                span { (shown(&of.reason)) }
                @if of.active { span { (plural(of.passages, "passage")) } } @else { span { "undone" } }
            }
            @if !sessions.is_empty() {
                p.quiet {
                    "Hidden in "
                    @for (index, (id, passages)) in sessions.iter().enumerate() {
                        @if index > 0 { ", " }
                        a href=(format!("/sessions/{id}")) { (shown(&id.chars().take(8).collect::<String>())) } " (" (number(*passages)) ")"
                    }
                    @if *total > sessions.len() as u64 { " and " (plural(total - sessions.len() as u64, "more session")) }
                    "."
                }
            }
            @if of.active && who.role.may(Right::Redact) {
                form.undo method="post" action="/redactions/undo" {
                    (form_secret(who))
                    input type="text" name="reason" aria-label="Why it is shown again" placeholder="why" required autocomplete="off";
                    button name="seq" value=(of.seq) { "Show again" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_its_words_and_lets_marks_stand_between_them() {
        let pattern = pattern_with_marks("gives 高潮 (a.b)").unwrap();
        assert_eq!(pattern, format!("gives{BETWEEN}高潮{BETWEEN}{}", r"\(a\.b\)"));
        assert_eq!(pattern_with_marks("oneword"), None, "a word is a text");
        assert_eq!(pattern_with_marks(&"word ".repeat(WORDS_MAX + 1)), None);
    }
}

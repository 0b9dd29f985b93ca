//! One session: prompt by prompt, some at a time.

use super::layout::{self, Page, form_secret, shown};
use super::{finder, redactions, review};
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::PriceTable;
use codex_ledger_app::publish::Gate;
use codex_ledger_query::{
    Beside, Filter, Mode, ReportHead, ReportPrompt, ReportReader, ReportRequest, ReportSession,
    Review,
};
use codex_ledger_report::numbers::plural;
use codex_ledger_report::prose;
use codex_ledger_report::story::{self, Story};
use codex_ledger_report::{session_facts, session_label};
use maud::{Markup, html};

/// Of fewer prompts there is no list.
const CONTENTS_MIN: usize = 3;
const BEGINNING_CHARS: usize = 80;
/// Prompts on a page.
const WINDOW: usize = 25;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response> {
    let shown = shared.at_desk(who, move |desk| match finder::first(desk, &id, &params)? {
        Some(hit) => Ok((StatusCode::SEE_OTHER, [(LOCATION, hit)]).into_response()),
        None => Ok(body(desk, &id, &params)?.into_response()),
    });
    shown.await
}

/// A report on one session, as a page needs it.
pub(crate) fn report_of(desk: &Desk, gate: &Gate, id: &str, mode: Mode) -> Result<ReportReader> {
    let filter = Filter { sessions: vec![id.to_string()], ..Filter::default() };
    let request = ReportRequest {
        title: None,
        mode,
        filter,
        since_said: None,
        until_said: None,
        zone: desk.zone.clone(),
        page: true,
        beside: Beside::default(),
        external: false,
        checkpoint: None,
    };
    Ok(desk.app.report(gate, request, PriceTable::builtin())?)
}

/// How much of a session is told.
fn mode_of(params: &Params) -> Mode {
    match params.get("show") {
        Some("talk") => Mode::Answers,
        Some("full") => Mode::Full,
        _ => Mode::Actions,
    }
}

fn body(desk: &Desk, id: &str, params: &Params) -> Result<Page> {
    let gate = desk.gate()?;
    let report = report_of(desk, &gate, id, mode_of(params))?;
    let head = report.head();
    let path = format!("/sessions/{id}");
    let here = params.with("done", None).with("at", None).url(&path);
    let from = params.number("from")?.unwrap_or(0);
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let Some(first) = head.sessions.first() else {
        return Err(WebError::missing(format!("there is no session `{id}`")));
    };
    let words = review::words(&desk.app);
    let mut told = Vec::new();
    for session in &head.sessions {
        let mut prompts = report.prompts(session).map_err(unreadable)?;
        let total = prompts.left();
        prompts.pass(from);
        let mut window = Vec::new();
        while window.len() < WINDOW {
            let Some(prompt) = prompts.next_prompt().map_err(unreadable)? else { break };
            window.push(prompt);
        }
        let next = (prompts.left() > 0).then(|| total - prompts.left());
        told.push((session, window, next));
    }
    let can_review = desk.who.role.may(Right::Review);
    let can_redact = desk.who.role.may(Right::Redact);
    let markup = html! {
        (review::done(desk, params, &here))
        (neighbours(desk, first)?)
        h1 { (shown(&session_label(first))) }
        (facts(head, first))
        (family(desk, first)?)
        (hidden(desk, first)?)
        (unreadable_records(head))
        (switch(params, &path))
        (within(desk, first, params))
        (finder::bar(desk, &first.id, params)?)
        @if can_review { (review::forms(&desk.who, &words, &first.id, &first.review, &here)) }
        @for (session, window, next) in &told {
            @if from > 0 { p { a href=(params.with("from", before(from).as_deref()).url(&path)) rel="prev" { "Earlier prompts" } } }
            (contents(window))
            div data-list="" data-session=(session.id) {
                @for prompt in window { (article((desk, &gate), &words, session, prompt, (&here, can_review))) }
            }
            @if let Some(next) = next {
                p { a href=(params.with("from", Some(&next.to_string())).url(&path)) rel="next" { "Later prompts" } }
            }
        }
        @if can_review { (review::bulk(desk, ("", 0), &Params::default(), (true, &here))) }
        @if can_redact { (hide(&desk.who, &first.id, &here)) }
    };
    Ok(layout::page(desk, &session_label(first), "/", &markup))
}

pub(crate) fn unreadable(error: impl std::fmt::Display) -> WebError {
    let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    WebError::new(status, format!("the views cannot be read: {error}"))
        .hint("do it again; if that does not help, run `codex-ledger rebuild-views`")
}

fn before(from: usize) -> Option<String> {
    Some(from.saturating_sub(WINDOW)).filter(|from| *from > 0).map(|from| from.to_string())
}

fn facts(head: &ReportHead, of: &ReportSession) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in session_facts(head, of) {
                @if !matches!(name, "tags" | "disposition" | "note") {
                    div { dt { (name) } dd { (value_of(name, &value)) } }
                }
            }
            div { dt { "resume" } dd { code data-copy="" { "codex resume " (shown(&of.id)) } } }
        }
    }
}

/// The sessions before and behind it in the list.
fn neighbours(desk: &Desk, of: &ReportSession) -> Result<Markup> {
    let [newer, older] = desk.app.neighbours(&of.id)?;
    let link = |id: &Option<String>, key: &str, words: &str| {
        html! { @if let Some(id) = id { a href=(format!("/sessions/{id}")) data-key=(key) { (words) } } }
    };
    Ok(html! {
        nav.beside aria-label="Neighbours" { (link(&newer, "[", "Newer session")) (link(&older, "]", "Older session")) a href="/" { "All" } }
    })
}

/// What it has spawned, and what was forked from it.
fn family(desk: &Desk, of: &ReportSession) -> Result<Markup> {
    let children = desk.app.children(&of.id)?;
    Ok(html! {
        @if !children.is_empty() {
            details.family {
                summary { (plural(children.len() as u64, "session")) " spawned by it or forked from it" }
                ul {
                    @for child in &children {
                        li {
                            a href=(format!("/sessions/{}", child.id)) { (shown(child.title.as_deref().unwrap_or(&child.id))) }
                            @if let Some(from) = child.started_from() { " " span.quiet { (shown(&from)) } }
                        }
                    }
                }
            }
        }
    })
}

/// What could not be read of it.
fn unreadable_records(head: &ReportHead) -> Markup {
    let coverage = &head.transparency.coverage;
    html! {
        @if coverage.unreadable > 0 {
            p.bad { (plural(coverage.unreadable, "record")) " of " (coverage.lines) " could not be read: what they said is not here." }
        }
    }
}

/// To find something in it, and to take it out.
fn within(desk: &Desk, of: &ReportSession, params: &Params) -> Markup {
    let export = Params::default().and("session", &of.id).url("/export");
    html! {
        form.within role="search" method="get" action=(format!("/sessions/{}", of.id)) {
            input type="search" name="find" value=(params.get("find").unwrap_or_default()) aria-label="Words in this session" placeholder="find in this session" autocomplete="off" spellcheck="false";
            button { "Find" }
            @if desk.who.role.may(Right::Export) { " " a href=(export) { "Export it" } }
        }
    }
}

/// The prompts of the page, to go to.
fn contents(prompts: &[ReportPrompt]) -> Markup {
    let numbered = || prompts.iter().filter_map(|prompt| Some((prompt.number?, prompt)));
    html! {
        @if numbered().count() > CONTENTS_MIN {
            details.contents {
                summary { (plural(numbered().count() as u64, "prompt")) " on this page" }
                ol {
                    @for (number, prompt) in numbered() {
                        @let failed = prompt.items.iter().filter(|item| item.has_failed()).count();
                        li {
                            a href=(format!("#p{number}")) { (number) " " (shown(&beginning(&prompt.text))) }
                            @if failed > 0 { " " span.bad { (failed) " failed" } }
                        }
                    }
                }
            }
        }
    }
}

/// Of what was asked, enough to know it again.
fn beginning(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(BEGINNING_CHARS).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}

/// What is hidden in it, and by what.
fn hidden(desk: &Desk, of: &ReportSession) -> Result<Markup> {
    let by = desk.app.passages_by_rule(Some(of.stream))?;
    let gate = desk.gate()?;
    // Somebody may have hidden the name of a rule.
    let name = |rule: &str| match rule {
        "" => "by hand".to_string(),
        rule => shown(&gate.hide(rule).unwrap_or_else(|| rule.to_string())),
    };
    Ok(html! {
        @if !by.is_empty() {
            p.quiet { "Hidden here: "
                @for (index, (rule, passages)) in by.iter().enumerate() {
                    @if index > 0 { ", " }
                    (name(rule)) " " (passages)
                }
                "."
            }
        }
    })
}

fn value_of(name: &str, value: &str) -> Markup {
    match name {
        "parent" => html! { a href=(format!("/sessions/{value}")) { (shown(value)) } },
        "session" => html! { code data-copy="" { (shown(value)) } },
        _ => html! { (shown(value)) },
    }
}

fn switch(params: &Params, path: &str) -> Markup {
    let now = params.get("show").unwrap_or("work");
    html! {
        nav.switch aria-label="How much" {
            @for (name, words) in [("talk", "prompts and answers"), ("work", "and what was done"), ("full", "everything")] {
                a href=(params.with("show", Some(name)).with("done", None).url(path)) aria-current=[(now == name).then_some("true")] { (words) }
            }
        }
    }
}

/// Of a longer text only so many bytes are on a page.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Makes the texts of a prompt such that a page can show them: long ones are cut.
fn readable(gate: &Gate, prompt: &mut ReportPrompt) {
    for text in
        std::iter::once(&mut prompt.text).chain(prompt.items.iter_mut().map(|of| &mut of.text))
    {
        cut(text);
        hide_split(gate, text);
    }
}

/// Where marks of Markdown split what is hidden, so that a page or a reader would put it together again, the words alone are
/// left, without it.
pub(crate) fn hide_split(gate: &Gate, text: &mut String) {
    if let Some(hidden) = gate.hide(&prose::words(text))
        && gate.hide(text).is_none()
    {
        *text = hidden;
    }
}

/// The same of a piece in which `⟦` and `⟧` mark what was found: the marks stand within its words.
pub(crate) fn clear_snippet(gate: &Gate, snippet: &str) -> String {
    let plain = snippet.replace(['⟦', '⟧'], "");
    let mut clear = plain.clone();
    hide_split(gate, &mut clear);
    if clear == plain { snippet.to_string() } else { clear }
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push_str(&format!("\n… {} in all; a report has them", plural(whole as u64, "byte")));
    }
}

/// A prompt, what followed it, and what is said of it.
pub(crate) fn article(
    (desk, gate): (&Desk, &Gate),
    words: &[String],
    session: &ReportSession,
    prompt: &ReportPrompt,
    (here, has_bulk): (&str, bool),
) -> Markup {
    let told = Story { zone: &desk.zone, is_for_review: true };
    let number = prompt.number.unwrap_or(0);
    let name = format!("{}#{number}", session.id);
    let at = format!("p{number}");
    let back = if has_bulk { format!("{here}#{at}") } else { here.to_string() };
    let with_choice = has_bulk && prompt.number.is_some();
    let mut shown_prompt = prompt.clone();
    // The forms say what is said of it.
    if desk.who.role.may(Right::Review) {
        shown_prompt.review = Review::default();
    }
    readable(gate, &mut shown_prompt);
    html! {
        article.prompt.back[prompt.rolled_back] id=(at) data-item="" {
            h2 {
                @if with_choice { (review::choice(&name, &format!("prompt {number}"))) }
                a href=(format!("#{at}")) { (story::prompt_heading(&desk.zone, prompt)) }
            }
            (story::prompt(told, &shown_prompt))
            @if prompt.number.is_some() && desk.who.role.may(Right::Review) {
                (review::forms(&desk.who, words, &name, &prompt.review, &back))
                @if desk.who.role.may(Right::Redact) {
                    form.hide-prompt method="post" action="/redactions/preview" {
                        (form_secret(&desk.who))
                        input type="hidden" name="back" value=(back);
                        button name="prompt" value=(name) { "Hide this prompt" }
                    }
                }
            }
        }
    }
}

/// The form that hides a passage: the script fills it in from what is selected.
pub(crate) fn hide(who: &Who, session: &str, here: &str) -> Markup {
    html! {
        section.hide aria-labelledby="hide-title" {
            h2 id="hide-title" { "Hide a passage" }
            form id="hide" method="post" action="/redactions/preview" {
                (form_secret(who))
                input type="hidden" name="back" value=(here);
                input type="hidden" name="of" value=(session);
                input type="hidden" name="entry";
                label { span { "Passage, as it stands above" } textarea name="literal" rows="2" required {} }
                (redactions::reach("session"))
                button { "See what it would hide" }
            }
        }
    }
}

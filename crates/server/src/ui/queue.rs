//! The queue: one prompt after the other, each with one key.

use super::layout::{self, Page, shown};
use super::queue_cache::{QueueCache, name_of};
use super::{review, session};
use crate::access::Who;
use crate::error::Result;
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use codex_ledger_query::{Mode, QueueItem};
use codex_ledger_report::numbers::{number, plural};
use codex_ledger_report::session_label;
use maud::{Markup, html};

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    let all = shared.clone();
    shared.at_desk(who, move |desk| body(desk, all.queue(), &params)).await
}

fn body(desk: &Desk, queue: &QueueCache, params: &Params) -> Result<Page> {
    let filter = params.of_filter();
    let filter = filter.with("disposition", None);
    let all = queue.items(desk, &filter)?;
    let judged_as = params.get("judged");
    let items: Vec<&QueueItem> = all
        .iter()
        .filter(|item| judged_as.is_none_or(|word| item.disposition.as_deref() == Some(word)))
        .collect();
    let judged = all.iter().filter(|item| item.disposition.is_some()).count();
    let place = match params.get("at") {
        Some(at) => items.iter().position(|item| name_of(item) == at),
        None => None,
    };
    // Without a place, the first one that waits, or of those that were asked for.
    let is_next = |item: &&&QueueItem| judged_as.is_some() || item.disposition.is_none();
    let place = place.or_else(|| items.first().filter(is_next).map(|_| 0));
    let filter = filter.with("judged", judged_as).with("show", params.get("show"));
    let link = |item: &&QueueItem| filter.with("at", Some(&name_of(item))).url("/queue");
    let home = filter.url("/queue");
    let markup = html! {
        (review::done(desk, params, &home))
        h1 { "Queue" }
        p.quiet {
            (number(judged as u64)) " of " (plural(all.len() as u64, "prompt")) " judged"
            @if !params.of_filter().is_empty() { " · only what matches · " a href="/queue" { "all" } }
        }
        nav.switch aria-label="Which" {
            a href=(filter.with("judged", None).url("/queue")) aria-current=[judged_as.is_none().then_some("true")] { "waiting" }
            @for word in review::words(&desk.app) {
                a href=(filter.with("judged", Some(&word)).url("/queue")) aria-current=[(judged_as == Some(&word)).then_some("true")] { (shown(&word)) }
            }
        }
        progress max=(all.len().max(1)) value=(judged) aria-label="Judged" {}
        @match place.and_then(|at| items.get(at).map(|item| (at, item))) {
            None => {
                @if items.is_empty() { p { "No prompt matches." } }
                @else { p { "Everything is judged. " a href=(filter.url("/")) { "To the sessions" } } }
            }
            Some((at, item)) => {
                nav.beside aria-label="Neighbours" {
                    @if let Some(before) = at.checked_sub(1).and_then(|at| items.get(at)) {
                        a href=(link(before)) rel="prev" data-key="k" { "Previous" }
                    }
                    @if let Some(next) = items.get(at + 1) {
                        a href=(link(next)) rel="next" data-key="j" { "Next" }
                    }
                    a href=(format!("/sessions/{}?from={}#p{}", item.session, item.prompt.saturating_sub(3), item.prompt)) data-key="Enter" { "In its session" }
                }
                @let next = items.get(at + 1).filter(|next| judged_as.is_none() && at > 0 && next.disposition.is_none());
                (why(item))
                (one(desk, item, &next.map_or(home.clone(), link), params)?)
            }
        }
        @if judged < all.len() && judged_as.is_none() {
            (review::bulk(desk, ("queue", (all.len() - judged) as u64), &filter.of_filter(), (false, &home)))
        }
    };
    Ok(layout::page(desk, "Queue", "/queue", &markup))
}

/// Why it is worth a look.
fn why(item: &QueueItem) -> Markup {
    html! {
        p.why {
            @if item.failed > 0 { span.bad { (plural(item.failed, "failed call")) } }
            @if item.files > 0 { span { (plural(item.files, "file change")) } }
            @if item.hidden > 0 { span { (plural(item.hidden, "hidden passage")) } }
        }
    }
}

fn one(desk: &Desk, item: &QueueItem, home: &str, params: &Params) -> Result<Markup> {
    // What made it risky may stand in an output.
    let mode = match params.get("show") {
        Some("talk") => Mode::Answers,
        Some("work") => Mode::Actions,
        _ => Mode::Full,
    };
    let gate = desk.gate()?;
    let report = session::report_of(desk, &gate, &item.session, mode)?;
    let words = review::words(&desk.app);
    let here = Params::parse(home.split_once('?').map_or("", |(_, query)| query).as_bytes());
    let here = here.with("at", Some(&name_of(item))).url("/queue");
    for of in &report.head().sessions {
        let mut prompts = report.prompts(of).map_err(session::unreadable)?;
        prompts.pass(usize::try_from(item.prompt).unwrap_or(usize::MAX));
        let prompt = prompts.next_prompt().map_err(session::unreadable)?;
        if let Some(prompt) = prompt.filter(|prompt| prompt.number == Some(item.prompt)) {
            return Ok(html! {
                p.in-session { (shown(&session_label(of))) }
                div.queue data-session=(of.id) { (session::article((desk, &gate), &words, of, &prompt, (home, false))) }
                (session::hide(&desk.who, &of.id, &here))
            });
        }
    }
    Ok(html! { p { "This prompt is not shown any more." } })
}

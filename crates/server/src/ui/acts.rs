//! For auditors: who did what and why.

use super::layout::{self, Page, shown};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use codex_ledger_query::{ActFilter, ActRow, day_ms};
use maud::{Markup, html};

/// Acts on a page.
const PAGE: u64 = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| body(desk, &params)).await
}

fn body(desk: &Desk, params: &Params) -> Result<Page> {
    // A last day is in it as a whole.
    let day = |name: &str, more_ms: i64| {
        let read = |text: &str| match day_ms(text, &desk.zone) {
            Some(ms) => Ok(ms + more_ms),
            None => Err(WebError::bad(format!("{name}: `{text}` is no day such as 2026-02-09"))),
        };
        params.get(name).map(read).transpose()
    };
    let filter = ActFilter {
        actor: params.get("actor").map(str::to_string),
        kinds: params.all("kind").map(str::to_string).collect(),
        target: params.get("target").map(str::to_string),
        since_ms: day("since", 0)?,
        until_ms: day("until", DAY_MS)?,
    };
    let (mut acts, kinds) = desk.app.acts(&filter)?;
    acts.reverse();
    let pages = (acts.len() as u64).div_ceil(PAGE).max(1);
    let page = params.number("page")?.unwrap_or(1).clamp(1, pages);
    let skipped = usize::try_from((page - 1) * PAGE).unwrap_or(usize::MAX);
    let value = |name: &str| params.get(name).unwrap_or_default().to_string();
    let markup = html! {
        h1 { "Log of acts" }
        p { a href="/audit" { "Audit" } ": whether all of it is as it was written" }
        form.filters method="get" action="/acts" {
            label { span { "who" } input type="text" name="actor" value=(value("actor")); }
            label { span { "what" }
                select name="kind" {
                    option value="" { "anything" }
                    @for kind in &kinds { option value=(kind) selected[params.all("kind").any(|of| of == kind)] { (shown(kind)) } }
                }
            }
            label { span { "of what" } input type="text" name="target" value=(value("target")); }
            label { span { "since" } input type="date" name="since" value=(value("since")); }
            label { span { "until" } input type="date" name="until" value=(value("until")); }
            button { "Filter" }
        }
        @if acts.is_empty() { p { "Nothing was done that matches." } }
        section.wide tabindex="0" aria-label="Acts" {
            table.sheet {
                thead { tr { th scope="col" { "entry" } th scope="col" { "when" } th scope="col" { "who" } th scope="col" { "what" } th scope="col" { "of what" } th scope="col" { "why" } } }
                tbody { @for act in acts.iter().skip(skipped).take(PAGE as usize) { (row(desk, act)) } }
            }
        }
        (layout::pager("/acts", params, page, pages))
    };
    Ok(layout::page(desk, "Log of acts", "/audit", &markup))
}

/// Of what it was; a session by its page.
fn target(text: &str) -> Markup {
    let is_id = |id: &str| id.len() == 36 && id.bytes().filter(|byte| *byte == b'-').count() == 4;
    html! {
        @match text.get(..36).filter(|id| is_id(id)) {
            Some(id) => a href=(format!("/sessions/{id}")) { (shown(text)) },
            None => (shown(text)),
        }
    }
}

fn row(desk: &Desk, act: &ActRow) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(format!("/entries/{}", act.seq)) { (act.seq) } }
            td { (desk.zone.minute(act.recorded_at_ms)) }
            td { (shown(act.actor.as_deref().unwrap_or("-"))) }
            td { (shown(&act.kind)) }
            td { (target(&act.target)) }
            td { (shown(act.reason.as_deref().unwrap_or_default())) }
        }
    }
}

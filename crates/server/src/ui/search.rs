//! Search over all texts that are shown.

use super::layout::{self, Page, piece, shown};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use codex_ledger_app::Times;
use codex_ledger_query::{Hits, Search, SearchHit};
use codex_ledger_report::numbers::plural;
use maud::{Markup, html};

/// Hits on a page.
const HITS: usize = 50;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| body(desk, &params)).await
}

fn body(desk: &Desk, params: &Params) -> Result<Page> {
    let asked = params.get("q");
    let found = asked.map(|asked| find(desk, asked)).transpose()?;
    let markup = html! {
        h1 { "Search" }
        form.search role="search" method="get" action="/search" {
            input type="search" name="q" value=(asked.unwrap_or_default()) aria-label="Words" autofocus[asked.is_none()] autocomplete="off" spellcheck="false"
                placeholder="words, \"a phrase\", in:output, repo:name, failed:yes";
            button { "Search" }
        }
        @if let Some(found) = &found {
            p.quiet role="status" { (plural(found.total, "hit")) @if found.total > found.hits.len() as u64 { ", the best " (found.hits.len()) } }
            ol.hits data-list="" { @for hit in &found.hits { (hit_row(desk, hit)) } }
        }
    };
    Ok(layout::page(desk, "Search", "/search", &markup))
}

pub(super) fn find(desk: &Desk, asked: &str) -> Result<Hits> {
    let question = Search::parse(asked).map_err(|error| WebError::bad(error.to_string()))?;
    let times = Times { since_ms: None, until_ms: None };
    Ok(desk.app.search(&question, times, HITS)?)
}

fn hit_row(desk: &Desk, hit: &SearchHit) -> Markup {
    let from = hit.prompt.saturating_sub(3);
    let to = format!("/sessions/{}?from={from}#p{}", hit.session, hit.prompt);
    html! {
        li data-item="" {
            a.title href=(to) { (shown(hit.title.as_deref().unwrap_or(&hit.session))) " #" (hit.prompt) }
            div.facts {
                @if let Some(at) = hit.at_ms { time { (desk.zone.minute(at)) } }
                @if let Some(tool) = &hit.tool { span { (shown(tool)) } }
                @if let Some(code) = hit.exit_code { span.bad[code != 0] { "exit " (code) } }
            }
            p.snippet { (snippet(&hit.snippet)) }
        }
    }
}

/// What was found stands between these.
fn snippet(text: &str) -> Markup {
    html! {
        @for text in text.split_inclusive('⟧') {
            @match text.strip_suffix('⟧').and_then(|text| text.split_once('⟦')) {
                Some((before, found)) => { (piece(before)) mark { (shown(found)) } },
                None => (piece(text)),
            }
        }
    }
}

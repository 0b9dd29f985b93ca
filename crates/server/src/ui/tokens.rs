//! Usage and cost.

use super::layout::{self, Page, shown};
use super::sessions::{filters, money};
use crate::access::Who;
use crate::error::Result;
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use codex_ledger_app::{PriceTable, WhatIf};
use codex_ledger_query::{TokenBy, TokenReport, TokenRequest, TokenRow, TokenSums};
use codex_ledger_report::numbers::number;
use maud::{Markup, html};
use std::collections::BTreeMap;

const WAYS: [(&str, TokenBy); 4] = [
    ("day", TokenBy::Day),
    ("model", TokenBy::Model),
    ("repository", TokenBy::Repo),
    ("session", TokenBy::Session),
];

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| body(desk, &params)).await
}

fn body(desk: &Desk, params: &Params) -> Result<Page> {
    let chosen = params.get("by").unwrap_or("day");
    let (name, by) = WAYS.into_iter().find(|(name, _)| *name == chosen).unwrap_or(WAYS[0]);
    let filter = params.of_filter().filter(&desk.zone, desk.now_ms)?;
    let prices = PriceTable::builtin();
    let what_if = WhatIf::default();
    let request = TokenRequest { by: vec![by], filter, zone: &desk.zone, prices, what_if };
    let mut report = desk.app.tokens(&request)?;
    if by != TokenBy::Day {
        let cost = |row: &TokenRow| row.sums.cost_usd.unwrap_or_default();
        report
            .rows
            .sort_by(|a, b| cost(b).total_cmp(&cost(a)).then(b.sums.total.cmp(&a.sums.total)));
    }
    let titles: BTreeMap<String, String> = match by {
        TokenBy::Session => {
            let sessions = desk.app.sessions_matching(&request.filter, 0)?.into_iter();
            sessions.filter_map(|session| Some((session.id, session.title?))).collect()
        }
        _ => BTreeMap::new(),
    };
    let markup = html! {
        h1 { "Tokens and cost" }
        nav.switch aria-label="By" {
            @for (way, _) in WAYS {
                a href=(params.with("by", Some(way)).url("/tokens")) aria-current=[(way == name).then_some("true")] { "by " (way) }
            }
        }
        (filters(desk, params, "/tokens")?)
        (table(name, &report, &titles, params))
        p.quiet { "Cost is what the API would ask, at the prices of each day; table of " (report.price_date) "." }
    };
    Ok(layout::page(desk, "Tokens and cost", "/tokens", &markup))
}

fn table(
    name: &str,
    report: &TokenReport,
    titles: &BTreeMap<String, String>,
    params: &Params,
) -> Markup {
    let heads = ["input", "cached", "output", "reasoning", "total", "cost"];
    let cells = |sums: &TokenSums| {
        let numbers = [sums.input, sums.cached, sums.output, sums.reasoning, sums.total];
        let values = numbers.map(number).into_iter().chain([money(sums)]);
        html! { @for (head, value) in heads.iter().zip(values) { td data-head=(head) { (value) } } }
    };
    html! {
        section.wide tabindex="0" aria-label="Table" {
            table.sums {
                thead { tr { th scope="col" { (name) } @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in &report.rows { tr { th scope="row" { (key(name, &row.key, titles, params)) } (cells(&row.sums)) } }
                }
                tfoot { tr { th scope="row" { "total" } (cells(&report.total)) } }
            }
        }
    }
}

/// What a row is about, with a link to its sessions; a session by its title.
fn key(name: &str, key: &str, titles: &BTreeMap<String, String>, params: &Params) -> Markup {
    let filter = params.of_filter();
    let (to, words) = match name {
        "session" => (format!("/sessions/{key}"), titles.get(key).map_or(key, String::as_str)),
        "day" => (filter.with("since", Some(key)).with("until", Some(key)).url("/"), key),
        "model" => (filter.with("model", Some(key)).url("/"), key),
        _ => (filter.with("repo", Some(key)).url("/"), key),
    };
    html! { a href=(to) { (shown(words)) } }
}

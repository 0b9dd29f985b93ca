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
use codex_ledger_query::{TokenBy, TokenReport, TokenRequest, TokenRow, TokenSums, ToolCalls};
use codex_ledger_report::numbers::number;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The calls, beside the ways in which tokens are added up.
const TOOL: &str = "tool";
const WAYS: [(&str, TokenBy); 5] = [
    ("day", TokenBy::Day),
    ("model", TokenBy::Model),
    ("repository", TokenBy::Repo),
    ("session", TokenBy::Session),
    ("hour", TokenBy::Hour),
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
    if chosen == TOOL {
        let filter = params.of_filter().filter(&desk.zone, desk.now_ms)?;
        let tools = desk.app.calls_by_tool(&filter)?;
        let said = "Calls that were copied from a parent are not counted again; one has failed where its exit code is not 0, or it says so.";
        let markup =
            html! { (head(desk, params, TOOL)?) (calls(&tools, params)) p.quiet { (said) } };
        return Ok(layout::page(desk, "Calls by tool", "/tokens", &markup));
    }
    let (name, by) = WAYS.into_iter().find(|(name, _)| *name == chosen).unwrap_or(WAYS[0]);
    let filter = params.of_filter().filter(&desk.zone, desk.now_ms)?;
    let prices = PriceTable::builtin();
    let what_if = WhatIf::default();
    let request = TokenRequest { by: vec![by], filter, zone: &desk.zone, prices, what_if };
    let mut report = desk.app.tokens(&request)?;
    if !matches!(by, TokenBy::Day | TokenBy::Hour) {
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
        (head(desk, params, name)?)
        (table(name, &report, &titles, params))
        p.quiet { "Cost is what the API would ask, at the prices of each day; table of " (report.price_date) "." }
    };
    Ok(layout::page(desk, "Tokens and cost", "/tokens", &markup))
}

/// The ways to add up, and the filter.
fn head(desk: &Desk, params: &Params, name: &str) -> Result<Markup> {
    let ways = WAYS.iter().map(|(way, _)| *way).chain([TOOL]);
    let title = if name == TOOL { "Calls by tool" } else { "Tokens and cost" };
    Ok(html! {
        h1 { (title) }
        nav.switch aria-label="By" {
            @for way in ways {
                a href=(params.with("by", Some(way)).url("/tokens")) aria-current=[(way == name).then_some("true")] { "by " (way) }
            }
        }
        (filters(desk, params, "/tokens")?)
    })
}

/// Calls of each tool, the most first. Each leads to them in the search, as far as that knows the filter.
fn calls(tools: &[ToolCalls], params: &Params) -> Markup {
    let asked = asked(&params.of_filter());
    let cells = |calls: u64, failed: u64| {
        let share = format!("{:.1} %", failed as f64 * 100.0 / calls.max(1) as f64);
        html! {
            td data-head="calls" { (number(calls)) }
            td data-head="failed" { (number(failed)) }
            td data-head="share failed" { (share) }
        }
    };
    let sum = |of: fn(&ToolCalls) -> u64| tools.iter().map(of).sum();
    html! {
        section.wide tabindex="0" aria-label="Table" {
            table.sums {
                thead { tr { th scope="col" { "tool" } th scope="col" { "calls" } th scope="col" { "failed" } th scope="col" { "share failed" } } }
                tbody {
                    @for ToolCalls { name, calls, failed } in tools {
                        tr {
                            th scope="row" {
                                @match asked.as_ref().filter(|_| is_askable(name)) {
                                    Some(asked) => a href=(Params::default().and("q", &format!("tool:\"{name}\" in:call{asked}")).url("/search")) { (shown(name)) },
                                    None => (shown(name)),
                                }
                            }
                            (cells(*calls, *failed))
                        }
                    }
                }
                tfoot { tr { th scope="row" { "total" } (cells(sum(|of| of.calls), sum(|of| of.failed))) } }
            }
        }
    }
}

fn is_askable(value: &str) -> bool {
    !value.contains('"') && !value.trim().is_empty()
}

/// A filter in the language of the search, to be put behind words; none where that cannot say it.
fn asked(filter: &Params) -> Option<String> {
    let piece = |(name, value): (&str, &str)| {
        let has_it = matches!(name, "repo" | "model" | "tag" | "since" | "until" | "session");
        (has_it && is_askable(value)).then(|| format!(" {name}:\"{value}\""))
    };
    filter.pairs().map(piece).collect()
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
    if name == "hour" {
        return html! { (shown(key)) };
    }
    let (to, words) = match name {
        "session" => (format!("/sessions/{key}"), titles.get(key).map_or(key, String::as_str)),
        "day" => (filter.with("since", Some(key)).with("until", Some(key)).url("/"), key),
        "model" => (filter.with("model", Some(key)).url("/"), key),
        _ => (filter.with("repo", Some(key)).url("/"), key),
    };
    html! { a href=(to) { (shown(words)) } }
}

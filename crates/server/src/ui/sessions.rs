//! All sessions: filtered, sorted, charted, a page at a time.

use super::layout::{self, Page, pager, shown};
use super::listed;
use super::review::STAR;
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use codex_ledger_app::{PriceTable, WhatIf};
use codex_ledger_query::{
    Filter, RepoGroup, SessionOrder, TokenBy, TokenRequest, TokenRow, TokenSums,
};
use codex_ledger_report::numbers::{plural, short};
use codex_ledger_report::place_name;
use maud::{Markup, html};

/// Sessions on a page.
const PAGE: u64 = 50;
/// Bars of a chart that is not about days.
const BARS: usize = 5;
const ORDERS: [(&str, &str, SessionOrder); 6] = [
    ("newest", "newest", SessionOrder::Newest),
    ("oldest", "oldest", SessionOrder::Oldest),
    ("longest", "longest", SessionOrder::Longest),
    ("prompts", "most prompts", SessionOrder::Prompts),
    ("failed", "most failed", SessionOrder::Failed),
    ("tokens", "most tokens", SessionOrder::Tokens),
];

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<(StatusCode, Page)> {
    let shown = shared.at_desk(who, move |desk| match body(desk, &params) {
        Ok(page) => Ok((StatusCode::OK, page)),
        Err(error) => refused(desk, &params, error),
    });
    shown.await
}

/// What was asked for stays, to be asked otherwise.
fn refused(desk: &Desk, params: &Params, error: WebError) -> Result<(StatusCode, Page)> {
    let status = error.status;
    if error.status.is_server_error() {
        return Err(error);
    }
    let markup = html! {
        h1 { "Sessions" }
        (filters(desk, params, "/")?)
        p.refused role="alert" { (shown(&error.message)) "." }
    };
    Ok((status, layout::page(desk, "Sessions", "/", &markup)))
}

pub(super) fn body(desk: &Desk, params: &Params) -> Result<Page> {
    let filter = params.filter(&desk.zone, desk.now_ms)?;
    let order = ORDERS.iter().find(|(name, ..)| Some(*name) == params.get("sort"));
    let order = order.map_or(SessionOrder::Newest, |(.., order)| *order);
    let total = desk.app.count_matching(&filter)?;
    let pages = total.div_ceil(PAGE).max(1);
    let page = params.number("page")?.unwrap_or(1).clamp(1, pages);
    let behind = usize::try_from((page - 1) * PAGE).unwrap_or(usize::MAX);
    let place = (PAGE as usize, behind);
    let groups = match params.get("group") {
        None => {
            let sessions = desk.app.session_page(&filter, order, place)?;
            vec![RepoGroup { repo: None, total, sessions }]
        }
        Some("repo") => desk.app.session_page_by_repo(&filter, order, place)?,
        Some(other) => {
            return Err(WebError::bad(format!("group: sessions are not grouped by `{other}`")));
        }
    };
    // What is hidden since must not be in one that is kept, so a decision makes them anew.
    let (key, end) = (params.with("page", None).with("done", None), desk.app.end()?);
    let decided = desk.app.last_decision()?.map(|seq| seq.to_string());
    let key = key.with("decided", decided.as_deref());
    let charts = desk.charts().get(&key, end, || charts(desk, &filter, params))?;
    let here = params.with("done", None).url("/");
    let can_review = desk.who.role.may(Right::Review);
    let can_export = desk.who.role.may(Right::Export);
    let markup = html! {
        (super::review::done(desk, params, &here))
        h1 { "Sessions" }
        (filters(desk, params, "/")?)
        (charts)
        p.quiet { (plural(total, "session")) @if can_export && total > 0 { " · " a href=(params.of_filter().url("/export")) { "export them" } } @if !params.of_filter().is_empty() { " match · " a href="/" { "show all" } } @else { " · " a href=(format!("/?tag={STAR}")) { "starred" } } }
        @if total == 0 { (nothing(params)) } @else { (listed::list(desk, params, &groups)?) }
        (pager("/", &params.with("done", None), page, pages))
        @if can_review && total > 0 { (super::review::bulk(desk, ("sessions", total), &params.of_filter(), (true, &here))) }
    };
    Ok(layout::page(desk, "Sessions", "/", &markup))
}

fn nothing(params: &Params) -> Markup {
    html! {
        @if params.of_filter().is_empty() {
            p { "Nothing is in this ledger yet. " code { "codex-ledger append" } " reads what Codex has written." }
        } @else { p { "No session matches." } }
    }
}

/// `$12.34`, with a tilde where a price was guessed.
pub(crate) fn money(sums: &TokenSums) -> String {
    match sums.cost_usd {
        Some(cost) if cost > 0.0 && cost < 0.005 => "<$0.01".into(),
        Some(cost) if sums.estimated => format!("~${cost:.2}"),
        Some(cost) => format!("${cost:.2}"),
        None => "no price".into(),
    }
}

pub(super) fn rows_by(desk: &Desk, by: TokenBy, filter: Filter) -> Result<Vec<TokenRow>> {
    let prices = PriceTable::builtin();
    let what_if = WhatIf::default();
    let request = TokenRequest { by: vec![by], filter, zone: &desk.zone, prices, what_if };
    Ok(desk.app.tokens(&request)?.rows)
}

/// What there is to choose from, where something is typed.
fn offers(name: &str, words: &[String]) -> Markup {
    html! { datalist id=[list_of(name)] { @for word in words { option value=(shown(word)) {} } } }
}

fn list_of(name: &str) -> Option<String> {
    matches!(name, "repo" | "model" | "tag").then(|| format!("{name}s"))
}

/// The form that narrows down.
pub(super) fn filters(desk: &Desk, params: &Params, to: &str) -> Result<Markup> {
    let value = |name: &str| params.get(name).unwrap_or_default().to_string();
    let field = |name: &str, label: &str, hint: &str| {
        html! {
            label { span { (label) }
                input type="text" name=(name) value=(value(name)) placeholder=(hint) list=[list_of(name)] autocomplete="off" spellcheck="false"; }
        }
    };
    let judgements = super::review::words(&desk.app);
    let offered = desk.app.filter_words()?;
    Ok(html! {
        (offers("repo", &offered.repos)) (offers("model", &offered.models)) (offers("tag", &offered.tags))
        form.filters method="get" action=(to) {
            (field("since", "since", "7d, 2026-02-09"))
            (field("until", "until", ""))
            (field("repo", "repository", "owner/name"))
            (field("model", "model", ""))
            (field("tag", "tag", ""))
            label { span { "judged" }
                select name="disposition" {
                    option value="" { "anything" }
                    @for word in &judgements {
                        option value=(word) selected[params.get("disposition") == Some(word)] { (shown(word)) }
                    }
                }
            }
            @if to == "/" {
                label { span { "order" }
                    select name="sort" {
                        @for (name, words, _) in ORDERS {
                            option value=(name) selected[params.get("sort") == Some(name)] { (words) }
                        }
                    }
                }
                label.check {
                    input type="checkbox" name="group" value="repo" checked[params.get("group").is_some()];
                    span { "by repository" }
                }
            }
            label.check {
                input type="checkbox" name="by_person" value="1" checked[params.get("by_person").is_some()];
                span { "by a person" }
            }
            @for (name, value) in params.pairs().filter(|(name, _)| matches!(*name, "session" | "source" | "workspace" | "by")) {
                input type="hidden" name=(name) value=(value);
            }
            button { "Filter" }
        }
    })
}

/// What was used on which day, by which model, where; each part leads to its sessions.
fn charts(desk: &Desk, filter: &Filter, params: &Params) -> Result<Markup> {
    let by = |by| rows_by(desk, by, filter.clone());
    let (days, models, repos) = (by(TokenBy::Day)?, by(TokenBy::Model)?, by(TokenBy::Repo)?);
    if days.is_empty() {
        return Ok(html! {});
    }
    let to_model =
        |row: &TokenRow| params.with("page", None).with("model", Some(&row.key)).url("/");
    let to_repo = |row: &TokenRow| params.with("page", None).with("repo", Some(&row.key)).url("/");
    Ok(html! {
        details.charts open {
            summary { "Activity" }
            div {
                (heat_map(&days, params))
                (bars("By model", &models, &to_model, &|key| key.to_string()))
                (bars("By repository", &repos, &to_repo, &|key| place_name(key)))
            }
        }
    })
}

/// One square for each day of the last year that has some, weeks from left to right.
fn heat_map(days: &[TokenRow], params: &Params) -> Markup {
    let days =
        codex_ledger_report::calendar(days.iter().map(|row| (row.key.as_str(), row.sums.total)));
    let weeks = days.last().map_or(0, |day| day.week + 1);
    let [first, last] = [days.first(), days.last()].map(|day| day.map_or("", |day| &*day.date));
    html! {
        figure.heat {
            figcaption { "Tokens a day, " (first) " to " (last) }
            svg viewBox=(format!("0 0 {} 98", weeks * 14)) width=(weeks * 14) height="98" role="group" aria-label="Tokens a day" {
                @for day in days.iter().filter(|day| day.count == 0) {
                    rect class="heat0" x=(day.week * 14) y=(day.weekday * 14) width="12" height="12" rx="2" {}
                }
                @for day in days.iter().filter(|day| day.count > 0) {
                    a href=(params.with("page", None).with("since", Some(&day.date)).with("until", Some(&day.date)).url("/"))
                        aria-label=(format!("{}: {} tokens", day.date, short(day.count))) {
                        title { (day.date) ": " (short(day.count)) " tokens" }
                        rect class=(format!("heat{}", day.level)) x=(day.week * 14) y=(day.weekday * 14)
                            width="12" height="12" rx="2" {}
                    }
                }
            }
        }
    }
}

fn bars(
    title: &str,
    rows: &[TokenRow],
    link: &dyn Fn(&TokenRow) -> String,
    name: &dyn Fn(&str) -> String,
) -> Markup {
    let mut rows: Vec<&TokenRow> = rows.iter().filter(|row| row.sums.total > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.sums.total));
    let most = rows.first().map_or(1, |row| row.sums.total).max(1);
    html! {
        figure {
            figcaption { (title) }
            ol.bars {
                @for row in rows.iter().take(BARS) {
                    li {
                        a href=(link(row)) { (shown(&name(&row.key))) }
                        svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                            rect class="fill" width=(row.sums.total * 100 / most) height="10" {}
                        }
                        span.quiet { (short(row.sums.total)) " · " (money(&row.sums)) }
                    }
                }
            }
            @if rows.len() > BARS { p.quiet { a href="/tokens" { "and " (rows.len() - BARS) " more" } } }
        }
    }
}

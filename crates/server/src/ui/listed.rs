//! The rows of a list of sessions: what an agent started stands below its own session, where both are on the page.

use super::layout::shown;
use super::review::choice;
use super::sessions::{money, rows_by};
use crate::access::Right;
use crate::error::Result;
use crate::params::Params;
use crate::state::Desk;
use codex_ledger_query::{Filter, RepoGroup, SessionRow, TokenBy, TokenSums};
use codex_ledger_report::numbers::{number, plural, short};
use codex_ledger_report::place_name;
use maud::{Markup, html};
use std::collections::BTreeMap;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What reviewers say of a session.
#[derive(Default)]
struct Said {
    tags: Vec<String>,
    disposition: Option<String>,
    /// Prompts that were judged.
    judged: u64,
}

/// What rows say beside what stands in the session itself.
struct Beside<'a> {
    desk: &'a Desk,
    costs: BTreeMap<String, TokenSums>,
    said: BTreeMap<String, Said>,
    /// What parents are called that stand elsewhere.
    parents: BTreeMap<String, String>,
}

/// The sessions of a page, in their groups; groups have a heading where there are any.
pub(super) fn list(desk: &Desk, params: &Params, groups: &[RepoGroup]) -> Result<Markup> {
    let sessions = || groups.iter().flat_map(|group| &group.sessions);
    let parents: Vec<&str> = sessions().filter_map(|of| of.parent_id.as_deref()).collect();
    let beside = Beside {
        desk,
        costs: costs(desk, sessions())?,
        said: said(desk)?,
        parents: desk.app.titles_of(&parents)?,
    };
    if params.get("group").is_none() {
        return Ok(html! { @for group in groups { (rows(&beside, &group.sessions)) } });
    }
    let narrowed = params.with("page", None).with("group", None).with("done", None);
    Ok(html! {
        @for RepoGroup { repo, total, sessions } in groups {
            section.group {
                h2 {
                    @match repo {
                        Some(repo) => a href=(narrowed.with("repo", Some(repo)).url("/")) { (shown(&place_name(repo))) },
                        None => "no repository",
                    }
                    " " span.quiet { (plural(*total, "session")) @if let Some(repo) = repo { " · " (shown(repo)) } }
                }
                (rows(&beside, sessions))
            }
        }
    })
}

fn rows(beside: &Beside<'_>, sessions: &[SessionRow]) -> Markup {
    let parents = parents(sessions);
    html! { ol.sessions data-list="" { (below(beside, sessions, &parents, None)) } }
}

/// The rows that stand below one, or at the top.
fn below(
    beside: &Beside<'_>,
    sessions: &[SessionRow],
    parents: &[Option<usize>],
    parent: Option<usize>,
) -> Markup {
    let children = sessions.iter().zip(parents).enumerate();
    html! {
        @for (at, (session, _)) in children.filter(|(_, (_, of))| **of == parent) {
            li {
                (row(beside, session, parent.is_some()))
                @if parents.contains(&Some(at)) { ol.below { (below(beside, sessions, parents, Some(at))) } }
            }
        }
    }
}

/// Where the parent of each one stands, if it stands there too. Logs may name parents in a circle: then one of them stands at
/// the top, so that none is lost.
fn parents(sessions: &[SessionRow]) -> Vec<Option<usize>> {
    let places: BTreeMap<&str, usize> =
        sessions.iter().enumerate().map(|(at, of)| (of.id.as_str(), at)).collect();
    let mut parents: Vec<Option<usize>> = vec![None; sessions.len()];
    for (at, session) in sessions.iter().enumerate() {
        let parent = session.parent_id.as_deref().and_then(|id| places.get(id)).copied();
        let mut above = parent;
        while let Some(of) = above.filter(|of| *of != at) {
            above = parents.get(of).copied().flatten();
        }
        if let (None, Some(of)) = (above, parents.get_mut(at)) {
            *of = parent;
        }
    }
    parents
}

fn row(beside: &Beside<'_>, of: &SessionRow, is_below: bool) -> Markup {
    let desk = beside.desk;
    let at = of.created_at_ms.map(|ms| desk.zone.minute(ms));
    let last = of.last_at_ms.map(|ms| desk.zone.minute(ms));
    // One that went on for long stands where its end puts it.
    let is_long = of.last_at_ms.unwrap_or(0).saturating_sub(of.created_at_ms.unwrap_or(0)) > DAY_MS;
    let place = of.cwd.as_deref().map(place_name);
    let title = of.title.as_deref().or(place.as_deref()).unwrap_or("unnamed session");
    let none = Said::default();
    let said = beside.said.get(&of.id).unwrap_or(&none);
    let parent = of.parent_id.as_deref().filter(|id| !is_below && *id != of.id);
    html! {
        @if desk.who.role.may(Right::Review) { (choice(&of.id, title)) }
        a.title href=(format!("/sessions/{}", of.id)) { (shown(title)) }
        div.facts {
            @if let Some(at) = at { time { (at) } }
            @if let Some(last) = last.filter(|_| is_long) { span { "until " time { (last) } } }
            @if let Some(place) = &place { span { (shown(place)) } }
            @if let Some(model) = &of.model { span { (shown(model)) } }
            @if let Some(from) = of.subagent.as_ref().and(of.started_from()) { span { (shown(&from)) } }
            @if let Some(parent) = parent { span { "of " (named(beside, parent)) } }
            span { (plural(of.prompts, "prompt")) }
            @if of.calls > 0 { span { (plural(of.calls, "call")) } }
            @if of.failed > 0 { span.bad { (number(of.failed)) " failed" } }
            @if of.tokens > 0 { span { (short(of.tokens)) " tokens" } }
            @if let Some(cost) = beside.costs.get(&of.id) { span { (money(cost)) } }
            @if said.judged > 0 { span { (said.judged) " of " (of.prompts) " judged" } }
            @if let Some(disposition) = &said.disposition { span.chip.judged { (shown(disposition)) } }
            @for tag in &said.tags { span.chip { (shown(tag)) } }
        }
    }
}

/// A parent that does not stand above; of one that is not in the ledger there is only its id.
fn named(beside: &Beside<'_>, parent: &str) -> Markup {
    html! {
        @match beside.parents.get(parent) {
            Some(title) => a href=(format!("/sessions/{parent}")) { (shown(title)) },
            None => { "session " (shown(&parent.chars().take(8).collect::<String>())) ", which is not here" },
        }
    }
}

fn costs<'a>(
    desk: &Desk,
    sessions: impl Iterator<Item = &'a SessionRow>,
) -> Result<BTreeMap<String, TokenSums>> {
    let ids: Vec<String> = sessions.map(|session| session.id.clone()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let filter = Filter { sessions: ids, ..Filter::default() };
    let rows = rows_by(desk, TokenBy::Session, filter)?;
    Ok(rows.into_iter().map(|row| (row.key, row.sums)).collect())
}

fn said(desk: &Desk) -> Result<BTreeMap<String, Said>> {
    let mut said: BTreeMap<String, Said> = BTreeMap::new();
    for row in desk.app.dispositions(None)? {
        let of = said.entry(row.session).or_default();
        match row.prompt {
            0 => of.disposition = Some(row.value),
            _ => of.judged += 1,
        }
    }
    for row in desk.app.tags(None)?.into_iter().filter(|row| row.prompt == 0) {
        said.entry(row.session).or_default().tags.push(row.tag);
    }
    Ok(said)
}

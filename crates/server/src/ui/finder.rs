//! Finding something in one session, and going from hit to hit.

use super::search;
use crate::error::Result;
use crate::params::Params;
use crate::state::Desk;
use codex_ledger_query::SearchHit;
use codex_ledger_report::numbers::number;
use maud::{Markup, html};

/// Of more hits, the best ones are gone through.
const HITS_MAX: usize = 500;

/// Where the first hit stands, for who has just asked.
pub(super) fn first(desk: &Desk, id: &str, params: &Params) -> Result<Option<String>> {
    let Some(words) = params.get("find").filter(|_| params.get("hit").is_none()) else {
        return Ok(None);
    };
    let (hits, _) = hits(desk, id, words)?;
    Ok(hits.first().map(|hit| link(hit, words, 1)))
}

/// The hits of what is asked for, in the order in which they stand there; and how many there are in all.
fn hits(desk: &Desk, id: &str, words: &str) -> Result<(Vec<SearchHit>, u64)> {
    let (found, _) = search::find(desk, &within(id, words), HITS_MAX)?;
    let (mut hits, all) = (found.hits, found.total);
    let found = hits.len() as u64;
    // Its name is in the list of sessions, not on its own page.
    hits.retain(|hit| hit.session == id && hit.table != "name");
    hits.sort_by_key(|hit| (hit.prompt, hit.seq));
    let left_out = found - hits.len() as u64;
    Ok((hits, all - left_out))
}

fn within(id: &str, words: &str) -> String {
    format!("session:\"{}\" {words}", id.replace('"', ""))
}

fn link(hit: &SearchHit, words: &str, number: usize) -> String {
    search::place(hit, &Params::default().and("find", words).and("hit", &number.to_string()))
}

/// Which of the hits this is, and the ways to the ones beside it.
pub(super) fn bar(desk: &Desk, id: &str, params: &Params) -> Result<Markup> {
    let Some(words) = params.get("find") else { return Ok(html! {}) };
    let (hits, all) = hits(desk, id, words)?;
    if hits.is_empty() {
        return Ok(html! { p role="status" { "Nothing in this session has that." } });
    }
    let hit = usize::try_from(params.number("hit")?.unwrap_or(1)).unwrap_or(usize::MAX);
    let hit = hit.clamp(1, hits.len());
    let to = |number: usize, key: &str, words_shown: &str| {
        let place = number.checked_sub(1).and_then(|at| hits.get(at));
        html! { @if let Some(place) = place { a href=(link(place, words, number)) data-key=(key) { (words_shown) } } }
    };
    let in_search = Params::default().and("q", &within(id, words)).url("/search");
    Ok(html! {
        nav.finder aria-label="Hits" {
            span { (hit) " of " (hits.len()) @if all > hits.len() as u64 { " (the best of " (number(all)) ")" } }
            (to(hit - 1, ",", "Previous hit")) (to(hit + 1, ".", "Next hit"))
            a href=(in_search) { "List them" }
        }
    })
}

//! Search over all texts that are shown.

use super::layout::{self, Page, piece, shown};
use super::session::clear_snippet;
use crate::access::Who;
use crate::error::Result;
use crate::params::{Params, question};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use codex_ledger_app::publish::Gate;
use codex_ledger_query::{Facets, Hits, QUALIFIERS, SearchHit, Unmatched};
use codex_ledger_report::numbers::{number, plural};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Words that are marked where a hit leads to.
const WORDS_MAX: usize = 8;
/// Hits on a page.
const HITS: usize = 50;
/// Values of a facet.
const FACETS: usize = 8;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<(StatusCode, Page)> {
    shared.at_desk(who, move |desk| body(desk, &params)).await
}

fn body(desk: &Desk, params: &Params) -> Result<(StatusCode, Page)> {
    let asked = params.get("q");
    let (found, wrong) = match asked.map(|asked| find(desk, asked, HITS)).transpose() {
        Ok(found) => (found, None),
        Err(error) if error.status.is_server_error() => return Err(error),
        Err(error) => (None, Some(error)),
    };
    let gate = desk.gate()?;
    let count = found.as_ref().map(|(found, _)| {
        let shown = found.hits.len() as u64;
        let best = if found.total > shown { format!(", the best {shown}") } else { String::new() };
        format!("{}{best}", plural(found.total, "hit"))
    });
    let markup = html! {
        h1 { "Search" }
        form.search role="search" method="get" action="/search" {
            input type="search" name="q" value=(asked.unwrap_or_default()) aria-label="Words" autofocus[asked.is_none()] autocomplete="off" spellcheck="false"
                placeholder="words, \"a phrase\", in:output, repo:name, failed:yes";
            button { "Search" }
        }
        @if let Some(wrong) = &wrong { p.refused role="alert" { (shown(&wrong.message)) "." } }
        p.quiet id="count" role="status" { (count.unwrap_or_default()) }
        // What the script puts others in the place of.
        div.found id="found" {
            @if let (Some((found, facets)), Some(asked)) = (&found, asked) {
                (narrowed(asked))
                (facets_of(asked, facets))
                @if found.hits.is_empty() {
                    (nowhere(desk, asked)?)
                    p.quiet { "All words have to be there. " code { "begin*" } " finds what begins so, " code { "a OR b" } " either, " code { "\"a phrase\"" } " the words together; "
                        code { "in:output" } ", " code { "repo:name" } ", " code { "exit:1" } " narrow it down." }
                }
                ol.hits data-list="" { @for hit in &found.hits { (hit_row(desk, &gate, hit)) } }
            }
        }
    };
    let status = wrong.map_or(StatusCode::OK, |wrong| wrong.status);
    Ok((status, layout::page(desk, "Search", "/search", &markup)))
}

/// What a question finds, the best ones, and what it could be narrowed down by.
pub(super) fn find(desk: &Desk, asked: &str, most: usize) -> Result<(Hits, Facets)> {
    let (question, times) = question(desk, asked)?;
    Ok(desk.app.search_with_facets(&question, times, &desk.zone, most)?)
}

/// Why nothing is found, where a qualifier names what is not there.
fn nowhere(desk: &Desk, asked: &str) -> Result<Markup> {
    let unmatched = desk.app.unmatched(&question(desk, asked)?.0)?;
    Ok(html! {
        @for Unmatched { qualifier, nearest } in &unmatched {
            p { "Nothing has the " (qualifier) " that is asked for"
                @if let Some(nearest) = nearest { "; the nearest is " code { (shown(nearest)) } } "." }
        }
    })
}

fn to(question: &str) -> String {
    Params::default().and("q", question).url("/search")
}

/// The pieces of a question: what stands in quotes stays together.
fn pieces(asked: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let ends = asked.split(move |c: char| {
        is_quoted ^= c == '"';
        c.is_whitespace() && !is_quoted
    });
    ends.filter(|piece| !piece.is_empty()).collect()
}

/// The name of the qualifier that a piece is.
fn qualifier(piece: &str) -> Option<&str> {
    let (name, value) = piece.split_once(':')?;
    (QUALIFIERS.contains(&name) && name != "ident" && !value.is_empty()).then_some(name)
}

/// What the question is narrowed down by, each with a link to the question without it.
fn narrowed(asked: &str) -> Markup {
    let pieces = pieces(asked);
    let without = |at: usize| {
        let others = pieces.iter().enumerate().filter(|(other, _)| *other != at);
        others.map(|(_, piece)| *piece).collect::<Vec<_>>().join(" ")
    };
    let by = pieces.iter().enumerate().filter(|(_, piece)| qualifier(piece).is_some());
    html! {
        @if pieces.iter().any(|piece| qualifier(piece).is_some()) {
            nav.narrowed aria-label="Narrowed down by" {
                @for (at, piece) in by {
                    a.chip href=(to(&without(at))) aria-label=(format!("without {}", shown(piece))) { (shown(piece)) " ×" }
                }
            }
        }
    }
}

/// What the question could be narrowed down by, with what that would leave.
fn facets_of(asked: &str, facets: &Facets) -> Markup {
    let known: Vec<&str> = pieces(asked).iter().filter_map(|piece| qualifier(piece)).collect();
    let plain = |counts: &[(String, u64)], name: &str| {
        let written = |value: &str| match value.contains(char::is_whitespace) {
            true => format!("{name}:\"{value}\""),
            false => format!("{name}:{value}"),
        };
        let can_be_asked = |(value, _): &&(String, u64)| !value.contains('"');
        let links = counts.iter().filter(can_be_asked);
        links.map(|(value, hits)| (value.clone(), written(value), *hits)).collect::<Vec<_>>()
    };
    let times = facets.times.iter().map(|((from, to), hits)| {
        let name = if from == to { from } else { from.get(..7).unwrap_or(from) };
        (name.to_string(), format!("since:{from} until:{to}"), *hits)
    });
    let groups = [
        ("Kind of text", "in", plain(&facets.kinds, "in")),
        ("Repository", "repo", plain(&facets.repos, "repo")),
        ("Model", "model", plain(&facets.models, "model")),
        ("Tool", "tool", plain(&facets.tools, "tool")),
        ("Time", "since", times.collect()),
    ];
    // What is asked for already, or leaves all, narrows nothing down.
    let is_of_use = |(_, name, values): &&(_, &str, Vec<(String, String, u64)>)| {
        !known.contains(name) && !values.is_empty()
    };
    html! {
        aside.facets aria-label="Narrow it down" {
            @for (title, _, values) in groups.iter().filter(is_of_use) {
                section {
                    h2 { (title) }
                    ul { @for (name, more, hits) in values.iter().take(FACETS) {
                        li { a href=(to(&format!("{asked} {more}"))) { (shown(name)) } " " span.quiet { (number(*hits)) } }
                    } }
                }
            }
        }
    }
}

/// The address of the page on which a hit stands, with more said in it.
pub(super) fn place(hit: &SearchHit, more: &Params) -> String {
    let from = hit.prompt.saturating_sub(3);
    let params = more
        .and("from", &from.to_string())
        .and("show", "full")
        .and("at", &hit.seq.to_string())
        .and("mark", &marked_words(&hit.snippet));
    format!("{}#p{}", params.url(&format!("/sessions/{}", hit.session)), hit.prompt)
}

fn hit_row(desk: &Desk, gate: &Gate, hit: &SearchHit) -> Markup {
    let found = clear_snippet(gate, &hit.snippet);
    let to = place(hit, &Params::default());
    html! {
        li data-item="" {
            a.title href=(to) { (shown(hit.title.as_deref().unwrap_or(&hit.session))) " #" (hit.prompt) }
            div.facts {
                @if let Some(at) = hit.at_ms { time { (desk.zone.minute(at)) } }
                @if let Some(tool) = &hit.tool { span { (shown(tool)) } }
                @if let Some(code) = hit.exit_code { span.bad[code != 0] { "exit " (code) } }
            }
            p.snippet { (snippet(&found)) }
        }
    }
}

/// The different words that were found, for the page of the session to mark them.
fn marked_words(snippet: &str) -> String {
    let found = snippet.split('⟦').skip(1).filter_map(|behind| behind.split_once('⟧'));
    let words: BTreeSet<String> = found.map(|(word, _)| word.to_lowercase()).collect();
    words.into_iter().take(WORDS_MAX).collect::<Vec<_>>().join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_question_keep_what_is_quoted_together() {
        assert_eq!(
            pieces(" a  \"repo:x y\" file:\"my file.rs\" in:output "),
            ["a", "\"repo:x y\"", "file:\"my file.rs\"", "in:output"]
        );
        assert_eq!(qualifier("file:\"my file.rs\""), Some("file"));
        for piece in ["\"repo:x y\"", "ident:a", "repo:", "https://x", "a"] {
            assert_eq!(qualifier(piece), None, "{piece}");
        }
    }
}

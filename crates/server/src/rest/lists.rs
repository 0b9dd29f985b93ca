//! Sessions, and what was asked, called, changed and found in them.

use super::asked::{Asked, Nothing, filtered};
use super::model::{
    Call, FileChange, Found, Item, Listed, Prompt, Session, SessionDetail, TokenReport,
};

use super::snapshot::{Question, Snapshot};
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::question as question_of;
use crate::state::{Desk, Shared};
use crate::ui::{clear_snippet, hide_split};
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{PriceTable, WhatIf};
use codex_ledger_query::{Filter, Order, RowPage, RowsAsked, SessionOrder, TokenBy, TokenRequest};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

const LIMIT: usize = 50;
const QUESTION_CHARS_MAX: usize = 1_000;
/// Texts of one page are no longer than this together, unless the first is.
const PAGE_BYTES_MAX: usize = 4 << 20;
const LIMIT_MAX: usize = 500;

/// In which order.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionSort {
    #[default]
    Newest,
    Oldest,
    Longest,
    Prompts,
    Failed,
    Tokens,
}

impl From<SessionSort> for SessionOrder {
    fn from(sort: SessionSort) -> SessionOrder {
        match sort {
            SessionSort::Newest => SessionOrder::Newest,
            SessionSort::Oldest => SessionOrder::Oldest,
            SessionSort::Longest => SessionOrder::Longest,
            SessionSort::Prompts => SessionOrder::Prompts,
            SessionSort::Failed => SessionOrder::Failed,
            SessionSort::Tokens => SessionOrder::Tokens,
        }
    }
}

/// What the sums are grouped by.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokensBy {
    #[default]
    Day,
    Week,
    Month,
    Session,
    Repo,
    Model,
}

impl From<TokensBy> for TokenBy {
    fn from(by: TokensBy) -> TokenBy {
        match by {
            TokensBy::Day => TokenBy::Day,
            TokensBy::Week => TokenBy::Week,
            TokensBy::Month => TokenBy::Month,
            TokensBy::Session => TokenBy::Session,
            TokensBy::Repo => TokenBy::Repo,
            TokensBy::Model => TokenBy::Model,
        }
    }
}

filtered! {
    /// Which sessions, in which order.
    SessionsAsked {
        /// In which order.
        #[param(inline)]
        order: SessionSort,
        /// How many at most: 50 where nothing else is said.
        #[param(minimum = 1, maximum = 500)]
        limit: Option<usize>,
        /// `next` of the page before.
        cursor: Option<String>,
    }
}

filtered! {
    /// Which rows.
    Rows {
        /// How many at most: 50 where nothing else is said; fewer where they are long.
        #[param(minimum = 1, maximum = 500)]
        limit: Option<usize>,
        /// `next` of the page before.
        cursor: Option<String>,
    }
}

filtered! {
    /// Which usage, by what.
    TokensAsked {
        /// What the sums are grouped by.
        #[param(inline)]
        by: TokensBy,
    }
}

/// A part of a session.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemsAsked {
    /// How many at most: 50 where nothing else is said; fewer where they are long.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    #[serde(rename = "cursor")]
    _cursor: Option<String>,
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchAsked {
    /// Words, "a phrase", `begin*`, `a OR b`; narrowed down by `in:output`, `repo:name`, `exit:1`, `since:7d`, …
    #[param(min_length = 1, max_length = 1000)]
    q: String,
    /// How many at most: 50 where nothing else is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// How many are asked for.
fn limit(asked: Option<usize>) -> Result<usize> {
    match asked.unwrap_or(LIMIT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        other => Err(WebError::bad(format!("limit: {other} is not between 1 and {LIMIT_MAX}"))),
    }
}

/// Sessions that match, some at a time.
#[utoipa::path(get, path = "/sessions", tag = "read", params(SessionsAsked),
    responses((status = 200, description = "Some of them", body = Listed<Session>), (status = 304, description = "As before")))]
pub(crate) async fn sessions(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<SessionsAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, at: &Snapshot| {
        let (filter, limit) = (asked.filter(desk)?, limit(asked.limit)?);
        let behind = at.place::<1>()?.map_or(0, |[behind]| behind);
        let skipped = usize::try_from(behind).unwrap_or(usize::MAX);
        let page = (limit.saturating_add(1), skipped);
        let mut rows = desk.app.session_page(&filter, asked.order.into(), page)?;
        let next = (rows.len() > limit).then(|| at.cursor([behind + limit as u64]));
        rows.truncate(limit);
        Ok(Listed { items: rows.into_iter().map(Session::from).collect(), next })
    };
    shared.read(who, question, read).await
}

/// One session.
#[utoipa::path(get, path = "/sessions/{id}", tag = "read", params(("id" = String, Path, description = "Thread id, or its beginning")),
    responses((status = 200, description = "It", body = SessionDetail), (status = 304, description = "As before")))]
pub(crate) async fn session(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let may_see_notes = who.role.may(Right::Oversee);
    let read = move |desk: &Desk, _: &Snapshot| {
        let mut detail = desk.app.session(&id)?;
        // What reviewers write to one another.
        detail.review.notes.retain(|_| may_see_notes);
        let children = desk.app.children(&detail.session.id)?;
        Ok(SessionDetail::new(detail, children))
    };
    shared.read(who, question, read).await
}

/// Everything that happened in a session, in order, some at a time.
#[utoipa::path(get, path = "/sessions/{id}/items", tag = "read",
    params(("id" = String, Path, description = "Thread id, or its beginning; with `#N`, one prompt and what followed"), ItemsAsked),
    responses((status = 200, description = "Some of it", body = Listed<Item>), (status = 304, description = "As before")))]
pub(crate) async fn items(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    question: Question,
    Asked(asked): Asked<ItemsAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, at: &Snapshot| {
        let limit = limit(asked.limit)?;
        let behind = at.place::<1>()?.map_or(0, |[behind]| behind);
        let skipped = usize::try_from(behind).unwrap_or(usize::MAX);
        let mut items: Vec<_> = desk.app.session(&id)?.items.into_iter().skip(skipped).collect();
        let mut bytes = 0;
        let fits = items.iter().take_while(|item| {
            let is_first = bytes == 0;
            bytes += item.text.len() + item.output.as_ref().map_or(0, String::len);
            is_first || bytes <= PAGE_BYTES_MAX
        });
        let count = fits.take(limit).count();
        let next = (items.len() > count).then(|| at.cursor([behind + count as u64]));
        items.truncate(count);
        let gate = desk.gate()?;
        items.iter_mut().for_each(|item| clear_item(&gate, item));
        Ok(Listed { items: items.into_iter().map(Item::from).collect(), next })
    };
    shared.read(who, question, read).await
}

/// Prompts, in the order in which the ledger has their sessions.
#[utoipa::path(get, path = "/prompts", tag = "read", params(Rows),
    responses((status = 200, description = "Some of them", body = Listed<Prompt>), (status = 304, description = "As before")))]
pub(crate) async fn prompts(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<Rows>,
) -> Result<Response> {
    let read = move |desk: &Desk, at: &Snapshot| {
        rows::<_, Prompt>(desk, at, &asked, |rows| {
            let mut page = desk.app.prompts(rows)?;
            let gate = desk.gate()?;
            for row in &mut page.rows {
                clear(&gate, [Some(&mut row.text), row.request.as_mut()]);
            }
            Ok(page)
        })
    };
    shared.read(who, question, read).await
}

/// Calls of tools, with their outputs, in the order in which the ledger has their sessions.
#[utoipa::path(get, path = "/calls", tag = "read", params(Rows),
    responses((status = 200, description = "Some of them", body = Listed<Call>), (status = 304, description = "As before")))]
pub(crate) async fn calls(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<Rows>,
) -> Result<Response> {
    let read = move |desk: &Desk, at: &Snapshot| {
        rows::<_, Call>(desk, at, &asked, |rows| {
            let mut page = desk.app.calls(rows)?;
            let gate = desk.gate()?;
            for row in &mut page.rows {
                clear(&gate, [Some(&mut row.command), row.output.as_mut()]);
            }
            Ok(page)
        })
    };
    shared.read(who, question, read).await
}

/// Files that patches changed, in the order in which the ledger has their sessions.
#[utoipa::path(get, path = "/files", tag = "read", params(Rows),
    responses((status = 200, description = "Some of them", body = Listed<FileChange>), (status = 304, description = "As before")))]
pub(crate) async fn files(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<Rows>,
) -> Result<Response> {
    let read = move |desk: &Desk, at: &Snapshot| {
        rows::<_, FileChange>(desk, at, &asked, |rows| {
            let mut page = desk.app.files(rows)?;
            let gate = desk.gate()?;
            for row in &mut page.rows {
                clear(&gate, [Some(&mut row.path), row.move_to.as_mut()]);
            }
            Ok(page)
        })
    };
    shared.read(who, question, read).await
}

/// Usage and cost.
#[utoipa::path(get, path = "/tokens", tag = "read", params(TokensAsked),
    responses((status = 200, description = "Sums", body = TokenReport), (status = 304, description = "As before")))]
pub(crate) async fn tokens(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<TokensAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, _: &Snapshot| {
        let (prices, what_if) = (PriceTable::builtin(), WhatIf::default());
        let (by, filter, zone) = (vec![asked.by.into()], asked.filter(desk)?, &desk.zone);
        let report = desk.app.tokens(&TokenRequest { by, filter, zone, prices, what_if })?;
        Ok(TokenReport::from(report))
    };
    shared.read(who, question, read).await
}

/// Search over all that is shown.
#[utoipa::path(get, path = "/search", tag = "read", params(SearchAsked),
    responses((status = 200, description = "The best hits", body = Found), (status = 304, description = "As before")))]
pub(crate) async fn search(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<SearchAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, _: &Snapshot| {
        let limit = limit(asked.limit)?;
        if asked.q.chars().count() > QUESTION_CHARS_MAX {
            return Err(WebError::bad(format!("q: more than {QUESTION_CHARS_MAX} characters")));
        }
        let (question, times) = question_of(desk, &asked.q)?;
        let mut found = desk.app.search(&question, times, limit)?;
        let gate = desk.gate()?;
        for hit in &mut found.hits {
            hit.snippet = clear_snippet(&gate, &hit.snippet);
        }
        Ok(Found::from(found))
    };
    shared.read(who, question, read).await
}

fn rows<R, T: From<R>>(
    desk: &Desk,
    at: &Snapshot,
    asked: &Rows,
    read: impl FnOnce(RowsAsked<'_>) -> Result<RowPage<R>>,
) -> Result<Listed<T>> {
    let filter = Filter { order: Order::Oldest, ..asked.filter(desk)? };
    let (behind, limit) = (at.place::<4>()?, limit(asked.limit)?);
    let page = read(RowsAsked { filter: &filter, behind, limit })?;
    let items = page.rows.into_iter().map(T::from).collect();
    Ok(Listed { items, next: page.next.map(|place| at.cursor(place)) })
}

/// Whoever shows Markdown would put together again what its marks split: what is hidden so is hidden here, as in the pages.
fn clear<const N: usize>(gate: &Gate, texts: [Option<&mut String>; N]) {
    texts.into_iter().flatten().for_each(|text| hide_split(gate, text));
}

/// The same of something that happened.
pub(crate) fn clear_item(gate: &Gate, item: &mut codex_ledger_query::Item) {
    clear(gate, [Some(&mut item.text), item.output.as_mut()]);
}

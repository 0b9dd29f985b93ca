//! Where the ledger stands, who did what, and what proves it.

use super::asked::{Asked, Nothing};
use super::lists::clear_item;
use super::model::{Item, Listed};
use super::redactions::seq;
use super::snapshot::{Question, Snapshot};
use super::told::{ActOf, AuditAnswer, Entry, Status};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::read_note;
use codex_ledger_query::ActFilter;
use serde::Deserialize;
use utoipa::IntoParams;

const ACTS: usize = 100;
const ACTS_MAX: usize = 1_000;

/// Which acts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActsAsked {
    /// Of this one.
    actor: Option<String>,
    /// Of these kinds: append, redaction, undo, rules, tag, note, reveal, …
    kind: Vec<String>,
    /// About something with this in its name.
    target: Option<String>,
    /// How many at most: 100 where nothing else is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    #[serde(rename = "cursor")]
    #[param(rename = "cursor")]
    _cursor: Option<String>,
}

/// Where the ledger stands.
#[utoipa::path(get, path = "/status", tag = "evidence",
    responses((status = 200, description = "Its head", body = Status), (status = 304, description = "As before")))]
pub(crate) async fn status(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let read = |desk: &Desk, at: &Snapshot| {
        let head = desk.app.head()?;
        let (size, shown) = (head.end().into(), at.end().map(Into::into));
        Ok(Status {
            size,
            head: head.id,
            root: head.root,
            shown,
            version: env!("CARGO_PKG_VERSION"),
        })
    };
    shared.read(who, question, read).await
}

/// Who did what and why, the newest first.
#[utoipa::path(get, path = "/acts", tag = "evidence", params(ActsAsked),
    responses((status = 200, description = "Some of it", body = Listed<ActOf>), (status = 304, description = "As before")))]
pub(crate) async fn acts(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<ActsAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, at: &Snapshot| {
        let limit = match asked.limit.unwrap_or(ACTS) {
            limit @ 1..=ACTS_MAX => limit,
            other => return Err(WebError::bad(format!("limit: {other} is not 1 to {ACTS_MAX}"))),
        };
        let (actor, kinds) = (asked.actor.clone(), asked.kind.clone());
        let filter =
            ActFilter { actor, kinds, target: asked.target.clone(), ..ActFilter::default() };
        let behind = at.place::<1>()?.map_or(0, |[behind]| behind);
        let skipped = usize::try_from(behind).unwrap_or(usize::MAX);
        let (acts, _) = desk.app.acts(&filter)?;
        let mut rows: Vec<_> = acts.into_iter().rev().skip(skipped).take(limit + 1).collect();
        let next = (rows.len() > limit).then(|| at.cursor([behind + limit as u64]));
        rows.truncate(limit);
        Ok(Listed { items: rows.into_iter().map(ActOf::from).collect(), next })
    };
    shared.read(who, question, read).await
}

/// Whether the ledger is intact, as far as that is known without reading all of it.
#[utoipa::path(get, path = "/audit", tag = "evidence",
    responses((status = 200, description = "The answer", body = AuditAnswer)))]
pub(crate) async fn audit(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let read = |desk: &Desk, _: &Snapshot| {
        let sheet = desk.audit(None)?;
        Ok(AuditAnswer { verdict: sheet.verdict, is_good: sheet.is_good, vouched: desk.vouched() })
    };
    // Files can change behind the ledger's back.
    shared.read(who, question.without_tag(), read).await
}

/// The last checkpoint: a signed note (C2SP).
#[utoipa::path(get, path = "/checkpoint", tag = "evidence",
    responses((status = 200, description = "The note", body = String, content_type = "text/plain")))]
pub(crate) async fn checkpoint(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let text = shared.at_desk(who, |desk| Ok(read_note(&desk.app.checkpoint_path())?)).await?;
    let text = text.ok_or_else(|| WebError::missing("nobody has signed this ledger"))?;
    Ok(plain(text))
}

/// An entry, as far as it may be shown.
#[utoipa::path(get, path = "/entries/{seq}", tag = "evidence", params(("seq" = String, Path, description = "Its number", pattern = "^[0-9]{1,19}$")),
    responses((status = 200, description = "It", body = Entry), (status = 304, description = "As before")))]
pub(crate) async fn entry(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(of): Path<String>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let may_see_acts = who.role.may(crate::access::Right::Audit);
    let read = move |desk: &Desk, _: &Snapshot| {
        let seq = seq(&of)?;
        let mut detail = desk.app.entry(seq)?;
        let gate = desk.gate()?;
        detail.shown.items.iter_mut().for_each(|item| clear_item(&gate, item));
        Ok(Entry {
            seq: seq.into(),
            kind: detail.kind,
            recorded_at_ms: detail.recorded_at_ms,
            id: detail.id,
            commitment: detail.commitment,
            is_erased: detail.is_erased,
            items: detail.shown.items.into_iter().map(Item::from).collect(),
            act: detail.act.filter(|_| may_see_acts).map(ActOf::from),
        })
    };
    shared.read(who, question, read).await
}

/// A proof that an entry is in the ledger (C2SP tlog-proof), as `codex-ledger audit prove` writes it: what the ledger has is signed for it.
#[utoipa::path(post, path = "/entries/{seq}/proof", tag = "evidence", params(("seq" = String, Path, description = "Number of the entry", pattern = "^[0-9]{1,19}$")),
    responses((status = 200, description = "The proof", body = String, content_type = "text/plain")))]
pub(crate) async fn proof(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(of): Path<String>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let proof = shared.at_desk(who, move |desk| Ok(desk.prove(seq(&of)?)?)).await;
    Ok(plain(proof.map_err(WebError::of_meaning)?))
}

fn plain(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

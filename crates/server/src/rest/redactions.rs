//! What is hidden: listed, looked at before it is done, done, undone.

use super::asked::{Asked, Nothing, Sent};
use super::model::Listed;
use super::problem::PREFIX;
use super::snapshot::{Question, Snapshot, json, unwritable};
use super::told::{Forecast, Redaction, Revocation, Rule};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use codex_ledger_app::{RedactRequest, Seq, SeqRange};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Which redactions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RedactionsAsked {
    /// Only those in force.
    active: bool,
}

/// What is to be hidden: a prompt, an entry or a part of it, a session, a text or a pattern.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRedaction {
    /// `SESSION#N`.
    prompt: Option<String>,
    /// A session: as the target, or as what narrows a literal or regex.
    session: Option<String>,
    /// An entry.
    #[schema(pattern = "^[0-9]{1,19}$")]
    entry: Option<String>,
    /// JSON pointer inside the entry.
    field: Option<String>,
    /// First byte and end of a part of the field: `10..25`.
    #[schema(pattern = "^[0-9]{1,15}[.][.][0-9]{1,15}$")]
    span: Option<String>,
    /// A text.
    #[schema(min_length = 1)]
    literal: Option<String>,
    /// Whether the text is hidden in its own case only.
    #[serde(default)]
    exact_case: bool,
    /// A pattern.
    #[schema(min_length = 1)]
    regex: Option<String>,
    /// A repository that narrows a literal or regex.
    repo: Option<String>,
    /// Whether much may be hidden.
    #[serde(default)]
    wide: bool,
    /// What is shown instead.
    with: Option<String>,
    /// Why.
    #[schema(min_length = 1)]
    reason: String,
}

/// Why something is undone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undoing {
    /// Why.
    #[schema(min_length = 1)]
    reason: String,
}

impl NewRedaction {
    fn request(self) -> Result<RedactRequest> {
        let span = self.span.as_deref().map(|span| {
            let (from, to) = span.split_once("..")?;
            Some((from.parse().ok()?, to.parse().ok()?))
        });
        if span == Some(None) {
            return Err(WebError::bad("span: a first byte and an end are expected, as `10..25`"));
        }
        let span = span.flatten();
        Ok(RedactRequest {
            prompt: self.prompt,
            session: self.session,
            entry: self.entry.as_deref().map(seq).transpose()?,
            field: self.field,
            span,
            literal: self.literal,
            exact_case: self.exact_case,
            regex: self.regex,
            repo: self.repo,
            wide: self.wide,
            with: self.with,
            reason: self.reason,
            place: None,
        })
    }
}

/// The number of an entry, as it stands in an address or in JSON.
pub(crate) fn seq(text: &str) -> Result<Seq> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seq = text.parse().ok().filter(|_| is_number).map(Seq::new);
    seq.ok_or_else(|| WebError::bad(format!("`{text}` is no number of an entry")))
}

/// All redactions, the newest first.
#[utoipa::path(get, path = "/redactions", operation_id = "list_redactions", tag = "redact", params(RedactionsAsked),
    responses((status = 200, description = "All of them", body = Listed<Redaction>), (status = 304, description = "As before")))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<RedactionsAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, _: &Snapshot| {
        let rows = desk.app.redactions(asked.active)?.into_iter();
        Ok(Listed { items: rows.map(Redaction::from).collect(), next: None })
    };
    shared.read(who, question, read).await
}

/// One redaction.
#[utoipa::path(get, path = "/redactions/{seq}", operation_id = "redaction", tag = "redact", params(("seq" = String, Path, description = "Number of its entry", pattern = "^[0-9]{1,19}$")),
    responses((status = 200, description = "It", body = Redaction), (status = 304, description = "As before")))]
pub(crate) async fn one(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(of): Path<String>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    shared.read(who, question, move |desk, _| redaction(desk, seq(&of)?)).await
}

fn redaction(desk: &Desk, seq: Seq) -> Result<Redaction> {
    let found = desk.app.redactions(false)?.into_iter().find(|row| row.seq == seq);
    found
        .map(Redaction::from)
        .ok_or_else(|| WebError::missing(format!("entry {seq} is no redaction")))
}

/// All that was undone, the newest first.
#[utoipa::path(get, path = "/revocations", tag = "redact",
    responses((status = 200, description = "All of it", body = Listed<Revocation>), (status = 304, description = "As before")))]
pub(crate) async fn revocations(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let read = |desk: &Desk, _: &Snapshot| {
        let rows = desk.app.revocations()?.into_iter();
        Ok(Listed { items: rows.map(Revocation::from).collect(), next: None })
    };
    shared.read(who, question, read).await
}

/// What a text or pattern would hide; nothing is recorded.
#[utoipa::path(post, path = "/redactions/preview", operation_id = "preview_redaction", tag = "redact", request_body = NewRedaction,
    responses((status = 200, description = "What it would hide", body = Forecast)))]
pub(crate) async fn preview(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Asked(Nothing {}): Asked<Nothing>,
    Sent { body, .. }: Sent<NewRedaction>,
) -> Result<Response> {
    let looked =
        shared.at_desk(who, move |desk| Ok(Forecast::from(desk.app.forecast(&body.request()?)?)));
    let body =
        serde_json::to_vec(&looked.await.map_err(WebError::of_meaning)?).map_err(unwritable)?;
    Ok(json(StatusCode::OK, body))
}

/// Hides something in everything that is shown.
#[utoipa::path(post, path = "/redactions", operation_id = "create_redaction", tag = "redact", request_body = NewRedaction,
    params(("Idempotency-Key" = Option<String>, Header, description = "Done once, however often it is sent", min_length = 1, max_length = 128, pattern = "^[!-~]+$")),
    responses((status = 201, description = "It is hidden", body = Redaction)))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Asked(Nothing {}): Asked<Nothing>,
    Sent { body, request }: Sent<NewRedaction>,
) -> Result<Response> {
    let all = shared.clone();
    let work = move |desk: &Desk| {
        let wanted = body.request()?;
        // Two who hide the same at once hide it once, as in the pages.
        let _deciding = all.deciding();
        match desk.app.hidden_already(&wanted)? {
            Some(seq) => Err(WebError::new(
                StatusCode::CONFLICT,
                format!("entry {seq} hides just this already"),
            )),
            None => Ok(desk.app.hide(&[wanted], &mut |_| ())?),
        }
    };
    let tell = |desk: &Desk, made: SeqRange| {
        Ok((format!("{PREFIX}/redactions/{}", made.from), redaction(desk, made.from)?))
    };
    shared.write(who, request, work, tell).await
}

/// Ends a redaction, or such an end.
#[utoipa::path(post, path = "/redactions/{seq}/undo", operation_id = "undo_redaction", tag = "redact", request_body = Undoing,
    params(("seq" = String, Path, description = "Number of the entry that is undone", pattern = "^[0-9]{1,19}$"),
        ("Idempotency-Key" = Option<String>, Header, description = "Done once, however often it is sent", min_length = 1, max_length = 128, pattern = "^[!-~]+$")),
    responses((status = 201, description = "It is undone", body = Revocation)))]
pub(crate) async fn undo(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(of): Path<String>,
    Asked(Nothing {}): Asked<Nothing>,
    Sent { body, request }: Sent<Undoing>,
) -> Result<Response> {
    let all = shared.clone();
    let work = move |desk: &Desk| {
        let _deciding = all.deciding();
        let target = seq(&of)?.to_string();
        let undone = desk.app.undo(&target, &body.reason, &mut |_| ())?;
        Ok(SeqRange::counted(undone.revocation.seq, 1))
    };
    let tell = |desk: &Desk, made: SeqRange| {
        let found = desk.app.revocations()?.into_iter().find(|row| row.seq == made.from);
        let found = found.ok_or_else(|| WebError::missing("this is undone no more"))?;
        Ok((format!("{PREFIX}/revocations"), Revocation::from(found)))
    };
    shared.write(who, request, work, tell).await
}

/// The rules in force, with how much each hides now.
#[utoipa::path(get, path = "/rules", tag = "redact",
    responses((status = 200, description = "All of them", body = Listed<Rule>), (status = 304, description = "As before")))]
pub(crate) async fn rules(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response> {
    let read = |desk: &Desk, _: &Snapshot| {
        let passages: BTreeMap<String, u64> =
            desk.app.passages_by_rule(None)?.into_iter().collect();
        let gate = desk.gate()?;
        let rules = desk.app.rules()?.rules.rules.into_iter();
        let rule = |rule: codex_ledger_app::Rule| Rule {
            passages: passages.get(&rule.id).copied().unwrap_or_default(),
            // A person may have hidden its name.
            id: gate.hide(&rule.id).unwrap_or(rule.id),
            enabled: rule.enabled,
        };
        Ok(Listed { items: rules.map(rule).collect(), next: None })
    };
    shared.read(who, question, read).await
}

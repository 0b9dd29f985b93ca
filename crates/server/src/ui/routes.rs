//! All pages and acts, and the right that each of them asks for.

use super::{
    acts, assets, audit, candidates, enter, entries, export, queue, redactions, review, rule_form,
    rule_trial, rules, search, session, sessions, settings, theme, tokens,
};
use crate::access::{Right, Who, with_right};
use crate::error::{Result, WebError};
use crate::state::Shared;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Router};

/// All pages and acts, each with the right that it asks for.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route(&format!("{}{{name}}", assets::PREFIX), get(assets::serve))
        .route(enter::PATH, get(enter::show).post(enter::enter))
        .route("/leave", with_right(Right::Read, post(enter::leave)))
        .route("/", with_right(Right::Read, get(sessions::list)))
        .route("/theme", with_right(Right::Read, post(theme::choose)))
        .route("/pulse", with_right(Right::Read, get(pulse)))
        .route("/sessions/{id}", with_right(Right::Read, get(session::show)))
        .route("/search", with_right(Right::Read, get(search::show)))
        .route("/tokens", with_right(Right::Read, get(tokens::show)))
        .route("/queue", with_right(Right::Review, get(queue::show)))
        .route("/review", with_right(Right::Review, post(review::say)))
        .route("/redactions", with_right(Right::Oversee, get(redactions::list)))
        .route("/redactions/preview", with_right(Right::Redact, post(redactions::preview)))
        .route("/redactions/apply", with_right(Right::Redact, post(redactions::apply)))
        .route("/redactions/undo", with_right(Right::Redact, post(redactions::undo)))
        .route("/candidates", with_right(Right::Oversee, get(candidates::list)))
        .route("/candidates/say", with_right(Right::Redact, post(candidates::say)))
        .route("/rules", with_right(Right::Oversee, get(rules::show)))
        .route(
            "/rules/rule",
            with_right(Right::Redact, get(rule_form::show).post(rule_form::from_passage)),
        )
        .route("/rules/try", with_right(Right::Redact, post(rule_trial::look)))
        .route("/rules/apply", with_right(Right::Redact, post(rule_trial::apply)))
        .route("/rules/undo", with_right(Right::Redact, post(rule_trial::undo)))
        .route("/settings", with_right(Right::Administer, get(settings::show)))
        .route("/settings/token", with_right(Right::Administer, post(settings::create)))
        .route("/settings/revoke", with_right(Right::Administer, post(settings::revoke)))
        .route("/acts", with_right(Right::Audit, get(acts::show)))
        .route("/audit", with_right(Right::Audit, get(audit::show)))
        .route("/audit/check", with_right(Right::Audit, post(audit::check)))
        .route("/audit/checkpoint", with_right(Right::Audit, get(audit::checkpoint)))
        .route("/entries/{seq}", with_right(Right::Read, get(entries::show)))
        .route("/entries/{seq}/proof", with_right(Right::Audit, post(entries::proof)))
        .route("/entries/{seq}/reveal", with_right(Right::Reveal, post(entries::reveal)))
        .route("/export", with_right(Right::Export, get(export::show)))
        .route("/export/file", with_right(Right::Export, post(export::file)))
        .route("/export/pages", with_right(Right::Export, post(export::pages)))
        .merge(crate::graphql::routes())
        .fallback(missing)
        .method_not_allowed_fallback(not_allowed)
}

/// Up to where the ledger goes, for pages that are open.
async fn pulse(State(shared): State<Shared>, Extension(who): Extension<Who>) -> Result<String> {
    shared.at_desk(who, |desk| Ok(desk.app.end()?.to_string())).await
}

async fn missing() -> WebError {
    WebError::missing("there is no such page")
}

async fn not_allowed() -> WebError {
    WebError::new(StatusCode::METHOD_NOT_ALLOWED, "this is not done so")
}

//! The document, and a page that shows it to people.

use crate::ui::layout;
use axum::extract::OriginalUri;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use std::sync::Arc;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr, Required};

/// The document and its page, made once.
#[derive(Clone)]
pub(crate) struct Reference(Arc<(String, layout::Page)>);

impl Reference {
    pub(crate) fn of(document: &OpenApi) -> Reference {
        let text = document.to_pretty_json().unwrap_or_default();
        let page = layout::bare("API", &body(document));
        Reference(Arc::new((text, page)))
    }

    /// The page for whoever asks for one, else the document.
    pub(crate) async fn answer(
        self,
        OriginalUri(uri): OriginalUri,
        headers: HeaderMap,
    ) -> Response {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let is_page = accept.is_some_and(|accept| accept.contains("text/html"));
        let (text, page) = &*self.0;
        match is_page && !uri.path().ends_with(".json") {
            true => page.clone().into_response(),
            false => ([(CONTENT_TYPE, "application/json")], text.clone()).into_response(),
        }
    }
}

fn body(document: &OpenApi) -> Markup {
    let operations = document.paths.paths.iter().flat_map(|(path, item)| {
        let both = [("GET", item.get.as_ref()), ("POST", item.post.as_ref())];
        both.into_iter().filter_map(move |(method, of)| Some((method, path.as_str(), of?)))
    });
    let operations: Vec<(&str, &str, &Operation)> = operations.collect();
    html! {
        h1 { "API" }
        p { "Programs ask below " code { "/api/v1" } " with a token: " code { "Authorization: Bearer TOKEN" } ". "
            code { "codex-ledger serve token create" } " makes one. "
            a href="/api/v1/openapi.json" { "The whole document" } " (OpenAPI 3.1) is made for tools." }
        p.quiet { "Numbers of entries and tokens are strings of digits. Lists end where " code { "next" } " is null. "
            "An " code { "ETag" } " says up to which entry an answer tells; send it back as " code { "If-None-Match" } ". "
            "What changes something takes an " code { "Idempotency-Key" } " and is then done once." }
        @for tag in document.tags.iter().flatten() {
            section aria-labelledby=(format!("tag-{}", tag.name)) {
                h2 id=(format!("tag-{}", tag.name)) { (tag.name) }
                p.quiet { (tag.description.as_deref().unwrap_or_default()) }
                @for (method, path, of) in operations.iter().filter(|(.., of)| of.tags.iter().flatten().any(|own| *own == tag.name)) {
                    (operation(method, path, of))
                }
            }
        }
    }
}

fn operation(method: &str, path: &str, of: &Operation) -> Markup {
    let roles = of.extensions.as_ref().and_then(|all| all.get("x-roles"));
    let roles: Vec<&str> = roles
        .and_then(|all| all.as_array())
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str())
        .collect();
    html! {
        details.operation {
            summary { code { (method) " " (path) } " " (of.summary.as_deref().unwrap_or_default()) }
            @if let Some(more) = &of.description { p { (more) } }
            p.quiet { "For: " (roles.join(", ")) }
            @if let Some(all) = of.parameters.as_ref().filter(|all| !all.is_empty()) {
                dl { @for one in all { @if let RefOr::T(one) = one { (parameter(one)) } } }
            }
            @if of.request_body.is_some() { p.quiet { "Takes JSON, as the document says." } }
        }
    }
}

fn parameter(of: &Parameter) -> Markup {
    let place = match of.parameter_in {
        ParameterIn::Query | ParameterIn::QueryString => "query",
        ParameterIn::Path => "path",
        ParameterIn::Header => "header",
        ParameterIn::Cookie => "cookie",
    };
    html! {
        dt { code { (of.name) } " " span.quiet { (place) @if of.required == Required::True { ", needed" } } }
        dd { (of.description.as_deref().unwrap_or_default()) }
    }
}

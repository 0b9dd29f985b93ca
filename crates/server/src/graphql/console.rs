//! A page to ask on: a form, the answer, and the schema. It needs no script.

use super::PATH;
use super::answer::{Asked, answer};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::Params;
use crate::state::Shared;
use crate::ui::layout::{self, form_secret};
use axum::response::{IntoResponse, Response};
use codex_ledger_report::escape;
use maud::html;
use serde_json::{Map, Value as Json};

const EXAMPLE: &str = "{\n  sessions(first: 5) {\n    nodes { id title promptCount tags }\n  }\n}";

/// The page, with a query that stands in its address; nothing is asked by that.
pub(super) async fn show(shared: &Shared, who: Who, address: &str) -> Response {
    page(shared, who, &Params::parse(address.as_bytes()), None).await
}

/// Asks what the form says.
pub(super) async fn run(shared: Shared, who: Who, form: &Params) -> Response {
    let answered = match asked(form) {
        Ok(asked) => {
            let answer = answer(shared.clone(), who.clone(), asked, true).await;
            serde_json::to_string_pretty(&answer).unwrap_or_default()
        }
        Err(error) => error.message,
    };
    page(&shared, who, form, Some(answered)).await
}

fn asked(form: &Params) -> Result<Asked> {
    let query = form.exact("query").unwrap_or_default().to_string();
    let variables = match form.get("variables") {
        None => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Json::Object(variables)) => variables,
            _ => return Err(WebError::bad("variables: this is no JSON object")),
        },
    };
    let operation = form.get("operationName").map(str::to_string);
    Ok(Asked { query, operation, variables })
}

async fn page(shared: &Shared, who: Who, form: &Params, answered: Option<String>) -> Response {
    let query = form.exact("query").unwrap_or(EXAMPLE).to_string();
    let variables = form.exact("variables").unwrap_or_default().to_string();
    let made = shared.at_desk(who, move |desk| {
        let markup = html! {
            h1 { "GraphQL" }
            form.apply method="post" action=(PATH) {
                (form_secret(&desk.who))
                label { span { "Query or mutation" } textarea name="query" rows="12" spellcheck="false" autocomplete="off" required { "\n" (query) } }
                label { span { "Variables, as JSON" } textarea name="variables" rows="3" spellcheck="false" autocomplete="off" { "\n" (variables) } }
                p { button.main { "Ask" } }
            }
            @if let Some(answered) = &answered {
                h2 id="answer" { "Answer" }
                section.wide tabindex="0" aria-labelledby="answer" { pre { (escape::visible(answered)) } }
            }
            details {
                summary { "What can be asked" }
                section.wide tabindex="0" aria-label="Schema" { pre { (super::schema()) } }
            }
        };
        Ok(layout::page(desk, "GraphQL", PATH, &markup))
    });
    made.await.into_response()
}

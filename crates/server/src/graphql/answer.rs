//! One request: looked at, understood, done.

use super::SCHEMA;
use super::changes::Writing;
use super::limits::{check, check_text};
use super::reading::{PATIENCE, Reading, told, too_long};
use crate::access::Who;
use crate::error::WebError;
use crate::state::{Desk, Shared};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Pos, Request, Response, ServerError, Value, Variables};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use std::time::{Duration, Instant};

/// What the outside waits longer than the inside, which then says what took so long.
const GRACE: Duration = Duration::from_secs(2);
/// How often a query is asked again while entries come in between.
const TRIES_MAX: usize = 3;

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) query: String,
    pub(super) operation: Option<String>,
    pub(super) variables: Map<String, Json>,
}

/// What is answered.
#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    /// None where nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Cost>,
    /// The status, where it is not the usual one.
    #[serde(skip)]
    pub(super) status: Option<StatusCode>,
}

/// What an answer took: as many statements for a long list as for a short one.
#[derive(Serialize)]
struct Cost {
    statements: u64,
}

impl Answer {
    /// Nothing was done.
    pub(super) fn refused(error: WebError) -> Answer {
        let status = Some(error.status);
        let error = told(error).into_server_error(Pos::default());
        let error = ServerError { locations: Vec::new(), ..error };
        Answer { errors: vec![error], data: None, extensions: None, status }
    }

    /// Nothing was done, since what was asked is none of ours.
    fn wrong(errors: Vec<ServerError>, code: &str) -> Answer {
        let coded = |mut error: ServerError| {
            error.extensions.get_or_insert_default().set("code", code);
            error
        };
        let errors = errors.into_iter().map(coded).collect();
        Answer { errors, data: None, extensions: None, status: None }
    }

    fn of(response: Response, extensions: Option<Cost>) -> Answer {
        let Response { data, errors, .. } = response;
        // What fails while it is done has a place in the answer.
        let is_refused = data == Value::Null && errors.iter().all(|error| error.path.is_empty());
        match is_refused {
            true => Answer::wrong(errors, "GRAPHQL_VALIDATION_FAILED"),
            false => Answer { errors, data: Some(data), extensions, status: None },
        }
    }
}

/// Answers a request; one that may change nothing does not.
pub(super) async fn answer(shared: Shared, who: Who, asked: Asked, may_change: bool) -> Answer {
    let too_much = |error| Answer { status: None, ..Answer::refused(error) };
    if let Err(error) = check_text(&asked.query) {
        return too_much(error);
    }
    let document = match parse_query(&asked.query) {
        Ok(document) => document,
        Err(error) => {
            let mut error = ServerError::from(error);
            error.source = None;
            return Answer::wrong(vec![error], "GRAPHQL_PARSE_FAILED");
        }
    };
    if let Err(error) = check(&document) {
        return too_much(error);
    }
    let kind = kind_of(&document, asked.operation.as_deref());
    if kind == Some(OperationType::Mutation) && !may_change {
        let error = WebError::new(StatusCode::METHOD_NOT_ALLOWED, "a GET changes nothing");
        return Answer::refused(error.hint("send mutations by POST"));
    }
    let is_change = kind == Some(OperationType::Mutation);
    if let Err(error) = shared.limits().check(&who, is_change, shared.now_ms()) {
        return Answer::refused(error);
    }
    let asked = Understood { asked, document };
    let done = async {
        if is_change {
            let request = asked.request().data(Writing { shared, who });
            return Answer::of(SCHEMA.execute(request).await, None);
        }
        read(shared, who, asked).await.unwrap_or_else(Answer::refused)
    };
    let in_time = tokio::time::timeout(PATIENCE + GRACE, done).await;
    in_time.unwrap_or_else(|_| Answer::refused(too_long()))
}

/// Answers what only reads, as a whole on a thread that may wait, out of one state of what is shown.
async fn read(shared: Shared, who: Who, asked: Understood) -> crate::error::Result<Answer> {
    let all = shared.clone();
    let work = move |desk: &Desk| {
        let ends = Instant::now() + PATIENCE;
        for _ in 0..TRIES_MAX {
            let shown = desk.app.shown_to()?;
            let bound = format!("{} {shown:?}", all.instance());
            let reading = Reading::new(all.desk(desk.who.clone()), bound, ends)?;
            let before = codex_ledger_app::statements();
            let handle = tokio::runtime::Handle::current();
            let response = handle.block_on(SCHEMA.execute(asked.request().data(reading)));
            let statements = codex_ledger_app::statements() - before;
            if desk.app.shown_to()? == shown {
                return Ok(Answer::of(response, Some(Cost { statements })));
            }
        }
        let message = "entries come in all the time";
        Err(WebError::new(StatusCode::SERVICE_UNAVAILABLE, message).hint("ask again in a moment"))
    };
    shared.at_desk(who, work).await
}

/// What is asked, and how it was understood.
struct Understood {
    asked: Asked,
    document: ExecutableDocument,
}

impl Understood {
    fn request(&self) -> Request {
        let variables = Variables::from_json(Json::Object(self.asked.variables.clone()));
        let mut request = Request::new(self.asked.query.clone()).variables(variables);
        request.operation_name = self.asked.operation.clone();
        request.set_parsed_query(self.document.clone());
        request
    }
}

/// What kind of operation is asked for; none where that is not clear, which is said when it is validated.
fn kind_of(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    let kind = match (&document.operations, name) {
        (DocumentOperations::Single(one), _) => one.node.ty,
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name)?.node.ty,
        (DocumentOperations::Multiple(all), None) => {
            let mut all = all.values();
            let first = all.next()?;
            if all.next().is_some() {
                return None;
            }
            first.node.ty
        }
    };
    Some(kind)
}

/// The status of an answer to a program that knows of statuses; for others it is 200 unless the request was none.
pub(super) fn status_of(answer: &Answer, is_plain: bool) -> StatusCode {
    match (answer.status, &answer.data) {
        (Some(status), _) => status,
        (None, None) if !is_plain => StatusCode::BAD_REQUEST,
        (None, _) => StatusCode::OK,
    }
}

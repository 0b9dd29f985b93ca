//! Who may ask what: a right for each route, in force and in the document.

use super::problem::{MEDIA_TYPE, Problem};
use crate::access::{Right, Role, with_right};
use crate::state::Shared;
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

/// What may be answered to any question, besides what it asks for.
const REFUSALS: [(&str, &str); 10] = [
    ("400", "What is asked is not one that can be asked"),
    ("401", "No token, or one that lets nobody in"),
    ("403", "The role may not"),
    ("404", "There is no such thing"),
    ("409", "It cannot be done as things are"),
    ("410", "The cursor belongs to what the ledger was before"),
    (
        "422",
        "What is asked is written well and means nothing, or its idempotency key was used for something else",
    ),
    ("429", "The token asks too much"),
    ("500", "Something failed here"),
    ("503", "Somebody else is writing, or the views are being made"),
];
/// And to what is sent.
const REFUSALS_OF_SENT: [(&str, &str); 3] = [
    ("408", "What was sent did not come in time"),
    ("413", "What was sent is too long"),
    ("415", "What was sent is of another media type"),
];

/// Lets only those pass who have the right, and says so in the document.
pub(crate) fn allowed(
    right: Right,
    (schemas, mut paths, handler): UtoipaMethodRouter<Shared>,
) -> UtoipaMethodRouter<Shared> {
    for path in paths.paths.values_mut() {
        for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
            describe(operation, right);
        }
    }
    (schemas, paths, with_right(right, handler))
}

fn describe(operation: &mut Operation, right: Right) {
    let roles: Vec<&str> =
        Role::ALL.into_iter().filter(|role| role.may(right)).map(Role::name).collect();
    let more = ExtensionsBuilder::new().add("x-roles", roles).build();
    operation.extensions.get_or_insert_with(Default::default).merge(more);
    let sent = operation.request_body.is_some();
    let refusals = REFUSALS.iter().chain(REFUSALS_OF_SENT.iter().filter(|_| sent));
    for (status, words) in refusals {
        let schema = Ref::from_schema_name(Problem::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response =
            ResponseBuilder::new().description(*words).content(MEDIA_TYPE, content).build();
        operation.responses.responses.entry((*status).into()).or_insert(response.into());
    }
}

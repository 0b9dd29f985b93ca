//! REST: `/api/v1`, for editors, dashboards and CI.

mod allowed;
mod annotations;
mod asked;
mod events;
mod evidence;
mod limits;
mod lists;
mod model;
mod problem;
mod redactions;
mod reference;
mod reports;
mod routes;
mod snapshot;
mod told;
mod writes;

pub(crate) use self::limits::Limits;
pub(crate) use self::problem::{is_api, problems};
pub(crate) use self::routes::routes;

/// What can be asked, as OpenAPI 3.1 has it, in JSON.
pub fn openapi() -> String {
    let document = routes::document().to_pretty_json().unwrap_or_default();
    format!("{document}\n")
}

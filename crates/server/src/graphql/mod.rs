//! GraphQL over the same use cases as the pages.
//!
//! A query is answered as a whole on a thread that may wait, in the name of who asks; each field asks for its right. Changes are
//! done one after the other, each of them as a page would do it.

mod answer;
mod changes;
mod console;
mod http;
mod items;
mod limits;
mod lists;
mod reading;
mod root;
mod sessions;
mod told;

use self::changes::Mutation;
pub(crate) use self::http::refusals;
use self::root::Query;
use crate::access::{Right, with_right};
use crate::state::Shared;
use async_graphql::{EmptySubscription, SDLExportOptions, Schema};
use axum::Router;
use axum::routing::get;
use std::sync::LazyLock;

/// Where it is asked.
pub(crate) const PATH: &str = "/graphql";

type OurSchema = Schema<Query, Mutation, EmptySubscription>;

static SCHEMA: LazyLock<OurSchema> = LazyLock::new(|| {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_complexity(limits::COST_MAX)
        .limit_recursive_depth(limits::NESTING_MAX)
        .limit_directives(limits::DIRECTIVES_MAX)
        .finish()
});

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route(PATH, with_right(Right::Read, get(http::get).post(http::post)))
}

/// The schema in the language of schemas, as `docs/schema.graphql` has it.
pub fn schema() -> String {
    SCHEMA.sdl_with_options(SDLExportOptions::new().sorted_fields())
}

//! All routes, each with the right that it asks for; and the document, made out of them.

use super::allowed::allowed;
use super::limits::limit;
use super::problem::{PREFIX, Problem};
use super::reference::Reference;
use super::{annotations, events, evidence, lists, redactions, reports};
use crate::access::{Right, with_right};
use crate::params::FORM_BYTES_MAX;
use crate::state::Shared;
use axum::Router;
use axum::middleware;
use axum::routing::get;
use tower_http::limit::RequestBodyLimitLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(title = "codex-ledger", description = "What coding agents did, as far as it may be shown: read, reviewed, hidden and proven."),
    servers((url = "/api/v1")),
    components(schemas(Problem)),
    tags(
        (name = "read", description = "Sessions, and what was asked, called, changed and found in them"),
        (name = "review", description = "What reviewers say of sessions and prompts"),
        (name = "redact", description = "What is hidden, by whom, by which rule"),
        (name = "evidence", description = "Where the ledger stands, who did what, and what proves it"),
    )
)]
struct Head;

fn router() -> OpenApiRouter<Shared> {
    use Right::{Audit, Export, Oversee, Read, Redact, Review};
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(allowed(Read, routes!(lists::sessions)))
        .routes(allowed(Read, routes!(lists::session)))
        .routes(allowed(Read, routes!(lists::items)))
        .routes(allowed(Read, routes!(lists::prompts)))
        .routes(allowed(Read, routes!(lists::calls)))
        .routes(allowed(Read, routes!(lists::files)))
        .routes(allowed(Read, routes!(lists::search)))
        .routes(allowed(Read, routes!(lists::tokens)))
        .routes(allowed(Read, routes!(events::events)))
        .routes(allowed(Export, routes!(reports::create)))
        .routes(allowed(Read, routes!(annotations::tags)))
        .routes(allowed(Oversee, routes!(annotations::notes)))
        .routes(allowed(Read, routes!(annotations::dispositions)))
        .routes(allowed(Review, routes!(annotations::create)))
        .routes(allowed(Review, routes!(annotations::undo)))
        .routes(allowed(Oversee, routes!(redactions::list)))
        .routes(allowed(Oversee, routes!(redactions::one)))
        .routes(allowed(Oversee, routes!(redactions::revocations)))
        .routes(allowed(Oversee, routes!(redactions::rules)))
        .routes(allowed(Redact, routes!(redactions::create)))
        .routes(allowed(Redact, routes!(redactions::preview)))
        .routes(allowed(Redact, routes!(redactions::undo)))
        .routes(allowed(Read, routes!(evidence::status)))
        .routes(allowed(Read, routes!(evidence::entry)))
        .routes(allowed(Audit, routes!(evidence::acts)))
        .routes(allowed(Audit, routes!(evidence::audit)))
        .routes(allowed(Audit, routes!(evidence::checkpoint)))
        .routes(allowed(Audit, routes!(evidence::proof)))
}

/// All of it.
pub(crate) fn routes(shared: &Shared) -> Router<Shared> {
    let (routes, document) = router().split_for_parts();
    let reference = Reference::of(&finished(document));
    let described = move |uri, headers| reference.clone().answer(uri, headers);
    let described = with_right(Right::Read, get(described));
    let routes = routes.route("/openapi.json", described.clone());
    let limited = middleware::from_fn_with_state(shared.clone(), limit);
    let limited = Router::new().nest(PREFIX, routes).route(PREFIX, described).layer(limited);
    limited.layer(RequestBodyLimitLayer::new(FORM_BYTES_MAX))
}

/// The document (OpenAPI 3.1).
pub(crate) fn document() -> Document {
    finished(router().split_for_parts().1)
}

fn finished(mut document: Document) -> Document {
    document.info.version = env!("CARGO_PKG_VERSION").into();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `codex-ledger serve token create`"))
        .build();
    let components = document.components.get_or_insert_with(Default::default);
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    document
}

//! Style and script, under names that change with what they say.

use crate::error::WebError;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

/// What their addresses begin with.
pub(crate) const PREFIX: &str = "/assets/";

/// A file that pages ask for.
pub(crate) struct Asset {
    text: &'static str,
    kind: &'static str,
    name: String,
}

impl Asset {
    fn new(text: &'static str, end: &str, kind: &'static str) -> Asset {
        let hash = blake3::hash(text.as_bytes()).to_hex();
        let name = format!("{}.{end}", hash.get(..12).unwrap_or_default());
        Asset { text, kind, name }
    }

    pub(crate) fn url(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }
}

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(include_str!("../../assets/style.css"), "css", "text/css; charset=utf-8")
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(include_str!("../../assets/script.js"), "js", "text/javascript; charset=utf-8")
});

pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    match [&*STYLE, &*SCRIPT].into_iter().find(|asset| asset.name == name) {
        Some(Asset { text, kind, .. }) => {
            let for_ever = "public, max-age=31536000, immutable";
            ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, for_ever)], *text).into_response()
        }
        None => WebError::missing("there is no such file").into_response(),
    }
}

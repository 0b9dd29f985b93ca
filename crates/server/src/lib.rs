//! The web door: who may come in, and the pages of the review.
//!
//! Thin: a handler reads what was asked, calls [`codex_ledger_app`], and renders. The ledger is locked only while something
//! is written, so that commands work beside it.

mod access;
mod error;
mod graphql;
mod headers;
mod params;
mod rest;
mod serve;
mod state;
mod tls;
mod ui;
mod vouching;

pub use access::{DAYS_MAX, Right, Role, Token, TokenError, TokenFile};
pub use graphql::schema as graphql_schema;
pub use rest::openapi;
pub use serve::{ServeError, ServeOptions, Server, Stopper};
pub use state::{LogLine, LogListener};
pub use tls::{Tls, TlsError};
pub use vouching::{Refusal, Vouching};

//! What tests of the command line share: a hermetic place to run the real program in, and sources to
//! run it on.
#![allow(dead_code, reason = "each test file uses its own part")]

mod run;
mod sources;

pub use run::{TestEnvironment, no_escapes, open_views, wait_for};
pub use sources::{
    Source, compressed, fixture_home, id_of, lines_of, prompt_line, rollout_name, session,
    sources_below, thread,
};

pub use crate::support::skip;
use std::path::PathBuf;

/// A folder or file that the gate names by environment.
#[allow(clippy::disallowed_methods, reason = "the gate passes places by environment")]
pub fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

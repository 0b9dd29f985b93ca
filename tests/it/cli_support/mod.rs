//! What tests of the command line share: a hermetic place to run the real program in, and sources to
//! run it on.
#![allow(dead_code, reason = "each test file uses its own part")]

mod run;
mod sources;
pub mod web;

pub use run::{TestEnvironment, no_escapes, open_views, wait_for};
pub use sources::{
    Source, answer_line, compressed, fixture_home, id_of, lines_of, prompt_line, rollout_name,
    session, sources_below, thread,
};

pub use crate::support::skip;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder or file that the gate names by environment.
#[allow(clippy::disallowed_methods, reason = "the gate passes places by environment")]
pub fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Copies a folder with all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), target).unwrap();
        } else if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

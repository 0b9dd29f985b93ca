//! A disk whose sync fails now and then, after which the system takes what it could not write for written.
//!
//! What was to be made durable then stays lost, however often it is synced: only bytes that are written
//! again, and names that are made again, reach the disk. Reading gives what was written all the while.

use super::disk::{Stepped, Steps};
use super::image::{Image, Names, Node};
use super::inodes::Inodes;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const PAGE_BYTES: usize = 512;

/// See the module; `base` is the directory whose subtree is watched.
pub struct Forgetful {
    base: PathBuf,
    fails_at: Vec<usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    syncs: usize,
    failed: Vec<String>,
    inodes: Inodes,
    durable: Image,
    /// What stood in a file or directory when its sync failed for the last time.
    lost_files: HashMap<Node, Vec<u8>>,
    lost_names: HashMap<Node, Names>,
}

/// The disk for a world; its syncs of these numbers fail.
pub fn forgetful(base: &Path, fails_at: &[usize]) -> Arc<Stepped<Forgetful>> {
    let mut state = State::default();
    state.durable.root = state.inodes.node(base);
    let state = Mutex::new(state);
    Arc::new(Stepped(Forgetful { base: base.to_path_buf(), fails_at: fails_at.to_vec(), state }))
}

impl Forgetful {
    /// Which syncs failed so far.
    pub fn failed(&self) -> Vec<String> {
        self.state.lock().unwrap().failed.clone()
    }

    /// What a power loss leaves.
    pub fn durable(&self) -> Image {
        self.state.lock().unwrap().durable.clone()
    }
}

impl Steps for Forgetful {
    fn before(&self, what: &str, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let is_sync = what == "sync" || (what == "sync directory" && path.starts_with(&self.base));
        if !is_sync {
            return Ok(());
        }
        state.syncs += 1;
        if !self.fails_at.contains(&(state.syncs - 1)) {
            return Ok(());
        }
        state.failed.push(format!("{what} {}", path.display()));
        let node = state.inodes.node(path);
        if what == "sync" {
            state.lost_files.insert(node, fs::read(path).unwrap());
        } else {
            let names = state.inodes.names(path);
            state.lost_names.insert(node, names);
        }
        Err(io::Error::other("test: the disk refuses"))
    }

    fn after(&self, what: &str, path: &Path) {
        let mut state = self.state.lock().unwrap();
        match what {
            "sync" => {
                let node = state.inodes.node(path);
                let live = fs::read(path).unwrap();
                let old = state.durable.files.get(&node).cloned().unwrap_or_default();
                let bytes = match state.lost_files.get(&node) {
                    Some(lost) => rewritten(&old, lost, &live),
                    None => live,
                };
                state.durable.files.insert(node, Arc::new(bytes));
            }
            "sync directory" if path.starts_with(&self.base) => {
                let (node, live) = (state.inodes.node(path), state.inodes.names(path));
                let old = state.durable.dirs.get(&node).cloned().unwrap_or_default();
                let names = match state.lost_names.get(&node) {
                    Some(lost) => renamed(&old, lost, &live),
                    None => live,
                };
                state.durable.dirs.insert(node, names);
            }
            _ => {}
        }
    }
}

/// The pages of `live` that are not as they were when they were lost; of the others, what was there before.
fn rewritten(old: &[u8], lost: &[u8], live: &[u8]) -> Vec<u8> {
    let page = |bytes: &[u8], at: usize| {
        let from = bytes.get(at..).unwrap_or_default();
        from[..from.len().min(PAGE_BYTES)].to_vec()
    };
    let mut out = Vec::with_capacity(live.len());
    for at in (0..live.len()).step_by(PAGE_BYTES) {
        let now = page(live, at);
        let was_lost = page(old, at) != page(lost, at) && page(lost, at) == now;
        let mut bytes = if was_lost { page(old, at) } else { now.clone() };
        bytes.resize(now.len(), 0);
        out.extend(bytes);
    }
    out
}

/// The names of `live` that are not as they were when they were lost; of the others, what was there before.
fn renamed(old: &Names, lost: &Names, live: &Names) -> Names {
    let all = old.keys().chain(live.keys());
    let durable = all.filter_map(|name| {
        let was_lost = old.get(name) != lost.get(name) && lost.get(name) == live.get(name);
        let names = if was_lost { old } else { live };
        Some((name.clone(), *names.get(name)?))
    });
    durable.collect()
}

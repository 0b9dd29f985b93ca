//! A disk that forgets: bytes are durable as of the last sync of their file, names as of the last
//! sync of their directory. Every step records what a kill and what a power loss would leave.

use super::disk::{Stepped, Steps};
use super::image::{Image, Node};
use super::inodes::Inodes;
use codex_ledger_entry::EntryId;
use codex_ledger_ledger::{Disk, read_head};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Entries that were acknowledged: how many, and the last one's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    pub size: u64,
    pub id: EntryId,
}

/// The moment before a step.
#[derive(Clone)]
pub struct Moment {
    /// The step, for messages.
    pub what: String,
    /// What a power loss certainly leaves.
    pub durable: Image,
    /// What a kill leaves.
    pub live: Image,
    pub acknowledged: Acknowledged,
}

/// See the module; `base` is the directory whose subtree is watched.
pub struct Shadow {
    base: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inodes: Inodes,
    durable: Image,
    last: Image,
    acknowledged: Acknowledged,
    moments: Vec<Moment>,
}

/// The disk for a [`World`](codex_ledger_ledger::World), and the record of what happened.
pub fn shadow(base: &Path) -> Arc<Stepped<Shadow>> {
    resume(base, &Image::default(), &Image::default())
}

/// Goes on from a moment: `live` is written to `base`, but only `durable` would survive.
pub fn resume(base: &Path, durable: &Image, live: &Image) -> Arc<Stepped<Shadow>> {
    let mut state = State { durable: durable.clone(), ..State::default() };
    let nodes = [durable, live].into_iter().flat_map(|i| i.dirs.keys().chain(i.files.keys()));
    state.inodes = Inodes::from(nodes.max().map_or(0, |node| node + 1));
    live.write_to(base, &mut |node, path| state.inodes.set(path, node));
    state.durable.root = state.inodes.node(base);
    Arc::new(Stepped(Shadow { base: base.to_path_buf(), state: Mutex::new(state) }))
}

impl Shadow {
    /// The moment now, as a last step.
    pub fn now(&self) -> Moment {
        self.record("the end", Path::new(""));
        self.state.lock().unwrap().moments.last().unwrap().clone()
    }

    /// The moments before each step.
    pub fn moments(&self) -> Vec<Moment> {
        self.state.lock().unwrap().moments.clone()
    }

    fn record(&self, what: &str, path: &Path) {
        let mut state = self.state.lock().unwrap();
        let mut live = Image { root: state.durable.root, ..Image::default() };
        state.scan(&self.base, &mut live);
        let what = format!("before step {}: {what} {}", state.moments.len(), path.display());
        let moment = Moment {
            what,
            durable: state.durable.clone(),
            live: live.clone(),
            acknowledged: state.acknowledged,
        };
        state.last = live;
        state.moments.push(moment);
    }
}

impl State {
    fn scan(&mut self, dir: &Path, live: &mut Image) {
        let (node, names) = (self.inodes.node(dir), self.inodes.names(dir));
        for (name, (child, is_dir)) in &names {
            let path = dir.join(name);
            if *is_dir {
                self.scan(&path, live);
            } else {
                live.files.insert(*child, self.content(*child, &path));
            }
        }
        live.dirs.insert(node, names);
    }

    /// The file's bytes, shared with the last moment when they are the same.
    fn content(&self, node: Node, path: &Path) -> Arc<Vec<u8>> {
        let bytes = fs::read(path).unwrap();
        match self.last.files.get(&node) {
            Some(last) if **last == bytes => Arc::clone(last),
            _ => Arc::new(bytes),
        }
    }

    fn acknowledge(&mut self, size: u64, id: EntryId) {
        if size > self.acknowledged.size {
            self.acknowledged = Acknowledged { size, id };
        }
    }
}

impl Steps for Shadow {
    fn before(&self, what: &str, path: &Path) -> io::Result<()> {
        self.record(what, path);
        Ok(())
    }

    fn after(&self, what: &str, path: &Path) {
        let mut state = self.state.lock().unwrap();
        match what {
            "sync" => {
                let node = state.inodes.node(path);
                let bytes = state.content(node, path);
                if path.extension().is_some_and(|e| e == "cxj")
                    && let Some((size, id)) = last_commit(&bytes)
                {
                    state.acknowledge(size, id);
                }
                state.durable.files.insert(node, bytes);
            }
            "sync directory" if path.starts_with(&self.base) => {
                let (node, names) = (state.inodes.node(path), state.inodes.names(path));
                state.durable.dirs.insert(node, names);
            }
            _ => {}
        }
        if what == "sync" && path.file_name().is_some_and(|name| name == "HEAD") {
            let slots = read_head(path.parent().unwrap()).unwrap();
            state.acknowledge(slots.head.size(), slots.head.chain.id);
        }
    }
}

/// What the commit frame at the end of a journal says.
fn last_commit(journal: &[u8]) -> Option<(u64, EntryId)> {
    const FRAME_BYTES: usize = 36 + 72;
    let frame = journal.get(journal.len().checked_sub(FRAME_BYTES)?..)?;
    let payload = frame.strip_prefix(b"CXF1\x03")?.get(31..)?;
    let (size, rest) = payload.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*size), EntryId(*rest.first_chunk()?)))
}

impl<S> AsRef<S> for Stepped<S> {
    fn as_ref(&self) -> &S {
        &self.0
    }
}

/// For call sites that want the trait object.
pub fn as_disk(shadow: &Arc<Stepped<Shadow>>) -> Arc<dyn Disk> {
    Arc::clone(shadow) as Arc<dyn Disk>
}

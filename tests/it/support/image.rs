//! A directory tree as values: what a disk holds at one moment, to be torn, copied and compared.

use super::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A file or directory, whatever its names are.
pub type Node = u64;
/// What a directory names; true for directories.
pub type Names = BTreeMap<OsString, (Node, bool)>;

/// A tree. A named node without content is an empty file or directory.
#[derive(Clone, Default)]
pub struct Image {
    pub root: Node,
    pub dirs: BTreeMap<Node, Names>,
    pub files: BTreeMap<Node, Arc<Vec<u8>>>,
}

impl Image {
    /// Writes the tree into an existing empty directory; `each` hears where every node came to lie.
    pub fn write_to(&self, dir: &Path, each: &mut dyn FnMut(Node, &Path)) {
        self.write_node(self.root, dir, each);
    }

    fn write_node(&self, node: Node, dir: &Path, each: &mut dyn FnMut(Node, &Path)) {
        each(node, dir);
        for (name, (child, is_dir)) in self.dirs.get(&node).into_iter().flatten() {
            let path = dir.join(name);
            if *is_dir {
                fs::create_dir(&path).unwrap();
                self.write_node(*child, &path, each);
            } else {
                fs::write(&path, self.files.get(child).map_or(&[][..], |bytes| bytes)).unwrap();
                each(*child, &path);
            }
        }
    }

    /// What a power loss may leave: any page of `live` may have reached the disk or not, each
    /// directory is as it was synced or as it is now.
    pub fn torn(&self, live: &Image, random: &mut Random) -> Image {
        let mut torn = Image { root: self.root, ..Image::default() };
        for node in keys(&self.dirs, &live.dirs) {
            let from = if random.one_in(2) { self } else { live };
            torn.dirs.insert(node, from.dirs.get(&node).cloned().unwrap_or_default());
        }
        for node in keys(&self.files, &live.files) {
            let old = self.files.get(&node).cloned().unwrap_or_default();
            // A file that was removed meanwhile was not written meanwhile.
            let bytes = match live.files.get(&node) {
                Some(new) if *new != old => Arc::new(mix(&old, new, random)),
                _ => old,
            };
            torn.files.insert(node, bytes);
        }
        torn
    }
}

fn keys<T>(a: &BTreeMap<Node, T>, b: &BTreeMap<Node, T>) -> BTreeSet<Node> {
    a.keys().chain(b.keys()).copied().collect()
}

const PAGE_BYTES: usize = 512;

/// Pages of both in runs, so that whole frames survive behind lost ones; unwritten ones are zeros.
fn mix(old: &[u8], new: &[u8], random: &mut Random) -> Vec<u8> {
    let len = if random.one_in(2) { old.len() } else { new.len() };
    let run = [1, 8, 200][random.below(3) as usize];
    let mut out = vec![0; len];
    let mut is_new = random.one_in(2);
    for (page, out) in out.chunks_mut(PAGE_BYTES).enumerate() {
        if random.one_in(run) {
            is_new = random.one_in(2);
        }
        let from = if is_new { new } else { old };
        let from = from.get(page * PAGE_BYTES..).unwrap_or_default();
        let len = from.len().min(out.len());
        out[..len].copy_from_slice(&from[..len]);
    }
    out
}

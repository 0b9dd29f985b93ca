//! Files and directories by inode, whatever they are called.

use super::image::{Names, Node};
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The handle keeps an inode's number from being used again.
#[derive(Default)]
pub struct Inodes {
    nodes: HashMap<u64, (Node, File)>,
    next: Node,
}

impl Inodes {
    /// Numbers from there on are free.
    pub fn from(next: Node) -> Inodes {
        Inodes { nodes: HashMap::new(), next }
    }

    /// Gives the file at that path a number.
    pub fn set(&mut self, path: &Path, node: Node) {
        let file = File::open(path).unwrap();
        self.nodes.insert(file.metadata().unwrap().ino(), (node, file));
    }

    pub fn node(&mut self, path: &Path) -> Node {
        let file = File::open(path).unwrap();
        let next = self.next;
        let node = self.nodes.entry(file.metadata().unwrap().ino()).or_insert((next, file)).0;
        self.next = next.max(node + 1);
        node
    }

    pub fn names(&mut self, dir: &Path) -> Names {
        let entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()).collect();
        let named = |entry: fs::DirEntry| {
            let node = (self.node(&entry.path()), entry.path().is_dir());
            (entry.file_name(), node)
        };
        entries.into_iter().map(named).collect()
    }
}

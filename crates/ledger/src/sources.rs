//! What each source file was when it was last read, and what came of it.

use super::side::{Bound, SideRecord};
use super::tails::Tails;
use bincode::{Decode, Encode};
use codex_ledger_entry::StreamId;
use std::collections::HashMap;

/// Something to tell the user about a source.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SourceProblem {
    /// The file.
    pub path: String,
    /// 0-based line, where it concerns one.
    pub line: Option<u64>,
    /// Byte offset, where it concerns one.
    pub offset: Option<u64>,
    /// What is the matter.
    pub reason: String,
}

/// Size and time of a file when it was last read, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SeenFile {
    /// Bytes on disk.
    pub len: u64,
    /// Time of the last change, nanoseconds since 1970-01-01 UTC.
    pub modified: u64,
    /// Number of the file in its file system.
    pub inode: u64,
    /// Bytes of it that the ledger has.
    pub already: u64,
    /// Bytes behind its last line feed that wait for one.
    pub pending: u64,
    /// The stream that has them; `None` while there are none.
    pub stream: Option<StreamId>,
    /// What is to be said of it as long as it stays so.
    pub problem: Option<SourceProblem>,
}

/// All files as they were when they were last read (rebuildable).
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct SeenFiles {
    /// What this is true of.
    pub bound: Bound,
    /// By path.
    pub files: HashMap<String, SeenFile>,
}

impl SideRecord for SeenFiles {
    const SCHEMA: u32 = 202;
}

impl SeenFiles {
    /// Forgets every file of which the ledger does not have what is said here.
    ///
    /// A file that is taken for known is not read, so nothing that only this record says is believed.
    #[must_use]
    pub fn known_to(mut self, tails: &Tails) -> SeenFiles {
        if self.bound != tails.bound {
            return SeenFiles::default();
        }
        let ends = tails.bytes_by_stream();
        self.files.retain(|_, seen| {
            let end = seen.stream.and_then(|stream| ends.get(&stream));
            seen.already == 0 || end.is_some_and(|end| *end >= seen.already)
        });
        self
    }
}

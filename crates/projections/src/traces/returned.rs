//! What was erased and is there again in what is appended later.

use super::FIRST_LINES;
use crate::replay::ReplayError;
use codex_ledger_entry::{Kind, Seq, SeqRange, SeqSet, StreamDescriptor, StreamId, StreamName};
use codex_ledger_ledger::{LedgerReader, StoredEntry};
use std::collections::{HashMap, hash_map};

/// What new entries say of threads that were erased.
#[derive(Debug, Default)]
pub struct Returned {
    /// Lines of history and index that name one.
    pub side_lines: SeqSet,
    /// The entry that erased the last of these.
    pub by: Option<Seq>,
    /// Files whose first lines name one, and the entry that erased it.
    pub files: Vec<(String, Seq)>,
}

/// Looks through new entries for threads that were erased; `erased_by` says which entry has erased one that some bytes name.
///
/// # Errors
/// When entries cannot be read.
pub fn returned(
    reader: &mut LedgerReader,
    new: SeqRange,
    erased_by: &dyn Fn(&[u8]) -> Option<Seq>,
) -> Result<Returned, ReplayError> {
    let mut found = Returned::default();
    let mut sources: HashMap<StreamId, Option<StreamDescriptor>> = HashMap::new();
    let mut next = new.from;
    while next < new.end {
        let Some(pack) = reader.pack_from(next)? else { break };
        let is_new = |entry: &&StoredEntry| new.contains(entry.seq) && entry.kind == Kind::Line;
        for entry in pack.entries.iter().filter(is_new) {
            if let hash_map::Entry::Vacant(vacant) = sources.entry(entry.stream) {
                let opener = reader.control(entry.stream.opener())?;
                let opener = opener.filter(|of| !of.body.is_empty());
                vacant.insert(opener.and_then(|of| StreamDescriptor::decode(&of.body).ok()));
            }
            let Some(Some(source)) = sources.get(&entry.stream) else { continue };
            let is_side = matches!(source.name, StreamName::History(_) | StreamName::Index(_));
            if !is_side && entry.line >= FIRST_LINES {
                continue;
            }
            let Some(by) = erased_by(pack.body(entry).unwrap_or_default()) else { continue };
            if is_side {
                found.side_lines.insert(entry.seq);
                found.by = Some(by);
            } else {
                let path = String::from_utf8_lossy(&source.path).into_owned();
                if found.files.last().is_none_or(|(last, _)| *last != path) {
                    found.files.push((path, by));
                }
            }
        }
        next = pack.info.end_seq();
    }
    Ok(found)
}

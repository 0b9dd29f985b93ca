//! A file of a name of its own that is a copy of a rollout.

use super::run::FileError;
use super::start::{Start, find_start};
use crate::source::{NextLine, SourceFile, SourceReader};
use codex_ledger_entry::{StreamId, StreamName};
use codex_ledger_ledger::{BLOCK_BYTES, Tails};
use std::collections::HashSet;
use std::path::Path;

/// A first line names few ids; one that names many is no rollout's.
const IDS_MAX: usize = 16;

/// The same file as one of the rollout that it is a copy of; `None` where it is none.
///
/// Its first line names the thread, wherever it lies. That is only where to look: the bytes decide, as for any file
/// of that rollout.
pub(super) fn as_original(
    dir: &Path,
    file: &SourceFile,
    tails: &Tails,
    touched: &HashSet<StreamId>,
) -> Result<Option<SourceFile>, FileError> {
    let is_known = tails.streams.contains_key(&file.name.to_string());
    if is_known || !matches!(file.name, StreamName::File(_)) {
        return Ok(None);
    }
    for id in ids_of_first_lines(file, 1)? {
        let whole = format!("rollout/{id}");
        let is_of_thread = |name: &str| {
            let rest = name.strip_prefix(&whole);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        for (name, known) in tails.streams.iter().filter(|(name, _)| is_of_thread(name)) {
            let candidate = SourceFile { name: StreamName::parse(name), ..file.clone() };
            let is_copy = match find_start(dir, &candidate, known, touched)?.0 {
                Start::New { .. } => false,
                Start::Known { tail, .. } => tail.bytes > 0,
                Start::Cut { .. } | Start::Wait => true,
            };
            if is_copy {
                return Ok(Some(candidate));
            }
        }
    }
    Ok(None)
}

/// What looks like an id in the first lines, in its order.
pub(super) fn ids_of_first_lines(
    file: &SourceFile,
    lines: usize,
) -> Result<Vec<String>, FileError> {
    let mut reader = SourceReader::open(&file.path, file.container)?;
    let mut found = Vec::new();
    for _ in 0..lines {
        match reader.next_line(BLOCK_BYTES)? {
            NextLine::Line(bytes) | NextLine::Tail(bytes) => found.extend(ids(bytes, IDS_MAX)),
            NextLine::Long | NextLine::End => break,
        }
    }
    Ok(found)
}

/// What looks like an id in some bytes, in its order.
pub(super) fn ids(line: &[u8], most: usize) -> Vec<String> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let is_id = |text: &&[u8]| {
        text.iter().enumerate().all(|(at, byte)| match HYPHENS.contains(&at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
    };
    let mut found: Vec<String> = Vec::new();
    for text in line.windows(36).filter(is_id) {
        let id = String::from_utf8_lossy(text).to_ascii_lowercase();
        if !found.contains(&id) && found.len() < most {
            found.push(id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_by_their_form() {
        let (one, two) =
            ("019cabcd-0000-7000-8000-00000000000A", "019cabcd-0000-7000-8000-00000000000b");
        let line = format!(
            "{{\"id\":\"{one}\",\"parent\":\"{two}\",\"again\":\"{one}\",\"x\":\"019c-\"}}"
        );
        assert_eq!(ids(line.as_bytes(), IDS_MAX), [one.to_ascii_lowercase().as_str(), two]);
        assert_eq!(ids(b"short", IDS_MAX), Vec::<String>::new());
        assert_eq!(ids(&b"-".repeat(100), IDS_MAX), Vec::<String>::new());
    }
}

//! Roots of parts of the tree, out of the headers of the entries.

use super::error::Result;
use super::pack::ChainEnd;
use super::reader::LedgerReader;
use codex_ledger_entry::{Frontier, HEADER_BYTES, Header, Seq, TreeHash};
use std::ops::Range;

/// The root of each of these parts of the tree, as if it were a tree of its own. They do not overlap. Reads the entries
/// from the first that is in one of them to the last.
///
/// # Errors
/// When an entry is missing or damaged.
pub fn part_roots(reader: &mut LedgerReader, parts: &[Range<u64>]) -> Result<Vec<TreeHash>> {
    let mut trees: Vec<Frontier> = vec![Frontier::default(); parts.len()];
    let from = parts.iter().map(|part| part.start).min().unwrap_or_default();
    let end = parts.iter().map(|part| part.end).max().unwrap_or_default();
    each_header(reader, from..end, &mut |seq, header| {
        let of = parts.iter().zip(&mut trees).find(|(part, _)| part.contains(&seq));
        of.into_iter().for_each(|(_, tree)| tree.push(header));
    })?;
    Ok(trees.iter().map(Frontier::root).collect())
}

/// The header of an entry, as its bytes are hashed.
///
/// # Errors
/// When the entry is missing or damaged.
pub fn header_of(reader: &mut LedgerReader, seq: Seq) -> Result<Option<[u8; HEADER_BYTES]>> {
    let mut found = None;
    let at = seq.get();
    each_header(reader, at..at + 1, &mut |_, header| found = Some(*header))?;
    Ok(found)
}

fn each_header(
    reader: &mut LedgerReader,
    range: Range<u64>,
    each: &mut dyn FnMut(u64, &[u8; HEADER_BYTES]),
) -> Result<()> {
    let identity = reader.head().identity;
    let mut next = Seq::new(range.start);
    while next.get() < range.end {
        let Some(pack) = reader.pack_from(next)? else { return Ok(()) };
        let mut chain = ChainEnd { id: pack.info.prev, ..ChainEnd::empty() };
        for entry in &pack.entries {
            let encoded = pack.header(&identity, entry, chain.id).encode();
            chain.id = Header::id(&encoded);
            if range.contains(&entry.seq.get()) {
                each(entry.seq.get(), &encoded);
            }
        }
        next = pack.info.end_seq();
    }
    Ok(())
}

//! Roots of parts of the tree, out of the headers of the entries.

use super::chain::ChainEnd;
use super::error::Result;
use super::open::LedgerPaths;
use super::reader::LedgerReader;
use super::tiles::{TILE_HEIGHT, TILE_LEN, Tiles};
use codex_ledger_entry::{Frontier, HEADER_BYTES, Header, Seq, TreeHash};
use std::ops::Range;

/// The root of each of these parts of the tree, as if it were a tree of its own. Reads the entries that no tile stands for:
/// a few hundred for each part.
///
/// # Errors
/// When an entry is missing or damaged.
pub fn part_roots(reader: &mut LedgerReader, parts: &[Range<u64>]) -> Result<Vec<TreeHash>> {
    let paths = LedgerPaths { dir: reader.dir().to_path_buf() };
    let tiles = Tiles::load(&paths, reader.head());
    let root = |part: &Range<u64>| {
        let mut tree = Frontier::default();
        let mut at = part.start;
        while at + TILE_LEN <= part.end
            && let Some(root) = tiles.as_ref().and_then(|tiles| tiles.at(at))
            && tree.push_subtree(root, TILE_HEIGHT)
        {
            at += TILE_LEN;
        }
        each_header(reader, at..part.end, &mut |_, header| tree.push(header))?;
        Ok(tree.root())
    };
    parts.iter().map(root).collect()
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

pub(super) fn each_header(
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

//! Roots of the tree's perfect subtrees of 256 entries, as level 1 of C2SP's tlog-tiles has them: with these a proof reads
//! a few hundred headers instead of all.
//!
//! They are no part of what is promised: whoever uses them first sees that HEAD's own tree is made of them.

use super::error::{LedgerError, Result};
use super::files::open_file;
use super::head::Head;
use super::open::LedgerPaths;
use super::part_roots::each_header;
use super::reader::LedgerReader;
use super::world::World;
use codex_ledger_entry::{Frontier, LedgerId, TreeHash};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Height of a tile's tree.
pub(super) const TILE_HEIGHT: u32 = 8;
/// Entries of a tile.
pub(super) const TILE_LEN: u64 = 1 << TILE_HEIGHT;
/// Bytes of a root, and of what stands before the first.
const ROOT_BYTES: u64 = 32;
const MAGIC: &[u8; 8] = b"CXTL\0\0\0\x01";

/// What stands before the first root: what it is, and of which ledger.
fn heading(ledger: LedgerId) -> [u8; ROOT_BYTES as usize] {
    let mut heading = [0; ROOT_BYTES as usize];
    let parts = MAGIC.iter().chain(&ledger.0);
    heading.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    heading
}

/// Tiles that a tree of that size has in full.
fn full_tiles(size: u64) -> u64 {
    size >> TILE_HEIGHT
}

/// The roots of all full tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tiles(Vec<TreeHash>);

impl Tiles {
    /// Those that lie beside the ledger, where HEAD's tree is made of them.
    pub(super) fn load(paths: &LedgerPaths, head: &Head) -> Option<Tiles> {
        let full = full_tiles(head.size());
        let mut bytes = Vec::new();
        let file = open_file(&paths.tiles()).ok()?;
        file.take((full + 1) * ROOT_BYTES).read_to_end(&mut bytes).ok()?;
        let (start, roots) = bytes.split_first_chunk::<{ ROOT_BYTES as usize }>()?;
        let (roots, _) = roots.as_chunks::<{ ROOT_BYTES as usize }>();
        let tiles = Tiles(roots.iter().map(|root| TreeHash(*root)).collect());
        let is_ours = *start == heading(head.identity.ledger) && roots.len() as u64 == full;
        (is_ours && tiles.make(&head.chain.tree)).then_some(tiles)
    }

    /// Whether a tree is made of them, but for what follows the last.
    fn make(&self, tree: &Frontier) -> bool {
        let mut made = Frontier::default();
        let are_aligned = self.0.iter().all(|root| made.push_subtree(*root, TILE_HEIGHT));
        are_aligned && tree.roots().starts_with(made.roots())
    }

    /// The root of the tile that begins at an entry, where one does.
    pub(super) fn at(&self, entry: u64) -> Option<TreeHash> {
        let is_start = entry.is_multiple_of(TILE_LEN);
        let tile = usize::try_from(full_tiles(entry)).ok().filter(|_| is_start)?;
        self.0.get(tile).copied()
    }
}

/// Whether there are tiles that HEAD's tree is not made of. A writer that is at work has written them before HEAD.
pub(super) fn are_wrong(paths: &LedgerPaths, head: &Head) -> bool {
    paths.tiles().exists() && Tiles::load(paths, head).is_none()
}

/// Writes the roots of tiles as they are completed.
pub(super) struct TilesWriter {
    world: World,
    path: PathBuf,
    /// How much of the file is true; what is behind was not acknowledged.
    end: u64,
    /// What comes before the roots that are completed next: a heading, and what was missing.
    first: Vec<u8>,
    /// Completed, but not written.
    pub(super) completed: Vec<TreeHash>,
    /// Without it nothing is written: the entries before could not be read.
    is_whole: bool,
}

impl TilesWriter {
    /// Goes on where the file ends; what is missing is made from the entries.
    pub(super) fn start(world: &World, paths: &LedgerPaths, head: &Head) -> TilesWriter {
        let (path, full) = (paths.tiles(), full_tiles(head.size()));
        let heading = heading(head.identity.ledger);
        let known = known_tiles(&path, &heading).map(|known| known.min(full));
        let missing = known.unwrap_or_default()..full;
        let made = match missing.is_empty() {
            true => Ok(Vec::new()),
            false => {
                LedgerReader::open(&paths.dir).and_then(|mut reader| tiles_of(&mut reader, missing))
            }
        };
        let is_whole = made.is_ok();
        let mut first = if known.is_none() { heading.to_vec() } else { Vec::new() };
        first.extend(bytes_of(&made.unwrap_or_default()));
        let end = known.map_or(0, |known| (known + 1) * ROOT_BYTES);
        TilesWriter { world: world.clone(), path, end, first, completed: Vec::new(), is_whole }
    }

    /// Makes the completed ones durable, before HEAD says that their entries are there.
    pub(super) fn flush(&mut self) -> Result<()> {
        let completed = std::mem::take(&mut self.completed);
        let is_heading_alone = self.end == 0 && self.first.len() as u64 == ROOT_BYTES;
        if !self.is_whole || completed.is_empty() && (is_heading_alone || self.first.is_empty()) {
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.first);
        bytes.extend(bytes_of(&completed));
        let failed = |action| LedgerError::io(action, &self.path);
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)
            .map_err(failed("cannot open"))?;
        file.set_len(self.end).map_err(failed("cannot cut"))?;
        file.seek(SeekFrom::Start(self.end)).map_err(failed("cannot write"))?;
        let disk = &self.world.disk;
        disk.write_all(&mut file, &self.path, &bytes).map_err(failed("cannot write"))?;
        disk.sync_file(&file, &self.path).map_err(failed("cannot sync"))?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// How many tiles a file has, where it is of that ledger.
fn known_tiles(path: &Path, heading: &[u8]) -> Option<u64> {
    let mut file = open_file(path).ok()?;
    let mut start = Vec::new();
    (&mut file).take(ROOT_BYTES).read_to_end(&mut start).ok()?;
    let known = (file.metadata().ok()?.len() / ROOT_BYTES).checked_sub(1)?;
    (start == heading).then_some(known)
}

fn bytes_of(roots: &[TreeHash]) -> Vec<u8> {
    roots.iter().flat_map(|root| root.0).collect()
}

/// The roots of these tiles, from the entries.
fn tiles_of(reader: &mut LedgerReader, tiles: Range<u64>) -> Result<Vec<TreeHash>> {
    let mut tree = Frontier::default();
    let mut roots = Vec::new();
    each_header(reader, tiles.start * TILE_LEN..tiles.end * TILE_LEN, &mut |_, header| {
        roots.extend(tree.push_noting(header, TILE_HEIGHT));
    })?;
    Ok(roots)
}

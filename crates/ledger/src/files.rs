//! Small files and names in the ledger's directory.

use super::error::{LedgerError, Result};
use super::head::Head;
use super::open::LedgerPaths;
use super::side::{self, Bound};
use super::world::World;
use codex_ledger_entry::Seq;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Replaces a small file so that after a crash it is the old one or the new one.
pub fn write_durably(world: &World, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let io = |action| LedgerError::io(action, &temporary);
    let mut file = create_anew(&temporary)?;
    world.disk.write_all(&mut file, &temporary, bytes).map_err(io("cannot write"))?;
    world.disk.sync_file(&file, &temporary).map_err(io("cannot sync"))?;
    world.disk.rename(&temporary, path).map_err(io("cannot rename"))?;
    let parent = path.parent().unwrap_or(path);
    world.disk.sync_dir(parent).map_err(LedgerError::io("cannot sync", parent))
}

/// Creates a file where no bytes of an earlier try can be, whatever became of them.
pub(super) fn create_anew(path: &Path) -> Result<File> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(LedgerError::io("cannot remove", path)(e))
        }
        _ => File::create(path).map_err(LedgerError::io("cannot create", path)),
    }
}

/// Opens a file for reading, where it is one: a pipe or a device in its place would be waited for.
pub(super) fn open_file(path: &Path) -> std::io::Result<File> {
    match std::fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

/// No small file is longer: HEAD, FORMAT, LOCK, the record of a volume.
const SMALL_MAX_BYTES: u64 = 1 << 20;

/// The bytes of a small file, as [`open_file`] opens it; of one that is too long the beginning.
pub(super) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.take(SMALL_MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// First seqs out of the names `<16 hex digits><suffix>` in a directory, in order; none when it is gone.
pub(super) fn numbered(dir: &Path, suffix: &str) -> Result<Vec<Seq>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LedgerError::io("cannot list", dir)(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(LedgerError::io("cannot list", dir))?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(suffix)).unwrap_or_default();
        if digits.len() == 16 {
            found.extend(u64::from_str_radix(digits, 16).map(Seq::new));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The side records of a ledger, by name.
pub(super) fn side_records(dir: &Path) -> [PathBuf; 3] {
    let paths = LedgerPaths { dir: dir.to_path_buf() };
    [paths.tails(), paths.sources(), paths.controls()]
}

/// What the sound side records are true of.
pub(super) fn side_bounds(dir: &Path) -> Vec<(PathBuf, Bound)> {
    let bound = |path: PathBuf| {
        let bound = side::bound_of(&side::read(&path).ok()?)?;
        Some((path, bound))
    };
    side_records(dir).into_iter().filter_map(bound).collect()
}

/// A side record that knows of more entries than there are, and of how many.
pub(super) fn side_record_ahead(dir: &Path, head: &Head) -> Option<(PathBuf, Seq)> {
    let is_ahead = |bound: &Bound| bound.ledger == head.identity.ledger.0 && bound.end > head.end();
    side_bounds(dir).into_iter().find(|(_, b)| is_ahead(b)).map(|(path, b)| (path, b.end))
}

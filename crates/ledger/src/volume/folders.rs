//! Where volumes lie, by what they are called; and the removal of those that do not count.

use super::Volume;
use crate::error::{LedgerError, Result};
use crate::extents::extents_path;
use crate::journal;
use crate::world::World;
use codex_ledger_entry::Seq;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory of all volumes.
pub(crate) fn store_dir(dir: &Path) -> PathBuf {
    dir.join("store")
}

/// The directory of a settled volume of a generation.
pub(crate) fn volume_dir(dir: &Path, first_seq: Seq, generation: u64) -> PathBuf {
    store_dir(dir).join(match generation {
        0 => format!("{first_seq:016x}"),
        generation => format!("{first_seq:016x}-{generation}"),
    })
}

/// First seq and generation of the volume that a directory of that name is of.
fn named(name: &str) -> Option<(Seq, u64)> {
    let (digits, generation) = name.split_once('-').unwrap_or((name, "0"));
    let first_seq = u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16)?;
    Some((Seq::new(first_seq), generation.parse().ok()?))
}

/// First seqs and generations of all directories of volumes, in order.
pub(crate) fn folders(dir: &Path) -> Result<Vec<(Seq, u64)>> {
    let path = store_dir(dir);
    let entries = match fs::read_dir(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(LedgerError::io("cannot list", &path))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(LedgerError::io("cannot list", &path))?.file_name();
        found.extend(name.to_str().and_then(named));
    }
    found.sort_unstable();
    Ok(found)
}

/// The directory of the volume that begins with that entry, whatever its record says: the newest there is.
pub(crate) fn newest_dir(dir: &Path, first_seq: Seq) -> PathBuf {
    let of_volume =
        folders(dir).unwrap_or_default().into_iter().filter(|(seq, _)| *seq == first_seq);
    volume_dir(dir, first_seq, of_volume.map(|(_, generation)| generation).max().unwrap_or(0))
}

/// The record of a settled volume.
pub(crate) fn manifest_path(dir: &Path, first_seq: Seq) -> PathBuf {
    store_dir(dir).join(format!("{first_seq:016x}.volume"))
}

/// First seqs of all volume records, in order.
pub(crate) fn manifest_seqs(dir: &Path) -> Result<Vec<Seq>> {
    crate::numbered(&store_dir(dir), ".volume")
}

/// Removes a volume that may not count, first its record.
pub(crate) fn discard(world: &World, dir: &Path, first_seq: Seq) -> Result<()> {
    let (record, store) = (manifest_path(dir, first_seq), store_dir(dir));
    world.disk.remove_file(&record).map_err(LedgerError::io("cannot remove", &record))?;
    world.disk.sync_dir(&store).map_err(LedgerError::io("cannot sync", &store))?;
    fs::remove_file(extents_path(dir, first_seq)).ok();
    for (_, generation) in folders(dir)?.into_iter().filter(|(seq, _)| *seq == first_seq) {
        let path = volume_dir(dir, first_seq, generation);
        fs::remove_dir_all(&path).map_err(LedgerError::io("cannot remove", &path))?;
    }
    Ok(())
}

/// Removes what no record names: volumes that were never settled, whose journals still hold everything, and those that
/// were written anew without something.
pub(crate) fn discard_unsettled(world: &World, dir: &Path) -> Result<()> {
    let path = store_dir(dir);
    let entries = fs::read_dir(&path).map_err(LedgerError::io("cannot list", &path))?;
    let mut changed = false;
    for entry in entries {
        let entry = entry.map_err(LedgerError::io("cannot list", &path))?.path();
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".building") || named(name).is_some_and(|of| is_unrecorded(dir, of)) {
            fs::remove_dir_all(&entry)
                .map_err(LedgerError::io("cannot remove the unfinished", &entry))?;
            changed = true;
        }
    }
    match changed {
        true => world.disk.sync_dir(&path).map_err(LedgerError::io("cannot sync", &path)),
        false => Ok(()),
    }
}

/// Whether a folder is of no volume. In doubt it is: where the record is damaged, it may be all that is left.
fn is_unrecorded(dir: &Path, of: (Seq, u64)) -> bool {
    match manifest_path(dir, of.0).exists() {
        true => is_replaced(dir, of),
        false => journal::journal_path(dir, of.0).exists(),
    }
}

/// Whether the record of a folder's volume names another one.
pub(crate) fn is_replaced(dir: &Path, (first_seq, generation): (Seq, u64)) -> bool {
    Volume::load(dir, first_seq).is_ok_and(|volume| volume.generation != generation)
}

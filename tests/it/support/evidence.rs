//! A small ledger with a settled volume and a live journal, to be damaged and looked at.

use super::ledger::{append, findings, first_part, rollout_in, second_part};
use super::random::Random;
use super::world::quick;
use codex_ledger_entry::{checksum, parse_hex};
use codex_ledger_ledger::Finding;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file of a ledger but the lock, by path below it.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

pub struct Evidence {
    dir: tempfile::TempDir,
    pub files: Files,
    /// The same after the first append only.
    pub earlier: Files,
}

/// Ledgers of different seeds hold the same source, at the same seqs, under different ids.
pub fn evidence(seed: u64) -> Evidence {
    let dir = tempfile::tempdir().unwrap();
    let (home, ledger) = (dir.path().join("home"), dir.path().join("ledger"));
    let rollout = rollout_in(&home);
    fs::write(&rollout, first_part()).unwrap();
    append(&ledger, &home, quick(seed)).unwrap();
    let earlier = files_of(&ledger);
    fs::write(&rollout, [first_part(), second_part()].concat()).unwrap();
    append(&ledger, &home, quick(seed + 100)).unwrap();
    Evidence { files: files_of(&ledger), earlier, dir }
}

pub fn files_of(dir: &Path) -> Files {
    let mut files = Files::new();
    for entry in walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() && entry.file_name() != "LOCK" {
            let name = entry.path().strip_prefix(dir).unwrap().to_path_buf();
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Makes the directory hold exactly these files.
pub fn write_files(dir: &Path, files: &Files) {
    for (name, bytes) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    for name in files_of(dir).keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(dir.join(name)).unwrap();
    }
}

impl Evidence {
    pub fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    /// The one file whose path contains `part`.
    pub fn name(&self, part: &str) -> PathBuf {
        let found: Vec<_> =
            self.files.keys().filter(|name| name.to_string_lossy().contains(part)).collect();
        assert_eq!(found.len(), 1, "{part}: {found:?}");
        found[0].clone()
    }

    /// Whether it is made anew from the entries when it is missing.
    pub fn is_cache(&self, name: &Path) -> bool {
        name.extension().is_some_and(|extension| extension == "extents")
            || ["tails", "sources", "tiles"].contains(&name.to_str().unwrap())
    }

    /// What the inspection of the ledger finds after `damage`; it changes nothing.
    pub fn inspect(&self, what: &str, damage: impl FnOnce(&mut Files)) -> Vec<Finding> {
        let mut files = self.files.clone();
        damage(&mut files);
        write_files(&self.ledger(), &files);
        let found = findings(&self.ledger());
        assert!(files_of(&self.ledger()) == files, "{what}: looking changed the files");
        write_files(&self.ledger(), &self.files);
        found
    }

    /// As [`Evidence::inspect`], and a finding names the file and, for entries, where they begin.
    pub fn assert_reported(&self, name: &Path, what: &str, bytes: Option<Vec<u8>>) {
        if self.files.get(name) == bytes.as_ref() {
            return;
        }
        let what = format!("{}: {what}", name.display());
        let found = self.inspect(&what, |files| match bytes {
            Some(bytes) => drop(files.insert(name.to_path_buf(), bytes)),
            None => drop(files.remove(name)),
        });
        let path = self.ledger().join(name);
        let named: Vec<_> = found.iter().filter(|finding| finding.file == path).collect();
        assert!(!named.is_empty(), "{what}: no finding names it: {found:?}");
        if name.starts_with("journal") || name.starts_with("store") {
            assert!(named.iter().any(|finding| finding.seq.is_some()), "{what}: {named:?}");
        }
        let volume = path.parent().unwrap();
        if volume.file_name().is_some_and(|name| name.len() == 16) {
            let says_more = |finding: &&Finding| finding.file == volume;
            assert!(found.iter().any(|f| says_more(&f)), "{what}: do entries read back? {found:?}");
        }
    }
}

/// Offsets to damage: every one of a small file, else where structures begin and a seeded sample.
pub fn places(len: usize, boundaries: &[usize], sample: usize, seed: u64) -> Vec<usize> {
    if len <= 320 {
        return (0..len).collect();
    }
    let mut random = Random(seed);
    let near = boundaries.iter().flat_map(|at| [at.wrapping_sub(1), *at, at + 1, at + 5, at + 17]);
    let mut places: Vec<usize> = near.chain(len - 20..len).filter(|at| *at < len).collect();
    places.extend((0..sample).map(|_| random.below(len as u64) as usize));
    places.sort_unstable();
    places.dedup();
    places
}

/// Where the frames of a journal begin, and where the last ends.
pub fn frame_bounds(journal: &[u8]) -> Vec<usize> {
    let mut bounds = vec![64];
    while let Some(frame) = journal.get(bounds[bounds.len() - 1]..).filter(|f| !f.is_empty()) {
        assert_eq!(&frame[..4], b"CXF1");
        let len = u32::from_be_bytes(frame[8..12].try_into().unwrap());
        bounds.push(bounds[bounds.len() - 1] + 36 + len as usize);
    }
    bounds
}

/// The HEAD of the same ledger as it was before its first entry, with both slots whole.
pub fn newborn_head(head: &[u8]) -> Vec<u8> {
    const SLOT_BYTES: usize = 4096;
    const ROOT_OF_NOTHING: &str =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let mut out = vec![0; 2 * SLOT_BYTES];
    for turn in 1..=2u64 {
        let mut slot = head[..8].to_vec();
        slot.extend_from_slice(&turn.to_be_bytes());
        slot.extend_from_slice(&head[16..48]);
        slot.extend_from_slice(&[0; 40]);
        slot.extend_from_slice(&parse_hex::<32>(ROOT_OF_NOTHING).unwrap());
        slot.resize(SLOT_BYTES - 16, 0);
        let sum = checksum("codex-ledger v1 head", &[&slot]);
        slot.extend_from_slice(&sum);
        let at = (turn % 2) as usize * SLOT_BYTES;
        out[at..at + SLOT_BYTES].copy_from_slice(&slot);
    }
    out
}

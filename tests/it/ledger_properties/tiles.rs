//! Roots of parts of the tree are the same with tiles and without, however these came to be or were damaged.

use crate::support::ledger::{append, findings, rollout_in};
use crate::support::random::Random;
use crate::support::world::quick;
use codex_ledger_entry::TreeHash;
use codex_ledger_ledger::{FindingKind, LedgerPaths, LedgerReader, part_roots, read_head};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

const HEADING: usize = 32;

struct Scene {
    _dir: tempfile::TempDir,
    home: PathBuf,
    ledger: PathBuf,
    rollout: PathBuf,
    lines: usize,
}

fn scene(lines: usize) -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let (ledger, rollout) = (dir.path().join("ledger"), rollout_in(&home));
    let mut scene = Scene { home, ledger, rollout, lines: 0, _dir: dir };
    scene.grow(lines);
    scene
}

impl Scene {
    fn grow(&mut self, lines: usize) {
        self.lines += lines;
        let text: String = (0..self.lines).map(|line| format!("line {line}\n")).collect();
        fs::write(&self.rollout, text).unwrap();
        append(&self.ledger, &self.home, quick(self.lines as u64)).unwrap();
    }

    fn tiles(&self) -> PathBuf {
        LedgerPaths { dir: self.ledger.clone() }.tiles()
    }

    fn size(&self) -> u64 {
        read_head(&self.ledger).unwrap().head.size()
    }

    fn roots(&self, parts: &[Range<u64>]) -> Vec<TreeHash> {
        part_roots(&mut LedgerReader::open(&self.ledger).unwrap(), parts).unwrap()
    }

    /// The same without tiles.
    fn roots_of_entries(&self, parts: &[Range<u64>]) -> Vec<TreeHash> {
        let aside = self.ledger.with_file_name("aside");
        let is_there = self.tiles().exists();
        if is_there {
            fs::rename(self.tiles(), &aside).unwrap();
        }
        let roots = self.roots(parts);
        if is_there {
            fs::rename(&aside, self.tiles()).unwrap();
        }
        roots
    }

    /// Whether an inspection finds the tiles wrong, and nothing else.
    fn has_wrong_tiles(&self) -> bool {
        let found = findings(&self.ledger);
        let is_tiles = |path: &Path| path.ends_with("tiles");
        assert!(
            found.iter().all(|of| of.kind == FindingKind::SideRecord && is_tiles(&of.file)),
            "{found:?}"
        );
        !found.is_empty()
    }
}

fn parts(random: &mut Random, size: u64) -> Vec<Range<u64>> {
    let mut parts = vec![0..size, 0..size / 256 * 256, size / 256 * 256..size];
    for _ in 0..12 {
        let [a, b] = [(); 2].map(|()| random.below(size + 1));
        parts.push(a.min(b)..a.max(b));
        parts.push(a.min(b) / 256 * 256..a.max(b));
    }
    parts
}

#[test]
fn parts_have_the_same_roots_with_tiles_and_without_at_every_size() {
    let mut random = Random(3);
    let mut scene = scene(200);
    for lines in [30, 22, 1, 1, 1, 1, 253, 4, 1_000, 513] {
        scene.grow(lines);
        let size = scene.size();
        let bytes = fs::metadata(scene.tiles()).map_or(HEADING as u64, |about| about.len());
        assert_eq!(bytes, HEADING as u64 + size / 256 * 32, "{size} entries");
        let parts = parts(&mut random, size);
        assert_eq!(scene.roots(&parts), scene.roots_of_entries(&parts), "{size} entries");
        assert_eq!(
            scene.roots(&parts)[0],
            read_head(&scene.ledger).unwrap().head.chain.tree.root()
        );
        assert!(!scene.has_wrong_tiles());
    }
}

#[test]
fn damaged_tiles_are_found_and_believed_by_nobody() {
    let mut scene = scene(1_200);
    let (sound, size) = (fs::read(scene.tiles()).unwrap(), scene.size());
    let parts = parts(&mut Random(4), size);
    let right = scene.roots(&parts);
    for at in (0..sound.len()).step_by(7) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        fs::write(scene.tiles(), &flipped).unwrap();
        assert_eq!(scene.roots(&parts), right, "byte {at}");
        assert!(scene.has_wrong_tiles(), "byte {at}");
    }
    let longer = [&sound[..], &[7; 50]].concat();
    let cut = &sound[..sound.len() - 40];
    for (bytes, is_wrong) in [(&longer[..], false), (cut, true), (&[], true), (&[0; 400], true)] {
        fs::write(scene.tiles(), bytes).unwrap();
        assert_eq!(scene.roots(&parts), right, "{} bytes", bytes.len());
        assert_eq!(scene.has_wrong_tiles(), is_wrong, "{} bytes", bytes.len());
        scene.grow(1);
        assert_eq!(fs::read(scene.tiles()).unwrap()[..sound.len()], sound, "made anew");
        assert!(!scene.has_wrong_tiles());
    }
    fs::remove_file(scene.tiles()).unwrap();
    assert_eq!(scene.roots(&parts), right, "none");
    scene.grow(1);
    assert_eq!(fs::read(scene.tiles()).unwrap()[..sound.len()], sound, "made anew");
    let all = [0..1, 1..scene.size()];
    assert_eq!(scene.roots(&all), scene.roots_of_entries(&all));
}

//! Power loss and kills at every step of an append.

use crate::support::image::Image;
use crate::support::ledger::{
    append, assert_holds, contents, findings, first_part, rollout_in, second_part,
};
use crate::support::random::Random;
use crate::support::shadow::{Acknowledged, Moment, as_disk, resume, shadow};
use crate::support::world::{holder, quick, world_on};
use codex_ledger_entry::EntryId;
use codex_ledger_ledger::Ledger;
use std::fs;
use std::path::{Path, PathBuf};

/// Below what is watched; all of it is made by the first append.
const LEDGER: &str = "share/codex/ledger";
const TORN_ROUNDS: u32 = 3;

/// An append that settles a volume, then one that stays in the journal, and every moment of both.
struct Run {
    _dir: tempfile::TempDir,
    home: PathBuf,
    source: Vec<u8>,
    moments: Vec<Moment>,
}

fn run() -> Run {
    let dir = tempfile::tempdir().unwrap();
    let (base, home) = (dir.path().join("base"), dir.path().join("home"));
    fs::create_dir(&base).unwrap();
    let rollout = rollout_in(&home);
    let shadow = shadow(&base);
    let mut source = Vec::new();
    for part in [first_part(), second_part()] {
        source.extend_from_slice(&part);
        fs::write(&rollout, &source).unwrap();
        append(&base.join(LEDGER), &home, world_on(as_disk(&shadow), 1)).unwrap();
    }
    shadow.0.now();
    assert_holds(&base.join(LEDGER), &source, "without any fault");
    Run { home, source, moments: shadow.0.moments(), _dir: dir }
}

impl Run {
    /// What must hold in a directory that a fault left.
    fn check(&self, dir: &Path, acknowledged: Acknowledged, what: &str) {
        let ledger = Ledger::open(dir, quick(2), &holder());
        let size = ledger.unwrap_or_else(|e| panic!("{what}: cannot be opened: {e}")).head().size();
        assert!(size >= acknowledged.size, "{what}: {size} entries, {acknowledged:?}");
        assert_eq!(findings(dir), [], "{what}: after opening");
        if acknowledged.size > 0 {
            let ids = contents(dir).ids;
            let last = ids.get(acknowledged.size as usize - 1);
            assert_eq!(last, Some(&acknowledged.id), "{what}: acknowledged entries");
        }
        append(dir, &self.home, quick(3)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(findings(dir), [], "{what}: after the append");
        assert_holds(dir, &self.source, what);
    }

    fn check_image(&self, image: &Image, acknowledged: Acknowledged, what: &str) {
        let dir = tempfile::tempdir().unwrap();
        image.write_to(dir.path(), &mut |_, _| ());
        self.check(&dir.path().join(LEDGER), acknowledged, what);
    }
}

#[test]
fn acknowledged_entries_survive_a_power_loss_at_every_step() {
    let run = run();
    for moment in &run.moments {
        run.check_image(&moment.durable, moment.acknowledged, &moment.what);
    }
}

#[test]
fn a_kill_at_every_step_loses_nothing_and_can_be_resumed() {
    let run = run();
    for moment in &run.moments {
        run.check_image(&moment.live, moment.acknowledged, &moment.what);
    }
}

#[test]
fn whatever_pages_a_power_loss_leaves_acknowledged_entries_are_there() {
    let run = run();
    let mut random = Random(7);
    for moment in &run.moments {
        for seed in 0..TORN_ROUNDS {
            let image = moment.durable.torn(&moment.live, &mut random);
            let what = format!("{}, torn {seed}", moment.what);
            run.check_image(&image, moment.acknowledged, &what);
        }
    }
}

/// A kill leaves bytes that only the page cache has; what is acknowledged on top of them must not
/// go when the power goes.
#[test]
fn a_power_loss_after_a_kill_loses_nothing_that_was_acknowledged_since() {
    let run = run();
    for moment in &run.moments {
        let what = format!("killed {}", moment.what);
        let dir = tempfile::tempdir().unwrap();
        let shadow = resume(dir.path(), &moment.durable, &moment.live);
        let world = world_on(as_disk(&shadow), 4);
        let result = append(&dir.path().join(LEDGER), &run.home, world);
        result.unwrap_or_else(|e| panic!("{what}: {e}"));
        let end = shadow.0.now();
        run.check_image(&end.durable, end.acknowledged, &what);
        assert!(ids_of(&end.durable) == ids_of(&end.live), "{what}: all that was reported");
    }
}

fn ids_of(image: &Image) -> Vec<EntryId> {
    let dir = tempfile::tempdir().unwrap();
    image.write_to(dir.path(), &mut |_, _| ());
    contents(&dir.path().join(LEDGER)).ids
}

//! A sync fails, the system takes the pages for written, somebody tries again, and then the power goes.

use crate::support::disk::Stepped;
use crate::support::forgetful::{Forgetful, forgetful};
use crate::support::image::Image;
use crate::support::ledger::{
    assert_holds, contents, findings, first_part, rollout_in, second_part,
};
use crate::support::world::{holder, quick, world_on};
use codex_ledger_append::{Plan, Request};
use codex_ledger_entry::{EntryId, Kind};
use codex_ledger_ledger::{Disk, Ledger, LedgerError, World};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LEDGER: &str = "share/ledger";

/// A source that grows once, and a disk that fails once on the way.
struct Scene {
    dir: tempfile::TempDir,
    rollout: PathBuf,
    disk: Arc<Stepped<Forgetful>>,
    world: World,
    /// Ids of what was acknowledged to somebody.
    acknowledged: Vec<EntryId>,
    tries: usize,
}

impl Scene {
    fn new(fails_at: &[usize]) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("base");
        fs::create_dir(&base).unwrap();
        let disk = forgetful(&base, fails_at);
        let world = world_on(Arc::clone(&disk) as Arc<dyn Disk>, 1);
        let rollout = rollout_in(&dir.path().join("home"));
        Scene { dir, rollout, disk, world, acknowledged: Vec::new(), tries: 0 }
    }

    fn ledger(&self) -> PathBuf {
        self.dir.path().join("base").join(LEDGER)
    }

    fn request(&self) -> Request {
        Request { roots: vec![self.dir.path().join("home")], ..Request::default() }
    }

    /// One try of a process: opens, appends the source and an entry of its own.
    fn try_once(&self, again: bool) -> Result<(), LedgerError> {
        let mut ledger = Ledger::open(&self.ledger(), self.world.clone(), &holder())?;
        let request = self.request();
        let plan = || Plan::make(&self.ledger(), &request, self.world.clock.now());
        let mut done = plan().run(&mut ledger, &request, &mut |_| ()).map(drop);
        if done.is_err() && again {
            // The same process, as far as it may.
            done = plan().run(&mut ledger, &request, &mut |_| ()).map(drop);
        }
        done?;
        ledger.append_one(Kind::Action, b"verb").map(drop)
    }

    /// Appends until it is acknowledged.
    fn append(&mut self, parts: usize, again: bool) {
        let source = [first_part(), second_part()][..parts].concat();
        fs::write(&self.rollout, source).unwrap();
        // Each failure is one try.
        while let Err(error) = self.try_once(again) {
            assert!(error.to_string().contains("refuses") || again, "{error}");
            self.tries += 1;
            assert!(self.tries <= 2, "the disk fails twice at most: {error}");
        }
        let ids = contents(&self.ledger()).ids;
        assert!(ids.starts_with(&self.acknowledged), "{:?}", self.disk.0.failed());
        self.acknowledged = ids;
    }

    fn check(&self, image: &Image, what: &str) {
        let dir = tempfile::tempdir().unwrap();
        image.write_to(dir.path(), &mut |_, _| ());
        let ledger = dir.path().join(LEDGER);
        let opened = Ledger::open(&ledger, quick(2), &holder()).map(drop);
        opened.unwrap_or_else(|e| panic!("{what}: cannot be opened: {e}"));
        assert_eq!(findings(&ledger), [], "{what}");
        let ids = contents(&ledger).ids;
        let (found, known) = (ids.len(), self.acknowledged.len());
        assert!(ids.starts_with(&self.acknowledged), "{what}: {found} entries of {known}");
        append_all(&ledger, &self.request());
        assert_holds(&ledger, &[first_part(), second_part()].concat(), what);
    }
}

fn append_all(dir: &Path, request: &Request) {
    let mut ledger = Ledger::open(dir, quick(3), &holder()).unwrap();
    Plan::make(dir, request, 0).run(&mut ledger, request, &mut |_| ()).unwrap();
}

/// Fails each sync in turn, and where `then` says so one that comes that much later.
fn fail_each_sync(again: bool, then: Option<usize>) {
    for at in 0.. {
        let fails: Vec<usize> =
            [Some(at), then.map(|then| at + then)].into_iter().flatten().collect();
        let mut scene = Scene::new(&fails);
        for parts in [1, 2] {
            scene.append(parts, again);
        }
        let failed = scene.disk.0.failed();
        if failed.is_empty() {
            assert!(at > 30, "only {at} syncs: does the ledger go around the disk?");
            return;
        }
        let durable = scene.disk.0.durable();
        scene.check(&durable, &format!("syncs {fails:?} failed: {failed:?}"));
    }
}

#[test]
fn what_is_acknowledged_after_a_failed_sync_survives_a_power_loss() {
    fail_each_sync(false, None);
}

#[test]
fn a_process_that_tries_again_after_a_failed_sync_acknowledges_nothing_that_is_lost() {
    fail_each_sync(true, None);
}

/// The second one hits what the first one's recovery does.
#[test]
fn a_recovery_whose_own_sync_fails_acknowledges_nothing_that_is_lost() {
    for then in [1, 3] {
        fail_each_sync(false, Some(then));
    }
}

//! A disk that fails at each step in turn, and appends that end in the middle.

use crate::support::disk::{FailAt, Stepped};
use crate::support::ledger::{
    append, assert_holds, contents, findings, first_part, rollout_in, second_part,
};
use crate::support::world::{holder, quick, world_on};
use codex_ledger_append::{Plan, Request};
use codex_ledger_entry::{EntryId, Kind, StreamId};
use codex_ledger_ledger::{
    BLOCK_BYTES, Ledger, LedgerError, LedgerReader, Origin, World, inspect, read_head,
};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source that grows once, and the ledger it goes to.
struct Scene {
    _dir: tempfile::TempDir,
    ledger: PathBuf,
    home: PathBuf,
    rollout: PathBuf,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    Scene { ledger: dir.path().join("ledger"), rollout: rollout_in(&home), home, _dir: dir }
}

impl Scene {
    /// Writes that many parts of the source.
    fn source(&self, parts: usize) -> Vec<u8> {
        let source = [first_part(), second_part()][..parts].concat();
        fs::write(&self.rollout, &source).unwrap();
        source
    }

    /// Both appends until the disk fails; then, where a ledger is open, the same append once more on
    /// it. Gives what was said of the sources.
    fn append_until_failure(&self, world: &World, hold: bool) -> Result<String, LedgerError> {
        let (mut said, mut held) = (String::new(), None);
        for parts in [1, 2] {
            self.source(parts);
            let request = Request { roots: vec![self.home.clone()], ..Request::default() };
            let plan = || Plan::make(&self.ledger, &request, world.clock.now());
            let mut ledger = match held.take() {
                Some(ledger) => ledger,
                None => Ledger::open(&self.ledger, world.clone(), &holder())?,
            };
            match plan().run(&mut ledger, &request, &mut |_| ()) {
                Ok(report) => said.extend(report.problems.into_iter().map(|p| p.path + &p.reason)),
                Err(error) => {
                    let before = known(&self.ledger);
                    // Whatever comes of it, nothing that HEAD says may go.
                    plan().run(&mut ledger, &request, &mut |_| ()).ok();
                    assert!(known(&self.ledger) >= before, "the second try after {error}");
                    return Err(error);
                }
            }
            held = Some(ledger).filter(|_| hold);
        }
        Ok(said)
    }

    /// Fails one step after the other until both appends get through.
    fn fail_each_step(
        &self,
        kind: ErrorKind,
        hold: bool,
        make: impl Fn(usize) -> Stepped<FailAt>,
    ) -> usize {
        for step in 0.. {
            fs::remove_dir_all(&self.ledger).ok();
            let disk = Arc::new(make(step));
            let result = self.append_until_failure(&world_on(disk.clone(), 1), hold);
            if !disk.0.has_failed() {
                assert_eq!(result.unwrap(), "");
                return step;
            }
            match result {
                Err(error) => self.assert_names_its_file(&error, step, kind),
                // Entries that are safe in the journal need no volume yet.
                Ok(said) => assert!(said.contains("store"), "step {step}: said {said:?}"),
            }
            let acknowledged = acknowledged(&self.ledger);
            let source = self.source(2);
            append(&self.ledger, &self.home, quick(2)).unwrap();
            let ids = contents(&self.ledger).ids;
            assert!(ids.starts_with(&acknowledged), "step {step}: entries are gone");
            assert_eq!(findings(&self.ledger), [], "step {step}");
            assert_holds(&self.ledger, &source, &format!("step {step}"));
        }
        0
    }

    fn assert_names_its_file(&self, error: &LedgerError, step: usize, kind: ErrorKind) {
        let LedgerError::Io { path, source, .. } = error else { panic!("step {step}: {error:?}") };
        let is_near = path.starts_with(&self.ledger) || self.ledger.starts_with(path);
        assert!(is_near, "step {step}: {error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert_eq!(source.kind(), kind, "step {step}: {error}");
        assert_eq!(error.is_out_of_space(), kind == ErrorKind::StorageFull, "step {step}");
    }
}

fn known(dir: &Path) -> u64 {
    read_head(dir).map_or(0, |slots| slots.head.size())
}

/// Ids of all entries that HEAD says are there.
fn acknowledged(dir: &Path) -> Vec<EntryId> {
    if known(dir) == 0 { Vec::new() } else { contents(dir).ids }
}

#[test]
fn a_step_that_fails_once_is_reported_and_the_next_append_completes() {
    let kind = ErrorKind::Other;
    let steps = scene().fail_each_step(kind, false, |at| FailAt::once(at, kind));
    assert!(steps > 60, "only {steps} steps: does the ledger go around the disk?");
}

#[test]
fn a_writer_that_goes_on_after_a_failed_step_loses_nothing() {
    let kind = ErrorKind::Other;
    scene().fail_each_step(kind, true, |at| FailAt::once(at, kind));
}

#[test]
fn a_disk_that_is_full_from_any_step_on_is_reported_and_loses_nothing() {
    let kind = ErrorKind::StorageFull;
    scene().fail_each_step(kind, false, |at| FailAt::from(at, kind));
}

#[test]
fn an_append_that_is_given_up_acknowledges_nothing_and_ends_its_threads() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger, quick(1), &holder()).unwrap();
    let mut appender = ledger.appender().unwrap();
    appender.append_small(Kind::Action, b"never finished").unwrap();
    drop(appender);
    assert_eq!(known(&scene.ledger), 1);
    let again = ledger.appender().map(drop).expect_err("files may be ahead of the open ledger");
    assert!(again.to_string().contains("open the ledger again"), "{again}");
    drop(ledger);
    let mut ledger = Ledger::open(&scene.ledger, quick(2), &holder()).unwrap();
    ledger.append_one(Kind::Action, b"finished").unwrap();
    drop(ledger);
    assert_eq!(findings(&scene.ledger), []);
    assert_eq!(contents(&scene.ledger).ids.len(), 2);
}

#[test]
fn a_large_body_that_is_given_up_leaves_no_trace_in_the_next_one() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger, quick(1), &holder()).unwrap();
    let mut appender = ledger.appender().unwrap();
    let mut given_up = appender.large_body().unwrap();
    given_up.push(&mut appender, &vec![b'x'; 3 * BLOCK_BYTES]).unwrap();
    drop(given_up);
    let body = vec![b'y'; BLOCK_BYTES + 7];
    let mut kept = appender.large_body().unwrap();
    kept.push(&mut appender, &body).unwrap();
    let origin = Origin { stream: Some(StreamId::new(1)), ..Origin::default() };
    let seq = appender.append_large(Kind::Document, origin, kept).unwrap();
    assert_eq!(appender.finish().unwrap().unsettled, None);
    drop(ledger);
    assert_eq!(inspect(&scene.ledger, &mut |_| ()).unwrap().findings, []);
    let mut reader = LedgerReader::open(&scene.ledger).unwrap();
    let pack = reader.pack_from(seq).unwrap().unwrap();
    let entry = pack.entry(seq).unwrap().clone();
    assert_eq!(reader.body(&pack, &entry, u64::MAX).unwrap(), Some(body));
}

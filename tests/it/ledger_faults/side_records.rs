//! What is cached beside the entries is bound to them, made anew in doubt, and compared by an inspection.

use crate::support::ledger::{append, contents, findings, rollout_in};
use crate::support::world::{holder, quick};
use codex_ledger_append::{Plan, Request};
use codex_ledger_entry::{EntryId, Kind, Seq};
use codex_ledger_ledger::side::{self, Bound};
use codex_ledger_ledger::{
    Control, Controls, FindingKind, Ledger, LedgerPaths, LedgerReader, SeenFiles, Tails, World,
    read_head,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

struct Scene {
    _dir: tempfile::TempDir,
    home: PathBuf,
    ledger: PathBuf,
    rollout: PathBuf,
}

fn scene(seed: u64) -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let (ledger, rollout) = (dir.path().join("ledger"), rollout_in(&home));
    let scene = Scene { home, ledger, rollout, _dir: dir };
    scene.write(b"one\ntwo\n");
    append(&scene.ledger, &scene.home, quick(seed)).unwrap();
    scene
}

impl Scene {
    fn paths(&self) -> LedgerPaths {
        LedgerPaths { dir: self.ledger.clone() }
    }

    /// Every write leaves the same time, as somebody may who wants it unseen.
    fn write(&self, bytes: &[u8]) {
        fs::write(&self.rollout, bytes).unwrap();
        let file = fs::File::options().write(true).open(&self.rollout).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    }

    /// Adds such an entry; the side records that are there stay as they are.
    fn add(&self, kind: Kind, body: &[u8]) -> Seq {
        let mut ledger = Ledger::open(&self.ledger, quick(7), &holder()).unwrap();
        ledger.append_one(kind, body).unwrap().entries.from
    }

    fn controls(&self) -> Controls {
        Controls::load(&mut LedgerReader::open(&self.ledger).unwrap()).unwrap()
    }

    fn save_controls(&self, controls: &Controls) {
        controls.save(&World::real(), &self.paths()).unwrap();
    }

    fn side_findings(&self) -> Vec<String> {
        let found = findings(&self.ledger);
        assert!(found.iter().all(|f| f.kind == FindingKind::SideRecord), "{found:?}");
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        found.iter().map(|finding| name(&finding.file)).collect()
    }

    fn plan(&self) -> Plan {
        let request = Request { roots: vec![self.home.clone()], ..Request::default() };
        Plan::make(&self.ledger, &request, 0)
    }
}

fn seqs(controls: &Controls) -> Vec<Seq> {
    controls.entries.iter().map(|entry| entry.seq).collect()
}

#[test]
fn controls_of_another_ledger_decide_nothing() {
    let (ours, theirs) = (scene(1), scene(2));
    let hidden = ours.add(Kind::Redaction, b"hide it");
    ours.save_controls(&ours.controls());
    theirs.add(Kind::Action, b"another");
    theirs.save_controls(&theirs.controls());
    assert_eq!(theirs.controls().bound.end, ours.controls().bound.end, "as long as ours");

    fs::copy(theirs.paths().controls(), ours.paths().controls()).unwrap();
    assert_eq!(seqs(&ours.controls()), [hidden]);
    assert_eq!(ours.side_findings(), ["controls"]);
    ours.add(Kind::Action, b"more");
    assert_eq!(seqs(&ours.controls()), [hidden], "when theirs are the shorter ones");
}

#[test]
fn controls_whose_last_entry_is_not_ours_are_found_anew() {
    let scene = scene(1);
    let hidden = scene.add(Kind::Redaction, b"hide it");
    let whole = scene.controls();
    let without = |bound| {
        let mut without = whole.clone();
        (without.bound, without.entries) = (bound, Vec::new());
        without
    };
    let wrong = Bound { last: [7; 32], ..whole.bound };
    for (what, bound) in [
        ("a wrong id at the head", wrong),
        ("a wrong id before the head", Bound { end: whole.bound.end.previous().unwrap(), ..wrong }),
        ("inside a pack", Bound { end: Seq::new(2), ..wrong }),
        ("more entries than there are", Bound { end: whole.bound.end.next(), ..whole.bound }),
    ] {
        scene.save_controls(&without(bound));
        assert_eq!(seqs(&scene.controls()), [hidden], "{what}");
    }
}

#[test]
fn controls_that_are_merely_older_are_completed_and_no_finding() {
    let scene = scene(1);
    let first = scene.add(Kind::Redaction, b"hide it");
    scene.save_controls(&scene.controls());
    let second = scene.add(Kind::Redaction, b"hide that too");
    assert_eq!(scene.side_findings(), [""; 0]);
    assert_eq!(seqs(&scene.controls()), [first, second]);
}

/// Nothing but reading all entries tells: an inspection does.
#[test]
fn forged_controls_are_a_finding() {
    let scene = scene(1);
    scene.add(Kind::Redaction, b"hide it");
    let whole = scene.controls();
    let forge = |change: &dyn Fn(&mut Vec<Control>)| {
        let mut forged = whole.clone();
        change(&mut forged.entries);
        scene.save_controls(&forged);
        scene.side_findings()
    };
    assert_eq!(forge(&|_| ()), [""; 0], "as they are");
    assert_eq!(forge(&Vec::clear), ["controls"]);
    assert_eq!(forge(&|entries| entries[0].body = b"hide nothing".to_vec()), ["controls"]);
    assert_eq!(forge(&|entries| entries[0].reference = EntryId([1; 32])), ["controls"]);
    assert_eq!(forge(&|entries| entries[0].kind = Kind::Action), ["controls"]);
    assert_eq!(forge(&|entries| entries.push(entries[0].clone())), ["controls"]);
}

#[test]
fn forged_tails_are_a_finding_and_older_ones_are_not() {
    let scene = scene(1);
    let stored = side::load::<Tails>(&scene.paths().tails()).unwrap();
    let forge = |change: &dyn Fn(&mut Tails)| {
        let mut forged = stored.clone();
        change(&mut forged);
        forged.save(&World::real(), &scene.paths()).unwrap();
        fs::remove_file(scene.paths().sources()).ok();
        scene.side_findings()
    };
    let tail = |tails: &mut Tails| tails.streams.values_mut().next().unwrap()[0].clone();
    let with = |tails: &mut Tails, tail| tails.streams.values_mut().next().unwrap()[0] = tail;
    assert_eq!(forge(&|_| ()), [""; 0], "as they are");
    assert_eq!(forge(&|tails| tails.streams.clear()), ["tails"]);
    let forged = forge(&|tails| {
        let known = tail(tails);
        with(tails, codex_ledger_ledger::Tail { bytes: known.bytes + 4, ..known });
    });
    assert_eq!(forged, ["tails"]);
    let forged = forge(&|tails| {
        let known = tail(tails);
        with(tails, codex_ledger_ledger::Tail { prefix_hash: [3; 32], ..known });
    });
    assert_eq!(forged, ["tails"]);
    assert_eq!(forge(&|tails| tails.bound.last = [3; 32]), ["tails"]);
    forge(&|_| ());
    scene.add(Kind::Action, b"the head moves on");
    assert_eq!(scene.side_findings(), [""; 0]);
}

#[test]
fn forged_sources_hide_no_new_line() {
    let scene = scene(1);
    assert!(scene.plan().is_done(), "nothing is new");
    let known = side::load::<SeenFiles>(&scene.paths().sources()).unwrap();
    let grown = b"one\ntwo\nthree\n";
    scene.write(grown);
    let len = grown.len() as u64;
    let path = scene.rollout.to_string_lossy().into_owned();
    for (already, pending) in [(len, 0), (8, 0), (0, 0), (8, len - 8), (0, len), (u64::MAX, 1)] {
        let mut forged = known.clone();
        let seen = forged.files.get_mut(&path).unwrap();
        (seen.len, seen.already, seen.pending) = (len, already, pending);
        seen.inode = inode(&scene.rollout);
        side::save(&World::real(), &scene.paths().sources(), &forged).unwrap();
        assert!(
            !scene.plan().is_done(),
            "{already} known and {pending} pending: new lines are skipped"
        );
        if already > 8 {
            assert_eq!(scene.side_findings(), ["sources"], "{already} known");
        }
    }
    append(&scene.ledger, &scene.home, quick(3)).unwrap();
    let name = contents(&scene.ledger).streams.into_values().next().unwrap();
    assert_eq!(name, [grown.to_vec()]);
}

#[cfg(unix)]
fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

#[test]
fn a_torn_end_that_waits_is_no_reason_to_read_again() {
    let scene = scene(1);
    scene.write(b"one\ntwo\nthr");
    append(&scene.ledger, &scene.home, quick(3)).unwrap();
    let plan = scene.plan();
    assert!(plan.is_done());
    assert_eq!(plan.report().bytes.pending, 3);
    assert_eq!(
        read_head(&scene.ledger).unwrap().head.size(),
        contents(&scene.ledger).ids.len() as u64
    );
}

//! Erasures that are stopped at every step: what goes is gone, what stays is there, and whoever comes next finishes it.

use crate::support::disk::FailAt;
use crate::support::image::Image;
use crate::support::ledger::{THREAD, append, findings, first_part, rollout_in, second_part};
use crate::support::random::Random;
use crate::support::shadow::{Moment, as_disk, resume, shadow};
use crate::support::world::{holder, quick, world_on};
use codex_ledger_entry::{EntryId, Erasure, Header, Kind, Seq, SeqSet, thread_hash};
use codex_ledger_ledger::{
    FindingKind, Ledger, LedgerError, LedgerReader, World, inspect, read_head,
};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Below what is watched.
const LEDGER: &str = "share/codex/ledger";
/// As many bytes of what was erased may stand nowhere.
const WINDOW_BYTES: usize = 64;
const TORN_ROUNDS: u32 = 1;

/// A ledger with a volume and a journal, and what is to be erased of it.
struct Scene {
    _dir: tempfile::TempDir,
    base: PathBuf,
    home: PathBuf,
    erasure: Erasure,
    before: Everything,
}

/// What readers see: ids, and the bodies that are there.
#[derive(Debug, PartialEq)]
struct Everything {
    ids: Vec<EntryId>,
    bodies: BTreeMap<Seq, Vec<u8>>,
    erased: SeqSet,
}

fn everything(dir: &Path) -> Everything {
    let mut reader = LedgerReader::open(dir).unwrap();
    let identity = reader.head().identity;
    let mut out =
        Everything { ids: Vec::new(), bodies: BTreeMap::new(), erased: SeqSet::default() };
    let (mut next, mut prev) = (Seq::FIRST, EntryId::default());
    while let Some(pack) = reader.pack_from(next).unwrap() {
        next = pack.info.end_seq();
        for entry in &pack.entries {
            prev = Header::id(&pack.header(&identity, entry, prev).encode());
            out.ids.push(prev);
            match reader.body(&pack, entry, u64::MAX).unwrap() {
                Some(body) => drop(out.bodies.insert(entry.seq, body)),
                None => out.erased.insert(entry.seq),
            }
        }
    }
    out
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let (base, home) = (dir.path().join("base"), dir.path().join("home"));
    let ledger = base.join(LEDGER);
    let rollout = rollout_in(&home);
    let mut source = Vec::new();
    for part in [first_part(), second_part()] {
        source.extend_from_slice(&part);
        fs::write(&rollout, &source).unwrap();
        append(&ledger, &home, quick(1)).unwrap();
    }
    let before = everything(&ledger);
    let head = read_head(&ledger).unwrap().head;
    assert!(head.settled > Seq::FIRST && head.settled < head.end(), "a volume and a journal");
    // In each place a body that lies in its pack and one in blocks; a short one, and neighbours that stay.
    let is_meant = |seq: &Seq, body: &Vec<u8>| {
        seq.get() > 5 && (body.len() > 3_500 || seq.get().is_multiple_of(7))
    };
    let meant = before.bodies.iter().filter(|(seq, body)| is_meant(seq, body));
    let entries: SeqSet = meant.map(|(seq, _)| *seq).collect();
    assert!(entries.iter().any(|seq| seq > head.settled) && entries.len() > 9, "{entries}");
    let erasure = Erasure { entries, threads: vec![thread_hash(&[0; 32], THREAD)] };
    Scene { _dir: dir, base, home, erasure, before }
}

/// Begins the erasure, or goes on with it, and ends it.
fn erase(dir: &Path, world: World, erasure: &Erasure) -> Result<(), LedgerError> {
    let mut ledger = Ledger::open(dir, world, &holder())?;
    let is_done = ledger.head().generation > 0 && ledger.head().erasing.is_none();
    if ledger.head().generation == 0 {
        ledger.begin_erasure(erasure, &erasure.intent("test", "ada", "asked"))?;
    }
    if !is_done {
        ledger.erase_bodies()?;
        ledger.end_erasure()?;
    }
    Ok(())
}

impl Scene {
    /// What must hold once it is erased.
    fn check(&self, dir: &Path, what: &str) {
        assert_eq!(findings(dir), [], "{what}");
        let after = everything(dir);
        assert!(after.ids.starts_with(&self.before.ids), "{what}: ids");
        assert_eq!(after.erased, self.erasure.entries, "{what}");
        for (seq, body) in &self.before.bodies {
            let is_gone = self.erasure.entries.contains(*seq);
            assert!(is_gone || after.bodies.get(seq) == Some(body), "{what}: entry {seq}");
        }
        self.check_files(dir, what);
        // It can be written to, and goes on as before.
        append(dir, &self.home, quick(5)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(findings(dir), [], "{what}: after an append");
        assert_eq!(everything(dir).ids.len(), after.ids.len(), "{what}: nothing comes back");
    }

    /// Nothing of the bodies stands in any file.
    fn check_files(&self, dir: &Path, what: &str) {
        let mut windows: HashMap<[u8; 8], Vec<(Seq, &[u8])>> = HashMap::new();
        let erased = self.before.bodies.iter().filter(|(s, _)| self.erasure.entries.contains(**s));
        for (seq, body) in erased {
            for window in body.chunks_exact(WINDOW_BYTES) {
                windows.entry(*window.first_chunk().unwrap()).or_default().push((*seq, window));
            }
        }
        assert!(windows.len() > 1_000);
        for (path, bytes) in files_below(dir) {
            for (at, start) in bytes.windows(8).enumerate() {
                let found = windows.get(start).into_iter().flatten();
                let found = found.filter(|(_, window)| bytes[at..].starts_with(window));
                let seqs: Vec<Seq> = found.map(|(seq, _)| *seq).collect();
                assert!(seqs.is_empty(), "{what}: entries {seqs:?} in {}", path.display());
            }
        }
    }
}

fn files_below(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files
}

#[test]
fn what_is_erased_is_gone_and_the_rest_stands() {
    let scene = scene();
    let dir = scene.base.join(LEDGER);
    let text = fs::read_to_string(dir.join("FORMAT")).unwrap();
    assert!(text.starts_with("codex-ledger ledger format 1\n"));
    erase(&dir, quick(3), &scene.erasure).unwrap();
    let text = fs::read_to_string(dir.join("FORMAT")).unwrap();
    assert!(text.starts_with("codex-ledger ledger format 2\n"));
    scene.check(&dir, "without any fault");
    let inspection = inspect(&dir, &mut |_| ()).unwrap();
    assert_eq!(inspection.bodies.erased, scene.erasure.entries.len());
    assert_eq!((inspection.bodies.loss, inspection.bodies.violation), (0, 0));
}

#[test]
fn readers_give_nothing_of_it_from_the_intent_on() {
    let scene = scene();
    let dir = scene.base.join(LEDGER);
    let mut ledger = Ledger::open(&dir, quick(3), &holder()).unwrap();
    let body = scene.erasure.intent("test", "ada", "asked");
    ledger.begin_erasure(&scene.erasure, &body).unwrap();
    drop(ledger);
    assert_eq!(everything(&dir).erased, scene.erasure.entries);
    let found = findings(&dir);
    assert_eq!(found.iter().map(|f| f.kind).collect::<Vec<_>>(), [FindingKind::Erasing]);
    erase(&dir, quick(4), &scene.erasure).unwrap();
    scene.check(&dir, "finished by another one");
}

#[test]
fn a_second_erasure_takes_more_and_one_of_the_same_is_none() {
    let scene = scene();
    let dir = scene.base.join(LEDGER);
    erase(&dir, quick(3), &scene.erasure).unwrap();
    let left = |seq: &&Seq| seq.get() > 5 && !scene.erasure.entries.contains(**seq);
    let more: SeqSet = scene.before.bodies.keys().filter(left).take(3).copied().collect();
    let more = Erasure { entries: more, threads: Vec::new() };
    let mut ledger = Ledger::open(&dir, quick(4), &holder()).unwrap();
    assert!(ledger.end_erasure().is_err(), "none is under way");
    ledger.begin_erasure(&more, &more.intent("test", "ada", "more")).unwrap();
    let again = more.intent("test", "ada", "again");
    assert!(ledger.begin_erasure(&more, &again).is_err(), "one at a time");
    ledger.erase_bodies().unwrap();
    ledger.end_erasure().unwrap();
    drop(ledger);
    assert_eq!(findings(&dir), []);
    assert_eq!(everything(&dir).erased, scene.erasure.entries.union(&more.entries));
}

/// Every moment of an erasure.
fn moments(scene: &Scene) -> Vec<Moment> {
    let whole = shadow(&scene.base).0.now().live;
    let dir = tempfile::tempdir().unwrap();
    let shadow = resume(dir.path(), &whole, &whole);
    erase(&dir.path().join(LEDGER), world_on(as_disk(&shadow), 3), &scene.erasure).unwrap();
    shadow.0.now();
    shadow.0.moments()
}

impl Scene {
    /// Whatever a fault has left: the next one finishes it, or nothing of it was begun.
    fn check_image(&self, image: &Image, what: &str) {
        let dir = tempfile::tempdir().unwrap();
        image.write_to(dir.path(), &mut |_, _| ());
        let dir = dir.path().join(LEDGER);
        erase(&dir, quick(6), &self.erasure).unwrap_or_else(|e| panic!("{what}: {e}"));
        self.check(&dir, what);
    }
}

#[test]
fn a_kill_at_every_step_is_made_up_for() {
    let scene = scene();
    for moment in moments(&scene) {
        scene.check_image(&moment.live, &format!("killed {}", moment.what));
    }
}

#[test]
fn a_power_loss_at_every_step_is_made_up_for() {
    let scene = scene();
    for moment in moments(&scene) {
        scene.check_image(&moment.durable, &moment.what);
    }
}

#[test]
fn whatever_pages_a_power_loss_leaves_it_is_made_up_for() {
    let scene = scene();
    let mut random = Random(7);
    for moment in moments(&scene) {
        for seed in 0..TORN_ROUNDS {
            let image = moment.durable.torn(&moment.live, &mut random);
            scene.check_image(&image, &format!("{}, torn {seed}", moment.what));
        }
    }
}

#[test]
fn a_step_that_fails_and_a_disk_that_is_full_lose_nothing() {
    for (kind, for_ever) in [(ErrorKind::Other, false), (ErrorKind::StorageFull, true)] {
        let scene = scene();
        let shadow = shadow(&scene.base);
        let whole = shadow.0.now().live;
        for step in 0.. {
            let dir = tempfile::tempdir().unwrap();
            whole.write_to(dir.path(), &mut |_, _| ());
            let ledger = dir.path().join(LEDGER);
            let disk = match for_ever {
                true => FailAt::from(step, kind),
                false => FailAt::once(step, kind),
            };
            let disk = Arc::new(disk);
            let result = erase(&ledger, world_on(disk.clone(), 1), &scene.erasure);
            if !disk.0.has_failed() {
                assert!(step > 30, "only {step} steps: does it go around the disk?");
                break;
            }
            assert!(result.is_err(), "step {step}");
            erase(&ledger, quick(2), &scene.erasure).unwrap();
            scene.check(&ledger, &format!("step {step} failed"));
        }
    }
}

#[test]
fn what_cannot_be_erased_is_refused_and_nothing_changes() {
    let scene = scene();
    let dir = scene.base.join(LEDGER);
    let mut ledger = Ledger::open(&dir, quick(3), &holder()).unwrap();
    let end = ledger.head().end();
    let refused = |entries: Vec<Seq>, ledger: &mut Ledger| {
        let erasure = Erasure { entries: entries.into_iter().collect(), threads: Vec::new() };
        let body = erasure.intent("test", "ada", "asked");
        assert!(ledger.begin_erasure(&erasure, &body).is_err());
    };
    refused(vec![Seq::FIRST, Seq::new(7)], &mut ledger);
    refused(vec![end], &mut ledger);
    refused(vec![], &mut ledger);
    drop(ledger);
    assert_eq!(everything(&dir), scene.before);
    // A volume that cannot be read as a whole cannot be written anew.
    let db = dir.join("store/0000000000000000/db");
    let mut bytes = fs::read(&db).unwrap();
    let at = bytes.len() / 2;
    bytes[at..at + 5_000].fill(0);
    fs::write(&db, bytes).unwrap();
    let mut ledger = Ledger::open(&dir, quick(4), &holder()).unwrap();
    let body = scene.erasure.intent("test", "ada", "asked");
    let error = ledger.begin_erasure(&scene.erasure, &body).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    assert_eq!((ledger.head().end(), ledger.head().erasing), (end, None));
}

#[test]
fn a_body_that_is_put_back_or_goes_without_leave_is_a_finding() {
    let scene = scene();
    let dir = scene.base.join(LEDGER);
    let (kept, store) = (scene.base.join("kept"), dir.join("store"));
    copy(&store, &kept);
    erase(&dir, quick(3), &scene.erasure).unwrap();
    // The volume as it was before, under its own name and record.
    fs::remove_dir_all(&store).unwrap();
    copy(&kept, &store);
    let said: Vec<String> = findings(&dir).into_iter().map(|f| f.detail).collect();
    let back = "the body is there, and an entry says that it was erased";
    assert!(said.iter().any(|said| said.contains(back)), "{said:?}");
    let inspection = inspect(&dir, &mut |_| ()).unwrap();
    assert!(inspection.bodies.violation > 0, "{:?}", inspection.bodies);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Kinds that are never erased: an inspection says so of one that is gone all the same.
#[test]
fn only_some_kinds_can_be_erased() {
    for kind in [Kind::Created, Kind::EraseDone, Kind::Key] {
        assert!(!kind.is_erasable());
    }
    for kind in [Kind::Line, Kind::Stream, Kind::Redaction, Kind::EraseIntent, Kind::Access] {
        assert!(kind.is_erasable());
    }
}

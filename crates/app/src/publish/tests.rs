//! What stands there stays until the new one is whole, whatever fails.

use super::temporary::clean;
use super::*;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{Disk, RealWorld, World};
use codex_ledger_redaction::{Policy, expand_example};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A disk whose calls fail from a number on, as a full one does.
struct Failing {
    good: AtomicUsize,
}

impl Failing {
    fn call(&self) -> io::Result<()> {
        let left =
            self.good.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        left.map(|_| ()).map_err(|_| io::ErrorKind::StorageFull.into())
    }
}

impl Disk for Failing {
    fn write_all(&self, file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.call()?;
        RealWorld.write_all(file, path, bytes)
    }

    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.call()?;
        RealWorld.sync_file(file, path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealWorld.sync_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        RealWorld.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealWorld.remove_file(path)
    }
}

fn failing_after(good: usize) -> World {
    World { disk: Arc::new(Failing { good: AtomicUsize::new(good) }), ..World::real() }
}

fn gate() -> Gate {
    Gate::new(&Policy::none()).unwrap()
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn passed(mut draft: DocumentDraft<'_>, text: &str) -> Publishable {
    draft.write_all(text.as_bytes()).unwrap();
    match draft.judge() {
        Judged::Passed(document) => document,
        Judged::Held(held) => panic!("held: {:?}", held.findings),
    }
}

/// Tries with one more call that works each time, until everything does; says how many were tried.
fn at_each_call(mut attempt: impl FnMut(&World) -> Result<()>) -> usize {
    for good in 0..100 {
        match attempt(&failing_after(good)) {
            Ok(()) => return good,
            Err(error) => assert!(error.is_out_of_space(), "{error}"),
        }
    }
    panic!("it never ends");
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let (dir, gate) = (tempfile::tempdir().unwrap(), gate());
    let path = dir.path().join("report.md");
    let tried = at_each_call(|world| {
        fs::write(&path, "old").unwrap();
        let draft = DocumentDraft::file(&gate, Language::Markdown, world, &path, Access::Private)?;
        let done = passed(draft, "new").publish();
        let found = fs::read_to_string(&path).unwrap();
        // Once it has its name, only the name's own durability can fail.
        assert!(found == "old" || found == "new");
        assert!(done.is_err() || found == "new");
        clean(dir.path());
        assert_eq!(names(dir.path()).len(), 1, "nothing else stays");
        done.map(|_| ())
    });
    assert_eq!(tried, 4, "write, sync, rename, sync of the folder");
    at_each_call(|world| {
        fs::remove_file(&path).ok();
        let done = write_raw(world, &path, b"new");
        assert!(done.is_err() || fs::read(&path).unwrap() == b"new");
        done
    });
    fs::write(&path, "old").unwrap();
    assert!(write_raw(&World::real(), &path, b"new").is_err(), "nothing is overwritten");
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn a_full_disk_leaves_whole_pages_and_a_manifest_of_all_of_them() {
    let gate = gate();
    let tried = at_each_call(|world| {
        let dir = tempfile::tempdir().unwrap();
        let publish = |world: &World, text: &str| {
            let mut folder = Folder::open(dir.path(), false, Access::Private, world)?;
            folder.claim(["a.md", "b.md"].into_iter())?;
            for name in ["a.md", "b.md"] {
                folder.put(&passed(DocumentDraft::page(&gate, Language::Markdown, name), text))?;
            }
            folder.finish()
        };
        let done = publish(world, "first").map(|_| ());
        for name in names(dir.path()).iter().filter(|name| name.ends_with(".md")) {
            assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "first");
            let manifest = fs::read_to_string(dir.path().join("codex-ledger.json")).unwrap();
            assert!(manifest.contains(name.as_str()), "{name} is known to be ours");
        }
        // Whatever was left is taken up again, and no temporary file stays.
        publish(&World::real(), "second").unwrap();
        assert_eq!(
            names(dir.path()),
            ["a.md", "b.md", "codex-ledger.json"].map(String::from).into()
        );
        done
    });
    assert!(tried > 10, "{tried}");
}

#[test]
fn a_folder_gets_its_name_when_it_is_whole() {
    let tried = at_each_call(|world| {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("bundle");
        let stage = Stage::begin(world, &target)?;
        fs::write(stage.path().join("file"), "x").unwrap();
        assert!(!target.exists());
        let done = stage.finish();
        assert!(done.is_err() || target.join("file").exists());
        assert_eq!(names(dir.path()).len(), usize::from(target.exists()), "nothing else stays");
        done
    });
    assert_eq!(tried, 3);
    let dir = tempfile::tempdir().unwrap();
    let (world, target) = (World::real(), dir.path().join("bundle"));
    let stage = Stage::begin(&world, &target).unwrap();
    // Somebody else's work in the same place is in use.
    clean(dir.path());
    assert!(stage.path().exists());
    fs::create_dir(&target).unwrap();
    fs::write(target.join("theirs"), "x").unwrap();
    assert!(matches!(stage.finish(), Err(PublishError::Refused { .. })));
    assert_eq!(names(dir.path()).len(), 1);
}

#[test]
fn what_is_held_is_released_for_what_was_recorded_only() {
    let gate = gate();
    let token = expand_example("ghp_{{alnum:36}}");
    let held = |name: &str| {
        let mut draft = DocumentDraft::page(&gate, Language::Markdown, name);
        write!(draft, "one\ntwo {token}\n").unwrap();
        match draft.judge() {
            Judged::Held(held) => held,
            Judged::Passed(_) => panic!("it passed"),
        }
    };
    let found = held("a.md").findings.into_iter().next().unwrap();
    assert_eq!((found.line, found.rule.as_str()), (2, "github-token"));
    let set = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
    let waiver =
        |names: &[&str], rules: &[&str]| Waiver::recorded(Seq::new(7), set(names), set(rules));
    for (names, rules, is_released) in [
        (&["a.md"][..], &["github-token"][..], true),
        (&["b.md"], &["github-token"], false),
        (&["a.md"], &["jwt"], false),
    ] {
        let judged = held("a.md").release(&waiver(names, rules));
        assert_eq!(matches!(judged, Judged::Passed(_)), is_released, "{names:?} {rules:?}");
    }
}

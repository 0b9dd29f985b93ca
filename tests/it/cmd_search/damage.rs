//! The index is derived: it can be lost, damaged or read-only, and search still answers right.

use super::{found, set, shards, two_sessions};
use crate::cli_support::TestEnvironment;
use crate::support::mount::Tmpfs;
use std::fs;
use std::path::Path;

const WORD: &str = "harbour";
const PLACES: [&str; 4] = ["call 1", "output 1", "prompt 1", "prompt 2"];

#[track_caller]
fn answers(env: &TestEnvironment, what: &str) {
    assert_eq!(set(env, WORD), PLACES, "{what}");
    assert_eq!(set(env, WORD), PLACES, "{what}, again");
}

fn set_version(path: &Path, version: i64) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.pragma_update(None, "user_version", version).unwrap();
}

/// What is done to a shard's file.
type Damage<'a> = &'a dyn Fn(&Path);

#[test]
fn a_damaged_index_is_made_anew() {
    let env = two_sessions();
    answers(&env, "made");
    let damages: [(&str, Damage<'_>); 13] = [
        ("deleted", &|path| fs::remove_file(path).unwrap()),
        ("empty", &|path| fs::write(path, b"").unwrap()),
        ("garbage", &|path| fs::write(path, [0xA5; 9000]).unwrap()),
        ("a short text", &|path| fs::write(path, b"no database\n").unwrap()),
        ("zeros", &|path| {
            fs::write(path, vec![0; fs::metadata(path).unwrap().len() as usize]).unwrap()
        }),
        ("cut to a page", &|path| cut(path, 4096)),
        ("cut in the header", &|path| cut(path, 50)),
        ("cut in the middle", &|path| cut(path, fs::metadata(path).unwrap().len() / 2 + 7)),
        ("overwritten behind the header", &|path| overwrite(path, 100)),
        ("overwritten behind the first page", &|path| overwrite(path, 4096)),
        ("of an older version", &|path| set_version(path, 1)),
        ("of a newer version", &|path| set_version(path, 99)),
        ("another database", &|path| {
            fs::remove_file(path).unwrap();
            rusqlite::Connection::open(path)
                .unwrap()
                .execute_batch("CREATE TABLE a (b); PRAGMA user_version = 2")
                .unwrap();
        }),
    ];
    for (what, damage) in damages {
        shards(&env).iter().for_each(|path| damage(path));
        answers(&env, what);
    }
    shards(&env).iter().for_each(|path| set_version(path, 0));
    answers(&env, "without a version");
}

fn cut(path: &Path, bytes: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

fn overwrite(path: &Path, from: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes.iter_mut().skip(from).for_each(|byte| *byte = 0x5a);
    fs::write(path, bytes).unwrap();
}

/// What cannot be removed is gone around.
#[test]
fn a_folder_in_the_place_of_a_shard_is_no_obstacle() {
    let env = two_sessions();
    answers(&env, "made");
    for path in shards(&env) {
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }
    answers(&env, "folders");
    let lock = env.ledger().join("views.search-lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    answers(&env, "no lock");
}

#[test]
fn a_read_only_ledger_is_searched() {
    let name = "cmd_search::a_read_only_ledger_is_searched";
    let Some(disk) = Tmpfs::of("32m", name) else { return };
    let env = two_sessions();
    let dir = disk.path().join("ledger");
    copy(&env.ledger(), &dir);
    let ledger = dir.display().to_string();
    let ask = |word: &str| {
        let args = ["--ledger", &ledger, "search", word, "--json"];
        env.run(args).expect(0).json()["total"].clone()
    };
    for round in ["without an index", "with an index"] {
        disk.remount("ro");
        assert_eq!((ask(WORD), ask("nowhere")), (4.into(), 0.into()), "{round}");
        disk.remount("rw");
        assert_eq!(ask(WORD), 4, "{round}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), target).unwrap();
        } else if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Many at once, while the index is being made and thrown away.
#[test]
fn searches_at_once_all_answer() {
    let env = two_sessions();
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| (0..4).for_each(|_| assert_eq!(set(&env, WORD), PLACES))))
            .collect();
        for _ in 0..8 {
            shards(&env).iter().for_each(|path| drop(fs::remove_file(path)));
            assert_eq!(found(&env, WORD).len(), PLACES.len());
        }
        searches.into_iter().for_each(|search| search.join().expect("a search answers"));
    });
}

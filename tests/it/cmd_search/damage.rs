//! The index is derived: it can be lost, damaged or read-only, and search still answers right.

use super::{found, set, shards, two_sessions};
use crate::cli_support::{TestEnvironment, copy_tree};
use crate::support::mount::Tmpfs;
use std::fs;
use std::path::{Path, PathBuf};

const WORD: &str = "harbour";
const PLACES: [&str; 4] = ["call 1", "output 1", "prompt 1", "prompt 2"];

#[track_caller]
fn answers(env: &TestEnvironment, what: &str) {
    assert_eq!(set(env, WORD), PLACES, "{what}");
    assert_eq!(set(env, WORD), PLACES, "{what}, again");
}

/// What is done to a file of a shard.
type Damage<'a> = &'a dyn Fn(&Path);

/// The files of all shards of whose names one of these is a part.
fn files(env: &TestEnvironment, parts: &[&str]) -> Vec<PathBuf> {
    let files = shards(env).into_iter().flat_map(|folder| fs::read_dir(folder).unwrap().flatten());
    let files = files.map(|file| file.path());
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        parts.iter().any(|part| name.contains(part))
    };
    files.filter(is_meant).collect()
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn a_damaged_index_is_made_anew() {
    let env = two_sessions();
    answers(&env, "made");
    let damages: [(&str, Damage<'_>); 8] = [
        ("deleted", &|path| fs::remove_file(path).unwrap()),
        ("empty", &|path| fs::write(path, b"").unwrap()),
        ("garbage", &|path| fs::write(path, [0xA5; 9000]).unwrap()),
        ("a short text", &|path| fs::write(path, b"no index\n").unwrap()),
        ("zeros", &|path| fs::write(path, vec![0; size(path) as usize]).unwrap()),
        ("cut in the middle", &|path| cut(path, size(path) / 2)),
        ("overwritten", &|path| overwrite(path, 0)),
        ("overwritten behind its beginning", &|path| overwrite(path, 20)),
    ];
    let all = ["meta.json", ".idx", ".pos", ".term", ".fast", ".fieldnorm", ".store", ".managed"];
    for part in all {
        for (what, damage) in damages {
            files(&env, &[part]).iter().for_each(|path| damage(path));
            answers(&env, &format!("{part} {what}"));
        }
    }
    files(&env, &all).iter().for_each(|path| overwrite(path, 10));
    answers(&env, "all files");
    // Of another version of the program.
    for (one, other) in
        [("\\\"version\\\":", "\\\"version\\\":9"), ("\\\"ledger\\\":\\\"", "\\\"ledger\\\":\\\"0")]
    {
        for path in
            files(&env, &["meta.json"]).iter().filter(|path| !path.ends_with(".managed.json"))
        {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains(one), "{text}");
            fs::write(path, text.replace(one, other)).unwrap();
        }
        answers(&env, one);
    }
}

/// What an older version of the program has left: files of a database.
#[test]
fn a_file_in_the_place_of_a_shard_is_replaced() {
    let env = two_sessions();
    answers(&env, "made");
    for path in shards(&env) {
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, b"SQLite format 3\0").unwrap();
    }
    answers(&env, "files");
    assert!(shards(&env).iter().all(|path| path.is_dir()));
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
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir_all(path.join("something")).unwrap();
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
    copy_tree(&env.ledger(), &dir);
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

/// Many at once, while the index is being made and thrown away.
#[test]
fn searches_at_once_all_answer() {
    let env = two_sessions();
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| (0..4).for_each(|_| assert_eq!(set(&env, WORD), PLACES))))
            .collect();
        for _ in 0..8 {
            shards(&env).iter().for_each(|path| drop(fs::remove_dir_all(path)));
            assert_eq!(found(&env, WORD).len(), PLACES.len());
        }
        searches.into_iter().for_each(|search| search.join().expect("a search answers"));
    });
}

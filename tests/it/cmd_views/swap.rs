//! Readers beside a rebuild: the old views or the new ones, never a mixture, never nothing.

use crate::cli_support::{TestEnvironment, open_views, prompt_line, wait_for};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

const REBUILDS: usize = 12;
const READERS: usize = 2;

fn counts(db: &rusqlite::Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let names: Vec<String> =
        db.prepare(names)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut counts = BTreeMap::new();
    for name in names {
        let sql = format!("SELECT count(*) FROM {name}");
        counts.insert(name, db.query_row(&sql, [], |row| row.get(0))?);
    }
    Ok(counts)
}

#[test]
fn a_reader_keeps_the_views_that_it_has_open() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let old = env.views();
    let before = counts(&old).unwrap();
    assert!(before["events"] > 400);
    for _ in 0..3 {
        env.ok(["rebuild-views", "--quiet"]);
        assert_eq!(counts(&old).unwrap(), before);
    }
    env.extend(
        &env.codex().join("history.jsonl"),
        b"{\"session_id\":\"x\",\"ts\":1,\"text\":\"y\"}\n",
    );
    env.append(&[]);
    assert_eq!(counts(&old).unwrap(), before, "the old views stay as they were");
    assert_eq!(counts(&env.views()).unwrap()["events"], before["events"] + 1);
    drop(old);
    env.ok(["rebuild-views", "--quiet"]);
    env.ok(["rebuild-views", "--quiet"]);
    let left = std::fs::read_dir(env.ledger().join("views.d")).unwrap().flatten();
    let whole =
        left.filter(|entry| entry.path().extension().is_some_and(|e| e == "sqlite")).count();
    assert!(whole <= 2, "{whole} databases are kept");
}

#[test]
fn whoever_opens_them_during_a_rebuild_sees_a_whole_set() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let expected = counts(&env.views()).unwrap();
    let path = env.ledger().join("views.sqlite");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let read = || {
            let mut times = 0;
            while !is_done.load(Ordering::Relaxed) {
                let found = open_views(&path).and_then(|db| counts(&db));
                assert_eq!(found.as_ref(), Ok(&expected), "after {times} times");
                times += 1;
            }
            times
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let rebuilt = (0..REBUILDS).all(|_| env.run(["rebuild-views", "--quiet"]).code == Some(0));
        is_done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("the views are always whole") > 0);
        }
        assert!(rebuilt);
    });
    env.audits_clean();
}

/// A rebuild that is killed leaves the old views in force, and the next one clears up behind it.
#[test]
fn a_killed_rebuild_changes_nothing() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let expected = counts(&env.views()).unwrap();
    let databases = || {
        let entries = std::fs::read_dir(env.ledger().join("views.d")).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".sqlite")).collect::<Vec<_>>()
    };
    for _ in 0..4 {
        let before = databases();
        let mut child = env.command(["rebuild-views"]).stdout(Stdio::null()).spawn().unwrap();
        wait_for("the new database", || {
            let ended = child.try_wait().unwrap().is_some();
            (ended || databases().iter().any(|name| !before.contains(name))).then_some(())
        });
        child.kill().ok();
        child.wait().unwrap();
        assert_eq!(counts(&env.views()).unwrap(), expected);
        env.digest();
    }
    for _ in 0..2 {
        env.ok(["rebuild-views", "--quiet"]);
    }
    assert!(databases().len() <= 2, "{:?}", databases());
    env.audits_clean();
}

/// Rows and cursor change together: a reader never sees one without the other.
#[test]
fn a_reader_beside_an_append_sees_rows_and_cursor_of_one_moment() {
    let env = TestEnvironment::with_session(1);
    let path = env.ledger().join("views.sqlite");
    let is_done = AtomicBool::new(false);
    let sql = "SELECT (SELECT cursor FROM meta), (SELECT max(seq) FROM events),
        (SELECT count(*) FROM events), (SELECT lines FROM streams), (SELECT count(*) FROM prompts)";
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let db = open_views(&path).unwrap();
            db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
            let mut cursors = 0;
            let mut last = 0;
            while !is_done.load(Ordering::Relaxed) {
                let row: [i64; 5] =
                    db.query_row(sql, [], |row| {
                        Ok([0, 1, 2, 3, 4].map(|index| row.get_unwrap(index)))
                    })
                    .unwrap();
                let [cursor, newest, events, lines, prompts] = row;
                assert_eq!((newest + 1, lines, prompts), (cursor, events, events - 1), "{row:?}");
                cursors += u32::from(cursor != last);
                last = cursor;
            }
            cursors
        });
        for step in 0..12usize {
            env.extend(&env.rollout(1), &prompt_line("again").repeat(step + 1));
            env.append(&[]);
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("the views are of one moment") > 0);
    });
}

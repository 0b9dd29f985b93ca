//! Readers beside a rebuild: the old views or the new ones, never a mixture, never nothing.

use crate::cli_support::{TestEnvironment, open_views};
use std::collections::BTreeMap;
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

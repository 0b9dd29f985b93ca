//! Views that somebody has changed: an audit names it, and what can be seen at once is not read.

use crate::cli_support::{TestEnvironment, copy_tree, prompt_line, session};
use codex_ledger_search::{Basis, Doc, Shard, Source};
use rusqlite::Connection;
use std::fs;
use std::path::PathBuf;

fn database(env: &TestEnvironment) -> PathBuf {
    fs::canonicalize(env.ledger().join("views.sqlite")).unwrap()
}

fn change(env: &TestEnvironment, sql: &str) {
    let db = Connection::open(database(env)).unwrap();
    db.execute_batch(sql).unwrap();
    db.close().unwrap();
}

/// Two sessions, one of them with a plan; and the search index.
fn ledger() -> TestEnvironment {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    env.json(["search", "the"]);
    env.audits_clean();
    env
}

/// What the audit says of the views.
fn finding(env: &TestEnvironment) -> (String, String) {
    let said = env.run(["audit", "--json"]).expect(1).json();
    let findings = said["findings"].as_array().unwrap();
    let of_views: Vec<_> = findings.iter().filter(|finding| finding["kind"] == "views").collect();
    assert!(!of_views.is_empty(), "{said}");
    let text = |field: &str| of_views[0][field].as_str().unwrap().to_string();
    (text("file"), text("detail"))
}

#[test]
fn every_change_is_a_finding() {
    let env = ledger();
    let path = database(&env);
    let sound = fs::read(&path).unwrap();
    let row_of_nobody = "CREATE TEMP TABLE t AS SELECT * FROM token_messages LIMIT 1;
        UPDATE t SET stream = 99999; INSERT INTO token_messages SELECT * FROM t;";
    let changes: [(&str, &str, bool); 12] = [
        ("a row", "UPDATE prompts SET text = 'forged'", true),
        (
            "a row, behind",
            "UPDATE prompts SET text = 'x'; UPDATE meta SET cursor = cursor - 1",
            true,
        ),
        (
            "a row, ahead",
            "UPDATE prompts SET text = 'x'; UPDATE meta SET cursor = cursor + 1",
            false,
        ),
        ("another head", "UPDATE meta SET head = printf('%064d', 7)", false),
        ("another ledger", "UPDATE meta SET ledger = printf('%032d', 7)", false),
        ("rows of a stream that does not exist", row_of_nobody, true),
        ("an index gone", "DROP INDEX streams_by_name", false),
        ("a table more", "CREATE TABLE mine (x)", false),
        ("a trigger", "CREATE TRIGGER t AFTER INSERT ON prompts BEGIN SELECT 1; END", false),
        ("what is remembered", "DELETE FROM fold_states WHERE stream % 2 = 0", true),
        ("what is remembered, damaged", "UPDATE fold_states SET state = zeroblob(9)", true),
        ("nothing cleared", "UPDATE meta SET uncleared = 1", true),
    ];
    for (what, sql, is_read) in changes {
        change(&env, sql);
        if what != "nothing cleared" {
            let (file, detail) = finding(&env);
            assert!(file.ends_with("views.sqlite"), "{what}: {file}: {detail}");
        }
        match is_read {
            true => drop(env.run(["sessions"]).expect(0)),
            false => drop(env.run(["sessions"]).refused(&["views.sqlite"])),
        }
        fs::write(&path, &sound).unwrap();
        env.audits_clean();
    }
}

/// An index that no longer says what its table says, with the schema as it was.
#[test]
fn an_index_that_lies_is_a_finding() {
    let env = ledger();
    change(
        &env,
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX streams_by_name ON streams (thread)'
             WHERE name = 'streams_by_name';",
    );
    change(&env, "REINDEX streams_by_name");
    change(
        &env,
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX streams_by_name ON streams (name)'
             WHERE name = 'streams_by_name';",
    );
    finding(&env);
}

#[test]
fn shards_are_compared_with_the_views() {
    let env = ledger();
    let shards: Vec<PathBuf> = fs::read_dir(env.ledger().join("views.d"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && path.display().to_string().contains("-search"))
        .collect();
    let streams = |path: &PathBuf| Shard::open(path).unwrap().basis().streams.clone();
    let shard = shards.iter().find(|path| !streams(path).is_empty()).unwrap();
    let stream = *streams(shard).keys().next().unwrap();
    let sound = env.work().join("sound");
    copy_tree(shard, &sound);
    let doc = |source, line| Doc {
        source,
        stream,
        place: [line, 0, 0],
        at_ms: None,
        tool: None,
        exit_code: None,
        text: "x",
    };
    type Forgery<'a> = &'a dyn Fn(&mut Basis, &mut Vec<Doc<'static>>) -> bool;
    let forgeries: [(&str, Forgery<'_>); 4] = [
        ("texts gone", &|_, _| true),
        ("another text", &|_, docs| {
            docs.push(doc(Source::Prompt, 1));
            false
        }),
        ("other texts", &|_, docs| {
            docs.push(doc(Source::Output, 3));
            true
        }),
        ("of another ledger", &|basis, _| {
            basis.ledger = "other".into();
            false
        }),
    ];
    for (what, forge) in forgeries {
        let (mut basis, mut docs) = (Shard::open(shard).unwrap().basis().clone(), Vec::new());
        let is_emptied = forge(&mut basis, &mut docs);
        Shard::grow(shard, basis, |writer| {
            if is_emptied {
                writer.remove(stream);
            }
            docs.iter().try_for_each(|doc| writer.add(doc))
        })
        .unwrap();
        let (file, detail) = finding(&env);
        assert_eq!(PathBuf::from(file), *shard, "{what}: {detail}");
        fs::remove_dir_all(shard).unwrap();
        copy_tree(&sound, shard);
        env.audits_clean();
    }
    // Damage that no time of a file tells of.
    let mut files = fs::read_dir(shard).unwrap().flatten().map(|file| file.path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == "idx")).unwrap();
    let (mut bytes, at) =
        (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    bytes[0] ^= 1;
    fs::write(&file, &bytes).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
    assert_eq!(PathBuf::from(finding(&env).0), *shard);
    fs::remove_dir_all(shard).unwrap();
    copy_tree(&sound, shard);
    env.audits_clean();
    // What grew since is brought up to date by the next search, and is no finding.
    env.write(&env.rollout(77), &session(77, 2));
    env.append(&[]);
    env.audits_clean();
}

/// Rows that do not fit what is to be written make the views be built anew.
#[test]
fn an_append_does_not_build_on_changed_rows() {
    let env = ledger();
    let grown = env.rollout(77);
    env.write(&grown, &session(77, 2));
    env.append(&[]);
    for sql in [
        "UPDATE meta SET cursor = cursor - 1",
        "DELETE FROM fold_states",
        "DELETE FROM streams WHERE stream = (SELECT max(stream) FROM streams)",
        "DROP INDEX streams_by_name",
    ] {
        change(&env, sql);
        env.extend(&grown, &prompt_line("and then?"));
        env.append(&[]);
        env.audits_clean();
    }
}

/// A ledger that has fewer entries than its views have applied has lost some: nobody writes to it.
#[test]
fn views_are_witnesses_of_what_the_ledger_had() {
    let env = ledger();
    change(&env, "UPDATE meta SET cursor = cursor + 5");
    env.write(&env.rollout(77), &session(77, 2));
    let codex = env.codex().display().to_string();
    env.run(["append", &codex]).refused(&["more than the ledger has", "audit"]);
    env.run(["redact", "--literal", "word", "--reason", "r"])
        .refused(&["more than the ledger has"]);
}

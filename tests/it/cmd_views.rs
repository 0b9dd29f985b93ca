//! The views: what they say depends on the bytes alone, and they can be opened at any time.

mod arrival;
mod forged;
mod growth;
mod swap;

use crate::cli_support::{TestEnvironment, prompt_line, session, sources_below, thread};
use std::fs;

#[test]
fn they_match_a_rebuild_after_every_append() {
    let env = TestEnvironment::with_fixture();
    for step in 0..7 {
        env.append(&["--limit", "3"]);
        env.digest();
        assert_eq!(env.json(["status"])["outdated"], serde_json::Value::Null, "step {step}");
    }
    let sources = sources_below(&env.codex());
    let grown = &sources[5].path;
    env.extend(grown, &prompt_line("and then?"));
    env.append(&[]);
    env.digest();
    env.extend(grown, b"{\"type\":\"event_msg\",\"payl");
    env.settle(grown);
    env.append(&[]);
    env.digest();
    env.extend(grown, b"oad\":{}}\n");
    env.append(&[]);
    env.digest();
    let rewritten: Vec<u8> = sources[6].bytes[100..].to_vec();
    env.write(&sources[6].path, &rewritten);
    env.append(&[]);
    env.digest();
    env.write(&sources[6].path, &sources[6].bytes);
    env.append(&[]);
    env.digest();
    env.audits_clean();
}

#[test]
fn a_rebuild_says_what_the_live_views_say() {
    let env = TestEnvironment::with_fixture();
    let done = env.append(&[]);
    let checked = env.json(["rebuild-views", "--check"]);
    let rebuilt = env.json(["rebuild-views"]);
    for field in ["digest", "tables", "entries", "matches_live"] {
        assert_eq!(checked[field], rebuilt[field], "{field}");
    }
    assert_eq!(rebuilt["entries"], done["head"]["size"]);
    let tables = rebuilt["tables"].as_object().unwrap();
    for name in ["sessions", "prompts", "messages", "token_messages", "function_calls", "events"] {
        let rows = env.count(&format!("SELECT count(*) FROM {name}"));
        assert_eq!(tables[name]["rows"], rows, "{name}");
        assert!(rows > 0, "{name}");
    }
    let text = env.ok(["rebuild-views", "--check"]);
    assert!(text.text().starts_with("the live views match"), "{}", text.text());
}

#[test]
fn a_changed_row_is_found_and_replaced() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let digest = env.digest();
    let path = fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let change = |sql: &str| {
        let db = rusqlite::Connection::open(&path).unwrap();
        assert_ne!(db.execute(sql, []).unwrap(), 0, "{sql}");
    };
    for sql in [
        "UPDATE prompts SET text = text || '.' WHERE number = 1",
        "DELETE FROM events WHERE line = 3",
        "UPDATE actions SET actor = 'somebody else'",
        "UPDATE files SET path = '/elsewhere'",
        "UPDATE streams SET lines = lines + 1",
    ] {
        let before = fs::read(&path).unwrap();
        change(sql);
        let checked = env.run(["rebuild-views", "--check", "--json"]).expect(1).json();
        assert_eq!(checked["matches_live"], false, "{sql}");
        assert_eq!(checked["digest"], digest, "the digest is that of the entries");
        let audit = env.run(["audit", "--json"]).expect(1).json();
        assert_eq!((&audit["ok"], &audit["views"]["matches"]), (&false.into(), &false.into()));
        fs::write(&path, before).unwrap();
    }
    change("UPDATE prompts SET text = 'x'");
    assert_eq!(env.json(["rebuild-views"])["digest"], digest.as_str());
    env.audits_clean();
}

#[test]
fn the_order_of_roots_changes_nothing() {
    let sources = sources_below(&crate::cli_support::fixture_home());
    let mut digests = Vec::new();
    let env = TestEnvironment::with_fixture();
    let roots: Vec<_> = sources.iter().map(|source| env.codex().join(&source.relative)).collect();
    let count = roots.len();
    let forwards: Vec<usize> = (0..count).collect();
    let backwards: Vec<usize> = forwards.iter().rev().copied().collect();
    let mixed: Vec<usize> = (0..count).map(|index| index * 7 % count).collect();
    for order in [forwards, backwards, mixed] {
        fs::remove_dir_all(env.ledger()).ok();
        // One by one: the order of the entries is that of the roots.
        for index in &order {
            env.append_roots(&[roots[*index].clone()], &[]);
        }
        digests.push(env.digest());
    }
    for order in [roots.clone(), roots.into_iter().rev().collect(), vec![env.codex()]] {
        fs::remove_dir_all(env.ledger()).unwrap();
        env.append_roots(&order, &[]);
        digests.push(env.digest());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
fn other_options_rebuild_by_themselves() {
    let env = TestEnvironment::with_fixture();
    let config = env.path("user/config.toml");
    let set = |raw: bool| env.write(&config, format!("[views]\nraw_json = {raw}\n").as_bytes());
    env.append(&[]);
    let digest = env.digest();
    let raw = || env.count("SELECT count(*) FROM raw_records");
    assert_eq!(raw(), 0);
    set(true);
    assert_eq!(env.json(["status"])["outdated"], "the options have changed");
    env.run(["sessions"]).refused(&["the options have changed", "migrate"]);
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["appended"], 0, "nothing is new, and yet the views are");
    let lines = env.count("SELECT count(*) FROM (SELECT DISTINCT stream, line FROM events)");
    assert_eq!(raw(), lines, "one for each line");
    assert_eq!(env.digest(), digest, "what was said is the same");
    let text: String = env
        .views()
        .query_row("SELECT raw FROM raw_records WHERE raw LIKE '%session_meta%'", [], |r| r.get(0))
        .unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    set(false);
    env.json(["migrate"]);
    assert_eq!(raw(), 0);
    env.digest();
}

#[test]
fn views_of_another_version_are_rebuilt_and_it_is_said() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let expected = env.digest();
    let live = || fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let age = || {
        let db = rusqlite::Connection::open(live()).unwrap();
        db.execute("UPDATE meta SET digest = 'older', software = 'codex-ledger 0.0.1'", [])
            .unwrap();
        db.execute("DELETE FROM prompts", []).unwrap();
    };
    age();
    let aged = live();
    assert_eq!(env.json(["status"])["outdated"], "the projections have changed");
    for command in ["sessions", "show", "group"] {
        env.run([command]).refused(&["the projections have changed", "codex-ledger migrate"]);
    }
    let dry = env.json(["migrate", "--dry-run"]);
    assert_eq!(
        (&dry["needed"], &dry["done"]),
        (&"the projections have changed: the views are rebuilt".into(), &false.into())
    );
    assert_eq!(live(), aged, "a dry run leaves the old views");
    let text = env.ok(["migrate"]);
    assert!(text.text().contains("the projections have changed"), "{}", text.text());
    assert_ne!(live(), aged);
    assert_eq!(env.digest(), expected);
    let again = env.json(["migrate"]);
    assert_eq!((&again["needed"], &again["done"]), (&serde_json::Value::Null, &false.into()));

    age();
    let aged = live();
    assert_eq!(env.append(&[])["bytes"]["appended"], 0);
    assert_ne!(live(), aged, "the next append rebuilds too");
    assert_eq!(env.digest(), expected);
}

#[test]
fn views_that_are_no_database_or_of_another_ledger_are_made_anew() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let expected = env.digest();
    let live = || fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    fs::write(live(), b"no database").unwrap();
    assert!(env.json(["status"])["outdated"].is_string());
    env.append(&[]);
    assert_eq!(env.digest(), expected);
    let db = rusqlite::Connection::open(live()).unwrap();
    db.execute("UPDATE meta SET ledger = '00'", []).unwrap();
    drop(db);
    assert_eq!(env.json(["status"])["outdated"], "they belong to another ledger");
    env.append(&[]);
    assert_eq!(env.digest(), expected);
    fs::remove_file(env.ledger().join("views.sqlite")).unwrap();
    assert_eq!(env.json(["migrate"])["needed"], "there are no views yet; they are built");
    assert_eq!(env.digest(), expected);
}

/// Written by a program that is newer than this one: refused by everything, and left as it is.
#[test]
fn newer_views_are_refused_and_left_alone() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let path = fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(
        "UPDATE meta SET software = 'codex-ledger 99.0', digest = 'newer'; PRAGMA user_version = 99;",
    )
    .unwrap();
    db.close().unwrap();
    let before = fs::read(&path).unwrap();
    env.extend(&env.codex().join("history.jsonl"), b"{}\n");
    let codex = env.codex().display().to_string();
    let commands: [&[&str]; 9] = [
        &["status"],
        &["sessions"],
        &["show"],
        &["group"],
        &["migrate"],
        &["migrate", "--dry-run"],
        &["append", &codex],
        &["append", &codex],
        &["rebuild-views"],
    ];
    for command in commands {
        for more in [&[][..], &["--json"]] {
            let outcome = env.run(command.iter().chain(more));
            outcome.refused(&["written by codex-ledger 99.0", "000001.sqlite"]);
        }
        assert!(fs::read(&path).unwrap() == before, "{command:?} changed the views");
        assert_eq!(fs::canonicalize(env.ledger().join("views.sqlite")).unwrap(), path);
    }
    let done = env.append(&["--no-views"]);
    assert_eq!(done["bytes"]["appended"], 0, "the ledger has what came in meanwhile");
    assert!(env.json(["audit", "--no-views"])["ok"].as_bool().unwrap());
    fs::remove_file(env.ledger().join("views.sqlite")).unwrap();
    env.ok(["rebuild-views"]);
    env.audits_clean();
}

#[test]
fn a_configured_place_of_the_views_is_used() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 3));
    env.write(&env.path("user/config.toml"), b"[ingest]\ndb_path = 'out/mine.sqlite'\n");
    fs::create_dir(env.path("out")).unwrap();
    env.append(&[]);
    assert!(!env.ledger().join("views.sqlite").exists());
    let path = env.path("out/mine.sqlite");
    let db = crate::cli_support::open_views(&path).unwrap();
    let prompts: i64 = db.query_row("SELECT count(*) FROM prompts", [], |row| row.get(0)).unwrap();
    assert_eq!(prompts, 3);
    assert_eq!(env.raw(&thread(1), &[]), session(1, 3));
    env.digest();
}

/// A file that something else made is never replaced, and a folder beside it is never emptied.
#[test]
fn files_of_others_are_left_alone() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    env.write(&env.path("user/config.toml"), b"[ingest]\ndb_path = 'mine.sqlite'\n");
    let (mine, folder) = (env.path("mine.sqlite"), env.path("mine.d"));
    let db = rusqlite::Connection::open(&mine).unwrap();
    db.execute_batch("CREATE TABLE precious (x); INSERT INTO precious VALUES (1);").unwrap();
    db.close().unwrap();
    env.write(&folder.join("notes.txt"), b"precious");
    let before = fs::read(&mine).unwrap();
    let codex = env.codex().display().to_string();
    for command in [&["append", &codex][..], &["rebuild-views"], &["migrate"]] {
        env.run(command.iter()).refused(&["mine.sqlite", "did not make", "ingest.db_path"]);
        assert!(fs::read(&mine).unwrap() == before, "{command:?}");
    }
    fs::remove_file(&mine).unwrap();
    for _ in 0..3 {
        env.ok(["rebuild-views", "--quiet"]);
    }
    assert_eq!(fs::read(folder.join("notes.txt")).unwrap(), b"precious");
    env.audits_clean();
}

#[test]
fn junk_in_the_folder_of_the_views_is_a_finding() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for name in ["junk", "junk.sqlite", "000001.sqlite-old"] {
        let path = env.ledger().join("views.d").join(name);
        env.write(&path, b"junk");
        let done = env.run(["audit"]).expect(1);
        assert!(done.text().contains(name), "{name}: {}", done.text());
        fs::remove_file(path).unwrap();
    }
    env.audits_clean();
}

/// Of a page that was cut, SQLite reads the rest as zeros and says nothing: nobody may be shown that.
#[test]
fn views_that_were_cut_by_a_byte_are_not_read() {
    let env = TestEnvironment::with_session(3);
    let expected = env.digest();
    let path = fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let whole = fs::metadata(&path).unwrap().len();
    let cut = fs::File::options().write(true).open(&path).unwrap();
    cut.set_len(whole - 1).unwrap();
    for args in [&["sessions"][..], &["report"], &["search", "water"]] {
        env.run(args).refused(&["was cut", "codex-ledger migrate"]);
    }
    let audit = env.run(["audit", "--json"]).expect(1).json();
    assert_eq!(audit["findings"][0]["kind"], "views", "{audit}");
    env.append(&[]);
    env.audits_clean();
    assert_eq!(env.digest(), expected);
}

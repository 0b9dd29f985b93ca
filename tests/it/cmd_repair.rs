//! `repair`: a damaged ledger is replaced by what verifies of it, and nothing that was hidden shows.

use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use crate::support::evidence::frame_bounds;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn journal(env: &TestEnvironment) -> PathBuf {
    let mut found = fs::read_dir(env.ledger().join("journal")).unwrap();
    let path = found.next().expect("a journal").unwrap().path();
    assert!(found.next().is_none(), "one journal");
    path
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn redact(env: &TestEnvironment, args: &[&str]) -> u64 {
    let done = env.json(["redact"].iter().chain(args).chain(&["--reason", "a test"]));
    done["redaction"]["seq"].as_u64().expect("a seq")
}

fn undo(env: &TestEnvironment, seq: u64) -> u64 {
    let done = env.json(["redact", "undo", &seq.to_string(), "--reason", "a test"]);
    done["revocation"]["seq"].as_u64().expect("a seq")
}

fn append(env: &TestEnvironment, number: u64, words: &str) {
    env.write(&env.rollout(number), &[session(number, 1), prompt_line(words)].concat());
    env.append(&[]);
}

fn report(env: &TestEnvironment) -> String {
    env.ok(["report", "--mode", "full", "--format", "json"]).text().to_string()
}

/// Decisions before and behind a damaged frame of the journal.
struct Scene {
    env: TestEnvironment,
    /// One past the last entry that can be kept.
    kept: u64,
    size: u64,
    literal: u64,
    entry: u64,
    again: u64,
}

fn damaged() -> Scene {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    let first = redact(&env, &["--literal", "osprey"]);
    let shown = undo(&env, first);
    let at = fs::metadata(journal(&env)).unwrap().len() as usize;
    let kept = env.json(["status"])["head"]["size"].as_u64().unwrap();
    env.json(["tag", "add", "lost", &thread(1)]);
    let again = undo(&env, shown);
    append(&env, 2, "a heron and a kestrel at dawn");
    let literal = redact(&env, &["--literal", "heron"]);
    let line = env.count("SELECT seq FROM prompts WHERE text LIKE '%kestrel%'");
    let entry = redact(&env, &["--entry", &line.to_string()]);
    let size = env.json(["status"])["head"]["size"].as_u64().unwrap();
    for word in ["osprey", "heron", "kestrel"] {
        assert!(!report(&env).contains(word), "{word} is hidden");
    }
    flip(&journal(&env), at + 100);
    Scene { env, kept, size, literal, entry, again }
}

#[test]
fn a_repair_without_a_reason_says_what_is_lost_and_changes_nothing() {
    let Scene { env, kept, size, .. } = damaged();
    env.run(["audit"]).expect(1);
    env.run(["tag", "add", "refused", &thread(1)]).refused(&["journal", "audit"]);
    let before = fs::read(journal(&env)).unwrap();
    let said = env.run(["repair", "--json"]).expect(1).json();
    assert_eq!((&said["needed"], &said["replaced"]), (&json!(true), &json!(false)), "{said}");
    assert_eq!((&said["lost"]["from"], &said["lost"]["to"]), (&json!(kept), &json!(size)));
    assert_eq!(said["before"]["size"], size);
    assert_eq!(said["kept"]["size"], kept);
    assert_eq!(said["lost"]["kinds"]["redaction"], 2, "{said}");
    assert_eq!(said["lost"]["unreadable"], 1, "the tag: {said}");
    let text = env.run(["repair"]).expect(1);
    assert!(text.text().contains("--reason"), "{}", text.text());
    assert_eq!(fs::read(journal(&env)).unwrap(), before);
    env.run(["audit"]).expect(1);
}

#[test]
fn a_repair_hides_again_what_was_hidden_behind_the_gap() {
    let Scene { env, kept, size, literal, entry, again } = damaged();
    let said = env.json(["repair", "--reason", "a bad disk"]);
    assert_eq!(said["replaced"], true, "{said}");
    let carried = |was: u64, kind: &str, widened: bool| {
        let expected = json!({"was": was, "kind": kind, "widened": widened});
        assert!(said["carried"].as_array().unwrap().contains(&expected), "{expected}: {said}");
    };
    carried(literal, "redaction", false);
    carried(entry, "redaction", true);
    carried(again, "revocation", false);
    assert_eq!(said["not_carried"], json!([]));
    assert_eq!(said["views_error"], Value::Null);
    let damaged = PathBuf::from(said["damaged"].as_str().unwrap());
    assert!(damaged.join("journal").is_dir(), "the damaged ledger is kept");
    for views in ["views.sqlite", "views.d"] {
        assert!(!damaged.join(views).exists(), "they may hold what was being hidden");
    }
    env.audits_clean();

    // The lines come back under other numbers.
    env.append(&[]);
    let report = report(&env);
    for word in ["osprey", "heron", "kestrel"] {
        assert!(!report.contains(word), "{word} shows again");
    }
    env.audits_clean();
    let action = env.ok(["show", "--raw", "--entry", &kept.to_string()]);
    let action = String::from_utf8_lossy(&action.stdout).into_owned();
    for word in ["repair", "tester", "a bad disk", &kept.to_string(), &size.to_string()] {
        assert!(action.contains(word), "{word} is missing in {action}");
    }
    let nothing = env.json(["repair"]);
    assert_eq!(
        (&nothing["needed"], &nothing["lost"]["to"]),
        (&json!(false), &nothing["lost"]["from"])
    );
}

#[test]
fn a_repair_waits_for_whoever_writes() {
    let Scene { env, .. } = damaged();
    let held = env.hold_lock();
    let repair = ["repair", "--reason", "a bad disk"];
    env.run(repair.iter().chain(&["--wait", "0"])).refused(&["held by", "--wait"]);
    let mut command = env.command(repair);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = said.next().expect("it says that it waits").unwrap();
    assert!(line.contains("waiting for `a test`"), "{line}");
    drop(held);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    env.audits_clean();
}

/// A redaction whose own entry is lost is known from what is cached of it.
#[test]
fn a_repair_hides_what_only_the_cache_knows_of() {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    env.json(["tag", "add", "kept", &thread(1)]);
    let at = fs::metadata(journal(&env)).unwrap().len() as usize;
    let was = redact(&env, &["--literal", "osprey"]);
    flip(&journal(&env), at + 100);
    let said = env.json(["repair", "--reason", "a bad disk"]);
    assert_eq!(said["carried"], json!([{"was": was, "kind": "redaction", "widened": false}]));
    assert!(!report(&env).contains("osprey"));
    env.audits_clean();
}

#[test]
fn a_ledger_that_is_sound_is_not_replaced() {
    let env = TestEnvironment::new();
    env.run(["repair"]).refused(&["no ledger"]);
    append(&env, 1, "the osprey dives at noon");
    flip(&env.ledger().join("HEAD"), 100);
    let said = env.json(["repair", "--reason", "to be sure"]);
    assert_eq!((&said["needed"], &said["replaced"]), (&json!(false), &json!(false)));
    assert!(!env.ledger().with_file_name("ledger.damaged").exists());
    append(&env, 2, "a heron at dawn");
    env.audits_clean();
}

#[test]
fn an_append_with_nothing_to_do_notices_a_lost_journal() {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    env.json(["tag", "add", "kept", &thread(1)]);
    env.append(&[]);
    let journal = journal(&env);
    let bytes = fs::read(&journal).unwrap();
    let codex = env.codex();
    let append = || env.run(["append", codex.to_str().unwrap()]);
    fs::remove_file(&journal).unwrap();
    append().refused(&["journal"]);
    fs::write(&journal, &bytes[..bytes.len() - 1]).unwrap();
    append().refused(&["journal"]);
    fs::write(&journal, &bytes).unwrap();
    append().expect(0);
}

/// The volume is whole: that no copy of it can be made says nothing of its entries.
#[test]
fn what_cannot_be_copied_now_is_not_lost() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let store = env.ledger().join("store");
    let extents =
        |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".extents");
    for entry in std::fs::read_dir(&store).unwrap().map(Result::unwrap).filter(extents) {
        std::fs::remove_file(entry.path()).unwrap();
    }
    for args in [&["repair"][..], &["repair", "--reason", "x"], &["audit", "--no-views"]] {
        let mut command = env.command(args);
        let done = command.env("TMPDIR", env.path("nowhere")).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("no copy") && said.contains("TMPDIR"), "{args:?}: {said}");
    }
    assert!(!env.path("ledger.damaged").exists());
    env.ok(["audit"]);
}

/// A killed reader leaves the copy that it read; it holds what the ledger holds.
#[test]
fn copies_that_killed_programs_left_go_with_the_next_command() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let (left, used) =
        (env.path("tmp/codex-ledger-copy-left"), env.path("tmp/codex-ledger-copy-used"));
    for folder in [&left, &used] {
        env.write(&folder.join("in-use"), b"");
        env.write(&folder.join("volume/db"), b"words");
    }
    let lock = std::fs::File::open(used.join("in-use")).unwrap();
    lock.try_lock().unwrap();
    let done = env.command(["sessions"]).env("TMPDIR", env.path("tmp")).output().unwrap();
    assert!(done.status.success());
    assert!(!left.exists() && used.join("volume/db").exists());
}

/// Where the log does not hold, the first entry is named that is not the one which the views were made of.
#[test]
fn a_damaged_log_is_held_against_what_the_views_remember() {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    append(&env, 2, "the heron waits");
    // The last volume.
    let mut volumes: Vec<PathBuf> = fs::read_dir(env.ledger().join("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("db"))
        .filter(|path| path.is_file())
        .collect();
    volumes.sort();
    let volume = volumes.pop().expect("a settled volume");
    let middle = fs::metadata(&volume).unwrap().len() as usize / 2;
    let remembered = |audit: &Value| -> Vec<i64> {
        let findings = audit["findings"].as_array().unwrap().iter();
        let of_views =
            findings.filter(|one| one["detail"].as_str().unwrap().contains("views were made of"));
        of_views.map(|one| one["seq"].as_i64().unwrap()).collect()
    };
    let audited = || remembered(&env.run(["audit", "--json"]).json());
    // Views that say something else of a sound log are views that say something else.
    let db = rusqlite::Connection::open(env.ledger().join("views.sqlite")).unwrap();
    let seq: i64 = db
        .query_row("SELECT seq FROM events WHERE line = 2 ORDER BY seq LIMIT 1", [], |row| {
            row.get(0)
        })
        .unwrap();
    flip(&volume, middle);
    assert_eq!(audited(), [] as [i64; 0], "all that can be read is what the views know");
    db.execute("UPDATE events SET offset = offset + 1 WHERE seq = ?", [seq]).unwrap();
    assert_eq!(audited(), [seq]);
    flip(&volume, middle);
    assert_eq!(audited(), [] as [i64; 0], "the log is sound: the views are not");
}

fn copied(env: &TestEnvironment, name: &str) -> PathBuf {
    let copy = env.path(name);
    crate::cli_support::copy_tree(&env.ledger(), &copy);
    copy
}

/// What a copy still has is taken from there: nothing is lost, and every entry is the same.
#[test]
fn a_copy_gives_what_is_damaged_here() {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    append(&env, 2, "a heron at dawn");
    let raw = env.raw(&thread(2), &[]);
    let head = env.json(["status"])["head"].clone();
    let copy = copied(&env, "copy").display().to_string();
    for damaged in ["journal", "store"] {
        fs::remove_dir_all(env.ledger().join(damaged)).unwrap();
        fs::create_dir(env.ledger().join(damaged)).unwrap();
    }
    let said = env.run(["repair", "--from", &copy, "--json"]).expect(1).json();
    assert_eq!(said["lost"]["from"], said["lost"]["to"], "{said}");
    assert!(said["restored"].as_u64() > Some(5), "{said}");
    let done = env.json(["repair", "--from", &copy, "--reason", "a bad disk"]);
    assert_eq!(done["kept"], head, "{done}");
    assert_eq!(env.raw(&thread(2), &[]), raw);
    env.audits_clean();
    // Another ledger is none.
    let other = TestEnvironment::with_session(1).ledger().display().to_string();
    env.run(["repair", "--from", &other]).refused(&["ledger"]);
}

/// A copy of before an erasure has what was erased, and does not give it back.
#[test]
fn a_copy_brings_nothing_back_that_was_erased() {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    append(&env, 2, "a heron at dawn");
    let copy = copied(&env, "copy").display().to_string();
    env.json(["erase", "--literal", "osprey", "--reason", "asked for"]);
    append(&env, 3, "a kestrel");
    let head = env.json(["status"])["head"].clone();
    let store = env.ledger().join("store");
    let volume = fs::read_dir(&store).unwrap().map(|of| of.unwrap().path()).find(|of| of.is_dir());
    fs::remove_dir_all(volume.unwrap()).unwrap();
    let done = env.json(["repair", "--from", &copy, "--reason", "a bad disk"]);
    assert_eq!(done["kept"], head, "{done}");
    assert_eq!(env.json(["audit"])["bodies"]["erased"], 1);
    env.audits_clean();
    let finder = aho_corasick::AhoCorasick::new(["osprey"]).unwrap();
    let files = walkdir::WalkDir::new(env.ledger()).into_iter().map(|of| of.unwrap().into_path());
    let holds = |path: &PathBuf| path.is_file() && finder.is_match(&fs::read(path).unwrap());
    assert_eq!(files.filter(holds).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// An erasure whose end is lost is ended again: what is gone was erased, and nothing says that it is under way.
#[test]
fn an_erasure_whose_end_is_damaged_is_ended_anew() {
    let env = TestEnvironment::new();
    append(&env, 1, "the osprey dives at noon");
    append(&env, 2, "a heron at dawn");
    env.json(["erase", "--literal", "osprey", "--reason", "asked for"]);
    let bounds = frame_bounds(&fs::read(journal(&env)).unwrap());
    flip(&journal(&env), bounds[bounds.len() - 3] + 100);
    env.run(["audit"]).expect(1);
    env.json(["repair", "--reason", "a bad disk"]);
    assert_eq!(env.json(["audit"])["bodies"]["erased"], 1);
    env.audits_clean();
    append(&env, 3, "a kestrel");
    env.audits_clean();
}

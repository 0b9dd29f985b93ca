//! Ledgers that earlier versions of the program have made (`fixtures/ledgers`): opened, verified, rebuilt and grown by this one.

use crate::cli_support::{TestEnvironment, copy_tree, session, thread};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn frozen() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ledgers");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut ledgers: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    ledgers.sort();
    ledgers
}

/// A copy of a frozen ledger, and what is known of it.
fn opened(ledger: &Path) -> (TestEnvironment, Value) {
    let env = TestEnvironment::new();
    copy_tree(ledger, &env.ledger());
    // A clone has what everybody may read.
    for entry in walkdir::WalkDir::new(env.ledger()).into_iter().map(|entry| entry.unwrap()) {
        let mode = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
    }
    let expected = env.ledger().join("expected.json");
    let text = fs::read(&expected).unwrap();
    fs::remove_file(expected).unwrap();
    (env, serde_json::from_slice(&text).unwrap())
}

#[test]
fn there_is_one_of_every_version_of_the_format() {
    let formats = frozen().into_iter().map(|ledger| {
        let text = fs::read_to_string(ledger.join("FORMAT")).unwrap();
        text.lines().next().unwrap().rsplit(' ').next().unwrap().parse::<u32>().unwrap()
    });
    let mut formats: Vec<u32> = formats.collect();
    formats.sort_unstable();
    formats.dedup();
    assert_eq!(formats, [1, 2]);
}

#[test]
fn each_is_opened_verified_rebuilt_and_grown() {
    for ledger in frozen() {
        let name = ledger.display();
        let (env, expected) = opened(&ledger);
        // Whoever has only a copy to read must be able to, without a byte changing.
        let before = fs::read(env.ledger().join("HEAD")).unwrap();
        let audit = env.run(["audit", "--json"]).json();
        for field in ["size", "id", "root"] {
            assert_eq!(audit["head"][field], expected[field], "{name}: {field}");
        }
        assert_eq!(audit["bodies"]["erased"], expected["erased"], "{name}");
        let findings = audit["findings"].as_array().unwrap();
        let of_the_log = |finding: &&Value| finding["kind"] != "views";
        assert_eq!(findings.iter().find(of_the_log), None, "{name}");
        assert_eq!(fs::read(env.ledger().join("HEAD")).unwrap(), before, "{name}");
        env.json(["rebuild-views"]);
        env.audits_clean();
        let sessions = env.json(["sessions"]).as_array().unwrap().len();
        assert!(sessions > 10, "{name}: {sessions}");
        assert_eq!(env.json(["note", "list"]).as_array().map(Vec::is_empty), Some(false), "{name}");
        // Grown: a new session, a decision, an erasure.
        env.write(&env.rollout(1), &session(1, 2));
        env.append(&[]);
        env.json(["redact", "--literal", "high water", "--reason", "a test"]);
        env.json(["erase", "--session", &thread(1), "--reason", "a test"]);
        env.audits_clean();
        assert_eq!(env.json(["sessions"]).as_array().unwrap().len(), sessions, "{name}");
        // Its beginning is the one that was frozen.
        let checkpoint = ledger.join("checkpoint").display().to_string();
        let against = env.run(["audit", "--against", &checkpoint, "--json"]).json();
        assert_eq!(against["against"]["verdict"], "consistent", "{name}: {against}");
    }
}

/// A ledger of a format that is not known is refused with words, and nothing in it changes.
#[test]
fn a_newer_format_is_refused() {
    let (env, _) = opened(&frozen()[0]);
    let path = env.ledger().join("FORMAT");
    let text = fs::read_to_string(&path).unwrap().replacen("format 1", "format 3", 1);
    fs::write(&path, &text).unwrap();
    let head = fs::read(env.ledger().join("HEAD")).unwrap();
    env.write(&env.rollout(1), &session(1, 1));
    let codex = env.codex().display().to_string();
    for args in
        [&["append", &codex][..], &["erase", "--entry", "5", "--reason", "r"], &["sessions"]]
    {
        env.run(args).refused(&["format 3", "not known"]);
    }
    assert_eq!(fs::read(env.ledger().join("HEAD")).unwrap(), head);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

/// A bundle that an earlier version has handed out, with the key that went another way.
#[test]
fn a_bundle_of_before_still_proves_what_it_did() {
    let env = TestEnvironment::new();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles/form-2");
    let key = fs::read_to_string(bundle.join("key")).unwrap();
    let bundle = bundle.display().to_string();
    let proven = env.json(["audit", "verify", &bundle, "--signed-by", key.trim()]);
    assert_eq!(proven["bundle"]["bodies"]["erased"], 1, "{proven}");
    assert_eq!(proven["bundle"]["bodies"]["present"], 7, "{proven}");
}

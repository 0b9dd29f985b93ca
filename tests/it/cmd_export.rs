//! `export`: a verifier that shares no code with the program agrees, and sees every changed byte.

use crate::cli_support::{TestEnvironment, prompt_line, session, skip};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// `verify.py` on an export; `None`, said visibly, where there is no Python.
fn verify(test: &str, folder: &Path, more: &[&str]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/proof/verify.py");
    match Command::new("python3").arg(script).arg(folder).args(more).output() {
        Ok(output) => Some(output),
        Err(_) => {
            skip(test, "there is no python3");
            None
        }
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn exported(env: &TestEnvironment, name: &str) -> std::path::PathBuf {
    let path = env.path(name);
    let text = path.display().to_string();
    let done = env.json(["export", "-o", &text, "--reason", "a test"]);
    assert_eq!(done["entries"], env.json(["status"])["head"]["size"]);
    path
}

#[test]
fn the_verifier_computes_as_published() {
    let (test, option) = ("cmd_export::the_verifier_computes_as_published", "--self-test");
    let Some(done) = verify(test, Path::new(option), &[]) else { return };
    assert_eq!((said(&done).trim(), done.status.code()), ("ok: self-test", Some(0)));
}

#[test]
fn a_verifier_without_our_code_agrees() {
    let env = TestEnvironment::with_fixture();
    let older = env.append(&[])["head"].clone();
    env.extend(&env.codex().join("history.jsonl"), &prompt_line("more"));
    env.append(&[]);
    let folder = exported(&env, "exported");
    let head = env.json(["status"])["head"].clone();
    let stored: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("head.json")).unwrap()).unwrap();
    for field in ["size", "id", "root"] {
        assert_eq!(stored[field], head[field], "{field}");
    }
    let test = "a_verifier_without_our_code_agrees";
    let Some(output) = verify(test, &folder, &[]) else { return };
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let noted = |head: &serde_json::Value| {
        let of = |name: &str| head[name].as_str().unwrap().to_string();
        format!("{}:{}:{}", head["size"], of("id"), of("root"))
    };
    for head in [&head, &older] {
        let output = verify(test, &folder, &["--head", &noted(head)]).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let mut other = older.clone();
    other["id"] = "00".repeat(32).into();
    let output = verify(test, &folder, &["--head", &noted(&other)]).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    // What lies in the export is signed: the entries have to lead to it.
    let key = env.json(["audit", "key", "list"])["key"].as_str().unwrap().to_string();
    let signed = |key: &str| verify(test, &folder, &["--signed-by", key]).unwrap();
    let output = signed(&key);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("are signed by codex-ledger/"), "{}", said(&output));
    let stranger = TestEnvironment::with_session(1);
    let other = stranger.json(["audit", "checkpoint"]);
    assert_eq!(signed(other["public_key"].as_str().unwrap()).status.code(), Some(1));
    fs::write(folder.join("checkpoint"), other["checkpoint"].as_str().unwrap()).unwrap();
    assert_eq!(signed(&key).status.code(), Some(1));
    let output = signed(other["public_key"].as_str().unwrap());
    assert!(output.status.code() == Some(1) && said(&output).contains("another log"));
}

#[test]
fn a_flipped_byte_is_seen_wherever_it_is() {
    let env = TestEnvironment::with_session(3);
    let folder = exported(&env, "exported");
    let entries = folder.join("entries.cxl");
    let sound = fs::read(&entries).unwrap();
    let step = sound.len() / 24 + 1;
    for at in (0..sound.len()).step_by(step).chain([sound.len() - 1]) {
        let mut changed = sound.clone();
        changed[at] ^= 1;
        fs::write(&entries, changed).unwrap();
        let Some(output) = verify("a_flipped_byte_is_seen", &folder, &[]) else { return };
        assert!(matches!(output.status.code(), Some(1 | 2)), "byte {at}: {}", said(&output));
    }
    for len in [0, 20, sound.len() / 2, sound.len() - 1] {
        fs::write(&entries, &sound[..len]).unwrap();
        let output = verify("a_flipped_byte_is_seen", &folder, &[]).unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{len} bytes: {}", said(&output));
    }
    fs::write(&entries, &sound).unwrap();
    let output = verify("a_flipped_byte_is_seen", &folder, &[]).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn an_export_needs_a_ledger_and_a_place() {
    let env = TestEnvironment::new();
    let target = env.path("exported").display().to_string();
    env.run(["export", "-o", &target, "--reason", "a test"]).refused(&["ledger", "append"]);
    env.run(["export"]).refused(&["--output", "--reason"]);
    env.write(&env.rollout(1), &session(1, 1));
    env.append(&[]);
    let file = env.path("file");
    env.write(&file, b"x");
    let inside = file.join("exported").display().to_string();
    env.run(["export", "-o", &inside, "--reason", "a test"]).refused(&["file"]);
}

/// What stands there stays; what is written is whole, and for its owner only.
#[test]
fn an_export_replaces_nothing() {
    let env = TestEnvironment::with_session(1);
    let first = exported(&env, "exported");
    let before = fs::read(first.join("entries.cxl")).unwrap();
    env.extend(&env.rollout(1), &prompt_line("more"));
    env.append(&[]);
    let target = first.display().to_string();
    env.run(["export", "-o", &target, "--reason", "a test"])
        .refused(&["exported", "nothing is overwritten"]);
    assert_eq!(fs::read(first.join("entries.cxl")).unwrap(), before);
    let empty = env.path("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(env.path("file"), "mine").unwrap();
    let file = env.path("file").display().to_string();
    env.run(["export", "-o", &file, "--reason", "a test"])
        .refused(&["file", "nothing is overwritten"]);
    exported(&env, "empty");
    let names = |dir: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&empty), ["checkpoint", "entries.cxl", "head.json"]);
    let left = names(&env.path(""));
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&first), 0o700);
        for name in ["checkpoint", "entries.cxl", "head.json"] {
            assert_eq!(mode(&first.join(name)), 0o600, "{name}");
        }
    }
}

/// Raw bytes leave with a reason, and the entry that says so is among them.
#[test]
fn an_export_is_recorded_first_and_says_what_it_holds() {
    let env = TestEnvironment::with_session(1);
    let size = |env: &TestEnvironment| env.json(["status"])["head"]["size"].as_u64().unwrap();
    let before = size(&env);
    let target = env.path("exported").display().to_string();
    env.run(["export", "-o", &target, "--reason", " "]).refused(&["reason"]);
    assert_eq!((size(&env), env.path("exported").exists()), (before, false));
    let done = env.run(["export", "-o", &target, "--reason", "for the auditors"]);
    assert!(done.stderr.contains("nothing is hidden in it"), "{}", done.stderr);
    assert_eq!(size(&env), before + 1);
    let sql = "SELECT verb || ' ' || actor || ' ' || detail || ': ' || reason FROM actions ORDER BY seq DESC";
    let said: String = env.views().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(said, "export tester the whole ledger, raw: for the auditors");
    let bytes = fs::read(env.path("exported/entries.cxl")).unwrap();
    let reason = b"for the auditors";
    assert!(bytes.windows(reason.len()).any(|part| part == reason), "the entry is in it");
}

/// An export is the way out, and back: the ledger that comes of it is the same to the last byte of every entry.
#[test]
fn an_import_is_the_inverse_of_an_export() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    // A body that is stored in blocks, and one of several appends.
    let long = format!("{{\"type\":\"x\",\"text\":\"{}\"}}\n", "y".repeat(700_000));
    env.extend(&env.codex().join("history.jsonl"), &prompt_line("more"));
    env.extend(&env.codex().join("history.jsonl"), long.as_bytes());
    env.append(&[]);
    env.ok(["redact", "--literal", "tide", "--reason", "a test"]);
    let first = exported(&env, "exported");
    let digest = || env.json(["rebuild-views", "--check"])["digest"].clone();
    let (head, rows) = (env.json(["status"])["head"].clone(), digest());
    let kept = env.path("kept");
    fs::rename(env.ledger(), &kept).unwrap();
    let from = first.display().to_string();
    let done = env.json(["import", &from]);
    assert_eq!((&done["head"], &env.json(["status"])["head"]), (&head, &head));
    assert_eq!(digest(), rows);
    env.audits_clean();
    assert_eq!(env.append(&[])["entries"]["from"], env.append(&[])["entries"]["to"], "nothing new");
    env.run(["import", &from]).refused(&["there is a ledger"]);
    // A name alone lies in the folder that somebody is in.
    env.ok(["--ledger", "bare", "import", &from]);
    assert!(env.work().join("bare/HEAD").is_file());
    // What is exported again differs in nothing but the access that it adds.
    let again = exported(&env, "again");
    let (a, b) = (fs::read(first.join("entries.cxl")), fs::read(again.join("entries.cxl")));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(b.starts_with(&a) && b.len() > a.len());
}

#[test]
fn an_import_believes_nothing_that_does_not_verify() {
    let env = TestEnvironment::with_session(2);
    let folder = exported(&env, "exported");
    let kept = env.path("kept");
    fs::rename(env.ledger(), &kept).unwrap();
    let (entries, from) = (folder.join("entries.cxl"), folder.display().to_string());
    let sound = fs::read(&entries).unwrap();
    let refused = || {
        let done = env.run(["import", &from]);
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(!env.ledger().exists(), "nothing is left");
        let beside = fs::read_dir(env.path("")).unwrap().flatten();
        let names: Vec<_> =
            beside.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        assert!(!names.iter().any(|name| name.contains("importing")), "{names:?}");
    };
    let step = sound.len() / 60 + 1;
    for at in (0..sound.len()).step_by(step) {
        let mut changed = sound.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&entries, changed).unwrap();
        refused();
    }
    for len in [0, 5, 37, sound.len() / 2, sound.len() - 1] {
        fs::write(&entries, &sound[..len]).unwrap();
        refused();
    }
    fs::write(&entries, &sound).unwrap();
    let head = fs::read_to_string(folder.join("head.json")).unwrap();
    fs::write(folder.join("head.json"), head.replace("\"size\": ", "\"size\": 1")).unwrap();
    refused();
    fs::write(folder.join("head.json"), "{}").unwrap();
    refused();
    fs::write(folder.join("head.json"), head).unwrap();
    let checkpoint = fs::read(folder.join("checkpoint")).unwrap();
    fs::write(folder.join("checkpoint"), "nonsense").unwrap();
    refused();
    fs::write(folder.join("checkpoint"), checkpoint).unwrap();
    // What lies where an import works is somebody's.
    let mine = env.path("ledger.importing");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("mine"), "mine").unwrap();
    env.run(["import", &from]).refused(&["ledger.importing", "remove this folder"]);
    assert_eq!(fs::read_to_string(mine.join("mine")).unwrap(), "mine");
    fs::remove_dir_all(&mine).unwrap();
    env.ok(["import", &from]);
    env.audits_clean();
}

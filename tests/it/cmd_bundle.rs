//! `audit bundle`: evidence that two verifiers without common code believe, in which nothing hidden is, and no byte of
//! which may differ.

use crate::cli_support::{TestEnvironment, copy_tree, prompt_line, session, skip, thread};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Three sessions; a word of each prompt of the second one is hidden.
fn ledger() -> TestEnvironment {
    let env = TestEnvironment::new();
    for number in 1..=3 {
        env.write(&env.rollout(number), &session(number, 3));
    }
    env.append(&[]);
    env.ok(["tag", "add", "wet", &thread(1)]);
    env.ok(["redact", "--prompt", &format!("{}#2", thread(2)), "--reason", "private"]);
    env.append(&[]);
    env
}

fn bundle(env: &TestEnvironment, name: &str, more: &[&str]) -> (PathBuf, Value) {
    let path = env.path(name);
    let file = path.display().to_string();
    let args = ["audit", "bundle", "-o", &file, "--reason", "for the auditors", "--json"];
    let made = env.run([&args[..], more].concat()).expect(0).json();
    (path, made)
}

fn key(made: &Value) -> String {
    made["public_key"].as_str().unwrap().to_string()
}

/// What the program says of a bundle; none where it refuses.
fn by_program(env: &TestEnvironment, path: &Path, key: &str) -> Option<Value> {
    let done =
        env.run(["audit", "verify", &path.display().to_string(), "--signed-by", key, "--json"]);
    let said = (done.code == Some(0)).then(|| done.json());
    assert!(said.is_some() || matches!(done.code, Some(1 | 2)), "{:?} {}", done.code, done.stderr);
    said.map(|said| said["bundle"].clone())
}

/// What the verifier that shares no code with the program says; none, said visibly, where there is no Python.
fn by_script(path: &Path, key: &str) -> Option<bool> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/proof/verify.py");
    let done = Command::new("python3").arg(script).arg(path).args(["--signed-by", key]).output();
    let Ok(done) = done else {
        skip("cmd_bundle", "there is no python3");
        return None;
    };
    let said = String::from_utf8_lossy(&[&done.stdout[..], &done.stderr].concat()).into_owned();
    assert!(!said.contains("Traceback"), "{said}");
    assert!(matches!(done.status.code(), Some(0..=2)), "{said}");
    Some(done.status.success())
}

#[test]
fn a_bundle_holds_for_two_verifiers_and_shows_nothing_hidden() {
    let env = ledger();
    let other = TestEnvironment::with_session(1).json(["audit", "checkpoint"]);
    for (name, more) in [
        ("folder", &["--session", &thread(2)][..]),
        ("packed.zip", &["--session", &thread(2), "--session", &thread(1), "--format", "html"]),
        ("all", &["--complete", "--mode", "full"]),
    ] {
        let (path, made) = bundle(&env, name, more);
        let said = by_program(&env, &path, &key(&made)).expect("it holds");
        assert_eq!(said["size"], made["size"], "{name}");
        assert_eq!(said["bodies"], made["bodies"], "{name}");
        assert_eq!(said["seq"], made["seq"], "{name}");
        assert_ne!(by_script(&path, &key(&made)), Some(false), "{name}");
        assert!(made["bodies"]["present"].as_u64() > Some(3), "{made}");
        assert!(made["bodies"]["withheld"].as_u64() > Some(0), "{made}");
        assert_eq!(by_program(&env, &path, &key(&other)), None, "of another log");
        assert_ne!(by_script(&path, &key(&other)), Some(true));
        if name == "all" {
            assert_eq!(said["ranges"], serde_json::json!([{"start": 0, "end": made["size"]}]));
        }
    }
    // Of the hidden prompt, neither the words nor what would help to guess them.
    let hidden = hidden_line(&env, 2, 2);
    let entries = fs::read(env.path("all/entries.cxb")).unwrap();
    let holds = |words: &[u8]| entries.windows(words.len()).any(|window| window == words);
    assert!(!holds(&hidden), "the hidden line");
    let shown = hidden_line(&env, 3, 1);
    assert!(holds(&shown), "one that is not hidden");
    // Each body can be read, by both.
    let all = env.path("all").display().to_string();
    let key = key(&env.json(["audit", "checkpoint"]));
    let seq = env.json(["show", &thread(3)])["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["kind"] == "prompt")
        .unwrap()["seq"]
        .to_string();
    let read = env.ok(["audit", "verify", &all, "--signed-by", &key, "--body", &seq]);
    assert_eq!(read.text().trim_end().as_bytes(), shown);
    env.run(["audit", "verify", &all, "--signed-by", &key, "--body", "1"])
        .refused(&["is not in the bundle"]);
    let report = fs::read_to_string(env.path("all/report.md")).unwrap();
    assert!(report.to_lowercase().contains("redacted"), "{report}");
    // What was asked alone is in a bundle of prompts; what people said about hiding, in none for readers outside.
    let (path, made) = bundle(&env, "asked", &["--session", &thread(2)]);
    let bodies = made["bodies"]["present"].as_u64().unwrap();
    assert!(bodies < 8, "{made}");
    let redaction = b"private";
    let has = |path: &Path| {
        let entries = fs::read(path.join("entries.cxb")).unwrap();
        entries.windows(redaction.len()).any(|window| window == redaction)
    };
    assert!(has(&path), "who hid it and why");
    let (outside, made) = bundle(&env, "outside", &["--session", &thread(2), "--external"]);
    assert!(!has(&outside) && made["bodies"]["present"].as_u64() < Some(bodies), "{made}");
    let (other, _) = bundle(&env, "other", &["--session", &thread(1), "--complete"]);
    assert!(!has(&other), "it is about another session");
    // The log says that it was made, and what for.
    let log = env.ok(["audit", "log", "--kind", "bundle"]);
    assert_eq!(log.text().matches("for the auditors").count(), 6, "{}", log.text());
    env.audits_clean();
}

/// A line of a session's file that has a prompt in it.
fn hidden_line(env: &TestEnvironment, number: u64, prompt: usize) -> Vec<u8> {
    let text = fs::read_to_string(env.rollout(number)).unwrap();
    let lines = text.lines().filter(|line| line.contains("user_message"));
    lines.map(str::as_bytes).nth(prompt - 1).unwrap().to_vec()
}

/// Every part of a bundle is covered, but for the words about how to check it.
#[test]
fn no_byte_of_a_bundle_may_differ_and_no_file_may_come_or_go() {
    let env = ledger();
    let (path, made) = bundle(&env, "bundle", &["--session", &thread(1)]);
    let key = key(&made);
    let copy = env.path("copy");
    for name in ["entries.cxb", "checkpoint", "proof", "report.md"] {
        let sound = fs::read(path.join(name)).unwrap();
        let step = sound.len() / 300 + 1;
        for (turn, at) in (0..sound.len()).step_by(step).enumerate() {
            fs::remove_dir_all(&copy).ok();
            copy_tree(&path, &copy);
            let mut changed = sound.clone();
            changed[at] ^= 1 << (turn % 8);
            fs::write(copy.join(name), changed).unwrap();
            assert_eq!(by_program(&env, &copy, &key), None, "byte {at} of {name}");
            if turn % 50 == 0 {
                assert_ne!(by_script(&copy, &key), Some(true), "byte {at} of {name}");
            }
        }
        for changed in [&sound[..sound.len() - 1], &[], &[&sound[..], b"x"].concat()] {
            fs::write(copy.join(name), changed).unwrap();
            assert_eq!(by_program(&env, &copy, &key), None, "{name} of another length");
        }
    }
    let fresh = || {
        fs::remove_dir_all(&copy).ok();
        copy_tree(&path, &copy);
    };
    for name in ["entries.cxb", "checkpoint", "proof", "report.md", "key", "VERIFY.md", "verify.py"]
    {
        fresh();
        fs::remove_file(copy.join(name)).unwrap();
        assert_eq!(by_program(&env, &copy, &key), None, "without {name}");
        assert_ne!(by_script(&copy, &key), Some(true), "without {name}");
    }
    for name in ["more.md", "report.html"] {
        fresh();
        fs::write(copy.join(name), "and another thing").unwrap();
        assert_eq!(by_program(&env, &copy, &key), None, "with {name}");
        assert_ne!(by_script(&copy, &key), Some(true), "with {name}");
    }
    fresh();
    fs::create_dir(copy.join("folder")).unwrap();
    assert_eq!(by_program(&env, &copy, &key), None, "with a folder");
    assert_ne!(by_script(&copy, &key), Some(true));
}

#[test]
fn a_bundle_is_made_whole_or_not_at_all() {
    let env = ledger();
    let size = || env.json(["status"])["head"]["size"].clone();
    let before = size();
    let target = env.path("bundle").display().to_string();
    let refused = |args: &[&str], words: &[&str]| {
        let all = [&["audit", "bundle", "-o", &target][..], args].concat();
        env.run(all).refused(words);
        assert!(!env.path("bundle").exists());
        assert_eq!(size(), before);
    };
    refused(&[], &["--reason"]);
    refused(&["--reason", " "], &["reason"]);
    refused(&["--reason", "x", "--session", "nowhere"], &["nowhere"]);
    refused(&["--reason", "x", "--since", "2099-01-01"], &["no sessions match"]);
    let secret = ["ghp", "_", "q8Zr2Lw9Xv4Tn6Yb1Kc3Md5Pf7Hs0Jg2Rt4V"].concat();
    refused(&["--reason", &secret], &["the reason"]);
    fs::write(env.path("bundle"), "mine").unwrap();
    env.run(["audit", "bundle", "-o", &target, "--reason", "x"])
        .refused(&["nothing is overwritten"]);
    assert_eq!(fs::read_to_string(env.path("bundle")).unwrap(), "mine");
    fs::write(env.path("taken.zip"), "mine").unwrap();
    let taken = env.path("taken.zip").display().to_string();
    env.run(["audit", "bundle", "-o", &taken, "--reason", "x"])
        .refused(&["nothing is overwritten"]);
    assert_eq!(size(), before);
    // What was signed no longer fits: nothing is signed on top of it.
    let own = env.ledger().join("checkpoint");
    let text = fs::read_to_string(&own).unwrap();
    let root = text.lines().nth(2).unwrap();
    fs::write(&own, text.replace(root, &("A".repeat(43) + "="))).unwrap();
    let elsewhere = env.path("elsewhere").display().to_string();
    env.run(["audit", "bundle", "-o", &elsewhere, "--reason", "x"]).refused(&["checkpoint"]);
    assert!(!env.path("elsewhere").exists());
    let left = fs::read_dir(env.path("")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
}

/// A report and its evidence, made by one command, say the same to the byte.
#[test]
fn a_report_carries_its_proof() {
    let env = ledger();
    let report = env.path("said.html").display().to_string();
    env.ok(["report", "-o", &report, "--mode", "answers", "--prove"]);
    let evidence = env.path("said.html.zip");
    let key = key(&env.json(["audit", "checkpoint"]));
    let said = by_program(&env, &evidence, &key).expect("it holds");
    let recorded =
        said["files"].as_array().unwrap().iter().find(|file| file["name"] == "report.html");
    let sum = Command::new("sha256sum").arg(&report).output().unwrap();
    let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
    assert_eq!(sum.split(' ').next(), recorded.unwrap()["sha256"].as_str());
    assert_ne!(by_script(&evidence, &key), Some(false));
    env.run(["report", "--prove"]).refused(&["--output"]);
}

/// Words that are hidden are in no body, however the lines came to be that say them.
#[test]
fn what_is_hidden_is_in_no_piece_copy_or_twin() {
    let env = TestEnvironment::new();
    let word = ["quet", "zalcoatl99"].concat();
    // A line that was read in two pieces, with the word across the cut.
    let line = prompt_line(&format!("before {word} behind"));
    let cut = line.windows(4).position(|window| window == b"quet").unwrap() + 4;
    env.write(&env.rollout(1), &[&session(1, 2)[..], &line[..cut]].concat());
    env.settle(&env.rollout(1));
    env.append(&[]);
    env.extend(&env.rollout(1), &line[cut..]);
    env.append(&[]);
    env.ok(["redact", "--literal", &word, "--reason", "private"]);
    // A fork that begins with the lines of a hidden session.
    let (parent, fork) = (thread(2), thread(3));
    let said = "only the parent says this about the harbour";
    let copied = [&session(2, 2)[..], &prompt_line(said)[..]].concat();
    env.write(&env.rollout(2), &copied);
    let copied = String::from_utf8(copied).unwrap();
    let header = String::from_utf8(session(3, 1)).unwrap();
    let header = header.lines().next().unwrap().replacen(
        "\"id\":",
        &format!("\"forked_from_id\":\"{parent}\",\"id\":"),
        1,
    );
    env.write(&env.rollout(3), format!("{header}\n{copied}").as_bytes());
    env.append(&[]);
    env.ok(["redact", "--session", &parent, "--reason", "private"]);
    let (path, _) = bundle(&env, "bundle", &["--mode", "full", "--complete"]);
    let entries = fs::read(path.join("entries.cxb")).unwrap();
    let holds = |words: &[u8]| entries.windows(words.len()).any(|window| window == words);
    assert!(!holds(b"zalcoatl99"), "the second piece of a torn line");
    assert!(!holds(said.as_bytes()), "a copy of a hidden session in {fork}");
    // The twin of an entry that is hidden says the same.
    let env = TestEnvironment::new();
    let said = format!("{} and a sentence that only this one says", word);
    let twin = prompt_line(&said);
    env.write(&env.rollout(1), &[&session(1, 1)[..], &twin[..], &twin[..]].concat());
    env.append(&[]);
    let items = env.json(["show", &thread(1)])["items"].clone();
    let last = items.as_array().unwrap().iter().rfind(|item| item["kind"] == "prompt").unwrap();
    let seq = last["seq"].to_string();
    env.ok(["redact", "--entry", &seq, "--reason", "private"]);
    // The report tells it of the other record: that is no report for others.
    let target = env.path("refused").display().to_string();
    let args = ["audit", "bundle", "-o", &target, "--reason", "x", "--mode", "full"];
    let done = env.run(args).expect(1);
    assert!(done.text().contains(&format!("entry {seq}, which is hidden")), "{}", done.text());
    assert!(!env.path("refused").exists());
    env.ok(["redact", "--literal", &said, "--reason", "private"]);
    let (path, _) = bundle(&env, "bundle", &["--mode", "full", "--complete"]);
    let entries = fs::read(path.join("entries.cxb")).unwrap();
    assert!(!entries.windows(said.len()).any(|window| window == said.as_bytes()));
}

/// Archives that other programs would read otherwise.
#[test]
fn an_archive_is_read_by_everybody_alike_or_by_nobody() {
    let env = ledger();
    let (path, made) = bundle(&env, "sound.zip", &["--session", &thread(1)]);
    let (key, sound) = (key(&made), fs::read(&path).unwrap());
    assert!(by_program(&env, &path, &key).is_some());
    let odd = |name: &str, bytes: &[u8]| {
        let path = env.path(format!("{name}.zip"));
        fs::write(&path, bytes).unwrap();
        assert_eq!(by_program(&env, &path, &key), None, "{name}");
        assert_ne!(by_script(&path, &key), Some(true), "{name}");
    };
    odd("something-before", &[b"junk", &sound[..]].concat());
    odd("two-archives", &[&sound[..], &sound].concat());
    let find = |from: usize, needle: &[u8]| {
        from + sound[from..].windows(needle.len()).position(|window| window == needle).unwrap()
    };
    let first = find(0, b"report.md");
    let mut other = sound.clone();
    other[first] = b'R';
    odd("another-name-in-front", &other);
    // The central directory: 46 bytes, of which those from 38 on are attributes, then the name.
    let central = (0..sound.len())
        .filter(|at| sound[*at..].starts_with(b"PK\x01\x02"))
        .find(|at| sound[at + 46..].starts_with(b"report.md"))
        .unwrap();
    let mut link = sound.clone();
    link[central + 5] = 3;
    link[central + 38..central + 42].copy_from_slice(&(0o120777_u32 << 16).to_le_bytes());
    odd("a-link", &link);
}

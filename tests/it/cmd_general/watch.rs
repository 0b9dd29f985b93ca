//! `append --watch`, and whoever writes meanwhile.

use crate::cli_support::{TestEnvironment, prompt_line, session, thread, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn a_watch_follows_and_lets_others_write() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    let watching = env.watch();
    let first = watching.next();
    assert_eq!(first["bytes"]["appended"], session(1, 2).len());
    let other = env.path("other");
    env.write(&other.join(env.rollout(2).file_name().unwrap()), &session(2, 1));
    let other = other.display().to_string();
    assert_eq!(env.json(["append", &other])["bytes"]["appended"], session(2, 1).len());
    env.ok(["tag", "add", "harbour", &thread(1)]);
    env.ok(["redact", "--literal", "high water", "--reason", "a test"]);
    assert_eq!(env.raw(&thread(1), &[]), std::fs::read(env.rollout(1)).unwrap());
    env.ok(["rebuild-views"]);
    for command in ["sessions", "show", "status", "audit"] {
        env.json([command]);
    }
    assert_eq!(env.append(&["--dry-run"])["files"]["unchanged"], 1);
    assert_eq!(env.append(&[])["bytes"]["appended"], 0);
    for step in 1..=3 {
        let more = prompt_line(&format!("step {step}"));
        env.extend(&env.rollout(1), &more);
        let done = watching.next();
        assert_eq!(done["bytes"]["appended"], more.len(), "step {step}");
        assert_eq!(
            env.count("SELECT count(*) FROM prompts"),
            3 + step,
            "views are brought up to date"
        );
        env.ok(["tag", "add", &format!("step-{step}"), &thread(1)]);
    }
    env.write(&env.rollout(3), &session(3, 1));
    assert_eq!(watching.next()["bytes"]["appended"], session(3, 1).len(), "a new file");
    watching.kill();
    env.audits_clean();
    assert_eq!(env.raw(&thread(1), &[]), std::fs::read(env.rollout(1)).unwrap());
}

/// A watch that does not get its turn says so, and appends when it does.
#[test]
fn a_watch_survives_a_round_that_fails() {
    let env = TestEnvironment::with_session(1);
    let held = env.hold_lock();
    env.extend(&env.rollout(1), &prompt_line("while the lock is held"));
    let mut command = env.command(["append", "--watch", "--json", "--wait", "0"]);
    let mut child = command
        .arg(env.codex())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut done = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = said.next().expect("it says something").unwrap();
    assert!(line.contains("`a test`, pid 1"), "{line}");
    drop(held);
    let done: Value = serde_json::from_str(&done.next().expect("an append").unwrap()).unwrap();
    assert_eq!(done["bytes"]["appended"], prompt_line("while the lock is held").len());
    child.kill().unwrap();
    child.wait().unwrap();
    env.audits_clean();
}

/// Logs that begin after the watch are found too.
#[test]
fn a_watch_waits_for_logs_that_do_not_exist_yet() {
    let env = TestEnvironment::new();
    std::fs::create_dir(env.codex()).unwrap();
    let watching = env.watch();
    wait_for("the ledger", || env.ledger().join("HEAD").exists().then_some(()));
    env.write(&env.rollout(1), &session(1, 2));
    let mut appended = 0;
    while appended < session(1, 2).len() as u64 {
        appended += watching.next()["bytes"]["appended"].as_u64().unwrap();
    }
    watching.kill();
    assert_eq!(env.raw(&thread(1), &[]), session(1, 2));
    env.audits_clean();
}

/// Commands that only read never make a writer believe that another one is there.
#[test]
fn readers_keep_no_writer_out() {
    let env = TestEnvironment::with_session(1);
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ask = || {
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                let lock = env.json(["status"])["lock"].clone();
                let by_append = lock.as_str().is_none_or(|lock| lock.contains("append"));
                assert!(by_append, "only an append writes: {lock}");
            }
        };
        let readers = [scope.spawn(ask), scope.spawn(ask)];
        let codes: Vec<_> = (0..40)
            .map(|step| {
                env.extend(&env.rollout(1), &prompt_line(&format!("{step}")));
                let codex = env.codex().display().to_string();
                env.run(["append", "--quiet", "--no-views", &codex])
            })
            .map(|outcome| (outcome.code, outcome.stderr))
            .collect();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("the status is right"));
        codes.iter().for_each(|code| assert_eq!(code, &(Some(0), String::new())));
    });
}

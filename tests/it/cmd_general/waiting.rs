//! Several who want to write: each gets its turn, or says who has it.

use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn who_does_not_wait_is_told_who_writes() {
    let env = TestEnvironment::with_session(1);
    let held = env.hold_lock();
    let tag = ["tag", "add", "harbour", &thread(1)];
    for wait in ["0", "0.1"] {
        let outcome = env.run(tag.iter().chain(&["--wait", wait]));
        outcome.refused(&["`a test`, pid 1, since today", "--wait", "reading commands work"]);
    }
    let outcome = env.command(tag).env("CODEX_LEDGER_WAIT", "0").output().unwrap();
    assert_eq!(outcome.status.code(), Some(2), "by environment too");
    for command in ["sessions", "show", "status"] {
        env.json([command]);
    }
    for wrong in ["-1", "soon", "1e400"] {
        env.run(tag.iter().chain(&[&*format!("--wait={wrong}")])).refused(&["--wait"]);
    }
    drop(held);
    env.ok(tag.iter().chain(&["--wait", "0"]));
}

#[test]
fn who_waits_says_so_after_a_second_and_then_has_its_turn() {
    let env = TestEnvironment::with_session(1);
    let held = env.hold_lock();
    let mut command = env.command(["tag", "add", "harbour", &thread(1)]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the program runs");
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = said.next().expect("it says that it waits").unwrap();
    assert!(line.contains("waiting for `a test`, pid 1") && line.contains("30 s"), "{line}");
    drop(held);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(said.next().is_none(), "said once");
    assert_eq!(env.count("SELECT count(*) FROM annotations"), 1);
}

#[test]
fn a_crowd_of_writers_all_get_their_turn() {
    const PROCESSES: u64 = 8;
    const WRITES: u64 = 5;
    let env = TestEnvironment::new();
    for number in 1..=PROCESSES {
        env.write(&env.rollout(number), &session(number, 1));
    }
    env.append(&[]);
    let watching = env.watch();
    let writer = &|number: u64| {
        for step in 0..WRITES {
            let word = format!("w{number}x{step}");
            let path = env.rollout(number);
            env.extend(&path, &prompt_line(&format!("moor {word} here")));
            let (path, id) = (path.display().to_string(), thread(number));
            let args = match (number + step) % 3 {
                0 => vec!["append", &path],
                1 => vec!["tag", "add", &word, &id],
                _ => vec!["redact", "--literal", &word, "--reason", "a test"],
            };
            // Long enough for any machine: this is about turns, not about time.
            let done = env.command(&args).env("CODEX_LEDGER_WAIT", "600").output().unwrap();
            let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.code(), Some(0), "{args:?}: {stderr}");
        }
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (1..=PROCESSES).map(|number| scope.spawn(move || writer(number))).collect();
        writers.into_iter().for_each(|writer| writer.join().expect("every write succeeds"));
    });
    watching.kill();
    env.append(&[]);
    let tags: BTreeSet<_> = (1..=PROCESSES)
        .flat_map(|number| (0..WRITES).map(move |step| (number, step)))
        .filter(|(number, step)| (number + step) % 3 == 1)
        .collect();
    assert_eq!(env.count("SELECT count(*) FROM annotations"), tags.len() as i64);
    assert_eq!(env.count("SELECT count(*) FROM prompts"), (PROCESSES * (1 + WRITES)) as i64);
    for number in 1..=PROCESSES {
        assert_eq!(env.raw(&thread(number), &[]), std::fs::read(env.rollout(number)).unwrap());
    }
    env.audits_clean();
}

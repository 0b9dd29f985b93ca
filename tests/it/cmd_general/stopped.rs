//! Stopped from outside, or with nowhere to write to: one clear line, exit code, nothing lost.

use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

/// Starts the program, waits for a line on stderr, and sends a signal.
fn stopped_after_a_line(env: &TestEnvironment, args: &[&str], name: &str) -> (i32, String) {
    let mut command = env.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    signal(&child, name);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let code = child.wait().unwrap().code().expect("it ends by itself");
    (code, rest)
}

#[test]
fn an_interrupted_command_says_what_is_safe() {
    let env = TestEnvironment::with_session(1);
    let codex = env.codex().display().to_string();
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let (found, said) = stopped_after_a_line(&env, &["append", "--watch", &codex], name);
        assert_eq!(found, code);
        assert!(said.contains("what was acknowledged is safe"), "{said}");
    }
    // While they wait for the lock, nothing is recorded.
    let held = env.hold_lock();
    for (args, words) in [
        (&["redact", "--literal", "water", "--reason", "a test"][..], "no redaction was recorded"),
        (&["tag", "add", "harbour", &thread(1)], "no tag was recorded"),
        (&["rebuild-views"], "the views are as they were"),
    ] {
        let (code, said) = stopped_after_a_line(&env, args, "-INT");
        assert_eq!(code, 130, "{args:?}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }
    drop(held);
    assert_eq!(env.json(["redact", "list"]), serde_json::json!([]));
    env.audits_clean();
}

/// Runs the program in a shell with this before it and that behind it.
fn shell(env: &TestEnvironment, before: &str, args: &[&str], behind: &str) -> Output {
    let program = env.command(args);
    let script = format!("{before} \"$0\" \"$@\" {behind}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin").current_dir(env.work()).output().unwrap()
}

#[test]
fn a_terminal_that_is_full_or_closed_is_no_fault() {
    let env = TestEnvironment::with_session(1);
    for args in [
        &["sessions"][..],
        &["status", "--json"],
        &["show", "--raw", &thread(1)],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let full = shell(&env, "", args, ">/dev/full");
        assert_eq!(full.status.code(), Some(2), "{args:?}");
        let said = String::from_utf8(full.stderr).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        for behind in ["2>/dev/full", "2>&-", ">&-", ">&- 2>&- <&-", "2>/dev/full | :"] {
            let code = shell(&env, "", args, behind).status.code();
            assert_eq!(code, Some(0), "{args:?} {behind}");
        }
    }
    for args in [&["show", "ffff"][..], &["nonsense"], &["append", "--debug", "/gone"]] {
        for behind in ["2>/dev/full", "2>&-", "2>/dev/full >/dev/full"] {
            assert_eq!(shell(&env, "", args, behind).status.code(), Some(2), "{args:?} {behind}");
        }
    }
}

/// A limit on the size of files ends a program that does not listen without a word.
#[test]
fn a_limit_on_the_size_of_files_is_an_error() {
    let env = TestEnvironment::new();
    let mut bytes = session(1, 1);
    // Noise, so that it does not become small.
    for number in 0..4_000u64 {
        let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
        bytes.extend(prompt_line(&format!("{noise:016x}{:016x}", noise.wrapping_mul(noise | 1))));
    }
    env.write(&env.rollout(1), &bytes);
    let codex = env.codex().display().to_string();
    for blocks in [8, 64, 256] {
        let done = shell(&env, &format!("ulimit -f {blocks};"), &["append", &codex], "");
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{blocks}: {said}");
        assert!(said.contains("File too large") && !said.contains("panicked"), "{blocks}: {said}");
    }
    assert_eq!(env.append(&[])["bytes"]["pending"], 0);
    assert_eq!(env.raw(&thread(1), &[]), bytes);
    env.audits_clean();
}

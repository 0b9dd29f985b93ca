//! `append` killed at any time loses nothing and doubles nothing.

use crate::cli_support::{TestEnvironment, rollout_name, thread, wait_for};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

const FILES: u64 = 6;
const FILE_BYTES: usize = 5 << 20;

/// Lines of the sizes that logs have, always the same, which shrink only by half.
fn write_home(env: &TestEnvironment) -> Vec<Vec<u8>> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut texts = Vec::new();
    for number in 0..FILES {
        let mut text = Vec::with_capacity(FILE_BYTES + 40_000);
        while text.len() < FILE_BYTES {
            let words = 1 << (next() % 12);
            write!(text, "{{\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"agent_message\",\"message\":\"").unwrap();
            for _ in 0..words {
                write!(text, "{:x} ", next() >> 24).unwrap();
            }
            text.extend_from_slice(b"\"}}\n");
        }
        env.write(&env.codex().join("sessions").join(rollout_name(number)), &text);
        texts.push(text);
    }
    texts
}

fn journal_bytes(ledger: &Path) -> u64 {
    let entries = fs::read_dir(ledger.join("journal")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

/// Runs an append and kills it once the journal has grown by that many bytes; says whether it was in time.
fn append_and_kill(env: &TestEnvironment, growth: u64) -> bool {
    let before = journal_bytes(&env.ledger());
    let mut command = env.command(["append", "--no-views", "--quiet"]);
    let mut child = command.arg(env.codex()).stderr(Stdio::null()).spawn().unwrap();
    let ended = wait_for("the journal grows", || {
        let ended = child.try_wait().unwrap().is_some();
        (ended || journal_bytes(&env.ledger()) >= before + growth).then_some(ended)
    });
    child.kill().ok();
    child.wait().unwrap();
    !ended
}

#[test]
fn killed_at_any_time_and_appended_again_all_bytes_are_there_once() {
    let env = TestEnvironment::new();
    let texts = write_home(&env);
    let total: usize = texts.iter().map(Vec::len).sum();
    let mut killed = 0;
    for growth in [1, 4_000, 100_000, 900_000, 2_500_000, 5_000_000, 8_000_000, 11_000_000] {
        fs::remove_dir_all(env.ledger()).ok();
        killed += u32::from(append_and_kill(&env, growth));
        // A second kill, on top of what the first one left.
        killed += u32::from(append_and_kill(&env, growth / 2 + 70_000));
        let done = env.append(&["--no-views"]);
        assert_eq!(done["bytes"]["seen"], total, "killed at {growth}");
        let known = done["bytes"]["already"].as_u64().unwrap();
        assert_eq!(done["bytes"]["appended"], total as u64 - known, "killed at {growth}");
        assert_eq!(done["files"]["failed"], 0, "killed at {growth}");
        let audit = env.json(["audit", "--no-views"]);
        assert_eq!(audit["ok"], true, "killed at {growth}: {audit}");
        let again = env.append(&["--no-views"]);
        assert_eq!(again["head"], done["head"], "killed at {growth}");
    }
    assert!(killed >= 12, "only {killed} of 16 appends were killed in time");
    env.ok(["rebuild-views", "--quiet"]);
    assert_eq!(env.count("SELECT count(*) FROM streams"), FILES as i64);
    for (number, text) in texts.iter().enumerate() {
        assert!(
            env.raw(&thread(number as u64), &[]) == *text,
            "file {number} is not as its source"
        );
    }
}

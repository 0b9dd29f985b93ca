//! `append` killed at any time loses nothing and doubles nothing.

use crate::cli_support::{TestEnvironment, rollout_name, thread, wait_for};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

const FILES: u64 = 6;
const FILE_BYTES: usize = 5 << 20;
/// Bytes of the journal, which ends at about 15 MB.
const GROWTHS: [u64; 8] = [1, 4_000, 100_000, 900_000, 2_500_000, 5_000_000, 8_000_000, 11_000_000];

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

fn volumes(ledger: &Path) -> usize {
    let entries = fs::read_dir(ledger.join("store")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "volume")).count()
}

/// When an append is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Once the journal has grown by that many bytes.
    Journal(u64),
    /// Once it has recorded so many more volumes, when journals are about to be dropped.
    Settled(usize),
}

/// Runs an append and kills it; says whether it was in time.
fn append_and_kill(env: &TestEnvironment, moment: Moment) -> bool {
    let ledger = env.ledger();
    let (journal, store) = (journal_bytes(&ledger), volumes(&ledger));
    let has_come = || match moment {
        Moment::Journal(growth) => journal_bytes(&ledger) >= journal + growth,
        Moment::Settled(more) => volumes(&ledger) >= store + more,
    };
    let mut command = env.command(["append", "--no-views", "--quiet"]);
    let mut child = command.arg(env.codex()).stderr(Stdio::null()).spawn().unwrap();
    let ended = wait_for("the append writes", || {
        let ended = child.try_wait().unwrap().is_some();
        (ended || has_come()).then_some(ended)
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
    let mut moments = GROWTHS.map(Moment::Journal).to_vec();
    // The entry that creates a ledger makes the first volume.
    moments.extend([Moment::Settled(1), Moment::Settled(2)]);
    for moment in moments {
        fs::remove_dir_all(env.ledger()).ok();
        killed += u32::from(append_and_kill(&env, moment));
        // A second kill, on top of what the first one left.
        killed += u32::from(append_and_kill(&env, Moment::Journal(120_000)));
        let done = env.append(&["--no-views"]);
        assert_eq!(done["bytes"]["seen"], total, "killed at {moment:?}");
        let known = done["bytes"]["already"].as_u64().unwrap();
        assert_eq!(done["bytes"]["appended"], total as u64 - known, "killed at {moment:?}");
        assert_eq!(done["files"]["failed"], 0, "killed at {moment:?}");
        let audit = env.json(["audit", "--no-views"]);
        assert_eq!(audit["ok"], true, "killed at {moment:?}: {audit}");
        let again = env.append(&["--no-views"]);
        assert_eq!(again["head"], done["head"], "killed at {moment:?}");
    }
    assert!(killed >= 8, "only {killed} of 20 appends were killed in time");
    env.ok(["rebuild-views", "--quiet"]);
    assert_eq!(env.count("SELECT count(*) FROM streams"), FILES as i64);
    for (number, text) in texts.iter().enumerate() {
        assert!(
            env.raw(&thread(number as u64), &[]) == *text,
            "file {number} is not as its source"
        );
    }
}

//! What tests share: worlds that are fixed or that fail, a disk that loses power, small ledgers.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod disk;
pub mod evidence;
pub mod forgetful;
pub mod http;
pub mod image;
pub mod inodes;
pub mod ledger;
pub mod mount;
pub mod random;
pub mod shadow;
pub mod sources;
pub mod world;

use std::io::Write as _;

/// Says visibly that a test did not run, and why; also in the file that `CODEX_LEDGER_SKIP_LOG` names.
#[allow(clippy::disallowed_methods, reason = "the gate passes the log's place by environment")]
pub fn skip(name: &str, reason: &str) {
    let line = format!("SKIP {name}: {reason}\n");
    print!("{line}");
    let Some(path) = std::env::var_os("CODEX_LEDGER_SKIP_LOG") else {
        return;
    };
    let log = std::fs::OpenOptions::new().create(true).append(true).open(path);
    log.and_then(|mut log| log.write_all(line.as_bytes())).expect("the skip log takes a line");
}

/// Runs `work` on its own thread and fails instead of waiting longer than `seconds`.
pub fn within<T: Send + 'static>(
    seconds: u64,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, waiting) = std::sync::mpsc::sync_channel(1);
    let worker = std::thread::spawn(move || done.send(work()).ok());
    match waiting.recv_timeout(std::time::Duration::from_secs(seconds)) {
        Ok(value) => value,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("{what}: hangs"),
        Err(_) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => panic!("{what}: gave nothing"),
        },
    }
}

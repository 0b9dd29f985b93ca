//! A report that is told to stop while it is written leaves what was there, and nothing beside it.

use crate::cli_support::{TestEnvironment, session, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::Stdio;

#[test]
fn a_stopped_report_leaves_no_temporary_file() {
    let env = TestEnvironment::new();
    for number in 1..=40 {
        env.write(&env.rollout(number), &session(number, 50));
    }
    env.append(&[]);
    let folder = env.work().join("out");
    let target = folder.join("report.html");
    env.write(&target, b"the old one");
    let names = || fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name());
    let mut stopped = 0;
    for signal in [Signal::INT, Signal::TERM, Signal::INT] {
        let args = ["report", "--mode", "full", "--format", "html", "-o", "out/report.html"];
        let mut command = env.command(args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let is_running = wait_for("the temporary file", || match child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => (names().count() > 1).then_some(true),
        });
        if is_running {
            kill_process(Pid::from_child(&child), signal).ok();
        }
        let code = child.wait().unwrap().code();
        assert_eq!(names().collect::<Vec<_>>(), ["report.html"]);
        let is_old = fs::read(&target).unwrap() == b"the old one";
        match code {
            Some(130 | 143) => stopped += 1,
            // It was faster than the signal.
            _ => assert_eq!((code, is_old), (Some(0), false)),
        }
        env.write(&target, b"the old one");
    }
    assert!(stopped > 0, "three times faster than a signal");
}

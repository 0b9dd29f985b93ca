//! The same through the program: every command ends, and with what it was asked for.

use super::counters;
use super::mutate::{nodes, render};
use super::{HOSTILE, around, shapes};
use crate::cli_support::{TestEnvironment, no_escapes, session, thread};

#[test]
fn every_command_answers() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &[session(1, 2), counters::line(1, 10, 1)].concat());
    let mut lines = Vec::new();
    for record in shapes() {
        for (index, node) in nodes(&record).iter().enumerate() {
            lines.extend(render(&record, &node.path, HOSTILE[index % HOSTILE.len()]).into_bytes());
            lines.push(b'\n');
        }
    }
    env.write(&env.rollout(2), &around(2, &lines));
    env.append(&[]);
    let (sound, hostile) = (thread(1), thread(2));
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["sessions"],
        vec!["show", &sound],
        vec!["show", &hostile],
        vec!["group", &hostile],
        vec!["tokens"],
        vec!["tokens", "--by", "month"],
        vec!["tokens", "explain", &hostile],
        vec!["search", "tid*"],
        vec!["status"],
        vec!["audit"],
        vec!["report", "--since", "1970-01-01", "--until", "9999-12-01"],
    ];
    for mode in ["prompts", "actions", "tokens", "full"] {
        for format in ["md", "csv", "json", "html"] {
            commands.push(vec!["report", "--mode", mode, "--format", format]);
        }
    }
    for command in &commands {
        let outcome = env.run(command);
        assert!(
            matches!(outcome.code, Some(0 | 1)),
            "{command:?}: {:?} {}",
            outcome.code,
            outcome.stderr
        );
        assert!(!outcome.stdout.is_empty(), "{command:?}");
        if command[0] != "report" {
            no_escapes(&command.join(" "), &outcome.stdout);
            let outcome = env.run(command.iter().chain(&["--json"]));
            assert!(matches!(outcome.code, Some(0 | 1)), "{command:?} --json: {}", outcome.stderr);
            outcome.json();
        }
    }
    for by in ["session", "day"] {
        let dir = env.path(by);
        let publish =
            ["report", "--mode", "full", "--by", by, "--publish", dir.to_str().expect("a path")];
        let outcome = env.run(publish);
        assert!(matches!(outcome.code, Some(0 | 1)), "{publish:?}: {}", outcome.stderr);
    }
    env.digest();
}

//! What a person typed is no way around what is hidden: messages repeat it as everything else is shown.

use super::hide;
use crate::cli_support::{TestEnvironment, session, thread};

const HOME: &str = concat!("/ho", "me/quillfeather/tides");
const URL: &str = "https://dev:pw-gullwing7Q@example.org/a.git";
const WORD: &str = "harbourlight";

/// Command lines that name something that is not there, with `{}` for its name.
const COMMANDS: [&str; 30] = [
    "report --workspace {}",
    "report --repo {}",
    "report --session {}",
    "report --model {}",
    "report --source {}",
    "report --since {}",
    "report --timezone {}",
    "report --tag {}",
    "report --disposition {}",
    "report --mode {}",
    "report --{}",
    "tokens --repo {}",
    "tokens explain {}",
    "sessions --workspace {}",
    "show {}",
    "group {}",
    "search key:{}",
    "tag add a {}",
    "tag add {} {thread}",
    "note list {}",
    "disposition set {} {thread}",
    "redact --prompt {}#1 --reason x",
    "redact --session {} --reason x",
    "redact --literal {} --repo {} --reason x",
    "redact undo {} --reason x",
    "redact history {}",
    "sessions --color {}",
    "sessions --wait {}",
    "search in:{} foo",
    "search exit:{}",
];

#[test]
fn messages_do_not_say_what_is_hidden() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    env.append(&[]);
    hide(&env, &["--literal", WORD, "--session", &thread(1)]);
    for (typed, secret) in [(HOME, "quillfeather"), (URL, "pw-gullwing7Q"), (WORD, WORD)] {
        for command in COMMANDS {
            let line = command.replace("{thread}", &thread(1));
            let words = line.split(' ').map(|word| word.replace("{}", typed));
            let run = env.run(words);
            let told = format!("{}{}", run.text(), run.stderr);
            assert!(!told.contains(secret), "`{command}` says {told}");
        }
    }
    // A blank inside of what was typed parts it where it is read.
    let parted = env.run(["search", &format!("in:{HOME} bar"), "foo"]);
    assert!(!parted.stderr.contains("quillfeather"), "{}", parted.stderr);
    let missing = env.path("quillfeather/nothing");
    let run = env.run(["append", missing.to_str().unwrap()]);
    assert!(run.stderr.contains("quillfeather"), "a file of this machine is named: {}", run.stderr);
}

/// Before there is a ledger, the rules of the program hold.
#[test]
fn the_built_in_rules_hold_where_there_is_no_ledger() {
    let env = TestEnvironment::new();
    for line in [vec!["report", "--workspace", HOME], vec!["report", HOME], vec!["show", URL]] {
        let run = env.run(line);
        let told = format!("{}{}", run.text(), run.stderr);
        assert!(!told.contains("quillfeather") && !told.contains("gullwing"), "{told}");
    }
}

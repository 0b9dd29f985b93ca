//! Capital and small letters of a literal: the same unless they are asked for, and kept with the decision.

use super::{configure_rules, hide, text, undo};
use crate::cli_support::{TestEnvironment, prompt_line, session};

const SHOWN: &str = "SELECT text FROM prompts WHERE number = 1";

#[test]
fn letters_count_only_where_they_are_asked_for() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("Heron, HERON and her\u{f6}n, then her\u{ad}on"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let before = env.digest();
    let any = hide(&env, &["--literal", "heron"]);
    assert_eq!(text(&env, SHOWN), "[redacted], [redacted] and her\u{f6}n, then [redacted]");
    env.digest();
    undo(&env, any);
    let exact = hide(&env, &["--literal", "HERON", "--exact-case"]);
    assert_eq!(text(&env, SHOWN), "Heron, [redacted] and her\u{f6}n, then her\u{ad}on");
    env.digest();
    undo(&env, exact);
    assert_eq!(env.digest(), before);
    let refused = env.run(["redact", "--regex", "heron", "--exact-case", "--reason", "r"]);
    assert_eq!(refused.code, Some(2));
}

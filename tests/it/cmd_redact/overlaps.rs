//! Several hide the same passage: all of what any of them hides stays hidden, and the narrowest says how.

use super::{NO_RULES, configure_rules, hide, redact, text, undo};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const TEXT: &str = "alpha bravo charlie delta echo foxtrot";
const RULE: &str = "name: one\nextends: none\nrules:\n  - id: middle\n    type: literal\n    pattern: \
    charlie delta\n    replacement: '[rule]'\n";
const SHOWN: &str = "SELECT text FROM prompts WHERE number = 1";

fn environment() -> TestEnvironment {
    let env = TestEnvironment::new();
    configure_rules(&env, NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line(TEXT));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    std::fs::remove_file(env.path("user/config.toml")).unwrap();
    env
}

fn rules(env: &TestEnvironment, name: &str, text: &str) -> PathBuf {
    let path = env.work().join(name);
    env.write(&path, text.as_bytes());
    path
}

fn set(env: &TestEnvironment, path: &Path) {
    env.ok(["redact", "rules", "set", &path.display().to_string(), "--reason", "a test"]);
}

/// What is shown while a reviewer's words everywhere, another's in the session, and a rule are in force.
fn expected(everywhere: bool, in_session: bool, rule: bool) -> &'static str {
    match (everywhere, in_session, rule) {
        (true, true, true) => "alpha [bob] foxtrot",
        (true, true, false) => "alpha [ada] [bob] foxtrot",
        (true, false, true) => "alpha [ada] echo foxtrot",
        (true, false, false) => "alpha [ada] delta echo foxtrot",
        (false, true, true) => "alpha bravo [bob] foxtrot",
        (false, true, false) => "alpha bravo charlie [bob] foxtrot",
        (false, false, true) => "alpha bravo [rule] echo foxtrot",
        (false, false, false) => TEXT,
    }
}

#[test]
fn undone_in_every_order_each_step_is_the_documented_one() {
    let env = environment();
    let before = env.digest();
    let (with, without) = (rules(&env, "one.yml", RULE), rules(&env, "none.yml", NO_RULES));
    let ada =
        ["--literal", "bravo charlie", "--with", "[ada]", "--actor", "ada", "--reason", "a name"];
    let id = thread(1);
    let bob = [
        &["--literal", "delta echo", "--with", "[bob]", "--actor", "bob"][..],
        &["--session", &id, "--reason", "a place"],
    ]
    .concat();
    let orders: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // What ends by which entry; an undo of it brings it back.
    let mut ends: HashMap<usize, u64> = HashMap::new();
    for (index, args) in [&ada[..], &bob[..]].into_iter().enumerate() {
        let done = env.json(["redact"].iter().chain(args));
        ends.insert(index, done["redaction"]["seq"].as_u64().unwrap());
    }
    set(&env, &with);
    for order in orders {
        let mut active = [true; 3];
        assert_eq!(text(&env, SHOWN), expected(true, true, true), "{order:?}");
        for one in order {
            active[one] = false;
            match ends.get(&one) {
                Some(of) => drop(ends.insert(one, undo(&env, *of))),
                None => set(&env, &without),
            }
            let [ada, bob, rule] = active;
            assert_eq!(text(&env, SHOWN), expected(ada, bob, rule), "{order:?} without {one}");
        }
        assert_eq!(env.digest(), before, "{order:?}");
        for one in order.into_iter().rev() {
            active[one] = true;
            match ends.get(&one) {
                Some(of) => drop(ends.insert(one, undo(&env, *of))),
                None => set(&env, &with),
            }
            let [ada, bob, rule] = active;
            assert_eq!(text(&env, SHOWN), expected(ada, bob, rule), "{order:?} with {one} again");
        }
        env.digest();
    }
    let actors = super::column(&env, "SELECT actor FROM redactions ORDER BY seq");
    assert_eq!(actors, ["ada", "bob"]);
}

/// All hide the whole prompt; the narrowest that is left says what is shown.
#[test]
fn the_narrowest_wins_then_the_earlier() {
    let env = environment();
    let prompt = super::seq(&env, "SELECT seq FROM prompts WHERE number = 1").to_string();
    let (id, name) = (thread(1), format!("{}#1", thread(1)));
    let wide: [&[&str]; 8] = [
        &["--literal", TEXT],
        &["--regex", "alpha.*foxtrot"],
        &["--literal", TEXT, "--repo", "/home/dev/tides"],
        &["--literal", TEXT, "--session", &id],
        &["--session", &id],
        &["--prompt", &name],
        &["--entry", &prompt],
        &["--entry", &prompt, "--field", "/payload/message"],
    ];
    // The widest first, so that nothing but the scope decides.
    let mut made = Vec::new();
    for (index, target) in wide.iter().enumerate() {
        let with = format!("[number {index}]");
        made.push(hide(&env, &[*target, &["--with", &with]].concat()));
        // Of the two that are as wide as each other the earlier one shows.
        let shown = if index == 1 { "[number 0]" } else { &with };
        assert_eq!(text(&env, SHOWN), shown, "{target:?}");
    }
    let path = rules(&env, "one.yml", RULE);
    set(&env, &path);
    for index in (1..wide.len()).rev() {
        undo(&env, made[index]);
        let shown = if index == 1 { 0 } else { index - 1 };
        let shown = if shown == 1 { 0 } else { shown };
        assert_eq!(text(&env, SHOWN), format!("[number {shown}]"), "without {index}");
        env.digest();
    }
    undo(&env, made[0]);
    assert_eq!(text(&env, SHOWN), "alpha bravo [rule] echo foxtrot");
}

/// A part is narrower than the whole that it is part of; neither un-hides anything of the other.
#[test]
fn a_span_and_what_surrounds_it() {
    let env = environment();
    let prompt = super::seq(&env, "SELECT seq FROM prompts WHERE number = 1").to_string();
    let span = |range: &'static str| ["--field", "/payload/message", "--span", range];
    let first =
        hide(&env, &[&["--entry", &prompt, "--with", "[span]"], &span("6..19")[..]].concat());
    assert_eq!(text(&env, SHOWN), "alpha [span] delta echo foxtrot");
    let second =
        hide(&env, &[&["--entry", &prompt, "--with", "[next]"], &span("12..25")[..]].concat());
    assert_eq!(text(&env, SHOWN), "alpha [span] echo foxtrot", "the earlier one");
    let third = hide(&env, &["--literal", "delta echo", "--with", "[all]"]);
    assert_eq!(text(&env, SHOWN), "alpha [span] foxtrot");
    let whole = hide(&env, &["--prompt", &format!("{}#1", thread(1)), "--with", "[whole]"]);
    let shown = text(&env, SHOWN);
    assert!(["[whole]", "[span]"].contains(&shown.as_str()), "{shown}");
    undo(&env, first);
    undo(&env, whole);
    assert_eq!(text(&env, SHOWN), "alpha bravo [next] foxtrot");
    undo(&env, second);
    assert_eq!(text(&env, SHOWN), "alpha bravo charlie [all] foxtrot");
    undo(&env, third);
    assert_eq!(text(&env, SHOWN), TEXT);
}

/// A replacement is shown as it is: it is no text of a log, and no rule looks at it.
#[test]
fn the_replacement_is_shown_as_it_was_given() {
    let env = environment();
    let done = redact(&env, &["--literal", "bravo", "--with", "a \"quoted\" <b>thing"]);
    assert_eq!(done["redaction"]["passages"], 1);
    assert_eq!(text(&env, SHOWN), "alpha a \"quoted\" <b>thing charlie delta echo foxtrot");
    crate::cli_support::no_escapes("show", &env.ok(["show", &thread(1)]).stdout);
    crate::cli_support::no_escapes("redact list", &env.ok(["redact", "list"]).stdout);
}

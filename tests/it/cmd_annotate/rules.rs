//! `[[review.tags]]`: tags that sessions get by themselves when they are appended.

use super::{listed, row, size};
use crate::cli_support::{TestEnvironment, prompt_line, rollout_name, session, thread};
use serde_json::json;

/// A session in a directory, of a repository.
fn session_in(number: u64, cwd: &str, repository: &str, prompt: &str) -> Vec<u8> {
    let at = "2026-03-01T10:00:00.000Z";
    let header = json!({"timestamp": at, "type": "session_meta", "payload": {
        "id": thread(number), "timestamp": at, "cwd": cwd, "originator": "codex_cli_rs",
        "cli_version": "0.104.0", "source": "cli", "git": {"repository_url": repository},
    }});
    [format!("{header}\n").into_bytes(), prompt_line(prompt)].concat()
}

fn with_rules(rules: &str) -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write(&env.path("user/config.toml"), rules.as_bytes());
    let sessions = [
        session_in(
            1,
            "/home/dev/tides",
            "https://example.org/dev/tides.git",
            "Fix the TÜRE of the lock",
        ),
        session_in(2, "/home/dev/tides/web", "https://example.org/dev/web", "Plain words"),
        session_in(3, "/home/dev/tides-old", "https://example.org/else/tides", "Plain words"),
        session_in(4, "/srv/other", "https://example.org/dev/other", "Mind the türe"),
    ];
    for (number, text) in (1..).zip(sessions) {
        env.write(&env.rollout(number), &text);
    }
    env.append(&[]);
    env
}

#[test]
fn repo_path_and_text() {
    let env = with_rules(
        "[[review.tags]]\ntag = 'by-repo'\nrepo = 'example.org/dev/tides'\n\
         [[review.tags]]\ntag = 'by-path'\npath = '/home/dev/tides/'\n\
         [[review.tags]]\ntag = 'by-root'\npath = '/srv'\n\
         [[review.tags]]\ntag = 'by-text'\ntext = 'the Türe'\n\
         [[review.tags]]\ntag = 'by-both'\ntext = 'türe'\npath = '/srv/other'\n\
         [[review.tags]]\ntag = 'by-none'\ntext = 'nowhere'\n",
    );
    let expected = [
        row(4, 0, "by-both"),
        row(1, 0, "by-path"),
        row(2, 0, "by-path"),
        row(1, 0, "by-repo"),
        row(4, 0, "by-root"),
        row(1, 0, "by-text"),
        row(4, 0, "by-text"),
    ];
    assert_eq!(listed(&env, "tag"), expected);
    assert_eq!(
        env.count("SELECT count(*) FROM annotations WHERE by_rule = 1 AND actor = 'tester'"),
        7
    );
    env.digest();
    let before = size(&env);
    env.append(&[]);
    assert_eq!(size(&env), before, "nothing new, nothing said");
    for number in 1..=4 {
        env.extend(&env.rollout(number), &prompt_line("and then?"));
    }
    env.append(&[]);
    assert_eq!(size(&env), before + 4, "four lines; no tag again");
    env.digest();
}

#[test]
fn a_tag_that_was_taken_away_does_not_come_back() {
    let env = with_rules("[[review.tags]]\ntag = 'auto'\nrepo = 'dev/tides'\n");
    assert_eq!(listed(&env, "tag"), [row(1, 0, "auto")]);
    env.ok(["tag", "remove", "auto", &thread(1)]);
    for text in ["once more", "and again"] {
        env.extend(&env.rollout(1), &prompt_line(text));
        env.append(&[]);
        assert_eq!(listed(&env, "tag"), []);
    }
    env.ok(["tag", "add", "auto", &thread(1)]);
    assert_eq!(listed(&env, "tag"), [row(1, 0, "auto")], "but by hand it does");
    assert_eq!(env.count("SELECT count(*) FROM annotations WHERE by_rule = 1"), 1);
    env.digest();
}

/// A session gets a tag when it first meets a rule, be it by its second prompt or by a rule that is new.
#[test]
fn a_session_that_grows_meets_a_rule_later() {
    let env = with_rules("[[review.tags]]\ntag = 'urgent'\ntext = 'leak'\n");
    assert_eq!(listed(&env, "tag"), []);
    env.extend(&env.rollout(2), &prompt_line("There is a LEAK"));
    env.append(&[]);
    assert_eq!(listed(&env, "tag"), [row(2, 0, "urgent")]);
    let rules = "[[review.tags]]\ntag = 'web'\npath = '/home/dev/tides/web'\n";
    env.write(&env.path("user/config.toml"), rules.as_bytes());
    env.append(&[]);
    assert_eq!(
        listed(&env, "tag"),
        [row(2, 0, "urgent")],
        "sessions that do not grow stay as they are"
    );
    env.extend(&env.rollout(2), &prompt_line("more"));
    env.append(&[]);
    assert_eq!(listed(&env, "tag"), [row(2, 0, "urgent"), row(2, 0, "web")]);
}

/// What a redaction hides, a rule does not see.
#[test]
fn hidden_words_give_no_tag() {
    let env = with_rules("[[review.tags]]\ntag = 'seen'\ntext = 'zanzibar'\n");
    env.ok(["redact", "--literal", "zanzibar", "--reason", "a test"]);
    env.extend(&env.rollout(2), &prompt_line("to zanzibar"));
    env.append(&[]);
    assert_eq!(listed(&env, "tag"), []);
}

/// A watch gives tags too.
#[test]
fn a_watch_gives_tags() {
    let env = TestEnvironment::new();
    let rules = "[[review.tags]]\ntag = 'seen'\ntext = 'high water'\n";
    env.write(&env.path("user/config.toml"), rules.as_bytes());
    env.write(&env.codex().join("sessions/2026/03/01").join(rollout_name(1)), &session(1, 1));
    let watching = env.watch();
    watching.next();
    watching.kill();
    assert_eq!(listed(&env, "tag"), [row(1, 0, "seen")]);
    env.audits_clean();
}

//! Between the entry and the views a program may die: then whatever comes next brings the views along.

use super::evidence::{Sought, in_files, in_texts};
use super::{hide, undo, without_rules};
use crate::cli_support::{TestEnvironment, wait_for};
use codex_ledger_ledger::read_head;
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

const SECRET: &str = "sandcastle";

fn is_gone(env: &TestEnvironment) -> bool {
    let sought = Sought::new(&[SECRET]);
    in_texts(env, &sought).is_empty() && in_files(env, &sought).is_empty()
}

/// The entry is there, and the views that people read know nothing of it.
fn hidden_behind_the_views(env: &TestEnvironment) {
    drop(super::interrupted::record_only(env, SECRET));
}

#[test]
fn the_next_append_or_migrate_brings_the_views_along() {
    for command in [&["append"][..], &["migrate"], &["rebuild-views"]] {
        let env = without_rules();
        let before = env.digest();
        hidden_behind_the_views(&env);
        assert!(!is_gone(&env), "they are behind");
        let mut args: Vec<String> = command.iter().map(|arg| arg.to_string()).collect();
        if command == ["append"] {
            args.push(env.codex().display().to_string());
        }
        env.ok(&args);
        assert!(in_texts(&env, &Sought::new(&[SECRET])).is_empty(), "{command:?}");
        env.digest();
        // A rebuild keeps the views before it for readers that have just opened the path; not for longer.
        env.append(&[]);
        undo(&env, super::seq(&env, "SELECT max(seq) FROM redactions"));
        assert_eq!(env.digest(), before, "{command:?}");
    }
}

/// After a redaction that says it is done, no older set of views lies about.
#[test]
fn a_redaction_that_follows_clears_up() {
    let env = without_rules();
    hidden_behind_the_views(&env);
    env.ok(["rebuild-views", "--quiet"]);
    hide(&env, &["--literal", "PORT ELLERY"]);
    assert!(is_gone(&env));
    let databases = fs::read_dir(env.ledger().join("views.d")).unwrap().flatten();
    let whole = databases.filter(|e| e.path().extension().is_some_and(|e| e == "sqlite")).count();
    assert_eq!(whole, 1);
}

#[test]
fn a_redaction_without_views_builds_them() {
    let env = without_rules();
    let before = env.digest();
    fs::remove_file(env.ledger().join("views.sqlite")).unwrap();
    let redaction = hide(&env, &["--literal", SECRET]);
    assert!(is_gone(&env));
    env.digest();
    undo(&env, redaction);
    fs::remove_dir_all(env.ledger().join("views.d")).unwrap();
    let again = hide(&env, &["--literal", SECRET]);
    assert!(is_gone(&env));
    undo(&env, again);
    assert_eq!(env.digest(), before);
}

/// Where the views cannot be written, the command says so and names what brings them along.
#[test]
fn views_that_cannot_be_written_are_said() {
    let env = without_rules();
    let link = env.ledger().join("views.sqlite");
    let target = fs::read_link(&link).unwrap();
    fs::remove_file(&link).unwrap();
    fs::write(&link, b"something of somebody").unwrap();
    env.run(["redact", "--literal", SECRET, "--reason", "r"]).refused(&["views.sqlite"]);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(target, &link).unwrap();
    env.append(&[]);
    let is_recorded = env.count("SELECT count(*) FROM redactions") == 1;
    assert_eq!(is_gone(&env), is_recorded, "in force as soon as it is in the ledger");
    env.digest();
}

/// Killed at any moment: the entry counts as soon as it is there, and the views follow.
#[test]
fn a_killed_redaction_is_whole_or_not_there() {
    let env = without_rules();
    let before = env.digest();
    let size = |env: &TestEnvironment| read_head(&env.ledger()).unwrap().head.size();
    let mut made = 0;
    for _ in 0..5 {
        let old = size(&env);
        let mut child = env
            .command(["redact", "--literal", SECRET, "--reason", "r"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("the entry", || {
            let ended = child.try_wait().unwrap().is_some();
            (ended || size(&env) != old).then_some(())
        });
        child.kill().ok();
        child.wait().unwrap();
        env.append(&[]);
        env.digest();
        made = env.count("SELECT count(*) FROM redactions");
        assert_eq!(is_gone(&env), made > 0, "after {made}");
        env.audits_clean();
    }
    assert!(made > 0);
    for seq in super::column(&env, "SELECT seq || '' FROM redactions ORDER BY seq") {
        undo(&env, seq.parse().unwrap());
    }
    assert_eq!(env.digest(), before);
}

/// Whoever reads after the command has ended sees nothing, whichever way they read.
#[test]
fn no_command_shows_the_old_text_afterwards() {
    let env = without_rules();
    hide(&env, &["--literal", SECRET]);
    for (name, bytes) in super::evidence::published(&env) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(SECRET), "{name}");
    }
    env.ok(["append", "--no-views", &env.codex().display().to_string()]);
    assert_eq!(in_files(&env, &Sought::new(&[SECRET])), BTreeSet::new());
}

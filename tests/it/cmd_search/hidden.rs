//! What is hidden is found no more, and stands in no file of the index from the moment on that the command
//! that hid it has returned.

use super::{found, header, set, stands_in_shards, two_sessions};
use crate::cli_support::{TestEnvironment, copy_tree, prompt_line, thread};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

const HIDE: [&str; 2] = ["--reason", "a test"];

#[track_caller]
fn redact(env: &TestEnvironment, target: &[&str]) -> String {
    let args = ["redact"].iter().chain(target).chain(&HIDE);
    env.json(args)["redaction"]["seq"].to_string()
}

/// Hides it, looks at the files at once, searches, undoes, searches.
#[track_caller]
fn hides(env: &TestEnvironment, target: &[&str], word: &str, others: &str) {
    let before = (set(env, word), set(env, others));
    assert!(!before.0.is_empty() && stands_in_shards(env, word), "{word} is there to be hidden");
    let seq = redact(env, target);
    assert!(!stands_in_shards(env, word), "{target:?}: `{word}` stands in the index");
    assert_eq!(set(env, word), [""; 0], "{target:?}");
    assert_eq!(set(env, others), before.1, "{target:?}: what is not hidden is found");
    assert!(!stands_in_shards(env, word), "nor after a search");
    env.ok(["redact", "undo", &seq, "--reason", "a test"]);
    assert_eq!((set(env, word), set(env, others)), before, "{target:?}: undone");
}

#[test]
fn literals_prompts_and_sessions() {
    let env = two_sessions();
    let prompt = format!("{}#1", thread(1));
    hides(&env, &["--literal", "zephyr"], "zephyr", "twelve");
    hides(&env, &["--literal", "forecast"], "forecast", "gauge");
    hides(&env, &["--regex", "flo+ded"], "flooded", "noon");
    hides(&env, &["--prompt", &prompt], "ancient", "noon");
    hides(&env, &["--session", &thread(2)], "twelve", "noon");
    env.digest();
}

#[test]
fn rules() {
    let env = two_sessions();
    let rules = env.path("rules.yml");
    fs::write(&rules, "name: test\nrules:\n  - id: ships\n    pattern: zephy[a-z]\n").unwrap();
    assert_eq!(found(&env, "zephyr"), ["message 2"]);
    env.ok(["redact", "rules", "set", &rules.display().to_string(), "--reason", "a test"]);
    assert!(!stands_in_shards(&env, "zephyr"));
    assert_eq!(found(&env, "zephyr"), [""; 0]);
    assert_eq!(found(&env, "twelve"), ["message 2"]);
    env.ok(["redact", "rules", "set", "builtin", "--reason", "a test"]);
    assert_eq!(found(&env, "zephyr"), ["message 2"]);
}

/// Words that left the index before somebody hid them are not in its files either.
#[test]
fn words_of_a_rewritten_source_do_not_come_back_out_of_the_files() {
    let env = two_sessions();
    found(&env, "x");
    env.write(&env.rollout(2), &[header(2, "/srv/x", "x"), prompt_line("Only a jetty")].concat());
    env.append(&[]);
    redact(&env, &["--literal", "zephyr"]);
    found(&env, "x");
    assert!(!stands_in_shards(&env, "zephyr"));
}

/// A redaction whose command died after it wrote the views, before it threw the shards away.
#[test]
fn an_index_that_outlived_a_redaction_keeps_nothing() {
    let env = two_sessions();
    found(&env, "x");
    let kept = env.work().join("kept");
    super::shards(&env)
        .iter()
        .for_each(|path| copy_tree(path, &kept.join(path.file_name().unwrap())));
    let folder = super::shards(&env)[0].parent().unwrap().to_path_buf();
    redact(&env, &["--literal", "zephyr"]);
    env.extend(&env.rollout(2), &prompt_line("and then?"));
    env.append(&[]);
    for shard in fs::read_dir(&kept).unwrap().flatten() {
        let path = folder.join(shard.file_name());
        fs::remove_dir_all(&path).ok();
        copy_tree(&shard.path(), &path);
    }
    assert!(stands_in_shards(&env, "zephyr"));
    assert_eq!(found(&env, "zephyr"), [""; 0]);
    assert!(!stands_in_shards(&env, "zephyr"));
}

/// What a search that died left half written is thrown away too.
#[test]
fn a_half_written_index_keeps_nothing() {
    let env = two_sessions();
    found(&env, "x");
    for path in super::shards(&env) {
        copy_tree(&path, &PathBuf::from(format!("{}-new", path.display())));
    }
    redact(&env, &["--literal", "zephyr"]);
    assert!(!stands_in_shards(&env, "zephyr"));
    assert_eq!(found(&env, "zephyr"), [""; 0]);
    assert_eq!(found(&env, "twelve"), ["message 2"]);
}

/// Views that are rebuilt have an index of their own; the old one goes with the old views.
#[test]
fn a_rebuild_leaves_no_old_index() {
    let env = two_sessions();
    found(&env, "x");
    env.ok(["rebuild-views"]);
    found(&env, "x");
    redact(&env, &["--literal", "zephyr"]);
    assert!(!stands_in_shards(&env, "zephyr"));
    assert_eq!(found(&env, "zephyr"), [""; 0]);
}

/// Lets the searches end, whatever happens.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Searches run while something is hidden: none finds it once the command has returned.
#[test]
fn searches_beside_a_redaction() {
    let env = two_sessions();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let search = || {
            while !is_over.load(Ordering::Relaxed) {
                // A slow machine may make it wait, which it would say.
                assert!(env.json(["search", "--quiet", "zephyr"])["total"].as_u64() <= Some(1));
            }
        };
        let _end = AtEnd(&is_over);
        scope.spawn(search);
        scope.spawn(search);
        for _ in 0..4 {
            let seq = redact(&env, &["--literal", "zephyr"]);
            assert!(!stands_in_shards(&env, "zephyr"));
            assert_eq!(found(&env, "zephyr"), [""; 0]);
            env.ok(["redact", "undo", &seq, "--reason", "a test"]);
            assert_eq!(found(&env, "zephyr"), ["message 2"]);
        }
    });
}

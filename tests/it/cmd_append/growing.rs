//! Files that grow, move, double, shrink, are rewritten and go away.

use crate::cli_support::{
    Source, TestEnvironment, compressed, id_of, lines_of, prompt_line, session, sources_below,
    thread,
};
use std::fs;
use std::path::{Path, PathBuf};

fn problems(done: &serde_json::Value) -> String {
    done["problems"].to_string()
}

fn rows(env: &TestEnvironment) -> i64 {
    env.count("SELECT count(*) FROM events")
}

#[test]
fn a_growing_file_gives_only_its_new_bytes() {
    let env = TestEnvironment::new();
    let file = env.rollout(1);
    env.write(&file, &session(1, 3));
    let mut known = env.append(&[])["bytes"]["appended"].as_u64().unwrap();
    let mut head = 0;
    for step in 0..4 {
        let more = prompt_line(&format!("step {step}")).repeat(step + 1);
        env.extend(&file, &more);
        let done = env.append(&[]);
        assert_eq!(done["bytes"]["already"], known);
        assert_eq!(done["bytes"]["appended"], more.len());
        assert_eq!(done["lines"]["appended"], step + 1);
        let size = done["head"]["size"].as_u64().unwrap();
        assert!(head == 0 || size == head + step as u64 + 1, "one entry for each line, no others");
        (known, head) = (known + more.len() as u64, size);
        env.digest();
    }
    assert_eq!(env.raw(&thread(1), &[]), fs::read(&file).unwrap());
    assert_eq!(env.count("SELECT count(*) FROM prompts"), 13);
    env.audits_clean();
}

#[test]
fn moved_compressed_and_doubled_files_add_nothing() {
    let env = TestEnvironment::new();
    let text = session(1, 5);
    let active = env.rollout(1);
    let archived = env.codex().join("archived_sessions").join(active.file_name().unwrap());
    let zst = PathBuf::from(format!("{}.zst", archived.display()));
    env.write(&active, &text);
    let head = env.append(&[])["head"].clone();

    let nothing_new = |what: &str| {
        let done = env.append(&[]);
        assert_eq!(done["bytes"]["appended"], 0, "{what}");
        assert_eq!(done["head"], head, "{what}");
        assert_eq!(problems(&done), "[]", "{what}");
        assert_eq!(env.count("SELECT count(*) FROM sessions"), 1, "{what}");
    };
    fs::create_dir_all(archived.parent().unwrap()).unwrap();
    fs::copy(&active, &archived).unwrap();
    env.touch(&archived);
    nothing_new("twins");
    fs::remove_file(&active).unwrap();
    nothing_new("moved");
    env.write(&zst, &compressed(&text));
    nothing_new("compressed beside");
    fs::remove_file(&archived).unwrap();
    nothing_new("compressed");
    env.write(&active, &text);
    nothing_new("back again");
    fs::remove_dir_all(env.codex().join("sessions")).unwrap();
    fs::remove_file(&zst).unwrap();
    env.write(&env.codex().join("history.jsonl"), b"{}\n");
    assert_eq!(env.append(&[])["bytes"]["appended"], 3, "a deleted file changes nothing");
    assert_eq!(env.raw(&thread(1), &[]), text);
}

#[test]
fn a_moved_file_goes_on_where_it_was() {
    let env = TestEnvironment::new();
    let text = session(1, 6);
    let half = lines_of(&text)[..3].concat();
    env.write(&env.rollout(1), &half);
    env.append(&[]);
    fs::remove_file(env.rollout(1)).unwrap();
    let zst = format!("archived_sessions/{}.zst", env.rollout(1).file_name().unwrap().display());
    env.write(&env.codex().join(zst), &compressed(&text));
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["already"], half.len());
    assert_eq!(done["bytes"]["appended"], text.len() - half.len());
    assert_eq!(env.raw(&thread(1), &[]), text);
    assert_eq!(env.count("SELECT count(*) FROM streams"), 1);
    env.digest();
}

/// Twins of one file that differ in length, found in the same run, in every order that names allow.
#[test]
fn twins_of_one_run_are_kept_once() {
    let text = session(1, 6);
    let half = lines_of(&text)[..3].concat();
    for (index, (first, second)) in
        [(&text, &half), (&half, &text), (&text, &text)].iter().enumerate()
    {
        let env = TestEnvironment::new();
        env.write(&env.rollout(1), first);
        let archive = env.codex().join("archived_sessions");
        env.write(&archive.join(env.rollout(1).file_name().unwrap()), second);
        let zst = format!("{}.zst", env.rollout(1).file_name().unwrap().display());
        env.write(&archive.join(&zst), &compressed(&half));
        let done = env.append(&[]);
        assert_eq!(done["bytes"]["appended"], text.len(), "case {index}");
        assert_eq!(done["files"]["failed"], 0, "case {index}");
        assert_eq!(env.count("SELECT count(*) FROM streams"), 1, "case {index}");
        assert_eq!(rows(&env), 7, "case {index}");
        assert_eq!(env.raw(&thread(1), &[]), text, "case {index}");
        let before = env.json(["status"]);
        let again = env.append(&[]);
        assert_eq!(again["bytes"]["appended"], 0, "case {index}");
        assert_eq!(again["head"], before["head"], "case {index}");
        env.audits_clean();
    }
}

#[test]
fn a_rewritten_file_opens_a_new_generation() {
    let env = TestEnvironment::new();
    let file = env.rollout(1);
    let texts = [session(1, 4), session(1, 9)[40..].to_vec(), session(1, 2).repeat(2)];
    let mut older = 0;
    for (generation, text) in texts.iter().enumerate() {
        env.write(&file, text);
        let done = env.append(&[]);
        assert_eq!(done["bytes"]["appended"], text.len());
        if generation > 0 {
            let words = format!("generation {generation} begins");
            assert!(problems(&done).contains(&words), "{done}");
        }
        assert_eq!(env.raw(&thread(1), &[]), *text);
        for (known, bytes) in texts.iter().take(generation + 1).enumerate() {
            assert_eq!(env.raw(&thread(1), &["--generation", &known.to_string()]), *bytes);
        }
        // All end at the same time: what has lost something stands behind what is whole.
        let last = texts[..=generation].iter().min_by_key(|text| text.len());
        let last = lines_of(last.unwrap()).len() as i64;
        assert_eq!(rows(&env), last, "events are those of the last one");
        let superseded = env.count("SELECT count(*) FROM streams WHERE superseded = 1");
        assert_eq!(superseded, generation as i64);
        assert!(done["head"]["size"].as_u64().unwrap() > older, "nothing is taken away");
        older = done["head"]["size"].as_u64().unwrap();
        env.digest();
    }
    env.run(["show", "--raw", &thread(1), "--generation", "3"]).refused(&["no such generation"]);
    env.write(&file, &texts[0]);
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["appended"], 0, "a known generation that came back");
    assert_eq!(done["bytes"]["already"], texts[0].len());
    env.audits_clean();
}

#[test]
fn what_only_an_older_generation_tells_is_marked() {
    let env = TestEnvironment::with_session(3);
    let whole = session(1, 3);
    let lines = lines_of(&whole);
    let rewritten = [&lines[..2], &lines[3..]].concat().concat();
    env.write(&env.rollout(1), &rewritten);
    env.append(&[]);
    let mark = "only in another version of the file";
    let report = env.ok(["report", "--format", "md"]).text().to_string();
    assert_eq!(report.matches(mark).count(), 1, "{report}");
    assert_eq!(report.matches("\n### Prompt").count(), 3, "each prompt once: {report}");
    assert!(env.ok(["show", &thread(1)]).text().contains(mark));
    env.audits_clean();
}

/// Of the older generation nothing is remembered that a rebuild, which never compares it, would not know.
#[test]
fn a_fork_that_was_compared_with_its_parent_and_is_rewritten_leaves_no_trace() {
    let env = TestEnvironment::new();
    let home = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rollouts/fork_restamped/home");
    let sources = sources_below(Path::new(home));
    assert_eq!(sources.len(), 2, "the parent and its fork");
    let path = |source: &Source| env.codex().join(&source.relative);
    for source in &sources {
        env.write(&path(source), &fs::read(&source.path).unwrap());
    }
    env.append(&[]);
    assert_eq!(env.count("SELECT count(*) FROM sessions WHERE copy = 'compared'"), 1);
    let fork =
        sources.iter().max_by_key(|source| source.name()).expect("the fork is the later one");
    let bytes = fs::read(&fork.path).unwrap();
    let lines = lines_of(&bytes);
    env.write(&path(fork), &[&lines[..1], &lines[2..]].concat().concat());
    env.append(&[]);
    assert_eq!(env.count("SELECT count(*) FROM streams WHERE superseded = 1"), 1);
    env.audits_clean();
}

#[test]
fn a_cut_file_is_reported_and_loses_nothing() {
    let env = TestEnvironment::new();
    let (file, text) = (env.rollout(1), session(1, 8));
    env.write(&file, &text);
    env.append(&[]);
    for cut in [text.len() - 1, text.len() / 2, 10, 1] {
        env.write(&file, &text[..cut]);
        let head = env.json(["status"])["head"].clone();
        for run in 0..2 {
            let done = env.append(&[]);
            assert_eq!(done["head"], head, "cut at {cut}, run {run}");
            assert_eq!(done["bytes"]["already"], cut);
            assert!(problems(&done).contains("cut, or an older copy"), "{done}");
            assert!(problems(&done).contains(&id_of(&file)), "{done}");
        }
        assert_eq!(env.raw(&thread(1), &[]), text);
    }
    let head = env.json(["status"])["head"].clone();
    env.write(&file, b"");
    assert_eq!(env.append(&[])["head"], head);
    env.write(&file, &text);
    let done = env.append(&[]);
    assert_eq!((&done["head"], problems(&done).as_str()), (&head, "[]"), "whole again");
    env.extend(&file, &prompt_line("and on"));
    assert_eq!(env.append(&[])["bytes"]["appended"], prompt_line("and on").len());
    env.audits_clean();
}

/// A file that was cut and then goes on otherwise is another text.
#[test]
fn a_cut_file_that_goes_on_otherwise_is_a_new_generation() {
    let env = TestEnvironment::new();
    let (file, text) = (env.rollout(1), session(1, 8));
    env.write(&file, &text);
    env.append(&[]);
    let kept = lines_of(&text)[..4].concat();
    let other = [kept.clone(), prompt_line("something else").repeat(9)].concat();
    env.write(&file, &kept);
    env.append(&[]);
    env.write(&file, &other);
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["appended"], other.len());
    assert_eq!(env.raw(&thread(1), &[]), other);
    assert_eq!(env.raw(&thread(1), &["--generation", "0"]), text);
    env.extend(&file, &prompt_line("more"));
    assert_eq!(env.append(&[])["bytes"]["appended"], prompt_line("more").len());
    env.audits_clean();
}

/// A copy under a name of its own is known by the thread that its first line names, and by its bytes.
#[test]
fn a_copy_under_another_name_adds_nothing() {
    let env = TestEnvironment::new();
    let path = env.rollout(1);
    env.write(&path, &session(1, 3));
    let copy = |name: &str, bytes: &[u8]| {
        let path = env.path("copies").join(name);
        env.write(&path, bytes);
        path
    };
    let whole = session(1, 3);
    let cut = whole.len() - lines_of(&whole)[3].len();
    // In one run with its original, whatever its name; and again.
    let first = copy("a.jsonl", &whole);
    let done = env.append_roots(&[first.clone(), env.codex()], &[]);
    assert_eq!(done["bytes"]["appended"], whole.len());
    assert_eq!(done["bytes"]["already"], whole.len());
    for (name, bytes) in [
        ("b.jsonl", whole.clone()),
        ("older.jsonl", whole[..cut].to_vec()),
        ("c.jsonl.zst", compressed(&whole)),
        ("no end at all", whole.clone()),
    ] {
        let done = env.append_roots(&[copy(name, &bytes)], &[]);
        assert_eq!(done["bytes"]["appended"], 0, "{name}: {done}");
    }
    assert_eq!(rows(&env), 4);
    // A copy that has more brings that.
    let mut more = whole.clone();
    more.extend(prompt_line("and tomorrow?"));
    let done = env.append_roots(&[copy("later.jsonl", &more)], &[]);
    assert_eq!(done["bytes"]["appended"], more.len() - whole.len());
    assert_eq!(rows(&env), 5);
    env.write(&path, &more);
    assert_eq!(env.append(&[])["bytes"]["appended"], 0);
    assert_eq!(env.raw(&thread(1), &[]), more);
    // Another text that names the thread is no copy.
    let other = [&session(1, 0)[..20], b"\n", &whole].concat();
    let done = env.append_roots(&[copy("other.jsonl", &other)], &[]);
    assert_eq!(done["bytes"]["appended"], other.len());
    assert_eq!(env.append_roots(&[first], &[])["bytes"]["appended"], 0);
    env.audits_clean();
}

//! The whole way on a corpus of real logs. Nothing of what they say is printed: counts and indices only.

use crate::cli_support::{Source, TestEnvironment, lines_of, skip, sources_below, variable};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The homes in which every file with this many problems or more is damaged, by the corpus's own list.
const DAMAGED_HOMES: [&str; 3] = ["home-14", "home-15", "home-16"];

fn corpus() -> Option<PathBuf> {
    let named = variable("CODEX_LEDGER_CORPUS");
    let inside =
        named.map(|path| if path.join("corpus").is_dir() { path.join("corpus") } else { path });
    let found = inside.filter(|path| path.join("home-01").is_dir());
    if found.is_none() {
        skip("corpus", "CODEX_LEDGER_CORPUS names no folder with home-01, home-02, …");
    }
    found
}

fn homes(corpus: &Path) -> Vec<PathBuf> {
    (1..=20).map(|number| corpus.join(format!("home-{number:02}"))).collect()
}

/// Whether a line is damaged, told without the program: no JSON object or array of its own.
fn is_damaged(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    !text.is_empty()
        && serde_json::from_slice::<Value>(text).map_or(true, |value| !value.is_object())
}

fn damaged_files(corpus: &Path) -> Vec<Source> {
    let homes = DAMAGED_HOMES.iter().flat_map(|home| sources_below(&corpus.join(home)));
    homes
        .filter(|source| source.is_rollout() && !source.is_document())
        .filter(|source| lines_of(&source.bytes).into_iter().any(is_damaged))
        .collect()
}

fn problem_paths(done: &Value) -> BTreeSet<String> {
    let problems = done["problems"].as_array().expect("a list");
    problems.iter().map(|p| p["path"].as_str().expect("a path").to_string()).collect()
}

/// Compares without ever printing the bytes.
fn same(what: &str, got: &[u8], expected: &[u8]) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    assert!(got == expected, "{what}: bytes");
}

/// Lines of a file that are asked for one by one; all of them where the file is short.
const LINES_ASKED: usize = 150;

fn raw_lines_are_those_of_the_source(env: &TestEnvironment, index: usize, source: &Source) {
    same(&format!("file {index}"), &env.raw(&source.id(), &[]), &source.bytes);
    let lines = lines_of(&source.bytes);
    let step = lines.len().div_ceil(LINES_ASKED);
    for (number, line) in lines.iter().enumerate().step_by(step) {
        let got = env.raw(&source.id(), &["--line", &number.to_string()]);
        same(&format!("file {index} line {number}"), &got, line);
    }
    let views = env.views();
    let mut places = views
        .prepare(
            "SELECT line, offset, e.bytes FROM events e JOIN streams USING (stream)
             WHERE thread = ? AND superseded = 0 AND part = 0 ORDER BY line",
        )
        .expect("a statement");
    let places = places.query_map([source.id()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let places: Vec<(i64, i64, i64)> =
        places.expect("rows").collect::<Result<_, _>>().expect("numbers");
    assert_eq!(places.len(), lines.len(), "file {index}: a row for each line");
    let mut offset = 0;
    for (number, (place, line)) in places.iter().zip(&lines).enumerate() {
        let len = line.strip_suffix(b"\n").unwrap_or(line).len() as i64;
        assert_eq!(*place, (number as i64, offset, len), "file {index} line {number}");
        offset += line.len() as i64;
    }
}

/// The three with the most kinds of damage: one of each home, the smallest, so that it stays quick.
fn three(damaged: &[Source]) -> Vec<&Source> {
    let of_home = |home: &str| {
        let in_home =
            damaged.iter().filter(|source| source.path.components().any(|c| c.as_os_str() == home));
        in_home.min_by_key(|source| lines_of(&source.bytes).len())
    };
    DAMAGED_HOMES.iter().filter_map(|home| of_home(home)).collect()
}

#[test]
fn a_corpus_of_real_logs_goes_the_whole_way() {
    let Some(corpus) = corpus() else { return };
    let env = TestEnvironment::new();
    let mut roots = homes(&corpus);
    let sources: Vec<Source> = roots.iter().flat_map(|home| sources_below(home)).collect();
    let total: usize = sources.iter().map(|source| source.bytes.len()).sum();

    let done = env.append_roots(&roots, &[]);
    assert_eq!(done["files"]["seen"], sources.len());
    assert_eq!(done["files"]["failed"], 0);
    assert_eq!(done["bytes"]["seen"], total, "coverage to the byte");
    assert_eq!(done["bytes"]["skipped"], 0);
    assert_eq!(done["lines"]["malformed"].as_u64().map(|count| count > 0), Some(true));
    let damaged = damaged_files(&corpus);
    assert!(damaged.len() >= 4, "{} damaged files", damaged.len());
    let named = problem_paths(&done);
    for (index, source) in damaged.iter().enumerate() {
        assert!(named.contains(&source.path.display().to_string()), "damaged file {index}");
    }
    let digest = env.digest();
    env.audits_clean();
    for (index, source) in three(&damaged).into_iter().enumerate() {
        raw_lines_are_those_of_the_source(&env, index, source);
    }

    let before = env.json(["status"]);
    let again = env.append_roots(&roots, &[]);
    assert_eq!((&again["bytes"]["appended"], &again["head"]), (&0.into(), &before["head"]));
    assert_eq!(again["files"]["unchanged"], sources.len());

    std::fs::remove_dir_all(env.ledger()).expect("the ledger goes");
    roots.reverse();
    for home in &roots {
        env.append_roots(std::slice::from_ref(home), &["--no-views"]);
    }
    assert_eq!(env.append_roots(&roots, &[])["bytes"]["appended"], 0);
    assert_eq!(env.digest(), digest, "the order of the homes leaves no trace");
}

//! `report --publish`: only what changed is written, and only our pages are touched.

use crate::cli_support::{TestEnvironment, prompt_line, session};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn pages(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(dir).unwrap().map(|entry| read(entry.unwrap())).collect()
}

fn environment(sessions: u64) -> (TestEnvironment, PathBuf) {
    let env = TestEnvironment::new();
    for number in 1..=sessions {
        env.write(&env.rollout(number), &session(number, 2));
    }
    env.append(&[]);
    let dir = env.work().join("pages");
    (env, dir)
}

#[test]
fn publishing_twice_changes_nothing() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for (format, by) in [("md", "session"), ("html", "session"), ("md", "day"), ("html", "day")] {
        let dir = env.work().join(format!("{format}-{by}"));
        let dir = dir.to_str().unwrap();
        let args = ["report", "--publish", dir, "--format", format, "--by", by];
        let first = env.json(args);
        let before = pages(Path::new(dir));
        assert_eq!(
            first["written"].as_array().unwrap().len() + 1,
            before.len(),
            "and the manifest"
        );
        let second = env.json(args);
        assert_eq!(second["written"], serde_json::json!([]));
        assert_eq!(second["unchanged"], before.len() - 1);
        assert!(before == pages(Path::new(dir)));
        assert_eq!(env.json(args.iter().chain(&["--check"]))["ok"], true);
        let index = String::from_utf8(before[&format!("index.{format}")].clone()).unwrap();
        for name in
            before.keys().filter(|name| name.ends_with(format) && !name.starts_with("index"))
        {
            assert!(index.contains(name.as_str()), "{name} is in the index");
        }
    }
}

#[test]
fn one_more_session_touches_its_page_and_the_index() {
    let (env, dir) = environment(3);
    let dir = dir.to_str().unwrap();
    env.json(["report", "--publish", dir]);
    let before = pages(Path::new(dir));
    env.write(&env.rollout(9), &session(9, 1));
    env.append(&[]);
    let check = env.run(["report", "--publish", dir, "--check", "--json"]).expect(1).json();
    assert_eq!(check["stale"][0]["reason"], "missing");
    assert_eq!(check["stale"][1]["page"], "index.md");
    assert!(before == pages(Path::new(dir)), "a check writes nothing");
    let done = env.json(["report", "--publish", dir]);
    assert_eq!(done["written"], serde_json::json!(["2026-03-01-019cabcd-000009.md", "index.md"]));
}

#[test]
fn a_longer_session_touches_its_page_only() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let dir = env.work().join("pages");
    let dir = dir.to_str().unwrap();
    env.json(["report", "--publish", dir]);
    let grown = env.codex().join("sessions/2026/09/10");
    let grown = fs::read_dir(grown).unwrap().next().unwrap().unwrap().path();
    env.extend(&grown, &prompt_line("And the next tide?"));
    env.append(&[]);
    let done = env.json(["report", "--publish", dir]);
    let written = done["written"].as_array().unwrap();
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].as_str().unwrap().contains("01a08a23"));
}

#[test]
fn only_our_own_pages_are_touched() {
    let (env, dir) = environment(2);
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("README.md"), "mine").unwrap();
    fs::write(dir.join("index.md"), "mine too").unwrap();
    let args = ["report", "--publish", dir.to_str().unwrap()];
    env.run(args).refused(&["index.md", "not one of our pages"]);
    assert_eq!(pages(&dir).len(), 2, "nothing was written");
    fs::remove_file(dir.join("index.md")).unwrap();
    env.ok(args);
    let only_one = "019cabcd-0000-7000-8000-000000000001";
    let names: Vec<String> =
        pages(&dir).into_keys().filter(|name| name.starts_with("20")).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let gone = names.iter().find(|name| name.contains("000002")).unwrap();
    fs::write(dir.join(gone), "changed by hand").unwrap();
    let check = env.run(args.iter().chain(&["--check"])).expect(1);
    assert!(check.text().contains("changed by somebody else"), "{}", check.text());
    let done = env.json(args.iter().chain(&["--session", only_one]));
    assert_eq!(done["removed"], serde_json::json!([]), "a changed page stays");
    assert_eq!(done["stale"][0]["page"], gone.as_str());
    assert_eq!(fs::read(dir.join(gone)).unwrap(), b"changed by hand");
    assert_eq!(fs::read(dir.join("README.md")).unwrap(), b"mine");
}

#[test]
fn pages_that_are_no_longer_part_are_removed() {
    let (env, dir) = environment(2);
    let args = ["report", "--publish", dir.to_str().unwrap()];
    env.ok(args);
    let done = env.json(args.iter().chain(&["--until", "2020-01-01"]).chain(&["--quiet"]));
    assert_eq!(done["removed"].as_array().unwrap().len(), 2);
    assert_eq!(pages(&dir).into_keys().collect::<Vec<_>>(), ["codex-ledger.json", "index.md"]);
    fs::write(dir.join("codex-ledger.json"), "{\"schema\":\"x\",\"pages\":{}}").unwrap();
    env.run(args).refused(&["codex-ledger.json", "codex-ledger.publish/1"]);
    let manifest = "{\"schema\":\"codex-ledger.publish/1\",\"pages\":{\"../x\":null}}";
    fs::write(dir.join("codex-ledger.json"), manifest).unwrap();
    env.run(args).refused(&["codex-ledger.json"]);
}

#[test]
fn what_cannot_be_published_is_refused() {
    let (env, dir) = environment(1);
    let dir = dir.to_str().unwrap();
    env.run(["report", "--publish", dir, "--format", "csv"]).refused(&["Markdown or HTML"]);
    env.run(["report", "--publish", dir, "--mode", "tokens"]).refused(&["pages of prompts"]);
    env.run(["report", "--check"]).refused(&["--publish"]);
    fs::write(dir, "a file").unwrap();
    env.run(["report", "--publish", dir]).refused(&["is not a directory"]);
}

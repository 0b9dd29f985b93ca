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
    let stale: Vec<_> =
        check["stale"].as_array().unwrap().iter().map(|of| (&of["page"], &of["reason"])).collect();
    let (before_it, it) = ("2026-03-01-019cabcd-000003.md", "2026-03-01-019cabcd-000009.md");
    assert_eq!(stale[0], (&before_it.into(), &"out of date".into()), "it names the next one");
    assert_eq!(stale[1], (&it.into(), &"missing".into()));
    assert_eq!(stale[2].0, "index.md");
    assert!(before == pages(Path::new(dir)), "a check writes nothing");
    let done = env.json(["report", "--publish", dir]);
    assert_eq!(done["written"], serde_json::json!([before_it, it, "index.md", "feed.xml"]));
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
    assert_eq!(written.len(), 3, "{written:?}");
    assert!(written[0].as_str().unwrap().contains("01a08a23"));
    assert_eq!(written[1..], ["index.md", "feed.xml"]);
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
    assert_eq!(
        pages(&dir).into_keys().collect::<Vec<_>>(),
        ["codex-ledger.json", "feed.xml", "index.md"]
    );
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

#[test]
fn pages_have_the_titles_of_sessions_and_name_those_beside_them() {
    let (env, dir) = environment(3);
    let page = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    env.ok(["report", "--publish", dir.to_str().unwrap(), "--format", "html"]);
    let names: Vec<String> = (1..4).map(|n| format!("2026-03-01-019cabcd-00000{n}.html")).collect();
    let [first, second, third] = [0, 1, 2].map(|at| page(&names[at]));
    assert!(second.contains(&format!("href=\"{}\" rel=\"prev\"", names[0])), "{second}");
    assert!(second.contains(&format!("href=\"{}\" rel=\"next\"", names[2])));
    assert!(!first.contains("rel=\"prev\"") && !third.contains("rel=\"next\""));
    let title = second.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    assert!(second.contains(&format!("<span class=\"label\">{title}</span>")), "{title}");
}

#[test]
fn a_relative_range_is_of_whole_days_and_a_feed_names_what_is_new() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let dir = env.work().join("pages");
    let args = ["report", "--publish", dir.to_str().unwrap(), "--since", "90000h"];
    env.ok(args);
    let before = pages(&dir);
    let index = String::from_utf8(before["index.md"].clone()).unwrap();
    let since = index.split("since `").nth(1).unwrap().split('`').next().unwrap();
    assert_eq!(since.len(), "2016-08-22".len(), "a day, not an hour: {since}");
    let feed = String::from_utf8(before["feed.xml"].clone()).unwrap();
    assert_eq!(feed.matches("<entry>").count(), before.len() - 3, "all but index, feed, manifest");
    let newest = feed.split("<entry>").nth(1).unwrap();
    assert!(newest.contains("<title>Release 1.0</title>"), "{newest}");
    assert!(newest.contains("<updated>2026-09-10T"), "{newest}");
}

#[test]
fn pages_may_be_of_weeks_months_and_repositories() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for (by, page, count) in [
        ("week", "2026-W07.md", 9),
        ("month", "2026-02.md", 9),
        ("repo", "repo-example-tide-tables.md", 5),
    ] {
        let dir = env.work().join(by);
        let args = ["report", "--publish", dir.to_str().unwrap(), "--by", by];
        env.ok(args);
        let pages = pages(&dir);
        assert!(pages.contains_key(page), "{by}: {:?}", pages.keys());
        assert!(pages.len() >= count, "{by}: {:?}", pages.keys());
        assert_eq!(env.json(args.iter().chain(&["--check"]))["ok"], true, "{by}");
    }
}

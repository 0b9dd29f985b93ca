//! `show --raw`: the exact bytes of sources, and the whole way on a corpus of real logs.

mod corpus;
mod terminal;

use crate::cli_support::{TestEnvironment, lines_of, prompt_line, session, sources_below, thread};

#[test]
fn whole_sessions_are_the_bytes_of_their_sources() {
    let env = TestEnvironment::with_fixture();
    for source in sources_below(&env.codex()) {
        env.settle(&source.path);
    }
    env.append(&[]);
    let rollouts = sources_below(&env.codex()).into_iter().filter(|source| source.is_rollout());
    let mut shown = 0;
    for source in rollouts {
        assert_eq!(env.raw(&source.id(), &[]), source.bytes, "{}", source.name());
        assert_eq!(env.raw(&source.id(), &["--generation", "0"]), source.bytes);
        shown += 1;
    }
    assert_eq!(shown, 16);
}

#[test]
fn every_line_of_the_damaged_files_is_the_line_of_the_source() {
    let env = TestEnvironment::with_fixture();
    sources_below(&env.codex()).iter().for_each(|source| env.settle(&source.path));
    env.append(&[]);
    let damaged = ["2025-10-07", "2026-05-21", "2026-01-10"];
    let sources = sources_below(&env.codex());
    for day in damaged {
        let source = sources.iter().find(|source| source.name().contains(day)).unwrap();
        for (index, line) in lines_of(&source.bytes).into_iter().enumerate() {
            assert_eq!(
                env.raw(&source.id(), &["--line", &index.to_string()]),
                line,
                "{day} {index}"
            );
        }
    }
}

#[test]
fn single_entries_are_shown_by_their_number() {
    let env = TestEnvironment::with_fixture();
    let size = env.append(&[])["head"]["size"].as_u64().unwrap();
    let source = sources_below(&env.codex()).remove(0);
    let seqs: Vec<i64> = env
        .views()
        .prepare(
            "SELECT seq FROM events JOIN streams USING (stream) WHERE thread = ? ORDER BY line",
        )
        .unwrap()
        .query_map([source.id()], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (seq, line) in seqs.iter().zip(lines_of(&source.bytes)) {
        assert_eq!(env.ok(["show", "--raw", "--entry", &seq.to_string()]).stdout, line);
    }
    env.ok(["show", "--raw", "--entry", "0"]);
    // Each look at raw bytes has added an entry.
    let beyond = (size + 10_000).to_string();
    env.run(["show", "--raw", "--entry", &beyond]).refused(&[&beyond]);
    env.run(["show", "--entry", "1"]).refused(&["--raw"]);
}

#[test]
fn a_session_is_shown_by_any_unique_beginning_of_its_id() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let newest = "01a08a23-2838-774d-aff9-90f16264b566";
    for prefix in ["01a", "01A08A23", newest, ""] {
        let detail = env.json(["show", prefix]);
        assert_eq!(detail["id"], newest, "{prefix}");
    }
    assert_eq!(env.json(["show"])["id"], newest, "the newest one");
    env.run(["show", "019"]).refused(&["is the beginning of", "019c416a", "more digits"]);
    env.run(["show", "--raw", "019"]).refused(&["is the beginning of"]);
    for command in [&["show"][..], &["show", "--raw"], &["group"]] {
        let args = command.iter().chain([&"ffff"]);
        env.run(args).refused(&["no session begins with `ffff`", "codex-ledger sessions"]);
    }
    env.run(["show", "--raw", &thread(1)]).refused(&["no session begins with"]);
}

#[test]
fn a_session_in_full_has_what_happened_in_order() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let detail = env.json(["show", "019c416a"]);
    let items = detail["items"].as_array().unwrap();
    let lines: Vec<u64> = items.iter().map(|item| item["line"].as_u64().unwrap()).collect();
    assert!(lines.is_sorted());
    for kind in ["prompt", "message", "call", "reasoning", "turn"] {
        assert!(items.iter().any(|item| item["kind"] == kind), "{kind}");
    }
    let prompts = items.iter().filter(|item| item["kind"] == "prompt").count();
    assert_eq!(detail["prompts"], prompts);
    let groups = env.json(["group", "019c416a"])["groups"].as_array().unwrap().clone();
    assert_eq!(groups.iter().filter(|group| group["prompt"].is_object()).count(), prompts);
    let grouped: usize = groups.iter().map(|group| group["items"].as_array().unwrap().len()).sum();
    assert_eq!(grouped + prompts, items.len());
}

#[test]
fn sessions_of_machines_are_told_from_those_of_persons() {
    let env = TestEnvironment::new();
    let sources = [
        (r#""cli""#, "cli"),
        (r#"{"custom":"atlas"}"#, "atlas"),
        (r#"{"internal":"guardian"}"#, "internal guardian"),
        (r#"{"subagent":"memory_consolidation"}"#, "subagent memory_consolidation"),
    ];
    for (number, (source, _)) in (1..).zip(sources) {
        let text = String::from_utf8(session(number, 1)).unwrap();
        let text = text.replace(r#""source":"cli""#, &format!(r#""source":{source}"#));
        env.write(&env.rollout(number), text.as_bytes());
    }
    env.append(&[]);
    let list = env.ok(["sessions"]).text().to_string();
    for (number, (_, words)) in (1..).zip(sources) {
        assert_eq!(list.lines().filter(|line| line.contains(words)).count(), 1, "{words}: {list}");
        let shown = env.ok(["show", &thread(number)]).text().to_string();
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let rows = env.json(["sessions", "--session", &thread(3)]);
    assert_eq!(rows[0]["source"], "internal");
    assert_eq!(rows[0]["subagent"], "guardian");
    assert_eq!(env.json(["show", &thread(1)])["subagent"], serde_json::Value::Null);
}

/// As a person names it: the newest, the one before it, by what was asked, and one prompt of it.
#[test]
fn a_session_is_found_without_its_id() {
    let env = TestEnvironment::new();
    for number in 1..=3 {
        let mut bytes = session(number, 0);
        bytes.extend(prompt_line(&format!("Paint   buoy\n{number} red")));
        bytes.extend(prompt_line(&format!("Then moor boat {number}")));
        // The newest is the one with the latest record.
        let late =
            String::from_utf8(bytes).unwrap().replace("10:00:01", &format!("1{number}:00:01"));
        env.write(&env.rollout(number), late.as_bytes());
    }
    env.append(&[]);
    let id =
        |args: &[&str]| env.json(["show"].iter().chain(args))["id"].as_str().unwrap().to_string();
    for (name, number) in
        [("", 3), ("latest", 3), ("last", 3), ("-1", 3), ("-3", 1), ("paint buoy 2", 2)]
    {
        assert_eq!(id(&[name]), thread(number), "{name}");
    }
    env.run(["show", "-4"]).refused(&["no session"]);
    env.run(["show", "Paint buoy"]).refused(&["3 sessions", &thread(2)]);
    let title = env.json(["sessions"])[0]["title"].clone();
    assert_eq!(title, "Paint buoy 3 red");
    assert!(env.ok(["sessions"]).text().contains(": Paint buoy 3 red"));
    let shown = env.ok(["show", &format!("{}#2", thread(1))]).text().to_string();
    assert!(shown.contains("moor boat 1") && !shown.contains("10:00:01 prompt 1"), "{shown}");
    assert!(env.ok(["search", "moor"]).text().contains("#2"));
    env.run(["show", &format!("{}#9", thread(1))]).refused(&["2 prompts", "9"]);
}

/// A number sign in a title is not the number of a prompt, and a prompt of such a session is named behind it.
#[test]
fn a_session_is_found_by_a_title_with_a_number_sign() {
    let env = TestEnvironment::new();
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("Mend issue #3"));
    bytes.extend(prompt_line("Now paint the buoy"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let shown = |name: &str| env.ok(["show", name]).text().to_string();
    let whole = shown("Mend issue #3");
    assert!(whole.contains("paint the buoy") && whole.contains("Mend issue"), "{whole}");
    let second = shown("Mend issue #3#2");
    assert!(second.contains("paint the buoy") && !second.contains("#1"), "{second}");
    env.ok(["tag", "add", "boat", "Mend issue #3"]);
    env.ok(["tag", "add", "red", "Mend issue #3#2"]);
    assert!(shown("Mend issue #3").contains("boat"));
    env.run(["show", "Mend issue #3#x"]).refused(&["`x`"]);
}

/// What a person started, and what was started in several ways.
#[test]
fn sessions_are_told_by_who_started_them() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let of = |args: &[&str]| -> Vec<Option<String>> {
        let listed = env.json(["sessions", "--limit", "0"].iter().chain(args));
        let kind = |row: &serde_json::Value| row["subagent"].as_str().map(str::to_string);
        listed.as_array().unwrap().iter().map(kind).collect()
    };
    let all = of(&[]);
    let by_person = of(&["--by-person"]);
    assert!(by_person.iter().all(Option::is_none) && by_person.len() < all.len(), "{by_person:?}");
    let both = of(&["--source", "review", "--source", "thread_spawn"]);
    assert_eq!(both.len(), all.iter().flatten().count(), "{both:?}");
    let said = env.ok(["report", "--by-person"]).text().to_string();
    assert!(said.contains("started by `a person`"), "{said}");
    env.run(["sessions", "--source", "review1"]).refused(&["--source", "review1", "review"]);
}

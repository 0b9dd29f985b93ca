//! `report`: what it counts, what its filters mean, and what it refuses.

mod gate;
mod golden;
mod hostile;
mod publish;
#[cfg(unix)]
mod stopped;

use crate::cli_support::{TestEnvironment, session, thread};
use serde_json::Value;
use std::fs;

fn prompts_of(report: &Value) -> Vec<&Value> {
    let sessions = report["sessions"].as_array().unwrap();
    sessions.iter().flat_map(|session| session["prompts"].as_array().unwrap()).collect()
}

fn ids_of(report: &Value) -> Vec<&str> {
    let sessions = report["sessions"].as_array().unwrap();
    sessions.iter().map(|session| session["id"].as_str().unwrap()).collect()
}

#[test]
fn counts_are_those_of_the_views() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let report = env.json(["report", "--mode", "full"]);
    assert_eq!(report["schema"], "codex-ledger.report/1");
    let totals = &report["totals"];
    for (name, sql) in [
        ("sessions", "SELECT count(*) FROM sessions"),
        ("prompts", "SELECT count(*) FROM prompts WHERE number > 0"),
        ("calls", "SELECT count(*) FROM function_calls WHERE copied = 0"),
        ("commands", "SELECT count(*) FROM function_calls WHERE copied = 0 AND tool = 'shell'"),
        ("lines_added", "SELECT sum(added) FROM file_changes WHERE copied = 0"),
    ] {
        assert_eq!(totals[name], env.count(sql), "{name}");
    }
    let tokens = "SELECT sum(input + output) FROM token_messages WHERE counted = 1";
    assert_eq!(totals["tokens"]["total"], env.count(tokens));
    let prompts = prompts_of(&report);
    let numbered = prompts.iter().filter(|prompt| prompt["number"].is_u64()).count();
    assert_eq!(totals["prompts"], numbered, "every prompt is there");
    let items = |kinds: &[&str]| {
        let items = prompts.iter().filter_map(|prompt| prompt["items"].as_array()).flatten();
        items.filter(|item| kinds.contains(&item["kind"].as_str().unwrap())).count() as i64
    };
    let calls = "SELECT count(*) FROM function_calls WHERE copied = 0 AND name <> 'update_plan'";
    assert_eq!(items(&["command", "mcp", "web_search", "tool"]), env.count(calls));
    let messages = "SELECT count(*) FROM messages WHERE copied = 0 AND kind = 'assistant'";
    assert_eq!(items(&["message"]), env.count(messages));
    let coverage = &report["transparency"]["coverage"];
    let events = "SELECT count(*) FROM events JOIN sessions USING (stream)";
    assert_eq!(coverage["lines"], env.count(events));
    assert_eq!(coverage["unreadable"], 2);
    assert_eq!(coverage["problem_list"].as_array().unwrap().len(), 2);
    let head = env.json(["status"])["head"].clone();
    for name in ["size", "id", "root"] {
        assert_eq!(report["transparency"]["head"][name], head[name], "{name}");
    }
}

#[test]
fn the_same_ledger_gives_the_same_bytes() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for mode in ["prompts", "actions", "tokens", "full"] {
        for format in ["md", "csv", "json", "html"] {
            let args = ["report", "--mode", mode, "--format", format];
            let once = env.ok(args).stdout;
            assert_eq!(once, env.ok(args).stdout, "{mode} {format}");
            let path = env.work().join("report.out");
            let is_csv = format == "csv";
            let path = if is_csv { path.with_extension("csv") } else { path };
            env.ok(args.iter().copied().chain(["-o", path.to_str().unwrap()]));
            assert_eq!(
                once,
                fs::read(&path).unwrap(),
                "{mode} {format}: a file has the same bytes"
            );
        }
    }
}

#[test]
fn days_are_a_partition_of_the_report() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let all = env.json(["report", "--mode", "actions"]);
    let (mut prompts, mut tokens, mut lines) = (0, 0, 0);
    for [since, until] in
        [["2025-01-01", "2025-12-31"], ["2026-01-01", "2026-02-09"], ["2026-02-10", "2027-01-01"]]
    {
        let part = env.json(["report", "--mode", "actions", "--since", since, "--until", until]);
        prompts += part["totals"]["prompts"].as_u64().unwrap();
        tokens += part["totals"]["tokens"]["total"].as_u64().unwrap();
        lines += part["transparency"]["coverage"]["lines"].as_u64().unwrap();
    }
    assert_eq!(all["totals"]["prompts"], prompts);
    assert_eq!(all["totals"]["tokens"]["total"], tokens);
    assert_eq!(all["transparency"]["coverage"]["lines"], lines);
}

#[test]
fn filters_combine() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let ids = |args: &[&str]| {
        let report = env.json(["report"].iter().chain(args));
        ids_of(&report).into_iter().map(|id| id[..8].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["--session", "019c416a"]), ["019c416a"]);
    assert_eq!(ids(&["--session", "01a0", "--session", "019C416A"]), ["019c416a", "01a08a23"]);
    assert_eq!(ids(&["--model", "gpt-5.4"]).len(), 3);
    assert_eq!(ids(&["--source", "subagent"]), ["019b27c9", "019d6be3"]);
    assert_eq!(ids(&["--repo", "tide-tables"]).len(), 15);
    assert_eq!(
        ids(&["--repo", "Example/tide-tables", "--limit", "2", "--order", "newest"]).len(),
        2
    );
    assert_eq!(ids(&["--workspace", "/home/ada"]), ids(&["--workspace", "/home/ada/tide-tables/"]));
    assert_eq!(ids(&["--since", "2026-04-08", "--until", "2026-04-08"]), ["019d6be2", "019d6be3"]);
    let one = ["--since", "2026-04-08", "--until", "2026-04-08", "--source", "subagent"];
    assert_eq!(ids(&one), ["019d6be3"]);
    let mut newest = ids(&["--order", "newest"]);
    newest.reverse();
    assert_eq!(newest, ids(&[]));
}

#[test]
fn days_are_those_of_the_zone() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    // 2026-05-21 20:47 UTC is the next day in Tokyo.
    let day = ["report", "--since", "2026-05-22", "--until", "2026-05-22"];
    assert_eq!(env.run(day.iter().chain(&["--json"])).expect(0).json()["totals"]["sessions"], 0);
    let tokyo = env.json(day.iter().chain(&["--timezone", "Asia/Tokyo"]));
    assert_eq!(tokyo["totals"]["sessions"], 1);
    assert_eq!(tokyo["timezone"], "Asia/Tokyo");
    assert_eq!(tokyo["filters"][0]["meaning"], "2026-05-22T00:00:00+09:00");
}

#[test]
fn a_range_within_a_session_shows_only_what_lies_in_it() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let args = ["report", "--mode", "actions", "--since", "2026-02-09T09:40:55Z", "--until"];
    let report = env.json(args.iter().chain(&["2026-02-09T09:41:41Z"]));
    assert_eq!(report["totals"]["prompts"], 1);
    let prompts = prompts_of(&report);
    assert_eq!(prompts[0]["number"], 3, "asked before, but a turn ended in the range");
    assert_eq!((&prompts[0]["in_range"], &prompts[0]["text"]), (&false.into(), &"".into()));
    assert_eq!((&prompts[1]["number"], &prompts[1]["in_range"]), (&4.into(), &true.into()));
    assert_eq!(prompts[1]["items"].as_array().unwrap().len(), 1, "the command, not the turn's end");
    let text = env.ok(args.iter().chain(&["2026-02-09T09:41:41Z", "--format", "md"]));
    assert!(text.text().contains("asked outside the range"), "{}", text.text());
}

#[test]
fn unknown_values_name_the_nearest() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let refused = |args: &[&str], words: &[&str]| {
        env.run(["report"].iter().chain(args)).refused(words);
    };
    refused(&["--repo", "tide-table"], &["--repo", "`tide-table`", "tide-tables"]);
    refused(&["--model", "gpt-5.44"], &["--model", "gpt-5.4"]);
    refused(&["--source", "subagnet"], &["--source", "subagent"]);
    refused(&["--workspace", "/srv/tides"], &["--workspace", "/tide-tables"]);
    refused(&["--session", "019c416b"], &["--session", "019c416a"]);
    refused(&["--session", "019"], &["is the beginning of", "more digits"]);
    refused(&["--tag", "release"], &["--tag", "no such tag"]);
    refused(&["--disposition", "followed"], &["--disposition", "no such disposition"]);
    refused(&["--timezone", "Mars/Olympus"], &["--timezone", "Mars/Olympus"]);
    refused(&["--since", "yesterdayish"], &["--since", "is no time", "7d"]);
    refused(&["--until", "2026-02-30"], &["--until", "2026-02-30"]);
    refused(&["--since", "2026-03-02", "--until", "2026-03-01"], &["is after", "2026-03-01"]);
    refused(&["--json", "--format", "md"], &["--json"]);
    env.run(["sessions", "--repo", "tide-table"]).refused(&["tide-tables"]);
}

#[test]
fn an_output_that_cannot_be_is_refused_and_nothing_is_left() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let dir = env.work().join("folder");
    fs::create_dir(&dir).unwrap();
    let dir = dir.to_str().unwrap();
    env.run(["report", "-o", dir]).refused(&["is a directory", "report.md"]);
    env.run(["report", "-o", "no/such/report.md"]).refused(&["there is no directory", "no/such"]);
    env.run(["report", "-o", "/proc/report.md"]).refused(&["/proc"]);
    env.run(["report", "--format", "csv", "-o", "/proc/tables"]).refused(&["/proc/tables"]);
    env.ok(["report", "--format", "csv", "--mode", "full", "-o", dir]);
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let tables = ["actions", "prompts", "sessions", "tokens", "tools", "transparency"];
    assert_eq!(names, tables.map(|name| format!("{name}.csv")));
    assert_eq!(fs::read_dir(env.work()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn an_empty_result_is_a_valid_document() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for format in ["md", "csv", "json", "html"] {
        for mode in ["prompts", "actions", "tokens", "full"] {
            let args = ["report", "--mode", mode, "--format", format, "--since", "2040-01-01"];
            let empty = env.run(args).expect(0);
            assert!(empty.stderr.contains("no sessions match"), "{}", empty.stderr);
            match format {
                "json" => assert_eq!(empty.json()["sessions"], serde_json::json!([])),
                "html" => assert!(empty.text().ends_with("</html>\n")),
                "csv" => assert!(empty.text().starts_with("\"kind\",")),
                _ => assert!(empty.text().contains("No sessions match")),
            }
        }
    }
    let sessions = env.ok(["sessions", "--since", "2040-01-01"]);
    assert_eq!(sessions.text(), "no sessions match\n");
}

#[cfg(unix)]
#[test]
fn pipes_and_links_stay_what_they_are() {
    use std::os::unix::fs::FileTypeExt;
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let whole = env.ok(["report"]).stdout;
    let pipe = env.work().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    env.ok(["report", "-o", pipe.to_str().unwrap()]);
    assert_eq!(reader.join().unwrap(), whole);
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    let (file, link) = (env.work().join("file.md"), env.work().join("link.md"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink("file.md", &link).unwrap();
    env.ok(["report", "-o", link.to_str().unwrap()]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), whole);
}

#[test]
fn what_is_hidden_and_who_looked_is_said() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let hide = ["redact", "--literal", "Rewrite everything", "--reason", "too bold | <b>"];
    env.ok(hide);
    env.ok(["redact", "--prompt", "01a08a23#1", "--reason", "a plan"]);
    let views = fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let reveal =
        "INSERT INTO actions VALUES (9000, 1770000000000, 'reveal', 'bob', 'entry 3', NULL, NULL)";
    rusqlite::Connection::open(&views).unwrap().execute(reveal, []).unwrap();
    let day = ["report", "--since", "2026-02-09", "--until", "2026-02-09"];
    for (args, sql) in [
        (&["report"][..], "SELECT sum(passages) FROM redaction_hits JOIN sessions USING (stream)"),
        (
            &day,
            "SELECT sum(passages) FROM redaction_hits JOIN sessions s USING (stream)
             WHERE s.id LIKE '019c416a%'",
        ),
    ] {
        let report = env.json(args);
        let redactions = &report["transparency"]["redactions"];
        assert_eq!(redactions["passages"], env.count(sql), "{args:?}");
        let by_rule = redactions["by_rule"].as_array().unwrap();
        assert!(by_rule.iter().any(|rule| rule["rule"] == "home-user"), "{by_rule:?}");
        assert!(redactions["rule_set"]["digest"].is_string());
        let is_all = args.len() == 1;
        let by_hand = redactions["by_hand"].as_array().unwrap();
        assert_eq!(by_hand.len(), if is_all { 2 } else { 1 });
        assert_eq!(by_hand[0]["reason"], "too bold | <b>");
        assert_eq!(by_hand[0]["actor"], "tester");
        assert_eq!(report["transparency"]["accesses"]["reveals"], u64::from(is_all));
    }
    for format in ["md", "csv", "json", "html"] {
        for mode in ["prompts", "actions", "tokens", "full"] {
            let out = env.ok(["report", "--mode", mode, "--format", format]);
            assert!(!out.text().contains("Rewrite everything"), "{mode} {format}");
            assert!(out.text().contains("too bold"), "{mode} {format}: the reason is given");
        }
    }
    let text = env.ok(day);
    let line = "| by hand | <code>1 passage by tester&#58; too bold ⟨U+007C⟩ &#60;b&#62;</code> |";
    assert!(text.text().contains(line), "{}", text.text());
    // For readers outside, neither who nor why.
    for format in ["md", "csv", "json", "html"] {
        let out = env.ok(["report", "--mode", "full", "--external", "--format", format]);
        for word in ["too bold", "tester"] {
            assert!(!out.text().contains(word), "{format}: {word}");
        }
    }
    let external = env.ok(["report", "--external"]);
    assert!(external.text().contains("1 passage by redaction "), "{}", external.text());
    assert!(external.text().contains("who hid or read what"), "{}", external.text());
}

#[test]
fn sessions_know_the_same_filters() {
    let env = TestEnvironment::new();
    for number in 1..4 {
        env.write(&env.rollout(number), &session(number, number));
    }
    env.append(&[]);
    let found = env.json(["sessions", "--session", &thread(2)]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["id"], thread(2));
    let none = env.json(["sessions", "--until", "2020-01-01"]);
    assert_eq!(none, serde_json::json!([]));
    assert_eq!(env.json(["sessions", "--workspace", "/home/dev"]).as_array().unwrap().len(), 3);
}

#[test]
fn a_directory_is_found_by_any_of_its_spellings() {
    let env = TestEnvironment::new();
    let folders = [r"C:\srv\tides", r"c:\srv\tides\src", r"\\?\C:\srv\tides", "C:/srv/tides"];
    for (number, folder) in (1..).zip(folders.iter().chain(&[r"D:\srv\tides"])) {
        let text = String::from_utf8(session(number, 1)).unwrap();
        let folder = serde_json::to_string(folder).unwrap();
        env.write(&env.rollout(number), text.replace("\"/home/dev/tides\"", &folder).as_bytes());
    }
    env.append(&[]);
    let count = |filter: [&str; 2]| {
        env.json(["sessions"].iter().chain(&filter)).as_array().map_or(0, Vec::len)
    };
    for spelling in ["c:/srv/tides", r"C:\srv\tides\", r"\\?\C:\srv\tides"] {
        assert_eq!(count(["--workspace", spelling]), 4, "{spelling}");
        assert_eq!(count(["--repo", spelling]), 3, "{spelling}");
    }
    assert_eq!(count(["--workspace", "D:"]), 1);
}

#[test]
fn the_name_of_a_file_says_its_format_or_is_refused() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for (name, begins) in [
        ("r.html", "<!DOCTYPE html>"),
        ("r.json", "{\"schema\""),
        ("r.csv", "\"kind\""),
        ("r.md", "# "),
    ] {
        let path = env.work().join(name);
        env.ok(["report", "-o", path.to_str().unwrap()]);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(begins), "{name}");
    }
    let path = env.work().join("other.html");
    let args = ["report", "--format", "md", "-o", path.to_str().unwrap()];
    env.run(args).refused(&["would hold md", "--format html"]);
    assert!(!path.exists());
}

#[test]
fn no_limit_is_zero() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let all = env.json(["report"])["totals"]["sessions"].clone();
    assert_eq!(env.json(["report", "--limit", "0"])["totals"]["sessions"], all);
}

#[test]
fn a_report_on_one_session_says_in_one_line_what_is_elsewhere() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let one = env.ok(["report", "--session", "019c416a"]);
    assert!(one.text().contains("| elsewhere |"), "{}", one.text());
    assert!(!one.text().contains("| sessions missing |") && !one.text().contains("| accesses |"));
    assert!(env.ok(["report"]).text().contains("| sessions missing |"));
}

#[test]
fn answers_are_told_and_remarks_on_the_way_are_not() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let report = env.json(["report", "--mode", "prompts+answers"]);
    let sessions = report["sessions"].as_array().unwrap();
    let items = |session: &serde_json::Value| {
        let prompts = session["prompts"].as_array().unwrap().clone();
        prompts
            .iter()
            .flat_map(|of| of["items"].as_array().cloned().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let items: Vec<_> = sessions.iter().flat_map(items).collect();
    assert!(items.len() > 10 && items.iter().all(|item| item["kind"] == "message"));
    assert!(items.iter().all(|item| item["name"] != "commentary"));
    let html = env.ok(["report", "--mode", "actions", "--format", "html"]);
    assert!(html.text().contains("<div class=\"answer\"><p>"), "in plain sight");
    assert!(html.text().contains("<code>tide-tables serve 8080</code>"), "rendered");
}

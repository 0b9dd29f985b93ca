//! Reading raw text is recorded before it is read, and costs nothing else.

use super::{column, configure_rules, hide, seq, without_rules};
use crate::cli_support::{TestEnvironment, prompt_line, session, sources_below, thread};
use std::fs;

const SESSION: &str = "019c416a";

fn reveals(env: &TestEnvironment) -> Vec<String> {
    env.ok(["migrate"]);
    env.append(&[]);
    column(
        env,
        "SELECT detail || coalesce(': ' || reason, '') FROM actions WHERE verb = 'reveal' ORDER BY seq",
    )
}

#[test]
fn every_raw_reading_is_an_entry() {
    let env = without_rules();
    let size = |env: &TestEnvironment| super::head(env)["size"].as_u64().unwrap();
    let before = size(&env);
    let record = seq(&env, "SELECT seq FROM prompts WHERE number = 1 LIMIT 1").to_string();
    let said = env.ok(["show", "--raw", SESSION]).stderr;
    assert!(said.contains("nothing is hidden in it"), "{said}");
    assert!(said.contains("without a reason: --reason TEXT"), "{said}");
    assert_eq!(size(&env), before + 1);
    let said = env.ok(["show", "--raw", SESSION, "--line", "3", "--reason", "a test"]).stderr;
    assert!(!said.contains("without"), "{said}");
    env.ok(["show", "--raw", "--entry", &record, "--actor", "ada"]);
    env.ok(["show", "--raw", "--entry", &record]);
    assert_eq!(size(&env), before + 4, "twice is two");
    let said = env.ok(["redact", "preview", "--session", SESSION]).stderr;
    assert!(said.contains("nothing is hidden in it"), "{said}");
    env.json(["redact", "preview"]);
    let page = env.work().join("page.html");
    env.ok(["redact", "preview", "--html", &page.display().to_string(), "--reason", "a test"]);
    assert_eq!(size(&env), before + 7);
    let details = reveals(&env);
    assert_eq!(details.len(), 7);
    assert!(details[0].contains("show --raw 019c416a-4ee0"), "{}", details[0]);
    assert!(details[1].contains("line 3"));
    assert!(details[2].contains(&record));
    assert!(details[4].contains("redact preview"));
    let actors = column(&env, "SELECT actor FROM actions WHERE verb = 'reveal' ORDER BY seq");
    assert_eq!((actors[0].as_str(), actors[2].as_str()), ("tester", "ada"));
    env.digest();
    env.audits_clean();
}

/// Nothing raw without its entry: where the ledger takes none, nothing is shown.
#[test]
fn nothing_is_read_that_cannot_be_recorded() {
    let env = without_rules();
    let before = super::head(&env);
    let held = env.hold_lock();
    for args in [
        &["show", "--raw", SESSION][..],
        &["show", "--raw", "--entry", "9"],
        &["redact", "preview", "--session", SESSION],
    ] {
        env.run(args.iter().chain(&["--wait", "0"])).refused(&["a test"]);
    }
    drop(held);
    assert_eq!(super::head(&env), before);
    assert_eq!(reveals(&env), Vec::<String>::new());
}

#[test]
fn a_reading_that_finds_nothing_is_none() {
    let env = without_rules();
    let before = super::head(&env);
    env.run(["show", "--raw", "ffff"]).refused(&["ffff"]);
    env.run(["show", "--raw", "--entry", "99999"]).refused(&["99999"]);
    env.run(["redact", "preview", "--session", "ffff"]).refused(&["ffff"]);
    env.ok(["show", SESSION]);
    env.ok(["group", SESSION]);
    env.ok(["redact", "list"]);
    assert_eq!(super::head(&env), before, "no raw text, no entry");
}

/// The entries between are none of the sources': the next append finds them all as it left them.
#[test]
fn sources_and_tails_stay_known() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    for number in 1..=5 {
        env.write(&env.rollout(number), &session(number, 3));
    }
    env.append(&[]);
    let id = thread(2);
    let redaction = hide(&env, &["--literal", "high water"]);
    env.ok(["show", "--raw", &id]);
    super::undo(&env, redaction);
    env.ok(["redact", "preview"]);
    let size = super::head(&env)["size"].clone();
    for _ in 0..2 {
        let done = env.append(&[]);
        assert_eq!(done["files"]["unchanged"], 5, "{done}");
        assert_eq!(done["bytes"]["appended"], 0);
        assert_eq!(done["head"]["size"], size, "nothing is appended");
    }
    // What is known is not made again from the whole ledger: the side records are still those of the head.
    let side = |env: &TestEnvironment| -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(env.ledger()).unwrap().flatten();
        let mut files: Vec<_> = files
            .filter(|entry| entry.path().is_file() && entry.file_name() != "views.sqlite")
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = side(&env);
    env.append(&[]);
    let changed: Vec<String> = before
        .iter()
        .zip(&side(&env))
        .filter(|(old, new)| old != new)
        .map(|(old, _)| old.0.clone())
        .collect();
    assert_eq!(changed, Vec::<String>::new(), "an append of nothing writes nothing");
    env.extend(&env.rollout(2), &prompt_line("and tomorrow?"));
    let done = env.append(&[]);
    assert_eq!(done["files"]["unchanged"], 4, "{done}");
    assert_eq!(done["bytes"]["appended"], prompt_line("and tomorrow?").len());
    env.audits_clean();
}

#[test]
fn raw_bytes_are_exact_whatever_is_hidden() {
    let env = without_rules();
    hide(&env, &["--session", SESSION]);
    hide(&env, &["--literal", "tide"]);
    let sources = sources_below(&env.codex());
    let source = sources.iter().find(|source| source.name().contains(SESSION)).unwrap();
    let id = super::text(
        &env,
        "SELECT id FROM sessions WHERE stream = (SELECT stream FROM files WHERE path LIKE '%019c416a%')",
    );
    assert_eq!(env.raw(&id, &[]), source.bytes);
}

/// Worst first, each different passage once, and never as one word with its neighbours.
#[test]
fn a_preview_is_grouped_by_rule() {
    let env = TestEnvironment::new();
    let token = ["ghp_", "Zq8Lw3Tn6Vb1Xc5Rm9Kp2Hs7Jd4Fg0YtUa1E"].concat();
    let mut lines = session(1, 0);
    for day in 0..3 {
        lines.extend(prompt_line(&format!("Day {day}: use\n{token}\tand /home/dev/tides{day}")));
    }
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    let preview = |more: &[&str]| env.json(["redact", "preview"].iter().chain(more));
    let rules = |more: &[&str]| -> Vec<(String, u64, u64)> {
        let groups = preview(more)["groups"].as_array().unwrap().clone();
        let of = |group: &serde_json::Value| {
            let number = |name: &str| group[name].as_u64().unwrap();
            let rule = group["rule"].as_str().unwrap_or_default().to_string();
            (rule, number("passages"), number("different"))
        };
        groups.iter().map(of).collect()
    };
    let all = rules(&[]);
    assert_eq!(
        (all[0].0.as_str(), all[0].2),
        ("github-token", 1),
        "the worst first, once: {all:?}"
    );
    assert!(all.iter().any(|group| group.0 == "home-user"), "{all:?}");
    let only: Vec<String> = rules(&["--rule", "home-user"]).into_iter().map(|of| of.0).collect();
    assert_eq!(only, ["home-user"]);
    let worst: Vec<String> = rules(&["--severity", "high"]).into_iter().map(|of| of.0).collect();
    assert!(!worst.contains(&"home-user".to_string()) && worst[0] == "github-token");
    assert_eq!(rules(&["--shown"]), []);
    let text = env.ok(["redact", "preview", "--rule", "github-token"]).text().to_string();
    assert!(text.contains(&format!("use {token} and")), "{text}");
    assert!(text.contains("use [redacted:github-token] and"), "{text}");
    let page = env.work().join("preview.html");
    let to = page.display().to_string();
    env.run(["redact", "preview", "--html", &to]).refused(&["--reason"]);
    env.ok(["redact", "preview", "--html", &to, "--reason", "tuning"]);
    assert!(reveals(&env).last().unwrap().ends_with("tuning"));
    env.run(["redact", "preview", "--html", &to, "--reason", "tuning"]).refused(&["overwritten"]);
}

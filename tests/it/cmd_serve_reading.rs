//! `serve`: sessions below those that started them and by repository, hits of one session, calls by tool, light and dark.

use crate::cli_support::web::{Answer, Serving, Visitor, form_of};
use crate::cli_support::{TestEnvironment, answer_line, prompt_line, session, thread};
use serde_json::{Value, json};

#[track_caller]
fn has(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(answer.text().contains(word), "{word}: {}", answer.text());
    }
}

/// What stands behind each of these words, up to a sign.
fn behind<'a>(text: &'a str, words: &str, up_to: char) -> Vec<&'a str> {
    text.split(words).skip(1).map(|part| part.split(up_to).next().unwrap()).collect()
}

/// The sessions of a page, in their order.
fn rows(answer: &Answer) -> Vec<&str> {
    behind(answer.text(), "class=\"title\" href=\"/sessions/", '"')
}

fn linked(address: &str) -> String {
    address.replace("&amp;", "&")
}

/// A session that another one has spawned.
fn spawned(number: u64, parent: u64) -> Vec<u8> {
    let text = String::from_utf8(session(number, 1)).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let mut header: Value = serde_json::from_str(header).unwrap();
    header["payload"]["source"] =
        json!({"subagent": {"thread_spawn": {"parent_thread_id": thread(parent), "depth": 1}}});
    format!("{header}\n{rest}").into_bytes()
}

#[test]
fn what_an_agent_started_stands_below_its_session_and_none_is_lost() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    // One of the first, one of that one, one of a session that is not here, and two that name each other.
    for (number, parent) in [(2, 1), (3, 2), (4, 99), (5, 6), (6, 5)] {
        env.write(&env.rollout(number), &spawned(number, parent));
    }
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let list = ada.get("/").expect(200);
    let mut all = rows(&list);
    let at = |number: u64| all.iter().position(|id| *id == thread(number)).unwrap();
    assert_eq!((at(2), at(3)), (at(1) + 1, at(1) + 2));
    all.sort_unstable();
    assert_eq!(all, (1..=6).map(thread).collect::<Vec<_>>(), "each of them once");
    assert_eq!(behind(list.text(), "class=\"below\"", '>').len(), 3);
    has(&list, &["of session 019cabcd, which is not here"]);
    // Where the filter leaves the parent out, it is named.
    let alone = ada.get("/?source=thread_spawn").expect(200);
    assert_eq!(rows(&alone).len(), 5);
    has(&alone, &[&format!("of <a href=\"/sessions/{}\">", thread(1))]);
    assert_eq!(rows(&ada.get("/?by_person=1").expect(200)), [thread(1)]);
}

#[test]
fn sessions_are_grouped_by_repository_with_counts_that_the_links_keep() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let plain = ada.get("/").expect(200);
    let groups = ada.get("/?group=repo&by_person=1").expect(200);
    let heads = behind(groups.text(), "<section class=\"group\"><h2>", 'ø');
    assert!(heads.len() > 1, "{}", groups.text());
    let mut sum = 0;
    for head in heads {
        let count = behind(head, "<span class=\"quiet\">", ' ')[0].parse::<usize>().unwrap();
        sum += count;
        let Some(address) = head.strip_prefix("<a href=\"") else { continue };
        let address = linked(address.split('"').next().unwrap());
        assert!(address.contains("by_person=1") && !address.contains("group="), "{address}");
        has(&ada.get(&address).expect(200), &[&format!("<p class=\"quiet\">{count} session")]);
    }
    let listed = rows(&ada.get("/?by_person=1").expect(200)).len();
    assert_eq!((sum, rows(&groups).len()), (listed, listed));
    assert!(rows(&plain).len() > listed);
    has(&ada.get("/?group=colour").expect(400), &["sessions are not grouped by `colour`"]);
}

#[track_caller]
fn location(answer: Answer) -> String {
    answer.expect(303).header("location").to_string()
}

/// The page behind an address, without the place on it, as a browser asks for it.
fn page(visitor: &Visitor<'_>, address: &str) -> Answer {
    visitor.get(linked(address).split('#').next().unwrap()).expect(200)
}

#[test]
fn what_is_found_in_a_session_is_gone_through_hit_by_hit() {
    let env = TestEnvironment::new();
    let mut lines = session(1, 1);
    for day in 0..30 {
        lines.extend(prompt_line(&format!("Which gauge on day {day}?")));
        lines.extend(answer_line("The one at the pier."));
    }
    lines.extend(prompt_line("No gauge, no pier?"));
    env.write(&env.rollout(1), &lines);
    env.write(&env.rollout(2), &session(2, 1));
    env.append(&[]);
    let made = env.json(["serve", "token", "create", "vic", "--role", "viewer"]);
    let serving = Serving::start(&env, &[]);
    let vic = serving.enter(made["token"].as_str().unwrap());
    let one = format!("/sessions/{}", thread(1));
    has(&vic.get(&one).expect(200), &["name=\"find\""]);
    // In the order in which they stand there, each with the place of its prompt.
    let mut address = location(vic.get(&format!("{one}?find=gauge")));
    for hit in 1..=31 {
        assert!(address.ends_with(&format!("#p{}", hit + 1)), "{address}");
        let shown = page(&vic, &address);
        has(&shown, &[&format!("<span>{hit} of 31</span>"), &format!("id=\"p{}\"", hit + 1)]);
        let seq = behind(&address, "at=", '&')[0];
        has(&shown, &[&format!("data-seq=\"{seq}\"")]);
        let ways =
            behind(shown.text(), "<nav class=\"finder\"", 'ø')[0].split("</nav>").next().unwrap();
        assert_eq!(ways.contains("Previous hit"), hit > 1);
        assert_eq!(ways.contains("Next hit"), hit < 31);
        if let Some((before, _)) = ways.split_once("\" data-key=\".\"") {
            address = linked(before.rsplit("href=\"").next().unwrap());
        }
    }
    has(&vic.get(&format!("{one}?find=lighthouse")).expect(200), &["Nothing in this session has"]);
    vic.get(&format!("{one}?find=%28gauge")).expect(400);
    let far = page(&vic, &format!("{one}?find=gauge&hit=99"));
    has(&far, &["<span>31 of 31</span>"]);
    vic.get(&format!("/sessions/{}?find=gauge", thread(2))).expect(200);
}

#[test]
fn calls_are_counted_by_tool_and_tokens_by_hour() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let tools = ada.get("/tokens?by=tool").expect(200);
    let sums = |name: &str| -> u64 {
        let all = env.json(["sessions", "--limit", "0"]);
        all.as_array().unwrap().iter().map(|of| of[name].as_u64().unwrap()).sum()
    };
    let (_, foot) = tools.text().split_once("<tfoot>").unwrap();
    let cells = |text: &str, name: &str| -> u64 {
        behind(text, &format!("<td data-head=\"{name}\">"), '<')[0]
            .replace(',', "")
            .parse()
            .unwrap()
    };
    assert_eq!(cells(foot, "calls"), sums("calls"));
    assert_eq!(cells(foot, "failed"), sums("failed"));
    // Each leads to its calls, and the filter goes with it.
    let links = behind(tools.text(), "<th scope=\"row\"><a href=\"", '"');
    assert!(links.len() > 3, "{links:?}");
    has(&ada.get(&linked(links[0])).expect(200), &["class=\"hits\"", "<li data-item"]);
    let narrowed = ada.get("/tokens?by=tool&repo=tide-tables").expect(200);
    has(&narrowed, &["+repo%3A%22tide-tables%22"]);
    let unsaid = ada.get("/tokens?by=tool&by_person=1").expect(200);
    assert!(behind(unsaid.text(), "<th scope=\"row\"><a href=\"", '"').is_empty());
    assert!(cells(unsaid.text(), "calls") > 0);
    let hours = ada.get("/tokens?by=hour").expect(200);
    has(&hours, &["Times are in UTC"]);
    let sql = "SELECT count(DISTINCT strftime('%H', at_ms / 1000, 'unixepoch')) FROM token_messages WHERE counted = 1";
    let named = behind(hours.text(), "<th scope=\"row\">", '<');
    let named = named.iter().filter(|name| name.ends_with(":00")).count();
    assert_eq!(named as i64, env.count(sql));
}

#[test]
fn light_and_dark_are_a_choice_that_the_browser_keeps() {
    let env = TestEnvironment::with_session(1);
    let made = env.json(["serve", "token", "create", "vic", "--role", "viewer"]);
    let serving = Serving::start(&env, &[]);
    let vic = serving.enter(made["token"].as_str().unwrap());
    let before = env.json(["status"])["head"]["size"].clone();
    assert!(!vic.get("/").expect(200).text().contains("data-theme"));
    let form = form_of(&[("form_secret", &vic.form_secret), ("theme", "dark")]);
    let cookie = format!("Cookie: {}", vic.cookie);
    let origin = format!("Origin: http://{}", serving.address);
    let from = |page: &str| {
        let referer = format!("Referer: http://{}{page}", serving.address);
        serving.ask("POST", "/theme", &[&cookie, &origin, &referer], Some(&form))
    };
    let chosen = from("/search?q=tide").expect(303);
    assert_eq!(chosen.header("location"), "/search?q=tide");
    assert_eq!(from("//evil.example").status, 400);
    let kept = chosen.header("set-cookie").split(';').next().unwrap();
    let with =
        |theme: &str| serving.ask("GET", "/", &[&format!("{cookie}; {theme}")], None).expect(200);
    has(&with(kept), &["<html lang=\"en\" data-theme=\"dark\">", "content=\"dark\""]);
    // What is no theme is none.
    assert!(!with("codex_ledger_theme=\"><b>").text().contains("data-theme"));
    let gone = vic.post("/theme", &[("theme", "system")]).expect(303);
    assert!(gone.header("set-cookie").contains("Max-Age=0") && gone.header("location") == "/");
    vic.post("/theme", &[("theme", "plaid")]).expect(400);
    assert_eq!(env.json(["status"])["head"]["size"], before, "it is no entry");
}

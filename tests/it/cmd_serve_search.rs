//! `serve`: what looks like a secret is hidden or dismissed, and a search is narrowed down, in the browser.

use crate::cli_support::web::{Answer, Serving, form_of};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};

#[track_caller]
fn has(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(answer.text().contains(word), "{word}: {}", answer.text());
    }
}

/// The values of the buttons of one name, in their order.
fn buttons(answer: &Answer, name: &str) -> Vec<String> {
    let before = format!("name=\"{name}\" value=\"");
    let parts = answer.text().split(&before).skip(1);
    parts.map(|part| part.split('"').next().unwrap().to_string()).collect()
}

#[test]
fn what_looks_like_a_secret_is_hidden_or_dismissed_and_both_can_be_undone() {
    let env = TestEnvironment::new();
    let (one, other) = ("kR7dQ2mXvB9tLwHs4GjYpN6c", "Zq8TfW3nKb5LxRv9Jd2MhYc7");
    let mut lines = session(1, 1);
    lines.extend_from_slice(&prompt_line(&format!("The gauge says {one} at dusk")));
    lines.extend_from_slice(&prompt_line(&format!("And {other} at dawn, {other} at noon")));
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    let made = env.json(["serve", "token", "create", "bea", "--role", "reviewer"]);
    let made_too = env.json(["serve", "token", "create", "cem", "--role", "auditor"]);
    let serving = Serving::start(&env, &[]);
    let bea = serving.enter(made["token"].as_str().unwrap());
    let cem = serving.enter(made_too["token"].as_str().unwrap());
    let page = format!("/sessions/{}", thread(1));
    let list = bea.get("/candidates").expect(200);
    assert_eq!(buttons(&list, "hide"), [other, one], "the most frequent first");
    let told = cem.get("/candidates").expect(200);
    assert!(told.text().contains(one) && buttons(&told, "hide").is_empty());
    // Dismissed: an entry that does not say what it was.
    let dismissal = buttons(&list, "dismiss").remove(0);
    let done = bea.post("/candidates/say", &[("dismiss", &dismissal), ("at", "0")]).expect(303);
    assert!(done.header("location").ends_with("#c0"));
    let list = bea.get("/candidates?done=1").expect(200);
    assert_eq!(buttons(&list, "hide"), [one]);
    has(&list, &["1 other dismissed"]);
    let acts = env.json(["audit", "log", "--actor", "bea"]).to_string();
    assert!(acts.contains("\"dismiss\"") && !acts.contains(other), "{acts}");
    bea.post("/candidates/say", &[("reconsider", &dismissal)]).expect(303);
    assert_eq!(buttons(&bea.get("/candidates"), "hide"), [other, one]);
    bea.post("/candidates/say", &[("dismiss", "anything else")]).expect(400);
    // Hidden: everywhere at once, with a way back.
    let done = bea.post("/candidates/say", &[("hide", one), ("at", "1")]).expect(303);
    assert!(!bea.get(&page).text().contains(one));
    let list = bea.get(done.header("location").split('#').next().unwrap()).expect(200);
    assert_eq!(buttons(&list, "hide"), [other]);
    bea.post("/candidates/say", &[("hide", one)]).expect(409);
    let seq = buttons(&list, "undo").remove(0);
    bea.post("/candidates/say", &[("undo", &seq)]).expect(303);
    assert!(bea.get(&page).text().contains(one));
    env.audits_clean();
}

#[test]
fn a_search_is_narrowed_down_by_links_that_say_what_they_leave() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let search = |question: &str| ada.get(&format!("/search?{}", form_of(&[("q", question)])));
    let hits = |answer: &Answer| {
        let (_, behind) = answer.text().split_once("role=\"status\">").expect("a count");
        behind.split(' ').next().unwrap().replace(',', "").parse::<u64>().unwrap()
    };
    let all = search("tide").expect(200);
    has(&all, &["Kind of text", "Repository", "Model", "Tool", "Time"]);
    // Each link leaves as many hits as stand beside it.
    let (_, aside) = all.text().split_once("<aside").expect("facets");
    let (aside, _) = aside.split_once("</aside>").unwrap();
    let links = aside.split("<li><a href=\"").skip(1).map(|link| {
        let address = link.split('"').next().unwrap().replace("&amp;", "&");
        let count = link.split("class=\"quiet\">").nth(1).unwrap().split('<').next().unwrap();
        (address, count.replace(',', "").parse::<u64>().unwrap())
    });
    let links: Vec<(String, u64)> = links.collect();
    assert!(links.len() > 10, "{links:?}");
    for (address, count) in &links {
        assert_eq!(hits(&ada.get(address).expect(200)), *count, "{address}");
    }
    // What narrows it down is told, and can be taken away.
    let one = search("tide in:output since:2025-01-01").expect(200);
    has(&one, &["without in:output", "href=\"/search?q=tide+since%3A2025-01-01\""]);
    assert!(!one.text().contains("Kind of text") && hits(&one) < hits(&all));
    assert_eq!(hits(&search("tide until:2001-01-01")), 0);
    has(&search("tide repo:tide-tablez").expect(200), &["Nothing has the repo", "tide-tables"]);
    search("tide since:someday").expect(400);
    has(&search("(tide").expect(400), &["a parenthesis is open"]);
}

//! `serve`: what looks like a secret is hidden or dismissed in the browser.

use crate::cli_support::web::{Answer, Serving};
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

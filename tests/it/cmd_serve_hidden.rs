//! `serve`: what has a name that is hidden can be worked with, without a word of it.

use crate::cli_support::web::{Answer, Serving};
use crate::cli_support::{TestEnvironment, thread};

fn token(env: &TestEnvironment, name: &str, role: &str) -> String {
    let made = env.json(["serve", "token", "create", name, "--role", role]);
    made["token"].as_str().unwrap().to_string()
}

fn size(env: &TestEnvironment) -> u64 {
    env.json(["status"])["head"]["size"].as_u64().unwrap()
}

/// The value of the first button or field of that name behind some words.
fn value<'a>(page: &'a Answer, behind: &str, name: &str) -> &'a str {
    let (_, rest) = page.text().split_once(behind).expect(behind);
    let (_, rest) = rest.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
    rest.split('"').next().unwrap()
}

#[test]
fn a_tag_that_is_hidden_is_taken_away_by_its_entry() {
    let env = TestEnvironment::with_session(2);
    let (id, page) = (thread(1), format!("/sessions/{}", thread(1)));
    for tag in ["ellery", "wet"] {
        env.ok(["tag", "add", tag, &id]);
    }
    let given = size(&env) - 2;
    env.ok(["redact", "--literal", "ellery", "--reason", "a name"]);
    let reviewer = token(&env, "bea", "reviewer");
    let serving = Serving::start(&env, &[]);
    let bea = serving.enter(&reviewer);
    let shown = bea.get(&page).expect(200);
    assert!(!shown.text().contains("ellery"), "{}", shown.text());
    assert_eq!(value(&shown, "form class=\"chip\"", "undo"), given.to_string());
    let back = [("undo", &*given.to_string()), ("back", &page)];
    let done = bea.post("/review", &back).expect(303);
    let after = bea.get(done.header("location")).expect(200);
    assert!(after.text().contains("not [redacted] any more"), "{}", after.text());
    let tags = || env.json(["tag", "list"]);
    assert_eq!((tags().as_array().unwrap().len(), &tags()[0]["tag"]), (1, &"wet".into()));
    bea.post("/review", &back).expect(404);
    // It is the tag that is gone, not what is shown of it.
    let undo = value(&after, "class=\"toast\"", "undo").to_string();
    let seq = env.json(["redact", "list"])[0]["seq"].to_string();
    env.ok(["redact", "undo", &seq, "--reason", "a test"]);
    assert_eq!(tags().as_array().unwrap().len(), 1);
    // And the way back gives it again, as it was.
    bea.post("/review", &[("undo", &*undo)]).expect(303);
    assert_eq!(tags()[0]["tag"], "ellery");
    // One that is shown is taken away in the same way.
    let shown = bea.get(&page).expect(200);
    let wet = value(&shown, "</button></form><form class=\"chip\"", "undo").to_string();
    bea.post("/review", &[("undo", &wet)]).expect(303);
    assert_eq!(tags().as_array().unwrap().len(), 1);
    env.audits_clean();
}

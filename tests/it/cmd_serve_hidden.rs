//! `serve`: what has a name that is hidden can be worked with, without a word of it; and what a full disk leaves undone.

use crate::cli_support::web::{Answer, Serving, Visitor};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};

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

/// What an admin does to a rule whose name is hidden, on pages that never say it.
#[test]
fn a_rule_that_finds_its_own_name_is_changed_by_an_admin() {
    let env = TestEnvironment::new();
    let mut lines = session(1, 1);
    lines.extend_from_slice(&prompt_line("Moor at berth-4711, not at berth-12"));
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    let reviewer = token(&env, "bea", "reviewer");
    let serving = Serving::start(&env, &[]);
    let (ada, bea) = (serving.enter(&serving.key), serving.enter(&reviewer));
    let rule = [
        ("id", "berth-77"),
        ("kind", "regex"),
        ("pattern", "berth-[0-9]+"),
        ("shown", "[a berth]"),
        ("must", "berth-78"),
        ("reason", "berths"),
    ];
    ada.post("/rules/apply", &rule).expect(303);
    let clear = |answer: Answer| {
        let text = answer.text();
        assert!(!text.contains("berth-7") && !text.contains("berth-4711"), "{text}");
        answer
    };
    let list = clear(ada.get("/rules").expect(200));
    let name = value(&list, "[a berth]", "off").to_string();
    assert!(name.starts_with("rule 0 of "), "{name}");
    let address = format!("/rules/rule?id={}", name.replace(' ', "+"));
    assert!(list.text().contains(&address), "{}", list.text());
    // Nobody else is offered it, or may.
    assert!(!clear(bea.get("/rules").expect(200)).text().contains(&name));
    clear(bea.get(&address).expect(403));
    clear(bea.post("/rules/try", &[("off", &name)]).expect(403));
    clear(
        bea.post("/rules/apply", &[("off", &name), ("reason", "r"), ("weaker", "1")]).expect(403),
    );
    let form = clear(ada.get(&address).expect(200));
    assert!(form.text().contains("Rule <code>[a berth]</code>") && value(&form, "", "of") == name);
    // Wrong changes do not tell it either.
    let change =
        |pattern: &'static str| [("of", name.as_str()), ("pattern", pattern), ("must", "")];
    let sure = [("reason", "r"), ("weaker", "1")];
    clear(ada.post("/rules/try", &change("berth-(")).expect(400));
    let failing = [&[("of", &*name), ("pattern", "quay-[0-9]+")][..], &sure].concat();
    clear(ada.post("/rules/apply", &failing).expect(400));
    let narrow = change("berth-[0-9]{4}|b[e]rth-7[78]");
    let tried = clear(ada.post("/rules/try", &narrow).expect(200));
    assert!(tried.text().contains("another pattern"), "{}", tried.text());
    ada.post("/rules/apply", &[&narrow[..], &sure].concat()).expect(303);
    let session = ada.get(&format!("/sessions/{}", thread(1))).expect(200);
    assert!(session.text().contains("berth-12"), "it hides less now");
    // What an older page calls it is nothing any more.
    ada.post("/rules/apply", &[&[("remove", &*name)], &sure[..]].concat()).expect(404);
    switched_and_removed(&ada, &sure);
    env.audits_clean();
}

fn switched_and_removed(ada: &Visitor<'_>, sure: &[(&str, &str)]) {
    let name = |act| value(&ada.get("/rules").expect(200), "Your own", act).to_string();
    let off = name("off");
    let tried = ada.post("/rules/try", &[("off", &off)]).expect(200);
    assert!(tried.text().contains("is off") && !tried.text().contains("berth-77"));
    assert_eq!(value(&tried, "/rules/apply", "off"), off);
    ada.post("/rules/apply", &[&[("off", &*off)], sure].concat()).expect(303);
    // Switched off, it hides its name no more.
    assert_eq!(name("on"), "berth-77");
    ada.post("/rules/apply", &[&[("remove", "berth-77")], sure].concat()).expect(303);
    assert!(ada.get("/rules").expect(200).text().contains("None yet"));
}

/// The views cannot be written: what is recorded is told to be, by page and command alike, and nothing is shown until it is applied.
#[cfg(unix)]
#[test]
fn a_redaction_that_is_recorded_while_views_cannot_be_written_is_not_to_be_done_again() {
    let env = TestEnvironment::with_session(2);
    let page = format!("/sessions/{}", thread(1));
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    assert!(ada.get(&page).expect(200).text().contains("high water"));
    // Something stands where the database would write what is new.
    let views = std::fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let log = std::path::PathBuf::from(format!("{}-wal", views.display()));
    let block = || {
        std::fs::remove_file(&log).ok();
        std::os::unix::fs::symlink("/nowhere", &log).unwrap();
    };
    let before = size(&env);
    block();
    let hide = [
        ("literal", "high water"),
        ("of", &*thread(1)),
        ("reach", "everywhere"),
        ("wide", "1"),
        ("reason", "a time"),
        ("back", "/"),
    ];
    let told = ada.post("/redactions/apply", &hide).expect(503);
    let entry = format!("Recorded as entry {before}");
    for words in [&*entry, "nothing to do again", "is not shown from now on"] {
        assert!(told.text().contains(words), "{words}: {}", told.text());
    }
    assert!(!told.text().contains("do it again") && !told.text().contains("id=\"back\""));
    let refused = ada.get(&page).expect(503);
    assert!(!refused.text().contains("high water"), "{}", refused.text());
    std::fs::remove_file(&log).unwrap();
    assert!(!ada.get(&page).expect(200).text().contains("high water"));
    assert_eq!(env.json(["redact", "list"]).as_array().unwrap().len(), 1);
    // A note, and the command.
    block();
    let note = [("subject", &*thread(1)), ("act", "note"), ("value", "wet"), ("back", "/")];
    let told = ada.post("/review", &note).status;
    std::fs::remove_file(&log).unwrap();
    assert_eq!((told, env.json(["note", "list"])), (503, serde_json::json!([])));
    block();
    let hide = ["redact", "--literal", "low water", "--wide", "--reason", "a time"];
    env.run(hide).refused(&["is recorded", "nothing is to be done again"]);
    std::fs::remove_file(&log).unwrap();
    assert_eq!(env.json(["redact", "list"]).as_array().unwrap().len(), 2);
    env.audits_clean();
}

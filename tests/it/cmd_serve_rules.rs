//! `serve`: rules are written, tried, put in force, switched and undone in the browser.

use crate::cli_support::web::{Answer, Serving};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use crate::support::world::holder;
use codex_ledger_app::{App, RuleChange, Setup, World};
use std::cell::Cell;
use std::time::Duration;

fn token(env: &TestEnvironment, name: &str, role: &str) -> String {
    let made = env.json(["serve", "token", "create", name, "--role", role]);
    made["token"].as_str().unwrap().to_string()
}

fn size(env: &TestEnvironment) -> u64 {
    env.json(["status"])["head"]["size"].as_u64().unwrap()
}

/// A ledger whose first session speaks of two berths, and of somebody's address.
fn berths() -> TestEnvironment {
    let env = TestEnvironment::new();
    let mut lines = session(1, 1);
    lines.extend_from_slice(&prompt_line("Moor at berth-4711, not at berth-12"));
    lines.extend_from_slice(&prompt_line("Then write to harbour.master@tides-office.org"));
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    env
}

const RULE: [(&str, &str); 5] = [
    ("id", "berth"),
    ("about", "The number of a berth"),
    ("kind", "regex"),
    ("pattern", "berth-[0-9]+"),
    ("must_not", "a berth"),
];

#[track_caller]
fn has(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(answer.text().contains(word), "{word}: {}", answer.text());
    }
}

#[test]
fn a_rule_is_tried_before_it_is_in_force_and_every_change_is_an_entry() {
    let env = berths();
    let reviewer = token(&env, "bea", "reviewer");
    let serving = Serving::start(&env, &[]);
    let bea = serving.enter(&reviewer);
    let page = format!("/sessions/{}", thread(1));
    let before = size(&env);
    // What is wrong is said, and the form keeps what was typed.
    let with = |more: &[(&'static str, &'static str)]| {
        let kept = RULE.iter().filter(|(name, _)| more.iter().all(|(of, _)| of != name));
        kept.chain(more).copied().collect::<Vec<_>>()
    };
    for (fields, words) in [
        (with(&[("pattern", "berth-(4")]), "unclosed group"),
        (with(&[("pattern", "")]), "the pattern is empty"),
        (with(&[("pattern", "b*")]), "matches the empty text"),
        (with(&[("id", "a berth")]), "in one word"),
        (with(&[("id", "email")]), "there is a rule `email` already"),
        (with(&[("kind", "magic")]), "no kind of rule"),
    ] {
        has(&bea.post("/rules/try", &fields).expect(400), &[words, "The number of a berth"]);
    }
    let failing = with(&[("must", "berth-1\nquay-1"), ("must_not", "berth-2")]);
    let looked = bea.post("/rules/try", &failing).expect(200);
    has(&looked, &["it must hide and does not", "quay-1", "must leave alone and does not"]);
    assert!(!looked.text().contains("Put in force"), "its examples do not hold");
    let reason = ("reason", "berths are nobody's business");
    bea.post("/rules/apply", &[&failing[..], &[reason]].concat()).expect(400);
    let looked = bea.post("/rules/try", &RULE).expect(200);
    has(&looked, &["2 passages", "1 session", "2 different ones", "<mark>berth-4711</mark>"]);
    has(&looked, &["harmless texts that come with the program", "Put in force"]);
    bea.post("/rules/apply", &RULE).expect(400);
    assert_eq!(size(&env), before, "to try, and to be refused, records nothing");
    has(&bea.get(&page), &["berth-4711"]);
    // In force.
    let done = bea.post("/rules/apply", &[&RULE[..], &[reason]].concat()).expect(303);
    let list = bea.get(done.header("location")).expect(200);
    has(&list, &["In force by entry", "The number of a berth", "2 passages hidden"]);
    assert!(!bea.get(&page).text().contains("berth-4711"));
    has(&bea.get(&page), &["[redacted:berth]"]);
    // Another form, which hides less.
    let narrow = [("of", "berth"), ("pattern", "berth-[0-9]{4}"), ("about", "Long numbers")];
    let looked = bea.post("/rules/try", &narrow).expect(200);
    has(&looked, &["What it would show again", "1 passage", "another pattern"]);
    let meant = [&narrow[..], &[reason, ("weaker", "1")]].concat();
    has(&bea.post("/rules/apply", &meant[..4]).expect(400), &["less would be hidden"]);
    let done = bea.post("/rules/apply", &meant).expect(303);
    has(&bea.get(&page), &["berth-12"]);
    assert!(!bea.get(&page).text().contains("berth-4711"));
    // Undone, as long as nothing came after it.
    let seq = done.header("location").split("done=").nth(1).unwrap().to_string();
    bea.post("/rules/undo", &[("seq", &seq)]).expect(303);
    assert!(!bea.get(&page).text().contains("berth-12"));
    bea.post("/rules/undo", &[("seq", &seq)]).expect(400);
    // Off, on, and away.
    let sure = [reason, ("weaker", "1")];
    let again = bea.post("/rules/try", &[("off", "idle-rule")]);
    has(&again.expect(404), &["there is no rule"]);
    has(&bea.post("/rules/try", &[("off", "berth")]).expect(200), &["2 passages", "is off"]);
    bea.post("/rules/apply", &[&[("off", "berth")], &sure[..]].concat()).expect(303);
    has(&bea.get(&page), &["berth-4711"]);
    has(&bea.post("/rules/try", &[("on", "berth")]).expect(200), &["2 passages"]);
    bea.post("/rules/apply", &[("on", "berth"), reason]).expect(303);
    bea.post("/rules/apply", &[&[("remove", "berth")], &sure[..]].concat()).expect(303);
    bea.post("/rules/apply", &[&[("remove", "berth")], &sure[..]].concat()).expect(404);
    let acts = env.json(["audit", "log", "--actor", "bea"]);
    let made = acts["actions"].as_array().unwrap().iter();
    let made: Vec<_> = made.filter(|act| act["actor"] == "bea" && act["kind"] == "rules").collect();
    assert_eq!(made.len(), 6, "{acts}");
    assert_eq!(made[0]["target"], "builtin with changes, 493 rules");
    assert_eq!(made[5]["target"], "builtin, 492 rules");
    env.audits_clean();
}

#[test]
fn only_an_admin_makes_rules_of_the_program_hide_less() {
    let env = berths();
    let tokens = [token(&env, "bea", "reviewer"), token(&env, "cem", "auditor")];
    let serving = Serving::start(&env, &[]);
    let (bea, cem) = (serving.enter(&tokens[0]), serving.enter(&tokens[1]));
    let page = format!("/sessions/{}", thread(1));
    let off = [("off", "email"), ("reason", "we know them"), ("weaker", "1")];
    has(&bea.post("/rules/try", &off[..1]).expect(200), &["Only an admin", "1 passage"]);
    let before = size(&env);
    bea.post("/rules/apply", &off).expect(403);
    let other = [("of", "email"), ("pattern", "never-there"), ("reason", "r"), ("weaker", "1")];
    bea.post("/rules/apply", &other).expect(403);
    assert_eq!(size(&env), before);
    // Who only oversees sees the list, and nothing that would be refused.
    let list = cem.get("/rules").expect(200);
    assert!(!list.text().contains("/rules/try") && !list.text().contains("/rules/rule"));
    let ada = serving.enter(&serving.key);
    has(&ada.post("/rules/try", &off[..1]).expect(200), &["email</code> is off", "1 passage"]);
    ada.post("/rules/apply", &off[..2]).expect(400);
    assert!(!ada.get(&page).text().contains("tides-office"));
    let done = ada.post("/rules/apply", &off).expect(303);
    has(&ada.get(&page), &["harbour.master@tides-office.org"]);
    // To hide more again is for everyone who may hide.
    let seq = done.header("location").split("done=").nth(1).unwrap().to_string();
    bea.post("/rules/undo", &[("seq", &seq)]).expect(303);
    assert!(!bea.get(&page).text().contains("tides-office"));
}

#[test]
fn what_a_rule_hides_is_not_on_its_own_page_and_stays_when_the_rule_is_changed() {
    let env = berths();
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let rule = [
        ("id", "boat"),
        ("kind", "literal"),
        ("pattern", "Moor at berth-4711"),
        ("must", "Moor at berth-4711!"),
        ("reason", "a boat"),
    ];
    ada.post("/rules/apply", &rule).expect(303);
    let form = ada.get("/rules/rule?id=boat").expect(200);
    has(&form, &["is hidden; empty keeps it"]);
    for page in ["/rules/rule?id=boat", "/rules"] {
        assert!(!ada.get(page).text().contains("4711"), "{page}");
    }
    let empty = [("of", "boat"), ("kind", "literal"), ("pattern", ""), ("must", "")];
    let more = [("about", "A boat"), ("case", "1"), ("reason", "r"), ("weaker", "1")];
    ada.post("/rules/apply", &[&empty[..], &more].concat()).expect(303);
    let list = ada.get("/rules").expect(200);
    has(&list, &["A boat", "1 passage hidden"]);
    // Switched off it hides nothing, and its text is still none of the page's.
    let off = [("off", "boat"), ("reason", "r"), ("weaker", "1")];
    ada.post("/rules/apply", &off).expect(303);
    assert!(!ada.get("/rules/rule?id=boat").text().contains("4711"));
}

#[test]
fn a_passage_becomes_a_rule_that_is_tried() {
    let env = berths();
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let id = thread(1);
    let what = [("literal", "at berth-4711,"), ("of", id.as_str()), ("back", "/")];
    has(&ada.post("/redactions/preview", &what).expect(200), &["Make a rule of it"]);
    let form = ada.post("/rules/rule", &what).expect(200);
    has(&form, &[r"at\s+berth\-4711,", "at berth-4711,"]);
    let tried = [("id", "berth"), ("kind", "regex"), ("pattern", r"at\s+berth\-\d+")];
    has(&ada.post("/rules/try", &tried).expect(200), &["2 passages"]);
    // What stands nearly everywhere is refused unless it is meant.
    for number in 2..=20 {
        env.write(&env.rollout(number), &session(number, 2));
    }
    env.append(&[]);
    let wide = [("id", "wide"), ("kind", "regex"), ("pattern", "[a-z]"), ("reason", "r")];
    has(
        &ada.post("/rules/try", &wide).expect(200),
        &["would hide something in", "it may hide much"],
    );
    has(&ada.post("/rules/apply", &wide).expect(400), &["would hide something in"]);
}

/// A trial that is stopped tells what it was tried on until then, and that there may be more; it records nothing.
#[test]
fn a_trial_that_takes_too_long_says_what_it_has_seen() {
    let env = berths();
    for number in 2..=4 {
        env.write(&env.rollout(number), &session(number, 2));
    }
    env.append(&[]);
    let app = App::new(setup_of(&env));
    let rule = |id: &str, pattern: &str| {
        let rule = serde_json::json!({"id": id, "pattern": pattern});
        Box::new(serde_json::from_value(rule).unwrap())
    };
    let add = RuleChange::Add(rule("water", "water|berth"));
    let whole = app.try_rule(&add, &|| false).unwrap();
    assert!(!whole.is_cut && whole.hides.passages > 2 && whole.hides.texts > 8, "{whole:?}");
    for texts in [0, 1, 5] {
        let asked = Cell::new(0);
        let is_over = || asked.replace(asked.get() + 1) >= texts;
        let cut = app.try_rule(&add, &is_over).unwrap();
        assert!(cut.is_cut, "{texts}");
        assert_eq!(cut.hides.texts, texts);
        assert!(cut.hides.passages < whole.hides.passages);
    }
    // What would be shown again is looked for within the same time.
    app.change_rule(&add, "a test", true, &mut |_| ()).unwrap();
    let off = RuleChange::Switch("water".into(), false);
    let whole = app.try_rule(&off, &|| false).unwrap();
    assert!(!whole.is_cut && !whole.shown_again.is_empty(), "{whole:?}");
    let cut = app.try_rule(&off, &|| true).unwrap();
    assert!(cut.is_cut && cut.shown_again.is_empty() && cut.weaker.len() == 1);
    env.audits_clean();
}

fn setup_of(env: &TestEnvironment) -> Setup {
    Setup {
        checkpoint: Default::default(),
        retention: Default::default(),
        ledger_dir: env.ledger(),
        db_path: None,
        raw_json: false,
        roots: Vec::new(),
        rules: None,
        review: Default::default(),
        actor: "tester".into(),
        request: None,
        holder: holder(),
        wait: Duration::ZERO,
        notices: None,
        world: World::real(),
    }
}

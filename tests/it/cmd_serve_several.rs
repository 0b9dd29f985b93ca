//! `serve`: what is said of several at once, and what comes while pages are open.

use crate::cli_support::web::{Serving, Visitor};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread, wait_for};

fn size(env: &TestEnvironment) -> u64 {
    env.json(["status"])["head"]["size"].as_u64().unwrap()
}

/// Who judged what, as commands tell it.
fn judged(env: &TestEnvironment) -> Vec<(String, u64, String)> {
    let rows = env.json(["disposition", "list"]);
    let row = |row: &serde_json::Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_string();
        (text("session"), row["prompt"].as_u64().unwrap(), text("value"))
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

/// Says it, and gives what the next page undoes.
fn say(visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> String {
    let done = visitor.post("/review", fields).expect(303);
    visitor.get(done.header("location")).expect(200);
    done.header("location").split("done=").nth(1).unwrap_or_default().to_string()
}

#[test]
fn what_is_said_of_several_is_recorded_at_once_and_undone_at_once() {
    let env = TestEnvironment::new();
    for number in 1..=3 {
        env.write(&env.rollout(number), &session(number, 2));
    }
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let (one, two, four) = (thread(1), thread(2), thread(4));
    let before = size(&env);
    // Two that are chosen: all or none.
    let unknown = [("subject", one.as_str()), ("subject", &four), ("say", "disposition followed")];
    ada.post("/review", &unknown).expect(404);
    ada.post("/review", &[("say", "disposition followed")]).expect(400);
    assert_eq!(size(&env), before);
    let chosen = [("subject", one.as_str()), ("subject", &two), ("say", "disposition followed")];
    let done = say(&ada, &chosen);
    assert_eq!(done, format!("{before}-{}", before + 2));
    let told = ada.get(&format!("/?done={done}"));
    let words = format!("entries {before} to {}: followed, of 2 sessions.", before + 1);
    assert!(told.text().contains(&words), "{}", told.text());
    assert_eq!(say(&ada, &chosen), "", "it is said already");
    // The same again of all: of one it is new.
    let all = say(&ada, &[("matching", "sessions"), ("say", "disposition ignored")]);
    assert_eq!(judged(&env).iter().filter(|(.., value)| value == "ignored").count(), 3);
    say(&ada, &[("undo", &all)]);
    let now = judged(&env);
    assert!(now.iter().all(|(.., value)| value == "followed") && now.len() == 2, "{now:?}");
    say(&ada, &[("undo", &done)]);
    assert_eq!(judged(&env), []);
    // All that wait in the queue, of one session.
    let waiting =
        [("matching", "queue"), ("session", one.as_str()), ("say", "disposition ignored")];
    let done = say(&ada, &waiting);
    let ignored = "ignored".to_string();
    assert_eq!(judged(&env), [(one.clone(), 1, ignored.clone()), (one.clone(), 2, ignored)]);
    assert!(ada.get("/queue").text().contains("2 of 6 prompts judged"));
    say(&ada, &[("undo", &done), ("back", "/queue")]);
    assert!(ada.get("/queue").text().contains("0 of 6 prompts judged"));
    // Tags and notes.
    for what in ["tag", "note"] {
        let done = say(&ada, &[("matching", "sessions"), ("say", what), ("value", "wet")]);
        let list = || env.json([what, "list"]).as_array().unwrap().len();
        assert_eq!(list(), 3, "{what}");
        say(&ada, &[("undo", &done)]);
        assert_eq!(list(), 0, "{what}");
    }
    for wrong in ["0-4000000000", "7-7", "x", "9-8", "0"] {
        let answer = ada.post("/review", &[("undo", wrong)]);
        assert!(matches!(answer.status, 400 | 404), "{wrong}: {}", answer.status);
    }
    env.audits_clean();
}

#[test]
fn with_watch_pages_show_what_an_agent_does_meanwhile() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    let serving = Serving::start(&env, &["--watch"]);
    let ada = serving.enter(&serving.key);
    let path = format!("/sessions/{}", thread(1));
    let end = || ada.get("/pulse").expect(200).text().to_string();
    let before = end();
    let page = ada.get(&path).expect(200);
    assert!(page.text().contains(&format!("data-end=\"{before}\"")), "{}", page.text());
    env.extend(&env.rollout(1), &prompt_line("and at slack water?"));
    wait_for("a record that comes", || (end() != before).then_some(()));
    let page = wait_for("its page", || {
        let page = ada.get(&path).expect(200);
        page.text().contains("and at slack water?").then_some(page)
    });
    assert!(!page.text().contains(&format!("data-end=\"{before}\"")));
    // Commands write beside it.
    env.ok(["tag", "add", "wet", &thread(1)]);
    assert!(ada.get(&path).text().contains("wet"));
    assert_eq!(serving.stop(), Some(0));
    env.audits_clean();
}

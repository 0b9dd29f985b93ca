//! `serve`: what is said of several at once, and what comes while pages are open.

use crate::cli_support::web::{Serving, Visitor};
use crate::cli_support::{TestEnvironment, answer_line, prompt_line, session, thread, wait_for};

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

/// What somebody gets wrong costs nothing that was typed, and what did not happen is not said to have.
#[test]
fn a_refusal_keeps_the_page_and_a_page_tells_only_what_was_done() {
    let env = TestEnvironment::with_session(3);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let (id, before) = (thread(1), size(&env));
    for (path, field) in
        [("/?repo=nowhere&since=7d", "value=\"7d\""), ("/search?q=exit:x", "exit:x")]
    {
        let answer = ada.get(path).expect(400);
        assert!(
            answer.text().contains("role=\"alert\"") && answer.text().contains(field),
            "{path}"
        );
    }
    let hide = [("literal", "high water"), ("of", &id), ("reach", "session"), ("back", "/")];
    let answer = ada.post("/redactions/apply", &hide).expect(400);
    assert!(answer.text().contains("Say why") && answer.text().contains("value=\"high water\""));
    let nothing = [("mode", "prompts"), ("format", "md"), ("tag", "nowhere")];
    ada.post("/export/file", &nothing).expect(400);
    assert_eq!(size(&env), before, "what was not taken out is not recorded");
    assert!(!ada.get("/?done=999999").text().contains("Recorded"));
    // Who was sent away at the door comes back to where they wanted to go.
    let path = format!("/sessions/{id}?show=full");
    assert!(serving.ask("GET", &path, &[], None).text().contains(&format!("value=\"{path}\"")));
    // In the queue, those behind one that was passed by come one after the other.
    let at = |number: u64| format!("/queue?at={id}%23{number}");
    let second = ada.get(&at(2)).expect(200);
    let back = format!("name=\"back\" value=\"{}\"", at(3));
    assert!(second.text().contains(&back), "{}", second.text());
}

/// A viewer who types words learns nothing of what is hidden by what is said of them.
#[test]
fn hidden_words_cannot_be_guessed_by_a_viewer() {
    let env = TestEnvironment::with_session(2);
    env.ok(["redact", "--literal", "zanzibarqux", "--reason", "a name"]);
    env.ok(["redact", "--literal", "high water", "--reason", "a name"]);
    let token = env.json(["serve", "token", "create", "vic", "--role", "viewer"]);
    let serving = Serving::start(&env, &[]);
    let vic = serving.enter(token["token"].as_str().unwrap());
    for path in [
        "/?repo=",
        "/?tag=",
        "/?model=",
        "/tokens?repo=",
        "/sessions/",
        "/search?q=in:",
        "/?since=",
    ] {
        let said = |word: &str| {
            let text = vic.get(&format!("{path}{word}")).text().replace(word, "WORD");
            let (_, behind) = text.split_once("<main").expect("a page");
            behind.replace(&word[..4], "WORD")
        };
        let (hidden, other) = (said("zanzibarqux"), said("flamingoqux"));
        assert_eq!(hidden.replace("zanzibarqux", ""), other.replace("flamingoqux", ""), "{path}");
        assert!(!hidden.contains("[redacted]"), "{path}: {hidden}");
    }
}

/// A form that does not come gives its place back.
#[test]
fn a_form_that_does_not_come_is_not_waited_for() {
    let env = TestEnvironment::with_session(1);
    let serving = Serving::start(&env, &[]);
    let request = format!(
        "POST /enter HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 25\r\n\r\nkey=",
        serving.address
    );
    serving.send(request.as_bytes()).expect(408);
}

/// What marks of Markdown split is gone where it is hidden, wherever it is shown.
#[test]
fn words_that_marks_split_are_hidden_on_every_page() {
    let env = TestEnvironment::new();
    let mut lines = session(1, 1);
    lines.extend_from_slice(&answer_line("the quetzal**word** gauge"));
    lines.extend_from_slice(&prompt_line("and the quetzal`word` too"));
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    env.ok(["redact", "--literal", "quetzalword", "--reason", "a name"]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let path = format!("/sessions/{}", thread(1));
    let page = ada.get(&path).expect(200);
    let entries: Vec<String> = page
        .text()
        .split("href=\"/entries/")
        .skip(1)
        .map(|behind| format!("/entries/{}", behind.split('"').next().unwrap()))
        .collect();
    assert!(entries.len() >= 3, "{entries:?}");
    for path in entries.iter().map(String::as_str).chain([
        &*path,
        "/search?q=gauge",
        "/search?q=too",
        "/queue",
    ]) {
        let page = ada.get(path).expect(200);
        assert!(!page.text().contains("quetzal"), "{path}: {}", page.text());
    }
}

/// A file that is taken out says of the entry that says so that nobody has signed it yet.
#[test]
fn a_file_of_a_signed_ledger_is_that_of_the_command() {
    let env = TestEnvironment::with_session(1);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    env.ok(["audit", "checkpoint"]);
    let taken = ada.post("/export/file", &[("mode", "prompts"), ("format", "md")]).expect(200);
    let report = env.ok(["report", "--mode", "prompts", "--format", "md"]);
    assert_eq!(taken.text(), report.text());
    assert!(taken.text().contains("the first "), "{}", taken.text());
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

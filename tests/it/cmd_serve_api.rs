//! `serve`: what programs ask below `/api/v1`.

mod attempts;
mod clients;

use crate::cli_support::web::{Answer, Serving};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ROLES: [&str; 4] = ["viewer", "reviewer", "auditor", "admin"];
const WORD: &str = "Quinby";

/// Somebody's program, with a token.
struct Program<'a> {
    serving: &'a Serving,
    token: String,
}

impl Program<'_> {
    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    fn get(&self, path: &str) -> Answer {
        self.serving.ask("GET", &format!("/api/v1{path}"), &[&self.bearer()], None)
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path).expect(200).body).unwrap()
    }

    fn post(&self, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let key = key.map(|key| format!("Idempotency-Key: {key}"));
        let lines: Vec<&str> = key.iter().map(String::as_str).collect();
        self.send(path, &body.to_string(), &lines)
    }

    fn send(&self, path: &str, body: &str, lines: &[&str]) -> Answer {
        let kind = match lines.iter().any(|line| line.starts_with("Content-Type")) {
            true => "",
            false => "Content-Type: application/json\r\n",
        };
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "POST /api/v1{path} HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n{}\r\n{kind}{lines}Content-Length: {}\r\n\r\n",
            self.serving.address,
            self.bearer(),
            body.len()
        );
        self.serving.send([head.as_bytes(), body.as_bytes()].concat().as_slice())
    }

    /// All of a list, page by page.
    fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.json(&format!("{path}{sign}limit={limit}{cursor}"));
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            all.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}

fn token(env: &TestEnvironment, role: &str) -> String {
    let made = env.json(["serve", "token", "create", role, "--role", role]);
    made["token"].as_str().unwrap().to_string()
}

fn program<'a>(env: &TestEnvironment, serving: &'a Serving, role: &str) -> Program<'a> {
    Program { serving, token: token(env, role) }
}

fn home() -> TestEnvironment {
    let env = TestEnvironment::new();
    for number in 1..=3 {
        let (left, right) = WORD.split_at(3);
        let more = [
            prompt_line(&format!("Call {WORD} about berth {number}.")),
            // Shown as Markdown, it is the same word.
            prompt_line(&format!("Call {left}**{right}** again.")),
        ]
        .concat();
        env.write(&env.rollout(number), &[session(number, 2), more].concat());
    }
    env.append(&[]);
    env
}

fn size(env: &TestEnvironment) -> u64 {
    env.json(["status"])["head"]["size"].as_u64().unwrap()
}

#[track_caller]
fn problem(answer: Answer, status: u16) -> Value {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (told["type"].as_str(), told["status"].as_u64()),
        (Some("about:blank"), Some(u64::from(status)))
    );
    assert!(told["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{told}");
    told
}

/// Every path of the document with its operations: method, path, the roles that may.
fn operations() -> Vec<(String, String, BTreeSet<String>)> {
    let document: Value = serde_json::from_str(&codex_ledger_server::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, of) in methods.as_object().unwrap() {
            let roles = of["x-roles"].as_array().expect("each says who may").iter();
            let roles = roles.map(|role| role.as_str().unwrap().to_string()).collect();
            all.push((method.to_uppercase(), path.clone(), roles));
        }
    }
    assert!(all.len() > 25, "{}", all.len());
    all
}

/// The document is a file of the repository, so that each change of it is seen.
#[test]
fn the_document_is_the_one_in_the_docs() {
    let now = codex_ledger_server::openapi();
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/target/openapi.json");
    std::fs::write(made, &now).unwrap();
    let known = include_str!("../../docs/openapi.json");
    assert!(
        known == now,
        "the API has changed: review it, then copy target/openapi.json to docs/openapi.json"
    );
}

/// Nobody who uses what was once promised finds it gone: no path, no parameter, no member of an answer, and nothing new is needed.
#[test]
fn what_was_promised_is_still_there() {
    let promised: Value = serde_json::from_str(include_str!("../../fixtures/api/v1.json")).unwrap();
    let now: Value = serde_json::from_str(&codex_ledger_server::openapi()).unwrap();
    let mut gone = Vec::new();
    missing(&promised["paths"], &now["paths"], "paths", &mut gone);
    missing(
        &promised["components"]["schemas"],
        &now["components"]["schemas"],
        "schemas",
        &mut gone,
    );
    assert_eq!(gone, Vec::<String>::new());
}

/// What stands in a promise and not in what there is now; of what is needed, what is new.
fn missing(promised: &Value, now: &Value, at: &str, gone: &mut Vec<String>) {
    match (promised, now) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                match new.get(name) {
                    _ if matches!(
                        name.as_str(),
                        "description" | "summary" | "example" | "examples"
                    ) => {}
                    Some(now) => missing(value, now, &format!("{at}.{name}"), gone),
                    None => gone.push(format!("{at}.{name}")),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if at.ends_with(".parameters") => {
            for parameter in old {
                let same = |of: &&Value| {
                    (&of["name"], &of["in"]) == (&parameter["name"], &parameter["in"])
                };
                match new.iter().find(same) {
                    Some(now) => {
                        missing(parameter, now, &format!("{at}.{}", parameter["name"]), gone)
                    }
                    None => gone.push(format!("{at}.{}", parameter["name"])),
                }
            }
            let is_new = |of: &&Value| {
                of["required"] == true && !old.iter().any(|known| known["name"] == of["name"])
            };
            gone.extend(
                new.iter().filter(is_new).map(|of| format!("{at}: {} is needed now", of["name"])),
            );
        }
        (Value::Array(old), Value::Array(new)) if at.ends_with(".enum") => {
            gone.extend(old.iter().filter(|of| !new.contains(of)).map(|of| format!("{at}: {of}")));
        }
        (old, new) if old != new => gone.push(format!("{at}: {old} is {new}")),
        _ => {}
    }
}

#[test]
fn each_role_reaches_what_it_may_and_nothing_else() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let tokens = ROLES.map(|role| (role, program(&env, &serving, role)));
    let before = size(&env);
    for (method, path, roles) in operations() {
        let asked = path.replace("{id}", &thread(1)).replace("{seq}", "3");
        let asked = if path == "/search" { "/search?q=berth".to_string() } else { asked };
        for (role, program) in &tokens {
            // Events never end.
            if roles.contains(*role) && path == "/events" {
                continue;
            }
            let answer = match method.as_str() {
                "GET" => program.get(&asked),
                _ => program.send(&asked, "{", &[]),
            };
            match roles.contains(*role) {
                true => assert!(
                    matches!(answer.status, 200 | 400 | 404 | 409 | 422),
                    "{role} {method} {path}: {}",
                    answer.status
                ),
                false => drop(problem(answer, 403)),
            }
            // No other method does anything.
            let other = if method == "GET" { "DELETE" } else { "PUT" };
            let answer = serving.ask(other, &format!("/api/v1{asked}"), &[&program.bearer()], None);
            let status = if answer.status == 403 && *role != "admin" { 403 } else { 405 };
            problem(answer, status);
        }
        let address = format!("/api/v1{asked}");
        for lines in [&[][..], &["Authorization: Bearer no"], &["Cookie: codex_ledger=no"]] {
            let answer = serving.ask(&method, &address, lines, None);
            let status = if method == "POST" && lines.iter().any(|line| line.contains("Cookie")) {
                403
            } else {
                401
            };
            problem(answer, status);
        }
    }
    assert_eq!(size(&env), before, "nothing was recorded");
}

#[test]
fn programs_read_what_commands_tell() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let viewer = program(&env, &serving, "viewer");
    let sessions = viewer.all("/sessions", 2);
    let ids: Vec<&str> = sessions.iter().map(|of| of["id"].as_str().unwrap()).collect();
    let told = env.json(["sessions"]);
    let known: Vec<&str> =
        told.as_array().unwrap().iter().map(|of| of["id"].as_str().unwrap()).collect();
    assert_eq!(ids, known);
    assert!(sessions.iter().all(|of| of["tokens"].is_string()), "as digits: {sessions:?}");
    let prompts = viewer.all("/prompts", 2);
    assert_eq!(prompts.len(), 12);
    assert!(prompts.iter().all(|of| of["seq"].as_str().unwrap().parse::<u64>().is_ok()));
    assert_eq!(viewer.all("/prompts", 500), prompts);
    let one = viewer.all(&format!("/prompts?session={}", thread(2)), 500);
    assert_eq!(one.len(), 4);
    assert_eq!(viewer.json(&format!("/sessions/{}", thread(1)))["prompts"], 4);
    assert!(viewer.all(&format!("/sessions/{}/items", thread(1)), 1).len() >= 3);
    let found = viewer.json("/search?q=berth");
    assert_eq!((found["total"].as_u64(), found["items"].as_array().unwrap().len()), (Some(3), 3));
    assert_eq!(viewer.json("/tokens?by=model")["total"]["total"], "0");
    assert_eq!(viewer.json("/status")["size"], size(&env).to_string());
    assert_eq!(viewer.json("/calls")["items"], json!([]));
    assert_eq!(viewer.json("/files")["items"], json!([]));
    // Wrong questions say what is wrong with them.
    for (asked, status) in [
        ("/sessions?limit=0", 422),
        ("/sessions?limit=501", 422),
        ("/sessions?limit=x", 400),
        ("/sessions?colour=x", 400),
        ("/sessions?repo=nowhere", 422),
        ("/sessions?since=yesterdayish", 422),
        ("/sessions/ffffffff", 404),
        ("/sessions/%00", 404),
        ("/sessions/%ff", 400),
        ("/sessions?repo=%00", 422),
        ("/sessions?repo=%ff", 400),
        ("/sessions?cursor=x", 422),
        ("/sessions?cursor=x.1", 410),
        ("/search", 400),
        ("/search?q=in:nowhere", 422),
        ("/entries/99999", 404),
        ("/entries/99999999999999999999999", 422),
        ("/entries/-1", 422),
        ("/entries/1/x", 404),
        ("/nothing", 404),
        ("", 200),
        ("/openapi.json", 200),
    ] {
        let answer = viewer.get(asked);
        assert_eq!(answer.status, status, "{asked}: {}", String::from_utf8_lossy(&answer.body));
        if status != 200 {
            problem(answer, status);
        }
    }
}

#[test]
fn a_tag_says_that_nothing_has_changed_and_a_cursor_goes_on_in_the_same_list() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let viewer = program(&env, &serving, "viewer");
    let first = viewer.get("/sessions?limit=1").expect(200);
    let tag = first.header("etag").to_string();
    assert!(tag.starts_with('"') && first.header("cache-control").contains("no-cache"), "{tag}");
    let again = |path: &str, tag: &str| {
        let known = format!("If-None-Match: {tag}");
        serving.ask("GET", &format!("/api/v1{path}"), &[&viewer.bearer(), &known], None)
    };
    let same = again("/sessions?limit=1", &tag);
    assert_eq!((same.status, same.header("etag"), same.body.len()), (304, tag.as_str(), 0));
    assert_eq!(again("/sessions?limit=1", &format!("\"x\", W/{tag}")).status, 304);
    assert_eq!(again("/sessions?limit=2", &tag).status, 200);
    assert_eq!(again("/prompts?limit=1", &tag).status, 200);
    // What depends on the hour has none.
    assert_eq!(viewer.get("/sessions?since=7d").header("etag"), "");
    let next =
        serde_json::from_slice::<Value>(&first.body).unwrap()["next"].as_str().unwrap().to_string();
    viewer.get(&format!("/sessions?limit=1&cursor={next}")).expect(200);
    // Of another question, of another ledger, and of what the ledger was before.
    problem(viewer.get(&format!("/prompts?limit=1&cursor={next}")), 410);
    env.json(["tag", "add", "wet", &thread(1)]);
    assert_eq!(again("/sessions?limit=1", &tag).status, 200);
    problem(viewer.get(&format!("/sessions?limit=1&cursor={next}")), 410);
}

#[test]
fn programs_hide_and_undo_and_say_what_they_think() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let [viewer, reviewer, auditor] =
        ["viewer", "reviewer", "auditor"].map(|role| program(&env, &serving, role));
    let wanted = json!({"literal": WORD, "reason": "a name"});
    let looked = reviewer.post("/redactions/preview", &wanted, None).expect(200);
    let looked: Value = serde_json::from_slice(&looked.body).unwrap();
    assert_eq!(
        (looked["passages"].as_u64(), looked["sessions"].as_object().unwrap().len()),
        (Some(3), 3)
    );
    let made = reviewer.post("/redactions", &wanted, None).expect(201);
    let to = made.header("location").to_string();
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    assert_eq!((made["actor"].as_str(), made["passages"].as_u64()), (Some("reviewer"), Some(3)));
    let seq = made["seq"].as_str().unwrap();
    assert_eq!(to, format!("/api/v1/redactions/{seq}"));
    problem(reviewer.post("/redactions", &wanted, None), 409);
    // What reviewers write to one another is not told to who only reads.
    let remark = json!({"subjects": [thread(1)], "say": "note", "value": "for reviewers"});
    reviewer.post("/annotations", &remark, None).expect(201);
    problem(viewer.get("/notes"), 403);
    let of = format!("/sessions/{}", thread(1));
    let notes =
        |program: &Program<'_>| program.json(&of)["review"]["notes"].as_array().unwrap().len();
    assert_eq!((notes(&viewer), notes(&reviewer)), (0, 1));
    // Nobody finds it, in any role.
    for program in [&viewer, &reviewer, &auditor] {
        for path in
            ["/prompts?limit=500", "/search?q=berth", "/sessions", "/redactions", "/acts", "/notes"]
        {
            let answer = program.get(path);
            let said = String::from_utf8_lossy(&answer.body).replace("**", "");
            assert!(!said.contains(WORD), "{path}");
        }
    }
    let undone =
        reviewer.post(&format!("/redactions/{seq}/undo"), &json!({"reason": "no name"}), None);
    let undone: Value = serde_json::from_slice(&undone.expect(201).body).unwrap();
    assert_eq!(undone["of"], seq);
    assert_eq!(viewer.json("/search?q=quinby")["total"], 3);
    // What is wrong says so, and records nothing.
    let before = size(&env);
    for (body, status) in [
        (json!({"literal": WORD}), 400),
        (json!({"reason": "x"}), 422),
        (json!({"literal": WORD, "reason": "x", "span": "1"}), 422),
        (json!({"literal": WORD, "reason": "x", "colour": "red"}), 400),
        (json!({"entry": "999999", "reason": "x"}), 404),
        (json!([]), 400),
        (json!([null, null, "3", null, "x"]), 400),
    ] {
        problem(reviewer.post("/redactions", &body, None), status);
    }
    problem(
        reviewer.send("/redactions", "x=1", &["Content-Type: application/x-www-form-urlencoded"]),
        415,
    );
    problem(reviewer.send("/redactions", "\u{0}", &[]), 400);
    problem(reviewer.send("/redactions", &" ".repeat(300 * 1024), &[]), 413);
    assert_eq!(size(&env), before);
    for (subject, value) in [("", "x"), ("#1", "x"), (" ", "x"), (&thread(1), &*"x".repeat(17_000))]
    {
        let note = json!({"subjects": [subject], "say": "note", "value": value});
        problem(reviewer.post("/annotations", &note, None), 422);
    }
    assert_eq!(size(&env), before);
    let told = reviewer.post(
        "/annotations",
        &json!({"subjects": [thread(1), format!("{}#2", thread(2))], "say": "tag", "value": "wet"}),
        None,
    );
    let told: Value = serde_json::from_slice(&told.expect(201).body).unwrap();
    assert_eq!(told["count"], 2);
    assert_eq!(viewer.json("/tags?name=wet")["items"].as_array().unwrap().len(), 2);
    let again = json!({"subjects": [thread(1)], "say": "tag", "value": "wet"});
    let again: Value =
        serde_json::from_slice(&reviewer.post("/annotations", &again, None).expect(200).body)
            .unwrap();
    assert_eq!(again, json!({"first": null, "last": null, "count": 0}));
    let back = json!({"first": told["first"], "last": told["last"]});
    reviewer.post("/annotations/undo", &back, None).expect(201);
    assert_eq!(viewer.json("/tags")["items"], json!([]));
    let acts = auditor.json("/acts?actor=reviewer");
    assert!(acts["items"].as_array().unwrap().len() >= 6, "{acts}");
    assert!(auditor.json("/audit")["verdict"].as_str().is_some());
    auditor.get("/checkpoint").expect(200);
    let proof = auditor.post("/entries/3/proof", &json!({}), None).expect(200);
    assert!(proof.text().starts_with("c2sp.org/tlog-proof@v1"), "{}", proof.text());
    env.audits_clean();
}

#[test]
fn a_request_with_a_key_is_done_once() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let reviewer = program(&env, &serving, "reviewer");
    let other = program(&env, &serving, "admin");
    let note = |text: &str| json!({"subjects": [thread(1)], "say": "note", "value": text});
    let before = size(&env);
    let first = reviewer.post("/annotations", &note("low water"), Some("k-1")).expect(201);
    let again = reviewer.post("/annotations", &note("low water"), Some("k-1")).expect(201);
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        ("", "true")
    );
    assert_eq!((&first.body, first.header("location")), (&again.body, again.header("location")));
    problem(reviewer.post("/annotations", &note("high water"), Some("k-1")), 422);
    assert_eq!(size(&env), before + 1);
    // Keys of others, and others of one's own, are other keys.
    other.post("/annotations", &note("low water"), Some("k-1")).expect(201);
    reviewer.post("/annotations", &note("low water"), Some("k-2")).expect(201);
    assert_eq!(size(&env), before + 3);
    let hide = json!({"literal": WORD, "reason": "a name"});
    let made = reviewer.post("/redactions", &hide, Some("h-1")).expect(201);
    let seq =
        serde_json::from_slice::<Value>(&made.body).unwrap()["seq"].as_str().unwrap().to_string();
    let again = reviewer.post("/redactions", &hide, Some("h-1")).expect(201);
    assert_eq!(made.body, again.body);
    let undo = format!("/redactions/{seq}/undo");
    for _ in 0..2 {
        reviewer.post(&undo, &json!({"reason": "no name"}), Some("u-1")).expect(201);
    }
    for wrong in ["", "a b", &"x".repeat(129)] {
        problem(reviewer.post("/annotations", &note("x"), Some(wrong)), 400);
    }
    assert_eq!(size(&env), before + 5);
    // After a restart, and after the views were made anew, it is known still.
    let token = reviewer.token;
    serving.stop();
    env.ok(["rebuild-views"]);
    let serving = Serving::start(&env, &[]);
    let reviewer = Program { serving: &serving, token };
    let again = reviewer.post("/annotations", &note("low water"), Some("k-1")).expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    assert_eq!(size(&env), before + 5);
    env.ok(["rebuild-views", "--check"]);
    env.audits_clean();
}

/// Views that cannot be written: something stands where the database would write what is new.
#[cfg(unix)]
struct Blocked(std::path::PathBuf);

#[cfg(unix)]
impl Blocked {
    fn new(env: &TestEnvironment) -> Blocked {
        let views = std::fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
        let log = std::path::PathBuf::from(format!("{}-wal", views.display()));
        std::fs::remove_file(&log).ok();
        std::os::unix::fs::symlink("/nowhere", &log).unwrap();
        Blocked(log)
    }
}

#[cfg(unix)]
impl Drop for Blocked {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// Whoever comes next finishes what was interrupted, and puts the configured rules in force: that is not what it asked for.
#[cfg(unix)]
#[test]
fn what_is_done_on_the_way_is_none_of_the_request() {
    let env = home();
    let rules =
        "name: more\nrules:\n  - id: own-berth\n    type: literal\n    pattern: berth-4711\n";
    crate::cmd_redact::configure_rules(&env, rules);
    let serving = Serving::start(&env, &[]);
    let reviewer = program(&env, &serving, "reviewer");
    let before = size(&env);
    let blocked = Blocked::new(&env);
    let hide = json!({"literal": WORD, "reason": "a name"});
    problem(reviewer.post("/redactions", &hide, None), 503);
    drop(blocked);
    let note = json!({"subjects": [thread(1)], "say": "note", "value": "low water"});
    let first = reviewer.post("/annotations", &note, Some("n-1")).expect(201);
    let made: Value = serde_json::from_slice(&first.body).unwrap();
    let again = reviewer.post("/annotations", &note, Some("n-1")).expect(201);
    assert_eq!((made["count"].as_u64(), first.body), (Some(1), again.body));
    assert_eq!(env.json(["note", "list"]).as_array().unwrap().len(), 1);
    // The redaction, the rules, the note.
    assert_eq!(size(&env), before + 3);
    env.audits_clean();
}

/// Whoever does not hear that it was done sends it again, while the views do not know of it yet; and what is erased was never asked.
#[cfg(unix)]
#[test]
fn a_key_is_found_behind_the_views_and_gone_with_its_entry() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let reviewer = program(&env, &serving, "reviewer");
    let before = size(&env);
    let blocked = Blocked::new(&env);
    let hide = json!({"literal": WORD, "reason": "a name"});
    let told = problem(reviewer.post("/redactions", &hide, Some("h-1")), 503);
    assert_eq!(told["recorded"], before.to_string());
    drop(blocked);
    let again = reviewer.post("/redactions", &hide, Some("h-1")).expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(size(&env), before + 1);
    let note = json!({"subjects": [thread(1)], "say": "note", "value": "low water"});
    let made = reviewer.post("/annotations", &note, Some("n-1")).expect(201);
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    let seq = made["first"].as_str().unwrap().to_string();
    env.ok(["erase", "--entry", &seq, "--reason", "a test"]);
    env.ok(["rebuild-views", "--check"]);
    let anew = reviewer.post("/annotations", &note, Some("n-1")).expect(201);
    assert_eq!(anew.header("idempotent-replayed"), "");
    env.audits_clean();
}

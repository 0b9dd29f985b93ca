//! `serve`: who comes in, what each may do, and the whole review by forms alone.

use crate::cli_support::web::{Serving, Visitor, form_of};
use crate::cli_support::{TestEnvironment, answer_line, prompt_line, session, thread};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All pages, and the acts with a form that would do something; each with the right that it asks for, and what a form that says
/// nothing gets of who has it.
pub const PAGES: [(&str, &str); 15] = [
    ("/", "read"),
    ("/sessions/{id}", "read"),
    ("/search?q=tide", "read"),
    ("/tokens", "read"),
    ("/queue", "review"),
    ("/redactions", "oversee"),
    ("/candidates?", "oversee"),
    ("/rules", "oversee"),
    ("/rules/rule?id=email", "redact"),
    ("/audit", "audit"),
    ("/audit/checkpoint", "audit"),
    ("/acts", "audit"),
    ("/entries/1", "read"),
    ("/export", "export"),
    ("/settings", "administer"),
];
const ACTS: [(&str, &str, u16); 17] = [
    ("/theme", "read", 400),
    ("/review", "review", 400),
    ("/redactions/preview", "redact", 400),
    ("/redactions/apply", "redact", 400),
    ("/redactions/undo", "redact", 400),
    ("/candidates/say", "redact", 400),
    ("/rules/rule", "redact", 400),
    ("/rules/try", "redact", 400),
    ("/rules/apply", "redact", 400),
    ("/rules/undo", "redact", 400),
    ("/export/file", "export", 400),
    ("/export/pages", "export", 400),
    ("/settings/token", "administer", 400),
    ("/settings/revoke", "administer", 400),
    ("/entries/1/reveal", "reveal", 400),
    // These need to be told nothing.
    ("/entries/1/proof", "audit", 200),
    ("/audit/check", "audit", 303),
];
/// The pages to which each page leads.
const ROOMS: [&str; 9] = [
    "/",
    "/search",
    "/tokens",
    "/queue",
    "/redactions",
    "/rules",
    "/audit",
    "/export",
    "/settings",
];
const ROLES: [(&str, &[&str]); 4] = [
    ("viewer", &["read"]),
    ("reviewer", &["read", "review", "oversee", "redact", "export"]),
    ("auditor", &["read", "oversee", "audit", "export"]),
    ("admin", &["read", "review", "oversee", "redact", "audit", "export", "administer", "reveal"]),
];

fn token(env: &TestEnvironment, name: &str, role: &str) -> String {
    let made = env.json(["serve", "token", "create", name, "--role", role]);
    made["token"].as_str().unwrap().to_string()
}

fn page(path: &str) -> String {
    path.replace("{id}", &thread(1))
}

#[test]
fn a_link_lets_in_once_and_without_one_nothing_is_shown() {
    let env = TestEnvironment::with_session(2);
    let serving = Serving::start(&env, &[]);
    for (path, _) in PAGES {
        let answer = serving.ask("GET", &page(path), &[], None).expect(401);
        // Where it was wanted to go is brought back.
        let own = answer.text().replace(&page(path), "");
        assert!(!own.contains("tide"), "{path}");
    }
    let visitor = serving.enter(&serving.key);
    for (path, _) in PAGES {
        visitor.get(&page(path)).expect(200);
    }
    let again = form_of(&[("key", &serving.key)]);
    let origin = format!("Origin: http://{}", serving.address);
    serving.ask("POST", "/enter", &[&origin], Some(&again)).expect(403);
    serving.ask("GET", "/", &["Cookie: codex_ledger=0"], None).expect(401);
    visitor.post("/leave", &[]).expect(303);
    visitor.get("/").expect(401);
}

#[test]
fn other_hosts_origins_and_forms_are_refused_before_anything_is_done() {
    let env = TestEnvironment::with_session(1);
    let before = env.json(["status"])["head"]["size"].clone();
    let serving = Serving::start(&env, &["--host", "ledger.example"]);
    let visitor = serving.enter(&serving.key);
    let cookie = format!("Cookie: {}", visitor.cookie);
    let port = serving.address.split(':').next_back().unwrap().to_string();
    for host in ["evil.example", "127.0.0.1", "127.0.0.1.evil.example", &format!("evil:{port}"), ""]
    {
        let line = format!("Host: {host}");
        serving.ask("GET", "/", &[&line, &cookie], None).expect(421);
    }
    for host in [format!("localhost:{port}"), format!("LOCALHOST:{port}"), "ledger.example".into()]
    {
        serving.ask("GET", "/", &[&format!("Host: {host}"), &cookie], None).expect(200);
    }
    let one = format!("Host: {}", serving.address);
    assert!(matches!(serving.ask("GET", "/", &[&one, &one, &cookie], None).status, 400 | 421));
    let subject = thread(1);
    let fields = [("subject", subject.as_str()), ("act", "tag"), ("value", "x"), ("back", "/")];
    let secret = ("form_secret", visitor.form_secret.as_str());
    let whole = form_of(&[&[secret], &fields[..]].concat());
    let own = format!("Origin: http://{}", serving.address);
    let refused: [&[&str]; 5] = [
        &[&cookie],
        &[&cookie, "Origin: http://evil.example"],
        &[&cookie, "Origin: null"],
        &[&cookie, &own, "Sec-Fetch-Site: cross-site"],
        &[&cookie, &own, "Sec-Fetch-Site: same-site"],
    ];
    for lines in refused {
        serving.ask("POST", "/review", lines, Some(&whole)).expect(403);
    }
    // A form of somebody else does not know what ours bring back.
    for form in [form_of(&fields), form_of(&[&[("form_secret", "")], &fields[..]].concat())] {
        serving.ask("POST", "/review", &[&cookie, &own], Some(&form)).expect(403);
    }
    let text = "Content-Type: text/plain\r\nContent-Length: 1\r\n";
    let request = format!(
        "POST /review HTTP/1.1\r\nConnection: close\r\n{one}\r\n{cookie}\r\n{own}\r\n{text}\r\nx"
    );
    serving.send(request.as_bytes()).expect(415);
    // Refused by what it says of its length, before it is sent.
    let long = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 300000\r\n";
    let request = format!(
        "POST /review HTTP/1.1\r\nConnection: close\r\n{one}\r\n{cookie}\r\n{own}\r\n{long}\r\nx"
    );
    serving.send(request.as_bytes()).expect(413);
    for (path, ..) in ACTS {
        let is_page = PAGES.iter().any(|(page, _)| page.split('?').next() == Some(path));
        let status = if is_page { 200 } else { 405 };
        serving.ask("GET", path, &[&cookie], None).expect(status);
        serving.ask("PUT", path, &[&cookie, &own], Some(&whole)).expect(405);
    }
    for path in ["/sessions/..%2f..%2fetc", "/assets/..%2fCargo.toml", "/nothing", "/sessions/%00"]
    {
        assert!(matches!(serving.ask("GET", path, &[&cookie], None).status, 400 | 404), "{path}");
    }
    assert_eq!(env.json(["status"])["head"]["size"], before, "nothing was recorded");
    serving.ask("POST", "/review", &[&cookie, &own], Some(&whole)).expect(303);
    assert_eq!(env.json(["tag", "list"])[0]["tag"], "x");
}

#[test]
fn each_role_may_do_what_it_may_and_nothing_else() {
    let env = TestEnvironment::with_session(2);
    let tokens = ROLES.map(|(role, _)| token(&env, role, role));
    let serving = Serving::start(&env, &[]);
    for ((role, rights), token) in ROLES.iter().zip(&tokens) {
        let bearer = format!("Authorization: Bearer {token}");
        for (path, right) in PAGES {
            let status = serving.ask("GET", &page(path), &[&bearer], None).status;
            let wanted = if rights.contains(&right) { 200 } else { 403 };
            assert_eq!(status, wanted, "{role} {path}");
        }
        for (path, right, done) in ACTS {
            let status = serving.ask("POST", path, &[&bearer], Some("")).status;
            let wanted = if rights.contains(&right) { done } else { 403 };
            assert_eq!(status, wanted, "{role} {path}");
        }
        // The same in a browser; pages offer nothing that is refused.
        let visitor = serving.enter(token);
        let home = visitor.get("/").expect(200);
        for (path, right) in PAGES.iter().filter(|(path, _)| ROOMS.contains(path)) {
            let is_offered = home.text().contains(&format!("<a href=\"{path}\""));
            assert_eq!(is_offered, rights.contains(right), "{role} {path}");
        }
        let shown = visitor.get(&page("/sessions/{id}")).expect(200);
        assert_eq!(
            shown.text().contains("action=\"/review\""),
            rights.contains(&"review"),
            "{role}"
        );
    }
}

#[test]
fn a_token_that_is_taken_back_ends_what_was_opened_with_it() {
    let env = TestEnvironment::with_session(1);
    let text = token(&env, "bea", "viewer");
    let id = env.json(["serve", "token", "list"])[0]["id"].as_str().unwrap().to_string();
    let serving = Serving::start(&env, &[]);
    let visitor = serving.enter(&text);
    env.json(["serve", "token", "revoke", &id]);
    visitor.get("/").expect(401);
    let bearer = format!("Authorization: Bearer {text}");
    serving.ask("GET", "/", &[&bearer], None).expect(401);
    let all: Value = env.json(["serve", "token", "list"]);
    assert_eq!((&all[0]["valid"], &all[0]["role"]), (&Value::Bool(false), &"viewer".into()));
    env.run(["serve", "token", "revoke", &id]).refused(&["no token"]);
    env.run(["serve", "--listen", "0.0.0.0:0"]).refused(&["others on the network", "proxy"]);
}

/// The whole review with forms alone: look, hide, see it gone everywhere, undo, judge, take out.
#[test]
fn a_review_goes_from_the_list_to_the_export_and_every_act_is_an_entry() {
    let env = TestEnvironment::new();
    let secret = "the Ellery gauge";
    let mut lines = session(1, 2);
    lines.extend_from_slice(&prompt_line(&format!("Read {secret} twice")));
    env.write(&env.rollout(1), &lines);
    env.write(&env.rollout(2), &session(2, 1));
    env.append(&[]);
    let reviewer = token(&env, "bea", "reviewer");
    let serving = Serving::start(&env, &[]);
    let bea = serving.enter(&reviewer);
    let (id, path) = (thread(1), format!("/sessions/{}", thread(1)));
    assert!(bea.get("/").text().contains(&path));
    assert!(bea.get(&path).text().contains(secret));
    let what = [("literal", secret), ("of", &id), ("reach", "everywhere"), ("back", &path)];
    let seen = bea.post("/redactions/preview", &what).expect(200);
    assert!(seen.text().contains("<strong>1 passage</strong>"), "{}", seen.text());
    let size = |env: &TestEnvironment| env.json(["status"])["head"]["size"].as_u64().unwrap();
    let before = size(&env);
    let without_reason = bea.post("/redactions/apply", &what).expect(400);
    assert!(without_reason.text().contains("reason"));
    assert_eq!(size(&env), before, "to look, and to be refused, records nothing");
    let why = [&what[..], &[("reason", "a name")]].concat();
    let done = bea.post("/redactions/apply", &why).expect(303);
    let list = bea.get(done.header("location")).expect(200);
    assert!(list.text().contains("Hidden by entry") && list.text().contains("a name"));
    let everywhere = [path.clone(), "/".into(), "/queue".into(), "/search?q=Ellery".into()];
    for page in &everywhere {
        assert!(!bea.get(page).expect(200).text().contains("Ellery gauge"), "{page}");
    }
    let exported = |visitor: &Visitor<'_>, format: &str| {
        let fields = [("mode", "actions"), ("format", format), ("session", &id)];
        visitor.post("/export/file", &fields).expect(200)
    };
    let file = exported(&bea, "md");
    assert!(!file.text().contains("Ellery"));
    assert!(file.header("content-disposition").contains("attachment"));
    for format in ["md", "html", "json", "csv"] {
        let path = env.path(format!("report.{format}"));
        let out = path.display().to_string();
        // Taking it out is recorded, so the ledger has one entry more then.
        let taken = exported(&bea, format);
        env.ok(["report", "--mode", "actions", "--session", &id, "-o", &out]);
        assert_eq!(taken.text(), fs::read_to_string(&path).unwrap(), "{format}");
    }
    let made = env.json(["redact", "list"]);
    assert_eq!((&made[0]["actor"], &made[0]["reason"]), (&"bea".into(), &"a name".into()));
    let seq = made[0]["seq"].to_string();
    bea.post("/redactions/undo", &[("seq", &seq), ("reason", "it is a place")]).expect(303);
    assert!(bea.get(&path).text().contains(secret));
    // The queue: a judgement, its undo, and the next one waits.
    let waiting = bea.get("/queue").expect(200);
    assert!(waiting.text().contains("0 of 4 prompts judged"), "{}", waiting.text());
    let subject = format!("{id}#3");
    let judge = [
        ("subject", subject.as_str()),
        ("act", "disposition"),
        ("value", "followed"),
        ("back", "/queue"),
    ];
    let done = bea.post("/review", &judge).expect(303);
    let next = bea.get(done.header("location")).expect(200);
    assert!(
        next.text().contains("1 of 4 prompts judged") && next.text().contains("Recorded as entry")
    );
    let entry = done.header("location").split("done=").nth(1).unwrap().to_string();
    bea.post("/review", &[("undo", &entry), ("back", "/queue")]).expect(303);
    assert!(bea.get("/queue").text().contains("0 of 4 prompts judged"));
    bea.post("/review", &judge).expect(303);
    let said = [("act", "note", "read it"), ("act", "tag", "gauges")];
    for (_, act, value) in said {
        let fields =
            [("subject", id.as_str()), ("act", act), ("value", value), ("back", path.as_str())];
        bea.post("/review", &fields).expect(303);
    }
    assert!(bea.get("/?tag=gauges").text().contains("1 of 3 judged"));
    // After a restart all of it is there, and all of it is hers.
    assert_eq!(serving.stop(), Some(0));
    let serving = Serving::start(&env, &[]);
    let bea = serving.enter(&reviewer);
    assert!(bea.get(&path).text().contains("read it"));
    let acts = env.json(["audit", "log", "--actor", "bea"]);
    let kinds: BTreeSet<&str> = acts["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| act["kind"].as_str().unwrap())
        .collect();
    let wanted = ["disposition", "note", "redaction", "report", "tag", "undo"];
    assert!(wanted.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    env.audits_clean();
}

/// What is selected on a page is not always what the log says: marks of Markdown are gone, and a reach may be chosen after a look.
#[test]
fn a_passage_is_hidden_as_it_is_seen_and_as_far_as_is_chosen() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let sessions = env.json(["sessions", "--limit", "0"]);
    let mut ids = sessions.as_array().unwrap().iter().filter_map(|of| of["id"].as_str());
    let id = ids.rfind(|id| id.starts_with("019c416a")).unwrap().to_string();
    let path = format!("/sessions/{id}");
    // In the log, the first words are set as code.
    let seen = "TIDES_PORT=8080 is there";
    let what = [("literal", seen), ("of", &*id), ("reach", "session"), ("back", &*path)];
    let looked = ada.post("/redactions/preview", &what).expect(200);
    let pattern = looked.text().split("name=\"pattern\" value=\"").nth(1).expect("a pattern");
    let pattern = pattern.split('"').next().unwrap().replace("&gt;", ">").replace("&amp;", "&");
    let more = [("pattern", &*pattern), ("reason", "a port")];
    let done = ada.post("/redactions/apply", &[&what[..], &more].concat()).expect(303);
    let told = ada.get(done.header("location")).expect(200);
    assert!(told.text().contains("1 passage."), "{}", told.text());
    assert!(!ada.get(&path).text().contains("TIDES_PORT=8080</code> is there"), "it is gone");
    // What is chosen on the page that looks is what is done.
    for (reach, within) in [("repository", "repo:"), ("everywhere", "")] {
        let what = [("literal", "high water"), ("of", &*id), ("reach", reach), ("back", "/")];
        ada.post("/redactions/preview", &what).expect(200);
        ada.post(
            "/redactions/apply",
            &[&what[..], &[("preset", "personal data"), ("reason", "ticket 42"), ("wide", "1")]]
                .concat(),
        )
        .expect(303);
        let made = env.json(["redact", "list"]);
        assert!(made[0]["within"].as_str().unwrap_or_default().starts_with(within), "{made}");
        assert_eq!(made[0]["reason"], "personal data: ticket 42");
        let seq = made[0]["seq"].to_string();
        ada.post("/redactions/undo", &[("seq", &seq), ("reason", "a test")]).expect(303);
    }
    // Marks of Markdown do not put together again what is hidden; of two who hide the same, the second is told.
    let split = "The gauge is called tide*mark* today";
    let mut lines = session(1, 1);
    lines.extend_from_slice(&answer_line(split));
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    let (id, page) = (thread(1), format!("/sessions/{}", thread(1)));
    assert!(ada.get(&page).text().contains("tide<em>mark</em>"));
    let what = [
        ("literal", "tidemark"),
        ("of", &*id),
        ("reach", "everywhere"),
        ("reason", "a name"),
        ("back", "/"),
    ];
    ada.post("/redactions/apply", &what).expect(303);
    let again = ada.post("/redactions/apply", &what).expect(409);
    assert!(again.text().contains("hides this already"), "{}", again.text());
    let shown = ada.get(&page).expect(200);
    assert!(
        !shown.text().contains("mark</em>") && shown.text().contains("called [redacted] today")
    );
    // Nothing says it: the text as a whole can be hidden.
    let what = [("literal", "no such words here"), ("of", &*id), ("entry", "30"), ("back", "/")];
    let looked = ada.post("/redactions/preview", &what).expect(200);
    assert!(looked.text().contains("Nothing that is shown now says exactly this"));
    assert!(looked.text().contains("hide the text as a whole"));
}

/// Whatever a log says, a page holds no markup of it, and nothing that a page of ours would not ask for.
#[test]
fn stored_scripts_stay_text_on_every_page() {
    let env = TestEnvironment::new();
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hostile/markdown.json");
    let texts: Vec<String> = serde_json::from_slice(&fs::read(hostile).unwrap()).unwrap();
    let mut lines = session(1, 1);
    for text in &texts {
        lines.extend_from_slice(&prompt_line(text));
    }
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let visitor = serving.enter(&serving.key);
    for text in texts.iter().take(12) {
        let fields = [("subject", thread(1)), ("act", "note".into()), ("value", text.clone())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        visitor.post("/review", &fields);
    }
    let mut pages: Vec<String> = PAGES.iter().map(|(path, _)| page(path)).collect();
    for from in (0..texts.len()).step_by(25) {
        pages.push(format!("/sessions/{}?from={from}&show=full", thread(1)));
    }
    pages.extend((2..texts.len()).step_by(9).map(|seq| format!("/entries/{seq}")));
    for text in texts.iter().step_by(6) {
        pages.push(format!("/search?{}", form_of(&[("q", text)])));
        pages.push(format!("/?{}", form_of(&[("repo", text)])));
        pages.push(format!("/acts?{}", form_of(&[("actor", text), ("target", text)])));
    }
    for path in pages {
        let answer = visitor.get(&path);
        let text = answer.text().to_lowercase();
        let rest = text.replacen("<script src=\"/assets/", "", 1);
        assert!(!rest.contains("<script"), "{path}");
        for sign in
            ["<img", "<iframe", "<math", "<object", "<style", "<animate", "javascript:alert"]
        {
            let in_address = text.contains(&format!("href=\"{sign}"));
            assert!(
                !in_address && (!sign.starts_with('<') || !text.contains(sign)),
                "{path}: {sign}"
            );
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

/// Whoever is killed has acknowledged nothing that is not there.
#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let env = TestEnvironment::with_session(3);
    let serving = Serving::start(&env, &[]);
    let visitor = serving.enter(&serving.key);
    for number in 1..=3 {
        let subject = format!("{}#{number}", thread(1));
        let fields = [
            ("subject", subject.as_str()),
            ("act", "disposition"),
            ("value", "ignored"),
            ("back", "/"),
        ];
        visitor.post("/review", &fields).expect(303);
    }
    serving.kill();
    assert_eq!(env.json(["disposition", "list"]).as_array().unwrap().len(), 3);
    env.audits_clean();
}

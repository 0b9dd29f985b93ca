//! `serve`: the audit, an entry and its proof, what is hidden of it, and pages that are taken out.

use crate::cli_support::web::{Serving, Visitor};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use codex_ledger_redaction::expand_example;
use serde_json::Value;
use std::fs;
use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

/// Longer than any check of a small ledger.
const PATIENCE: Duration = Duration::from_secs(60);

fn token(env: &TestEnvironment, name: &str, role: &str) -> String {
    let made = env.json(["serve", "token", "create", name, "--role", role]);
    made["token"].as_str().unwrap().to_string()
}

/// Asks for a check, and waits until it has ended.
fn checked(visitor: &Visitor<'_>) -> String {
    assert_eq!(visitor.post("/audit/check", &[]).expect(303).header("location"), "/audit#check");
    let began = Instant::now();
    loop {
        let page = visitor.get("/audit").expect(200);
        if !page.text().contains("data-reload") {
            return page.text().to_string();
        }
        assert!(began.elapsed() < PATIENCE, "{}", page.text());
    }
}

#[test]
fn an_audit_says_at_once_what_is_at_hand_and_all_of_it_when_it_was_checked() {
    let env = TestEnvironment::with_session(3);
    let auditor = token(&env, "ada", "auditor");
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&auditor);
    let at_hand = ada.get("/audit").expect(200);
    for words in
        ["at a first look", "Not done since", "Which rules were in force", "What is not proven"]
    {
        assert!(at_hand.text().contains(words), "{words}: {}", at_hand.text());
    }
    assert!(!at_hand.text().contains("bodies OK"), "nothing was hashed");
    let size = env.json(["status"])["head"]["size"].clone();
    let whole = checked(&ada);
    for words in ["Sound: ", "bodies OK", "say what a rebuild says", "took "] {
        assert!(whole.contains(words), "{words}: {whole}");
    }
    assert_eq!(env.json(["status"])["head"]["size"], size, "to look records nothing");
    let checkpoint = ada.get("/audit/checkpoint").expect(200);
    assert!(checkpoint.header("content-disposition").contains("attachment"));
    let path = env.path("checkpoint");
    fs::write(&path, &checkpoint.body).unwrap();
    let against = env.json(["audit", "--against", &path.display().to_string()]);
    assert_eq!(against["against"]["verdict"], "consistent", "{against}");
    // The views say something else than the log: the same finding as that of the command.
    let views = fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let db = rusqlite::Connection::open(views).unwrap();
    db.execute("UPDATE prompts SET text = 'changed' WHERE number = 1", []).unwrap();
    let said = env.run(["audit", "--json"]).expect(1).json();
    let whole = checked(&ada);
    assert!(whole.contains("Not sound: 1 finding"), "{whole}");
    let detail = said["findings"][0]["detail"].as_str().unwrap();
    assert!(whole.contains(&detail[..30]) && !whole.contains("changed"), "{detail}: {whole}");
}

#[test]
fn an_entry_has_a_page_and_a_proof_that_is_the_one_of_the_command() {
    let env = TestEnvironment::with_session(2);
    let (viewer, auditor) = (token(&env, "vic", "viewer"), token(&env, "ada", "auditor"));
    let shown = env.json(["show", &thread(1)]);
    let items = shown["items"].as_array().unwrap();
    let prompt = items.iter().find(|item| item["kind"] == "prompt").unwrap();
    let path = format!("/entries/{}", prompt["seq"]);
    let serving = Serving::start(&env, &[]);
    let (vic, ada) = (serving.enter(&viewer), serving.enter(&auditor));
    let session = vic.get(&format!("/sessions/{}", thread(1))).expect(200);
    assert!(session.text().contains(&format!("href=\"{path}\"")), "it leads to its entry");
    let page = vic.get(&path).expect(200);
    for words in [prompt["text"].as_str().unwrap(), &thread(1), ".jsonl, line "] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(!page.text().contains("/proof") && !page.text().contains("/reveal"));
    let proof = ada.post(&format!("{path}/proof"), &[]).expect(200);
    let out = env.path("entry.proof");
    env.ok(["audit", "prove", &prompt["seq"].to_string(), "-o", &out.display().to_string()]);
    assert_eq!(proof.text(), fs::read_to_string(&out).unwrap());
    let size = env.json(["status"])["head"]["size"].as_u64().unwrap();
    ada.post(&format!("/entries/{size}/proof"), &[]).expect(404);
    for path in [format!("/entries/{size}"), "/entries/x".into(), format!("/entries/{}", u64::MAX)]
    {
        ada.get(&path).expect(404);
    }
    // Who did what is for auditors, wherever it stands.
    env.ok(["note", "add", &thread(1), "look at the gauge"]);
    let act = format!("/entries/{size}");
    assert!(ada.get(&act).expect(200).text().contains("look at the gauge"));
    let page = vic.get(&act).expect(200);
    assert!(page.text().contains("for auditors") && !page.text().contains("look at the gauge"));
}

#[test]
fn what_is_hidden_is_shown_to_an_admin_who_says_why_and_that_is_an_entry_first() {
    let env = TestEnvironment::new();
    let secret = "the Ellery gauge";
    let mut lines = session(1, 1);
    lines.extend_from_slice(&prompt_line(&format!("Read {secret} twice")));
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    let shown = env.json(["show", &thread(1)]);
    let of = |item: &&Value| item["text"].as_str().is_some_and(|text| text.contains(secret));
    let seq = shown["items"].as_array().unwrap().iter().find(of).unwrap()["seq"].clone();
    env.ok(["redact", "--literal", secret, "--reason", "a name"]);
    let reviewer = token(&env, "bea", "reviewer");
    let serving = Serving::start(&env, &[]);
    let (owner, bea) = (serving.enter(&serving.key), serving.enter(&reviewer));
    let (path, reveal) = (format!("/entries/{seq}"), format!("/entries/{seq}/reveal"));
    let why = [("reason", "a court asks for it")];
    assert!(!owner.get(&path).expect(200).text().contains(secret));
    bea.post(&reveal, &why).expect(403);
    owner.get(&format!("{reveal}?reason=x")).expect(405);
    let size = || env.json(["status"])["head"]["size"].as_u64().unwrap();
    let before = size();
    for nothing in [&[][..], &[("reason", "  ")]] {
        assert!(!owner.post(&reveal, nothing).expect(400).text().contains(secret));
    }
    assert_eq!(size(), before, "nothing was shown, nothing is recorded");
    let seen = owner.post(&reveal, &why).expect(200);
    assert!(seen.text().contains(secret) && seen.text().contains("[redacted]"), "{}", seen.text());
    assert!(seen.text().contains(&format!("entry {before}</a>: a court asks for it")));
    assert_eq!(seen.header("cache-control"), "no-store");
    let acts = env.json(["audit", "log", "--kind", "reveal"]);
    let act = acts["actions"].as_array().unwrap().last().unwrap();
    assert_eq!((&act["seq"], &act["reason"]), (&before.into(), &why[0].1.into()), "{act}");
    assert!(!owner.get(&path).expect(200).text().contains(secret), "once");
    env.audits_clean();
}

/// Names and texts of an archive.
fn unpacked(bytes: &[u8]) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let count = zip.len();
    let read = |index| {
        let mut file = zip.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        (file.name().unwrap().to_string(), text)
    };
    (0..count).map(read).collect()
}

#[test]
fn pages_are_taken_out_as_the_command_publishes_them_or_not_at_all() {
    let env = TestEnvironment::new();
    for number in 1..=2 {
        env.write(&env.rollout(number), &session(number, 2));
    }
    env.append(&[]);
    let reviewer = token(&env, "bea", "reviewer");
    let serving = Serving::start(&env, &[]);
    let bea = serving.enter(&reviewer);
    let wanted = [("mode", "actions"), ("format", "html"), ("by", "session")];
    let taken = bea.post("/export/pages", &wanted).expect(200);
    assert!(taken.header("content-disposition").contains(".zip"));
    let dir = env.path("pages");
    let out = dir.display().to_string();
    env.ok(["report", "--publish", &out, "--mode", "actions", "--format", "html"]);
    let files = unpacked(&taken.body);
    assert!(files.len() >= 4, "{files:?}");
    for (name, text) in &files {
        assert_eq!(*text, fs::read_to_string(dir.join(name)).unwrap(), "{name}");
    }
    assert_eq!(files.len(), fs::read_dir(&dir).unwrap().count());
    let acts = env.json(["audit", "log", "--kind", "report", "--actor", "bea"]);
    let target = acts["actions"][0]["target"].as_str().unwrap();
    assert!(target.starts_with("actions as pages of html"), "{target}");
    for wrong in [("format", "csv"), ("by", "hour"), ("mode", "tokens"), ("mode", "all")] {
        let fields = wanted.map(|field| if field.0 == wrong.0 { wrong } else { field });
        bea.post("/export/pages", &fields).expect(400);
    }
    // Rules that hide nothing let a token be shown, which the gate does not let out.
    let none = env.path("none.yml");
    let rules = "extends: none\nrules:\n  - {id: never, type: literal, pattern: never-said}\n";
    env.write(&none, rules.as_bytes());
    env.ok(["redact", "rules", "set", none.to_str().unwrap(), "--reason", "a test"]);
    let token = expand_example("ghp_{{alnum:36}}");
    env.extend(&env.rollout(2), &prompt_line(&format!("use {token} for now")));
    env.append(&[]);
    let held = bea.post("/export/pages", &wanted).expect(409);
    assert!(held.text().contains("held back") && held.text().contains(".html line "));
    assert!(!held.text().contains(&token), "a finding does not quote the secret");
}

/// Of two repositories and two who ask: each filter of `report` gives the file of `report`.
#[test]
fn a_file_is_narrowed_down_and_put_in_order_as_the_command_does_it() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let sessions = env.json(["sessions", "--limit", "0"]);
    let of = |name: &str| {
        let mut found = sessions.as_array().unwrap().iter().filter_map(|of| of[name].as_str());
        found.next().unwrap().to_string()
    };
    let (cwd, source) = (of("cwd"), of("source"));
    let mut files = Vec::new();
    for (field, value, args) in [
        ("order", "oldest", &["--order", "oldest"][..]),
        ("order", "newest", &["--order", "newest"]),
        ("workspace", &cwd, &["--workspace", &cwd]),
        ("source", &source, &["--source", &source]),
        ("by_person", "1", &["--by-person"]),
    ] {
        let form = [("mode", "prompts"), ("format", "md"), (field, value)];
        let taken = ada.post("/export/file", &form).expect(200);
        let report = env.ok([&["report", "--mode", "prompts", "--format", "md"], args].concat());
        assert_eq!(taken.text(), report.text(), "{field} {value}");
        files.push(taken.body);
    }
    assert!(files[1..].iter().all(|file| *file != files[0]), "each says something else than all");
    let wrong = [("mode", "prompts"), ("format", "md"), ("order", "random")];
    ada.post("/export/file", &wrong).expect(400);
    let page = ada.get("/export?workspace=%2Ftides&order=newest&by_person=1").expect(200);
    for words in
        ["value=\"/tides\"", "value=\"newest\" selected", "value=\"1\" checked", "name=\"source\""]
    {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    let acts = env.json(["audit", "log", "--kind", "report"]);
    let told = acts["actions"][1]["target"].as_str().unwrap();
    assert!(told.contains("newest first"), "{told}");
}

#[test]
fn an_audit_page_says_what_this_version_does_not_know_and_leads_to_an_entry_of_it() {
    let env = TestEnvironment::with_session(1);
    let auditor = token(&env, "ada", "auditor");
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&auditor);
    assert!(ada.get("/audit").expect(200).text().contains("knows every kind and field"));
    let line = serde_json::json!({
        "timestamp": "2026-03-01T10:00:02.000Z", "type": "response_item",
        "payload": {"type": "tide_seen", "words": "Ada's harbour", "ebbs": {"quetzal": [1, 2]}},
    });
    env.extend(&env.rollout(1), format!("{line}\n").as_bytes());
    env.append(&[]);
    let told = env.json(["status", "--drift"]);
    let entry = format!("href=\"/entries/{}\"", told[0]["seq"]);
    let page = ada.get("/audit").expect(200);
    for words in ["1 record<", "tide_seen", "string(13)", "quetzal", &entry] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(!page.text().contains("harbour"), "no text of anybody");
    ada.get(&format!("/entries/{}", told[0]["seq"])).expect(200);
    // A name of a field is text of a log, too.
    env.ok(["redact", "--literal", "quetzal", "--reason", "a name"]);
    let page = ada.get("/audit").expect(200);
    assert!(page.text().contains("tide_seen") && !page.text().contains("quetzal"));
}

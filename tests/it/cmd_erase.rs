//! `erase`, `hold`: what goes is nowhere any more, all that was proven stands, and what is held stays.

use crate::cli_support::{TestEnvironment, lines_of, prompt_line, session, skip, thread};
use crate::support::world::holder;
use codex_ledger_entry::{Erasure, Seq};
use codex_ledger_ledger::{Ledger, World};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A session of the fixture with a fork and a subagent, and the fork.
const PARENT: &str = "019d6be2-d4e8-7c79-a249-cb4ed17f8d1c";
const FORK: &str = "019d737a-dcc8-7a79-a2f3-ab037f74dbda";
const WINDOW_BYTES: usize = 64;

fn fixture() -> TestEnvironment {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    // The index for search is there, too.
    env.json(["search", "tide"]);
    env
}

fn erase(env: &TestEnvironment, args: &[&str]) -> Value {
    let more = ["--reason", "asked for"];
    env.json(["erase"].iter().chain(args).chain(&more).copied())
}

fn planned(env: &TestEnvironment, args: &[&str]) -> Value {
    env.json(["erase", "--dry-run"].iter().chain(args).copied())
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(dir).into_iter().map(|entry| entry.unwrap());
    all.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).collect()
}

/// The files of the ledger's folder in which a window of these lines stands that no other line of the logs has.
fn left(env: &TestEnvironment, gone: &[&[u8]], rest: &[u8]) -> BTreeSet<String> {
    let others: HashSet<&[u8]> = rest.windows(WINDOW_BYTES).collect();
    let windows: Vec<&[u8]> = gone
        .iter()
        .flat_map(|line| line.chunks_exact(WINDOW_BYTES))
        .filter(|window| !others.contains(window))
        .collect();
    assert!(windows.len() > 3, "nothing to look for");
    let finder = aho_corasick::AhoCorasick::new(windows).unwrap();
    let holds = |path: &PathBuf| finder.is_match(&fs::read(path).unwrap());
    let files = files_below(&env.ledger()).into_iter().filter(holds);
    files.map(|path| path.display().to_string()).collect()
}

fn says(bytes: &[u8], text: impl AsRef<[u8]>) -> bool {
    aho_corasick::AhoCorasick::new([text]).unwrap().is_match(bytes)
}

fn source_of(env: &TestEnvironment, id: &str) -> PathBuf {
    let all = files_below(&env.codex());
    all.into_iter().find(|path| path.display().to_string().contains(id)).unwrap()
}

/// Digest of the views that a ledger makes of itself when they are gone.
fn digest_made_anew(env: &TestEnvironment) -> String {
    fs::remove_dir_all(env.ledger().join("views.d")).unwrap();
    fs::remove_file(env.ledger().join("views.sqlite")).unwrap();
    env.json(["rebuild-views"]);
    env.digest()
}

#[test]
fn a_session_goes_with_its_copies_and_does_not_come_back() {
    let env = fixture();
    let source = fs::read(source_of(&env, PARENT)).unwrap();
    let fork = fs::read(source_of(&env, FORK)).unwrap();
    let said = "How old the moon is";
    let plan = planned(&env, &["--session", &PARENT[..12]]);
    let before = env.json(["status"])["head"]["size"].as_u64().unwrap();
    let erased = erase(&env, &["--session", &PARENT[..12]]);
    for field in ["entries", "bytes", "sources", "whole_sessions", "files"] {
        assert_eq!(erased[field], plan[field], "{field}");
    }
    let why: BTreeSet<&str> = erased["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["why"].as_str().unwrap())
        .collect();
    assert_eq!(why.into_iter().collect::<Vec<_>>(), ["copy", "named", "side_file"]);
    assert_eq!(erased["intents"][0].as_u64(), Some(before));
    env.audits_clean();
    let audit = env.json(["audit"]);
    assert_eq!(audit["bodies"]["erased"], erased["entries"]);
    // Nothing of it is left, in no file of the ledger.
    let rest: Vec<u8> = files_below(&env.codex())
        .iter()
        .filter(|path| {
            let path = path.display().to_string();
            !path.contains(PARENT) && !path.contains(FORK)
        })
        .flat_map(|path| fs::read(path).unwrap())
        .collect();
    assert_eq!(left(&env, &lines_of(&source), &[rest, fork.clone()].concat()), BTreeSet::new());
    env.run(["show", PARENT]).refused(&["was erased, by entry"]);
    env.run(["erase", "--session", PARENT, "--reason", "r"]).refused(&["was erased, by entry"]);
    assert_eq!(env.json(["search", said])["hits"].as_array().map(Vec::len), Some(0));
    let ids: Vec<String> = env
        .json(["sessions"])
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["id"].as_str().unwrap().to_string())
        .collect();
    assert!(!ids.contains(&PARENT.to_string()) && ids.contains(&FORK.to_string()));
    let fork = env.json(["show", FORK]);
    assert!(fork["erased"]["records"].as_u64() > Some(5), "{}", fork["erased"]);
    assert_eq!(fork["erased"]["by"][0], erased["intents"][0]);
    // The same file, moved, compressed or under a name of its own, is not read again.
    let size = env.json(["status"])["head"]["size"].as_u64();
    let again = env.append(&[]);
    assert_eq!(again["lines"]["appended"], 0);
    assert_eq!(again["erased"][0]["by"], erased["intents"][0]);
    assert!(again["erased"][0]["path"].as_str().unwrap().contains(PARENT));
    fs::remove_file(source_of(&env, PARENT)).unwrap();
    let archived = env.codex().join("archived_sessions");
    let name = format!("rollout-2026-04-08T08-58-41-{PARENT}.jsonl");
    env.write(&archived.join(format!("{name}.zst")), &zstd::encode_all(&source[..], 3).unwrap());
    env.write(&env.codex().join("sessions").join("copy.jsonl"), &source);
    env.append(&[]);
    let copy = env.codex().join("sessions/copy.jsonl").display().to_string();
    let given = env.json(["append", &copy]);
    assert_eq!(
        (&given["lines"]["appended"], &given["erased"][0]["by"]),
        (&0.into(), &erased["intents"][0])
    );
    assert_eq!(env.json(["status"])["head"]["size"].as_u64(), size);
    let digest = env.digest();
    assert_eq!(digest_made_anew(&env), digest);
}

#[test]
fn everything_that_was_proven_before_stands() {
    let env = TestEnvironment::with_session(3);
    let at = |name: &str| env.path(name).display().to_string();
    env.json(["audit", "prove", "4", "-o", &at("proof")]);
    let signed = env.json(["audit", "checkpoint", "-o", &at("checkpoint")]);
    let key = signed["public_key"].as_str().unwrap().to_string();
    env.json(["audit", "bundle", "-o", &at("bundle"), "--reason", "a test"]);
    let heads = env.json(["audit", "verify", &at("bundle"), "--signed-by", &key]);
    erase(&env, &["--entry", "4"]);
    env.json(["audit", "verify", &at("proof"), "--signed-by", &key]);
    env.json(["audit", "--against", &at("checkpoint")]);
    assert_eq!(env.json(["audit", "verify", &at("bundle"), "--signed-by", &key]), heads);
    // What is made now says what is gone, and who says so.
    env.append(&[]);
    env.json(["audit", "bundle", "--complete", "-o", &at("after"), "--reason", "a test"]);
    env.json(["audit", "verify", &at("after"), "--signed-by", &key]);
    let done = env.json(["export", "-o", &at("exported"), "--reason", "a test"]);
    env.json(["audit", "prove", "4", "-o", &at("proof-2")]);
    env.json(["audit", "verify", &at("proof-2"), "--signed-by", &key]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/proof/verify.py");
    for (folder, more) in [
        ("exported", vec![]),
        ("after", vec!["--signed-by", &key]),
        ("bundle", vec!["--signed-by", &key]),
    ] {
        let path = at(folder);
        let ran = Command::new("python3").arg(&script).arg(&path).args(more).output();
        let Ok(output) = ran else {
            skip("cmd_erase::everything_that_was_proven_before_stands", "there is no python3");
            break;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{folder}: {text}");
        assert!(folder == "bundle" || text.contains("1 erased"), "{folder}: {text}");
    }
    // The way out of the engine and back.
    let head = env.json(["--ledger", &at("imported"), "import", &at("exported")])["head"].clone();
    assert_eq!(head["size"], done["entries"]);
    env.json(["--ledger", &at("imported"), "audit"]);
}

/// An export in which a body is gone that no entry names, or is there although one does, is refused by all.
#[test]
fn what_is_gone_without_leave_is_refused() {
    let env = TestEnvironment::with_session(3);
    let at = |name: &str| env.path(name).display().to_string();
    env.json(["export", "-o", &at("whole"), "--reason", "a test"]);
    let whole = fs::read(env.path("whole/entries.cxl")).unwrap();
    // The body of the last entry but one.
    const HEADER: usize = 216;
    let (mut at_byte, mut places) = (38, Vec::new());
    while at_byte < whole.len() {
        let len = u64::from_be_bytes(whole[at_byte + 112..at_byte + 120].try_into().unwrap());
        places.push((at_byte, len as usize));
        at_byte += HEADER + 1 + 16 + len as usize;
    }
    let (start, len) = places[4];
    let mut without = whole[..start + HEADER].to_vec();
    without.push(2);
    without.extend_from_slice(&whole[start + HEADER + 1 + 16 + len..]);
    fs::write(env.path("whole/entries.cxl"), without).unwrap();
    let ledger = at("imported");
    env.run(["--ledger", &ledger, "import", &at("whole")])
        .refused(&["no entry says that it was erased"]);
    assert!(!env.path("imported").exists());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/proof/verify.py");
    if let Ok(output) = Command::new("python3").arg(&script).arg(at("whole")).output() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(1) && text.contains("no entry erased it"), "{text}");
    }
}

#[test]
fn a_prompt_goes_with_what_says_it_again_and_its_session_goes_on() {
    let env = fixture();
    let before = env.json(["show", FORK]);
    let prompt =
        before["items"].as_array().unwrap().iter().find(|item| item["kind"] == "prompt").unwrap();
    let text = prompt["text"].as_str().unwrap().to_string();
    assert!(text.len() > 30 && env.json(["search", &text])["hits"].as_array().unwrap().len() == 1);
    let erased = erase(&env, &["--prompt", &format!("{FORK}#1")]);
    assert!(erased["entries"].as_u64().unwrap() >= 3, "event, response item, history: {erased}");
    assert_eq!(erased["whole_sessions"], 0);
    let after = env.json(["show", FORK]);
    assert_eq!(after["prompts"], 0);
    assert!(!after.to_string().contains(&text));
    let finder = |path: &PathBuf| says(&fs::read(path).unwrap(), text.as_bytes());
    let holding: Vec<PathBuf> = files_below(&env.ledger()).into_iter().filter(finder).collect();
    assert_eq!(holding, Vec::<PathBuf>::new());
    // The file goes on, and what was erased stays gone.
    let source = source_of(&env, FORK);
    env.extend(&source, &prompt_line("And sunset?"));
    let appended = env.append(&[]);
    assert_eq!(
        (&appended["lines"]["appended"], &appended["problems"]),
        (&1.into(), &Value::Array(vec![]))
    );
    let after = env.json(["show", FORK]);
    assert!(after["prompts"] == 1 && !after.to_string().contains(&text));
    env.audits_clean();
    let digest = env.digest();
    assert_eq!(digest_made_anew(&env), digest);
    // Told in what people read.
    let shown = env.ok(["show", FORK]);
    let by = erased["intents"][0].to_string();
    assert!(shown.text().contains(&format!("erased by entry {by}")), "{}", shown.text());
    let report = env.ok(["report", "--session", FORK]);
    assert!(report.text().contains(&format!("erased by entry {by}")), "{}", report.text());
}

/// A rewritten file may hold again what was erased of it.
#[test]
fn a_file_that_was_rewritten_since_is_not_read() {
    let env = TestEnvironment::with_session(3);
    erase(&env, &["--entry", "5"]);
    let source = fs::read(env.rollout(1)).unwrap();
    let rewritten = [&source[..], b"\n"].concat().replacen_first(b"cli_version", b"cli_Version");
    env.write(&env.rollout(1), &rewritten);
    let codex = env.codex().display().to_string();
    let outcome = env.run(["append", "--json", &codex]).expect(1).json();
    assert!(outcome["problems"][0]["reason"].as_str().unwrap().contains("erased"), "{outcome}");
    assert_eq!(outcome["lines"]["appended"], 0);
    env.audits_clean();
}

trait ReplaceFirst {
    fn replacen_first(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl ReplaceFirst for Vec<u8> {
    fn replacen_first(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self.windows(from.len()).position(|window| window == from).unwrap();
        [&self[..at], to, &self[at + from.len()..]].concat()
    }
}

/// The history is cut and written anew by its client: lines of a session that was erased come with it, and go again.
#[test]
fn a_rewritten_history_brings_nothing_back() {
    let env = TestEnvironment::with_session(2);
    let line = |number: u64, text: &str| {
        format!("{}\n", serde_json::json!({"session_id": thread(number), "ts": 1, "text": text}))
    };
    let history = env.codex().join("history.jsonl");
    let (one, two) = (line(1, "a word about the neap"), line(2, "another session"));
    env.write(&history, format!("{two}{one}").as_bytes());
    env.append(&[]);
    let erased = erase(&env, &["--session", &thread(1)]);
    env.write(&history, format!("{one}{two}").as_bytes());
    env.append(&[]);
    let holds = |path: &PathBuf| says(&fs::read(path).unwrap(), b"about the neap");
    assert_eq!(files_below(&env.ledger()).into_iter().find(holds), None);
    let log = env.json(["audit", "log", "--kind", "erase"])["actions"].clone();
    let reason = log.as_array().unwrap().last().unwrap()["reason"].as_str().unwrap().to_string();
    assert!(reason.contains(&erased["intents"][0].to_string()), "{reason}");
    env.audits_clean();
}

/// A prompt of a history that was written anew has nothing that tells it from others: the file is not read.
#[test]
fn a_prompt_does_not_come_back_with_a_rewritten_history() {
    let env = TestEnvironment::with_session(1);
    let line = |ts: u64, text: &str| {
        format!("{}\n", serde_json::json!({"session_id": thread(1), "ts": ts, "text": text}))
    };
    let history = env.codex().join("history.jsonl");
    let (one, two) = (line(1, "when is the neap tide?"), line(2, "and the spring tide?"));
    env.write(&history, format!("{one}{two}").as_bytes());
    env.append(&[]);
    let seq = env.count("SELECT seq FROM history_prompts WHERE text LIKE '%neap%'").to_string();
    erase(&env, &["--entry", &seq]);
    env.extend(&history, line(3, "and tomorrow?").as_bytes());
    assert_eq!(env.append(&[])["lines"]["appended"], 1);
    env.write(&history, format!("{two}{one}").as_bytes());
    let codex = env.codex().display().to_string();
    let refused = env.run(["append", "--json", &codex]).expect(1).json();
    assert!(refused["problems"][0]["reason"].as_str().unwrap().contains("erased"), "{refused}");
    let holds = |path: &PathBuf| says(&fs::read(path).unwrap(), "neap tide");
    assert_eq!(files_below(&env.ledger()).into_iter().find(holds), None);
}

/// Behind an erased prompt others have its number: the same command means no other prompt.
#[test]
fn the_same_command_twice_erases_no_other_prompt() {
    let env = TestEnvironment::with_session(3);
    let name = format!("{}#2", thread(1));
    let erased = erase(&env, &["--prompt", &name]);
    assert_eq!(erased["entries"], 1);
    let refused = env.run(["erase", "--prompt", &name, "--reason", "again"]);
    let refused = refused.refused(&["other numbers", "--entries"]);
    assert!(refused.stderr.contains("#@"), "{}", refused.stderr);
    let seq = env.count("SELECT max(seq) FROM prompts");
    erase(&env, &["--prompt", &format!("{}#@{seq}", thread(1))]);
    assert_eq!(env.json(["show", &thread(1)])["prompts"], 1);
    env.audits_clean();
}

#[test]
fn a_literal_goes_wherever_it_stands_and_what_it_hid_shows_again() {
    let env = TestEnvironment::new();
    let mut source = session(1, 1);
    source.extend(prompt_line("My number is 0131-496-0742, call me"));
    source.extend(prompt_line("again: 0131-496-0742 {\"nested\": \"0131-496-0742\"}"));
    env.write(&env.rollout(1), &source);
    env.append(&[]);
    env.json(["redact", "--literal", "0131-496-0742", "--reason", "a number"]);
    env.run(["erase", "--literal", "0131-496-0742", "--reason", "it is 0131-496-0742"])
        .refused(&["reason"]);
    let plan = planned(&env, &["--literal", "0131-496-0742"]);
    assert_eq!((&plan["entries"], plan["void"].as_array().map(Vec::len)), (&3.into(), Some(1)));
    erase(&env, &["--literal", "0131-496-0742"]);
    let holds = |path: &PathBuf| says(&fs::read(path).unwrap(), b"496-0742");
    assert_eq!(files_below(&env.ledger()).into_iter().find(holds), None);
    // Void, and not unreadable: everything is shown, and the list has no such redaction.
    assert_eq!(env.json(["redact", "list"]), Value::Array(vec![]));
    assert_eq!(env.json(["show", &thread(1)])["prompts"], 1);
    env.audits_clean();
    env.run(["erase", "--literal", "0131-496-0742", "--reason", "again"])
        .refused(&["erased already"]);
}

#[test]
fn what_cannot_be_erased_is_refused_with_clear_words() {
    let env = TestEnvironment::with_session(2);
    let size = env.json(["status"])["head"]["size"].clone();
    let refused = |args: &[&str], words: &[&str]| {
        let more = ["--reason", "a test"];
        env.run(["erase"].iter().chain(args).chain(&more).copied()).refused(words);
    };
    refused(&["--entry", "0"], &["kind created", "stays"]);
    refused(&["--entry", "999"], &["no entry 999"]);
    refused(&["--session", "nobody"], &["no session"]);
    refused(&["--prompt", "nobody#1"], &["no session"]);
    refused(&["--prompt", &format!("{}#9", thread(1))], &["none with number"]);
    refused(&["--literal", "x"], &["shorter than"]);
    refused(&["--literal", "never said by anybody"], &["nothing in the ledger holds it"]);
    refused(&["--entry", "4", "--literal", "water"], &["several things"]);
    refused(&[], &["nothing is named"]);
    refused(&["--literal", &thread(1)], &["whole session"]);
    env.run(["erase", "--entry", "4"]).refused(&["a reason is needed"]);
    env.run(["erase", "--session", &thread(1), "--reason", &format!("drop {}", thread(1))])
        .refused(&["the reason, or the actor, says"]);
    let rules = env.json(["audit", "log", "--kind", "rules"])["actions"][0]["seq"].to_string();
    refused(&["--entry", &rules], &["rule set in force"]);
    assert_eq!(env.json(["status"])["head"]["size"], size, "nothing was recorded");
    let done = erase(&env, &["--entry", "4"]);
    let (intent, end) = (done["intents"][0].to_string(), done["done"][0].to_string());
    refused(&["--entry", "4"], &["erased already", &intent]);
    refused(&["--entry", &end], &["kind erase_done", "stays"]);
    // The reason of an erasure may say too much, and can go as well.
    erase(&env, &["--entry", &intent]);
    env.audits_clean();
    let said = env.run(["show", "--raw", "--entry", "4"]).refused(&["was erased", "by entry"]);
    assert!(said.text().is_empty());
}

#[test]
fn what_is_held_stays_until_it_is_released() {
    let env = TestEnvironment::new();
    for number in [1, 2] {
        env.write(&env.rollout(number), &session(number, 2));
    }
    env.append(&[]);
    let held = env.json(["hold", "add", &thread(1), "--reason", "a case"])["holds"].clone();
    let hold = held[0]["seq"].to_string();
    let args = ["erase", "--session", &thread(1), "--reason", "asked for"];
    let refused = env.run(args).refused(&["held by entry", &hold, "a case"]);
    assert!(refused.stderr.contains("hold release"), "{}", refused.stderr);
    env.run(["erase", "--literal", "high water", "--reason", "asked for"]).refused(&["held by"]);
    env.run(["erase", "--entry", &hold, "--reason", "asked for"]).refused(&["held by"]);
    erase(&env, &["--session", &thread(2)]);
    let all =
        env.json(["hold", "add", "--all", "--reason", "everything"])["holds"][1]["seq"].to_string();
    env.json(["hold", "release", &hold, "--reason", "closed"]);
    env.run(args).refused(&["held by entry", &all]);
    env.run(["hold", "release", "1", "--reason", "none"]).refused(&["no hold 1"]);
    env.json(["hold", "release", &all, "--reason", "closed"]);
    assert_eq!(env.json(["hold", "list"])["holds"], Value::Array(vec![]));
    env.json(args);
    env.audits_clean();
}

/// The intent is acknowledged, and the command dies: nobody shows what it takes, and who writes next finishes it.
#[test]
fn an_erasure_that_was_interrupted_is_finished_by_the_next_command() {
    let commands: [&[&str]; 5] = [
        &["sessions", "--json"],
        &["search", "sandcastle", "--json"],
        &["tag", "list", "--json"],
        &["export", "-o", "exported", "--reason", "a test", "--json"],
        &["show", "--raw", "--entry", "3", "--reason", "a test"],
    ];
    for command in commands {
        let env = TestEnvironment::new();
        let mut source = session(1, 1);
        source.extend(prompt_line("where does the sandcastle stand?"));
        env.write(&env.rollout(1), &source);
        env.append(&[]);
        env.json(["search", "sandcastle"]);
        let seq = env.count("SELECT max(seq) FROM prompts") as u64;
        let erasure =
            Erasure { entries: [Seq::new(seq)].into_iter().collect(), threads: Vec::new() };
        let mut ledger = Ledger::open(&env.ledger(), World::real(), &holder()).unwrap();
        ledger.begin_erasure(&erasure, &erasure.intent("test", "ada", "asked")).unwrap();
        drop(ledger);
        let outcome = env.run(command).expect(0);
        assert!(command[0] == "search" || !outcome.text().contains("sandcastle"), "{command:?}");
        env.json(["status"]);
        env.append(&[]);
        let holds = |path: &PathBuf| says(&fs::read(path).unwrap(), b"sandcastle");
        assert_eq!(files_below(&env.ledger()).into_iter().find(holds), None, "{command:?}");
        env.audits_clean();
        assert_eq!(env.count("SELECT count(*) FROM actions WHERE verb = 'erase_done'"), 1);
    }
}

#[test]
fn a_retention_takes_old_output_and_tagged_sessions_and_leaves_what_is_held() {
    let env = fixture();
    let config = env.path("config.toml");
    env.run(["erase", "--retention", "--reason", "r"]).refused(&["no retention is configured"]);
    env.write(&config, b"[retention]\nraw_output_days = 30\ntags = [\"scratch\"]\n");
    let config = config.display().to_string();
    let with =
        |args: &[&str]| -> Value { env.json(["--config", &config].iter().chain(args).copied()) };
    env.json(["tag", "add", "scratch", "--session", FORK]);
    let held = "019f228a";
    env.json(["hold", "add", held, "--reason", "a case"]);
    let outputs = || env.count("SELECT count(*) FROM function_calls WHERE output <> ''");
    let of_held = || {
        env.count(
            "SELECT count(*) FROM function_calls c JOIN sessions s USING (stream)
             WHERE s.id LIKE '019f228a%' AND c.output <> ''",
        )
    };
    let (all, kept) = (outputs(), of_held());
    assert!(all > kept && kept > 0);
    let plan = with(&["erase", "--retention", "--dry-run"]);
    assert!(!plan["held"].as_array().unwrap().is_empty(), "{plan}");
    let erased = with(&["erase", "--retention", "--reason", "our retention"]);
    assert_eq!(erased["entries"], plan["entries"]);
    // In files of older clients lines have no times, and a document is one line.
    let undated = env.count(
        "SELECT count(*) FROM function_calls c WHERE c.output <> '' AND NOT EXISTS (
            SELECT 1 FROM events e WHERE e.stream = c.stream AND e.line > 0 AND e.at_ms > 0 AND e.kind <> 'erased')",
    );
    assert_eq!((outputs(), of_held()), (kept + undated, kept));
    assert!(!env.json(["sessions"]).to_string().contains(FORK));
    env.audits_clean();
    let digest = env.digest();
    assert_eq!(digest_made_anew(&env), digest);
    // Twice is once: what is left is held.
    let again = with(&["erase", "--retention", "--reason", "again"]);
    assert_eq!((&again["entries"], &again["intents"]), (&0.into(), &Value::Array(vec![])));
    // A session that is held goes on, with all that comes.
    let source = source_of(&env, "019f228a");
    env.json(["tag", "add", "scratch", "--session", held]);
    with(&["erase", "--retention", "--reason", "once more"]);
    env.extend(&source, &prompt_line("and what of the neap?"));
    assert_eq!(env.append(&[])["lines"]["appended"], 1);
}

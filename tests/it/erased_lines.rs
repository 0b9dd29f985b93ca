//! `erase` where one line is several entries, where reviewers spoke of what is gone, and where it comes under another name.

use crate::cli_support::{TestEnvironment, prompt_line, rollout_name, session, thread};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const SAID: &str = "where does the osprey nest in spring";

fn erase(env: &TestEnvironment, args: &[&str]) -> Value {
    let more = ["--reason", "asked for"];
    env.json(["erase"].iter().chain(args).chain(&more).copied())
}

/// Files of the ledger that hold a text.
fn holding(env: &TestEnvironment, text: &str) -> Vec<PathBuf> {
    let finder = aho_corasick::AhoCorasick::new([text]).unwrap();
    let files = walkdir::WalkDir::new(env.ledger()).into_iter().map(|of| of.unwrap().into_path());
    files.filter(|path| path.is_file() && finder.is_match(&fs::read(path).unwrap())).collect()
}

/// A session whose second prompt was taken in two pieces, torn in the midst of a word.
fn with_torn_line() -> TestEnvironment {
    let env = TestEnvironment::with_session(1);
    let line = prompt_line(SAID);
    let at = line.windows(6).position(|of| of == b"osprey").unwrap() + 3;
    env.extend(&env.rollout(1), &line[..at]);
    env.settle(&env.rollout(1));
    assert_eq!(env.append(&[])["lines"]["appended"], 1, "a torn line");
    env.extend(&env.rollout(1), &[&line[at..], &prompt_line("And at noon?")].concat());
    assert_eq!(env.append(&[])["lines"]["appended"], 2);
    assert_eq!(env.json(["show", &thread(1)])["prompts"], 3);
    env
}

/// Pieces of one line say together what none of them says; erasing one of them would leave half of it.
#[test]
fn a_torn_line_goes_as_a_whole() {
    let prompt = format!("{}#2", thread(1));
    for args in [["--literal", SAID], ["--literal", "nest in spring"], ["--prompt", &prompt]] {
        let env = with_torn_line();
        assert_eq!(erase(&env, &args)["entries"], 2, "{args:?}");
        for piece in ["does the osp", "rey nest"] {
            assert_eq!(holding(&env, piece), Vec::<PathBuf>::new(), "{args:?}");
        }
        env.audits_clean();
        for command in [&["show", &thread(1)][..], &["report", "--session", &thread(1)]] {
            let told = env.ok(command.iter().copied());
            assert!(told.text().contains("erased by entry"), "{args:?}: {}", told.text());
        }
        env.json(["report", "--session", &thread(1)]);
        // What follows is a line of its own.
        assert_eq!(env.json(["show", &thread(1)])["prompts"], 2, "{args:?}");
        env.extend(&env.rollout(1), &prompt_line("And at dusk?"));
        assert_eq!(env.append(&[])["lines"]["appended"], 1);
        assert_eq!(env.json(["show", &thread(1)])["prompts"], 3, "{args:?}");
        env.audits_clean();
    }
}

/// A piece that is gone does not carry over to the lines behind it.
#[test]
fn a_piece_erased_by_itself_spoils_no_other_line() {
    let env = with_torn_line();
    let seq = env.count("SELECT max(seq) FROM prompts").to_string();
    let first = env.count("SELECT max(seq) FROM prompts WHERE number = 2");
    erase(&env, &["--entry", &first.to_string()]);
    let erased = erase(&env, &["--literal", "And at noon?"]);
    assert_eq!(erased["entries"], 1, "{erased}");
    assert_eq!(env.count(&format!("SELECT count(*) FROM prompts WHERE seq = {seq}")), 0);
    env.audits_clean();
}

/// What was said of a prompt goes with it; it was never said of the session.
#[test]
fn what_was_said_of_an_erased_prompt_is_said_of_nothing() {
    let env = TestEnvironment::with_session(3);
    let prompt = format!("{}#2", thread(1));
    env.ok(["tag", "add", "about-two", &prompt]);
    env.ok(["note", "add", &prompt, "a note about it"]);
    env.ok(["tag", "add", "about-all", &thread(1)]);
    let erased = erase(&env, &["--prompt", &prompt]);
    assert_eq!(erased["entries"], 3, "{erased}");
    assert_eq!(holding(&env, "a note about it"), Vec::<PathBuf>::new());
    let tags = env.json(["tag", "list"]).to_string();
    assert!(tags.contains("about-all") && !tags.contains("about-two"), "{tags}");
    env.audits_clean();
    // The same where the reviewer's entry itself stays.
    let env = TestEnvironment::with_session(3);
    let seq = env.count("SELECT seq FROM prompts WHERE number = 2").to_string();
    env.ok(["tag", "add", "about-two", &prompt]);
    erase(&env, &["--entry", &seq]);
    let tags = env.json(["tag", "list"]).to_string();
    assert!(!tags.contains("about-two"), "{tags}");
    env.audits_clean();
}

/// An empty name is no name: it would mean the newest session.
#[test]
fn a_prompt_without_a_session_is_refused() {
    let env = TestEnvironment::with_session(2);
    for prompt in ["#1", " #1", "#@5"] {
        env.run(["erase", "--prompt", prompt, "--reason", "x"]).refused(&["no session"]);
    }
    env.run(["erase", "--session", " ", "--reason", "x"]).refused(&["no session"]);
    assert_eq!(env.json(["show", &thread(1)])["prompts"], 2);
}

/// Whatever a file is called, its head says whose it is.
#[test]
fn an_erased_session_under_another_name_is_not_read() {
    let env = TestEnvironment::with_session(3);
    erase(&env, &["--session", &thread(1)]);
    let bytes = session(1, 3);
    let folder = env.codex().join("sessions/2026/03/02");
    let log = rollout_name(7);
    let heads: [(&str, &[u8]); 4] =
        [("backup.jsonl", b""), (&log, b""), (&log, b"\n\n"), (&log, b"not json\n")];
    for (name, head) in heads {
        let path = folder.join(name);
        env.write(&path, &[head, &bytes].concat());
        let done = env.append_roots(std::slice::from_ref(&path), &[]);
        assert_eq!(done["lines"]["appended"], 0, "{name}: {done}");
        assert_eq!(done["files"]["erased"], 1, "{name}: {done}");
        fs::remove_file(path).unwrap();
    }
    // A fork is a session of its own.
    let own = String::from_utf8(session(8, 1)).unwrap();
    let fork = own.replacen("\"cwd\"", &format!("\"forked_from_id\":\"{}\",\"cwd\"", thread(1)), 1);
    env.write(&env.rollout(8), fork.as_bytes());
    assert_eq!(env.append(&[])["lines"]["appended"], 2);
    env.audits_clean();
}

//! Which configuration files are obeyed.

use crate::cli_support::{TestEnvironment, prompt_line, session};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const SECRET: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

/// A repository that switches off the rules and sends the ledger elsewhere, with the program run in it.
fn repository(env: &TestEnvironment, config: &str) {
    env.write(&env.work().join("user/config.toml"), config.as_bytes());
    let none = b"name: none\nextends: none\nrules: []\n";
    env.write(&env.work().join("user/none.yml"), none);
}

fn own_logs() -> TestEnvironment {
    let env = TestEnvironment::new();
    let mut bytes = session(1, 1);
    bytes.extend(prompt_line(&format!("use {SECRET} for it")));
    env.write(&env.path("home/.codex/sessions").join(env.rollout(1).file_name().unwrap()), &bytes);
    env
}

/// Runs without a ledger that is named: where it lies is the question.
fn run(env: &TestEnvironment, args: &[&str]) -> (Option<i32>, String, String) {
    let done = env.command(args).env_remove("CODEX_LEDGER_HOME").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

fn shows_secret(env: &TestEnvironment) -> bool {
    run(env, &["report", "--mode", "full"]).1.contains(SECRET)
}

#[test]
fn a_file_that_came_with_a_repository_is_said_and_ignored() {
    let env = own_logs();
    assert_eq!(run(&env, &["append"]).0, Some(0));
    assert!(!shows_secret(&env), "the rules that come with the program");
    repository(
        &env,
        "[ingest]\nledger_dir = 'theirs'\ndb_path = 'theirs.sqlite'\n[redaction]\nrules = 'user/none.yml'\n",
    );
    for args in [&["append"][..], &["sessions"], &["append", "--sample"], &["redact", "list"]] {
        let (code, _, said) = run(&env, args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for words in ["user/config.toml is ignored", "not trusted", "config trust user/config.toml"]
        {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    assert!(!shows_secret(&env));
    assert!(!env.work().join("theirs").exists() && !env.work().join("theirs.sqlite").exists());
    let (_, shown, said) = run(&env, &["config", "show", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["file"], said.as_str()), (&Value::Null, ""));
    assert_eq!(shown["ignored"][0]["path"], "user/config.toml");
    let place = env.path("home/.local/share/codex-ledger").display().to_string();
    assert_eq!(shown["settings"][0]["value"], place);
    assert!(run(&env, &["config", "show"]).1.contains("user/config.toml is ignored"));
    // Broken or not, it says nothing here.
    repository(&env, "[nonsense");
    assert_eq!(run(&env, &["sessions"]).0, Some(0));
}

#[test]
fn a_trusted_file_is_obeyed_until_it_changes() {
    let env = own_logs();
    repository(&env, "[ingest]\nledger_dir = 'book'\n");
    let (code, out, said) = run(&env, &["config", "trust"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("user/config.toml is obeyed"), "{out}");
    let list = env.path("home/.config/codex-ledger/trusted.json");
    assert_eq!(fs::metadata(&list).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, _, said) = run(&env, &["append"]);
    assert_eq!(said, "");
    assert!(env.work().join("book/HEAD").exists());
    // Another text is another file, also with the same length.
    repository(&env, "[ingest]\nledger_dir = 'cook'\n");
    let (_, shown, _) = run(&env, &["config", "show", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(shown["ignored"][0]["reason"].as_str().unwrap().contains("changed"), "{shown}");
    let (_, listed, _) = run(&env, &["config", "trust", "--list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["trusted"][0]["state"], "changed", "{listed}");
    // The same text elsewhere is not the file that was trusted.
    repository(&env, "[ingest]\nledger_dir = 'book'\n");
    assert_eq!(run(&env, &["status"]).2, "");
    fs::rename(env.work().join("user"), env.work().join("moved")).unwrap();
    env.write(&env.work().join("deeper/user/config.toml"), b"[ingest]\nledger_dir = 'book'\n");
    let mut command = env.command(["config", "show", "--json"]);
    let done = command.current_dir(env.work().join("deeper")).output().unwrap();
    let shown: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(shown["ignored"][0]["reason"], "it is not trusted", "{shown}");
    // Taken back, though the file is gone.
    let (code, _, said) = run(&env, &["config", "trust", "--remove"]);
    assert_eq!(code, Some(0), "{said}");
    let (_, listed, _) = run(&env, &["config", "trust", "--list"]);
    assert_eq!(listed, "0 files\n");
    fs::rename(env.work().join("moved"), env.work().join("user")).unwrap();
    assert!(run(&env, &["config", "show"]).1.contains("is ignored"));
    assert_eq!(run(&env, &["config", "trust", "--remove"]).0, Some(2));
}

#[test]
fn what_cannot_be_trusted_is_refused_and_remembers_nothing() {
    let env = own_logs();
    let list = env.path("home/.config/codex-ledger/trusted.json");
    env.run(["config", "trust"]).refused(&["user/config.toml"]);
    repository(&env, "[nonsense");
    env.run(["config", "trust"]).refused(&["user/config.toml: line 1"]);
    env.run(["config", "trust", "elsewhere"]).refused(&["elsewhere"]);
    assert!(!list.exists());
    repository(&env, "");
    env.ok(["config", "trust", "--quiet"]);
    let kept = fs::read(&list).unwrap();
    fs::write(&list, b"{").unwrap();
    env.run(["config", "trust"]).refused(&["trusted.json"]);
    assert_eq!(fs::read(&list).unwrap(), b"{", "what cannot be read is not replaced");
    assert!(env.ok(["config", "show"]).text().contains("is ignored"), "and trusts nothing");
    fs::write(&list, kept).unwrap();
    assert!(!env.ok(["config", "show"]).text().contains("is ignored"));
}

/// The folder beside the ledger may be one that others write, as that for temporary files is.
#[test]
fn a_file_beside_the_ledger_that_others_may_write_is_ignored() {
    let env = own_logs();
    let beside = env.path("user/config.toml");
    env.write(&beside, b"[views]\nraw_json = true\n");
    let is_obeyed = || env.json(["config", "show"])["file"] == beside.display().to_string();
    assert!(is_obeyed());
    fs::set_permissions(&beside, Permissions::from_mode(0o666)).unwrap();
    assert!(!is_obeyed());
    let shown = env.json(["config", "show"]);
    assert_eq!(shown["ignored"][0]["reason"], "others may write it");
    env.ok(["config", "trust", beside.to_str().unwrap()]);
    assert!(is_obeyed(), "a person has looked at it");
    fs::set_permissions(&beside, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(env.path("user"), Permissions::from_mode(0o777)).unwrap();
    env.ok(["config", "trust", "--remove", beside.to_str().unwrap()]);
    assert!(!is_obeyed());
}

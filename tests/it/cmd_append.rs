//! `append`: what it says, what it leaves alone, and where it looks.

mod crash;
mod growing;
mod odd;
mod torn;

use crate::cli_support::{TestEnvironment, prompt_line, session, sources_below};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Every file of the ledger with its bytes and time; not the views, which readers may touch.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() && !path.ends_with("views.d") {
                folders.push(path);
            } else if meta.is_file() {
                files.insert(path.clone(), (fs::read(&path).unwrap(), meta.modified().unwrap()));
            }
        }
    }
    files
}

#[test]
fn the_document_has_the_fields_of_the_contract() {
    let env = TestEnvironment::with_fixture();
    let total: usize = sources_below(&env.codex()).iter().map(|source| source.bytes.len()).sum();
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["seen"], total);
    assert_eq!(done["bytes"]["already"], 0);
    assert_eq!(done["bytes"]["skipped"], 0);
    assert_eq!(done["bytes"]["pending"], 191, "the torn end of the killed session");
    let counts = serde_json::json!({"seen": 18, "read": 18, "unchanged": 0, "failed": 0, "gone": 0, "erased": 0});
    assert_eq!(done["files"], counts);
    let lines = serde_json::json!({"appended": done["lines"]["appended"], "malformed": 2, "blank": 0, "erased": 0});
    assert_eq!(done["lines"], lines);
    assert!(done["lines"]["appended"].as_u64().unwrap() > 400);
    assert!(done["elapsed_ms"].is_u64());
    let head = &done["head"];
    assert_eq!(done["entries"]["to"], head["size"]);
    let is_hash = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    assert!(is_hash(&head["id"]) && is_hash(&head["root"]), "{head}");
    let problems = done["problems"].as_array().unwrap();
    let named: Vec<_> = problems.iter().map(|p| (&p["line"], &p["reason"])).collect();
    let (torn, nul) = ("torn".into(), "nul_run".into());
    assert_eq!(named, [(&9.into(), &torn), (&14.into(), &nul)]);
    for problem in problems {
        assert!(Path::new(problem["path"].as_str().unwrap()).is_file());
        assert!(problem["offset"].is_u64());
    }
    env.audits_clean();
}

#[test]
fn again_adds_nothing_and_opens_no_log() {
    let env = TestEnvironment::with_fixture();
    let first = env.append(&[]);
    let before = snapshot(&env.ledger());
    assert!(before.keys().any(|path| path.ends_with("HEAD")) && before.len() > 6);
    for _ in 0..2 {
        let again = env.append(&[]);
        assert_eq!(again["bytes"]["appended"], 0);
        assert_eq!(again["bytes"]["seen"], first["bytes"]["seen"]);
        assert_eq!(again["bytes"]["pending"], first["bytes"]["pending"]);
        assert_eq!(again["files"]["unchanged"], 18);
        assert_eq!(again["head"], first["head"]);
        assert_eq!(again["entries"]["from"], again["entries"]["to"]);
        assert!(snapshot(&env.ledger()) == before, "no file of the ledger was written");
    }
}

#[test]
fn touched_files_are_read_but_nothing_is_appended() {
    let env = TestEnvironment::with_fixture();
    let first = env.append(&[]);
    sources_below(&env.codex()).iter().for_each(|source| env.touch(&source.path));
    let again = env.append(&[]);
    assert_eq!(again["files"]["read"], 18);
    assert_eq!(again["bytes"]["appended"], 0);
    assert_eq!(again["head"], first["head"]);
}

#[test]
fn a_dry_run_writes_nothing() {
    let env = TestEnvironment::with_fixture();
    let dry = env.append(&["--dry-run"]);
    assert_eq!(dry["files"]["seen"], 18);
    assert_eq!(dry["head"], serde_json::Value::Null);
    assert!(!env.ledger().exists(), "not even the folder");
    let codex = env.codex().display().to_string();
    let text = env.ok(["append", "--dry-run", &codex]);
    assert!(text.text().contains("18 would be read of 18 files; nothing was written"));
    assert!(!env.ledger().exists());

    env.append(&[]);
    env.extend(&env.codex().join("history.jsonl"), b"{}\n");
    let before = snapshot(&env.ledger());
    let dry = env.append(&["--dry-run"]);
    assert_eq!(dry["files"]["unchanged"], 17);
    assert_eq!(dry["bytes"]["appended"], 0);
    assert!(snapshot(&env.ledger()) == before);
}

#[test]
fn a_limit_takes_some_files_and_leaves_the_rest_for_later() {
    let env = TestEnvironment::with_fixture();
    let mut rounds = 0;
    loop {
        let done = env.append(&["--limit", "7"]);
        rounds += 1;
        assert!(done["files"]["read"].as_u64().unwrap() <= 7);
        if done["bytes"]["skipped"] == 0 {
            break;
        }
    }
    assert_eq!(rounds, 3);
    let digest = env.digest();
    let none = env.append(&["--limit", "0"]);
    assert_eq!((&none["files"]["read"], &none["bytes"]["skipped"]), (&0.into(), &0.into()));
    let whole = env.json(["rebuild-views"]);
    assert_eq!(whole["digest"], digest);
}

#[test]
fn without_views_the_ledger_grows_and_the_views_follow_later() {
    let env = TestEnvironment::with_fixture();
    let done = env.append(&["--no-views"]);
    assert_eq!(done["lines"]["malformed"], serde_json::Value::Null, "nobody has looked");
    assert!(!env.ledger().join("views.sqlite").exists());
    assert_eq!(env.json(["status"])["cursor"], serde_json::Value::Null);
    env.run(["sessions"]).refused(&["there are no views yet", "rebuild-views"]);
    let rebuilt = env.json(["rebuild-views"]);
    assert_eq!(rebuilt["entries"], done["head"]["size"]);
    assert_eq!(env.digest(), rebuilt["digest"].as_str().unwrap());

    env.extend(&env.codex().join("history.jsonl"), b"{}\n");
    let behind = env.append(&["--no-views"]);
    assert_eq!(env.json(["status"])["cursor"], done["head"]["size"]);
    let nothing_new = env.append(&[]);
    assert_eq!(nothing_new["bytes"]["appended"], 0);
    assert_eq!(env.json(["status"])["cursor"], behind["head"]["size"]);
    env.digest();
}

#[test]
fn where_there_are_no_logs_the_sample_is_named() {
    let env = TestEnvironment::new();
    env.run(["append"]).refused(&["no Codex logs in", ".codex", "append --sample"]);
    env.run(["append", "--json"]).refused(&["--sample"]);
    let empty = env.path("empty");
    fs::create_dir(&empty).unwrap();
    env.run(["append".as_ref(), empty.as_os_str()]).refused(&["empty", "--sample"]);
    assert!(!env.ledger().exists());
}

#[test]
fn roots_come_from_the_arguments_else_codex_home_else_the_users_home() {
    let env = TestEnvironment::new();
    let write = |folder: &str, number| {
        let home = env.path(folder);
        let name = crate::cli_support::rollout_name(number);
        env.write(&home.join("sessions").join(name), &session(number, 1));
        home
    };
    let (by_default, by_variable) = (write("home/.codex", 1), write("elsewhere", 2));
    let seen = |command: &mut std::process::Command| {
        let output = command.arg("--json").output().unwrap();
        let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        done["head"]["size"].as_u64().unwrap()
    };
    let first = seen(&mut env.command(["append"]));
    let roots = env.json(["status"])["roots"].clone();
    assert_eq!(roots, serde_json::json!([{"path": by_default, "exists": true}]));
    let second = seen(env.command(["append"]).env("CODEX_HOME", &by_variable));
    assert!(second > first, "another home");
    let both = env.append_roots(&[by_default, by_variable], &[]);
    assert_eq!((&both["files"]["unchanged"], &both["bytes"]["appended"]), (&2.into(), &0.into()));
}

#[test]
fn the_sample_lives_in_a_ledger_of_its_own() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    let run = |args: &[&str]| {
        let mut command = env.command(args);
        let output = command.arg("--json").env_remove("CODEX_LEDGER_HOME").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let real = run(&["append", &env.codex().display().to_string()]);
    let sample = run(&["append", "--sample"]);
    assert_eq!(sample["files"]["read"], 18);
    assert_eq!(run(&["status"])["head"], real["head"], "the real ledger is as it was");
    let again = run(&["append", "--sample"]);
    assert_eq!((&again["head"], &again["bytes"]["appended"]), (&sample["head"], &0.into()));
    let ledger = |name: &str| env.path("home/.local/share").join(name);
    assert!(ledger("codex-ledger-sample/HEAD").is_file() && ledger("codex-ledger/HEAD").is_file());
    let dir = ledger("codex-ledger-sample").display().to_string();
    assert_eq!(run(&["sessions", "--limit", "0", "--ledger", &dir]).as_array().unwrap().len(), 16);
}

#[test]
fn the_sample_is_never_mixed_with_real_history() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    let real = env.append(&[]);
    env.run(["append", "--sample"]).refused(&["ledger", "--ledger"]);
    assert_eq!(env.json(["status"])["head"], real["head"]);
    let fresh = env.path("fresh").display().to_string();
    for _ in 0..2 {
        env.json(["append", "--sample", "--ledger", &fresh]);
    }
}

#[test]
fn credentials_are_never_read() {
    const SECRET: &[u8] = b"{\"OPENAI_API_KEY\":\"never-to-be-seen\"}\n";
    let env = TestEnvironment::new();
    let auth = env.codex().join("auth.json");
    env.write(&auth, SECRET);
    env.write(&env.codex().join("backup/AUTH.JSON"), SECRET);
    env.write(&env.rollout(1), &session(1, 1));
    symlink(&auth, env.rollout(2)).unwrap();
    let odd = env.codex().join(format!("{}.zst", env.rollout(3).display()));
    symlink(env.codex().join("backup/AUTH.JSON"), odd).unwrap();
    let link = env.path("innocent.jsonl");
    symlink(&auth, &link).unwrap();
    let done = env.append_roots(&[env.codex(), link.clone(), auth.clone()], &[]);
    assert_eq!((&done["files"]["seen"], &done["files"]["read"]), (&1.into(), &1.into()));
    let problems = done["problems"].to_string();
    assert!(problems.contains("holds credentials and is never read"), "{problems}");
    env.run(["append".as_ref(), auth.as_os_str()]).refused(&["no Codex logs"]);
    env.run(["append".as_ref(), link.as_os_str()]).refused(&["no Codex logs"]);
    let bundle = env.path("bundle");
    let reason = ["--reason".as_ref(), "a test".as_ref()];
    env.ok([["export".as_ref(), "-o".as_ref(), bundle.as_os_str()].as_slice(), &reason].concat());
    let bodies = fs::read(bundle.join("entries.cxl")).unwrap();
    assert!(
        !bodies.windows(16).any(|part| part == b"never-to-be-seen"),
        "a secret is in the ledger"
    );
    assert!(
        bodies.windows(10).any(|part| part == b"high water"),
        "other bodies are readable there"
    );
}

#[test]
fn several_roots_that_overlap_are_read_once() {
    let env = TestEnvironment::with_fixture();
    let deep = env.codex().join("sessions");
    let file = sources_below(&deep).remove(0).path;
    let link = env.path("same");
    symlink(env.codex(), &link).unwrap();
    let done = env.append_roots(&[deep, file, env.codex(), link], &[]);
    assert_eq!(done["files"]["seen"], 18);
    assert_eq!(env.count("SELECT count(*) FROM sessions"), 16);
}

#[test]
fn the_summary_for_people_names_what_to_do_next() {
    let env = TestEnvironment::with_fixture();
    let args = |more: &[&str]| {
        let mut args: Vec<String> = vec!["append".into(), env.codex().display().to_string()];
        args.extend(more.iter().map(|arg| arg.to_string()));
        args
    };
    let first = env.ok(args(&[]));
    for words in
        ["18 read of 18 files", "191 B pending", "2 problems", "next: codex-ledger sessions"]
    {
        assert!(first.text().contains(words), "{words}: {}", first.text());
    }
    assert!(env.ok(args(&[])).text().starts_with("nothing new"));
    env.extend(&env.codex().join("history.jsonl"), &prompt_line("x"));
    let quiet = env.ok(args(&["--quiet"]));
    assert_eq!((quiet.text(), quiet.stderr.as_str()), ("", ""));
    let colored = env.ok(args(&["--color", "always"]));
    assert!(colored.text().contains("\x1b[32m"));
}

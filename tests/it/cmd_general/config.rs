//! `config`, and the configuration file that every command reads.

use crate::cli_support::{TestEnvironment, session, thread};
use serde_json::Value;
use std::fs;

fn setting<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let settings = shown["settings"].as_array().unwrap();
    settings.iter().find(|setting| setting["key"] == key).unwrap_or(&Value::Null)
}

#[test]
fn show_names_every_setting_and_where_it_comes_from() {
    let env = TestEnvironment::new();
    let shown = env.json(["config", "show"]);
    assert_eq!(shown["file"], Value::Null);
    assert_eq!(setting(&shown, "ledger")["value"], env.ledger().display().to_string());
    assert_eq!(setting(&shown, "views.raw_json")["value"], "false");
    assert_eq!(setting(&shown, "sessions.roots")["origin"], "default");
    assert!(env.ok(["config", "show"]).text().contains("no configuration file"));
    let other =
        env.command(["config", "show", "--json"]).env("CODEX_HOME", "/logs").output().unwrap();
    let other: Value = serde_json::from_slice(&other.stdout).unwrap();
    let root = setting(&other, "sessions.roots");
    assert_eq!((&root["value"], &root["origin"]), (&"/logs".into(), &"CODEX_HOME".into()));
}

#[test]
fn paths_of_the_file_are_taken_from_the_folder_of_user() {
    let env = TestEnvironment::new();
    env.write(&env.path("logs/sessions").join(env.rollout(1).file_name().unwrap()), &session(1, 2));
    env.write(
        &env.path("user/config.toml"),
        b"[sessions]\nroots = ['logs']\n[ingest]\ndb_path = 'views.sqlite'\n[outputs]\nreports_dir = 'reports'\n",
    );
    let shown = env.json(["config", "show"]);
    let place = |part: &str| env.path(part).display().to_string();
    assert_eq!(shown["file"], place("user/config.toml"));
    for (key, part) in [
        ("sessions.roots", "logs"),
        ("ingest.db_path", "views.sqlite"),
        ("outputs.reports_dir", "reports"),
    ] {
        assert_eq!(setting(&shown, key)["value"], place(part), "{key}");
    }
    assert_eq!(env.json(["append"])["files"]["read"], 1);
    assert!(env.path("views.sqlite").exists());
    assert_eq!(env.raw(&thread(1), &[]), session(1, 2));
    assert!(env.ok(["config", "check"]).text().contains("every setting makes sense"));
}

/// The same file named by an option or by the environment means the same from any folder.
#[test]
fn the_file_can_be_named_by_option_and_environment() {
    let env = TestEnvironment::new();
    let file = env.path("project/user/config.toml");
    env.write(&file, b"[sessions]\nroot = 'logs'\n[ingest]\nledger_dir = 'book'\n");
    let logs = env.path("project/logs");
    env.write(&logs.join(env.rollout(1).file_name().unwrap()), &session(1, 1));
    let name = file.display().to_string();
    let by_option = env.json(["config", "show", "--config", &name]);
    let by_environment = env
        .command(["config", "show", "--json"])
        .env("CODEX_LEDGER_CONFIG", &file)
        .output()
        .unwrap();
    assert_eq!(by_option, serde_json::from_slice::<Value>(&by_environment.stdout).unwrap());
    assert_eq!(setting(&by_option, "sessions.roots")["value"], logs.display().to_string());
    assert_eq!(
        setting(&by_option, "ledger")["value"],
        env.ledger().display().to_string(),
        "the environment comes before the file"
    );
    let without = env
        .command(["config", "show", "--json", "--config", &name])
        .env_remove("CODEX_LEDGER_HOME")
        .output();
    let without: Value = serde_json::from_slice(&without.unwrap().stdout).unwrap();
    assert_eq!(
        setting(&without, "ledger")["value"],
        env.path("project/book").display().to_string()
    );
    let missing = env.path("none.toml").display().to_string();
    env.run(["status", "--config", &missing]).refused(&["none.toml", "--config"]);
    let outcome = env.command(["status"]).env("CODEX_LEDGER_CONFIG", &missing).output().unwrap();
    assert_eq!(outcome.status.code(), Some(2));
}

#[test]
fn the_platforms_own_place_is_read_too() {
    let env = TestEnvironment::new();
    let own = env.path("home/.config/codex-ledger/config.toml");
    env.write(&own, b"[views]\nraw_json = true\n");
    let shown = env.json(["config", "show"]);
    assert_eq!(shown["file"], own.display().to_string());
    assert_eq!(setting(&shown, "views.raw_json")["value"], "true");
    let beside = env.path("user/config.toml");
    env.write(&beside, b"");
    let shown = env.json(["config", "show"]);
    assert_eq!(shown["file"], beside.display().to_string(), "the one beside the ledger counts");
}

#[test]
fn an_unknown_key_names_file_line_and_key() {
    let env = TestEnvironment::new();
    let file = env.path("user/config.toml");
    let cases: [(&[u8], &[&str]); 6] = [
        (b"[ingest]\n\ndb_pth = 'x'\n", &["line 3", "db_pth"]),
        (b"# nothing\n[session]\nroot = 'x'\n", &["line 2", "session"]),
        (b"[views]\nraw_json = 'yes'\n", &["line 2"]),
        (b"[sessions]\nroots = 'logs'\n", &["line 2"]),
        (b"[sessions\n", &["line 1"]),
        (b"[views]\nraw_json = true\nraw_json = false\n", &["line 3"]),
    ];
    for (text, words) in cases {
        env.write(&file, text);
        for command in [&["config", "check"][..], &["config", "show"], &["append"], &["status"]] {
            let outcome = env.run(command.iter()).refused(words);
            assert!(outcome.stderr.contains("user/config.toml"), "{}", outcome.stderr);
            assert!(outcome.stderr.contains("correct the file"), "{}", outcome.stderr);
            assert_eq!(
                outcome.stderr.lines().count(),
                2,
                "one line and a hint: {}",
                outcome.stderr
            );
        }
    }
    fs::write(&file, b"\xff\xfe").unwrap();
    env.run(["status"]).refused(&["user/config.toml"]);
}

#[test]
fn a_root_that_is_missing_names_key_and_file() {
    let env = TestEnvironment::with_session(1);
    let cases = [("root = 'gone'", "sessions.root"), ("roots = ['.', 'gone']", "sessions.roots")];
    for (line, key) in cases {
        let text = format!("[sessions]\n{line}\n");
        env.write(&env.path("user/config.toml"), text.as_bytes());
        for command in ["append", "sessions"] {
            env.run([command]).refused(&["user/config.toml", key, "gone"]);
        }
        let checked = env.run(["config", "check", "--json"]).expect(1).json();
        let problem = checked["problems"][0].as_str().unwrap();
        assert!(problem.contains(key) && problem.contains("gone"), "{problem}");
        let text = env.run(["config", "check"]).expect(1);
        assert!(!text.text().contains("every setting makes sense"), "{}", text.text());
        assert_eq!(env.append(&[])["files"]["unchanged"], 1, "a root that is given replaces it");
    }
}

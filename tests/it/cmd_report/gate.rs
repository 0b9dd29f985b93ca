//! Nothing in which a secret was found becomes a file, unless a person says why, on record.

use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use codex_ledger_redaction::expand_example;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const FIRST: &str = "2026-03-01-019cabcd-000001";
const SECOND: &str = "2026-03-01-019cabcd-000002";
const FORMATS: [&str; 4] = ["md", "html", "csv", "json"];

/// Two sessions under rules that hide nothing, so that what is appended later is shown.
fn environment() -> TestEnvironment {
    let env = TestEnvironment::new();
    for number in 1..=2 {
        env.write(&env.rollout(number), &session(number, 1));
    }
    env.append(&[]);
    let none = env.path("none.yml");
    env.write(
        &none,
        b"extends: none\nrules:\n  - {id: never, type: literal, pattern: never-said}\n",
    );
    env.ok(["redact", "rules", "set", none.to_str().unwrap(), "--reason", "a test"]);
    env
}

fn token() -> String {
    expand_example("ghp_{{alnum:36}}")
}

/// The second session says the token.
fn with_token() -> (TestEnvironment, String) {
    let (env, token) = (environment(), token());
    env.extend(&env.rollout(2), &prompt_line(&format!("use {token} for now")));
    env.append(&[]);
    (env, token)
}

fn names_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_of_a_secret_is_not_written_and_the_old_one_stays() {
    let (env, token) = (environment(), token());
    for format in ["md", "html"] {
        let dir = env.work().join(format);
        let publish = ["report", "--format", format, "--publish", dir.to_str().unwrap()];
        env.json(publish);
    }
    let names = json!({"id": thread(2), "thread_name": format!("Zebrafish {token}"), "updated_at": "2026-03-01T10:00:02Z"});
    env.write(&env.codex().join("session_index.jsonl"), format!("{names}\n").as_bytes());
    env.extend(&env.rollout(1), &prompt_line("And the next tide?"));
    env.extend(&env.rollout(2), &prompt_line(&format!("use {token} for now")));
    env.append(&[]);
    for format in ["md", "html"] {
        let dir = env.work().join(format);
        let [first, second] = [FIRST, SECOND].map(|name| format!("{name}.{format}"));
        let publish = ["report", "--format", format, "--publish", dir.to_str().unwrap()];
        let old = read(dir.join(&second));
        let check = env.run(publish.iter().chain(&["--check", "--json"])).expect(1).json();
        assert_eq!(check["withheld"], json!([second]), "{check}");
        let done = env.run(publish.iter().chain(&["--json"])).expect(1);
        assert!(!done.text().contains(&token), "a finding does not quote the secret");
        let done = done.json();
        assert_eq!(done["ok"], false);
        assert_eq!(done["withheld"], json!([second]));
        assert_eq!(done["removed"], json!([]));
        let written = done["written"].as_array().unwrap();
        assert!(written.contains(&json!(first)) && !written.contains(&json!(second)), "{done}");
        assert_eq!(read(dir.join(&second)), old, "the old page stays");
        let index = read(dir.join(format!("index.{format}")));
        assert!(index.contains("withheld, an older page stays") && index.contains(&second));
        assert!(!index.contains("Zebrafish") && !index.contains(&token), "without its words");
        let manifest: Value = serde_json::from_str(&read(dir.join("codex-ledger.json"))).unwrap();
        assert!(manifest["pages"][&second].is_string(), "it is still ours: {manifest}");

        // Each finding names page, rule and line; the line is that of the page as it would be.
        let reason = ["--unsafe", "--reason", "the token is revoked"];
        let forced = env.json(publish.iter().chain(&reason));
        assert_eq!(forced["ok"], true, "{forced}");
        assert!(forced["waiver"].is_u64());
        let page = read(dir.join(&second));
        let lines: Vec<&str> = page.lines().collect();
        for found in done["secrets"].as_array().unwrap() {
            assert_eq!((&found["page"], &found["rule"]), (&json!(second), &json!("github-token")));
            let line = found["line"].as_u64().unwrap() as usize;
            assert!(lines[line - 1].contains(&token), "{found}: {}", lines[line - 1]);
        }
        assert!(read(dir.join(format!("index.{format}"))).contains("Zebrafish"));
        // What was let through once is not let through for good.
        env.run(publish.iter().chain(&["--json"])).expect(1);
        assert!(read(dir.join(&second)).contains(&token), "and not taken back by itself");
    }
}

#[test]
fn a_page_that_never_was_is_named_without_a_link() {
    let (env, token) = with_token();
    let dir = env.work().join("pages");
    let publish = ["report", "--publish", dir.to_str().unwrap()];
    let done = env.run(publish).expect(1);
    for word in [SECOND, "github-token", "line", "--unsafe"] {
        assert!(done.text().contains(word), "{word}: {}", done.text());
    }
    assert_eq!(
        names_in(&dir),
        [format!("{FIRST}.md"), "codex-ledger.json".into(), "feed.xml".into(), "index.md".into()]
    );
    let index = read(dir.join("index.md"));
    assert!(index.contains("*withheld*") && !index.contains(SECOND), "{index}");
    assert!(!index.contains(&token));
    env.run(publish.iter().chain(&["--unsafe"])).refused(&["--reason"]);
    env.run(publish.iter().chain(&["--unsafe", "--reason", " "])).refused(&["reason"]);
    assert!(!read(dir.join("codex-ledger.json")).contains(SECOND));
    env.ok(["redact", "rules", "set", "builtin", "--reason", "back again"]);
    assert_eq!(env.json(publish)["ok"], true);
    assert_eq!(env.json(publish.iter().chain(&["--check"]))["secrets"], json!([]));
}

#[test]
fn overriding_the_gate_is_recorded_without_the_secret() {
    let (env, token) = with_token();
    let dir = env.work().join("pages");
    let reason = ["--unsafe", "--reason", "revoked long ago"];
    let args = ["report", "--publish", dir.to_str().unwrap(), "--actor", "ada"];
    let done = env.json(args.iter().chain(&reason));
    let seq = done["waiver"].as_u64().unwrap();
    let row: (String, String, String) = env
        .views()
        .query_row(
            "SELECT verb, actor, detail || ': ' || reason FROM actions WHERE seq = ?",
            [seq as i64],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!((row.0.as_str(), row.1.as_str()), ("publish_unsafe", "ada"));
    for word in [SECOND, "github-token", "revoked long ago"] {
        assert!(row.2.contains(word), "{word}: {}", row.2);
    }
    assert!(!row.2.contains(&token));
    let report = env.json(["report", "--mode", "tokens"]);
    assert_eq!(report["transparency"]["accesses"]["waivers"], 1, "{report}");
    // Nothing to override, nothing to record.
    let size = env.json(["status"])["head"]["size"].clone();
    let only = ["--session", &thread(1)];
    let done = env.json(args.iter().chain(&reason).chain(&only));
    assert_eq!((&done["waiver"], &env.json(["status"])["head"]["size"]), (&Value::Null, &size));
    env.audits_clean();
}

#[test]
fn a_report_of_a_secret_is_no_file() {
    let (env, token) = with_token();
    for format in FORMATS {
        let path = env.work().join(format!("report.{format}"));
        fs::write(&path, "the old one").unwrap();
        let args = ["report", "--mode", "full", "--format", format, "-o", path.to_str().unwrap()];
        let held = env.run(args).expect(1);
        assert!(held.text().contains("github-token") && !held.text().contains(&token));
        assert_eq!(read(path.clone()), "the old one");
        let quiet = env.run(args.iter().chain(&["--quiet"])).expect(1);
        assert!(quiet.text().contains("line"), "{}", quiet.text());
        let done = env.ok(args.iter().chain(&["--unsafe", "--reason", "revoked"]));
        assert!(done.text().contains("records that the gate was overridden"));
        assert!(read(path.clone()).contains(&token));
        // To standard output it goes as it is; what a file would be held for is said.
        let printed = env.ok(["report", "--mode", "full", "--format", format]);
        assert!(printed.text().contains(&token));
        assert!(printed.stderr.contains("github-token"), "{}", printed.stderr);
        let line: usize = printed
            .stderr
            .split("line ")
            .nth(1)
            .unwrap()
            .split(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(printed.text().lines().nth(line - 1).unwrap().contains(&token), "{format}");
        let quiet = env.ok(["report", "--mode", "full", "--format", format, "--quiet"]);
        assert_eq!(quiet.stderr, "");
    }
    let dir = env.work().join("tables");
    let args = ["report", "--format", "csv", "-o", dir.to_str().unwrap()];
    env.run(args).expect(1);
    assert_eq!(names_in(&dir), Vec::<String>::new(), "all tables or none");
    let done = env.ok(args.iter().chain(&["--unsafe", "--reason", "revoked"]));
    assert_eq!(names_in(&dir).len(), 5);
    names_in(&dir).iter().for_each(|name| assert!(done.text().contains(name.as_str())));
    assert_eq!(names_in(&env.work()).len(), FORMATS.len() + 1, "no temporary file stays");
    env.run(["report", "--unsafe", "--reason", "x"]).refused(&["--output"]);
}

/// Quotes are part of how such a secret is recognised, and every format writes them in its own way.
#[test]
fn a_secret_that_a_format_spells_otherwise_is_seen() {
    let env = environment();
    let secret = expand_example("{{alnum:40}}");
    let text = format!("{{\"aws_secret_access_key\": \"{secret}\"}}");
    env.extend(&env.rollout(2), &prompt_line(&text));
    env.append(&[]);
    for format in FORMATS {
        let path = env.work().join(format!("report.{format}"));
        let args = ["report", "--format", format, "-o", path.to_str().unwrap(), "--json"];
        let args = if format == "json" { args.to_vec() } else { args[..5].to_vec() };
        let held = env.run(args).expect(1);
        assert!(held.text().contains("aws"), "{format}: {}", held.text());
        assert!(!path.exists());
    }
}

#[test]
fn what_is_in_force_hides_what_a_person_typed_too() {
    let env = environment();
    env.ok(["redact", "--literal", "Heronsgate", "--reason", "a customer", "--with", "[customer]"]);
    let path = env.work().join("report.md");
    let title = ["--title", "For Heronsgate only", "--workspace", "/home/dev/tides"];
    let args = ["report", "-o", path.to_str().unwrap()];
    env.ok(args.iter().chain(&title));
    assert!(read(path.clone()).starts_with("# For &#91;customer&#93; only\n"));
    let printed = env.json(["report"].iter().chain(&title));
    assert_eq!(printed["title"], "For [customer] only");
    // A word of our own that somebody hid is not held against a page.
    for word in ["prompt", "main", "report", "2026"] {
        env.ok(["redact", "--literal", word, "--reason", "a test"]);
    }
    for format in FORMATS {
        let path = env.work().join(format!("own.{format}"));
        env.ok(["report", "--format", format, "--mode", "full", "-o", path.to_str().unwrap()]);
    }
}

#[test]
fn a_group_of_a_secret_is_no_file() {
    let (env, token) = with_token();
    for args in [&[][..], &["--json"]] {
        let path = env.work().join("group");
        let group = ["group", &thread(2), "-o", path.to_str().unwrap()];
        let held = env.run(group.iter().chain(args)).expect(1);
        assert!(held.stderr.contains("github-token") && !held.stderr.contains(&token));
        assert!(!path.exists());
        env.ok(["group", &thread(1), "-o", path.to_str().unwrap()]);
        fs::remove_file(&path).unwrap();
    }
}

/// What a killed program left goes with the next one; what somebody else is writing stays.
#[test]
fn leftovers_go_and_files_in_use_stay() {
    let env = environment();
    let dir = env.work().join("pages");
    fs::create_dir(&dir).unwrap();
    for folder in [&dir, &env.work()] {
        for name in [".codex-ledger-a1B2c3.tmp", ".codex-ledger-a1B2c3", ".codex-ledger-x.tmp"] {
            fs::write(folder.join(name), "half").unwrap();
        }
        fs::create_dir(folder.join(".codex-ledger-d1D2d3.tmp")).unwrap();
    }
    let in_use = fs::File::create(dir.join(".codex-ledger-usedXX.tmp")).unwrap();
    in_use.lock().unwrap();
    env.ok(["report", "--publish", dir.to_str().unwrap()]);
    let names = names_in(&dir);
    let left: Vec<&String> = names.iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [".codex-ledger-usedXX.tmp", ".codex-ledger-x.tmp"]);
    env.ok(["report", "-o", env.work().join("report.md").to_str().unwrap()]);
    assert_eq!(names_in(&env.work()), [".codex-ledger-x.tmp", "pages", "report.md"]);
    // A check changes nothing.
    fs::write(dir.join(".codex-ledger-a1B2c3.tmp"), "half").unwrap();
    env.ok(["report", "--publish", dir.to_str().unwrap(), "--check"]);
    assert!(dir.join(".codex-ledger-a1B2c3.tmp").exists());
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_and_pages_for_whom_the_mask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let env = environment();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let own = fs::File::create(env.path("probe")).unwrap().metadata().unwrap();
    let usual = own.permissions().mode() & 0o777;
    let work = env.work();
    let path = |name: &str| work.join(name).display().to_string();
    env.ok(["report", "-o", &path("report.md")]);
    env.ok(["group", "-o", &path("group.txt")]);
    env.ok(["redact", "preview", "--html", &path("preview.html"), "--reason", "a test"]);
    for name in ["report.md", "group.txt", "preview.html"] {
        assert_eq!(mode(work.join(name)), 0o600, "{name}");
    }
    env.ok(["report", "--publish", &path("pages")]);
    assert_eq!(mode(work.join("pages/index.md")), usual);
    // Who shared a file before goes on sharing it.
    fs::set_permissions(work.join("report.md"), fs::Permissions::from_mode(0o640)).unwrap();
    env.ok(["report", "--mode", "full", "-o", &path("report.md")]);
    assert_eq!(mode(work.join("report.md")), 0o640);
}

/// What is no file gets the report all the same, and only when it passed.
#[cfg(unix)]
#[test]
fn a_device_gets_what_passed() {
    let (env, _) = with_token();
    env.ok(["report", "--session", &thread(1), "-o", "/dev/null"]);
    env.run(["report", "-o", "/dev/null"]).expect(1);
}

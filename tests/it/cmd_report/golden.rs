//! Golden files: every mode in every format, and each filter, on the invented home.
//!
//! `UPDATE_GOLDEN=1 cargo nextest run golden` writes them anew; look at the difference before you keep it.
//! What differs from ledger to ledger (ids, which depend on salts and times) or from version to version is
//! replaced by words.

use crate::cli_support::{TestEnvironment, variable};
use std::fs;
use std::path::Path;

const STYLE: &str = include_str!("../../../crates/report/src/style.css");
const SCRIPT: &str = include_str!("../../../crates/report/src/script.js");

fn golden(env: &TestEnvironment, name: &str, args: &[&str]) {
    let key = env.json(["audit", "checkpoint"])["public_key"].as_str().unwrap().to_string();
    let head = env.json(["status"])["head"].clone();
    let (id, root) = (head["id"].as_str().unwrap(), head["root"].as_str().unwrap());
    let outcome = env.run(["report"].iter().chain(args)).expect(0);
    let mut text = outcome.text().replace(id, "HEAD").replace(&id[..12], "HEAD");
    text = text.replace(root, "ROOT").replace(STYLE, "STYLE").replace(SCRIPT, "SCRIPT");
    text = text.replace(key.split('+').nth(1).unwrap(), "KEY");
    let version = env!("CARGO_PKG_VERSION");
    text = text.replace(&format!("codex-ledger {version}"), "codex-ledger VERSION");
    text = text.replace(&format!("\"tool\":\"{version}\""), "\"tool\":\"VERSION\"");
    if let Some(at) = text.find("sha256-") {
        text.replace_range(at + 7..at + 7 + 44, "HASH");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports").join(name);
    if variable("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
        return;
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    let line = wanted.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(wanted == text, "{name}: differs, first in line {:?}", line.map(|line| line + 1));
}

#[test]
fn golden_modes_and_formats() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    for format in ["md", "csv", "json", "html"] {
        for mode in ["prompts", "prompts+answers", "actions", "tokens", "full"] {
            let args = ["--mode", mode, "--format", format, "--since", "2026-02-01"];
            golden(&env, &format!("{mode}.{format}"), &args);
        }
    }
}

#[test]
fn golden_filters() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    env.ok(["tag", "add", "release", "01a08a23"]);
    env.ok(["disposition", "set", "followed", "019f228a"]);
    for (name, args) in [
        ("all", &[][..]),
        ("disposition", &["--disposition", "followed", "--mode", "actions"]),
        ("empty", &["--until", "2020-01-01"]),
        ("limit", &["--limit", "2", "--order", "newest"]),
        ("model", &["--model", "gpt-5.4"]),
        ("range", &["--since", "2026-02-09T09:30:50Z", "--until", "2026-02-09T09:41:41Z"]),
        ("repo", &["--repo", "tide-tables", "--since", "2026-05-01"]),
        ("session", &["--session", "019c416a"]),
        ("source", &["--source", "subagent", "--mode", "actions"]),
        ("tag", &["--tag", "release"]),
        (
            "timezone",
            &["--timezone", "Asia/Tokyo", "--since", "2026-05-22", "--until", "2026-05-22"],
        ),
        ("title", &["--title", "Tides <1.0> | & more", "--limit", "1"]),
        ("workspace", &["--workspace", "/home/ada", "--until", "2025-10-01"]),
    ] {
        golden(&env, &format!("filter-{name}.md"), args);
    }
}

//! `redact`: what is hidden is nowhere in what derives from the ledger, and an undo brings all of it back.

mod bulk;
mod case;
mod corpus;
mod crash;
mod evidence;
mod gone;
mod ids;
mod interrupted;
mod overlaps;
mod places;
mod property;
mod refused;
mod repeats;
mod reveal;
mod rules;
mod told;
mod twins;
mod typed;
mod unreadable;
mod versions;

use crate::cli_support::{TestEnvironment, fixture_home, sources_below};
use serde_json::Value;
use std::path::Path;

/// The built-in rules off: what is hidden is what a test asks for.
const NO_RULES: &str = "name: nothing\nextends: none\nrules:\n  - id: never\n    type: literal\n    \
    pattern: never-said-by-anybody\n";

/// Hides something; gives what the command says of it.
#[track_caller]
fn redact(env: &TestEnvironment, args: &[&str]) -> Value {
    env.json(["redact"].iter().chain(args).chain(&["--reason", "a test"]))
}

/// Hides something; gives the seq of its entry.
#[track_caller]
fn hide(env: &TestEnvironment, args: &[&str]) -> u64 {
    redact(env, args)["redaction"]["seq"].as_u64().expect("a seq")
}

/// Ends a redaction or revocation; gives the seq of the revocation.
#[track_caller]
fn undo(env: &TestEnvironment, seq: u64) -> u64 {
    let done = env.json(["redact", "undo", &seq.to_string(), "--reason", "a test"]);
    assert_eq!(done["of"], seq);
    done["revocation"]["seq"].as_u64().expect("a seq")
}

fn undo_all(env: &TestEnvironment, seqs: &[u64]) {
    for seq in seqs {
        undo(env, *seq);
    }
}

/// What the digest is where the same files are appended at once and nothing was ever hidden by hand.
fn digest_of_a_fresh_ledger(env: &TestEnvironment) -> String {
    std::fs::remove_dir_all(env.ledger()).expect("the ledger goes");
    env.append(&[]);
    env.digest()
}

/// The invented home, appended, with no rule that hides anything.
fn without_rules() -> TestEnvironment {
    let env = TestEnvironment::with_fixture();
    configure_rules(&env, NO_RULES);
    env.append(&[]);
    env
}

/// One shape of the conformance suite, appended, with no rule that hides anything.
fn shape(name: &str) -> TestEnvironment {
    let env = TestEnvironment::new();
    configure_rules(&env, NO_RULES);
    let home = fixture_home().parent().expect("a folder").join("rollouts").join(name).join("home");
    for source in sources_below(&home) {
        let bytes = std::fs::read(&source.path).expect("the fixture is read");
        env.write(&env.codex().join(&source.relative), &bytes);
    }
    env.append(&[]);
    env
}

/// Puts rules into the configuration, for the next append.
pub fn configure_rules(env: &TestEnvironment, rules: &str) {
    env.write(&env.path("user/rules.yml"), rules.as_bytes());
    env.write(
        &env.path("user/config.toml"),
        format!("[redaction]\nrules = '{}'\n", path_text(&env.path("user/rules.yml"))).as_bytes(),
    );
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// All texts of a column, in the order of the rows.
pub fn column(env: &TestEnvironment, sql: &str) -> Vec<String> {
    let db = env.views();
    let mut statement = db.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).expect("rows");
    rows.map(|text| text.expect("a text").unwrap_or_default()).collect()
}

/// One text of the views.
#[track_caller]
fn text(env: &TestEnvironment, sql: &str) -> String {
    let found = column(env, sql);
    assert_eq!(found.len(), 1, "one row: {sql}");
    found.into_iter().next().expect("a row")
}

/// Seq of the record that the statement finds.
#[track_caller]
fn seq(env: &TestEnvironment, sql: &str) -> u64 {
    u64::try_from(env.count(sql)).expect("a seq")
}

/// The head's size and id.
fn head(env: &TestEnvironment) -> Value {
    env.json(["status"])["head"].clone()
}

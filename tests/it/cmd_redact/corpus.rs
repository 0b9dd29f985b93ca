//! The same on real logs. Nothing of what they say is printed: tables, columns and numbers only.

use super::evidence::{Sought, in_files, in_texts};
use super::{column, hide};
use crate::cli_support::{TestEnvironment, skip, sources_below, variable};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

const HOMES: usize = 2;
/// Of how many homes each row is compared.
const SMALL_HOMES: usize = 10;
/// The sessions that something is hidden in.
const ENDS: &str = "SELECT id FROM (SELECT min(id) AS id FROM sessions UNION SELECT max(id) FROM sessions) WHERE id <> ''";
/// How many texts are hidden in each, of each column as many.
const LITERALS: usize = 6;
const PLACES: [(&str, &str); 6] = [
    ("prompts", "text"),
    ("function_calls", "output"),
    ("function_calls", "arguments"),
    ("file_changes", "path"),
    ("agent_reasoning_messages", "text"),
    ("messages", "text"),
];

/// The homes, the smallest first; none without the corpus, and that is said.
fn homes() -> Vec<PathBuf> {
    let named = variable("CODEX_LEDGER_CORPUS");
    let inside =
        named.map(|path| if path.join("corpus").is_dir() { path.join("corpus") } else { path });
    let Some(corpus) = inside.filter(|path| path.join("home-01").is_dir()) else {
        skip("redact_corpus", "CODEX_LEDGER_CORPUS names no folder with home-01, home-02, …");
        return Vec::new();
    };
    let mut homes: Vec<(usize, PathBuf)> = (1..=20)
        .map(|number| corpus.join(format!("home-{number:02}")))
        .map(|home| (sources_below(&home).iter().map(|s| s.bytes.len()).sum(), home))
        .collect();
    homes.sort();
    homes.into_iter().map(|(_, home)| home).collect()
}

/// A passage of a text: 8 to 40 characters that begin with a word, decided by the text alone.
fn passage(text: &str) -> Option<String> {
    let words: Vec<&str> =
        text.split(char::is_whitespace).filter(|word| !word.is_empty()).collect();
    let from = words.len() / 3;
    let mut taken = String::new();
    for word in words.get(from..)? {
        let length = taken.chars().count() + word.chars().count();
        if length > 40 {
            break;
        }
        taken = if taken.is_empty() { word.to_string() } else { format!("{taken} {word}") };
        if taken.chars().count() >= 16 {
            break;
        }
    }
    let is_telling = taken.chars().count() >= 8
        && text.contains(&taken)
        && taken.chars().any(|c| c.is_ascii_digit() || c == '/' || c == ' ')
        && !taken.contains("redacted");
    is_telling.then_some(taken)
}

/// Passages, and where they were found.
fn chosen(env: &TestEnvironment) -> Vec<(String, String)> {
    let db = env.views();
    let mut found = BTreeSet::new();
    for (table, column) in PLACES {
        let sql = format!(
            "SELECT {column} FROM {table} WHERE length({column}) > 24 ORDER BY stream, line, part"
        );
        let mut statement = db.prepare(&sql).expect("a statement");
        let texts: Vec<String> = statement
            .query_map([], |row| row.get(0))
            .expect("rows")
            .collect::<Result<_, _>>()
            .expect("texts");
        let passages: Vec<String> = texts.iter().filter_map(|text| passage(text)).collect();
        let step = (passages.len() / (LITERALS / PLACES.len())).max(1);
        let some = passages.into_iter().step_by(step).take(LITERALS / PLACES.len());
        found.extend(some.map(|passage| (passage, format!("{table}.{column}"))));
    }
    found.into_iter().collect()
}

#[test]
fn passages_of_real_logs_are_gone_and_come_back() {
    let homes = homes();
    let (there, mut done_homes) = (homes.len(), 0);
    for (index, home) in homes.into_iter().enumerate() {
        if done_homes == HOMES {
            break;
        }
        let env = TestEnvironment::new();
        env.append_roots(std::slice::from_ref(&home), &[]);
        let (literals, places): (Vec<String>, Vec<String>) = chosen(&env).into_iter().unzip();
        if literals.len() < LITERALS {
            // Too little is said in it.
            continue;
        }
        done_homes += 1;
        let before = env.digest();
        let lines: Vec<String> =
            literals.iter().map(|text| json!({"literal": text}).to_string()).collect();
        let file = env.work().join("bulk.jsonl");
        env.write(&file, lines.join("\n").as_bytes());
        let file = file.display().to_string();
        let done = env.json(["redact", "--from", &file, "--reason", "a test"]);
        let seqs: Vec<u64> = done
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["redaction"]["seq"].as_u64().expect("a seq"))
            .collect();
        assert_eq!(seqs.len(), literals.len());
        let hides = done.as_array().expect("a list").iter();
        let idle = hides.zip(&places).filter(|(one, _)| one["redaction"]["passages"] == 0);
        let idle: Vec<&String> = idle.map(|(_, place)| place).collect();
        assert!(idle.is_empty(), "home {index}: each hides something: {idle:?}");
        let sought = Sought::new(&literals);
        let mut found = in_texts(&env, &sought);
        found.extend(in_files(&env, &sought));
        // Names of tables, files and encodings; no text.
        assert_eq!(found, BTreeSet::new(), "home {index}");
        env.digest();
        let ends: Vec<u64> = seqs.iter().map(|seq| super::undo(&env, *seq)).collect();
        assert_eq!(ends.len(), seqs.len());
        assert_eq!(env.digest(), before, "home {index}: as before");
    }
    assert!(there == 0 || done_homes == HOMES, "{done_homes} homes of {there}");
}

/// Hiding writes only some streams anew: all others are what a rebuild makes of them.
#[test]
fn hiding_in_one_session_of_real_logs_leaves_what_a_rebuild_gives() {
    for (index, home) in homes().into_iter().take(SMALL_HOMES).enumerate() {
        let env = TestEnvironment::new();
        env.append_roots(std::slice::from_ref(&home), &[]);
        let before = env.digest();
        for session in column(&env, ENDS) {
            let redaction = hide(&env, &["--literal", "error", "--wide", "--session", &session]);
            env.digest();
            super::undo(&env, redaction);
            assert_eq!(env.digest(), before, "home {index}: as before");
        }
    }
}

//! What README and the pages under docs tell people to type is accepted, and does what is said there.

use crate::cli_support::TestEnvironment;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Lines that do not end by themselves, or name something that no ledger has.
const NOT_RUN: [&str; 6] =
    ["append --watch", "serve", "redact undo 512", "config trust", "v1 ", "secret key"];

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    pages.push(Path::new(ROOT).join("README.md"));
    pages.sort();
    pages
}

/// The blocks of a page that are in one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    let rest = text.split(fence.as_str()).skip(1);
    rest.filter_map(|block| Some(block.split_once("\n```")?.0.to_string())).collect()
}

/// Commands of a page: lines of its shell blocks, and what it sets as code.
fn commands(text: &str) -> Vec<String> {
    let lines = blocks(text, "sh").into_iter().flat_map(|block| {
        block.replace("\\\n", " ").lines().map(str::to_string).collect::<Vec<_>>()
    });
    let inline = text.split('`').skip(1).step_by(2).map(str::to_string);
    let all = lines.chain(inline).filter_map(|line| {
        let command = line.strip_prefix("codex-ledger ")?.split(" #").next()?;
        let command = command.split(" > ").next()?.trim().to_string();
        // Words in capitals stand for something.
        let is_form = command
            .split(['#', ' ', '='])
            .any(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '-'));
        (!is_form && !command.contains(['…', '|', '<', '['])).then_some(command)
    });
    all.filter(|line| !NOT_RUN.iter().any(|not_run| line.starts_with(not_run))).collect()
}

/// As a shell splits it: double quotes hold blanks together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut has_word = false;
    for c in line.chars() {
        match c {
            '"' => (quoted, has_word) = (!quoted, true),
            ' ' if !quoted => {
                if std::mem::take(&mut has_word) {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => {
                word.push(c);
                has_word = true;
            }
        }
    }
    words.extend(has_word.then_some(word));
    words
}

#[test]
fn commands_that_the_pages_name_are_accepted() {
    let mut tried = 0;
    let mut refused = Vec::new();
    for page in pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            let env = TestEnvironment::with_fixture();
            env.append(&[]);
            let done = env.run(words(&command));
            tried += 1;
            if !matches!(done.code, Some(0 | 1)) {
                refused.push(format!("{name}: codex-ledger {command}\n    {}", done.stderr.trim()));
            }
        }
    }
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    assert!(tried > 20, "only {tried} commands were found");
}

#[test]
fn questions_in_sql_have_an_answer() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let db = env.views();
    let text = fs::read_to_string(Path::new(ROOT).join("docs/SCHEMA.md")).unwrap();
    let questions = blocks(&text, "sql");
    assert_eq!(questions.len(), 10);
    for sql in questions {
        let mut statement = db.prepare(&sql).unwrap_or_else(|error| panic!("{error}:\n{sql}"));
        let mut rows = statement.query([]).unwrap();
        assert!(rows.next().unwrap().is_some(), "no answer to\n{sql}");
    }
}

/// A page that another one names is there.
#[test]
fn pages_link_to_pages() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if link.is_empty() || link.contains("://") {
                continue;
            }
            let target = page.parent().unwrap().join(link);
            assert!(target.exists(), "{}: {link}", page.display());
        }
    }
}

/// Numbers about tampering come from the file of results, and from nowhere else.
#[test]
fn the_tampering_table_is_what_was_measured() {
    let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let measured: serde_json::Value = serde_json::from_str(&read("docs/tampering.json")).unwrap();
    let kinds = measured["kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), 10);
    let page = read("docs/THREATS.md");
    let (_, table) = page.split_once("## The tampering table").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ten kinds"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let peers = measured["peers"].as_object().unwrap();
    // In the order of the file, which is that of `scripts/tamper`.
    let order = [
        "edit-body",
        "edit-header",
        "drop-entry",
        "cut-tail",
        "swap",
        "insert",
        "re-chain",
        "re-sign",
        "roll-back",
        "views",
    ];
    let columns = ["folder", "machine", "checkpoint", "named"];
    let mut sums = [0; 4];
    for (row, kind) in rows.iter().zip(order) {
        for (at, column) in columns.iter().enumerate() {
            let count = kinds[kind][column].as_u64().unwrap();
            assert_eq!(row[at + 1], count.to_string(), "{kind} {column}");
            sums[at] += count;
        }
        let named = ["dashcam", "session-preserve", "brain-mcp", "agentsview"];
        for (at, peer) in named.iter().enumerate() {
            let found = &peers[*peer]["kinds"][kind];
            let said = match found["trials"].as_u64() {
                Some(trials) => format!("{} of {trials}", found["caught"]),
                None => "–".to_string(),
            };
            assert_eq!(row[at + 5], said, "{kind} {peer}");
        }
    }
    let readme = read("README.md");
    assert_eq!((sums[2], measured["control"]["alarms"].as_u64()), (1000, Some(0)));
    let said = format!(
        "`audit` finds {} where there is nothing but the folder, {} where the key is",
        sums[0], sums[1]
    );
    assert!(readme.contains(&said), "README says: {said}");
}

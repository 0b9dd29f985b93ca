//! Tidy: holds the source to `docs/ARCHITECTURE.md`.
//!
//! Compares the table "who may use whom" with what each crate asks Cargo for, and checks the sizes and the
//! absences ("what is never true"). Works on tokens, so comments and strings neither hide nor fake a
//! word. Each failure names `file:line` and the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rust::{Source, functions, macros, reads_by_place};

mod rust;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = "docs/ARCHITECTURE.md";

const FILE_LINES_MAX: usize = 500;
const MOD_LINES_MAX: usize = 80;
const FN_LINES_MAX: usize = 70;
/// Raised limits: (`path` or `path::function`, limit in lines, reason).
const LONGER: &[(&str, usize, &str)] = &[];

/// Where no I/O is done and no time is known. Those inside a larger crate use nothing else of it.
const PURE: &[&str] = &[
    "crates/entry/src",
    "crates/location/src",
    "crates/proof/src",
    "crates/rollout/src",
    "crates/redaction/src",
    "crates/report/src",
    "crates/query/src/pricing",
    "crates/app/src/config",
];
const EFFECTS: &[&[&str]] =
    &[&["std", "fs"], &["std", "net"], &["std", "env"], &["std", "process"]];
const CLOCKS: &[&str] = &["SystemTime", "Instant"];
const STORE: &str = "crates/ledger/src/store.rs";
const SQL_DRIVERS: &[&str] = &["rusqlite", "libsqlite3_sys", "postgres", "tokio_postgres", "sqlx"];

/// Projections without Rust of their own: (name, reason).
const PURE_SQL: &[(&str, &str)] = &[("cursors", "written by the replay loop itself")];
/// What makes a row depend on when or how often it was written.
const NOT_IN_SQL: &[&str] = &["autoincrement", "random", "randomblob", "current_timestamp", "now"];

/// Where something like a machine's own path may stand: (prefix of the file, what, reason).
const LIKE_MACHINE_PATHS: &[(&str, &str, &str)] =
    &[("crates/rollout/", concat!("/ro", "ot/"), "Codex names agents by such paths")];
/// Users that the project invented or that are nobody; their homes may be named.
const INVENTED_USERS: &[&str] =
    &["Shared", "ada", "alice", "bob", "dev", "grace", "runner", "sam", "user", "you"];
/// Not ours, built, a person's own, or bytes rather than text.
const NOT_WALKED: &[&str] = &[
    ".git",
    "target",
    "fixtures",
    "node_modules",
    "user",
    "fuzz/artifacts",
    "fuzz/corpus",
    "fuzz/coverage",
    "fuzz/seeds",
    "fuzz/target",
];

#[test]
fn the_table_is_what_each_crate_asks_for() {
    let page = Page::read();
    let mut failures = Failures::new("who may use whom, docs/ARCHITECTURE.md");
    let crates = names_in("crates");
    for name in page.allowed.keys().filter(|name| !crates.contains(name) && *name != "door") {
        failures.add(PAGE, page.line, format!("`{name}` has a row, but does not stand in crates"));
    }
    for name in crates.iter().map(String::as_str).chain(["door"]) {
        let path = match name {
            "door" => "Cargo.toml".to_string(),
            name => format!("crates/{name}/Cargo.toml"),
        };
        let Some(allowed) = page.allowed.get(name) else {
            failures.add(&path, 1, format!("`{name}` has no row in the table"));
            continue;
        };
        let used = dependencies(&path);
        for other in used.symmetric_difference(allowed) {
            let rule = match allowed.contains(other) {
                true => format!("`{name}` does not use `{other}`, the table says that it does"),
                false => format!("`{name}` may not use `{other}`"),
            };
            failures.add(&path, 1, rule);
        }
    }
    failures.finish();
}

/// The crates of ours that a manifest asks for, tests left out.
fn dependencies(path: &str) -> BTreeSet<String> {
    let manifest: toml::Table = read(path).parse().unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    names.filter_map(|name| name.strip_prefix("codex-ledger-")).map(str::to_owned).collect()
}

#[test]
fn files_and_functions_stay_small() {
    let mut failures = Failures::new("sizes (lines outside tests)");
    let mut longer: BTreeMap<&str, usize> = LONGER.iter().map(|l| (l.0, l.1)).collect();
    let mut check = |name: &str, path: &str, line: usize, lines: usize, usual: usize| {
        let raised = longer.remove(name);
        let limit = raised.unwrap_or(usual);
        if lines > limit {
            failures.add(path, line, format!("{name}: {lines} lines, the limit is {limit}"));
        } else if raised.is_some() && lines <= usual {
            failures.add(path, line, format!("{name} fits again: take it out of LONGER"));
        }
    };
    for file in code().iter().chain(&sources("examples")) {
        let is_mod = file.path.ends_with("/mod.rs") || file.path.ends_with("/lib.rs");
        let usual = if is_mod { MOD_LINES_MAX } else { FILE_LINES_MAX };
        let lines = (1..=file.lines).filter(|line| !file.is_test(*line)).count();
        check(&file.path, &file.path, 1, lines, usual);
        for (name, first, last) in functions(&file.tokens) {
            if !file.is_test(first) {
                let name = format!("{}::{name}", file.path);
                check(&name, &file.path, first, last - first + 1, FN_LINES_MAX);
            }
        }
    }
    for name in longer.keys() {
        failures.add("tests/it/tidy.rs", 1, format!("LONGER names `{name}`, which is not there"));
    }
    failures.finish();
}

#[test]
fn each_engine_is_named_in_one_place() {
    assert!(exists(STORE), "{STORE} is not there: the one file that names sled");
    let mut failures = Failures::new("one place names the log engine, one the SQL drivers");
    for file in &code() {
        for token in &file.tokens {
            let word = token.text.as_str();
            if word == "sled" && file.path != STORE {
                failures.add(&file.path, token.line, format!("only {STORE} names sled"));
            }
            if SQL_DRIVERS.contains(&word) && !file.is_in("crates/db") {
                failures.add(&file.path, token.line, format!("only crates/db names {word}"));
            }
            if word == "tantivy" && !file.is_in("crates/search") {
                failures.add(&file.path, token.line, "only crates/search names tantivy".into());
            }
            if word == "serde_json" && file.is_in("crates/ledger") {
                failures.add(&file.path, token.line, "the ledger knows no JSON".into());
            }
        }
    }
    failures.finish();
}

#[test]
fn pure_modules_have_no_effects() {
    let mut failures = Failures::new("pure code: no files, network, environment, clock");
    let files = code();
    for place in PURE {
        let mut own = files.iter().filter(|file| file.is_in(place)).peekable();
        assert!(own.peek().is_some(), "{place} is not there: see PURE in tests/it/tidy.rs");
        let name = place.rsplit('/').next().unwrap_or(place);
        for file in own {
            for path in file.live_paths() {
                if let Some(effect) = EFFECTS.iter().find(|effect| path.starts_with(effect)) {
                    let rule = format!("{place} is pure: no {}", effect.join("::"));
                    failures.add(&file.path, path.line, rule);
                }
                if name != "src" && path.words[0] == "crate" && path.words[1] != name {
                    failures.add(&file.path, path.line, format!("{place} uses nothing of ours"));
                }
            }
            for token in file.live_tokens().filter(|token| CLOCKS.contains(&token.text.as_str())) {
                let rule = format!("{place} is pure: no {}", token.text);
                failures.add(&file.path, token.line, rule);
            }
        }
    }
    failures.finish();
}

#[test]
fn the_library_never_prints_exits_or_reads_the_environment() {
    let mut failures = Failures::new("the doors print, exit and read the environment");
    for file in &sources("crates") {
        for (macro_name, line) in macros(&file.tokens) {
            let prints = ["println", "eprintln", "print", "eprint", "dbg"].contains(&macro_name);
            if prints && !file.is_test(line) {
                failures.add(&file.path, line, format!("the library never prints: {macro_name}!"));
            }
        }
        for path in file.live_paths() {
            if path.starts_with(&["std", "env"]) {
                let rule = "the library never reads the environment: std::env".into();
                failures.add(&file.path, path.line, rule);
            }
            if path.words.windows(2).any(|pair| pair == ["process", "exit"]) {
                failures.add(&file.path, path.line, "the library never exits".into());
            }
        }
    }
    failures.finish();
}

#[test]
fn rows_are_read_by_the_names_of_their_columns() {
    let mut failures = Failures::new("rows are read by name: a SELECT may change its order");
    for file in &code() {
        for (line, place) in reads_by_place(&file.tokens) {
            if !file.is_test(line) {
                let rule = format!("column {place} of a row has a name: `row.get(\"name\")`");
                failures.add(&file.path, line, rule);
            }
        }
    }
    failures.finish();
}

#[test]
fn nothing_is_left_for_later() {
    let mut failures = Failures::new("no placeholders, no ignored tests, no test file left out");
    for folder in ["src", "crates", "tests", "examples", "fuzz"] {
        for file in &sources(folder) {
            for (name, line) in macros(&file.tokens) {
                if ["todo", "unimplemented"].contains(&name) {
                    failures.add(&file.path, line, format!("no {name}!"));
                }
            }
            for words in file.tokens.windows(3) {
                if words[0].text == "#" && words[1].text == "[" && words[2].text == "ignore" {
                    failures.add(&file.path, words[0].line, "no ignored tests".into());
                }
            }
        }
    }
    let modules: BTreeSet<String> = sources("tests/it")
        .iter()
        .filter(|file| file.path == "tests/it/main.rs")
        .flat_map(|file| file.tokens.windows(2))
        .filter(|pair| pair[0].text == "mod")
        .map(|pair| pair[1].text.clone())
        .collect();
    assert!(!modules.is_empty(), "tests/it/main.rs is not there, or has no modules");
    for name in names_in("tests/it") {
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        if module != "main" && !modules.contains(module) {
            let rule = format!("tests/it/main.rs has no `mod {module};`: its tests never run");
            failures.add(&format!("tests/it/{name}"), 1, rule);
        }
    }
    failures.finish();
}

#[test]
fn no_file_names_a_machines_own_paths() {
    let places = [concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    let homes = [concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut failures = Failures::new("no machine's own paths");
    let mut files = Vec::new();
    walk(Path::new(ROOT), &mut files);
    for path in &files {
        let Ok(text) = fs::read_to_string(Path::new(ROOT).join(path)) else {
            continue;
        };
        for (at, line) in text.lines().enumerate() {
            for place in places {
                let allowed = LIKE_MACHINE_PATHS
                    .iter()
                    .any(|like| path.starts_with(like.0) && place == like.1);
                if !allowed && tails(line, place).next().is_some() {
                    failures.add(path, at + 1, format!("a machine's own path: {place}"));
                }
            }
            for home in homes {
                for tail in tails(line, home) {
                    let user: String =
                        tail.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
                    if !user.is_empty() && !INVENTED_USERS.contains(&user.as_str()) {
                        let rule = format!("a home that is not invented: {home}{user}");
                        failures.add(path, at + 1, rule);
                    }
                }
            }
        }
    }
    failures.finish();
}

#[test]
fn every_projection_begins_with_prose_and_has_its_code() {
    let mut failures =
        Failures::new("projections: prose first, one Rust file each, rows repeatable");
    let names: Vec<String> =
        names_in("projections").into_iter().filter(|name| name.ends_with(".sql")).collect();
    assert!(!names.is_empty(), "projections/ has no .sql file");
    for file in &names {
        let path = format!("projections/{file}");
        let text = read(&path);
        let comment = text.lines().take_while(|line| line.starts_with("--"));
        if comment.flat_map(str::split_whitespace).filter(|word| *word != "--").count() < 8 {
            failures.add(&path, 1, "begin with prose: what a row is, what it is not".into());
        }
        for (at, line) in text.lines().enumerate() {
            let code = line.split("--").next().unwrap_or("").to_lowercase();
            let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if let Some(word) = words.find(|word| NOT_IN_SQL.contains(word)) {
                failures.add(&path, at + 1, format!("rows must be repeatable: no `{word}`"));
            }
        }
        let name = file.trim_end_matches(".sql");
        let code = format!("crates/projections/src/tables/{name}.rs");
        let has_code = exists(&code);
        if has_code == PURE_SQL.iter().any(|pure| pure.0 == name) {
            failures.add(&path, 1, format!("either {code} stands or PURE_SQL lists `{name}`"));
        }
    }
    for (name, _) in PURE_SQL.iter().filter(|pure| !names.contains(&format!("{}.sql", pure.0))) {
        failures.add("tests/it/tidy.rs", 1, format!("PURE_SQL names `{name}`, which is not there"));
    }
    failures.finish();
}

// The page.

struct Page {
    /// Where the table begins.
    line: usize,
    /// Crate -> the crates it may use.
    allowed: BTreeMap<String, BTreeSet<String>>,
}

impl Page {
    fn read() -> Page {
        Page::parse(&read(PAGE))
    }

    fn parse(text: &str) -> Page {
        let lines = || text.lines().zip(1..);
        let header = lines().find(|(row, _)| row.starts_with("| crate | may use |"));
        let line = header.expect("docs/ARCHITECTURE.md: no table `| crate | may use |`").1;
        let mut allowed = BTreeMap::new();
        for (row, at) in lines().skip(line + 1).take_while(|(row, _)| row.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 2, "{PAGE}:{at}: a row needs two cells");
            for name in crate_names(cells[0]) {
                let earlier = allowed.insert(name.clone(), crate_names(cells[1]));
                assert!(earlier.is_none(), "{PAGE}:{at}: a second row for `{name}`");
            }
        }
        assert!(!allowed.is_empty(), "{PAGE}:{line}: the table has no rows");
        Page { line, allowed }
    }
}

/// Reads `ledger (read half), db; not this` as {ledger, db}: the first word of each item.
fn crate_names(cell: &str) -> BTreeSet<String> {
    let items = cell.split(';').next().unwrap_or("").split(',');
    let first_words = items.filter_map(|item| item.split_whitespace().next());
    first_words.filter(|word| *word != "nothing").map(str::to_owned).collect()
}

// Failures.

struct Failures {
    rule: &'static str,
    lines: BTreeSet<(String, usize, String)>,
}

impl Failures {
    fn new(rule: &'static str) -> Failures {
        Failures { rule, lines: BTreeSet::new() }
    }

    fn add(&mut self, path: &str, line: usize, what: String) {
        self.lines.insert((path.to_owned(), line, what));
    }

    fn finish(self) {
        let list: Vec<String> = self
            .lines
            .iter()
            .map(|(path, line, what)| format!("  {path}:{line}: {what}"))
            .collect();
        assert!(list.is_empty(), "\nrule: {}\n{}\n", self.rule, list.join("\n"));
    }
}

// Files. Paths are relative to the root, with `/`.

fn exists(path: &str) -> bool {
    Path::new(ROOT).join(path).exists()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}: tidy has nothing to check"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All that the program is made of.
fn code() -> Vec<Source> {
    sources("src").into_iter().chain(sources("crates")).collect()
}

fn sources(folder: &str) -> Vec<Source> {
    assert!(exists(folder), "{folder}/ is not there: tidy has nothing to check");
    let mut files = Vec::new();
    walk(&Path::new(ROOT).join(folder), &mut files);
    files.retain(|path| path.ends_with(".rs"));
    let mut sources: Vec<Source> =
        files.into_iter().map(|path| Source::new(&read(&path), path)).collect();
    // `#[cfg(test)] mod x;` makes the whole file `x` a test.
    let test_files: Vec<Vec<String>> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        if test_files.iter().any(|test| source.place().starts_with(test)) {
            source.tests = vec![(1, usize::MAX)];
        }
    }
    sources
}

fn walk(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = path.strip_prefix(ROOT).unwrap().to_str().expect("a file name in UTF-8");
        let name = name.replace('\\', "/");
        if NOT_WALKED.contains(&name.as_str()) {
            continue;
        } else if kind.is_dir() {
            walk(&path, files);
        } else if kind.is_file() {
            files.push(name);
        }
    }
}

/// Yields what follows each `place` in a line that does not stand inside a longer path.
fn tails<'a>(line: &'a str, place: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(place).filter_map(move |(at, _)| {
        let inside = |c: char| c.is_alphanumeric() || "_-.~*})>/".contains(c);
        (!line[..at].ends_with(inside)).then(|| &line[at + place.len()..])
    })
}

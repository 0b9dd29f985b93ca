//! Tidy: holds the source to `docs/ARCHITECTURE.md`.
//!
//! Reads the table "who may use whom" and checks every reference between modules, the sizes, and the
//! absences ("what is never true"). Works on tokens, so comments and strings neither hide nor fake a
//! reference. Each failure names `file:line` and the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rust::{Source, functions, macros};

mod rust;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = "docs/ARCHITECTURE.md";

const FILE_LINES_MAX: usize = 500;
const MOD_LINES_MAX: usize = 80;
const FN_LINES_MAX: usize = 70;
/// Raised limits: (`path` or `path::function`, limit in lines, reason).
const LONGER: &[(&str, usize, &str)] = &[];

/// Modules that do no I/O and know no time, and what they therefore never name.
const PURE: &[&str] = &["entry", "rollout", "redaction", "pricing", "config", "report"];
const EFFECTS: &[&[&str]] =
    &[&["std", "fs"], &["std", "net"], &["std", "env"], &["std", "process"]];
const CLOCKS: &[&str] = &["SystemTime", "Instant"];
const STORE: &str = "src/ledger/store.rs";
const SQL_DRIVERS: &[&str] = &["rusqlite", "libsqlite3_sys", "postgres", "tokio_postgres", "sqlx"];

/// Projections without Rust of their own: (name, reason).
const PURE_SQL: &[(&str, &str)] = &[("cursors", "written by the replay loop itself")];
/// What makes a row depend on when or how often it was written.
const NOT_IN_SQL: &[&str] = &["autoincrement", "random", "randomblob", "current_timestamp", "now"];

/// Where something like a machine's own path may stand: (prefix of the file, what, reason).
const LIKE_MACHINE_PATHS: &[(&str, &str, &str)] =
    &[("src/rollout/", concat!("/ro", "ot/"), "Codex names agents by such paths")];
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
fn modules_use_only_what_the_table_allows() {
    let page = Page::read();
    let mut failures = Failures::new("who may use whom, docs/ARCHITECTURE.md");
    for file in sources("src").iter().filter(|f| f.path != "src/lib.rs") {
        let module = file.module();
        let Some(allowed) = page.allowed.get(module) else {
            failures.add(&file.path, 1, format!("module `{module}` has no row in the table"));
            continue;
        };
        for path in &file.paths {
            let Some(used) = file.module_named_by(path) else {
                continue;
            };
            if used == module || allowed.contains(used) {
                continue;
            }
            let rule = match page.allowed.contains_key(used) {
                true => format!("`{module}` may not use `{used}`"),
                false => format!("`{used}` is not a module of the table: name the module itself"),
            };
            failures.add(&file.path, path.line, rule);
        }
    }
    failures.finish();
}

#[test]
fn the_table_is_true_of_the_tree() {
    let page = Page::read();
    let mut failures = Failures::new("the table names what stands, docs/ARCHITECTURE.md");
    for module in page.allowed.keys() {
        let stands = exists(&format!("src/{module}.rs")) || exists(&format!("src/{module}"));
        let planned = page.planned.contains(module);
        if !stands && !planned {
            let rule =
                format!("`{module}` does not stand in src: put it under \"Not standing yet:\"");
            failures.add(PAGE, page.line, rule);
        } else if stands && planned {
            let rule = format!("`{module}` stands: take it out of \"Not standing yet:\"");
            failures.add(PAGE, page.line, rule);
        }
        for used in &page.allowed[module] {
            if !page.allowed.contains_key(used) {
                failures.add(
                    PAGE,
                    page.line,
                    format!("`{module}` may use `{used}`, which has no row"),
                );
            } else if page.allowed[used].contains(module) {
                failures.add(PAGE, page.line, format!("`{module}` and `{used}` use each other"));
            }
        }
    }
    failures.finish();
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
    for file in sources("src").iter().chain(&sources("examples")) {
        let is_mod = file.path.ends_with("/mod.rs");
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
    assert!(exists("src/db") || exists("src/db.rs"), "src/db is not there");
    let mut failures = Failures::new("one place names the log engine, one the SQL drivers");
    for file in &sources("src") {
        let module = file.module();
        for token in &file.tokens {
            let word = token.text.as_str();
            if word == "sled" && file.path != STORE {
                failures.add(&file.path, token.line, format!("only {STORE} names sled"));
            }
            if SQL_DRIVERS.contains(&word) && module != "db" {
                failures.add(&file.path, token.line, format!("only src/db names {word}"));
            }
            if word == "serde_json" && module == "ledger" {
                failures.add(&file.path, token.line, "the ledger knows no JSON".into());
            }
        }
    }
    failures.finish();
}

#[test]
fn pure_modules_have_no_effects() {
    let planned = Page::read().planned;
    let mut failures = Failures::new("pure modules: no files, network, environment, clock");
    let files = sources("src");
    for module in PURE.iter().filter(|module| !planned.contains(**module)) {
        let mut own = files.iter().filter(|file| file.module() == *module).peekable();
        assert!(own.peek().is_some(), "src/{module} is not there: see PURE in tests/it/tidy.rs");
        for file in own {
            for path in file.live_paths() {
                if let Some(effect) = EFFECTS.iter().find(|effect| path.starts_with(effect)) {
                    let rule = format!("`{module}` is pure: no {}", effect.join("::"));
                    failures.add(&file.path, path.line, rule);
                }
            }
            for token in file.live_tokens().filter(|token| CLOCKS.contains(&token.text.as_str())) {
                let rule = format!("`{module}` is pure: no {}", token.text);
                failures.add(&file.path, token.line, rule);
            }
        }
    }
    failures.finish();
}

#[test]
fn the_library_never_prints_exits_or_reads_the_environment() {
    let mut failures = Failures::new("the doors print, exit and read the environment");
    for file in sources("src").iter().filter(|file| !file.is_door()) {
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
fn nothing_is_left_for_later() {
    let mut failures = Failures::new("no placeholders, no ignored tests, no test file left out");
    for folder in ["src", "tests", "examples", "fuzz"] {
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
        let code = format!("src/projections/{name}.rs");
        let has_code = exists(&code) || exists(&format!("src/projections/{name}/mod.rs"));
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
    /// Module -> the modules it may use.
    allowed: BTreeMap<String, BTreeSet<String>>,
    /// Modules that have a row but do not stand yet.
    planned: BTreeSet<String>,
}

impl Page {
    fn read() -> Page {
        Page::parse(&read(PAGE))
    }

    fn parse(text: &str) -> Page {
        let lines = || text.lines().zip(1..);
        let header = lines().find(|(row, _)| row.starts_with("| module | may use |"));
        let line = header.expect("docs/ARCHITECTURE.md: no table `| module | may use |`").1;
        let mut allowed = BTreeMap::new();
        for (row, at) in lines().skip(line + 1).take_while(|(row, _)| row.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 2, "{PAGE}:{at}: a row needs two cells");
            for module in module_names(cells[0]) {
                let earlier = allowed.insert(module.clone(), module_names(cells[1]));
                assert!(earlier.is_none(), "{PAGE}:{at}: a second row for `{module}`");
            }
        }
        assert!(!allowed.is_empty(), "{PAGE}:{line}: the table has no rows");
        let planned = text.lines().find_map(|row| row.strip_prefix("Not standing yet:"));
        let planned = module_names(planned.unwrap_or("nothing").trim_end_matches('.'));
        Page { line, allowed, planned }
    }
}

/// Reads `ledger (read half), db; not this` as {ledger, db}: the first word of each item.
fn module_names(cell: &str) -> BTreeSet<String> {
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

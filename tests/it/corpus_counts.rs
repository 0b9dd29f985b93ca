//! What the corpus of real logs gives, home by home: counts only, reviewed when they change.

use crate::cli_support::variable;
use crate::support::skip;
use codex_ledger_append::{Plan, Request};
use codex_ledger_ledger::{Holder, Ledger, LedgerReader, World, read_head};
use codex_ledger_projections::{Options, Views, ViewsPaths};
use std::fmt::Write as _;
use std::path::Path;

/// Per home: own prompts, own calls and how many of them have an output, plan steps, reasoning texts, usage
/// records and how many of them count, lines that are no records.
const COUNTS: [&str; 9] = [
    "SELECT count(*) FROM prompts WHERE number > 0 AND stream IN (SELECT stream FROM of_home)",
    "SELECT count(*) FROM function_calls WHERE copied = 0 AND stream IN (SELECT stream FROM of_home)",
    "SELECT count(output_line) FROM function_calls WHERE copied = 0 AND stream IN (SELECT stream FROM of_home)",
    "SELECT count(*) FROM function_plan_messages WHERE copied = 0 AND stream IN (SELECT stream FROM of_home)",
    "SELECT count(*) FROM agent_reasoning_messages WHERE copied = 0 AND text <> '' AND stream IN (SELECT stream FROM of_home)",
    "SELECT count(*) FROM token_messages WHERE stream IN (SELECT stream FROM of_home)",
    "SELECT coalesce(sum(counted), 0) FROM token_messages WHERE stream IN (SELECT stream FROM of_home)",
    "SELECT coalesce(sum(malformed), 0) FROM streams WHERE stream IN (SELECT stream FROM of_home)",
    "SELECT coalesce(sum(unknown), 0) FROM streams WHERE stream IN (SELECT stream FROM of_home)",
];

#[test]
fn counts_of_the_corpus_are_as_reviewed() {
    let Some(corpus) = variable("CODEX_LEDGER_CORPUS").filter(|dir| dir.join("home-01").is_dir())
    else {
        skip(
            "counts_of_the_corpus",
            "CODEX_LEDGER_CORPUS names no folder with home-01, home-02, …",
        );
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let views = views_of(&corpus, dir.path());
    let head = read_head(dir.path()).unwrap().head;
    let db = views.open(&head).unwrap().1.unwrap();
    let mut table = String::new();
    for home in 1..=20 {
        let pattern = format!("%/home-{home:02}/%");
        let sql = format!(
            "CREATE TEMP TABLE of_home AS SELECT stream FROM files WHERE path LIKE '{pattern}'"
        );
        db.execute_batch(&sql).unwrap();
        let counts = COUNTS.map(|sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap());
        db.execute_batch("DROP TABLE temp.of_home").unwrap();
        let counts = counts.map(|count| count.to_string()).join(" ");
        writeln!(table, "home-{home:02} {counts}").unwrap();
    }
    let reviewed = include_str!("../../fixtures/corpus_counts.txt");
    let reviewed: String = reviewed.lines().skip(1).map(|line| format!("{line}\n")).collect();
    assert_eq!(table, reviewed, "review the change, then put it into fixtures/corpus_counts.txt");
}

fn views_of(corpus: &Path, dir: &Path) -> Views {
    let holder = Holder { command: "test".into(), pid: 1, since: "now".into() };
    let world = World::real();
    let request =
        Request { roots: vec![corpus.into()], actor: "test".into(), ..Request::default() };
    let plan = Plan::make(dir, &request, world.clock.now());
    let mut ledger = Ledger::open(dir, world, &holder).unwrap();
    plan.run(&mut ledger, &request, &mut |_| ()).unwrap();
    let paths = ViewsPaths { link: dir.join("views.sqlite") };
    let views = Views { paths, options: Options::default() };
    let mut reader = LedgerReader::open(dir).unwrap();
    views.update(&mut reader, &mut |_| ()).unwrap();
    views
}

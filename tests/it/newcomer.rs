//! What somebody types who has never seen the program: which session did it, what it cost, what failed and why, who hid what.

use crate::cli_support::TestEnvironment;

/// The answer to a line as it is typed.
#[track_caller]
fn answer(env: &TestEnvironment, line: &str) -> String {
    env.ok(shell_words(line)).text().to_string()
}

/// Words of a line; quotes hold blanks together.
fn shell_words(line: &str) -> Vec<String> {
    let pieces = line.split('"').enumerate();
    let words = pieces.flat_map(|(index, piece)| match index % 2 {
        1 => vec![piece.to_string()],
        _ => piece.split_whitespace().map(str::to_string).collect(),
    });
    words.collect()
}

#[test]
fn questions_of_a_first_day_have_an_answer_in_a_line_or_two() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);

    // Which session added the sunrise? The hint of the answer shows it.
    let found = answer(&env, "search sunrise");
    assert!(found.contains("Moon phases, with sunrise"), "{found}");
    let hint =
        found.lines().find_map(|line| line.strip_prefix("next: codex-ledger ")).expect("a hint");
    let shown = answer(&env, hint);
    assert!(
        shown.contains("Moon phases, with sunrise") && shown.contains("Add the time of sunrise"),
        "{shown}"
    );

    // By its name, and the newest.
    assert!(answer(&env, "show \"Moon phases, with sunrise\"").contains("rather not guess"));
    assert!(answer(&env, "show latest").contains("Release 1.0"));

    // What did it cost?
    let cost = answer(&env, "tokens --by session --session 019d737a");
    assert!(cost.contains("$0.01") && cost.contains("10,529"), "{cost}");

    // What failed, and why?
    let failed = answer(&env, "search exit:failed in:output");
    assert!(failed.contains("no network access in the sandbox"), "{failed}");

    // Who hid what, when and why?
    env.ok(["redact", "--literal", "tea meanwhile", "--reason", "private", "--actor", "ada"]);
    let history = answer(&env, "redact history");
    let says = |word: &str| history.contains(word);
    assert!(says("ada") && says("private") && says("a text of 13 characters"), "{history}");
    assert!(!answer(&env, "search \"run the full comparison\"").contains("tea"));
    let log = answer(&env, "audit log --by ada");
    assert!(
        log.contains("redaction") && log.contains("private") && log.contains("1 act;"),
        "{log}"
    );
    env.ok(["show", "--raw", "latest", "--reason", "an audit"]);
    env.append(&[]);
    let log = answer(&env, "audit log --kind reveal");
    assert!(log.contains("show --raw") && log.contains("an audit"), "{log}");

    // Something to send to somebody.
    let page = env.work().join("moon.html");
    let written = answer(
        &env,
        &format!("report --session 019d737a --mode prompts+answers -o {}", page.display()),
    );
    assert!(written.contains("1 session"), "{written}");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("rather not guess") && html.to_lowercase().starts_with("<!doctype html>")
    );
}

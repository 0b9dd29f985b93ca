//! What docs/API.md shows works as it stands there.

use super::{home, token};
use crate::cli_support::TestEnvironment;
use crate::cli_support::web::Serving;
use crate::support::skip;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// What stands in the docs in a language.
fn shown(language: &str) -> String {
    let docs = include_str!("../../../docs/API.md");
    let (_, behind) = docs.split_once(&format!("```{language}\n")).expect("it is shown");
    behind.split_once("```").expect("it ends").0.to_string()
}

/// All code of the notebook, cell by cell.
fn notebook() -> String {
    let notebook: Value = serde_json::from_str(include_str!("../../../docs/api.ipynb")).unwrap();
    let cells = notebook["cells"].as_array().unwrap().iter();
    let code = cells.filter(|cell| cell["cell_type"] == "code");
    let lines =
        code.flat_map(|cell| [cell["source"].as_array().unwrap().clone(), vec!["\n".into()]]);
    lines.flatten().map(|line| line.as_str().unwrap().to_string()).collect()
}

/// Runs it; none without the program, and that is said.
fn run(
    (env, serving): (&TestEnvironment, &Serving),
    (language, code): (&str, &str),
    program: &[&str],
) -> Option<String> {
    let mut command = Command::new(program[0]);
    command
        .args(&program[1..])
        .env("URL", format!("http://{}", serving.address))
        .env("TOKEN", token(env, "reviewer"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        skip(&format!("client in {language}"), &format!("{} is missing", program[0]));
        return None;
    };
    child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{language}: {}", done.status);
    Some(String::from_utf8(done.stdout).unwrap())
}

#[test]
fn clients_of_the_docs_work() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    if let Some(said) = run((&env, &serving), ("sh", &shown("sh")), &["sh"]) {
        let page: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
    }
    if let Some(said) = run((&env, &serving), ("python", &shown("python")), &["python3", "-"]) {
        assert!(said.trim().parse::<u64>().is_ok(), "{said}");
        assert_eq!(env.json(["tag", "list"]).as_array().unwrap().len(), 1);
    }
    if let Some(said) = run(
        (&env, &serving),
        ("javascript", &shown("javascript")),
        &["node", "--input-type=module", "-"],
    ) {
        assert_eq!(said.trim(), "12");
    }
    if let Some(said) = run((&env, &serving), ("a notebook", &notebook()), &["python3", "-"]) {
        assert!(said.contains("total 0 USD"), "{said}");
    }
}

#[test]
fn events_tell_how_far_the_ledger_goes() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        serving.address,
        token(&env, "viewer")
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut next = || {
        let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_string));
        data.unwrap().parse::<u64>().unwrap()
    };
    let end = || env.json(["status"])["head"]["size"].as_u64().unwrap();
    assert_eq!(next(), end());
    env.json(["tag", "add", "wet", &crate::cli_support::thread(1)]);
    assert_eq!(next(), end());
    // They end when the server does, before it cuts off who does not.
    assert_eq!(serving.stop(), Some(0));
    let last = lines.filter(|line| !line.is_empty()).last();
    assert_eq!(last.as_deref(), Some("0"), "the last piece says that it is the last");
}

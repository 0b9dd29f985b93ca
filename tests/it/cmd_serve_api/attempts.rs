//! Somebody with a viewer's token tries to read what is hidden.

use super::{WORD, home, operations, program};
use crate::cli_support::thread;
use crate::cli_support::web::Serving;

/// What is put behind each path.
const BEHIND: [&str; 12] = [
    "",
    "?raw=1",
    "?limit=500&raw=true",
    "?reveal=1&reason=x",
    "?cursor=0.0",
    "/raw",
    "/../redactions",
    "/%2e%2e/%2e%2e/entries/1/reveal",
    "%00",
    ".json",
    "?q=Quinb*",
    "?limit=500&session=*&fields=*",
];
/// Headers that other servers listen to.
const HEADERS: [&str; 6] = [
    "X-HTTP-Method-Override: POST",
    "X-Original-URL: /entries/1/reveal",
    "X-Forwarded-User: admin",
    "Range: bytes=0-",
    "Accept: application/x-ndjson",
    "Cookie: codex_ledger=admin",
];

#[test]
fn a_viewer_reaches_nothing_that_is_hidden() {
    let env = home();
    let serving = Serving::start(&env, &[]);
    let (viewer, reviewer) =
        (program(&env, &serving, "viewer"), program(&env, &serving, "reviewer"));
    let made = reviewer.post(
        "/redactions",
        &serde_json::json!({"literal": WORD, "reason": "a name"}),
        None,
    );
    made.expect(201);
    let mut attempts = 0;
    let mut look = |method: &str, path: &str, lines: &[&str], form: Option<&str>| {
        let bearer = viewer.bearer();
        let answer = serving.ask(method, path, &[&[&*bearer][..], lines].concat(), form);
        attempts += 1;
        let said = String::from_utf8_lossy(&answer.body).to_lowercase().replace("**", "");
        let is_told = said.contains(&WORD.to_lowercase());
        assert!(!is_told, "{method} {path} {lines:?}: {}", answer.status);
    };
    for (method, path, _) in operations() {
        let seqs = ["3", "7", "9"];
        for seq in if path.contains("{seq}") { &seqs[..] } else { &seqs[..1] } {
            let path = format!("/api/v1{}", path.replace("{id}", &thread(1)).replace("{seq}", seq));
            if path.ends_with("/events") {
                continue;
            }
            for behind in BEHIND {
                look("GET", &format!("{path}{behind}"), &[], None);
            }
            for header in HEADERS {
                look(&method, &path, &[header], None);
            }
        }
    }
    for path in ["/entries/3/reveal", "/export/file", "/redactions/preview"] {
        look("POST", path, &[], Some("reason=x&mode=full&format=json"));
    }
    assert!(attempts > 200, "{attempts}");
}

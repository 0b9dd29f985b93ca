//! What is refused, in which form answers come, and the page of its own.

use super::{KIND, OWN_KIND, Program, token};
use crate::cli_support::web::{Serving, form_of};
use crate::cli_support::{TestEnvironment, prompt_line, session};
use serde_json::{Value, json};

#[test]
fn what_is_too_much_is_refused_before_anything_is_done() {
    let env = TestEnvironment::with_session(1);
    let token = token(&env, "admin");
    let serving = Serving::start(&env, &[]);
    let program = Program::new(&serving, &token);
    let bomb = (0..30).fold("{ ...f0 }".to_string(), |bomb, at| {
        format!("{bomb} fragment f{at} on Query {{ ...f{next} ...f{next} }}", next = at + 1)
    });
    let aliases: String = (0..60).map(|at| format!("a{at}: status {{ end }} ")).collect();
    let children = |depth: usize, leaf: &str| {
        format!(
            "{{ sessions {{ nodes {{ {}{leaf}{} }} }} }}",
            "children { nodes { ".repeat(depth),
            " } }".repeat(depth)
        )
    };
    let refused = [
        format!("{{ status {{ end }} }} #{}", "x".repeat(40_000)),
        "{ a ".repeat(2000),
        "[".repeat(20_000),
        format!("{{ session(id: {}) {{ gitBranch }} }}", "[".repeat(5000)),
        children(6, "id"),
        format!("{{ {aliases} }}"),
        bomb + " fragment f30 on Query { status { end } }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".into(),
        "{ sessions(first: 200) { nodes { prompts(first: 200) { nodes { text } } } } }".into(),
        format!(
            "{{ __schema {{ types {{ {}name{} }} }} }}",
            "fields { type { ".repeat(4),
            "} }".repeat(4)
        ),
        format!("{{ status {{ end {} }} }}", "@skip(if: false) ".repeat(9)),
        "{ sessions { ".repeat(3),
        "{ status { nothing } }".into(),
        "subscription { a }".into(),
        "query A { status { end } } query B { status { end } }".into(),
        "\u{0}".into(),
        String::new(),
    ];
    for query in &refused {
        let (status, answer) = program.ask(query, json!({}));
        let short: String = query.chars().take(60).collect();
        assert_eq!(status, 400, "{short} {answer}");
        assert!(
            answer.get("data").is_none() && answer["errors"][0]["message"].is_string(),
            "{short}"
        );
    }
    let huge = json!({ "query": "{ status { end } }", "variables": { "x": "x".repeat(300_000) } });
    program.send(&[KIND], huge.to_string().as_bytes()).expect(413);
    program.data(
        &children(3, "id")
            .replace("sessions", "sessions(first: 2)")
            .replace("children", "children(first: 2)"),
        json!({}),
    );
    let nul =
        program.ask("query($id: ID!) { session(id: $id) { gitBranch } }", json!({ "id": "\u{0}" }));
    assert_eq!(nul.1["errors"][0]["extensions"]["code"], "NOT_FOUND");
    for seq in ["\"x\"", "-1", "99999999999999999999", "1.5", "true"] {
        let (_, answer) = program.ask(&format!("{{ entry(seq: {seq}) {{ kind }} }}"), json!({}));
        assert!(answer.get("errors").is_some(), "{seq} {answer}");
    }
    program.data("{ status { end } }", json!({}));
}

#[test]
fn requests_are_as_graphql_over_http_has_them() {
    let env = TestEnvironment::with_session(1);
    let token = token(&env, "admin");
    let serving = Serving::start(&env, &[]);
    let program = Program::new(&serving, &token);
    let good = json!({ "query": "{ status { end } }" }).to_string();
    let wrong = json!({ "query": "{ nothing }" }).to_string();
    let accept = format!("Accept: {OWN_KIND}");
    let sent: [(&[&str], &[u8], u16); 18] = [
        (&[KIND], good.as_bytes(), 200),
        (&["Content-Type: application/json; charset=UTF-8"], good.as_bytes(), 200),
        (&["Content-Type: application/json; charset=latin1"], good.as_bytes(), 415),
        (&["Content-Type: text/plain"], good.as_bytes(), 415),
        (&["Content-Type: application/graphql"], good.as_bytes(), 415),
        (&[], good.as_bytes(), 415),
        (&[KIND, "Accept: image/png"], good.as_bytes(), 406),
        (&[KIND, "Accept: text/html"], good.as_bytes(), 406),
        (&[KIND], wrong.as_bytes(), 200),
        (&[KIND, &accept], wrong.as_bytes(), 400),
        (&[KIND], b"", 400),
        (&[KIND], b"{", 400),
        (&[KIND], b"[{\"query\":\"{ status { end } }\"}]", 400),
        (&[KIND], b"\"{ status { end } }\"", 400),
        (&[KIND], b"{\"query\":1}", 400),
        (&[KIND], b"{\"query\":\"{ a }\",\"variables\":[]}", 400),
        (&[KIND], b"{\"query\":\"\xff\"}", 400),
        (&[KIND], b"{\"query\":\"{ a }\",\"operationName\":{}}", 400),
    ];
    for (lines, body, status) in sent {
        let answer = program.send(lines, body);
        assert_eq!(
            answer.status,
            status,
            "{lines:?} {} {}",
            String::from_utf8_lossy(body),
            answer.text()
        );
        assert!(answer.header("content-type").ends_with("charset=utf-8"));
        serde_json::from_slice::<Value>(&answer.body).expect("always JSON");
    }
    let query = form_of(&[
        ("query", "query A($a: Boolean!) { status { end @include(if: $a) } }"),
        ("variables", "{\"a\":true}"),
        ("operationName", "A"),
    ]);
    program.get(&query, OWN_KIND).expect(200);
    let change =
        form_of(&[("query", "mutation { tag(subjects: [\"latest\"], name: \"x\") { seq } }")]);
    assert_eq!(program.get(&change, "*/*").expect(405).header("allow"), "POST");
    for query in ["", "query=%ff", "query=%7Ba%7D&query=%7Ba%7D", "query=%7Ba%7D&variables=x"] {
        program.get(query, "application/json").expect(400);
    }
    assert_eq!(env.json(["tag", "list"]), json!([]));
    // A page of somebody else can send nothing with the cookie of ours.
    let visitor = serving.enter(&serving.key);
    let cookie = format!("Cookie: {}", visitor.cookie);
    let own = format!("Origin: http://{}", serving.address);
    let nobody = Program { serving: &serving, bearer: cookie };
    nobody.send(&[KIND], good.as_bytes()).expect(403);
    nobody.send(&[KIND, "Origin: http://evil.example"], good.as_bytes()).expect(403);
    nobody.send(&[KIND, &own], good.as_bytes()).expect(200);
    let refused = [
        Program::new(&serving, "none").send(&[KIND], good.as_bytes()).expect(401),
        serving.ask("GET", "/graphql", &[], None).expect(401),
        serving.ask("DELETE", "/graphql", &[&program.bearer], None).expect(405),
    ];
    for answer in refused {
        let told: Value = serde_json::from_slice(&answer.body).expect("JSON, also from the door");
        assert!(told["errors"][0]["message"].is_string(), "{told}");
    }
    let browser = ["Accept: text/html,*/*;q=0.8"];
    assert!(serving.ask("GET", "/graphql", &browser, None).expect(401).text().contains("<form"));
}

#[test]
fn the_console_asks_by_a_form_and_shows_text_as_text() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &[session(1, 1), prompt_line("<script>alert(1)</script>")].concat());
    env.append(&[]);
    let token = token(&env, "viewer");
    let serving = Serving::start(&env, &[]);
    let visitor = serving.enter(&token);
    let cookie = format!("Cookie: {}", visitor.cookie);
    let shown =
        serving.ask("GET", "/graphql", &[&cookie, "Accept: text/html,*/*;q=0.8"], None).expect(200);
    assert!(
        shown.text().contains("type Query") && shown.text().contains("<textarea name=\"query\"")
    );
    let ask = [(
        "query",
        "{ session(id: \"latest\") { items { nodes { text } } } redactions { totalCount } }",
    )];
    let answered = visitor.post("/graphql", &ask).expect(200);
    assert!(
        answered.text().contains("&lt;script&gt;alert(1)")
            && !answered.text().contains("<script>alert")
    );
    assert!(answered.text().contains("FORBIDDEN"), "a form may no more than its sender");
    let without_secret = form_of(&ask);
    let origin = format!("Origin: http://{}", serving.address);
    serving.ask("POST", "/graphql", &[&cookie, &origin], Some(&without_secret)).expect(403);
}

//! `serve`: GraphQL, as programs and as the page of its own ask it.

use crate::cli_support::web::{Answer, Serving};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread, variable};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

mod http;

const KIND: &str = "Content-Type: application/json";
const OWN_KIND: &str = "application/graphql-response+json";
const FILE: &str = "docs/schema.graphql";
/// All fields that have texts of logs or people.
const EVERYTHING: &str = "query($id: ID!) {
    session(id: $id) {
        gitBranch gitCommit
        session { id title name cwd model source subagent cliVersion parentId tags disposition notes { text }
            prompts { nodes { text tags disposition } } children { nodes { title } } }
        items { nodes { label text output status } } calls { nodes { label text output } } files { nodes { path moveTo } }
    }
    tags { nodes { subject name } } dispositions { nodes { subject value } } notes { nodes { subject text actor } }
    redactions(active: false) { nodes { target within field replacement reason actor } } rules { nodes { id description } }
    acts { nodes { actor kind target reason } } tokens(by: REPO) { groups { nodes { key } } }
    prompt: entry(seq: 9) { recordKinds items { label text output } act { target } }
}";

/// A program that asks with a token.
struct Program<'a> {
    serving: &'a Serving,
    bearer: String,
}

impl<'a> Program<'a> {
    fn new(serving: &'a Serving, token: &str) -> Program<'a> {
        Program { serving, bearer: format!("Authorization: Bearer {token}") }
    }

    fn send(&self, lines: &[&str], body: &[u8]) -> Answer {
        let mut head = format!(
            "POST /graphql HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n",
            self.serving.address
        );
        for line in [&[self.bearer.as_str()], lines].concat() {
            head += &format!("{line}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        self.serving.send(&[head.as_bytes(), body].concat())
    }

    /// What is answered to a request in the form that has statuses of its own.
    fn ask(&self, query: &str, variables: Value) -> (u16, Value) {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let answer = self.send(&[KIND, &format!("Accept: {OWN_KIND}")], body.as_bytes());
        assert!(answer.header("content-type").starts_with(OWN_KIND), "{answer:?}");
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    /// The data of what has to go well.
    #[track_caller]
    fn data(&self, query: &str, variables: Value) -> Value {
        let (status, answer) = self.ask(query, variables);
        assert!(status == 200 && answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// The code of the first error.
    #[track_caller]
    fn refusal(&self, query: &str) -> String {
        let (_, answer) = self.ask(query, json!({}));
        answer["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .into()
    }

    fn get(&self, query: &str, accept: &str) -> Answer {
        let path = format!("/graphql?{query}");
        self.serving.ask("GET", &path, &[&self.bearer, &format!("Accept: {accept}")], None)
    }
}

fn token(env: &TestEnvironment, role: &str) -> String {
    let made = env.json(["serve", "token", "create", role, "--role", role]);
    made["token"].as_str().unwrap().to_string()
}

fn sessions(env: &TestEnvironment, numbers: impl Iterator<Item = u64>) {
    numbers.for_each(|number| env.write(&env.rollout(number), &session(number, 2)));
    env.append(&[]);
}

/// `Type.field` of all that a schema has.
fn fields_of(schema: &str) -> BTreeSet<String> {
    let (mut fields, mut of, mut is_told) = (BTreeSet::new(), String::new(), false);
    for line in schema.lines() {
        if line.trim().starts_with("\"\"\"") {
            is_told ^= line.matches("\"\"\"").count() == 1;
        } else if is_told {
        } else if let Some(name) = line.strip_suffix(" {") {
            of = name.split(' ').nth(1).unwrap_or(name).to_string();
            fields.insert(of.clone());
        } else if line.starts_with(['\t', ' ']) {
            let name = line.trim().split(['(', ':']).next().unwrap_or_default();
            fields.insert(format!("{of}.{name}"));
        }
    }
    fields
}

/// Programs rely on what is there; the file says what that is.
#[test]
fn the_schema_is_that_of_its_file_and_nothing_of_it_goes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let schema = codex_ledger_server::graphql_schema();
    let known = fs::read_to_string(&path).unwrap_or_default();
    let (was, is) = (fields_of(&known), fields_of(&schema));
    assert!(
        is.contains("Query.sessions")
            && is.contains("Session.id")
            && is.contains("Mutation.redact")
    );
    let gone: Vec<_> = was.difference(&is).collect();
    assert!(
        gone.is_empty(),
        "programs may ask for {gone:?}: keep it, or take it out of {FILE} by hand"
    );
    if variable("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &schema).unwrap();
    } else {
        assert!(
            known == schema,
            "{FILE} is not what the program has: UPDATE_GOLDEN=1 writes it anew"
        );
    }
}

#[test]
fn what_is_asked_is_answered_and_each_change_is_an_entry() {
    let env = TestEnvironment::new();
    let secret = "the Ellery gauge";
    let mut lines = session(1, 2);
    lines
        .extend_from_slice(&prompt_line(&format!("Read {secret} twice <script>alert(1)</script>")));
    env.write(&env.rollout(1), &lines);
    sessions(&env, 2..3);
    let tokens = ["reviewer", "auditor", "viewer"].map(|role| token(&env, role));
    let serving = Serving::start(&env, &[]);
    let [bea, ida, vic] = tokens.each_ref().map(|token| Program::new(&serving, token));
    let id = thread(1);
    let list = "{ sessions { totalCount nodes { id promptCount prompts { nodes { id number text } } } } status { end } }";
    let found = bea.data(list, json!({}));
    assert_eq!(found["sessions"]["totalCount"], "2");
    let all = found["sessions"]["nodes"].as_array().unwrap();
    let own = all.iter().find(|of| of["id"] == id.as_str()).unwrap();
    assert_eq!(own["promptCount"], "3");
    let prompt = &own["prompts"]["nodes"][2];
    assert_eq!(prompt["id"], format!("{id}#3"));
    assert!(
        prompt["text"].as_str().unwrap().contains("<script>alert(1)</script>"),
        "text stays text"
    );
    let of = json!({ "of": [id], "prompt": [format!("{id}#3")] });
    let said = bea.data(
        "mutation($of: [ID!]!, $prompt: [ID!]!) {
            tag(subjects: $of, name: \"gauges\") { seq entryCount before }
            note(subjects: $prompt, text: \"read it\") { seq }
            disposition(subjects: $prompt, value: \"followed\") { seq }
            again: tag(subjects: $of, name: \"gauges\") { seq entryCount }
        }",
        of,
    );
    assert_eq!((&said["tag"]["entryCount"], &said["again"]["seq"]), (&"1".into(), &Value::Null));
    let one = "query($id: ID!) { session(id: $id) {
        session { tags prompts { nodes { disposition notes { text actor } } } }
        items { nodes { kind text } } calls { totalCount } files { totalCount } } }";
    let shown = bea.data(one, json!({ "id": id }));
    assert_eq!(shown["session"]["session"]["tags"], json!(["gauges"]));
    let judged = &shown["session"]["session"]["prompts"]["nodes"][2];
    assert_eq!(judged["disposition"], "followed");
    assert_eq!(judged["notes"], json!([{ "text": "read it", "actor": "reviewer" }]));
    let hide = "mutation($key: String) { redact(input: { literal: \"the Ellery gauge\", reason: \"a name\" }, idempotencyKey: $key) { seq before } }";
    let hidden = bea.data(hide, json!({ "key": "k1" }))["redact"].clone();
    let again = bea.data(hide, json!({ "key": "k1" }))["redact"].clone();
    assert_eq!((&again["seq"], &again["before"]), (&hidden["seq"], &Value::Bool(true)));
    assert_eq!(
        bea.ask(hide, json!({ "key": "k2" })).1["errors"][0]["extensions"]["code"],
        "CONFLICT"
    );
    let other =
        "mutation { tag(subjects: [\"latest\"], name: \"x\", idempotencyKey: \"k1\") { seq } }";
    assert_eq!(bea.refusal(other), "KEY_USED_OTHERWISE");
    let one_of_two = "mutation { a: tag(subjects: [\"latest\"], name: \"a\") { seq } b: tag(subjects: [\"none-of-that-name\"], name: \"b\") { seq } }";
    let (_, partly) = bea.ask(one_of_two, json!({}));
    assert!(partly["data"]["a"]["seq"].is_string() && partly["data"]["b"].is_null(), "{partly}");
    assert_eq!(partly["errors"][0]["path"], json!(["b"]));
    let search = "{ search(query: \"Ellery\") { totalCount nodes { snippet } } }";
    for program in [&bea, &ida, &vic] {
        for query in [list, EVERYTHING, search] {
            let told = program.ask(query, json!({ "id": id })).1;
            assert!(
                told["data"].is_object() && !told["data"].to_string().contains("Ellery"),
                "{told}"
            );
        }
    }
    let redactions =
        "{ redactions { nodes { seq actor reason passageCount } } rules { totalCount } }";
    let row = &bea.data(redactions, json!({}))["redactions"]["nodes"][0];
    assert_eq!(
        (&row["seq"], &row["actor"], &row["passageCount"]),
        (&hidden["seq"], &"reviewer".into(), &"1".into())
    );
    let undo = "mutation($seq: Int64!) { undo(seq: $seq, reason: \"a place\") { seq } }";
    bea.data(undo, json!({ "seq": hidden["seq"] }));
    assert!(bea.data(list, json!({})).to_string().contains("Ellery"));
    let acts = ida.data(
        "{ acts(actor: \"reviewer\") { nodes { kind } } entry(seq: 0) { kind act { actor } } }",
        json!({}),
    );
    let kinds: Vec<&str> = acts["acts"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["undo", "tag", "redaction", "disposition", "note", "tag"],
        "newest first, each once"
    );
    env.audits_clean();
}

#[test]
fn each_field_asks_for_its_right() {
    let env = TestEnvironment::with_session(1);
    let roles = ["viewer", "reviewer", "auditor", "admin"];
    let tokens = roles.map(|role| token(&env, role));
    let serving = Serving::start(&env, &[]);
    let subject = "subjects: [\"none-of-that-name\"]";
    let fields: [(&str, &[&str]); 18] = [
        (
            "{ status { end } sessions { totalCount } tags { totalCount } dispositions { totalCount } tokens { priceDate } }",
            &roles,
        ),
        (
            "{ session(id: \"latest\") { items { totalCount } } search(query: \"tide\") { totalCount } entry(seq: 1) { kind } }",
            &roles,
        ),
        ("{ redactions { totalCount } }", &roles[1..]),
        ("{ rules { totalCount } }", &roles[1..]),
        ("{ notes { totalCount } }", &roles[1..]),
        ("{ sessions { nodes { notes { text } } } }", &roles[1..]),
        ("{ sessions { nodes { prompts { nodes { notes { text } } } } } }", &roles[1..]),
        ("{ acts { totalCount } }", &roles[2..]),
        ("{ entry(seq: 1) { act { actor } } }", &roles[2..]),
        ("{ status { headId } }", &roles[2..]),
        ("{ status { root } }", &roles[2..]),
        (
            "mutation { redact(input: { prompt: \"none#1\", reason: \"r\" }) { seq } }",
            &["reviewer", "admin"],
        ),
        ("mutation { undo(seq: 1, reason: \"r\") { seq } }", &["reviewer", "admin"]),
        ("mutation { tag(SUBJECT, name: \"t\") { seq } }", &["reviewer", "admin"]),
        ("mutation { untag(SUBJECT, name: \"t\") { seq } }", &["reviewer", "admin"]),
        ("mutation { note(SUBJECT, text: \"t\") { seq } }", &["reviewer", "admin"]),
        ("mutation { disposition(SUBJECT, value: \"t\") { seq } }", &["reviewer", "admin"]),
        ("{ __schema { queryType { name } } }", &roles),
    ];
    let viewer = Program::new(&serving, &tokens[0]);
    let (_, partly) = viewer.ask(
        "{ status { end headId } notes { totalCount } sessions { nodes { id notes { text } } } }",
        json!({}),
    );
    assert_eq!(partly["errors"].as_array().unwrap().len(), 3, "{partly}");
    assert!(partly["data"]["status"]["end"].is_string() && partly["data"]["notes"].is_null());
    assert_eq!(partly["data"]["sessions"]["nodes"][0], json!({ "id": thread(1), "notes": null }));
    let before = env.json(["status"])["head"]["size"].clone();
    for (role, token) in roles.iter().zip(&tokens) {
        let program = Program::new(&serving, token);
        for (query, may) in &fields {
            let (_, answer) = program.ask(&query.replace("SUBJECT", subject), json!({}));
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            let is_change = query.starts_with("mutation");
            // Who may is told that there is no such thing.
            let wanted = match (may.contains(role), is_change) {
                (false, _) => Some("FORBIDDEN"),
                (true, true) => Some("NOT_FOUND"),
                (true, false) => None,
            };
            assert_eq!(code, wanted, "{role} {query} {answer}");
        }
    }
    assert_eq!(env.json(["status"])["head"]["size"], before, "nothing was recorded");
}

#[test]
fn a_list_costs_the_same_however_long_it_is() {
    let env = TestEnvironment::new();
    sessions(&env, 1..3);
    let token = token(&env, "admin");
    let serving = Serving::start(&env, &[]);
    let program = Program::new(&serving, &token);
    let query = "query($first: Int) { sessions(first: $first) { nodes { id tags disposition notes { text }
        prompts(first: 5) { nodes { text tags disposition } } children(first: 5) { nodes { id tags children(first: 2) { nodes { id } } } } } }
        session(id: \"latest\") { items { nodes { text } } } }";
    let statements = |first: u64| {
        let (status, answer) = program.ask(query, json!({ "first": first }));
        assert!(status == 200 && answer.get("errors").is_none(), "{answer}");
        let read = answer["data"]["sessions"]["nodes"].as_array().unwrap().len() as u64;
        (read, answer["extensions"]["statements"].as_u64().unwrap())
    };
    statements(1);
    let (one, of_one) = statements(1);
    sessions(&env, 3..40);
    statements(30);
    let (many, of_many) = statements(30);
    assert_eq!((one, many), (1, 30));
    assert_eq!(of_one, of_many);
    assert!(of_one > 5, "{of_one}");
}

#[test]
fn cursors_go_through_a_list_once_and_hold_until_the_ledger_grows() {
    let env = TestEnvironment::new();
    sessions(&env, 1..8);
    let token = token(&env, "viewer");
    let serving = Serving::start(&env, &[]);
    let program = Program::new(&serving, &token);
    let query = "query($after: String) { sessions(first: 3, after: $after) { pageInfo { hasNextPage endCursor } nodes { id } } }";
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = program.data(query, json!({ "after": after }))["sessions"].clone();
        let nodes = page["nodes"].as_array().unwrap();
        ids.extend(nodes.iter().map(|of| of["id"].as_str().unwrap().to_string()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (7, 7));
    let stale = |query: &str, after: &Value| {
        let (_, answer) = program.ask(query, json!({ "after": after }));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "STALE_CURSOR", "{answer}");
    };
    let of_oldest = query.replace("first: 3", "order: OLDEST, first: 3");
    stale(&of_oldest, &after);
    stale(&of_oldest.replace("order: OLDEST", "filter: { tags: [\"x\"] }"), &after);
    for other in ["", "0", "é", "ffffffffffffffff0", "0000000000000000ffffffffffff"] {
        stale(query, &other.into());
    }
    sessions(&env, 8..9);
    stale(query, &after);
    let refused = [
        ("-1", "BAD_USER_INPUT"),
        ("201", "BAD_USER_INPUT"),
        ("2147483647", "GRAPHQL_VALIDATION_FAILED"),
    ];
    for (first, code) in refused {
        let query = format!("{{ sessions(first: {first}) {{ totalCount }} }}");
        assert_eq!(program.refusal(&query), code);
    }
}

//! Hostile text from logs does nothing in any format.

use crate::cli_support::{TestEnvironment, no_escapes, thread};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::{Value, json};

/// Every payload has this word, so that whatever became of it can be found.
const MARK: &str = "PWNED";

const PAYLOADS: [&str; 27] = [
    "</script><script>alert('PWNED')</script>",
    "<img src=x onerror=alert('PWNED')>",
    "\"><svg onload=alert(1)>PWNED",
    "</pre></code></details></main></body></html>PWNED",
    "<!-- PWNED -->",
    "<details open><summary>PWNED</summary>",
    "| PWNED | cell |\n|---|---|\n| `x | y |",
    "\\| PWNED `|` \\\\| x",
    "```\nPWNED\n```",
    "`````text\n# PWNED\n````\n~~~\n`````",
    "    ````````````\n</text>PWNED",
    "[PWNED](javascript:alert(1)) ![PWNED](https://example.com/x.png)",
    "https://example.com/PWNED www.example.com/PWNED pwned@example.com PWNED",
    "<https://example.com/PWNED> @ada #1 PWNED",
    "# PWNED\n\n* * *\n- x\n> y",
    "=cmd|' /C calc'!A0 PWNED",
    "+1+1 PWNED",
    "-1+1 PWNED",
    "@SUM(A1) PWNED",
    "＝1+1 ＋ PWNED",
    "\t=1+1 PWNED",
    "\r=1+1 PWNED",
    "PWNED\";=1+1;\"x\",\"=1+1",
    "\u{1b}[31mPWNED\u{1b}]0;title\u{7}\u{9b}2J",
    "PWNED \u{202e}txt.exe\u{202c} \u{2066}x\u{2069} \u{200f}\u{feff}\u{2028}",
    "PWNED\0after\r\rx\u{8}\u{85}",
    "&lt;script&gt;PWNED&amp;&#60;b&#62;",
];

fn line(kind: &str, payload: Value) -> String {
    let at = "2026-03-01T10:00:01.000Z";
    json!({"timestamp": at, "type": kind, "payload": payload}).to_string() + "\n"
}

/// A session in which everything that a log can name is the payload.
fn session(number: u64, text: &str) -> Vec<u8> {
    let call = |name: &str, arguments: &Value, id: &str| {
        let arguments = arguments.to_string();
        json!({"type": "function_call", "name": name, "arguments": arguments, "call_id": id})
    };
    let message = |role: &str, kind: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
    let plan = json!({"plan": [{"step": text, "status": text}], "explanation": text});
    let patch = format!("*** Begin Patch\n*** Add File: {text}\n+{text}\n*** End Patch");
    let lines = [
        line(
            "session_meta",
            json!({
                "id": thread(number), "timestamp": "2026-03-01T10:00:00.000Z", "cwd": text,
                "originator": text, "cli_version": text, "source": text,
                "git": {"branch": text, "commit_hash": text, "repository_url": text},
            }),
        ),
        line("turn_context", json!({"cwd": text, "model": text, "approval_policy": text})),
        line("event_msg", json!({"type": "user_message", "message": text, "images": []})),
        line("event_msg", json!({"type": "agent_reasoning", "text": text})),
        line("response_item", message("assistant", "output_text")),
        line("response_item", message("developer", "input_text")),
        line("response_item", call("update_plan", &plan, "c1")),
        line(
            "response_item",
            call("shell", &json!({"command": ["bash", "-lc", text], "workdir": text}), "c2"),
        ),
        line(
            "response_item",
            json!({"type": "function_call_output", "call_id": "c2", "output": text}),
        ),
        line("response_item", call(&format!("mcp__{text}__{text}"), &json!({"a": text}), "c3")),
        line("response_item", call(text, &json!({"a": text}), "c4")),
        line(
            "response_item",
            json!({"type": "custom_tool_call", "call_id": "c5", "name": "apply_patch", "input": patch}),
        ),
        line("event_msg", json!({"type": "error", "message": text, "codex_error_info": text})),
        line("event_msg", json!({"type": "turn_aborted", "reason": text})),
        line(text, json!({"type": text})),
        line(
            "event_msg",
            json!({"type": "token_count", "info": {
                "total_token_usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
                "last_token_usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
            }}),
        ),
    ];
    lines.concat().into_bytes()
}

fn environment() -> TestEnvironment {
    environment_of(&PAYLOADS)
}

fn environment_of(payloads: &[&str]) -> TestEnvironment {
    let env = TestEnvironment::new();
    let mut names = String::new();
    for (number, payload) in (1..).zip(payloads) {
        env.write(&env.rollout(number), &session(number, payload));
        let id = thread(number);
        let at = "2026-03-01T10:00:02Z";
        names += &json!({"id": id, "thread_name": payload, "updated_at": at}).to_string();
        names.push('\n');
    }
    env.write(&env.codex().join("session_index.jsonl"), names.as_bytes());
    env.append(&[]);
    let named = "SELECT count(*) FROM session_names WHERE name IS NOT NULL";
    assert_eq!(env.count(named), payloads.len() as i64);
    env
}

const MODES: [&str; 4] = ["prompts", "actions", "tokens", "full"];

#[test]
fn json_has_the_exact_text_and_nothing_that_a_terminal_obeys() {
    let env = environment();
    for mode in MODES {
        let report = env.ok(["report", "--json", "--mode", mode]);
        no_escapes(mode, &report.stdout);
        if mode == "tokens" {
            continue;
        }
        let report = report.json();
        for (session, payload) in report["sessions"].as_array().unwrap().iter().zip(PAYLOADS) {
            let asked = session["prompts"].as_array().unwrap().iter().find(|p| p["number"] == 1);
            assert_eq!(asked.unwrap()["text"], payload);
            assert_eq!(session["cwd"], payload);
        }
    }
}

#[test]
fn html_has_no_element_attribute_or_address_of_theirs() {
    const TAGS: &str = "!doctype html head meta title style body a header h1 h2 h3 p span dl div dt dd \
        section figure figcaption svg g rect ul ol li nav label input button details summary main \
        article pre code time strong em del br blockquote table thead tbody tfoot tr th td footer script";
    const ATTRIBUTES: &str = "lang charset http-equiv content name class href id aria-label \
        aria-labelledby aria-hidden role viewbox preserveaspectratio x y width height for type \
        autocomplete spellcheck hidden tabindex scope data-head html";
    let env = environment();
    for mode in MODES {
        let outcome = env.ok(["report", "--format", "html", "--mode", mode]);
        no_escapes(mode, &outcome.stdout);
        let html = outcome.text();
        assert_eq!(html.matches("<script>").count(), 1, "one script: ours");
        let (page, script) = html.split_once("<script>").unwrap();
        assert!(!script.contains(MARK));
        let style = page.find("<style>").unwrap()..page.find("</style>").unwrap();
        let page = format!("{}{}", &page[..style.start], &page[style.end + 8..]);
        for rest in page.split('<').skip(1) {
            let (tag, _) = rest.split_once('>').expect("every element ends");
            let tag = tag.trim_start_matches('/').to_lowercase();
            let (name, attributes) = tag.split_once(' ').unwrap_or((&tag, ""));
            assert!(TAGS.split_whitespace().any(|known| known == name), "{mode}: <{tag}>");
            // Values stand in double quotes; what is left between them are names.
            for (index, part) in attributes.split('"').enumerate() {
                if index % 2 == 1 {
                    continue;
                }
                for name in part.split_whitespace().map(|name| name.trim_end_matches('=')) {
                    let is_known = ATTRIBUTES.split_whitespace().any(|known| known == name);
                    assert!(is_known || name.is_empty(), "{mode}: {name} in <{tag}>");
                }
            }
            if let Some((_, address)) = tag.split_once("href=\"") {
                assert!(address.starts_with('#'), "{mode}: <{tag}>");
            }
        }
        assert!(mode == "tokens" || page.matches(MARK).count() > PAYLOADS.len());
    }
}

/// Payloads for Markdown alone; `scripts/check-markdown` gives them to real renderers.
fn markdown_payloads() -> Vec<String> {
    serde_json::from_str(include_str!("../../../fixtures/hostile/markdown.json")).unwrap()
}

#[test]
fn markdown_shows_them_as_code_only() {
    let more = markdown_payloads();
    let payloads: Vec<&str> = PAYLOADS.into_iter().chain(more.iter().map(String::as_str)).collect();
    let env = environment_of(&payloads);
    for mode in MODES {
        let outcome = env.ok(["report", "--mode", mode]);
        no_escapes(mode, &outcome.stdout);
        check_markdown(mode, outcome.text(), payloads.len());
        check_bytes(mode, outcome.text());
    }
    let dir = env.work().join("pages");
    env.ok(["report", "--mode", "full", "--publish", dir.to_str().unwrap(), "--quiet"]);
    let mut pages = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            check_bytes(&path.display().to_string(), &std::fs::read_to_string(path).unwrap());
            pages += 1;
        }
    }
    assert_eq!(pages, payloads.len() + 1);
    for title in payloads.iter().filter(|title| !title.contains('\0')) {
        let title = format!("--title={title}");
        let titled = env.ok(["report", &title, "--limit", "1", "--mode", "tokens"]);
        check_bytes("title", titled.text());
        check_markdown("tokens", &titled.text().replace(MARK, "title"), 0);
    }
}

/// What no renderer can obey, however little it knows of Markdown: no bracket or brace that means something comes
/// from a log, be it in a fence, in a span or outside.
fn check_bytes(what: &str, text: &str) {
    const TAGS: [&str; 9] = [
        "<details>\n",
        "</details>\n",
        "<summary>",
        "</summary>\n",
        "</a>\n",
        "<pre>\n",
        "</pre>\n",
        "<code>",
        "</code>",
    ];
    let name = |text: &str, end: &str| {
        let name = text.split(end).next().unwrap_or_default();
        !name.is_empty()
            && name.len() < text.len()
            && name.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-')
    };
    let excerpt = |at: usize| text[at..].chars().take(60).collect::<String>();
    for (at, _) in text.match_indices('<') {
        let rest = &text[at..];
        let is_anchor = rest.strip_prefix("<a id=\"").is_some_and(|rest| name(rest, "\"></a>\n"));
        let is_ours = is_anchor || TAGS.iter().any(|tag| rest.starts_with(tag));
        assert!(is_ours, "{what}: a tag: {}", excerpt(at));
    }
    for (at, _) in text.match_indices(']') {
        let rest = text[at + 1..].trim_start();
        let is_link = text[at..].strip_prefix("](").is_some_and(|rest| {
            rest.strip_prefix('#').is_some_and(|rest| name(rest, ")")) || name(rest, ".md)")
        });
        assert!(is_link || !rest.starts_with(['(', '[', ':']), "{what}: {}", excerpt(at));
    }
    for brace in ["{:", "{{", "{%", "{#", "{."] {
        assert_eq!(text.find(brace).map(excerpt), None, "{what}: {brace}");
    }
}

fn check_markdown(mode: &str, text: &str, payloads: usize) {
    let (mut code, mut blocks, mut anchors) = (false, 0, 0);
    let (mut block, mut span) = (false, false);
    let mut cells = 0;
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => (code, blocks) = (true, blocks + 1),
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(dest_url.starts_with('#'), "{mode}: a link to {dest_url}");
            }
            Event::Start(Tag::Image { dest_url, .. }) => panic!("{mode}: an image {dest_url}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let html = html.trim();
                match html {
                    "<pre>" => (block, blocks) = (true, blocks + 1),
                    "</pre>" => block = false,
                    "<code>" | "</code>" => span = html == "<code>",
                    // Everything that means something in HTML is spelled out.
                    _ if block => assert!(!html.contains(['<', '>']), "{mode}: {html}"),
                    _ => {
                        let known = ["<details>", "</details>", "</a>", ""].contains(&html)
                            || html.starts_with("<a id=\"") && !html.contains(MARK)
                            || html.starts_with("<summary>") && !html.contains(MARK);
                        assert!(known, "{mode}: HTML {html:?}");
                        anchors += usize::from(html.starts_with("<a id"));
                    }
                }
            }
            Event::Text(text) if !code && !span => {
                assert!(!text.contains(MARK), "{mode}: outside of code: {text}");
                for bad in ["://", "www.", "@"] {
                    let is_alone = text.as_ref() == bad;
                    assert!(is_alone || !text.contains(bad), "{mode}: becomes a link: {text}");
                }
            }
            Event::Start(Tag::TableRow) => cells = 0,
            Event::End(TagEnd::TableCell) => cells += 1,
            Event::End(TagEnd::TableRow) => {
                assert!([2, 7].contains(&cells), "{mode}: {cells} cells")
            }
            Event::DisplayMath(text) | Event::InlineMath(text) => panic!("{mode}: math {text}"),
            _ => {}
        }
    }
    assert!(!block && !span && !code, "{mode}: everything ends");
    if mode != "tokens" {
        assert!(blocks >= payloads && anchors > payloads, "{mode}: {blocks} blocks");
    }
}

#[test]
fn csv_has_no_formula_and_only_whole_rows() {
    let env = environment();
    let dir = env.work().join("tables");
    let mut documents = Vec::new();
    for mode in MODES {
        documents.push(env.ok(["report", "--format", "csv", "--mode", mode]).stdout);
    }
    env.ok(["report", "--format", "csv", "--mode", "full", "-o", dir.to_str().unwrap()]);
    for entry in std::fs::read_dir(&dir).unwrap() {
        documents.push(std::fs::read(entry.unwrap().path()).unwrap());
    }
    for document in documents {
        let text = String::from_utf8(document).unwrap();
        assert!(text.ends_with("\r\n"));
        let plain = text.replace("\r\n", "\n");
        no_escapes("csv", plain.as_bytes());
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let width = reader.headers().unwrap().len();
        for row in reader.records() {
            let row = row.expect("a row of the same width");
            assert_eq!(row.len(), width);
            for cell in row.iter().filter(|cell| cell.parse::<f64>().is_err()) {
                let first = cell.chars().next();
                let is_formula = first.is_some_and(|c| "=+-@\t\r\n＝＋－＠".contains(c));
                assert!(!is_formula, "{cell:?}");
            }
        }
    }
}

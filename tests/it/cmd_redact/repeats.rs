//! What repeats a hidden prompt or copies a hidden session is hidden with it, and nothing else is.

use super::evidence::leaks;
use super::{column, configure_rules, hide, shape, text, undo};
use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use std::collections::BTreeSet;

/// A message of a user as the model gets it.
fn message_line(text: &str) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item",
        "payload": {"type": "message", "role": "user",
            "content": [{"type": "input_text", "text": text}]},
    });
    format!("{line}\n").into_bytes()
}

fn history_line(number: u64, text: &str) -> String {
    let line = serde_json::json!({"session_id": thread(number), "ts": 1_772_359_201, "text": text});
    format!("{line}\n")
}

fn name_line(number: u64, name: &str) -> String {
    let at = "2026-03-01T10:00:02.000Z";
    let line = serde_json::json!({"id": thread(number), "thread_name": name, "updated_at": at});
    format!("{line}\n")
}

const LONG: &str = "Print the tide table of the whole month for the harbour office";

/// Two sessions in which the same long and the same short prompt stand.
fn two_sessions() -> TestEnvironment {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    for number in [1, 2] {
        let mut bytes = session(number, 0);
        for prompt in ["yes", LONG, "something else"] {
            bytes.extend(message_line(prompt));
            bytes.extend(prompt_line(prompt));
        }
        env.write(&env.rollout(number), &bytes);
    }
    let lines =
        [1, 2].map(|n| ["yes", LONG, "yes, but"].map(|text| history_line(n, text)).concat());
    env.write(&env.codex().join("history.jsonl"), lines.concat().as_bytes());
    let names = [
        name_line(1, "Print the tide table of…"),
        name_line(2, "Print the tide table"),
        name_line(2, "Something of its own"),
        name_line(1, "yes"),
    ];
    env.write(&env.codex().join("session_index.jsonl"), names.concat().as_bytes());
    env.append(&[]);
    env
}

fn texts(env: &TestEnvironment, table: &str, column_name: &str, number: u64) -> Vec<String> {
    let (id, join) = match table {
        "prompts" => ("s.id", "JOIN sessions s USING (stream)"),
        _ => ("session_id", ""),
    };
    let sql = format!(
        "SELECT t.{column_name} FROM {table} t {join} WHERE {id} = '{}' ORDER BY t.stream, t.line",
        thread(number)
    );
    column(env, &sql)
}

const HIDDEN: &str = "[redacted]";

#[test]
fn a_long_prompt_is_hidden_wherever_it_is_said_again() {
    let env = two_sessions();
    let before = env.digest();
    let redaction = hide(&env, &["--prompt", &format!("{}#2", thread(1))]);
    for number in [1, 2] {
        assert_eq!(texts(&env, "prompts", "text", number), ["yes", HIDDEN, "something else"]);
        assert_eq!(texts(&env, "history_prompts", "text", number), ["yes", HIDDEN, "yes, but"]);
    }
    assert_eq!(texts(&env, "session_names", "name", 1), [HIDDEN, "yes"]);
    let names = texts(&env, "session_names", "name", 2);
    assert_eq!(names[1], "Something of its own");
    assert_eq!(leaks(&env, &[LONG]), BTreeSet::new());
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

#[test]
fn a_short_prompt_is_hidden_where_it_was_asked_only() {
    let env = two_sessions();
    let before = env.digest();
    let redaction = hide(&env, &["--prompt", &format!("{}#1", thread(1))]);
    assert_eq!(texts(&env, "prompts", "text", 1), [HIDDEN, LONG, "something else"]);
    assert_eq!(texts(&env, "history_prompts", "text", 1), [HIDDEN, LONG, "yes, but"]);
    assert_eq!(texts(&env, "session_names", "name", 1), ["Print the tide table of…", HIDDEN]);
    assert_eq!(texts(&env, "prompts", "text", 2), ["yes", LONG, "something else"]);
    assert_eq!(texts(&env, "history_prompts", "text", 2), ["yes", LONG, "yes, but"]);
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// The message form of a prompt, where no event repeats it, and beside one that comes later.
#[test]
fn the_message_form_is_hidden_before_and_after_the_event() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(message_line(LONG));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    hide(&env, &["--prompt", &format!("{}#1", thread(1))]);
    assert_eq!(leaks(&env, &[LONG]), BTreeSet::new());
    env.extend(&env.rollout(1), &prompt_line(LONG));
    env.append(&[]);
    assert_eq!(leaks(&env, &[LONG]), BTreeSet::new());
    assert_eq!(text(&env, "SELECT text FROM prompts"), HIDDEN);
    env.digest();
}

fn copied(env: &TestEnvironment, copied: bool, id: &str) -> Vec<String> {
    let sql = format!(
        "SELECT text FROM prompts JOIN sessions s USING (stream) WHERE copied = {copied} AND s.id = '{id}'
         ORDER BY prompts.line"
    );
    column(env, &sql)
}

/// A shape with a fork: the ids of the session that was forked, and of the fork.
fn family(name: &str) -> (TestEnvironment, String, String) {
    let env = shape(name);
    let parent = text(&env, "SELECT id FROM sessions ORDER BY created_at_ms LIMIT 1");
    let child = text(&env, "SELECT id FROM sessions ORDER BY created_at_ms DESC LIMIT 1");
    (env, parent, child)
}

#[test]
fn a_prompt_is_hidden_in_the_copies_of_its_forks() {
    for name in ["fork_old", "fork_restamped"] {
        let (env, parent, child) = family(name);
        let before = env.digest();
        assert_eq!(copied(&env, true, &child), ["Read the gauge file.", "Plot it."], "{name}");
        // Short: it stands for the prompt in the parent and in what copies the parent, nowhere else.
        let redaction = hide(&env, &["--prompt", &format!("{parent}#2")]);
        assert_eq!(copied(&env, false, &parent), ["Read the gauge file.", HIDDEN], "{name}");
        assert_eq!(copied(&env, true, &child), ["Read the gauge file.", HIDDEN], "{name}");
        assert_eq!(copied(&env, false, &child), ["Plot it in blue instead."], "{name}");
        env.digest();
        undo(&env, redaction);
        assert_eq!(env.digest(), before, "{name}");
    }
}

#[test]
fn a_session_is_hidden_in_the_copies_of_its_forks_but_not_their_own_words() {
    for name in ["fork_old", "fork_restamped"] {
        let (env, parent, child) = family(name);
        let before = env.digest();
        let redaction = hide(&env, &["--session", &parent]);
        assert_eq!(copied(&env, false, &parent), [HIDDEN, HIDDEN], "{name}");
        assert_eq!(copied(&env, true, &child), [HIDDEN, HIDDEN], "{name}");
        assert_eq!(copied(&env, false, &child), ["Plot it in blue instead."], "{name}");
        let gone = ["Read the gauge file.", "cat gauge.csv", "Checking the header"];
        assert_eq!(leaks(&env, &gone), BTreeSet::new(), "{name}");
        let places = column(&env, &format!("SELECT cwd FROM sessions WHERE id = '{child}'"));
        assert_eq!(places, ["/home/ada/tide-tables"], "{name}: the child's own header");
        env.digest();
        undo(&env, redaction);
        assert_eq!(env.digest(), before, "{name}");
        // The child hides what it says itself and what it copied, not the parent's own file.
        let redaction = hide(&env, &["--session", &child]);
        assert_eq!(copied(&env, true, &child), [HIDDEN, HIDDEN], "{name}");
        assert_eq!(copied(&env, false, &child), [HIDDEN], "{name}");
        assert_eq!(copied(&env, false, &parent), ["Read the gauge file.", "Plot it."], "{name}");
        env.digest();
        undo(&env, redaction);
        assert_eq!(env.digest(), before, "{name}");
    }
}

/// The copy ends elsewhere once the parent is there: what is hidden follows.
#[test]
fn a_parent_that_comes_late_changes_what_is_a_copy() {
    for name in ["step_parent_late", "step_parent_late_old"] {
        let env = TestEnvironment::new();
        configure_rules(&env, super::NO_RULES);
        let steps =
            crate::cli_support::fixture_home().parent().unwrap().join("rollouts").join(name);
        let place = |step: &str| {
            for source in crate::cli_support::sources_below(&steps.join(step)) {
                let bytes = std::fs::read(&source.path).unwrap();
                env.write(&env.codex().join(&source.relative), &bytes);
            }
            env.append(&[]);
        };
        place("step1");
        let id = text(&env, "SELECT id FROM sessions");
        hide(&env, &["--session", &id]);
        env.digest();
        place("step2");
        env.digest();
        let parent = text(&env, &format!("SELECT id FROM sessions WHERE id <> '{id}'"));
        let redaction = hide(&env, &["--session", &parent]);
        env.digest();
        undo(&env, redaction);
        env.digest();
    }
}

/// Lines of side files name a session only; what is narrowed to its repository reaches them, whichever came first.
#[test]
fn what_is_narrowed_to_a_repository_reaches_side_files() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let history = [history_line(1, LONG), history_line(2, LONG), history_line(9, LONG)].concat();
    env.write(&env.codex().join("history.jsonl"), history.as_bytes());
    env.write(&env.rollout(1), &session(1, 1));
    env.append(&[]);
    let before = env.digest();
    let seq = hide(&env, &["--literal", "tide table", "--repo", "/home/dev/tides"]);
    let shown =
        |env: &TestEnvironment| column(env, "SELECT text FROM history_prompts ORDER BY line");
    let hidden = |text: &String| !text.contains("tide table");
    assert_eq!(shown(&env).iter().map(hidden).collect::<Vec<_>>(), [true, false, false]);
    // The second session, of the same directory, arrives late.
    env.write(&env.rollout(2), &session(2, 1));
    env.append(&[]);
    assert_eq!(shown(&env).iter().map(hidden).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(env.json(["rebuild-views", "--check"])["matches_live"], true);
    std::fs::remove_file(env.rollout(2)).unwrap();
    undo(&env, seq);
    assert_eq!(shown(&env).iter().filter(|text| hidden(text)).count(), 0);
    assert_ne!(env.digest(), before, "another session is there");
}

fn item_line(payload: &serde_json::Value) -> Vec<u8> {
    let line = serde_json::json!({ "timestamp": "2026-03-01T10:00:02.000Z", "type": "response_item",
        "payload": payload });
    format!("{line}\n").into_bytes()
}

const LINES: &str =
    "Print the tide table of the whole month\nfor the \"harbour\" office, and whistle softly";

/// Another session, in which the prompt is no prompt: handed to an agent, a step of a plan, what a command printed,
/// and with the line ends of another system.
#[test]
fn a_prompt_is_hidden_wherever_it_stands_as_a_whole() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut asked = session(1, 0);
    asked.extend(prompt_line(LINES));
    env.write(&env.rollout(1), &asked);
    let mut bytes = session(2, 0);
    bytes.extend(prompt_line("Let another one do it"));
    let arguments = serde_json::json!({ "agent_type": "worker", "message": LINES,
        "more": serde_json::json!({ "task": LINES }).to_string() });
    bytes.extend(item_line(&serde_json::json!({ "type": "function_call", "name": "spawn_agent",
        "call_id": "c1", "arguments": arguments.to_string() })));
    let plan = serde_json::json!({ "plan": [{ "step": LINES, "status": "pending" }] });
    bytes.extend(item_line(&serde_json::json!({ "type": "function_call", "name": "update_plan",
        "call_id": "c2", "arguments": plan.to_string() })));
    bytes.extend(item_line(&serde_json::json!({ "type": "function_call", "name": "exec_command",
        "call_id": "c3", "arguments": "{\"cmd\":\"cat task\"}" })));
    bytes.extend(item_line(&serde_json::json!({ "type": "function_call_output", "call_id": "c3",
        "output": format!("Process exited with code 0\nOutput:\n{LINES}\n") })));
    env.write(&env.rollout(2), &bytes);
    let mut copy = session(3, 0);
    copy.extend(prompt_line(&format!("  {}\r\n", LINES.replace('\n', "\r\n"))));
    env.write(&env.rollout(3), &copy);
    env.append(&[]);
    env.ok(["note", "add", &thread(2), LINES]);
    let before = env.digest();
    let prompt = format!("{}#1", thread(1));
    let redaction = hide(&env, &["--prompt", &prompt]);
    assert_eq!(leaks(&env, &["harbour", "whole month", "whistle softly"]), BTreeSet::new());
    let shown = text(&env, "SELECT arguments FROM function_calls WHERE name = 'spawn_agent'");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["message"], &shown["agent_type"]), (&HIDDEN.into(), &"worker".into()));
    env.digest();
    env.audits_clean();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
    env.audits_clean();
}

/// A quotation is no repeat: it is told, with what would hide it.
#[test]
fn quotations_of_a_hidden_prompt_are_listed() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line(LONG));
    bytes.extend(prompt_line(&format!("You said: {LONG}. Why?")));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let prompt = format!("{}#1", thread(1));
    let said = env.ok(["redact", "--prompt", &prompt, "--reason", "r"]).text().to_string();
    let seq = super::seq(&env, "SELECT seq FROM prompts WHERE number = 2");
    let command = format!("codex-ledger redact --entry {seq} --reason TEXT");
    assert!(said.contains("quoted and still shown:\n") && said.contains(&command), "{said}");
    hide(&env, &["--entry", &seq.to_string()]);
    let again = super::redact(&env, &["--prompt", &prompt]);
    assert_eq!(again["quotations"], serde_json::json!([]));
}

/// Two records may say the same, of which one is shown: whoever hides the other one is told of that.
#[test]
fn a_record_that_says_the_same_is_told() {
    let twin = || {
        let env = TestEnvironment::new();
        configure_rules(&env, super::NO_RULES);
        let said = serde_json::json!({
            "timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item",
            "payload": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": LONG}]},
        });
        let bytes = [session(1, 0), format!("{said}\n").into_bytes(), prompt_line(LONG)].concat();
        env.write(&env.rollout(1), &bytes);
        env.append(&[]);
        env
    };
    let env = twin();
    let shown = super::seq(&env, "SELECT seq FROM prompts WHERE number = 1");
    let first = super::seq(&env, "SELECT seq FROM events WHERE line = 1");
    let second = super::seq(&env, "SELECT seq FROM events WHERE line = 2");
    let unseen = if shown == first { second } else { first };
    let args = ["redact", "--entry", &unseen.to_string(), "--reason", "r"];
    let said = env.ok(args).text().to_string();
    let prompt: String = env
        .views()
        .query_row("SELECT text FROM prompts WHERE number = 1", [], |row| row.get("text"))
        .unwrap();
    let command = format!("codex-ledger redact --entry {shown} --reason TEXT");
    assert!(prompt.contains(LONG), "{prompt}");
    assert!(said.contains("quoted and still shown:\n") && said.contains(&command), "{said}");
    assert!(!said.contains("nothing of it was still shown"), "{said}");
}

/// The client names a thread by its prompt in one line; another system composes letters otherwise.
#[test]
fn a_name_says_the_prompt_whatever_its_blanks_and_marks() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let asked = "Move the Quasar budget\nto the other café before Friday";
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line(asked));
    env.write(&env.rollout(1), &bytes);
    let names = [
        name_line(1, "Move the Quasar budget to the other café before Friday"),
        name_line(2, "Move the  Quasar budget to the other cafe\u{301} before Friday"),
    ];
    env.write(&env.codex().join("session_index.jsonl"), names.concat().as_bytes());
    env.append(&[]);
    env.ok(["note", "add", &thread(1), "the Gibbon note"]);
    let before = env.digest();
    let redaction = hide(&env, &["--prompt", &format!("{}#1", thread(1))]);
    assert_eq!(leaks(&env, &["Quasar", "budget"]), BTreeSet::new());
    assert!(!env.ok(["sessions"]).text().contains("Quasar"));
    let narrowed = hide(&env, &["--literal", "Gibbon", "--session", &thread(1)]);
    assert!(!env.ok(["note", "list"]).text().contains("Gibbon"), "whose session it is");
    env.digest();
    undo(&env, narrowed);
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// The parent of a hidden session has passed it its task, and got its answer: both are told.
#[test]
fn what_others_say_of_a_hidden_session_is_listed() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut child = session(2, 0);
    child.extend(prompt_line(LONG));
    env.write(&env.rollout(2), &child);
    let mut parent = session(1, 0);
    let arguments = serde_json::json!({"message": format!("Your task: {LONG}")}).to_string();
    let call = serde_json::json!({
        "timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item",
        "payload": {"type": "function_call", "name": "spawn_agent", "call_id": "c1", "arguments": arguments},
    });
    parent.extend(format!("{call}\n").into_bytes());
    env.write(&env.rollout(1), &parent);
    env.append(&[]);
    let done = super::redact(&env, &["--session", &thread(2)]);
    let seq = super::seq(&env, "SELECT seq FROM function_calls");
    let told = serde_json::json!([
        {"session": thread(1), "seq": seq, "field": "function_calls.arguments"}
    ]);
    assert_eq!(done["quotations"], told);
    hide(&env, &["--entry", &seq.to_string()]);
    assert_eq!(leaks(&env, &[LONG]), BTreeSet::new());
}

/// A program prints the prompt in colours, and nothing else.
#[test]
fn a_repeat_in_colours_is_hidden() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line(LONG));
    let output = format!("\u{1b}[1;32m{}\u{1b}[0m{}\u{1b}[K\n", &LONG[..9], &LONG[9..]);
    for payload in [
        serde_json::json!({"type": "function_call", "name": "shell", "call_id": "c1", "arguments": "{}"}),
        serde_json::json!({"type": "function_call_output", "call_id": "c1", "output": output}),
    ] {
        let line = serde_json::json!({
            "timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item", "payload": payload,
        });
        bytes.extend(format!("{line}\n").into_bytes());
    }
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let before = env.digest();
    let redaction = hide(&env, &["--prompt", &format!("{}#1", thread(1))]);
    assert_eq!(leaks(&env, &[LONG, &LONG[9..]]), BTreeSet::new());
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// In another session the same words were typed beside what an editor had open, and in a command.
#[test]
fn a_prompt_is_hidden_behind_what_an_editor_puts_before_it_and_in_commands() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line(LONG));
    env.write(&env.rollout(1), &bytes);
    let mut other = session(2, 0);
    let wrapped = format!(
        "# Context from my IDE setup:\n\n## Active file: tides.py\n\n## My request for Codex:\n{LONG}\n"
    );
    other.extend(prompt_line(&wrapped));
    let arguments = serde_json::json!({"command": ["say", LONG]}).to_string();
    let call = serde_json::json!({
        "timestamp": "2026-03-01T10:00:01.000Z", "type": "response_item",
        "payload": {"type": "function_call", "name": "shell", "call_id": "c1", "arguments": arguments},
    });
    other.extend(format!("{call}\n").into_bytes());
    env.write(&env.rollout(2), &other);
    // Of this command there is no call: only its end tells it.
    let mut third = session(3, 0);
    let end = serde_json::json!({
        "timestamp": "2026-03-01T10:00:01.000Z", "type": "event_msg",
        "payload": {"type": "exec_command_end", "call_id": "c9", "exit_code": 0, "aggregated_output": "",
            "command": ["bash", "-lc", format!("echo so: {LONG} | wc")], "cwd": "/home/dev/tides"},
    });
    third.extend(format!("{end}\n").into_bytes());
    env.write(&env.rollout(3), &third);
    env.append(&[]);
    let shown = text(&env, "SELECT command FROM function_calls WHERE call_id = 'c9'");
    assert!(shown.contains(LONG), "{shown}");
    let before = env.digest();
    let redaction = hide(&env, &["--prompt", &format!("{}#1", thread(1))]);
    assert_eq!(leaks(&env, &[LONG]), BTreeSet::new());
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// What is shown instead of one thing may be hidden later.
#[test]
fn a_replacement_is_hidden_where_it_says_what_is_hidden_later() {
    let env = TestEnvironment::new();
    configure_rules(&env, super::NO_RULES);
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("the walrus and the carpenter"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    hide(&env, &["--literal", "walrus", "--with", "see Zanzibar Koalafish"]);
    let before = env.digest();
    let later = hide(&env, &["--literal", "Zanzibar Koalafish"]);
    assert_eq!(leaks(&env, &["Koalafish"]), BTreeSet::new());
    assert_eq!(text(&env, "SELECT text FROM prompts"), format!("the {HIDDEN} and the carpenter"));
    env.digest();
    undo(&env, later);
    assert_eq!(env.digest(), before);
}

/// Some clients leave out the header of what they copy.
#[test]
fn a_session_is_hidden_in_copies_without_its_header() {
    let (env, parent, child) = family("fork_header_dropped");
    let before = env.digest();
    let shown = copied(&env, true, &child);
    assert!(!shown.is_empty() && !shown.contains(&HIDDEN.to_string()), "{shown:?}");
    let redaction = hide(&env, &["--session", &parent]);
    assert!(copied(&env, true, &child).iter().all(|text| text == HIDDEN));
    assert!(copied(&env, false, &child).iter().all(|text| text != HIDDEN));
    env.digest();
    undo(&env, redaction);
    assert_eq!(env.digest(), before);
}

/// The same of what a rule shows.
#[test]
fn what_a_rule_shows_is_hidden_where_it_says_what_is_hidden_later() {
    let env = TestEnvironment::new();
    let rule = "{id: w, type: literal, pattern: walrus, replacement: 'see Zanzibar Koalafish'}";
    configure_rules(&env, &format!("extends: none\nrules:\n- {rule}\n"));
    let mut bytes = session(1, 0);
    bytes.extend(prompt_line("the walrus and the carpenter"));
    env.write(&env.rollout(1), &bytes);
    env.append(&[]);
    let shown = text(&env, "SELECT text FROM prompts");
    assert_eq!(shown, "the see Zanzibar Koalafish and the carpenter");
    let before = env.digest();
    let later = hide(&env, &["--literal", "Zanzibar Koalafish"]);
    assert_eq!(text(&env, "SELECT text FROM prompts"), format!("the {HIDDEN} and the carpenter"));
    env.digest();
    undo(&env, later);
    assert_eq!(env.digest(), before);
}

//! What holds of the parser of Codex's logs.

use super::touch;
use codex_ledger_rollout::event::{
    CallKind, Event, ItemBody, Message, Part, Role, ToolCall, ToolOutput,
};
use codex_ledger_rollout::{
    self as rollout, Generation, Reason, Record, Understanding, call, output, patch, prompt, side,
    wrapper,
};

/// Names of unknown fields that a record keeps at most.
const UNKNOWN_FIELDS_MAX: usize = 64;
/// Records that one line gives at most.
const PIECES_MAX: usize = 8;
/// How an enveloped record starts.
const RECORD_START: &[u8] = br#"{"timestamp":""#;

/// Reads the bytes as one line of a rollout, of the side files, and as each text that a record may hold.
pub fn line(bytes: &[u8]) {
    let pieces = rollout::pieces(bytes);
    assert!(!pieces.is_empty() && pieces.len() <= PIECES_MAX, "the number of pieces");
    let mut start = 0;
    for (at, (offset, record)) in pieces.iter().enumerate() {
        assert!(*offset >= start, "pieces come in order and do not overlap");
        assert!(at > 0 || *offset == 0, "the first piece is the line");
        let rest = bytes.get(*offset..).expect("a piece starts inside the line");
        if at > 0 {
            assert!(rest.starts_with(RECORD_START), "a piece starts like a record");
            let enveloped = matches!(record.generation, Some(Generation::G2 | Generation::G3));
            assert!(enveloped, "a piece is an enveloped record");
        }
        check_record(rest, record);
        assert!(*record == rollout::parse_line(rest), "a piece reads the same on its own");
        // Only where another record starts inside the rest may a further piece stand.
        start = record.recovered.map_or(usize::MAX, |glued| bytes.len() - glued.len());
    }
    if let Some(at) = rollout::resync(bytes) {
        assert!(at > 0, "the line's own start is none inside it");
        assert!(bytes.get(at..).is_some_and(|rest| rest.starts_with(RECORD_START)), "resync");
    }
    let identity = rollout::identity(bytes);
    let (_, whole) = &pieces[0];
    let is_enveloped = matches!(whole.generation, Some(Generation::G2 | Generation::G3));
    assert!((identity.hash != 0) == is_enveloped, "who has an identity");
    touch(&identity);
    touch(&side::history_line(bytes));
    touch(&side::index_line(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        read_text(text);
    }
}

/// Reads the bytes as a document of the first generation.
pub fn document(bytes: &[u8]) {
    let document = rollout::parse_document(bytes);
    touch(&(rollout::looks_like_document(bytes), &document));
    for problem in &document.problems {
        assert!(problem.offset <= bytes.len(), "a problem lies inside the document");
    }
    assert!(document.session.is_some() || !document.problems.is_empty(), "a silent loss");
    let mut end = 0;
    for item in &document.items {
        assert!(item.offset >= end, "items come in order and do not overlap");
        end = item.offset + item.bytes.len();
        assert!(bytes.get(item.offset..end) == Some(item.bytes), "an item is where it says");
        check_record(item.bytes, &item.record);
        let mut alone = rollout::parse_line(item.bytes);
        alone.generation = alone.generation.map(|_| Generation::G0);
        assert!(item.record == alone, "an item reads like a line");
    }
}

/// Checks a record against the bytes from which it was read, and reads the texts in it.
fn check_record(bytes: &[u8], record: &Record<'_>) {
    touch(record);
    for problem in &record.problems {
        assert!(problem.offset <= bytes.len(), "a problem lies inside the record");
        assert!(problem.message == problem.reason.message(), "a problem has its own sentence");
    }
    assert!(record.unknown_fields.len() <= UNKNOWN_FIELDS_MAX, "unknown fields are bounded");
    let glued = record.problems.iter().find(|problem| problem.reason == Reason::Glued);
    match (glued, record.recovered) {
        (None, None) => {}
        (Some(problem), Some(rest)) => {
            assert!(problem.offset > 0, "what is recovered is shorter than the record");
            let tail = bytes.get(problem.offset..).unwrap_or_default();
            assert!(std::ptr::eq(tail, rest), "what is recovered is the rest of the line");
        }
        _ => panic!("a glued record is a problem, and recovered"),
    }
    if record.understanding == Understanding::Malformed {
        assert!(record.kind == "malformed" && record.generation.is_none(), "malformed: no kind");
        assert!(!record.problems.is_empty(), "malformed: for a reason");
        assert!(record.event == Event::None, "malformed: no meaning");
    } else {
        assert!(record.recovered.is_none(), "only a malformed record leaves a rest");
    }
    read_event(&record.event);
}

/// Reads what stands in strings inside the event.
fn read_event(event: &Event<'_>) {
    assert!(!event.name().is_empty());
    match event {
        Event::Message(message) => read_message(message),
        Event::UserMessage(message) => read_text(&message.message),
        Event::AgentMail(mail) => read_parts(&Role::User, &mail.parts),
        Event::InterAgent(mail) => read_parts(&Role::User, &mail.parts),
        Event::ToolCall(call) => read_call(call),
        Event::ToolOutput(output) => read_output(output),
        Event::TurnContext(context) => touch(&context.canonical()),
        Event::ExecCommandEnd(end) => end.aggregated_output.iter().for_each(|text| outcome(text)),
        Event::McpToolCallEnd(end) => outcome(&end.output),
        Event::DynamicToolCallResponse(end) => outcome(&end.output),
        Event::ItemCompleted(completed) => match &completed.item.body {
            ItemBody::UserMessage(parts) => read_parts(&Role::User, parts),
            ItemBody::AgentMessage(parts, ..) => read_parts(&Role::Assistant, parts),
            ItemBody::FunctionCallOutput(_, text) => outcome(text),
            ItemBody::HookPrompt(texts) => texts.iter().for_each(|text| read_prompt(text)),
            ItemBody::CommandExecution(end) => {
                end.aggregated_output.iter().for_each(|text| outcome(text));
            }
            _ => {}
        },
        _ => {}
    }
}

fn read_message(message: &Message<'_>) {
    assert!(Role::new(message.role.name().into()) == message.role, "a role keeps its name");
    read_parts(&message.role, &message.parts);
}

fn read_parts(role: &Role<'_>, parts: &[Part<'_>]) {
    let kinds = prompt::classify_parts(role, parts);
    assert!(kinds.len() == parts.len(), "every part has its kind");
    touch(&kinds);
    for text in parts.iter().filter_map(Part::text) {
        touch(&prompt::classify(role, text).map(prompt::Injected::name));
        read_prompt(text);
    }
}

fn read_call(call: &ToolCall<'_>) {
    let request = call::read(call);
    touch(&(request.tool.name(), call.kind.name(), &request));
    touch(&call::plan(&call.arguments));
    touch(&call::mcp_name(call.namespace.as_deref(), &call.name));
    request.patch.iter().for_each(|text| read_patch(text));
    request.script.iter().for_each(|text| read_patch(text));
}

fn read_output(tool_output: &ToolOutput<'_>) {
    touch(&output::of(tool_output));
    outcome(&tool_output.output);
}

/// Reads a text as everything that a text inside a record may be.
fn read_text(text: &str) {
    for role in [Role::User, Role::Developer, Role::Assistant] {
        touch(&prompt::classify(&role, text));
    }
    read_prompt(text);
    read_patch(text);
    outcome(text);
    touch(&call::plan(text));
    touch(&call::mcp_name(None, text));
    for kind in [CallKind::Function, CallKind::Custom, CallKind::LocalShell] {
        for name in ["shell", "apply_patch", "write_stdin", "wait", "exec", "web_search"] {
            let call =
                ToolCall { kind, name: name.into(), arguments: text.into(), ..ToolCall::default() };
            let request = call::read(&call);
            touch(&request);
            request.patch.iter().for_each(|text| read_patch(text));
        }
    }
}

fn read_prompt(text: &str) {
    assert!(inside(text, wrapper::typed(text)), "what was typed stands in the prompt");
    if let Some(ide) = wrapper::split_ide(text) {
        let lists = ide.open_tabs.iter().chain(&ide.files).copied();
        let singles = [ide.active_file, ide.selection, ide.request].into_iter().flatten();
        assert!(lists.chain(singles).all(|part| inside(text, part)), "parts of the wrapper");
    }
    if let Some(environment) = prompt::environment(text) {
        let values = [environment.cwd, environment.shell, environment.timezone];
        assert!(values.into_iter().flatten().all(|value| inside(text, value)), "environment");
        touch(&environment);
    }
}

fn read_patch(text: &str) {
    let parsed = patch::parse(text);
    touch(&parsed);
    let lines = text.lines().count() as u64;
    let counted = parsed.files.iter().map(|file| file.added + file.removed).sum::<u64>();
    assert!(counted + parsed.files.len() as u64 <= lines, "a line of a patch counts once");
    if let Some(found) = patch::find(text) {
        assert!(inside(text, found), "a patch stands in its script");
        touch(&patch::parse(found));
    }
    let (added, removed) = patch::count_diff(text);
    assert!(added + removed <= lines, "a line of a diff counts once");
}

/// Reads a text as the output of a tool.
fn outcome(text: &str) {
    let outcome = output::read(text);
    touch(&(outcome.shape.name(), outcome.status.name(), &outcome));
    let body = text.get(outcome.body_offset..).expect("the body starts inside the text");
    let is_rest = outcome.shape == output::Shape::Json || *outcome.body == *body;
    assert!(is_rest, "the body is the rest of the text");
}

/// Whether the part is a piece of the whole, in memory; an empty one may stand anywhere.
fn inside(whole: &str, part: &str) -> bool {
    let (whole, part) = (whole.as_bytes().as_ptr_range(), part.as_bytes().as_ptr_range());
    part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
}

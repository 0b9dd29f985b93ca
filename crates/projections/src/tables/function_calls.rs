//! `function_calls`: every call, joined with its output by call id.

use crate::fold::Fold;
use crate::tables::file_changes;
use codex_ledger_rollout::call::{self, Request, Tool};
use codex_ledger_rollout::event::{
    DynamicToolCallResponse, ExecCommandEnd, ImageGenerationEnd, ItemBody, McpToolCallEnd,
    ToolCall, ToolOutput, WebSearchEnd,
};
use codex_ledger_rollout::output::{self, Outcome, Status};
use codex_ledger_rollout::patch;

const TABLE: &str = "function_calls";
/// What the output of a call says of it.
const OF_OUTPUT: [&str; 8] = [
    "output_line",
    "output_at_ms",
    "output",
    "output_bytes",
    "exit_code",
    "duration_ms",
    "status",
    "process",
];
const JOIN: &str =
    "UPDATE function_calls SET output_line = :output_line, output_at_ms = :output_at_ms, output = :output, output_bytes = :output_bytes,
    exit_code = CASE :status WHEN 'aborted' THEN NULL ELSE coalesce(exit_code, :exit_code) END,
    duration_ms = coalesce(duration_ms, :duration_ms),
    status = CASE :status WHEN 'aborted' THEN :status ELSE coalesce(status, :status) END, process = :process
    WHERE stream = :stream AND call_id = :call_id AND output_line IS NULL";
const END: &str = "UPDATE function_calls SET exit_code = coalesce(:exit_code, exit_code),
    duration_ms = coalesce(:duration_ms, duration_ms), status = coalesce(:status, status)
    WHERE stream = :stream AND call_id = :call_id AND status IS NOT 'aborted'";
const PROCESS_END: &str = "UPDATE function_calls SET exit_code = :exit_code, status = :status
    WHERE stream = :stream AND process = :process AND status = 'running' AND tool = :tool";
const TAKE_BACK: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND line = :line AND part = :part
        AND field LIKE 'function_calls.%'",
    "DELETE FROM function_calls WHERE stream = :stream AND line = :line AND part = :part AND item = 0",
];
const INSERT_ITEM: &str = "INSERT INTO function_calls (stream, line, part, item, seq, at_ms, turn_id, call_id, kind, tool,
    name, mcp_server, mcp_tool, command, workdir, arguments, files, output_line, output, output_bytes,
    exit_code, duration_ms, status, copied)
    SELECT :stream, :line, :part, :item, :seq, :at_ms, :turn_id, :call_id, 'item', :tool,
    :name, :mcp_server, :mcp_tool, :command, :workdir, :arguments, 0, :line, :output, :output_bytes,
    :exit_code, :duration_ms, :status, :copied
    WHERE NOT EXISTS (SELECT 1 FROM function_calls WHERE stream = :stream AND call_id = :call_id)";

pub(crate) fn call(fold: &mut Fold<'_>, call: &ToolCall<'_>) {
    let request = call::read(call);
    let call_id = call.call_id.as_deref().or(call.item_id.as_deref());
    remember_follow_up(fold, call_id, &request);
    match request.tool {
        Tool::Shell => request.command.iter().for_each(|it| fold.state.remember_command(it)),
        Tool::WebSearch => {
            let sought = command(&request).unwrap_or_default();
            match fold.state.take_search(sought) {
                // An earlier file of the thread has told the call.
                Some(None) => return,
                Some(Some(row)) => take_back(fold, row),
                None => fold.state.remember_command(sought),
            }
        }
        _ => {}
    }
    let files = request.patch.as_deref().map(patch::parse).unwrap_or_default().files;
    let turn = fold.turn(call.turn_id.as_deref());
    let row = fold
        .row_at(TABLE, 0, 20)
        .said_by("assistant")
        .id("turn_id", turn)
        .id("call_id", call_id)
        .word("kind", call.kind.name())
        .word("tool", request.tool.name())
        .label("namespace", call.namespace.as_deref())
        .label("name", Some(&call.name))
        .label("mcp_server", request.mcp.as_ref().map(|mcp| &mcp.server))
        .label("mcp_tool", request.mcp.as_ref().map(|mcp| &mcp.tool))
        .text("command", command(&request).filter(|command| *command != call.arguments))
        .text("workdir", request.workdir.as_deref())
        .text("justification", request.justification.as_deref())
        .text("arguments", Some(&call.arguments))
        .number("files", files.len() as u64)
        .number("copied", fold.copy_flag());
    fold.push(row.insert_without(&OF_OUTPUT));
    let script = request.command.as_deref().unwrap_or_default();
    let is_alone = request.tool == Tool::ApplyPatch || patch::is_alone(script);
    file_changes::called(fold, call_id, &files, is_alone);
}

/// What the call asks for, in one text.
fn command<'a>(request: &'a Request<'_>) -> Option<&'a str> {
    let texts = [&request.command, &request.script, &request.stdin, &request.path, &request.query];
    texts.into_iter().find_map(|text| text.as_deref())
}

pub(crate) fn output(fold: &mut Fold<'_>, output: &ToolOutput<'_>) {
    let Some(call_id) = output.call_id.as_deref() else {
        return;
    };
    let outcome = output::of(output);
    let cell = outcome.cell_id.as_deref().and_then(|cell| cell.parse().ok());
    let at = fold.at;
    let row = fold
        .row(TABLE, 10)
        .said_by("tool")
        .stream(at.stream)
        .id("call_id", Some(call_id))
        .number("output_line", at.line)
        .int("output_at_ms", at.at_ms)
        .text("output", Some(&outcome.body))
        .number("output_bytes", output.output.len() as u64)
        .int("exit_code", outcome.exit_code)
        .int("duration_ms", outcome.duration_ms)
        .word("status", outcome.status.name())
        .int("process", outcome.session_id.or(cell));
    fold.push(row.write(JOIN));
    file_changes::ended(fold, call_id, outcome.status);
    process_ended(fold, call_id, &outcome);
}

/// Calls that go on with what an earlier call left running.
fn remember_follow_up(fold: &mut Fold<'_>, call_id: Option<&str>, request: &Request<'_>) {
    let cell = request.cell_id.as_deref().and_then(|cell| cell.parse().ok());
    let followed = match request.tool {
        Tool::WriteStdin => request.session_id.map(|process| (process, false)),
        Tool::ScriptWait => cell.map(|cell: i64| (cell, true)),
        _ => None,
    };
    if let (Some(id), Some((process, is_cell))) = (call_id, followed) {
        fold.state.remember_follow_up(id, process, is_cell);
    }
}

/// The output of such a call may tell the end of the process or script.
fn process_ended(fold: &mut Fold<'_>, call_id: &str, outcome: &Outcome<'_>) {
    let Some((process, is_cell)) = fold.state.follow_up(call_id) else { return };
    let has_ended = match outcome.status {
        Status::Running => false,
        Status::Ok | Status::Failed => true,
        _ => outcome.exit_code.is_some(),
    };
    if has_ended && (is_cell || outcome.exit_code.is_some()) {
        let row = fold
            .row(TABLE, 5)
            .stream(fold.at.stream)
            .int("process", Some(process))
            .int("exit_code", outcome.exit_code)
            .word("status", outcome.status.name())
            .word("tool", if is_cell { Tool::Script.name() } else { Tool::Shell.name() });
        fold.push(row.write(PROCESS_END));
    }
}

pub(crate) fn command_end(fold: &mut Fold<'_>, end: &ExecCommandEnd<'_>) {
    let Some(call_id) = end.call_id.as_deref() else {
        return;
    };
    ended(fold, call_id, end.exit_code, end.duration_ms, command_status(end));
}

pub(crate) fn mcp_end(fold: &mut Fold<'_>, end: &McpToolCallEnd<'_>) {
    let Some(call_id) = end.call_id.as_deref() else {
        return;
    };
    ended(fold, call_id, None, end.duration_ms, success_status(end.success));
}

fn ended(
    fold: &mut Fold<'_>,
    call_id: &str,
    exit_code: Option<i64>,
    duration_ms: Option<i64>,
    status: Option<&'static str>,
) {
    let row = fold
        .row(TABLE, 5)
        .stream(fold.at.stream)
        .id("call_id", Some(call_id))
        .int("exit_code", exit_code)
        .int("duration_ms", duration_ms)
        .word_or_null("status", status);
    fold.push(row.write(END));
}

/// One that a person or a policy has refused did not run, and has no exit code; nor has one that was given up,
/// of which the client says only that it failed.
fn command_status(end: &ExecCommandEnd<'_>) -> Option<&'static str> {
    let of_code = |code| if code == 0 { Status::Ok } else { Status::Failed };
    let status = match end.status.as_deref() {
        Some("declined") => Some(Status::Rejected),
        Some("failed") if end.exit_code.is_none() => Some(Status::Failed),
        _ => end.exit_code.map(of_code),
    };
    status.map(|status| status.name())
}

fn success_status(success: Option<bool>) -> Option<&'static str> {
    success.map(|ok| if ok { Status::Ok.name() } else { Status::Failed.name() })
}

/// A command of a paginated file: enriches its call, or stands for it.
pub(crate) fn command_item(
    fold: &mut Fold<'_>,
    end: &ExecCommandEnd<'_>,
    id: Option<&str>,
    turn: Option<String>,
) {
    let Some(call_id) = end.call_id.as_deref().or(id) else {
        return;
    };
    ended(fold, call_id, end.exit_code, end.duration_ms, command_status(end));
    let command = end.command.join(" ");
    // The item repeats a call under an id of its own.
    let script = end.command.last().map_or("", |script| script);
    if fold.state.take_command(&command) || fold.state.take_command(script) {
        return;
    }
    let output = end.aggregated_output.as_deref().or(end.stdout.as_deref()).unwrap_or_default();
    let call = ItemCall {
        name: "command_execution",
        command: Some(&command),
        workdir: end.cwd.as_deref(),
        output,
        exit_code: end.exit_code,
        duration_ms: end.duration_ms,
        status: command_status(end),
        ..ItemCall::new(Tool::Shell, call_id)
    };
    insert_item(fold, &call, turn);
}

/// An MCP call of a paginated file: enriches its call, or stands for it.
pub(crate) fn mcp_item(
    fold: &mut Fold<'_>,
    end: &McpToolCallEnd<'_>,
    id: Option<&str>,
    turn: Option<String>,
) {
    let Some(call_id) = end.call_id.as_deref().or(id) else {
        return;
    };
    let call = ItemCall {
        name: "mcp_tool_call",
        server: end.server.as_deref(),
        tool_name: end.tool.as_deref(),
        arguments: end.arguments.unwrap_or_default(),
        output: end.error.as_deref().unwrap_or(&end.output),
        duration_ms: end.duration_ms,
        status: success_status(end.success),
        ..ItemCall::new(Tool::Mcp, call_id)
    };
    ended_item(fold, &call, turn);
}

/// A call of a tool that the client brought along.
pub(crate) fn dynamic(
    fold: &mut Fold<'_>,
    end: &DynamicToolCallResponse<'_>,
    turn: Option<String>,
) {
    let Some(call_id) = end.call_id.as_deref() else { return };
    let call = ItemCall {
        name: "dynamic_tool_call",
        server: end.namespace.as_deref(),
        tool_name: end.tool.as_deref(),
        arguments: end.arguments.unwrap_or_default(),
        output: end.error.as_deref().unwrap_or(&end.output),
        duration_ms: end.duration_ms,
        status: success_status(end.success),
        ..ItemCall::new(Tool::Other, call_id)
    };
    ended_item(fold, &call, turn);
}

/// Enriches the call that an item tells the end of, or stands for it.
fn ended_item(fold: &mut Fold<'_>, call: &ItemCall<'_>, turn: Option<String>) {
    ended(fold, call.call_id, call.exit_code, call.duration_ms, call.status);
    insert_item(fold, call, turn);
}

/// An item of a paginated file that no response item may say: a search, an image, a request to another agent, an output.
pub(crate) fn other_item(fold: &mut Fold<'_>, body: &ItemBody<'_>, turn: Option<String>) {
    let ok = Some(Status::Ok.name());
    let call = match body {
        ItemBody::WebSearch(end) => return search(fold, end, turn),
        ItemBody::ImageView(end) => {
            let call = ItemCall::new(Tool::ViewImage, end.call_id.as_deref().unwrap_or_default());
            ItemCall { name: "view_image", command: end.path.as_deref(), status: ok, ..call }
        }
        ItemBody::CollabAgentToolCall(asked) => ItemCall {
            name: "agent_call",
            tool_name: asked.tool.as_deref(),
            command: asked.prompt.as_deref(),
            status: ok,
            ..ItemCall::new(Tool::Agents, asked.call_id.as_deref().unwrap_or_default())
        },
        ItemBody::FunctionCallOutput(call_id, output) => ItemCall {
            name: "function_call_output",
            output,
            status: ok,
            ..ItemCall::new(Tool::Other, call_id.as_deref().unwrap_or_default())
        },
        _ => return,
    };
    insert_item(fold, &call, turn);
}

/// A search that the client tells of. The model's own call tells it too, before or behind, and alone tells what else it
/// did.
pub(crate) fn search(fold: &mut Fold<'_>, end: &WebSearchEnd<'_>, turn: Option<String>) {
    let query = end.query.as_deref().filter(|query| !query.is_empty());
    let Some(query) = query.or(end.url.as_deref()) else { return };
    if fold.state.take_command(query) {
        return;
    }
    let call = ItemCall::new(Tool::WebSearch, end.call_id.as_deref().unwrap_or_default());
    let status = Some(Status::Ok.name());
    let call = ItemCall { name: "web_search", command: Some(query), status, ..call };
    let is_new = insert_item(fold, &call, turn);
    fold.state.remember_search(query, is_new.then_some((fold.at.line, fold.at.part)));
}

/// Takes back what an item has told: the model's call tells more.
fn take_back(fold: &mut Fold<'_>, (line, part): (u64, u64)) {
    if let Some(telling) = &mut fold.telling {
        telling.drop_row(TABLE, line, part, 0);
    }
    for sql in TAKE_BACK {
        let row = fold.row(TABLE, 3).stream(fold.at.stream);
        fold.push(row.number("line", line).number("part", part).write(sql));
    }
}

/// An image that was made, by what the service was asked for in the end.
pub(crate) fn image(fold: &mut Fold<'_>, end: &ImageGenerationEnd<'_>, turn: Option<String>) {
    let has_failed = end.status.as_deref() == Some("failed");
    let call = ItemCall {
        name: "image_generation",
        command: end.revised_prompt.as_deref(),
        output: end.saved_path.as_deref().unwrap_or_default(),
        status: success_status(Some(!has_failed)),
        ..ItemCall::new(Tool::ImageGeneration, end.call_id.as_deref().unwrap_or_default())
    };
    insert_item(fold, &call, turn);
}

/// A call that the client tells of when it has ended, and perhaps nothing else.
struct ItemCall<'a> {
    tool: Tool,
    call_id: &'a str,
    name: &'static str,
    server: Option<&'a str>,
    tool_name: Option<&'a str>,
    command: Option<&'a str>,
    workdir: Option<&'a str>,
    arguments: &'a str,
    output: &'a str,
    exit_code: Option<i64>,
    duration_ms: Option<i64>,
    status: Option<&'static str>,
}

impl<'a> ItemCall<'a> {
    fn new(tool: Tool, call_id: &'a str) -> ItemCall<'a> {
        let (server, tool_name, command, workdir) = (None, None, None, None);
        let (exit_code, duration_ms, status) = (None, None, None);
        let (name, arguments, output) = ("", "", "");
        ItemCall {
            tool,
            call_id,
            name,
            server,
            tool_name,
            command,
            workdir,
            arguments,
            output,
            exit_code,
            duration_ms,
            status,
        }
    }
}

/// Adds a row, unless the call itself has one; says whether no earlier file has told it.
fn insert_item(fold: &mut Fold<'_>, call: &ItemCall<'_>, turn: Option<String>) -> bool {
    let row = fold
        .row_at(TABLE, 0, 21)
        .said_by("tool")
        .id("turn_id", turn)
        .id("call_id", Some(call.call_id).filter(|id| !id.is_empty()))
        .word("tool", call.tool.name())
        .word("name", call.name)
        .label("mcp_server", call.server)
        .label("mcp_tool", call.tool_name)
        .text("command", call.command)
        .text("workdir", call.workdir)
        .text("arguments", Some(call.arguments))
        .text("output", Some(call.output))
        .number("output_bytes", call.output.len() as u64)
        .int("exit_code", call.exit_code)
        .int("duration_ms", call.duration_ms)
        .word_or_null("status", call.status)
        .number("copied", fold.copy_flag());
    let row = row.insert_by(INSERT_ITEM);
    let told = fold.told(&row);
    fold.push_unless(told, row);
    told.is_none()
}

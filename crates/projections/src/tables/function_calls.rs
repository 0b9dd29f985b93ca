//! `function_calls`: every call, joined with its output by call id.

use crate::fold::Fold;
use crate::tables::file_changes;
use codex_ledger_rollout::call::{self, Request, Tool};
use codex_ledger_rollout::event::{ExecCommandEnd, McpToolCallEnd, ToolCall, ToolOutput};
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
    if let (Tool::Shell, Some(command)) = (request.tool, request.command.as_deref()) {
        fold.state.remember_command(command);
    }
    let files = request.patch.as_deref().map(patch::parse).unwrap_or_default().files;
    let turn = fold.turn(call.turn_id.as_deref());
    let row = fold
        .row_at(TABLE, 0, 20)
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
    let row = fold
        .row_at(TABLE, 0, 21)
        .id("turn_id", turn)
        .id("call_id", Some(call_id))
        .word("tool", Tool::Shell.name())
        .word("name", "command_execution")
        .word_or_null("mcp_server", None)
        .word_or_null("mcp_tool", None)
        .text("command", Some(command))
        .text("workdir", end.cwd.as_deref())
        .word("arguments", "")
        .text("output", Some(output))
        .number("output_bytes", output.len() as u64)
        .int("exit_code", end.exit_code)
        .int("duration_ms", end.duration_ms)
        .word_or_null("status", command_status(end))
        .number("copied", fold.copy_flag());
    fold.push(row.insert_by(INSERT_ITEM));
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
    ended(fold, call_id, None, end.duration_ms, success_status(end.success));
    let output = end.error.as_deref().unwrap_or(&end.output);
    let row = fold
        .row_at(TABLE, 0, 21)
        .id("turn_id", turn)
        .id("call_id", Some(call_id))
        .word("tool", Tool::Mcp.name())
        .word("name", "mcp_tool_call")
        .label("mcp_server", end.server.as_deref())
        .label("mcp_tool", end.tool.as_deref())
        .word_or_null("command", None)
        .word_or_null("workdir", None)
        .text("arguments", Some(end.arguments.unwrap_or_default()))
        .text("output", Some(output))
        .number("output_bytes", output.len() as u64)
        .int("exit_code", None)
        .int("duration_ms", end.duration_ms)
        .word_or_null("status", success_status(end.success))
        .number("copied", fold.copy_flag());
    fold.push(row.insert_by(INSERT_ITEM));
}

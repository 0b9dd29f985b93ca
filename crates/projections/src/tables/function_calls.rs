//! `function_calls`: every call, joined with its output by call id.
//!
//! What the client says of a call when it has ended, `ended_calls.rs` reads.

use crate::fold::Fold;
use crate::tables::{ended_calls, file_changes, remarks, script_calls};
use codex_ledger_rollout::call::{self, Request, Tool};
use codex_ledger_rollout::event::{CallKind, ToolCall, ToolOutput};
use codex_ledger_rollout::output::{self, Outcome, Status};
use codex_ledger_rollout::patch;

const TABLE: &str = "function_calls";
/// What the output of a call says of it.
pub(super) const OF_OUTPUT: [&str; 8] = [
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
const PROCESS_END: &str = "UPDATE function_calls SET exit_code = :exit_code, status = :status
    WHERE stream = :stream AND process = :process AND status = 'running' AND tool = :tool";
/// The output record comes after what the client has said of the same output.
const FORGET_TOLD: &str =
    "DELETE FROM redaction_hits WHERE stream = :stream AND line = :line AND part = :part
    AND field = 'function_calls.output'";

pub(crate) fn call(fold: &mut Fold<'_>, call: &ToolCall<'_>) {
    let request = call::read(call);
    let call_id = call.call_id.as_deref().or(call.item_id.as_deref());
    remember_follow_up(fold, call_id, &request);
    let sought = command(&request).filter(|_| request.tool == Tool::WebSearch);
    let searched = sought.and_then(|sought| fold.state.take_search(sought));
    if searched == Some(None) {
        // An earlier file of the thread has told the call.
        return;
    }
    let files = request.patch.as_deref().map(patch::parse).unwrap_or_default().files;
    let turn = fold.turn(call.turn_id.as_deref());
    let turn_of_script = turn.clone().filter(|_| request.script.is_some());
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
    let row = row.insert_without(&OF_OUTPUT);
    let told = fold.told(&row);
    fold.push_unless(told, row);
    let place = told.map_or((fold.at.line, fold.at.part), |told| (told.line, told.part));
    match searched.flatten() {
        Some(item) => ended_calls::take_over(fold, item, place),
        None => waits(fold, call, &request, place),
    }
    if let Some(script) = request.script.as_deref() {
        script_calls::called(fold, script, call_id, place, turn_of_script);
    }
    let script = request.command.as_deref().unwrap_or_default();
    let is_alone = request.tool == Tool::ApplyPatch || patch::is_alone(script);
    let patch = request.patch.as_deref().unwrap_or_default();
    file_changes::called(fold, call_id, (patch, &files), is_alone);
}

/// Remembers a call whose end is still to be told: by its id, or by its words where it has none.
fn waits(fold: &mut Fold<'_>, call: &ToolCall<'_>, request: &Request<'_>, place: (u64, u64)) {
    let id = call.call_id.as_deref().or(call.item_id.as_deref());
    match (call.kind, id) {
        (CallKind::WebSearch | CallKind::ImageGeneration, _) => {}
        (_, Some(id)) => fold.state.remember_call(id),
        _ => {}
    }
    let is_nameless = call.kind == CallKind::LocalShell && call.call_id.is_none();
    if is_nameless || request.tool == Tool::WebSearch {
        let (line, part) = place;
        fold.state.remember_command(command(request).unwrap_or_default(), (line, part, 0));
    }
}

/// What the call asks for, in one text.
pub(super) fn command<'a>(request: &'a Request<'_>) -> Option<&'a str> {
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
    match fold.state.output_came(call_id) {
        Some(Some((line, part))) => {
            let row = fold.row(TABLE, 3).stream(at.stream);
            fold.push(row.number("line", line).number("part", part).write(FORGET_TOLD));
        }
        Some(None) => {}
        None => remarks::output_alone(fold, call_id, &outcome.body),
    }
    file_changes::ended(fold, call_id, outcome.status);
    process_ended(fold, call_id, &outcome);
    let printed = output.printed.iter().map(|text| &**text);
    script_calls::printed(fold, call_id, printed, &outcome);
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
    match fold.state.follow_up(call_id) {
        Some((process, false)) => process_is_done(fold, process, outcome),
        Some((cell, true)) if matches!(outcome.status, Status::Ok | Status::Failed) => {
            end_process(fold, Tool::Script, cell, outcome);
        }
        Some((cell, true)) if outcome.status != Status::Running && outcome.exit_code.is_some() => {
            end_process(fold, Tool::Script, cell, outcome);
        }
        _ => {}
    }
}

/// What went on with a process may have seen its end.
pub(super) fn process_is_done(fold: &mut Fold<'_>, process: i64, outcome: &Outcome<'_>) {
    if outcome.status != Status::Running && outcome.exit_code.is_some() {
        end_process(fold, Tool::Shell, process, outcome);
    }
}

fn end_process(fold: &mut Fold<'_>, tool: Tool, process: i64, outcome: &Outcome<'_>) {
    let row = fold
        .row(TABLE, 5)
        .stream(fold.at.stream)
        .int("process", Some(process))
        .int("exit_code", outcome.exit_code)
        .word("status", outcome.status.name())
        .word("tool", tool.name());
    fold.push(row.write(PROCESS_END));
}

//! Rows of `function_calls` from what the client says when a call has ended.
//!
//! It enriches the row of the call. Where the file has no such call, as of a script's own calls, it is all that is
//! known, and gets a row. Older clients say it in events, newer ones in items.

use crate::fold::Fold;
use crate::state::CallPlace;
use crate::tables::script_calls;
use codex_ledger_rollout::call::Tool;
use codex_ledger_rollout::event::{
    Collab, DynamicToolCallResponse, ExecCommandEnd, ImageGenerationEnd, ItemBody, McpToolCallEnd,
    PatchApplyEnd, ViewImage, WebSearchEnd,
};
use codex_ledger_rollout::output::Status;

const TABLE: &str = "function_calls";
/// The output record, which comes later if it comes at all, is the better one: it takes the place of this output.
const END: &str = "UPDATE function_calls SET exit_code = coalesce(:exit_code, exit_code),
    duration_ms = coalesce(:duration_ms, duration_ms), status = coalesce(:status, status),
    workdir = coalesce(workdir, :workdir), output_at_ms = coalesce(output_at_ms, :output_at_ms),
    output = coalesce(output, :output), output_bytes = coalesce(output_bytes, :output_bytes)
    WHERE stream = :stream AND call_id = :call_id AND status IS NOT 'aborted'";
/// The same of a call without an id, by its place: here its own record is the better one. A script's call gets the id
/// that the client knows it by.
const END_AT: &str = "UPDATE function_calls SET exit_code = coalesce(exit_code, :exit_code),
    call_id = CASE kind WHEN 'script' THEN :call_id ELSE call_id END,
    kind = CASE kind WHEN 'script' THEN 'item' ELSE kind END,
    duration_ms = coalesce(duration_ms, :duration_ms), status = coalesce(status, :status),
    workdir = coalesce(workdir, :workdir), output_at_ms = coalesce(output_at_ms, :output_at_ms),
    output = coalesce(output, :output), output_bytes = coalesce(output_bytes, :output_bytes)
    WHERE stream = :stream AND line = :line AND part = :part AND item = :item";
/// What was run, where a script's text tells it only in part.
const RAN: &str = "UPDATE function_calls SET command = :command
    WHERE stream = :stream AND line = :line AND part = :part AND item = :item AND command LIKE '%${%'";
const TAKE_OVER: &str = "UPDATE function_calls SET status = coalesce(function_calls.status, i.status),
    output = coalesce(function_calls.output, i.output),
    output_bytes = coalesce(function_calls.output_bytes, i.output_bytes)
    FROM function_calls AS i
    WHERE function_calls.stream = :stream AND function_calls.line = :line AND function_calls.part = :part
    AND function_calls.item = 0
    AND i.stream = :stream AND i.line = :item_line AND i.part = :item_part AND i.item = 0";
/// The output has a new place, and what is hidden in it is hidden still.
const TAKE_BACK: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND line = :line AND part = :part
        AND field LIKE 'function_calls.%' AND field <> 'function_calls.output'",
    "DELETE FROM function_calls WHERE stream = :stream AND line = :line AND part = :part AND item = 0",
];
const PATCHED: &str = "UPDATE function_calls SET status = 'ok'
    WHERE stream = :stream AND call_id = :call_id AND kind = 'item' AND tool = 'apply_patch'";
const INSERT_ITEM: &str = "INSERT INTO function_calls (stream, line, part, item, seq, at_ms, turn_id, call_id, kind, tool,
    name, mcp_server, mcp_tool, command, workdir, arguments, files, output_line, output_at_ms, output,
    output_bytes, exit_code, duration_ms, status, copied)
    SELECT :stream, :line, :part, :item, :seq, :at_ms, :turn_id, :call_id, 'item', :tool,
    :name, :mcp_server, :mcp_tool, :command, :workdir, :arguments, 0, :line, :at_ms, :output,
    :output_bytes, :exit_code, :duration_ms, :status, :copied
    WHERE NOT EXISTS (SELECT 1 FROM function_calls WHERE stream = :stream AND call_id = :call_id)";

/// A call that the client tells of when it has ended, and perhaps nothing else.
#[derive(Default)]
struct Ended<'a> {
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

/// A command: by its call's id. A call of older clients has none, and is known by what it runs.
pub(crate) fn command(fold: &mut Fold<'_>, end: &ExecCommandEnd<'_>, turn: Option<String>) {
    let Some(call_id) = end.call_id.as_deref() else { return };
    let command = end.command.join(" ");
    let output = end.output();
    let status = command_status(end);
    let call = Ended {
        tool: Tool::Shell,
        call_id,
        name: "command_execution",
        command: Some(&command),
        workdir: end.cwd.as_deref(),
        output: &output,
        exit_code: end.exit_code.filter(|_| status != Some(Status::Rejected.name())),
        duration_ms: end.duration_ms,
        status,
        ..Ended::default()
    };
    if ended(fold, &call) {
        return;
    }
    let script = end.command.last().map_or("", |script| script);
    match script_calls::command(fold, [&command, script]) {
        Some(place) => {
            ended_at(fold, &call, place);
            ran(fold, script, place);
        }
        None => drop(insert(fold, &call, turn)),
    }
}

/// A template in a script becomes what it was when it was run.
fn ran(fold: &mut Fold<'_>, command: &str, (line, part, item): CallPlace) {
    if item > 0 {
        let row = fold.row(TABLE, 5).said_by("assistant").stream(fold.at.stream);
        let row = row.number("line", line).number("part", part).number("item", item);
        fold.push(row.text("command", Some(command)).write(RAN));
    }
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

/// A call of an MCP tool.
pub(crate) fn mcp(fold: &mut Fold<'_>, end: &McpToolCallEnd<'_>, turn: Option<String>) {
    let Some(call_id) = end.call_id.as_deref() else { return };
    let call = Ended {
        tool: Tool::Mcp,
        call_id,
        name: "mcp_tool_call",
        server: end.server.as_deref(),
        tool_name: end.tool.as_deref(),
        arguments: end.arguments.unwrap_or_default(),
        output: end.error.as_deref().unwrap_or(&end.output),
        duration_ms: end.duration_ms,
        status: success_status(end.success),
        ..Ended::default()
    };
    let place = script_calls::tool(fold, &[Some("mcp"), call.server, call.tool_name]);
    told(fold, &call, turn, place);
}

/// A call of a tool that the client brought along.
pub(crate) fn dynamic(
    fold: &mut Fold<'_>,
    end: &DynamicToolCallResponse<'_>,
    turn: Option<String>,
) {
    let Some(call_id) = end.call_id.as_deref() else { return };
    let call = Ended {
        call_id,
        name: "dynamic_tool_call",
        server: end.namespace.as_deref(),
        tool_name: end.tool.as_deref(),
        arguments: end.arguments.unwrap_or_default(),
        output: end.error.as_deref().unwrap_or(&end.output),
        duration_ms: end.duration_ms,
        status: success_status(end.success),
        ..Ended::default()
    };
    let place = script_calls::tool(fold, &[call.server, call.tool_name]);
    told(fold, &call, turn, place);
}

/// A request to other agents, and what they have said when it ended.
pub(crate) fn agents(fold: &mut Fold<'_>, asked: &Collab<'_>, turn: Option<String>) {
    let said = asked.said.join("\n");
    let call = Ended {
        tool: Tool::Agents,
        call_id: asked.call_id.as_deref().unwrap_or_default(),
        name: "agent_call",
        tool_name: asked.tool.as_deref(),
        command: asked.prompt.as_deref(),
        output: &said,
        status: Some(Status::Ok.name()),
        ..Ended::default()
    };
    told_by_id(fold, &call, turn);
}

/// An image that was looked at.
pub(crate) fn image_seen(fold: &mut Fold<'_>, end: &ViewImage<'_>, turn: Option<String>) {
    let call = Ended {
        tool: Tool::ViewImage,
        call_id: end.call_id.as_deref().unwrap_or_default(),
        name: "view_image",
        command: end.path.as_deref(),
        status: Some(Status::Ok.name()),
        ..Ended::default()
    };
    let path = call.command.filter(|_| !call.call_id.is_empty());
    match path.and_then(|path| fold.state.take_command(path)) {
        Some(place) => ended_at(fold, &call, place),
        None => told_by_id(fold, &call, turn),
    }
}

/// An item of a paginated file that no response item may say: a pause, an output.
pub(crate) fn other_item(
    fold: &mut Fold<'_>,
    body: &ItemBody<'_>,
    id: Option<&str>,
    turn: Option<String>,
) {
    let call = match body {
        ItemBody::Sleep(duration_ms) => Ended {
            name: "sleep",
            call_id: id.unwrap_or_default(),
            duration_ms: *duration_ms,
            ..Ended::default()
        },
        ItemBody::FunctionCallOutput(call_id, output) => Ended {
            name: "function_call_output",
            call_id: call_id.as_deref().unwrap_or_default(),
            output,
            ..Ended::default()
        },
        _ => return,
    };
    let call = Ended { status: Some(Status::Ok.name()), ..call };
    told_by_id(fold, &call, turn);
}

/// A search that the client tells of. The model's own call tells it too, before or behind, and alone tells what else it
/// did; the client alone tells what was found.
pub(crate) fn search(fold: &mut Fold<'_>, end: &WebSearchEnd<'_>, turn: Option<String>) {
    let query = end.query.as_deref().filter(|query| !query.is_empty());
    let Some(query) = query.or(end.url.as_deref()) else { return };
    let found = end.results.join("\n");
    let call = Ended {
        tool: Tool::WebSearch,
        call_id: end.call_id.as_deref().unwrap_or_default(),
        name: "web_search",
        command: Some(query),
        arguments: end.asked.unwrap_or_default(),
        output: &found,
        status: Some(Status::Ok.name()),
        ..Ended::default()
    };
    if let Some(place) = fold.state.take_command(query) {
        return ended_at(fold, &call, place);
    }
    let is_new = insert(fold, &call, turn);
    fold.state.remember_search(query, is_new.then_some((fold.at.line, fold.at.part)));
}

/// The model's call tells more than the item that has told the same search: its row takes over what was found.
pub(crate) fn take_over(fold: &mut Fold<'_>, item: (u64, u64), (line, part): (u64, u64)) {
    let (item_line, item_part) = item;
    let row = fold.row(TABLE, 5).stream(fold.at.stream).number("line", line).number("part", part);
    let row = row.number("item_line", item_line).number("item_part", item_part);
    fold.push(row.write(TAKE_OVER));
    if let Some(telling) = &mut fold.telling {
        telling.drop_row(TABLE, item_line, item_part, 0);
    }
    for sql in TAKE_BACK {
        let row = fold.row(TABLE, 3).stream(fold.at.stream);
        fold.push(row.number("line", item_line).number("part", item_part).write(sql));
    }
}

/// An image that was made, by what the service was asked for in the end.
pub(crate) fn image(fold: &mut Fold<'_>, end: &ImageGenerationEnd<'_>, turn: Option<String>) {
    let has_failed = end.status.as_deref() == Some("failed");
    let call = Ended {
        tool: Tool::ImageGeneration,
        call_id: end.call_id.as_deref().unwrap_or_default(),
        name: "image_generation",
        command: end.revised_prompt.as_deref(),
        output: end.saved_path.as_deref().or(end.failure.as_deref()).unwrap_or_default(),
        status: success_status(Some(!has_failed)),
        ..Ended::default()
    };
    insert(fold, &call, turn);
}

/// A patch. What it has changed stands in a table of its own; one that was not applied has changed nothing, and why
/// stands here. The words of the call, if there is one, say how it ended.
pub(crate) fn patch(
    fold: &mut Fold<'_>,
    end: &PatchApplyEnd<'_>,
    id: Option<&str>,
    turn: Option<String>,
) {
    let Some(call_id) = end.call_id.as_deref().or(id) else { return };
    if !end.has_failed() {
        let row = fold.row(TABLE, 2).stream(fold.at.stream).id("call_id", Some(call_id));
        fold.push(row.write(PATCHED));
    }
    let is_declined = end.status.as_deref() == Some("declined");
    let status = match (end.has_failed(), is_declined) {
        (false, _) => Status::Ok,
        (true, true) => Status::Rejected,
        (true, false) => Status::Failed,
    };
    let output = end.output();
    let call = Ended { tool: Tool::ApplyPatch, call_id, output: &output, ..Ended::default() };
    let is_known = match end.has_failed() {
        true => ended(fold, &call),
        false => fold.state.waits_for(call_id),
    };
    if is_known {
        return;
    }
    let call = Ended { name: "file_change", status: Some(status.name()), ..call };
    match script_calls::patch(fold, end.changes.iter().map(|file| &*file.path)) {
        Some(place) => ended_at(fold, &call, place),
        None if end.has_failed() => drop(insert(fold, &call, turn)),
        None => {}
    }
}

/// Enriches the call that has ended, or stands for it.
fn told(fold: &mut Fold<'_>, call: &Ended<'_>, turn: Option<String>, of_script: Option<CallPlace>) {
    match of_script {
        Some(place) => ended_at(fold, call, place),
        None if ended(fold, call) => {}
        None => drop(insert(fold, call, turn)),
    }
}

/// The same where the client says no more than what was asked: it enriches no call that has told its end.
fn told_by_id(fold: &mut Fold<'_>, call: &Ended<'_>, turn: Option<String>) {
    let is_empty = call.output.is_empty();
    if is_empty || !ended(fold, &Ended { status: None, duration_ms: None, ..*call }) {
        insert(fold, call, turn);
    }
}

/// Tells the end of the call with this id; false where no such call waits for its output.
fn ended(fold: &mut Fold<'_>, call: &Ended<'_>) -> bool {
    let says = !call.output.is_empty() || call.status.is_some();
    let place = (fold.at.line, fold.at.part);
    let (is_known, waits) = fold.state.call_ended(call.call_id, says.then_some(place));
    let row = end_row(fold, call, waits && says).id("call_id", Some(call.call_id));
    fold.push(row.write(END));
    is_known
}

/// The same of a call that has no id, by the place of its row.
fn ended_at(fold: &mut Fold<'_>, call: &Ended<'_>, (line, part, item): CallPlace) {
    let has_output = !call.output.is_empty() || call.exit_code.is_some();
    let row = end_row(fold, call, has_output).number("line", line).number("part", part);
    let call_id = Some(call.call_id).filter(|id| !id.is_empty());
    fold.push(row.number("item", item).id("call_id", call_id).write(END_AT));
    fold.state.told_of_script((line, part, item));
}

fn end_row<'p>(fold: &Fold<'p>, call: &Ended<'_>, has_output: bool) -> crate::row::RowBuilder<'p> {
    let output = has_output.then_some(call.output);
    fold.row(TABLE, 10)
        .said_by("tool")
        .stream(fold.at.stream)
        .int("exit_code", call.exit_code)
        .int("duration_ms", call.duration_ms)
        .word_or_null("status", call.status)
        .text("workdir", call.workdir)
        .int("output_at_ms", fold.at.at_ms)
        .text("output", output)
        .int("output_bytes", output.and_then(|output| i64::try_from(output.len()).ok()))
}

/// Adds a row, unless the call itself has one; says whether no earlier file has told it.
fn insert(fold: &mut Fold<'_>, call: &Ended<'_>, turn: Option<String>) -> bool {
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

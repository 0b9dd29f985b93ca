//! Rows of `function_calls` for the calls that a script of code mode makes.
//!
//! The script's text says what it calls. How that ended the client tells, or the script prints it; the log has nothing
//! else. A row stands behind the script's own: the same line and part, and an item of its own.

use crate::fold::Fold;
use crate::row::At;
use crate::state::{CallPlace, Script, hash};
use codex_ledger_rollout::call::{self, Request, Tool};
use codex_ledger_rollout::output::{self, Outcome, Status};
use codex_ledger_rollout::patch;
use codex_ledger_rollout::script::{self, ScriptCall};

const TABLE: &str = "function_calls";
/// What is printed of a call that the client has told the end of says the same again.
const RESULT: &str = "UPDATE function_calls SET exit_code = coalesce(exit_code, :exit_code),
    duration_ms = coalesce(duration_ms, :duration_ms), status = coalesce(status, :status),
    output = coalesce(output, :output), output_bytes = coalesce(output_bytes, :output_bytes),
    output_line = coalesce(output_line, :output_line), output_at_ms = coalesce(output_at_ms, :output_at_ms),
    process = coalesce(process, :process)
    WHERE stream = :stream AND line = :line AND part = :part AND item = :item";
/// Nothing tells how these ended.
const UNTOLD: &str = "UPDATE function_calls SET status = :status
    WHERE stream = :stream AND line = :line AND part = :part AND item > 0 AND kind = 'script' AND status IS NULL";
/// What a call is known by when the client tells its end, where its own words do not say it.
const ANY_COMMAND: &str = "\0command";
const ANY_PATCH: &str = "\0patch";

/// The calls in a script's text, behind the row of the script itself.
pub(crate) fn called(
    fold: &mut Fold<'_>,
    script: &str,
    call_id: Option<&str>,
    (line, part): (u64, u64),
    turn: Option<String>,
) {
    let calls = script::calls(script);
    let taken = fold.take(calls.len());
    let (mut commands, mut patches) = (Vec::new(), Vec::new());
    for (index, found) in calls.iter().take(taken).enumerate() {
        let item = index as u64 + 1;
        let asked = found.as_call();
        let request = call::read(&asked);
        let row = insert(fold, &request, &asked.arguments, &found.name, item, turn.clone());
        let place = row.unwrap_or((line, part, item));
        match request.tool {
            Tool::Shell | Tool::WriteStdin => commands.push((place.2, request.session_id)),
            Tool::ApplyPatch => patches.push((place.2, None)),
            _ => {}
        }
        fold.state.remember_command(&known_by(&request, found), place);
    }
    let Some(call_id) = call_id.filter(|_| taken > 0) else { return };
    let (call, prints_bodies) = (hash(call_id), script::prints_bodies(script));
    fold.state.remember_script(Script {
        call,
        cell: None,
        line,
        part,
        commands,
        patches,
        prints_bodies,
        is_told_by_client: false,
    });
}

/// Adds a row; gives the place of the one that an earlier file of the thread has told.
fn insert(
    fold: &mut Fold<'_>,
    request: &Request<'_>,
    arguments: &str,
    name: &str,
    item: u64,
    turn: Option<String>,
) -> Option<CallPlace> {
    let command = super::function_calls::command(request);
    let files = request.patch.as_deref().map_or(0, |patch| patch::parse(patch).files.len());
    let row = fold
        .row_at(TABLE, item as usize, 20)
        .said_by("assistant")
        .id("turn_id", turn)
        .id("call_id", None::<&str>)
        .word("kind", "script")
        .word("tool", request.tool.name())
        .label("namespace", None::<&str>)
        .label("name", Some(name))
        .label("mcp_server", request.mcp.as_ref().map(|mcp| &mcp.server))
        .label("mcp_tool", request.mcp.as_ref().map(|mcp| &mcp.tool))
        .text("command", command.filter(|command| *command != arguments))
        .text("workdir", request.workdir.as_deref())
        .text("justification", request.justification.as_deref())
        .text("arguments", Some(arguments))
        .number("files", files as u64)
        .number("copied", fold.copy_flag());
    let row = row.insert_without(&super::function_calls::OF_OUTPUT);
    let told = fold.told(&row);
    fold.push_unless(told, row);
    told.map(|told| (told.line, told.part, told.item))
}

/// What the client's word of its end will have in common with a call: it gives the calls of scripts ids of their own.
fn known_by(request: &Request<'_>, call: &ScriptCall) -> String {
    let words = super::function_calls::command(request).unwrap_or_default();
    match (request.tool, request.patch.as_deref()) {
        (Tool::ApplyPatch, Some(patch)) if call.is_whole => {
            let files = patch::parse(patch).files;
            patch_of(files.iter().map(|file| &*file.path))
        }
        (Tool::ApplyPatch, _) => ANY_PATCH.to_string(),
        (Tool::Shell, _) if !call.is_whole && words.contains("${") => ANY_COMMAND.to_string(),
        (Tool::Shell | Tool::ViewImage | Tool::WebSearch, _) => words.to_string(),
        _ => called_by_name(&call.name),
    }
}

/// A patch by its files: the client names them by their whole paths, a patch mostly not.
fn patch_of<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> =
        paths.map(|path| path.rsplit(['/', '\\']).next().unwrap_or_default()).collect();
    names.sort_unstable();
    format!("{ANY_PATCH} {}", names.join("\0"))
}

fn called_by_name(name: &str) -> String {
    format!("\0call {name}")
}

/// The call of a script that has ended as the client says: a command.
pub(crate) fn command(fold: &mut Fold<'_>, spellings: [&str; 2]) -> Option<CallPlace> {
    let known = spellings.into_iter().find_map(|command| fold.state.take_command(command));
    known.or_else(|| fold.state.take_command(ANY_COMMAND))
}

/// The same of a patch, by the files that it was to change.
pub(crate) fn patch<'a>(
    fold: &mut Fold<'_>,
    paths: impl Iterator<Item = &'a str>,
) -> Option<CallPlace> {
    let known = fold.state.take_command(&patch_of(paths));
    known.or_else(|| fold.state.take_command(ANY_PATCH))
}

/// The same of a tool of a server or of the client.
pub(crate) fn tool(fold: &mut Fold<'_>, names: &[Option<&str>]) -> Option<CallPlace> {
    let name = names.iter().flatten().copied().collect::<Vec<_>>().join("__");
    fold.state.take_command(&called_by_name(&name))
}

/// What a script has printed, itself or to a call that waited for it.
pub(crate) fn printed<'a>(
    fold: &mut Fold<'_>,
    call_id: &str,
    printed: impl Iterator<Item = &'a str>,
    outcome: &Outcome<'_>,
) {
    let waited = fold.state.follow_up(call_id).filter(|(_, is_cell)| *is_cell);
    let Some(mut script) = fold.state.take_script(call_id, waited.map(|(cell, _)| cell)) else {
        return;
    };
    let may_tell = !script.prints_bodies && !script.is_told_by_client;
    let results: Vec<_> = printed.filter(|_| may_tell).flat_map(output::results).collect();
    told(fold, &mut script, results);
    if outcome.status == Status::Running {
        script.cell = outcome.cell_id.as_deref().and_then(|cell| cell.parse().ok());
        return fold.state.remember_script(script);
    }
    fold.state.forget_calls_of(&script);
    let row = fold.row(TABLE, 4).stream(fold.at.stream).word("status", Status::Unknown.name());
    let row = row.number("line", script.line).number("part", script.part);
    fold.push(row.write(UNTOLD));
}

/// Gives results to what was called: one for each, in their order, or the first to an only one. Which call others belong to
/// nobody can tell; they are rows of their own, so that no failure is lost.
fn told(fold: &mut Fold<'_>, script: &mut Script, results: Vec<Outcome<'_>>) {
    let is_of_patch =
        |of: &Outcome<'_>| of.body.starts_with("Success. Updated the following files");
    let (patched, ran): (Vec<_>, Vec<_>) = results.into_iter().partition(is_of_patch);
    let place = (script.line, script.part);
    let mut rest = pair(fold, place, &mut script.patches, patched);
    rest.extend(pair(fold, place, &mut script.commands, ran));
    let taken = fold.take(rest.len());
    for (index, outcome) in rest.iter().take(taken).enumerate() {
        alone(fold, index + 1, outcome);
    }
}

/// Results to calls, where it is known which belong together; gives back those that are left.
fn pair<'a>(
    fold: &mut Fold<'_>,
    (line, part): (u64, u64),
    calls: &mut Vec<(u64, Option<i64>)>,
    mut results: Vec<Outcome<'a>>,
) -> Vec<Outcome<'a>> {
    let pairs = match calls.len() {
        1 => results.len().min(1),
        calls if calls == results.len() => calls,
        _ => 0,
    };
    let rest = results.split_off(pairs);
    for ((item, follows), outcome) in calls.drain(..pairs).zip(&results) {
        let row = of_result(fold, outcome, fold.row(TABLE, 12).said_by("tool"));
        let row = row.stream(fold.at.stream).number("line", line).number("part", part);
        fold.push(row.number("item", item).write(RESULT));
        if let Some(process) = follows {
            super::function_calls::process_is_done(fold, process, outcome);
        }
    }
    rest
}

/// The row of a result that no call can be given to.
fn alone(fold: &mut Fold<'_>, item: usize, outcome: &Outcome<'_>) {
    let turn = fold.turn(None);
    let row = fold
        .row_at(TABLE, item, 27)
        .said_by("tool")
        .id("turn_id", turn)
        .id("call_id", None::<&str>)
        .word("kind", "script")
        .word("tool", Tool::Shell.name())
        .label("namespace", None::<&str>)
        .word("name", "exec_command")
        .label("mcp_server", None::<&str>)
        .label("mcp_tool", None::<&str>)
        .text("command", None::<&str>)
        .text("workdir", None::<&str>)
        .text("justification", None::<&str>)
        .text("arguments", Some(""))
        .number("files", 0)
        .number("copied", fold.copy_flag());
    let row = of_result(fold, outcome, row).insert();
    fold.push(row);
}

fn of_result<'p>(
    fold: &Fold<'p>,
    outcome: &Outcome<'_>,
    row: crate::row::RowBuilder<'p>,
) -> crate::row::RowBuilder<'p> {
    let At { line, at_ms, .. } = fold.at;
    row.number("output_line", line)
        .int("output_at_ms", at_ms)
        .text("output", Some(&outcome.body))
        .number("output_bytes", outcome.body.len() as u64)
        .int("exit_code", outcome.exit_code)
        .int("duration_ms", outcome.duration_ms)
        .word("status", outcome.status.name())
        .int("process", outcome.session_id)
}

//! `status`: where the ledger and the views stand.

use crate::door::{Done, Door, Result, Style, app};
use crate::text::{bytes, count, plural, problem_lines, safe, safe_path};
use crate::vouching;
use clap::Args;
use codex_ledger_app::{App, Drift, Root, StateDb, Status};
use codex_ledger_query::{Coverage, FileProblems, LIST_MAX};
use serde::Serialize;
use std::path::Path;

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only what newer clients write that this version does not know: names of fields and kinds of values, no
    /// text of anybody, to be attached to a report
    #[arg(long)]
    pub drift: bool,
}

/// What is printed of the status.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    status: &'a Status,
    roots: Vec<Root<'a>>,
    state_databases: &'a [StateDb],
    ledger: &'a Path,
    views: &'a Path,
    version: &'a str,
    /// Who vouches for it, in words; none where nothing was signed.
    signed: Option<String>,
}

pub fn run(door: &mut Door, args: StatusArgs) -> Result<Done> {
    let app = app(door, "status", Vec::new())?;
    if args.drift {
        return drift(door, &app);
    }
    let status = app.status()?;
    let is_usable = status.coverage.is_some();
    let state_databases = if is_usable { app.state_databases()? } else { Vec::new() };
    if door.global.json {
        door.print_json(&Document {
            status: &status,
            roots: app.roots(),
            state_databases: &state_databases,
            ledger: app.dir(),
            views: app.views_path(),
            version: env!("CARGO_PKG_VERSION"),
            signed: vouching::in_words(&app),
        })?;
    } else {
        let mut text = as_text(door, &app, &status);
        if let Some(coverage) = &status.coverage {
            text.push_str(&gaps(door, coverage));
        }
        state_databases.iter().for_each(|state| text.push_str(&state_line(door, state)));
        door.print(&text)?;
    }
    Ok(Done::Clean)
}

fn drift(door: &mut Door, app: &App) -> Result<Done> {
    let drift = app.drift()?;
    if door.global.json {
        door.print_json(&drift)?;
        return Ok(Done::Clean);
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut text = match drift.is_empty() {
        true => format!("codex-ledger {version} knows every kind and field of these logs\n"),
        false => format!("codex-ledger {version} does not know (no text of yours is told):\n"),
    };
    for Drift { kind, fields, records, shape, .. } in &drift {
        let what = fields.as_deref().unwrap_or("this kind");
        let line = format!("\n{} in {}: {what}\n", plural(*records, "record"), safe(kind));
        text.push_str(&safe(&line));
        text.push_str(&format!("    {}\n", safe(shape.as_deref().unwrap_or("(too long)"))));
    }
    door.print(&text)?;
    Ok(Done::Clean)
}

fn as_text(door: &Door, app: &App, status: &Status) -> String {
    let mut out = format!("ledger    {}\n", safe_path(app.dir()));
    let head = &status.head;
    out.push_str(&format!("head      {} entries\n", count(head.size)));
    out.push_str(&format!("          id   {}\n          root {}\n", head.id, head.root));
    let signed = vouching::in_words(app);
    out.extend(signed.map(|words| format!("          {}\n", safe(&words))));
    if let Some(holder) = &status.holder {
        out.push_str(&format!("writer    {}\n", door.paint(Style::Yellow, safe(holder))));
    }
    let views = match (&status.cursor, &status.outdated) {
        (None, _) => {
            door.paint(Style::Yellow, door.hinted("none; `codex-ledger rebuild-views` makes them"))
        }
        (_, Some(reason)) => door.paint(
            Style::Yellow,
            door.hinted(&format!("outdated: {reason}; `codex-ledger migrate`")),
        ),
        (Some(cursor), None) if *cursor < head.end() => door
            .paint(Style::Yellow, format!("{} entries behind", count(head.end().since(*cursor)))),
        _ => door.paint(Style::Green, "up to date"),
    };
    let sizes = match (status.views_bytes, status.search_bytes) {
        (0, _) => String::new(),
        (views, 0) => format!(", {}", bytes(views)),
        (views, search) => format!(", {}; index for search {}", bytes(views), bytes(search)),
    };
    out.push_str(&format!("views     {views}{sizes}\n          {}\n", safe_path(app.views_path())));
    if let Some(coverage) = &status.coverage {
        let streams = &coverage.streams;
        out.push_str(&format!(
            "sources   {}, {}, {} of sessions and other files\n",
            plural(coverage.sessions, "session"),
            plural(coverage.lines, "line"),
            bytes(coverage.bytes),
        ));
        let understood = coverage.lines - coverage.malformed.min(coverage.lines);
        out.push_str(&format!(
            "coverage  {} understood, {} malformed, {} of unknown kind, {} blank\n",
            count(understood.saturating_sub(coverage.unknown + coverage.blank + coverage.erased)),
            count(coverage.malformed),
            count(coverage.unknown),
            count(coverage.blank),
        ));
        if coverage.erased > 0 {
            out.push_str(&format!("          {} of them erased\n", count(coverage.erased)));
        }
        if streams.torn + streams.superseded + coverage.sessions_without_source > 0 {
            out.push_str(&format!(
                "          {} with a torn end, {} rewritten, {} named without a file\n",
                count(streams.torn),
                count(streams.superseded),
                count(coverage.sessions_without_source),
            ));
        }
    }
    for root in app.roots() {
        let missing = || door.paint(Style::Yellow, "  (does not exist)");
        let note = if root.exists { String::new() } else { missing() };
        out.push_str(&format!("root      {}{note}\n", safe_path(root.path)));
    }
    out
}

/// Lists in the text are this long; `--json` has more.
const SHOWN: usize = 5;

/// What could not be understood or read.
fn gaps(door: &Door, coverage: &Coverage) -> String {
    let mut out = String::new();
    for kind in coverage.not_understood.iter().take(SHOWN) {
        let records = plural(kind.records, "record");
        out.push_str(&format!(
            "kept only {records} of kind {} ({})\n",
            safe(&kind.kind),
            bytes(kind.bytes)
        ));
    }
    for field in coverage.unknown_fields.iter().take(SHOWN) {
        let records = plural(field.records, "record");
        out.push_str(&format!("drift     {} in {records}\n", safe(&field.fields)));
    }
    for of in coverage.unreadable_files.iter().take(SHOWN) {
        let FileProblems { path, lines, line, offset, reasons } = of;
        let said = problem_lines(*lines, (*line, *offset), reasons);
        let place = format!("{}\n          {}", safe(path), door.paint(Style::Yellow, said));
        out.push_str(&format!("unread    {place}\n"));
    }
    for of in coverage.damaged.iter().take(SHOWN) {
        let place =
            format!("{}: not read behind line {}: {}", safe(&of.path), of.line, safe(&of.reason));
        out.push_str(&format!("damaged   {}\n", door.paint(Style::Yellow, place)));
    }
    let more = coverage.unreadable_files.len().saturating_sub(SHOWN);
    if more > 0 {
        let more = plural(more as u64, "more file");
        out.push_str(&format!("          and {more}; `status --json` lists {LIST_MAX}\n"));
    }
    out
}

fn state_line(door: &Door, state: &StateDb) -> String {
    let path = safe_path(&state.path);
    if let Some(problem) = &state.problem {
        return format!(
            "state     {}\n",
            door.paint(Style::Yellow, format!("{path}: {}", safe(problem)))
        );
    }
    let gone = match state.without_source_count {
        0 => "all of them with a rollout in the ledger".to_string(),
        gone => door.paint(Style::Yellow, format!("{} without a rollout", count(gone))),
    };
    format!("state     {path}: {}, {gone}\n", plural(state.threads, "thread"))
}

//! `status`: where the ledger and the views stand.

use crate::args::StatusArgs;
use crate::door::{Done, Door, Result, Style, app};
use crate::text::{bytes, count, plural};
use codex_ledger::app::{App, Status};
use serde_json::json;

pub fn run(door: &mut Door, _: StatusArgs) -> Result<Done> {
    let app = app(door, "status", Vec::new())?;
    let status = app.status()?;
    if door.global.json {
        let roots: Vec<_> = app
            .roots()
            .iter()
            .map(|(root, exists)| json!({"path": root, "exists": exists}))
            .collect();
        door.print_json(&json!({
            "head": status.head,
            "settled": status.settled,
            "cursor": status.cursor,
            "outdated": status.outdated,
            "roots": roots,
            "coverage": status.coverage,
            "lock": status.holder,
            "ledger": app.dir(),
            "views": app.views_path(),
            "version": env!("CARGO_PKG_VERSION"),
        }))?;
    } else {
        door.print(&as_text(door, &app, &status))?;
    }
    Ok(Done::Clean)
}

fn as_text(door: &Door, app: &App, status: &Status) -> String {
    let mut out = format!("ledger    {}\n", app.dir().display());
    let head = &status.head;
    out.push_str(&format!("head      {} entries\n", count(head.size)));
    out.push_str(&format!("          id   {}\n          root {}\n", head.id, head.root));
    if let Some(holder) = &status.holder {
        out.push_str(&format!("writer    {}\n", door.paint(Style::Yellow, holder)));
    }
    let views = match (&status.cursor, &status.outdated) {
        (None, _) => door.paint(Style::Yellow, "none; `codex-ledger rebuild-views` makes them"),
        (_, Some(reason)) => {
            door.paint(Style::Yellow, format!("outdated: {reason}; `codex-ledger migrate`"))
        }
        (Some(cursor), None) if *cursor < head.size => {
            door.paint(Style::Yellow, format!("{} entries behind", count(head.size - cursor)))
        }
        _ => door.paint(Style::Green, "up to date"),
    };
    out.push_str(&format!("views     {views}\n          {}\n", app.views_path().display()));
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
            count(understood.saturating_sub(coverage.unknown + coverage.blank)),
            count(coverage.malformed),
            count(coverage.unknown),
            count(coverage.blank),
        ));
        if streams.torn + streams.superseded + coverage.sessions_without_source > 0 {
            out.push_str(&format!(
                "          {} with a torn end, {} rewritten, {} named without a file\n",
                count(streams.torn),
                count(streams.superseded),
                count(coverage.sessions_without_source),
            ));
        }
    }
    for (root, exists) in app.roots() {
        let note =
            if exists { String::new() } else { door.paint(Style::Yellow, "  (does not exist)") };
        out.push_str(&format!("root      {}{note}\n", root.display()));
    }
    out
}

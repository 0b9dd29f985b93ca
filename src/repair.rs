//! `repair`: says what a damaged ledger would keep and lose; with a reason, puts what verifies in its place.

use crate::door::{Done, Door, Result, Style, app};
use crate::text::{self, count, entries};
use crate::vouching;
use clap::Args;
use codex_ledger_app::{HeadSummary, RepairReport, SeqRange};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Why; only with it is the ledger replaced. The damaged one is kept beside it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// A copy of the ledger's folder that has what is missing here; may be given again
    #[arg(long, value_name = "DIR")]
    pub from: Vec<PathBuf>,
}

/// What is printed of a repair.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a RepairReport,
    replaced: bool,
    elapsed_ms: u64,
}

pub fn run(door: &mut Door, args: RepairArgs) -> Result<Done> {
    let app = app(door, "repair", Vec::new())?;
    let report = match &args.reason {
        None => app.survey_damage(&args.from)?,
        Some(reason) => app.repair(reason, &args.from, &mut door.progress())?,
    };
    let replaced = report.damaged.is_some();
    if let Some(reason) = args.reason.as_deref().filter(|_| replaced) {
        vouching::sign_repaired(&app, reason);
    }
    if door.global.json {
        door.print_json(&Document { report: &report, replaced, elapsed_ms: door.elapsed_ms() })?;
    } else if !door.global.quiet || report.needed {
        door.print(&as_text(door, &report))?;
    }
    let is_open = report.needed && !replaced;
    let is_left = !report.not_carried.is_empty() || report.views_error.is_some();
    Ok(if is_open || is_left { Done::Findings } else { Done::Clean })
}

fn as_text(door: &Door, report: &RepairReport) -> String {
    let seqs = SeqRange::new(report.lost.from, report.lost.to);
    let lost = seqs.len();
    let mut out = match (report.needed, &report.damaged) {
        (false, _) => {
            let verdict = door.paint(Style::Green, "nothing to repair");
            format!("{verdict}: every entry verifies; what else is amiss, the next append mends\n")
        }
        (true, None) => format!("{}\n", door.paint(Style::Red, "a repair is needed")),
        (true, Some(damaged)) => {
            let verdict = door.paint(Style::Green, "repaired");
            format!("{verdict}; the damaged ledger is kept as {}\n", damaged.display())
        }
    };
    let entries = entries(lost);
    match seqs.last() {
        None => out.push_str("lost   no entry\n"),
        Some(last) => {
            let (from, last) = (count(seqs.from.get()), count(last.get()));
            out.push_str(&format!("lost   {entries}: {from} to {last}\n"));
        }
    }
    if report.restored > 0 {
        out.push_str(&format!("copy   {} out of a copy\n", text::entries(report.restored)));
    }
    for (kind, number) in &report.lost.kinds {
        out.push_str(&format!(
            "       {} of kind {kind} can be read, but not kept\n",
            count(*number)
        ));
    }
    if report.lost.unreadable > 0 {
        let number = count(report.lost.unreadable);
        out.push_str(&format!("       {number} cannot be read at all\n"));
    }
    out.push_str(&head_text("kept  ", Some(&report.kept)));
    out.push_str(&head_text("before", report.before.as_ref()));
    for carried in &report.carried {
        let how = if carried.widened { ": it now hides the whole session" } else { "" };
        out.push_str(&format!("anew   {} of entry {}{how}\n", carried.kind, carried.was));
    }
    for was in &report.not_carried {
        let text =
            format!("redaction of entry {was} names an entry that is lost: hide it again by hand");
        out.push_str(&format!("{}  {text}\n", door.paint(Style::Red, "open ")));
    }
    if report.damaged.is_some() {
        out.push_str(&head_text("now   ", report.head.as_ref()));
        match &report.views_error {
            None => out.push_str("views  made anew from the entries\n"),
            Some(error) => out.push_str(&format!("views  {}\n", crate::text::safe(error))),
        }
        out.push_str(&door.next(None, "append"));
    } else if report.needed {
        out.push_str(&door.next(None, "repair --reason TEXT"));
    }
    out
}

fn head_text(label: &str, head: Option<&HeadSummary>) -> String {
    match head {
        None => format!("{label} HEAD cannot be read\n"),
        Some(head) => text::head(label, head),
    }
}

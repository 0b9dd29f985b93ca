//! `erase`, `hold`: destroy bodies for good and keep the proof; forbid it.

use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::text::{bytes, count, entries, plural, safe, safe_path};
use clap::{Args, Subcommand};
use codex_ledger_app::{EraseRequest, ErasurePlan, Hold, Seq, Why};
use serde::Serialize;

/// Numbers of entries that are listed at most.
const LISTED_MAX: usize = 8;

/// What is to be erased. There is no way back: `redact` hides, and can be undone.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct EraseArgs {
    /// A whole session, with its copies in forks, and what history, index and reviewers say of it
    #[arg(long, value_name = "SESSION", help_heading = "What to erase")]
    pub session: Option<String>,
    /// The records that hold a prompt, and those that say it again: SESSION#N, N from 1
    #[arg(long, value_name = "SESSION#N", help_heading = "What to erase")]
    pub prompt: Option<String>,
    /// One entry
    #[arg(long, value_name = "SEQ", help_heading = "What to erase")]
    pub entry: Option<Seq>,
    /// Every entry that holds a text, in the spellings that `redact --literal` knows, in capital and in small letters
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "What to erase")]
    pub literal: Option<String>,
    /// Beside --literal: only in capital and small letters as they are given
    #[arg(long, requires = "literal", help_heading = "What to erase")]
    pub exact_case: bool,
    /// What `[retention]` in the configuration says is not kept any longer; held sessions stay
    #[arg(long, help_heading = "What to erase")]
    pub retention: bool,
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
    /// Why (required); it stays, with your name
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Forbid to erase a session, or anything at all
    Add {
        /// A session by the beginning of its id
        #[arg(value_name = "SESSION", required_unless_present = "all", conflicts_with = "all")]
        session: Option<String>,
        /// Everything that is in the ledger, and comes into it
        #[arg(long)]
        all: bool,
        /// Why (required); recorded with your name
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// End a hold
    Release {
        /// Its number
        hold: Seq,
        /// Why (required); recorded with your name
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// List the holds in force
    List,
}

/// What is printed of an erasure, planned or done.
#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(flatten)]
    erasure: &'a T,
    dry_run: bool,
    elapsed_ms: u64,
}

/// What is printed of holds.
#[derive(Serialize)]
struct Holds<'a> {
    holds: &'a [Hold],
}

pub fn run(door: &mut Door, args: EraseArgs) -> Result<Done> {
    let app = app(door, "erase", Vec::new())?;
    let EraseArgs { session, prompt, entry, literal, exact_case, retention, dry_run, reason } =
        args;
    let request = EraseRequest { session, prompt, entry, literal, exact_case, retention };
    if dry_run {
        let plan = door.patiently("looking through all entries", || app.plan_erasure(&request))?;
        if door.global.json {
            let elapsed_ms = door.elapsed_ms();
            door.print_json(&Document { erasure: &plan, dry_run, elapsed_ms })?;
        } else {
            let head = format!("would erase {}\n", amount(&plan));
            door.print(&(head + &as_text(&plan) + &door.next(None, "erase … --reason TEXT")))?;
        }
        return Ok(Done::Clean);
    }
    let erased = app.erase(&request, &reason, &mut door.progress())?;
    if erased.plan.entries == 0 && !door.global.json {
        door.print(&("nothing to erase\n".to_string() + &as_text(&erased.plan)))?;
        return Ok(Done::Clean);
    }
    if door.global.json {
        let elapsed_ms = door.elapsed_ms();
        door.print_json(&Document { erasure: &erased, dry_run, elapsed_ms })?;
    } else if !door.global.quiet {
        let numbers = |seqs: &[Seq]| listed(seqs);
        let head = format!(
            "{} {}: entry {} says why, entry {} that it is done\n",
            door.paint(Style::Green, "erased"),
            amount(&erased.plan),
            numbers(&erased.intents),
            numbers(&erased.done)
        );
        door.print(&(head + &as_text(&erased.plan) + OUT_OF_REACH))?;
    }
    Ok(Done::Clean)
}

const OUT_OF_REACH: &str =
    "note   snapshots, backups, exports, bundles and published reports are out of reach\n";

fn amount(plan: &ErasurePlan) -> String {
    format!("{} ({})", entries(plan.entries), bytes(plan.bytes))
}

fn as_text(plan: &ErasurePlan) -> String {
    let mut out = String::new();
    for source in &plan.sources {
        let of = match (&source.thread, source.why) {
            (Some(thread), Why::Expired) => format!("the raw output of session {}", safe(thread)),
            (Some(thread), Why::Copy) => {
                format!("session {}, where it is said again", safe(thread))
            }
            (Some(thread), _) => format!("session {}", safe(thread)),
            (None, _) => format!("the {}", source.kind),
        };
        out.push_str(&format!(
            "of     {of}: {} ({})\n",
            entries(source.entries),
            bytes(source.bytes)
        ));
    }
    if plan.whole_sessions > 0 {
        out.push_str("       all of it: an append does not bring it back\n");
    }
    if plan.reviews > 0 {
        out.push_str(&format!("and    {}\n", plural(plan.reviews, "tag, note or disposition")));
    }
    let mut add = |seqs: &[Seq], text: &str| {
        if !seqs.is_empty() {
            out.push_str(&format!("{text} {}\n", listed(seqs)));
        }
    };
    add(&plan.void, "void   redactions, undos and rules of these entries count no more:");
    add(
        &plan.without_place,
        "goes   the place that redactions name; they hide the same elsewhere no more:",
    );
    if let Some(seq) = plan.stays_in_rules {
        add(&[seq], "stays  the rule set in force says it, and is not erased:");
    }
    add(&plan.trail, "trail  entries of the audit trail go too:");
    add(&plan.stays_named_in, "stays  entries of the audit trail name the session:");
    add(&plan.held, "held   a hold keeps what would go too:");
    add(&plan.unsearched, "note   too long to be looked through:");
    for file in plan.files.iter().take(LISTED_MAX) {
        out.push_str(&format!(
            "file   {} is there still, and not ours to change\n",
            safe_path(file)
        ));
    }
    if let Some(more) = plan.files.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        out.push_str(&format!("       and {}\n", plural(more as u64, "more file")));
    }
    out
}

fn listed(seqs: &[Seq]) -> String {
    let shown: Vec<String> = seqs.iter().take(LISTED_MAX).map(|seq| count(seq.get())).collect();
    match seqs.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        Some(more) => format!("{} and {} more", shown.join(", "), count(more as u64)),
        None => shown.join(", "),
    }
}

pub fn hold(door: &mut Door, what: HoldCommand) -> Result<Done> {
    let app = app(door, "hold", Vec::new())?;
    let said = match what {
        HoldCommand::List => {
            let holds = app.holds()?;
            if door.global.json {
                door.print_json(&Holds { holds: &holds })?;
            } else {
                let lines: String = holds.iter().map(line_of).collect();
                let none = "no hold is in force\n".to_string();
                door.print(if lines.is_empty() { &none } else { &lines })?;
            }
            return Ok(Done::Clean);
        }
        HoldCommand::Add { session, all, reason } => {
            if session.is_none() && !all {
                return Err(DoorError::new("name a session, or --all"));
            }
            let hold = app.hold(session.as_deref(), &reason)?;
            line_of(&hold)
        }
        HoldCommand::Release { hold, reason } => {
            let seq = app.release(hold, &reason)?;
            format!("hold {hold} is ended by entry {seq}\n")
        }
    };
    if door.global.json {
        door.print_json(&Holds { holds: &app.holds()? })?;
    } else if !door.global.quiet {
        door.print(&said)?;
    }
    Ok(Done::Clean)
}

fn line_of(hold: &Hold) -> String {
    let of = match hold.ids.first() {
        Some(id) => format!("session {}", safe(id)),
        None => "everything".to_string(),
    };
    format!("{:>8}  {of}: {}\n", hold.seq, safe(&hold.said()))
}

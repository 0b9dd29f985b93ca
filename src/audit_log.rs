//! `audit log`: who did what, when and why.

use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::filters::FilterArgs;
use crate::pager::{PagerArgs, page, width};
use crate::text::{minute_in, one_line, plural, safe};
use clap::Args;
use codex_ledger_query::{ActFilter, ActRow, Zone, nearest};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Only what this person or program did; `--actor` names who asks
    #[arg(long = "by", value_name = "NAME")]
    pub by: Option<String>,
    /// Only acts of this kind: append, redaction, undo, rules, reveal, export, tag, note, disposition, …; may be given again
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
    /// Only acts about something with this in its name: a session, an entry, a tag
    #[arg(long, value_name = "TEXT")]
    pub target: Option<String>,
    /// Recorded since: a date, a time, or a duration such as 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Recorded before
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Time zone of days and times: local, or an IANA name [default: as configured, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    #[command(flatten)]
    pub pager: PagerArgs,
}

/// Kinds of acts that there may be none of yet.
const KINDS: [&str; 30] = [
    "append",
    "bundle",
    "cosign",
    "created",
    "damaged",
    "disposition",
    "erase",
    "erase_done",
    "erased",
    "export",
    "hold",
    "import",
    "note",
    "publish_unsafe",
    "redaction",
    "release",
    "repair",
    "report",
    "reveal",
    "revoke_key",
    "revoke_token",
    "rotate_key",
    "rules",
    "sign_anew",
    "tag",
    "token",
    "undo",
    "unnote",
    "untag",
    "witness",
];

#[derive(Serialize)]
struct Document<'a> {
    actions: &'a [ActRow],
}

pub fn run(door: &Door, args: LogArgs) -> Result<Done> {
    let app = app(door, "audit log", Vec::new())?;
    let times = FilterArgs {
        since: args.since,
        until: args.until,
        timezone: args.timezone,
        ..FilterArgs::default()
    };
    let zone = times.zone(door)?;
    let range = times.filter(&zone)?;
    let filter = ActFilter {
        actor: args.by,
        kinds: args.kind,
        target: args.target,
        since_ms: range.since_ms,
        until_ms: range.until_ms,
    };
    let (acts, kinds) = app.acts(&filter)?;
    let is_known = |kind: &&String| kinds.contains(kind) || KINDS.contains(&kind.as_str());
    if let Some(unknown) = filter.kinds.iter().find(|kind| !is_known(kind)) {
        let near = nearest(unknown, kinds.iter().map(String::as_str)).unwrap_or_default();
        let known = door.shown(&kinds.join(", "));
        return Err(DoorError::new(format!("--kind: nothing of the kind `{unknown}` was done"))
            .hint(format!("the nearest is {}; there are: {known}", door.shown(near))));
    }
    if door.global.json {
        door.print_json(&Document { actions: &acts })?;
        return Ok(Done::Clean);
    }
    let widths = [
        acts.iter().map(|act| act.seq.to_string().len()).max().unwrap_or(0),
        acts.iter().map(|act| safe(&act.kind).width()).max().unwrap_or(0),
        acts.iter()
            .map(|act| safe(act.actor.as_deref().unwrap_or("-")).width())
            .max()
            .unwrap_or(0)
            .min(24),
    ];
    let mut out: String = acts.iter().map(|act| told(door, act, &zone, widths)).collect();
    let count = plural(acts.len() as u64, "act");
    out.push_str(&door.paint(Style::Dim, format!("{count}; times in {}\n", zone.name())));
    page(door, args.pager, &out)?;
    Ok(Done::Clean)
}

fn told(door: &Door, act: &ActRow, zone: &Zone, [seqs, kinds, actors]: [usize; 3]) -> String {
    let room = width().unwrap_or(160).saturating_sub(seqs + kinds + actors + 24).max(20);
    let reason = act.reason.as_deref();
    let reason = reason.map(|reason| format!("\n{:seqs$}  {}", "", one_line(reason, room.max(60))));
    let kind = safe(&act.kind);
    format!(
        "{:>seqs$}  {}  {}{:gap$}  {:actors$}  {}{}\n",
        act.seq,
        minute_in(zone, Some(act.recorded_at_ms)),
        door.paint(Style::Bold, &kind),
        "",
        one_line(act.actor.as_deref().unwrap_or("-"), 24),
        one_line(&act.target, room),
        reason.unwrap_or_default(),
        gap = kinds.saturating_sub(kind.width()),
    )
}

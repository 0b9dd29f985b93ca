//! `redact`: hide, undo, list, preview; and the rules.

use crate::door::{Done, Door, Result, Style, app, say_raw};
use crate::error::DoorError;
use crate::filters::zone_named;
use crate::preview::{self, Preview, Wanted};
use crate::preview_page;
use crate::redact_requests::{requests_in, span};
use crate::redaction_made;
use crate::rules::{self, RulesCommand};
use crate::text::{minute_in, one_line, plural, safe};
use clap::{Args, Subcommand};
use codex_ledger_app::{App, AppError, RedactRequest, RulesInForce, Seq, Severity, small_file};
use codex_ledger_query::{RedactionRow, RevocationRow, Zone, near};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct RedactArgs {
    #[command(subcommand)]
    pub what: Option<RedactCommand>,
    #[command(flatten)]
    pub target: RedactTarget,
}

/// What is to be hidden. The raw bytes stay in the ledger; `redact undo` shows them again.
#[derive(Debug, Args)]
pub struct RedactTarget {
    /// A prompt and what repeats it: SESSION#N, N from 1
    #[arg(long, value_name = "SESSION#N", help_heading = "What to hide")]
    pub prompt: Option<String>,
    /// A whole session with its copies in forks; beside --literal or --regex: only there
    #[arg(long, value_name = "SESSION", help_heading = "What to hide")]
    pub session: Option<String>,
    /// What one entry says
    #[arg(long, value_name = "SEQ", help_heading = "What to hide")]
    pub entry: Option<Seq>,
    /// Only this field of the entry (JSON pointer; goes on inside JSON texts)
    #[arg(long, value_name = "/POINTER", requires = "entry", help_heading = "What to hide")]
    pub field: Option<String>,
    /// Only these bytes of the field
    #[arg(long, value_name = "A..B", requires = "field", value_parser = span, help_heading = "What to hide")]
    pub span: Option<(u64, u64)>,
    /// A text, however it is encoded, in capital and in small letters
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "What to hide")]
    pub literal: Option<String>,
    /// Beside --literal: only in capital and small letters as they are given
    #[arg(long, requires = "literal", help_heading = "What to hide")]
    pub exact_case: bool,
    /// What a pattern finds
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true, help_heading = "What to hide")]
    pub regex: Option<String>,
    /// Beside --literal or --regex: only in sessions of this repository or directory
    #[arg(long, value_name = "REPO", help_heading = "What to hide")]
    pub repo: Option<String>,
    /// Hide it though it stands nearly everywhere
    #[arg(long, help_heading = "What to hide")]
    pub wide: bool,
    /// Many at once: a JSON object per line with these options as keys; `-` reads stdin
    #[arg(long, value_name = "FILE", help_heading = "What to hide", conflicts_with_all = ["prompt", "session", "entry", "literal", "regex"])]
    pub from: Option<PathBuf>,
    #[arg(long, value_name = "TEXT", help = "What is shown instead [default: [redacted]]")]
    pub with: Option<String>,
    /// Why (required); recorded with your name, and shown in reports
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

#[derive(Debug, Subcommand)]
pub enum RedactCommand {
    /// List the redactions in force
    List,
    /// End a redaction, or undo an undo
    Undo {
        /// Its number or the beginning of its id
        target: String,
        /// Why (required); recorded with your name, and shown in reports
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Show every redaction and undo, with who, when and why
    History {
        /// Only this one and what ended it
        target: Option<String>,
    },
    /// Show raw text beside what would be published (recorded as a reveal)
    Preview(PreviewArgs),
    /// List, check, test or set the rules that hide passages
    Rules {
        #[command(subcommand)]
        what: RulesCommand,
    },
}

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// A session by the beginning of its id [default: all]
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
    /// Only what this rule hides, by its id, or this redaction, by its number; may be given again
    #[arg(long, value_name = "RULE")]
    pub rule: Vec<String>,
    /// Only what rules of at least this severity hide
    #[arg(long, value_name = "SEVERITY", conflicts_with = "rule")]
    pub severity: Option<SeverityName>,
    /// Only what looks like a secret and is shown
    #[arg(long, conflicts_with_all = ["rule", "severity"])]
    pub shown: bool,
    /// Write HTML instead, 500 passages a page: FILE, and what stands beside it as FILE-2 and so on
    #[arg(long, value_name = "FILE", requires = "reason")]
    pub html: Option<PathBuf>,
    /// Show at most this many different passages of each rule; 0 means all [default: 5, with --html 100]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Why; recorded with your name, and shown in reports
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A severity by its name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum SeverityName {
    Low,
    Medium,
    High,
    Critical,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Severity {
        match name {
            SeverityName::Low => Severity::Low,
            SeverityName::Medium => Severity::Medium,
            SeverityName::High => Severity::High,
            SeverityName::Critical => Severity::Critical,
        }
    }
}

/// Different passages of each rule that a preview shows.
const SCREEN_PASSAGES: usize = 5;
const PAGE_PASSAGES: usize = 100;

pub fn run(door: &mut Door, args: RedactArgs) -> Result<Done> {
    match args.what {
        None => hide(door, args.target),
        Some(RedactCommand::List) => list(door),
        Some(RedactCommand::Undo { target, reason }) => undo(door, &target, &reason),
        Some(RedactCommand::History { target }) => history(door, target.as_deref()),
        Some(RedactCommand::Preview(args)) => preview(door, &args),
        Some(RedactCommand::Rules { what }) => rules::run(door, what),
    }
}

fn hide(door: &mut Door, target: RedactTarget) -> Result<Done> {
    let app = app(door, "redact", Vec::new())?;
    let is_bulk = target.from.is_some();
    let requests = match &target.from {
        Some(path) => requests_in(door, path, &target)?,
        None => vec![request(target)],
    };
    let mut progress = door.progress();
    let done = app.redact(&requests, &mut progress)?;
    let literal = requests
        .iter()
        .find_map(|request| request.literal.as_ref().map(|text| (text.len(), request.exact_case)));
    if door.global.json {
        return match &done[..] {
            [only] if !is_bulk => door.print_json(only),
            all => door.print_json(&all),
        }
        .map(|()| Done::Clean);
    }
    if door.global.quiet {
        return Ok(Done::Clean);
    }
    let text = if is_bulk { redaction_made::line } else { redaction_made::text };
    let mut out: String = done.iter().map(|done| text(door, done)).collect();
    if let (false, Some((length, exact_case))) = (is_bulk, literal) {
        out.push_str(&redaction_made::looked_for(length, exact_case));
    }
    if let Some(last) = done.last() {
        let undo = format!("redact undo {} --reason TEXT", last.redaction.seq);
        out.push_str(&door.next(None, &undo));
    }
    door.print(&out)?;
    Ok(Done::Clean)
}

fn request(target: RedactTarget) -> RedactRequest {
    let RedactTarget {
        prompt,
        session,
        entry,
        field,
        span,
        literal,
        exact_case,
        regex,
        repo,
        wide,
        with,
        reason,
        ..
    } = target;
    let place = None;
    RedactRequest {
        prompt,
        session,
        entry,
        field,
        span,
        literal,
        exact_case,
        regex,
        repo,
        wide,
        with,
        reason,
        place,
    }
}

pub fn read_text(path: &Path) -> std::result::Result<String, AppError> {
    let bytes = match path == Path::new("-") {
        true => small_file::read(std::io::stdin(), path, small_file::NAMED_MAX_BYTES),
        false => small_file::read_named(path, small_file::NAMED_MAX_BYTES),
    };
    small_file::text(bytes?, path)
}

fn undo(door: &mut Door, target: &str, reason: &str) -> Result<Done> {
    let app = app(door, "redact undo", Vec::new())?;
    let mut progress = door.progress();
    let done = app.undo(target, reason, &mut progress)?;
    if door.global.json {
        door.print_json(&done)?;
        return Ok(Done::Clean);
    }
    let seq = done.revocation.seq;
    let undo = door.next(None, &format!("redact undo {seq} --reason TEXT"));
    if door.global.quiet {
        return Ok(Done::Clean);
    }
    let passages = done.passages.map_or("its passages".into(), |count| plural(count, "passage"));
    let effect = match (done.hides_again, done.shows_again) {
        (true, _) => format!("{passages} hidden again"),
        (_, true) => format!("{passages} shown again, but where something else hides them"),
        _ => "nothing changes, for another undo ends the same redaction".into(),
    };
    door.print(&format!("{seq} ends {}: {effect}\n{undo}", done.of))?;
    Ok(Done::Clean)
}

fn list(door: &mut Door) -> Result<Done> {
    let rows = app(door, "redact list", Vec::new())?.redactions(true)?;
    if door.global.json {
        door.print_json(&rows)?;
        return Ok(Done::Clean);
    }
    if rows.is_empty() {
        let none =
            "no redaction by hand is in force; `codex-ledger redact rules list` shows the rules\n";
        door.print(&door.hinted(none))?;
        return Ok(Done::Clean);
    }
    let mut out = String::new();
    let zone = zone_named(door, None)?;
    rows.iter().for_each(|row| out.push_str(&redaction_text(door, row, &zone)));
    door.print(&out)?;
    Ok(Done::Clean)
}

fn redaction_text(door: &Door, row: &RedactionRow, zone: &Zone) -> String {
    let seq = match row.active {
        true => door.paint(Style::Green, row.seq.to_string()),
        false => door.paint(Style::Dim, row.seq.to_string()),
    };
    let mut place = safe(&row.target);
    for more in [&row.field, &row.within].into_iter().flatten() {
        place.push_str(&format!(" {}", safe(more)));
    }
    let ended = row.revoked_by.map(|by| format!(", ended by {by}")).unwrap_or_default();
    format!(
        "{seq}  {} {}  {}  {} -> {}  ({} hidden{ended})\n    {}\n",
        minute_in(zone, Some(row.recorded_at_ms)),
        zone.name(),
        safe(row.actor.as_deref().unwrap_or("-")),
        scoped(&row.scope, &place),
        safe(&row.replacement),
        plural(row.passages, "passage"),
        one_line(&row.reason, 100),
    )
}

/// What is hidden: `prompt S#1`. The name of an entry begins with the word already.
pub fn scoped(scope: &str, target: &str) -> String {
    let target = safe(target);
    let is_said = target.strip_prefix(scope).is_some_and(|rest| rest.starts_with(' '));
    if is_said { target } else { format!("{scope} {target}") }
}

fn revocation_text(row: &RevocationRow, zone: &Zone) -> String {
    let ended = if row.active { "" } else { ", undone itself" };
    format!(
        "{}  {} {}  {}  ends {}{ended}\n    {}\n",
        row.seq,
        minute_in(zone, Some(row.recorded_at_ms)),
        zone.name(),
        safe(row.actor.as_deref().unwrap_or("-")),
        row.of,
        one_line(&row.reason, 100),
    )
}

/// One step of the history.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Decision<'a> {
    Redaction(&'a RedactionRow),
    Revocation(&'a RevocationRow),
}

impl Decision<'_> {
    fn text(&self, door: &Door, zone: &Zone) -> String {
        match self {
            Decision::Redaction(row) => redaction_text(door, row, zone),
            Decision::Revocation(row) => revocation_text(row, zone),
        }
    }
}

fn history(door: &mut Door, target: Option<&str>) -> Result<Done> {
    let app = app(door, "redact history", Vec::new())?;
    let (mut redactions, mut revocations) = (app.redactions(false)?, app.revocations()?);
    if let Some(target) = target {
        let named = |seq: Seq, id: &str| target.parse() == Ok(seq) || id.starts_with(target);
        redactions.retain(|row| named(row.seq, &row.id));
        // What ended it, and what ended that.
        let mut chain: Vec<Seq> = redactions.iter().map(|row| row.seq).collect();
        revocations.reverse();
        revocations.retain(|row| {
            let belongs = chain.contains(&row.of) || named(row.seq, &row.id);
            chain.extend(belongs.then_some(row.seq));
            belongs
        });
        if redactions.is_empty() && revocations.is_empty() {
            let message = format!("`{target}` names no redaction");
            return Err(
                DoorError::new(message).hint("`codex-ledger redact history` lists them all")
            );
        }
    }
    let redactions = redactions.iter().map(|row| (row.seq, Decision::Redaction(row)));
    let revocations = revocations.iter().map(|row| (row.seq, Decision::Revocation(row)));
    let decisions: BTreeMap<Seq, Decision<'_>> = redactions.chain(revocations).collect();
    if door.global.json {
        door.print_json(&decisions.values().collect::<Vec<_>>())?;
    } else if decisions.is_empty() {
        door.print("nothing was redacted by hand so far\n")?;
    } else {
        let zone = zone_named(door, None)?;
        let texts = decisions.values().map(|decision| decision.text(door, &zone));
        door.print(&texts.collect::<String>())?;
    }
    Ok(Done::Clean)
}

/// Rules and redactions by their names; a number is that of a redaction.
fn causes(app: &App, names: &[String]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let RulesInForce { rules, .. } = app.rules()?;
    let redactions = app.redactions(true)?;
    let mut known: Vec<String> = rules.rules.iter().map(|rule| rule.id.clone()).collect();
    known.extend(redactions.iter().map(|row| format!("redaction {}", row.seq)));
    let full = |name: &String| match name.parse::<Seq>() {
        Ok(seq) => format!("redaction {seq}"),
        Err(_) => name.clone(),
    };
    let names: Vec<String> = names.iter().map(full).collect();
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(names),
        Some(name) => {
            let error =
                DoorError::new(format!("--rule: `{name}` hides nothing: there is no such rule"));
            Err(match near(name, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("the nearest is `{near}`")),
                None => error.hint(
                    "`codex-ledger redact rules list` and `codex-ledger redact list` name them",
                ),
            })
        }
    }
}

fn preview(door: &mut Door, args: &PreviewArgs) -> Result<Done> {
    let app = app(door, "redact preview", Vec::new())?;
    if let Some(path) = &args.html {
        let is_blank = args.reason.as_deref().is_none_or(|reason| reason.trim().is_empty());
        if is_blank {
            return Err(DoorError::new("a reason is needed").hint("say why with --reason TEXT"));
        }
        if path.symlink_metadata().is_ok() {
            let message =
                format!("{} is there already, and nothing is overwritten", path.display());
            return Err(DoorError::new(message).hint("name a file that is not there yet"));
        }
    }
    let usual = if args.html.is_some() { PAGE_PASSAGES } else { SCREEN_PASSAGES };
    let limit = match args.limit.unwrap_or(usual) {
        0 => usize::MAX,
        limit => limit,
    };
    let (severity, shown) = (args.severity.map(Severity::from), args.shown);
    let rules = causes(&app, &args.rule)?;
    let mut preview = Preview::new(Wanted { rules, severity, shown, limit });
    let (session, reason) = (args.session.as_deref(), args.reason.as_deref());
    if args.html.is_none() && !door.global.json {
        say_raw(door, reason);
    }
    app.preview(session, reason, &mut |session, seen, rules| preview.add(session, &seen, rules))?;
    let groups = preview.into_groups();
    if let Some(path) = &args.html {
        let pages = preview_page::pages(path, &groups);
        for (path, page) in &pages {
            app.write_raw(path, page)?;
        }
        if !door.global.quiet && !door.global.json {
            let path = safe(&path.display().to_string());
            let more = match pages.len() {
                1 => String::new(),
                all => format!(" and {} behind it", plural(all as u64 - 1, "page")),
            };
            door.print(&format!("{path}{more}: raw text, keep it to yourself\n"))?;
        }
        return Ok(Done::Clean);
    }
    if door.global.json {
        door.print_json(&preview::Document::of(&groups))?;
        return Ok(Done::Clean);
    }
    door.print(&preview::text(door, &groups))?;
    Ok(Done::Clean)
}

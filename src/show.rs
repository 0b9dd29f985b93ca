//! `show`: one session in full, or exact bytes.

use crate::door::{Done, Door, Result, Style, app};
use crate::filters::zone_named;
use crate::pager::{PagerArgs, page, width};
use crate::prose;
use crate::text::{bytes, count, duration, minute_in, one_line, plural, printed, safe, short};
use clap::Args;
use codex_ledger_app::{App, Seq};
use codex_ledger_query::{Item, ItemKind, Review, SessionDetail, Zone};
use codex_ledger_report::erased_words;
use std::cell::Cell;
use std::io::IsTerminal;

/// Lines of an output that a terminal shows, and characters of each.
const OUTPUT_LINES: usize = 8;
const LINE_CHARS: usize = 160;

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id of the session or its beginning, its name or title or their beginning, latest, -1, -2, …; SESSION#N is its Nth
    /// prompt with what followed [default: the newest]
    #[arg(
        value_name = "SESSION[#N]",
        default_value = "",
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    pub session: String,
    /// Write the exact bytes of the source instead
    #[arg(long)]
    pub raw: bool,
    /// Only this 0-based line of the source (with --raw)
    #[arg(long, value_name = "N", requires = "raw")]
    pub line: Option<u64>,
    /// An older generation of a source that was rewritten (with --raw)
    #[arg(long, value_name = "N", requires = "raw")]
    pub generation: Option<u32>,
    /// One ledger entry instead of a session (with --raw)
    #[arg(long, value_name = "SEQ", requires = "raw", conflicts_with_all = ["session", "line", "generation"])]
    pub entry: Option<Seq>,
    /// Why; recorded with your name (with --raw)
    #[arg(long, value_name = "TEXT", requires = "raw")]
    pub reason: Option<String>,
    /// All of every text [default where the output is no terminal]
    #[arg(long)]
    pub full: bool,
    /// Show the number of the ledger entry beside each text, as `redact --entry` takes it
    #[arg(long)]
    pub entries: bool,
    /// Time zone of days and times: local, or an IANA name [default: as configured, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Show injected context too
    #[arg(long)]
    pub context: bool,
    #[command(flatten)]
    pub pager: PagerArgs,
}

pub fn run(door: &mut Door, args: ShowArgs) -> Result<Done> {
    let app = app(door, "show", Vec::new())?;
    if args.raw {
        raw(door, &app, &args)?;
        return Ok(Done::Clean);
    }
    let detail = app.session(&args.session)?;
    if door.global.json {
        door.print_json(&detail)?;
        return Ok(Done::Clean);
    }
    let zone = zone_named(door, args.timezone.as_deref())?;
    let mut out = heading(door, &detail, &zone);
    let is_full = args.full || door.global.verbose || !std::io::stdout().is_terminal();
    let mut telling = Telling::new(door, zone, is_full);
    telling.has_entries = args.entries;
    let is_shown = |item: &&Item| args.context || item.kind != ItemKind::Context;
    let injected = detail.items.iter().filter(|item| !is_shown(item)).count();
    for item in detail.items.iter().filter(is_shown) {
        out.push_str(&telling.item(item));
    }
    if injected > 0 {
        let texts = plural(injected as u64, "injected text");
        let said = format!("\n{texts} not shown; --context shows them\n");
        out.push_str(&door.paint(Style::Dim, said));
    }
    if telling.has_folded.get() {
        out.push_str(&door.paint(Style::Dim, "long texts are folded; --full shows all of them\n"));
    }
    page(door, args.pager, &out)?;
    Ok(Done::Clean)
}

fn raw(door: &Door, app: &App, args: &ShowArgs) -> Result<()> {
    let mut failed = Ok(());
    let reason = args.reason.as_deref();
    let mut is_said = false;
    let mut write = |bytes: &[u8]| {
        if !std::mem::replace(&mut is_said, true) {
            crate::door::say_raw(door, reason);
        }
        if failed.is_ok() {
            failed = door.write(bytes);
        }
    };
    match args.entry {
        Some(seq) => {
            app.raw_entry(seq, reason, &mut write)?;
        }
        None => {
            let (session, generation, line) = (&args.session, args.generation, args.line);
            let erased = app.raw_session(session, generation, line, reason, &mut write)?;
            if erased > 0 {
                let lines = plural(erased, "erased line");
                crate::door::say(format!("codex-ledger: {lines} left out"));
            }
        }
    }
    failed
}

/// What is known of the session as a whole.
pub fn heading(door: &Door, detail: &SessionDetail, zone: &Zone) -> String {
    let session = &detail.session;
    let name = session
        .title
        .as_deref()
        .map(|title| format!("  {}", one_line(title, 100)))
        .unwrap_or_default();
    let mut out = format!("{}{name}\n", door.paint(Style::Bold, one_line(&session.id, 80)));
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("  {key:<9} {}\n", safe(&value)));
        }
    };
    line(
        "when",
        Some(format!(
            "{} to {} {}",
            minute_in(zone, session.created_at_ms),
            minute_in(zone, session.last_at_ms),
            zone.name()
        )),
    );
    line("where", session.cwd.clone());
    let commit = detail.git_commit.as_deref().map(|c| c.chars().take(12).collect::<String>());
    let git: Vec<String> = [detail.git_branch.clone(), commit].into_iter().flatten().collect();
    line("git", (!git.is_empty()).then(|| git.join(" ")));
    let client: Vec<String> =
        [session.model.clone(), session.started_from(), session.cli_version.clone()]
            .into_iter()
            .flatten()
            .collect();
    line("client", (!client.is_empty()).then(|| client.join(", ")));
    line("parent", session.parent_id.clone());
    let failed = match session.failed {
        0 => String::new(),
        failed => format!(" ({} failed)", count(failed)),
    };
    let erased = detail
        .erased
        .as_ref()
        .map_or(String::new(), |erased| format!(", {}", erased_words(erased.records, &erased.by)));
    line(
        "contents",
        Some(format!(
            "{}, {}{failed}, {} tokens, {} in {}{erased}",
            plural(session.prompts, "prompt"),
            plural(session.calls, "call"),
            short(session.tokens),
            bytes(session.bytes),
            plural(session.lines, "line"),
        )),
    );
    line("file", detail.path.clone());
    for (name, value) in detail.review.facts() {
        line(name, Some(value));
    }
    out
}

/// How the items of a session are told.
pub struct Telling<'d> {
    door: &'d Door,
    zone: Zone,
    /// All of every text; else the beginning of long ones, and how much is left out.
    is_full: bool,
    /// Whether the number of its entry stands beside each item.
    pub has_entries: bool,
    /// The day of the item before.
    day: String,
    /// The entry of the item before, where that is a call: a call of the same entry is one of its script.
    call: Option<Seq>,
    /// Whether something was left out.
    pub has_folded: Cell<bool>,
}

impl<'d> Telling<'d> {
    pub fn new(door: &'d Door, zone: Zone, is_full: bool) -> Telling<'d> {
        let has_folded = Cell::new(false);
        let day = String::new();
        Telling { door, zone, is_full, has_entries: false, day, call: None, has_folded }
    }

    /// An item; the day first, where another one begins.
    pub fn item(&mut self, item: &Item) -> String {
        let day = item.at_ms.map(|at_ms| self.zone.minute(at_ms));
        let day = day.and_then(|minute| minute.split(' ').next().map(str::to_string));
        let day = day.filter(|day| *day != self.day);
        let date = match &day {
            Some(day) => format!("\n{}\n", self.door.paint(Style::Dim, format!("── {day} ──"))),
            None => String::new(),
        };
        self.day = day.unwrap_or_else(|| std::mem::take(&mut self.day));
        let is_of_script = item.kind == ItemKind::Call && self.call == Some(item.seq);
        self.call = (item.kind == ItemKind::Call).then_some(item.seq);
        date + &self.text(item, is_of_script)
    }

    fn text(&self, item: &Item, is_of_script: bool) -> String {
        let door = self.door;
        let kept = if item.kept { " only in another version of the file:" } else { "" };
        let second = item.at_ms.map_or_else(|| "-".into(), |at_ms| self.zone.second(at_ms));
        let entry = if self.has_entries { format!(" entry {}", item.seq) } else { String::new() };
        let time = door.paint(Style::Dim, format!("{second}{entry}{kept}"));
        let label = item.label.as_deref().unwrap_or_default();
        match item.kind {
            ItemKind::Prompt => {
                let back = if item.rolled_back { " (rolled back)" } else { "" };
                let images = item.label.as_ref().map(|images| format!(" ({images})"));
                let images = images.unwrap_or_default();
                let head = format!("prompt {}{images}{back}", item.number.unwrap_or(0));
                let text: String = safe(&printed(&item.text))
                    .trim_end()
                    .lines()
                    .map(|line| format!("    {}\n", door.paint(Style::Bold, line)))
                    .collect();
                let said = item.review.as_ref().map(Review::facts).unwrap_or_default();
                let said = said.iter().map(|(name, value)| {
                    let said = format!("{name}: {}", safe(value));
                    format!("    {}\n", door.paint(Style::Cyan, said.replace('\n', " ")))
                });
                let said: String = said.collect();
                format!("\n{time} {}\n{text}{said}", door.paint(Style::Yellow, head))
            }
            ItemKind::Message => {
                let head = door.paint(Style::Green, safe(label));
                format!("{time} {head}\n{}", indent(&self.prose(&item.text), 4))
            }
            ItemKind::Context => {
                let head = door.paint(Style::Dim, format!("context {}:", safe(label)));
                format!("{time} {head} {}", self.brief(&item.text, 80))
            }
            ItemKind::Reasoning => {
                let head = door.paint(Style::Magenta, "thinks");
                format!("{time} {head} {}", self.brief(&item.text.replace("**", ""), 90))
            }
            ItemKind::Plan => {
                let head = door.paint(Style::Dim, "plan");
                format!("{time} {head} {} {}", step_mark(label), self.brief(&item.text, 90))
            }
            ItemKind::Call if is_of_script => self.call(item, &format!("{time}  "), label, true),
            ItemKind::Call => self.call(item, &time, label, false),
            ItemKind::Turn => {
                let took = item.duration_ms.map(|ms| format!(" {}", duration(ms as u64)));
                let head = door.paint(Style::Dim, format!("turn {}", safe(label)));
                let text = self.brief(&item.text, 80);
                let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
                format!("{time} {head} {first}{}\n{rest}", took.unwrap_or_default())
            }
        }
    }

    /// What was said: on a terminal as it was meant to look, else as it was written.
    fn prose(&self, text: &str) -> String {
        match width() {
            Some(width) => prose::lines(self.door, text, width.saturating_sub(5)),
            None => safe(text),
        }
    }

    /// A text that begins behind a heading: its first line, and the others below where all is told.
    fn brief(&self, text: &str, width: usize) -> String {
        let text = text.trim();
        let more = text.lines().count().saturating_sub(1);
        if self.is_full {
            let text = safe(text);
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            return format!("{first}\n{}", indent(rest, 4));
        }
        let line = one_line(text, width);
        self.has_folded.set(self.has_folded.get() || line.ends_with('…'));
        let left = if more > 0 { self.left_out(more) } else { String::new() };
        format!("{line}{left}\n")
    }

    fn left_out(&self, lines: usize) -> String {
        self.has_folded.set(true);
        let noun = if lines == 1 { "line" } else { "lines" };
        self.door.paint(Style::Dim, format!(" ({} more {noun})", count(lines as u64)))
    }

    fn call(&self, item: &Item, time: &str, name: &str, is_of_script: bool) -> String {
        let door = self.door;
        let status = match (item.status.as_deref(), item.exit_code) {
            (Some("ok"), _) => door.paint(Style::Green, "ok"),
            // How its script has ended stands above, and with it what was put out.
            (None, None) if is_of_script => String::new(),
            (Some("unknown"), None) => door.paint(Style::Dim, "outcome not told"),
            (Some(status), Some(code)) => {
                door.paint(Style::Red, format!("{} {code}", safe(status)))
            }
            (Some(status), None) => door.paint(Style::Yellow, safe(status)),
            (None, _) => door.paint(Style::Yellow, "no output"),
        };
        // Some clients write 0 for what they did not measure.
        let took = item.duration_ms.filter(|ms| *ms > 0);
        let took = took.map(|ms| duration(ms as u64));
        let ended: Vec<String> =
            Some(status).filter(|status| !status.is_empty()).into_iter().chain(took).collect();
        let ended =
            if ended.is_empty() { String::new() } else { format!(" ({})", ended.join(", ")) };
        let head = door.paint(Style::Cyan, safe(name));
        let asked = item.text.trim();
        let mut out = match asked.lines().nth(1) {
            // A script or a patch: on lines of its own.
            Some(_) => format!("{time} {head}{ended}\n{}", self.lines(asked, None)),
            None if self.is_full => format!("{time} {head} {}{ended}\n", safe(asked)),
            None => {
                // The status stands in the same line.
                let beside = name.chars().count() + 28;
                let columns = width().unwrap_or(150).saturating_sub(beside).clamp(20, 300);
                let asked = one_line(asked, columns);
                self.has_folded.set(self.has_folded.get() || asked.ends_with('…'));
                format!("{time} {head} {asked}{ended}\n")
            }
        };
        let output = item.output.as_deref().unwrap_or_default();
        out.push_str(&self.lines(output, Some(Style::Dim)));
        out
    }

    /// Lines under a call; those of a patch in its colours.
    fn lines(&self, text: &str, style: Option<Style>) -> String {
        let text = safe(&printed(text.trim_end()));
        let lines: Vec<&str> = text.lines().collect();
        let shown = if self.is_full { lines.len() } else { lines.len().min(OUTPUT_LINES) };
        let is_patch = style.is_none() && text.contains("*** Begin Patch");
        let mut out = String::new();
        for line in lines.iter().take(shown) {
            let cut: String =
                line.chars().take(if self.is_full { usize::MAX } else { LINE_CHARS }).collect();
            let cut = if cut.len() < line.len() { format!("{cut}…") } else { cut };
            let color = match line.chars().next() {
                Some('+') if is_patch => Some(Style::Green),
                Some('-') if is_patch => Some(Style::Red),
                _ => style,
            };
            let cut = color.map_or(cut.clone(), |color| self.door.paint(color, &cut));
            out.push_str(&format!("    {cut}\n"));
        }
        if lines.len() > shown {
            out.push_str(&format!("   {}\n", self.left_out(lines.len() - shown)));
        }
        out
    }
}

/// A step of a plan as on a list.
fn step_mark(status: &str) -> String {
    match status {
        "completed" => "[x]".into(),
        "in_progress" => "[>]".into(),
        "pending" => "[ ]".into(),
        other => format!("[{}]", safe(other)),
    }
}

fn indent(text: &str, width: usize) -> String {
    let pad = " ".repeat(width);
    text.trim_end().lines().map(|line| format!("{pad}{line}\n")).collect()
}

//! `report`: what is to be published, to a file, a folder or standard output.

use crate::args::OverrideArgs;
use crate::bundle;
use crate::door::{Done, Door, Result, Style, app, with_ledger};
use crate::error::DoorError;
use crate::filters::FilterArgs;
use crate::pager::{PagerArgs, page, width};
use crate::prose::report_lines;
use crate::publish;
use crate::text::{bytes, plural, safe};
use crate::vouching;
use clap::{Args, ValueEnum};
use codex_ledger_app::publish::{Finding, Gate, Language, Watched, folder_of};
use codex_ledger_app::{
    App, PriceTable, Rendering, ReportFile, Seq, Withheld, Written, WrittenFile, renderer,
};
use codex_ledger_query::{Beside, Mode, Order, ReportReader, ReportRequest, Zone, ago};
use codex_ledger_report::{Csv, Table};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is told, of which sessions, and how.
#[derive(Debug, Args)]
pub struct ContentArgs {
    /// How much to tell
    #[arg(long, value_enum, default_value_t = ReportMode::Prompts, value_name = "MODE")]
    pub mode: ReportMode,
    /// In which format [default: as the end of the file's name says, else md]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Which sessions come first
    #[arg(long, value_enum, default_value_t = ReportOrder::Oldest, value_name = "ORDER")]
    pub order: ReportOrder,
    /// At most this many sessions, of those that come first; 0 tells of all
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// For readers outside: not who hid or read what and why, and not what reviewers say
    #[arg(long)]
    pub external: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub content: ContentArgs,
    /// Write to a file; for CSV, a name without `.csv` is a folder for one file per table
    #[arg(long, short, value_name = "PATH", conflicts_with = "publish")]
    pub output: Option<PathBuf>,
    /// Write an index and a page for each session or day into a folder; only what changed is written
    #[arg(long, value_name = "DIR")]
    pub publish: Option<PathBuf>,
    /// What a page is about
    #[arg(long, value_enum, default_value_t = By::Session, value_name = "WHAT", requires = "publish")]
    pub by: By,
    /// Only check that the folder is up to date; exit code 1 when it is not
    #[arg(long, requires = "publish", conflicts_with = "is_unsafe")]
    pub check: bool,
    /// Also write FILE.zip: evidence that the report is what the log records, as `audit bundle` makes it
    #[arg(long, requires = "output", conflicts_with_all = ["publish", "is_unsafe"])]
    pub prove: bool,
    #[command(flatten)]
    pub overriding: OverrideArgs,
}

/// How much to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportMode {
    /// What was asked
    Prompts,
    /// And what was answered
    #[value(name = "prompts+answers", alias = "answers")]
    Answers,
    /// And what was done about it
    Actions,
    /// Usage and cost
    Tokens,
    /// Everything
    Full,
}

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// Comma-separated values
    Csv,
    /// The report's model
    Json,
    /// One self-contained page
    Html,
}

impl Format {
    /// What the end of a file's name says.
    fn of_name(path: &Path) -> Option<Format> {
        let end = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match end.as_str() {
            "md" | "markdown" => Format::Md,
            "csv" => Format::Csv,
            "json" => Format::Json,
            "html" | "htm" => Format::Html,
            _ => return None,
        })
    }

    pub fn language(self) -> Language {
        match self {
            Format::Md => Language::Markdown,
            Format::Csv => Language::Csv,
            Format::Json => Language::Json,
            Format::Html => Language::Html,
        }
    }
}

/// Which sessions come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportOrder {
    Oldest,
    Newest,
}

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Session,
    Day,
    Week,
    Month,
    Repo,
}

pub fn run(door: &mut Door, args: ReportArgs) -> Result<Done> {
    let app = app(door, "report", Vec::new())?;
    let request = request(door, &app, &args.content, args.publish.is_some())?;
    if args.overriding.is_unsafe && args.publish.is_none() && args.output.is_none() {
        return Err(DoorError::new("--unsafe is about files")
            .hint("name one with --output, or a folder with --publish"));
    }
    if let Some(dir) = &args.publish {
        return publish::run(door, &app, &args, dir, &request);
    }
    let format = match (args.content.format, door.global.json) {
        (None | Some(Format::Json), true) => Format::Json,
        (Some(_), true) => {
            return Err(DoorError::new("--json is --format json").hint("leave one of the two out"));
        }
        (Some(format), false) => format,
        (None, false) => args.output.as_deref().and_then(Format::of_name).unwrap_or(Format::Md),
    };
    if let Some(path) = &args.output {
        check_target(path, format)?;
        if args.prove {
            bundle::check_evidence(path)?;
        }
    }
    let gate = app.gate()?;
    let prices = PriceTable::builtin();
    let report = door.patiently("reading", || app.report(&gate, request, prices))?;
    if report.head().sessions.is_empty() && !door.global.quiet {
        crate::door::say("codex-ledger: no sessions match; the report is empty");
    }
    let Some(path) = &args.output else {
        return match (args.content.format, format, width()) {
            (None, Format::Md, Some(width)) => print_paged(door, &app, &gate, &report, width),
            _ => print(door, &app, &gate, &report, format),
        };
    };
    let files = files(&report, path, format)?;
    let write =
        || app.write_report(&gate, &report, files, format.language(), args.overriding.reason());
    let written = door.patiently("writing", write)?;
    if !(args.prove && door.global.json && written.withheld.is_empty()) {
        say(door, &report, &written)?;
    }
    if args.prove && written.withheld.is_empty() {
        return bundle::of_report(door, &app, &args.content, format, path);
    }
    Ok(if written.withheld.is_empty() { Done::Clean } else { Done::Findings })
}

/// To standard output: what a file would be held for is said, and held by nobody.
fn print(
    door: &Door,
    app: &App,
    gate: &Gate,
    report: &ReportReader,
    format: Format,
) -> Result<Done> {
    const PLACE: &str = "standard output";
    let out = BufWriter::with_capacity(BUFFER_BYTES, Stdout(door));
    let mut out = Watched::new(gate, format.language(), PLACE, out);
    let mut renderer = renderer(format.language());
    app.render(report, &mut [Rendering { renderer: &mut *renderer, paper: &mut out }])?;
    let found = out.finish();
    say_found(door, &found.map_err(|e| DoorError::new(format!("{PLACE}: {e}")))?);
    Ok(Done::Clean)
}

/// What a file would be held for.
fn say_found(door: &Door, found: &BTreeSet<Finding>) {
    let Some(first) = found.first().filter(|_| !door.global.quiet) else { return };
    let passages = plural(found.len() as u64, "passage");
    let (line, rule) = (first.line, safe(&first.rule));
    crate::door::say(format!(
        "codex-ledger: {passages} that no file would be written with, the first in line {line}: {rule}"
    ));
}

/// On a terminal, where no format is named: as it is meant to look, through the pager.
fn print_paged(
    door: &Door,
    app: &App,
    gate: &Gate,
    report: &ReportReader,
    width: usize,
) -> Result<Done> {
    let mut text = Vec::new();
    let mut out = Watched::new(gate, Language::Markdown, "the terminal", &mut text);
    let mut renderer = renderer(Language::Markdown);
    app.render(report, &mut [Rendering { renderer: &mut *renderer, paper: &mut out }])?;
    let found = out.finish().map_err(|e| DoorError::new(format!("the terminal: {e}")))?;
    let text = report_lines(door, &String::from_utf8_lossy(&text), width);
    page(door, PagerArgs { no_pager: false }, &text)?;
    say_found(door, &found);
    Ok(Done::Clean)
}

/// What is asked for; pages that are published stay the same while their days do.
pub fn request(
    door: &Door,
    app: &App,
    args: &ContentArgs,
    is_published: bool,
) -> Result<ReportRequest> {
    let zone = &args.filters.zone(door)?;
    let mut filter = args.filters.filter(zone)?;
    let mut said = [args.filters.since.clone(), args.filters.until.clone()];
    if is_published {
        // Pages change when what they tell changes, not when an hour has gone by.
        for (said, at_ms) in said.iter_mut().zip([&mut filter.since_ms, &mut filter.until_ms]) {
            on_its_day(said, at_ms, zone);
        }
    }
    let [since_said, until_said] = said;
    filter.limit = args.limit.filter(|limit| *limit > 0);
    filter.order = match args.order {
        ReportOrder::Oldest => Order::Oldest,
        ReportOrder::Newest => Order::Newest,
    };
    Ok(ReportRequest {
        title: args.title.clone(),
        mode: match args.mode {
            ReportMode::Prompts => Mode::Prompts,
            ReportMode::Answers => Mode::Answers,
            ReportMode::Actions => Mode::Actions,
            ReportMode::Tokens => Mode::Tokens,
            ReportMode::Full => Mode::Full,
        },
        filter,
        since_said,
        until_said,
        zone: zone.clone(),
        page: false,
        beside: Beside::default(),
        external: args.external,
        checkpoint: vouching::in_words(app),
    })
}

/// How long ago becomes the beginning of that day.
fn on_its_day(said: &mut Option<String>, at_ms: &mut Option<i64>, zone: &Zone) {
    let is_ago = said.as_deref().is_some_and(|said| ago(said).is_some());
    if let Some(date) = at_ms.filter(|_| is_ago).and_then(|ms| zone.date(ms)) {
        *at_ms = zone.start_of(date);
        *said = Some(date.to_string());
    }
}

/// Standard output as a writer; a reader that went away ends the program quietly.
struct Stdout<'a>(&'a Door);

impl Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The door names the place, and so does who hears of this.
        let reason = |e: DoorError| e.message.replacen("standard output: ", "", 1);
        self.0.write(bytes).map_err(|e| io::Error::other(reason(e)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_folder(path: &Path, format: Format) -> bool {
    let has_name = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    format == Format::Csv && (path.is_dir() || !has_name)
}

/// Endings of formats that people may expect and that are not written.
const OTHER_ENDINGS: [&str; 8] = ["doc", "docx", "odt", "pdf", "rtf", "tex", "xls", "xlsx"];

fn check_target(path: &Path, format: Format) -> Result<()> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if OTHER_ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
        let message = format!("--output: {} is no format of reports", path.display());
        return Err(DoorError::new(message)
            .hint("a name that ends in .md, .html, .csv or .json; HTML prints well, also as PDF"));
    }
    if let Some(named) = Format::of_name(path).filter(|named| *named != format) {
        let (name, format) = (path.display(), format.language().extension());
        let message = format!("--output: {name} would hold {format}");
        let other = named.language().extension();
        return Err(
            DoorError::new(message).hint(format!("--format {other}, or another name for the file"))
        );
    }
    if is_folder(path, format) {
        return Ok(());
    }
    if path.is_dir() {
        let message = format!("--output: {} is a directory", path.display());
        let file = path.join(format!("report.{}", format.language().extension()));
        return Err(
            DoorError::new(message).hint(format!("name a file, such as {}", file.display()))
        );
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let message = format!("--output: there is no directory {}", folder.display());
        return Err(DoorError::new(message).hint("make it first"));
    }
    Ok(())
}

/// Files of a report: one, or for a folder one per table, all from one reading.
fn files(report: &ReportReader, path: &Path, format: Format) -> Result<Vec<ReportFile>> {
    if !is_folder(path, format) {
        let (renderer, path) = (renderer(format.language()), path.to_path_buf());
        return Ok(vec![ReportFile { renderer, path }]);
    }
    std::fs::create_dir_all(path)
        .map_err(|e| DoorError::new(format!("{}: {e}", path.display())))?;
    let tables = Table::of_mode(report.head().mode).into_iter();
    let file =
        |(table, name)| ReportFile { renderer: Box::new(Csv::new(table)), path: path.join(name) };
    Ok(tables.map(file).collect())
}

/// What was found in a document that was not written, without its words.
pub fn finding_text(door: &Door, of: &Withheld) -> String {
    let mut out = String::new();
    for Finding { line, rule } in &of.findings {
        let name = door.paint(Style::Red, safe(&of.name));
        let what = format!("line {line}: {}: looks like a secret, or is hidden", safe(rule));
        out.push_str(&format!("  {name}  {what}\n"));
    }
    out
}

/// The same for programs.
#[derive(Serialize)]
pub struct Secret<'a> {
    page: &'a str,
    rule: &'a str,
    line: usize,
}

pub fn secrets(withheld: &[Withheld]) -> Vec<Secret<'_>> {
    let all = withheld.iter().flat_map(|of| of.findings.iter().map(|found| (&of.name, found)));
    all.map(|(page, found)| Secret { page, rule: &found.rule, line: found.line }).collect()
}

/// What is printed of a report's files.
#[derive(Serialize)]
struct Document<'a> {
    written: &'a [WrittenFile],
    secrets: Vec<Secret<'a>>,
    waiver: Option<Seq>,
}

/// What to do about it.
pub const GATE_HINT: &str = "  not written; hide it with `codex-ledger redact`, or say why not with --unsafe --reason TEXT\n";

fn say(door: &Door, report: &ReportReader, written: &Written) -> Result<()> {
    let Written { files, withheld, waiver } = written;
    if door.global.json {
        let secrets = secrets(withheld);
        return door.print_json(&Document { written: files, secrets, waiver: *waiver });
    }
    let mut out = String::new();
    withheld.iter().for_each(|of| out.push_str(&finding_text(door, of)));
    if !withheld.is_empty() {
        out.push_str(&with_ledger(&door.global, GATE_HINT));
    }
    if door.global.quiet && out.is_empty() {
        return Ok(());
    }
    let totals = &report.head().totals;
    let what =
        format!("{}, {}", plural(totals.sessions, "session"), plural(totals.prompts, "prompt"));
    for file in files {
        let path = safe(&file.path.display().to_string());
        out.push_str(&format!("{path}  {}\n", bytes(file.bytes)));
    }
    if let Some(seq) = waiver {
        out.push_str(&format!("entry {seq} records that the gate was overridden\n"));
    }
    door.print(&if withheld.is_empty() { format!("{out}{what}\n") } else { out })
}

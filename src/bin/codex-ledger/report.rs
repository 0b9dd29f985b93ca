//! `report`: what is to be published, to a file, a folder or standard output.

use crate::door::{Done, Door, Result, app};
use crate::filters::FilterArgs;
use crate::publish;
use crate::text::{bytes, plural};
use clap::{Args, ValueEnum};
use codex_ledger::app::{App, AppError, ErrorKind, PriceTable};
use codex_ledger::query::{Mode, Order, ReportReader, ReportRequest, Zone};
use codex_ledger::report::{Csv, Html, Json, Markdown, Renderer, Table};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// How much to tell
    #[arg(long, value_enum, default_value_t = ReportMode::Prompts, value_name = "MODE")]
    pub mode: ReportMode,
    /// In which format [default: md]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Which sessions come first
    #[arg(long, value_enum, default_value_t = ReportOrder::Oldest, value_name = "ORDER")]
    pub order: ReportOrder,
    /// At most this many sessions, of those that come first
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
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
    #[arg(long, requires = "publish")]
    pub check: bool,
}

/// How much to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportMode {
    /// What was asked
    Prompts,
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
}

pub fn run(door: &mut Door, args: ReportArgs) -> Result<Done> {
    let app = app(door, "report", Vec::new())?;
    let zone = args.filters.zone()?;
    let request = request(&args, &zone)?;
    if let Some(dir) = &args.publish {
        return publish::run(door, &app, &args, dir, &request);
    }
    let format = match (args.format, door.global.json) {
        (None | Some(Format::Json), true) => Format::Json,
        (Some(_), true) => {
            return Err(AppError::new(ErrorKind::Usage, "--json is --format json")
                .hint("leave one of the two out"));
        }
        (format, false) => format.unwrap_or(Format::Md),
    };
    if let Some(path) = &args.output {
        check_target(path, format)?;
    }
    let report = app.report(request, PriceTable::builtin())?;
    if report.head().sessions.is_empty() && !door.global.quiet {
        crate::door::say("codex-ledger: no sessions match; the report is empty");
    }
    match &args.output {
        None => {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, Stdout(door));
            let mut renderer = renderer(format);
            render(&app, &report, &mut [(&mut *renderer, &mut out)])
                .map_err(|e| e.at("standard output"))?;
            out.flush().map_err(|e| failed("standard output", &e))?;
        }
        Some(path) => {
            let written = match is_folder(path, format) {
                true => tables(&app, &report, path)?,
                false => vec![file(&app, &report, path, format)?],
            };
            say(door, &report, &written)?;
        }
    }
    Ok(Done::Clean)
}

fn request(args: &ReportArgs, zone: &Zone) -> Result<ReportRequest> {
    let mut filter = args.filters.filter(zone)?;
    filter.limit = args.limit;
    filter.order = match args.order {
        ReportOrder::Oldest => Order::Oldest,
        ReportOrder::Newest => Order::Newest,
    };
    Ok(ReportRequest {
        title: args.title.clone(),
        mode: match args.mode {
            ReportMode::Prompts => Mode::Prompts,
            ReportMode::Actions => Mode::Actions,
            ReportMode::Tokens => Mode::Tokens,
            ReportMode::Full => Mode::Full,
        },
        filter,
        since_said: args.filters.since.clone(),
        until_said: args.filters.until.clone(),
        zone: zone.clone(),
        page: false,
    })
}

/// The renderer of a format; for CSV, of the mode's main table.
pub fn renderer(format: Format) -> Box<dyn Renderer> {
    match format {
        Format::Md => Box::new(Markdown::default()),
        Format::Csv => Box::new(Csv::new(Table::Stream)),
        Format::Json => Box::new(Json::default()),
        Format::Html => Box::new(Html::default()),
    }
}

/// What goes wrong while rendering.
pub enum Failure {
    /// On our side.
    Reading(AppError),
    /// Where the bytes go.
    Writing(io::Error),
}

impl Failure {
    /// The error as it is shown, with the place where the bytes go.
    pub fn at(self, place: impl std::fmt::Display) -> AppError {
        match self {
            Failure::Reading(error) => error,
            Failure::Writing(error) => failed(place, &error),
        }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Failure {
        Failure::Reading(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Writing(error)
    }
}

/// A renderer and where its bytes go.
pub type Target<'a> = (&'a mut dyn Renderer, &'a mut dyn Write);

/// Reads a report once and gives all of it to every renderer.
pub fn render(
    app: &App,
    report: &ReportReader,
    targets: &mut [Target<'_>],
) -> std::result::Result<(), Failure> {
    let head = report.head();
    for (renderer, out) in targets.iter_mut() {
        renderer.begin(out, head)?;
    }
    for session in head.sessions.iter().filter(|_| head.mode.has_prompts()) {
        for (renderer, out) in targets.iter_mut() {
            renderer.session(out, head, session)?;
        }
        let mut prompts = app.prompts(report, session)?;
        while let Some(prompt) = app.next_prompt(&mut prompts)? {
            for (renderer, out) in targets.iter_mut() {
                renderer.prompt(out, head, &prompt)?;
            }
        }
        for (renderer, out) in targets.iter_mut() {
            renderer.session_end(out, head)?;
        }
    }
    for (renderer, out) in targets.iter_mut() {
        renderer.end(out, head)?;
    }
    Ok(())
}

/// Standard output as a writer; a reader that went away ends the program quietly.
struct Stdout<'a>(&'a Door);

impl Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The door names the place, and so does who hears of this.
        let reason = |e: AppError| e.message.replacen("standard output: ", "", 1);
        self.0.write(bytes).map_err(|e| io::Error::other(reason(e)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error of a place where bytes go.
pub fn failed(place: impl std::fmt::Display, error: &io::Error) -> AppError {
    AppError::new(ErrorKind::Io, format!("{place}: {error}"))
}

fn is_folder(path: &Path, format: Format) -> bool {
    let has_name = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    format == Format::Csv && (path.is_dir() || !has_name)
}

fn check_target(path: &Path, format: Format) -> Result<()> {
    if is_folder(path, format) {
        return Ok(());
    }
    if path.is_dir() {
        let message = format!("--output: {} is a directory", path.display());
        let file = path.join(format!("report.{}", extension(format)));
        return Err(AppError::new(ErrorKind::Usage, message)
            .hint(format!("name a file, such as {}", file.display())));
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let message = format!("--output: there is no directory {}", folder.display());
        return Err(AppError::new(ErrorKind::Usage, message).hint("make it first"));
    }
    Ok(())
}

/// The end of a file's name in that format.
pub fn extension(format: Format) -> &'static str {
    match format {
        Format::Md => "md",
        Format::Csv => "csv",
        Format::Json => "json",
        Format::Html => "html",
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that gets its name only when it is whole.
///
/// What is no file, such as a pipe or a device, is written to as it is: nothing may take its place. A link
/// stays; the file that it leads to is replaced.
pub struct Whole {
    path: PathBuf,
    out: BufWriter<Sink>,
    bytes: u64,
}

enum Sink {
    Temporary(tempfile::NamedTempFile),
    Direct(File),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Temporary(file) => file.write(bytes),
            Sink::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Whole {
    /// Begins a file beside the place where it will be.
    pub fn create(path: &Path) -> Result<Whole> {
        let wrong = |e: io::Error| failed(path.display(), &e);
        let found = std::fs::metadata(path).ok();
        let path = match found.is_some() {
            true => path.canonicalize().map_err(wrong)?,
            false => path.to_path_buf(),
        };
        let sink = match found.is_some_and(|found| !found.is_file()) {
            true => Sink::Direct(File::options().write(true).open(&path).map_err(wrong)?),
            false => Sink::Temporary(temporary(folder_of(&path)).map_err(wrong)?),
        };
        Ok(Whole { path, out: BufWriter::with_capacity(BUFFER_BYTES, sink), bytes: 0 })
    }

    /// Gives the file its name; returns its bytes.
    pub fn finish(self) -> Result<u64> {
        let path = self.path;
        let wrong = |e: io::Error| failed(path.display(), &e);
        let sink = self.out.into_inner().map_err(|e| wrong(e.into_error()))?;
        let Sink::Temporary(file) = sink else { return Ok(self.bytes) };
        file.as_file().sync_all().map_err(wrong)?;
        file.persist(&path).map_err(|e| wrong(e.error))?;
        Ok(self.bytes)
    }
}

fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".codex-ledger-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other file: what the person's mask leaves of it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn file(app: &App, report: &ReportReader, path: &Path, format: Format) -> Result<(PathBuf, u64)> {
    let mut out = Whole::create(path)?;
    render(app, report, &mut [(&mut *renderer(format), &mut out)])
        .map_err(|e| e.at(path.display()))?;
    Ok((path.to_path_buf(), out.finish()?))
}

/// One file per table, all from one reading.
fn tables(app: &App, report: &ReportReader, dir: &Path) -> Result<Vec<(PathBuf, u64)>> {
    std::fs::create_dir_all(dir).map_err(|e| failed(dir.display(), &e))?;
    let mut files = Vec::new();
    for (table, name) in Table::of_mode(report.head().mode) {
        files.push((Csv::new(table), Whole::create(&dir.join(name))?));
    }
    let mut targets: Vec<Target<'_>> =
        files.iter_mut().map(|(csv, out)| (csv as &mut dyn Renderer, out as _)).collect();
    render(app, report, &mut targets).map_err(|e| e.at(dir.display()))?;
    files.into_iter().map(|(_, out)| Ok((out.path.clone(), out.finish()?))).collect()
}

fn say(door: &Door, report: &ReportReader, written: &[(PathBuf, u64)]) -> Result<()> {
    if door.global.json {
        let files: Vec<_> =
            written.iter().map(|(path, bytes)| json!({"path": path, "bytes": bytes})).collect();
        return door.print_json(&json!({"written": files}));
    }
    if door.global.quiet {
        return Ok(());
    }
    let totals = &report.head().totals;
    let what =
        format!("{}, {}", plural(totals.sessions, "session"), plural(totals.prompts, "prompt"));
    let mut out = String::new();
    for (path, size) in written {
        out.push_str(&format!("{}  {}\n", path.display(), bytes(*size)));
    }
    door.print(&format!("{out}{what}\n"))
}

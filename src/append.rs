//! `append`: the main job.

use crate::audit_proofs::KeyArgs;
use crate::door::{Done, Door, Result, Style, app, said_settings, setup};
use crate::error::DoorError;
use crate::text::{
    bytes, count, duration, plural, problem_lines, reason_in_words, safe, safe_path,
};
use crate::vouching::{Signed, Signing, is_behind, sign};
use clap::Args;
use codex_ledger_app::{
    App, AppError, AppendOptions, AppendReport, Appended, ByteCounts, ErasedFile, FileCounts,
    HeadSummary, Seq, SeqRange, SourceProblem, check_place,
};
use include_dir::{Dir, include_dir};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of erased sessions that are named.
const ERASED_MAX: usize = 5;
/// The invented home; see `fixtures/README.md`.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/codex-home");
/// Files whose problems are listed for people; `--json` and `--verbose` have every line.
const PROBLEMS_SHOWN: usize = 8;

#[derive(Debug, Args)]
pub struct AppendArgs {
    /// Codex homes, folders or files [default: configured roots, else CODEX_HOME, else ~/.codex]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Go on and append whenever the logs change
    #[arg(long, conflicts_with_all = ["dry_run", "sample"])]
    pub watch: bool,
    /// Use the invented home that is inside this program, in a ledger of its own
    #[arg(long, conflicts_with = "paths")]
    pub sample: bool,
    /// Read at most this many changed files; 0 reads all
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only say what would be read
    #[arg(long)]
    pub dry_run: bool,
    /// Leave the views as they are
    #[arg(long)]
    pub no_views: bool,
    #[command(flatten)]
    pub key: KeyArgs,
}

pub fn run(door: &mut Door, args: AppendArgs) -> Result<Done> {
    let command = if args.watch { "append --watch" } else { "append" };
    let app = if args.sample { sample_app(door)? } else { app(door, command, args.paths)? };
    let options = AppendOptions {
        limit: args.limit.filter(|limit| *limit > 0),
        dry_run: args.dry_run,
        no_views: args.no_views,
    };
    if args.watch {
        return watch(door, &app, options, &args.key);
    }
    let mut listener = door.progress();
    let appended = app.append(options, &mut listener)?;
    let signing = signing(&app, &appended, &args.key);
    if door.global.json {
        door.print_json(&document(door, &appended, &signing))?;
    } else if !door.global.quiet {
        let signed = signing.signed.as_ref();
        let text = as_text(door, &app, (&appended, signed), args.dry_run, args.sample);
        door.print(&text)?;
    }
    if !args.no_views {
        crate::search::index(door, &app, appended.report.entries.len());
    }
    Ok(match (appended.report.files.failed, signing.problem) {
        (0, None) => Done::Clean,
        _ => Done::Findings,
    })
}

/// The sample lives in a ledger of its own, so that it never mixes with real history.
fn sample_app(door: &Door) -> Result<App> {
    let settings = said_settings(door)?;
    let dir = match &door.global.ledger {
        Some(dir) => dir.clone(),
        None => {
            let mut name = settings.ledger_dir.file_name().unwrap_or_default().to_os_string();
            name.push("-sample");
            settings.ledger_dir.with_file_name(name)
        }
    };
    check_place(&dir).map_err(AppError::from)?;
    let home = dir.join("sample-home");
    if dir.join("FORMAT").exists() && !home.exists() {
        let message =
            format!("{}: a ledger of other logs, which the sample stays out of", dir.display());
        return Err(DoorError::new(message).hint("name a folder for the sample: `--ledger DIR`"));
    }
    unpack(&SAMPLE, &home).map_err(|e| DoorError::new(format!("{}: {e}", home.display())))?;
    let mut config = settings.config;
    config.ingest.db_path = None;
    config.checkpoint.export = None;
    config.checkpoint.export_git = None;
    Ok(App::new(setup(door, "append --sample", dir, config, vec![home])))
}

/// Writes what is missing; a file that is there is left as it is.
fn unpack(dir: &Dir<'_>, target: &Path) -> std::io::Result<()> {
    for file in dir.files() {
        let path = target.join(file.path());
        if !path.exists() {
            fs::create_dir_all(path.parent().unwrap_or(target))?;
            fs::write(&path, file.contents())?;
        }
    }
    dir.dirs().try_for_each(|dir| unpack(dir, target))
}

/// What was appended is signed, and what others have recorded since the last time.
pub fn signing(app: &App, appended: &Appended, key: &KeyArgs) -> Signing {
    let size = appended.head.as_ref().map_or(0, |head| head.size);
    let is_due = !appended.report.entries.is_empty() || is_behind(app, size);
    if is_due { sign(app, key) } else { Signing::default() }
}

fn watch(door: &Door, app: &App, options: AppendOptions, key: &KeyArgs) -> Result<Done> {
    if !door.global.json && !door.global.quiet {
        let roots: Vec<String> =
            app.roots().iter().map(|root| root.path.display().to_string()).collect();
        crate::door::say(format!(
            "watching {} (stop with Ctrl-C; what was reported is safe)",
            roots.join(", ")
        ));
    }
    let mut failed = None;
    let mut listener = |_| ();
    app.watch(options, &mut listener, &mut |appended| {
        let signing = signing(app, &appended, key);
        let shown = if door.global.json {
            door.print_json_line(&document(door, &appended, &signing))
        } else {
            door.print(&summary(door, &appended))
        };
        failed = shown.err();
        failed.is_none()
    })?;
    failed.map_or(Ok(Done::Clean), Err)
}

/// What is printed of an append.
#[derive(Serialize)]
struct Document<'a> {
    files: Files,
    lines: Lines,
    bytes: Bytes,
    entries: Entries,
    head: Option<&'a HeadSummary>,
    /// What was signed; none where nothing was appended, or it is not wanted or cannot be.
    checkpoint: Option<&'a Signed>,
    /// Why nothing was signed, or it was not written elsewhere.
    checkpoint_problem: Option<&'a str>,
    /// Files that are not read, since their sessions were erased.
    erased: Vec<Refused<'a>>,
    problems: Vec<Problem<'a>>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct Files {
    seen: u64,
    read: u64,
    unchanged: u64,
    failed: u64,
    gone: u64,
    erased: u64,
}

#[derive(Serialize)]
struct Lines {
    appended: u64,
    malformed: Option<u64>,
    blank: u64,
    /// Erased at once, since their sessions were.
    erased: u64,
}

#[derive(Serialize)]
struct Bytes {
    seen: u64,
    appended: u64,
    already: u64,
    pending: u64,
    skipped: u64,
}

#[derive(Serialize)]
struct Entries {
    from: Seq,
    to: Seq,
}

/// A file that is not read, since its session was erased.
#[derive(Serialize)]
struct Refused<'a> {
    path: &'a str,
    /// The entry that says so.
    by: Seq,
}

#[derive(Serialize)]
struct Problem<'a> {
    path: &'a str,
    line: Option<u64>,
    offset: Option<u64>,
    reason: &'a str,
    /// Whether the ledger has the bytes that it is about.
    kept: bool,
}

fn document<'a>(door: &Door, appended: &'a Appended, signing: &'a Signing) -> Document<'a> {
    let report = &appended.report;
    let FileCounts { seen, read, unchanged, failed, gone, erased } = report.files;
    let files = Files { seen, read, unchanged, failed, gone, erased };
    let ByteCounts { seen, appended: new, already, pending, skipped } = report.bytes;
    let bytes = Bytes { seen, appended: new, already, pending, skipped };
    let problem = |of: &'a SourceProblem| Problem {
        path: &of.path,
        line: of.line,
        offset: of.offset,
        reason: &of.reason,
        kept: is_kept(report, of),
    };
    let SeqRange { from, end: to } = report.entries;
    Document {
        files,
        lines: Lines {
            appended: report.lines_appended,
            malformed: appended.malformed,
            blank: report.lines_blank,
            erased: report.lines_erased,
        },
        bytes,
        entries: Entries { from, to },
        head: appended.head.as_ref(),
        checkpoint: signing.signed.as_ref(),
        checkpoint_problem: signing.problem.as_deref(),
        erased: report.erased.iter().map(|of| Refused { path: &of.path, by: of.by }).collect(),
        problems: report.problems.iter().map(problem).collect(),
        elapsed_ms: door.elapsed_ms(),
    }
}

fn summary(door: &Door, appended: &Appended) -> String {
    let report = &appended.report;
    let lines = plural(report.lines_appended, "line");
    let what = if report.lines_appended == 0 {
        door.paint(Style::Green, "nothing new")
    } else {
        let text = format!("{lines} appended ({})", bytes(report.bytes.appended));
        door.paint(Style::Green, text)
    };
    let mut out = format!(
        "{what}, {} read of {}",
        count(report.files.read),
        plural(report.files.seen, "file")
    );
    if report.bytes.pending > 0 {
        out.push_str(&format!(", {} pending", bytes(report.bytes.pending)));
    }
    out.push_str(&format!(", {}\n", duration(door.elapsed_ms())));
    if report.files.gone > 0 {
        let gone = plural(report.files.gone, "file");
        out.push_str(&format!(
            "{gone} that were read here before are gone; the ledger has what they held\n"
        ));
    }
    if report.lines_erased > 0 {
        let lines = plural(report.lines_erased, "line");
        out.push_str(&format!("{lines} of erased sessions came again, and were erased\n"));
    }
    for ErasedFile { path, by } in report.erased.iter().take(ERASED_MAX) {
        out.push_str(&format!(
            "not read, since entry {by} has erased its session: {}\n",
            safe(path)
        ));
    }
    if report.erased.len() > ERASED_MAX {
        let more = plural((report.erased.len() - ERASED_MAX) as u64, "more file");
        out.push_str(&format!("and {more} of erased sessions\n"));
    }
    out + &problems(door, appended)
}

fn is_kept(report: &AppendReport, problem: &SourceProblem) -> bool {
    problem.line.is_some() || !report.unread.contains(&problem.path)
}

fn problems(door: &Door, appended: &Appended) -> String {
    let report = &appended.report;
    let (kept, unread): (Vec<_>, Vec<_>) =
        report.problems.iter().partition(|problem| is_kept(report, problem));
    let lines = plural(kept.len() as u64, "problem");
    let heads = [
        format!("{lines} (kept byte for byte):"),
        format!("{} not read, or not to the end:", plural(unread.len() as u64, "file")),
    ];
    let groups = heads.into_iter().zip([kept, unread]);
    groups.map(|(heading, problems)| group(door, heading, &problems)).collect()
}

/// Problems of one kind, those of a file together; nothing where there are none.
fn group(door: &Door, heading: String, problems: &[&SourceProblem]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", door.paint(Style::Yellow, heading));
    let mut said: Vec<String> = Vec::new();
    if door.global.verbose {
        for SourceProblem { path, line, offset, reason } in problems {
            let line = line.map(|line| format!(" line {line}")).unwrap_or_default();
            let at = offset.map(|offset| format!(" byte {offset}")).unwrap_or_default();
            said.push(format!("  {}{line}{at}: {}\n", safe(path), safe(&reason_in_words(reason))));
        }
    } else {
        for of in problems.chunk_by(|a, b| a.path == b.path) {
            let mut reasons: Vec<String> = of.iter().map(|of| of.reason.clone()).collect();
            reasons.sort_unstable();
            reasons.dedup();
            let first = of.first().and_then(|of| Some((of.line?, of.offset?)));
            let what = match first {
                Some(first) => problem_lines(of.len() as u64, first, &reasons),
                None => safe(&reasons.join("; ")),
            };
            let path = of.first().map(|of| safe(&of.path)).unwrap_or_default();
            said.push(format!("  {path}\n      {what}\n"));
        }
    }
    let shown = if door.global.verbose { said.len() } else { PROBLEMS_SHOWN };
    out.extend(said.iter().take(shown).map(String::as_str));
    let more = said.len().saturating_sub(shown);
    if more > 0 {
        let more = plural(more as u64, "more file");
        out.push_str(&format!("  … and {more} (--verbose shows every line)\n"));
    }
    out
}

fn as_text(
    door: &Door,
    app: &App,
    (appended, signed): (&Appended, Option<&Signed>),
    dry_run: bool,
    sample: bool,
) -> String {
    if dry_run {
        return dry_run_text(appended);
    }
    let mut out = summary(door, appended);
    if let Some(head) = &appended.head {
        let id: String = head.id.chars().take(16).collect();
        out.push_str(&format!("ledger  {} entries, head {id}…\n", count(head.size)));
    }
    out.push_str(&signed.map(Signed::text).unwrap_or_default());
    out.push_str(&format!("views   {}\n", safe_path(app.views_path())));
    out + &door.next(sample.then(|| app.dir()), "sessions")
}

fn dry_run_text(appended: &Appended) -> String {
    let report = &appended.report;
    let changed = report.files.seen - report.files.unchanged;
    format!(
        "{} would be read of {}; nothing was written\n",
        count(changed),
        plural(report.files.seen, "file")
    )
}

//! `audit bundle`: evidence for somebody else.

use crate::audit_proofs::{KeyArgs, signer_that_fits};
use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::pager::wrapped;
use crate::report::{ContentArgs, Format, finding_text, request};
use crate::text::{count, entries, plural, safe_path};
use clap::Args;
use codex_ledger_app::{App, BodyCounts, BundleRequest, Note, Seq, Withheld};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct BundleArgs {
    #[command(flatten)]
    pub content: ContentArgs,
    /// Also the headers of all other entries, so that nobody can say one was left out
    #[arg(long)]
    pub complete: bool,
    /// Folder to write to, or a file whose name ends in .zip; nothing is overwritten
    #[arg(long, short, value_name = "PATH")]
    pub output: PathBuf,
    /// Why (required); recorded with your name, and in the bundle
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub key: KeyArgs,
}

/// What is printed of a bundle.
#[derive(Serialize)]
struct Document<'a> {
    path: &'a Path,
    /// The entry that records it.
    seq: Option<Seq>,
    size: u64,
    bodies: BodyCounts,
    /// Of the withheld ones, those that stand behind what the report says: something in them is hidden.
    hidden: u64,
    public_key: String,
    /// What keeps it from being made.
    findings: Vec<String>,
    elapsed_ms: u64,
}

/// A bundle that is wanted.
struct Wanted<'a> {
    content: &'a ContentArgs,
    format: Format,
    is_complete: bool,
    /// Whether the report was written just now, and is to be the same here.
    is_of_report: bool,
    output: &'a Path,
    reason: &'a str,
    key: &'a KeyArgs,
}

pub fn run(door: &Door, args: &BundleArgs) -> Result<Done> {
    let app = app(door, "audit bundle", Vec::new())?;
    let wanted = Wanted {
        content: &args.content,
        format: args.content.format.unwrap_or(Format::Md),
        is_complete: args.complete,
        is_of_report: false,
        output: &args.output,
        reason: &args.reason,
        key: &args.key,
    };
    make(door, &app, &wanted)
}

fn evidence_of(report: &Path) -> PathBuf {
    let mut output = report.as_os_str().to_owned();
    output.push(".zip");
    output.into()
}

/// Nothing stands where the evidence for a report will be: else the two would not be of the same moment.
///
/// # Errors
/// When something does.
pub fn check_evidence(report: &Path) -> Result<()> {
    let path = evidence_of(report);
    if !path.exists() {
        return Ok(());
    }
    let message = format!("{}: is there already, and nothing is overwritten", path.display());
    Err(DoorError::new(message).hint("move it away, or name another file for the report"))
}

/// The evidence for a report that was written just now.
pub fn of_report(
    door: &Door,
    app: &App,
    content: &ContentArgs,
    format: Format,
    report: &Path,
) -> Result<Done> {
    let wanted = Wanted {
        content,
        format,
        is_complete: false,
        is_of_report: true,
        output: &evidence_of(report),
        reason: "report --prove",
        key: &KeyArgs { key: None },
    };
    make(door, app, &wanted)
}

fn make(door: &Door, app: &App, wanted: &Wanted<'_>) -> Result<Done> {
    let signer = signer_that_fits(door, app, wanted.key)?;
    let made = door.patiently("writing", || {
        let mut report = request(door, app, wanted.content, false)?;
        if !wanted.is_of_report {
            // What it says of signatures is what the bundle around it proves.
            report.checkpoint = Some("signed: the bundle around this proves it".into());
        }
        let request = BundleRequest {
            target: wanted.output.to_path_buf(),
            report,
            language: wanted.format.language(),
            is_complete: wanted.is_complete,
            reason: wanted.reason.to_string(),
        };
        let noting = |note: &Note| signer.note(app, note);
        app.bundle(&request, (&signer.signer, &noting)).map_err(DoorError::from)
    })?;
    let public_key = signer.signer.verifier().to_string();
    let withheld = Withheld { name: "the report".into(), findings: made.findings };
    if door.global.json {
        let findings = withheld.findings.iter();
        door.print_json(&Document {
            path: wanted.output,
            seq: made.seq,
            size: made.size,
            bodies: made.counts,
            hidden: made.hidden,
            public_key,
            findings: findings.map(|of| format!("line {}: {}", of.line, of.rule)).collect(),
            elapsed_ms: door.elapsed_ms(),
        })?;
        return Ok(if made.seq.is_some() { Done::Clean } else { Done::Findings });
    }
    let Some(seq) = made.seq else {
        let hint = "  no bundle was made; hide it with `codex-ledger redact`\n";
        door.print(&(finding_text(door, &withheld) + &door.hinted(hint)))?;
        return Ok(Done::Findings);
    };
    let BodyCounts { present, withheld, erased } = made.counts;
    let erased = if erased > 0 { format!(", {} erased", count(erased)) } else { String::new() };
    let path = safe_path(wanted.output);
    let said = format!(
        "{path}  {} of {}: {} behind the report as recorded, {} withheld since something in them is hidden, \
         of {} the headers alone{erased}\n\
         recorded as entry {seq}, signed\npublic key  {public_key}\n{}{}",
        plural(made.counts.headers(), "header"),
        entries(made.size),
        match present {
            1 => "1 body".to_string(),
            present => format!("{} bodies", count(present)),
        },
        count(made.hidden),
        count(withheld - made.hidden),
        door.paint(
            Style::Dim,
            "give the key to whoever checks it in another way than the bundle\n"
        ),
        door.next(None, &format!("audit verify {path} --signed-by KEY"))
    );
    door.print(&wrapped(&said))?;
    Ok(Done::Clean)
}

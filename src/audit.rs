//! `audit`: verify everything.

use crate::audit_log::{self, LogArgs};
use crate::audit_proofs::{self, CheckpointArgs, ProveArgs, VerifyArgs};
use crate::door::{Done, Door, Result, Style, app, say};
use crate::hint;
use crate::keys;
use crate::text::{self, bytes, duration, entries, plural, safe, safe_path};
use clap::{Args, Subcommand};
use codex_ledger_app::audit::{Finding, FindingKind};
use codex_ledger_app::{App, Audit, HeadSummary, Seq, ViewsVerdict, Vouched};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Leave the views out
    #[arg(long)]
    pub no_views: bool,
    /// Only compare the ledger with an older checkpoint: does it begin with what that covers?
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    #[command(subcommand)]
    pub what: Option<AuditCommand>,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List who did what, when and why: appends, redactions, undo, rules, reveals, exports, tags, notes
    Log(LogArgs),
    /// Sign what the ledger has: size and root of its tree, for others to keep
    Checkpoint(CheckpointArgs),
    /// Prove that an entry is in the ledger, to somebody who has a checkpoint or the public key
    Prove(ProveArgs),
    /// Check a proof or a checkpoint, without a ledger
    Verify(VerifyArgs),
    /// Write the whole ledger, raw, without its engine, for a verifier that knows nothing of this program
    Bundle {
        /// Directory to write to
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
        /// Why; recorded with your name
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// What is printed of an audit.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    entries: u64,
    bytes: u64,
    findings: Vec<FindingLine<'a>>,
    /// Entries that are signed, and by whom; none where there is no checkpoint.
    checkpoint: Option<&'a Vouched>,
    views: Views,
    head: Option<&'a HeadSummary>,
    elapsed_ms: u64,
}

/// What is printed of a finding.
#[derive(Serialize)]
struct FindingLine<'a> {
    kind: FindingKind,
    seq: Option<Seq>,
    file: &'a Path,
    detail: String,
}

impl FindingLine<'_> {
    fn of<'a>(door: &Door, finding: &'a Finding) -> FindingLine<'a> {
        let Finding { kind, seq, file, .. } = finding;
        FindingLine { kind: *kind, seq: *seq, file, detail: detail(door, finding) }
    }
}

/// What is wrong, and what may help.
fn detail(door: &Door, Finding { detail, hint, .. }: &Finding) -> String {
    match hint {
        Some(hint) => format!("{detail}; {}", door.hinted(&hint::words(hint))),
        None => detail.clone(),
    }
}

#[derive(Serialize)]
struct Views {
    /// `None` where they were not compared.
    matches: Option<bool>,
    verdict: ViewsVerdict,
}

/// What is printed of a bundle.
#[derive(Serialize)]
struct Bundle<'a> {
    entries: u64,
    bytes: u64,
    path: &'a Path,
    elapsed_ms: u64,
}

pub fn run(door: &mut Door, args: AuditArgs) -> Result<Done> {
    match &args.what {
        Some(AuditCommand::Log(_)) | Some(AuditCommand::Bundle { .. }) | None => {}
        Some(AuditCommand::Checkpoint(args)) => return audit_proofs::checkpoint(door, args),
        Some(AuditCommand::Prove(args)) => return audit_proofs::prove(door, args),
        Some(AuditCommand::Verify(args)) => return audit_proofs::verify(door, args),
    }
    if let Some(file) = &args.against {
        return audit_proofs::against(door, file);
    }
    if let Some(AuditCommand::Log(args)) = args.what {
        return audit_log::run(door, args);
    }
    let app = app(door, "audit", Vec::new())?;
    if let Some(AuditCommand::Bundle { output, reason }) = &args.what {
        return bundle(door, &app, output, reason);
    }
    let mut listener = door.progress();
    let mut audit = app.audit(!args.no_views, &mut listener)?;
    // A ledger whose head cannot be read has findings enough.
    let (vouched, finding) = match keys::verifier(&app, None) {
        _ if audit.head.is_none() => (None, None),
        Ok(key) => audit_proofs::judge(&app, &key),
        Err(error) => {
            say(format!("codex-ledger: {}", error.message));
            audit_proofs::judge(&app, &None)
        }
    };
    audit.findings.extend(finding);
    let ok = audit.findings.is_empty();
    if door.global.json {
        let matches = match audit.views {
            ViewsVerdict::Match => Some(true),
            ViewsVerdict::Differ => Some(false),
            _ => None,
        };
        door.print_json(&Document {
            ok,
            entries: audit.entries,
            bytes: audit.bytes,
            findings: audit.findings.iter().map(|finding| FindingLine::of(door, finding)).collect(),
            checkpoint: vouched.as_ref(),
            views: Views { matches, verdict: audit.views },
            head: audit.head.as_ref(),
            elapsed_ms: door.elapsed_ms(),
        })?;
    } else if !door.global.quiet || !ok {
        door.print(&as_text(door, &audit, vouched.as_ref()))?;
    }
    Ok(if ok { Done::Clean } else { Done::Findings })
}

fn as_text(door: &Door, audit: &Audit, vouched: Option<&Vouched>) -> String {
    let verified = format!(
        "{} verified, {} of bodies re-hashed, {}",
        entries(audit.entries),
        bytes(audit.bytes),
        duration(door.elapsed_ms())
    );
    let mut out = if audit.findings.is_empty() {
        format!("{}  {verified}\n", door.paint(Style::Green, "sound"))
    } else {
        let heading = plural(audit.findings.len() as u64, "finding");
        format!("{}  {verified}\n", door.paint(Style::Red, heading))
    };
    for finding in &audit.findings {
        let seq = finding.seq.map(|seq| format!(" entry {seq}")).unwrap_or_default();
        out.push_str(&format!(
            "  {}{seq}  {}\n      {}\n",
            door.paint(Style::Yellow, finding.kind.name()),
            safe_path(&finding.file),
            safe(&detail(door, finding))
        ));
    }
    let views = match audit.views {
        ViewsVerdict::Match => "say what a rebuild says",
        ViewsVerdict::Stale => "are behind; the next append brings them up to date",
        ViewsVerdict::Absent => "there are none",
        ViewsVerdict::Differ => "differ from a rebuild",
        ViewsVerdict::NotCompared => "were not compared",
    };
    out.push_str(&format!("views  {views}\n"));
    if audit.needs_repair {
        out.push_str(&door.next(None, "repair"));
    }
    if let Some(head) = &audit.head {
        out.push_str(&text::head("head  ", head));
        let is_checkpoint = |finding: &Finding| finding.kind == FindingKind::Checkpoint;
        let has_finding = audit.findings.iter().any(is_checkpoint);
        out.push_str(&vouched_text(door, (vouched, has_finding), head.size));
    }
    out
}

/// Who vouches for it, and what nobody does.
fn vouched_text(
    door: &Door,
    (vouched, has_finding): (Option<&Vouched>, bool),
    size: u64,
) -> String {
    let behind = |signed: u64| match size.saturating_sub(signed) {
        0 => String::new(),
        more => format!("; {} since then", entries(more)),
    };
    let by = match vouched {
        None if has_finding => "nobody knows whom: its checkpoint cannot be read".to_string(),
        None => door.hinted("nobody: `codex-ledger audit checkpoint` signs it"),
        Some(Vouched { size: signed, signed_by: Some(key), .. }) => {
            format!("key {key} of this user, over {}{}", entries(*signed), behind(*signed))
        }
        Some(Vouched { size: signed, .. }) => {
            let (size, behind) = (entries(*signed), behind(*signed));
            format!("a key that is not known here, or cannot be used, over {size}{behind}")
        }
    };
    let not = "not proven: that the owner of the key has not rewritten it, or cut it and its checkpoint. A checkpoint that is \
        kept elsewhere proves that: `codex-ledger audit --against FILE`";
    format!("signed by {by}\n{}\n", door.paint(Style::Dim, door.hinted(not)))
}

fn bundle(door: &Door, app: &App, output: &Path, reason: &str) -> Result<Done> {
    if !door.global.json && !door.global.quiet {
        say(
            "codex-ledger: this writes every raw line: nothing is hidden in it; keep it to yourself",
        );
    }
    let summary = app.export(output, reason)?;
    if door.global.json {
        door.print_json(&Bundle {
            entries: summary.entries,
            bytes: summary.bytes,
            path: output,
            elapsed_ms: door.elapsed_ms(),
        })?;
    } else if !door.global.quiet {
        let entries = entries(summary.entries);
        door.print(&format!(
            "{entries} written to {} ({}), the last one says so; `python3 tests/verify.py` of the project checks it\n",
            safe(&output.display().to_string()),
            bytes(summary.bytes)
        ))?;
    }
    Ok(Done::Clean)
}

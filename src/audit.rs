//! `audit`: verify everything.

use crate::audit_against;
use crate::audit_keys::{self, KeyCommand};
use crate::audit_log::{self, LogArgs};
use crate::audit_page::{self, PageFormat};
use crate::audit_proofs::{self, CheckpointArgs, ProveArgs, VerifyArgs};
use crate::audit_rows;
use crate::bundle::{self, BundleArgs};
use crate::door::{Done, Door, Result, Style, app, say};
use crate::error::DoorError;
use crate::hint;
use crate::keys;
use crate::pager::wrapped;
use crate::stamp::{self, StampArgs};
use crate::text::{self, bytes, count, duration, entries, plural, safe, safe_path};
use crate::vouching;
use crate::witness::{self, AttachArgs, CosignArgs};
use clap::{Args, Subcommand};
use codex_ledger_app::audit::{Finding, FindingKind};
use codex_ledger_app::{
    Against, App, Audit, BodyVerdicts, Cosigned, HeadSummary, KeptStamp, Listener, Seq,
    ViewsVerdict, Vouched, World,
};
use codex_ledger_query::ActRow;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a ledger that grows meanwhile is looked at again.
const LOOKS_AGAIN: u32 = 3;

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Leave the views out
    #[arg(long)]
    pub no_views: bool,
    /// Only compare the ledger with an older checkpoint: does it begin with what that covers?
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// One page for a review: who did what and why, which rules were in force, what could not be read, what is not proven
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "against")]
    pub format: Option<PageFormat>,
    /// Write the page to a file, in the place of an older one; the end of its name says the format
    #[arg(long, short, value_name = "FILE", conflicts_with = "against")]
    pub output: Option<PathBuf>,
    /// Stay, and print one line of JSON at the beginning and whenever something has changed
    #[arg(long, conflicts_with_all = ["against", "format", "output"])]
    pub watch: bool,
    /// With --watch: look again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..), requires = "watch")]
    pub every: u64,
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
    /// Cosign what a colleague's ledger has signed, if it goes on from what was cosigned before
    Cosign(CosignArgs),
    /// Have an authority say when this was (RFC 3161), list such time stamps, and give them to others
    Stamp(StampArgs),
    /// Keep what a witness or a time stamping authority has sent back
    Attach(AttachArgs),
    /// List, replace and revoke the keys that sign this ledger
    Key {
        #[command(subcommand)]
        what: KeyCommand,
    },
    /// Write evidence for somebody else: a report, the entries behind it, and what proves them; nothing hidden is in it
    Bundle(Box<BundleArgs>),
}

/// What is printed of an audit.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    entries: u64,
    bytes: u64,
    /// The verdict on each acknowledged body, counted.
    bodies: Bodies,
    findings: Vec<FindingLine<'a>>,
    /// Entries that are signed, and by whom; none where there is no checkpoint.
    checkpoint: Option<&'a Vouched>,
    /// What witnesses have cosigned; none where none is configured, or none has.
    cosigned: Option<&'a Cosigned>,
    /// What authorities have stamped, each checked where one is configured.
    stamps: &'a [KeptStamp],
    views: Views,
    /// How many acts of each kind there are that are no one's daily work; none where the views cannot be read.
    acts: Option<BTreeMap<&'a str, u64>>,
    head: Option<&'a HeadSummary>,
    /// When this was so, in milliseconds since 1970.
    at_ms: u64,
    elapsed_ms: u64,
}

/// Verdicts on bodies.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
struct Bodies {
    ok: u64,
    pending: u64,
    erased: u64,
    loss: u64,
    violation: u64,
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
pub fn detail(door: &Door, finding: &Finding) -> String {
    door.hinted(&plain_detail(finding))
}

/// The same where nobody has typed where the ledger is.
pub fn plain_detail(Finding { detail, hint, .. }: &Finding) -> String {
    match hint {
        Some(hint) => format!("{detail}; {}", hint::words(hint)),
        None => detail.clone(),
    }
}

#[derive(Serialize)]
struct Views {
    /// `None` where they were not compared.
    matches: Option<bool>,
    verdict: ViewsVerdict,
}

pub fn run(door: &mut Door, args: AuditArgs) -> Result<Done> {
    match &args.what {
        Some(AuditCommand::Log(_)) | None => {}
        Some(AuditCommand::Bundle(args)) => return bundle::run(door, args),
        Some(AuditCommand::Cosign(args)) => return witness::cosign(door, args),
        Some(AuditCommand::Stamp(args)) => return stamp::run(door, args),
        Some(AuditCommand::Attach(args)) => return witness::attach(door, args),
        Some(AuditCommand::Key { what }) => return audit_keys::run(door, what),
        Some(AuditCommand::Checkpoint(args)) => return audit_proofs::checkpoint(door, args),
        Some(AuditCommand::Prove(args)) => return audit_proofs::prove(door, args),
        Some(AuditCommand::Verify(args)) => return audit_proofs::verify(door, args),
    }
    if let Some(file) = &args.against {
        return audit_against::against(door, file);
    }
    if let Some(AuditCommand::Log(args)) = args.what {
        return audit_log::run(door, args);
    }
    let app = app(door, "audit", Vec::new())?;
    if args.watch {
        return watch(door, &app, &args);
    }
    let audited = audited(door, &app, &args)?;
    let Audited { audit, backing } = &audited;
    let ok = audit.findings.is_empty();
    let done = if ok { Done::Clean } else { Done::Findings };
    let of_name = || args.output.as_deref().and_then(PageFormat::of_name);
    if let Some(format) = args.format.or_else(of_name) {
        if door.global.json {
            return Err(DoorError::new("--json prints the audit itself")
                .hint("leave --format and --output out"));
        }
        audit_page::write(door, &app, (audit, backing), (format, args.output.as_deref()))?;
        return Ok(done);
    }
    if let Some(path) = &args.output {
        let message = format!("--output: {} is no format of pages", path.display());
        return Err(DoorError::new(message)
            .hint("a name that ends in .md, .html, .csv or .json, or --format"));
    }
    if door.global.json {
        let acts = audit_page::acts(&app);
        door.print_json(&document(door, &audited, acts.as_deref()))?;
    } else if !door.global.quiet || !ok {
        let acts = audit_page::acts(&app);
        let mut text = as_text(door, audit, backing.vouched.as_ref(), acts.as_deref());
        text.push_str(&vouching::revoked_words(&app));
        text.extend(backing.cosigned.as_ref().map(|cosigned| witness::told(&app, cosigned)));
        text.push_str(&stamp::in_short(&backing.stamps));
        door.print(&wrapped(&text))?;
    }
    Ok(done)
}

/// An audit, and who vouches for what it is about.
struct Audited {
    /// With all findings.
    audit: Audit,
    backing: Backing,
}

/// Who vouches for a ledger.
#[derive(Default)]
pub struct Backing {
    pub vouched: Option<Vouched>,
    pub cosigned: Option<Cosigned>,
    pub stamps: Vec<KeptStamp>,
}

fn audited(door: &Door, app: &App, args: &AuditArgs) -> Result<Audited> {
    let mut listener = door.progress();
    let (audit, backing) = whole(app, !args.no_views, &mut listener)?;
    Ok(Audited { audit, backing })
}

/// Verifies everything, and says who vouches for it.
///
/// # Errors
/// When there is no ledger; what does not hold is a finding.
pub fn whole(app: &App, views: bool, listener: Listener<'_>) -> Result<(Audit, Backing)> {
    let mut audit = app.audit(views, listener)?;
    // A ledger whose head cannot be read has findings enough.
    if audit.head.is_none() {
        return Ok((audit, Backing::default()));
    }
    let (backing, findings) = backing(app);
    audit.findings.extend(findings);
    Ok((audit, backing))
}

/// Who vouches for a ledger whose head can be read, and what does not hold of that.
pub fn backing(app: &App) -> (Backing, Vec<Finding>) {
    let mut findings = Vec::new();
    let key = keys::verifier(app, None).unwrap_or_else(|error| {
        say(format!("codex-ledger: {}", error.message));
        None
    });
    let (vouched, finding) = vouching::judge(app, &key);
    findings.extend(finding);
    findings.extend(vouching::judge_completeness(app, vouched.as_ref()));
    let (cosigned, finding) = vouching::judge_cosigned(app);
    findings.extend(finding);
    let (stamps, found) = stamp::judge(app);
    findings.extend(found);
    (Backing { vouched, cosigned, stamps }, findings)
}

fn document<'a>(
    door: &Door,
    Audited { audit, backing }: &'a Audited,
    acts: Option<&'a [ActRow]>,
) -> Document<'a> {
    let matches = match audit.views {
        ViewsVerdict::Match => Some(true),
        ViewsVerdict::Differ => Some(false),
        _ => None,
    };
    let BodyVerdicts { ok, pending, erased, loss, violation } = audit.bodies;
    Document {
        ok: audit.findings.is_empty(),
        entries: audit.entries,
        bytes: audit.bytes,
        bodies: Bodies { ok, pending, erased, loss, violation },
        findings: audit.findings.iter().map(|finding| FindingLine::of(door, finding)).collect(),
        checkpoint: backing.vouched.as_ref(),
        cosigned: backing.cosigned.as_ref(),
        stamps: &backing.stamps,
        views: Views { matches, verdict: audit.views },
        acts: acts.map(audit_page::notable_counts),
        head: audit.head.as_ref(),
        at_ms: World::real().clock.now() / 1_000_000,
        elapsed_ms: door.elapsed_ms(),
    }
}

/// Says how it stands now, and again whenever that has changed.
fn watch(door: &Door, app: &App, args: &AuditArgs) -> Result<Done> {
    let mut last = None;
    loop {
        let began = Instant::now();
        let mut audited = audited(door, app, args)?;
        // A ledger that grew between one look and the next is looked at again; one that always does is told as it is.
        for _ in 0..LOOKS_AGAIN {
            if !has_grown(&audited) {
                break;
            }
            audited = self::audited(door, app, args)?;
        }
        let acts = audit_page::acts(app);
        let mut document = document(door, &audited, acts.as_deref());
        document.elapsed_ms = began.elapsed().as_millis() as u64;
        let mut now = serde_json::to_value(&document).unwrap_or_default();
        if let Some(fields) = now.as_object_mut() {
            fields.remove("elapsed_ms");
            fields.remove("at_ms");
        }
        if last.as_ref() != Some(&now) {
            door.print_json_line(&document)?;
            last = Some(now);
        }
        std::thread::park_timeout(Duration::from_secs(args.every));
    }
}

/// Whether entries came between verifying the log and comparing it with its checkpoint.
fn has_grown(Audited { audit, backing }: &Audited) -> bool {
    let against = backing.vouched.as_ref().map(|vouched| &vouched.against);
    matches!(against, Some(Against::Consistent { now, .. }) if *now != audit.entries)
}

fn as_text(
    door: &Door,
    audit: &Audit,
    vouched: Option<&Vouched>,
    acts: Option<&[ActRow]>,
) -> String {
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
    let BodyVerdicts { ok, pending, erased, loss, violation } = audit.bodies;
    if loss + violation > 0 {
        out.push_str(&format!(
            "bodies  {} OK, {} PENDING, {} ERASED, {} LOSS (missing, and no act says why), {} VIOLATION (not what was committed)\n",
            count(ok), count(pending), count(erased), count(loss), count(violation)
        ));
    } else if erased > 0 {
        let bodies = if erased == 1 { "body is" } else { "bodies are" };
        out.push_str(&format!(
            "erased {} {bodies} gone, as entries say; the headers stand and verify\n",
            count(erased)
        ));
    }
    out.push_str(&format!("views  {}\n", audit_rows::views_words(audit.views)));
    let counts = acts.map(audit_page::notable_counts).unwrap_or_default();
    let counts: Vec<String> =
        counts.iter().map(|(kind, number)| format!("{kind} {}", count(*number))).collect();
    if !counts.is_empty() {
        let log = door.hinted(
            "`codex-ledger audit log` lists them, `codex-ledger audit -o FILE.html` makes a page",
        );
        out.push_str(&format!(
            "acts   {}\n       {}\n",
            counts.join(", "),
            door.paint(Style::Dim, log)
        ));
    }
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
        None if has_finding => "nobody: its checkpoint is gone, or cannot be read".to_string(),
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

//! `audit checkpoint`, `prove`, `verify`: what a stranger can check.

use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::keys::{self, Key};
use crate::pager::wrapped;
use crate::stamp::{self, StampedArgs};
use crate::text::{count, entries, plural, safe};
use crate::vouching;
use clap::Args;
use codex_ledger_app::{
    App, AppError, BundleProven, Checkpoint, ErrorKind, Note, Proven, Seq, Verifier, small_file,
    verify_bundle, verify_consistency, verify_proof,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Ranges of entries that are listed.
const RANGES_SHOWN: usize = 12;

#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Sign with the key in this file [default: a key of your own, made when it is first needed]
    #[arg(long, value_name = "FILE", env = "CODEX_LEDGER_KEY", hide_env_values = true)]
    pub key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CheckpointArgs {
    #[command(flatten)]
    pub key: KeyArgs,
    /// Write it here, too; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write what goes on from an older checkpoint of this ledger, for whoever cosigned that or keeps it
    #[arg(long, value_name = "FILE", conflicts_with = "anew", requires = "output")]
    pub since: Option<PathBuf>,
    /// Sign although it is not what was signed before, such as after a copy was put back; the older checkpoint is kept as an entry
    #[arg(long, requires = "reason")]
    pub anew: bool,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "anew")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The entry
    #[arg(value_name = "SEQ")]
    pub entry: Seq,
    #[command(flatten)]
    pub key: KeyArgs,
    /// Write the proof here [default: standard output]; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A proof, a checkpoint, what goes on from an older checkpoint, a time stamp, or a bundle: a folder or a .zip file
    pub file: PathBuf,
    /// Print the body of this entry of a bundle, once the bundle holds
    #[arg(long, value_name = "SEQ", requires = "signed_by")]
    pub body: Option<Seq>,
    /// The older checkpoint that FILE goes on from
    #[arg(long, value_name = "OLDER")]
    pub older: Option<PathBuf>,
    /// A public key that must have signed it, as `audit checkpoint` prints it; repeatable, one of them must
    #[arg(long = "signed-by", value_name = "NAME+ID+KEY")]
    pub signed_by: Vec<String>,
    #[command(flatten)]
    pub stamp: StampedArgs,
}

/// What is printed of a checkpoint.
#[derive(Serialize)]
struct CheckpointDocument<'a> {
    checkpoint: &'a str,
    origin: &'a str,
    size: u64,
    root: String,
    public_key: String,
    /// The ML-DSA-44 key that signs beside it, where that is wanted.
    post_quantum_key: Option<String>,
}

/// What is printed of a proof.
#[derive(Serialize)]
struct ProofDocument<'a> {
    proof: &'a str,
    seq: Seq,
    public_key: String,
}

/// What is printed of evidence that was checked.
#[derive(Default, Serialize)]
struct Verdict<'a> {
    ok: bool,
    findings: &'a [&'a str],
    /// Of a proof, a checkpoint, or what goes on from an older one.
    #[serde(skip_serializing_if = "Option::is_none")]
    proven: Option<&'a Proven>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<&'a BundleProven>,
}

pub fn checkpoint(door: &Door, args: &CheckpointArgs) -> Result<Done> {
    let app = app(door, "audit checkpoint", Vec::new())?;
    let key = match &args.reason {
        Some(_) => keys::signer(door, &app, args.key.key.as_deref())?,
        None => signer_that_fits(door, &app, &args.key)?,
    };
    let signer = &key.signer;
    let noting = |note: &Note| key.note(&app, note);
    let (checkpoint, note) = match &args.reason {
        // Whoever asks for it knows why.
        Some(reason) => vouching::sign_anew(&app, &key, reason)?,
        None => app.checkpoint(signer, &noting)?,
    };
    app.export_checkpoint(&note)?;
    let text = note.to_string();
    let older = args.since.as_deref().map(older).transpose()?;
    if let Some(path) = &args.output {
        let proof =
            older.map(|older| app.consistency(Some(&older), (signer, &noting))).transpose()?;
        app.write_raw(path, proof.map_or_else(|| text.clone(), |proof| proof.to_string()))?;
    }
    let public_key = signer.verifier().to_string();
    if door.global.json {
        door.print_json(&CheckpointDocument {
            checkpoint: &text,
            origin: &checkpoint.origin,
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            public_key,
            post_quantum_key: signer.beside().map(|beside| beside.verifier().to_string()),
        })?;
        return Ok(Done::Clean);
    }
    let beside = signer.beside().map(|beside| format!("beside it   {}\n", beside.verifier()));
    let kept = format!(
        "{} signed; kept in {}\npublic key  {public_key}\n{}",
        entries(checkpoint.size),
        safe(&app.checkpoint_path().display().to_string()),
        beside.unwrap_or_default(),
    );
    let advice =
        "keep a copy of both elsewhere: `audit --against FILE` compares the ledger with it\n";
    door.print(&(text + "\n" + &kept + &door.paint(Style::Dim, advice)))?;
    Ok(Done::Clean)
}

/// The newest checkpoint of a file.
fn older(path: &Path) -> Result<Checkpoint> {
    let all = Checkpoint::parse_all(&read(path)?);
    let all = all.map_err(|error| DoorError::new(format!("{}: {error}", path.display())))?;
    let newest = all.into_iter().map(|(checkpoint, _)| checkpoint).max_by_key(|of| of.size);
    newest.ok_or_else(|| DoorError::new(format!("{}: there is no checkpoint", path.display())))
}

/// The key, for a ledger that is what was signed of it so far.
pub fn signer_that_fits(door: &Door, app: &App, args: &KeyArgs) -> Result<Key> {
    if args.key.is_none() {
        keys::finish_rotation(app)?;
    }
    let known = keys::verifier(app, args.key.as_deref())?;
    vouching::check_fits(app, &known, args.key.is_none())?;
    keys::signer(door, app, args.key.as_deref())
}

pub fn prove(door: &Door, args: &ProveArgs) -> Result<Done> {
    let app = app(door, "audit prove", Vec::new())?;
    let key = signer_that_fits(door, &app, &args.key)?;
    let noting = |note: &Note| key.note(&app, note);
    let proof =
        door.patiently("proving", || app.prove(args.entry, &key.signer, &noting))?.to_string();
    let public_key = key.signer.verifier().to_string();
    if let Some(path) = &args.output {
        app.write_raw(path, &proof)?;
    }
    if door.global.json {
        door.print_json(&ProofDocument { proof: &proof, seq: args.entry, public_key })?;
        return Ok(Done::Clean);
    }
    match &args.output {
        None => door.print(&proof)?,
        Some(path) => door.print(&format!(
            "entry {} is proven in {}\npublic key  {public_key}\n{}",
            args.entry,
            safe(&path.display().to_string()),
            door.next(None, &format!("audit verify {} --signed-by KEY", path.display()))
        ))?,
    }
    Ok(Done::Clean)
}

/// A proof as [`prove`] prints it, for a page of `serve`.
///
/// # Errors
/// When the ledger is not what was signed of it, or there is no such entry.
pub fn served(app: &App, entry: Seq) -> Result<String> {
    keys::finish_rotation(app)?;
    vouching::check_fits(app, &keys::verifier(app, None)?, true)?;
    let key = keys::key(app, None)?;
    Ok(app.prove(entry, &key.signer, &|note| key.note(app, note))?.to_string())
}

pub fn verify(door: &Door, args: &VerifyArgs) -> Result<Done> {
    if let Some(of) = &args.stamp.stamped {
        return stamp::verify(door, &args.file, (&args.stamp, of));
    }
    if stamp::is_answer(&args.file) {
        let message = format!("{}: a time stamp, of another file", args.file.display());
        return Err(DoorError::new(message).hint("name both: --stamped FILE --authority ROOT.pem"));
    }
    let keys = args.signed_by.iter().map(|key| {
        Verifier::parse(key).map_err(|error| {
            DoorError::new(format!("--signed-by: {error}"))
                .hint("`audit checkpoint` prints the public key of a ledger")
        })
    });
    let keys: Vec<Verifier> = keys.collect::<Result<_>>()?;
    let older = args.older.as_deref().map(older).transpose()?;
    let verified = verified(&args.file, &keys, older.as_ref(), args.body);
    let verified = match verified {
        Ok(verified) => verified,
        Err(Refusal::Unreadable(error)) => return Err(error),
        Err(Refusal::Unsound(error)) => {
            if door.global.json {
                let findings = &[error.message.as_str()][..];
                door.print_json(&Verdict { ok: false, findings, ..Verdict::default() })?;
            } else {
                let refused = door.paint(Style::Red, "refused");
                door.print(&format!("{refused}  {}\n", safe(&error.message)))?;
            }
            return Ok(Done::Findings);
        }
    };
    if let (Some(seq), Verified::Bundle(bundle)) = (args.body, &verified) {
        let Some(body) = &bundle.body else {
            let message = format!("the body of entry {seq} is not in the bundle");
            return Err(DoorError::new(message)
                .hint("it is withheld, or the entry is none of the bundle's"));
        };
        let text = String::from_utf8_lossy(body);
        door.print(&(safe(text.trim_end_matches('\n')) + "\n"))?;
        return Ok(Done::Clean);
    }
    // What nobody is known to have signed is not verified, whatever else holds.
    let done = if verified.proof().signed_by.is_empty() { Done::Findings } else { Done::Clean };
    let ok = done == Done::Clean;
    let findings: &[&str] = if ok { &[] } else { &[UNSIGNED] };
    match (verified, door.global.json) {
        (Verified::Proof(proven), true) => {
            let proven = Some(&proven);
            door.print_json(&Verdict { ok, findings, proven, ..Verdict::default() })?;
        }
        (Verified::Bundle(bundle), true) => {
            let bundle = Some(&bundle);
            door.print_json(&Verdict { ok, findings, bundle, ..Verdict::default() })?;
        }
        (Verified::Proof(proven), false) => {
            let older = older.map(|older| {
                format!("       it goes on from {} of the older checkpoint\n", entries(older.size))
            });
            door.print(&wrapped(&told(door, &proven, &older.unwrap_or_default())))?;
        }
        (Verified::Bundle(proven), false) => {
            door.print(&wrapped(&told_of_bundle(door, &proven)))?
        }
    }
    Ok(done)
}

/// What a proof without a known signature lacks.
const UNSIGNED: &str = "who signed it is not known: give a public key that you got from elsewhere, --signed-by NAME+ID+KEY";

/// How a verdict begins.
fn verdict(door: &Door, proven: &Proven) -> String {
    match proven.signed_by.is_empty() {
        true => door.paint(Style::Yellow, "unproven"),
        false => door.paint(Style::Green, "holds"),
    }
}

impl Verified {
    fn proof(&self) -> &Proven {
        match self {
            Verified::Proof(proof) => proof,
            Verified::Bundle(bundle) => &bundle.proof,
        }
    }
}

enum Verified {
    Proof(Proven),
    Bundle(BundleProven),
}

enum Refusal {
    /// Nobody can tell.
    Unreadable(DoorError),
    /// It does not hold.
    Unsound(DoorError),
}

fn verified(
    path: &Path,
    keys: &[Verifier],
    older: Option<&Checkpoint>,
    body: Option<Seq>,
) -> std::result::Result<Verified, Refusal> {
    let refused = |error: AppError| {
        let is_unreadable = matches!(error.kind, ErrorKind::Io | ErrorKind::OutOfSpace);
        let message = DoorError::from(error).message;
        let name = path.display().to_string();
        let message =
            if message.starts_with(&name) { message } else { format!("{name}: {message}") };
        let error = DoorError::new(message);
        if is_unreadable { Refusal::Unreadable(error) } else { Refusal::Unsound(error) }
    };
    if let Some(bundle) = verify_bundle(path, keys, body).map_err(refused)? {
        return Ok(Verified::Bundle(bundle));
    }
    let text = read(path).map_err(Refusal::Unreadable)?;
    if text.starts_with("old ") || older.is_some() {
        let Some(older) = older else {
            let error =
                DoorError::new(format!("{}: it goes on from an older checkpoint", path.display()));
            return Err(Refusal::Unreadable(error.hint("name that with --older FILE")));
        };
        return verify_consistency(&text, older, keys).map(Verified::Proof).map_err(refused);
    }
    verify_proof(&text, keys).map(Verified::Proof).map_err(refused)
}

fn told_of_bundle(door: &Door, proven: &BundleProven) -> String {
    let BundleProven { proof, bodies, ranges, files, .. } = proven;
    let erased = match bodies.erased {
        0 => String::new(),
        erased => format!(", {} erased", count(erased)),
    };
    let mut out = format!(
        "{}  {} of the {} of\n       {}: {} bodies as recorded, {} withheld{erased}\n",
        verdict(door, proof),
        plural(bodies.headers(), "header"),
        entries(proof.size),
        safe(&proof.origin),
        count(bodies.present),
        count(bodies.withheld),
    );
    for range in ranges.iter().take(RANGES_SHOWN) {
        let (first, last) = (count(range.start), count(range.end.saturating_sub(1)));
        out.push_str(&format!("       complete from entry {first} to {last}\n"));
    }
    if ranges.len() > RANGES_SHOWN {
        let more = plural((ranges.len() - RANGES_SHOWN) as u64, "more range");
        out.push_str(&format!("       and {more}\n"));
    }
    for file in files {
        let seq = proof.seq.map(count).unwrap_or_default();
        out.push_str(&format!("       {} is what entry {seq} records\n", safe(&file.name)));
    }
    out.push_str(&signers(proof));
    out.push_str(
        "not proven: that the report says what the bodies say; --body SEQ prints one of them\n",
    );
    out
}

fn told(door: &Door, proven: &Proven, more: &str) -> String {
    let holds = verdict(door, proven);
    let mut out = match (proven.seq, proven.kind) {
        (Some(seq), Some(kind)) => {
            format!("{holds}  entry {seq} ({kind}) is one of the {} of\n", entries(proven.size))
        }
        _ => format!("{holds}  a checkpoint over the {} of\n", entries(proven.size)),
    };
    out.push_str(&format!("       {}\n", safe(&proven.origin)));
    if let Some(commitment) = &proven.commitment {
        out.push_str(&format!(
            "       its body, which a bundle can hold, is committed to by\n       {commitment}\n"
        ));
    }
    out.push_str(more);
    out.push_str(&signers(proven));
    out
}

/// Who has signed, and what nobody proves by that.
fn signers(proven: &Proven) -> String {
    if proven.signed_by.is_empty() {
        return format!("not proven: {UNSIGNED}\n");
    }
    let keys = proven.signed_by.iter().map(|signed| {
        let at = signed.at_secs.filter(|at| *at > 0).map(|at| {
            let at = crate::text::minute(Some((at as i64).saturating_mul(1000)));
            format!(" at {at} UTC, as it says")
        });
        format!("signed by {}{}\n", safe(&signed.key), at.unwrap_or_default())
    });
    let not = "not proven: that whoever has this key has not signed another history elsewhere\n";
    keys.collect::<String>() + not
}

/// The text of a checkpoint or a proof.
pub fn read(path: &Path) -> Result<String> {
    if path.is_dir() {
        let message = format!("{}: it is no file", path.display());
        return Err(DoorError::new(message)
            .hint("an export is checked by the project's verify.py, or by `import`"));
    }
    Ok(small_file::text(small_file::read_file(path, small_file::EVIDENCE_MAX_BYTES)?, path)?)
}

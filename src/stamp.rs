//! `audit stamp`: an authority's word (RFC 3161) that the ledger was what it is at a time.

use crate::audit_proofs::{KeyArgs, read, signer_that_fits};
use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::text::{entries, minute, plural, safe, safe_path};
use crate::vouching;
use clap::Args;
use codex_ledger_app::audit::{Finding, FindingKind};
use codex_ledger_app::{
    App, Authority, KeptStamp, Note, Seq, Stamp, Stamped, read_authorities, small_file,
    verify_stamp,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What an answer's name ends with.
const ANSWER_EXTENSION: &str = "tsr";

#[derive(Debug, Args)]
pub struct StampArgs {
    /// Ask an authority on the network, and keep its answer
    #[arg(long, value_name = "URL", conflicts_with = "output")]
    pub ask: Option<String>,
    /// Write a checkpoint to FILE and the request for its time stamp to FILE.tsq, to be sent by other means; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// With -o: write the time stamp that this entry keeps, for somebody else: the checkpoint to FILE, the stamp to FILE.tsr
    #[arg(long, value_name = "SEQ", requires = "output")]
    pub entry: Option<Seq>,
}

/// What is checked with a time stamp.
#[derive(Debug, Args)]
pub struct StampedArgs {
    /// FILE is a time stamp (RFC 3161) of this file
    #[arg(long, value_name = "STAMPED", requires = "authority", conflicts_with_all = ["older", "signed_by", "body"])]
    pub stamped: Option<PathBuf>,
    /// Certificates that it has to lead to, in PEM; repeatable
    #[arg(long, value_name = "FILE", requires = "stamped")]
    pub authority: Vec<PathBuf>,
}

/// What is printed of time stamps.
#[derive(Serialize)]
struct Stamps<'a> {
    stamps: &'a [KeptStamp],
}

/// What is printed of files that were written.
#[derive(Serialize)]
struct Files<'a> {
    checkpoint: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stamp: Option<&'a Path>,
}

/// What is printed of a time stamp that was checked.
#[derive(Default, Serialize)]
struct Verdict<'a> {
    ok: bool,
    findings: Vec<&'a str>,
    /// In seconds since 1970.
    at_secs: Option<u64>,
    accuracy_secs: Option<u64>,
    by: Option<&'a str>,
    serial: Option<&'a str>,
    certificate: Option<&'a str>,
}

pub fn run(door: &Door, args: &StampArgs) -> Result<Done> {
    let app = app(door, "audit stamp", Vec::new())?;
    match (&args.ask, &args.output, args.entry) {
        (Some(url), ..) => {
            trusted(&app)?;
            let key = signer_that_fits(door, &app, &KeyArgs { key: None })?;
            let noting = |note: &Note| key.note(&app, note);
            let asked = || app.ask_stamp(url, (&key.signer, &noting));
            print(door, &[door.patiently("asking", asked)?])
        }
        (None, Some(path), Some(seq)) => hand_out(door, &app, seq, path),
        (None, Some(path), None) => request(door, &app, path),
        (None, None, _) => {
            let stamps = app.stamps(&app.authorities()?)?;
            if stamps.is_empty() && !door.global.json {
                let none = "no time stamps: `codex-ledger audit stamp --ask URL` asks for one";
                door.print(&(door.hinted(none) + "\n"))?;
                return Ok(Done::Clean);
            }
            print(door, &stamps)
        }
    }
}

/// The certificates of the configuration, of which there has to be one.
fn trusted(app: &App) -> Result<Vec<Authority>> {
    let trusted = app.authorities()?;
    match trusted.is_empty() {
        false => Ok(trusted),
        true => Err(DoorError::new("no authority is trusted").hint(
            "[checkpoint] time_authorities = [\"FILE.pem\"] in config.toml: the certificate of the authority's root, from its own site",
        )),
    }
}

fn request(door: &Door, app: &App, path: &Path) -> Result<Done> {
    let key = signer_that_fits(door, app, &KeyArgs { key: None })?;
    let noting = |note: &Note| key.note(app, note);
    let query = beside(path, "tsq");
    free([path, &query])?;
    let request = app.stamp_request((&key.signer, &noting), None)?;
    app.write_raw(path, &request.checkpoint)?;
    app.write_raw(&query, &request.query)?;
    if door.global.json {
        door.print_json(&Files { checkpoint: path, request: Some(&query), stamp: None })?;
        return Ok(Done::Clean);
    }
    let answer = beside(path, ANSWER_EXTENSION);
    door.print(&format!(
        "checkpoint  {}\nrequest     {}: send it to an authority (POST, application/timestamp-query)\n",
        safe_path(path),
        safe_path(&query)
    ))?;
    door.print(&door.next(None, &format!("audit attach {}", safe_path(&answer))))?;
    Ok(Done::Clean)
}

fn hand_out(door: &Door, app: &App, seq: Seq, path: &Path) -> Result<Done> {
    let stamps = app.stamps(&app.authorities()?)?;
    let Some(stamp) = stamps.iter().find(|stamp| stamp.seq == seq) else {
        let message = format!("entry {seq} is no time stamp");
        return Err(DoorError::new(message).hint("`codex-ledger audit stamp` lists them"));
    };
    let token = beside(path, ANSWER_EXTENSION);
    free([path, &token])?;
    app.write_raw(path, &stamp.checkpoint)?;
    app.write_raw(&token, stamp.answer()?)?;
    if door.global.json {
        door.print_json(&Files { checkpoint: path, request: None, stamp: Some(&token) })?;
        return Ok(Done::Clean);
    }
    let (path, token) = (safe_path(path), safe_path(&token));
    door.print(&format!(
        "checkpoint  {path}\nstamp       {token}\nwhoever has the certificate of the authority's root checks both with\n  \
         codex-ledger audit verify {token} --stamped {path} --authority ROOT.pem\n  \
         openssl ts -verify -in {token} -data {path} -CAfile ROOT.pem\n"
    ))?;
    Ok(Done::Clean)
}

/// Two files are written together or not at all.
fn free(paths: [&Path; 2]) -> Result<()> {
    match paths.into_iter().find(|path| path.exists()) {
        None => Ok(()),
        Some(path) => Err(DoorError::new(format!("{}: it is there already", path.display()))
            .hint("nothing is overwritten: name another file")),
    }
}

/// `FILE.tsq` of `FILE`.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Whether a file is the answer of an authority: no note begins like that.
pub fn is_answer(path: &Path) -> bool {
    let bytes = small_file::read_file(path, small_file::EVIDENCE_MAX_BYTES);
    bytes.is_ok_and(|bytes| bytes.first() == Some(&0x30))
}

/// Keeps an answer; what is stamped lies beside it under its name, where nothing else is said.
pub fn attach(door: &Door, app: &App, answer: &Path, stamped: Option<&Path>) -> Result<Done> {
    let trusted = trusted(app)?;
    let of = match (stamped, answer.extension()) {
        (Some(of), _) => of.to_path_buf(),
        (None, Some(_)) => answer.with_extension(""),
        (None, None) => {
            return Err(DoorError::new("what is stamped is not named").hint("--stamped FILE"));
        }
    };
    let named =
        |error: &dyn std::fmt::Display| DoorError::new(format!("{}: {error}", answer.display()));
    let stamp = Stamp::parse(&small_file::read_file(answer, small_file::EVIDENCE_MAX_BYTES)?)
        .map_err(|error| named(&error))?;
    let signers = vouching::signers(app);
    let kept = app.keep_stamp(&read(&of)?, &stamp, &trusted, &signers);
    print(door, &[kept.map_err(|error| named(&DoorError::from(error).message))?])
}

/// `audit verify ANSWER --stamped FILE --authority ROOT`: without a ledger.
pub fn verify(door: &Door, answer: &Path, (stamped, of): (&StampedArgs, &Path)) -> Result<Done> {
    let trusted: std::result::Result<Vec<_>, _> =
        stamped.authority.iter().map(|path| read_authorities(path)).collect();
    let verdict = verify_stamp(
        &small_file::read_file(answer, small_file::EVIDENCE_MAX_BYTES)?,
        &small_file::read_file(of, small_file::EVIDENCE_MAX_BYTES)?,
        &trusted?.concat(),
    );
    let (document, text, done) = match &verdict {
        Ok(Stamped { at, accuracy_secs, by, serial, certificate }) => {
            let document = Verdict {
                ok: true,
                findings: Vec::new(),
                at_secs: Some(*at),
                accuracy_secs: *accuracy_secs,
                by: Some(by),
                serial: Some(serial),
                certificate: Some(certificate),
            };
            let (at, by) = (when(*at, *accuracy_secs), safe(by));
            let holds = door.paint(Style::Green, "holds");
            let text = format!(
                "{holds}  {} was there, as it is now, at {at}\nsays   {by}\nnot proven: what it says, or who has signed it\n",
                safe_path(of)
            );
            (document, text, Done::Clean)
        }
        Err(error) => {
            let refused = door.paint(Style::Red, "refused");
            let text = format!("{refused}  {}: {}\n", safe_path(answer), safe(&error.message));
            (Verdict { findings: vec![&error.message], ..Verdict::default() }, text, Done::Findings)
        }
    };
    if door.global.json {
        door.print_json(&document)?;
    } else {
        door.print(&text)?;
    }
    Ok(done)
}

fn print(door: &Door, stamps: &[KeptStamp]) -> Result<Done> {
    if door.global.json {
        door.print_json(&Stamps { stamps })?;
    } else {
        door.print(&stamps.iter().map(lines).collect::<String>())?;
    }
    let is_refused = stamps.iter().any(|stamp| stamp.refused.is_some());
    Ok(if is_refused { Done::Findings } else { Done::Clean })
}

/// When, as an authority says it.
pub fn when(at: u64, accuracy_secs: Option<u64>) -> String {
    let minute = minute(Some((at as i64).saturating_mul(1000)));
    let accuracy = accuracy_secs.filter(|secs| *secs > 0);
    let accuracy = accuracy.map(|secs| format!(", give or take {secs} s")).unwrap_or_default();
    format!("{minute}:{:02} UTC{accuracy}", at % 60)
}

/// One time stamp, in a line.
pub fn line(stamp: &KeptStamp) -> String {
    let size = stamp.size.map(entries).unwrap_or_else(|| "an unknown number of entries".into());
    match (stamp.at_secs, &stamp.by, &stamp.refused) {
        (Some(at), Some(by), None) => {
            let (at, by) = (when(at, stamp.accuracy_secs), safe(by));
            format!("entry {}: the first {size} were there at {at}, says {by}\n", stamp.seq)
        }
        (_, _, why) => {
            let why = safe(why.as_deref().unwrap_or("nobody vouches for it"));
            let what = if stamp.is_unchecked() { "" } else { " that proves nothing" };
            format!("entry {}: a time stamp over {size}{what}: {why}\n", stamp.seq)
        }
    }
}

/// One time stamp, with what tells it from others.
fn lines(stamp: &KeptStamp) -> String {
    let told = stamp.serial.as_ref().zip(stamp.certificate.as_ref());
    let told = told.map(|(serial, certificate)| {
        format!("  number {serial}, certificate {certificate} (SHA-256)\n")
    });
    line(stamp) + &told.unwrap_or_default()
}

/// The time stamps in a line or two: of those that hold the one that covers most, and since when that is known.
pub fn in_short(stamps: &[KeptStamp]) -> String {
    let sound = stamps.iter().filter(|stamp| stamp.refused.is_none());
    let best = sound.clone().max_by_key(|stamp| (stamp.size, std::cmp::Reverse(stamp.at_secs)));
    let mut out = best.map(|best| format!("stamped: {}", line(best))).unwrap_or_default();
    let unchecked = stamps.iter().filter(|stamp| stamp.is_unchecked()).count() as u64;
    if unchecked > 0 {
        let stamps = plural(unchecked, "time stamp");
        out.push_str(&format!("{stamps}, not checked: no authority is configured\n"));
    }
    out
}

/// The time stamps of a ledger, and what is wrong with them; where no authority is configured, nobody can tell.
pub fn judge(app: &App) -> (Vec<KeptStamp>, Vec<Finding>) {
    let finding = |seq: Option<Seq>, detail: String| {
        let file = app.dir().to_path_buf();
        Finding { kind: FindingKind::Checkpoint, seq, file, detail, hint: None }
    };
    let stamps = match app.authorities() {
        Ok(trusted) => app.stamps(&trusted),
        Err(error) => {
            let message =
                format!("checkpoint.time_authorities: {}", DoorError::from(error).message);
            return (Vec::new(), vec![finding(None, message)]);
        }
    };
    // Without views nobody knows which they are; that is a finding of its own.
    let stamps = stamps.unwrap_or_default();
    let refused = stamps.iter().filter(|stamp| !stamp.is_unchecked()).filter_map(|stamp| {
        let why = stamp.refused.as_deref()?;
        Some(finding(Some(stamp.seq), format!("its time stamp proves nothing: {why}")))
    });
    let refused = refused.collect();
    (stamps, refused)
}

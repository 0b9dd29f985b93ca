//! `audit cosign`, `audit attach`: people whose ledgers are each other's witnesses, and what others have sent.

use crate::audit_proofs::{KeyArgs, read, signer_that_fits};
use crate::door::{Done, Door, Result, app};
use crate::error::DoorError;
use crate::keys;
use crate::stamp;
use crate::text::{count, entries, safe, safe_path};
use clap::Args;
use codex_ledger_app::{App, Checkpoint, ConsistencyProof, Cosigned, Note, Use, Verifier};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct CosignArgs {
    /// What a colleague has sent: a checkpoint of a log that was not cosigned before, else what `audit checkpoint --since` wrote
    #[arg(required_unless_present = "ask")]
    pub file: Option<PathBuf>,
    /// Ask a witness on the network (tlog-witness) to cosign this ledger instead
    #[arg(long, value_name = "URL", conflicts_with_all = ["file", "signed_by", "output"])]
    pub ask: Option<String>,
    /// The public key of that log; needed the first time
    #[arg(long = "signed-by", value_name = "NAME+ID+KEY")]
    pub signed_by: Option<String>,
    /// After a rotation of its key: what `audit key handover` wrote
    #[arg(long, value_name = "FILE")]
    pub handover: Option<PathBuf>,
    /// Write the cosigned checkpoint here, to be sent back [default: standard output]; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AttachArgs {
    /// A checkpoint of this ledger that a witness has cosigned, or the answer of a time stamping authority (.tsr)
    pub file: PathBuf,
    /// What the answer is a time stamp of [default: FILE without its .tsr]
    #[arg(long, value_name = "STAMPED")]
    pub stamped: Option<PathBuf>,
}

/// What is printed of a checkpoint that was cosigned for somebody else.
#[derive(Serialize)]
struct Made<'a> {
    cosigned: &'a str,
    public_key: &'a str,
}

/// What is printed of cosignatures of this ledger.
#[derive(Serialize)]
struct Kept<'a> {
    cosigned: &'a Cosigned,
}

pub fn cosign(door: &Door, args: &CosignArgs) -> Result<Done> {
    let app = app(door, "audit cosign", Vec::new())?;
    let Some(file) = &args.file else {
        return ask(door, &app, args.ask.as_deref().unwrap_or_default());
    };
    let given = args.signed_by.as_deref().map(Verifier::parse).transpose();
    let given = given.map_err(|error| DoorError::new(format!("--signed-by: {error}")))?;
    let text = read(file)?;
    let named =
        |error: &dyn std::fmt::Display| DoorError::new(format!("{}: {error}", file.display()));
    let proof = match ConsistencyProof::parse(&text) {
        Ok(proof) => proof,
        Err(error) => {
            let (_, note) = Checkpoint::parse(&text).map_err(|_| named(&error))?;
            ConsistencyProof { old: 0, hashes: Vec::new(), note }
        }
    };
    // Who was put back to an older state no longer knows what it has cosigned.
    let own = signer_that_fits(door, &app, &KeyArgs { key: None })?;
    let witness = keys::witness(&app)?;
    let handover = args.handover.as_deref().map(read).transpose()?;
    let handover = handover.map(|text| {
        Note::parse(&text).map_err(|error| {
            DoorError::new(format!("--handover: {error}"))
                .hint("`audit key handover -o FILE` writes it")
        })
    });
    let handover = handover.transpose()?;
    let note = app.cosign(&proof, (given.as_ref(), handover.as_ref()), &witness).map_err(|error| {
        let error = DoorError::from(error);
        let hint = "the first time with --signed-by KEY; later the colleague runs `audit checkpoint --since LAST -o FILE`, with the checkpoint \
                    that was cosigned last, and after a rotation sends `audit key handover -o FILE`, too";
        named(&error.message).hint(hint)
    })?;
    app.checkpoint(&own.signer, &|note| own.note(&app, note))?;
    let (text, key) = (note.to_string(), witness.verifier().to_string());
    if let Some(path) = &args.output {
        app.write_raw(path, &text)?;
    }
    if door.global.json {
        door.print_json(&Made { cosigned: &text, public_key: &key })?;
        return Ok(Done::Clean);
    }
    let advice = match &args.output {
        None => String::new(),
        Some(path) => format!("cosigned in {}: send it back\n", safe_path(path)),
    };
    let text = if args.output.is_none() { text + "\n" } else { String::new() };
    door.print(&format!("{text}{advice}witness key  {key}\n"))?;
    Ok(Done::Clean)
}

fn ask(door: &Door, app: &App, url: &str) -> Result<Done> {
    let witnesses = configured(app)?;
    let key = signer_that_fits(door, app, &KeyArgs { key: None })?;
    let noting = |note: &Note| key.note(app, note);
    let asked = || app.ask_witness(url, (&key.signer, &noting), &witnesses);
    attached(door, app, &door.patiently("asking", asked)?)
}

pub fn attach(door: &Door, args: &AttachArgs) -> Result<Done> {
    let app = app(door, "audit attach", Vec::new())?;
    if args.stamped.is_some() || stamp::is_answer(&args.file) {
        return stamp::attach(door, &app, &args.file, args.stamped.as_deref());
    }
    let witnesses = configured(&app)?;
    attached(door, &app, &app.attach(&read(&args.file)?, &witnesses)?)
}

/// The witnesses, of which there has to be one.
fn configured(app: &App) -> Result<Vec<Verifier>> {
    let witnesses = witnesses(app)?;
    match witnesses.is_empty() {
        false => Ok(witnesses),
        true => Err(DoorError::new("no witnesses are configured").hint(
            "[checkpoint] witnesses = [\"NAME+ID+KEY\"] in config.toml; a witness prints its key",
        )),
    }
}

fn attached(door: &Door, app: &App, cosigned: &Cosigned) -> Result<Done> {
    if door.global.json {
        door.print_json(&Kept { cosigned })?;
        return Ok(Done::Clean);
    }
    door.print(&told(app, cosigned))?;
    Ok(Done::Clean)
}

/// The witnesses that the configuration names.
///
/// # Errors
/// When one is no public key of a witness.
pub fn witnesses(app: &App) -> Result<Vec<Verifier>> {
    let read = |text: &String| {
        let key = Verifier::parse(text).map_err(|error| error.to_string());
        let key = key.and_then(|key| match key.purpose() {
            Use::Cosigner | Use::QuantumCosigner => Ok(key),
            Use::Log => Err("the key of a log, not of a witness".into()),
        });
        key.map_err(|error| DoorError::new(format!("checkpoint.witnesses: {error}")))
    };
    app.checkpoint_config().witnesses.iter().map(read).collect()
}

/// How many of them have to cosign.
pub fn quorum(app: &App) -> usize {
    app.checkpoint_config().quorum.unwrap_or(1)
}

/// Who has cosigned, in a line for each.
pub fn told(app: &App, cosigned: &Cosigned) -> String {
    let (needed, of) = (quorum(app), app.checkpoint_config().witnesses.len());
    let mut out = format!(
        "cosigned by {} of {of} (needed {needed}), over {}\n",
        match cosigned.by.len() {
            1 => "1 witness".to_string(),
            by => format!("{} witnesses", count(by as u64)),
        },
        entries(cosigned.size)
    );
    for pending in &cosigned.pending {
        let size = entries(pending.size);
        out.push_str(&format!("       {} of {of} over {size} so far\n", pending.by));
    }
    for witness in &cosigned.by {
        let at = crate::text::minute(Some((witness.at_secs as i64).saturating_mul(1000)));
        out.push_str(&format!("       {} at {at}\n", safe(&witness.name)));
    }
    out
}

//! `audit checkpoint`, `prove`, `verify`, `--against`: what a stranger can check.

use crate::door::{Done, Door, Result, Style, app, say};
use crate::error::DoorError;
use crate::keys::{self, Key};
use crate::text::{count, entries, safe, safe_path};
use clap::Args;
use codex_ledger_app::audit::{Finding, FindingKind};
use codex_ledger_app::{
    Against, App, Checkpoint, Proven, Seq, Verifier, Vouched, hex, verify_proof,
};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A checkpoint or proof is no longer.
const FILE_MAX_BYTES: u64 = 4 << 20;

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
    /// A proof or a checkpoint
    pub file: PathBuf,
    /// A public key that must have signed it, as `audit checkpoint` prints it; repeatable, one of them must
    #[arg(long = "signed-by", value_name = "NAME+ID+KEY")]
    pub signed_by: Vec<String>,
}

/// What is printed of a checkpoint.
#[derive(Serialize)]
struct CheckpointDocument<'a> {
    checkpoint: &'a str,
    origin: &'a str,
    size: u64,
    root: String,
    public_key: String,
}

/// What is printed of a proof.
#[derive(Serialize)]
struct ProofDocument<'a> {
    proof: &'a str,
    seq: Seq,
    public_key: String,
}

pub fn checkpoint(door: &Door, args: &CheckpointArgs) -> Result<Done> {
    let app = app(door, "audit checkpoint", Vec::new())?;
    // Whoever asks for it may sign with another key; another history stays where it was found.
    if let (_, Some(finding)) = judge(&app, &None) {
        let path = app.checkpoint_path();
        return Err(DoorError::new(format!("{}: {}", safe_path(&path), finding.detail))
            .hint("once you know why, move the file away to sign anew"));
    }
    let signer = keys::signer(door, &app, args.key.key.as_deref())?;
    let (checkpoint, note) = app.checkpoint(&signer)?;
    let text = note.to_string();
    if let Some(path) = &args.output {
        app.write_raw(path, &text)?;
    }
    let public_key = signer.verifier().to_string();
    if door.global.json {
        door.print_json(&CheckpointDocument {
            checkpoint: &text,
            origin: &checkpoint.origin,
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            public_key,
        })?;
        return Ok(Done::Clean);
    }
    let kept = format!(
        "{} signed; kept in {}\npublic key  {public_key}\n",
        entries(checkpoint.size),
        safe(&app.checkpoint_path().display().to_string()),
    );
    let advice =
        "keep a copy of both elsewhere: `audit --against FILE` compares the ledger with it\n";
    door.print(&(text + "\n" + &kept + &door.paint(Style::Dim, advice)))?;
    Ok(Done::Clean)
}

pub fn prove(door: &Door, args: &ProveArgs) -> Result<Done> {
    let app = app(door, "audit prove", Vec::new())?;
    let signer = keys::signer(door, &app, args.key.key.as_deref())?;
    let proof = door.patiently("proving", || app.prove(args.entry, &signer))?.to_string();
    let public_key = signer.verifier().to_string();
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

pub fn verify(door: &Door, args: &VerifyArgs) -> Result<Done> {
    let keys = args.signed_by.iter().map(|key| {
        Verifier::parse(key).map_err(|error| {
            DoorError::new(format!("--signed-by: {error}"))
                .hint("`audit checkpoint` prints the public key of a ledger")
        })
    });
    let keys: Vec<Verifier> = keys.collect::<Result<_>>()?;
    let text = read(&args.file)?;
    let named = |error: codex_ledger_app::AppError| {
        DoorError::new(format!("{}: {}", args.file.display(), DoorError::from(error).message))
    };
    let proven = verify_proof(&text, &keys).map_err(named);
    let proven = match proven {
        Ok(proven) => proven,
        Err(error) => {
            if door.global.json {
                door.print_json(&serde_json::json!({"ok": false, "findings": [error.message]}))?;
            } else {
                let refused = door.paint(Style::Red, "refused");
                door.print(&format!("{refused}  {}\n", safe(&error.message)))?;
            }
            return Ok(Done::Findings);
        }
    };
    if door.global.json {
        door.print_json(&serde_json::json!({"ok": true, "proven": &proven, "findings": []}))?;
        return Ok(Done::Clean);
    }
    door.print(&told(door, &proven))?;
    Ok(Done::Clean)
}

fn told(door: &Door, proven: &Proven) -> String {
    let holds = door.paint(Style::Green, "holds");
    let mut out = match (proven.seq, proven.kind) {
        (Some(seq), Some(kind)) => {
            format!("{holds}  entry {seq} ({kind}) is one of the {} of\n", entries(proven.size))
        }
        _ => format!("{holds}  a checkpoint over the {} of\n", entries(proven.size)),
    };
    out.push_str(&format!("       {}\n", safe(&proven.origin)));
    if let Some(commitment) = &proven.commitment {
        out.push_str(&format!("       its body is committed to by {commitment}\n"));
    }
    match &proven.signed_by[..] {
        [] => out.push_str(
            "not proven: who signed it. Give a public key that you got from elsewhere: --signed-by NAME+ID+KEY\n",
        ),
        keys => {
            for key in keys {
                out.push_str(&format!("signed by {}\n", safe(key)));
            }
            out.push_str(
                "not proven: that whoever has this key has not signed another history elsewhere\n",
            );
        }
    }
    out
}

/// What is the same up to an older checkpoint.
fn same_words(same: u64) -> String {
    match same {
        0 => String::new(),
        same => format!(
            "the first {} still are, the first other one comes behind them; ",
            entries(same)
        ),
    }
}

/// Signs what the ledger has, where that is wanted, and keeps it here and wherever it is to be kept. What keeps it from
/// that is said; the append is whole without.
pub fn sign(app: &App, key: &KeyArgs) -> Option<Signed> {
    let config = app.checkpoint_config();
    if !config.sign {
        return None;
    }
    let signed = keys::verifier(app, key.key.as_deref()).and_then(|known| {
        // What was signed before is the only witness of what has become of it since: it is not written over.
        let (_, finding) = judge(app, &known);
        if let Some(finding) = finding {
            let path = app.checkpoint_path();
            return Err(DoorError::new(format!("{}: {}", safe_path(&path), finding.detail))
                .hint("`codex-ledger audit` says more; once you know why, move the file away, and the next append signs anew"));
        }
        let Key { signer, made } = keys::key(app, key.key.as_deref())?;
        let (checkpoint, note) = app.checkpoint(&signer)?;
        let exported = config.export.as_deref().map(|path| app.export_checkpoint(path, &note));
        if let Some(Err(error)) = exported {
            let mut error = DoorError::from(error);
            error.message.insert_str(0, "signed, but not written elsewhere: ");
            say(error.described());
        }
        let (size, root) = (checkpoint.size, checkpoint.root.to_string());
        let key = signer.verifier();
        let (id, public_key) = (hex(&key.id()), key.to_string());
        Ok(Signed { size, root, id, public_key, made })
    });
    match signed {
        Ok(signed) => Some(signed),
        Err(mut error) => {
            error.message.insert_str(0, "not signed: ");
            say(error.described());
            None
        }
    }
}

/// What was signed.
#[derive(Serialize)]
pub struct Signed {
    size: u64,
    root: String,
    #[serde(skip)]
    id: String,
    public_key: String,
    /// Where the key lies, if it was made just now.
    #[serde(skip)]
    made: Option<PathBuf>,
}

impl Signed {
    /// By whom.
    pub fn text(&self) -> String {
        let made = self.made.as_deref().map(|path| format!(": {}", keys::made_words(path)));
        format!("signed  by key {}{}\n", self.id, made.unwrap_or_default())
    }
}

/// Who vouches for a ledger, as a report says it; none where there is no checkpoint.
pub fn in_words(app: &App) -> Option<String> {
    let key = keys::verifier(app, None).ok().flatten();
    let vouched = match app.vouched(key.as_slice()) {
        Ok(vouched) => vouched?,
        Err(_) => return Some("its checkpoint cannot be read".into()),
    };
    let Vouched { size, signed_by, against } = vouched;
    Some(match (against, signed_by) {
        (Against::Consistent { now, .. }, Some(key)) if now == size => {
            format!("signed by key {key}")
        }
        (Against::Consistent { .. }, Some(key)) => {
            format!("the first {} of them signed by key {key}", count(size))
        }
        (Against::Consistent { .. }, None) if key.is_none() => {
            "signed by a key that is not known here".into()
        }
        _ => "not what was signed".into(),
    })
}

/// What is wrong with the checkpoint beside the ledger, or how it stands. `key` is the ledger's own.
pub fn judge(app: &App, key: &Option<Verifier>) -> (Option<Vouched>, Option<Finding>) {
    let finding = |detail: String| {
        let (kind, file) = (FindingKind::Checkpoint, app.checkpoint_path());
        Some(Finding { kind, seq: None, file, detail, hint: None })
    };
    let vouched = match app.vouched(key.as_slice()) {
        Ok(Some(vouched)) => vouched,
        Ok(None) => return (None, None),
        Err(error) => return (None, finding(DoorError::from(error).message)),
    };
    let size = entries(vouched.size);
    let finding = match (&vouched.against, &vouched.signed_by) {
        (_, None) if key.is_some() => finding(format!(
            "the signature over {size} is not that of this ledger's key: somebody else has signed, or the file is damaged"
        )),
        (Against::Consistent { .. }, _) => None,
        (Against::Fork { .. }, _) => {
            finding(format!("the first {size} are not those that were signed: they were rewritten"))
        }
        (Against::Shorter { now, .. }, _) => finding(format!(
            "{size} were signed, the ledger has {}: the newest are missing, or the folder was put back",
            count(*now)
        )),
        (Against::Other { .. }, _) => finding("it is of another ledger".into()),
    };
    (Some(vouched), finding)
}

pub fn against(door: &Door, file: &Path) -> Result<Done> {
    let app = app(door, "audit", Vec::new())?;
    let text = read(file)?;
    let all = Checkpoint::parse_all(&text).map_err(|error| {
        DoorError::new(format!("{}: {error}", file.display()))
            .hint("`audit checkpoint -o FILE` writes one")
    })?;
    let all: Vec<Checkpoint> = all.into_iter().map(|(checkpoint, _)| checkpoint).collect();
    let verdict = door.patiently("comparing", || app.against(&all))?;
    let is_consistent = matches!(verdict, Against::Consistent { .. });
    if door.global.json {
        door.print_json(&serde_json::json!({"ok": is_consistent, "against": &verdict}))?;
    } else {
        let told = match &verdict {
            Against::Consistent { size, now } => format!(
                "consistent  the first {} are those of the checkpoint; the ledger has {} now\n",
                entries(*size),
                entries(*now)
            ),
            Against::Fork { size, same } => format!(
                "fork  the first {} are not those of the checkpoint: {}the ledger was rewritten, or one of both is another copy\n",
                entries(*size),
                same_words(*same)
            ),
            Against::Shorter { size, now } => format!(
                "cut  the checkpoint covers {}, the ledger has {}: the newest are missing, or the folder was put back to an older state\n",
                entries(*size),
                entries(*now)
            ),
            Against::Other { origin } => {
                format!("other  the checkpoint is of another ledger, {}\n", safe(origin))
            }
        };
        let style = if is_consistent { Style::Green } else { Style::Red };
        let (word, rest) = told.split_once(' ').unwrap_or((&told, ""));
        door.print(&format!("{} {rest}", door.paint(style, word)))?;
    }
    Ok(if is_consistent { Done::Clean } else { Done::Findings })
}

fn read(path: &Path) -> Result<String> {
    let failed =
        |error: &dyn std::fmt::Display| DoorError::new(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut text = String::new();
    file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(failed(&"too long for a proof or a checkpoint"));
    }
    Ok(text)
}

//! `audit key`: the keys that sign this ledger, one after the other.

use crate::audit_proofs::{KeyArgs, signer_that_fits};
use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::keys;
use crate::text::{one_line, safe};
use clap::Subcommand;
use codex_ledger_app::{App, KeyEnd, KeyEvent, Seq, Verifier, hex};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List the keys that have signed this ledger, and how each ended
    List,
    /// Replace the key by a new one; the old one signs for it, and is gone then
    Rotate {
        /// Why (required); recorded with your name
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Write the note by which the last key that ended hands over to the next one, for witnesses and whoever trusts the old one
    Handover {
        /// Write it here [default: standard output]; nothing is overwritten
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Say that somebody else may have a key: it vouches for nothing any more, and a new one signs from here on
    Revoke {
        /// An older key, by its public key [default: the one in use]
        #[arg(value_name = "NAME+ID+KEY")]
        key: Option<String>,
        /// Why (required); recorded with your name
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// What is printed of the keys.
#[derive(Serialize)]
struct Document<'a> {
    /// The key in use; none where it is not known here.
    key: Option<String>,
    /// The key that cosigns what others have signed; none where nothing was cosigned yet.
    post_quantum_key: Option<String>,
    witness_key: Option<String>,
    ended: &'a [KeyEvent],
}

/// What is printed of a change.
#[derive(Serialize)]
struct Changed {
    seq: Seq,
    key: Option<String>,
    ended: String,
}

pub fn run(door: &Door, command: &KeyCommand) -> Result<Done> {
    let app = app(door, "audit key", Vec::new())?;
    match command {
        KeyCommand::List => list(door, &app),
        KeyCommand::Handover { output } => handover(door, &app, output.as_deref()),
        KeyCommand::Rotate { reason } => rotate(door, &app, reason),
        KeyCommand::Revoke { key, reason } => revoke(door, &app, key.as_deref(), reason),
    }
}

fn list(door: &Door, app: &App) -> Result<Done> {
    let own = keys::verifier(app, None)?;
    let ended = app.key_events()?;
    if door.global.json {
        let witness_key = keys::known_witness(app)?.map(|key| key.to_string());
        let key = own.map(|key| key.to_string());
        let post_quantum_key = keys::beside(app).map(|key| key.to_string());
        door.print_json(&Document { key, post_quantum_key, witness_key, ended: &ended })?;
        return Ok(Done::Clean);
    }
    let mut out = String::new();
    for event in &ended {
        let how = match (event.end, event.is_handed_over) {
            (KeyEnd::Rotated, true) => "rotated",
            (KeyEnd::Rotated, false) => "rotated, but it has not signed for the next one",
            (KeyEnd::Revoked, _) => "revoked",
        };
        out.push_str(&format!(
            "{}  {how} by entry {}, {}\n    {}\n",
            safe(&event.key),
            event.seq,
            one_line(&event.actor, 24),
            one_line(&event.reason, 100)
        ));
    }
    match own {
        Some(key) => out.push_str(&format!("{key}  {}\n", door.paint(Style::Green, "in use"))),
        None => out.push_str("none in use here: the next append makes one\n"),
    }
    if let Some(beside) = keys::beside(app) {
        out.push_str(&format!("{beside}  signs beside it (ML-DSA-44)\n"));
    }
    if let Some(witness) = keys::known_witness(app)? {
        out.push_str(&format!("{witness}  cosigns for others\n"));
    }
    door.print(&out)?;
    Ok(Done::Clean)
}

fn handover(door: &Door, app: &App, output: Option<&Path>) -> Result<Done> {
    let events = app.key_events()?;
    let last = events.iter().rev().find(|event| event.is_handed_over);
    let note = last.and_then(|event| event.handover.as_deref()).ok_or_else(|| {
        DoorError::new("no key of this ledger has handed over to another one")
            .hint("`audit key rotate --reason TEXT` replaces the key")
    })?;
    match output {
        Some(path) => app.write_raw(path, note)?,
        None => door.print(note)?,
    }
    Ok(Done::Clean)
}

fn rotate(door: &Door, app: &App, reason: &str) -> Result<Done> {
    // An earlier try may have been interrupted behind its entry.
    if let Some(event) = keys::finish_rotation(app)? {
        let ended =
            Verifier::parse(&event.key).map_err(|error| DoorError::new(error.to_string()))?;
        return changed(door, app, event.seq, &ended);
    }
    let old = signer_that_fits(door, app, &KeyArgs { key: None })?;
    let next = keys::next(app)?;
    let (key, next_key) = (old.signer.verifier(), next.verifier());
    let seq = app.rotate_key(&old.signer, next_key, reason)?;
    changed(door, app, seq, key)
}

fn revoke(door: &Door, app: &App, key: Option<&str>, reason: &str) -> Result<Done> {
    // A rotation that was interrupted is finished first; the key that is meant is the one that was in use until now.
    let finished = keys::finish_rotation(app)?.map(|event| event.key);
    let key = key.or(finished.as_deref());
    let own = keys::verifier(app, None)?;
    let wanted = key.map(Verifier::parse).transpose().map_err(|error| {
        DoorError::new(error.to_string()).hint("`audit key list` prints the public keys")
    })?;
    let name = app.log_name()?;
    if let Some(other) = wanted.as_ref().filter(|key| key.name() != name) {
        return Err(DoorError::new(format!("the key is of another log, {}", safe(other.name()))));
    }
    let is_own = wanted.is_none() || wanted == own;
    let Some(key) = wanted.or(own) else {
        return Err(DoorError::new("no key of this ledger is known here")
            .hint("name its public key, as `audit key list` or an older checkpoint has it"));
    };
    if !is_own {
        let name = key.to_string();
        let is_revoked = |event: &&KeyEvent| event.key == name && event.end == KeyEnd::Revoked;
        if let Some(event) = app.key_events()?.iter().find(is_revoked) {
            let message = format!("it was revoked already, by entry {}", event.seq);
            return Err(DoorError::new(message));
        }
        let seq = app.revoke_key(&key, None, reason)?;
        return said(door, app, seq, &key);
    }
    let next = keys::next(app)?;
    let seq = app.revoke_key(&key, Some(next.verifier()), reason)?;
    changed(door, app, seq, &key)
}

/// The next key takes the place of the one that ended, and signs.
fn changed(door: &Door, app: &App, seq: Seq, ended: &Verifier) -> Result<Done> {
    keys::take_next(app)?;
    let key = keys::key(app, None)?;
    app.checkpoint(&key.signer, &|note| key.note(app, note))?;
    said(door, app, seq, ended)
}

fn said(door: &Door, app: &App, seq: Seq, ended: &Verifier) -> Result<Done> {
    let key = keys::verifier(app, None)?.map(|key| key.to_string());
    if door.global.json {
        door.print_json(&Changed { seq, key, ended: ended.to_string() })?;
        return Ok(Done::Clean);
    }
    let now = key.map(|key| format!("public key  {key}\n")).unwrap_or_default();
    let advice = "give the new public key to everybody who has the old one, in another way than the ledger\n";
    door.print(&format!(
        "entry {seq} says that key {} is no longer used\n{now}{}",
        hex(&ended.id()),
        door.paint(Style::Dim, advice)
    ))?;
    Ok(Done::Clean)
}

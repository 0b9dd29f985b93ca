//! `audit --against`: does the ledger begin with what somebody else has held of it?

use crate::door::{Done, Door, Result, Style, app, say};
use crate::error::DoorError;
use crate::text::{count, entries, plural, safe, safe_path};
use crate::vouching;
use codex_ledger_app::git_notes::GitCheckpoints;
use codex_ledger_app::{Against, App, Checkpoint, Note, small_file};
use serde::Serialize;
use std::path::Path;

/// What is printed of a comparison with an older checkpoint.
#[derive(Serialize)]
struct Comparison<'a> {
    ok: bool,
    /// Whether keys of this ledger have signed it, as far as they are known here.
    signed: bool,
    against: &'a Against,
}

/// Where the first other entry is, between what an older checkpoint covers and what the first one covers that does not fit.
fn between(same: u64, size: u64) -> String {
    let last = size.saturating_sub(1);
    match same {
        0 => format!("the first other one is one of the entries 0 to {}; ", count(last)),
        same => format!(
            "the first {} still are, the first other one is one of the entries {} to {}; ",
            entries(same),
            count(same),
            count(last)
        ),
    }
}

/// The checkpoints of a file, or of the notes of a git repository.
fn checkpoints_in(app: &App, place: &Path) -> Result<Vec<(Checkpoint, Note)>> {
    if !place.is_dir() {
        let text = small_file::read_file(place, small_file::NAMED_MAX_BYTES)?;
        return Checkpoint::parse_all(&small_file::text(text, place)?).map_err(|error| {
            DoorError::new(format!("{}: {error}", place.display()))
                .hint("`audit checkpoint -o FILE` writes one")
        });
    }
    let GitCheckpoints { found, others } = app.checkpoints_in_git(place)?;
    if others > 0 {
        let others = plural(others, "note");
        say(format!("codex-ledger: {}: {others} that are no checkpoints", safe_path(place)));
    }
    if found.is_empty() {
        let message = format!("{}: there is no checkpoint in its notes", place.display());
        return Err(DoorError::new(message).hint(
            "a clone has no notes: `git fetch origin 'refs/notes/codex-ledger/*:refs/notes/codex-ledger/*'` brings them",
        ));
    }
    Ok(found)
}

pub fn against(door: &Door, file: &Path) -> Result<Done> {
    let app = app(door, "audit", Vec::new())?;
    let all = checkpoints_in(&app, file)?;
    // What this ledger's own keys have not signed may be anybody's words.
    let name = app.log_name()?;
    let own = all.iter().filter(|(checkpoint, _)| checkpoint.origin == name);
    let unsigned = vouching::unsigned(&app, own);
    let all: Vec<Checkpoint> = all.into_iter().map(|(checkpoint, _)| checkpoint).collect();
    let verdict = door.patiently("comparing", || app.against(&all))?;
    let is_consistent = matches!(verdict, Against::Consistent { .. }) && unsigned.is_none();
    if let Some(why) = &unsigned {
        say(format!("codex-ledger: {}: {why}", safe_path(file)));
    }
    if door.global.json {
        let (ok, signed, against) = (is_consistent, unsigned.is_none(), &verdict);
        door.print_json(&Comparison { ok, signed, against })?;
    } else {
        let verifies =
            "tiles of 256 entries were believed: `codex-ledger audit` verifies each of them";
        let verifies = door.paint(Style::Dim, door.hinted(verifies));
        let told = match &verdict {
            Against::Consistent { size, now } => format!(
                "consistent  the first {} are those of the checkpoint; the ledger has {} now\n{verifies}\n",
                entries(*size),
                entries(*now)
            ),
            Against::Fork { size, same } => format!(
                "fork  the first {} are not those of a checkpoint: {}the ledger was rewritten, or one of both is another copy\n",
                entries(*size),
                between(*same, *size)
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

//! Whether everything that HEAD speaks of is there: lengths and presence, no bodies, no log engine.

use super::error::{LedgerError, Result};
use super::files::side_record_ahead;
use super::head::{Head, head_path, read_head};
use super::journal::{self, journal_path};
use super::open::check_format;
use super::volume;
use std::path::Path;

/// HEAD moves on while a writer works; what then does not fit is looked at again.
const ATTEMPTS: u32 = 4;

/// Makes sure that no file of the ledger is missing or shorter than HEAD says, and gives the head.
///
/// Cheap enough for a command that has nothing to do: it reads HEAD, the volumes' records, and of the
/// journal the frames' fields. An audit reads the rest.
///
/// # Errors
/// When there is no ledger, or acknowledged entries are missing.
pub fn check_whole(dir: &Path) -> Result<Head> {
    let turn = || read_head(dir).ok().map(|slots| slots.head.turn);
    for _ in 1..ATTEMPTS {
        let before = turn();
        let checked = check_once(dir);
        if checked.is_ok() || before == turn() {
            return checked;
        }
    }
    check_once(dir)
}

/// The head, unless what is noted beside the entries knows of more of them: then an older HEAD was put back, and
/// what it leaves out may hide what is about to be shown. Cheap enough for every command that reads.
///
/// # Errors
/// When there is no ledger, or HEAD is older than it was.
pub fn head_in_force(dir: &Path) -> Result<Head> {
    let mut looks = ATTEMPTS;
    loop {
        let head = read_head(dir)?.head;
        check_format(dir, &head.identity)?;
        match side_record_ahead(dir, &head) {
            None => return Ok(head),
            // A writer may have moved HEAD and then its notes on between the two reads.
            Some(_) if looks > 0 => looks -= 1,
            Some((path, size)) => {
                let detail = format!("knows of {size} entries; HEAD says {}", head.size());
                return Err(LedgerError::damaged_at(&path, head.size(), detail));
            }
        }
    }
}

fn check_once(dir: &Path) -> Result<Head> {
    let slots = read_head(dir)?;
    if !slots.agree() {
        let detail = "the two slots of HEAD contradict each other";
        return Err(LedgerError::damaged(&head_path(dir), detail));
    }
    let head = slots.head;
    check_format(dir, &head.identity)?;
    let volumes = volume::list(dir)?;
    volumes.iter().try_for_each(|volume| volume.check_presence(dir))?;
    let settled = volumes.last().map_or(0, |volume| volume.end_seq);
    if settled < head.settled {
        let path = volume::manifest_path(dir, settled);
        let detail = format!("HEAD says that {} entries are settled", head.settled);
        return Err(LedgerError::damaged_at(&path, settled, detail));
    }
    if settled > head.size() && slots.damaged.is_empty() {
        let detail = format!("the volumes hold {settled} entries, HEAD says {}", head.size());
        return Err(LedgerError::damaged_at(&head_path(dir), head.size(), detail));
    }
    if head.size() > settled {
        journal::check_reach(dir, &head.identity, settled, (head.size(), head.chain.id))?;
    }
    if let Some((path, size)) = side_record_ahead(dir, &head) {
        // Entries that HEAD does not know of may still stand in the journal: opening for writing tells.
        if slots.damaged.is_empty() && !journal_path(dir, settled).exists() {
            let detail = format!("knows of {size} entries; HEAD says {}", head.size());
            return Err(LedgerError::damaged_at(&path, head.size(), detail));
        }
    }
    Ok(head)
}

//! Whether everything that HEAD speaks of is there: lengths and presence, no bodies, no log engine.

use super::error::{LedgerError, Result};
use super::files::side_record_ahead;
use super::head::{Head, HeadSlots, head_path, read_head};
use super::journal::{self, journal_path};
use super::open::check_format;
use super::volume::{self, Volume};
use codex_ledger_entry::Seq;
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
    look_again(dir, &mut || check_once(dir), &Result::is_ok)
}

/// Looks until what is found is sound, or HEAD stood still meanwhile.
pub(super) fn look_again<T>(
    dir: &Path,
    look: &mut dyn FnMut() -> Result<T>,
    is_sound: &dyn Fn(&Result<T>) -> bool,
) -> Result<T> {
    let turn = || read_head(dir).ok().map(|slots| slots.head.turn);
    for _ in 1..ATTEMPTS {
        let before = turn();
        let found = look();
        if is_sound(&found) || before == turn() {
            return found;
        }
    }
    look()
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
        check_format(dir, &head)?;
        match side_record_ahead(dir, &head) {
            None => return Ok(head),
            // A writer may have moved HEAD and then its notes on between the two reads.
            Some(_) if looks > 0 => looks -= 1,
            Some((path, end)) => {
                let detail = format!("knows of {end} entries; HEAD says {}", head.end());
                return Err(LedgerError::damaged_at(&path, head.end(), detail));
            }
        }
    }
}

/// Whether a writer was stopped after it had made entries durable and before HEAD knew of them: the next one takes them in.
pub fn is_behind_its_journal(dir: &Path) -> bool {
    read_head(dir).is_ok_and(|slots| journal::ends_beyond(dir, &slots.head))
}

fn check_once(dir: &Path) -> Result<Head> {
    let slots = read_head(dir)?;
    check_agree(dir, &slots)?;
    check_format(dir, &slots.head)?;
    let settled = check_volumes(dir, &slots, &volume::list(dir)?)?;
    let head = slots.head;
    if head.end() > settled {
        journal::check_reach(dir, &head.identity, settled, (head.end(), head.chain.id))?;
    }
    if let Some((path, end)) = side_record_ahead(dir, &head) {
        // Entries that HEAD does not know of may still stand in the journal: opening for writing tells.
        if slots.damaged.is_empty() && !journal_path(dir, settled).exists() {
            let detail = format!("knows of {end} entries; HEAD says {}", head.end());
            return Err(LedgerError::damaged_at(&path, head.end(), detail));
        }
    }
    Ok(head)
}

/// Refuses slots of HEAD of which the newer one cannot have followed the other.
pub(super) fn check_agree(dir: &Path, slots: &HeadSlots) -> Result<()> {
    match slots.agree() {
        true => Ok(()),
        false => {
            let detail = "the two slots of HEAD contradict each other";
            Err(LedgerError::damaged(&head_path(dir), detail))
        }
    }
}

/// Checks that the volumes reach as far as HEAD says, and no further than its entries; gives their end. They may
/// reach further where a slot is damaged: an older one counts then.
pub(super) fn check_volumes(dir: &Path, slots: &HeadSlots, volumes: &[Volume]) -> Result<Seq> {
    let (head, end) = (&slots.head, slots.head.end());
    volumes.iter().try_for_each(|volume| volume.check_presence(dir))?;
    if let Some(newer) = volumes.iter().find(|volume| volume.generation > head.generation) {
        let detail =
            "an erasure has written it anew that HEAD does not know of: an older HEAD was put back";
        let path = volume::manifest_path(dir, newer.first_seq);
        return Err(LedgerError::damaged_at(&path, newer.first_seq, detail));
    }
    let settled = volumes.last().map_or(Seq::FIRST, |volume| volume.end_seq);
    if settled < head.settled {
        let path = volume::manifest_path(dir, settled);
        let detail = format!("HEAD says that {} entries are settled", head.settled);
        return Err(LedgerError::damaged_at(&path, settled, detail));
    }
    // Volumes are made of acknowledged entries only: else somebody has put an older HEAD here.
    if settled > end && slots.damaged.is_empty() {
        let detail = format!("the volumes hold {settled} entries, HEAD says {end}");
        return Err(LedgerError::damaged_at(&head_path(dir), end, detail));
    }
    Ok(settled)
}

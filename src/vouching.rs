//! Who vouches for a ledger: what was signed of it, beside it and beside this user's keys, and whether it still is that.

use crate::audit_proofs::KeyArgs;
use crate::door::say;
use crate::error::DoorError;
use crate::keys::{self, Key};
use crate::text::{count, entries, safe_path};
use crate::witness;
use codex_ledger_app::audit::{Finding, FindingKind};
use codex_ledger_app::{Against, App, Cosigned, KeyEnd, KeyEvent, Seq, Verifier, Vouched, hex};
use serde::Serialize;
use std::path::PathBuf;

/// What helps against a checkpoint that does not fit.
const SIGN_ANEW: &str = "`codex-ledger audit` says more; once you know why, \
    `codex-ledger audit checkpoint --anew --reason TEXT` signs what is there, and keeps the older one as an entry";

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
            return Err(refusal(&finding));
        }
        let key = keys::key(app, key.key.as_deref())?;
        let (checkpoint, note) = app.checkpoint(&key.signer)?;
        let exported = config.export.as_deref().map(|path| app.export_checkpoint(path, &note));
        let noted =
            key.note(app).map_err(|error| ("signed, but not noted beside the key: ", error));
        let exported = exported
            .transpose()
            .map_err(|error| ("signed, but not written elsewhere: ", error.into()));
        for (what, mut error) in [noted.err(), exported.err()].into_iter().flatten() {
            error.message.insert_str(0, what);
            say(error.described());
        }
        let (size, root) = (checkpoint.size, checkpoint.root.to_string());
        let Key { signer, made } = key;
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

/// Whether there is more than was signed, such as an access that was recorded since; where nothing was ever signed, there is
/// nothing to go on with.
pub fn is_behind(app: &App, size: u64) -> bool {
    let signed = app.vouched(&app.checkpoint_path(), &[]).ok().flatten();
    signed.is_some_and(|signed| signed.size < size)
}

/// Who vouches for a ledger, as a report says it; none where there is no checkpoint.
pub fn in_words(app: &App) -> Option<String> {
    let key = keys::verifier(app, None).ok().flatten();
    let (vouched, finding) = judge(app, &key);
    let Some(Vouched { size, signed_by, against }) = vouched else {
        return finding.map(|_| "its checkpoint cannot be read, or is missing".into());
    };
    Some(match (against, signed_by) {
        (Against::Consistent { now, .. }, Some(key)) if finding.is_none() && now == size => {
            format!("signed by key {key}")
        }
        (Against::Consistent { .. }, Some(key)) if finding.is_none() => {
            format!("the first {} of them signed by key {key}", count(size))
        }
        (Against::Consistent { .. }, None) if key.is_none() && finding.is_none() => {
            "signed by a key that is not known here".into()
        }
        _ => "not what was signed".into(),
    })
}

/// Where checkpoints of a ledger lie: beside it, and beside the key.
pub fn files(app: &App, key: &Verifier) -> Vec<PathBuf> {
    [Some(app.checkpoint_path()), keys::signed_path(app, key).ok()].into_iter().flatten().collect()
}

/// Why nothing is signed.
pub fn refusal(finding: &Finding) -> DoorError {
    DoorError::new(format!("{}: {}", safe_path(&finding.file), finding.detail)).hint(SIGN_ANEW)
}

/// How the checkpoint beside the ledger stands, and what is wrong with it, or with what the key has signed last. `key` is
/// the ledger's own.
pub fn judge(app: &App, key: &Option<Verifier>) -> (Option<Vouched>, Option<Finding>) {
    let own = app.checkpoint_path();
    let (vouched, finding) = judge_file(app, key, own);
    (vouched, finding.or_else(|| judge_noted(app, key)))
}

/// What is wrong with what a key has signed last, as it is noted beside the key.
pub fn judge_noted(app: &App, key: &Option<Verifier>) -> Option<Finding> {
    let own = app.checkpoint_path();
    let noted = key.as_ref().and_then(|key| keys::signed_path(app, key).ok())?;
    let text = std::fs::read(&noted).ok()?;
    let beside = std::fs::read(&own).ok();
    if beside.as_ref() == Some(&text) {
        return None;
    }
    let (signed, finding) = judge_file(app, key, noted);
    let is_missing = || {
        let size = entries(signed.filter(|_| beside.is_none())?.size);
        let detail =
            format!("it is missing, though this key has signed {size}: somebody has removed it");
        Some(Finding { kind: FindingKind::Checkpoint, seq: None, file: own, detail, hint: None })
    };
    finding.or_else(is_missing)
}

/// Who has cosigned, and what is wrong with that; nothing where no witness is configured.
pub fn judge_cosigned(app: &App) -> (Option<Cosigned>, Option<Finding>) {
    let finding = |detail: String| {
        let (kind, file) = (FindingKind::Checkpoint, app.cosigned_path());
        Some(Finding { kind, seq: None, file, detail, hint: None })
    };
    let witnesses = match witness::witnesses(app) {
        Ok(witnesses) if witnesses.is_empty() => return (None, None),
        Ok(witnesses) => witnesses,
        Err(error) => {
            let (kind, file) = (FindingKind::Checkpoint, PathBuf::from("the configuration"));
            let detail = error.message;
            return (None, Some(Finding { kind, seq: None, file, detail, hint: None }));
        }
    };
    let cosigned = match app.cosigned(&witnesses) {
        Ok(cosigned) => cosigned,
        Err(error) => return (None, finding(DoorError::from(error).message)),
    };
    let needed = witness::quorum(app);
    let by = cosigned.as_ref().map_or(0, |cosigned| cosigned.by.len());
    let found = match cosigned.as_ref().map(|cosigned| &cosigned.against) {
        Some(Against::Consistent { .. }) | None if by >= needed => None,
        Some(Against::Consistent { .. }) | None => {
            let of = witnesses.len();
            finding(format!("{by} of {of} configured witnesses have cosigned, {needed} are needed"))
        }
        Some(_) => finding("what was cosigned is not what the ledger has".into()),
    };
    (cosigned, found)
}

/// The keys that may have signed: the one in use, and those that handed over to it.
fn keys_of(key: &Option<Verifier>, events: &[KeyEvent]) -> Vec<Verifier> {
    let mut keys: Vec<Verifier> = key.iter().cloned().collect();
    for event in events.iter().rev().filter(|event| event.is_handed_over) {
        let is_followed =
            keys.iter().any(|known| event.next.as_deref() == Some(&known.to_string()));
        keys.extend(Verifier::parse(&event.key).ok().filter(|_| is_followed));
    }
    keys
}

/// The keys that may have signed this ledger, as far as they are known here.
pub fn own_keys(app: &App) -> Vec<Verifier> {
    let key = keys::verifier(app, None).ok().flatten();
    let events = app.key_events().unwrap_or_default();
    keys_of(&key, &events)
}

/// The keys that were revoked, in a line for each.
pub fn revoked_words(app: &App) -> String {
    let events = app.key_events().unwrap_or_default();
    let revoked = events.iter().filter(|event| event.end == KeyEnd::Revoked);
    let line = |event: &KeyEvent| {
        let id = Verifier::parse(&event.key).map(|key| hex(&key.id())).unwrap_or_default();
        format!(
            "       key {id} was revoked by entry {}: what it has signed is no proof\n",
            event.seq
        )
    };
    revoked.map(line).collect()
}

/// What is wrong with a signature of a key that has ended.
fn ended(signed: &Vouched, keys: &[Verifier], events: &[KeyEvent]) -> Option<String> {
    let id = signed.signed_by.as_ref()?;
    let key = keys.iter().find(|key| hex(&key.id()) == *id)?.to_string();
    let event = events.iter().find(|event| event.key == key)?;
    match event.end {
        KeyEnd::Revoked => Some(format!("signed by key {id}, which entry {} revoked", event.seq)),
        KeyEnd::Rotated if signed.size > event.seq.get() => Some(format!(
            "signed by key {id}, which was replaced by entry {}: it signs no longer",
            event.seq
        )),
        KeyEnd::Rotated => None,
    }
}

fn judge_file(
    app: &App,
    key: &Option<Verifier>,
    file: PathBuf,
) -> (Option<Vouched>, Option<Finding>) {
    let events = app.key_events().unwrap_or_default();
    let keys = keys_of(key, &events);
    let vouched = app.vouched(&file, &keys);
    let of = |seq: Option<Seq>, detail: String| {
        Some(Finding { kind: FindingKind::Checkpoint, seq, file, detail, hint: None })
    };
    let vouched = match vouched {
        Ok(Some(vouched)) => vouched,
        Ok(None) => return (None, None),
        Err(error) => return (None, of(None, DoorError::from(error).message)),
    };
    let first_missing = match vouched.against {
        Against::Shorter { now, .. } => Some(Seq::new(now)),
        _ => None,
    };
    let finding = |detail| of(first_missing, detail);
    let size = entries(vouched.size);
    let finding = match (&vouched.against, &vouched.signed_by) {
        (_, None) if key.is_some() => finding(format!(
            "the signature over {size} is not that of this ledger's key: somebody else has signed, or the file is damaged"
        )),
        (Against::Consistent { .. }, _) => ended(&vouched, &keys, &events).and_then(finding),
        (Against::Fork { .. }, _) => {
            finding(format!("the first {size} are not those that were signed: they were rewritten"))
        }
        (Against::Shorter { now, .. }, _) => finding(format!(
            "{size} were signed, the ledger has {}: entries from {} on are missing, or the folder was put back",
            count(*now),
            count(*now)
        )),
        (Against::Other { .. }, _) => finding("it is of another ledger".into()),
    };
    (Some(vouched), finding)
}

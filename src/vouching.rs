//! Who vouches for a ledger: what was signed of it, beside it and beside this user's keys, and whether it still is that.

use crate::audit_proofs::KeyArgs;
use crate::door::say;
use crate::error::DoorError;
use crate::keys::{self, Key};
use crate::text::{count, entries, safe_path};
use crate::witness;
use codex_ledger_app::audit::{Finding, FindingKind};
use codex_ledger_app::{
    Against, App, Checkpoint, Cosigned, KeyEnd, KeyEvent, Note, NoteError, Seq, Verifier, Vouched,
    hex, read_note,
};
use serde::Serialize;
use std::path::PathBuf;

/// What helps against a checkpoint that does not fit.
const SIGN_ANEW: &str = "`codex-ledger audit` says more; once you know why, \
    `codex-ledger audit checkpoint --anew --reason TEXT` signs what is there, and keeps the older one as an entry";

/// Signs what the ledger has, where that is wanted, and keeps it here and wherever it is to be kept. What keeps it from
/// that is said; the append is whole without.
pub fn sign(app: &App, key: &KeyArgs) -> Signing {
    let config = app.checkpoint_config();
    if !config.sign {
        return Signing::default();
    }
    let finished = if key.key.is_none() { keys::finish_rotation(app).map(drop) } else { Ok(()) };
    let known = finished.and_then(|()| keys::verifier(app, key.key.as_deref()));
    let mut problem = None;
    let mut told = |prefix: &str, mut error: DoorError| {
        error.message.insert_str(0, prefix);
        problem = Some(error.message.clone());
        say(error.described());
    };
    let signed = known.and_then(|known| {
        // What was signed before is the only witness of what has become of it since: it is not written over.
        let (_, finding) = judge(app, &known);
        if let Some(finding) = finding {
            return Err(refusal(&finding));
        }
        let key = keys::key(app, key.key.as_deref())?;
        check_in_use(app, key.signer.verifier())?;
        let (checkpoint, note) = app.checkpoint(&key.signer, &|note| key.note(app, note))?;
        if let Err(error) = app.export_checkpoint(&note) {
            told("signed, but not written elsewhere: ", error.into());
        }
        let (size, root) = (checkpoint.size, checkpoint.root.to_string());
        let Key { signer, made } = key;
        let key = signer.verifier();
        let (id, public_key) = (hex(&key.id()), key.to_string());
        Ok(Signed { size, root, id, public_key, made })
    });
    let signed = signed.map_err(|error| told("not signed: ", error)).ok();
    Signing { signed, problem }
}

/// What was signed at the end of an append, and what kept it from that, or from being written elsewhere.
#[derive(Default)]
pub struct Signing {
    pub signed: Option<Signed>,
    pub problem: Option<String>,
}

/// Signs what no longer is what was signed before; that is kept as an entry first.
///
/// # Errors
/// When there is no reason, the key has ended, or something cannot be written.
pub fn sign_anew(app: &App, key: &Key, reason: &str) -> Result<(Checkpoint, Note), DoorError> {
    check_in_use(app, key.signer.verifier())?;
    app.keep_signed(&files(app), reason)?;
    for path in keys::all_signed(app) {
        let failed =
            |error: std::io::Error| DoorError::new(format!("{}: {error}", safe_path(&path)));
        std::fs::remove_file(&path).map_err(failed)?;
    }
    Ok(app.checkpoint(&key.signer, &|note| key.note(app, note))?)
}

/// A repaired ledger that has lost what was signed is signed anew, where a key is there; the damaged one keeps its checkpoint.
pub fn sign_repaired(app: &App, reason: &str) {
    let sign = || {
        let key = keys::verifier(app, None)?;
        match key.is_some() && judge(app, &key).1.is_some() {
            true => sign_anew(app, &keys::key(app, None)?, &format!("repair: {reason}")).map(drop),
            false => Ok(()),
        }
    };
    if let Err(mut error) = sign() {
        error.message.insert_str(0, "not signed: ");
        say(error.described());
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
    let Some(Vouched { size, signed_by, against, .. }) = vouched else {
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

/// Where checkpoints of a ledger lie: beside it, and beside this user's keys.
pub fn files(app: &App) -> Vec<PathBuf> {
    std::iter::once(app.checkpoint_path()).chain(keys::all_signed(app)).collect()
}

/// A key that the log says has ended signs nothing.
///
/// # Errors
/// When it has.
pub fn check_in_use(app: &App, key: &Verifier) -> Result<(), DoorError> {
    in_use(&app.key_events().unwrap_or_default(), key)
}

/// That the key may sign, and that the ledger still is what was signed of it; `known` is the key, `is_own` whether it is the ledger's.
///
/// # Errors
/// When one of both is not so.
pub fn check_fits(app: &App, known: &Option<Verifier>, is_own: bool) -> Result<(), DoorError> {
    let events = app.key_events().unwrap_or_default();
    known.iter().try_for_each(|key| in_use(&events, key))?;
    // Whoever names another key may sign with it; another history stays where it was found.
    let own = known.clone().filter(|_| is_own);
    let (_, finding) = judge_file(app, &own, &events, app.checkpoint_path());
    let finding = finding.or_else(|| noted(app, known, &events).1);
    finding.map_or(Ok(()), |finding| Err(refusal(&finding)))
}

fn in_use(events: &[KeyEvent], key: &Verifier) -> Result<(), DoorError> {
    let name = key.to_string();
    let Some(event) = events.iter().find(|event| event.key == name) else { return Ok(()) };
    let how = match event.end {
        KeyEnd::Rotated => "was replaced",
        KeyEnd::Revoked => "was revoked",
    };
    let message =
        format!("key {} {how} by entry {}: it signs no longer", hex(&key.id()), event.seq);
    Err(DoorError::new(message).hint("`codex-ledger audit key list` names the one in use"))
}

/// Why nothing is signed.
pub fn refusal(finding: &Finding) -> DoorError {
    DoorError::new(format!("{}: {}", safe_path(&finding.file), finding.detail)).hint(SIGN_ANEW)
}

/// How the ledger stands to the last checkpoint that its key has signed, and what is wrong with that. It is beside the ledger, or
/// only beside the key: a writer was stopped before it had written the other, or somebody has put an older one back, which is
/// not more than was true before. `key` is the ledger's own.
pub fn judge(app: &App, key: &Option<Verifier>) -> (Option<Vouched>, Option<Finding>) {
    let events = app.key_events().unwrap_or_default();
    let (beside, finding) = judge_file(app, key, &events, app.checkpoint_path());
    if finding.is_some() {
        return (beside, finding);
    }
    let (noted, finding) = noted(app, key, &events);
    let noted =
        noted.filter(|noted| beside.as_ref().is_some_and(|beside| noted.size > beside.size));
    (noted.or(beside), finding)
}

/// That a signature which the configuration asks for is missing; the next command that signs adds it.
pub fn judge_completeness(app: &App, vouched: Option<&Vouched>) -> Option<Finding> {
    vouched.filter(|vouched| vouched.is_incomplete)?;
    let detail = "it has no signature of the ML-DSA-44 key, which `checkpoint.post_quantum` asks for: somebody has removed it, or the \
                  setting came later; `codex-ledger audit checkpoint` signs anew";
    let (kind, file, detail) = (FindingKind::Checkpoint, app.checkpoint_path(), detail.to_string());
    Some(Finding { kind, seq: None, file, detail, hint: None })
}

/// What the key has signed last, and what is wrong with that or with what other keys of this user have, as it is noted beside
/// them; nothing where the ledger has the same beside it. `key` is the ledger's own; what others have signed has to fit, too, but
/// whose signature it is can no longer be told.
fn noted(
    app: &App,
    key: &Option<Verifier>,
    events: &[KeyEvent],
) -> (Option<Vouched>, Option<Finding>) {
    let own = app.checkpoint_path();
    let beside = std::fs::metadata(&own).ok().and_then(|_| read_note(&own).ok().flatten());
    let in_use = key.as_ref().and_then(|key| keys::signed_path(app, key).ok());
    let mut signed_size = 0;
    let mut last = None;
    for path in keys::all_signed(app) {
        let text = read_note(&path);
        if text.as_ref().is_ok_and(|text| text.is_some() && *text == beside) {
            continue;
        }
        let key = key.clone().filter(|_| in_use.as_ref() == Some(&path));
        let is_own = key.is_some();
        let (signed, finding) = judge_file(app, &key, events, path);
        if finding.is_some() {
            return (None, finding);
        }
        signed_size = signed_size.max(signed.as_ref().map_or(0, |signed| signed.size));
        last = last.or(signed.filter(|_| is_own));
    }
    if beside.is_some() || own.exists() || signed_size == 0 {
        return (last, None);
    }
    let size = entries(signed_size);
    let detail = format!(
        "it is missing, though a key of this user has signed {size}: somebody has removed it"
    );
    let kind = FindingKind::Checkpoint;
    (None, Some(Finding { kind, seq: None, file: own, detail, hint: None }))
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

/// All keys that have ever signed this ledger, as far as they are known here.
pub fn signers(app: &App) -> Vec<Verifier> {
    let mut keys: Vec<Verifier> = keys::verifier(app, None).ok().flatten().into_iter().collect();
    let events = app.key_events().unwrap_or_default();
    keys.extend(events.iter().filter_map(|event| Verifier::parse(&event.key).ok()));
    keys
}

/// What is wrong with the signatures of checkpoints that somebody else has held; nothing where no key is known here. What a key has
/// signed before it ended counts, and it was not this ledger that kept it.
pub fn unsigned<'a>(
    app: &App,
    mut checkpoints: impl Iterator<Item = &'a (Checkpoint, Note)>,
) -> Option<String> {
    let events = app.key_events().unwrap_or_default();
    let keys = signers(app);
    if keys.is_empty() {
        return None;
    }
    checkpoints.find_map(|(checkpoint, note)| {
        let size = entries(checkpoint.size);
        let Some(key) = keys.iter().find(|key| note.signed_by(key).is_ok()) else {
            return Some(format!(
                "the one over {size} is not signed by a key of this ledger that is known here: it may be changed, or anybody's"
            ));
        };
        let beside = keys::beside(app);
        if beside.is_some_and(|key| note.signed_by(&key) == Err(NoteError::Wrong(key.name().into()))) {
            return Some(format!("the ML-DSA-44 signature of the one over {size} is damaged"));
        }
        let name = key.to_string();
        let event = events.iter().find(|event| event.key == name);
        let event = event.filter(|event| checkpoint.size > event.seq.get())?;
        Some(format!(
            "the one over {size} is signed by key {}, which ended with entry {}: it may be anybody's",
            hex(&key.id()),
            event.seq
        ))
    })
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
    events: &[KeyEvent],
    file: PathBuf,
) -> (Option<Vouched>, Option<Finding>) {
    let mut keys = keys_of(key, events);
    keys.extend(key.as_ref().and_then(|_| keys::beside(app)));
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
        (_, Some(_)) if vouched.is_damaged => finding(format!(
            "a signature over {size} is not what this ledger's key makes: the file is damaged, or somebody has changed it"
        )),
        (Against::Consistent { .. }, _) => ended(&vouched, &keys, events).and_then(finding),
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

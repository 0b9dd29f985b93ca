//! Checkpoints of the ledger, signed, and proofs against them.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::small_file::{EVIDENCE_MAX_BYTES, read_found, text};
use codex_ledger_entry::{
    FieldsBuilder, HEADER_BYTES, Header, Kind, LedgerId, OriginId, Seq, hex, leaf_hash,
};
use codex_ledger_ledger::{Head, LedgerReader, header_of, part_roots, read_head, write_durably};
use codex_ledger_proof::{
    Checkpoint, ConsistencyProof, Note, NoteError, ProofError, Signer, TlogProof, Use, Verifier,
    inclusion_parts,
};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Name of the file that holds the last checkpoint.
const CHECKPOINT_FILE: &str = "checkpoint";
/// Of a file with checkpoints that no longer fit, so much is kept.
const KEPT_BYTES_MAX: u64 = 64 << 10;
/// Files that collect checkpoints, and notes in git, are read up to this.
pub(crate) const COLLECTED_MAX_BYTES: u64 = 64 << 20;
/// What the origin of a log of this program begins with.
const ORIGIN_PREFIX: &str = "codex-ledger";

/// Notes what a key signs, outside of the ledger's folder, before anybody gets it.
pub type Noting<'a> = &'a dyn Fn(&Note) -> Result<Noted>;

/// That something was noted. While it lives, nobody else notes what this key signs, so that what is noted and what lies beside the
/// ledger are written one after the other.
#[must_use]
pub struct Noted(File);

impl Noted {
    /// Waits until nobody else notes what is signed with the key that this file stands beside.
    ///
    /// # Errors
    /// When the file cannot be made, or the system has no locks.
    pub fn wait(lock: &Path) -> std::io::Result<Noted> {
        let file = File::options().create(true).append(true).open(lock)?;
        file.lock()?;
        Ok(Noted(file))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        // Closing it does the same, later.
        self.0.unlock().ok();
    }
}

/// What a checkpoint of somewhere else says of this ledger.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Against {
    /// The ledger begins with what the checkpoint covers.
    Consistent {
        /// Entries that the checkpoint covers.
        size: u64,
        /// Entries that the ledger has.
        now: u64,
    },
    /// The first entries are others than those that were vouched for.
    Fork {
        /// Entries that the first checkpoint covers that is of another history.
        size: u64,
        /// So many are what the checkpoint before it covers: what differs comes behind them.
        same: u64,
    },
    /// The ledger has less entries than were vouched for.
    Shorter {
        /// Entries that the checkpoint covers.
        size: u64,
        /// Entries that the ledger has.
        now: u64,
    },
    /// It is of another log.
    Other {
        /// The log that it is of.
        origin: String,
    },
}

/// The checkpoint that lies beside the ledger, and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Vouched {
    /// Entries that it covers.
    pub size: u64,
    /// The key that has signed it, of those that were given; none where none of them has.
    pub signed_by: Option<String>,
    /// Whether a line claims to be the signature of one of them, and is not.
    pub is_damaged: bool,
    /// Whether one of ML-DSA-44 was given that has not signed it.
    pub is_incomplete: bool,
    /// Whether it is of this ledger.
    pub against: Against,
}

/// What a proof shows, whoever made it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Proven {
    /// The log.
    pub origin: String,
    /// Count of entries that the checkpoint covers.
    pub size: u64,
    /// The entry; none of a checkpoint alone.
    pub seq: Option<u64>,
    /// Kind of the entry.
    pub kind: Option<&'static str>,
    /// When it was recorded, nanoseconds since 1970.
    pub recorded_at_ns: Option<u64>,
    /// Commitment to its body, hex.
    pub commitment: Option<String>,
    /// The keys that were given and have signed.
    pub signed_by: Vec<SignedBy>,
}

/// A key that has signed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SignedBy {
    /// The public key.
    pub key: String,
    /// When a witness says that it has seen it, in seconds since 1970.
    pub at_secs: Option<u64>,
}

/// What the newest root is taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// What HEAD says.
    Head,
    /// The entries, those that are part of a tile by that.
    Entries,
}

/// The name of a ledger as a log.
pub(super) fn log_name(ledger: LedgerId, origin: OriginId) -> String {
    format!("{ORIGIN_PREFIX}/{ledger}/{origin}")
}

fn name_of(head: &Head) -> String {
    log_name(head.identity.ledger, head.identity.origin)
}

impl App {
    /// The name of this ledger as a log: its keys are of that name.
    ///
    /// # Errors
    /// When there is no ledger.
    pub fn log_name(&self) -> Result<String> {
        Ok(name_of(LedgerReader::open(self.dir())?.head()))
    }

    /// Fills bytes for a new key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new_secret(&self) -> Result<[u8; 32]> {
        let mut secret = [0; 32];
        self.setup.world.entropy.fill(&mut secret).map_err(|source| {
            AppError::new(ErrorKind::Io, format!("the system gives no randomness: {source}"))
        })?;
        Ok(secret)
    }

    /// Signs what the ledger has acknowledged, and keeps the checkpoint beside it.
    ///
    /// # Errors
    /// When there is no ledger, or the checkpoint cannot be written.
    pub fn checkpoint(&self, signer: &Signer, noting: Noting<'_>) -> Result<(Checkpoint, Note)> {
        let reader = LedgerReader::open(self.dir())?;
        let (checkpoint, note, _noted) = signed(reader.head(), signer, noting)?;
        self.keep_checkpoint(&note)?;
        Ok((checkpoint, note))
    }

    /// Keeps the checkpoint beside the ledger.
    pub(super) fn keep_checkpoint(&self, note: &Note) -> Result<()> {
        let (world, path) = (&self.setup.world, self.checkpoint_path());
        Ok(write_durably(world, &path, note.to_string().as_bytes())?)
    }

    /// Keeps what was signed so far as an entry, before something else is signed that it does not fit.
    ///
    /// # Errors
    /// When there is no reason or ledger, or it cannot be written.
    pub fn keep_signed(&self, files: &[PathBuf], reason: &str) -> Result<Seq> {
        let reason = self.reason(reason)?;
        let now = read_head(self.dir())?.head.size();
        let kept: BTreeSet<Vec<u8>> = files.iter().filter_map(|path| kept(path)).collect();
        let texts = kept.iter().filter_map(|text| std::str::from_utf8(text).ok());
        let sizes = texts.filter_map(|text| Checkpoint::parse(text).ok()).map(|(of, _)| of.size);
        let signed = match sizes.max() {
            Some(size) => format!(
                "{size} entries that were signed before, where there are {now} now, no longer fit"
            ),
            None => "what was signed before cannot be read".into(),
        };
        let mut body = FieldsBuilder::default()
            .add("verb", "sign_anew")
            .add("actor", &self.setup.actor)
            .add("detail", format!("{signed}: {reason}"))
            .add("reason", &reason);
        for before in kept {
            body = body.add("before", before);
        }
        self.append_noting(&NewEntry::new(Kind::Action, body.finish()))
    }

    /// Writes a small file of its owner's alone, durably; what is there is replaced as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        Ok(write_durably(&self.setup.world, path, bytes)?)
    }

    /// Where the last checkpoint lies.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.dir().join(CHECKPOINT_FILE)
    }

    /// A proof that an entry is in the ledger as it is now.
    ///
    /// # Errors
    /// When there is no such entry, or one cannot be read.
    pub fn prove(&self, seq: Seq, signer: &Signer, noting: Noting<'_>) -> Result<TlogProof> {
        self.proof_of(&mut LedgerReader::open(self.dir())?, seq, (signer, noting))
    }

    pub(super) fn proof_of(
        &self,
        reader: &mut LedgerReader,
        seq: Seq,
        (signer, noting): (&Signer, Noting<'_>),
    ) -> Result<TlogProof> {
        let size = reader.head().size();
        let header = header_of(reader, seq)?;
        let header = header.filter(|_| seq.get() < size).ok_or_else(|| {
            AppError::new(ErrorKind::NotFound, format!("no entry {seq}: the ledger has {size}"))
        })?;
        let hashes = part_roots(reader, &inclusion_parts(seq.get(), size))?;
        let (_, note, _noted) = signed(reader.head(), signer, noting)?;
        let proof = TlogProof { extra: Some(header.to_vec()), index: seq.get(), hashes, note };
        // What does not hold is not given to anybody.
        proof.leads_to(&leaf_hash(&header)).map_err(unsound)?;
        Ok(proof)
    }

    /// The checkpoint in a file; none where there is no file. `keys` may have signed it.
    ///
    /// # Errors
    /// When it is no checkpoint, or entries cannot be read.
    pub fn vouched(&self, path: &Path, keys: &[Verifier]) -> Result<Option<Vouched>> {
        let Some(text) = read_note(path)? else { return Ok(None) };
        let (checkpoint, note) = Checkpoint::parse(&text)
            .map_err(|error| unsound(format!("{}: {error}", path.display())))?;
        let is_signer = |key: &&Verifier| key.purpose() == Use::Log && note.signed_by(key).is_ok();
        let key = keys.iter().find(is_signer);
        let is_wrong = |key: &Verifier| matches!(note.signed_by(key), Err(NoteError::Wrong(_)));
        let is_missing = |key: &Verifier| {
            key.purpose() == Use::QuantumCosigner
                && matches!(note.signed_by(key), Err(NoteError::NotSigned(_)))
        };
        Ok(Some(Vouched {
            size: checkpoint.size,
            signed_by: key.map(|key| hex(&key.id())),
            is_damaged: keys.iter().any(is_wrong),
            is_incomplete: keys.iter().any(is_missing),
            // An audit verifies the entries themselves, and whoever signs has HEAD.
            against: self.against_one(&checkpoint, Trust::Head)?,
        }))
    }

    /// Writes a checkpoint wherever the configuration wants it besides.
    ///
    /// # Errors
    /// When it cannot be written; it is tried everywhere.
    pub fn export_checkpoint(&self, note: &Note) -> Result<()> {
        let config = self.checkpoint_config();
        let in_file = config.export.as_deref().map(|path| write_behind(path, note));
        let in_git = config.export_git.as_deref().map(|path| self.note_in_git(path, note));
        in_file.into_iter().chain(in_git).collect()
    }

    /// Whether the ledger begins with what checkpoints of somewhere else cover, of which there is at least one. Each of them
    /// counts: a history that went on from another one may be longer than it. Those of other logs do not, beside one of this.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn against(&self, checkpoints: &[Checkpoint]) -> Result<Against> {
        let name = self.log_name()?;
        let mut own: Vec<&Checkpoint> =
            checkpoints.iter().filter(|checkpoint| checkpoint.origin == name).collect();
        own.sort_by_key(|checkpoint| (checkpoint.size, checkpoint.root.0));
        own.dedup();
        let mut verdict = match checkpoints.first() {
            Some(other) => Against::Other { origin: other.origin.clone() },
            None => return Err(unsound("there is no checkpoint")),
        };
        let mut same = 0;
        for checkpoint in own {
            verdict = self.against_one(checkpoint, Trust::Entries)?;
            match verdict {
                Against::Consistent { size, .. } => same = size,
                Against::Fork { size, .. } => return Ok(Against::Fork { size, same }),
                // Larger ones are longer, too.
                _ => {}
            }
        }
        Ok(verdict)
    }

    fn against_one(&self, checkpoint: &Checkpoint, trust: Trust) -> Result<Against> {
        let mut reader = LedgerReader::open(self.dir())?;
        if checkpoint.origin != name_of(reader.head()) {
            return Ok(Against::Other { origin: checkpoint.origin.clone() });
        }
        let (size, now) = (checkpoint.size, reader.head().size());
        if size > now {
            return Ok(Against::Shorter { size, now });
        }
        let root = match size == now && trust == Trust::Head {
            true => Some(reader.head().chain.tree.root()),
            false => {
                let whole = 0..size;
                part_roots(&mut reader, &[whole])?.into_iter().next()
            }
        };
        Ok(match root == Some(checkpoint.root) {
            true => Against::Consistent { size, now },
            false => Against::Fork { size, same: 0 },
        })
    }
}

/// Writes a checkpoint behind those that a file has.
fn write_behind(path: &Path, note: &Note) -> Result<()> {
    let failed = |source: std::io::Error| {
        AppError::new(ErrorKind::Io, format!("{}: {source}", path.display()))
    };
    let refused = |why: &str| AppError::new(ErrorKind::Io, format!("{}: {why}", path.display()));
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(refused("it is no file")),
        // What is longer is not read any more.
        Ok(found) if found.len() > COLLECTED_MAX_BYTES / 2 => {
            return Err(refused("it has become too long: move it away, and keep it"));
        }
        _ => {}
    }
    let mut file = File::options().create(true).append(true).open(path).map_err(failed)?;
    file.write_all(note.to_string().as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// What of a file is kept as an entry.
fn kept(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    path.is_file()
        .then(|| File::open(path).ok())
        .flatten()?
        .take(KEPT_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// The text of a file with notes; none where there is no file. What stands there may be anybody's.
///
/// # Errors
/// When it is no file, no text, or too long.
pub fn read_note(path: &Path) -> Result<Option<String>> {
    let bytes = read_found(path, EVIDENCE_MAX_BYTES)?;
    bytes.map(|bytes| text(bytes, path)).transpose()
}

/// Signs a head. Nothing is signed that was not noted first, so that a key never signs two histories without knowing.
pub(super) fn signed(
    head: &Head,
    signer: &Signer,
    noting: Noting<'_>,
) -> Result<(Checkpoint, Note, Noted)> {
    let checkpoint =
        Checkpoint { origin: name_of(head), size: head.size(), root: head.chain.tree.root() };
    let mut note = checkpoint.note().map_err(unsound)?;
    note.sign(signer, 0);
    let noted = noting(&note)?;
    Ok((checkpoint, note, noted))
}

pub(super) fn unsound(error: impl std::fmt::Display) -> AppError {
    AppError::new(ErrorKind::Usage, error.to_string())
}

/// Verifies that a checkpoint goes on from an older one, without a ledger; at least one of the keys must have signed it, where
/// keys are given.
///
/// # Errors
/// When it does not, or none of the keys has signed it.
pub fn verify_consistency(text: &str, older: &Checkpoint, keys: &[Verifier]) -> Result<Proven> {
    let proof = ConsistencyProof::parse(text).map_err(unsound)?;
    proof.follows(older).map_err(unsound)?;
    verify_proof(&proof.note.to_string(), keys)
}

/// Verifies a proof or a checkpoint, without a ledger; at least one of the keys must have signed it, where keys are given.
///
/// # Errors
/// When it is no proof, does not hold, or none of the keys has signed it.
pub fn verify_proof(text: &str, keys: &[Verifier]) -> Result<Proven> {
    let proof = TlogProof::parse(text);
    let (checkpoint, note, header) = match (proof, Checkpoint::parse(text)) {
        (Ok(proof), _) => {
            let header: [u8; HEADER_BYTES] = proof
                .extra
                .as_deref()
                .and_then(|extra| extra.try_into().ok())
                .ok_or_else(|| unsound("the proof does not hold the header of an entry"))?;
            let checkpoint = proof.leads_to(&leaf_hash(&header)).map_err(unsound)?;
            let header = Header::decode(&header).map_err(unsound)?;
            if header.seq.get() != proof.index {
                return Err(unsound(ProofError::Outside));
            }
            (checkpoint, proof.note, Some(header))
        }
        (Err(_), Ok((checkpoint, note))) => (checkpoint, note, None),
        (Err(error), Err(_)) => return Err(unsound(error)),
    };
    let mut signed_by = Vec::new();
    let mut refused = None;
    for key in keys {
        // A log vouches for its own entries only.
        let is_of_other = key.purpose() == Use::Log && key.name() != checkpoint.origin;
        match note.signed_by(key) {
            _ if is_of_other => refused = Some(unsound("the key is of another log")),
            Ok(at) => signed_by.push(SignedBy { key: key.to_string(), at_secs: at }),
            Err(error) => refused = Some(unsound(error)),
        }
    }
    if let Some(error) = refused.filter(|_| signed_by.is_empty()) {
        return Err(error);
    }
    if let Some(header) = &header
        && checkpoint.origin != log_name(header.ledger, header.origin)
    {
        return Err(unsound("the entry is of another log than the checkpoint"));
    }
    Ok(Proven {
        origin: checkpoint.origin,
        size: checkpoint.size,
        seq: header.as_ref().map(|header| header.seq.get()),
        kind: header.as_ref().map(|header| header.kind.name()),
        recorded_at_ns: header.as_ref().map(|header| header.recorded_at),
        commitment: header.as_ref().map(|header| header.commitment.to_string()),
        signed_by,
    })
}

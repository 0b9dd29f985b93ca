//! Witnesses: this ledger's own memory of other logs, and what others have cosigned of it.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::network::{self, post};
use crate::proofs::{Against, Noting, read_note, signed, unsound};
use crate::signing_keys::hands_over;
use codex_ledger_entry::{Fields, FieldsBuilder, Frontier, Kind, Seq, hex};
use codex_ledger_ledger::{LedgerReader, part_roots, write_durably};
use codex_ledger_proof::{
    Checkpoint, ConsistencyError, ConsistencyProof, Note, ProofError, Signer, Use, Verifier,
    consistency_parts,
};
use codex_ledger_query::ActFilter;
use std::path::PathBuf;

const COSIGN: &str = "cosign";
/// Name of the file that holds checkpoints that others have cosigned.
const COSIGNED_FILE: &str = "cosigned";
/// So many are kept that wait for witnesses.
const COSIGNED_MAX: usize = 16;

/// What a witness has seen of a log last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The entry that says so.
    pub seq: Seq,
    /// The log's key.
    pub key: String,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

/// A checkpoint that not enough witnesses have cosigned yet.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pending {
    /// Entries that it covers.
    pub size: u64,
    /// How many have cosigned it.
    pub by: usize,
}

/// What others have cosigned: the newest checkpoint that enough of them have, else the newest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cosigned {
    /// Entries that the cosigned checkpoint covers.
    pub size: u64,
    /// Whether the ledger begins with them.
    pub against: Against,
    /// Of the witnesses that were given, those that have cosigned it, and when, in seconds since 1970.
    pub by: Vec<Cosignature>,
    /// Newer ones, that wait for more of them.
    pub pending: Vec<Pending>,
}

/// A witness that has cosigned.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cosignature {
    /// Name of its key.
    pub name: String,
    /// When, in seconds since 1970; as the witness says.
    pub at_secs: u64,
}

impl App {
    /// A proof that what the ledger has now goes on from an older checkpoint of it.
    ///
    /// # Errors
    /// When that is not so, or entries cannot be read.
    pub fn consistency(
        &self,
        older: Option<&Checkpoint>,
        (signer, noting): (&Signer, Noting<'_>),
    ) -> Result<ConsistencyProof> {
        let mut reader = LedgerReader::open(self.dir())?;
        let (newer, note, _noted) = signed(reader.head(), signer, noting)?;
        let old = older.map_or(0, |older| older.size);
        let hashes = match old < newer.size {
            true => part_roots(&mut reader, &consistency_parts(old, newer.size))?,
            false => Vec::new(),
        };
        let proof = ConsistencyProof { old, hashes, note };
        if let Some(older) = older {
            // What does not hold is not given to anybody.
            proof.follows(older).map_err(|error| match error {
                ConsistencyError::Proof(ProofError::Root) => unsound(
                    "the older checkpoint is of another history: what it covers was rewritten since, or is that of another copy",
                ),
                error => unsound(error),
            })?;
        }
        Ok(proof)
    }

    /// What this ledger has cosigned last of a log.
    ///
    /// # Errors
    /// When there are no views, or entries cannot be read.
    pub fn seen(&self, origin: &str) -> Result<Option<Seen>> {
        let filter = ActFilter { kinds: vec![COSIGN.into()], ..ActFilter::default() };
        let (acts, _) = self.acts(&filter)?;
        let mut reader = LedgerReader::open(self.dir())?;
        for act in acts.iter().rev() {
            let Some(entry) = reader.control(act.seq)? else { continue };
            let Ok(fields) = Fields::parse(&entry.body) else { continue };
            if fields.text("origin").as_deref() != Some(origin) {
                continue;
            }
            let note = fields.text("checkpoint").unwrap_or_default();
            let (checkpoint, _) = Checkpoint::parse(&note).map_err(unsound)?;
            let key = fields.text("key").unwrap_or_default();
            return Ok(Some(Seen { seq: entry.seq, key, checkpoint }));
        }
        Ok(None)
    }

    /// Cosigns the newer checkpoint of a log, if it goes on from what this ledger has cosigned of it last; that is recorded
    /// first. `key` is the log's; only the first time it may be any. Later another one needs the handover of the one before.
    ///
    /// # Errors
    /// When it is not signed by that key, does not go on, or cannot be recorded.
    pub fn cosign(
        &self,
        proof: &ConsistencyProof,
        (key, handover): (Option<&Verifier>, Option<&Note>),
        witness: &Signer,
    ) -> Result<Note> {
        let (newer, _) = Checkpoint::parse(&proof.note.to_string()).map_err(unsound)?;
        let now = self.setup.world.clock.now() / 1_000_000_000;
        let mut ledger = self.open()?;
        self.update_views(&mut |_| ())?;
        let seen = self.seen(&newer.origin)?;
        let known =
            seen.as_ref().map(|seen| Verifier::parse(&seen.key)).transpose().map_err(unsound)?;
        let key = match (key, known) {
            (_, Some(known)) if handover.is_some_and(|note| hands_over(note, &known).is_some()) => {
                handover.and_then(|note| hands_over(note, &known)).unwrap_or(known)
            }
            (Some(key), Some(known)) if *key != known => {
                let message = "another key than the one that signed what was cosigned before, and nothing says that it follows it";
                return Err(unsound(message));
            }
            (_, Some(known)) => known,
            (Some(key), None) => key.clone(),
            (None, None) => {
                return Err(unsound("this log was not seen before: its public key is needed"));
            }
        };
        if key.purpose() != Use::Log || key.name() != newer.origin {
            return Err(unsound("the key is not that of this log"));
        }
        proof.note.signed_by(&key).map_err(unsound)?;
        if seen.as_ref().is_some_and(|seen| seen.checkpoint == newer) {
            // An answer that was lost is given again.
            let mut note = proof.note.clone();
            note.sign(witness, now);
            return Ok(note);
        }
        let older = match &seen {
            Some(seen) => seen.checkpoint.clone(),
            None => Checkpoint { size: 0, ..newer.clone() },
        };
        if proof.old != older.size {
            let message = format!(
                "the proof goes on from {} entries; of this log, {} were cosigned last",
                proof.old, older.size
            );
            return Err(AppError::new(ErrorKind::Usage, message));
        }
        proof.follows(&older).map_err(unsound)?;
        let body = FieldsBuilder::default()
            .add("verb", COSIGN)
            .add("actor", &self.setup.actor)
            .add("detail", format!("{} entries of {}", newer.size, newer.origin))
            .add("origin", &newer.origin)
            .add("key", key.to_string())
            .add("checkpoint", proof.note.to_string())
            .finish();
        self.append_noted(&mut ledger, &[NewEntry::new(Kind::Action, body)])?;
        drop(ledger);
        self.update_views(&mut |_| ())?;
        let mut note = proof.note.clone();
        note.sign(witness, now);
        Ok(note)
    }

    /// Where cosigned checkpoints lie.
    pub fn cosigned_path(&self) -> PathBuf {
        self.dir().join(COSIGNED_FILE)
    }

    /// Keeps cosignatures of one of these witnesses: of the newest checkpoint that enough of them have cosigned, and of newer ones.
    ///
    /// # Errors
    /// When it is not of this ledger, is older than what is kept, or none of the witnesses has cosigned it.
    pub fn attach(&self, text: &str, witnesses: &[Verifier]) -> Result<Cosigned> {
        let (checkpoint, note) = Checkpoint::parse(text).map_err(unsound)?;
        match self.against(std::slice::from_ref(&checkpoint))? {
            Against::Consistent { .. } => {}
            _ => return Err(unsound("the cosigned checkpoint is not one of what the ledger has")),
        }
        if cosignatures(&note, witnesses).is_empty() {
            return Err(unsound("none of the configured witnesses has cosigned it"));
        }
        let mut all = self.kept_cosigned()?;
        let oldest = all.first().map_or(0, |(kept, _)| kept.size);
        if checkpoint.size < oldest {
            let message = format!("a checkpoint over {oldest} entries is cosigned already");
            return Err(unsound(message));
        }
        match all.iter_mut().find(|(_, kept)| kept.text == note.text) {
            Some((_, kept)) => {
                let more = note.signatures.into_iter();
                let more: Vec<_> = more.filter(|line| !kept.signatures.contains(line)).collect();
                kept.signatures.extend(more);
            }
            None => all.push((checkpoint, note)),
        }
        all.sort_by_key(|(kept, _)| kept.size);
        // What is older than one that is enough says nothing more.
        all.drain(..self.last_enough(&all, witnesses).unwrap_or(0));
        let excess = all.len().saturating_sub(COSIGNED_MAX);
        all.drain(..excess);
        let text: String = all.iter().map(|(_, note)| note.to_string()).collect();
        write_durably(&self.setup.world, &self.cosigned_path(), text.as_bytes())?;
        self.cosigned(witnesses)?.ok_or_else(|| unsound("it is gone again"))
    }

    /// The place of the last one that enough witnesses have cosigned.
    fn last_enough(&self, all: &[(Checkpoint, Note)], witnesses: &[Verifier]) -> Option<usize> {
        let needed = self.checkpoint_config().quorum.unwrap_or(1);
        all.iter().rposition(|(_, note)| cosignatures(note, witnesses).len() >= needed)
    }

    /// What is kept of cosigned checkpoints, the smallest first.
    fn kept_cosigned(&self) -> Result<Vec<(Checkpoint, Note)>> {
        let path = self.cosigned_path();
        let Some(text) = read_note(&path)? else { return Ok(Vec::new()) };
        let read = Checkpoint::parse_all(&text);
        let mut all = read.map_err(|error| unsound(format!("{}: {error}", path.display())))?;
        all.sort_by_key(|(kept, _)| kept.size);
        Ok(all)
    }

    /// What these witnesses have cosigned; none where nothing is kept.
    ///
    /// # Errors
    /// When it is no checkpoint, or entries cannot be read.
    pub fn cosigned(&self, witnesses: &[Verifier]) -> Result<Option<Cosigned>> {
        let all = self.kept_cosigned()?;
        let at = self.last_enough(&all, witnesses).or(all.len().checked_sub(1));
        let Some(((checkpoint, note), newer)) = at.and_then(|at| all.get(at..)?.split_first())
        else {
            return Ok(None);
        };
        let pending = |(of, note): &(Checkpoint, Note)| Pending {
            size: of.size,
            by: cosignatures(note, witnesses).len(),
        };
        let checkpoints: Vec<Checkpoint> = all.iter().map(|(of, _)| of.clone()).collect();
        Ok(Some(Cosigned {
            size: checkpoint.size,
            against: self.against(&checkpoints)?,
            by: cosignatures(note, witnesses),
            pending: newer.iter().map(pending).collect(),
        }))
    }
}

/// The witnesses that have cosigned a note, each once.
fn cosignatures(note: &Note, witnesses: &[Verifier]) -> Vec<Cosignature> {
    let (mut found, mut keys): (Vec<Cosignature>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for witness in witnesses.iter().filter(|witness| witness.purpose() != Use::Log) {
        let Ok(Some(at)) = note.signed_by(witness) else { continue };
        let name = format!("{}+{}", witness.name(), hex(&witness.id()));
        // Under another name it is the same witness.
        if !keys.contains(&witness.public()) {
            keys.push(witness.public());
            found.push(Cosignature { name, at_secs: at });
        }
    }
    found
}

/// What a witness has answered.
enum Answer {
    /// Its signature lines.
    Cosigned(String),
    /// It has seen another size last.
    Conflict(u64),
}

impl App {
    /// Asks a witness on the network (`tlog-witness`) to cosign what the ledger has now, and keeps its cosignature.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or is none of those that are configured.
    pub fn ask_witness(
        &self,
        url: &str,
        signer: (&Signer, Noting<'_>),
        witnesses: &[Verifier],
    ) -> Result<Cosigned> {
        let kept = self.kept_cosigned()?.pop().map(|(checkpoint, _)| checkpoint);
        let proof = self.consistency(kept.as_ref(), signer)?;
        let (proof, lines) = match ask(url, &proof)? {
            Answer::Cosigned(lines) => (proof, lines),
            // It knows another size: it gets what goes on from there, as this ledger has it.
            Answer::Conflict(size) => {
                let older = self.checkpoint_at(size)?;
                let proof = self.consistency(Some(&older), signer)?;
                match ask(url, &proof)? {
                    Answer::Cosigned(lines) => (proof, lines),
                    Answer::Conflict(_) => return Err(unsound("the witness keeps another size")),
                }
            }
        };
        self.attach(&format!("{}{lines}", proof.note), witnesses)
    }

    /// What a checkpoint over the first entries says.
    fn checkpoint_at(&self, size: u64) -> Result<Checkpoint> {
        let mut reader = LedgerReader::open(self.dir())?;
        let has = reader.head().size();
        if size > has {
            let message = format!(
                "the witness has seen {size} entries, the ledger has {has}: it was cut or put back"
            );
            return Err(unsound(message));
        }
        let root = match size {
            0 => Frontier::default().root(),
            size => {
                let whole = 0..size;
                let roots = part_roots(&mut reader, &[whole])?;
                roots.into_iter().next().ok_or_else(|| unsound("there is no root"))?
            }
        };
        Ok(Checkpoint { origin: self.log_name()?, size, root })
    }
}

fn ask(url: &str, proof: &ConsistencyProof) -> Result<Answer> {
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let failed = |error: &str| network::failed(&url, error);
    let answer = post(&url, None, proof.to_string().as_bytes())?;
    let (status, body) = (answer.status, String::from_utf8(answer.body));
    let body = body.map_err(|_| failed("the witness answers no text"))?;
    match status {
        200 => Ok(Answer::Cosigned(body)),
        409 => match body.trim().parse() {
            Ok(size) => Ok(Answer::Conflict(size)),
            Err(_) => Err(failed("the witness has seen another history (409)")),
        },
        403 => Err(failed("the witness does not accept this log's key (403)")),
        404 => Err(failed("the witness does not know this log (404)")),
        422 => Err(failed("the witness says that this history is not the one it has seen (422)")),
        status => Err(failed(&format!("the witness answers {status}"))),
    }
}

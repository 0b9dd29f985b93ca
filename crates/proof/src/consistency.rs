//! That one checkpoint is the beginning of another, as a file: what a witness is asked with (`tlog-witness`).

use crate::checkpoint::{Checkpoint, CheckpointError, decimal, hash};
use crate::merkle::{ProofError, verify_consistency};
use crate::note::Note;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::TreeHash;

/// A longer proof is none: the specification allows 63 hashes.
const HASHES_MAX: usize = 63;

/// What makes a newer checkpoint a continuation of an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Size of the older tree.
    pub old: u64,
    /// The hashes.
    pub hashes: Vec<TreeHash>,
    /// The newer checkpoint, signed.
    pub note: Note,
}

/// Why a file is no such proof, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// It has not the lines of one.
    #[error("not a consistency proof: {0}")]
    Form(&'static str),
    /// Its checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The older checkpoint is another one.
    #[error("the older checkpoint is of another log or size")]
    Other,
    /// It does not lead from the one to the other.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl ConsistencyProof {
    /// Reads one.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<ConsistencyProof, ConsistencyError> {
        let wrong = ConsistencyError::Form;
        let (head, note) = text.split_once("\n\n").ok_or(wrong("it has no checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old = old.ok_or(wrong("it names no older size"))?;
        let hashes: Option<Vec<TreeHash>> = lines.map(hash).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= HASHES_MAX);
        let hashes = hashes.ok_or(wrong("a line is no hash, or there are too many"))?;
        let (_, note) = Checkpoint::parse(note)?;
        Ok(ConsistencyProof { old, hashes, note })
    }

    /// That the checkpoint in it goes on from an older one, which may be empty. Whether either is to be trusted, their notes'
    /// signatures say.
    ///
    /// # Errors
    /// When it does not.
    pub fn follows(&self, older: &Checkpoint) -> Result<Checkpoint, ConsistencyError> {
        let (newer, _) = Checkpoint::parse(&self.note.to_string())?;
        if (older.size, &older.origin) != (self.old, &newer.origin) {
            return Err(ConsistencyError::Other);
        }
        let (old, new) = ((older.size, &older.root), (newer.size, &newer.root));
        verify_consistency(old, new, &self.hashes)?;
        Ok(newer)
    }
}

impl std::fmt::Display for ConsistencyProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.hashes {
            writeln!(f, "{}", BASE64.encode(hash.0))?;
        }
        write!(f, "\n{}", self.note)
    }
}

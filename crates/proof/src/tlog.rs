//! A proof in one file: place, hashes and checkpoint.

use crate::checkpoint::{Checkpoint, CheckpointError, decimal, hash};
use crate::merkle::{ProofError, verify_inclusion};
use crate::note::Note;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::TreeHash;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A longer file is none: 64 hashes, a checkpoint, and what is said beside.
const FILE_MAX_BYTES: usize = 4 << 20;

/// That a leaf is in the tree of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What is said beside, which nothing vouches for: of this program the entry's header.
    pub extra: Option<Vec<u8>>,
    /// Place of the leaf, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub hashes: Vec<TreeHash>,
    /// The checkpoint, signed.
    pub note: Note,
}

/// Why a file is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// It has not the lines of one.
    #[error("not a proof: {0}")]
    Form(&'static str),
    /// Its checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It does not lead to the checkpoint.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl TlogProof {
    /// Reads the text of a proof.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<TlogProof, TlogProofError> {
        let wrong = TlogProofError::Form;
        if text.len() > FILE_MAX_BYTES {
            return Err(wrong("it is too long"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(wrong("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(wrong("it does not begin as one"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.map(|line| BASE64.decode(line.trim_start_matches("extra ")));
        let extra = extra.transpose().map_err(|_| wrong("what is said beside is no base64"))?;
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(wrong("it names no place"))?;
        let hashes: Option<Vec<TreeHash>> = lines.map(hash).collect();
        let hashes = hashes.ok_or(wrong("a line is no hash"))?;
        let (_, note) = Checkpoint::parse(note)?;
        Ok(TlogProof { extra, index, hashes, note })
    }

    /// That a leaf is in the tree of the checkpoint, which is given. Whether the checkpoint is to be trusted, its note's
    /// signatures say.
    ///
    /// # Errors
    /// When the proof does not lead there.
    pub fn leads_to(&self, leaf: &TreeHash) -> Result<Checkpoint, TlogProofError> {
        let (checkpoint, _) = Checkpoint::parse(&self.note.to_string())?;
        let tree = (checkpoint.size, &checkpoint.root);
        verify_inclusion(leaf, self.index, tree, &self.hashes)?;
        Ok(checkpoint)
    }
}

impl std::fmt::Display for TlogProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", BASE64.encode(hash.0))?;
        }
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Signer, Use};
    use codex_ledger_entry::{HEADER_BYTES, leaf_hash, node_hash};

    fn proof() -> (TlogProof, TreeHash, Signer) {
        let leaf = |n: u8| leaf_hash(&[n; HEADER_BYTES]);
        let root = node_hash(&node_hash(&leaf(0), &leaf(1)), &leaf(2));
        let signer = Signer::new("tides.example", Use::Log, &[3; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "tides.example".into(), size: 3, root };
        let mut note = checkpoint.note().unwrap();
        note.sign(&signer, 0);
        let hashes = vec![leaf(0), leaf(2)];
        (TlogProof { extra: Some(vec![1; HEADER_BYTES]), index: 1, hashes, note }, leaf(1), signer)
    }

    #[test]
    fn a_proof_is_read_as_it_is_written() {
        let (mut proof, leaf, _) = proof();
        assert_eq!(TlogProof::parse(&proof.to_string()).as_ref(), Ok(&proof));
        assert!(proof.leads_to(&leaf).is_ok_and(|checkpoint| checkpoint.size == 3));
        proof.extra = None;
        assert_eq!(TlogProof::parse(&proof.to_string()).as_ref(), Ok(&proof));
    }

    /// All but what is said beside is covered by the signature or by the root.
    #[test]
    fn no_bit_of_what_is_covered_may_differ() {
        let (mut proof, leaf, signer) = proof();
        proof.extra = None;
        let text = proof.to_string();
        let mut tried = 0;
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let is_accepted = TlogProof::parse(&text).is_ok_and(|proof| {
                    proof.leads_to(&leaf).is_ok() && proof.note.signed_by(signer.verifier()).is_ok()
                });
                assert!(!is_accepted, "bit {bit} of byte {at}");
                tried += 1;
            }
        }
        assert!(tried > 1500, "{tried}");
    }
}

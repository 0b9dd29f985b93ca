//! What a stranger can check: checkpoints that are signed notes, and proofs that an entry is in the tree of one, or that
//! one tree is the beginning of another. Pure: no I/O, no clock, no randomness.
//!
//! The formats are those of C2SP: signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof; the tree is that of RFC 6962.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

/// A verifier that shares no code with this program: Python, its standard library alone.
pub const VERIFY_PY: &str = include_str!("../verify.py");

mod checkpoint;
mod consistency;
#[cfg(test)]
mod flips;
mod key;
mod merkle;
mod note;
mod ranges;
mod stamp;
mod tlog;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use consistency::{ConsistencyError, ConsistencyProof};
pub use key::{KeyError, Signer, Use, Verifier, is_key_name};
pub use merkle::{
    ProofError, consistency_parts, inclusion_parts, verify_consistency, verify_inclusion,
};
pub use note::{Note, NoteError, Signature};
pub use ranges::{Piece, missing_parts, root_of_pieces};
pub use stamp::{Authority, Stamp, StampError, Stamped, stamp_request};
pub use tlog::{TlogProof, TlogProofError};

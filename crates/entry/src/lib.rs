//! What an entry is, as bytes. Pure: no I/O, no clock, no randomness.
//!
//! `docs/FORMAT.md` sections 1 to 3 describe the same bytes in prose.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

mod annotation;
mod erasure;
mod fields;
mod hash;
mod header;
mod request;
mod seq;
mod seq_set;
mod stream;
mod tree;

pub use annotation::{Act, Annotation, PromptPlace};
pub use erasure::{Erasure, ThreadHash, thread_hash};
pub use fields::{FieldError, Fields, FieldsBuilder};
pub use hash::{
    Checksum, Commitment, EntryId, HexError, LedgerId, OriginId, SALT_BYTES, Salt, TreeHash,
    body_hasher, checksum, commit, commit_hasher, hex, parse_hex, stream_hasher,
};
pub use header::{FLAG_LINE_FEED, HEADER_BYTES, Header, HeaderError, Kind};
pub use request::RequestId;
pub use seq::{Seq, SeqRange, StreamId};
pub use seq_set::{SeqSet, SeqSetError};
pub use stream::{Container, StreamDescriptor, StreamName};
pub use tree::{Frontier, leaf_hash, node_hash};

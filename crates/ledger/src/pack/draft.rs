//! Packs in the making: what an append gathers, compresses and gives its place.

use super::{FORM_BLOCKS, FORM_ERASED, FORM_INLINE, Identity, PackInfo, put_record};
use crate::chain::ChainEnd;
use crate::codec::Encoder;
use codex_ledger_entry::{
    Checksum, Commitment, EntryId, Header, Kind, SALT_BYTES, Salt, StreamId, TreeHash, commit,
};
use std::ops::Range;

/// An entry before it has a place in the chain.
#[derive(Clone, Debug)]
pub struct EntryDraft {
    /// What it is about.
    pub kind: Kind,
    /// Header flags.
    pub flags: u8,
    /// Seq of the stream's opening entry.
    pub stream: StreamId,
    /// 0-based line.
    pub line: u64,
    /// Byte offset in the source.
    pub offset: u64,
    /// The entry that it speaks of, or zeros.
    pub reference: EntryId,
    /// Where the body is.
    pub body: DraftBody,
}

/// The body of a draft.
#[derive(Clone, Debug)]
pub enum DraftBody {
    /// A range of the pack draft's bytes.
    Inline(Range<usize>),
    /// Already handed over in blocks.
    Blocks {
        /// Whole length in bytes.
        len: u64,
        /// Salt of the commitment.
        salt: Salt,
        /// Commitment to salt and body.
        commitment: Commitment,
    },
    /// Destroyed.
    Erased {
        /// Length that it had, in bytes.
        len: u64,
        /// What it was committed to.
        commitment: Commitment,
    },
}

impl DraftBody {
    fn len(&self) -> u64 {
        match self {
            DraftBody::Inline(range) => range.len() as u64,
            DraftBody::Blocks { len, .. } | DraftBody::Erased { len, .. } => *len,
        }
    }
}

/// Consecutive drafts and the bytes of their inline bodies.
#[derive(Clone, Debug, Default)]
pub struct PackDraft {
    /// In entry order.
    pub entries: Vec<EntryDraft>,
    /// Inline bodies, in entry order.
    pub bodies: Vec<u8>,
}

/// A compressed pack that still lacks its place in the chain.
pub(crate) struct PreparedPack {
    drafts: Vec<EntryDraft>,
    commitments: Vec<Commitment>,
    codec: u8,
    plain_len: u32,
    stored: Vec<u8>,
}

/// Hashes and compresses; the costly half of an append, free of order.
pub(crate) fn prepare(
    encoder: &mut Encoder,
    draft: PackDraft,
    mut salts: impl FnMut() -> Salt,
) -> PreparedPack {
    let mut plain = Vec::with_capacity(draft.bodies.len() + draft.entries.len() * 48);
    let mut keys = Vec::with_capacity(draft.entries.len() * SALT_BYTES);
    let mut commitments = Vec::with_capacity(draft.entries.len());
    for entry in &draft.entries {
        let form = match &entry.body {
            DraftBody::Inline(range) => {
                let salt = salts();
                commitments.push(commit(&salt, draft.bodies.get(range.clone()).unwrap_or(&[])));
                keys.extend_from_slice(&salt);
                FORM_INLINE
            }
            DraftBody::Erased { commitment, .. } => {
                commitments.push(*commitment);
                keys.extend_from_slice(&commitment.0);
                FORM_ERASED
            }
            DraftBody::Blocks { salt, commitment, .. } => {
                commitments.push(*commitment);
                keys.extend_from_slice(salt);
                keys.extend_from_slice(&commitment.0);
                FORM_BLOCKS
            }
        };
        let EntryDraft { kind, flags, stream, line, offset, reference, .. } = entry;
        let numbers = [stream.get(), *line, *offset, entry.body.len()];
        put_record(&mut plain, (*kind, *flags, form), numbers, [reference, &EntryId::default()]);
    }
    plain.extend_from_slice(&keys);
    plain.extend_from_slice(&draft.bodies);
    let (codec, stored) = encoder.encode(&plain);
    PreparedPack {
        drafts: draft.entries,
        commitments,
        codec,
        plain_len: plain.len() as u32,
        stored,
    }
}

/// Gives a prepared pack its place: chains its entries and writes its bytes.
pub(crate) fn place(
    pack: PreparedPack,
    identity: &Identity,
    chain: &mut ChainEnd,
    tiles: &mut Vec<TreeHash>,
    now: u64,
) -> Vec<u8> {
    let first_seq = chain.end();
    let prev = chain.id;
    let recorded_at = now.max(chain.recorded_at);
    for (draft, commitment) in pack.drafts.iter().zip(&pack.commitments) {
        let header = Header {
            kind: draft.kind,
            flags: draft.flags,
            ledger: identity.ledger,
            origin: identity.origin,
            seq: chain.end(),
            prev: chain.id,
            recorded_at,
            stream: draft.stream,
            line: draft.line,
            offset: draft.offset,
            body_len: draft.body.len(),
            commitment: *commitment,
            reference: draft.reference,
            rule_set: EntryId::default(),
        };
        tiles.extend(chain.push_noting(&header.encode(), recorded_at));
    }
    let info = PackInfo {
        codec: pack.codec,
        first_seq,
        count: pack.drafts.len() as u32,
        plain_len: pack.plain_len,
        recorded_at,
        prev,
        last: chain.id,
        sum: Checksum::default(),
    };
    info.with_payload(&pack.stored)
}

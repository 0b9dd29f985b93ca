//! Frames: how packs, blocks and commits stand in a journal, each with its place and a checksum.

use super::bytes::Cursor;
use super::pack::Identity;
use codex_ledger_entry::{EntryId, Seq, TreeHash, checksum};

pub(super) const FRAME_MAGIC: &[u8; 4] = b"CXF1";
pub(super) const FRAME_HEADER_BYTES: usize = 36;
/// Bytes of what a commit frame says.
pub(super) const COMMIT_BYTES: usize = 72;
const FRAME_CONTEXT: &str = "codex-ledger v1 frame";
/// No frame is longer: a pack of 64 KiB plus one line of up to 1 MiB, or a block.
const FRAME_MAX_BYTES: u32 = 8 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Pack,
    Block,
    Commit,
}

impl FrameKind {
    fn code(self) -> u8 {
        match self {
            FrameKind::Pack => 1,
            FrameKind::Block => 2,
            FrameKind::Commit => 3,
        }
    }

    fn from_code(code: u8) -> Option<FrameKind> {
        match code {
            1 => Some(FrameKind::Pack),
            2 => Some(FrameKind::Block),
            3 => Some(FrameKind::Commit),
            _ => None,
        }
    }
}

/// One frame as read.
#[derive(Debug)]
pub(super) struct Frame {
    pub kind: FrameKind,
    pub payload: Vec<u8>,
}

/// What a commit frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub end: Seq,
    pub id: EntryId,
    pub root: TreeHash,
}

impl Commit {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(COMMIT_BYTES);
        out.extend_from_slice(&self.end.to_be_bytes());
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.root.0);
        out
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Commit> {
        let mut input = Cursor::new(payload);
        Some(Commit {
            end: input.seq()?,
            id: EntryId(input.array()?),
            root: TreeHash(input.array()?),
        })
    }
}

/// The bytes of a frame at that position.
pub(super) fn frame_bytes(key: &FrameKey, kind: FrameKind, at: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    out.extend_from_slice(FRAME_MAGIC);
    out.extend_from_slice(&[kind.code(), 0, 0, 0]);
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    out.extend_from_slice(&at.to_be_bytes());
    let sum = checksum(FRAME_CONTEXT, &[&key.0, &out, payload]);
    out.extend_from_slice(&sum);
    out.extend_from_slice(payload);
    out
}

/// Binds frames to their ledger and journal, so that none can be moved to another.
#[derive(Clone)]
pub(super) struct FrameKey([u8; 24]);

impl FrameKey {
    pub(super) fn new(identity: &Identity, first_seq: Seq) -> FrameKey {
        let mut key = [0u8; 24];
        key[..16].copy_from_slice(&identity.ledger.0);
        key[16..].copy_from_slice(&first_seq.to_be_bytes());
        FrameKey(key)
    }
}

/// Kind and payload length, when these bytes can begin a frame at that position.
pub(super) fn frame_fields(head: &[u8; FRAME_HEADER_BYTES], at: u64) -> Option<(FrameKind, usize)> {
    let mut input = Cursor::new(head);
    if input.array::<4>()? != *FRAME_MAGIC {
        return None;
    }
    let [code, ..] = input.array::<4>()?;
    let len = input.u32().filter(|len| *len <= FRAME_MAX_BYTES)?;
    if input.u64()? != at {
        return None;
    }
    Some((FrameKind::from_code(code)?, len as usize))
}

/// Whether a frame's payload is what its header says.
pub(super) fn is_whole(key: &FrameKey, head: &[u8; FRAME_HEADER_BYTES], payload: &[u8]) -> bool {
    let (fields, sum) = head.split_at(FRAME_HEADER_BYTES - 16);
    checksum(FRAME_CONTEXT, &[&key.0, fields, payload]) == sum
}

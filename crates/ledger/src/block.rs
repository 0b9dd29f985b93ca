//! Blocks: the pieces of a body that is too large for a pack.

use super::bytes::Cursor;
use super::codec::{Decoder, Encoder};
use super::error::LedgerError;
use super::pack::{PackError, StoredBody, StoredEntry};
use codex_ledger_entry::{Seq, checksum, commit_hasher};

/// Bodies longer than this are stored in blocks of this size.
pub const BLOCK_BYTES: usize = 256 << 10;
/// Bytes in front of a block's payload.
const BLOCK_HEADER_BYTES: usize = 40;
const BLOCK_MAGIC: &[u8; 4] = b"CXB1";
const BLOCK_CONTEXT: &str = "codex-ledger v1 block";

/// The bytes of one block of a large body.
pub(super) fn encode_block(encoder: &mut Encoder, seq: Seq, index: u32, plain: &[u8]) -> Vec<u8> {
    let (codec, stored) = encoder.encode(plain);
    let mut out = Vec::with_capacity(BLOCK_HEADER_BYTES + stored.len());
    out.extend_from_slice(BLOCK_MAGIC);
    out.extend_from_slice(&[codec, 0, 0, 0]);
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&index.to_be_bytes());
    out.extend_from_slice(&(plain.len() as u32).to_be_bytes());
    let sum = checksum(BLOCK_CONTEXT, &[&out, &stored]);
    out.extend_from_slice(&sum);
    out.extend_from_slice(&stored);
    out
}

/// The plain bytes of a block, checked against its place.
pub(super) fn decode_block(
    decoder: &mut Decoder,
    bytes: &[u8],
    seq: Seq,
    index: u32,
) -> Result<Vec<u8>, PackError> {
    let shape = PackError::Shape("block");
    let (fields, sum, stored) = split(bytes).ok_or(shape)?;
    if checksum(BLOCK_CONTEXT, &[fields, stored]) != *sum {
        return Err(PackError::Checksum);
    }
    let place = block_place(bytes).ok_or(shape)?;
    if place != (seq, index) {
        return Err(PackError::Shape("a block of another entry"));
    }
    let mut input = Cursor::new(fields);
    let codec = input.array::<8>().map(|head| head[4]).ok_or(shape)?;
    let plain_len = input.take(12).and_then(|_| input.u32()).ok_or(shape)?;
    decoder.decode(codec, stored, plain_len as usize).ok_or(PackError::Payload)
}

/// The fields before the checksum, the checksum, and the payload.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8; 16], &[u8])> {
    let (fields, rest) = bytes.split_at_checked(BLOCK_HEADER_BYTES - 16)?;
    let (sum, stored) = rest.split_first_chunk()?;
    Some((fields, sum, stored))
}

/// Whether the block's checksum holds.
pub(super) fn has_checksum(bytes: &[u8]) -> bool {
    split(bytes)
        .is_some_and(|(fields, sum, stored)| checksum(BLOCK_CONTEXT, &[fields, stored]) == *sum)
}

/// Reads the blocks of a body in order and compares them with its commitment; says what does not hold.
///
/// # Errors
/// When a block cannot be read for other reasons than damage.
pub(super) fn check_body(
    decoder: &mut Decoder,
    entry: &StoredEntry,
    block: &mut dyn FnMut(Seq, u32) -> Result<Option<Vec<u8>>, LedgerError>,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Option<String>, LedgerError> {
    let StoredBody::Blocks { salt, commitment } = &entry.body else {
        return Ok(None);
    };
    let mut hasher = commit_hasher(salt);
    let mut len = 0;
    for index in 0..block_count(entry.body_len) {
        let Some(bytes) = block(entry.seq, index)? else {
            return Ok(Some(format!("block {index} is missing")));
        };
        let plain = match decode_block(decoder, &bytes, entry.seq, index) {
            Ok(plain) => plain,
            Err(error) => return Ok(Some(format!("block {index}: {error}"))),
        };
        hasher.update(&plain);
        each(&plain);
        len += plain.len() as u64;
    }
    let same = len == entry.body_len && hasher.finalize().as_bytes() == &commitment.0;
    Ok(Some("the body does not hash to its commitment".to_string()).filter(|_| !same))
}

/// Seq and index of a block.
pub(super) fn block_place(bytes: &[u8]) -> Option<(Seq, u32)> {
    let mut input = Cursor::new(bytes);
    if input.array::<4>()? != *BLOCK_MAGIC {
        return None;
    }
    input.take(4)?;
    Some((input.seq()?, input.u32()?))
}

/// How many blocks a body of that length has.
pub(super) fn block_count(body_len: u64) -> u32 {
    body_len.div_ceil(BLOCK_BYTES as u64) as u32
}

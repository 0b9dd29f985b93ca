//! Packs: how entries lie on disk. An entry's identity never depends on them.

use super::block::BLOCK_BYTES;
use super::bytes::{Cursor, put_varint};
use super::chain::ChainEnd;
use super::codec::{Decoder, Encoder};
use codex_ledger_entry::{
    Checksum, Commitment, EntryId, Header, Kind, LedgerId, OriginId, Salt, Seq, SeqRange, SeqSet,
    StreamId, checksum, commit,
};
use std::ops::Range;

/// A pack is closed when its bodies reach this size: small enough to read one entry in 50 us.
pub(super) const PACK_BYTES: usize = 64 << 10;
/// Bytes in front of a pack's payload.
pub(super) const PACK_HEADER_BYTES: usize = 112;

mod draft;

pub use self::draft::{DraftBody, EntryDraft, PackDraft};
pub(super) use self::draft::{PreparedPack, place, prepare};

const PACK_MAGIC: &[u8; 4] = b"CXP1";
const PACK_CONTEXT: &str = "codex-ledger v1 pack";
const FORM_INLINE: u8 = 0;
const FORM_BLOCKS: u8 = 1;
const FORM_ERASED: u8 = 2;

/// Which log entries belong to; part of every header but stored once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The ledger.
    pub ledger: LedgerId,
    /// This machine's log in it.
    pub origin: OriginId,
}

/// Writes what a pack keeps of an entry besides its salt, commitment and body.
fn put_record(
    out: &mut Vec<u8>,
    (kind, flags, form): (Kind, u8, u8),
    numbers: [u64; 4],
    ids: [&EntryId; 2],
) {
    out.extend_from_slice(&[kind.code(), flags, form]);
    numbers.iter().for_each(|number| put_varint(out, *number));
    let present = ids.map(|id| *id != EntryId::default());
    out.push(u8::from(present[0]) | u8::from(present[1]) << 1);
    for (id, _) in ids.iter().zip(present).filter(|(_, is_present)| *is_present) {
        out.extend_from_slice(&id.0);
    }
}

/// The bytes of a pack without the bodies and salts of some of its entries, whose commitments stay.
pub(super) fn without_bodies(pack: &Pack, encoder: &mut Encoder, erased: &SeqSet) -> Vec<u8> {
    let mut plain = Vec::with_capacity(pack.plain.len());
    let (mut keys, mut bodies) = (Vec::new(), Vec::new());
    for entry in &pack.entries {
        let form = match pack.erased_body(entry, erased).as_ref().unwrap_or(&entry.body) {
            StoredBody::Inline { salt, range } => {
                keys.extend_from_slice(salt);
                bodies.extend_from_slice(pack.plain.get(range.clone()).unwrap_or_default());
                FORM_INLINE
            }
            StoredBody::Blocks { salt, commitment } => {
                keys.extend_from_slice(salt);
                keys.extend_from_slice(&commitment.0);
                FORM_BLOCKS
            }
            StoredBody::Erased { commitment } => {
                keys.extend_from_slice(&commitment.0);
                FORM_ERASED
            }
        };
        entry.write_record(form, &mut plain);
    }
    plain.extend_from_slice(&keys);
    plain.extend_from_slice(&bodies);
    let (codec, stored) = encoder.encode(&plain);
    PackInfo { codec, plain_len: plain.len() as u32, ..pack.info }.with_payload(&stored)
}

/// Why stored bytes are not a pack or block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Too short, wrong magic, or fields that contradict each other.
    #[error("not a pack: {0}")]
    Shape(&'static str),
    /// The checksum does not fit the bytes.
    #[error("checksum mismatch")]
    Checksum,
    /// The payload does not decompress to what was stored.
    #[error("the payload does not decompress")]
    Payload,
    /// A small body that is in blocks.
    #[error("the body of entry {0} is not in its pack")]
    Place(Seq),
    /// The entries do not hash to the ids that the pack names.
    #[error("entry {0} does not hash to what the pack says")]
    Chain(Seq),
}

/// The fields in front of a pack's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackInfo {
    codec: u8,
    /// Seq of the first entry.
    pub first_seq: Seq,
    /// Count of entries, at least 1.
    pub count: u32,
    plain_len: u32,
    /// Time of all its entries.
    pub recorded_at: u64,
    /// Id of the entry before the first.
    pub prev: EntryId,
    /// Id of the last entry.
    pub last: EntryId,
    sum: Checksum,
}

impl PackInfo {
    /// Reads the fields without checking the payload.
    pub(super) fn read(bytes: &[u8]) -> Option<PackInfo> {
        let mut input = Cursor::new(bytes);
        if input.array::<4>()? != *PACK_MAGIC {
            return None;
        }
        let [codec, ..] = input.array::<4>()?;
        Some(PackInfo {
            codec,
            first_seq: input.seq()?,
            count: input.u32().filter(|count| *count > 0)?,
            plain_len: input.u32()?,
            recorded_at: input.u64()?,
            prev: EntryId(input.array()?),
            last: EntryId(input.array()?),
            sum: input.array()?,
        })
    }

    /// The bytes of a pack of these fields, but for the checksum, which is made.
    fn with_payload(&self, stored: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(PACK_HEADER_BYTES + stored.len());
        out.extend_from_slice(PACK_MAGIC);
        out.extend_from_slice(&[self.codec, 0, 0, 0]);
        out.extend_from_slice(&self.first_seq.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.plain_len.to_be_bytes());
        out.extend_from_slice(&self.recorded_at.to_be_bytes());
        out.extend_from_slice(&self.prev.0);
        out.extend_from_slice(&self.last.0);
        let sum = checksum(PACK_CONTEXT, &[&out, stored]);
        out.extend_from_slice(&sum);
        out.extend_from_slice(stored);
        out
    }

    /// Whether the checksum of these bytes, which begin with this, holds.
    pub(super) fn has_checksum(&self, bytes: &[u8]) -> bool {
        let Some((fields, stored)) = bytes.split_at_checked(PACK_HEADER_BYTES) else {
            return false;
        };
        checksum(PACK_CONTEXT, &[&fields[..PACK_HEADER_BYTES - 16], stored]) == self.sum
    }

    /// Its entries.
    pub fn seqs(&self) -> SeqRange {
        SeqRange::counted(self.first_seq, u64::from(self.count))
    }

    /// Seq of the last entry.
    pub fn last_seq(&self) -> Seq {
        self.first_seq.plus(u64::from(self.count.saturating_sub(1)))
    }

    /// One past the last seq.
    pub fn end_seq(&self) -> Seq {
        self.first_seq.plus(u64::from(self.count))
    }
}

/// What is kept of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredBody {
    /// A range of [`Pack::plain`].
    Inline {
        /// Salt of the commitment.
        salt: Salt,
        /// Where the bytes are.
        range: Range<usize>,
    },
    /// Kept in blocks.
    Blocks {
        /// Salt of the commitment.
        salt: Salt,
        /// Commitment to salt and body.
        commitment: Commitment,
    },
    /// Destroyed.
    Erased {
        /// What the destroyed body was committed to.
        commitment: Commitment,
    },
}

/// One stored entry, before its header is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Position in the log.
    pub seq: Seq,
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
    /// Bytes of the body.
    pub body_len: u64,
    /// Reference, or zeros.
    pub reference: EntryId,
    /// Rule set, or zeros.
    pub rule_set: EntryId,
    /// Where the body is.
    pub body: StoredBody,
}

impl StoredEntry {
    /// Whether the body is kept in blocks.
    pub(super) fn is_in_blocks(&self) -> bool {
        matches!(self.body, StoredBody::Blocks { .. })
    }

    /// Whether the body lies where a writer puts such a body: readers look for small ones of our own in the pack alone, and
    /// nothing that is hashed says where it is.
    fn may_be_there(&self) -> bool {
        let is_small = self.kind == Kind::Stream || self.body_len <= BLOCK_BYTES as u64;
        !self.is_in_blocks() || self.is_of_source() || !is_small
    }

    fn write_record(&self, form: u8, out: &mut Vec<u8>) {
        let numbers = [self.stream.get(), self.line, self.offset, self.body_len];
        put_record(out, (self.kind, self.flags, form), numbers, [&self.reference, &self.rule_set]);
    }

    /// Whether the body was destroyed.
    pub fn is_erased(&self) -> bool {
        matches!(self.body, StoredBody::Erased { .. })
    }

    /// Whether the body was followed by a line feed in its source.
    pub fn has_line_feed(&self) -> bool {
        self.flags & codex_ledger_entry::FLAG_LINE_FEED != 0
    }

    /// Whether the body is bytes of a source.
    pub(super) fn is_of_source(&self) -> bool {
        matches!(self.kind, Kind::Line | Kind::Document)
    }
}

/// A decoded pack.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its fields.
    pub info: PackInfo,
    /// Its entries, in seq order.
    pub entries: Vec<StoredEntry>,
    /// The decompressed payload that inline bodies are ranges of.
    pub plain: Vec<u8>,
}

impl Pack {
    /// Decodes and checks the checksum; the hashes are checked by [`Pack::verify`].
    pub(super) fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Result<Pack, PackError> {
        let info = PackInfo::read(bytes).ok_or(PackError::Shape("fields"))?;
        if !info.has_checksum(bytes) {
            return Err(PackError::Checksum);
        }
        let stored = bytes.get(PACK_HEADER_BYTES..).ok_or(PackError::Shape("too short"))?;
        let plain = decoder
            .decode(info.codec, stored, info.plain_len as usize)
            .ok_or(PackError::Payload)?;
        let entries = read_records(&info, &plain).ok_or(PackError::Shape("records"))?;
        if let Some(entry) = entries.iter().find(|entry| !entry.may_be_there()) {
            return Err(PackError::Place(entry.seq));
        }
        Ok(Pack { info, entries, plain })
    }

    /// The inline body of an entry; `None` for bodies in blocks and erased ones.
    pub fn body(&self, entry: &StoredEntry) -> Option<&[u8]> {
        match &entry.body {
            StoredBody::Inline { range, .. } => self.plain.get(range.clone()),
            _ => None,
        }
    }

    /// The entry with that seq.
    pub fn entry(&self, seq: Seq) -> Option<&StoredEntry> {
        let index = seq.get().checked_sub(self.info.first_seq.get())?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// Rebuilds every header, re-hashing inline bodies, and adds them to the chain.
    ///
    /// Bodies in blocks are checked by whoever reads the blocks; here their stored commitment counts.
    ///
    /// # Errors
    /// When the last id is not the one that the pack was written with.
    pub fn verify(&self, identity: &Identity, chain: &mut ChainEnd) -> Result<(), PackError> {
        for entry in &self.entries {
            let header = self.header(identity, entry, chain.id);
            chain.push(&header.encode(), header.recorded_at);
        }
        if chain.id == self.info.last {
            Ok(())
        } else {
            Err(PackError::Chain(self.info.last_seq()))
        }
    }

    /// What the body of an entry committed to.
    fn commitment(&self, entry: &StoredEntry) -> Commitment {
        match &entry.body {
            StoredBody::Inline { salt, range } => {
                commit(salt, self.plain.get(range.clone()).unwrap_or(&[]))
            }
            StoredBody::Blocks { commitment, .. } | StoredBody::Erased { commitment } => {
                *commitment
            }
        }
    }

    /// What stays of the body of an entry that is erased; `None` for another one.
    fn erased_body(&self, entry: &StoredEntry, erased: &SeqSet) -> Option<StoredBody> {
        let is_erased = erased.contains(entry.seq);
        is_erased.then(|| StoredBody::Erased { commitment: self.commitment(entry) })
    }

    /// Takes the bodies of these entries for erased, whose bytes may still be there.
    pub(super) fn forget(&mut self, erased: &SeqSet) {
        if !erased.meets(self.info.seqs()) {
            return;
        }
        for at in 0..self.entries.len() {
            let body = self.entries.get(at).and_then(|entry| self.erased_body(entry, erased));
            if let (Some(body), Some(entry)) = (body, self.entries.get_mut(at)) {
                entry.body = body;
            }
        }
    }

    /// The header of an entry whose predecessor's id is known.
    pub fn header(&self, identity: &Identity, entry: &StoredEntry, prev: EntryId) -> Header {
        let commitment = self.commitment(entry);
        Header {
            kind: entry.kind,
            flags: entry.flags,
            ledger: identity.ledger,
            origin: identity.origin,
            seq: entry.seq,
            prev,
            recorded_at: self.info.recorded_at,
            stream: entry.stream,
            line: entry.line,
            offset: entry.offset,
            body_len: entry.body_len,
            commitment,
            reference: entry.reference,
            rule_set: entry.rule_set,
        }
    }
}

/// Reads the three parts of a payload; `None` when they do not fill it exactly.
fn read_records(info: &PackInfo, plain: &[u8]) -> Option<Vec<StoredEntry>> {
    let mut input = Cursor::new(plain);
    let mut entries = Vec::with_capacity((info.count as usize).min(plain.len() / 8 + 1));
    let mut forms = Vec::with_capacity(entries.capacity());
    let seqs = Some(info.seqs()).filter(|seqs| seqs.len() == u64::from(info.count))?;
    for seq in seqs.iter() {
        let [kind, flags, form] = input.array()?;
        let [stream, line, offset, body_len] =
            [input.varint()?, input.varint()?, input.varint()?, input.varint()?];
        let present = input.u8()?;
        let reference = if present & 1 != 0 { EntryId(input.array()?) } else { EntryId::default() };
        let rule_set = if present & 2 != 0 { EntryId(input.array()?) } else { EntryId::default() };
        forms.push(form);
        entries.push(StoredEntry {
            seq,
            kind: Kind::from_code(kind),
            flags,
            stream: StreamId::new(stream),
            line,
            offset,
            body_len,
            reference,
            rule_set,
            body: StoredBody::Erased { commitment: Commitment::default() },
        });
    }
    for (entry, form) in entries.iter_mut().zip(&forms) {
        entry.body = match *form {
            FORM_INLINE => StoredBody::Inline { salt: input.array()?, range: 0..0 },
            FORM_BLOCKS => {
                StoredBody::Blocks { salt: input.array()?, commitment: Commitment(input.array()?) }
            }
            FORM_ERASED => StoredBody::Erased { commitment: Commitment(input.array()?) },
            _ => return None,
        };
    }
    let mut at = plain.len() - input.rest().len();
    for entry in &mut entries {
        if let StoredBody::Inline { range, .. } = &mut entry.body {
            let end = at.checked_add(usize::try_from(entry.body_len).ok()?)?;
            *range = at..end;
            at = end;
        }
    }
    (at == plain.len()).then_some(entries)
}

//! The 216 bytes that are hashed, chained and put into the tree.

use super::hash::{Commitment, EntryId, LedgerId, OriginId};
use super::seq::{Seq, StreamId};

/// Size of an encoded header in bytes.
pub const HEADER_BYTES: usize = 216;

/// Flag bit: the body was followed by a line feed in its source.
pub const FLAG_LINE_FEED: u8 = 1;

const MAGIC: &[u8; 4] = b"CXLE";
const VERSION: u16 = 1;
const CONTEXT: &str = "codex-ledger v1 entry header";

/// What an entry is about. Kinds that this version does not know are kept as [`Kind::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The first entry of a ledger.
    Created,
    /// Opens a stream.
    Stream,
    /// One line of a source.
    Line,
    /// A whole file.
    Document,
    /// Something that was done to the ledger.
    Action,
    /// Hides something in everything that is derived.
    Redaction,
    /// Ends a redaction or a revocation.
    Revocation,
    /// The rules that find what is to be hidden.
    RuleSet,
    /// What a reviewer says of a session or prompt.
    Annotation,
    /// Raw bytes were read.
    Access,
    /// Bodies are to be destroyed.
    EraseIntent,
    /// They are.
    EraseDone,
    /// A key that signs checkpoints is no longer used.
    Key,
    /// A kind of a later version.
    Other(u8),
}

impl Kind {
    /// The byte that stands for this kind.
    pub fn code(self) -> u8 {
        match self {
            Kind::Created => 1,
            Kind::Stream => 2,
            Kind::Line => 3,
            Kind::Document => 4,
            Kind::Action => 5,
            Kind::Redaction => 6,
            Kind::Revocation => 7,
            Kind::RuleSet => 8,
            Kind::Annotation => 9,
            Kind::Access => 10,
            Kind::EraseIntent => 11,
            Kind::EraseDone => 12,
            Kind::Key => 13,
            Kind::Other(code) => code,
        }
    }

    /// The kind that a byte stands for.
    pub fn from_code(code: u8) -> Kind {
        match code {
            1 => Kind::Created,
            2 => Kind::Stream,
            3 => Kind::Line,
            4 => Kind::Document,
            5 => Kind::Action,
            6 => Kind::Redaction,
            7 => Kind::Revocation,
            8 => Kind::RuleSet,
            9 => Kind::Annotation,
            10 => Kind::Access,
            11 => Kind::EraseIntent,
            12 => Kind::EraseDone,
            13 => Kind::Key,
            other => Kind::Other(other),
        }
    }

    /// Whether such entries decide what may be shown.
    pub fn is_control(self) -> bool {
        use Kind::{EraseDone, EraseIntent, Redaction, Revocation, RuleSet};
        matches!(self, Redaction | Revocation | RuleSet | EraseIntent | EraseDone)
    }

    /// Whether bodies of such entries can be erased: the others say who signs, and that what is gone may be.
    pub fn is_erasable(self) -> bool {
        !matches!(self, Kind::Created | Kind::EraseDone | Kind::Key)
    }

    /// A lower-case word for tables and findings.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Created => "created",
            Kind::Stream => "stream",
            Kind::Line => "line",
            Kind::Document => "document",
            Kind::Action => "action",
            Kind::Redaction => "redaction",
            Kind::Revocation => "revocation",
            Kind::RuleSet => "rule_set",
            Kind::Annotation => "annotation",
            Kind::Access => "access",
            Kind::EraseIntent => "erase_intent",
            Kind::EraseDone => "erase_done",
            Kind::Key => "key",
            Kind::Other(_) => "other",
        }
    }
}

/// A decoded header; see `docs/FORMAT.md` section 1 for the meaning of each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the entry is about.
    pub kind: Kind,
    /// Bit 0: [`FLAG_LINE_FEED`].
    pub flags: u8,
    /// The ledger that the entry belongs to.
    pub ledger: LedgerId,
    /// The machine's log that it was appended to.
    pub origin: OriginId,
    /// Position in the log, from 0, without gaps.
    pub seq: Seq,
    /// Id of the entry before; zeros for seq 0.
    pub prev: EntryId,
    /// Nanoseconds since 1970-01-01 UTC.
    pub recorded_at: u64,
    /// The stream that the entry belongs to; the one of its own seq when there is none.
    pub stream: StreamId,
    /// 0-based line in the stream.
    pub line: u64,
    /// Byte offset of the body in its source.
    pub offset: u64,
    /// Bytes of the body.
    pub body_len: u64,
    /// Salted hash of the body.
    pub commitment: Commitment,
    /// The entry that this one speaks of, or zeros.
    pub reference: EntryId,
    /// The rule set in force, or zeros.
    pub rule_set: EntryId,
}

/// Why bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not [`HEADER_BYTES`] long.
    #[error("a header has {HEADER_BYTES} bytes, not {0}")]
    Length(usize),
    /// The first bytes are not `CXLE`.
    #[error("not an entry header (wrong magic)")]
    Magic,
    /// A version that this program does not know.
    #[error("entry version {0} is not known to this program")]
    Version(u16),
}

impl Header {
    /// The bytes that are hashed. Infallible; every header has exactly one encoding.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = Writer { bytes: [0; HEADER_BYTES], at: 0 };
        out.put(MAGIC);
        out.put(&VERSION.to_be_bytes());
        out.put(&[self.kind.code(), self.flags]);
        out.put(&self.ledger.0);
        out.put(&self.origin.0);
        out.put(&self.seq.to_be_bytes());
        out.put(&self.prev.0);
        for number in [self.recorded_at, self.stream.get(), self.line, self.offset, self.body_len] {
            out.put(&number.to_be_bytes());
        }
        out.put(&self.commitment.0);
        out.put(&self.reference.0);
        out.put(&self.rule_set.0);
        debug_assert_eq!(out.at, HEADER_BYTES);
        out.bytes
    }

    /// Reads a header back; `encode` of the result gives the same bytes.
    ///
    /// # Errors
    /// When the bytes are not a header of version 1.
    pub fn decode(bytes: &[u8]) -> Result<Header, HeaderError> {
        if bytes.len() != HEADER_BYTES {
            return Err(HeaderError::Length(bytes.len()));
        }
        let mut input = Reader { bytes };
        if input.take::<4>() != *MAGIC {
            return Err(HeaderError::Magic);
        }
        let version = u16::from_be_bytes(input.take());
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let [kind, flags] = input.take();
        Ok(Header {
            kind: Kind::from_code(kind),
            flags,
            ledger: LedgerId(input.take()),
            origin: OriginId(input.take()),
            seq: Seq::new(input.number()),
            prev: EntryId(input.take()),
            recorded_at: input.number(),
            stream: StreamId::new(input.number()),
            line: input.number(),
            offset: input.number(),
            body_len: input.number(),
            commitment: Commitment(input.take()),
            reference: EntryId(input.take()),
            rule_set: EntryId(input.take()),
        })
    }

    /// The entry's id: a hash of the encoded header.
    pub fn id(encoded: &[u8; HEADER_BYTES]) -> EntryId {
        EntryId(blake3::derive_key(CONTEXT, encoded))
    }

    /// Whether the body was followed by a line feed in its source.
    pub fn has_line_feed(&self) -> bool {
        self.flags & FLAG_LINE_FEED != 0
    }
}

struct Writer {
    bytes: [u8; HEADER_BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, part: &[u8]) {
        self.bytes[self.at..self.at + part.len()].copy_from_slice(part);
        self.at += part.len();
    }
}

/// Reads fixed fields; its input is at least as long as all of them together.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.bytes.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.bytes = rest;
                *head
            }
            None => [0; N],
        }
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Header {
        Header {
            kind: Kind::Line,
            flags: FLAG_LINE_FEED,
            ledger: LedgerId([1; 16]),
            origin: OriginId([2; 16]),
            seq: Seq::new(3),
            prev: EntryId([4; 32]),
            recorded_at: 5,
            stream: StreamId::new(6),
            line: 7,
            offset: 8,
            body_len: 9,
            commitment: Commitment([10; 32]),
            reference: EntryId([0; 32]),
            rule_set: EntryId([0; 32]),
        }
    }

    #[test]
    fn golden_header() {
        let bytes = sample().encode();
        assert_eq!(&bytes[..8], b"CXLE\x00\x01\x03\x01");
        assert_eq!(
            Header::id(&bytes).to_string(),
            "c34261d3b1a9a239d6d2367ef763294112e3780ac618dc52410bc2d85f8da747"
        );
    }

    #[test]
    fn other_versions_and_lengths_are_refused() {
        let mut bytes = sample().encode();
        assert_eq!(Header::decode(&bytes[1..]), Err(HeaderError::Length(215)));
        bytes[5] = 9;
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Version(9)));
        bytes[0] = b'X';
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Magic));
    }

    proptest! {
        #[test]
        fn any_bytes_behind_the_version_round_trip(tail in proptest::collection::vec(any::<u8>(), 210)) {
            let mut bytes = b"CXLE\x00\x01".to_vec();
            bytes.extend_from_slice(&tail);
            let header = Header::decode(&bytes).unwrap();
            prop_assert_eq!(&header.encode()[..], &bytes[..]);
        }
    }
}

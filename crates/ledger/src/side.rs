//! Side records: what can be rebuilt from the entries at any time. Encodes and decodes with bincode, whose traits
//! the records derive.
//!
//! Reading one schema's bytes with another would succeed with wrong values, so each record carries a
//! magic, its schema number, its length and a checksum; anything unexpected reads as absent. The first
//! thing in each record is its [`Bound`], so that those who do not know the rest can compare it with HEAD.

use super::error::{LedgerError, Result};
use super::files::open_file;
use super::head::Head;
use super::world::World;
use bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use bincode::{Decode, Encode};
use codex_ledger_entry::{EntryId, Seq, checksum};
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8; 4] = b"CXLT";
/// Of records that begin with no bound; they read as absent, and are not damaged.
const OLD_MAGIC: &[u8; 4] = b"CXLS";
const CONTEXT: &str = "codex-ledger v1 side record";
const CONFIG: Configuration = standard();
/// Bytes that a record may ask for while it is read: one that was forged may name any length.
const READ_BYTES_MAX: usize = 512 << 20;
const READING: Configuration<LittleEndian, Varint, Limit<READ_BYTES_MAX>> =
    standard().with_limit::<READ_BYTES_MAX>();

/// What a record is true of: the beginning of one ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Bound {
    /// The ledger's id.
    pub ledger: [u8; 16],
    /// The entry after those that are covered.
    pub end: Seq,
    /// Id of the last of them; zeros for none.
    pub last: [u8; 32],
}

impl Bound {
    /// All that is acknowledged.
    pub fn of(head: &Head) -> Bound {
        Bound::new(head, head.end(), head.chain.id)
    }

    /// A beginning of the same ledger.
    pub(super) fn new(head: &Head, end: Seq, last: EntryId) -> Bound {
        Bound { ledger: head.identity.ledger.0, end, last: last.0 }
    }
}

/// The bound of a sound record, of whatever shape the rest is.
pub(super) fn bound_of(bytes: &[u8]) -> Option<Bound> {
    let body = bytes.get(32..).filter(|_| is_sound(bytes) && bytes.starts_with(MAGIC))?;
    bincode::decode_from_slice(body, READING).ok().map(|(bound, _)| bound)
}

/// Names the shape of a record, which begins with a [`Bound`]; change the number whenever a field changes.
pub trait SideRecord: Encode + Decode<()> {
    /// Unique over all records and their versions.
    const SCHEMA: u32;
}

/// The bytes of a record.
pub fn encode<T: SideRecord>(record: &T) -> Option<Vec<u8>> {
    let body = bincode::encode_to_vec(record, CONFIG).ok()?;
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&T::SCHEMA.to_be_bytes());
    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    out.extend_from_slice(&checksum(CONTEXT, &[&out, &body]));
    out.extend_from_slice(&body);
    Some(out)
}

/// Reads a record back; `None` when it is damaged or of another schema.
pub fn decode<T: SideRecord>(bytes: &[u8]) -> Option<T> {
    let (fields, rest) = bytes.split_at_checked(16)?;
    let (sum, body) = rest.split_at_checked(16)?;
    let mut expected = MAGIC.to_vec();
    expected.extend_from_slice(&T::SCHEMA.to_be_bytes());
    expected.extend_from_slice(&(body.len() as u64).to_be_bytes());
    if fields != expected || checksum(CONTEXT, &[fields, body]) != sum {
        return None;
    }
    bincode::decode_from_slice(body, READING).ok().map(|(record, _)| record)
}

/// Whether the bytes are an undamaged record of any schema.
pub(super) fn is_sound(bytes: &[u8]) -> bool {
    let Some((fields, rest)) = bytes.split_at_checked(16) else {
        return false;
    };
    let Some((sum, body)) = rest.split_at_checked(16) else {
        return false;
    };
    (fields.starts_with(MAGIC) || fields.starts_with(OLD_MAGIC))
        && checksum(CONTEXT, &[fields, body]) == sum
}

/// The bytes of a record's file; of one that is not as long as it says only the beginning, which is not sound.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = open_file(path)?;
    let len = file.metadata()?.len();
    let mut bytes = Vec::new();
    (&mut file).take(32).read_to_end(&mut bytes)?;
    let said = bytes.get(8..16).and_then(|said| said.try_into().ok()).map(u64::from_be_bytes);
    if said.and_then(|said| said.checked_add(32)) == Some(len) {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads a record from its file; absent, damaged and outdated ones are `None`.
pub fn load<T: SideRecord>(path: &Path) -> Option<T> {
    decode(&read(path).ok()?)
}

/// Replaces a record's file.
///
/// # Errors
/// When it cannot be written.
pub fn save<T: SideRecord>(world: &World, path: &Path, record: &T) -> Result<()> {
    let bytes = encode(record)
        .ok_or_else(|| LedgerError::damaged(path, "a side record cannot be encoded"))?;
    super::write_durably(world, path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Encode, Decode, PartialEq, Debug)]
    struct One(u32, String);
    impl SideRecord for One {
        const SCHEMA: u32 = 9_001;
    }
    #[derive(Encode, Decode, PartialEq, Debug)]
    struct Two(u32, String);
    impl SideRecord for Two {
        const SCHEMA: u32 = 9_002;
    }

    #[test]
    fn records_round_trip_and_other_schemas_read_as_absent() {
        let bytes = encode(&One(7, "x".into())).unwrap();
        assert_eq!(decode::<One>(&bytes), Some(One(7, "x".into())));
        assert_eq!(decode::<Two>(&bytes), None);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(decode::<One>(&flipped), None, "byte {at}");
        }
    }
}

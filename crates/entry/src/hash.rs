//! Ids, commitments and checksums: one BLAKE3 `derive_key` context per use, none reused.

use std::fmt;

const CONTEXT_BODY: &str = "codex-ledger v1 body";
const CONTEXT_STREAM: &str = "codex-ledger v1 stream prefix";

/// Bytes of salt in front of a body when it is committed to.
pub const SALT_BYTES: usize = 16;

/// The random bytes that make a commitment to a body unguessable; destroyed together with the body.
pub type Salt = [u8; SALT_BYTES];

/// The first 16 bytes of a context-bound BLAKE3 hash: finds damage, proves nothing.
pub type Checksum = [u8; 16];

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex(&self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                parse_hex(text).map($name)
            }
        }
    };
}

hex_bytes!(
    /// Names a ledger; random, chosen when it is created.
    LedgerId,
    16
);
hex_bytes!(
    /// Names one machine's log inside a ledger; random.
    OriginId,
    16
);
hex_bytes!(
    /// `H("codex-ledger v1 entry header", header)`.
    EntryId,
    32
);
hex_bytes!(
    /// `H("codex-ledger v1 body", salt || body)`.
    Commitment,
    32
);
hex_bytes!(
    /// A node of the RFC 6962 tree (SHA-256).
    TreeHash,
    32
);

/// A hex string of the wrong length or with other characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected} hex digits")]
pub struct HexError {
    /// How many hex digits the value has.
    pub expected: usize,
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
    out
}

/// Reads exactly `N` bytes of hex, either case.
///
/// # Errors
/// When the text has another length or other characters.
pub fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let wrong = HexError { expected: N * 2 };
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(wrong);
    }
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| (d as char).to_digit(16);
        match pair {
            [high, low] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => *byte = (high * 16 + low) as u8,
                _ => return Err(wrong),
            },
            _ => return Err(wrong),
        }
    }
    Ok(out)
}

/// Commits to a body.
pub fn commit(salt: &Salt, body: &[u8]) -> Commitment {
    let mut hasher = commit_hasher(salt);
    hasher.update(body);
    Commitment(*hasher.finalize().as_bytes())
}

/// Starts a commitment to a body that arrives in pieces.
pub fn commit_hasher(salt: &Salt) -> blake3::Hasher {
    let mut hasher = body_hasher();
    hasher.update(salt);
    hasher
}

/// The keyed state before any salt; cloning it is cheaper than deriving the key again.
pub fn body_hasher() -> blake3::Hasher {
    blake3::Hasher::new_derive_key(CONTEXT_BODY)
}

/// Hashes the bytes of a source from its start, to tell growth from rewriting. Never leaves this machine.
pub fn stream_hasher() -> blake3::Hasher {
    blake3::Hasher::new_derive_key(CONTEXT_STREAM)
}

/// The first 16 bytes of `H(context, parts…)`.
pub fn checksum(context: &str, parts: &[&[u8]]) -> Checksum {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0u8; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_other_text() {
        let id = EntryId([0xab; 32]);
        assert_eq!(id.to_string().parse::<EntryId>(), Ok(id));
        assert!("xy".parse::<EntryId>().is_err());
        assert!("zz".repeat(32).parse::<EntryId>().is_err());
    }

    #[test]
    fn salt_changes_the_commitment() {
        assert_ne!(commit(&[0; 16], b"x"), commit(&[1; 16], b"x"));
    }

    #[test]
    fn checksum_is_a_prefix_of_the_hash() {
        let whole = blake3::derive_key("c", b"ab");
        assert_eq!(checksum("c", &[b"a", b"b"]), whole[..16]);
    }
}

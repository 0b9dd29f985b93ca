//! Keys that sign notes, and what they are known by.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::{hex, parse_hex};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Bytes of a secret key, of a public key, and of a signature.
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;

/// What a key's signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The log's own word: Ed25519 over the text of the note.
    Log,
    /// A witness has seen it, at a time: Ed25519 over that time and the text.
    Cosigner,
}

impl Use {
    /// The byte that the specification assigns.
    fn byte(self) -> u8 {
        match self {
            Use::Log => 0x01,
            Use::Cosigner => 0x04,
        }
    }

    fn of_byte(byte: u8) -> Option<Use> {
        [Use::Log, Use::Cosigner].into_iter().find(|it| it.byte() == byte)
    }
}

/// A key that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `name+id+key`, or parts of it that do not belong together.
    #[error("not a public key of the form NAME+ID+KEY")]
    Form,
    /// A name that no line of a note can hold.
    #[error("the name of a key is empty or has blanks or a plus")]
    Name,
    /// A kind of signature that this version does not know.
    #[error("a key of a kind that this version does not know (0x{0:02x})")]
    Kind(u8),
    /// No point on the curve, or one of the few that prove nothing.
    #[error("not an Ed25519 public key")]
    Public,
}

/// A key that checks signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    purpose: Use,
    key: VerifyingKey,
}

impl Verifier {
    /// A public key under a name.
    ///
    /// # Errors
    /// When the name or the key cannot be used.
    pub fn new(name: &str, purpose: Use, key: &[u8; KEY_BYTES]) -> Result<Verifier, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Public)?;
        if key.is_weak() {
            return Err(KeyError::Public);
        }
        Ok(Verifier { name: name.to_string(), purpose, key })
    }

    /// Reads `NAME+ID+KEY`: the id in 8 hex digits, the key in base64 behind the byte of its kind.
    ///
    /// # Errors
    /// When it is no such text, or the id is not that of the key.
    pub fn parse(text: &str) -> Result<Verifier, KeyError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let id: [u8; 4] = parse_hex(id).map_err(|_| KeyError::Form)?;
        let key = BASE64.decode(key).map_err(|_| KeyError::Form)?;
        let (kind, key) = key.split_first().ok_or(KeyError::Form)?;
        let purpose = Use::of_byte(*kind).ok_or(KeyError::Kind(*kind))?;
        let verifier = Verifier::new(name, purpose, key.try_into().map_err(|_| KeyError::Form)?)?;
        if verifier.id() != id { Err(KeyError::Form) } else { Ok(verifier) }
    }

    /// Name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures say.
    pub fn purpose(&self) -> Use {
        self.purpose
    }

    /// The four bytes that signature lines name it by: a hint, which proves nothing.
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', self.purpose.byte()]);
        hasher.update(self.key.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let [a, b, c, d, ..] = hash;
        [a, b, c, d]
    }

    /// Whether this signature, as its line has it behind the key's id, is the key's over the text. For a cosignature, the
    /// time that it names, in seconds since 1970.
    pub fn verifies(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let strict = |message: &[u8], signature: &[u8]| {
            let signature: [u8; SIGNATURE_BYTES] = signature.try_into().ok()?;
            let signature = ed25519_dalek::Signature::from_bytes(&signature);
            self.key.verify_strict(message, &signature).ok()
        };
        match self.purpose {
            Use::Log => strict(text.as_bytes(), signature).map(|()| None),
            Use::Cosigner => {
                let (at, signature) = signature.split_first_chunk::<8>()?;
                let at = u64::from_be_bytes(*at);
                strict(cosigned(text, at).as_bytes(), signature).map(|()| Some(at))
            }
        }
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![self.purpose.byte()];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), BASE64.encode(key))
    }
}

/// A key that signs.
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

impl Signer {
    /// The key of these secret bytes, under a name.
    ///
    /// # Errors
    /// When the name cannot be used.
    pub fn new(name: &str, purpose: Use, secret: &[u8; KEY_BYTES]) -> Result<Signer, KeyError> {
        let key = SigningKey::from_bytes(secret);
        let verifier = Verifier::new(name, purpose, key.verifying_key().as_bytes())?;
        Ok(Signer { key, verifier })
    }

    /// Its public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signature over a text as a line has it behind the key's id; a cosigner signs at a time, in seconds since 1970.
    pub(crate) fn sign(&self, text: &str, at: u64) -> Vec<u8> {
        match self.verifier.purpose {
            Use::Log => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            Use::Cosigner => {
                let signature = self.key.sign(cosigned(text, at).as_bytes()).to_bytes();
                [&at.to_be_bytes()[..], &signature].concat()
            }
        }
    }
}

/// What a cosigner signs.
fn cosigned(text: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

/// Whether a line of a note can name a key so.
pub fn is_key_name(name: &str) -> bool {
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(is_wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_read_as_it_is_written() {
        for purpose in [Use::Log, Use::Cosigner] {
            let signer = Signer::new("tides.example/log", purpose, &[7; 32]).unwrap();
            let text = signer.verifier().to_string();
            assert_eq!(&Verifier::parse(&text).unwrap(), signer.verifier());
            for wrong in
                ["", "+", "a+b", &text[1..], &text[..text.len() - 4], &text.replace('+', " ")]
            {
                assert!(Verifier::parse(wrong).is_err(), "{wrong}");
            }
        }
        let unknown = BASE64.encode([&[0x09][..], &[1; 32]].concat());
        assert_eq!(Verifier::parse(&format!("a+00000000+{unknown}")), Err(KeyError::Kind(9)));
        assert_eq!(Verifier::new("a", Use::Log, &[0; 32]), Err(KeyError::Public));
        assert_eq!(Verifier::new("a b", Use::Log, &[7; 32]), Err(KeyError::Name));
    }
}

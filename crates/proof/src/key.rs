//! Keys that sign notes, and what they are known by.

use crate::checkpoint::Checkpoint;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::{hex, parse_hex};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use ml_dsa::{ExpandedSigningKey, MlDsa44};
use sha2::{Digest, Sha256};

/// Bytes of a secret key, and of an Ed25519 public key and signature.
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
/// Bytes of an ML-DSA-44 public key (FIPS 204).
const QUANTUM_KEY_BYTES: usize = 1312;
/// What an ML-DSA-44 cosigner signs begins with (C2SP tlog-cosignature).
const SUBTREE_LABEL: &[u8; 12] = b"subtree/v1\n\0";
/// From the secret of a log's key, that of the one beside it.
const BESIDE: &[u8] = b"codex-ledger ml-dsa-44 seed\n";

/// What a key's signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The log's own word: Ed25519 over the text of the note.
    Log,
    /// A witness has seen it, at a time: Ed25519 over that time and the text.
    Cosigner,
    /// The same with ML-DSA-44, which quantum computers do not break, over the three values of a checkpoint; a log may be
    /// its own cosigner.
    QuantumCosigner,
}

impl Use {
    /// The byte that the specification assigns.
    fn byte(self) -> u8 {
        match self {
            Use::Log => 0x01,
            Use::Cosigner => 0x04,
            Use::QuantumCosigner => 0x06,
        }
    }

    fn of_byte(byte: u8) -> Option<Use> {
        [Use::Log, Use::Cosigner, Use::QuantumCosigner].into_iter().find(|it| it.byte() == byte)
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
    /// As it is encoded, and a key by then.
    key: Vec<u8>,
}

impl Verifier {
    /// A public key under a name.
    ///
    /// # Errors
    /// When the name or the key cannot be used.
    pub fn new(name: &str, purpose: Use, key: &[u8]) -> Result<Verifier, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let verifier = Verifier { name: name.to_string(), purpose, key: key.to_vec() };
        let is_key = match purpose {
            Use::Log | Use::Cosigner => verifier.ed25519().is_some(),
            Use::QuantumCosigner => key.len() == QUANTUM_KEY_BYTES,
        };
        if is_key { Ok(verifier) } else { Err(KeyError::Public) }
    }

    fn ed25519(&self) -> Option<VerifyingKey> {
        let key: &[u8; KEY_BYTES] = self.key.as_slice().try_into().ok()?;
        VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak())
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
        let verifier = Verifier::new(name, purpose, key)?;
        if verifier.id() != id { Err(KeyError::Form) } else { Ok(verifier) }
    }

    /// Name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key as it is encoded, without its name.
    pub fn public(&self) -> &[u8] {
        &self.key
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
        hasher.update(&self.key);
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
            self.ed25519()?.verify_strict(message, &signature).ok()
        };
        if self.purpose == Use::Log {
            return strict(text.as_bytes(), signature).map(|()| None);
        }
        let (at, signature) = signature.split_first_chunk::<8>()?;
        let at = u64::from_be_bytes(*at);
        match self.purpose {
            Use::Log | Use::Cosigner => strict(cosigned(text, at).as_bytes(), signature)?,
            Use::QuantumCosigner => self.verifies_quantum(text, at, signature)?,
        }
        Some(Some(at))
    }

    fn verifies_quantum(&self, text: &str, at: u64, signature: &[u8]) -> Option<()> {
        let key = ml_dsa::EncodedVerifyingKey::<MlDsa44>::try_from(self.key.as_slice()).ok()?;
        let key = ml_dsa::VerifyingKey::<MlDsa44>::decode(&key);
        let signature = ml_dsa::Signature::<MlDsa44>::try_from(signature).ok()?;
        let message = subtree(&self.name, text, at)?;
        key.verify_with_context(&message, &[], &signature).then_some(())
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![self.purpose.byte()];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), BASE64.encode(key))
    }
}

/// A key that signs.
pub struct Signer {
    secret: Secret,
    verifier: Verifier,
    /// Another key that signs whatever this one does.
    beside: Option<Box<Signer>>,
}

enum Secret {
    Ed25519(Box<SigningKey>),
    MlDsa44(Box<ExpandedSigningKey<MlDsa44>>),
}

impl Signer {
    /// The key of these secret bytes, under a name.
    ///
    /// # Errors
    /// When the name cannot be used.
    pub fn new(name: &str, purpose: Use, secret: &[u8; KEY_BYTES]) -> Result<Signer, KeyError> {
        let (secret, public) = match purpose {
            Use::Log | Use::Cosigner => {
                let key = SigningKey::from_bytes(secret);
                let public = key.verifying_key().as_bytes().to_vec();
                (Secret::Ed25519(Box::new(key)), public)
            }
            Use::QuantumCosigner => {
                let key = ExpandedSigningKey::<MlDsa44>::from_seed(&(*secret).into());
                let public = key.verifying_key().encode().to_vec();
                (Secret::MlDsa44(Box::new(key)), public)
            }
        };
        let verifier = Verifier::new(name, purpose, &public)?;
        Ok(Signer { secret, verifier, beside: None })
    }

    /// The key of a log, with one of ML-DSA-44 beside it that comes of the same secret: both sign whatever one does.
    ///
    /// # Errors
    /// When the name cannot be used.
    pub fn with_quantum(name: &str, secret: &[u8; KEY_BYTES]) -> Result<Signer, KeyError> {
        let seed: [u8; KEY_BYTES] =
            Sha256::new().chain_update(BESIDE).chain_update(secret).finalize().into();
        let beside = Signer::new(name, Use::QuantumCosigner, &seed)?;
        let signer = Signer::new(name, Use::Log, secret)?;
        Ok(Signer { beside: Some(Box::new(beside)), ..signer })
    }

    /// Its public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The key that signs beside it.
    pub fn beside(&self) -> Option<&Signer> {
        self.beside.as_deref()
    }

    /// The signature over a text as a line has it behind the key's id; a cosigner signs at a time, in seconds since 1970. None
    /// where the text is no checkpoint, and the key signs nothing else.
    pub(crate) fn sign(&self, text: &str, at: u64) -> Option<Vec<u8>> {
        let time = at.to_be_bytes();
        Some(match (&self.secret, self.verifier.purpose) {
            (Secret::Ed25519(key), Use::Cosigner) => {
                let signature = key.sign(cosigned(text, at).as_bytes()).to_bytes();
                [&time[..], &signature].concat()
            }
            (Secret::Ed25519(key), _) => key.sign(text.as_bytes()).to_bytes().to_vec(),
            (Secret::MlDsa44(key), _) => {
                let message = subtree(&self.verifier.name, text, at)?;
                let signature = key.sign_deterministic(&message, &[]).ok()?;
                [&time[..], &signature.encode()].concat()
            }
        })
    }
}

/// What an ML-DSA-44 cosigner signs of a checkpoint; none where the text is none.
fn subtree(cosigner: &str, text: &str, at: u64) -> Option<Vec<u8>> {
    let Checkpoint { origin, size, root } = Checkpoint::of_text(text).ok()?;
    let mut message = SUBTREE_LABEL.to_vec();
    message.push(u8::try_from(cosigner.len()).ok()?);
    message.extend_from_slice(cosigner.as_bytes());
    message.extend_from_slice(&at.to_be_bytes());
    message.push(u8::try_from(origin.len()).ok()?);
    message.extend_from_slice(origin.as_bytes());
    message.extend_from_slice(&0_u64.to_be_bytes());
    message.extend_from_slice(&size.to_be_bytes());
    message.extend_from_slice(&root.0);
    Some(message)
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
        for purpose in [Use::Log, Use::Cosigner, Use::QuantumCosigner] {
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
    #[test]
    fn two_keys_of_one_secret_sign_a_checkpoint_and_no_bit_of_it_may_differ() {
        let signer = Signer::with_quantum("tides.example/log", &[7; 32]).unwrap();
        let beside = signer.beside().unwrap().verifier();
        assert_eq!((beside.name(), beside.purpose()), ("tides.example/log", Use::QuantumCosigner));
        let root = codex_ledger_entry::TreeHash([9; 32]);
        let checkpoint = Checkpoint { origin: "tides.example/log".into(), size: 3, root };
        let mut note = checkpoint.note().unwrap();
        note.sign(&signer, 0);
        assert_eq!(note.signatures.len(), 2);
        assert_eq!(note.signatures[1].bytes.len(), 8 + 2420);
        let text = note.to_string();
        let read = crate::Note::parse(&text).unwrap();
        assert_eq!(read.signed_by(signer.verifier()), Ok(None));
        assert_eq!(read.signed_by(beside), Ok(Some(0)));
        assert_eq!(Verifier::parse(&beside.to_string()).as_ref(), Ok(beside));
        for (turn, at) in (0..text.len()).step_by(13).enumerate() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << (turn % 7);
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let Ok(note) = crate::Note::parse(&changed) else { continue };
            let both = [signer.verifier(), beside];
            assert!(!both.iter().all(|key| note.signed_by(key).is_ok()), "byte {at}");
        }
        // The first lines of a checkpoint are all that it signs, and it signs nothing else.
        assert_eq!(signer.beside().unwrap().sign("no checkpoint\n", 0), None);
    }
}

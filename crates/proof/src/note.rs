//! Signed notes: a text, and lines by which keys vouch for it.

use crate::key::{Signer, Verifier};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;

/// A note is no longer; room for a checkpoint with a hundred signatures of the longest kind.
const NOTE_MAX_BYTES: usize = 1 << 20;
const SIGNATURES_MAX: usize = 128;
const DASH: &str = "\u{2014} ";

/// A signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: String,
    /// Id of the key: four bytes that tell keys of one name apart.
    pub id: [u8; 4],
    /// What the key made.
    pub bytes: Vec<u8>,
}

/// A text with signatures. What the text says means nothing until [`Note::signed_by`] was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, which ends with a line feed.
    pub text: String,
    /// Its signatures.
    pub signatures: Vec<Signature>,
}

/// Why a text is no signed note, or none to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// No text, an empty line and signature lines.
    #[error("not a signed note")]
    Form,
    /// No line is of this key.
    #[error("not signed by {0}")]
    NotSigned(String),
    /// A line claims to be of this key and is not.
    #[error("the signature of {0} is wrong")]
    Wrong(String),
}

impl Note {
    /// A text without signatures yet.
    ///
    /// # Errors
    /// When it does not end with a line feed or holds other control characters.
    pub fn new(text: String) -> Result<Note, NoteError> {
        let is_control = |c: char| c.is_ascii_control() && c != '\n';
        if !text.ends_with('\n') || text.contains(is_control) {
            return Err(NoteError::Form);
        }
        Ok(Note { text, signatures: Vec::new() })
    }

    /// Reads a note with at least one signature.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Note, NoteError> {
        let at = text.rfind("\n\n").filter(|_| text.len() <= NOTE_MAX_BYTES);
        let (text, lines) =
            at.and_then(|at| text.split_at_checked(at + 1)).ok_or(NoteError::Form)?;
        let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let mut note = Note::new(text.to_string())?;
        for line in lines.ok_or(NoteError::Form)?.split('\n') {
            note.signatures.push(signature(line).ok_or(NoteError::Form)?);
        }
        if note.signatures.len() > SIGNATURES_MAX { Err(NoteError::Form) } else { Ok(note) }
    }

    /// Adds the signature of a key, and of the one beside it; a cosigner says when, in seconds since 1970.
    pub fn sign(&mut self, signer: &Signer, at: u64) {
        for signer in std::iter::once(signer).chain(signer.beside()) {
            let verifier = signer.verifier();
            let (name, id) = (verifier.name().to_string(), verifier.id());
            let line = signer.sign(&self.text, at).map(|bytes| Signature { name, id, bytes });
            self.signatures.extend(line);
        }
    }

    /// That this key has signed the text; for a cosigner, the last time at which it did, in seconds since 1970.
    ///
    /// # Errors
    /// When no line is of the key, or one claims to be and is not.
    pub fn signed_by(&self, verifier: &Verifier) -> Result<Option<u64>, NoteError> {
        let is_of = |line: &&Signature| line.name == verifier.name() && line.id == verifier.id();
        let mut found: Result<Option<u64>, NoteError> =
            Err(NoteError::NotSigned(verifier.name().to_string()));
        for line in self.signatures.iter().filter(is_of) {
            let at = verifier.verifies(&self.text, &line.bytes);
            let at = at.ok_or_else(|| NoteError::Wrong(verifier.name().to_string()))?;
            found = Ok(found.unwrap_or_default().max(at));
        }
        found
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            let bytes = [&line.id[..], &line.bytes].concat();
            writeln!(f, "{DASH}{} {}", line.name, BASE64.encode(bytes))?;
        }
        Ok(())
    }
}

fn signature(line: &str) -> Option<Signature> {
    let (name, bytes) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = BASE64.decode(bytes).ok()?;
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    let is_sound = crate::key::is_key_name(name) && !bytes.is_empty();
    is_sound.then(|| Signature { name: name.to_string(), id: *id, bytes: bytes.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Use;

    /// The vector that implementations of notes share.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_common_vector_verifies_and_no_bit_of_it_may_differ() {
        let key = Verifier::parse(KEY).unwrap();
        let note = Note::parse(NOTE).unwrap();
        assert_eq!(note.signed_by(&key), Ok(None));
        assert_eq!(note.to_string(), NOTE);
        for at in 0..NOTE.len() {
            for bit in 0..8 {
                let mut bytes = NOTE.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let is_signed = Note::parse(&text).is_ok_and(|note| note.signed_by(&key).is_ok());
                assert!(!is_signed, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn what_is_signed_is_known_by_the_key_and_the_use() {
        let log = Signer::new("tides.example", Use::Log, &[1; 32]).unwrap();
        let witness = Signer::new("tides.example", Use::Cosigner, &[1; 32]).unwrap();
        let other = Signer::new("tides.example", Use::Log, &[2; 32]).unwrap();
        let mut note = Note::new("high water\n".into()).unwrap();
        note.sign(&log, 0);
        assert!(matches!(note.signed_by(witness.verifier()), Err(NoteError::NotSigned(_))));
        note.sign(&witness, 1_700_000_000);
        note.sign(&witness, 1_700_000_005);
        let note = Note::parse(&note.to_string()).unwrap();
        assert_eq!(note.signed_by(log.verifier()), Ok(None));
        assert_eq!(note.signed_by(witness.verifier()), Ok(Some(1_700_000_005)));
        assert!(matches!(note.signed_by(other.verifier()), Err(NoteError::NotSigned(_))));
        let mut forged = note.clone();
        forged.signatures[1].bytes[0] ^= 1;
        assert!(matches!(forged.signed_by(witness.verifier()), Err(NoteError::Wrong(_))));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let line = "\u{2014} a AAAAAAA=\n";
        for wrong in [
            String::new(),
            "\n".into(),
            "a\n".into(),
            "a\n\n".into(),
            format!("a\n{line}"),
            format!("a\n\n{}", line.trim_end()),
            format!("a\r\n\n{line}"),
            format!("a\n\n{line}\n"),
            "a\n\n\u{2014} a+b AAAAAAA=\n".into(),
            "a\n\n\u{2014} a AAAA\n".into(),
            "a\n\n- a AAAAAAA=\n".into(),
            format!("a\n\n{}", line.repeat(SIGNATURES_MAX + 1)),
        ] {
            assert_eq!(Note::parse(&wrong), Err(NoteError::Form), "{wrong:?}");
        }
        assert!(
            Note::parse(&format!("a\n\nb\n\n{line}")).is_ok_and(|note| note.text == "a\n\nb\n")
        );
    }
}

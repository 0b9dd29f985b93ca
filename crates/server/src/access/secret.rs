//! Secrets that nobody can guess, and what is kept of them.

use std::io;

const CONTEXT: &str = "codex-ledger v1 web secret";

/// 32 random bytes, written in hex: a link that opens the pages, a session, a token.
#[derive(Clone)]
pub(crate) struct Secret(String);

/// What is kept of a secret: it tells whether somebody has it, and cannot be used instead.
pub(crate) type SecretHash = [u8; 32];

impl Secret {
    pub(crate) fn new() -> io::Result<Secret> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Secret(blake3::Hash::from_bytes(bytes).to_hex().to_string()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> SecretHash {
        hash_of(&self.0)
    }
}

/// What would be kept of that text if it were one. Two that are compared are hashes: how long that takes tells nothing.
pub(crate) fn hash_of(text: &str) -> SecretHash {
    blake3::derive_key(CONTEXT, text.as_bytes())
}

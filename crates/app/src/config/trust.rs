//! Configuration files that a person has said may be obeyed, wherever they lie.
//!
//! A file is known by its path and by what it says, so that neither another file nor another text of the same one
//! is obeyed by oversight.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is trusted: the digest of a text, by absolute path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// Digests in hex, by path.
    pub files: BTreeMap<String, String>,
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody has trusted it.
    None,
    /// It was trusted, and says something else now.
    Changed,
    /// It says what it said when it was trusted.
    Whole,
}

impl Trusted {
    /// Reads what [`Trusted::text`] wrote.
    ///
    /// # Errors
    /// When the text is something else; the reason is for people.
    pub fn parse(text: &str) -> Result<Trusted, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The text that is kept.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// How a file with these bytes stands.
    pub fn of(&self, path: &str, bytes: &[u8]) -> Trust {
        match self.files.get(path) {
            None => Trust::None,
            Some(known) if *known == digest(bytes) => Trust::Whole,
            Some(_) => Trust::Changed,
        }
    }

    /// Trusts a file with these bytes; returns their digest.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.files.insert(path.to_string(), digest.clone());
        digest
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 trusted configuration");
    hasher.update(bytes).finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_or_place_is_not_trusted() {
        let mut trusted = Trusted::default();
        assert_eq!(trusted.of("/p", b"a"), Trust::None);
        trusted.add("/p", b"a");
        let trusted = Trusted::parse(&trusted.text()).unwrap();
        assert_eq!(trusted.of("/p", b"a"), Trust::Whole);
        assert_eq!(trusted.of("/p", b"b"), Trust::Changed);
        assert_eq!(trusted.of("/q", b"a"), Trust::None);
        assert!(Trusted::parse("{}").is_err() && Trusted::parse("").is_err());
    }
}

//! Tokens: who else may come in, in a file of its owner's alone. Only hashes of them are kept.

use super::role::Role;
use super::secret::{Secret, hash_of};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// In front of a token, so that one that lies about somewhere is known for what it is.
const PREFIX: &str = "codex-ledger-";
const VERSION: u32 = 1;
/// A token is for no more days.
pub const DAYS_MAX: u64 = 3660;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// One token, without what only its owner has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Names it in lists.
    pub id: String,
    /// Who has it: the actor of what is done with it.
    pub actor: String,
    /// What that one is here.
    pub role: Role,
    /// Hash, hex.
    hash: String,
    /// When it was made, UTC milliseconds.
    pub made_at_ms: u64,
    /// From when on it is of no use, UTC milliseconds.
    pub ends_at_ms: u64,
    /// When it was taken back, UTC milliseconds.
    pub revoked_at_ms: Option<u64>,
}

impl Token {
    /// Refuses to make a token under which somebody would act as one of `own`, or as nobody.
    ///
    /// # Errors
    /// When it is wrong in one of these ways.
    pub fn check(name: &str, role: Role, days: u64, own: &[&str]) -> Result<(), TokenError> {
        if name.trim().is_empty() || name.contains(char::is_control) {
            return Err(TokenError::Nameless);
        }
        if own.contains(&name) && role != Role::Admin {
            return Err(TokenError::Own(name.to_string()));
        }
        if days == 0 || days > DAYS_MAX { Err(TokenError::Days) } else { Ok(()) }
    }

    /// Whether it lets in.
    pub fn is_valid(&self, now_ms: u64) -> bool {
        self.revoked_at_ms.is_none() && now_ms < self.ends_at_ms
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    tokens: Vec<Token>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The operating system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is none of ours.
    #[error("{}: no file of tokens: {detail}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// Others may read or write it.
    #[error("{}: others can read or write it", .0.display())]
    Exposed(PathBuf),
    /// It has no name that can be told.
    #[error("a token needs the name of who gets it")]
    Nameless,
    /// It has the name of somebody who is here, and is no second way in for an admin.
    #[error("`{0}` is you: what somebody else does would stand under your name")]
    Own(String),
    /// It is for no days, or for too many.
    #[error("a token is for 1 to {DAYS_MAX} days")]
    Days,
    /// There is none of that id.
    #[error("there is no token `{0}` that is in use")]
    Unknown(String),
}

/// The file.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    /// The file at that place, which need not be there yet.
    pub fn at(path: PathBuf) -> TokenFile {
        TokenFile(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// All tokens that there ever were, the oldest first.
    ///
    /// # Errors
    /// When the file is there and cannot be used.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        Ok(self.read()?.tokens)
    }

    /// Makes a token; returns it and the text that lets in, which is kept nowhere.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn create(
        &self,
        actor: &str,
        role: Role,
        days: u64,
        now_ms: u64,
    ) -> Result<(Token, String), TokenError> {
        let secret = Secret::new().map_err(|error| self.failed(error))?;
        let text = format!("{PREFIX}{}", secret.text());
        let _lock = self.lock()?;
        let mut kept = self.read()?;
        let hash = blake3::Hash::from_bytes(hash_of(&text)).to_hex().to_string();
        let token = Token {
            id: hash.get(..8).unwrap_or_default().to_string(),
            actor: actor.to_string(),
            role,
            hash,
            made_at_ms: now_ms,
            ends_at_ms: now_ms.saturating_add(days.saturating_mul(DAY_MS)),
            revoked_at_ms: None,
        };
        kept.tokens.push(token.clone());
        self.write(&kept)?;
        Ok((token, text))
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// When there is none, or the file cannot be used.
    pub fn revoke(&self, id: &str, now_ms: u64) -> Result<Token, TokenError> {
        let _lock = self.lock()?;
        let mut kept = self.read()?;
        let unknown = || TokenError::Unknown(id.to_string());
        let in_use = |token: &&mut Token| token.id == id && token.revoked_at_ms.is_none();
        let token = kept.tokens.iter_mut().find(in_use).ok_or_else(unknown)?;
        token.revoked_at_ms = Some(now_ms);
        let token = token.clone();
        self.write(&kept)?;
        Ok(token)
    }

    /// Whose token that is, where it lets in. A file that cannot be used lets nobody in.
    pub(crate) fn find(&self, text: &str, now_ms: u64) -> Option<Token> {
        let hash = blake3::Hash::from_bytes(hash_of(text));
        let is_it = |token: &Token| {
            blake3::Hash::from_hex(&token.hash).is_ok_and(|known| known == hash)
                && token.is_valid(now_ms)
        };
        self.list().ok()?.into_iter().find(is_it)
    }

    /// Whether a token still lets in.
    pub(crate) fn is_valid(&self, id: &str, now_ms: u64) -> bool {
        let tokens = self.list().unwrap_or_default();
        tokens.iter().any(|token| token.id == id && token.is_valid(now_ms))
    }

    fn read(&self) -> Result<Kept, TokenError> {
        let bytes = match fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Kept { version: VERSION, tokens: Vec::new() });
            }
            Err(error) => return Err(self.failed(error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&self.0).map_err(|error| self.failed(error))?.permissions();
            if mode.mode() & 0o077 != 0 {
                return Err(TokenError::Exposed(self.0.clone()));
            }
        }
        let form = |detail: String| TokenError::Form { path: self.0.clone(), detail };
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| form(error.to_string()))?;
        match kept.version {
            VERSION => Ok(kept),
            version => Err(form(format!("its version {version} is not known"))),
        }
    }

    fn write(&self, kept: &Kept) -> Result<(), TokenError> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let write = || -> io::Result<()> {
            // Made for its owner alone.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, kept)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.0)?;
            Ok(())
        };
        write().map_err(|error| self.failed(error))
    }

    /// One writer at a time.
    fn lock(&self) -> Result<File, TokenError> {
        let lock = || -> io::Result<File> {
            fs::create_dir_all(self.0.parent().unwrap_or(Path::new(".")))?;
            let file = File::create(self.0.with_extension("lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> TokenError {
        TokenError::Io { path: self.0.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn a_token_lets_in_until_it_ends_or_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::at(folder.path().join("web/tokens.json"));
        assert_eq!(file.list().unwrap(), []);
        let (token, text) = file.create("ada", Role::Reviewer, 2, NOW).unwrap();
        let (other, other_text) = file.create("bea", Role::Viewer, 30, NOW).unwrap();
        let found = file.find(&text, NOW + 2 * DAY_MS - 1).unwrap();
        assert_eq!((found.actor.as_str(), found.role), ("ada", Role::Reviewer));
        assert_eq!(file.find(&text, NOW + 2 * DAY_MS), None);
        assert_eq!(file.find(&text[..text.len() - 1], NOW), None);
        assert_eq!(file.find(&token.hash, NOW), None, "what is kept lets nobody in");
        file.revoke(&other.id, NOW + 5).unwrap();
        assert_eq!(file.find(&other_text, NOW + 6), None);
        assert!(matches!(file.revoke(&other.id, NOW), Err(TokenError::Unknown(_))));
        let kept = fs::read_to_string(file.path()).unwrap();
        assert!(!kept.contains(&text) && !kept.contains(&other_text));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_or_that_is_damaged_lets_nobody_in() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::at(folder.path().join("tokens.json"));
        let (_, text) = file.create("ada", Role::Admin, 2, NOW).unwrap();
        assert!(file.find(&text, NOW).is_some());
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.list(), Err(TokenError::Exposed(_))));
        assert_eq!(file.find(&text, NOW), None);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(file.path(), "{").unwrap();
        assert!(matches!(file.list(), Err(TokenError::Form { .. })));
        assert_eq!(file.find(&text, NOW), None);
    }
}

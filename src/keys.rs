//! The key that signs checkpoints: a file of its owner's alone, outside the ledger's folder.

use crate::door::{Door, Result, say};
use crate::error::DoorError;
use crate::text::safe_path;
use codex_ledger_app::{App, Signer, Use, Verifier, hex, parse_hex};
use directories::ProjectDirs;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What the file begins with; the secret follows in hex.
const HEADING: &str = "codex-ledger secret key 1\n";

/// A key that signs.
pub struct Key {
    pub signer: Signer,
    /// Where it lies, if it was made just now.
    pub made: Option<PathBuf>,
}

impl Key {
    /// Notes beside this user's keys what was signed last: whoever puts the ledger's folder back, or cuts it and its own
    /// checkpoint, does not reach that.
    pub fn note(&self, app: &App) -> Result<()> {
        let path = signed_path(app, self.signer.verifier())?;
        let failed = |error: std::io::Error| DoorError::new(format!("{}: {error}", path.display()));
        let note = fs::read(app.checkpoint_path()).map_err(failed)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        Ok(app.write_durably(&path, &note)?)
    }
}

/// Where the last checkpoint lies that a key of this user has signed of that ledger.
pub fn signed_path(app: &App, key: &Verifier) -> Result<PathBuf> {
    Ok(own_path(&app.log_name()?)?.with_extension(format!("{}.signed", hex(&key.id()))))
}

/// The key of a ledger; one that is made is told of.
pub fn signer(door: &Door, app: &App, given: Option<&Path>) -> Result<Key> {
    let key = key(app, given)?;
    if let Some(path) = key.made.as_ref().filter(|_| !door.global.quiet && !door.global.json) {
        say(format!("codex-ledger: {}", made_words(path)));
    }
    Ok(key)
}

/// What is said of a key that was made.
pub fn made_words(path: &Path) -> String {
    format!("made a key, {}; whoever has it can sign in your name", safe_path(path))
}

/// The key of a ledger; made where there is none yet and no other was named.
pub fn key(app: &App, given: Option<&Path>) -> Result<Key> {
    let name = app.log_name()?;
    let path = match given {
        Some(path) => path.to_path_buf(),
        None => own_path(&name)?,
    };
    let mut made = None;
    let secret = match read(&path)? {
        Some(secret) => secret,
        None if given.is_some() => {
            return Err(DoorError::new(format!("{}: there is no key", path.display()))
                .hint("without --key a key is made and kept where only you can read it"));
        }
        None => {
            let secret = app.new_secret()?;
            make(&path, &secret)?;
            made = Some(path);
            secret
        }
    };
    let signer = match app.checkpoint_config().post_quantum {
        true => Signer::with_quantum(&name, &secret)
            .map_err(|error| DoorError::new(error.to_string()))?,
        false => signer_of(&name, Use::Log, &secret)?,
    };
    Ok(Key { signer, made })
}

/// The key that will follow the one in use: made once, so that a rotation that was interrupted goes on with the same.
pub fn next(app: &App) -> Result<Signer> {
    let path = next_path(app)?;
    let secret = match read(&path)? {
        Some(secret) => secret,
        None => {
            let secret = app.new_secret()?;
            make(&path, &secret)?;
            secret
        }
    };
    signer_of(&app.log_name()?, Use::Log, &secret)
}

/// Puts the next key in the place of the one in use, which is gone then.
pub fn take_next(app: &App) -> Result<()> {
    let (next, own) = (next_path(app)?, own_path(&app.log_name()?)?);
    let failed = |error: std::io::Error| DoorError::new(format!("{}: {error}", own.display()));
    fs::rename(&next, &own).map_err(failed)?;
    let folder = own.parent().unwrap_or(&own);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn next_path(app: &App) -> Result<PathBuf> {
    Ok(own_path(&app.log_name()?)?.with_extension("key.next"))
}

/// The key by which this ledger cosigns what others have signed; made where there is none yet.
pub fn witness(app: &App) -> Result<Signer> {
    let name = app.log_name()?;
    let path = own_path(&name)?.with_extension("witness");
    let secret = match read(&path)? {
        Some(secret) => secret,
        None => {
            let secret = app.new_secret()?;
            make(&path, &secret)?;
            secret
        }
    };
    signer_of(&format!("{name}/witness"), Use::Cosigner, &secret)
}

/// The public half of that key, where there is one; nothing is made.
pub fn known_witness(app: &App) -> Result<Option<Verifier>> {
    let name = app.log_name()?;
    let Some(secret) = read(&own_path(&name)?.with_extension("witness"))? else { return Ok(None) };
    let signer = signer_of(&format!("{name}/witness"), Use::Cosigner, &secret)?;
    Ok(Some(signer.verifier().clone()))
}

fn signer_of(name: &str, purpose: Use, secret: &[u8; 32]) -> Result<Signer> {
    Signer::new(name, purpose, secret).map_err(|error| DoorError::new(error.to_string()))
}

/// The key of a ledger, to check its signatures, where there is one; nothing is made.
pub fn verifier(app: &App, given: Option<&Path>) -> Result<Option<Verifier>> {
    let name = app.log_name()?;
    let path = match given {
        Some(path) => path.to_path_buf(),
        None => own_path(&name)?,
    };
    let Some(secret) = read(&path)? else { return Ok(None) };
    Ok(Some(signer_of(&name, Use::Log, &secret)?.verifier().clone()))
}

/// Where the key of that log lies: never in the ledger's folder, so that no copy of it holds the key.
pub fn own_path(log: &str) -> Result<PathBuf> {
    let project = ProjectDirs::from("", "", "codex-ledger");
    let project = project.ok_or_else(|| {
        DoorError::new("this system names no folder for the key")
            .hint("name a file: --key FILE, or CODEX_LEDGER_KEY")
    })?;
    let name = log.replace('/', "-");
    Ok(project.config_dir().join("keys").join(format!("{name}.key")))
}

/// The secret in a file; none where there is no file.
fn read(path: &Path) -> Result<Option<[u8; 32]>> {
    let failed =
        |error: &dyn std::fmt::Display| DoorError::new(format!("{}: {error}", path.display()));
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    check_private(path)?;
    let secret = text.strip_prefix(HEADING).and_then(|rest| parse_hex(rest.trim_end()).ok());
    secret.map(Some).ok_or_else(|| failed(&"not a key of this program"))
}

/// A key that others can read is nobody's.
#[cfg(unix)]
fn check_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().map_or(0, |meta| meta.permissions().mode());
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("{}: others can read this key (mode {:o})", path.display(), mode & 0o777);
    Err(DoorError::new(message)
        .hint("chmod 600 it if nobody has read it; else move it away, and a new one is made"))
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<()> {
    Ok(())
}

/// Writes a new key under a name that nothing has yet.
fn make(path: &Path, secret: &[u8; 32]) -> Result<()> {
    let failed = |error: std::io::Error| DoorError::new(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(format!("{HEADING}{}\n", hex(secret)).as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)
}

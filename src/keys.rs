//! The key that signs checkpoints: a file of its owner's alone, outside the ledger's folder.

use crate::door::{Door, Result, say};
use crate::error::DoorError;
use crate::text::safe_path;
use codex_ledger_app::{
    App, AppError, Checkpoint, KeyEvent, Note, Noted, Signer, Use, Verifier, hex, parse_hex,
    read_note,
};
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
    /// Notes beside this user's keys what is signed: whoever puts the ledger's folder back, or cuts it and its own checkpoint,
    /// does not reach that.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be signed.
    pub fn note(&self, app: &App, note: &Note) -> std::result::Result<Noted, AppError> {
        let path = signed_path(app, self.signer.verifier())?;
        let text = note.to_string();
        let failed = |error: std::io::Error| {
            let message = format!(
                "what is signed cannot be noted beside the key: {}: {error}",
                path.display()
            );
            AppError::new(codex_ledger_app::ErrorKind::Io, message)
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let noted = Noted::wait(&path.with_extension("lock")).map_err(failed)?;
        // Another command may have signed more meanwhile.
        let size = |text: &str| Checkpoint::parse(text).map(|(of, _)| of.size).ok();
        let known = read_note(&path).ok().flatten();
        if known.is_none_or(|known| known != text && size(&known) <= size(&text)) {
            app.write_durably(&path, text.as_bytes())?;
        }
        Ok(noted)
    }
}

/// Where the last checkpoint lies that a key of this user has signed of that ledger.
pub fn signed_path(app: &App, key: &Verifier) -> std::result::Result<PathBuf, AppError> {
    let own = own_path(&app.log_name()?)
        .map_err(|error| AppError::new(codex_ledger_app::ErrorKind::Io, error.message))?;
    Ok(own.with_extension(format!("{}.signed", hex(&key.id()))))
}

/// All checkpoints that keys of this user have signed of that ledger last, whether the keys are still there or not.
pub fn all_signed(app: &App) -> Vec<PathBuf> {
    let Some(own) = app.log_name().ok().and_then(|name| own_path(&name).ok()) else {
        return Vec::new();
    };
    let (Some(folder), Some(stem)) = (own.parent(), own.file_stem()) else { return Vec::new() };
    let begins = format!("{}.", stem.to_string_lossy());
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&begins) && name.ends_with(".signed")
    };
    let mut found: Vec<PathBuf> = found.filter(is_one).collect();
    found.sort();
    found
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
    if given.is_none() {
        finish_rotation(app)?;
    }
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
    let secret = kept_or_made(app, &path)?;
    signer_of(&app.log_name()?, Use::Log, &secret)
}

/// Puts the next key in the place of the one in use, which is gone then. Somebody else may have done so already.
pub fn take_next(app: &App) -> Result<()> {
    let (next, own) = (next_path(app)?, own_path(&app.log_name()?)?);
    let failed = |error: std::io::Error| DoorError::new(format!("{}: {error}", own.display()));
    match fs::rename(&next, &own) {
        Err(error) if error.kind() == ErrorKind::NotFound && own.exists() => return Ok(()),
        done => done.map_err(failed)?,
    }
    let folder = own.parent().unwrap_or(&own);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Finishes a rotation that was interrupted behind its entry, which is given: the key that the log names is the one that signs.
pub fn finish_rotation(app: &App) -> Result<Option<KeyEvent>> {
    let path = next_path(app)?;
    if !path.exists() {
        return Ok(None);
    }
    let secret = read(&path).map_err(|error| {
        error.hint("a key that was to follow the one in use; move it away, and `codex-ledger audit key rotate` makes another")
    })?;
    let Some(secret) = secret else { return Ok(None) };
    let next = signer_of(&app.log_name()?, Use::Log, &secret)?.verifier().to_string();
    let named = app.key_events()?.into_iter().find(|event| event.next.as_ref() == Some(&next));
    if named.is_some() {
        take_next(app)?;
    }
    Ok(named)
}

/// The secret that is kept there; made where there is none yet.
fn kept_or_made(app: &App, path: &Path) -> Result<[u8; 32]> {
    if let Some(secret) = read(path)? {
        return Ok(secret);
    }
    let secret = app.new_secret()?;
    make(path, &secret)?;
    Ok(secret)
}

fn next_path(app: &App) -> Result<PathBuf> {
    Ok(own_path(&app.log_name()?)?.with_extension("key.next"))
}

/// The key by which this ledger cosigns what others have signed; made where there is none yet.
pub fn witness(app: &App) -> Result<Signer> {
    let name = app.log_name()?;
    let path = own_path(&name)?.with_extension("witness");
    let secret = kept_or_made(app, &path)?;
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

/// The ML-DSA-44 key beside the one in use, to check its signatures, where the configuration wants one.
pub fn beside(app: &App) -> Option<Verifier> {
    if !app.checkpoint_config().post_quantum {
        return None;
    }
    let name = app.log_name().ok()?;
    let secret = read(&own_path(&name).ok()?).ok()??;
    let signer = Signer::with_quantum(&name, &secret).ok()?;
    signer.beside().map(|beside| beside.verifier().clone())
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
    let text = match read_note(path) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(error) => return Err(error.into()),
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

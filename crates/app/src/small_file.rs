//! Files that are read as a whole: none is endless, and none that merely lies somewhere is waited for.

use crate::error::{AppError, ErrorKind, Result};
use std::fs::File;
use std::io::{ErrorKind as IoErrorKind, Read};
use std::path::Path;

/// A checkpoint, a proof, certificates, a time stamp: none is longer.
pub const EVIDENCE_MAX_BYTES: u64 = 4 << 20;
/// Settings, rules, prices, texts to be hidden: none is longer.
pub const NAMED_MAX_BYTES: u64 = 64 << 20;

fn failed(path: &Path, error: impl std::fmt::Display) -> AppError {
    AppError::new(ErrorKind::Io, format!("{}: {error}", path.display()))
}

/// The bytes of a file that somebody has named; a pipe is read, too.
///
/// # Errors
/// When it cannot be read, or is longer than `max` bytes.
pub fn read_named(path: &Path, max: u64) -> Result<Vec<u8>> {
    read(File::open(path).map_err(|error| failed(path, error))?, path, max)
}

/// The bytes of a file that may be there, and may be anybody's: no pipe is waited for. None where there is nothing.
///
/// # Errors
/// When it is no file, cannot be read, or is longer than `max` bytes.
pub fn read_found(path: &Path, max: u64) -> Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(failed(path, "it is no file")),
        Ok(_) => read_named(path, max).map(Some),
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, error)),
    }
}

/// The same of one that has to be there.
///
/// # Errors
/// When it is not, is no file, cannot be read, or is longer than `max` bytes.
pub fn read_file(path: &Path, max: u64) -> Result<Vec<u8>> {
    let found = read_found(path, max)?;
    found.ok_or_else(|| failed(path, "there is no such file"))
}

/// What can be read of it.
///
/// # Errors
/// When it cannot be read, or is longer than `max` bytes.
pub fn read(from: impl Read, path: &Path, max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(max + 1).read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
    match bytes.len() as u64 > max {
        true => Err(failed(path, format!("it is longer than {} MB", max >> 20))),
        false => Ok(bytes),
    }
}

/// Bytes as text.
///
/// # Errors
/// When they are none.
pub fn text(bytes: Vec<u8>, path: &Path) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| failed(path, "the file is not UTF-8"))
}

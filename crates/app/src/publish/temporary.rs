//! Files that get their name only when they are whole and durable; until then the old ones stay.
//!
//! A file is written under a name of its own in the folder where it will be, and locked meanwhile. What a killed
//! program left is known by that name and by the lock that nobody holds, and goes when somebody writes there again.

use super::error::{PublishError, Result};
use super::stage::refuse_to_replace;
use codex_ledger_ledger::World;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub(super) const PREFIX: &str = ".codex-ledger-";
pub(super) const SUFFIX: &str = ".tmp";
/// Letters between the two, as the maker of temporary names gives them.
pub(super) const RANDOM_CHARS: usize = 6;
/// Tries to get a name that nobody cleans away meanwhile.
const TRIES: usize = 16;

/// What this process has under temporary names now.
static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Makes something under a temporary name and notes that. Who discards waits meanwhile: else something could be
/// made after that.
pub(super) fn noted<T>(
    make: impl FnOnce() -> io::Result<(T, PathBuf)>,
) -> io::Result<(T, PathBuf)> {
    let mut open = OPEN.lock().map_err(|_| io::Error::other("a thread died"))?;
    let (made, path) = make()?;
    open.insert(path.clone());
    Ok((made, path))
}

/// Notes that a temporary name is no longer in use.
pub(super) fn forget(path: &Path) {
    if let Ok(mut open) = OPEN.lock() {
        open.remove(path);
    }
}

/// Removes everything that this process has under temporary names: for when it is told to stop.
pub fn discard_temporaries() {
    let Ok(open) = OPEN.lock() else { return };
    for path in open.iter() {
        // A folder may still be written to: what comes late is in nobody's way, as after a kill.
        let is_gone = |_: &u32| match path.is_dir() {
            true => fs::remove_dir_all(path).is_ok(),
            false => fs::remove_file(path).is_ok(),
        };
        (0..3).find(is_gone);
    }
}

/// Who may read what is written. A file that is replaced keeps its own permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its owner.
    Private,
    /// These permission bits; `None` leaves it to the mask of the process, as for any file that a person makes.
    Shared(Option<u32>),
}

/// A file under a temporary name; removed unless it was given its own.
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
    target: PathBuf,
    world: World,
    is_done: bool,
}

impl Temporary {
    /// Begins a file that will be `target`. A link stays; the file that it leads to is replaced.
    pub fn create(world: &World, target: &Path, access: Access) -> Result<Temporary> {
        let wrong = |e: io::Error| PublishError::io(target.display())(e);
        let found = fs::metadata(target).ok();
        let target = match found.is_some() {
            true => target.canonicalize().map_err(wrong)?,
            false => target.to_path_buf(),
        };
        let (file, path) = noted(|| make(folder_of(&target), access)).map_err(wrong)?;
        let temporary = Temporary { file, path, target, world: world.clone(), is_done: false };
        set_access(&temporary.file, access, found.as_ref()).map_err(wrong)?;
        Ok(temporary)
    }

    /// Gives the file its name, durably but for the folder's own sync.
    pub fn name(mut self) -> Result<()> {
        let wrong = |e: io::Error| PublishError::io(self.target.display())(e);
        let disk = &self.world.disk;
        disk.sync_file(&self.file, &self.path).map_err(wrong)?;
        disk.rename(&self.path, &self.target).map_err(wrong)?;
        self.is_done = true;
        forget(&self.path);
        Ok(())
    }

    /// Makes the name durable, too.
    pub fn name_durably(self) -> Result<()> {
        let (world, target) = (self.world.clone(), self.target.clone());
        self.name()?;
        sync_folder(&world, folder_of(&target))
    }
}

impl Seek for Temporary {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.world.disk.write_all(&mut self.file, &self.path, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_done {
            // What stays is cleaned away by whoever writes here next.
            self.world.disk.remove_file(&self.path).ok();
            forget(&self.path);
        }
    }
}

/// Writes what holds raw text by intent, such as a preview: past the gate, whole, for its owner only.
///
/// # Errors
/// When the file cannot be written; an older one then is as it was.
pub fn write_raw(world: &World, target: &Path, bytes: &[u8]) -> Result<()> {
    let place = target.display();
    refuse_to_replace(target)?;
    clean(folder_of(target));
    let mut file = Temporary::create(world, target, Access::Private)?;
    file.write_all(bytes).map_err(PublishError::io(place))?;
    file.name_durably()
}

/// A new file with a name of ours, locked.
fn make(folder: &Path, access: Access) -> io::Result<(File, PathBuf)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM_CHARS).disable_cleanup(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if access == Access::Private { 0o600 } else { 0o666 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let _ = access;
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..TRIES {
        let (file, path) = builder.tempfile_in(folder)?.into_parts();
        let path = path.to_path_buf();
        match file.try_lock() {
            // Between its making and its lock somebody may have cleaned it away.
            Ok(()) if fs::symlink_metadata(&path).is_ok() => return Ok((file, path)),
            Ok(()) | Err(fs::TryLockError::WouldBlock) => {}
            // Where there are no locks, nothing is cleaned away.
            Err(fs::TryLockError::Error(_)) => return Ok((file, path)),
        }
        fs::remove_file(&path).ok();
        last = io::Error::from(io::ErrorKind::ResourceBusy);
    }
    Err(last)
}

#[cfg(unix)]
fn set_access(file: &File, access: Access, replaced: Option<&Metadata>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match (replaced, access) {
        (Some(replaced), _) => replaced.permissions().mode(),
        (None, Access::Shared(Some(mode))) => mode,
        // As it was made.
        (None, Access::Private | Access::Shared(None)) => return Ok(()),
    };
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777))
}

#[cfg(not(unix))]
fn set_access(_: &File, _: Access, _: Option<&Metadata>) -> io::Result<()> {
    Ok(())
}

/// The folder that a file lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder, and those that it lies in; who may read its files may look into it.
pub(super) fn make_folder(folder: &Path, access: Access) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        let wrong = |e: io::Error| PublishError::io(folder.display())(e);
        match fs::create_dir(folder) {
            Ok(()) => open_folder(folder, access).map_err(wrong)?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(wrong(e)),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn open_folder(folder: &Path, access: Access) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match access {
        Access::Private => fs::set_permissions(folder, fs::Permissions::from_mode(0o700)),
        Access::Shared(Some(mode)) => {
            let mode = (mode | (mode & 0o444) >> 2) & 0o777;
            fs::set_permissions(folder, fs::Permissions::from_mode(mode))
        }
        Access::Shared(None) => Ok(()),
    }
}

#[cfg(not(unix))]
fn open_folder(_: &Path, _: Access) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(world: &World, folder: &Path) -> Result<()> {
    world.disk.sync_dir(folder).map_err(PublishError::io(folder.display()))
}

/// Removes what killed programs left in a folder. What cannot be removed stays: it is in nobody's way.
pub(super) fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(is_temporary);
        let Some(kind) = entry.file_type().ok().filter(|_| is_ours) else { continue };
        let path = entry.path();
        let is_left = (kind.is_file() || kind.is_dir())
            && File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        match is_left {
            true if kind.is_dir() => fs::remove_dir_all(&path).ok(),
            true => fs::remove_file(&path).ok(),
            false => None,
        };
    }
}

fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).map(|rest| rest.strip_suffix(SUFFIX).unwrap_or(rest));
    random.is_some_and(|random| {
        random.len() == RANDOM_CHARS && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

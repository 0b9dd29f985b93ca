//! A folder that gets its name only when all of it is written and durable.

use super::error::{PublishError, Result};
use super::temporary::{
    Access, PREFIX, RANDOM_CHARS, SUFFIX, Temporary, clean, folder_of, forget, noted, sync_folder,
};
use crate::hint::FolderHint;
use codex_ledger_ledger::World;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

/// A folder under a temporary name, for its owner only; removed unless it was given its own.
pub struct Stage {
    path: PathBuf,
    target: PathBuf,
    world: World,
    /// Holds the lock by which a folder in use is known from one that a killed program left.
    _lock: Option<File>,
    is_done: bool,
}

impl Stage {
    /// Begins a folder that will be `target`.
    ///
    /// # Errors
    /// When something stands there that is not an empty folder, or the place cannot be written.
    pub fn begin(world: &World, target: &Path) -> Result<Stage> {
        let wrong = |e: io::Error| PublishError::io(target.display())(e);
        refuse_to_replace(target)?;
        let parent = folder_of(target);
        fs::create_dir_all(parent).map_err(PublishError::io(parent.display()))?;
        clean(parent);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM_CHARS).disable_cleanup(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o700));
        }
        let make = || Ok(((), builder.tempdir_in(parent)?.keep()));
        let ((), path) = noted(make).map_err(wrong)?;
        // Where a folder cannot be opened or locked, nothing is cleaned away either.
        let lock = File::open(&path).ok().filter(|lock| lock.try_lock().is_ok());
        Ok(Stage {
            path,
            target: target.to_path_buf(),
            world: world.clone(),
            _lock: lock,
            is_done: false,
        })
    }

    /// The folder as it is called meanwhile.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its name. Its files must be durable by then.
    ///
    /// # Errors
    /// When it cannot be done; nothing of the folder is left then.
    pub fn finish(mut self) -> Result<()> {
        let wrong = |e: io::Error| PublishError::io(self.target.display())(e);
        sync_folder(&self.world, &self.path)?;
        refuse_to_replace(&self.target)?;
        if cfg!(not(unix)) && self.target.is_dir() {
            fs::remove_dir(&self.target).map_err(wrong)?;
        }
        self.world.disk.rename(&self.path, &self.target).map_err(wrong)?;
        self.is_done = true;
        forget(&self.path);
        sync_folder(&self.world, folder_of(&self.target))
    }

    /// Makes one archive of the folder's files, in the order of their names, and gives that the name.
    ///
    /// # Errors
    /// When it cannot be written; nothing of it is left then.
    pub fn finish_as_zip(self) -> Result<()> {
        let wrong = |e: io::Error| PublishError::io(self.target.display())(e);
        let out = Temporary::create(&self.world, &self.target, Access::Private)?;
        let out = self.zipped(out).map_err(wrong)?;
        refuse_to_replace(&self.target)?;
        out.name_durably()
    }

    fn zipped(&self, out: Temporary) -> io::Result<Temporary> {
        let mut names: Vec<PathBuf> =
            fs::read_dir(&self.path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        names.sort();
        let mut zip = ZipWriter::new(out);
        // The same files make the same archive, whenever it is made.
        let options = SimpleFileOptions::default()
            .last_modified_time(DateTime::default())
            .unix_permissions(0o600)
            .large_file(true);
        for path in names {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            zip.start_file(name, options)?;
            io::copy(&mut File::open(&path)?, &mut zip)?;
        }
        Ok(zip.finish()?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.is_done {
            // What stays is cleaned away by whoever writes here next.
            fs::remove_dir_all(&self.path).ok();
            forget(&self.path);
        }
    }
}

/// Raw bytes are written over nothing: who wrote what stands there may have meant it for others to read.
pub(super) fn refuse_to_replace(target: &Path) -> Result<()> {
    let is_free = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) => e.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(target).is_err(),
    };
    if is_free {
        return Ok(());
    }
    let reason = "is there already, and nothing is overwritten";
    Err(PublishError::refused(target.display(), reason, FolderHint::New))
}

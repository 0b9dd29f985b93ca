//! Settled volumes, read.

use super::error::{LedgerError, Result};
use super::extents::{ExtentReader, is_sound};
use super::pack::PackInfo;
use super::store::{FILE_NAME, Key, Store};
use super::volume::Volume;
use codex_ledger_entry::Seq;
use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};

/// A settled volume that is open for reading: packs from where its extents say that they lie, and what is not
/// there by the log engine from a copy.
pub(super) struct VolumeReader {
    extents: Option<ExtentReader>,
    copy: OnceCell<Store>,
    has_wrong_extents: Cell<bool>,
    dir: PathBuf,
    volume: Volume,
}

impl VolumeReader {
    /// Opens a volume. The volume itself is not touched: what has no extents is read from a copy.
    ///
    /// # Errors
    /// When it is gone, or cannot be copied.
    pub(super) fn open(dir: &Path, volume: &Volume) -> Result<VolumeReader> {
        let path = volume.dir(dir);
        if !path.is_dir() {
            let detail = "the volume is gone";
            return Err(LedgerError::damaged_at(&path, volume.first_seq, detail));
        }
        let reader = VolumeReader {
            extents: ExtentReader::open(dir, volume),
            copy: OnceCell::new(),
            has_wrong_extents: Cell::new(false),
            dir: dir.to_path_buf(),
            volume: volume.clone(),
        };
        match &reader.extents {
            None => drop(reader.copy()?),
            Some(extents) => {
                let last = volume
                    .seqs()
                    .last()
                    .and_then(|seq| extents.pack_seq_at_or_before(seq))
                    .map(Key::Pack);
                reader.check_last(last.map(|key| extents.get_sound(key)).transpose()?.flatten())?;
            }
        }
        Ok(reader)
    }

    /// The pack that begins with that entry, where the extents or the copy know of one.
    pub(super) fn pack(&self, first_seq: Seq) -> Result<Option<Vec<u8>>> {
        match (self.copy.get(), &self.extents) {
            (Some(copy), _) => copy.get(Key::Pack(first_seq)),
            (None, Some(extents)) => extents.get_sound(Key::Pack(first_seq)),
            (None, None) => Ok(None),
        }
    }

    /// The pack that holds an entry.
    pub(super) fn pack_with(&self, seq: Seq) -> Result<Option<Vec<u8>>> {
        if let Some(extents) = &self.extents {
            let first_seq = extents.pack_seq_at_or_before(seq);
            let bytes = first_seq.map(|first| extents.get_sound(Key::Pack(first))).transpose()?;
            let bytes = bytes.flatten().filter(|bytes| {
                PackInfo::read(bytes).is_some_and(|info| info.seqs().contains(seq))
            });
            if bytes.is_some() {
                return Ok(bytes);
            }
        }
        let copy = self.copy()?;
        let first_seq = copy.pack_seq_at_or_before(seq)?;
        self.noted(first_seq.map(|first| copy.get(Key::Pack(first))).transpose()?.flatten())
    }

    /// A block of a large body.
    pub(super) fn block(&self, seq: Seq, index: u32) -> Result<Option<Vec<u8>>> {
        let key = Key::Block(seq, index);
        if let Some(extents) = &self.extents
            && let Some(bytes) = extents.get_sound(key)?
        {
            return Ok(Some(bytes));
        }
        self.noted(self.copy()?.get(key)?)
    }

    /// Whether the engine has found what the extents did not.
    pub(super) fn has_wrong_extents(&self) -> bool {
        self.has_wrong_extents.get()
    }

    fn noted(&self, bytes: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        let is_better = self.extents.is_some() && bytes.as_deref().is_some_and(is_sound);
        self.has_wrong_extents.set(self.has_wrong_extents.get() || is_better);
        Ok(bytes)
    }

    /// A file of another ledger has sound packs, too: the last one must end with the entry that was settled last.
    fn check_last(&self, bytes: Option<Vec<u8>>) -> Result<()> {
        let last = bytes.filter(|bytes| is_sound(bytes)).and_then(|bytes| PackInfo::read(&bytes));
        match last {
            Some(info) if info.last != self.volume.last => {
                let path = self.volume.dir(&self.dir).join(FILE_NAME);
                let detail = "holds other entries than were settled";
                Err(LedgerError::damaged_at(&path, self.volume.first_seq, detail))
            }
            _ => Ok(()),
        }
    }

    fn copy(&self) -> Result<&Store> {
        match self.copy.get() {
            Some(copy) => Ok(copy),
            None => {
                let copy = self.volume.open_copy(&self.dir)?;
                let last = self.volume.seqs().last();
                let first =
                    last.map(|last| copy.pack_seq_at_or_before(last)).transpose()?.flatten();
                let last = first.map(Key::Pack);
                self.check_last(last.map(|key| copy.get(key)).transpose()?.flatten())?;
                Ok(self.copy.get_or_init(|| copy))
            }
        }
    }
}

//! The read half: volumes first, then what is only in the journal. Takes no lock.

use super::block::{block_count, decode_block};
use super::codec::Decoder;
use super::controls::{Control, controls_in};
use super::error::{LedgerError, Result};
use super::head::{Head, read_head};
use super::journal::{JournalReader, Next, journal_path};
use super::journal_index::JournalIndex;
use super::open::check_format;
use super::pack::{Identity, Pack, StoredBody, StoredEntry};
use super::volume::{self, Volume};
use super::volume_reader::VolumeReader;
use codex_ledger_entry::{Erasure, Kind, Seq, SeqSet};
use std::path::{Path, PathBuf};

/// A control entry is never longer.
pub(super) const CONTROL_MAX_BYTES: u64 = 64 << 20;

/// Reads entries of a ledger as it was when the reader was opened.
pub struct LedgerReader {
    dir: PathBuf,
    head: Head,
    volumes: Vec<Volume>,
    journal: Option<JournalIndex>,
    open: Option<(Seq, VolumeReader)>,
    decoder: Decoder,
    /// What an erasure that is under way takes: it is given as erased, whether or not its bytes are still there.
    erasing: SeqSet,
}

impl LedgerReader {
    /// Opens the ledger for reading; a writer may go on meanwhile.
    ///
    /// # Errors
    /// When there is no ledger, or HEAD, a volume's record or the journal is damaged.
    pub fn open(dir: &Path) -> Result<LedgerReader> {
        // A writer may settle its journal between two of our reads; then everything is read again.
        match Self::open_once(dir) {
            Err(LedgerError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Self::open_once(dir)
            }
            other => other,
        }
    }

    fn open_once(dir: &Path) -> Result<LedgerReader> {
        let mut head = read_head(dir)?.head;
        check_format(dir, &head)?;
        let mut volumes = volume::list(dir)?;
        volumes.retain(|volume| volume.end_seq <= head.end());
        head.settled = volumes.last().map_or(Seq::FIRST, |volume| volume.end_seq);
        let journal =
            if head.end() > head.settled { Some(index_journal(dir, &head)?) } else { None };
        let decoder = Decoder::new().map_err(LedgerError::io("no decompressor for", dir))?;
        let (dir, erasing) = (dir.to_path_buf(), SeqSet::default());
        let mut reader = LedgerReader { dir, head, volumes, journal, open: None, decoder, erasing };
        if let Some((_, erasure)) = reader.erasure_under_way()? {
            reader.erasing = erasure.entries;
        }
        Ok(reader)
    }

    /// The intent of the erasure that is under way, and what it takes.
    ///
    /// # Errors
    /// When its entry cannot be read: nobody may be shown what it takes.
    pub fn erasure_under_way(&mut self) -> Result<Option<(Seq, Erasure)>> {
        let Some(seq) = self.head.erasing else { return Ok(None) };
        let intent = self.control(seq)?.filter(|entry| entry.kind == Kind::EraseIntent);
        let erasure = intent.and_then(|entry| Erasure::decode(seq, &entry.body));
        let detail = "an erasure is under way, and its entry does not say of what";
        let wrong = || LedgerError::damaged_at(&self.dir, seq, detail);
        erasure.map(|erasure| Some((seq, erasure))).ok_or_else(wrong)
    }

    /// The head that this reader reads up to.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The settled volumes.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// The ledger's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// One entry with its id and its body; `None` behind the end of the ledger.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn control(&mut self, seq: Seq) -> Result<Option<Control>> {
        let Some(pack) = self.pack_from(seq)? else { return Ok(None) };
        let found = self.entries_of(&pack, &|entry| entry.seq == seq)?;
        Ok(found.into_iter().next())
    }

    /// The entries of a pack from `from` on that decide what may be shown, with their ids and bodies.
    ///
    /// # Errors
    /// When a body cannot be read.
    pub(super) fn controls_of(&mut self, pack: &Pack, from: Seq) -> Result<Vec<Control>> {
        self.entries_of(pack, &|entry| entry.seq >= from && entry.kind.is_control())
    }

    fn entries_of(
        &mut self,
        pack: &Pack,
        is_wanted: &dyn Fn(&StoredEntry) -> bool,
    ) -> Result<Vec<Control>> {
        let mut found = controls_in(pack, &self.head.identity, is_wanted);
        for control in &mut found {
            if let Some(entry) = pack.entry(control.seq).filter(|entry| entry.is_in_blocks()) {
                control.body = self.body(pack, entry, CONTROL_MAX_BYTES)?.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// A key that only those know who have the ledger: derived from the salt of its first entry.
    ///
    /// # Errors
    /// When the first entry cannot be read.
    pub fn views_key(&mut self) -> Result<[u8; 32]> {
        let pack = self.pack_from(Seq::FIRST)?;
        let first = pack.as_ref().and_then(|pack| pack.entry(Seq::FIRST));
        Ok(views_key(first, &self.head.identity))
    }

    /// The pack that holds that entry; `None` at the end of the ledger.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn pack_from(&mut self, seq: Seq) -> Result<Option<Pack>> {
        if seq >= self.head.end() {
            return Ok(None);
        }
        let (path, bytes) = self.pack_bytes(seq)?;
        let damaged = |detail: String| LedgerError::damaged_at(&path, seq, detail);
        let bytes = bytes.ok_or_else(|| damaged("the entry is missing".into()))?;
        let mut pack =
            Pack::decode(&mut self.decoder, &bytes).map_err(|e| damaged(e.to_string()))?;
        if pack.entry(seq).is_none() {
            return Err(damaged("the entry is missing".into()));
        }
        pack.forget(&self.erasing);
        Ok(Some(pack))
    }

    fn pack_bytes(&mut self, seq: Seq) -> Result<(PathBuf, Option<Vec<u8>>)> {
        if let Some(index) = self.volumes.iter().position(|v| v.seqs().contains(seq)) {
            let (path, store) = self.store(index)?;
            let bytes = store.pack_with(seq)?;
            return Ok((path, bytes));
        }
        let path = journal_path(&self.dir, self.head.settled);
        let Some(journal) = &mut self.journal else {
            return Ok((path, None));
        };
        let first = journal.pack_seq_at_or_before(seq);
        Ok((path, first.map_or(Ok(None), |first| journal.pack(first))?))
    }

    fn store(&mut self, index: usize) -> Result<(PathBuf, &VolumeReader)> {
        let volume = &self.volumes[index];
        let path = volume.dir(&self.dir);
        if self.open.as_ref().is_none_or(|(first_seq, _)| *first_seq != volume.first_seq) {
            self.open = None;
            self.open = Some((volume.first_seq, VolumeReader::open(&self.dir, volume)?));
        }
        match &self.open {
            Some((_, store)) => Ok((path, store)),
            None => Err(LedgerError::damaged(&path, "the volume is not open")),
        }
    }

    /// Gives the body of an entry in pieces; an erased one has none.
    ///
    /// # Errors
    /// When a block is missing or damaged.
    pub fn each_piece(
        &mut self,
        pack: &Pack,
        entry: &StoredEntry,
        mut each: impl FnMut(&[u8]),
    ) -> Result<()> {
        if let Some(body) = pack.body(entry) {
            each(body);
            return Ok(());
        }
        if entry.is_in_blocks() {
            for index in 0..block_count(entry.body_len) {
                each(&self.block(entry.seq, index)?);
            }
        }
        Ok(())
    }

    /// Gives what an entry's source held, in pieces: its body, or as many zeros where it was erased, and the line feed
    /// behind it.
    ///
    /// # Errors
    /// As [`LedgerReader::each_piece`].
    pub fn each_source_piece(
        &mut self,
        pack: &Pack,
        entry: &StoredEntry,
        mut each: impl FnMut(&[u8]),
    ) -> Result<()> {
        match entry.is_erased() {
            true => each_zero(entry.body_len, &mut each),
            false => self.each_piece(pack, entry, &mut each)?,
        }
        if entry.has_line_feed() {
            each(b"\n");
        }
        Ok(())
    }

    /// The whole body when it is at most `limit` bytes; `None` when it is longer or erased.
    ///
    /// # Errors
    /// As [`LedgerReader::each_piece`].
    pub fn body(
        &mut self,
        pack: &Pack,
        entry: &StoredEntry,
        limit: u64,
    ) -> Result<Option<Vec<u8>>> {
        if entry.body_len > limit || entry.is_erased() {
            return Ok(None);
        }
        let mut out = Vec::with_capacity(entry.body_len as usize);
        self.each_piece(pack, entry, |piece| out.extend_from_slice(piece))?;
        Ok(Some(out))
    }

    fn block(&mut self, seq: Seq, index: u32) -> Result<Vec<u8>> {
        let volume = self.volumes.iter().position(|v| v.seqs().contains(seq));
        let (path, bytes) = match volume {
            Some(volume) => {
                let (path, store) = self.store(volume)?;
                (path, store.block(seq, index)?)
            }
            None => {
                let path = journal_path(&self.dir, self.head.settled);
                let journal = self.journal.as_mut();
                (path, journal.map_or(Ok(None), |journal| journal.block(seq, index))?)
            }
        };
        let damaged = |detail: String| LedgerError::damaged_at(&path, seq, detail);
        let bytes = bytes.ok_or_else(|| damaged(format!("block {index} is missing")))?;
        decode_block(&mut self.decoder, &bytes, seq, index)
            .map_err(|e| damaged(format!("block {index}: {e}")))
    }
}

/// Gives zeros in pieces: what is hashed of a source in the place of what was erased.
pub fn each_zero(mut len: u64, mut each: impl FnMut(&[u8])) {
    const ZEROS: [u8; 4096] = [0; 4096];
    while len > 0 {
        let piece = ZEROS.get(..len.min(ZEROS.len() as u64) as usize).unwrap_or(&ZEROS);
        each(piece);
        len -= piece.len() as u64;
    }
}

/// The key of what is derived from a ledger with that first entry.
pub(super) fn views_key(first: Option<&StoredEntry>, identity: &Identity) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 views key");
    if let Some(StoredEntry { body: StoredBody::Inline { salt, .. }, .. }) = first {
        hasher.update(salt);
    }
    hasher.update(&identity.ledger.0);
    *hasher.finalize().as_bytes()
}

/// Where packs and blocks lie in the active journal, up to the head.
fn index_journal(dir: &Path, head: &Head) -> Result<JournalIndex> {
    let reader = JournalReader::open(dir, &head.identity, head.settled)?;
    let mut index = JournalIndex::new(reader);
    while index.end_seq < head.end() {
        if !matches!(index.step()?, Next::Frame(_)) {
            let end = index.end_seq.max(head.settled);
            let path = journal_path(dir, head.settled);
            let detail = format!("the journal ends at {end}; HEAD says there are {}", head.end());
            return Err(LedgerError::damaged_at(&path, end, detail));
        }
    }
    Ok(index)
}

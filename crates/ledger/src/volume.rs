//! Volumes: a journal's entries in the log engine, settled once and immutable ever after.
//!
//! Building is not trusted: a volume that was not settled is thrown away and built again from its
//! journal. Settling proves that the engine gives back every byte after a sync and a reopen, then
//! records a digest of each file, so that any later change of any byte can be named.

use super::block::block_place;
use super::bytes::Cursor;
use super::error::{LedgerError, Result};
use super::extents::{ExtentFinder, Extents, extents_path};
use super::files::{open_file, read_file};
use super::journal::{FrameKind, JournalReader, Next};
use super::pack::Identity;
use super::side;
use super::store::{FILE_NAME, Store, StoreBatch};
use super::world::World;
use codex_ledger_entry::{EntryId, Fields, FieldsBuilder, Seq, SeqRange, checksum};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

mod folders;

pub(super) use self::folders::{
    discard, discard_unsettled, folders, is_replaced, manifest_path, manifest_seqs, newest_dir,
    store_dir, volume_dir,
};

const MANIFEST_MAGIC: &[u8; 4] = b"CXLV";
const MANIFEST_CONTEXT: &str = "codex-ledger v1 volume";
const FILE_CONTEXT: &str = "codex-ledger v1 volume file";
/// Bytes that go to the engine at once; more only costs memory.
const BATCH_BYTES: usize = 2 << 20;
/// Large enough for both cores to share the hashing of a file.
const DIGEST_CHUNK_BYTES: usize = 4 << 20;
/// sled zeroes freed segments and rewrites its snapshot on the first opens; then nothing changes.
const REOPENS_MAX: u32 = 6;

/// A settled volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Seq of its first entry.
    pub first_seq: Seq,
    /// One past its last entry.
    pub end_seq: Seq,
    /// Id of the last entry.
    pub last: EntryId,
    /// 0 as it was settled first; the ledger's generation where an erasure has written it anew.
    pub generation: u64,
    /// Name, length and hash of each file.
    pub files: Vec<VolumeFile>,
}

/// A file of a settled volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFile {
    /// Path below the volume's directory.
    pub name: String,
    /// Length in bytes.
    pub len: u64,
    /// Hash of all bytes.
    pub hash: [u8; 32],
}

fn building_dir(dir: &Path, first_seq: Seq) -> PathBuf {
    store_dir(dir).join(format!("{first_seq:016x}.building"))
}

impl Volume {
    /// Its directory.
    pub(super) fn dir(&self, dir: &Path) -> PathBuf {
        volume_dir(dir, self.first_seq, self.generation)
    }

    /// Its entries.
    pub(super) fn seqs(&self) -> SeqRange {
        SeqRange::new(self.first_seq, self.end_seq)
    }

    fn encode(&self) -> Vec<u8> {
        let mut fields = FieldsBuilder::default()
            .seq("first", self.first_seq)
            .seq("end", self.end_seq)
            .add("last", self.last.0);
        if self.generation > 0 {
            fields = fields.number("generation", self.generation);
        }
        for file in &self.files {
            let mut record = file.hash.to_vec();
            record.extend_from_slice(&file.len.to_be_bytes());
            record.extend_from_slice(file.name.as_bytes());
            fields = fields.add("file", record);
        }
        let body = fields.finish();
        let mut out = MANIFEST_MAGIC.to_vec();
        out.extend_from_slice(&checksum(MANIFEST_CONTEXT, &[&body]));
        out.extend_from_slice(&body);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Volume> {
        let mut input = Cursor::new(bytes);
        if input.array::<4>()? != *MANIFEST_MAGIC {
            return None;
        }
        let sum = input.array::<16>()?;
        let body = input.rest();
        if checksum(MANIFEST_CONTEXT, &[body]) != sum {
            return None;
        }
        let fields = Fields::parse(body).ok()?;
        let files = fields.all("file").map(|record| {
            let mut input = Cursor::new(record);
            let hash = input.array()?;
            let len = input.u64()?;
            let name = String::from_utf8(input.rest().to_vec()).ok()?;
            Some(VolumeFile { name, len, hash })
        });
        Some(Volume {
            first_seq: fields.seq("first")?,
            end_seq: fields.seq("end")?,
            last: EntryId(fields.get("last")?.try_into().ok()?),
            generation: match fields.get("generation") {
                Some(_) => fields.number("generation")?,
                None => 0,
            },
            files: files.collect::<Option<_>>()?,
        })
    }

    /// Reads the record of the volume that begins with that entry.
    pub(super) fn load(dir: &Path, first_seq: Seq) -> Result<Volume> {
        let path = manifest_path(dir, first_seq);
        let bytes = read_file(&path).map_err(LedgerError::io("cannot read", &path))?;
        let volume = Volume::decode(&bytes).filter(|volume| volume.first_seq == first_seq);
        volume.ok_or_else(|| {
            LedgerError::damaged_at(&path, first_seq, "the volume's record is damaged")
        })
    }

    /// Writes its record; only that makes it count.
    pub(super) fn save(&self, world: &World, dir: &Path) -> Result<()> {
        super::write_durably(world, &manifest_path(dir, self.first_seq), &self.encode())
    }

    /// Whether its files are there and as long as they were; cheap enough for every start.
    pub(super) fn check_presence(&self, dir: &Path) -> Result<()> {
        let path = self.dir(dir);
        for file in &self.files {
            let file_path = path.join(&file.name);
            let len = fs::metadata(&file_path).ok().map(|meta| meta.len());
            if len != Some(file.len) {
                let detail = "a file of the volume is missing or not as long as it was settled";
                return Err(LedgerError::damaged_at(&file_path, self.first_seq, detail));
            }
        }
        Ok(())
    }

    /// A copy that the log engine may open: of the files that are as they were settled.
    pub(super) fn open_copy(&self, dir: &Path) -> Result<Store> {
        let path = self.dir(dir);
        let whole: Vec<&str> = self
            .files
            .iter()
            .filter(|file| {
                digest_file(&path.join(&file.name)).is_ok_and(|now| now == (file.len, file.hash))
            })
            .map(|file| file.name.as_str())
            .collect();
        Store::open_copy(&path, &|name| {
            name == Path::new(FILE_NAME) || whole.iter().any(|whole| name == Path::new(whole))
        })
    }

    /// Finds and keeps where its packs and blocks lie, when that is not known yet: in volumes of older versions,
    /// or when that file is damaged.
    ///
    /// # Errors
    /// When the volume cannot be read, or the file not be written; nothing but speed depends on it.
    pub(super) fn keep_extents(&self, world: &World, dir: &Path, ledger: [u8; 16]) -> Result<()> {
        if Extents::load(dir, self).is_some() {
            return Ok(());
        }
        let path = self.dir(dir);
        // What cannot be found in a damaged file may stand in one that is put back.
        if digest_files(&path)? != self.files {
            return Ok(());
        }
        let finder = ExtentFinder::of(&self.open_copy(dir)?)?;
        self.save_extents(world, dir, finder.find(ledger, &path, self)?)
    }

    fn save_extents(&self, world: &World, dir: &Path, extents: Option<Extents>) -> Result<()> {
        let path = extents_path(dir, self.first_seq);
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(LedgerError::io("cannot remove", &path))?;
        }
        extents.map_or(Ok(()), |extents| side::save(world, &path, &extents))
    }
}

/// All settled volumes in order, checked to be contiguous from 0.
pub(super) fn list(dir: &Path) -> Result<Vec<Volume>> {
    list_without(dir, &[])
}

/// All volumes but some, in order, checked to be contiguous from 0.
pub(super) fn list_without(dir: &Path, without: &[Seq]) -> Result<Vec<Volume>> {
    let mut volumes = Vec::new();
    let mut next = Seq::FIRST;
    for first_seq in manifest_seqs(dir)?.into_iter().filter(|seq| !without.contains(seq)) {
        if first_seq != next {
            let path = manifest_path(dir, next);
            let detail =
                format!("the volumes leave a gap or overlap between {next} and {first_seq}");
            return Err(LedgerError::damaged_at(&path, next, detail));
        }
        let volume = Volume::load(dir, first_seq)?;
        next = volume.end_seq;
        volumes.push(volume);
    }
    Ok(volumes)
}

/// A volume in the making: copies committed frames of a journal into the log engine.
pub(super) struct VolumeBuilder {
    dir: PathBuf,
    first_seq: Seq,
    generation: u64,
    reader: JournalReader,
    ledger: [u8; 16],
    store: Store,
    /// Where the last block of each place lies; one of a body that was given up comes before it.
    blocks: HashMap<(Seq, u32), u64>,
}

impl VolumeBuilder {
    /// Starts the volume of the journal that begins with that entry.
    pub(super) fn start(
        dir: &Path,
        identity: &Identity,
        (first_seq, generation): (Seq, u64),
    ) -> Result<VolumeBuilder> {
        let path = building_dir(dir, first_seq);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(LedgerError::io("cannot remove", &path))?;
        }
        let reader = JournalReader::open(dir, identity, first_seq)?;
        let store = Store::open(&path)?;
        Ok(VolumeBuilder {
            dir: dir.to_path_buf(),
            first_seq,
            generation,
            reader,
            ledger: identity.ledger.0,
            store,
            blocks: HashMap::new(),
        })
    }

    /// Copies what lies before that position of the journal; all of it must be committed.
    pub(super) fn advance(&mut self, committed_at: u64) -> Result<()> {
        let mut batch = StoreBatch::default();
        while self.reader.position() < committed_at {
            let at = self.reader.position();
            let frame = match self.reader.next_frame()? {
                Next::Frame(frame) => frame,
                Next::End | Next::Torn(_) => return Err(self.unreadable()),
            };
            if frame.kind != FrameKind::Commit && !batch.put(&frame.payload) {
                return Err(self.unreadable());
            }
            self.blocks.extend(block_place(&frame.payload).map(|place| (place, at)));
            if batch.bytes() >= BATCH_BYTES {
                self.store.apply(std::mem::take(&mut batch))?;
            }
        }
        self.store.apply(batch)
    }

    fn unreadable(&self) -> LedgerError {
        let detail = format!("a committed frame at byte {} cannot be read", self.reader.position());
        LedgerError::damaged_at(self.reader.path(), self.first_seq, detail)
    }

    /// Makes the volume durable, proves that it gives every frame back, and records it.
    pub(super) fn settle(self, world: &World, end_seq: Seq, last: EntryId) -> Result<Volume> {
        let VolumeBuilder { dir, first_seq, generation, mut reader, ledger, store, blocks } = self;
        let building = building_dir(&dir, first_seq);
        let committed_at = reader.position();
        store.flush()?;
        drop(store);
        sync_tree(world, &building)?;

        let store = Store::open(&building)?;
        reader.seek(JournalReader::START)?;
        let mut finder = ExtentFinder::default();
        while reader.position() < committed_at {
            let at = reader.position();
            let same = match reader.next_frame()? {
                Next::Frame(frame) if frame.kind == FrameKind::Commit => true,
                Next::Frame(frame) => {
                    let place = block_place(&frame.payload);
                    let given_up = place.is_some_and(|place| blocks.get(&place) != Some(&at));
                    if !given_up {
                        finder.want(&frame.payload);
                    }
                    given_up || store.same(&frame.payload)?
                }
                Next::End | Next::Torn(_) => false,
            };
            if !same {
                let detail = "the log engine did not give back what it was given";
                return Err(LedgerError::damaged_at(&building, first_seq, detail));
            }
        }
        drop(store);
        let files = stable_digests(&building)?;
        sync_tree(world, &building)?;

        let volume = Volume { first_seq, end_seq, last, generation, files };
        volume.save_extents(world, &dir, finder.find(ledger, &building, &volume)?)?;
        record(world, &dir, &building, &volume)?;
        Ok(volume)
    }
}

/// Gives a settled volume its final name, then its record; only the record makes it count.
fn record(world: &World, dir: &Path, building: &Path, volume: &Volume) -> Result<()> {
    let target = volume.dir(dir);
    let store = store_dir(dir);
    let io = |action, path| LedgerError::io(action, path);
    world.disk.rename(building, &target).map_err(io("cannot rename", building))?;
    world.disk.sync_dir(&store).map_err(io("cannot sync", &store))?;
    volume.save(world, dir)
}

/// Opens and closes the volume until its files stay as they are, and digests them.
fn stable_digests(dir: &Path) -> Result<Vec<VolumeFile>> {
    drop(Store::open(dir)?);
    let mut before = digest_files(dir)?;
    for _ in 0..REOPENS_MAX {
        drop(Store::open(dir)?);
        let after = digest_files(dir)?;
        if after == before {
            return Ok(after);
        }
        before = after;
    }
    Err(LedgerError::damaged(dir, "the log engine keeps changing its files"))
}

/// Name, length and hash of every file below a directory, by name.
pub(super) fn digest_files(dir: &Path) -> Result<Vec<VolumeFile>> {
    let mut files = Vec::new();
    for path in files_below(dir)? {
        let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
        let (len, hash) = digest_file(&path)?;
        files.push(VolumeFile { name, len, hash });
    }
    Ok(files)
}

fn digest_file(path: &Path) -> Result<(u64, [u8; 32])> {
    let io = |action| LedgerError::io(action, path);
    let mut file = open_file(path).map_err(io("cannot open"))?;
    let mut hasher = blake3::Hasher::new_derive_key(FILE_CONTEXT);
    let mut buffer = vec![0u8; DIGEST_CHUNK_BYTES];
    let mut len = 0;
    loop {
        let got = file.read(&mut buffer).map_err(io("cannot read"))?;
        if got == 0 {
            return Ok((len, *hasher.finalize().as_bytes()));
        }
        match has_helpers() {
            true => hasher.update_rayon(&buffer[..got]),
            false => hasher.update(&buffer[..got]),
        };
        len += got as u64;
    }
}

/// Whether the threads that share the hashing of a file could be started; asking for them unasked panics.
fn has_helpers() -> bool {
    static STARTED: OnceLock<bool> = OnceLock::new();
    *STARTED.get_or_init(|| rayon_core::ThreadPoolBuilder::new().build_global().is_ok())
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).map_err(LedgerError::io("cannot list", &next))? {
            let path = entry.map_err(LedgerError::io("cannot list", &next))?.path();
            if path.is_dir() { pending.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Syncs every file and directory; the log engine itself never does.
pub(super) fn sync_tree(world: &World, dir: &Path) -> Result<()> {
    let mut dirs = vec![dir.to_path_buf()];
    for path in files_below(dir)? {
        let file = File::open(&path).map_err(LedgerError::io("cannot open", &path))?;
        world.disk.sync_file(&file, &path).map_err(LedgerError::io("cannot sync", &path))?;
        if let Some(parent) = path.parent().filter(|parent| !dirs.iter().any(|d| d == parent)) {
            dirs.push(parent.to_path_buf());
        }
    }
    let blobs = dir.join("blobs");
    dirs.extend(Some(blobs).filter(|blobs| blobs.is_dir()));
    dirs.extend(dir.parent().map(Path::to_path_buf));
    dirs.iter().try_for_each(|d| world.disk.sync_dir(d).map_err(LedgerError::io("cannot sync", d)))
}

//! Where the packs and blocks of a settled volume lie in the log engine's file.
//!
//! A settled volume is read without the engine, since the engine writes to what it opens: where the disk
//! fails to give it bytes meanwhile, it takes the file for empty and begins it anew.

use super::block;
use super::error::{LedgerError, Result};
use super::files::open_file;
use super::pack::PackInfo;
use super::side::{self, Bound, SideRecord};
use super::store::{FILE_NAME, Key, PART_BYTES, Store, parts};
use super::volume::{Volume, VolumeFile, store_dir};
use bincode::{Decode, Encode};
use codex_ledger_entry::{Seq, checksum};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A shorter part could stand anywhere by chance; it is kept itself. A pack's or a block's first bytes are
/// different from those of all others at this length.
const START_BYTES: usize = 20;
const READ_BYTES: usize = 1 << 20;
const CONTEXT: &str = "codex-ledger v1 part of a pack";

/// Where each pack and block of a volume lies.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Extents {
    bound: Bound,
    /// Hash of the file that these are positions in, as the volume's record has it.
    file: [u8; 32],
    items: BTreeMap<Key, Extent>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Extent {
    len: u32,
    parts: Vec<Part>,
}

/// No pack or block is longer.
const ITEM_MAX_BYTES: u32 = 8 << 20;

impl Extent {
    /// Whether a pack or a block can lie so.
    fn is_likely(&self) -> bool {
        let len = |part: &Part| match part {
            Part::At { len, .. } => *len as usize,
            Part::Short(bytes) => bytes.len(),
        };
        self.len <= ITEM_MAX_BYTES
            && self.parts.iter().all(|part| len(part) <= PART_BYTES)
            && self.parts.iter().map(len).sum::<usize>() == self.len as usize
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
enum Part {
    At { offset: u64, len: u32 },
    Short(Vec<u8>),
}

impl SideRecord for Extents {
    const SCHEMA: u32 = 601;
}

/// The extents of the volume that begins with that entry.
pub(super) fn extents_path(dir: &Path, first_seq: Seq) -> PathBuf {
    store_dir(dir).join(format!("{first_seq:016x}.extents"))
}

fn engine_file(volume: &Volume) -> Option<&VolumeFile> {
    volume.files.iter().find(|file| file.name == FILE_NAME)
}

/// What the extents of a volume are true of.
fn bound(ledger: [u8; 16], volume: &Volume) -> Bound {
    Bound { ledger, end: volume.end_seq, last: volume.last.0 }
}

impl Extents {
    /// Those of a volume; `None` when they are missing, damaged, or of another volume.
    pub(super) fn load(dir: &Path, volume: &Volume) -> Option<Extents> {
        let extents: Extents = side::load(&extents_path(dir, volume.first_seq))?;
        let is_of_volume = engine_file(volume).is_some_and(|file| file.hash == extents.file)
            && extents.bound == bound(extents.bound.ledger, volume);
        is_of_volume.then_some(extents)
    }
}

/// A volume's packs and blocks, read from their places.
pub(super) struct ExtentReader {
    extents: Extents,
    file: File,
    path: PathBuf,
}

impl ExtentReader {
    /// Opens a volume; `None` when it has no extents, or its file cannot be opened.
    pub(super) fn open(dir: &Path, volume: &Volume) -> Option<ExtentReader> {
        let extents = Extents::load(dir, volume)?;
        let path = volume.dir(dir).join(FILE_NAME);
        let file = open_file(&path).ok()?;
        Some(ExtentReader { extents, file, path })
    }

    /// A pack or a block; `None` when there is none, or its file has been cut.
    pub(super) fn get(&self, key: Key) -> Result<Option<Vec<u8>>> {
        let Some(extent) = self.extents.items.get(&key).filter(|extent| extent.is_likely()) else {
            return Ok(None);
        };
        let mut out = Vec::new();
        for part in &extent.parts {
            match part {
                Part::Short(bytes) => out.extend_from_slice(bytes),
                Part::At { offset, len } => match self.read(*offset, *len, &mut out) {
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                    other => other.map_err(LedgerError::io("cannot read", &self.path))?,
                },
            }
        }
        Ok((out.len() == extent.len as usize).then_some(out))
    }

    fn read(&self, offset: u64, len: u32, out: &mut Vec<u8>) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        match file.take(u64::from(len)).read_to_end(out)? {
            got if got == len as usize => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Whether the key is one of the volume's, and what lies there is sound.
    pub(super) fn get_sound(&self, key: Key) -> Result<Option<Vec<u8>>> {
        Ok(self.get(key)?.filter(|bytes| is_sound(bytes)))
    }

    /// The first seq of the last pack that begins at or before `seq`.
    pub(super) fn pack_seq_at_or_before(&self, seq: Seq) -> Option<Seq> {
        let (key, _) = self.extents.items.range(..=Key::Pack(seq)).next_back()?;
        match key {
            Key::Pack(first_seq) => Some(*first_seq),
            Key::Block(..) => None,
        }
    }
}

/// Whether the checksum of a pack or a block holds.
pub(super) fn is_sound(bytes: &[u8]) -> bool {
    match PackInfo::read(bytes) {
        Some(info) => info.has_checksum(bytes),
        None => block::has_checksum(bytes),
    }
}

/// Looks for packs and blocks in the engine's file.
#[derive(Default)]
pub(super) struct ExtentFinder {
    items: BTreeMap<Key, Extent>,
    wanted: Vec<Wanted>,
    /// Indexes in `wanted`, by the part's first bytes.
    by_start: HashMap<[u8; START_BYTES], Vec<u32>>,
}

struct Wanted {
    key: Key,
    part: usize,
    len: usize,
    hash: [u8; 16],
}

impl ExtentFinder {
    /// One that looks for everything that a volume holds.
    pub(super) fn of(store: &Store) -> Result<ExtentFinder> {
        let mut finder = ExtentFinder::default();
        store.each(|bytes| finder.want(bytes))?;
        Ok(finder)
    }

    /// Looks for this pack or block too.
    pub(super) fn want(&mut self, bytes: &[u8]) {
        let Some(key) = Key::of(bytes) else { return };
        let mut extent = Extent { len: bytes.len() as u32, parts: Vec::new() };
        for (part, bytes) in parts(bytes).enumerate() {
            match bytes.first_chunk() {
                None => extent.parts.push(Part::Short(bytes.to_vec())),
                Some(start) => {
                    // Not found as long as it is empty.
                    extent.parts.push(Part::At { offset: 0, len: 0 });
                    let hash = checksum(CONTEXT, &[bytes]);
                    let index = self.wanted.len() as u32;
                    self.by_start.entry(*start).or_default().push(index);
                    self.wanted.push(Wanted { key, part, len: bytes.len(), hash });
                }
            }
        }
        self.items.insert(key, extent);
    }

    /// Looks through the file of a volume that does not change any more; `None` when it does not hold
    /// everything in one piece each.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn find(
        mut self,
        ledger: [u8; 16],
        engine_dir: &Path,
        volume: &Volume,
    ) -> Result<Option<Extents>> {
        let path = engine_dir.join(FILE_NAME);
        let io = |action| LedgerError::io(action, &path);
        let mut file = open_file(&path).map_err(io("cannot open"))?;
        let longest = self.wanted.iter().map(|wanted| wanted.len).max().unwrap_or(0);
        let filter = StartFilter::of(self.by_start.keys());
        let (mut window, mut base) = (Vec::new(), 0u64);
        loop {
            let read = (&mut file).take(READ_BYTES as u64).read_to_end(&mut window);
            let is_last = read.map_err(io("cannot read"))? == 0;
            // Every part that begins before `end` lies wholly in the window.
            let end = if is_last { window.len() } else { window.len().saturating_sub(longest) };
            let mut at = 0;
            while at < end {
                at += match filter.may_start(&window[at..]) {
                    true => self.found_at(&window[at..], base + at as u64).max(1),
                    false => 1,
                };
            }
            if is_last {
                break;
            }
            let done = at.min(window.len());
            window.drain(..done);
            base += done as u64;
        }
        let is_found = |part: &Part| !matches!(part, Part::At { len: 0, .. });
        let is_whole = self.items.values().all(|extent| extent.parts.iter().all(is_found));
        Ok(engine_file(volume).filter(|_| is_whole).map(|file| Extents {
            bound: bound(ledger, volume),
            file: file.hash,
            items: self.items,
        }))
    }

    /// Notes the parts that begin here, and gives their length; 0 when none does.
    fn found_at(&mut self, bytes: &[u8], offset: u64) -> usize {
        let indexes = bytes.first_chunk().and_then(|start| self.by_start.get(start));
        let mut longest = 0;
        for wanted in indexes.into_iter().flatten().filter_map(|i| self.wanted.get(*i as usize)) {
            let Some(found) = bytes.get(..wanted.len) else { continue };
            if checksum(CONTEXT, &[found]) == wanted.hash
                && let Some(extent) = self.items.get_mut(&wanted.key)
                && let Some(part) = extent.parts.get_mut(wanted.part)
            {
                *part = Part::At { offset, len: wanted.len as u32 };
                longest = longest.max(wanted.len);
            }
        }
        longest
    }
}

/// Says of most positions at once that nothing begins there.
struct StartFilter(Vec<bool>);

impl StartFilter {
    const BITS: u32 = 20;

    fn of<'a>(starts: impl Iterator<Item = &'a [u8; START_BYTES]>) -> StartFilter {
        let mut filter = StartFilter(vec![false; 1 << Self::BITS]);
        for start in starts {
            if let Some(slot) = Self::slot(start).and_then(|slot| filter.0.get_mut(slot)) {
                *slot = true;
            }
        }
        filter
    }

    fn slot(bytes: &[u8]) -> Option<usize> {
        // The last bytes of a start differ more than the first: those of each first part are a magic.
        let last = bytes.get(START_BYTES - 4..)?.first_chunk::<4>()?;
        let mixed = u32::from_le_bytes(*last).wrapping_mul(0x9E37_79B1);
        Some((mixed >> (u32::BITS - Self::BITS)) as usize)
    }

    fn may_start(&self, bytes: &[u8]) -> bool {
        Self::slot(bytes).is_some_and(|slot| self.0.get(slot) == Some(&true))
    }
}

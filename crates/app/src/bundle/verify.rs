//! Checks a bundle, without a ledger.

use super::erasures::Erasures;
use super::{
    BodyCounts, CHECKPOINT, ENTRIES, ERASED, HOW_TO, KEY, MAGIC, PRESENT, PROOF, SCRIPT, VERSION,
    WITHHELD, is_zip, write,
};
use crate::error::{AppError, Result};
use crate::proofs::{Proven, log_name, unsound, verify_proof};
use codex_ledger_entry::{
    EntryId, Fields, HEADER_BYTES, Header, Kind, LedgerId, OriginId, SALT_BYTES, Seq, TreeHash,
    commit_hasher, hex, leaf_hash,
};
use codex_ledger_proof::{Checkpoint, Piece, Use, Verifier, missing_parts, root_of_pieces};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use zip::{CompressionMethod, ZipArchive};

/// Of the files that are texts, none is longer.
const TEXT_MAX_BYTES: u64 = 4 << 20;
/// The entry that records a bundle is no longer.
const RECORD_MAX_BYTES: u64 = 1 << 20;
/// A body that is printed is no longer.
const BODY_MAX_BYTES: u64 = 64 << 20;
/// Files of a report, at most.
const FILES_MAX: usize = 100;
/// Ranges, at most; each is some bytes in memory.
const RANGES_MAX: u32 = 1 << 22;

/// A file of the report, as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BundleFile {
    /// Its name.
    pub name: String,
    /// SHA-256, hex.
    pub sha256: String,
}

/// What a bundle shows, whoever made it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct BundleProven {
    /// The entry that records it, its log, and who has signed that.
    #[serde(flatten)]
    pub proof: Proven,
    /// Bodies that are there, and those that are not.
    pub bodies: BodyCounts,
    /// The ranges of entries, each without a gap: the first, and the one behind the last.
    pub ranges: Vec<Range<u64>>,
    /// The files of the report.
    pub files: Vec<BundleFile>,
    /// The body that was asked for; none where it was not, or is withheld.
    #[serde(skip)]
    pub body: Option<Vec<u8>>,
}

enum Place {
    Folder(PathBuf),
    Zip(ZipArchive<File>),
}

struct Container {
    path: PathBuf,
    place: Place,
}

impl Container {
    fn open(path: &Path) -> Result<Container> {
        let place = match path.is_dir() {
            true => Place::Folder(path.to_path_buf()),
            false => {
                let file = File::open(path).map_err(|error| write::failed(path, &error))?;
                let wrong =
                    |error: zip::result::ZipError| unsound(format!("{}: {error}", path.display()));
                let mut zip = ZipArchive::new(file).map_err(wrong)?;
                check_plain(path, &mut zip).map_err(wrong)??;
                Place::Zip(zip)
            }
        };
        Ok(Container { path: path.to_path_buf(), place })
    }

    /// An error of reading: what an archive holds may be anybody's, and does not hold then.
    fn failed(&self, name: &str, error: &io::Error) -> AppError {
        let path = self.path.join(name);
        match self.place {
            Place::Folder(_) if error.kind() != io::ErrorKind::InvalidData => {
                write::failed(&path, error)
            }
            _ => unsound(format!("{name}: {error}")),
        }
    }

    /// The files; a folder in it, or a link, is none.
    fn names(&self) -> Result<BTreeSet<String>> {
        let names: Vec<String> = match &self.place {
            Place::Zip(zip) => zip
                .file_names()
                .map(|name| Ok(name?.into_owned()))
                .collect::<std::result::Result<_, zip::result::ZipError>>()
                .map_err(unsound)?,
            Place::Folder(path) => {
                let read = || -> io::Result<Vec<String>> {
                    let mut names = Vec::new();
                    for entry in fs::read_dir(path)? {
                        let entry = entry?;
                        let end = if entry.file_type()?.is_file() { "" } else { "/" };
                        names.push(format!("{}{end}", entry.file_name().to_string_lossy()));
                    }
                    Ok(names)
                };
                read().map_err(|error| write::failed(path, &error))?
            }
        };
        if let Some(odd) = names.iter().find(|name| name.contains(['/', '\\', '\0'])) {
            return Err(unsound(format!("{odd}: a bundle has no folders in it")));
        }
        Ok(names.into_iter().collect())
    }

    fn read(&mut self, name: &str) -> Result<Box<dyn Read + '_>> {
        match &mut self.place {
            Place::Folder(folder) => {
                let path = folder.join(name);
                let file = File::open(&path).map_err(|error| write::failed(&path, &error))?;
                Ok(Box::new(BufReader::new(file)))
            }
            Place::Zip(zip) => {
                let file = zip.by_name(name);
                let file = file.map_err(|error| unsound(format!("{name}: {error}")))?;
                Ok(Box::new(BufReader::new(file)))
            }
        }
    }

    fn text(&mut self, name: &str) -> Result<String> {
        let mut text = String::new();
        let read = self.read(name)?.take(TEXT_MAX_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| self.failed(name, &error))?;
        match text.len() as u64 > TEXT_MAX_BYTES {
            true => Err(unsound(format!("{name}: it is too long"))),
            false => Ok(text),
        }
    }

    fn sha256(&mut self, name: &str) -> Result<[u8; 32]> {
        let (mut hasher, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
        let mut hash = |input: &mut dyn Read| loop {
            match input.read(&mut piece)? {
                0 => return Ok(()),
                len => hasher.update(piece.get(..len).unwrap_or_default()),
            }
        };
        let done: io::Result<()> = hash(&mut self.read(name)?);
        done.map_err(|error| self.failed(name, &error))?;
        Ok(hasher.finalize().into())
    }
}

/// Refuses an archive that other programs may read otherwise: with something before its first file, names that stand twice or
/// differ in front of the file, links, and other ways to store.
fn check_plain(path: &Path, zip: &mut ZipArchive<File>) -> zip::result::ZipResult<Result<()>> {
    let odd = |what: String| Ok(Err(unsound(format!("{}: {what}", path.display()))));
    let mut file = File::open(path)?;
    let (mut first, mut count) = (u64::MAX, 0);
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        let (name, start) = (entry.name_raw().to_vec(), entry.header_start());
        let shown = String::from_utf8_lossy(&name).into_owned();
        let is_link = entry
            .unix_mode()
            .is_some_and(|mode| mode & 0o170_000 != 0o100_000 && mode & 0o170_000 != 0);
        let is_known =
            matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated);
        if is_link || !entry.is_file() || entry.encrypted() || !is_known {
            return odd(format!("{shown} is no plain file, stored or deflated"));
        }
        // In front of a file: 26 bytes, the length of its name (2) and of what follows the name (2), the name.
        let mut fixed = [0; 30];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut fixed)?;
        let [.., low, high, _, _] = fixed;
        let mut before = vec![0; usize::from(u16::from_le_bytes([low, high]))];
        file.read_exact(&mut before)?;
        if before != name {
            return odd(format!("{shown} has another name in front of it"));
        }
        first = first.min(start);
        count += 1;
    }
    if first != 0 || zip.offset() != 0 {
        return odd("something stands before its first file".into());
    }
    if listed(&mut file)? != Some(count) {
        return odd("a name stands in it twice, or something behind it".into());
    }
    Ok(Ok(()))
}

/// How many files the end of an archive says that it lists; none where it does not end with that.
fn listed(file: &mut File) -> io::Result<Option<u16>> {
    let mut end = [0; 22];
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(end.len() as u64)))?;
    file.read_exact(&mut end)?;
    let [p, k, five, six, _, _, _, _, _, _, low, high, ..] = end;
    let is_end = [p, k, five, six] == *b"PK\x05\x06" && end.ends_with(&[0, 0]);
    Ok(is_end.then_some(u16::from_le_bytes([low, high])))
}

/// Whether that is a bundle, by its files or its name.
fn is_bundle(path: &Path) -> bool {
    path.join(ENTRIES).is_file() || is_zip(path)
}

/// Verifies a bundle; none where it is no bundle at all, but a proof or a checkpoint. At least one of the keys must have signed it,
/// where keys are given.
///
/// # Errors
/// When it does not hold, or cannot be read.
pub fn verify_bundle(
    path: &Path,
    keys: &[Verifier],
    body: Option<Seq>,
) -> Result<Option<BundleProven>> {
    if !is_bundle(path) {
        return Ok(None);
    }
    let mut container = Container::open(path)?;
    let mut names = container.names()?;
    for name in [ENTRIES, CHECKPOINT, PROOF, KEY] {
        if !names.remove(name) {
            return Err(unsound(format!("{name} is missing")));
        }
    }
    let proof_text = container.text(PROOF)?;
    let proof = verify_proof(&proof_text, keys)?;
    let text = container.text(CHECKPOINT)?;
    if proof_text.split_once("\n\n").map(|(_, note)| note) != Some(&*text) {
        return Err(unsound("the checkpoint is another one than that of the proof"));
    }
    let (checkpoint, note) = Checkpoint::parse(&text).map_err(unsound)?;
    let key = container.text(KEY)?;
    let own = key.strip_suffix('\n').and_then(|key| Verifier::parse(key).ok());
    let is_own = |key: &Verifier| key.purpose() == Use::Log && key.name() == checkpoint.origin;
    if !own.is_some_and(|key| is_own(&key) && note.signed_by(&key).is_ok()) {
        return Err(unsound("the key in it is none, or has not signed its checkpoint"));
    }
    let mut read = || -> Result<_> {
        let mut entries = Entries::begin(container.read(ENTRIES)?, &checkpoint)?;
        entries.wanted = body.map(Seq::get);
        let root = entries.root()?;
        entries.end()?;
        let Entries { ranges, bodies, record, last, chosen, found, .. } = entries;
        Ok((root, ranges, bodies, record, last, (chosen.finalize().into(), found)))
    };
    let (root, ranges, bodies, record, last, (chosen, body)) = read()?;
    if root != checkpoint.root {
        return Err(unsound("the entries lead to another root than the one that was signed"));
    }
    let files = recorded_files(&record, &chosen)?;
    if last != proof.seq || proof.seq.is_none() {
        return Err(unsound("the proof is of another entry than the one that records the bundle"));
    }
    if let Some(extra) = names.iter().find(|name| !files.contains_key(*name)) {
        return Err(unsound(format!("{extra} does not belong to the bundle")));
    }
    for (name, recorded) in &files {
        if !names.contains(name) {
            return Err(unsound(format!("{name} is missing")));
        }
        if hex(&container.sha256(name)?) != *recorded {
            return Err(unsound(format!("{name} is not the file that was recorded")));
        }
    }
    let files = files.into_iter().map(|(name, sha256)| BundleFile { name, sha256 });
    Ok(Some(BundleProven { proof, bodies, ranges, files: files.collect(), body }))
}

/// The files that the entry names, with their hashes; it names what was chosen, too.
fn recorded_files(record: &[u8], chosen: &[u8; 32]) -> Result<BTreeMap<String, String>> {
    let wrong = || unsound("the last entry does not record a bundle");
    let fields = Fields::parse(record).map_err(|_| wrong())?;
    if fields.get("verb") != Some(b"bundle") {
        return Err(wrong());
    }
    if fields.text("selection") != Some(hex(chosen)) {
        return Err(unsound("other entries or bodies are in it than were recorded"));
    }
    let mut files = BTreeMap::new();
    for file in fields.all("file").take(FILES_MAX + 1) {
        let file = str::from_utf8(file).map_err(|_| wrong())?;
        let (hash, name) = file.split_once(' ').ok_or_else(wrong)?;
        files.insert(name.to_string(), hash.to_string());
    }
    let has_all = [HOW_TO, SCRIPT].iter().all(|name| files.contains_key(*name));
    match !has_all || files.len() > FILES_MAX {
        true => Err(wrong()),
        false => Ok(files),
    }
}

/// `entries.cxb`, while it is read.
struct Entries<R> {
    input: R,
    ledger: LedgerId,
    origin: OriginId,
    size: u64,
    ranges: Vec<Range<u64>>,
    hashes: Vec<TreeHash>,
    bodies: BodyCounts,
    /// Seq of the last entry, and its body.
    last: Option<u64>,
    record: Vec<u8>,
    prev: EntryId,
    /// What was chosen besides the last entry, whose form waits here.
    chosen: Sha256,
    form: Option<u8>,
    /// The entry whose body is asked for, and the body.
    wanted: Option<u64>,
    found: Option<Vec<u8>>,
    erasures: Erasures,
}

impl<R: Read> Entries<R> {
    fn begin(mut input: R, checkpoint: &Checkpoint) -> Result<Entries<R>> {
        let start: [u8; 6] = take(&mut input)?;
        if start.split_at(4) != (&MAGIC[..], &VERSION.to_be_bytes()) {
            return Err(unsound(format!("{ENTRIES}: not the entries of a bundle of version 1")));
        }
        let (ledger, origin) = (LedgerId(take(&mut input)?), OriginId(take(&mut input)?));
        let size = u64::from_be_bytes(take(&mut input)?);
        if checkpoint.origin != log_name(ledger, origin) || checkpoint.size != size {
            return Err(unsound("the entries are of another log, or of another size of it"));
        }
        let ranges = ranges(&mut input, size)?;
        let expected = missing_parts(size, &ranges).len() as u64;
        let found = u32::from_be_bytes(take(&mut input)?);
        if expected != u64::from(found) {
            return Err(unsound(format!("{ENTRIES}: {found} hashes, where {expected} are needed")));
        }
        let hashes = (0..found).map(|_| Ok(TreeHash(take(&mut input)?))).collect::<Result<_>>()?;
        let mut chosen = Sha256::new();
        let record = ranges.last().map(|last| last.end);
        for range in &ranges {
            let end = if Some(range.end) == record { range.end - 1 } else { range.end };
            if range.start < end {
                chosen.update(range.start.to_be_bytes());
                chosen.update(end.to_be_bytes());
            }
        }
        Ok(Entries {
            input,
            ledger,
            origin,
            size,
            ranges,
            hashes,
            bodies: BodyCounts::default(),
            last: None,
            record: Vec::new(),
            prev: EntryId::default(),
            chosen,
            form: None,
            wanted: None,
            found: None,
            erasures: Erasures::default(),
        })
    }

    /// Reads all entries and computes the root of the tree.
    fn root(&mut self) -> Result<TreeHash> {
        let (ranges, hashes) = (self.ranges.clone(), std::mem::take(&mut self.hashes));
        let mut hashes = hashes.into_iter();
        root_of_pieces(self.size, &ranges, &mut |piece| match piece {
            Piece::Missing(_) => hashes.next().ok_or_else(|| unsound("a hash is missing")),
            Piece::Leaf(seq) => self.entry(seq),
        })
    }

    fn entry(&mut self, seq: u64) -> Result<TreeHash> {
        let bytes: [u8; HEADER_BYTES] = take(&mut self.input)?;
        let wrong = |what: &str| unsound(format!("entry {seq}: {what}"));
        let header = Header::decode(&bytes).map_err(|error| wrong(&error.to_string()))?;
        if (header.seq.get(), header.ledger, header.origin) != (seq, self.ledger, self.origin) {
            return Err(wrong("another entry stands in its place"));
        }
        let follows = self.last.is_some_and(|last| last + 1 == seq);
        if follows && header.prev != self.prev {
            return Err(wrong("it does not follow from the one before"));
        }
        self.prev = Header::id(&bytes);
        self.last = Some(seq);
        self.record.clear();
        let [form] = take(&mut self.input)?;
        if let Some(before) = self.form.replace(form) {
            self.chosen.update([before]);
        }
        match form {
            PRESENT => self.body(&header).map_err(|what| match what {
                BodyError::Read(error) => error,
                BodyError::Other => wrong("its body is not the one that was recorded"),
            })?,
            WITHHELD => self.bodies.withheld += 1,
            ERASED => {
                self.bodies.erased += 1;
                self.erasures.gone(&header).map_err(wrong)?;
            }
            _ => return Err(wrong("unknown form")),
        }
        if form == PRESENT {
            self.erasures.there(&header, &self.record).map_err(wrong)?;
        }
        if form != PRESENT || header.kind != Kind::Access {
            self.record.clear();
        }
        Ok(leaf_hash(&bytes))
    }

    fn body(&mut self, header: &Header) -> std::result::Result<(), BodyError> {
        let salt: [u8; SALT_BYTES] = take(&mut self.input).map_err(BodyError::Read)?;
        let mut hasher = commit_hasher(&salt);
        let mut left = header.body_len;
        let is_kept = matches!(header.kind, Kind::Access | Kind::EraseDone);
        let keeps = is_kept && left <= RECORD_MAX_BYTES;
        let is_wanted = self.wanted == Some(header.seq.get()) && left <= BODY_MAX_BYTES;
        let mut piece = vec![0; (64 << 10).min(left) as usize];
        while left > 0 {
            let len = left.min(piece.len() as u64) as usize;
            let piece = piece.get_mut(..len).unwrap_or_default();
            self.input.read_exact(piece).map_err(|error| BodyError::Read(cut(&error)))?;
            hasher.update(piece);
            if keeps {
                self.record.extend_from_slice(piece);
            }
            if is_wanted {
                self.found.get_or_insert_default().extend_from_slice(piece);
            }
            left -= len as u64;
        }
        if *hasher.finalize().as_bytes() != header.commitment.0 {
            return Err(BodyError::Other);
        }
        self.bodies.present += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.erasures.check().map_err(|(seq, what)| unsound(format!("entry {seq}: {what}")))?;
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(unsound(format!("{ENTRIES}: there is more behind the last entry"))),
            Err(error) => Err(cut(&error)),
        }
    }
}

enum BodyError {
    Read(AppError),
    Other,
}

fn ranges(input: &mut impl Read, size: u64) -> Result<Vec<Range<u64>>> {
    let count = u32::from_be_bytes(take(input)?);
    let mut ranges: Vec<Range<u64>> = Vec::new();
    if count == 0 || count > RANGES_MAX {
        return Err(unsound(format!("{ENTRIES}: {count} ranges of entries")));
    }
    for _ in 0..count {
        let range = u64::from_be_bytes(take(input)?)..u64::from_be_bytes(take(input)?);
        let is_apart = ranges.last().is_none_or(|last| last.end < range.start);
        if range.is_empty() || range.end > size || !is_apart {
            return Err(unsound(format!("{ENTRIES}: ranges that are not in order")));
        }
        ranges.push(range);
    }
    Ok(ranges)
}

fn take<const N: usize>(input: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(|error| cut(&error))?;
    Ok(bytes)
}

fn cut(error: &io::Error) -> AppError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => unsound(format!("{ENTRIES}: it ends too early")),
        _ => unsound(format!("{ENTRIES}: {error}")),
    }
}

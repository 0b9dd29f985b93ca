//! Salvage: everything that can still be read of a damaged ledger, wherever it lies. Reads only.

use super::block::check_body;
use super::chain::ChainEnd;
use super::codec::Decoder;
use super::error::{LedgerError, Result};
use super::extents::ExtentReader;
use super::files::read_file;
use super::journal::{self, Commit, FrameKind, JournalReader, Next};
use super::journal_index::JournalIndex;
use super::pack::{Identity, Pack};
use super::store::{Key, Store};
use super::volume::{self, Volume};
use codex_ledger_entry::{LedgerId, OriginId, Seq, SeqRange, parse_hex};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where packs and blocks may lie: in the ledger's folder, or in a copy of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) of: PlaceOf,
}

/// What lies at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceOf {
    /// The volume that begins with that entry.
    Volume(Seq),
    /// The journal that begins with that entry.
    Journal(Seq),
}

/// A place that is open.
pub(super) enum Open {
    Volume(DamagedVolume),
    Journal(DamagedJournal),
}

/// A volume of which any part may be damaged: what one way does not give, the other may.
pub(super) struct DamagedVolume {
    dir: PathBuf,
    first_seq: Seq,
    extents: Option<ExtentReader>,
    /// A copy, since the log engine mends what it opens; made when it is wanted.
    copy: OnceCell<Option<Store>>,
}

/// A journal of which any part may be damaged.
pub(super) struct DamagedJournal {
    index: JournalIndex,
    /// The largest end that a commit names.
    committed: Seq,
}

/// All places of a ledger, volumes first, in the order of their first entries.
pub(super) fn places(dir: &Path) -> Result<Vec<Place>> {
    let mut volumes = volume::manifest_seqs(dir)?;
    volumes.extend(volume::folders(dir)?.into_iter().map(|(first_seq, _)| first_seq));
    volumes.sort_unstable();
    volumes.dedup();
    let journals = journal::list(dir)?;
    let of =
        volumes.into_iter().map(PlaceOf::Volume).chain(journals.into_iter().map(PlaceOf::Journal));
    Ok(of.map(|of| Place { dir: dir.to_path_buf(), of }).collect())
}

impl Place {
    pub(super) fn first_seq(&self) -> Seq {
        match self.of {
            PlaceOf::Volume(first_seq) | PlaceOf::Journal(first_seq) => first_seq,
        }
    }

    /// Opens it; `None` when nothing in it can be read.
    ///
    /// # Errors
    /// When the machine cannot do it now, which says nothing of the place.
    pub(super) fn open(&self, identity: &Identity) -> Result<Option<Open>> {
        match self.of {
            PlaceOf::Volume(first_seq) => {
                Ok(Some(Open::Volume(DamagedVolume::open(&self.dir, first_seq))))
            }
            PlaceOf::Journal(first_seq) => {
                match DamagedJournal::open(&self.dir, identity, first_seq) {
                    Err(error) if error.is_of_the_moment() => Err(error),
                    opened => Ok(opened.ok().map(Open::Journal)),
                }
            }
        }
    }
}

impl DamagedVolume {
    fn open(dir: &Path, first_seq: Seq) -> DamagedVolume {
        let record = Volume::load(dir, first_seq).ok();
        let extents = record.as_ref().and_then(|volume| ExtentReader::open(dir, volume));
        DamagedVolume { dir: dir.to_path_buf(), first_seq, extents, copy: OnceCell::new() }
    }

    /// The copy; `None` where the engine can make nothing of it.
    fn copy(&self) -> Result<Option<&Store>> {
        if self.copy.get().is_none() {
            let opened = match Volume::load(&self.dir, self.first_seq) {
                Ok(volume) => volume.open_copy(&self.dir),
                Err(_) => {
                    Store::open_copy(&volume::newest_dir(&self.dir, self.first_seq), &|_| true)
                }
            };
            let copy = match opened {
                Err(error) if error.is_of_the_moment() => return Err(error),
                opened => opened.ok(),
            };
            self.copy.set(copy).ok();
        }
        Ok(self.copy.get().and_then(Option::as_ref))
    }

    fn get(&self, key: Key) -> Result<Option<Vec<u8>>> {
        if let Some(extents) = &self.extents {
            match extents.get_sound(key) {
                Ok(Some(bytes)) => return Ok(Some(bytes)),
                Err(error) if error.is_of_the_moment() => return Err(error),
                _ => {}
            }
        }
        self.copy()?.map_or(Ok(None), |copy| copy.get(key))
    }

    fn pack_seq_at_or_before(&self, seq: Seq) -> Option<Seq> {
        let by_extents = self.extents.as_ref().and_then(|e| e.pack_seq_at_or_before(seq));
        let by_copy = || self.copy().ok()??.pack_seq_at_or_before(seq).ok()?;
        by_extents.or_else(by_copy)
    }
}

impl DamagedJournal {
    fn open(dir: &Path, identity: &Identity, first_seq: Seq) -> Result<DamagedJournal> {
        let reader = JournalReader::open_damaged(dir, identity, first_seq)?;
        let mut journal =
            DamagedJournal { index: JournalIndex::new(reader), committed: Seq::FIRST };
        loop {
            let at = journal.index.reader.position();
            match journal.index.step()? {
                Next::Frame(frame) => {
                    if frame.kind == FrameKind::Commit {
                        let commit = Commit::decode(&frame.payload);
                        let end = commit.map_or(Seq::FIRST, |commit| commit.end);
                        journal.committed = journal.committed.max(end);
                    }
                }
                Next::End => return Ok(journal),
                Next::Torn(_) => {
                    journal.index.reader.seek(at)?;
                    if !journal.index.reader.resync()? {
                        return Ok(journal);
                    }
                }
            }
        }
    }
}

impl Open {
    /// The pack that begins with that entry.
    pub(super) fn pack(&mut self, seq: Seq) -> Result<Option<Vec<u8>>> {
        match self {
            Open::Volume(volume) => volume.get(Key::Pack(seq)),
            Open::Journal(journal) => journal.index.pack(seq),
        }
    }

    /// A block of a large body.
    pub(super) fn block(&mut self, seq: Seq, index: u32) -> Result<Option<Vec<u8>>> {
        match self {
            Open::Volume(volume) => volume.get(Key::Block(seq, index)),
            Open::Journal(journal) => journal.index.block(seq, index),
        }
    }

    /// The first seqs of its packs below `end`, from `from` on; a damaged volume is asked for every seq.
    pub(super) fn pack_seqs(&mut self, seqs: SeqRange) -> Vec<Seq> {
        match self {
            Open::Volume(volume) => {
                let has = |seq: &Seq| matches!(volume.get(Key::Pack(*seq)), Ok(Some(_)));
                seqs.iter().filter(has).collect()
            }
            Open::Journal(journal) => journal.index.pack_seqs(seqs.from).collect(),
        }
    }

    /// The first seq of the last pack that begins at or before `seq`.
    pub(super) fn pack_seq_at_or_before(&mut self, seq: Seq) -> Option<Seq> {
        match self {
            Open::Volume(volume) => volume.pack_seq_at_or_before(seq),
            Open::Journal(journal) => journal.index.pack_seq_at_or_before(seq),
        }
    }

    /// The largest end that a commit in it names; the first entry for a volume.
    pub(super) fn committed(&self) -> Seq {
        match self {
            Open::Volume(_) => Seq::FIRST,
            Open::Journal(journal) => journal.committed,
        }
    }
}

/// Reads packs and proves each: by its checksum, its ids, and the commitments of its bodies.
pub(super) struct Prover {
    pub(super) identity: Identity,
    decoder: Decoder,
}

/// A pack that was proven, and the bodies that it keeps in blocks.
pub(super) struct Proven {
    pub(super) pack: Pack,
    pub(super) bytes: Vec<u8>,
    /// Bodies of entries that decide what may be shown and lie in blocks, by seq.
    pub(super) large: BTreeMap<Seq, Vec<u8>>,
}

impl Prover {
    pub(super) fn new(dir: &Path, identity: Identity) -> Result<Prover> {
        let decoder = Decoder::new().map_err(LedgerError::io("no decompressor for", dir))?;
        Ok(Prover { identity, decoder })
    }

    /// The pack at `seq`, when all of it verifies; `chain` is moved behind it.
    ///
    /// # Errors
    /// As [`Prover::at`].
    pub(super) fn next(&mut self, open: &mut Open, chain: &mut ChainEnd) -> Result<Option<Proven>> {
        let Some(proven) = self.at(open, chain.end())? else { return Ok(None) };
        let info = &proven.pack.info;
        if info.prev != chain.id || info.recorded_at < chain.recorded_at {
            return Ok(None);
        }
        let mut behind = chain.clone();
        if proven.pack.verify(&self.identity, &mut behind).is_err() {
            return Ok(None);
        }
        *chain = behind;
        Ok(Some(proven))
    }

    /// The pack that begins at `seq`, when it verifies by itself: it need not continue anything.
    ///
    /// # Errors
    /// When the machine cannot read it now. What it cannot read for good is no entry.
    pub(super) fn at(&mut self, open: &mut Open, seq: Seq) -> Result<Option<Proven>> {
        match open.pack(seq) {
            Err(error) if error.is_of_the_moment() => Err(error),
            bytes => {
                let mut trouble = None;
                let proven =
                    bytes.ok().flatten().and_then(|b| self.prove(open, seq, b, &mut trouble));
                trouble.map_or(Ok(proven), Err)
            }
        }
    }

    fn prove(
        &mut self,
        open: &mut Open,
        seq: Seq,
        bytes: Vec<u8>,
        trouble: &mut Option<LedgerError>,
    ) -> Option<Proven> {
        let pack = Pack::decode(&mut self.decoder, &bytes).ok()?;
        if pack.info.first_seq != seq {
            return None;
        }
        let mut alone = ChainEnd { id: pack.info.prev, ..ChainEnd::empty() };
        pack.verify(&self.identity, &mut alone).ok()?;
        let mut large = BTreeMap::new();
        for entry in &pack.entries {
            let mut body = Vec::new();
            let keep = entry.kind.is_control();
            let mut block = |seq, index| match open.block(seq, index) {
                Err(error) if error.is_of_the_moment() => {
                    *trouble = Some(error);
                    Ok(None)
                }
                read => read,
            };
            let mut each = |piece: &[u8]| body.extend_from_slice(if keep { piece } else { &[] });
            if check_body(&mut self.decoder, entry, &mut block, &mut each).ok()?.is_some() {
                return None;
            }
            if keep && !body.is_empty() {
                large.insert(entry.seq, body);
            }
        }
        Some(Proven { pack, bytes, large })
    }
}

/// The ids that FORMAT names, for when HEAD cannot be read.
pub(super) fn identity_of(dir: &Path) -> Result<Identity> {
    if let Ok(slots) = super::read_head(dir) {
        return Ok(slots.head.identity);
    }
    let path = super::open::format_path(dir);
    let text = read_file(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.map_err(LedgerError::io("cannot read", &path))?;
    let id = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|hex| parse_hex::<16>(hex.trim()).ok())
    };
    match (id("ledger "), id("origin ")) {
        (Some(ledger), Some(origin)) => {
            Ok(Identity { ledger: LedgerId(ledger), origin: OriginId(origin) })
        }
        _ => Err(LedgerError::damaged(&path, "neither HEAD nor FORMAT says which ledger this is")),
    }
}

//! What a repair would keep of a damaged ledger, and what it would lose. Reads only.

use super::chain::ChainEnd;
use super::controls::{Control, Controls, controls_in};
use super::error::{LedgerError, Result};
use super::files::side_bounds;
use super::head::{Head, read_head};
use super::inspect::inspect;
use super::open::LedgerPaths;
use super::pack::{Identity, Pack};
use super::recover::Recovery;
use super::salvage::{Open, Place, PlaceOf, Proven, Prover, identity_of, places};
use super::side;
use super::volume::{Volume, digest_files};
use codex_ledger_entry::{Erasure, Kind, Seq, SeqRange, SeqSet, StreamDescriptor, StreamName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A piece of what is kept, in order.
#[derive(Clone, Debug)]
pub(super) enum Segment {
    /// A volume that is as it was settled, and verifies.
    Volume(Volume),
    /// The packs from one entry to another, out of one place.
    Packs(Place, SeqRange),
}

/// What a repair would do.
#[derive(Clone, Debug)]
pub struct Survey {
    pub(super) dir: PathBuf,
    /// Whose entries these are.
    pub identity: Identity,
    /// HEAD, where it can be read.
    pub head: Option<Head>,
    /// The end of what verifies from the first entry on without a gap.
    pub kept: ChainEnd,
    /// One past the last entry that anything in the folder knows of.
    pub known: Seq,
    /// Entries that decide what may be shown: kept ones and, from `kept.end()` on, what is known of lost ones.
    pub controls: Vec<Control>,
    /// How many entries of which kind can be read behind the gap.
    pub lost_kinds: BTreeMap<&'static str, u64>,
    /// Whether the ledger can be written to as it is, or will be after the next append.
    pub is_sound: bool,
    pub(super) segments: Vec<Segment>,
    /// Where anything may lie: the ledger's own places first.
    places: Vec<Place>,
    /// Entries of whole volumes whose bodies are gone.
    gone: SeqSet,
}

impl Survey {
    /// Reads everything that can be read, also in copies of the ledger.
    ///
    /// # Errors
    /// When nothing says which ledger this is, a copy is of another one, or not even the first entry verifies.
    pub fn of(dir: &Path, copies: &[PathBuf]) -> Result<Survey> {
        if !dir.is_dir() {
            return Err(LedgerError::Missing { path: dir.to_path_buf() });
        }
        let (identity, places) = places_of(dir, copies)?;
        let head = read_head(dir).ok().map(|slots| slots.head);
        let known = head.as_ref().map_or(Seq::FIRST, Head::end);
        let mut survey = Survey {
            dir: dir.to_path_buf(),
            identity,
            head,
            kept: ChainEnd::empty(),
            known,
            controls: Vec::new(),
            lost_kinds: BTreeMap::new(),
            is_sound: false,
            segments: Vec::new(),
            places,
            gone: SeqSet::default(),
        };
        let mut prover = Prover::new(dir, identity)?;
        while survey.take_volume(&mut prover)? {}
        let places = survey.places.clone();
        loop {
            let mut has_more = false;
            for place in &places {
                has_more |= survey.take_packs(&mut prover, place)?;
            }
            if !has_more {
                break;
            }
        }
        if survey.kept.end() == Seq::FIRST {
            return Err(LedgerError::damaged(dir, "not even the first entry can be read"));
        }
        for place in &places {
            survey.look_behind(&mut prover, place)?;
        }
        survey.add_cached_controls();
        // Stable: what an entry says comes before what is cached of it.
        survey.controls.sort_by_key(|control| control.seq);
        survey.controls.dedup_by_key(|control| control.seq);
        survey.open_volumes();
        let bounds = side_bounds(dir).into_iter().map(|(_, bound)| bound);
        let ours = bounds.filter(|bound| bound.ledger == identity.ledger.0);
        let known = ours.map(|bound| bound.end).chain([survey.known, survey.kept.end()]);
        survey.known = known.max().unwrap_or(Seq::FIRST);
        survey.is_sound = survey.known == survey.kept.end() && can_be_written(dir)?;
        Ok(survey)
    }

    /// The generation of what is kept, and the intent of the erasure that was under way.
    pub(super) fn erasures(&self) -> (u64, Option<Seq>) {
        let mut said = Head::empty(self.identity);
        let kept = self.controls.iter().filter(|control| control.seq < self.kept.end());
        kept.for_each(|control| said.pass(control.kind, control.seq));
        let written = self.segments.iter().filter_map(|segment| match segment {
            Segment::Volume(volume) => Some(volume.generation),
            Segment::Packs(..) => None,
        });
        let least = u64::from(!self.erased().is_empty());
        (written.fold(said.generation.max(least), u64::max), said.erasing)
    }

    /// What was erased, as any entry says that can be read: a copy of before may still have it.
    pub(super) fn erased(&self) -> SeqSet {
        let erasures = self
            .controls
            .iter()
            .filter(|control| matches!(control.kind, Kind::EraseIntent | Kind::EraseDone));
        let erasures = erasures.filter_map(|of| Erasure::decode(of.seq, &of.body));
        erasures.fold(SeqSet::default(), |all, erasure| all.union(&erasure.entries))
    }

    /// Entries that lie in copies of the ledger alone, and are kept.
    pub fn restored(&self) -> u64 {
        let from_copy = |segment: &Segment| match segment {
            Segment::Packs(place, seqs) if place.dir != self.dir => seqs.len(),
            _ => 0,
        };
        self.segments.iter().map(from_copy).sum()
    }

    /// Entries that would be lost.
    pub fn lost(&self) -> SeqRange {
        SeqRange::new(self.kept.end(), self.known)
    }

    /// Takes the next volume whole, when it is as it was settled.
    fn take_volume(&mut self, prover: &mut Prover) -> Result<bool> {
        let first_seq = self.kept.end();
        let Ok(volume) = Volume::load(&self.dir, first_seq) else { return Ok(false) };
        let path = volume.dir(&self.dir);
        if !digest_files(&path).is_ok_and(|files| files == volume.files) {
            return Ok(false);
        }
        let place = Place { dir: self.dir.clone(), of: PlaceOf::Volume(first_seq) };
        let Some(mut open) = place.open(&self.identity)? else { return Ok(false) };
        let (mut chain, mut controls) = (self.kept.clone(), Vec::new());
        while chain.end() < volume.end_seq {
            let Some(proven) = prover.next(&mut open, &mut chain)? else { return Ok(false) };
            let gone = proven.pack.entries.iter().filter(|entry| entry.is_erased());
            gone.for_each(|entry| self.gone.insert(entry.seq));
            controls.extend(controls_of(&self.identity, &proven));
        }
        if (chain.end(), chain.id) != (volume.end_seq, volume.last) {
            return Ok(false);
        }
        self.kept = chain;
        self.controls.extend(controls);
        self.segments.push(Segment::Volume(volume));
        Ok(true)
    }

    /// Takes no volume as it is that still has something which was erased, nor any behind it.
    fn open_volumes(&mut self) {
        let left = self.erased().without(&self.gone);
        let still_has = |segment: &Segment| match segment {
            Segment::Volume(volume) => left.meets(volume.seqs()),
            Segment::Packs(..) => false,
        };
        let Some(first) = self.segments.iter().position(still_has) else { return };
        for segment in self.segments.iter_mut().skip(first) {
            if let Segment::Volume(volume) = segment {
                let of = PlaceOf::Volume(volume.first_seq);
                *segment = Segment::Packs(Place { dir: self.dir.clone(), of }, volume.seqs());
            }
        }
    }

    /// Takes the packs that follow and lie in this place; says whether there were any.
    fn take_packs(&mut self, prover: &mut Prover, place: &Place) -> Result<bool> {
        let from = self.kept.end();
        if place.first_seq() > from {
            return Ok(false);
        }
        let Some(mut open) = place.open(&self.identity)? else { return Ok(false) };
        self.known = self.known.max(open.committed());
        while let Some(proven) = prover.next(&mut open, &mut self.kept)? {
            self.controls.extend(controls_of(&self.identity, &proven));
        }
        let to = self.kept.end();
        if to > from {
            self.segments.push(Segment::Packs(place.clone(), SeqRange::new(from, to)));
        }
        Ok(to > from)
    }

    /// Adds what is cached of lost entries that hide something; what is cached of one that shows again is not believed.
    fn add_cached_controls(&mut self) {
        let paths = LedgerPaths { dir: self.dir.clone() };
        let cached = side::load::<Controls>(&paths.controls());
        let ours = cached.filter(|cached| cached.bound.ledger == self.identity.ledger.0);
        let kept = self.kept.end();
        self.controls.extend(ours.into_iter().flat_map(|cached| cached.entries).filter(|entry| {
            let decides = matches!(entry.kind, Kind::Redaction | Kind::RuleSet | Kind::EraseDone);
            entry.seq >= kept && decides
        }));
    }

    /// How many lost entries cannot even be read.
    pub fn unreadable(&self) -> u64 {
        self.lost().len().saturating_sub(self.lost_kinds.values().sum())
    }

    /// Notes what can be read behind the gap.
    fn look_behind(&mut self, prover: &mut Prover, place: &Place) -> Result<()> {
        let end = match Volume::load(&place.dir, place.first_seq()) {
            Ok(volume) => volume.end_seq,
            Err(_) => self.known,
        };
        if let PlaceOf::Volume(_) = place.of {
            self.known = self.known.max(end);
            if end <= self.kept.end() {
                return Ok(());
            }
        }
        let Some(mut open) = place.open(&self.identity)? else { return Ok(()) };
        self.known = self.known.max(open.committed());
        let from = self.kept.end().max(place.first_seq());
        for seq in open.pack_seqs(SeqRange::new(from, end)) {
            let Some(proven) = prover.at(&mut open, seq)? else { continue };
            self.known = self.known.max(proven.pack.info.end_seq());
            for entry in &proven.pack.entries {
                *self.lost_kinds.entry(entry.kind.name()).or_default() += 1;
            }
            self.controls.extend(controls_of(&self.identity, &proven));
        }
        Ok(())
    }

    /// The names of the streams that these entries belong to, where that can still be read.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn stream_names(&self, seqs: &[Seq]) -> Result<BTreeMap<Seq, StreamName>> {
        let mut prover = Prover::new(&self.dir, self.identity)?;
        let mut open: Vec<(Seq, Open)> = Vec::new();
        for place in self.places.iter().filter(|_| !seqs.is_empty()) {
            open.extend(place.open(&self.identity)?.map(|o| (place.first_seq(), o)));
        }
        let mut find = |seq: Seq| -> Option<Pack> {
            open.iter_mut().filter(|(first, _)| *first <= seq).find_map(|(_, open)| {
                let first = open.pack_seq_at_or_before(seq)?;
                prover
                    .at(open, first)
                    .ok()?
                    .map(|proven| proven.pack)
                    .filter(|p| p.entry(seq).is_some())
            })
        };
        let mut name = |seq: Seq| {
            let opener = find(seq)?.entry(seq)?.stream.opener();
            let pack = find(opener)?;
            let body = pack.body(pack.entry(opener)?)?;
            StreamDescriptor::decode(body).ok().map(|descriptor| descriptor.name)
        };
        Ok(seqs.iter().filter_map(|seq| Some((*seq, name(*seq)?))).collect())
    }
}

/// Whose entries these are, and where any may lie.
fn places_of(dir: &Path, copies: &[PathBuf]) -> Result<(Identity, Vec<Place>)> {
    let own = identity_of(dir);
    let first = copies.first().map(|copy| identity_of(copy));
    let identity = match (own, first) {
        (Ok(identity), _) | (Err(_), Some(Ok(identity))) => identity,
        (Err(error), _) => return Err(error),
    };
    let mut found = places(dir)?;
    for copy in copies {
        if identity_of(copy)? != identity {
            return Err(LedgerError::damaged(
                copy,
                "it is no copy of this ledger, but another one",
            ));
        }
        found.extend(places(copy)?);
    }
    Ok((identity, found))
}

/// Whether only such things are amiss as the next append mends by itself.
fn can_be_written(dir: &Path) -> Result<bool> {
    let opens = read_head(dir).is_ok_and(|slots| Recovery::look(dir, slots).is_ok());
    let inspection = inspect(dir, &mut |_| ())?;
    Ok(opens && !inspection.findings.iter().any(|finding| finding.kind.needs_repair()))
}

/// The entries of a pack that decide what may be shown.
fn controls_of(identity: &Identity, proven: &Proven) -> Vec<Control> {
    let mut found = controls_in(&proven.pack, identity, &|entry| entry.kind.is_control());
    for control in &mut found {
        if let Some(body) = proven.large.get(&control.seq) {
            control.body.clone_from(body);
        }
    }
    found
}

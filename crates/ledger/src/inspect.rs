//! Verification: reads every file of a ledger and says what does not hold. Writes nothing.
//!
//! Decodes with the same code as a reader, but believes nothing that a writer has cached: it recomputes every
//! commitment, id and root, and compares. Cached places of packs are only where it looks first. The log engine is only ever shown a copy, so that looking never destroys
//! evidence.

mod erasures;
mod journal;
mod side;

use self::erasures::{ErasureChecks, Gone};
use self::side::SideChecks;
use super::block::check_body;
use super::chain::ChainEnd;
use super::codec::Decoder;
use super::error::{LedgerError, Result};
use super::extents::{Extents, extents_path};
use super::files::read_file;
use super::finding::{Finding, FindingKind, Inspection};
use super::head::{Head, head_path, read_head};
use super::journal::journal_dir;
use super::open::is_format_of;
use super::pack::{Pack, StoredEntry};
use super::volume::{self, Volume, digest_files, manifest_path, store_dir};
use super::volume_reader::VolumeReader;
use super::whole::look_again;
use codex_ledger_entry::{Kind, Seq, SeqRange};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MISSING: &str = "the entry is missing";

/// Verifies everything in a ledger's directory; `progress` hears the count of entries so far.
///
/// # Errors
/// When there is no ledger, or a file cannot be read for other reasons than damage.
pub fn inspect(dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<Inspection> {
    // A writer may settle its journal while we look; what then seems missing is looked for again. Errors are none
    // of the entries' doing.
    look_again(dir, &mut || inspect_once(dir, progress), &|found| {
        found.as_ref().map_or(true, |found| found.findings.is_empty())
    })
}

fn inspect_once(dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<Inspection> {
    let mut inspector = Inspector {
        dir,
        decoder: Decoder::new().map_err(LedgerError::io("no decompressor for", dir))?,
        chain: ChainEnd::empty(),
        whole: true,
        gap: false,
        side: SideChecks::default(),
        pack_first: Seq::FIRST,
        erasures: ErasureChecks::default(),
        out: Inspection::default(),
        progress,
    };
    if !dir.is_dir() {
        return Err(LedgerError::Missing { path: dir.to_path_buf() });
    }
    let Some(head) = inspector.check_head()? else {
        return Ok(inspector.out);
    };
    inspector.load_side_records(&head);
    inspector.check_volumes(&head)?;
    inspector.check_journal(&head)?;
    inspector.check_end(&head);
    inspector.find_strays();
    inspector.compare_side_records();
    let gone = inspector.check_erasures(&head);
    inspector.count_bodies(&head, gone);
    inspector.out.head = Some(head);
    Ok(inspector.out)
}

pub(super) struct Inspector<'a> {
    pub(super) dir: &'a Path,
    decoder: Decoder,
    pub(super) chain: ChainEnd,
    /// False once an entry was missing or wrong, when the tree can no longer be compared.
    pub(super) whole: bool,
    /// True directly behind entries that could not be read, when the next link cannot be checked.
    gap: bool,
    /// What is cached beside the entries, derived once more on the way.
    side: SideChecks,
    /// The first entry of the pack before.
    pub(super) pack_first: Seq,
    /// What is gone, and what may be.
    erasures: ErasureChecks,
    pub(super) out: Inspection,
    progress: &'a mut dyn FnMut(u64),
}

impl Inspector<'_> {
    pub(super) fn find(
        &mut self,
        kind: FindingKind,
        seq: Option<Seq>,
        file: &Path,
        detail: impl Into<String>,
    ) {
        let finding = Finding { kind, seq, file: file.to_path_buf(), detail: detail.into() };
        self.out.findings.push(finding);
    }

    pub(super) fn find_error(&mut self, kind: FindingKind, fallback: &Path, error: &LedgerError) {
        match error {
            LedgerError::Damaged { path, seq, detail } => {
                self.find(kind, *seq, &path.clone(), detail.clone());
            }
            // It is opened in a copy, whose name says nothing to anybody.
            LedgerError::Engine { detail, .. } => {
                self.find(FindingKind::Engine, None, fallback, detail.clone());
            }
            other => self.find(kind, None, fallback, other.to_string()),
        }
    }

    fn check_head(&mut self) -> Result<Option<Head>> {
        let path = head_path(self.dir);
        let slots = match read_head(self.dir) {
            Ok(slots) => slots,
            Err(LedgerError::Missing { path: missing }) => {
                if self.dir.join("FORMAT").exists() {
                    self.find(FindingKind::Structure, None, &path, "HEAD is missing");
                    return Ok(None);
                }
                return Err(LedgerError::Missing { path: missing });
            }
            Err(error @ LedgerError::Damaged { .. }) => {
                self.find_error(FindingKind::Structure, &path, &error);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !slots.agree() {
            let detail = "the two slots contradict each other";
            self.find(FindingKind::Structure, None, &path, detail);
        }
        for slot in &slots.damaged {
            let detail = format!("slot {slot} does not check; the other slot counts");
            self.find(FindingKind::HeadSlot, None, &path, detail);
        }
        let trailing = fs::metadata(&path).map(|meta| meta.len() != 8192).unwrap_or(true);
        if trailing && slots.damaged.is_empty() {
            self.find(FindingKind::HeadSlot, None, &path, "HEAD is not 8192 bytes long");
        }
        self.check_format(&slots.head);
        Ok(Some(slots.head))
    }

    fn check_format(&mut self, head: &Head) {
        let path = self.dir.join("FORMAT");
        if !read_file(&path).is_ok_and(|text| is_format_of(&text, head)) {
            let detail = "FORMAT does not name the format and the ids of HEAD";
            self.find(FindingKind::Structure, None, &path, detail);
        }
    }

    fn check_volumes(&mut self, head: &Head) -> Result<()> {
        let mut next = Seq::FIRST;
        for first_seq in volume::manifest_seqs(self.dir)? {
            let path = manifest_path(self.dir, first_seq);
            if first_seq >= head.end() {
                let detail =
                    format!("says {} entries, but a volume begins at {first_seq}", head.end());
                let file = head_path(self.dir);
                self.find(FindingKind::Structure, Some(first_seq), &file, detail);
                break;
            }
            if first_seq != next {
                let detail = format!("no volume record covers the entries {next} to {first_seq}");
                self.find(FindingKind::Structure, Some(next), &path, detail);
                self.skip_to(first_seq);
            }
            match Volume::load(self.dir, first_seq) {
                Ok(volume) => {
                    next = volume.end_seq;
                    self.check_volume(head, &volume)?;
                }
                Err(error) => {
                    self.find_error(FindingKind::Structure, &path, &error);
                    self.whole = false;
                }
            }
        }
        if next < head.settled {
            let path = manifest_path(self.dir, next);
            let detail = format!("HEAD says that {} entries are settled", head.settled);
            self.find(FindingKind::Lost, Some(next), &path, detail);
            self.skip_to(head.settled);
        }
        Ok(())
    }

    /// Goes on behind entries that cannot be read.
    pub(super) fn skip_to(&mut self, seq: Seq) {
        self.whole = false;
        self.gap = true;
        if let Some(tree) = zero_tree(seq.get()) {
            self.chain.tree = tree;
        }
    }

    fn check_volume(&mut self, head: &Head, volume: &Volume) -> Result<()> {
        let path = volume.dir(self.dir);
        let changed = self.check_files(volume, &path)?;
        self.check_extents(volume);
        let store = match VolumeReader::open(self.dir, volume) {
            Ok(store) => store,
            // It says nothing of the entries.
            Err(error) if error.is_of_the_moment() => return Err(error),
            Err(error) => {
                let detail = format!("the entries cannot be read: {error}");
                self.find(FindingKind::Engine, Some(volume.first_seq), &path, detail);
                self.skip_to(volume.end_seq);
                return Ok(());
            }
        };
        let found = self.out.findings.len();
        let mut seq = volume.first_seq;
        while seq < volume.end_seq {
            seq = self.check_stored(head, &store, &path, volume, seq);
        }
        if changed && self.out.findings.len() == found {
            let detail = "every entry of the volume still reads back as committed: \
                          the change lies in the engine's dead space";
            self.find(FindingKind::FileChanged, Some(volume.first_seq), &path, detail);
        } else if store.has_wrong_extents() && !changed {
            let path = extents_path(self.dir, volume.first_seq);
            let detail = "not where the packs lie; remove it: it is made anew";
            self.find(FindingKind::SideRecord, Some(volume.first_seq), &path, detail);
        }
        Ok(())
    }

    /// Names in the folders of journals and volumes that are not theirs.
    fn find_strays(&mut self) {
        for folder in [store_dir(self.dir), journal_dir(self.dir)] {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let is_ours =
                    name.get(..16).is_some_and(|digits| u64::from_str_radix(digits, 16).is_ok());
                if !is_ours {
                    self.find(FindingKind::Stray, None, &path, "not of the ledger; remove it");
                }
            }
        }
    }

    fn check_extents(&mut self, volume: &Volume) {
        let path = extents_path(self.dir, volume.first_seq);
        if path.exists() && Extents::load(self.dir, volume).is_none() {
            let detail = "damaged; it is made anew by the next append, no entry depends on it";
            self.find(FindingKind::SideRecord, Some(volume.first_seq), &path, detail);
        }
    }

    /// Compares the volume's files with their digests; true when any differs.
    fn check_files(&mut self, volume: &Volume, path: &Path) -> Result<bool> {
        if !path.is_dir() {
            self.find(FindingKind::Structure, Some(volume.first_seq), path, "the volume is gone");
            return Ok(true);
        }
        let by_name = |files: &[volume::VolumeFile]| -> BTreeMap<String, volume::VolumeFile> {
            files.iter().map(|file| (file.name.clone(), file.clone())).collect()
        };
        let now = match digest_files(path) {
            Ok(files) => by_name(&files),
            Err(error) => {
                self.find_error(FindingKind::FileChanged, path, &error);
                return Ok(true);
            }
        };
        let then = by_name(&volume.files);
        let mut changed = false;
        for name in then.keys().chain(now.keys().filter(|name| !then.contains_key(*name))) {
            let detail = match (then.get(name), now.get(name)) {
                (Some(a), Some(b)) if a == b => continue,
                (Some(a), Some(b)) if a.len != b.len => {
                    format!("has {} bytes, was settled with {}", b.len, a.len)
                }
                (Some(_), Some(_)) => "bytes are not as they were settled".to_string(),
                (Some(_), None) => "is missing".to_string(),
                (None, _) => "was not there when the volume was settled".to_string(),
            };
            changed = true;
            let seq = Some(volume.first_seq);
            self.find(FindingKind::FileChanged, seq, &path.join(name), detail);
        }
        Ok(changed)
    }

    /// Verifies the pack at `seq` and says where to go on.
    fn check_stored(
        &mut self,
        head: &Head,
        store: &VolumeReader,
        path: &Path,
        volume: &Volume,
        seq: Seq,
    ) -> Seq {
        let checked = store.pack_with(seq).and_then(|bytes| {
            let missing = || LedgerError::damaged_at(path, seq, MISSING);
            self.check_pack(head, path, &bytes.ok_or_else(missing)?, seq, |seq, index| {
                store.block(seq, index)
            })
        });
        match checked {
            Ok(next) => next,
            Err(error) => {
                let next = next_pack(store, seq.next(), volume.end_seq);
                self.find_error(FindingKind::Entry, path, &error);
                if !matches!(&error, LedgerError::Damaged { detail, .. } if detail == MISSING) {
                    self.out.bodies.violation += next.since(seq);
                }
                if next > seq.next() {
                    let detail = format!(
                        "entries {seq} to {} cannot be verified",
                        next.previous().unwrap_or(seq)
                    );
                    self.find(FindingKind::Entry, Some(seq), path, detail);
                }
                self.skip_to(next);
                next
            }
        }
    }

    pub(super) fn check_pack(
        &mut self,
        head: &Head,
        path: &Path,
        bytes: &[u8],
        seq: Seq,
        mut block: impl FnMut(Seq, u32) -> Result<Option<Vec<u8>>>,
    ) -> Result<Seq> {
        let damaged = |detail: String| LedgerError::damaged_at(path, seq, detail);
        let pack = Pack::decode(&mut self.decoder, bytes).map_err(|e| damaged(e.to_string()))?;
        if pack.info.first_seq != seq {
            return Err(damaged(format!("the pack of entry {} lies here", pack.info.first_seq)));
        }
        if !self.gap && pack.info.prev != self.chain.id {
            // The entries before it verified as what their pack says, which is not what was chained.
            let first = self.pack_first.min(seq);
            let detail = format!(
                "the pack of entry {seq} does not continue the entry before it: one of the entries {first} to {seq} \
                 was changed, moved or taken out"
            );
            return Err(LedgerError::damaged_at(path, first, detail));
        }
        self.gap = false;
        if pack.info.recorded_at < self.chain.recorded_at {
            let first = self.pack_first.min(seq);
            let detail = format!(
                "entry {seq} was recorded earlier than the entry before it: one of the entries {first} to {} was changed \
                 or moved",
                pack.info.last_seq()
            );
            return Err(LedgerError::damaged_at(path, first, detail));
        }
        self.pack_first = seq;
        let mut chain = self.chain.clone();
        chain.id = pack.info.prev;
        pack.verify(&head.identity, &mut chain)
            .map_err(|e| damaged(format!("{e} (entries {seq} to {})", pack.info.last_seq())))?;
        self.side.begin_pack(&head.identity, &pack);
        for entry in &pack.entries {
            self.side.begin(&pack, entry);
            self.check_blocks(path, entry, &mut block)?;
            self.side.end(entry);
            self.check_kind(path, entry);
            self.out.bytes += if entry.is_erased() { 0 } else { entry.body_len };
        }
        self.side.end_pack(&pack);
        self.erasures.pass(&pack);
        self.chain = chain;
        self.out.entries += u64::from(pack.info.count);
        (self.progress)(self.out.entries);
        Ok(pack.info.end_seq())
    }

    /// What an entry must be by its place.
    fn check_kind(&mut self, path: &Path, entry: &StoredEntry) {
        if (entry.kind == Kind::Created) != (entry.seq == Seq::FIRST) {
            let detail = "the entry `created` is the first one and only that";
            self.find(FindingKind::Structure, Some(entry.seq), path, detail);
        }
    }

    fn check_blocks(
        &mut self,
        path: &Path,
        entry: &StoredEntry,
        block: &mut impl FnMut(Seq, u32) -> Result<Option<Vec<u8>>>,
    ) -> Result<()> {
        let side = &mut self.side;
        let mut each = |piece: &[u8]| side.piece(entry, piece);
        match check_body(&mut self.decoder, entry, block, &mut each)? {
            Some(detail) => Err(LedgerError::damaged_at(path, entry.seq, detail)),
            None => Ok(()),
        }
    }

    /// What was acknowledged is verified, not what was committed, or lost.
    fn count_bodies(&mut self, head: &Head, gone: Gone) {
        let verified = self.out.entries;
        let pending = verified.min(head.end().since(head.settled));
        let bodies = &mut self.out.bodies;
        bodies.pending = pending;
        bodies.erased = gone.erased;
        let missing = head.size().saturating_sub(verified + bodies.violation);
        bodies.loss = missing + gone.lost;
        bodies.violation += gone.back;
        let other = gone.erased + gone.lost + gone.back;
        bodies.ok = (verified - pending).saturating_sub(other);
    }

    fn check_end(&mut self, head: &Head) {
        let path = head_path(self.dir);
        let end = self.chain.end();
        if end < head.end() {
            let detail = format!("HEAD says there are {} entries; {end} were found", head.end());
            self.find(FindingKind::Lost, Some(end), &path, detail);
        } else if self.chain.id != head.chain.id
            || (self.whole && self.chain.tree != head.chain.tree)
        {
            let detail = "the entries do not hash to the head that was acknowledged";
            self.find(FindingKind::Root, None, &path, detail);
        }
    }
}

/// A tree of that size whose hashes mean nothing; only its size is used after damage.
fn zero_tree(size: u64) -> Option<codex_ledger_entry::Frontier> {
    let roots = vec![codex_ledger_entry::TreeHash::default(); size.count_ones() as usize];
    codex_ledger_entry::Frontier::from_parts(size, roots)
}

/// The first seq from `from` on at which a readable pack begins, else `end`.
fn next_pack(store: &VolumeReader, from: Seq, end: Seq) -> Seq {
    SeqRange::new(from, end)
        .iter()
        .find(|seq| matches!(store.pack(*seq), Ok(Some(_))))
        .unwrap_or(end)
}

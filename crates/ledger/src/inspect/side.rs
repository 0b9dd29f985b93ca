//! The side records' share of an inspection: what is cached beside the entries is derived once more.

use super::Inspector;
use crate::controls::{Control, Controls, controls_in};
use crate::files::{side_record_ahead, side_records};
use crate::finding::FindingKind;
use crate::head::{Head, head_path, read_head};
use crate::open::LedgerPaths;
use crate::pack::{Identity, Pack, StoredEntry};
use crate::reader::{CONTROL_MAX_BYTES, views_key};
use crate::side::{self, Bound};
use crate::sources::SeenFiles;
use crate::tails::{Tails, TailsBuilder};
use crate::tiles;
use codex_ledger_entry::Seq;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the records say, and what the entries of the same pass say.
#[derive(Default)]
pub(super) struct SideChecks {
    tails: Option<(Tails, TailsBuilder)>,
    controls: Option<(Controls, Vec<Control>)>,
    sources: Option<SeenFiles>,
    key: [u8; 32],
    /// Ids before the ends that the records name, once they are known.
    last: BTreeMap<Seq, [u8; 32]>,
}

impl SideChecks {
    /// Before the entries of a pack that was verified.
    pub(super) fn begin_pack(&mut self, identity: &Identity, pack: &Pack) {
        if pack.info.first_seq == Seq::FIRST {
            self.key = views_key(pack.entries.first(), identity);
        }
        let Some((known, found)) = &mut self.controls else { return };
        let is_new = |entry: &StoredEntry| entry.kind.is_control() && entry.seq < known.bound.end;
        found.extend(controls_in(pack, identity, &is_new));
    }

    /// Before an entry's blocks, if it has any.
    pub(super) fn begin(&mut self, pack: &Pack, entry: &StoredEntry) {
        if let Some((known, found)) = &mut self.tails
            && entry.seq < known.bound.end
        {
            let body = pack.body(entry).unwrap_or_default();
            found.begin(entry, body);
            if entry.is_of_source() {
                found.piece(entry, body);
            }
        }
    }

    /// One block of an entry's body.
    pub(super) fn piece(&mut self, entry: &StoredEntry, piece: &[u8]) {
        if let Some((known, found)) = &mut self.tails
            && entry.seq < known.bound.end
            && entry.is_of_source()
        {
            found.piece(entry, piece);
        }
        if let Some((_, found)) = &mut self.controls
            && entry.is_in_blocks()
            && entry.body_len <= CONTROL_MAX_BYTES
            && let Some(control) = found.iter_mut().rev().find(|found| found.seq == entry.seq)
        {
            control.body.extend_from_slice(piece);
        }
    }

    /// Behind an entry's body.
    pub(super) fn end(&mut self, entry: &StoredEntry) {
        if let Some((known, found)) = &mut self.tails
            && entry.seq < known.bound.end
        {
            found.end(entry);
        }
    }

    /// Behind the entries of a pack.
    pub(super) fn end_pack(&mut self, pack: &Pack) {
        if let Some(last) = self.last.get_mut(&pack.info.end_seq()) {
            *last = pack.info.last.0;
        }
    }

    fn has_last(&self, bound: Bound) -> bool {
        bound.end == Seq::FIRST || self.last.get(&bound.end) == Some(&bound.last)
    }

    /// Names of the records that say something else.
    fn differing(self) -> Vec<&'static str> {
        let fits = |bound| self.has_last(bound);
        let mut out = Vec::new();
        if let Some((known, found)) = &self.controls {
            let same = fits(known.bound) && known.entries == *found && known.has_key(&self.key);
            out.extend(Some("controls").filter(|_| !same));
        }
        let sources_fit = self.sources.as_ref().is_none_or(|known| fits(known.bound));
        let tails_fit = self.tails.as_ref().is_none_or(|(known, _)| fits(known.bound));
        let mut sources_differ = !sources_fit;
        if let Some((known, found)) = self.tails {
            let found = found.finish(known.bound);
            let same = tails_fit && known == found;
            out.extend(Some("tails").filter(|_| !same));
            if let Some(sources) = self.sources.filter(|sources| sources.bound == found.bound) {
                let count = sources.files.len();
                sources_differ |= sources.known_to(&found).files.len() < count;
            }
        }
        out.extend(Some("sources").filter(|_| sources_differ));
        out
    }
}

impl Inspector<'_> {
    /// Reads the records that there are; damaged and foreign ones are findings.
    pub(super) fn load_side_records(&mut self, head: &Head) {
        for path in side_records(self.dir) {
            let Ok(bytes) = side::read(&path) else { continue };
            if !side::is_sound(&bytes) {
                let detail = "damaged; it is rebuilt by the next append, no entry depends on it";
                self.find(FindingKind::SideRecord, None, &path, detail);
                continue;
            }
            // Records of other versions read as absent.
            let Some(bound) = side::bound_of(&bytes) else { continue };
            if bound.ledger != head.identity.ledger.0 {
                let detail = "of another ledger; it is not used: remove it, it is made anew";
                self.find(FindingKind::SideRecord, None, &path, detail);
            } else if bound.end <= head.end() {
                self.side.last.insert(bound.end, [0; 32]);
                self.load_side_record(path);
            }
        }
        let paths = LedgerPaths { dir: self.dir.to_path_buf() };
        if tiles::are_wrong(&paths, head) {
            let detail = "not what HEAD's tree is made of; remove it: it is made anew, no entry depends on it";
            self.find(FindingKind::SideRecord, None, &paths.tiles(), detail);
        }
        self.check_side_lengths();
    }

    fn load_side_record(&mut self, path: PathBuf) {
        let paths = LedgerPaths { dir: self.dir.to_path_buf() };
        if path == paths.tails() {
            self.side.tails = side::load::<Tails>(&path)
                .map(|tails| (tails.clone(), TailsBuilder::expecting(&tails)));
        } else if path == paths.controls() {
            self.side.controls = side::load(&path).map(|controls| (controls, Vec::new()));
        } else {
            self.side.sources = side::load(&path);
        }
    }

    /// A record that knows more entries than HEAD was written after them: HEAD is older than it was.
    fn check_side_lengths(&mut self) {
        // Read again, behind the records, since a writer may be at work.
        let Ok(now) = read_head(self.dir) else { return };
        // Where a slot is damaged, the older one counts, and the journal knows more than both.
        if !now.damaged.is_empty() {
            return;
        }
        if let Some((path, size)) = side_record_ahead(self.dir, &now.head) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let detail = format!(
                "HEAD says {} entries, `{name}` knows of {size}: HEAD was put back, or entries were cut",
                now.head.end()
            );
            self.find(FindingKind::Lost, Some(now.head.end()), &head_path(self.dir), detail);
        }
    }

    /// Compares them with the entries, where those could all be read.
    pub(super) fn compare_side_records(&mut self) {
        let side = std::mem::take(&mut self.side);
        if !self.whole {
            return;
        }
        for name in side.differing() {
            let detail = "not what the entries say; remove it: it is made anew";
            self.find(FindingKind::SideRecord, None, &self.dir.join(name), detail);
        }
    }
}

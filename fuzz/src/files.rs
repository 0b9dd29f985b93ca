//! What holds of a ledger's folder, and of a bundle, in which one file is anything at all.
//!
//! Checksums stand in front of most of what is read. So that the bytes behind them are reached, each target also tries
//! its input with checksums that fit: whoever forges a file makes them, too.

use super::touch;
use codex_ledger_app::verify_bundle;
use codex_ledger_entry::{EntryId, Header, Kind, Seq, checksum};
use codex_ledger_ledger::side::SideRecord;
use codex_ledger_ledger::{
    Clock, Controls, Entropy, Holder, Ledger, LedgerError, LedgerReader, RealWorld, SeenFiles,
    StoredEntry, Survey, Tails, World, inspect, side,
};
use std::fmt::Debug;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Of the entries behind those that the first append has settled.
const JOURNAL: &str = "journal/000000000000000d.cxj";
const VOLUME: &str = "store/0000000000000000.volume";
const BUNDLE_ENTRIES: &str = "entries.cxb";
/// Bytes in front of a journal's first frame, in front of a frame's payload, and in front of a pack's.
const JOURNAL_HEADER: usize = 64;
const FRAME_HEADER: usize = 36;
const PACK_HEADER: usize = 112;
const SUM: usize = 16;
const SEED_BYTES_MAX: usize = 32 << 10;

/// HEAD.
pub fn head(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    for slot in mended.chunks_exact_mut(4096) {
        let (fields, sum) = slot.split_at_mut(4096 - SUM);
        sum.copy_from_slice(&checksum("codex-ledger v1 head", &[fields]));
    }
    let template = YOUNG.lock("HEAD");
    template.check(bytes);
    template.check(&mended);
}

/// The journal, frame by frame.
pub fn journal(bytes: &[u8]) {
    let template = YOUNG.lock(JOURNAL);
    template.check(bytes);
    template.check(&mended_journal(bytes));
}

/// What a pack holds, once it is decompressed: records, salts, commitments, bodies.
pub fn pack(bytes: &[u8]) {
    let template = YOUNG.lock(JOURNAL);
    let mut out = Vec::new();
    let mut at = JOURNAL_HEADER;
    out.extend_from_slice(&template.whole[..JOURNAL_HEADER]);
    let mut is_replaced = false;
    while let Some(frame) = template.whole.get(at..).filter(|rest| !rest.is_empty()) {
        let len = number(frame, 8) as usize;
        let payload = &frame[FRAME_HEADER..FRAME_HEADER + len];
        let is_pack = frame[4] == 1 && number(payload, 16) > 1;
        out.extend_from_slice(&frame[..FRAME_HEADER]);
        let start = out.len();
        out.extend_from_slice(if is_pack { &payload[..PACK_HEADER] } else { payload });
        if is_pack {
            // Stored as it is, under the fields of the pack that it takes the place of.
            out.extend_from_slice(bytes);
            out[start + 4] = 0;
            out[start + 20..start + 24].copy_from_slice(&(bytes.len() as u32).to_be_bytes());
            is_replaced = true;
        }
        let stored = (out.len() - start) as u32;
        out[start - FRAME_HEADER + 8..start - FRAME_HEADER + 12]
            .copy_from_slice(&stored.to_be_bytes());
        at += FRAME_HEADER + len;
    }
    assert!(is_replaced, "the ledger has a pack with several entries");
    template.check(&mended_journal(&out));
}

/// The record of a volume.
pub fn volume(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    if let Some((start, body)) = mended.split_at_mut_checked(4 + SUM) {
        start[..4].copy_from_slice(b"CXLV");
        start[4..].copy_from_slice(&checksum("codex-ledger v1 volume", &[body]));
    }
    let template = SETTLED.lock(VOLUME);
    template.check(bytes);
    template.check(&mended);
}

/// What is cached beside the entries, under the checksum that it has to have.
pub fn side(bytes: &[u8]) {
    cached::<Tails>(bytes);
    cached::<SeenFiles>(bytes);
    cached::<Controls>(bytes);
}

fn cached<T: SideRecord + Debug>(bytes: &[u8]) {
    touch(&side::decode::<T>(bytes));
    let mut record = b"CXLT".to_vec();
    record.extend_from_slice(&T::SCHEMA.to_be_bytes());
    record.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    record.extend_from_slice(&checksum("codex-ledger v1 side record", &[&record, bytes]));
    record.extend_from_slice(bytes);
    if let Some(found) = side::decode::<T>(&record) {
        touch(&found);
        assert!(side::encode(&found).is_some(), "what was read can be written");
    }
}

/// The entries of a bundle, and a whole bundle as an archive.
pub fn bundle(bytes: &[u8]) {
    let template = BUNDLE.lock(BUNDLE_ENTRIES);
    fs::write(template.path(), bytes).expect("a scratch folder");
    match verify_bundle(&template.dir, &[], None) {
        Ok(proven) => {
            touch(&proven);
            assert!(bytes == template.whole, "a bundle was changed and holds");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a reason"),
    }
    let archive = template.dir.with_extension("zip");
    fs::write(&archive, bytes).expect("a scratch folder");
    touch(&verify_bundle(&archive, &[], None).map_err(|error| error.to_string()));
}

/// What the targets of files start from: target, name, and bytes.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut out = Vec::new();
    for (target, name) in [("head", "HEAD"), ("journal", JOURNAL)] {
        out.push((target, "young".to_string(), YOUNG.lock(name).whole.clone()));
    }
    for (template, name) in [(&YOUNG, "young"), (&SETTLED, "frozen")] {
        let dir = template.lock("HEAD").dir.clone();
        let mut reader = LedgerReader::open(&dir).expect("a ledger");
        let mut next = Seq::FIRST;
        while let Some(pack) = reader.pack_from(next).expect("a pack") {
            out.push(("pack", format!("{name}-{next}"), pack.plain.clone()));
            next = pack.info.end_seq();
            let own = |entry: &&StoredEntry| !matches!(entry.kind, Kind::Line | Kind::Document);
            for entry in pack.entries.iter().filter(|entry| own(entry) && name == "frozen") {
                let body = pack.body(entry).map(<[u8]>::to_vec);
                let file = format!("{}-{}", entry.kind.name(), entry.seq);
                out.extend(body.map(|body| ("header", file, body)));
            }
        }
        let tails = Tails::rebuild(&mut reader).expect("the ends of streams");
        let controls = Controls::find(&mut reader).expect("what decides");
        for (record, kind) in
            [(side::encode(&tails), "tails"), (side::encode(&controls), "controls")]
        {
            let record = record.expect("a record");
            out.push(("side", format!("{kind}-{name}"), record[32..].to_vec()));
        }
    }
    out.push(("volume", "frozen".into(), SETTLED.lock(VOLUME).whole.clone()));
    out.push(("bundle", "frozen".into(), BUNDLE.lock(BUNDLE_ENTRIES).whole.clone()));
    // A fuzzer gets nowhere from long ones.
    out.retain(|(.., bytes)| bytes.len() < SEED_BYTES_MAX);
    out
}

/// A journal whose frames begin where they say, each with the checksum that it has to have.
fn mended_journal(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let Some((header, _)) = out.split_at_mut_checked(JOURNAL_HEADER) else { return out };
    let (fields, sum) = header.split_at_mut(JOURNAL_HEADER - SUM);
    sum.copy_from_slice(&checksum("codex-ledger v1 journal", &[fields]));
    // Ledger id and first entry.
    let key = [&header[8..24], &header[40..48]].concat();
    let mut at = JOURNAL_HEADER;
    while at + FRAME_HEADER <= out.len() {
        let rest = out.len() - at - FRAME_HEADER;
        let len = (number(&out[at..], 8) as usize).min(rest);
        let (head, payload) = out[at..at + FRAME_HEADER + len].split_at_mut(FRAME_HEADER);
        if head[4] == 1 && len >= PACK_HEADER {
            let (fields, stored) = payload.split_at_mut(PACK_HEADER);
            let (fields, sum) = fields.split_at_mut(PACK_HEADER - SUM);
            sum.copy_from_slice(&checksum("codex-ledger v1 pack", &[fields, stored]));
        }
        head[..4].copy_from_slice(b"CXF1");
        head[8..12].copy_from_slice(&(len as u32).to_be_bytes());
        head[12..20].copy_from_slice(&(at as u64).to_be_bytes());
        let (fields, sum) = head.split_at_mut(FRAME_HEADER - SUM);
        sum.copy_from_slice(&checksum("codex-ledger v1 frame", &[&key, fields, payload]));
        at += FRAME_HEADER + len;
    }
    out
}

/// Four bytes, the most significant first.
fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*bytes[at..].first_chunk().expect("four bytes"))
}

/// Folders whose files are made anew for each input.
struct Template(Mutex<()>, LazyLock<(tempfile::TempDir, Vec<EntryId>)>);

/// A small ledger with a volume and a journal.
static YOUNG: Template = Template(Mutex::new(()), LazyLock::new(young));
/// A ledger of an earlier version.
static SETTLED: Template =
    Template(Mutex::new(()), LazyLock::new(|| frozen("fixtures/ledgers/format-2", true)));
static BUNDLE: Template =
    Template(Mutex::new(()), LazyLock::new(|| frozen("fixtures/bundles/form-2", false)));

impl Template {
    /// The folder, in which that file may be anything until this goes.
    fn lock(&'static self, name: &'static str) -> Locked {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (folder, ids) = &*self.1;
        let dir = folder.path().join("it");
        let whole = fs::read(dir.join(name)).expect("a template's file");
        Locked { dir, name, whole, ids, _guard: guard }
    }
}

struct Locked {
    dir: PathBuf,
    name: &'static str,
    whole: Vec<u8>,
    ids: &'static [EntryId],
    _guard: MutexGuard<'static, ()>,
}

impl Drop for Locked {
    fn drop(&mut self) {
        fs::write(self.path(), &self.whole).expect("a scratch folder");
    }
}

impl Locked {
    fn path(&self) -> PathBuf {
        self.dir.join(self.name)
    }

    /// Reads the ledger with these bytes in every way in which one is read. What is said to be sound, and what a repair would
    /// keep, is what was appended.
    fn check(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).expect("a scratch folder");
        let inspection = inspect(&self.dir, &mut |_| ());
        let read = ids(&self.dir);
        if let Ok(inspection) = &inspection
            && inspection.findings.is_empty()
        {
            let read = read.as_ref().expect("what is sound can be read");
            assert!(self.ids.starts_with(read), "something else is sound");
        }
        touch(&(
            inspection.map_err(|error| error.to_string()),
            read.map_err(|error| error.to_string()),
        ));
        match Survey::of(&self.dir, &[]) {
            Ok(survey) => {
                let kept = survey.kept.size() as usize;
                let last = kept.checked_sub(1).map(|last| self.ids.get(last).copied());
                assert!(last.is_none_or(|id| id == Some(survey.kept.id)), "something else is kept");
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a reason"),
        }
        let left = fs::read(self.path()).expect("a scratch folder");
        assert!(left == bytes, "who only reads has written");
    }
}

/// The ids of all entries, after every body was read.
fn ids(dir: &Path) -> Result<Vec<EntryId>, LedgerError> {
    let mut reader = LedgerReader::open(dir)?;
    let identity = reader.head().identity;
    let (mut ids, mut next) = (Vec::new(), Seq::FIRST);
    while let Some(pack) = reader.pack_from(next)? {
        for entry in &pack.entries {
            let prev = ids.last().copied().unwrap_or_default();
            ids.push(Header::id(&pack.header(&identity, entry, prev).encode()));
            reader.each_piece(&pack, entry, |piece| {
                std::hint::black_box(piece);
            })?;
        }
        assert!(pack.info.end_seq() > next, "packs go on");
        next = pack.info.end_seq();
    }
    Ok(ids)
}

/// Entries of each kind that the ledger writes of its own, and some lines, whose ids are the same in every run.
fn young() -> (tempfile::TempDir, Vec<EntryId>) {
    struct Still;
    impl Clock for Still {
        fn now(&self) -> u64 {
            1_000_000_000
        }
    }
    impl Entropy for Still {
        fn fill(&self, out: &mut [u8]) -> io::Result<()> {
            out.fill(7);
            Ok(())
        }
    }
    let world =
        World { clock: Arc::new(Still), entropy: Arc::new(Still), disk: Arc::new(RealWorld) };
    let folder = tempfile::tempdir().expect("a scratch folder");
    let dir = folder.path().join("it");
    let holder = Holder { command: "fuzz".into(), pid: 7, since: "1970-01-01".into() };
    let append = || -> Result<(), LedgerError> {
        let mut ledger = Ledger::open(&dir, world.clone(), &holder)?;
        let mut appender = ledger.appender()?;
        for number in 0..12u8 {
            let body = vec![b'a' + number; usize::from(number) * 5];
            appender.append_small(Kind::from_code(5 + number % 3), &body)?;
        }
        appender.finish().map(drop)
    };
    // The first one makes a volume, the second one stays in the journal.
    append().and_then(|()| append()).expect("a ledger");
    let ids = ids(&dir).expect("a ledger that was just made");
    (folder, ids)
}

/// A copy of a folder of the fixtures, and, of a ledger, its ids.
fn frozen(name: &str, is_ledger: bool) -> (tempfile::TempDir, Vec<EntryId>) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let from = above.map(|above| above.join(name)).find(|from| from.is_dir());
    let to = folder.path().join("it");
    copy(&from.expect("fixtures"), &to).expect("a scratch folder");
    let ids = if is_ledger { ids(&to).expect("a frozen ledger") } else { Vec::new() };
    (folder, ids)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), &target).map(drop)?,
        }
    }
    Ok(())
}

//! Opening for writing: take the lock, compare HEAD, volumes and journal, and only then go on.

use super::appender::{Appended, Appender};
use super::codec::Decoder;
use super::error::{LedgerError, Result};
use super::head::{Head, HeadSlots, create_head, head_path, read_head, write_head};
use super::journal::{self, FrameKind, JournalScan, journal_dir, journal_path};
use super::lock::{Holder, Lock, LockNotice, Patience};
use super::pack::{ChainEnd, Identity, Pack};
use super::private;
use super::volume::{self, Volume, store_dir};
use super::world::World;
use crate::entry::{EntryId, FieldsBuilder, Kind, LedgerId, OriginId};
use std::fs;
use std::path::{Path, PathBuf};

const FORMAT_LINE: &str = "codex-ledger ledger format 1";

/// Where the parts of a ledger lie.
#[derive(Clone, Debug)]
pub struct LedgerPaths {
    /// The ledger's directory.
    pub dir: PathBuf,
}

impl LedgerPaths {
    /// What is known of each stream's end (rebuildable).
    pub fn tails(&self) -> PathBuf {
        self.dir.join("tails")
    }

    /// Size and time of each source file when it was last read (rebuildable).
    pub fn sources(&self) -> PathBuf {
        self.dir.join("sources")
    }

    /// Which entries decide what may be shown (rebuildable).
    pub fn controls(&self) -> PathBuf {
        self.dir.join("controls")
    }

    /// The log engine's volumes.
    pub fn store(&self) -> PathBuf {
        store_dir(&self.dir)
    }

    /// The journals.
    pub fn journal(&self) -> PathBuf {
        journal_dir(&self.dir)
    }
}

/// The write half of a ledger; one per directory at a time.
pub struct Ledger {
    pub(super) dir: PathBuf,
    pub(super) world: World,
    pub(super) head: Head,
    /// Where the active journal's last commit ends; `None` when there is no journal.
    pub(super) journal_end: Option<u64>,
    /// Set while an append runs and left set when it fails: what is in memory may then lag behind the disk.
    pub(super) poisoned: bool,
    _lock: Lock,
}

impl Ledger {
    /// Opens the ledger for writing, creating it when the directory has none.
    ///
    /// # Errors
    /// When another process writes, when acknowledged entries are missing, or on I/O errors.
    pub fn open(dir: &Path, world: World, holder: &Holder) -> Result<Ledger> {
        Self::open_waiting(dir, world, holder, &Patience::default())
    }

    /// As [`Ledger::open`], but waits for another writer to end.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_waiting(
        dir: &Path,
        world: World,
        holder: &Holder,
        patience: &Patience,
    ) -> Result<Ledger> {
        private::check_place(dir)?;
        create_dirs(dir)?;
        let lock = Lock::wait(dir, holder, patience)?;
        if private::tighten(dir) {
            patience.say(LockNotice::Tightened(dir.to_path_buf()));
        }
        if !head_path(dir).exists() {
            return Self::create(dir, world, holder, lock);
        }
        let slots = read_head(dir)?;
        check_format(dir, &slots.head.identity)?;
        let mut ledger = Self::recover(dir, world, slots, lock)?;
        if ledger.head.size() == 0 {
            ledger.append_created(holder)?;
        }
        Ok(ledger)
    }

    fn create(dir: &Path, world: World, holder: &Holder, lock: Lock) -> Result<Ledger> {
        let has_any =
            |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if has_any(&store_dir(dir)) || has_any(&journal_dir(dir)) {
            let detail = "HEAD is missing, but there are journals or volumes";
            return Err(LedgerError::damaged(&head_path(dir), detail));
        }
        let mut ids = [0u8; 32];
        world.entropy.fill(&mut ids).map_err(LedgerError::io("no randomness for", dir))?;
        let mut input = super::bytes::Cursor::new(&ids);
        let identity = Identity {
            ledger: LedgerId(input.array().unwrap_or_default()),
            origin: OriginId(input.array().unwrap_or_default()),
        };
        let text = format_text(&identity);
        super::write_durably(&world, &format_path(dir), text.as_bytes())?;
        sync_names(&world, dir)?;
        let mut head = Head { turn: 0, identity, chain: ChainEnd::empty(), settled: 0 };
        create_head(&world, dir, &mut head)?;
        let mut ledger = Ledger {
            dir: dir.to_path_buf(),
            world,
            head,
            journal_end: None,
            poisoned: false,
            _lock: lock,
        };
        ledger.append_created(holder)?;
        Ok(ledger)
    }

    fn append_created(&mut self, holder: &Holder) -> Result<()> {
        let body = FieldsBuilder::default()
            .add("software", concat!("codex-ledger ", env!("CARGO_PKG_VERSION")))
            .add("command", &holder.command)
            .finish();
        let mut appender = self.appender()?;
        appender.append_small(Kind::Created, &body)?;
        appender.finish().map(drop)
    }

    fn recover(dir: &Path, world: World, slots: HeadSlots, lock: Lock) -> Result<Ledger> {
        let HeadSlots { mut head, damaged } = slots;
        sync_leftovers(&world, dir)?;
        let volumes = volume::list(dir)?;
        volumes.iter().try_for_each(|volume| volume.check_presence(dir))?;
        let settled = volumes.last().map_or(0, |volume| volume.end_seq);
        if settled < head.settled {
            let path = volume::manifest_path(dir, settled);
            let detail = format!("HEAD says that {} entries are settled", head.settled);
            return Err(LedgerError::damaged_at(&path, settled, detail));
        }
        if head.size() < settled {
            // Volumes are made of acknowledged entries only. An older slot may count when the newer one is
            // damaged; otherwise somebody has put an older HEAD here.
            if damaged.is_empty() {
                let detail =
                    format!("the volumes hold {settled} entries, HEAD says {}", head.size());
                return Err(LedgerError::damaged_at(&head_path(dir), head.size(), detail));
            }
            head.chain = chain_of_volumes(dir, &head, &volumes)?;
        }
        head.settled = settled;
        drop_settled_journals(&world, dir, &head, &volumes)?;
        volume::discard_unsettled(dir)?;
        let dir = dir.to_path_buf();
        let mut ledger =
            Ledger { dir, world, head, journal_end: None, poisoned: false, _lock: lock };
        ledger.recover_journal()?;
        if !damaged.is_empty() {
            // The next turn's slot is the damaged one.
            write_head(&ledger.world, &ledger.dir, &mut ledger.head)?;
        }
        Ok(ledger)
    }

    /// Brings the head forward to the last commit of the active journal, which may be ahead of HEAD.
    fn recover_journal(&mut self) -> Result<()> {
        let first_seq = self.head.settled;
        let known = self.head.size();
        if !journal_path(&self.dir, first_seq).exists() {
            if known > first_seq {
                let path = journal_path(&self.dir, first_seq);
                let detail = format!("the journal is gone; HEAD says there are {known} entries");
                return Err(LedgerError::damaged_at(&path, first_seq, detail));
            }
            return Ok(());
        }
        let (scan, chain) = scan_and_chain(&self.dir, &self.head)?;
        let size = scan.commit.map_or(first_seq, |commit| commit.size);
        if size < known {
            let path = journal_path(&self.dir, first_seq);
            let detail = format!("the journal ends at {size}; HEAD says there are {known} entries");
            return Err(LedgerError::damaged_at(&path, size, detail));
        }
        self.head.chain = chain;
        self.journal_end = Some(scan.committed_at);
        if size > known {
            // The commit may have been written but not synced, and readers go by HEAD.
            let path = journal_path(&self.dir, first_seq);
            let file = fs::File::open(&path).map_err(LedgerError::io("cannot open", &path))?;
            self.world
                .disk
                .sync_file(&file, &path)
                .map_err(LedgerError::io("cannot sync", &path))?;
            write_head(&self.world, &self.dir, &mut self.head)?;
        }
        Ok(())
    }

    /// What is acknowledged.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The ledger's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the ledger takes from outside.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Starts appending; nothing is acknowledged before [`Appender::finish`].
    ///
    /// # Errors
    /// When the journal cannot be opened.
    pub fn appender(&mut self) -> Result<Appender<'_>> {
        Appender::start(self)
    }

    /// Appends one entry that belongs to no stream and speaks of another one, or of none: zeros.
    ///
    /// # Errors
    /// As [`Appender::finish`].
    pub fn append_about(
        &mut self,
        kind: Kind,
        reference: EntryId,
        body: &[u8],
    ) -> Result<Appended> {
        let mut appender = self.appender()?;
        appender.append_about(kind, reference, body)?;
        appender.finish()
    }

    /// Appends one entry that belongs to no stream.
    ///
    /// # Errors
    /// As [`Appender::finish`].
    pub fn append_one(&mut self, kind: Kind, body: &[u8]) -> Result<Appended> {
        let mut appender = self.appender()?;
        appender.append_small(kind, body)?;
        appender.finish()
    }
}

fn format_path(dir: &Path) -> PathBuf {
    dir.join("FORMAT")
}

/// What FORMAT says of a ledger of these ids.
pub(super) fn format_text(identity: &Identity) -> String {
    format!("{FORMAT_LINE}\nledger {}\norigin {}\n", identity.ledger, identity.origin)
}

fn check_format(dir: &Path, identity: &Identity) -> Result<()> {
    let path = format_path(dir);
    let text = fs::read(&path).map_err(LedgerError::io("cannot read", &path))?;
    if text == format_text(identity).as_bytes() {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_string();
    if found == FORMAT_LINE {
        return Err(LedgerError::damaged(&path, "FORMAT does not name the ids of HEAD"));
    }
    Err(LedgerError::Version { path, found })
}

fn create_dirs(dir: &Path) -> Result<()> {
    for part in [dir.to_path_buf(), store_dir(dir), journal_dir(dir)] {
        private::create_dir_all(&part).map_err(LedgerError::io("cannot create", &part))?;
    }
    Ok(())
}

/// Makes the names of a new ledger's directory durable, up to where that is not allowed. Nobody can
/// tell whether a killed writer has synced the directories that it made.
fn sync_names(world: &World, dir: &Path) -> Result<()> {
    let full = std::path::absolute(dir).map_err(LedgerError::io("cannot find", dir))?;
    for part in full.ancestors() {
        match world.disk.sync_dir(part) {
            Err(e) if part != full && e.kind() == std::io::ErrorKind::PermissionDenied => break,
            other => other.map_err(LedgerError::io("cannot sync", part))?,
        }
    }
    Ok(())
}

/// A killed writer may have left names and bytes that are visible but not durable. They count from here
/// on, so they are made durable first.
fn sync_leftovers(world: &World, dir: &Path) -> Result<()> {
    let journals = journal::list(dir)?.into_iter().map(|first_seq| journal_path(dir, first_seq));
    for path in journals.chain([head_path(dir)]) {
        let file = fs::File::open(&path).map_err(LedgerError::io("cannot open", &path))?;
        world.disk.sync_file(&file, &path).map_err(LedgerError::io("cannot sync", &path))?;
    }
    for path in [journal_dir(dir), store_dir(dir), dir.to_path_buf()] {
        world.disk.sync_dir(&path).map_err(LedgerError::io("cannot sync", &path))?;
    }
    Ok(())
}

/// Brings a head that is behind its volumes forward, verifying every entry between.
fn chain_of_volumes(dir: &Path, head: &Head, volumes: &[Volume]) -> Result<ChainEnd> {
    let mut chain = head.chain.clone();
    let mut decoder = Decoder::new().map_err(LedgerError::io("no decompressor for", dir))?;
    for volume in volumes.iter().filter(|volume| volume.end_seq > head.size()) {
        let path = volume::volume_dir(dir, volume.first_seq);
        let store = volume.open(dir, false)?;
        while chain.size() < volume.end_seq {
            let seq = chain.size();
            let damaged = |detail: &str| LedgerError::damaged_at(&path, seq, detail);
            let bytes = store.pack(seq)?.ok_or_else(|| damaged("the entry is missing"))?;
            let pack = Pack::decode(&mut decoder, &bytes).map_err(|e| damaged(&e.to_string()))?;
            if pack.info.prev != chain.id {
                return Err(damaged("the pack does not continue the entry before it"));
            }
            pack.verify(&head.identity, &mut chain).map_err(|e| damaged(&e.to_string()))?;
        }
    }
    Ok(chain)
}

/// A journal whose volume was recorded has done its work.
fn drop_settled_journals(world: &World, dir: &Path, head: &Head, volumes: &[Volume]) -> Result<()> {
    let has_more = head.size() > head.settled && !journal_path(dir, head.settled).exists();
    for first_seq in journal::list(dir)? {
        let settled = volumes.iter().any(|volume| volume.first_seq == first_seq);
        if settled {
            let path = journal_path(dir, first_seq);
            if has_more {
                let detail = "the journal may have entries that its volume lacks";
                return Err(LedgerError::damaged_at(&path, head.settled, detail));
            }
            world.disk.remove_file(&path).map_err(LedgerError::io("cannot remove", &path))?;
        }
    }
    Ok(())
}

/// Scans the active journal and verifies what HEAD does not cover yet.
pub(super) fn scan_and_chain(dir: &Path, head: &Head) -> Result<(JournalScan, ChainEnd)> {
    let first_seq = head.settled;
    let path = journal_path(dir, first_seq);
    let mut decoder = Decoder::new().map_err(LedgerError::io("no decompressor for", &path))?;
    let mut open_chain = head.chain.clone();
    let mut chain = head.chain.clone();
    let scan = journal::scan(dir, &head.identity, first_seq, |frame| {
        match frame.kind {
            FrameKind::Pack => {
                let pack = Pack::decode(&mut decoder, &frame.payload).map_err(|e| {
                    LedgerError::damaged_at(&path, open_chain.size(), e.to_string())
                })?;
                if pack.info.first_seq >= head.size() {
                    pack.verify(&head.identity, &mut open_chain).map_err(|e| {
                        LedgerError::damaged_at(&path, pack.info.first_seq, e.to_string())
                    })?;
                }
            }
            FrameKind::Block => {}
            FrameKind::Commit => {
                let commit = journal::Commit::decode(&frame.payload);
                if commit.is_some_and(|commit| commit.size >= head.size()) {
                    let same = commit.is_some_and(|commit| {
                        commit.size == open_chain.size()
                            && commit.id == open_chain.id
                            && commit.root == open_chain.tree.root()
                    });
                    if !same {
                        let detail = "a commit does not fit the entries before it";
                        return Err(LedgerError::damaged_at(&path, open_chain.size(), detail));
                    }
                    chain = open_chain.clone();
                }
            }
        }
        Ok(())
    })?;
    Ok((scan, chain))
}

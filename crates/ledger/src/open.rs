//! Opening for writing: take the lock, compare HEAD, volumes and journal, and only then go on.

use super::appender::{Appended, Appender};
use super::error::{LedgerError, Result};
use super::files::read_file;
use super::head::{Head, HeadSlots, head_path, read_head, write_head_anew};
use super::journal::journal_dir;
use super::lock::{Holder, Lock, LockNotice, Patience};
use super::pack::Identity;
use super::private;
use super::recover::Recovery;
use super::volume::store_dir;
use super::world::World;
use codex_ledger_entry::{EntryId, FieldsBuilder, Kind, LedgerId, OriginId, Seq};
use std::fs;
use std::path::{Path, PathBuf};

/// What wrote an entry.
pub(super) const SOFTWARE: &str = concat!("codex-ledger ", env!("CARGO_PKG_VERSION"));
const FORMAT_LINE: &str = "codex-ledger ledger format ";
/// The format of a ledger in which nothing was erased.
const FORMAT: u32 = 1;
/// The format of one in which something was: an older program would take that for damage.
const FORMAT_WITH_ERASURES: u32 = 2;

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

    /// Roots of parts of the tree (rebuildable).
    pub fn tiles(&self) -> PathBuf {
        self.dir.join("tiles")
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
        create_dirs(&world, dir)?;
        let lock = Lock::wait(dir, holder, patience)?;
        if private::tighten(dir) {
            patience.say(LockNotice::Tightened(dir.to_path_buf()));
        }
        if !head_path(dir).exists() {
            return Self::create(dir, world, holder, lock);
        }
        let slots = read_head(dir)?;
        check_format(dir, &slots.head)?;
        let mut ledger = Self::recover(dir, world, slots, lock)?;
        if ledger.head.end() == Seq::FIRST {
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
        let text = format_text(&identity, FORMAT);
        super::write_durably(&world, &format_path(dir), text.as_bytes())?;
        sync_names(&world, dir)?;
        let mut head = Head::empty(identity);
        write_head_anew(&world, dir, &mut head)?;
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
            .add("software", SOFTWARE)
            .add("command", &holder.command)
            .finish();
        let mut appender = self.appender()?;
        appender.append_small(Kind::Created, &body)?;
        appender.finish().map(drop)
    }

    fn recover(dir: &Path, world: World, slots: HeadSlots, lock: Lock) -> Result<Ledger> {
        let (head, journal_end) = Recovery::look(dir, slots)?.act(&world, dir)?;
        let dir = dir.to_path_buf();
        Ok(Ledger { dir, world, head, journal_end, poisoned: false, _lock: lock })
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

pub(super) fn format_path(dir: &Path) -> PathBuf {
    dir.join("FORMAT")
}

fn format_text(identity: &Identity, format: u32) -> String {
    let Identity { ledger, origin } = identity;
    format!("{FORMAT_LINE}{format}\nledger {ledger}\norigin {origin}\n")
}

/// Writes FORMAT.
pub(super) fn write_format(world: &World, dir: &Path, head: &Head) -> Result<()> {
    let format = if head.generation > 0 { FORMAT_WITH_ERASURES } else { FORMAT };
    super::write_durably(world, &format_path(dir), format_text(&head.identity, format).as_bytes())
}

/// Whether FORMAT says what it has to say of the ledger of that head. It may say of one in which nothing is erased yet
/// that something was.
pub(super) fn is_format_of(text: &[u8], head: &Head) -> bool {
    let least = if head.generation > 0 { FORMAT_WITH_ERASURES } else { FORMAT };
    (least..=FORMAT_WITH_ERASURES)
        .any(|format| text == format_text(&head.identity, format).as_bytes())
}

pub(super) fn check_format(dir: &Path, head: &Head) -> Result<()> {
    let path = format_path(dir);
    let text = read_file(&path).map_err(LedgerError::io("cannot read", &path))?;
    if is_format_of(&text, head) {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_string();
    let known = FORMAT..=FORMAT_WITH_ERASURES;
    if known.clone().any(|format| found == format!("{FORMAT_LINE}{format}")) {
        let detail = "FORMAT does not name the ids of HEAD, or not that something was erased";
        return Err(LedgerError::damaged(&path, detail));
    }
    Err(LedgerError::Version { path, found })
}

/// Makes the directories that are missing, each with a name that is durable at once: one whose sync
/// failed goes again, since no later sync would write it.
fn create_dirs(world: &World, dir: &Path) -> Result<()> {
    for part in [dir.to_path_buf(), store_dir(dir), journal_dir(dir)] {
        let part = std::path::absolute(&part).map_err(LedgerError::io("cannot find", &part))?;
        let missing: Vec<&Path> = part.ancestors().take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev() {
            private::create_dir_all(path).map_err(LedgerError::io("cannot create", path))?;
            let parent = path.parent().unwrap_or(path);
            match world.disk.sync_dir(parent) {
                // Not ours to sync, as a home's parent may be.
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {}
                Err(error) => {
                    fs::remove_dir(path).ok();
                    return Err(LedgerError::io("cannot sync", parent)(error));
                }
                Ok(()) => {}
            }
        }
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

//! The journal: entries are acknowledged once a commit frame that covers them is synced here.
//!
//! HEAD covers everything that was acknowledged, and proves that it was synced. What lies behind that proves
//! nothing: what is whole of it is written anew, a torn end is left out. Damage before it is never cut.

use super::error::{LedgerError, Result};
use super::files::open_file;
use super::frame::{
    COMMIT_BYTES, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameKey, frame_bytes, frame_fields, is_whole,
};
use super::head::Head;
use super::pack::Identity;
use super::world::World;
use codex_ledger_entry::{EntryId, Seq, checksum};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

pub(super) use super::frame::{Commit, Frame, FrameKind};

const FILE_MAGIC: &[u8; 4] = b"CXLJ";
const FILE_VERSION: u16 = 1;
const FILE_HEADER_BYTES: usize = 64;
const FILE_CONTEXT: &str = "codex-ledger v1 journal";

/// How far ahead a frame is looked for at once.
const RESYNC_BYTES: usize = 1 << 20;

/// The directory of journals.
pub(super) fn journal_dir(dir: &Path) -> PathBuf {
    dir.join("journal")
}

/// The journal that begins with that entry.
pub(super) fn journal_path(dir: &Path, first_seq: Seq) -> PathBuf {
    journal_dir(dir).join(format!("{first_seq:016x}.cxj"))
}

fn file_header(identity: &Identity, first_seq: Seq) -> Vec<u8> {
    let mut out = Vec::with_capacity(FILE_HEADER_BYTES);
    out.extend_from_slice(FILE_MAGIC);
    out.extend_from_slice(&FILE_VERSION.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&identity.ledger.0);
    out.extend_from_slice(&identity.origin.0);
    out.extend_from_slice(&first_seq.to_be_bytes());
    let sum = checksum(FILE_CONTEXT, &[&out]);
    out.extend_from_slice(&sum);
    out
}

/// The writing end. Bytes are buffered until [`JournalWriter::commit`].
pub(super) struct JournalWriter {
    file: File,
    path: PathBuf,
    key: FrameKey,
    /// Position behind the last frame, buffered ones included.
    at: u64,
    buffer: Vec<u8>,
}

/// Bytes that are buffered before they are handed to the system.
const BUFFER_BYTES: usize = 1 << 20;

impl JournalWriter {
    /// Creates the journal of the entries from `first_seq` on; its name is durable before this returns.
    pub(super) fn create(
        world: &World,
        dir: &Path,
        identity: &Identity,
        first_seq: Seq,
    ) -> Result<JournalWriter> {
        // Whole or not at all: a journal without its header would block every later open.
        let path = journal_path(dir, first_seq);
        super::write_durably(world, &path, &file_header(identity, first_seq))?;
        Self::resume(dir, identity, first_seq, JournalReader::START)
    }

    /// Opens an existing journal to go on at its end.
    pub(super) fn resume(
        dir: &Path,
        identity: &Identity,
        first_seq: Seq,
        at: u64,
    ) -> Result<JournalWriter> {
        let path = journal_path(dir, first_seq);
        let io = |action| LedgerError::io(action, &path);
        let mut file = OpenOptions::new().write(true).open(&path).map_err(io("cannot open"))?;
        if file.metadata().map_err(io("cannot look at"))?.len() != at {
            return Err(LedgerError::damaged_at(
                &path,
                first_seq,
                "the journal does not end as it did",
            ));
        }
        file.seek(SeekFrom::Start(at)).map_err(io("cannot seek"))?;
        let key = FrameKey::new(identity, first_seq);
        Ok(JournalWriter { file, path, key, at, buffer: Vec::new() })
    }

    /// Position behind the last frame.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// Adds a frame; not durable yet.
    pub(super) fn write(&mut self, world: &World, kind: FrameKind, payload: &[u8]) -> Result<()> {
        let frame = frame_bytes(&self.key, kind, self.at, payload);
        self.at += frame.len() as u64;
        self.buffer.extend_from_slice(&frame);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush(world)?;
        }
        Ok(())
    }

    /// Makes everything written so far durable; it acknowledges nothing.
    pub(super) fn sync(&mut self, world: &World) -> Result<()> {
        self.flush(world)?;
        world
            .disk
            .sync_file(&self.file, &self.path)
            .map_err(LedgerError::io("cannot sync", &self.path))
    }

    fn flush(&mut self, world: &World) -> Result<()> {
        world
            .disk
            .write_all(&mut self.file, &self.path, &self.buffer)
            .map_err(LedgerError::io("cannot write", &self.path))?;
        self.buffer.clear();
        Ok(())
    }

    /// Makes everything written so far durable; when this returns, it is acknowledged.
    pub(super) fn commit(&mut self, world: &World, commit: &Commit) -> Result<()> {
        self.write(world, FrameKind::Commit, &commit.encode())?;
        self.sync(world)
    }
}

/// Writes a journal under a new name up to a position that ends a commit, takes its place, and says where it ends.
///
/// Where a sync has failed, the file shows bytes that the disk does not have, and that no later sync
/// writes; only bytes that are written again can be believed. The last commit is written twice, so that the
/// next one to look sees frames that HEAD does not prove and writes it anew too: nobody can tell
/// from a name whether it is durable.
///
/// `change` gives what is written in the place of a frame's payload, or nothing.
pub(super) fn write_anew(
    world: &World,
    dir: &Path,
    identity: &Identity,
    first_seq: Seq,
    (upto, last): (u64, &Commit),
    change: &mut dyn FnMut(Frame) -> Result<Option<Vec<u8>>>,
) -> Result<u64> {
    let path = journal_path(dir, first_seq);
    let temporary = path.with_extension("tmp");
    let mut reader = JournalReader::open(dir, identity, first_seq)?;
    let mut writer = JournalWriter {
        file: super::files::create_anew(&temporary)?,
        path: temporary.clone(),
        key: FrameKey::new(identity, first_seq),
        at: JournalReader::START,
        buffer: file_header(identity, first_seq),
    };
    while reader.position() < upto {
        match reader.next_frame()? {
            Next::Frame(frame) => {
                let kind = frame.kind;
                if let Some(payload) = change(frame)? {
                    writer.write(world, kind, &payload)?;
                }
            }
            Next::End | Next::Torn(_) => {
                let detail = "a frame that was read before cannot be read again";
                return Err(LedgerError::damaged_at(&path, first_seq, detail));
            }
        }
    }
    writer.commit(world, last)?;
    world.disk.rename(&temporary, &path).map_err(LedgerError::io("cannot rename", &temporary))?;
    let parent = journal_dir(dir);
    world.disk.sync_dir(&parent).map_err(LedgerError::io("cannot sync", &parent))?;
    Ok(writer.at)
}

/// Removes a journal, durably.
pub(super) fn remove(world: &World, dir: &Path, first_seq: Seq) -> Result<()> {
    let path = journal_path(dir, first_seq);
    world.disk.remove_file(&path).map_err(LedgerError::io("cannot remove", &path))?;
    let parent = journal_dir(dir);
    world.disk.sync_dir(&parent).map_err(LedgerError::io("cannot sync", &parent))
}

/// Reads frames in order and checks each.
pub(super) struct JournalReader {
    file: BufReader<File>,
    path: PathBuf,
    key: FrameKey,
    at: u64,
}

/// Whether a journal has one commit more than HEAD knows of, and ends with it: a writer was stopped before it had moved HEAD on,
/// which it does after each. What is not whole, and a journal that goes on for longer, are for an audit to see.
pub(super) fn ends_beyond(dir: &Path, head: &Head) -> bool {
    let (identity, settled, end) = (&head.identity, head.settled, head.end());
    let one_more = || -> Result<bool> {
        let mut reader = JournalReader::open(dir, identity, settled)?;
        if end > settled && !reader.reach((end, head.chain.id))? {
            return Ok(false);
        }
        let mut commits = 0;
        while let Some(kind) = reader.skip_frame()? {
            commits += u32::from(kind == FrameKind::Commit);
        }
        Ok(commits == 1)
    };
    let last_commit = || -> std::io::Result<Option<Commit>> {
        let mut file = open_file(&journal_path(dir, settled))?;
        let mut last = [0u8; FRAME_HEADER_BYTES + COMMIT_BYTES];
        let at = file.metadata()?.len().checked_sub(last.len() as u64);
        let Some(at) = at.filter(|at| *at >= JournalReader::START) else { return Ok(None) };
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut last)?;
        let Some((head, payload)) = last.split_first_chunk() else { return Ok(None) };
        let is_commit = frame_fields(head, at) == Some((FrameKind::Commit, payload.len()));
        let is_sound = is_commit && is_whole(&FrameKey::new(identity, settled), head, payload);
        Ok(Commit::decode(payload).filter(|_| is_sound))
    };
    // The end tells most of the time, in one read.
    let is_beyond = last_commit().ok().flatten().is_some_and(|commit| commit.end > end);
    is_beyond && one_more().unwrap_or(false)
}

/// What comes next in a journal.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Frame),
    /// The clean end of the file.
    End,
    /// Bytes at this position are not a whole valid frame.
    Torn(&'static str),
}

impl JournalReader {
    /// Position of the first frame.
    pub(super) const START: u64 = FILE_HEADER_BYTES as u64;

    /// Opens a journal and checks that it belongs to this ledger.
    pub(super) fn open(dir: &Path, identity: &Identity, first_seq: Seq) -> Result<JournalReader> {
        let path = journal_path(dir, first_seq);
        let io = |action| LedgerError::io(action, &path);
        let file = open_file(&path).map_err(io("cannot open"))?;
        let mut file = BufReader::with_capacity(256 << 10, file);
        let mut header = vec![0u8; FILE_HEADER_BYTES];
        let got = read_up_to(&mut file, &mut header).map_err(io("cannot read"))?;
        if got < header.len() || header != file_header(identity, first_seq) {
            let detail = "the journal's header is damaged or of another ledger";
            return Err(LedgerError::damaged_at(&path, first_seq, detail));
        }
        let key = FrameKey::new(identity, first_seq);
        Ok(JournalReader { file, path, key, at: JournalReader::START })
    }

    /// Opens a journal whatever its header says; its frames say themselves whose they are.
    pub(super) fn open_damaged(
        dir: &Path,
        identity: &Identity,
        first_seq: Seq,
    ) -> Result<JournalReader> {
        let path = journal_path(dir, first_seq);
        let file = open_file(&path).map_err(LedgerError::io("cannot open", &path))?;
        let file = BufReader::with_capacity(256 << 10, file);
        let key = FrameKey::new(identity, first_seq);
        let mut reader = JournalReader { file, path, key, at: 0 };
        reader.seek(JournalReader::START)?;
        Ok(reader)
    }

    /// Goes to the next whole frame behind one that is not; false at the end of the file.
    pub(super) fn resync(&mut self) -> Result<bool> {
        let mut from = self.at + 1;
        loop {
            self.seek(from)?;
            let mut window = vec![0u8; RESYNC_BYTES];
            let got = read_up_to(&mut self.file, &mut window)
                .map_err(LedgerError::io("cannot read", &self.path))?;
            let found = memchr::memmem::find(&window[..got], FRAME_MAGIC);
            match found {
                Some(offset) => {
                    let at = from + offset as u64;
                    self.seek(at)?;
                    if matches!(self.next_frame()?, Next::Frame(_)) {
                        self.seek(at)?;
                        return Ok(true);
                    }
                    from = at + 1;
                }
                None if got < window.len() => return Ok(false),
                None => from += (got + 1 - FRAME_MAGIC.len()) as u64,
            }
        }
    }

    /// Position behind the last frame that was read.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Goes to a position that [`JournalReader::position`] gave earlier.
    pub(super) fn seek(&mut self, at: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(at)).map_err(LedgerError::io("cannot seek", &self.path))?;
        self.at = at;
        Ok(())
    }

    /// Goes behind the next frame without reading what it holds; `None` where there is no whole one.
    fn skip_frame(&mut self) -> Result<Option<FrameKind>> {
        let io = |source| LedgerError::io("cannot read", &self.path)(source);
        let len = self.file.get_ref().metadata().map_err(io)?.len();
        let mut head = [0u8; FRAME_HEADER_BYTES];
        if read_up_to(&mut self.file, &mut head).map_err(io)? < head.len() {
            return Ok(None);
        }
        let Some((kind, payload)) = frame_fields(&head, self.at) else { return Ok(None) };
        let end = self.at + (FRAME_HEADER_BYTES + payload) as u64;
        if end > len {
            return Ok(None);
        }
        self.file.seek_relative(payload as i64).map_err(io)?;
        self.at = end;
        Ok(Some(kind))
    }

    /// Goes behind the commit of so many entries, the last of that id; false where there is none.
    fn reach(&mut self, (end, id): (Seq, EntryId)) -> Result<bool> {
        loop {
            let at = self.at;
            match self.skip_frame()? {
                Some(FrameKind::Commit) => {
                    let behind = self.at;
                    self.seek(at)?;
                    let frame = self.next_frame()?;
                    self.seek(behind)?;
                    let commit = match &frame {
                        Next::Frame(frame) => Commit::decode(&frame.payload),
                        Next::End | Next::Torn(_) => None,
                    };
                    if commit.is_some_and(|commit| (commit.end, commit.id) == (end, id)) {
                        return Ok(true);
                    }
                }
                Some(_) => {}
                None => return Ok(false),
            }
        }
    }

    /// The next frame.
    pub(super) fn next_frame(&mut self) -> Result<Next> {
        let mut head = [0u8; FRAME_HEADER_BYTES];
        let got = read_up_to(&mut self.file, &mut head)
            .map_err(LedgerError::io("cannot read", &self.path))?;
        if got == 0 {
            return Ok(Next::End);
        }
        if got < head.len() {
            return Ok(Next::Torn("a frame's header is cut"));
        }
        let Some((kind, len)) = frame_fields(&head, self.at) else {
            return Ok(Next::Torn("not a frame"));
        };
        let mut payload = vec![0u8; len];
        let got = read_up_to(&mut self.file, &mut payload)
            .map_err(LedgerError::io("cannot read", &self.path))?;
        if got < len {
            return Ok(Next::Torn("a frame is cut"));
        }
        if !is_whole(&self.key, &head, &payload) {
            return Ok(Next::Torn("a frame's checksum does not fit"));
        }
        self.at += (FRAME_HEADER_BYTES + len) as u64;
        Ok(Next::Frame(Frame { kind, payload }))
    }
}

fn read_up_to(file: &mut impl Read, out: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match file.read(&mut out[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// What a journal holds up to its last commit.
#[derive(Debug, Clone)]
pub(super) struct JournalScan {
    /// The last commit; `None` when nothing was committed.
    pub commit: Option<Commit>,
    /// Position behind the first frame of the last commit; what follows was never acknowledged.
    pub committed_at: u64,
    /// Length of the file in bytes.
    pub len: u64,
}

/// Reads a journal up to its end or to its first torn frame.
///
/// Everything that was acknowledged is covered by HEAD, so the caller tells a torn end (which is cut) from
/// damage (which is not) by comparing the last commit with HEAD.
///
/// # Errors
/// When the file cannot be read or its header is damaged.
pub(super) fn scan(
    dir: &Path,
    identity: &Identity,
    first_seq: Seq,
    mut each: impl FnMut(Frame) -> Result<()>,
) -> Result<JournalScan> {
    let mut reader = JournalReader::open(dir, identity, first_seq)?;
    let path = reader.path();
    let len = std::fs::metadata(path).map_err(LedgerError::io("cannot look at", path))?.len();
    let mut scan = JournalScan { commit: None, committed_at: reader.position(), len };
    while let Next::Frame(frame) = reader.next_frame()? {
        if frame.kind == FrameKind::Commit {
            let commit = Commit::decode(&frame.payload);
            // The same once more acknowledges nothing: see `write_anew`.
            if commit != scan.commit {
                (scan.commit, scan.committed_at) = (commit, reader.position());
            }
        }
        each(frame)?;
    }
    Ok(scan)
}

/// Makes sure that a journal reaches the commit that HEAD covers, by the frames' fields alone.
///
/// # Errors
/// When it is missing, is another ledger's, or ends before.
pub(super) fn check_reach(
    dir: &Path,
    identity: &Identity,
    first_seq: Seq,
    (end, id): (Seq, EntryId),
) -> Result<()> {
    let mut reader = JournalReader::open(dir, identity, first_seq)?;
    match reader.reach((end, id))? {
        true => Ok(()),
        false => {
            let at = reader.position();
            let detail =
                format!("the journal ends at byte {at}; HEAD says there are {end} entries");
            Err(LedgerError::damaged_at(reader.path(), first_seq, detail))
        }
    }
}

/// First seqs of the journals in the directory, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<Seq>> {
    let path = journal_dir(dir);
    super::numbered(&path, ".cxj")
}

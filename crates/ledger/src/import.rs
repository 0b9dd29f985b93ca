//! The inverse of an export: a ledger out of `entries.cxl`, entry by entry the same, believed only as far as it verifies.

use super::block::{BLOCK_BYTES, encode_block};
use super::chain::ChainEnd;
use super::codec::Encoder;
use super::error::{LedgerError, Result};
use super::head::{Head, write_head_anew};
use super::inspect::inspect;
use super::journal::{Commit, FrameKind, JournalWriter, journal_dir};
use super::lock::Holder;
use super::open::{Ledger, write_format};
use super::pack::{DraftBody, EntryDraft, Identity, PACK_BYTES, PackDraft, place, prepare};
use super::private;
use super::volume::store_dir;
use super::world::World;
use codex_ledger_entry::{
    Commitment, EntryId, HEADER_BYTES, Header, LedgerId, OriginId, SALT_BYTES, Salt, Seq, commit,
    commit_hasher,
};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 4] = b"CXLX";
const VERSION: u16 = 1;
const PRESENT: u8 = 0;
const ERASED: u8 = 2;
/// Entries of a pack, as an append has it.
const PACK_ENTRIES: usize = 4096;

/// Makes a ledger at `dir`, where there is none, out of an export's `entries.cxl`. It gets its name when all of it was written,
/// settled and inspected, and `fits` says of its end that it is the one that was exported.
///
/// # Errors
/// When something stands at the place, the export does not verify, or something cannot be read or written.
pub fn import(
    entries: &Path,
    dir: &Path,
    (world, holder): (&World, &Holder),
    fits: &dyn Fn(&ChainEnd) -> bool,
) -> Result<Head> {
    let is_free = match fs::read_dir(dir) {
        Ok(mut found) => found.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !is_free {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(LedgerError::io("there is a ledger, or something else, in", dir)(source));
    }
    let copy = beside(dir);
    // A name alone lies in the folder that somebody is in.
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    private::create_dir_all(parent).map_err(LedgerError::io("cannot create", parent))?;
    // Another import may be at work there, or somebody keeps something in it.
    private::create_dir(&copy).map_err(LedgerError::io(
        "another import is at work, or was stopped; else remove this folder: cannot create",
        &copy,
    ))?;
    let done = fill(entries, &copy, (world, holder), fits).and_then(|head| {
        let named = || {
            if dir.is_dir() {
                fs::remove_dir(dir)?;
            }
            world.disk.rename(&copy, dir)?;
            world.disk.sync_dir(parent)
        };
        named().map_err(LedgerError::io("cannot name", dir))?;
        Ok(head)
    });
    if done.is_err() {
        fs::remove_dir_all(&copy).ok();
    }
    done
}

fn beside(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(".importing");
    dir.with_file_name(name)
}

fn fill(
    entries: &Path,
    copy: &Path,
    (world, holder): (&World, &Holder),
    fits: &dyn Fn(&ChainEnd) -> bool,
) -> Result<Head> {
    for part in [store_dir(copy), journal_dir(copy)] {
        private::create_dir_all(&part).map_err(LedgerError::io("cannot create", &part))?;
    }
    let file = File::open(entries).map_err(LedgerError::io("cannot read", entries))?;
    let mut input = Input { path: entries, file: BufReader::with_capacity(1 << 20, file) };
    let mut head = Head::empty(input.start()?);
    (head.chain, head.generation) = Import::start(copy, world, head.identity)?.run(&mut input)?;
    write_format(world, copy, &head)?;
    if !fits(&head.chain) {
        return Err(LedgerError::damaged(
            entries,
            "it does not end with the head that was exported",
        ));
    }
    write_head_anew(world, copy, &mut head)?;
    // Whoever opens it for writing settles it.
    drop(Ledger::open(copy, world.clone(), holder)?);
    match inspect(copy, &mut |_| ())?.findings.first() {
        None => Ok(head),
        Some(finding) => {
            let detail = format!("the imported ledger does not hold: {}", finding.detail);
            Err(LedgerError::damaged(&finding.file, detail))
        }
    }
}

/// `entries.cxl`, while it is read.
struct Input<'a> {
    path: &'a Path,
    file: BufReader<File>,
}

impl Input<'_> {
    fn start(&mut self) -> Result<Identity> {
        if self.take::<6>()?.split_at(4) != (&MAGIC[..], &VERSION.to_be_bytes()) {
            return Err(LedgerError::damaged(self.path, "not an export of version 1"));
        }
        Ok(Identity { ledger: LedgerId(self.take()?), origin: OriginId(self.take()?) })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => LedgerError::damaged(self.path, "it ends too early"),
            _ => LedgerError::io("cannot read", self.path)(error),
        })
    }

    /// The next header; none at the end.
    fn header(&mut self) -> Result<Option<[u8; HEADER_BYTES]>> {
        let wrong = LedgerError::io("cannot read", self.path);
        let mut first = [0];
        if self.file.read(&mut first).map_err(wrong)? == 0 {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        let (one, rest) = bytes.split_at_mut(1);
        one.copy_from_slice(&first);
        self.fill(rest)?;
        Ok(Some(bytes))
    }
}

/// Entries on their way into the one journal of the new ledger.
struct Import<'a> {
    world: &'a World,
    identity: Identity,
    chain: ChainEnd,
    journal: JournalWriter,
    encoder: Encoder,
    draft: PackDraft,
    salts: Vec<Salt>,
    recorded_at: u64,
    has_erased: bool,
    /// Id of the last entry that was read.
    last: EntryId,
}

impl<'a> Import<'a> {
    fn start(copy: &Path, world: &'a World, identity: Identity) -> Result<Import<'a>> {
        Ok(Import {
            world,
            identity,
            chain: ChainEnd::empty(),
            journal: JournalWriter::create(world, copy, &identity, Seq::FIRST)?,
            encoder: Encoder::new().map_err(LedgerError::io("no compressor for", copy))?,
            draft: PackDraft::default(),
            salts: Vec::new(),
            recorded_at: 0,
            has_erased: false,
            last: EntryId::default(),
        })
    }

    /// Gives the end of the chain, and the generation: 1 where something was erased.
    fn run(mut self, input: &mut Input<'_>) -> Result<(ChainEnd, u64)> {
        let mut seq = Seq::FIRST;
        while let Some(bytes) = input.header()? {
            let wrong = |detail: &str| LedgerError::damaged_at(input.path, seq, detail);
            let header = Header::decode(&bytes).map_err(|error| wrong(&error.to_string()))?;
            let Identity { ledger, origin } = self.identity;
            if (header.seq, header.ledger, header.origin) != (seq, ledger, origin) {
                return Err(wrong("another entry stands in its place"));
            }
            if header.prev != self.last {
                return Err(wrong("it does not follow from the one before"));
            }
            if header.recorded_at != self.recorded_at {
                self.submit(input.path)?;
                self.recorded_at = header.recorded_at;
            }
            self.last = Header::id(&bytes);
            self.entry(&header, input)?;
            seq = seq.next();
        }
        self.submit(input.path)?;
        let commit =
            Commit { end: self.chain.end(), id: self.chain.id, root: self.chain.tree.root() };
        self.journal.commit(self.world, &commit)?;
        Ok((self.chain, u64::from(self.has_erased)))
    }

    fn entry(&mut self, header: &Header, input: &mut Input<'_>) -> Result<()> {
        let (path, seq) = (input.path, header.seq);
        let wrong = |detail: &str| LedgerError::damaged_at(path, seq, detail);
        let is_erased = match input.take::<1>()? {
            [PRESENT] => false,
            // That it may be is seen when all is there.
            [ERASED] => true,
            _ => return Err(wrong("its body is not in the export")),
        };
        self.has_erased |= is_erased;
        let salt: Salt = if is_erased { Salt::default() } else { input.take::<SALT_BYTES>()? };
        let is_large = !is_erased && header.body_len > BLOCK_BYTES as u64;
        if is_large {
            self.submit(path)?;
        }
        let (body, commitment) = match is_large {
            _ if is_erased => {
                let Header { body_len: len, commitment, .. } = *header;
                (DraftBody::Erased { len, commitment }, commitment)
            }
            true => self.blocks(header, salt, input)?,
            false => {
                let at = self.draft.bodies.len();
                let end = at + header.body_len as usize;
                self.draft.bodies.resize(end, 0);
                let body = self.draft.bodies.get_mut(at..).unwrap_or_default();
                input.fill(body)?;
                self.salts.push(salt);
                (DraftBody::Inline(at..end), commit(&salt, body))
            }
        };
        if commitment != header.commitment {
            return Err(wrong("its body is not what was committed"));
        }
        let Header { kind, flags, stream, line, offset, reference, .. } = *header;
        self.draft.entries.push(EntryDraft { kind, flags, stream, line, offset, reference, body });
        let is_full =
            self.draft.bodies.len() >= PACK_BYTES || self.draft.entries.len() >= PACK_ENTRIES;
        if is_large || is_full { self.submit(path) } else { Ok(()) }
    }

    fn blocks(
        &mut self,
        header: &Header,
        salt: Salt,
        input: &mut Input<'_>,
    ) -> Result<(DraftBody, Commitment)> {
        let (mut hasher, mut left, mut index) = (commit_hasher(&salt), header.body_len, 0);
        let mut block = vec![0; BLOCK_BYTES];
        while left > 0 {
            let len = left.min(BLOCK_BYTES as u64) as usize;
            let block = block.get_mut(..len).unwrap_or_default();
            input.fill(block)?;
            hasher.update(block);
            let frame = encode_block(&mut self.encoder, header.seq, index, block);
            self.journal.write(self.world, FrameKind::Block, &frame)?;
            left -= len as u64;
            index += 1;
        }
        let commitment = Commitment(*hasher.finalize().as_bytes());
        Ok((DraftBody::Blocks { len: header.body_len, salt, commitment }, commitment))
    }

    /// Writes what was gathered; the entries must come out as they were.
    fn submit(&mut self, path: &Path) -> Result<()> {
        if self.draft.entries.is_empty() {
            return Ok(());
        }
        let (draft, salts) = (std::mem::take(&mut self.draft), std::mem::take(&mut self.salts));
        let mut salts = salts.into_iter();
        let pack = prepare(&mut self.encoder, draft, || salts.next().unwrap_or_default());
        let first = self.chain.end();
        let bytes = place(pack, &self.identity, &mut self.chain, &mut Vec::new(), self.recorded_at);
        if self.chain.id != self.last {
            let detail = "these entries have something that this version cannot write";
            return Err(LedgerError::damaged_at(path, first, detail));
        }
        self.journal.write(self.world, FrameKind::Pack, &bytes)
    }
}

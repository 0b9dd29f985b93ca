//! `HEAD`: two checksummed slots that say how much was acknowledged, independent of the log engine.

use super::bytes::Cursor;
use super::chain::ChainEnd;
use super::error::{LedgerError, Result};
use super::files::read_file;
use super::pack::Identity;
use super::world::World;
use codex_ledger_entry::{EntryId, Frontier, Kind, LedgerId, OriginId, Seq, TreeHash, checksum};
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

const SLOT_BYTES: usize = 4096;
const MAGIC: &[u8; 4] = b"CXLH";
const VERSION: u16 = 1;
const CONTEXT: &str = "codex-ledger v1 head";

/// What is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Counts the writes of HEAD; its parity names the slot.
    pub(super) turn: u64,
    /// Whose head this is.
    pub identity: Identity,
    /// Last id, its time, and the tree; `chain.end()` counts acknowledged entries.
    pub chain: ChainEnd,
    /// Entries below this are in settled volumes; the others are in the journal.
    pub settled: Seq,
    /// Counts the erasures; no volume has a larger one.
    pub generation: u64,
    /// The intent of the erasure that is under way.
    pub erasing: Option<Seq>,
}

impl Head {
    /// That of a ledger without entries.
    pub(super) fn empty(identity: Identity) -> Head {
        let (chain, settled) = (ChainEnd::empty(), Seq::FIRST);
        Head { turn: 0, identity, chain, settled, generation: 0, erasing: None }
    }

    /// Notes an entry that begins or ends an erasure.
    pub(super) fn pass(&mut self, kind: Kind, seq: Seq) {
        match kind {
            Kind::EraseIntent => {
                self.erasing = Some(seq);
                self.generation += 1;
            }
            Kind::EraseDone => self.erasing = None,
            _ => {}
        }
    }

    /// Count of acknowledged entries.
    pub fn size(&self) -> u64 {
        self.chain.size()
    }

    /// The number that the next entry gets.
    pub fn end(&self) -> Seq {
        self.chain.end()
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SLOT_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.turn.to_be_bytes());
        out.extend_from_slice(&self.identity.ledger.0);
        out.extend_from_slice(&self.identity.origin.0);
        out.extend_from_slice(&self.chain.size().to_be_bytes());
        out.extend_from_slice(&self.chain.id.0);
        out.extend_from_slice(&self.chain.tree.root().0);
        out.extend_from_slice(&self.settled.to_be_bytes());
        out.extend_from_slice(&self.chain.recorded_at.to_be_bytes());
        let roots = self.chain.tree.roots();
        out.extend_from_slice(&(roots.len() as u32).to_be_bytes());
        for root in roots {
            out.extend_from_slice(&root.0);
        }
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&self.erasing.unwrap_or(Seq::FIRST).to_be_bytes());
        out.resize(SLOT_BYTES - 16, 0);
        let sum = checksum(CONTEXT, &[&out]);
        out.extend_from_slice(&sum);
        out
    }

    fn decode(slot: &[u8]) -> Option<Head> {
        let (fields, sum) = slot.split_at_checked(SLOT_BYTES - 16)?;
        if checksum(CONTEXT, &[fields]) != sum {
            return None;
        }
        let mut input = Cursor::new(fields);
        if input.array::<4>()? != *MAGIC || u16::from_be_bytes(input.array()?) != VERSION {
            return None;
        }
        input.take(2)?;
        let turn = input.u64()?;
        let identity =
            Identity { ledger: LedgerId(input.array()?), origin: OriginId(input.array()?) };
        let size = input.u64()?;
        let id = EntryId(input.array()?);
        let root = TreeHash(input.array()?);
        let settled = input.seq()?;
        let recorded_at = input.u64()?;
        let count = input.u32()?;
        let roots = (0..count).map(|_| input.array().map(TreeHash)).collect::<Option<Vec<_>>>()?;
        let tree = Frontier::from_parts(size, roots)?;
        let generation = input.u64()?;
        let erasing = input.seq().filter(|seq| *seq > Seq::FIRST);
        let chain = ChainEnd { id, recorded_at, tree };
        let head = Head { turn, identity, chain, settled, generation, erasing };
        (head.chain.tree.root() == root).then_some(head)
    }
}

/// The state of the two slots.
#[derive(Debug)]
pub struct HeadSlots {
    /// The newest valid one.
    pub head: Head,
    /// Which slots do not check; a finding, since the other one still counts.
    pub damaged: Vec<usize>,
    /// What the other slot says, where it checks.
    pub older: Option<Head>,
}

impl HeadSlots {
    /// Whether the other slot is one that this one can have followed.
    pub fn agree(&self) -> bool {
        self.older.as_ref().is_none_or(|older| {
            older.identity == self.head.identity
                && older.turn + 1 == self.head.turn
                && older.end() <= self.head.end()
                && older.settled <= self.head.settled
                && older.generation <= self.head.generation
        })
    }
}

/// The file that holds the head.
pub(super) fn head_path(dir: &Path) -> PathBuf {
    dir.join("HEAD")
}

/// Reads the newest valid slot.
///
/// # Errors
/// When the file cannot be read or neither slot checks.
pub fn read_head(dir: &Path) -> Result<HeadSlots> {
    let path = head_path(dir);
    let bytes = match read_file(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let holds = |dir: PathBuf| fs::read_dir(dir).is_ok_and(|mut of| of.next().is_some());
            if holds(super::journal::journal_dir(dir)) || holds(super::volume::store_dir(dir)) {
                let detail = "HEAD is missing, but there are journals or volumes";
                return Err(LedgerError::damaged(&path, detail));
            }
            return Err(LedgerError::Missing { path: dir.to_path_buf() });
        }
        Err(e) => return Err(LedgerError::io("cannot read", &path)(e)),
    };
    // A slot counts only where its turn puts it, so that slots cannot be swapped or doubled.
    let slot = |index: usize| {
        let bytes = bytes.get(index * SLOT_BYTES..(index + 1) * SLOT_BYTES)?;
        Head::decode(bytes).filter(|head| head.turn % 2 == index as u64)
    };
    let slots: Vec<Option<Head>> = (0..2).map(slot).collect();
    let damaged = (0..2).filter(|slot| slots[*slot].is_none()).collect();
    let mut slots: Vec<Head> = slots.into_iter().flatten().collect();
    slots.sort_by_key(|head| head.turn);
    match slots.pop() {
        Some(head) => Ok(HeadSlots { head, damaged, older: slots.pop() }),
        None => Err(LedgerError::damaged(&path, "neither slot of HEAD checks")),
    }
}

/// Writes the next slot, durably. The other slot stays as it was until the next turn.
pub(super) fn write_head(world: &World, dir: &Path, head: &mut Head) -> Result<()> {
    let path = head_path(dir);
    let mut file = OpenOptions::new()
        .write(true)
        .open(&path)
        .map_err(LedgerError::io("cannot open", &path))?;
    head.turn += 1;
    let io = |action| LedgerError::io(action, &path);
    let at = (head.turn % 2) * SLOT_BYTES as u64;
    file.seek(SeekFrom::Start(at)).map_err(io("cannot seek"))?;
    world.disk.write_all(&mut file, &path, &head.encode()).map_err(io("cannot write"))?;
    world.disk.sync_file(&file, &path).map_err(io("cannot sync"))
}

/// Writes the file anew, both slots saying the same, and makes its name durable.
///
/// What a file of before shows may be a page that the disk refused: syncing it once more would prove
/// nothing. In place, a torn write could cost the only slot that is durable.
pub(super) fn write_head_anew(world: &World, dir: &Path, head: &mut Head) -> Result<()> {
    let mut slots = [Vec::new(), Vec::new()];
    for _ in 0..slots.len() {
        head.turn += 1;
        slots[(head.turn % 2) as usize] = head.encode();
    }
    super::write_durably(world, &head_path(dir), &slots.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let identity = Identity { ledger: LedgerId([1; 16]), origin: OriginId([2; 16]) };
        Head::empty(identity)
    }

    #[test]
    fn slots_alternate_and_one_damaged_slot_is_survived() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        let mut head = head();
        write_head_anew(&world, dir.path(), &mut head).unwrap();
        head.chain.push(&[7; codex_ledger_entry::HEADER_BYTES], 5);
        write_head(&world, dir.path(), &mut head).unwrap();
        assert_eq!(read_head(dir.path()).unwrap().head, head);
        let path = head_path(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        let newest = (head.turn % 2) as usize;
        bytes[newest * SLOT_BYTES + 100] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let slots = read_head(dir.path()).unwrap();
        assert_eq!((slots.head.end(), slots.damaged), (Seq::FIRST, vec![newest]));
    }

    #[test]
    fn any_flipped_bit_of_a_slot_is_seen() {
        let bytes = head().encode();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert_eq!(Head::decode(&flipped), None, "byte {at}");
        }
    }
}

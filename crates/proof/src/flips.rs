//! Of all that signatures and proofs cover, no bit may differ: tried at random, many times.

use crate::consistency::ConsistencyProof;
use crate::key::{Signer, Use};
use crate::merkle::tests::mth;
use crate::merkle::{consistency_parts, inclusion_parts};
use crate::ranges::{Piece, missing_parts, root_of_pieces};
use crate::{Checkpoint, Note, TlogProof};
use codex_ledger_entry::{HEADER_BYTES, TreeHash, commit, leaf_hash};

const FLIPS: usize = 100_000;
const ENTRIES: u64 = 300;
const ORIGIN: &str = "tides.example/log";

/// Numbers that look like chance and are the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn fill<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

struct Log {
    headers: Vec<[u8; HEADER_BYTES]>,
    leaves: Vec<TreeHash>,
    signer: Signer,
}

impl Log {
    fn new(chance: &mut Chance) -> Log {
        let headers: Vec<[u8; HEADER_BYTES]> = (0..ENTRIES).map(|_| chance.fill()).collect();
        let leaves = headers.iter().map(leaf_hash).collect();
        Log { headers, leaves, signer: Signer::new(ORIGIN, Use::Log, &[5; 32]).unwrap() }
    }

    fn signed(&self, size: u64) -> Note {
        let root = mth(&self.leaves, 0..size);
        let mut note = Checkpoint { origin: ORIGIN.into(), size, root }.note().unwrap();
        note.sign(&self.signer, 0);
        note
    }

    fn is_signed(&self, note: &Note) -> bool {
        note.signed_by(self.signer.verifier()).is_ok()
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}

/// Something that is covered: its bytes, and whether a verifier that has the rest takes them.
type Covered<'a> = (&'static str, Vec<u8>, Box<dyn Fn(&[u8]) -> bool + 'a>);

fn covered<'a>(log: &'a Log, chance: &mut Chance) -> Vec<Covered<'a>> {
    let index = chance.next() % ENTRIES;
    let hashes = inclusion_parts(index, ENTRIES).into_iter().map(|part| mth(&log.leaves, part));
    let header = log.headers[index as usize];
    let note = log.signed(ENTRIES);
    let proof = TlogProof {
        extra: Some(header.to_vec()),
        index,
        hashes: hashes.collect(),
        note: note.clone(),
    };
    let is_proof = move |bytes: &[u8]| {
        let proof = text(bytes).and_then(|text| TlogProof::parse(text).ok());
        proof.is_some_and(|proof| {
            let extra: Option<[u8; HEADER_BYTES]> =
                proof.extra.as_deref().and_then(|extra| extra.try_into().ok());
            let leads = extra.is_some_and(|header| proof.leads_to(&leaf_hash(&header)).is_ok());
            leads && log.is_signed(&proof.note)
        })
    };
    let is_checkpoint = move |bytes: &[u8]| {
        let read = text(bytes).and_then(|text| Checkpoint::parse(text).ok());
        read.is_some_and(|(_, note)| log.is_signed(&note))
    };
    let old = 1 + chance.next() % (ENTRIES - 1);
    let older = Checkpoint::parse(&log.signed(old).to_string()).unwrap().0;
    let parts = consistency_parts(old, ENTRIES).into_iter().map(|part| mth(&log.leaves, part));
    let growth = ConsistencyProof { old, hashes: parts.collect(), note };
    let is_growth = move |bytes: &[u8]| {
        let read = text(bytes).and_then(|text| ConsistencyProof::parse(text).ok());
        read.is_some_and(|proof| proof.follows(&older).is_ok() && log.is_signed(&proof.note))
    };
    let first = chance.next() % (ENTRIES - 40);
    let ranges = [first..first + 7, first + 20..first + 31];
    let hashes: Vec<TreeHash> =
        missing_parts(ENTRIES, &ranges).into_iter().map(|part| mth(&log.leaves, part)).collect();
    let mut selection: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    let start = selection.len();
    for seq in ranges.iter().cloned().flatten() {
        selection.extend_from_slice(&log.headers[seq as usize]);
    }
    let root = mth(&log.leaves, 0..ENTRIES);
    let is_selection = move |bytes: &[u8]| {
        let mut hashes = bytes[..start].chunks_exact(32);
        let mut headers = bytes[start..].chunks_exact(HEADER_BYTES);
        let reached: Result<TreeHash, ()> =
            root_of_pieces(ENTRIES, &ranges, &mut |piece| match piece {
                Piece::Missing(_) => Ok(TreeHash(hashes.next().unwrap().try_into().unwrap())),
                Piece::Leaf(_) => Ok(leaf_hash(headers.next().unwrap().try_into().unwrap())),
            });
        reached == Ok(root)
    };
    let body: [u8; 100] = chance.fill();
    let commitment = commit(&[1; 16], &body);
    let is_body = move |bytes: &[u8]| {
        bytes.split_first_chunk::<16>().is_some_and(|(salt, body)| commit(salt, body) == commitment)
    };
    vec![
        ("proof", proof.to_string().into_bytes(), Box::new(is_proof)),
        ("checkpoint", proof.note.to_string().into_bytes(), Box::new(is_checkpoint)),
        ("growth", growth.to_string().into_bytes(), Box::new(is_growth)),
        ("selection", selection, Box::new(is_selection)),
        ("body", [&[1; 16][..], &body].concat(), Box::new(is_body)),
    ]
}

#[test]
fn none_of_many_flipped_bits_is_accepted() {
    let mut chance = Chance(1);
    let log = Log::new(&mut chance);
    let mut tried = 0;
    while tried < FLIPS {
        for (name, sound, accepts) in covered(&log, &mut chance) {
            assert!(accepts(&sound), "{name} as it is");
            for _ in 0..FLIPS / 100 {
                let (at, bit) = (chance.below(sound.len()), chance.below(8));
                let mut bytes = sound.clone();
                bytes[at] ^= 1 << bit;
                assert!(!accepts(&bytes), "bit {bit} of byte {at} of {name}");
                tried += 1;
            }
        }
    }
}

//! Small ledgers: sources to append, and what comes back out of them.

use super::random::Random;
use super::world::holder;
use codex_ledger_append::{AppendReport, Plan, Request};
use codex_ledger_entry::{EntryId, Header, Kind, Seq, StreamDescriptor, StreamId};
use codex_ledger_ledger::{
    BLOCK_BYTES, Finding, Ledger, LedgerError, LedgerReader, StoredBody, World, inspect,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub const THREAD: &str = "0199a213-81c0-7800-8aa1-bbab2a035a53";

/// A home with one rollout.
pub fn rollout_in(home: &Path) -> PathBuf {
    rollout_of(&home.join("sessions/2026/02/09"), THREAD)
}

pub fn rollout_of(dir: &Path, thread: &str) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    dir.join(format!("rollout-2026-02-09T18-36-27-{thread}.jsonl"))
}

/// Lines that compress, lines that do not, and one that is stored in blocks.
pub fn first_part() -> Vec<u8> {
    let mut random = Random(1);
    let mut bytes = Vec::new();
    for line in 0..40 {
        bytes.extend_from_slice(format!("{{\"line\":{line},\"text\":\"ça va\"}}\r\n").as_bytes());
    }
    for len in [3_000, 70_000, BLOCK_BYTES + 30_000, 0, 20_000] {
        bytes.extend_from_slice(&random.noise(len));
        bytes.push(b'\n');
    }
    bytes
}

/// Small enough to stay in the journal; several packs and a body in blocks.
pub fn second_part() -> Vec<u8> {
    let mut random = Random(2);
    let mut bytes = Vec::new();
    for len in [10, 66_000, 66_000, BLOCK_BYTES + 1_000, 500] {
        bytes.extend_from_slice(&random.noise(len));
        bytes.push(b'\n');
    }
    bytes
}

/// What `append` of this root does.
pub fn append(dir: &Path, root: &Path, world: World) -> Result<AppendReport, LedgerError> {
    append_all(dir, &[root], world)
}

pub fn append_all(dir: &Path, roots: &[&Path], world: World) -> Result<AppendReport, LedgerError> {
    let request = Request {
        roots: roots.iter().map(|root| root.to_path_buf()).collect(),
        actor: "test".into(),
        limit: None,
        ..Request::default()
    };
    let plan = Plan::make(dir, &request, world.clock.now());
    let mut ledger = Ledger::open(dir, world, &holder())?;
    plan.run(&mut ledger, &request, &mut |_| ())
}

pub fn findings(dir: &Path) -> Vec<Finding> {
    inspect(dir, &mut |_| ()).unwrap().findings
}

/// Everything that readers see, by stream name; the generations in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub ids: Vec<EntryId>,
    pub headers: Vec<Header>,
    pub streams: BTreeMap<String, Vec<Vec<u8>>>,
}

pub fn contents(dir: &Path) -> Contents {
    try_contents(dir).unwrap()
}

pub fn try_contents(dir: &Path) -> Result<Contents, LedgerError> {
    let mut reader = LedgerReader::open(dir)?;
    let identity = reader.head().identity;
    let mut out = Contents::default();
    let mut places: BTreeMap<StreamId, (String, usize)> = BTreeMap::new();
    let (mut next, mut prev) = (Seq::FIRST, EntryId::default());
    while let Some(pack) = reader.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in &pack.entries {
            let header = pack.header(&identity, entry, prev);
            prev = Header::id(&header.encode());
            out.ids.push(prev);
            out.headers.push(header);
            assert!(!matches!(entry.body, StoredBody::Erased { .. }));
            if entry.kind == Kind::Stream {
                let body = pack.body(entry).unwrap();
                let name = StreamDescriptor::decode(body).unwrap().name.to_string();
                let generations = out.streams.entry(name.clone()).or_default();
                places.insert(StreamId::opened_by(entry.seq), (name, generations.len()));
                generations.push(Vec::new());
            }
            let Some((name, generation)) = places.get(&entry.stream) else {
                continue;
            };
            if entry.kind == Kind::Line || entry.kind == Kind::Document {
                let bytes = &mut out.streams.get_mut(name).unwrap()[*generation];
                assert_eq!(bytes.len() as u64, entry.offset, "offset of entry {}", entry.seq);
                reader.each_piece(&pack, entry, |piece| bytes.extend_from_slice(piece))?;
                bytes.extend_from_slice(if entry.has_line_feed() { b"\n" } else { b"" });
            }
        }
    }
    Ok(out)
}

/// The one stream of [`THREAD`] holds exactly these bytes, once.
pub fn assert_holds(dir: &Path, source: &[u8], what: &str) {
    let contents = contents(dir);
    let name = format!("rollout/{THREAD}");
    let generations = contents.streams.get(&name).map_or(&[][..], |g| g);
    let lens: Vec<usize> = generations.iter().map(Vec::len).collect();
    assert!(generations == [source.to_vec()], "{what}: {} bytes became {lens:?}", source.len());
    assert_eq!(contents.headers[0].kind, Kind::Created, "{what}: the first entry");
}

//! The export, read by the rules of `docs/FORMAT.md` alone, and its bytes, which never change.

use crate::support::disk::Quick;
use crate::support::evidence::evidence;
use crate::support::world::{Same, SetClock, holder};
use codex_ledger_entry::{FieldsBuilder, Kind, StreamDescriptor, StreamId, StreamName, hex};
use codex_ledger_ledger::{BLOCK_BYTES, Ledger, LedgerReader, Origin, World, export};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

const HEADER_BYTES: usize = 216;

/// An exported entry.
struct Exported {
    header: Vec<u8>,
    salt: Vec<u8>,
    body: Vec<u8>,
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Sections 1, 3 and 4, word for word.
fn read_export(dir: &Path) -> Vec<Exported> {
    let bytes = std::fs::read(dir.join("entries.cxl")).unwrap();
    let json = std::fs::read_to_string(dir.join("head.json")).unwrap();
    let field = |name: &str| {
        let (_, rest) = json.split_once(&format!("\"{name}\": ")).unwrap();
        rest.trim_start_matches('"').split(['"', ',', '}']).next().unwrap().to_string()
    };
    assert_eq!(&bytes[..6], b"CXLX\x00\x01");
    assert_eq!((hex(&bytes[6..22]), hex(&bytes[22..38])), (field("ledger"), field("origin")));
    let (mut rest, mut prev, mut entries) = (&bytes[38..], [0; 32], Vec::<Exported>::new());
    while !rest.is_empty() {
        let (header, after) = rest.split_at(HEADER_BYTES);
        assert_eq!(&header[..6], b"CXLE\x00\x01");
        assert_eq!(header[8..40], bytes[6..38], "ledger and origin");
        assert_eq!(number(&header[40..48]), entries.len() as u64, "seq");
        assert_eq!(header[48..80], prev, "prev");
        if let Some(before) = entries.last() {
            assert!(before.header[80..88] <= header[80..88], "recorded_at decreases");
        }
        assert_eq!(after[0], 0, "form");
        let (salt, after) = after[1..].split_at(16);
        let (body, after) = after.split_at(number(&header[112..120]) as usize);
        let commitment = blake3::derive_key("codex-ledger v1 body", &[salt, body].concat());
        assert_eq!(header[120..152], commitment, "commitment of {}", entries.len());
        prev = blake3::derive_key("codex-ledger v1 entry header", header);
        let [header, salt, body] = [header, salt, body].map(<[u8]>::to_vec);
        entries.push(Exported { header, salt, body });
        rest = after;
    }
    assert_eq!(field("size"), entries.len().to_string());
    assert_eq!(field("id"), hex(&prev));
    assert_eq!(field("root"), hex(&root(&entries)));
    entries
}

/// RFC 6962 with the headers as leaves.
fn root(entries: &[Exported]) -> [u8; 32] {
    match entries {
        [] => Sha256::digest(b"").into(),
        [entry] => Sha256::digest([&[0], &entry.header[..]].concat()).into(),
        _ => {
            let (left, right) = entries.split_at(entries.len().next_power_of_two() / 2);
            Sha256::digest([&[1], &root(left)[..], &root(right)].concat()).into()
        }
    }
}

fn exported(ledger: &Path) -> Vec<Exported> {
    let dir = tempfile::tempdir().unwrap();
    let summary = export(&mut LedgerReader::open(ledger).unwrap(), dir.path()).unwrap();
    let entries = read_export(dir.path());
    assert_eq!(summary.entries, entries.len() as u64);
    let len = std::fs::metadata(dir.path().join("entries.cxl")).unwrap().len();
    assert_eq!(summary.bytes, len);
    entries
}

#[test]
fn an_export_can_be_checked_by_a_stranger() {
    let evidence = evidence(1);
    let entries = exported(&evidence.ledger());
    assert!(entries.iter().any(|entry| entry.body.len() > BLOCK_BYTES));
    let mut salts: Vec<&[u8]> = entries.iter().map(|entry| &entry.salt[..]).collect();
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), entries.len(), "every entry has a salt of its own");
}

/// Every append is one pack, so that no salt depends on which worker is quicker.
fn golden_ledger(dir: &Path) {
    let clock = SetClock::at(1_770_662_187_000_000_000);
    let world = World { clock, entropy: Arc::new(Same), disk: Arc::new(Quick) };
    let mut ledger = Ledger::open(dir, world, &holder()).unwrap();
    let descriptor = StreamDescriptor {
        name: StreamName::parse("rollout/0199a213-81c0-7800-8aa1-bbab2a035a53"),
        generation: 1,
        container: "plain".into(),
        path: b"sessions/\xffbad.jsonl".to_vec(),
    };
    let action = FieldsBuilder::default().add("verb", "append").add("actor", "alice").finish();
    let mut appender = ledger.appender().unwrap();
    appender.append_small(Kind::Action, &action).unwrap();
    let opener = appender.append_small(Kind::Stream, &descriptor.encode()).unwrap();
    let stream = StreamId::opened_by(opener);
    let lines: [&[u8]; 4] = [b"{\"type\":\"session_meta\"}\r", b"", b"\0\xff", b"torn"];
    let mut offset = 0;
    for (line, body) in (0..).zip(lines) {
        let origin = Origin { stream: Some(stream), line, offset, has_line_feed: line < 3 };
        appender.append(Kind::Line, origin, body).unwrap();
        offset += body.len() as u64 + 1;
    }
    appender.finish().unwrap();
    let mut appender = ledger.appender().unwrap();
    let mut large = appender.large_body().unwrap();
    large.push(&mut appender, &vec![b'z'; BLOCK_BYTES + 1]).unwrap();
    let origin = Origin { stream: Some(stream), line: 3, offset: offset - 1, has_line_feed: true };
    appender.append_large(Kind::Line, origin, large).unwrap();
    appender.finish().unwrap();
}

/// Entry 0 names the version of the program; everything but that and what is chained to it is fixed.
#[test]
fn the_bytes_of_entries_never_change() {
    const GOLDEN: &str = "7e13172d0ccca2dacd27aff2128227ccbd2bf411f6c4f982662bb6cb827e1f8c";
    let dir = tempfile::tempdir().unwrap();
    golden_ledger(dir.path());
    let mut hasher = blake3::Hasher::new();
    let entries = exported(dir.path());
    assert_eq!(entries.len(), 8);
    for (seq, entry) in entries.iter().enumerate() {
        let mut header = entry.header.clone();
        header[48..80].fill(0);
        if seq == 0 {
            header[112..152].fill(0);
        } else {
            hasher.update(&entry.body);
        }
        hasher.update(&header).update(&entry.salt);
    }
    assert_eq!(hasher.finalize().to_hex().as_str(), GOLDEN, "see docs/FORMAT.md, section 1");
}

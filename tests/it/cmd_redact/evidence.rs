//! Looks for texts in everything that derives from a ledger, however they are written there.

use crate::cli_support::TestEnvironment;
use aho_corasick::{AhoCorasick, MatchKind};
use codex_ledger_search::{Shard, Word, words_of};
use rusqlite::types::ValueRef;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: usize = 4096;
/// Pages of an overflow chain begin with the number of the next one.
const LINK: usize = 4;
/// Depths to which a text may be nested in JSON.
const DEPTHS: usize = 3;

/// The ways in which a text may be written, by name. The plain one comes first.
fn encodings(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![("plain".to_string(), text.as_bytes().to_vec())];
    let unicode = |upper: bool| -> String {
        let unit = |unit: u16| match upper {
            true => format!("\\u{unit:04X}"),
            false => format!("\\u{unit:04x}"),
        };
        text.encode_utf16().map(unit).collect()
    };
    for (name, start) in
        [("JSON", text.to_string()), ("\\u small", unicode(false)), ("\\u capital", unicode(true))]
    {
        let mut nested = start;
        for depth in 0..=DEPTHS {
            found.push((format!("{name} at depth {depth}"), nested.clone().into_bytes()));
            nested = escaped(&nested);
        }
    }
    for (name, keeps) in [("all", ""), ("special", "-._~"), ("path", "-._~/")] {
        found.push((format!("percent {name}"), percent(text, keeps, false)));
        found.push((format!("percent {name}, small"), percent(text, keeps, true)));
    }
    let utf_16: Vec<u16> = text.encode_utf16().collect();
    found.push(("UTF-16LE".into(), utf_16.iter().flat_map(|unit| unit.to_le_bytes()).collect()));
    found.push(("UTF-16BE".into(), utf_16.iter().flat_map(|unit| unit.to_be_bytes()).collect()));
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    found.push(("hex, capital".into(), hex.to_uppercase().into_bytes()));
    found.push(("hex".into(), hex.into_bytes()));
    for shift in 0..3 {
        for (name, last) in [("base64", b"+/"), ("base64url", b"-_")] {
            let run = base64(text.as_bytes(), shift, last);
            if run.len() >= 8 {
                found.push((format!("{name} shifted by {shift}"), run));
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|(_, bytes)| seen.insert(bytes.clone()));
    found
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    quoted[1..quoted.len() - 1].to_string()
}

fn percent(text: &str, keeps: &str, small: bool) -> Vec<u8> {
    let mut out = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        let stays = !keeps.is_empty() && (c.is_ascii_alphanumeric() || keeps.contains(c));
        match (stays, small) {
            (true, _) => out.push(c),
            (false, true) => out.push_str(&format!("%{byte:02x}")),
            (false, false) => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.into_bytes()
}

/// The characters that are decided by the text alone where it stands `shift` bytes behind a full group.
fn base64(text: &[u8], shift: usize, last: &[u8; 2]) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![false; shift * 8];
    bits.extend(text.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)));
    let digit = |bits: &[bool]| match bits.iter().fold(0u8, |n, bit| n << 1 | u8::from(*bit)) {
        n @ 0..26 => b'A' + n,
        n @ 26..52 => b'a' + n - 26,
        n @ 52..62 => b'0' + n - 52,
        n => last[usize::from(n - 62)],
    };
    let first = (shift * 8).div_ceil(6) * 6;
    bits[first..].chunks_exact(6).map(digit).collect()
}

/// What is sought, in all encodings.
pub struct Sought {
    literals: Vec<String>,
    /// Literal and name of the encoding.
    names: Vec<(usize, String)>,
    finder: AhoCorasick,
}

impl Sought {
    pub fn new<S: AsRef<str>>(literals: &[S]) -> Sought {
        let literals: Vec<String> = literals.iter().map(|text| text.as_ref().to_string()).collect();
        let mut names = Vec::new();
        let mut patterns = Vec::new();
        for (index, literal) in literals.iter().enumerate() {
            for (name, bytes) in encodings(literal) {
                names.push((index, name));
                patterns.push(bytes);
            }
        }
        let finder = AhoCorasick::new(patterns).expect("the patterns compile");
        Sought { literals, names, finder }
    }

    /// Where and how any of them is found; says never what was found.
    fn in_bytes(&self, place: &str, bytes: &[u8], found: &mut BTreeSet<String>) {
        let plain = without_colours(bytes);
        let coloured = plain.as_deref().map(|plain| (" between colours", plain));
        for (more, bytes) in [Some(("", bytes)), coloured].into_iter().flatten() {
            for hit in self.finder.find_overlapping_iter(bytes) {
                let (index, name) = &self.names[hit.pattern().as_usize()];
                found.insert(format!("literal {index} in {place}: {name}{more}"));
            }
        }
    }

    /// Texts of one word that a shard of the search index has: there they stand in pieces.
    fn in_shard(&self, folder: &Path, found: &mut BTreeSet<String>) {
        let Ok(shard) = Shard::open(folder) else { return };
        for (index, literal) in self.literals.iter().enumerate() {
            let words = words_of(literal);
            let is_there = |word: &Word| shard.has_word(&word.folded).expect("the shard is read");
            if words.len() == 1 && words.iter().any(is_there) {
                found.insert(format!("literal {index} in {}: a word", folder.display()));
            }
        }
    }

    /// Texts that are split between two pages, whichever they are.
    fn across_pages(&self, place: &str, bytes: &[u8], found: &mut BTreeSet<String>) {
        let pages: Vec<&[u8]> = bytes.chunks_exact(PAGE).collect();
        for (index, literal) in self.literals.iter().enumerate() {
            for cut in 2..literal.len().saturating_sub(1) {
                let (head, tail) = literal.as_bytes().split_at(cut);
                let ends = pages.iter().any(|page| page.ends_with(head));
                if ends && pages.iter().any(|page| page[LINK..].starts_with(tail)) {
                    found.insert(format!("literal {index} in {place}: split after {cut} bytes"));
                }
            }
        }
    }
}

/// The bytes without terminal sequences, plain or escaped; `None` where there are none.
fn without_colours(bytes: &[u8]) -> Option<Vec<u8>> {
    let intros = [&b"\\\\u001b["[..], b"\\u001b[", b"\\u001B[", b"\x1b["];
    let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(intros);
    let mut out = Vec::new();
    let mut copied = 0;
    for intro in finder.expect("the patterns compile").find_iter(bytes) {
        let rest = &bytes[intro.end()..];
        let last = rest.iter().take(16).position(|byte| byte.is_ascii_alphabetic());
        if let Some(last) = last.filter(|_| intro.start() >= copied) {
            out.extend_from_slice(&bytes[copied..intro.start()]);
            copied = intro.end() + last + 1;
        }
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(&bytes[copied..]);
    Some(out)
}

/// Where literals are found in the views' files, in all their texts, and in what the commands print.
pub fn leaks<S: AsRef<str>>(env: &TestEnvironment, literals: &[S]) -> BTreeSet<String> {
    let sought = Sought::new(literals);
    let mut found = in_texts(env, &sought);
    found.extend(in_files(env, &sought));
    for (name, bytes) in published(env) {
        sought.in_bytes(&name, &bytes, &mut found);
    }
    found
}

/// In the raw bytes of the views' files, freed pages and the write-ahead log included.
pub fn in_files(env: &TestEnvironment, sought: &Sought) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in walkdir::WalkDir::new(env.ledger().join("views.d")) {
        let entry = entry.expect("the views' folder");
        let name = entry.path().display().to_string();
        if entry.file_type().is_dir() {
            sought.in_shard(entry.path(), &mut found);
            continue;
        }
        let bytes = fs::read(entry.path()).expect("a file");
        sought.in_bytes(&name, &bytes, &mut found);
        sought.across_pages(&name, &bytes, &mut found);
    }
    found
}

/// In every text and blob of every table, as a reader gets it: whole, however many pages it spans.
pub fn in_texts(env: &TestEnvironment, sought: &Sought) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_text(env, &mut |place, bytes| sought.in_bytes(place, bytes, &mut found));
    found
}

/// Every text and blob of the views, by table and column.
pub fn each_text(env: &TestEnvironment, each: &mut dyn FnMut(&str, &[u8])) {
    let db = env.views();
    for table in tables(&db) {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).expect("a table");
        let places: Vec<String> =
            statement.column_names().map(|column| format!("{table}.{column}")).collect();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for (index, place) in places.iter().enumerate() {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) =
                    row.get_ref(index).expect("a value")
                {
                    each(place, bytes);
                }
            }
        }
    }
}

pub fn tables(db: &rusqlite::Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = db.prepare(sql).expect("the schema");
    let names = statement.query_map([], |row| row.get(0)).expect("names");
    names.collect::<Result<_, _>>().expect("names")
}

/// What the commands print and write that people share, by name.
pub fn published(env: &TestEnvironment) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut keep = |name: &str, args: &[&str]| {
        out.push((name.to_string(), env.ok(args).stdout));
    };
    keep("sessions --json", &["sessions", "--limit", "0", "--json"]);
    keep("sessions", &["sessions", "--limit", "0"]);
    for by in ["day", "model", "session", "repo"] {
        keep("tokens --json", &["tokens", "--by", by, "--json"]);
        keep("tokens", &["tokens", "--by", by]);
    }
    for format in ["md", "csv", "json", "html"] {
        keep(format, &["report", "--mode", "actions", "--format", format]);
    }
    keep("search", &["search", "the OR a", "--limit", "1000", "--json"]);
    keep("redact list", &["redact", "list"]);
    keep("redact list --json", &["redact", "list", "--json"]);
    keep("redact history --json", &["redact", "history", "--json"]);
    keep("status --json", &["status", "--json"]);
    for id in super::column(env, "SELECT DISTINCT id FROM sessions ORDER BY stream") {
        let mut keep = |name: &str, args: &[&str]| {
            out.push((name.to_string(), env.ok(args).stdout));
        };
        keep("show --json", &["show", &id, "--json"]);
        keep("show", &["show", &id, "--verbose", "--context"]);
        keep("group --json", &["group", &id, "--json"]);
        let file = env.path("export.md");
        // Without rules a document may hold what the built-in ones take for a secret: then it is not written.
        let done = env.run(["group", &id, "-o", &super::path_text(&file)]);
        assert!(matches!(done.code, Some(0 | 1)), "{}", done.text());
        if done.code == Some(0) {
            out.push(("export".into(), read(&file)));
        }
    }
    out
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("the export is there")
}

/// The search itself: a text is found in each of the ways in which it may be written.
#[test]
fn each_encoding_is_known() {
    let literal = "pässword \"x\"\n/y";
    let sought = Sought::new(&[literal]);
    let found = |bytes: &[u8]| {
        let mut found = BTreeSet::new();
        sought.in_bytes("here", bytes, &mut found);
        found.len()
    };
    let nested = serde_json::to_string(&serde_json::json!({"a": literal})).unwrap();
    let twice = serde_json::to_string(&nested).unwrap();
    let thrice = serde_json::to_string(&twice).unwrap();
    let coloured = "p\u{1b}[1;31mässword \"x\u{1b}[0m\"\n/y";
    for text in [literal, &nested, &twice, &thrice, coloured] {
        assert_eq!(found(text.as_bytes()), 1, "{text}");
    }
    assert_eq!(base64(b"light work.", 0, b"+/"), b"bGlnaHQgd29yay");
    assert_eq!(base64(b"ight work.", 1, b"+/"), b"lnaHQgd29yay");
    assert_eq!(found(b"p%C3%A4ssword%20%22x%22%0A%2Fy"), 1);
    assert_eq!(found(b"nothing of the kind"), 0);
    let mut pages = vec![0u8; 2 * PAGE];
    pages[PAGE - 5..PAGE].copy_from_slice(&literal.as_bytes()[..5]);
    pages[PAGE + LINK..PAGE + LINK + literal.len() - 5].copy_from_slice(&literal.as_bytes()[5..]);
    let mut split = BTreeSet::new();
    sought.across_pages("here", &pages, &mut split);
    assert_eq!(split.len(), 1);
}

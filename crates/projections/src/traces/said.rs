//! What entries say: texts however they are written, prompts, holds.

use crate::policy::leaves;
use crate::replay::ReplayError;
use crate::replay::lines::PARSE_MAX_BYTES;
use codex_ledger_entry::{Fields, Kind, Seq, StreamId};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_redaction::{
    Context, Engine, Manual, Matcher, REPLACEMENT, RuleError, RuleSet, Scope,
};
use codex_ledger_rollout as rollout;

/// A shorter prompt counts as said again only where it is all that is said.
const QUOTED_MIN_BYTES: usize = 24;
/// How deep texts inside texts are looked for.
const DEPTH_MAX: usize = 4;

/// What finds a text however it is written.
pub(super) fn finder(text: &str, ignore_case: bool) -> Result<Engine, RuleError> {
    let matcher = Matcher::Literal { text: text.to_string(), ignore_case };
    let (id, replacement) = (Seq::FIRST, REPLACEMENT.to_string());
    let manual = Manual { id, matcher, scope: Scope::Global, replacement, rank: 0 };
    Engine::compile(&RuleSet::default(), &[manual])
}

/// Whether something says a text, however it is written.
pub fn holds_text(said: &str, text: &str, ignore_case: bool) -> bool {
    let engine = finder(text, ignore_case);
    engine.is_ok_and(|engine| !engine.masks(said, &Context::default()).is_empty())
}

/// Whether an action is a hold or ends one.
pub(super) fn holds(body: &[u8]) -> bool {
    let fields = Fields::parse(body).ok();
    let verb = fields.as_ref().and_then(|fields| fields.get("verb"));
    matches!(verb, Some(b"hold" | b"release"))
}

/// A prompt as it was written, and as it was typed.
///
/// # Errors
/// When its entry cannot be read.
pub fn prompt_texts(
    reader: &mut LedgerReader,
    seq: Seq,
    part: u64,
) -> Result<Vec<String>, ReplayError> {
    let Some((kind, body)) = whole_line(reader, seq)? else { return Ok(Vec::new()) };
    let asked = rollout::asked_in(kind == Kind::Document, &body, part);
    let Some(text) = asked.filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
    let typed = rollout::wrapper::typed(&text).trim().to_string();
    Ok([text.trim().to_string(), typed].into_iter().filter(|text| !text.is_empty()).collect())
}

/// What an entry begins: the whole line where it was torn, else its own body.
fn whole_line(reader: &mut LedgerReader, seq: Seq) -> Result<Option<(Kind, Vec<u8>)>, ReplayError> {
    let mut found: Option<(Kind, StreamId, Vec<u8>)> = None;
    let mut next = seq;
    while let Some(pack) = reader.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in pack.entries.iter().filter(|entry| entry.seq >= seq) {
            let (kind, stream, line) =
                found.get_or_insert_with(|| (entry.kind, entry.stream, Vec::new()));
            if (entry.kind, entry.stream) != (*kind, *stream) {
                continue;
            }
            let piece = reader.body(&pack, entry, PARSE_MAX_BYTES)?.unwrap_or_default();
            line.extend_from_slice(&piece);
            if *kind != Kind::Line || entry.has_line_feed() || line.len() as u64 > PARSE_MAX_BYTES {
                return Ok(found.map(|(kind, _, line)| (kind, line)));
            }
        }
    }
    Ok(found.map(|(kind, _, line)| (kind, line)))
}

/// Whether a record says one of these texts: as a whole, or, where it is long enough to be told, anywhere.
pub(super) fn says_any(body: &[u8], texts: &[String]) -> bool {
    let mut said = Vec::new();
    match serde_json::from_slice(body) {
        Ok(value) => leaves(&value, &mut said, DEPTH_MAX),
        Err(_) => said.push(String::from_utf8_lossy(body).into_owned()),
    }
    said.iter().any(|said| {
        texts.iter().any(|text| {
            said.trim() == text || text.len() >= QUOTED_MIN_BYTES && said.contains(text.as_str())
        })
    })
}

//! What the log says of the keys that sign it: which ended, by whom and why, and which one follows.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::Result;
use crate::proofs::unsound;
use codex_ledger_db as db;
use codex_ledger_entry::{Fields, FieldsBuilder, Kind, Seq, hex};
use codex_ledger_ledger::{LedgerReader, read_head};
use codex_ledger_proof::{Note, Signer, Verifier};
use codex_ledger_query::{self as query, ActFilter};

/// First line of the note by which a key hands over to the next one.
const HANDOVER: &str = "codex-ledger key handover";
const ROTATE: &str = "rotate_key";
const REVOKE: &str = "revoke_key";

/// How a key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEnd {
    /// It handed over to the next one: what it has signed before stands.
    Rotated,
    /// Somebody else may have it: it vouches for nothing any more.
    Revoked,
}

/// An entry that says that a key is no longer used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeyEvent {
    /// The entry.
    pub seq: Seq,
    /// How the key ended.
    pub end: KeyEnd,
    /// The public key.
    pub key: String,
    /// The public key that signs from then on, where the entry names one.
    pub next: Option<String>,
    /// Whether the key that ended has signed for the next one.
    pub is_handed_over: bool,
    /// The note by which it hands over, where there is one.
    pub handover: Option<String>,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl KeyEvent {
    fn read(seq: Seq, body: &[u8]) -> Option<KeyEvent> {
        let fields = Fields::parse(body).ok()?;
        let text = |name: &str| fields.text(name);
        let end = match text("verb")?.as_str() {
            ROTATE => KeyEnd::Rotated,
            REVOKE => KeyEnd::Revoked,
            _ => return None,
        };
        let (key, next) = (text("key")?, text("next"));
        let handover = text("handover");
        let is_handed_over = next.as_deref().is_some_and(|next| {
            let note = handover.as_deref().and_then(|note| Note::parse(note).ok());
            note.is_some_and(|note| is_handover(&note, &key, next))
        });
        let (actor, reason) =
            (text("actor").unwrap_or_default(), text("reason").unwrap_or_default());
        Some(KeyEvent { seq, end, key, next, is_handed_over, handover, actor, reason })
    }
}

fn handover_text(key: &str, next: &str) -> String {
    format!("{HANDOVER}\n{key}\n{next}\n")
}

fn is_handover(note: &Note, key: &str, next: &str) -> bool {
    let signer = Verifier::parse(key).ok();
    note.text == handover_text(key, next)
        && signer.is_some_and(|signer| note.signed_by(&signer).is_ok())
}

/// The key that a note of this key hands over to; none where it is no such note.
pub(super) fn hands_over(note: &Note, key: &Verifier) -> Option<Verifier> {
    let next = note.text.lines().nth(2)?;
    let next = Verifier::parse(next).ok()?;
    let is_same = next.name() == key.name() && next.purpose() == key.purpose();
    (is_same && is_handover(note, &key.to_string(), &next.to_string())).then_some(next)
}

impl App {
    /// All that the log says of its keys, in order.
    ///
    /// # Errors
    /// When there are no views, or entries cannot be read.
    pub fn key_events(&self) -> Result<Vec<KeyEvent>> {
        let kinds = vec![ROTATE.to_string(), REVOKE.to_string()];
        let filter = ActFilter { kinds, ..ActFilter::default() };
        let acts = query::acts(&self.views_for_reading()?, &filter);
        let acts = acts.map_err(db::at(self.views_path()))?;
        let mut events = Vec::new();
        if acts.is_empty() {
            return Ok(events);
        }
        let mut reader = LedgerReader::open(self.dir())?;
        for act in acts {
            // The views say where; what counts is the entry.
            let entry = reader.control(act.seq)?.filter(|entry| entry.kind == Kind::Key);
            events.extend(entry.and_then(|entry| KeyEvent::read(entry.seq, &entry.body)));
        }
        Ok(events)
    }

    /// Records that a key hands over to the next one.
    ///
    /// # Errors
    /// When there is no reason or ledger, or it cannot be written.
    pub fn rotate_key(&self, key: &Signer, next: &Verifier, reason: &str) -> Result<Seq> {
        let (old, new) = (key.verifier().to_string(), next.to_string());
        let mut note = Note::new(handover_text(&old, &new)).map_err(unsound)?;
        note.sign(key, 0);
        let ids = (key.verifier().id(), next.id());
        let detail = format!("key {} ends, key {} signs from here on", hex(&ids.0), hex(&ids.1));
        let more = [("next", new), ("handover", note.to_string())];
        self.end_key((ROTATE, &detail), &old, &more, reason)
    }

    /// Records that a key vouches for nothing any more.
    ///
    /// # Errors
    /// As [`App::rotate_key`].
    pub fn revoke_key(&self, key: &Verifier, next: Option<&Verifier>, reason: &str) -> Result<Seq> {
        let detail = format!("key {} vouches for nothing from here on", hex(&key.id()));
        let next: Vec<_> = next.map(|next| ("next", next.to_string())).into_iter().collect();
        self.end_key((REVOKE, &detail), &key.to_string(), &next, reason)
    }

    fn end_key(
        &self,
        (verb, detail): (&str, &str),
        key: &str,
        more: &[(&str, String)],
        reason: &str,
    ) -> Result<Seq> {
        let reason = self.reason(reason)?;
        read_head(self.dir())?;
        let mut body = FieldsBuilder::default()
            .add("verb", verb)
            .add("actor", &self.setup.actor)
            .add("detail", format!("{detail}: {reason}"))
            .add("reason", &reason)
            .add("software", concat!("codex-ledger ", env!("CARGO_PKG_VERSION")))
            .add("key", key);
        for (name, value) in more {
            body = body.add(name, value);
        }
        let mut ledger = self.open()?;
        self.update_views(&mut |_| ())?;
        // Somebody else may have said the same while this one waited.
        let end = if verb == REVOKE { KeyEnd::Revoked } else { KeyEnd::Rotated };
        let is_same = |event: &&KeyEvent| {
            event.end == end
                && event.key == key
                && more
                    .iter()
                    .any(|(name, next)| *name == "next" && event.next.as_ref() == Some(next))
        };
        if let Some(known) = self.key_events()?.iter().find(is_same) {
            return Ok(known.seq);
        }
        let seqs = self.append_noted(&mut ledger, &[NewEntry::new(Kind::Key, body.finish())])?;
        drop(ledger);
        self.update_views(&mut |_| ())?;
        Ok(seqs.from)
    }
}

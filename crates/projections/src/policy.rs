//! The policy that a ledger asks for: its redactions that are in force and its last rule set.

use crate::replay::lines::PARSE_MAX_BYTES;
use codex_ledger_entry::{EntryId, Erasure, Kind, Seq, SeqSet};
use codex_ledger_ledger::{Control, Controls, LedgerError, LedgerReader};
use codex_ledger_redaction::{
    Matcher, Policy, Redaction, RedactionRecord, RevocationRecord, RuleError, RuleSet,
    RuleSetRecord, Scope, Target, What, Within, software_of,
};
use codex_ledger_rollout as rollout;
use std::collections::{BTreeMap, HashMap};

/// How deep texts inside texts are looked for.
const DEPTH_MAX: usize = 8;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The entries cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An entry in force says something that this version does not know.
    #[error(
        "entry {seq} ({what}, written by {software}) says more than this version knows: \
             nothing is shown as long as it is in force"
    )]
    Unreadable {
        /// The entry.
        seq: Seq,
        /// What it is: redaction, revocation or rule set.
        what: &'static str,
        /// The program that wrote it.
        software: String,
    },
    /// A rule or pattern in the ledger cannot be compiled by this version.
    #[error("a rule in force cannot be used: {0}")]
    Rule(#[from] RuleError),
}

/// All entries that decide what may be shown, in order, and which of them are in force.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// The entries.
    pub entries: Vec<Control>,
    /// By seq of a redaction or revocation: the seq of what ends it. What is missing is in force.
    pub ended_by: HashMap<Seq, Seq>,
    /// The key of what is derived from the ledger.
    key: [u8; 32],
}

impl Decisions {
    /// Reads them from the ledger, below a seq.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn load(reader: &mut LedgerReader, below: Seq) -> Result<Decisions, LedgerError> {
        Ok(Decisions::below(Controls::load(reader)?, below))
    }

    /// Reads them from the entries alone, whatever is noted beside them.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn find(reader: &mut LedgerReader) -> Result<Decisions, LedgerError> {
        Ok(Controls::find(reader)?.into())
    }

    fn below(controls: Controls, below: Seq) -> Decisions {
        let key = controls.key();
        let mut entries = controls.entries;
        entries.retain(|entry| entry.seq < below);
        Decisions { key, ..Decisions::of(entries) }
    }

    fn of(mut entries: Vec<Control>) -> Decisions {
        // One that was erased is void: it is as if it were not there.
        entries.retain(|entry| !entry.body.is_empty());
        let ended_by = ended_by(&entries);
        Decisions { entries, ended_by, key: [0; 32] }
    }

    /// What was erased by entries from `from` on, up to `to`.
    ///
    /// # Errors
    /// When an entry of an erasure does not say what it takes: what it takes might be shown.
    pub fn erased(&self, from: Seq, to: Seq) -> Result<SeqSet, PolicyError> {
        let mut erased = SeqSet::default();
        let within = |entry: &&Control| entry.seq >= from && entry.seq < to && is_of_erasure(entry);
        for entry in self.entries.iter().filter(within) {
            let erasure = Erasure::decode(entry.seq, &entry.body);
            let erasure = erasure.ok_or_else(|| unreadable(entry, "erasure"))?;
            erased = erased.union(&erasure.entries);
        }
        Ok(erased)
    }

    /// The redactions in force that name one of these entries.
    ///
    /// # Errors
    /// When a redaction in force cannot be read.
    pub fn named_in(&self, entries: &SeqSet) -> Result<Vec<Seq>, PolicyError> {
        let records = self.records()?.into_iter();
        let names =
            |record: &RedactionRecord| record.what.seq().is_some_and(|seq| entries.contains(seq));
        Ok(records.filter(|(_, record)| names(record)).map(|(seq, _)| seq).collect())
    }

    /// Whether an entry from `cursor` on decides what may be shown, but for one that says that what was decided is done.
    pub(crate) fn decides_since(&self, cursor: Seq) -> Result<bool, PolicyError> {
        let is_new = |entry: &&Control| entry.seq >= cursor;
        if self.entries.iter().filter(is_new).any(|entry| entry.kind != Kind::EraseDone) {
            return Ok(true);
        }
        self.erases_since(cursor)
    }

    /// Whether entries from `cursor` on erase what those before do not.
    pub(crate) fn erases_since(&self, cursor: Seq) -> Result<bool, PolicyError> {
        let before = self.erased(Seq::FIRST, cursor)?;
        Ok(!self.erased(cursor, Seq::MAX)?.without(&before).is_empty())
    }

    /// Seqs of the redactions in force and of the rule set in force, in order.
    pub fn in_force(&self) -> impl Iterator<Item = Seq> + '_ {
        let rules = self.entries.iter().rev().find(|entry| entry.kind == Kind::RuleSet);
        let rules = rules.map(|entry| entry.seq);
        let holds = move |entry: &&Control| match entry.kind {
            Kind::Redaction => self.is_active(entry.seq),
            _ => rules == Some(entry.seq),
        };
        self.entries.iter().filter(holds).map(|entry| entry.seq)
    }

    /// The key of what is derived from the ledger.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Whether a redaction or revocation is in force.
    pub fn is_active(&self, seq: Seq) -> bool {
        !self.ended_by.contains_key(&seq)
    }

    /// The redaction that a revocation, or a revocation of one, speaks of in the end; itself for a redaction.
    pub fn redaction_behind(&self, seq: Seq) -> Seq {
        let find = |seq: Seq| self.entries.iter().find(|entry| entry.seq == seq);
        let mut found = seq;
        while let Some(entry) = find(found).filter(|entry| entry.kind == Kind::Revocation)
            && let Some(of) = self.entries.iter().find(|other| other.id == entry.reference)
            && of.seq < found
        {
            found = of.seq;
        }
        found
    }

    /// The rule set in force, and the seq of its entry.
    ///
    /// # Errors
    /// When this version cannot read it: an older one would show what it hides.
    pub fn rule_set(&self) -> Result<Option<(Seq, RuleSetRecord)>, PolicyError> {
        let last = self.entries.iter().rev().find(|entry| entry.kind == Kind::RuleSet);
        let read = |entry: &Control| {
            let record = RuleSetRecord::decode(&entry.body);
            record.map(|record| (entry.seq, record)).ok_or_else(|| unreadable(entry, "rule set"))
        };
        last.map(read).transpose()
    }

    /// What the redactions in force say, with their seqs.
    fn records(&self) -> Result<Vec<(Seq, RedactionRecord)>, PolicyError> {
        let mut records = Vec::new();
        let in_force = |e: &&Control| self.is_active(e.seq);
        for entry in self.entries.iter().filter(in_force) {
            if entry.kind == Kind::Revocation && RevocationRecord::decode(&entry.body).is_none() {
                return Err(unreadable(entry, "revocation"));
            }
            if entry.kind == Kind::Redaction {
                let record = RedactionRecord::decode(&entry.body);
                let record = record.filter(|record| record.what != What::Unknown);
                records.push((entry.seq, record.ok_or_else(|| unreadable(entry, "redaction"))?));
            }
        }
        Ok(records)
    }

    /// Compiles what is in force.
    ///
    /// # Errors
    /// When a target cannot be read or a rule not compiled.
    pub fn policy(&self, reader: &mut LedgerReader) -> Result<Policy, PolicyError> {
        let rules = self.rule_set()?.map_or_else(RuleSet::default, |(_, record)| record.rules);
        let mut records = self.records()?;
        // In the order of the log, so that no volume is opened twice.
        records.sort_by_key(|(_, record)| record.what.seq());
        let mut redactions = Vec::with_capacity(records.len());
        for (seq, record) in records {
            if let Some(target) = resolve(reader, record.what)? {
                redactions.push(Redaction { seq, target, replacement: record.replacement });
            }
        }
        redactions.sort_by_key(|redaction| redaction.seq);
        Ok(Policy::compile(rules, redactions, self.key)?)
    }
}

/// By seq of a redaction or revocation that a revocation in force ends: the seq of that one. The entries are in order.
///
/// A revocation that was erased ends nothing.
pub fn ended_by(entries: &[Control]) -> HashMap<Seq, Seq> {
    // A revocation speaks of an earlier entry, so that from the newest on every one is decided by those
    // that are decided already.
    let by_id: BTreeMap<EntryId, Seq> = entries.iter().map(|e| (e.id, e.seq)).collect();
    let mut ended_by = HashMap::new();
    let revocations = entries.iter().rev().filter(|entry| entry.kind == Kind::Revocation);
    for entry in revocations.filter(|entry| !entry.body.is_empty()) {
        if !ended_by.contains_key(&entry.seq)
            && let Some(of) = by_id.get(&entry.reference)
        {
            ended_by.insert(*of, entry.seq);
        }
    }
    ended_by
}

fn is_of_erasure(entry: &Control) -> bool {
    matches!(entry.kind, Kind::EraseIntent | Kind::EraseDone)
}

fn unreadable(entry: &Control, what: &'static str) -> PolicyError {
    let software = software_of(&entry.body).unwrap_or_else(|| "another version".into());
    PolicyError::Unreadable { seq: entry.seq, what, software }
}

impl From<Controls> for Decisions {
    fn from(controls: Controls) -> Decisions {
        Decisions::below(controls, Seq::MAX)
    }
}

/// The policy of the ledger as the reader sees it.
///
/// # Errors
/// As [`Decisions::policy`].
pub fn load_policy(reader: &mut LedgerReader) -> Result<Policy, PolicyError> {
    let end = reader.head().end();
    Decisions::load(reader, end)?.policy(reader)
}

/// Reads what a redaction names; an erased target hides nothing any more.
fn resolve(reader: &mut LedgerReader, what: What) -> Result<Option<Target>, LedgerError> {
    let scope = |within| match within {
        Within::Everything => Scope::Global,
        Within::Session(id) => Scope::Session(id),
        Within::Repo(url) => Scope::repo(&url),
    };
    Ok(match what {
        What::Unknown => None,
        What::Entry { seq } => Some(Target::Entry { seq }),
        What::Session { id } => Some(Target::Session { id }),
        What::Literal { text, within, ignore_case } => {
            let matcher = Matcher::Literal { text, ignore_case };
            Some(Target::Passages { matcher, scope: scope(within) })
        }
        What::Regex { pattern, within } => {
            Some(Target::Passages { matcher: Matcher::Regex(pattern), scope: scope(within) })
        }
        What::Prompt { session, seq, part, .. } => body_of(reader, seq)?.map(|(kind, body)| {
            let is_document = kind == Kind::Document;
            let text = rollout::asked_in(is_document, &body, part).unwrap_or_default();
            let request = rollout::wrapper::typed(&text).trim().to_string();
            let texts = if request == text { vec![text] } else { vec![text, request] };
            Target::Prompt { seq, part, session, texts }
        }),
        What::Field { seq, pointer, span } => match body_of(reader, seq)? {
            Some((_, body)) => Some(texts_of(seq, &body, &pointer, span)),
            None => Some(Target::Entry { seq }),
        },
    })
}

/// The body of an entry; `None` when it was erased, or is not parsed for its length: it then is hidden as a whole.
fn body_of(reader: &mut LedgerReader, seq: Seq) -> Result<Option<(Kind, Vec<u8>)>, LedgerError> {
    let Some(pack) = reader.pack_from(seq)? else { return Ok(None) };
    let Some(entry) = pack.entry(seq) else { return Ok(None) };
    let body = reader.body(&pack, entry, PARSE_MAX_BYTES)?;
    Ok(body.map(|body| (entry.kind, body)))
}

fn texts_of(seq: Seq, body: &[u8], pointer: &str, span: Option<(u64, u64)>) -> Target {
    let texts = match field(body, pointer) {
        Some(Field::Text(text)) => match span {
            Some((from, to)) => {
                text.get(from as usize..to as usize).map(str::to_string).into_iter().collect()
            }
            None => texts_within(&text),
        },
        Some(Field::Tree(value)) => {
            let mut texts = Vec::new();
            leaves(&value, &mut texts, DEPTH_MAX);
            texts
        }
        None => Vec::new(),
    };
    match texts.is_empty() {
        true => Target::Entry { seq },
        false => Target::Texts { seq, texts, is_whole: span.is_none() },
    }
}

/// What a JSON pointer leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A text.
    Text(String),
    /// Anything else.
    Tree(serde_json::Value),
}

/// Follows a JSON pointer (RFC 6901) through a record; a text that is JSON is gone into.
pub fn field(body: &[u8], pointer: &str) -> Option<Field> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    let mut value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let steps = pointer.strip_prefix('/').map(|rest| rest.split('/'));
    for step in steps.into_iter().flatten() {
        let step = step.replace("~1", "/").replace("~0", "~");
        if let serde_json::Value::String(text) = &value {
            value = serde_json::from_str(text).ok()?;
        }
        let next = match &mut value {
            serde_json::Value::Object(object) => object.remove(&step)?,
            serde_json::Value::Array(items) => {
                let index: usize = step.parse().ok()?;
                (index < items.len()).then(|| items.swap_remove(index))?
            }
            _ => return None,
        };
        value = next;
    }
    Some(match value {
        serde_json::Value::String(text) => Field::Text(text),
        other => Field::Tree(other),
    })
}

fn texts_within(text: &str) -> Vec<String> {
    let mut texts = vec![text.to_string()];
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        leaves(&value, &mut texts, DEPTH_MAX - 1);
    }
    texts
}

/// All texts in a tree, and in the JSON inside them; what is structure stays.
pub(crate) fn leaves(value: &serde_json::Value, texts: &mut Vec<String>, depth: usize) {
    match value {
        serde_json::Value::String(text) => {
            texts.push(text.clone());
            if let (Some(depth), Ok(inner)) = (depth.checked_sub(1), serde_json::from_str(text)) {
                leaves(&inner, texts, depth);
            }
        }
        serde_json::Value::Array(items) => {
            items.iter().for_each(|item| leaves(item, texts, depth));
        }
        serde_json::Value::Object(members) => {
            // Inside a text, such names are somebody's own.
            let is_said = |name: &String| depth < DEPTH_MAX || !rollout::is_structure(name);
            let said = members.iter().filter(|(name, _)| is_said(name));
            said.for_each(|(_, item)| leaves(item, texts, depth));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(seq: u64, kind: Kind, of: Option<u64>) -> Control {
        let id = |seq: u64| EntryId([seq as u8; 32]);
        let reference = of.map_or(EntryId::default(), id);
        Control {
            seq: Seq::new(seq),
            kind,
            id: id(seq),
            reference,
            recorded_at: 0,
            body: b"\x01a\0\0\0\0".to_vec(),
        }
    }

    #[test]
    fn an_undo_can_be_undone() {
        let mut entries = vec![control(1, Kind::Redaction, None)];
        for (seq, is_active) in [(1, true), (2, false), (3, true), (4, false)] {
            if seq > 1 {
                entries.push(control(seq, Kind::Revocation, Some(seq - 1)));
            }
            assert_eq!(
                Decisions::of(entries.clone()).is_active(Seq::new(1)),
                is_active,
                "after {seq}"
            );
        }
        // Two that end the same: it is ended as long as one of them holds.
        let two = [2, 3].map(|seq| control(seq, Kind::Revocation, Some(1)));
        let mut entries = vec![control(1, Kind::Redaction, None)];
        entries.extend(two);
        entries.push(control(4, Kind::Revocation, Some(3)));
        assert!(!Decisions::of(entries.clone()).is_active(Seq::new(1)));
        entries.push(control(5, Kind::Revocation, Some(2)));
        assert!(Decisions::of(entries).is_active(Seq::new(1)));
    }

    #[test]
    fn pointers_lead_into_nested_json() {
        let body = br#"{"payload":{"arguments":"{\"cmd\":[\"a\",\"b/c\"]}","n":3}}"#;
        let text = |pointer| match field(body, pointer) {
            Some(Field::Text(text)) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(text("/payload/arguments/cmd/1"), "b/c");
        assert_eq!(text("/payload/arguments"), r#"{"cmd":["a","b/c"]}"#);
        assert_eq!(field(body, "/payload/n"), Some(Field::Tree(3.into())));
        assert_eq!(field(body, "/payload/x"), None);
        assert_eq!(field(body, "payload"), None);
        assert_eq!(field(b"not json", ""), None);
    }
}

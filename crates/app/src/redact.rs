//! Redactions: made, undone, listed.

use super::progress::{Listener, Progress};
use super::setup::App;
use super::target::RedactRequest;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, NameHint};
use codex_ledger_append::note_head;
use codex_ledger_db as db;
use codex_ledger_entry::{EntryId, Kind, RequestId, Seq, SeqRange, StreamId};
use codex_ledger_ledger::{Controls, Ledger, LedgerPaths, LedgerReader, read_head};
use codex_ledger_projections::{Decisions, Standing, Views, ViewsPaths, load_policy, preview};
use codex_ledger_query::{
    self as query, FormCount, NearMiss, Quotation, RedactionRow, RevocationRow,
};
use codex_ledger_redaction::{
    By, Engine, Manual, Matcher, Near, REPLACEMENT, RedactionRecord, RevocationRecord, RuleSet,
    Scope, SeenText,
};
use serde_json::Value;
use std::collections::HashMap;

/// What a redaction did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RedactionMade {
    /// Its row.
    pub redaction: RedactionRow,
    /// Rows in which it hides something now.
    pub rows_changed: u64,
    /// Other redactions that are in force.
    pub other_redactions: u64,
    /// Of a literal: in which spellings it was found.
    pub forms: Vec<FormCount>,
    /// Of one prompt or session that is hidden alone: texts that quote it and are shown; some, where there are many.
    pub quotations: Vec<Quotation>,
    /// How many there are.
    pub quotations_total: u64,
    /// Sessions whose id it hides: another name stands for each of them.
    pub ids: u64,
    /// Of one literal that is hidden alone: what is nearly the same and shown, the most frequent first.
    pub near_misses: Vec<NearMiss>,
}

/// Quotations in each kind of text that are told.
const QUOTATIONS_MAX: usize = 10;
/// Of a longer entry it is not looked who quotes it.
const QUOTED_MAX_BYTES: u64 = 8 << 20;
/// Different passages that are nearly a literal.
const NEAR_MISSES_MAX: usize = 10;

/// An entry of no source, still to be appended.
pub(super) struct NewEntry {
    kind: Kind,
    /// The entry that it speaks of; zeros for none.
    reference: EntryId,
    body: Vec<u8>,
}

impl NewEntry {
    /// One that speaks of no other.
    pub(super) fn new(kind: Kind, body: Vec<u8>) -> NewEntry {
        NewEntry { kind, reference: EntryId::default(), body }
    }

    /// The same, which names the request that has asked for it.
    pub(super) fn asked_by(&self, request: &RequestId) -> NewEntry {
        let NewEntry { kind, reference, ref body } = *self;
        NewEntry { kind, reference, body: request.stamp(body.clone()) }
    }
}

/// What an undo did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// Its row.
    pub revocation: RevocationRow,
    /// Whether a redaction is in force again by it.
    pub hides_again: bool,
    /// Whether a redaction is no longer in force by it.
    pub shows_again: bool,
    /// The redaction or revocation that it ended.
    pub of: Seq,
    /// Passages that the redaction hides now, or that it had hidden until now; what else hides them hides them still.
    /// None where the views could not be read before: an unreadable decision had stopped them.
    pub passages: Option<u64>,
}

pub(super) fn usage(message: impl Into<String>, hint: Hint) -> AppError {
    AppError::new(ErrorKind::Usage, message).hint(hint)
}

/// The error of views that do not follow an entry that is recorded.
pub(super) fn not_followed(error: AppError, seq: Seq, until: &str) -> AppError {
    let message = format!(
        "entry {seq} is recorded, but the views do not follow it yet{until}: {}",
        error.message
    );
    AppError { message, recorded: Some(seq), ..error }
}

impl App {
    /// Appends redactions and writes what they hide again: all of them, or none.
    ///
    /// # Errors
    /// When a target does not exist or a request is not whole; the ledger then is as before.
    pub fn redact(
        &self,
        requests: &[RedactRequest],
        listener: Listener<'_>,
    ) -> Result<Vec<RedactionMade>> {
        let only = match requests {
            [only] => Some(only),
            _ => None,
        };
        let drafts = self.drafts_of(requests)?;
        // Afterwards nothing of it is shown.
        let said = match only {
            Some(RedactRequest { entry: Some(seq), field: None, span: None, .. }) => {
                self.said_in_entry(*seq)?
            }
            Some(only) => self.said_in_session(only)?,
            None => Vec::new(),
        };
        let seqs = self.decide(&drafts, listener)?;
        let db = self.views_for_reading()?;
        let policy = load_policy(&mut LedgerReader::open(self.dir())?)?;
        let near = only.and_then(|only| only.literal.as_deref()).and_then(Near::of);
        let read = |seq: Seq| {
            let prompt = policy.hidden_prompt(seq).map(str::to_string).filter(|_| only.is_some());
            let quoted: Vec<String> = prompt.into_iter().chain(said.iter().cloned()).collect();
            let near_misses = match &near {
                Some(near) => query::near_misses(&db, &|text| near.find(text), NEAR_MISSES_MAX)?,
                None => Vec::new(),
            };
            let (quotations, quotations_total) = query::quotations(&db, &quoted, QUOTATIONS_MAX)?;
            Ok(RedactionMade {
                redaction: query::redaction(&db, seq)?,
                rows_changed: query::rows_hidden_by(&db, seq)?,
                other_redactions: query::redactions_in_force(&db)?.saturating_sub(1),
                forms: query::forms_hidden_by(&db, seq)?,
                quotations,
                quotations_total,
                ids: query::ids_hidden_by(&db, seq)?,
                near_misses,
            })
        };
        let found: db::SqlResult<Vec<RedactionMade>> = seqs.iter().map(read).collect();
        Ok(found.map_err(db::at(self.views_path()))?)
    }

    /// As [`App::redact`], without a look at what else says the same, which takes a while; gives the entries.
    ///
    /// # Errors
    /// As [`App::redact`].
    pub fn hide(&self, requests: &[RedactRequest], listener: Listener<'_>) -> Result<SeqRange> {
        self.decide(&self.drafts_of(requests)?, listener)
    }

    /// The entries that hide what is asked for, where nothing is wrong with any of it.
    fn drafts_of(&self, requests: &[RedactRequest]) -> Result<Vec<NewEntry>> {
        let mut records = Vec::with_capacity(requests.len());
        for request in requests {
            let record = self.record_of(request).map_err(|error| match &request.place {
                None => error,
                Some(place) => AppError { message: format!("{place}: {}", error.message), ..error },
            })?;
            records.push(record);
        }
        self.check_passages(requests)?;
        for (request, record) in requests.iter().zip(&records) {
            self.check_own_replacement(request, record)?;
        }
        self.check_replacements(requests)?;
        let draft = |record: &RedactionRecord| NewEntry::new(Kind::Redaction, record.encode());
        Ok(records.iter().map(draft).collect())
    }

    /// Refuses texts and patterns that stand nearly everywhere, unless that is meant.
    fn check_passages(&self, requests: &[RedactRequest]) -> Result<()> {
        let may_be_wide =
            |of: &&RedactRequest| !of.wide && of.session.is_none() && of.repo.is_none();
        let passages = requests.iter().enumerate().filter(|(_, of)| may_be_wide(of));
        let manual = passages.filter_map(|(at, of)| {
            let matcher = match (&of.literal, &of.regex) {
                (Some(text), _) => {
                    Matcher::Literal { text: text.clone(), ignore_case: !of.exact_case }
                }
                (_, Some(pattern)) => Matcher::Regex(pattern.clone()),
                _ => return None,
            };
            let (id, replacement) = (Seq::new(at as u64), REPLACEMENT.to_string());
            Some(Manual { id, matcher, scope: Scope::Global, replacement, rank: 0 })
        });
        let manual: Vec<Manual> = manual.collect();
        if manual.is_empty() {
            return Ok(());
        }
        self.check_width(&Engine::compile(&RuleSet::default(), &manual)?, &|by| {
            let of = match by {
                By::Manual(seq) => usize::try_from(seq.get()).ok().and_then(|at| requests.get(at)),
                By::Rule(_) => None,
            };
            let place = of.and_then(|of| of.place.as_ref()).map(|place| format!("{place}: "));
            format!("{}what is named", place.unwrap_or_default())
        })
    }

    /// What is said in an entry: other records may say the same, in words that stay.
    fn said_in_entry(&self, seq: Seq) -> Result<Vec<String>> {
        let mut reader = LedgerReader::open(self.dir())?;
        let Some(pack) = reader.pack_from(seq)? else { return Ok(Vec::new()) };
        let Some(entry) = pack.entry(seq) else { return Ok(Vec::new()) };
        let body = reader.body(&pack, entry, QUOTED_MAX_BYTES)?.unwrap_or_default();
        let mut said = Vec::new();
        let mut open = vec![serde_json::from_slice(&body).unwrap_or_default()];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) if text.trim().contains(' ') => said.push(text),
                Value::Array(values) => open.extend(values),
                Value::Object(fields) => open.extend(fields.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        Ok(said)
    }

    /// What is said in a session that is to be hidden as a whole.
    fn said_in_session(&self, request: &RedactRequest) -> Result<Vec<String>> {
        let is_whole = request.literal.is_none() && request.regex.is_none();
        let Some(session) = request.session.as_deref().filter(|_| is_whole) else {
            return Ok(Vec::new());
        };
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, session)?;
        Ok(query::said_in(&db, &session.id).map_err(db::at(self.views_path()))?)
    }

    /// Appends a revocation of a redaction, or of a revocation, by its seq or the beginning of its id.
    ///
    /// # Errors
    /// When there is none, or when it is not in force.
    pub fn undo(&self, target: &str, reason: &str, listener: Listener<'_>) -> Result<Undone> {
        let reason = self.reason(reason)?;
        let mut reader = LedgerReader::open(self.dir())?;
        let end = reader.head().end();
        let decisions = Decisions::load(&mut reader, end)?;
        let named = |entry: &&codex_ledger_ledger::Control| {
            let is_seq = target.parse() == Ok(entry.seq);
            let is_id = target.len() >= 6 && entry.id.to_string().starts_with(target);
            entry.kind != Kind::RuleSet && (is_seq || is_id)
        };
        let found: Vec<_> = decisions.entries.iter().filter(named).collect();
        let [entry] = found[..] else {
            let message = format!("`{target}` names {} redactions", found.len());
            return Err(AppError::new(ErrorKind::NotFound, message)
                .hint(Hint::Name(NameHint::ListRedactions)));
        };
        if let Some(by) = decisions.ended_by.get(&entry.seq) {
            let message = format!("{} is undone already, by {by}", entry.seq);
            return Err(usage(message, Hint::Name(NameHint::UndoTheUndo)));
        }
        let redaction = decisions.redaction_behind(entry.seq);
        let passages_now =
            || Some(query::redaction(&self.views_for_reading().ok()?, redaction).ok()?.passages);
        let before = passages_now();
        let record = RevocationRecord { actor: self.setup.actor.clone(), reason, of: entry.seq };
        let (kind, reference, body) = (Kind::Revocation, entry.id, record.encode());
        let seq = self.decide(&[NewEntry { kind, reference, body }], listener)?.from;
        let db = self.views_for_reading()?;
        let revocation = query::revocation(&db, seq).map_err(db::at(self.views_path()))?;
        let now = Decisions::load(&mut LedgerReader::open(self.dir())?, seq.next())?;
        let (was, is) = (decisions.is_active(redaction), now.is_active(redaction));
        let (hides_again, shows_again) = (is && !was, was && !is);
        let passages = if hides_again { passages_now() } else { before };
        Ok(Undone { revocation, hides_again, shows_again, of: entry.seq, passages })
    }

    /// All redactions, or those in force only, the newest first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn redactions(&self, active_only: bool) -> Result<Vec<RedactionRow>> {
        let db = self.views_for_reading()?;
        Ok(query::redactions(&db, active_only).map_err(db::at(self.views_path()))?)
    }

    /// Who did what, as far as a filter leaves it, in the order in which it was recorded; and the kinds that there are.
    ///
    /// # Errors
    /// When there are no views.
    pub fn acts(&self, filter: &query::ActFilter) -> Result<(Vec<query::ActRow>, Vec<String>)> {
        let db = self.views_for_reading()?;
        let read = || Ok((query::acts(&db, filter)?, query::kinds_of_acts(&db)?));
        Ok(read().map_err(db::at(self.views_path()))?)
    }

    /// All revocations, the newest first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn revocations(&self) -> Result<Vec<RevocationRow>> {
        let db = self.views_for_reading()?;
        Ok(query::revocations(&db).map_err(db::at(self.views_path()))?)
    }

    /// Tells of every text that is hidden in part, and of what looks as if it should be; notes first that raw
    /// text is read. `each` hears the session's id, the text and the rules in force.
    ///
    /// # Errors
    /// When the session does not exist or entries cannot be read.
    pub fn preview(
        &self,
        prefix: Option<&str>,
        reason: Option<&str>,
        each: &mut dyn FnMut(&str, SeenText, &RuleSet),
    ) -> Result<()> {
        let db = self.views_for_reading()?;
        let sessions = match prefix {
            Some(prefix) => vec![query::find_session(&db, prefix)?],
            None => query::sessions(&db, 0).map_err(db::at(self.views_path()))?,
        };
        let what = format!("redact preview {}", prefix.unwrap_or("of all sessions"));
        self.note_access("reveal", &what, reason)?;
        let ids: HashMap<StreamId, String> =
            sessions.iter().map(|session| (session.stream, session.id.clone())).collect();
        let streams: Vec<StreamId> = sessions.iter().map(|session| session.stream).collect();
        let mut reader = LedgerReader::open(self.dir())?;
        let link = self.views_path();
        let rules = load_policy(&mut reader)?.rules().clone();
        preview(&mut reader, (&db, link), &streams, &mut |stream, seen| {
            each(ids.get(&stream).map_or("", String::as_str), seen, &rules);
            true
        })?;
        Ok(())
    }

    /// Appends entries that decide what may be shown, and brings the views up to date; gives their seqs.
    pub(super) fn decide(&self, drafts: &[NewEntry], listener: Listener<'_>) -> Result<SeqRange> {
        // A ledger is made by an append, not in passing.
        read_head(self.dir())?;
        let mut ledger = self.open()?;
        let seqs = self.append_asked(&mut ledger, drafts)?;
        listener(Progress::Recorded(seqs.from));
        let done = self.remove_views_of_old().and_then(|()| self.update_views(listener));
        let until = ", and no command shows them until they do";
        done.map_err(|error| not_followed(error, seqs.from, until))?;
        Ok(seqs)
    }

    /// Removes the views at the usual place where others are in use: nobody would hide in them what is hidden now.
    pub(super) fn remove_views_of_old(&self) -> Result<()> {
        let link = self.dir().join("views.sqlite");
        if *self.views_path() == link {
            return Ok(());
        }
        Ok(Views { paths: ViewsPaths { link }, ..self.views.clone() }.remove()?)
    }

    /// Appends one entry that changes nothing of what may be shown, and brings the views up to date.
    pub(super) fn append_noting(&self, draft: &NewEntry) -> Result<Seq> {
        let mut ledger = self.open()?;
        let seqs = self.append_noted(&mut ledger, std::slice::from_ref(draft))?;
        // Views that are not whole stay as they are.
        if let Ok(Standing::Usable { .. }) = self.views.standing(ledger.head()) {
            self.update_views(&mut |_| ())?;
        }
        Ok(seqs.from)
    }

    /// Appends entries of no source; what is known of the sources stays known.
    pub(super) fn append_noted(
        &self,
        ledger: &mut Ledger,
        drafts: &[NewEntry],
    ) -> Result<SeqRange> {
        let (world, paths) = (&self.setup.world, LedgerPaths { dir: self.dir().into() });
        let mut controls = Controls::load(&mut LedgerReader::open(self.dir())?)?;
        let old = (ledger.head().end(), ledger.head().chain.id);
        let mut appender = ledger.appender()?;
        for NewEntry { kind, reference, body } in drafts {
            appender.append_about(*kind, *reference, body)?;
        }
        let done = appender.finish()?;
        let new = (ledger.head().end(), ledger.head().chain.id);
        note_head(world, &paths, old, new)?;
        controls.note(self.dir(), done.entries, drafts.len() as u64)?;
        controls.save(world, &paths)?;
        Ok(done.entries)
    }
}

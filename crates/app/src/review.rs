//! For reviewers: what waits for them, what something would hide, and taking back what they said.

use super::progress::Listener;
use super::redact::{NewEntry, usage};
use super::setup::App;
use super::target::RedactRequest;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, TargetHint};
use codex_ledger_db as db;
use codex_ledger_entry::{Act, Annotation, FieldsBuilder, Kind, Seq, SeqRange, StreamId};
use codex_ledger_ledger::{Controls, LedgerReader};
use codex_ledger_query::{
    self as query, Candidate, Filter, FilterWords, Forecast, HiddenIn, QueueItem, RepoGroup, Said,
    SessionOrder, SessionRow,
};
use codex_ledger_redaction::{
    Context, Engine, Manual, Matcher, REPLACEMENT, RedactionRecord, RuleSet, Scope, What, Within,
    risky,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is recorded of a passage that is no secret, and of one that may be one after all.
const DISMISS: &str = "dismiss";
const RECONSIDER: &str = "reconsider";

/// What is recorded of a passage instead of its text.
pub fn dismissal(passage: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("codex-ledger v1 dismissed passage");
    let hash = hasher.update(passage.as_bytes()).finalize().to_hex();
    format!("passage {}", hash.get(..16).unwrap_or_default())
}

/// Passages that a forecast shows.
const SAMPLES: usize = 20;

impl App {
    /// Some of the sessions that a filter picks: `limit` of them (0 means all), behind so many.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn session_page(
        &self,
        filter: &Filter,
        order: SessionOrder,
        limit_behind: (usize, usize),
    ) -> Result<Vec<SessionRow>> {
        let db = self.views_for_reading()?;
        let found = query::session_page(&db, filter, order, limit_behind);
        found.map_err(|error| self.filter_error(error))
    }

    /// The same, with all sessions of a repository together.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn session_page_by_repo(
        &self,
        filter: &Filter,
        order: SessionOrder,
        limit_behind: (usize, usize),
    ) -> Result<Vec<RepoGroup>> {
        let db = self.views_for_reading()?;
        let found = query::session_page_by_repo(&db, filter, order, limit_behind);
        found.map_err(|error| self.filter_error(error))
    }

    /// What sessions are called, by their ids; of those that are not here, nothing.
    ///
    /// # Errors
    /// When there are no views.
    pub fn titles_of(&self, ids: &[&str]) -> Result<BTreeMap<String, String>> {
        let db = self.views_for_reading()?;
        Ok(query::titles_of(&db, ids).map_err(db::at(self.views_path()))?)
    }

    /// The prompts of the sessions that a filter picks: those that wait for a judgement come first, the riskiest before others.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn queue(&self, filter: &Filter) -> Result<Vec<QueueItem>> {
        let db = self.views_for_reading()?;
        query::queue(&db, filter).map_err(|error| self.filter_error(error))
    }

    /// What a literal or regex would hide of what is shown now. Nothing is recorded.
    ///
    /// # Errors
    /// When the request names something else, or what is not there.
    pub fn forecast(&self, request: &RedactRequest) -> Result<Forecast> {
        let record = self.record_of(request)?;
        let (matcher, within) = match record.what {
            What::Literal { text, within, ignore_case } => {
                (Matcher::Literal { text, ignore_case }, within)
            }
            What::Regex { pattern, within } => (Matcher::Regex(pattern), within),
            _ => {
                let message = "only a text or a pattern can be looked for";
                return Err(usage(message, Hint::Target(TargetHint::NameOne)));
            }
        };
        let (id, replacement) = (Seq::FIRST, REPLACEMENT.to_string());
        let manual = Manual { id, matcher, scope: Scope::Global, replacement, rank: 0 };
        let engine = Engine::compile(&RuleSet::default(), &[manual])?;
        let db = self.views_for_reading()?;
        let find = |text: &str| {
            let masks = engine.masks(text, &Context::default());
            masks.into_iter().map(|mask| mask.start..mask.end).collect()
        };
        let meant = match &within {
            Within::Everything => None,
            Within::Session(_) => {
                let of = request.session.as_deref().unwrap_or_default();
                Some(BTreeSet::from([query::find_session(&db, of)?.id]))
            }
            Within::Repo(_) => {
                let filter = Filter { repo: request.repo.clone(), ..Filter::default() };
                let of = query::sessions_matching(&db, &filter, 0);
                let of = of.map_err(|error| self.filter_error(error))?;
                Some(of.into_iter().map(|session| session.id).collect())
            }
        };
        let is_meant = |session: &str| meant.as_ref().is_none_or(|meant| meant.contains(session));
        let found = query::forecast(&db, &find, &is_meant, SAMPLES, &|| false);
        Ok(found.map_err(db::at(self.views_path()))?)
    }

    /// Passages that each rule hides, everywhere or in one session, the most first; those that people hide by hand stand under
    /// an empty name.
    ///
    /// # Errors
    /// When there are no views.
    pub fn passages_by_rule(&self, of: Option<StreamId>) -> Result<Vec<(String, u64)>> {
        let db = self.views_for_reading()?;
        Ok(query::passages_by_rule(&db, of).map_err(db::at(self.views_path()))?)
    }

    /// The sessions that stand before and behind a session where the newest come first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn neighbours(&self, id: &str) -> Result<[Option<String>; 2]> {
        let db = self.views_for_reading()?;
        Ok(query::neighbours(&db, id).map_err(db::at(self.views_path()))?)
    }

    /// What sessions can be filtered by.
    ///
    /// # Errors
    /// When there are no views.
    pub fn filter_words(&self) -> Result<FilterWords> {
        let db = self.views_for_reading()?;
        Ok(query::filter_words(&db).map_err(db::at(self.views_path()))?)
    }

    /// Where each of these redactions hides something; so many sessions are named for each.
    ///
    /// # Errors
    /// When there are no views.
    pub fn hidden_in(&self, redactions: &[Seq], limit: usize) -> Result<Vec<HiddenIn>> {
        let db = self.views_for_reading()?;
        let found = redactions.iter().map(|seq| query::hidden_in(&db, *seq, limit)).collect();
        db::SqlResult::map_err(found, db::at(self.views_path())).map_err(AppError::from)
    }

    /// The sessions that a session has spawned, or that were forked from it.
    ///
    /// # Errors
    /// When there are no views.
    pub fn children(&self, id: &str) -> Result<Vec<SessionRow>> {
        let db = self.views_for_reading()?;
        Ok(query::children(&db, id).map_err(db::at(self.views_path()))?)
    }

    /// The last entry that decides what may be shown: as long as it is the same, the same is hidden.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn last_decision(&self) -> Result<Option<Seq>> {
        let controls = Controls::load(&mut LedgerReader::open(self.dir())?)?;
        Ok(controls.entries.last().map(|entry| entry.seq))
    }

    /// The redaction in force that hides exactly what is asked for, if there is one.
    ///
    /// # Errors
    /// When the request names what is not there, or entries cannot be read.
    pub fn hidden_already(&self, request: &RedactRequest) -> Result<Option<Seq>> {
        let wanted = self.record_of(request)?;
        let active = self.redactions(true)?.into_iter().map(|row| row.seq);
        let mut reader = LedgerReader::open(self.dir())?;
        for seq in active {
            let Some(pack) = reader.pack_from(seq)? else { continue };
            let record = pack
                .entry(seq)
                .and_then(|entry| pack.body(entry))
                .and_then(RedactionRecord::decode);
            if record.is_some_and(|of| {
                (of.what, of.replacement) == (wanted.what.clone(), wanted.replacement.clone())
            }) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// Records that somebody takes out a report, and which.
    ///
    /// # Errors
    /// When it cannot be recorded; then nothing may be taken out.
    pub fn note_report(&self, what: &str) -> Result<Seq> {
        self.note_act("report", what)
    }

    /// Records that somebody else may come in, or may not any more.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn note_token(&self, is_made: bool, what: &str) -> Result<Seq> {
        self.note_act(if is_made { "token" } else { "revoke_token" }, what)
    }

    /// Passages that are shown and look random, as keys do, the most frequent first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn candidates(&self) -> Result<Vec<Candidate>> {
        let db = self.views_for_reading()?;
        Ok(query::candidates(&db, &risky).map_err(db::at(self.views_path()))?)
    }

    /// The passages that were looked at and are no secrets, by [`dismissal`], with the entry that says so last.
    ///
    /// # Errors
    /// When there are no views.
    pub fn dismissed(&self) -> Result<BTreeMap<String, Seq>> {
        let kinds = vec![DISMISS.to_string(), RECONSIDER.to_string()];
        let (acts, _) = self.acts(&query::ActFilter { kinds, ..query::ActFilter::default() })?;
        let mut dismissed = BTreeMap::new();
        for act in acts {
            match act.kind == DISMISS {
                true => dismissed.insert(act.target, act.seq),
                false => dismissed.remove(&act.target),
            };
        }
        Ok(dismissed)
    }

    /// Records that a passage was looked at and is no secret, or that it is to be looked at again.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn dismiss(&self, dismissal: &str, is_done: bool) -> Result<Seq> {
        self.note_act(if is_done { DISMISS } else { RECONSIDER }, dismissal)
    }

    fn note_act(&self, verb: &str, detail: &str) -> Result<Seq> {
        let body = FieldsBuilder::default().add("verb", verb).add("actor", self.actor());
        self.append_noting(&NewEntry::new(Kind::Action, body.add("detail", detail).finish()))
    }

    /// What an entry says of a session or prompt, if it does.
    ///
    /// # Errors
    /// When there are no views.
    pub fn said_by(&self, seq: Seq) -> Result<Option<Said>> {
        let db = self.views_for_reading()?;
        Ok(query::said_by(&db, seq).map_err(db::at(self.views_path()))?)
    }

    /// Takes back what entries say of sessions and prompts: tags, notes, and judgements, of which the ones before hold again. All
    /// of it at once, or none; gives the entries that do so.
    ///
    /// # Errors
    /// When one of the entries says nothing, or it does not hold any more.
    pub fn take_back(&self, entries: SeqRange, listener: Listener<'_>) -> Result<SeqRange> {
        let gone = |seq| {
            AppError::new(ErrorKind::NotFound, format!("entry {seq} says nothing that holds"))
        };
        let db = self.views_for_reading()?;
        let (mut acts, mut shown) = (Vec::new(), BTreeMap::new());
        for seq in entries.iter() {
            let said = query::said_by(&db, seq).map_err(db::at(self.views_path()))?;
            let said = said.ok_or_else(|| gone(seq))?;
            let value = said.value.unwrap_or_default();
            let act = match said.act.as_str() {
                "note" => Act::Unnote { of: self.note(seq)?.seq },
                "tag" | "untag" => {
                    let name = self.tag_of(seq)?.ok_or_else(|| gone(seq))?;
                    shown.insert(name.clone(), value);
                    match said.act == "tag" {
                        true => Act::Untag { name },
                        false => Act::Tag { name, by_rule: false },
                    }
                }
                "disposition" => Act::Disposition { value: said.before.unwrap_or_default() },
                _ => return Err(gone(seq)),
            };
            let name = match said.prompt {
                0 => said.session,
                number => format!("{}#{number}", said.session),
            };
            acts.push((self.subject_in(&db, &name)?, act));
        }
        let done = self.annotate_each(acts, &shown, listener)?;
        let from = done.from.ok_or_else(|| gone(entries.from))?;
        Ok(SeqRange::counted(from, done.subjects.len() as u64))
    }

    /// The tag that an entry gives or takes away, as it was written: of one that is hidden, the views have something else.
    fn tag_of(&self, seq: Seq) -> Result<Option<String>> {
        let mut reader = LedgerReader::open(self.dir())?;
        let Some(pack) = reader.pack_from(seq)? else { return Ok(None) };
        let body = pack.entry(seq).and_then(|entry| pack.body(entry));
        Ok(match body.and_then(Annotation::decode).map(|said| said.act) {
            Some(Act::Tag { name, .. } | Act::Untag { name }) => Some(name),
            _ => None,
        })
    }
}

//! Tags, notes and dispositions: given, taken away, listed.

use super::progress::Listener;
use super::redact::{NewEntry, not_followed};
use super::sessions::named;
use super::setup::App;
use crate::config::is_review_word;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, NameHint};
use codex_ledger_db as db;
use codex_ledger_entry::{Act, Annotation, Kind, PromptPlace, Seq, SeqRange};
use codex_ledger_ledger::{Ledger, LedgerReader};
use codex_ledger_projections::load_policy;
use codex_ledger_query::{self as query, DispositionRow, Filter, NoteRow, TagRow};
use codex_ledger_redaction::{Place, Sensitive};
use std::collections::{BTreeMap, BTreeSet};

/// What a disposition can be without any configuration.
pub const DISPOSITIONS: [&str; 3] = ["followed", "ignored", "needs-review"];

/// A session, or one of its prompts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Subject {
    /// Thread id.
    pub session: String,
    /// Number of the prompt; 0 for the session itself.
    pub prompt: u64,
    /// Where the prompt stands.
    #[serde(skip)]
    pub place: Option<PromptPlace>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// Seq of the first entry; `None` when there was nothing to write.
    pub from: Option<Seq>,
    /// Of whom; the others had it said of them already.
    pub subjects: Vec<Subject>,
}

impl App {
    /// What `SESSION` or `SESSION#N` names.
    ///
    /// # Errors
    /// When it names nothing, or several sessions.
    pub fn subject(&self, name: &str) -> Result<Subject> {
        self.subject_in(&self.views_for_reading()?, name)
    }

    /// As [`App::subject`], of several.
    ///
    /// # Errors
    /// When one of them names nothing, or several sessions.
    pub fn subjects<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<Subject>> {
        let db = self.views_for_reading()?;
        names.map(|name| self.subject_in(&db, name)).collect()
    }

    pub(super) fn subject_in(&self, db: &db::Connection, name: &str) -> Result<Subject> {
        // Where something is looked at, nothing named means the newest session; what is said stays said.
        if name.split('#').next().is_none_or(|session| session.trim().is_empty()) {
            return Err(AppError::new(ErrorKind::Usage, "no session is named"));
        }
        let (session, number) = named(db, name)?;
        let Some(number) = number else {
            let session = self.thread_id(db, &session)?;
            return Ok(Subject { session, prompt: 0, place: None });
        };
        let prompt: u64 = number.parse().unwrap_or(0);
        let place = self.prompt_place(db, &session, prompt, &format!("`{number}`"))?;
        Ok(Subject { session: self.thread_id(db, &session)?, prompt, place: Some(place) })
    }

    /// The sessions that a filter picks.
    ///
    /// # Errors
    /// When the filter names what is not there.
    pub fn subjects_matching(&self, filter: &Filter) -> Result<Vec<Subject>> {
        let db = self.views_for_reading()?;
        let of = |session| {
            Ok(Subject { session: self.thread_id(&db, &session)?, prompt: 0, place: None })
        };
        query::sessions_matching(&db, filter, 0)?.into_iter().map(of).collect()
    }

    /// Says something of sessions and prompts: one entry for each of which it was not said already.
    ///
    /// # Errors
    /// When the words are empty, or the ledger or the views cannot be written.
    pub fn annotate(
        &self,
        subjects: &[Subject],
        act: &Act,
        listener: Listener<'_>,
    ) -> Result<Annotated> {
        let once: BTreeSet<&Subject> = subjects.iter().collect();
        let acts = once.into_iter().map(|of| (of.clone(), act.clone())).collect();
        self.annotate_each(acts, &BTreeMap::new(), listener)
    }

    /// As [`App::annotate`], with an act for each subject: all of them are recorded at once, or none. `shown` has what the views
    /// show of tags that are hidden.
    pub(super) fn annotate_each(
        &self,
        acts: Vec<(Subject, Act)>,
        shown: &BTreeMap<String, String>,
        listener: Listener<'_>,
    ) -> Result<Annotated> {
        acts.iter().try_for_each(|(_, act)| check(act))?;
        let mut ledger = self.open()?;
        self.update_views(listener)?;
        let acts = self.not_said_yet(acts, shown)?;
        let draft = |(subject, act): &(Subject, Act)| {
            let annotation = Annotation {
                actor: self.setup.actor.clone(),
                act: act.clone(),
                session: subject.session.clone(),
                prompt: subject.prompt,
                place: subject.place,
            };
            NewEntry::new(Kind::Annotation, annotation.encode())
        };
        let drafts: Vec<NewEntry> = acts.iter().map(draft).collect();
        let subjects = acts.into_iter().map(|(subject, _)| subject).collect();
        if drafts.is_empty() {
            return Ok(Annotated { from: None, subjects });
        }
        let seqs = self.append_asked(&mut ledger, &drafts)?;
        self.update_views(listener).map_err(|error| not_followed(error, seqs.from, ""))?;
        Ok(Annotated { from: Some(seqs.from), subjects })
    }

    /// Those of which the act would change something.
    fn not_said_yet(
        &self,
        acts: Vec<(Subject, Act)>,
        shown: &BTreeMap<String, String>,
    ) -> Result<Vec<(Subject, Act)>> {
        let (mut tags, mut judgements) = (BTreeSet::new(), BTreeMap::new());
        if acts.iter().any(|(_, act)| matches!(act, Act::Tag { .. } | Act::Untag { .. })) {
            let rows = self.tags(None)?.into_iter();
            tags.extend(rows.map(|row| (row.session, row.prompt, row.tag)));
        }
        if acts.iter().any(|(_, act)| matches!(act, Act::Disposition { .. })) {
            let rows = self.dispositions(None)?.into_iter();
            judgements.extend(rows.map(|row| ((row.session, row.prompt), row.value)));
        }
        let changes = |(of, act): &(Subject, Act)| {
            let tagged = |name: &String| {
                let shown = shown.get(name).unwrap_or(name);
                tags.contains(&(of.session.clone(), of.prompt, shown.clone()))
            };
            match act {
                Act::Tag { name, .. } => !tagged(name),
                Act::Untag { name } => tagged(name),
                Act::Disposition { value } => {
                    let now = judgements.get(&(of.session.clone(), of.prompt));
                    now.map(String::as_str).unwrap_or_default() != value
                }
                Act::Note { .. } | Act::Unnote { .. } => true,
            }
        };
        Ok(acts.into_iter().filter(changes).collect())
    }

    /// All tags, or those of one name.
    ///
    /// # Errors
    /// When there are no views.
    pub fn tags(&self, name: Option<&str>) -> Result<Vec<TagRow>> {
        let db = self.views_for_reading()?;
        Ok(query::tags(&db, name).map_err(db::at(self.views_path()))?)
    }

    /// All notes, or those of one session.
    ///
    /// # Errors
    /// When there are no views.
    pub fn notes(&self, session: Option<&str>) -> Result<Vec<NoteRow>> {
        let db = self.views_for_reading()?;
        Ok(query::notes(&db, session).map_err(db::at(self.views_path()))?)
    }

    /// All dispositions, or those of one value.
    ///
    /// # Errors
    /// When there are no views.
    pub fn dispositions(&self, value: Option<&str>) -> Result<Vec<DispositionRow>> {
        let db = self.views_for_reading()?;
        Ok(query::dispositions(&db, value).map_err(db::at(self.views_path()))?)
    }

    /// Dispositions that the configuration adds.
    pub fn own_dispositions(&self) -> impl Iterator<Item = &str> {
        self.setup.review.dispositions.iter().map(String::as_str)
    }

    /// Gives the configured tags to sessions that have grown and never had them, given or taken away.
    pub(super) fn tag_by_rules(
        &self,
        ledger: &mut Ledger,
        new: SeqRange,
        listener: Listener<'_>,
    ) -> Result<()> {
        if self.setup.review.tags.is_empty() || new.is_empty() {
            return Ok(());
        }
        let db = self.views_for_reading()?;
        let policy = load_policy(&mut LedgerReader::open(self.dir())?)?;
        let mut drafts: Vec<NewEntry> = Vec::new();
        for rule in &self.setup.review.tags {
            let act = Act::Tag { name: rule.tag.clone(), by_rule: true };
            check(&act)?;
            // Names of people in paths are hidden; the rule names the real path.
            let path = rule.path.as_deref().map(|path| {
                let place = Place::of_column("sessions", "cwd");
                let shown = policy.apply(Sensitive::new(path), &place, &mut |_| ());
                shown.as_str().to_string()
            });
            let conditions = [rule.repo.as_deref(), path.as_deref(), rule.text.as_deref()];
            let found = query::sessions_to_tag(&db, &rule.tag, conditions, new);
            for session in found.map_err(db::at(self.views_path()))? {
                let session = self.thread_id(&db, &query::find_session(&db, &session)?)?;
                let (actor, act) = (self.setup.actor.clone(), act.clone());
                let annotation = Annotation { actor, act, session, prompt: 0, place: None };
                drafts.push(NewEntry::new(Kind::Annotation, annotation.encode()));
            }
        }
        if !drafts.is_empty() {
            self.append_noted(ledger, &drafts)?;
            self.update_views(listener)?;
        }
        Ok(())
    }

    /// The note that an entry made, as long as it holds.
    pub(super) fn note(&self, seq: Seq) -> Result<NoteRow> {
        let note = self.notes(None)?.into_iter().find(|note| note.seq == seq);
        note.ok_or_else(|| {
            AppError::new(ErrorKind::NotFound, format!("there is no note {seq}"))
                .hint(Hint::Name(NameHint::ListNotes))
        })
    }

    /// Takes a note away; it stays in the history.
    ///
    /// # Errors
    /// When there is no such note.
    pub fn remove_note(&self, seq: Seq, listener: Listener<'_>) -> Result<Seq> {
        let note = self.note(seq)?;
        let name = match note.prompt {
            0 => note.session,
            number => format!("{}#{number}", note.session),
        };
        let subject = self.subject(&name)?;
        let done = self.annotate(&[subject], &Act::Unnote { of: seq }, listener)?;
        Ok(done.from.unwrap_or(seq))
    }
}

/// Refuses words that nobody could filter by.
fn check(act: &Act) -> Result<()> {
    let (what, word) = match act {
        Act::Tag { name, .. } | Act::Untag { name } => ("a tag", name),
        Act::Disposition { value } if !value.is_empty() => ("a disposition", value),
        Act::Note { text } if text.trim().is_empty() => {
            return Err(AppError::new(ErrorKind::Usage, "the note is empty").hint(Hint::NoteText));
        }
        _ => return Ok(()),
    };
    match is_review_word(word) {
        true => Ok(()),
        false => {
            let message = format!("`{word}` is not {what}");
            Err(AppError::new(ErrorKind::Usage, message).hint(Hint::ReviewWord))
        }
    }
}

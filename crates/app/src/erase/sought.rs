//! What somebody wants to erase: sessions, prompts, entries and texts that exist.

use super::{DAY_MS, EraseRequest};
use crate::config::RetentionConfig;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{ErasureHint, Hint, NameHint};
use crate::redact::usage;
use crate::setup::App;
use crate::target::check_literal;
use codex_ledger_entry::{PromptPlace, Seq, StreamDescriptor, StreamName};
use codex_ledger_ledger::{Controls, LedgerReader};
use codex_ledger_projections::{Sought, session_names};
use codex_ledger_query as query;
use std::collections::BTreeSet;

impl App {
    /// What a request names, which has to exist.
    pub(super) fn sought(&self, request: &EraseRequest) -> Result<Sought> {
        let EraseRequest { session, prompt, entry, literal, exact_case, retention } = request;
        let named =
            [session.is_some(), prompt.is_some(), entry.is_some(), literal.is_some(), *retention];
        match named.iter().filter(|named| **named).count() {
            0 => Err(usage(
                "nothing is named that is to be erased",
                Hint::Erasure(ErasureHint::NameOne),
            )),
            1 => {
                if let Some(prefix) = session {
                    Ok(Sought::Thread(self.thread_ids(prefix)?))
                } else if *retention {
                    self.expired()
                } else if let Some(name) = prompt {
                    self.sought_prompt(name)
                } else if let Some(seq) = entry {
                    Ok(Sought::Entry(*seq))
                } else {
                    let text = literal.clone().unwrap_or_default();
                    check_literal(&text)?;
                    Ok(Sought::Literal { text, ignore_case: !exact_case })
                }
            }
            _ => Err(usage(
                "several things are named that are to be erased",
                Hint::Erasure(ErasureHint::NameOne),
            )),
        }
    }

    /// What the configuration says is not kept any longer.
    fn expired(&self) -> Result<Sought> {
        let RetentionConfig { raw_output_days, tags } = &self.setup.retention;
        if raw_output_days.is_none() && tags.is_empty() {
            return Err(usage("no retention is configured", Hint::Erasure(ErasureHint::Retention)));
        }
        let now_ms = (self.setup.world.clock.now() / 1_000_000) as i64;
        let outputs_before_ms = raw_output_days.map(|days| now_ms - i64::from(days) * DAY_MS);
        let mut ids = BTreeSet::new();
        if !tags.is_empty() {
            let db = self.views_for_reading()?;
            let given = query::tags(&db, None).map_err(codex_ledger_db::at(self.views_path()))?;
            let is_meant = |row: &&query::TagRow| row.prompt == 0 && tags.contains(&row.tag);
            for row in given.iter().filter(is_meant) {
                let session = query::find_session(&db, &row.session)?;
                ids.extend(self.ids_of(&db, &session)?);
            }
        }
        Ok(Sought::Expired { ids: ids.into_iter().collect(), outputs_before_ms })
    }

    /// The ids of a session: that of its file, and that which its records name.
    pub(super) fn thread_ids(&self, prefix: &str) -> Result<Vec<String>> {
        if prefix.trim().is_empty() {
            return Err(usage("no session is named", Hint::Name(NameHint::Session)));
        }
        let db = self.views_for_reading()?;
        let session = self.session_or_erased(&db, prefix)?;
        self.ids_of(&db, &session)
    }

    /// The session of that name; of one that was erased, by which entry.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn session_or_erased(
        &self,
        db: &codex_ledger_db::Connection,
        prefix: &str,
    ) -> Result<query::SessionRow> {
        query::find_session(db, prefix).map_err(|error| self.or_erased(prefix, error.into()))
    }

    /// Of a session that is not there: that it was erased, where it was.
    pub(crate) fn or_erased(&self, name: &str, error: AppError) -> AppError {
        let id = name.split('#').next().unwrap_or_default().trim();
        // Only a whole id can be told: the ledger has no others.
        let by = self.erased_threads().ok().and_then(|erased| erased.by(id));
        match by.filter(|_| error.kind == ErrorKind::NotFound) {
            Some(by) => {
                let message = format!("session {id} was erased, by entry {by}");
                AppError::new(ErrorKind::NotFound, message)
            }
            None => error,
        }
    }

    fn ids_of(
        &self,
        db: &codex_ledger_db::Connection,
        session: &query::SessionRow,
    ) -> Result<Vec<String>> {
        let mut reader = LedgerReader::open(self.dir())?;
        let key = Controls::load(&mut reader)?.key();
        let (id, _) = session_names(db, self.views_path(), &key, session.stream)?;
        let opener = reader.control(session.stream.opener())?;
        let source = opener.and_then(|entry| StreamDescriptor::decode(&entry.body).ok());
        let thread = source.and_then(|source| match source.name {
            StreamName::Rollout { thread, .. } => Some(thread),
            _ => None,
        });
        let ids: BTreeSet<String> = id.into_iter().chain(thread).collect();
        Ok(ids.into_iter().collect())
    }

    /// The prompt of a session that stands in an entry.
    fn prompt_in(
        &self,
        db: &codex_ledger_db::Connection,
        session: &query::SessionRow,
        seq: &str,
    ) -> Result<PromptPlace> {
        let place =
            seq.parse::<Seq>().ok().map(|seq| query::prompt_in_entry(db, session.stream, seq));
        let place = place.transpose().map_err(codex_ledger_db::at(self.views_path()))?.flatten();
        place.ok_or_else(|| {
            let message = format!("no prompt of session {} stands in entry `{seq}`", session.id);
            let session = session.id.clone();
            AppError::new(ErrorKind::NotFound, message)
                .hint(Hint::Erasure(ErasureHint::PromptByEntry { session }))
        })
    }

    fn sought_prompt(&self, name: &str) -> Result<Sought> {
        let Some((prefix, number)) = name.rsplit_once('#') else {
            return Err(usage(format!("`{name}` is no prompt"), Hint::Name(NameHint::PromptForm)));
        };
        if prefix.trim().is_empty() {
            return Err(usage("no session is named", Hint::Name(NameHint::Session)));
        }
        let db = self.views_for_reading()?;
        let session = self.session_or_erased(&db, prefix)?;
        // Behind a prompt that was erased others have its number: the same words would mean another one.
        let is_numbered_anew = query::erased_in(&db, session.stream)
            .map_err(codex_ledger_db::at(self.views_path()))?
            .is_some();
        let place = match number.strip_prefix('@') {
            Some(seq) => self.prompt_in(&db, &session, seq)?,
            None if is_numbered_anew => {
                let message = format!(
                    "records of session {} were erased, so that its prompts may have other numbers now",
                    session.id
                );
                return Err(usage(
                    message,
                    Hint::Erasure(ErasureHint::PromptByEntry { session: session.id }),
                ));
            }
            None => {
                let said = format!("`{number}`");
                self.prompt_place(&db, &session, number.parse().unwrap_or(0), &said)?
            }
        };
        let ids = self.ids_of(&db, &session)?;
        Ok(Sought::Prompt { seq: place.seq, part: place.part, ids })
    }
}

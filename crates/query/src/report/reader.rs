//! Reads a report: the head at once, then one prompt after the other.

use super::super::filter::{Filter, FilterError};
use super::super::row::Counts;
use super::super::select::{Resolved, pick};
use super::super::tokens::{TokenSums, tokens_between};
use super::super::zone::{QUARTER_HOUR_MS, Zone};
use super::head;
use super::items::{self, Place};
use super::model::{Beside, Condition, Mode, ReportHead, ReportPrompt, ReportSession};
use super::transparency::{self, LedgerHead};
use crate::annotations::Review;
use crate::pricing::PriceTable;
use crate::row::sql_stream;
use codex_ledger_db::{Connection, SqlResult, params};
use std::vec;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// Title; one that says the mode where there is none.
    pub title: Option<String>,
    /// How much to tell.
    pub mode: Mode,
    /// Of which sessions and times.
    pub filter: Filter,
    /// The range as it was said.
    pub since_said: Option<String>,
    /// The range as it was said.
    pub until_said: Option<String>,
    /// Zone of days and times.
    pub zone: Zone,
    /// Whether it is a page of many. A page says nothing that the next append changes: the index names the
    /// ledger's head, and what was done to the ledger as a whole.
    pub page: bool,
    /// The pages beside it.
    pub beside: Beside,
    /// Whether it is for readers outside: it tells what was hidden and read, not by whom and why, and no notes.
    pub external: bool,
    /// Who vouches for the ledger, in words; none where nobody does.
    pub checkpoint: Option<String>,
}

impl ReportRequest {
    pub(super) fn conditions(&self, resolved: &Resolved) -> Vec<Condition> {
        let filter = &self.filter;
        let mut all = Vec::new();
        let mut add = |name, said: Option<&str>, meaning: Option<String>| {
            if let Some(said) = said {
                let meaning = meaning.filter(|meaning| meaning != said);
                all.push(Condition { name, said: said.to_string(), meaning });
            }
        };
        let time = |ms: Option<i64>| ms.map(|ms| self.zone.rfc3339(ms));
        let joined = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", "));
        add("since", self.since_said.as_deref(), time(filter.since_ms));
        add("until", self.until_said.as_deref(), time(filter.until_ms));
        // A page is made from the sessions that were picked for it: the reader sees which.
        let is_named = !filter.sessions.is_empty() && !self.page;
        let sessions = is_named.then(|| filter.sessions.join(", "));
        add("session", sessions.as_deref(), joined(&resolved.ids));
        // Which spellings a repository has is news to a page whenever a session with another one comes in.
        let repos = if self.page { None } else { joined(&resolved.repos) };
        add("repo", filter.repo.as_deref(), repos);
        add("workspace", filter.workspace.as_deref(), None);
        for tag in &filter.tags {
            add("tag", Some(tag), None);
        }
        for disposition in &filter.dispositions {
            add("disposition", Some(disposition), None);
        }
        add("model", filter.model.as_deref(), None);
        for source in &filter.sources {
            add("source", Some(source), None);
        }
        add("started by", filter.by_person.then_some("a person"), None);
        let limit = filter.limit.map(|limit| limit.to_string());
        add("limit", limit.as_deref(), None);
        all
    }
}

/// Times to the quarter of an hour, which is as exact as days need them: `?3` is its length.
const EVENT_TIMES: &str = "
    SELECT DISTINCT coalesce(x.at_ms, p.start_ms) / ?3 * ?3 FROM temp.picked p
    CROSS JOIN events x ON x.stream = p.stream
    WHERE coalesce(x.at_ms, p.start_ms) >= ?1 AND coalesce(x.at_ms, p.start_ms) < ?2";
const PROMPT_TIMES: &str = "
    SELECT DISTINCT coalesce(x.at_ms, p.start_ms) / ?3 * ?3 FROM temp.picked p
    CROSS JOIN prompts x ON x.stream = p.stream
    WHERE x.number > 0 AND coalesce(x.at_ms, p.start_ms) >= ?1 AND coalesce(x.at_ms, p.start_ms) < ?2";

/// A day that has something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportDay {
    /// `2026-02-09`.
    pub day: String,
    /// Its first moment, UTC milliseconds.
    pub from_ms: i64,
    /// The first moment of the day after.
    pub to_ms: i64,
}

/// One report over one state of the views, whatever is appended meanwhile.
pub struct ReportReader {
    db: Connection,
    request: ReportRequest,
    head: ReportHead,
    prices: PriceTable,
}

impl ReportReader {
    /// Picks the sessions and adds up all totals.
    ///
    /// # Errors
    /// When a filter names what is not there, and as the database.
    pub fn open(
        db: Connection,
        request: ReportRequest,
        prices: &PriceTable,
    ) -> Result<ReportReader, FilterError> {
        let (since, until) = (request.since_said.as_deref(), request.until_said.as_deref());
        request.filter.check(since, until)?;
        // Everything that is read until the end is of the moment of the first reading.
        db.execute_batch("PRAGMA temp_store = MEMORY; BEGIN")?;
        let resolved = pick(&db, &request.filter)?;
        let head = head::read(&db, &request, &resolved, prices)?;
        Ok(ReportReader { db, request, head, prices: prices.clone() })
    }

    /// Tells where the ledger stands; its root is that of the report when the views have all of it.
    pub fn know_ledger(&mut self, size: u64, id: &str, root: &str) {
        if let Some(head) = &mut self.head.transparency.head {
            head.behind = size.saturating_sub(head.size);
            head.root = (head.size == size && head.id == id).then(|| root.to_string());
        }
    }

    /// Hides what may not be shown of what a person typed: the title and the filters.
    pub fn hide_in_typed(&mut self, hide: &dyn Fn(&str) -> Option<String>) {
        let head = &mut self.head;
        let said =
            head.filters.iter_mut().flat_map(|of| of.meaning.iter_mut().chain([&mut of.said]));
        for text in said.chain([&mut head.title]) {
            if let Some(shown) = hide(text) {
                *text = shown;
            }
        }
    }

    /// What is true of the report as a whole.
    pub fn head(&self) -> &ReportHead {
        &self.head
    }

    /// The days in the zone that have a prompt, or any record in the modes that tell more. Sessions without
    /// any time have no day.
    ///
    /// # Errors
    /// As the database.
    pub fn days(&self) -> SqlResult<Vec<ReportDay>> {
        let (since, until) = self.request.filter.range();
        let table = if self.request.mode.has_items() { EVENT_TIMES } else { PROMPT_TIMES };
        let mut statement = self.db.prepare(table)?;
        let times =
            statement.query_map([since, until, QUARTER_HOUR_MS], |row| row.get::<_, i64>(0))?;
        let zone = &self.request.zone;
        let mut days = std::collections::BTreeSet::new();
        for at_ms in times {
            days.extend(zone.date(at_ms?));
        }
        let whole = |date: jiff::civil::Date| {
            let (from_ms, to_ms) = (zone.start_of(date)?, zone.end_of(date)?);
            Some(ReportDay { day: date.to_string(), from_ms, to_ms })
        };
        Ok(days.into_iter().filter_map(whole).collect())
    }

    /// The prompts of a session, with what followed each in the modes that tell it.
    ///
    /// # Errors
    /// As the database.
    pub fn prompts<'a>(&'a self, session: &'a ReportSession) -> SqlResult<Prompts<'a>> {
        let places = items::places(&self.db, session.stream, self.request.mode)?;
        Ok(Prompts {
            db: &self.db,
            request: &self.request,
            prices: &self.prices,
            session,
            places: places.into_iter(),
            limits: None,
        })
    }
}

/// The prompts of one session, in order.
pub struct Prompts<'a> {
    db: &'a Connection,
    request: &'a ReportRequest,
    prices: &'a PriceTable,
    session: &'a ReportSession,
    places: vec::IntoIter<Place>,
    /// Rate limits that were said last.
    limits: Option<String>,
}

impl Prompts<'_> {
    /// How many are still to be read; where what follows is told, with what came before the first prompt.
    pub fn left(&self) -> usize {
        self.places.len()
    }

    /// Passes by so many.
    pub fn pass(&mut self, count: usize) {
        if let Some(last) = count.checked_sub(1) {
            self.places.nth(last);
        }
    }

    /// The next one that has something in the range.
    ///
    /// # Errors
    /// As the database.
    pub fn next_prompt(&mut self) -> SqlResult<Option<ReportPrompt>> {
        while let Some(place) = self.places.next() {
            let mut prompt = self.prompt(&place)?;
            if self.request.mode.has_items() {
                prompt.items = self.items(&place)?;
            }
            let is_asked = prompt.number.is_some() && prompt.in_range;
            if is_asked || !prompt.items.is_empty() {
                return Ok(Some(prompt));
            }
        }
        Ok(None)
    }

    fn prompt(&self, place: &Place) -> SqlResult<ReportPrompt> {
        let mut prompt = ReportPrompt {
            number: None,
            seq: None,
            at_ms: None,
            in_range: false,
            text: String::new(),
            rolled_back: false,
            kept: false,
            review: Review::default(),
            images: 0,
            active_file: None,
            usage: self.usage(place)?,
            items: Vec::new(),
        };
        if !place.is_prompt {
            return Ok(prompt);
        }
        let (since, until) = self.request.filter.range();
        let mut statement = self.db.prepare_cached(
            "SELECT number, seq, at_ms, coalesce(request, text) AS text, rolled_back, images, active_file,
                EXISTS (SELECT 1 FROM kept_rows k WHERE (k.stream, k.line, k.part, k.item, k.tbl)
                    = (p.stream, p.line, p.part, p.item, 'prompts')) AS kept
             FROM prompts p WHERE stream = ? AND line = ? AND part = ?",
        )?;
        let key = params![sql_stream(self.session.stream), place.from.line, place.from.part];
        statement.query_row(key, |row| {
            let at_ms: Option<i64> = row.get("at_ms")?;
            let counts_at = at_ms.or(self.session.started_at_ms).unwrap_or(since);
            prompt.number = Some(row.count("number")?);
            prompt.seq = Some(row.seq("seq")?);
            prompt.at_ms = at_ms;
            prompt.in_range = since <= counts_at && counts_at < until;
            if prompt.in_range {
                prompt.text = row.get("text")?;
                prompt.images = row.count("images")?;
                prompt.active_file = row.get("active_file")?;
            }
            prompt.rolled_back = row.get("rolled_back")?;
            prompt.kept = row.get("kept")?;
            if !self.request.external {
                prompt.review = Review::read(self.db, &self.session.id, row.count("number")?)?;
            }
            Ok(prompt)
        })
    }

    fn usage(&self, place: &Place) -> SqlResult<TokenSums> {
        let place = [place.from, place.to].map(|spot| (spot.line, spot.part));
        tokens_between(self.db, &self.request.filter, self.session.stream, place, self.prices)
    }

    fn items(&mut self, place: &Place) -> SqlResult<Vec<super::ReportItem>> {
        let range = self.request.filter.range();
        let mut found = items::between(self.db, self.session, place, range, self.request.mode)?;
        // The directory of a session is said once.
        for item in found.iter_mut().filter(|item| item.detail == self.session.cwd) {
            item.detail = None;
        }
        found.retain(|item| {
            let is_limits = item.kind == super::ReportKind::RateLimits;
            !is_limits || self.limits.replace(item.text.clone()).as_ref() != Some(&item.text)
        });
        Ok(found)
    }
}

/// The head of the ledger as the views know it.
pub(super) fn ledger_head(db: &Connection) -> SqlResult<LedgerHead> {
    let (size, id) = transparency::standing(db)?;
    Ok(LedgerHead { size, id, root: None, behind: 0 })
}

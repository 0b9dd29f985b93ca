//! Reports: from the views to the model that renderers read, and through them.

use super::publishing::Publication;
use super::setup::App;
use crate::error::{AppError, Result};
use crate::publish::{
    Gate, Language, Paper, PublishError, head_texts, label_text, prompt_texts, session_texts,
};
use crate::status::HeadSummary;
use codex_ledger_db as db;
use codex_ledger_ledger::read_head;
use codex_ledger_location::{self as location, repository};
use codex_ledger_query::pricing::PriceTable;
use codex_ledger_query::{ReportDay, ReportReader, ReportRequest};
use codex_ledger_report::{Csv, Html, Json, Markdown, PageLink, Renderer, Table, escape, week_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

/// Of an id, its beginning, which `show` takes, and its end, which is random: ids of one minute begin alike.
const ID_CHARS: (usize, usize) = (8, 6);

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageBy {
    /// A session.
    Session,
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
    /// A month.
    Month,
    /// A repository, else a directory.
    Repo,
}

/// A renderer, and what it writes on.
pub struct Rendering<'a> {
    /// What writes.
    pub renderer: &'a mut (dyn Renderer + 'a),
    /// What it writes on.
    pub paper: &'a mut (dyn Paper + 'a),
}

/// A file that is to hold a report, or a part of one.
pub struct ReportFile {
    /// What writes it.
    pub renderer: Box<dyn Renderer>,
    /// Where it is to lie.
    pub path: PathBuf,
}

/// A page to be: its file, and what narrows the report down to it.
#[derive(Clone)]
pub(super) struct PagePlan {
    pub(super) link: PageLink,
    pub(super) request: ReportRequest,
}

/// The renderer of a language; for CSV, of the mode's main table.
pub fn renderer(language: Language) -> Box<dyn Renderer> {
    match language {
        Language::Csv => Box::new(Csv::new(Table::Stream)),
        Language::Json => Box::new(Json::default()),
        Language::Html => Box::new(Html::default()),
        Language::Markdown | Language::Text => Box::new(Markdown::default()),
    }
}

impl App {
    /// A report over the views as they are now, whatever is appended meanwhile. What a person typed is text, too, and
    /// shown as the gate lets it be.
    ///
    /// # Errors
    /// When there are no views, or the filter names what is not there.
    pub fn report(
        &self,
        gate: &Gate,
        request: ReportRequest,
        prices: &PriceTable,
    ) -> Result<ReportReader> {
        let db = self.views_for_reading()?;
        let report = ReportReader::open(db, request, prices);
        let mut report = report.map_err(|error| self.filter_error(error))?;
        // The ledger only grows: read after the views, its head is never behind them.
        let HeadSummary { size, id, root } = HeadSummary::of(&read_head(self.dir())?.head);
        report.hide_in_typed(&|text| gate.hide(text));
        report.know_ledger(size, &id, &root);
        Ok(report)
    }

    /// Reads a report once and gives all of it to every renderer.
    ///
    /// # Errors
    /// As the database, and as the paper; then the error names its place.
    pub fn render(&self, report: &ReportReader, targets: &mut [Rendering<'_>]) -> Result<()> {
        let head = report.head();
        for Rendering { renderer, paper } in targets.iter_mut() {
            renderer.begin(paper, head).map_err(|e| failed(&**paper, e))?;
            let titles = head.sessions.iter().filter(|_| !head.mode.has_prompts()).map(label_text);
            paper.end_part(&std::iter::once(head_texts(head)).chain(titles).collect::<Vec<_>>());
        }
        for session in head.sessions.iter().filter(|_| head.mode.has_prompts()) {
            for Rendering { renderer, paper } in targets.iter_mut() {
                renderer.session(paper, head, session).map_err(|e| failed(&**paper, e))?;
                paper.end_part(&[session_texts(session)]);
            }
            let mut prompts = report.prompts(session).map_err(db::at(self.views_path()))?;
            while let Some(prompt) = prompts.next_prompt().map_err(db::at(self.views_path()))? {
                for Rendering { renderer, paper } in targets.iter_mut() {
                    renderer.prompt(paper, head, &prompt).map_err(|e| failed(&**paper, e))?;
                    paper.end_part(&[prompt_texts(&prompt, session)]);
                }
            }
            for Rendering { renderer, paper } in targets.iter_mut() {
                renderer.session_end(paper, head).map_err(|e| failed(&**paper, e))?;
            }
        }
        for Rendering { renderer, paper } in targets.iter_mut() {
            renderer.end(paper, head).map_err(|e| failed(&**paper, e))?;
            paper.end_part(&[]);
        }
        Ok(())
    }

    /// The pages of a folder.
    pub(super) fn page_plans(
        &self,
        wanted: &Publication,
        report: &ReportReader,
    ) -> Result<Vec<PagePlan>> {
        let (request, language) = (&wanted.request, wanted.language);
        let spans = |by| {
            let days = report.days().map_err(db::at(self.views_path()))?;
            Ok(by_span(report, spans_of(days, by), request, language))
        };
        match wanted.by {
            PageBy::Session => Ok(by_session(report, request, language)),
            PageBy::Repo => Ok(by_repo(report, request, language)),
            by @ (PageBy::Day | PageBy::Week | PageBy::Month) => spans(by),
        }
    }
}

/// Days, or the weeks or months that they are in, as far as they have something to tell.
fn spans_of(days: Vec<ReportDay>, by: PageBy) -> Vec<ReportDay> {
    let mut spans: Vec<ReportDay> = Vec::new();
    for ReportDay { day, from_ms, to_ms } in days {
        let name = match by {
            PageBy::Week => week_of(&day).unwrap_or(day),
            PageBy::Month => day.rsplit_once('-').map_or(day.clone(), |(month, _)| month.into()),
            _ => day,
        };
        match spans.last_mut().filter(|span| span.day == name) {
            Some(span) => span.to_ms = to_ms,
            None => spans.push(ReportDay { day: name, from_ms, to_ms }),
        }
    }
    spans
}

fn by_span(
    report: &ReportReader,
    spans: Vec<ReportDay>,
    request: &ReportRequest,
    language: Language,
) -> Vec<PagePlan> {
    let mut plans = Vec::new();
    let limited = request.filter.limit.is_some();
    let ids: Vec<String> = report.head().sessions.iter().map(|of| of.id.clone()).collect();
    for ReportDay { day, from_ms, to_ms } in spans {
        let mut request = page_request(request);
        if limited {
            request.filter.sessions = ids.clone();
        }
        let filter = &mut request.filter;
        filter.since_ms = filter.since_ms.max(Some(from_ms));
        filter.until_ms = Some(filter.until_ms.unwrap_or(to_ms).min(to_ms));
        (request.since_said, request.until_said) = (Some(day.clone()), Some(day.clone()));
        request.title.get_or_insert_with(|| format!("Codex on {day}"));
        let file = format!("{day}.{}", language.extension());
        plans.push(PagePlan { link: PageLink { file, when: day, ..PageLink::default() }, request });
    }
    plans
}

/// One page per repository, named after it.
fn by_repo(report: &ReportReader, request: &ReportRequest, language: Language) -> Vec<PagePlan> {
    // By name, then by what all spellings have in common.
    let mut of_repos: BTreeMap<Option<(String, String)>, BTreeSet<String>> = BTreeMap::new();
    for of in &report.head().sessions {
        let repo = of.repo.as_deref().or(of.cwd.as_deref());
        let repo = repo.map(|repo| (repository::name(repo).to_string(), location::plain(repo)));
        of_repos.entry(repo).or_default().insert(of.id.clone());
    }
    let mut names = BTreeSet::new();
    let mut plans = Vec::new();
    for (repo, ids) in of_repos {
        let title = repo.map_or("no repository".into(), |(name, _)| name);
        let name = escape::slug(&title);
        // Others of that name are told apart by their number, which stays unless one comes that sorts before them.
        let named = |number: usize| match number {
            1 => name.clone(),
            number => format!("{name}-{number}"),
        };
        let name = (1..).map(named).find(|name| names.insert(name.clone())).unwrap_or_default();
        let mut request = page_request(request);
        request.filter.sessions = ids.into_iter().collect();
        request.title.get_or_insert_with(|| format!("Codex in {title}"));
        let file = format!("repo-{name}.{}", language.extension());
        let link = PageLink { file, when: name, ..PageLink::default() };
        plans.push(PagePlan { link, request });
    }
    plans
}

fn failed(paper: &dyn Paper, error: io::Error) -> AppError {
    PublishError::io(paper.place())(error).into()
}

/// One page per session id, named after its day and the beginning of its id.
fn by_session(report: &ReportReader, request: &ReportRequest, language: Language) -> Vec<PagePlan> {
    let head = report.head();
    let mut ids = BTreeSet::new();
    let mut of_names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for session in &head.sessions {
        of_names.entry(short_id(&session.id)).or_default().insert(session.id.clone());
    }
    let mut plans = Vec::new();
    for session in head.sessions.iter().filter(|session| ids.insert(session.id.clone())) {
        let day = session.started_at_ms.and_then(|ms| head.zone.date(ms));
        let day = day.map_or_else(|| "undated".into(), |day| day.to_string());
        let short = short_id(&session.id);
        let is_first = of_names.get(&short).and_then(BTreeSet::first) == Some(&session.id);
        let id = if is_first { short } else { escape::slug(&session.id) };
        let file = format!("{day}-{id}.{}", language.extension());
        let mut request = page_request(request);
        request.filter.sessions = vec![session.id.clone()];
        let link = PageLink::of_session(&head.zone, session, file);
        request.title.get_or_insert_with(|| link.label.clone());
        plans.push(PagePlan { link, request });
    }
    plans
}

/// The same whatever else is published, but for ids that are alike at both ends.
fn short_id(id: &str) -> String {
    let slug = escape::slug(id);
    let (first, last) = ID_CHARS;
    match (slug.get(..first), slug.len().checked_sub(last).and_then(|at| slug.get(at..))) {
        (Some(head), Some(tail)) if slug.len() > first + last => format!("{head}-{tail}"),
        _ => slug,
    }
}

fn page_request(request: &ReportRequest) -> ReportRequest {
    let mut request = request.clone();
    request.page = true;
    request.filter.limit = None;
    request
}

//! Publishing: reports as files and folders of pages, past the gate.

use super::redact::NewEntry;
use super::report::{PageBy, PagePlan, Rendering, ReportFile, renderer};
use super::setup::App;
use crate::error::Result;
use crate::publish::{
    Access, DocumentDraft, Finding, Folder, Gate, Held, Judged, Language, Outcome, Paper, Part,
    PublishError, Publishable, Stage, Waiver, index_texts, write_raw,
};
use codex_ledger_entry::{FieldsBuilder, Kind, Seq};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_projections::load_policy;
use codex_ledger_query::pricing::PriceTable;
use codex_ledger_query::{Beside, PageRef, ReportReader, ReportRequest};
use codex_ledger_report::{PageLink, PageState, feed, html_index, markdown_index};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the feed of pages.
const FEED: &str = "feed.xml";
/// Names of documents that an entry's detail lists; its fields list all.
const LISTED_MAX: usize = 20;

/// A document that was not written, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Its name: of a page in its folder, else of the file.
    pub name: String,
    /// What was found in it.
    pub findings: Vec<Finding>,
}

impl Withheld {
    fn of(held: &Held) -> Withheld {
        Withheld {
            name: held.name().to_string(),
            findings: held.findings.iter().cloned().collect(),
        }
    }
}

/// A folder of pages that is wanted.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The folder.
    pub dir: PathBuf,
    /// Markdown or HTML.
    pub language: Language,
    /// What a page is about.
    pub by: PageBy,
    /// What is told, and of which sessions.
    pub request: ReportRequest,
    /// Only say what is not as it should be.
    pub only_check: bool,
    /// Who may read the pages.
    pub access: Access,
    /// Why what the gate finds is published all the same, where it is.
    pub reason: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Pages written, removed, unchanged, and not as they should be.
    pub pages: Outcome,
    /// Pages that were not written.
    pub withheld: Vec<Withheld>,
    /// The entry that records that the gate was overridden.
    pub waiver: Option<Seq>,
    /// Whether no session matches.
    pub is_empty: bool,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WrittenFile {
    /// Where.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
}

/// What became of the files of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The files.
    pub files: Vec<WrittenFile>,
    /// What was found; then no file was written.
    pub withheld: Vec<Withheld>,
    /// The entry that records that the gate was overridden.
    pub waiver: Option<Seq>,
}

/// A document that the gate has looked at, and the file that it is for.
struct JudgedFile {
    judged: Judged,
    path: PathBuf,
}

/// The gate of the ledger in a folder.
///
/// # Errors
/// When there is no ledger that can be read, or its rules cannot be used.
pub fn gate_of(dir: &Path) -> Result<Gate> {
    Ok(Gate::new(&load_policy(&mut LedgerReader::open(dir)?)?)?)
}

impl App {
    /// The gate that everything passes before it becomes a file.
    ///
    /// # Errors
    /// When the rules in force cannot be read or used.
    pub fn gate(&self) -> Result<Gate> {
        gate_of(self.dir())
    }

    /// Writes a report to files, all of them or none; `reason` overrides the gate, which is recorded first.
    ///
    /// # Errors
    /// When a file cannot be written; older ones then are as they were.
    pub fn write_report(
        &self,
        gate: &Gate,
        report: &ReportReader,
        mut files: Vec<ReportFile>,
        language: Language,
        reason: Option<&str>,
    ) -> Result<Written> {
        let world = &self.setup.world;
        let mut drafts = Vec::with_capacity(files.len());
        for file in &files {
            drafts.push(DocumentDraft::file(gate, language, world, &file.path, Access::Private)?);
        }
        let mut targets: Vec<Rendering<'_>> = files
            .iter_mut()
            .zip(&mut drafts)
            .map(|(file, paper)| Rendering { renderer: &mut *file.renderer, paper })
            .collect();
        self.render(report, &mut targets)?;
        let judged = drafts.into_iter().zip(files);
        let judged =
            judged.map(|(draft, file)| JudgedFile { judged: draft.judge(), path: file.path });
        self.write_judged(judged.collect(), reason)
    }

    /// Writes one document that is at hand, as [`App::write_report`] does.
    ///
    /// # Errors
    /// When the file cannot be written; an older one then is as it was.
    pub fn write_document(
        &self,
        path: &Path,
        language: Language,
        text: &str,
        of: &[Part<'_>],
        reason: Option<&str>,
    ) -> Result<Written> {
        let gate = self.gate()?;
        let world = &self.setup.world;
        let mut draft = DocumentDraft::file(&gate, language, world, path, Access::Private)?;
        draft.write_all(text.as_bytes()).map_err(PublishError::io(path.display()))?;
        draft.end_part(of);
        let file = JudgedFile { judged: draft.judge(), path: path.to_path_buf() };
        self.write_judged(vec![file], reason)
    }

    /// Gives what passed its name; nothing gets one where something is held and stays held.
    fn write_judged(&self, judged: Vec<JudgedFile>, reason: Option<&str>) -> Result<Written> {
        let mut written = Written::default();
        let held = |file: &JudgedFile| match &file.judged {
            Judged::Held(held) => Some(Withheld::of(held)),
            Judged::Passed(_) => None,
        };
        let withheld: Vec<Withheld> = judged.iter().filter_map(held).collect();
        let waiver = match reason.filter(|_| !withheld.is_empty()) {
            Some(reason) => Some(self.waive(&withheld, reason)?),
            None => None,
        };
        written.waiver = waiver.as_ref().map(Waiver::seq);
        let mut passed: Vec<(Publishable, PathBuf)> = Vec::with_capacity(judged.len());
        for JudgedFile { judged, path } in judged {
            match released(judged, waiver.as_ref()) {
                Judged::Passed(document) => passed.push((document, path)),
                Judged::Held(held) => written.withheld.push(Withheld::of(&held)),
            }
        }
        if written.withheld.is_empty() {
            for (document, path) in passed {
                written.files.push(WrittenFile { path, bytes: document.publish()? });
            }
        }
        Ok(written)
    }

    /// Writes a page that shows raw text by intent: past the gate, for its owner only, and over no other file.
    ///
    /// # Errors
    /// When something stands there, or the file cannot be written.
    pub fn write_raw(&self, path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(write_raw(&self.setup.world, path, bytes.as_ref())?)
    }

    /// Brings a folder of pages up to date. What the gate finds something in is not written, and what was written of
    /// it before stays.
    ///
    /// # Errors
    /// When the folder is not ours to write, or cannot be written.
    pub fn publish(&self, wanted: &Publication) -> Result<Published> {
        let gate = self.gate()?;
        let mut waiver = None;
        if let Some(reason) = wanted.reason.as_deref().filter(|_| !wanted.only_check) {
            let held = self.pages(wanted, &gate, None, None)?.0.withheld;
            if !held.is_empty() {
                waiver = Some(self.waive(&held, reason)?);
            }
        }
        let (access, world) = (wanted.access, &self.setup.world);
        let folder = Folder::open(&wanted.dir, wanted.only_check, access, world)?;
        let (mut published, folder) = self.pages(wanted, &gate, Some(folder), waiver.as_ref())?;
        if let Some(folder) = folder {
            published.pages = folder.finish()?;
        }
        published.waiver = waiver.as_ref().map(Waiver::seq);
        Ok(published)
    }

    /// The same pages in one archive, whose name `dir` is then; none is written where one of them is withheld.
    ///
    /// # Errors
    /// When something stands there, or it cannot be written.
    pub fn publish_as_zip(&self, wanted: &Publication) -> Result<Published> {
        let stage = Stage::begin(&self.setup.world, &wanted.dir)?;
        let dir = stage.path().to_path_buf();
        let published = self.publish(&Publication { dir, ..wanted.clone() })?;
        if published.withheld.is_empty() {
            stage.finish_as_zip()?;
        }
        Ok(published)
    }

    /// Makes every page, and puts what may be published into the folder, where there is one.
    fn pages(
        &self,
        wanted: &Publication,
        gate: &Gate,
        mut folder: Option<Folder>,
        waiver: Option<&Waiver>,
    ) -> Result<(Published, Option<Folder>)> {
        let prices = PriceTable::builtin();
        let report = self.report(gate, wanted.request.clone(), prices)?;
        let plans = self.page_plans(wanted, &report)?;
        let index = format!("index.{}", wanted.language.extension());
        if let Some(folder) = &mut folder {
            let own = [index.as_str(), FEED];
            folder.claim(plans.iter().map(|plan| plan.link.file.as_str()).chain(own))?;
        }
        let mut published =
            Published { is_empty: report.head().sessions.is_empty(), ..Published::default() };
        let mut links = Vec::new();
        // A page names the next one, which may turn out to be withheld: it waits until that is known.
        let mut waiting: Option<Waiting> = None;
        for (place, plan) in plans.iter().enumerate() {
            let next = plans.get(place + 1).map(|plan| page_ref(&plan.link));
            let previous = waiting.as_ref().map(|page| page_ref(&page.plan.link));
            let beside = Beside { previous, next };
            let (judged, link) = self.page(wanted, gate, plan, beside.clone())?;
            match released(judged, waiver) {
                held @ Judged::Held(_) => {
                    links.push(PageLink { state: put(&mut folder, held, &mut published)?, ..link });
                }
                passed => {
                    if let Some(page) = waiting.take() {
                        let page =
                            self.with_next(wanted, gate, page, Some(page_ref(&plan.link)))?;
                        put(&mut folder, released(page.judged, waiver), &mut published)?;
                    }
                    waiting = Some(Waiting { plan: plan.clone(), judged: passed, beside });
                    links.push(link);
                }
            }
        }
        if let Some(page) = waiting {
            let page = self.with_next(wanted, gate, page, None)?;
            put(&mut folder, released(page.judged, waiver), &mut published)?;
        }
        let draft = self.index(wanted, gate, &report, &index, &links)?;
        put(&mut folder, released(draft.judge(), waiver), &mut published)?;
        let draft = self.feed(gate, &report, &index, &links)?;
        put(&mut folder, released(draft.judge(), waiver), &mut published)?;
        Ok((published, folder))
    }

    /// The page again, where another one comes next than was thought.
    fn with_next(
        &self,
        wanted: &Publication,
        gate: &Gate,
        page: Waiting,
        next: Option<PageRef>,
    ) -> Result<Waiting> {
        if page.beside.next == next {
            return Ok(page);
        }
        let beside = Beside { next, ..page.beside };
        let (judged, _) = self.page(wanted, gate, &page.plan, beside.clone())?;
        Ok(Waiting { judged, beside, ..page })
    }

    fn page(
        &self,
        wanted: &Publication,
        gate: &Gate,
        plan: &PagePlan,
        beside: Beside,
    ) -> Result<(Judged, PageLink)> {
        let PagePlan { mut link, request } = plan.clone();
        let report =
            self.report(gate, ReportRequest { beside, ..request }, PriceTable::builtin())?;
        let mut draft = DocumentDraft::page(gate, wanted.language, &link.file);
        let mut renderer = renderer(wanted.language);
        let target = Rendering { renderer: &mut *renderer, paper: &mut draft };
        self.render(&report, &mut [target])?;
        if wanted.by != PageBy::Session {
            link = PageLink::of_several(&link.when, report.head(), link.file);
        }
        Ok((draft.judge(), link))
    }

    fn feed<'g>(
        &self,
        gate: &'g Gate,
        report: &ReportReader,
        index: &str,
        links: &[PageLink],
    ) -> Result<DocumentDraft<'g>> {
        let mut draft = DocumentDraft::page(gate, Language::Html, FEED);
        feed(&mut draft, report.head(), index, links).map_err(PublishError::io(FEED))?;
        draft.end_part(&listed_texts(report, links));
        Ok(draft)
    }

    fn index<'g>(
        &self,
        wanted: &Publication,
        gate: &'g Gate,
        report: &ReportReader,
        name: &str,
        links: &[PageLink],
    ) -> Result<DocumentDraft<'g>> {
        let mut draft = DocumentDraft::page(gate, wanted.language, name);
        let written = match wanted.language {
            Language::Html => html_index(&mut draft, report.head(), links),
            _ => markdown_index(&mut draft, report.head(), links),
        };
        written.map_err(PublishError::io(name))?;
        draft.end_part(&listed_texts(report, links));
        Ok(draft)
    }

    /// Records that documents are published although the gate found something in them.
    fn waive(&self, held: &[Withheld], reason: &str) -> Result<Waiver> {
        let reason = self.reason(reason)?;
        let names: BTreeSet<String> = held.iter().map(|held| held.name.clone()).collect();
        let findings = held.iter().flat_map(|held| &held.findings);
        let rules: BTreeSet<String> = findings.map(|finding| finding.rule.clone()).collect();
        // Where a file lies on somebody's disk is nobody's business.
        let file = |name: &String| {
            Path::new(name).file_name().map_or(String::new(), |name| name.display().to_string())
        };
        let listed: Vec<String> = names.iter().take(LISTED_MAX).map(file).collect();
        let more = names.len().saturating_sub(LISTED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let found: Vec<&str> = rules.iter().map(String::as_str).collect();
        let (listed, found) = (listed.join(", "), found.join(", "));
        let detail = format!("{listed}{more}, in spite of {found}: {reason}");
        let mut body = FieldsBuilder::default()
            .add("verb", "publish_unsafe")
            .add("actor", &self.setup.actor)
            .add("detail", &detail)
            .add("reason", &reason);
        for name in &names {
            body = body.add("page", file(name));
        }
        for rule in &rules {
            body = body.add("rule", rule);
        }
        let mut ledger = self.open()?;
        let draft = NewEntry::new(Kind::Access, body.finish());
        let seqs = self.append_noted(&mut ledger, &[draft])?;
        self.update_views(&mut |_| ())?;
        Ok(Waiver::recorded(seqs.from, names, rules))
    }
}

/// A page that has passed and is not written yet.
struct Waiting {
    plan: PagePlan,
    judged: Judged,
    beside: Beside,
}

fn page_ref(link: &PageLink) -> PageRef {
    PageRef { file: link.file.clone(), when: link.when.clone() }
}

/// What a list of pages says of them.
fn listed_texts<'a>(report: &'a ReportReader, links: &'a [PageLink]) -> Vec<Part<'a>> {
    let shown = links.iter().filter(|link| link.state == PageState::Shown);
    // A label is what the session's page says, too, and was looked at there as one of that session's texts.
    let texts = shown.map(|link| Part { texts: vec![&link.label, &link.when], ..Part::default() });
    std::iter::once(index_texts(report.head())).chain(texts).collect()
}

fn released(judged: Judged, waiver: Option<&Waiver>) -> Judged {
    match (judged, waiver) {
        (Judged::Held(held), Some(waiver)) => held.release(waiver),
        (judged, _) => judged,
    }
}

fn put(
    folder: &mut Option<Folder>,
    judged: Judged,
    published: &mut Published,
) -> Result<PageState> {
    match (judged, folder) {
        (Judged::Passed(page), folder) => {
            if let Some(folder) = folder {
                folder.put(&page)?;
            }
            Ok(PageState::Shown)
        }
        (Judged::Held(held), folder) => {
            published.withheld.push(Withheld::of(&held));
            let Some(folder) = folder else {
                // Tried out only, to see what a waiver has to cover: an index that names it, too.
                return Ok(PageState::Shown);
            };
            let is_there = folder.withhold(held.name())?;
            Ok(if is_there { PageState::Older } else { PageState::Withheld })
        }
    }
}

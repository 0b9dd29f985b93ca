//! Appending: what is new in the logs, then the views.

use super::progress::{Listener, Progress};
use super::rules::Prelude;
use super::setup::App;
use super::status::HeadSummary;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
use codex_ledger_append::{AppendReport, Plan, Request, SourceProblem};
use codex_ledger_db as db;
use codex_ledger_entry::{Seq, SeqRange};
use codex_ledger_ledger::{Ledger, LedgerError, LedgerPaths, check_whole};
use codex_ledger_query as query;

/// What an append did, to ledger and views.
#[derive(Debug)]
pub struct Appended {
    /// Files, bytes and entries.
    pub report: AppendReport,
    /// The head afterwards; `None` for a dry run without a ledger.
    pub head: Option<HeadSummary>,
    /// Lines that are no records, where the views were brought up to date.
    pub malformed: Option<u64>,
}

/// How to append.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppendOptions {
    /// Read at most this many files.
    pub limit: Option<usize>,
    /// Only say what would be read.
    pub dry_run: bool,
    /// Leave the views as they are.
    pub no_views: bool,
}

impl App {
    /// Appends what is new and brings the views up to date.
    ///
    /// # Errors
    /// When the ledger or the views cannot be written.
    pub fn append(&self, options: AppendOptions, listener: Listener<'_>) -> Result<Appended> {
        let (request, plan) = self.plan(options)?;
        let files = plan.report().files;
        if files.seen == 0 && files.gone == 0 {
            let roots: Vec<_> =
                request.roots.iter().map(|root| root.display().to_string()).collect();
            let why =
                plan.report().problems.iter().map(|of| format!("; {}: {}", of.path, of.reason));
            let message =
                format!("no Codex logs in {}{}", roots.join(", "), why.collect::<String>());
            return Err(AppError::new(ErrorKind::NotFound, message).hint(Hint::NameLogs));
        }
        if options.dry_run {
            return Ok(Appended {
                head: self.head_now()?,
                report: plan.into_report(),
                malformed: None,
            });
        }
        if plan.is_done() {
            self.check_nothing_lost()?;
            self.put_rules_in_force(listener)?;
            let head = self.catch_up(options, listener)?;
            let mut report = plan.into_report();
            let end = head.as_ref().map_or(Seq::FIRST, HeadSummary::end);
            report.entries = SeqRange::new(end, end);
            return Ok(Appended { report, head, malformed: Some(0) });
        }
        let mut ledger = self.open()?;
        self.append_planned(&mut ledger, plan, &request, options, listener)
    }

    /// Nothing new is no reason not to notice that something old is gone.
    pub(super) fn check_nothing_lost(&self) -> Result<()> {
        match check_whole(self.dir()) {
            Ok(_) | Err(LedgerError::Missing { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What is to be read, and what of it is new.
    pub(super) fn plan(&self, options: AppendOptions) -> Result<(Request, Plan)> {
        let request = Request {
            roots: self.setup.roots.clone(),
            actor: self.setup.actor.clone(),
            limit: options.limit,
            prelude: Vec::new(),
            erased: self.erased_threads()?,
        };
        let plan = Plan::make(self.dir(), &request, self.setup.world.clock.now());
        Ok((request, plan))
    }

    /// Lets the views follow where nothing is new; gives the head, where there is a ledger.
    pub(super) fn catch_up(
        &self,
        options: AppendOptions,
        listener: Listener<'_>,
    ) -> Result<Option<HeadSummary>> {
        let head = self.head_now()?;
        if head.is_some() && !options.no_views {
            self.views_if_behind(listener)?;
        }
        Ok(head)
    }

    pub(super) fn append_planned(
        &self,
        ledger: &mut Ledger,
        plan: Plan,
        request: &Request,
        options: AppendOptions,
        listener: Listener<'_>,
    ) -> Result<Appended> {
        let (_, total) = plan.to_read();
        let mut done = 0;
        let Prelude { entries: prelude, mut controls } = self.prelude()?;
        let request = &Request { prelude, ..request.clone() };
        let mut report = plan.run(ledger, request, &mut |bytes| {
            done += bytes;
            listener(Progress::Reading(done, total));
        })?;
        let mut new = report.entries;
        controls.note(self.dir(), new, request.prelude.len() as u64)?;
        controls.save(&self.setup.world, &LedgerPaths { dir: self.dir().into() })?;
        self.erase_again(ledger, new, &request.erased, &mut report, listener)?;
        new.end = ledger.head().end();
        let head = HeadSummary::of(ledger.head());
        let mut malformed = None;
        if !options.no_views {
            self.update_views(listener)?;
            self.tag_by_rules(ledger, new, listener)?;
            let problems = self.problems_in(new)?;
            malformed = Some(problems.len() as u64);
            report.problems.extend(problems);
        }
        Ok(Appended { report, head: Some(head), malformed })
    }

    fn problems_in(&self, new: SeqRange) -> Result<Vec<SourceProblem>> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let db = self.views_for_reading()?;
        let found = query::problems_in(&db, new).map_err(db::at(self.views_path()))?;
        Ok(found
            .into_iter()
            .map(|p| SourceProblem {
                path: p.path,
                line: Some(p.line),
                offset: Some(p.offset),
                reason: p.reason,
            })
            .collect())
    }
}

//! One function per use case; wiring, no logic of its own.

use super::open::NoticeListener;
use crate::audit;
pub use crate::audit::{Audit, ViewsVerdict};
use crate::config::ReviewConfig;
pub use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
pub use codex_ledger_append::SourceProblem;
pub use codex_ledger_append::{ByteCounts, FileCounts};
use codex_ledger_append::{Plan, Report, Request};
use codex_ledger_db as db;
use codex_ledger_ledger::{Head, Ledger, LedgerError, LedgerPaths, check_whole, read_head};
pub use codex_ledger_ledger::{Holder, World, check_place};
pub use codex_ledger_projections::Digests;
use codex_ledger_projections::{Options, Views, ViewsPaths};
pub use codex_ledger_query::pricing::{PriceTable, WhatIf};
use codex_ledger_query::{
    self as query, Coverage, ExplainRow, SessionDetail, SessionRow, TokenBy, TokenReport, Zone,
};
use codex_ledger_redaction::RuleSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that a use case needs to know; the doors fill it from arguments, environment and files.
#[derive(Clone)]
pub struct Setup {
    /// The ledger's directory.
    pub ledger_dir: PathBuf,
    /// The views' stable path; below the ledger when not given.
    pub db_path: Option<PathBuf>,
    /// Keep raw JSON in the views.
    pub raw_json: bool,
    /// Homes, folders or files.
    pub roots: Vec<PathBuf>,
    /// The rules that are to be added to those in force; an error is one only of what would write them.
    pub rules: Option<Result<RuleSet>>,
    /// The reviewer's words.
    pub review: ReviewConfig,
    /// Who asks.
    pub actor: String,
    /// Who holds the lock meanwhile.
    pub holder: Holder,
    /// How long a writer waits for another one to end.
    pub wait: Duration,
    /// Hears what is to be said beside the results.
    pub notices: Option<NoticeListener>,
    /// Clock, randomness and disk.
    pub world: World,
}

/// The use cases of one ledger.
pub struct App {
    pub(super) setup: Setup,
    pub(super) views: Views,
}

/// What an append did, to ledger and views.
#[derive(Debug)]
pub struct Appended {
    /// Files, bytes and entries.
    pub report: Report,
    /// The head afterwards; `None` for a dry run without a ledger.
    pub head: Option<HeadSummary>,
    /// Lines that are no records, where the views were brought up to date.
    pub malformed: Option<u64>,
}

/// Size, id and root of a head.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HeadSummary {
    /// Count of entries.
    pub size: u64,
    /// Id of the last entry, hex.
    pub id: String,
    /// Root of the tree over all headers, hex.
    pub root: String,
}

impl HeadSummary {
    pub(super) fn of(head: &Head) -> HeadSummary {
        let chain = &head.chain;
        HeadSummary {
            size: chain.size(),
            id: chain.id.to_string(),
            root: chain.tree.root().to_string(),
        }
    }
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

/// What goes on, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes read, of all that have to be read.
    Reading(u64, u64),
    /// Entries applied to the views, of all.
    Views(u64, u64),
    /// Entries verified, of all.
    Verifying(u64, u64),
    /// A decision is acknowledged as this entry; from here on the next command finishes what it hides.
    Recorded(u64),
}

/// Hears what goes on.
pub type Listener<'a> = &'a mut dyn FnMut(Progress);

/// Where logs are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Root<'a> {
    /// A home, folder or file.
    pub path: &'a Path,
    /// Whether something is there.
    pub exists: bool,
}

/// Where the ledger and the views stand.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// The ledger.
    pub head: HeadSummary,
    /// Entries in settled volumes.
    pub settled: u64,
    /// The views; `None` when there are none.
    pub cursor: Option<u64>,
    /// Why the views must be rebuilt, if they must.
    pub outdated: Option<String>,
    /// Who writes now.
    #[serde(rename = "lock")]
    pub holder: Option<String>,
    /// What was understood.
    pub coverage: Option<Coverage>,
}

impl App {
    /// Makes the use cases of a ledger.
    pub fn new(setup: Setup) -> App {
        let link = setup.db_path.clone().unwrap_or_else(|| setup.ledger_dir.join("views.sqlite"));
        let options = Options { raw_json: setup.raw_json };
        let views = Views { paths: ViewsPaths { link }, options };
        App { setup, views }
    }

    /// The ledger's directory.
    pub fn dir(&self) -> &Path {
        &self.setup.ledger_dir
    }

    /// The views' stable path.
    pub fn views_path(&self) -> &Path {
        &self.views.paths.link
    }

    pub(super) fn request(&self, options: AppendOptions) -> Request {
        Request {
            roots: self.setup.roots.clone(),
            actor: self.setup.actor.clone(),
            limit: options.limit,
            prelude: Vec::new(),
        }
    }

    /// Appends what is new and brings the views up to date.
    ///
    /// # Errors
    /// When the ledger or the views cannot be written.
    pub fn append(&self, options: AppendOptions, listener: Listener<'_>) -> Result<Appended> {
        let request = self.request(options);
        let plan = Plan::make(self.dir(), &request, self.setup.world.clock.now());
        if plan.report().files.seen == 0 {
            let roots: Vec<_> =
                request.roots.iter().map(|root| root.display().to_string()).collect();
            let message = format!("no Codex logs in {}", roots.join(", "));
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
            // Nothing new is no reason not to notice that something old is gone.
            match check_whole(self.dir()) {
                Ok(_) | Err(LedgerError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            self.put_rules_in_force(listener)?;
            let head = self.head_now()?;
            if head.is_some() && !options.no_views {
                self.views_if_behind(listener)?;
            }
            let mut report = plan.into_report();
            let size = head.as_ref().map_or(0, |head| head.size);
            report.entries = (size, size);
            return Ok(Appended { report, head, malformed: Some(0) });
        }
        let mut ledger = self.open()?;
        self.append_planned(&mut ledger, plan, &request, options, listener)
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
        let (prelude, mut controls) = self.prelude()?;
        let request = &Request { prelude, ..request.clone() };
        let mut report = plan.run(ledger, request, &mut |bytes| {
            done += bytes;
            listener(Progress::Reading(done, total));
        })?;
        let (from, to) = report.entries;
        controls.note(self.dir(), from, to, request.prelude.len() as u64)?;
        controls.save(&self.setup.world, &LedgerPaths { dir: self.dir().into() })?;
        let head = HeadSummary::of(ledger.head());
        let mut malformed = None;
        if !options.no_views {
            self.update_views(listener)?;
            self.tag_by_rules(ledger, report.entries, listener)?;
            let (from, to) = report.entries;
            let problems = self.problems_between(from, to)?;
            malformed = Some(problems.len() as u64);
            report.problems.extend(problems);
        }
        Ok(Appended { report, head: Some(head), malformed })
    }

    fn problems_between(&self, from: u64, to: u64) -> Result<Vec<SourceProblem>> {
        if from == to {
            return Ok(Vec::new());
        }
        let db = self.views_for_reading()?;
        let found = query::problems_between(&db, from, to).map_err(db::at(self.views_path()))?;
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

    /// The newest sessions; `limit` 0 means all.
    ///
    /// # Errors
    /// When there are no views.
    pub fn sessions(&self, limit: usize) -> Result<Vec<SessionRow>> {
        let db = self.views_for_reading()?;
        Ok(query::sessions(&db, limit).map_err(db::at(self.views_path()))?)
    }

    /// One session in full, by the beginning of its id; the newest one for an empty text.
    ///
    /// # Errors
    /// When none or several sessions begin so.
    pub fn session(&self, prefix: &str) -> Result<SessionDetail> {
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, prefix)?;
        Ok(query::session_detail(&db, session).map_err(db::at(self.views_path()))?)
    }

    /// Verifies everything; `views` says whether to compare the views with a rebuild too. Writes nothing.
    ///
    /// # Errors
    /// When there is no ledger; damage is a finding.
    pub fn audit(&self, views: bool, listener: Listener<'_>) -> Result<Audit> {
        let total = read_head(self.dir()).map_or(0, |slots| slots.head.size());
        let mut progress = |n| listener(Progress::Verifying(n, total));
        Ok(audit::audit(self.dir(), views.then_some(&self.views), &mut progress)?)
    }

    /// Token totals and what they would have cost, with a price table over the one in the program.
    ///
    /// # Errors
    /// When there are no views.
    pub fn tokens(
        &self,
        by: TokenBy,
        zone: &Zone,
        prices: &PriceTable,
        what_if: &WhatIf,
    ) -> Result<TokenReport> {
        let db = self.views_for_reading()?;
        Ok(query::tokens(&db, by, zone, prices, what_if).map_err(db::at(self.views_path()))?)
    }

    /// Every usage record of a session, with the reason why it counts or not.
    ///
    /// # Errors
    /// When none or several sessions begin so.
    pub fn explain_tokens(&self, prefix: &str) -> Result<(SessionRow, Vec<ExplainRow>)> {
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, prefix)?;
        let rows = query::explain(&db, session.stream).map_err(db::at(self.views_path()))?;
        Ok((session, rows))
    }

    /// Roots that exist and roots that do not.
    pub fn roots(&self) -> Vec<Root<'_>> {
        let of = |path| Root { path, exists: path.exists() };
        self.setup.roots.iter().map(PathBuf::as_path).map(of).collect()
    }
}

//! Erasure: what goes, told first; then bodies, salts and everything that is derived of them, for good.

mod holds;
mod plan;
mod sought;

pub use self::holds::Hold;
use super::progress::{Listener, Progress};
use super::redact::usage;
use super::setup::App;
use crate::error::{AppError, Result};
use crate::hint::{ErasureHint, Hint};
use codex_ledger_append::{AppendReport, ErasedThreads, SourceProblem};
use codex_ledger_entry::{Erasure, Kind, Seq, SeqRange};
use codex_ledger_ledger::{Controls, Ledger, LedgerPaths, LedgerReader, read_head};
use codex_ledger_projections::{Sought, Why, holds_text, prompt_texts, returned};
use std::path::PathBuf;

/// What wrote an entry.
const SOFTWARE: &str = concat!("codex-ledger ", env!("CARGO_PKG_VERSION"));
/// Runs and threads that one erasure names at most: its entries stay small enough to lie in their packs.
const RUNS_MAX: usize = 5_000;
const THREADS_MAX: usize = 1_500;
/// A shorter text says too little to be found in a reason by more than chance.
const SAID_MIN_CHARS: usize = 6;
const DAY_MS: i64 = 86_400_000;

/// What somebody wants to erase, as said at a door.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EraseRequest {
    /// A session by the beginning of its id.
    pub session: Option<String>,
    /// `SESSION#N`.
    pub prompt: Option<String>,
    /// An entry by its seq.
    pub entry: Option<Seq>,
    /// A text.
    pub literal: Option<String>,
    /// Whether the text is erased in its own case only.
    pub exact_case: bool,
    /// What the configuration says is not kept any longer.
    pub retention: bool,
}

/// What an erasure takes.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ErasurePlan {
    /// Entries whose bodies go.
    pub entries: u64,
    /// Bytes of these bodies.
    pub bytes: u64,
    /// Of which sources, and how much of each.
    pub sources: Vec<ErasedSource>,
    /// Tags, notes and dispositions.
    pub reviews: u64,
    /// Redactions, revocations and rule sets that are void then.
    pub void: Vec<Seq>,
    /// Redactions in force whose place goes: what says the same elsewhere is not hidden by them any more.
    pub without_place: Vec<Seq>,
    /// The rule set in force, where it holds the text: it stays.
    pub stays_in_rules: Option<Seq>,
    /// Other entries: of the audit trail.
    pub trail: Vec<Seq>,
    /// Entries of the audit trail that name the session and stay.
    pub stays_named_in: Vec<Seq>,
    /// Entries that are too long to be looked through.
    pub unsearched: Vec<Seq>,
    /// Entries that a retention would take, and a hold keeps.
    pub held: Vec<Seq>,
    /// Sessions that go as a whole, and so do not come back.
    pub whole_sessions: u64,
    /// Files outside of the ledger in which it may still stand.
    pub files: Vec<PathBuf>,
    #[serde(skip)]
    erasure: Erasure,
}

/// How much goes of a source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ErasedSource {
    /// rollout, history, index or file.
    pub kind: &'static str,
    /// Id of its thread, where it is a session's.
    pub thread: Option<String>,
    /// Why.
    pub why: Why,
    /// Entries that go.
    pub entries: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// What was erased.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Erased {
    /// What went.
    #[serde(flatten)]
    pub plan: ErasurePlan,
    /// The entries that say who, why and what.
    pub intents: Vec<Seq>,
    /// The entries that say that it is done.
    pub done: Vec<Seq>,
    /// How often this ledger was written anew.
    pub generation: u64,
}

impl App {
    /// Says what an erasure would take; changes nothing.
    ///
    /// # Errors
    /// When the target does not exist, cannot be erased, or is held.
    pub fn plan_erasure(&self, request: &EraseRequest) -> Result<ErasurePlan> {
        self.plan_of(&self.sought(request)?)
    }

    /// Erases: bodies and salts, and everything that is derived of them. What is done is done even where this is stopped: the
    /// next command that writes goes on.
    ///
    /// # Errors
    /// As [`App::plan_erasure`], when there is no reason, or it says what is to be erased, and when something cannot be written.
    pub fn erase(
        &self,
        request: &EraseRequest,
        reason: &str,
        listener: Listener<'_>,
    ) -> Result<Erased> {
        let reason = self.reason(reason)?;
        read_head(self.dir())?;
        let sought = self.sought(request)?;
        self.check_reason(&sought, &reason)?;
        let mut ledger = self.open()?;
        let plan = self.plan_of(&sought)?;
        let mut erased = Erased { intents: Vec::new(), done: Vec::new(), generation: 0, plan };
        for erasure in parts(&erased.plan.erasure) {
            let body = erasure.intent(SOFTWARE, &self.setup.actor, &reason);
            let intent = ledger.begin_erasure(&erasure, &body)?;
            listener(Progress::Recorded(intent));
            erased.intents.push(intent);
            erased.done.extend(self.finish_erasure(&mut ledger, listener)?);
        }
        erased.generation = ledger.head().generation;
        Ok(erased)
    }

    /// Goes on with an erasure that was stopped; gives the entry that says that it is done, where there was one.
    pub(super) fn finish_erasure(
        &self,
        ledger: &mut Ledger,
        listener: Listener<'_>,
    ) -> Result<Option<Seq>> {
        let Some(intent) = ledger.head().erasing else { return Ok(None) };
        let unfinished = |error: AppError| {
            let message = format!(
                "entry {intent} erases something, and that could not be finished; the next command that writes goes on: {}",
                error.message
            );
            AppError { message, ..error }
        };
        ledger.erase_bodies().map_err(|error| unfinished(error.into()))?;
        self.remove_views_of_old().map_err(unfinished)?;
        if self.views.paths.current().is_some() && self.update_views(listener).is_err() {
            // Whatever they are, they show what is gone.
            self.views.remove().map_err(|error| unfinished(error.into()))?;
        }
        let done = ledger.end_erasure().map_err(|error| unfinished(error.into()))?;
        let mut reader = LedgerReader::open(self.dir())?;
        let paths = LedgerPaths { dir: self.dir().into() };
        Controls::load(&mut reader)?.save(&self.setup.world, &paths)?;
        if self.views.paths.current().is_some() {
            self.update_views(listener)?;
        }
        Ok(Some(done.entries.from))
    }

    /// Erases what has just come of threads that were erased: lines of a history or an index that was rewritten. Of a file that
    /// goes on from such a thread, nobody can tell which lines are copies: that is said.
    pub(super) fn erase_again(
        &self,
        ledger: &mut Ledger,
        new: SeqRange,
        erased: &ErasedThreads,
        report: &mut AppendReport,
        listener: Listener<'_>,
    ) -> Result<()> {
        if erased.is_empty() || new.is_empty() {
            return Ok(());
        }
        let by = |bytes: &[u8]| erased.named_in(bytes);
        let found = returned(&mut LedgerReader::open(self.dir())?, new, &by)?;
        for (path, by) in found.files {
            let reason =
                format!("it names a session that entry {by} has erased, and may hold a copy of it");
            report.problems.push(SourceProblem { path, line: None, offset: None, reason });
        }
        let Some(by) = found.by else { return Ok(()) };
        let entries = self.not_held(found.side_lines)?;
        report.lines_erased = entries.len();
        let whole = Erasure { entries, threads: Vec::new() };
        for erasure in parts(&whole) {
            let reason = format!("of a session that entry {by} has erased");
            let body = erasure.intent(SOFTWARE, &self.setup.actor, &reason);
            ledger.begin_erasure(&erasure, &body)?;
            self.finish_erasure(ledger, listener)?;
        }
        Ok(())
    }

    /// Threads whose files are not read again.
    pub(super) fn erased_threads(&self) -> Result<ErasedThreads> {
        let has_erased = read_head(self.dir()).is_ok_and(|slots| slots.head.generation > 0);
        if !has_erased {
            return Ok(ErasedThreads::default());
        }
        Ok(ErasedThreads::of(&Controls::load(&mut LedgerReader::open(self.dir())?)?))
    }

    /// The reason stays in the ledger: it must not say what goes.
    fn check_reason(&self, sought: &Sought, reason: &str) -> Result<()> {
        let said = match sought {
            Sought::Entry(_) => Vec::new(),
            Sought::Thread(ids) | Sought::Expired { ids, .. } => ids.clone(),
            Sought::Prompt { seq, part, .. } => {
                prompt_texts(&mut LedgerReader::open(self.dir())?, *seq, *part)?
            }
            Sought::Literal { text, .. } => vec![text.clone()],
        };
        let least = if matches!(sought, Sought::Literal { .. }) { 1 } else { SAID_MIN_CHARS };
        let reason = reason.to_lowercase();
        let actor = self.setup.actor.to_lowercase();
        if let Sought::Literal { text, ignore_case } = sought
            && [&reason, &actor].iter().any(|said| holds_text(said, text, *ignore_case))
        {
            return Err(says_it());
        }
        let says = |text: &String| {
            let text = text.trim().to_lowercase();
            let is_long = text.chars().count() >= least;
            is_long && (reason.contains(&text) || actor.contains(&text))
        };
        if said.iter().any(says) { Err(says_it()) } else { Ok(()) }
    }
}

fn says_it() -> AppError {
    let message = "the reason, or the actor, says what is to be erased, and both stay";
    usage(message, Hint::Erasure(ErasureHint::OtherReason))
}

/// The entry that says who erased another one and why, else the one that says that it is done.
pub(super) fn erased_by(controls: &Controls, seq: Seq) -> Option<Seq> {
    let acts = controls.entries.iter();
    acts.filter(|entry| matches!(entry.kind, Kind::EraseIntent | Kind::EraseDone))
        .find(|entry| {
            let erasure = Erasure::decode(entry.seq, &entry.body);
            erasure.is_some_and(|erasure| erasure.entries.contains(seq))
        })
        .map(|entry| entry.seq)
}

/// An erasure in parts whose entries are small.
fn parts(whole: &Erasure) -> Vec<Erasure> {
    let runs: Vec<_> = whole.entries.runs().collect();
    let threads: Vec<_> = whole.threads.chunks(THREADS_MAX).map(<[_]>::to_vec).collect();
    let sets = runs.chunks(RUNS_MAX).map(|runs| runs.iter().copied().collect());
    let mut parts: Vec<Erasure> =
        sets.map(|entries| Erasure { entries, threads: Vec::new() }).collect();
    // Threads stand beside entries: there are never more of them.
    for (part, threads) in parts.iter_mut().zip(threads) {
        part.threads = threads;
    }
    parts
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

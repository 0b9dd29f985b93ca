//! What an append has to read, found out without opening the log; and the loop over it.

use super::erased::ErasedThreads;
use super::run::{Outcome, Run};
use crate::source::{Discovery, SourceFile, discover, has_line_feed_from};
use codex_ledger_entry::{Container, EntryId, Kind, Seq, SeqRange};
use codex_ledger_ledger::side::{self, Bound};
use codex_ledger_ledger::{
    Appended, Ledger, LedgerError, LedgerPaths, SeenFile, SeenFiles, SourceProblem, Tails, World,
    read_head,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A torn last line is taken as it is once its file has been still for this long.
const STILL_NANOS: u64 = 3_600 * 1_000_000_000;

/// What to append and on whose behalf.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Homes, folders or files.
    pub roots: Vec<PathBuf>,
    /// Who asks; recorded with the append.
    pub actor: String,
    /// Read at most this many files.
    pub limit: Option<usize>,
    /// Entries that come before everything that is read.
    pub prelude: Vec<(Kind, Vec<u8>)>,
    /// Threads that are not read again.
    pub erased: ErasedThreads,
}

/// Counts of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Sources that were found.
    pub seen: u64,
    /// Sources that were read.
    pub read: u64,
    /// Sources whose size and time are as they were.
    pub unchanged: u64,
    /// Sources that could not be read.
    pub failed: u64,
    /// Sources of threads that were erased, which are not read.
    pub erased: u64,
    /// Where no source is left: those that were read below the same roots before.
    pub gone: u64,
}

/// Counts of bytes; `seen = appended + already + pending + skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCounts {
    /// Bytes of all sources, decompressed.
    pub seen: u64,
    /// New in the ledger.
    pub appended: u64,
    /// In the ledger before.
    pub already: u64,
    /// Behind the last line feed of a file that may still grow.
    pub pending: u64,
    /// Not read: the file could not be read, or the limit was reached.
    pub skipped: u64,
}

/// A source that is not read, since its thread was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedFile {
    /// The file.
    pub path: String,
    /// The entry that says so.
    pub by: Seq,
}

/// What an append did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendReport {
    /// Files.
    pub files: FileCounts,
    /// Bytes.
    pub bytes: ByteCounts,
    /// Lines that became entries.
    pub lines_appended: u64,
    /// Blank lines among them.
    pub lines_blank: u64,
    /// Lines among them that were erased at once, since their sessions were.
    pub lines_erased: u64,
    /// The new entries.
    pub entries: SeqRange,
    /// Sources of threads that were erased.
    pub erased: Vec<ErasedFile>,
    /// What the user should know.
    pub problems: Vec<SourceProblem>,
    /// Paths of the problems with files that were not read, or not to their end.
    pub unread: BTreeSet<String>,
}

impl AppendReport {
    /// Notes a source of a thread that was erased.
    pub(super) fn leave_out(&mut self, file: &SourceFile, by: Seq) {
        self.files.erased += 1;
        self.erased.push(ErasedFile { path: key(&file.path), by });
    }
}

/// A plan of what an append would have to read.
pub struct Plan {
    seen: SeenFiles,
    changed: Vec<SourceFile>,
    report: AppendReport,
}

impl Plan {
    /// Compares the sources with what was seen of them; opens no log.
    pub fn make(dir: &Path, request: &Request, now: u64) -> Plan {
        let Discovery { files, problems } = discover(&request.roots);
        let paths = LedgerPaths { dir: dir.to_path_buf() };
        let seen = seen_files(dir, &paths).unwrap_or_default();
        let mut plan = Plan { seen, changed: Vec::new(), report: AppendReport::default() };
        plan.report.problems = problems
            .into_iter()
            .map(|p| SourceProblem {
                path: p.path.to_string_lossy().into_owned(),
                line: None,
                offset: None,
                reason: p.reason,
            })
            .collect();
        plan.report.unread = plan.report.problems.iter().map(|of| of.path.clone()).collect();
        plan.report.files.failed = plan.report.problems.len() as u64;
        if files.is_empty() {
            let known = plan.seen.files.keys().map(Path::new);
            let is_below = |path: &&Path| request.roots.iter().any(|root| path.starts_with(root));
            plan.report.files.gone = known.filter(is_below).count() as u64;
        }
        for file in files {
            plan.consider(file, request, now);
        }
        plan
    }

    fn consider(&mut self, file: SourceFile, request: &Request, now: u64) {
        self.report.files.seen += 1;
        if let Some(by) = request.erased.by_name(&file.name) {
            self.report.leave_out(&file, by);
        } else if let Some(seen) = self.seen.files.get(&key(&file.path))
            && (seen.len, seen.modified, seen.inode) == (file.len, file.modified, file.inode)
            && !(seen.pending > 0 && is_still(&file, now))
            && is_accounted_for(&file, seen)
        {
            self.report.files.unchanged += 1;
            self.report.bytes.seen += seen.already + seen.pending;
            self.report.bytes.already += seen.already;
            self.report.bytes.pending += seen.pending;
            self.report.problems.extend(seen.problem.clone());
        } else if request.limit.is_some_and(|limit| self.changed.len() >= limit) {
            self.report.bytes.seen += file.len;
            self.report.bytes.skipped += file.len;
        } else {
            self.changed.push(file);
        }
    }

    /// Whether no file needs to be read, so that the log need not be opened.
    pub fn is_done(&self) -> bool {
        self.changed.is_empty()
    }

    /// Files that have to be read, and their size on disk in bytes.
    pub fn to_read(&self) -> (u64, u64) {
        (self.changed.len() as u64, self.changed.iter().map(|file| file.len).sum())
    }

    /// What is known before anything is read.
    pub fn report(&self) -> &AppendReport {
        &self.report
    }

    /// The report of a plan that needs nothing.
    pub fn into_report(self) -> AppendReport {
        self.report
    }

    /// Reads the changed files and appends what is new.
    ///
    /// # Errors
    /// When the ledger cannot be written; a source that cannot be read is a problem, not an error.
    pub fn run(
        mut self,
        ledger: &mut Ledger,
        request: &Request,
        progress: &mut dyn FnMut(u64),
    ) -> Result<AppendReport, LedgerError> {
        let world = ledger.world().clone();
        let paths = LedgerPaths { dir: ledger.dir().to_path_buf() };
        let from = ledger.head().end();
        let mut files = std::mem::take(&mut self.changed);
        let mut prelude = &request.prelude[..];
        // A shorter twin of a file of the same round waits for the next one, when the ledger can tell.
        while !files.is_empty() {
            files = self.round(ledger, &paths, request, (prelude, &files), progress)?;
            prelude = &[];
        }
        self.report.entries = SeqRange::new(from, ledger.head().end());
        side::save(&world, &paths.sources(), &self.seen)?;
        let bytes = &self.report.bytes;
        assert_eq!(
            bytes.seen,
            bytes.appended + bytes.already + bytes.pending + bytes.skipped,
            "every byte that was seen is accounted for"
        );
        Ok(self.report)
    }

    /// Reads files and acknowledges what is new; returns the files that have to wait.
    fn round(
        &mut self,
        ledger: &mut Ledger,
        paths: &LedgerPaths,
        request: &Request,
        (prelude, files): (&[(Kind, Vec<u8>)], &[SourceFile]),
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<SourceFile>, LedgerError> {
        let world = ledger.world().clone();
        let head = ledger.head();
        let tails = Tails::load(paths, head)?;
        let now = world.clock.now();
        let mut appender = ledger.appender()?;
        for (kind, body) in prelude {
            appender.append_small(*kind, body)?;
        }
        let mut run = Run::new(&paths.dir, appender, tails, &mut self.report, request, now);
        let mut later = Vec::new();
        for file in files {
            match run.file(file)? {
                Outcome::Read { already, pending, stream, problem } => {
                    let (len, modified, inode) = (file.len, file.modified, file.inode);
                    let seen = SeenFile { len, modified, inode, already, pending, stream, problem };
                    self.seen.files.insert(key(&file.path), seen);
                }
                Outcome::Failed | Outcome::Erased => {
                    self.seen.files.remove(&key(&file.path));
                }
                Outcome::Later => {
                    later.push(file.clone());
                    continue;
                }
            }
            progress(file.len);
        }
        let (appender, mut tails) = run.into_parts();
        let Appended { unsettled, .. } = appender.finish()?;
        if let Some(reason) = unsettled {
            let path = key(&paths.store());
            let reason =
                format!("the entries are safe in the journal, but not yet in the log: {reason}");
            self.report.problems.push(SourceProblem { path, line: None, offset: None, reason });
        }
        tails.bound = Bound::of(ledger.head());
        self.seen.bound = tails.bound;
        tails.save(&world, paths)?;
        Ok(later)
    }
}

/// Takes what is known of the sources over to a head that only entries of no source have moved on to.
///
/// # Errors
/// When a side record cannot be written.
pub fn note_head(
    world: &World,
    paths: &LedgerPaths,
    (old_end, old_head): (Seq, EntryId),
    (end, head): (Seq, EntryId),
) -> Result<(), LedgerError> {
    let moved = |bound: &mut Bound| {
        let is_old = (bound.end, bound.last) == (old_end, old_head.0);
        if is_old {
            (bound.end, bound.last) = (end, head.0);
        }
        is_old
    };
    if let Some(mut tails) = side::load::<Tails>(&paths.tails())
        && moved(&mut tails.bound)
    {
        tails.save(world, paths)?;
    }
    if let Some(mut seen) = side::load::<SeenFiles>(&paths.sources())
        && moved(&mut seen.bound)
    {
        side::save(world, &paths.sources(), &seen)?;
    }
    Ok(())
}

/// What is noted of the files, as far as the ledger has it.
fn seen_files(dir: &Path, paths: &LedgerPaths) -> Option<SeenFiles> {
    let bound = Bound::of(&read_head(dir).ok()?.head);
    let seen = side::load::<SeenFiles>(&paths.sources()).filter(|seen| seen.bound == bound)?;
    let tails = side::load::<Tails>(&paths.tails())?;
    Some(seen.known_to(&tails))
}

/// Whether every byte of an unchanged file is accounted for; in doubt the file is read.
fn is_accounted_for(file: &SourceFile, seen: &SeenFile) -> bool {
    let Some(all) = seen.already.checked_add(seen.pending) else { return false };
    let is_whole = file.container == Container::Zstd || all == file.len;
    let has_line = || has_line_feed_from(&file.path, file.container, seen.already).unwrap_or(true);
    is_whole && (seen.pending == 0 || !has_line())
}

pub(super) fn key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(super) fn is_still(file: &SourceFile, now: u64) -> bool {
    now.saturating_sub(file.modified) >= STILL_NANOS
}

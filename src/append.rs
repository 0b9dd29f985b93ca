//! Floor 2: source -> ledger. Adds every new byte, and nothing twice.
//!
//! A stream is recognised by its name and by a hash of all the bytes that the ledger already has of it,
//! so a moved, compressed or doubled file adds nothing, a grown one adds its new lines, and a rewritten
//! one opens a new generation.

use crate::entry::{Container, FieldsBuilder, Kind, StreamDescriptor, stream_hasher};
use crate::ledger::side::{self, SideRecord};
use crate::ledger::{
    Appended, Appender, BLOCK_BYTES, Ledger, LedgerError, LedgerPaths, LedgerReader, Tail, Tails,
    read_head,
};
pub use crate::source::Watch;
use crate::source::{Discovery, NextLine, SourceFile, SourceReader, discover, has_line_feed_from};
use bincode::{Decode, Encode};
use std::collections::HashMap;
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

/// Something to tell the user about a source.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SourceProblem {
    /// The file.
    pub path: String,
    /// 0-based line, where it concerns one.
    pub line: Option<u64>,
    /// Byte offset, where it concerns one.
    pub offset: Option<u64>,
    /// What is the matter.
    pub reason: String,
}

/// What an append did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files.
    pub files: FileCounts,
    /// Bytes.
    pub bytes: ByteCounts,
    /// Lines that became entries.
    pub lines_appended: u64,
    /// Blank lines among them.
    pub lines_blank: u64,
    /// First new seq and one past the last; equal when nothing was new.
    pub entries: (u64, u64),
    /// What the user should know.
    pub problems: Vec<SourceProblem>,
}

/// Size and time of a file when it was last read, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Seen {
    len: u64,
    modified: u64,
    inode: u64,
    already: u64,
    pending: u64,
    problem: Option<SourceProblem>,
}

/// All files as they were when they were last read; true only at one head of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct SeenFiles {
    size: u64,
    head: [u8; 32],
    files: HashMap<String, Seen>,
}

impl SideRecord for SeenFiles {
    const SCHEMA: u32 = 201;
}

/// A plan of what an append would have to read.
pub struct Plan {
    seen: SeenFiles,
    changed: Vec<SourceFile>,
    report: Report,
}

impl Plan {
    /// Compares the sources with what was seen of them; opens no log.
    pub fn make(dir: &Path, request: &Request, now: u64) -> Plan {
        let Discovery { files, problems } = discover(&request.roots);
        let paths = LedgerPaths { dir: dir.to_path_buf() };
        let mut seen: SeenFiles = side::load(&paths.sources()).unwrap_or_default();
        let head = read_head(dir).ok().map(|slots| (slots.head.size(), slots.head.chain.id.0));
        if head != Some((seen.size, seen.head)) {
            seen = SeenFiles::default();
        }
        let mut plan = Plan { seen, changed: Vec::new(), report: Report::default() };
        plan.report.problems = problems
            .into_iter()
            .map(|p| SourceProblem {
                path: p.path.to_string_lossy().into_owned(),
                line: None,
                offset: None,
                reason: p.reason,
            })
            .collect();
        plan.report.files.failed = plan.report.problems.len() as u64;
        for file in files {
            plan.consider(file, request, now);
        }
        plan
    }

    fn consider(&mut self, file: SourceFile, request: &Request, now: u64) {
        self.report.files.seen += 1;
        if let Some(seen) = self.seen.files.get(&key(&file.path))
            && (seen.len, seen.modified, seen.inode) == (file.len, file.modified, file.inode)
            && !(seen.pending > 0 && is_still(&file, now))
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
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The report of a plan that needs nothing.
    pub fn into_report(self) -> Report {
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
    ) -> Result<Report, LedgerError> {
        let world = ledger.world().clone();
        let paths = LedgerPaths { dir: ledger.dir().to_path_buf() };
        let head = ledger.head();
        let tails = Tails::load(&paths, head.size(), head.chain.id)?;
        let now = world.clock.now();
        let mut run = Run {
            dir: paths.dir.clone(),
            appender: ledger.appender()?,
            tails,
            report: self.report,
            actor: &request.actor,
            announced: false,
            now,
        };
        for file in &self.changed {
            run.file(file, &mut self.seen)?;
            progress(file.len);
        }
        let Run { appender, mut tails, mut report, .. } = run;
        let Appended { from, to } = appender.finish()?;
        report.entries = (from, to);
        let head = ledger.head();
        (tails.size, tails.head) = (head.size(), head.chain.id.0);
        (self.seen.size, self.seen.head) = (tails.size, tails.head);
        tails.save(&world, &paths)?;
        side::save(&world, &paths.sources(), &self.seen)?;
        let bytes = &report.bytes;
        assert_eq!(
            bytes.seen,
            bytes.appended + bytes.already + bytes.pending + bytes.skipped,
            "every byte that was seen is accounted for"
        );
        Ok(report)
    }
}

fn key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn is_still(file: &SourceFile, now: u64) -> bool {
    now.saturating_sub(file.modified) >= STILL_NANOS
}

/// A failure of one source; the others go on.
enum FileError {
    Source(std::io::Error),
    Ledger(LedgerError),
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        FileError::Source(error)
    }
}

impl From<LedgerError> for FileError {
    fn from(error: LedgerError) -> Self {
        FileError::Ledger(error)
    }
}

/// Where reading of a file begins.
enum Start {
    /// Behind the known bytes of this generation; the hasher has seen them.
    Known { index: usize, hasher: blake3::Hasher },
    /// Everything is new: the first or another generation.
    New { generation: u32 },
    /// The file is a beginning of what is known.
    Cut { len: u64 },
}

struct Run<'a, 'l> {
    dir: PathBuf,
    appender: Appender<'l>,
    tails: Tails,
    report: Report,
    actor: &'a str,
    announced: bool,
    now: u64,
}

impl Run<'_, '_> {
    fn file(&mut self, file: &SourceFile, seen: &mut SeenFiles) -> Result<(), LedgerError> {
        let before = self.report.bytes;
        match self.read(file) {
            Ok(problem) => {
                self.report.files.read += 1;
                let after = &self.report.bytes;
                let already =
                    after.already + after.appended - before.already - before.appended;
                let state = Seen {
                    len: file.len,
                    modified: file.modified,
                    inode: file.inode,
                    already,
                    pending: after.pending - before.pending,
                    problem: problem.clone(),
                };
                seen.files.insert(key(&file.path), state);
                self.report.problems.extend(problem);
                Ok(())
            }
            Err(FileError::Source(error)) => {
                let done = self.report.bytes.appended - before.appended;
                self.report.files.failed += 1;
                self.report.bytes = ByteCounts {
                    seen: before.seen + file.len.max(done),
                    appended: before.appended + done,
                    skipped: before.skipped + file.len.saturating_sub(done),
                    ..before
                };
                seen.files.remove(&key(&file.path));
                self.report.problems.push(problem_of(file, error.to_string()));
                Ok(())
            }
            Err(FileError::Ledger(error)) => Err(error),
        }
    }

    /// Reads one source; returns what the user should know about it.
    fn read(&mut self, file: &SourceFile) -> Result<Option<SourceProblem>, FileError> {
        let (start, mut reader) = self.find_start(file)?;
        let (tail, hasher, generation, problem) = match start {
            Start::Cut { len } => {
                self.report.bytes.seen += len;
                self.report.bytes.already += len;
                let reason = "the file was cut to a beginning of what the ledger has; nothing is lost";
                return Ok(Some(problem_of(file, reason)));
            }
            Start::Known { index, hasher } => {
                let tail = self.tails.streams[&file.name.to_string()][index].clone();
                self.report.bytes.seen += tail.bytes;
                self.report.bytes.already += tail.bytes;
                (Some(tail), hasher, 0, None)
            }
            Start::New { generation: 0 } => (None, stream_hasher(), 0, None),
            Start::New { generation } => {
                let reason = format!(
                    "the file was rewritten: generation {generation} begins, the older stays in the ledger"
                );
                (None, stream_hasher(), generation, Some(problem_of(file, reason)))
            }
        };
        let mut stream = OpenStream { file, tail, hasher, generation };
        match file.container {
            Container::Document => self.document(&mut stream, &mut reader)?,
            _ => self.lines(&mut stream, &mut reader)?,
        }
        self.keep_tail(stream);
        Ok(problem)
    }

    fn keep_tail(&mut self, stream: OpenStream<'_>) {
        let Some(mut tail) = stream.tail else { return };
        tail.prefix_hash = *stream.hasher.finalize().as_bytes();
        let generations = self.tails.streams.entry(stream.file.name.to_string()).or_default();
        match generations.iter_mut().find(|known| known.stream == tail.stream) {
            Some(known) => *known = tail,
            None => generations.push(tail),
        }
    }

    /// Compares the file's beginning with every generation that is known of its stream.
    fn find_start(&mut self, file: &SourceFile) -> Result<(Start, SourceReader), FileError> {
        let mut reader = SourceReader::open(&file.path, file.container)?;
        let Some(known) = self.tails.streams.get(&file.name.to_string()) else {
            return Ok((Start::New { generation: 0 }, reader));
        };
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.sort_by_key(|index| known[*index].bytes);
        let mut hasher = stream_hasher();
        let mut found = None;
        for index in order {
            let tail = &known[index];
            let want = tail.bytes - reader.offset();
            let got = reader.skip(want, |bytes| {
                hasher.update(bytes);
            })?;
            if got < want {
                break;
            }
            if hasher.finalize().as_bytes() == &tail.prefix_hash && tail.bytes > 0 {
                found = Some((index, hasher.clone(), tail.bytes));
            }
        }
        let whole_document = |bytes: u64| file.container != Container::Document || bytes == file.len;
        if let Some((index, hasher, bytes)) = found.filter(|(_, _, bytes)| whole_document(*bytes)) {
            if reader.offset() != bytes {
                reader = SourceReader::open(&file.path, file.container)?;
                reader.skip(bytes, |_| ())?;
            }
            return Ok((Start::Known { index, hasher }, reader));
        }
        let generation = known.iter().map(|tail| tail.generation + 1).max().unwrap_or(0);
        if file.container != Container::Document
            && let Some(len) = self.cut_length(file)?
        {
            return Ok((Start::Cut { len }, reader));
        }
        let reader = SourceReader::open(&file.path, file.container)?;
        Ok((Start::New { generation }, reader))
    }

    /// The file's length when all of it is the beginning of a known generation.
    fn cut_length(&self, file: &SourceFile) -> Result<Option<u64>, FileError> {
        let mut hasher = stream_hasher();
        let mut reader = SourceReader::open(&file.path, file.container)?;
        let len = reader.skip(u64::MAX, |bytes| {
            hasher.update(bytes);
        })?;
        let hash = *hasher.finalize().as_bytes();
        let known = self.tails.streams.get(&file.name.to_string());
        for tail in known.into_iter().flatten().filter(|tail| tail.bytes > len) {
            // Entries of this very append are not readable yet; a twin that was cut is rare enough to wait.
            if prefix_hash(&self.dir, tail.stream, len)? == Some(hash) {
                return Ok(Some(len));
            }
        }
        Ok(None)
    }

    fn document(&mut self, stream: &mut OpenStream<'_>, reader: &mut SourceReader) -> Result<(), FileError> {
        if stream.tail.is_some() {
            return Ok(());
        }
        let seq = self.open_stream(stream)?;
        let mut body = self.appender.large_body()?;
        let mut small = Vec::new();
        let mut len = 0u64;
        let is_small = stream.file.len <= BLOCK_BYTES as u64;
        let mut failed = Ok(());
        // A document that grew since it was listed is read whole the next time.
        reader.skip(stream.file.len, |bytes| {
            stream.hasher.update(bytes);
            len += bytes.len() as u64;
            if is_small {
                small.extend_from_slice(bytes);
            } else if failed.is_ok() {
                failed = body.push(&mut self.appender, bytes);
            }
        })?;
        failed?;
        if is_small {
            self.appender.append(Kind::Document, Some(seq), 0, 0, false, &small)?;
        } else {
            self.appender.append_large(Kind::Document, seq, 0, 0, false, body)?;
        }
        stream.advance(len, false);
        self.report.bytes.seen += len;
        self.report.bytes.appended += len;
        self.report.lines_appended += 1;
        Ok(())
    }

    fn lines(&mut self, stream: &mut OpenStream<'_>, reader: &mut SourceReader) -> Result<(), FileError> {
        loop {
            let offset = reader.offset();
            match reader.next_line(BLOCK_BYTES)? {
                NextLine::End => return Ok(()),
                NextLine::Line(bytes) => {
                    self.line(stream, offset, bytes, true)?;
                }
                NextLine::Tail(bytes) => {
                    if is_still(stream.file, self.now) {
                        self.line(stream, offset, bytes, false)?;
                    } else {
                        self.report.bytes.seen += bytes.len() as u64;
                        self.report.bytes.pending += bytes.len() as u64;
                    }
                    return Ok(());
                }
                NextLine::Long => {
                    let file = stream.file;
                    let whole = has_line_feed_from(&file.path, file.container, offset)?;
                    if !whole && !is_still(file, self.now) {
                        let pending = reader.skip(u64::MAX, |_| ())?;
                        self.report.bytes.seen += pending;
                        self.report.bytes.pending += pending;
                        return Ok(());
                    }
                    self.long_line(stream, reader, offset)?;
                }
            }
        }
    }

    fn line(
        &mut self,
        stream: &mut OpenStream<'_>,
        offset: u64,
        bytes: &[u8],
        line_feed: bool,
    ) -> Result<(), FileError> {
        let seq = self.open_stream(stream)?;
        let line = stream.tail.as_ref().map_or(0, |tail| tail.line);
        self.appender.append(Kind::Line, Some(seq), line, offset, line_feed, bytes)?;
        stream.hasher.update(bytes);
        self.count_line(stream, bytes.len() as u64, line_feed);
        self.report.lines_blank += u64::from(bytes.trim_ascii().is_empty());
        Ok(())
    }

    fn long_line(
        &mut self,
        stream: &mut OpenStream<'_>,
        reader: &mut SourceReader,
        offset: u64,
    ) -> Result<(), FileError> {
        let seq = self.open_stream(stream)?;
        let line = stream.tail.as_ref().map_or(0, |tail| tail.line);
        let mut body = self.appender.large_body()?;
        let mut len = 0;
        let line_feed = loop {
            let (piece, line_feed) = reader.next_piece()?;
            stream.hasher.update(piece);
            len += piece.len() as u64;
            let ended = line_feed || piece.is_empty();
            body.push(&mut self.appender, piece)?;
            if ended {
                break line_feed;
            }
        };
        self.appender.append_large(Kind::Line, seq, line, offset, line_feed, body)?;
        self.count_line(stream, len, line_feed);
        Ok(())
    }

    fn count_line(&mut self, stream: &mut OpenStream<'_>, len: u64, line_feed: bool) {
        if line_feed {
            stream.hasher.update(b"\n");
        }
        stream.advance(len, line_feed);
        let bytes = len + u64::from(line_feed);
        self.report.bytes.seen += bytes;
        self.report.bytes.appended += bytes;
        self.report.lines_appended += 1;
    }

    /// The stream's number; opens the stream when this is its first line.
    fn open_stream(&mut self, stream: &mut OpenStream<'_>) -> Result<u64, FileError> {
        if let Some(tail) = &stream.tail {
            return Ok(tail.stream);
        }
        self.announce()?;
        let descriptor = StreamDescriptor {
            name: stream.file.name.clone(),
            generation: stream.generation,
            container: stream.file.container.name().to_string(),
            path: path_bytes(&stream.file.path),
        };
        let seq = self.appender.append_small(Kind::Stream, &descriptor.encode())?;
        stream.tail = Some(Tail {
            stream: seq,
            generation: stream.generation,
            line: 0,
            bytes: 0,
            prefix_hash: [0; 32],
        });
        Ok(seq)
    }

    /// Says once who appends, before the first new stream.
    fn announce(&mut self) -> Result<(), FileError> {
        if !self.announced {
            self.announced = true;
            let body =
                FieldsBuilder::default().add("verb", "append").add("actor", self.actor).finish();
            self.appender.append_small(Kind::Action, &body)?;
        }
        Ok(())
    }
}

/// A source while it is read.
struct OpenStream<'a> {
    file: &'a SourceFile,
    tail: Option<Tail>,
    hasher: blake3::Hasher,
    generation: u32,
}

impl OpenStream<'_> {
    fn advance(&mut self, len: u64, line_feed: bool) {
        if let Some(tail) = &mut self.tail {
            tail.bytes += len + u64::from(line_feed);
            tail.line += u64::from(line_feed);
        }
    }
}

fn problem_of(file: &SourceFile, reason: impl Into<String>) -> SourceProblem {
    SourceProblem { path: key(&file.path), line: None, offset: None, reason: reason.into() }
}

#[cfg(unix)]
fn path_bytes(path: &Path) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
}

#[cfg(not(unix))]
fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

/// Hash of the first `len` bytes of a stream, out of its entries.
fn prefix_hash(dir: &Path, stream: u64, len: u64) -> Result<Option<[u8; 32]>, LedgerError> {
    let mut reader = LedgerReader::open(dir)?;
    let mut hasher = stream_hasher();
    let mut next = stream;
    let mut at = 0;
    while let Some(pack) = reader.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in pack.entries.iter().filter(|e| e.stream == stream && e.seq != stream) {
            let mut add = |bytes: &[u8]| {
                let take = usize::try_from(len - at).unwrap_or(usize::MAX).min(bytes.len());
                hasher.update(&bytes[..take]);
                at += take as u64;
            };
            reader.each_piece(&pack, entry, &mut add)?;
            if entry.has_line_feed() {
                add(b"\n");
            }
            if at == len {
                return Ok(Some(*hasher.finalize().as_bytes()));
            }
        }
    }
    Ok(None)
}

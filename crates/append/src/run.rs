//! Reading one source into the ledger.

use super::copies::{as_original, ids_of_first_lines};
use super::plan::{AppendReport, ByteCounts, Request, is_still, key};
use super::start::{Start, find_start};
use crate::source::{NextLine, SourceFile, SourceReader, has_line_feed_from};
use codex_ledger_entry::{
    Container, FieldsBuilder, Kind, Seq, StreamDescriptor, StreamId, StreamName, stream_hasher,
};
use codex_ledger_ledger::{Appender, BLOCK_BYTES, LedgerError, Origin, SourceProblem, Tail, Tails};
use std::collections::HashSet;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Lines at the head of a file that say which thread it is of: its header may stand behind blank and broken ones.
const HEAD_LINES: usize = 8;

/// A failure of one source; the others go on.
pub(super) enum FileError {
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

/// What came of a file.
pub(super) enum Outcome {
    Read {
        already: u64,
        pending: u64,
        stream: Option<StreamId>,
        problem: Option<SourceProblem>,
    },
    Failed,
    /// It is a copy of a file of a thread that was erased.
    Erased,
    /// Only the next round can tell whether it is new.
    Later,
}

/// The stream that has what the ledger knows of a file, and what is to be said of the file as long as it
/// stays as it is.
type KnownFile = (Option<StreamId>, Option<SourceProblem>);

/// One round over the changed files.
pub(super) struct Run<'a, 'l> {
    dir: &'a Path,
    appender: Appender<'l>,
    tails: Tails,
    report: &'a mut AppendReport,
    request: &'a Request,
    announced: bool,
    now: u64,
    /// Streams that this round has added to; their entries cannot be read yet.
    touched: HashSet<StreamId>,
}

impl<'a, 'l> Run<'a, 'l> {
    pub(super) fn new(
        dir: &'a Path,
        appender: Appender<'l>,
        tails: Tails,
        report: &'a mut AppendReport,
        request: &'a Request,
        now: u64,
    ) -> Run<'a, 'l> {
        let touched = HashSet::new();
        Run { dir, appender, tails, report, request, announced: false, now, touched }
    }

    pub(super) fn into_parts(self) -> (Appender<'l>, Tails) {
        (self.appender, self.tails)
    }

    pub(super) fn file(&mut self, file: &SourceFile) -> Result<Outcome, LedgerError> {
        let before = self.report.bytes;
        // Where that cannot be told, reading it says what is the matter.
        if let Ok(Some(by)) = self.erased_by(file) {
            self.report.leave_out(file, by);
            return Ok(Outcome::Erased);
        }
        match self.read(file) {
            Ok(None) => Ok(Outcome::Later),
            Ok(Some((stream, problem))) => {
                self.report.files.read += 1;
                let after = &self.report.bytes;
                let already = after.already + after.appended - before.already - before.appended;
                let pending = after.pending - before.pending;
                Ok(Outcome::Read { already, pending, stream, problem })
            }
            Err(FileError::Source(error)) => {
                let done = self.report.bytes.appended - before.appended;
                let is_kept = done > 0 || self.report.bytes.already > before.already;
                let rest = if is_kept { "; the lines before that are kept" } else { "" };
                self.report.files.failed += 1;
                self.report.bytes = ByteCounts {
                    seen: before.seen + file.len.max(done),
                    appended: before.appended + done,
                    skipped: before.skipped + file.len.saturating_sub(done),
                    ..before
                };
                let problem = problem_of(file, format!("{error}{rest}"));
                self.report.unread.insert(problem.path.clone());
                self.report.problems.push(problem);
                Ok(Outcome::Failed)
            }
            Err(FileError::Ledger(error)) => Err(error),
        }
    }

    /// Whether a source may hold again what was erased of it. Lines of a history or an index that name a session which was erased
    /// are told by that.
    fn may_come_back(&self, file: &SourceFile, known: &[Tail]) -> bool {
        let is_side = matches!(file.name, StreamName::History(_) | StreamName::Index(_));
        let mut erased = known.iter().flat_map(|tail| &tail.erased);
        erased.any(|piece| !is_side || self.request.erased.is_single(piece.seq))
    }

    /// The entry that says that a thread was erased which a new file names in its first lines, whatever the file is called.
    /// One that names its own thread, too, is no copy but a fork.
    fn erased_by(&self, file: &SourceFile) -> Result<Option<Seq>, FileError> {
        let own = match &file.name {
            StreamName::File(_) => None,
            StreamName::Rollout { thread, .. } => Some(thread.to_ascii_lowercase()),
            _ => return Ok(None),
        };
        let is_known = self.tails.streams.contains_key(&file.name.to_string());
        if is_known || self.request.erased.is_empty() {
            return Ok(None);
        }
        let ids = ids_of_first_lines(file, HEAD_LINES)?;
        if own.is_some_and(|own| ids.contains(&own)) {
            return Ok(None);
        }
        Ok(ids.iter().find_map(|id| self.request.erased.by(id)))
    }

    /// Reads one source. `None`: it has to wait.
    fn read(&mut self, file: &SourceFile) -> Result<Option<KnownFile>, FileError> {
        let original = as_original(self.dir, file, &self.tails, &self.touched)?;
        let file = original.as_ref().unwrap_or(file);
        let before = self.report.bytes.appended;
        let known = self.tails.streams.get(&file.name.to_string()).map_or(&[][..], Vec::as_slice);
        let (start, mut reader) = find_start(self.dir, file, known, &self.touched)?;
        let mut stream = match start {
            Start::Wait => return Ok(None),
            Start::Cut { len, stream } => {
                self.report.bytes.seen += len;
                self.report.bytes.already += len;
                if is_beside_its_plain_file(file) {
                    return Ok(Some((Some(stream), None)));
                }
                let reason = "the file is shorter than what the ledger has of it (cut, or an older copy); \
                              nothing is lost";
                let problem = problem_of(file, reason);
                self.report.problems.push(problem.clone());
                return Ok(Some((Some(stream), Some(problem))));
            }
            Start::Known { tail, hasher } => {
                self.report.bytes.seen += tail.bytes;
                self.report.bytes.already += tail.bytes;
                OpenStream { file, tail: Some(tail), hasher: *hasher, generation: 0 }
            }
            Start::New { generation } if generation > 0 && self.may_come_back(file, known) => {
                let error = "a part of it was erased from the ledger, and the file was rewritten since: what was \
                             erased may stand in it again, so it is not read";
                return Err(FileError::Source(std::io::Error::other(error)));
            }
            Start::New { generation } => {
                OpenStream { file, tail: None, hasher: stream_hasher(), generation }
            }
        };
        let done = match file.container {
            Container::Document => self.document(&mut stream, &mut reader),
            _ => self.lines(&mut stream, &mut reader),
        };
        let is_new = stream.tail.is_none();
        if let Err(FileError::Source(_)) = &done {
            // A source of which nothing could be read has been seen all the same.
            self.open_stream(&mut stream)?;
        }
        let number = stream.tail.as_ref().map(|tail| tail.stream);
        // What was appended before a source failed is known all the same.
        self.keep_tail(stream);
        if let (Err(FileError::Source(error)), Some(number)) = (&done, number)
            && (is_new || self.report.bytes.appended > before)
        {
            self.note_damage(number, error)?;
        }
        done.map(|()| Some((number, None)))
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

    /// A whole file is one entry; it was known before if it was known at all.
    fn document(
        &mut self,
        stream: &mut OpenStream<'_>,
        reader: &mut SourceReader,
    ) -> Result<(), FileError> {
        let len = stream.file.len;
        if len == 0 || stream.tail.as_ref().is_some_and(|tail| tail.bytes > 0) {
            return Ok(());
        }
        let id = self.open_stream(stream)?;
        let mut body = self.appender.large_body()?;
        // A document that grew since it was listed is read whole the next time.
        let mut got = 0;
        let failed = loop {
            match reader.next_chunk(len - got) {
                Ok([]) => break Ok(()),
                Ok(piece) => {
                    body.push(&mut self.appender, piece)?;
                    stream.hasher.update(piece);
                    got += piece.len() as u64;
                }
                Err(error) => break Err(error.into()),
            }
        };
        if got > 0 {
            let origin = Origin { stream: Some(id), ..Origin::default() };
            self.appender.append_large(Kind::Document, origin, body)?;
            stream.advance(got, false);
            self.report.bytes.seen += got;
            self.report.bytes.appended += got;
            self.report.lines_appended += 1;
        }
        failed
    }

    fn lines(
        &mut self,
        stream: &mut OpenStream<'_>,
        reader: &mut SourceReader,
    ) -> Result<(), FileError> {
        loop {
            let offset = reader.offset();
            match reader.next_line(BLOCK_BYTES)? {
                NextLine::End => return Ok(()),
                NextLine::Line(bytes) => {
                    self.line(stream, offset, bytes, true)?;
                }
                NextLine::Tail(bytes) => {
                    if is_whole_entry(stream.file, bytes) || self.is_settled(stream.file) {
                        self.line(stream, offset, bytes, false)?;
                    } else {
                        self.report.bytes.seen += bytes.len() as u64;
                        self.report.bytes.pending += bytes.len() as u64;
                    }
                    return Ok(());
                }
                NextLine::Long => {
                    let file = stream.file;
                    if !self.is_settled(file)
                        && !has_line_feed_from(&file.path, file.container, offset)?
                    {
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

    /// Whether a torn end may be taken as it is: the file has been still for long, and still is.
    fn is_settled(&self, file: &SourceFile) -> bool {
        let now = std::fs::metadata(&file.path).ok().map(|meta| {
            let modified =
                meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            (meta.len(), modified.map_or(0, |since| since.as_nanos() as u64))
        });
        is_still(file, self.now) && now == Some((file.len, file.modified))
    }

    fn line(
        &mut self,
        stream: &mut OpenStream<'_>,
        offset: u64,
        bytes: &[u8],
        line_feed: bool,
    ) -> Result<(), FileError> {
        let id = self.open_stream(stream)?;
        let line = stream.tail.as_ref().map_or(0, |tail| tail.line);
        let origin = Origin { stream: Some(id), line, offset, has_line_feed: line_feed };
        self.appender.append(Kind::Line, origin, bytes)?;
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
        let id = self.open_stream(stream)?;
        let line = stream.tail.as_ref().map_or(0, |tail| tail.line);
        let mut body = self.appender.large_body()?;
        let mut len = 0;
        let (line_feed, failed) = loop {
            match reader.next_piece() {
                Ok((piece, line_feed)) => {
                    body.push(&mut self.appender, piece)?;
                    stream.hasher.update(piece);
                    len += piece.len() as u64;
                    if line_feed || piece.is_empty() {
                        break (line_feed, Ok(()));
                    }
                }
                Err(error) => break (false, Err(error.into())),
            }
        };
        // Where reading failed, what was read stands as a torn line that may go on later.
        let origin = Origin { stream: Some(id), line, offset, has_line_feed: line_feed };
        self.appender.append_large(Kind::Line, origin, body)?;
        self.count_line(stream, len, line_feed);
        failed
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
    fn open_stream(&mut self, stream: &mut OpenStream<'_>) -> Result<StreamId, FileError> {
        if let Some(tail) = &stream.tail {
            self.touched.insert(tail.stream);
            return Ok(tail.stream);
        }
        self.announce()?;
        if stream.generation > 0 {
            let generation = stream.generation;
            let reason = format!(
                "the file was rewritten: generation {generation} begins, the older stays in the ledger"
            );
            self.report.problems.push(problem_of(stream.file, reason));
        }
        let descriptor = StreamDescriptor {
            name: stream.file.name.clone(),
            generation: stream.generation,
            container: stream.file.container.name().to_string(),
            path: path_bytes(&stream.file.path),
        };
        let opener = self.appender.append_small(Kind::Stream, &descriptor.encode())?;
        let id = StreamId::opened_by(opener);
        self.touched.insert(id);
        let generation = stream.generation;
        stream.tail = Some(Tail { stream: id, generation, ..Tail::default() });
        Ok(id)
    }

    /// Records that a source ends where it could not be read further: what was taken of it may be wrong near that end,
    /// and whoever reads the views has to know. Not said again while nothing more is taken.
    fn note_damage(&mut self, stream: StreamId, error: &std::io::Error) -> Result<(), FileError> {
        let body = FieldsBuilder::default()
            .add("verb", "damaged")
            .add("actor", &self.request.actor)
            .add("stream", stream.get().to_string())
            .add("detail", error.to_string())
            .finish();
        self.appender.append_small(Kind::Action, &body)?;
        Ok(())
    }

    /// Says once who appends, before the first new stream.
    fn announce(&mut self) -> Result<(), FileError> {
        if !self.announced {
            self.announced = true;
            let body = FieldsBuilder::default()
                .add("verb", "append")
                .add("actor", &self.request.actor)
                .finish();
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

/// Whether a compressed file lies beside the plain one that it was made of: the plain one goes on, and counts.
fn is_beside_its_plain_file(file: &SourceFile) -> bool {
    file.path.extension().is_some_and(|end| end == "zst") && file.path.with_extension("").exists()
}

/// Whether a last line without a line end is a whole entry all the same. Clients read the last name of a thread from the
/// end of the index, with or without one; if more of the line comes, it goes on.
fn is_whole_entry(file: &SourceFile, line: &[u8]) -> bool {
    matches!(file.name, StreamName::Index(_)) && line.trim_ascii_end().ends_with(b"}")
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

//! Reading a source line by line in bounded memory, plain or compressed.

use codex_ledger_entry::Container;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const CHUNK_BYTES: usize = 256 << 10;

/// Reads the bytes of a source from its start.
pub struct SourceReader {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    ended: bool,
}

/// What comes next in a source.
#[derive(Debug, PartialEq, Eq)]
pub enum NextLine<'a> {
    /// A whole line, without its line feed.
    Line(&'a [u8]),
    /// The beginning of a line that is longer than the limit; read on with [`SourceReader::next_piece`].
    Long,
    /// The last bytes, which no line feed follows.
    Tail(&'a [u8]),
    /// Nothing more.
    End,
}

impl SourceReader {
    /// Opens a source; all offsets are those of the decompressed bytes.
    ///
    /// # Errors
    /// When the file cannot be opened or is not compressed as its name says.
    pub fn open(path: &Path, container: Container) -> io::Result<SourceReader> {
        let file = open_file(path)?;
        let inner: Box<dyn Read + Send> = match container {
            Container::Plain | Container::Document => Box::new(file),
            Container::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
        };
        Ok(SourceReader { inner, buffer: Vec::new(), start: 0, offset: 0, ended: false })
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads one more chunk behind what is buffered; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let len = self.buffer.len();
        self.buffer.resize(len + CHUNK_BYTES, 0);
        let got = loop {
            match self.inner.read(&mut self.buffer[len..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(len + *got.as_ref().unwrap_or(&0));
        self.ended = got? == 0;
        Ok(!self.ended)
    }

    /// Consumes up to `count` bytes and shows them; returns how many there were.
    ///
    /// # Errors
    /// As reading.
    pub fn skip(&mut self, count: u64, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            if self.pending().is_empty() && !self.fill()? {
                break;
            }
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.pending().len());
            each(&self.pending()[..take]);
            self.consume(take);
            left -= take as u64;
        }
        Ok(count - left)
    }

    /// The next line, when it is at most `limit` bytes.
    ///
    /// # Errors
    /// As reading.
    pub fn next_line(&mut self, limit: usize) -> io::Result<NextLine<'_>> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.pending()[searched..]) {
                let len = searched + at;
                if len > limit {
                    return Ok(NextLine::Long);
                }
                let from = self.start;
                self.consume(len + 1);
                return Ok(NextLine::Line(&self.buffer[from..from + len]));
            }
            searched = self.pending().len();
            if searched > limit {
                return Ok(NextLine::Long);
            }
            if !self.fill()? {
                let from = self.start;
                let len = self.pending().len();
                self.consume(len);
                let tail = &self.buffer[from..];
                return Ok(if tail.is_empty() { NextLine::End } else { NextLine::Tail(tail) });
            }
        }
    }

    /// The next bytes, at most `limit` of them. Empty at the end.
    ///
    /// # Errors
    /// As reading.
    pub fn next_chunk(&mut self, limit: u64) -> io::Result<&[u8]> {
        if self.pending().is_empty() {
            self.fill()?;
        }
        let from = self.start;
        let len = usize::try_from(limit).unwrap_or(usize::MAX).min(self.pending().len());
        self.consume(len);
        Ok(&self.buffer[from..from + len])
    }

    /// The next piece of a long line, and whether a line feed followed it. Empty at the end.
    ///
    /// # Errors
    /// As reading.
    pub fn next_piece(&mut self) -> io::Result<(&[u8], bool)> {
        if self.pending().is_empty() {
            self.fill()?;
        }
        let from = self.start;
        match memchr::memchr(b'\n', self.pending()) {
            Some(at) => {
                self.consume(at + 1);
                Ok((&self.buffer[from..from + at], true))
            }
            None => {
                let len = self.pending().len();
                self.consume(len);
                Ok((&self.buffer[from..from + len], false))
            }
        }
    }
}

/// Opens a regular file. Whatever has taken its place since it was found, nothing waits for it: a writer holds
/// the lock meanwhile.
fn open_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
    }
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// Whether a file begins like lines of JSON, whatever its name says: nothing that is compressed begins so.
pub fn begins_like_json(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = open_file(path).and_then(|file| file.take(16).read_to_end(&mut head));
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    read.is_ok() && text.trim_ascii_start().starts_with(b"{")
}

/// Whether a line feed follows somewhere behind that offset, so that a long line is whole.
///
/// # Errors
/// As reading.
pub fn has_line_feed_from(path: &Path, container: Container, offset: u64) -> io::Result<bool> {
    let mut reader = SourceReader::open(path, container)?;
    if container == Container::Plain {
        let mut file = open_file(path)?;
        file.seek(SeekFrom::Start(offset))?;
        reader.inner = Box::new(file);
    } else {
        reader.skip(offset, |_| ())?;
    }
    loop {
        let (piece, line_feed) = reader.next_piece()?;
        if line_feed || piece.is_empty() {
            return Ok(line_feed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> (tempfile::NamedTempFile, SourceReader) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let reader = SourceReader::open(file.path(), Container::Plain).unwrap();
        (file, reader)
    }

    #[test]
    fn lines_tails_and_long_lines() {
        let long = vec![b'x'; 600 << 10];
        let mut bytes = b"a\n\nb\r\n".to_vec();
        bytes.extend_from_slice(&long);
        bytes.extend_from_slice(b"\ntail");
        let (file, mut reader) = reader(&bytes);
        assert_eq!(reader.next_line(10).unwrap(), NextLine::Line(b"a"));
        assert_eq!(reader.next_line(10).unwrap(), NextLine::Line(b""));
        assert_eq!(reader.next_line(10).unwrap(), NextLine::Line(b"b\r"));
        assert_eq!(reader.next_line(10).unwrap(), NextLine::Long);
        assert!(has_line_feed_from(file.path(), Container::Plain, reader.offset()).unwrap());
        let mut got = Vec::new();
        loop {
            let (piece, line_feed) = reader.next_piece().unwrap();
            got.extend_from_slice(piece);
            if line_feed {
                break;
            }
        }
        assert_eq!(got, long);
        assert!(!has_line_feed_from(file.path(), Container::Plain, reader.offset()).unwrap());
        assert_eq!(reader.next_line(10).unwrap(), NextLine::Tail(b"tail"));
        assert_eq!(reader.next_line(10).unwrap(), NextLine::End);
        assert_eq!(reader.offset(), bytes.len() as u64);
    }

    /// Found as a file, and something else when it is opened.
    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&*pipe, &link, folder.path()] {
            for container in [Container::Plain, Container::Zstd] {
                let error = SourceReader::open(path, container).err().unwrap().to_string();
                assert!(error.contains("not a regular file"), "{error}");
                assert!(has_line_feed_from(path, container, 0).is_err());
            }
        }
    }

    #[test]
    fn compressed_sources_give_the_same_bytes() {
        let plain = b"one\ntwo\n".repeat(100_000);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), zstd::encode_all(&plain[..], 3).unwrap()).unwrap();
        let mut reader = SourceReader::open(file.path(), Container::Zstd).unwrap();
        let mut got = Vec::new();
        assert_eq!(
            reader.skip(u64::MAX, |b| got.extend_from_slice(b)).unwrap(),
            plain.len() as u64
        );
        assert_eq!(got, plain);
    }
}

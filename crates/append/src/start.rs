//! Where reading of a source begins: what of it the ledger already has.

use super::beginning::Beginning;
use super::run::FileError;
use crate::source::{SourceFile, SourceReader};
use codex_ledger_entry::{Container, StreamId, stream_hasher};
use codex_ledger_ledger::{LedgerError, LedgerReader, Tail};
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// Where reading of a file begins.
pub(super) enum Start {
    /// Behind the known bytes of this generation; the hasher has seen them.
    Known { tail: Tail, hasher: Box<blake3::Hasher> },
    /// Everything is new: the first or another generation.
    New { generation: u32 },
    /// The file is a beginning of what is known of this stream.
    Cut { len: u64, stream: StreamId },
    /// It may be a beginning of what this round has appended, which cannot be read yet.
    Wait,
}

/// Compares the file's beginning with every generation that is known of its stream.
pub(super) fn find_start(
    dir: &Path,
    file: &SourceFile,
    known: &[Tail],
    touched: &HashSet<StreamId>,
) -> Result<(Start, SourceReader), FileError> {
    let mut reader = SourceReader::open(&file.path, file.container)?;
    if known.is_empty() {
        return Ok((Start::New { generation: 0 }, reader));
    }
    let mut order: Vec<&Tail> = known.iter().collect();
    order.sort_by_key(|tail| tail.bytes);
    let mut beginnings: Vec<Beginning<'_>> = Vec::new();
    for tail in &order {
        if !beginnings.iter().any(|beginning| beginning.is_as(tail)) {
            beginnings.push(Beginning::of(tail));
        }
    }
    let mut found = None;
    for tail in order {
        let want = tail.bytes - reader.offset();
        let got = reader.skip(want, |bytes| {
            beginnings.iter_mut().for_each(|beginning| beginning.update(bytes));
        })?;
        if got < want {
            break;
        }
        let beginning = beginnings.iter().find(|beginning| beginning.is_as(tail));
        let same = beginning.filter(|of| of.hash() == tail.prefix_hash || tail.bytes == 0);
        found = same.map(|beginning| (tail, beginning.hasher())).or(found);
    }
    let is_document = file.container == Container::Document;
    let whole = |tail: &Tail| !is_document || tail.bytes == file.len || tail.bytes == 0;
    if let Some((tail, hasher)) = found.filter(|(tail, _)| whole(tail)) {
        // A generation of which only the opening is known stands for new bytes, unless the file is shorter
        // than a sibling: then it may be a beginning of that one.
        let cut = if tail.bytes == 0 { cut(dir, file, known, touched)? } else { None };
        if let Some(start) = cut {
            return Ok((start, reader));
        }
        if reader.offset() != tail.bytes {
            reader = reopen(file, tail)?;
        }
        return Ok((Start::Known { tail: tail.clone(), hasher: Box::new(hasher) }, reader));
    }
    if !is_document && let Some(start) = cut(dir, file, known, touched)? {
        return Ok((start, reader));
    }
    let generation = known.iter().map(|tail| tail.generation + 1).max().unwrap_or(0);
    Ok((Start::New { generation }, SourceReader::open(&file.path, file.container)?))
}

/// Opens the file again behind the known bytes, which must still be the same.
fn reopen(file: &SourceFile, tail: &Tail) -> io::Result<SourceReader> {
    let mut reader = SourceReader::open(&file.path, file.container)?;
    let mut beginning = Beginning::of(tail);
    reader.skip(tail.bytes, |bytes| beginning.update(bytes))?;
    if tail.bytes > 0 && beginning.hash() != tail.prefix_hash {
        return Err(io::Error::other(
            "the file changed while it was read; the next append reads it again",
        ));
    }
    Ok(reader)
}

/// Whether all of the file is the beginning of a known, longer generation.
fn cut(
    dir: &Path,
    file: &SourceFile,
    known: &[Tail],
    touched: &HashSet<StreamId>,
) -> Result<Option<Start>, FileError> {
    let mut log = None;
    let mut last: Option<(Beginning<'_>, u64)> = None;
    for tail in known {
        let same = last.take().filter(|(beginning, _)| beginning.is_as(tail));
        let (beginning, len) = match same {
            Some(hashed) => hashed,
            None => whole(file, tail)?,
        };
        let hash = beginning.hash();
        last = Some((beginning, len));
        if tail.bytes <= len {
            continue;
        }
        if touched.contains(&tail.stream) {
            return Ok(Some(Start::Wait));
        }
        let log = match &mut log {
            Some(log) => log,
            none => none.insert(LedgerReader::open(dir)?),
        };
        if prefix_hash(log, tail.stream, len)? == Some(hash) {
            return Ok(Some(Start::Cut { len, stream: tail.stream }));
        }
    }
    Ok(None)
}

/// All of a file, hashed as a stream is known; and its length in bytes.
fn whole<'a>(file: &SourceFile, tail: &'a Tail) -> io::Result<(Beginning<'a>, u64)> {
    let mut beginning = Beginning::of(tail);
    let mut reader = SourceReader::open(&file.path, file.container)?;
    let len = reader.skip(u64::MAX, |bytes| beginning.update(bytes))?;
    Ok((beginning, len))
}

/// Hash of the first `len` bytes of a stream, out of its entries.
fn prefix_hash(
    log: &mut LedgerReader,
    stream: StreamId,
    len: u64,
) -> Result<Option<[u8; 32]>, LedgerError> {
    let mut hasher = stream_hasher();
    let mut next = stream.opener();
    let mut at = 0;
    while let Some(pack) = log.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in pack.entries.iter().filter(|e| e.stream == stream && e.seq != stream.opener())
        {
            let mut add = |bytes: &[u8]| {
                let take = usize::try_from(len - at).unwrap_or(usize::MAX).min(bytes.len());
                hasher.update(&bytes[..take]);
                at += take as u64;
            };
            log.each_source_piece(&pack, entry, &mut add)?;
            if at == len {
                return Ok(Some(*hasher.finalize().as_bytes()));
            }
        }
    }
    Ok(None)
}

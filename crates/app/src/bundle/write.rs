//! The files of a bundle.

use super::select::Selection;
use super::{ERASED, MAGIC, PRESENT, VERSION, WITHHELD};
use crate::error::{AppError, ErrorKind, Result};
use crate::publish::BodyGate;
use codex_ledger_entry::{EntryId, Fields, HEADER_BYTES, Header, Kind, Seq, StreamId};
use codex_ledger_ledger::{LedgerReader, Pack, StoredBody, StoredEntry, part_roots};
use codex_ledger_proof::missing_parts;
use codex_ledger_redaction::{RedactionRecord, What};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

/// A longer body is not looked through, and so not given.
const BODY_MAX_BYTES: u64 = 8 << 20;

/// An error of a file of a bundle.
pub(super) fn failed(path: &Path, error: &io::Error) -> AppError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::OutOfSpace,
        _ => ErrorKind::Io,
    };
    AppError::new(kind, format!("{}: {error}", path.display()))
}

/// Writes a file of a bundle, durably.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| failed(path, &error))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What is to be there of each body, and how many that were chosen have something hidden in them.
pub(super) fn forms(
    reader: &mut LedgerReader,
    selection: &Selection,
    gate: &BodyGate,
) -> Result<(Vec<u8>, u64)> {
    let (mut forms, mut hidden) = (Vec::new(), 0);
    // Streams whose last line so far goes on: a part of a line says nothing of what the whole line is.
    let mut torn: BTreeSet<StreamId> = BTreeSet::new();
    for range in &selection.ranges {
        each_entry(reader, range, &mut |reader, pack, entry, _| {
            forms.push(match &entry.body {
                StoredBody::Erased { .. } => ERASED,
                // It says that what is gone may be, in numbers alone.
                _ if entry.kind == Kind::EraseDone => PRESENT,
                // Paths, and whole files.
                _ if matches!(entry.kind, Kind::Stream | Kind::Document | Kind::Other(_)) => {
                    WITHHELD
                }
                _ if is_torn(entry, &mut torn) => WITHHELD,
                _ if !selection.chosen.contains(&entry.seq) => WITHHELD,
                _ if is_shown(reader, pack, entry, (selection, gate))? => PRESENT,
                _ => {
                    hidden += 1;
                    WITHHELD
                }
            });
            Ok(())
        })?;
    }
    Ok((forms, hidden))
}

/// Writes `entries.cxb`; see `docs/FORMAT.md` section 6.
pub(super) fn entries(
    reader: &mut LedgerReader,
    path: &Path,
    ranges: &[Range<u64>],
    forms: &[u8],
) -> Result<()> {
    let wrong = |error: io::Error| failed(path, &error);
    let mut out = BufWriter::new(create(path).map_err(wrong)?);
    out.write_all(&start(reader, ranges)?).map_err(wrong)?;
    let mut forms = forms.iter().copied();
    for range in ranges {
        each_entry(reader, range, &mut |reader, pack, entry, header| {
            out.write_all(header).map_err(wrong)?;
            let form = forms.next().unwrap_or(WITHHELD);
            let salt = match &entry.body {
                StoredBody::Erased { .. } => return out.write_all(&[ERASED]).map_err(wrong),
                StoredBody::Inline { salt, .. } | StoredBody::Blocks { salt, .. } => salt,
            };
            out.write_all(&[form]).map_err(wrong)?;
            if form != PRESENT {
                return Ok(());
            }
            out.write_all(salt).map_err(wrong)?;
            let mut written = Ok(());
            reader.each_piece(pack, entry, |piece| {
                if written.is_ok() {
                    written = out.write_all(piece);
                }
            })?;
            written.map_err(wrong)
        })?;
    }
    let file = out.into_inner().map_err(|error| wrong(error.into_error()))?;
    file.sync_all().map_err(wrong)
}

/// All that comes before the entries.
fn start(reader: &mut LedgerReader, ranges: &[Range<u64>]) -> Result<Vec<u8>> {
    let (identity, size) = (reader.head().identity, reader.head().size());
    let hashes = part_roots(reader, &missing_parts(size, ranges))?;
    let mut start = MAGIC.to_vec();
    start.extend_from_slice(&VERSION.to_be_bytes());
    start.extend_from_slice(&identity.ledger.0);
    start.extend_from_slice(&identity.origin.0);
    start.extend_from_slice(&size.to_be_bytes());
    start.extend_from_slice(&(ranges.len() as u32).to_be_bytes());
    for range in ranges {
        start.extend_from_slice(&range.start.to_be_bytes());
        start.extend_from_slice(&range.end.to_be_bytes());
    }
    start.extend_from_slice(&(hashes.len() as u32).to_be_bytes());
    hashes.iter().for_each(|hash| start.extend_from_slice(&hash.0));
    Ok(start)
}

type Encoded = [u8; HEADER_BYTES];
type Each<'a> = &'a mut dyn FnMut(&mut LedgerReader, &Pack, &StoredEntry, &Encoded) -> Result<()>;

fn each_entry(reader: &mut LedgerReader, range: &Range<u64>, each: Each<'_>) -> Result<()> {
    let identity = reader.head().identity;
    let mut next = Seq::new(range.start);
    while next.get() < range.end {
        let Some(pack) = reader.pack_from(next)? else { return Ok(()) };
        let mut prev: EntryId = pack.info.prev;
        for entry in &pack.entries {
            let header = pack.header(&identity, entry, prev).encode();
            prev = Header::id(&header);
            if range.contains(&entry.seq.get()) {
                each(reader, &pack, entry, &header)?;
            }
        }
        next = pack.info.end_seq();
    }
    Ok(())
}

/// Whether an entry is a part of a line: the source ended in its middle, or it goes on from there.
fn is_torn(entry: &StoredEntry, torn: &mut BTreeSet<StreamId>) -> bool {
    if entry.kind != Kind::Line {
        return false;
    }
    let goes_on = match entry.has_line_feed() {
        true => torn.remove(&entry.stream),
        false => !torn.insert(entry.stream),
    };
    goes_on || !entry.has_line_feed()
}

/// Whether nothing in the body of an entry is hidden, and somebody could tell.
fn is_shown(
    reader: &mut LedgerReader,
    pack: &Pack,
    entry: &StoredEntry,
    (selection, gate): (&Selection, &BodyGate),
) -> Result<bool> {
    if selection.hidden.contains(&entry.seq) || selection.unknown.contains(&entry.stream) {
        return Ok(false);
    }
    let body = reader.body(pack, entry, BODY_MAX_BYTES)?;
    Ok(body.is_some_and(|body| match entry.kind {
        Kind::Line => gate.passes(&body) && !selection.says_hidden(&body),
        kind => !says_what_is_hidden(kind, &body) && fields_pass(gate, &body),
    }))
}

/// Whether nothing in the fields of a body is hidden.
pub(super) fn fields_pass(gate: &BodyGate, body: &[u8]) -> bool {
    Fields::parse(body).is_ok_and(|fields| fields.parts().all(|part| gate.passes(part)))
}

/// Whether the body of a redaction holds the words that it hides, or says what this version does not know.
fn says_what_is_hidden(kind: Kind, body: &[u8]) -> bool {
    kind == Kind::Redaction
        && RedactionRecord::decode(body).is_none_or(|record| {
            matches!(record.what, What::Unknown | What::Literal { .. } | What::Regex { .. })
        })
}

//! Where a damaged log stops being the one that the views were made of: they prove nothing, but they remember.

use codex_ledger_entry::{Kind, Seq};
use codex_ledger_ledger::{LedgerReader, Pack, StoredEntry};
use codex_ledger_projections::Views;
use codex_ledger_query::{KnownLine, known_lines};
use std::path::Path;

/// The first entry that is not the one which the views were made of; none where there is no such entry, or nobody can tell.
pub(super) fn first_other(dir: &Path, views: &Views) -> Option<Seq> {
    let db = views.reader().ok()?;
    let mut log = Log { reader: LedgerReader::open(dir).ok()?, pack: None };
    let mut first = None;
    let mut last_fits = None;
    let mut each = |known: KnownLine| {
        let Some(entry) = log.entry(known.seq) else { return false };
        if fits(&entry, &known) {
            last_fits = Some(known.seq);
        } else if first.is_none() {
            first = Some(known.seq);
        }
        // Of several that the views may mean by one row, one has to fit.
        if first.is_some() && first == last_fits {
            first = None;
        }
        first.is_none_or(|first| first == known.seq)
    };
    known_lines(&db, &mut each).ok()?;
    first
}

/// Whether an entry is the line that the views know.
fn fits(entry: &StoredEntry, known: &KnownLine) -> bool {
    let is_line = matches!(entry.kind, Kind::Line | Kind::Document);
    let is_there =
        (entry.stream, entry.line, entry.offset) == (known.stream, known.line, known.offset);
    // A line without its line feed may go on in the next entry.
    let is_whole = entry.has_line_feed() || entry.kind == Kind::Document;
    is_line && is_there && (!is_whole || entry.body_len == known.bytes)
}

/// Reads entries one after the other, as far as they can be read.
struct Log {
    reader: LedgerReader,
    pack: Option<Pack>,
}

impl Log {
    fn entry(&mut self, seq: Seq) -> Option<StoredEntry> {
        if self.pack.as_ref().and_then(|pack| pack.entry(seq)).is_none() {
            self.pack = self.reader.pack_from(seq).ok()?;
        }
        self.pack.as_ref()?.entry(seq).cloned()
    }
}

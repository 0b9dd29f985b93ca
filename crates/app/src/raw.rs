//! Exact bytes: of a session's source, of a line, of an entry.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, NameHint};
use codex_ledger_entry::{FieldsBuilder, Kind, Seq};
use codex_ledger_ledger::{LedgerError, LedgerReader};
use codex_ledger_query as query;

impl App {
    /// The exact bytes of a session's source, or of one line of it, in pieces.
    ///
    /// # Errors
    /// When the session, generation or line does not exist, or entries cannot be read.
    pub fn raw_session(
        &self,
        prefix: &str,
        generation: Option<u32>,
        line: Option<u64>,
        reason: Option<&str>,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        let db = self.views_for_reading()?;
        let (id, stream) = query::find_source(&db, prefix, generation)?;
        let stream = stream.ok_or_else(|| {
            AppError::new(ErrorKind::NotFound, format!("session {id} has no such generation"))
        })?;
        let part = line.map(|line| format!(" line {line}")).unwrap_or_default();
        self.note_access("reveal", &format!("show --raw {id}{part}"), reason)?;
        let mut found = false;
        let mut reader = LedgerReader::open(self.dir())?;
        let mut next = stream.opener();
        while let Some(pack) = reader.pack_from(next)? {
            next = pack.info.end_seq();
            for entry in
                pack.entries.iter().filter(|e| e.stream == stream && e.seq != stream.opener())
            {
                if line.is_none_or(|line| line == entry.line) {
                    found = true;
                    reader.each_source_piece(&pack, entry, &mut *each)?;
                }
            }
        }
        match (found, line) {
            (false, Some(line)) => {
                let message = format!("session {id} has no line {line}");
                Err(AppError::new(ErrorKind::NotFound, message)
                    .hint(Hint::Name(NameHint::LinesFromZero)))
            }
            _ => Ok(()),
        }
    }

    /// Notes that raw bytes are about to leave: a reveal or an export. Without that note nobody gets them.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(super) fn note_access(&self, verb: &str, detail: &str, reason: Option<&str>) -> Result<()> {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let detail = [Some(detail), reason].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let body = FieldsBuilder::default()
            .add("verb", verb)
            .add("actor", &self.setup.actor)
            .add("detail", &detail);
        let body = match reason {
            Some(reason) => body.add("reason", reason),
            None => body,
        }
        .finish();
        let refused = |error: AppError| match error.kind {
            ErrorKind::Io | ErrorKind::OutOfSpace => error.hint(Hint::RawIsRecorded),
            _ => error,
        };
        self.append_noting(&NewEntry::new(Kind::Access, body)).map_err(refused)?;
        Ok(())
    }

    /// The exact bytes of one entry's body, followed by a line feed where its source had one.
    ///
    /// # Errors
    /// When there is no such entry or it cannot be read.
    pub fn raw_entry(
        &self,
        seq: Seq,
        reason: Option<&str>,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        let mut reader = LedgerReader::open(self.dir())?;
        let head = reader.head();
        let missing = LedgerError::NoEntry { seq, size: head.size() };
        if seq < head.end() {
            self.note_access("reveal", &format!("show --raw --entry {seq}"), reason)?;
        }
        let Some(pack) = reader.pack_from(seq)? else {
            return Err(missing.into());
        };
        match pack.entry(seq) {
            Some(entry) => Ok(reader.each_source_piece(&pack, entry, &mut *each)?),
            None => Err(missing.into()),
        }
    }
}

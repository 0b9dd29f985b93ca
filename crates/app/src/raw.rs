//! Exact bytes: of a session's source, of a line, of an entry.

use super::erase::erased_by;
use super::redact::NewEntry;
use super::setup::App;
use super::target::says_something;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, NameHint};
use codex_ledger_db as db;
use codex_ledger_entry::{FieldsBuilder, Header, Kind, Seq};
use codex_ledger_ledger::{Controls, LedgerError, LedgerReader, header_of};
use codex_ledger_query::{self as query, ActRow, EntryShown};

impl App {
    /// The exact bytes of a session's source, or of one line of it, in pieces; gives how many lines are left out, since
    /// they were erased.
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
    ) -> Result<u64> {
        let db = self.views_for_reading()?;
        let (id, stream) = query::find_source(&db, prefix, generation)
            .map_err(|error| self.or_erased(prefix, error.into()))?;
        let stream = stream.ok_or_else(|| {
            AppError::new(ErrorKind::NotFound, format!("session {id} has no such generation"))
        })?;
        let part = line.map(|line| format!(" line {line}")).unwrap_or_default();
        self.note_access("reveal", &format!("show --raw {id}{part}"), reason)?;
        let (mut found, mut erased) = (false, 0);
        let mut reader = LedgerReader::open(self.dir())?;
        let mut next = stream.opener();
        while let Some(pack) = reader.pack_from(next)? {
            next = pack.info.end_seq();
            for entry in
                pack.entries.iter().filter(|e| e.stream == stream && e.seq != stream.opener())
            {
                if line.is_none_or(|line| line == entry.line) {
                    found = true;
                    if entry.is_erased() {
                        match line {
                            Some(_) => return Err(self.gone(&mut reader, entry.seq)?),
                            None => erased += 1,
                        }
                        continue;
                    }
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
            _ => Ok(erased),
        }
    }

    /// What is said of an entry whose body was erased.
    fn gone(&self, reader: &mut LedgerReader, seq: Seq) -> Result<AppError> {
        let by = erased_by(&Controls::load(reader)?, seq);
        let by = by.map(|by| format!(", by entry {by}")).unwrap_or_default();
        Ok(AppError::new(ErrorKind::NotFound, format!("entry {seq} was erased{by}")))
    }

    /// Notes that raw bytes are about to leave: a reveal or an export. Without that note nobody gets them.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(super) fn note_access(
        &self,
        verb: &str,
        detail: &str,
        reason: Option<&str>,
    ) -> Result<Seq> {
        let reason = reason.map(str::trim).filter(|reason| says_something(reason));
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
        self.append_noting(&NewEntry::new(Kind::Access, body)).map_err(refused)
    }

    /// The exact bytes of one entry's body, followed by a line feed where its source had one; gives the entry that says who
    /// has asked for them.
    ///
    /// # Errors
    /// When there is no such entry or it cannot be read.
    pub fn raw_entry(
        &self,
        seq: Seq,
        reason: Option<&str>,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Seq> {
        let mut reader = LedgerReader::open(self.dir())?;
        let head = reader.head();
        let missing = LedgerError::NoEntry { seq, size: head.size() };
        if seq >= head.end() {
            return Err(missing.into());
        }
        let pack = reader.pack_from(seq)?;
        if pack.is_some_and(|pack| pack.entry(seq).is_some_and(|entry| entry.is_erased())) {
            return Err(self.gone(&mut reader, seq)?);
        }
        let noted = self.note_access("reveal", &format!("show --raw --entry {seq}"), reason)?;
        let Some(pack) = reader.pack_from(seq)? else {
            return Err(missing.into());
        };
        match pack.entry(seq) {
            Some(entry) if entry.is_erased() => return Err(self.gone(&mut reader, seq)?),
            Some(entry) => reader.each_source_piece(&pack, entry, &mut *each)?,
            None => return Err(missing.into()),
        }
        Ok(noted)
    }

    /// What an entry is, and what views have of it.
    ///
    /// # Errors
    /// When there is no such entry, or entries or views cannot be read.
    pub fn entry(&self, seq: Seq) -> Result<EntryDetail> {
        let db = self.views_for_reading()?;
        let mut reader = LedgerReader::open(self.dir())?;
        let size = reader.head().size();
        let header = if seq.get() < size { header_of(&mut reader, seq)? } else { None };
        let bytes = header.ok_or(LedgerError::NoEntry { seq, size })?;
        let header = Header::decode(&bytes)
            .map_err(|error| AppError::new(ErrorKind::Damaged, format!("entry {seq}: {error}")))?;
        let is_of_source = matches!(header.kind, Kind::Stream | Kind::Line | Kind::Document);
        let wrong = db::at(self.views_path());
        let (shown, act) = match is_of_source {
            true => (query::entry_shown(&db, header.stream, seq).map_err(wrong)?, None),
            false => (EntryShown::default(), query::act(&db, seq).map_err(wrong)?),
        };
        let pack = reader.pack_from(seq)?;
        let is_erased = pack.is_some_and(|pack| pack.entry(seq).is_some_and(|of| of.is_erased()));
        let by = if is_erased { erased_by(&Controls::load(&mut reader)?, seq) } else { None };
        Ok(EntryDetail {
            kind: header.kind.name(),
            recorded_at_ms: (header.recorded_at / 1_000_000) as i64,
            id: Header::id(&bytes).to_string(),
            commitment: header.commitment.to_string(),
            line: matches!(header.kind, Kind::Line).then_some(header.line),
            is_erased,
            erased_by: by,
            shown,
            act,
        })
    }
}

/// What an entry is, without its bytes.
#[derive(Clone, Debug)]
pub struct EntryDetail {
    /// A word for its kind.
    pub kind: &'static str,
    /// When it was recorded, UTC milliseconds.
    pub recorded_at_ms: i64,
    /// Its id, hex.
    pub id: String,
    /// What its body is committed to by, hex.
    pub commitment: String,
    /// 0-based line of its source, where it is one.
    pub line: Option<u64>,
    /// Whether the body is gone.
    pub is_erased: bool,
    /// The entry that says so.
    pub erased_by: Option<Seq>,
    /// What views have of it, where it is of a source.
    pub shown: EntryShown,
    /// Who did what, where it is an act.
    pub act: Option<ActRow>,
}

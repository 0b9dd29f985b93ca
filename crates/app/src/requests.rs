//! Requests with a key of their own: whoever does not know whether one was heard sends it again, and it is done once.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use codex_ledger_db as db;
use codex_ledger_entry::{Kind, RequestId, Seq, SeqRange};
use codex_ledger_ledger::{Controls, Ledger, LedgerReader};
use codex_ledger_projections::Standing;
use codex_ledger_query as query;

/// A request with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The key: a program chooses another one for each thing that it wants.
    pub key: String,
    /// All that is asked, so that another request with the same key is not taken for this one.
    pub content: Vec<u8>,
}

/// What became of a request before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It was done, by these entries.
    Done(SeqRange),
    /// Something else was asked with its key, and done from this entry on.
    Other(Seq),
}

impl App {
    /// What became of the request of this setup before; none where it has no key, or was not heard of.
    ///
    /// # Errors
    /// When the entries or the views cannot be read.
    pub fn done_before(&self) -> Result<Option<Before>> {
        match &self.setup.request {
            Some(_) => self.done_before_in(&mut LedgerReader::open(self.dir())?),
            None => Ok(None),
        }
    }

    fn done_before_in(&self, reader: &mut LedgerReader) -> Result<Option<Before>> {
        let Some(id) = self.request_id(reader)? else { return Ok(None) };
        let (Standing::Usable { cursor, .. }, Some(views)) = self.views.open(reader.head())? else {
            let message = "there are no views that say whether this was done before";
            return Err(AppError::new(ErrorKind::Views, message));
        };
        let mut made = query::made_by(&views, &id).map_err(db::at(self.views_path()))?;
        made.extend(made_since(reader, cursor, &id)?);
        let Some(((first, _), (last, _))) = made.first().zip(made.last()) else { return Ok(None) };
        Ok(Some(match made.iter().all(|(_, content)| *content == id.content) {
            true => Before::Done(SeqRange::new(*first, last.next())),
            false => Before::Other(*first),
        }))
    }

    /// The digests that entries of the request have; none where it has no key.
    fn request_id(&self, reader: &mut LedgerReader) -> Result<Option<RequestId>> {
        let Some(KeyedRequest { key, content }) = &self.setup.request else { return Ok(None) };
        let secret = Controls::load(reader)?.key();
        Ok(Some(RequestId::new(&secret, self.actor(), key, content)))
    }

    /// Appends what was asked for, with the key of the request where it has one. What is done on the way, such as to put
    /// configured rules in force, was not asked for and has none.
    ///
    /// # Errors
    /// When the request was done already, or the entries cannot be written.
    pub(super) fn append_asked(
        &self,
        ledger: &mut Ledger,
        drafts: &[NewEntry],
    ) -> Result<SeqRange> {
        let Some(request) = self.request_to_do()? else { return self.append_noted(ledger, drafts) };
        let drafts: Vec<NewEntry> = drafts.iter().map(|draft| draft.asked_by(&request)).collect();
        self.append_noted(ledger, &drafts)
    }

    /// The same for whoever holds the lock and is about to append. Somebody else may have sent it meanwhile.
    ///
    /// # Errors
    /// When it was done already.
    fn request_to_do(&self) -> Result<Option<RequestId>> {
        if self.setup.request.is_none() {
            return Ok(None);
        }
        let mut reader = LedgerReader::open(self.dir())?;
        match self.done_before_in(&mut reader)? {
            None => self.request_id(&mut reader),
            Some(Before::Done(SeqRange { from: seq, .. }) | Before::Other(seq)) => {
                let message = format!("the key of this request was used already, by entry {seq}");
                Err(AppError::new(ErrorKind::Done, message))
            }
        }
    }
}

/// What a request has made in entries that the views do not know yet.
fn made_since(
    reader: &mut LedgerReader,
    cursor: Seq,
    id: &RequestId,
) -> Result<Vec<(Seq, Vec<u8>)>> {
    let (mut made, mut next) = (Vec::new(), cursor);
    while let Some(pack) = reader.pack_from(next)? {
        let is_act = |kind| !matches!(kind, Kind::Line | Kind::Document | Kind::Stream);
        for entry in pack.entries.iter().filter(|entry| entry.seq >= cursor && is_act(entry.kind)) {
            let request = pack.body(entry).and_then(RequestId::of);
            let own = request.filter(|request| request.key == id.key);
            made.extend(own.map(|request| (entry.seq, request.content.to_vec())));
        }
        next = pack.info.end_seq();
    }
    Ok(made)
}

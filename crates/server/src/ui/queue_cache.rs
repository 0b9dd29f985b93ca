//! What waits is counted once, and not anew after each judgement that is made here.

use crate::error::Result;
use crate::params::Params;
use crate::state::Desk;
use codex_ledger_app::Seq;
use codex_ledger_query::QueueItem;
use std::sync::{Arc, Mutex, PoisonError};

/// The queue that was asked for last.
#[derive(Default)]
pub(crate) struct QueueCache(Mutex<Option<Counted>>);

struct Counted {
    filter: Params,
    /// The ledger's end when it was counted, or when a judgement was put into it.
    end: Seq,
    items: Arc<Vec<QueueItem>>,
}

impl QueueCache {
    /// The queue of a filter, as the ledger is now.
    pub(crate) fn items(&self, desk: &Desk, filter: &Params) -> Result<Arc<Vec<QueueItem>>> {
        // Read first: what is appended meanwhile is seen next time.
        let end = desk.app.end()?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = known.as_ref().filter(|of| of.end == end && of.filter == *filter) {
            return Ok(counted.items.clone());
        }
        drop(known);
        let items = Arc::new(desk.app.queue(&filter.filter(&desk.zone, desk.now_ms)?)?);
        let counted = Counted { filter: filter.clone(), end, items: items.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(items)
    }

    /// Puts a judgement into it that entry `seq` has recorded, where nothing else was appended since it was counted.
    pub(crate) fn judge(&self, seq: Seq, name: &str, value: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(counted) = known.as_mut().filter(|of| of.end == seq) else { return };
        let items = Arc::make_mut(&mut counted.items);
        if let Some(item) = items.iter_mut().find(|item| name_of(item) == name) {
            item.disposition = Some(value.to_string()).filter(|value| !value.is_empty());
            items.sort_by(QueueItem::compare);
            counted.end = seq.next();
        }
    }
}

/// `SESSION#N`.
pub(crate) fn name_of(item: &QueueItem) -> String {
    format!("{}#{}", item.session, item.prompt)
}

//! How much something would hide, said before it does.

use super::redact::usage;
use super::setup::App;
use crate::error::Result;
use crate::hint::{Hint, TargetHint};
use codex_ledger_db as db;
use codex_ledger_query as query;
use codex_ledger_redaction::{By, Context, Engine};
use std::collections::BTreeMap;

/// Of fewer texts a share says nothing.
const TEXTS_MIN: usize = 30;
/// What would hide something in every third text was most likely not meant so; of few texts, in every second one.
const SHARE_MAX: usize = 3;
const SHARE_MAX_OF_FEW: usize = 2;
const FEW_TEXTS: usize = 200;
/// Bytes of a text that are looked at.
const TEXT_MAX_BYTES: usize = 16 * 1024;

impl App {
    /// Refuses what would hide something in a large part of all texts. `name` says whose fault it is.
    pub(super) fn check_width(&self, engine: &Engine, name: &dyn Fn(By) -> String) -> Result<()> {
        let Ok(views) = self.views_for_reading() else { return Ok(()) };
        let texts = query::sample(&views).map_err(db::at(self.views_path()))?;
        if texts.len() < TEXTS_MIN {
            return Ok(());
        }
        let mut found: BTreeMap<By, usize> = BTreeMap::new();
        let mut hits = Vec::new();
        for text in &texts {
            let end = text.floor_char_boundary(TEXT_MAX_BYTES);
            engine.redact(text.get(..end).unwrap_or_default(), &Context::default(), &mut hits);
            let mut sources: Vec<By> = hits.drain(..).map(|hit| hit.by).collect();
            sources.sort_unstable();
            sources.dedup();
            sources.into_iter().for_each(|by| *found.entry(by).or_default() += 1);
        }
        let share = if texts.len() < FEW_TEXTS { SHARE_MAX_OF_FEW } else { SHARE_MAX };
        let widest = found.into_iter().max_by_key(|(_, count)| *count);
        match widest.filter(|(_, count)| count * share > texts.len()) {
            None => Ok(()),
            Some((by, count)) => {
                let of = texts.len();
                let message = format!("{} would hide something in {count} of {of} texts", name(by));
                Err(usage(message, Hint::Target(TargetHint::Wide)))
            }
        }
    }
}

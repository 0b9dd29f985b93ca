//! Texts of which a row has pieces in columns of their own: a path out of a patch, what was typed out of a wrapper.

use crate::row::At;
use codex_ledger_redaction::{By, Class, Mask, Owners, Place, Policy};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A text of which a row has pieces in columns of their own.
pub(crate) struct Whole {
    table: &'static str,
    column: &'static str,
    role: &'static str,
    text: String,
    /// What is hidden in it; the rows of one record are passed by one policy.
    masks: OnceLock<Vec<Mask>>,
}

impl Whole {
    /// A text that stands in this column, and who said it.
    pub(crate) fn new(
        (table, column): (&'static str, &'static str),
        role: &'static str,
        text: &str,
    ) -> Arc<Whole> {
        Arc::new(Whole { table, column, role, text: text.to_string(), masks: OnceLock::new() })
    }
}

/// Pieces of a whole.
pub(crate) struct Cut {
    whole: Arc<Whole>,
    pieces: Vec<Range<usize>>,
}

impl Cut {
    /// Where these pieces of a text are; none where one was not taken out of it as it stands.
    pub(crate) fn of(pieces: &[&str], text: &str, whole: &Arc<Whole>) -> Option<Cut> {
        let range = |piece: &&str| {
            let start = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            let end = start.checked_add(piece.len())?;
            (text.get(start..end) == Some(*piece)).then_some(start..end)
        };
        let pieces = pieces.iter().map(range).collect::<Option<Vec<_>>>()?;
        Some(Cut { whole: whole.clone(), pieces })
    }

    /// The pieces, each on a line, without what is hidden in the whole; none where nothing of it is theirs.
    pub(crate) fn shown(&self, policy: &Policy, at: At, owners: &Owners) -> Option<String> {
        let Whole { table, column, role, text, masks } = &*self.whole;
        // Rules look for what is no part of a path and no path is a part of: of a call, only what people hid counts. Where
        // they hid nothing, no other redaction may change the row, since its stream is not derived anew for it.
        let is_call = *table == "function_calls";
        if is_call && !policy.has_redactions() {
            return None;
        }
        let (seq, part, class) = (at.seq, at.part, Class::Text);
        let place = Place { class, table, column, role: Some(role), seq, part, owners };
        let counts =
            |mask: &Mask| !is_call || mask.all.iter().any(|by| matches!(by, By::Manual(_)));
        let masks = masks.get_or_init(|| {
            let mut masks = policy.masks(text, &place);
            masks.retain(counts);
            masks
        });
        let touches =
            |piece: &Range<usize>, mask: &Mask| mask.start < piece.end && piece.start < mask.end;
        if !self.pieces.iter().any(|piece| masks.iter().any(|mask| touches(piece, mask))) {
            return None;
        }
        let shown = self.pieces.iter().map(|piece| {
            let (mut shown, mut from) = (String::new(), piece.start);
            for mask in masks.iter().filter(|mask| touches(piece, mask)) {
                shown.push_str(text.get(from..mask.start.max(from)).unwrap_or_default());
                shown.push_str(&mask.replacement);
                from = mask.end.min(piece.end);
            }
            shown + text.get(from..piece.end).unwrap_or_default()
        });
        Some(shown.collect::<Vec<_>>().join("\n"))
    }
}

//! Characters that nobody sees, and a text without them.

use super::{Builder, View};

/// Whether a character has no width and no look of its own: soft hyphen, joiners, marks of direction, variation
/// selectors, tags, fillers (`Default_Ignorable_Code_Point` of Unicode 16).
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether one of them is in `text`.
pub(crate) fn has_unseen(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(is_unseen)
}

/// Leaves them out; none where there are none.
pub(crate) fn without_unseen(text: &str) -> Option<View<'_>> {
    if text.is_ascii() {
        return None;
    }
    let mut out = Builder::new(text);
    for (at, c) in text.char_indices().filter(|(_, c)| is_unseen(*c)) {
        out.replace(at, at + c.len_utf8(), "");
    }
    out.finish()
}

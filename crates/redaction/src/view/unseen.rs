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

/// Whether a control character prints nothing: NUL of wide text, bells, shifts, DEL.
fn is_silent(byte: u8) -> bool {
    byte < 8 || (0xe..0x20).contains(&byte) && byte != 0x1b || byte == 0x7f
}

/// Bytes with which the characters of [`is_unseen`] begin in UTF-8.
fn may_begin_unseen(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xcd | 0xd8 | 0xe1..=0xe3 | 0xef | 0xf0 | 0xf3)
}

/// Bytes that are looked at together: without an early end the compiler looks at many at once.
const STRIDE: usize = 64;

/// Whether one of them is in `text`.
pub(crate) fn has_unseen(text: &str) -> bool {
    let may = |byte: u8| is_silent(byte) | may_begin_unseen(byte);
    let strides = text.as_bytes().chunks(STRIDE).enumerate();
    let strides =
        strides.filter(|(_, bytes)| bytes.iter().fold(false, |any, byte| any | may(*byte)));
    strides.into_iter().any(|(stride, bytes)| {
        let at = stride * STRIDE;
        let places = bytes.iter().enumerate().filter(|(_, byte)| may(**byte));
        places.into_iter().any(|(next, byte)| {
            let first = || text.get(at + next..).and_then(|rest| rest.chars().next());
            is_silent(*byte) || first().is_some_and(is_unseen)
        })
    })
}

/// Characters of a text that somebody sees, blanks around it left out.
pub fn seen_chars(text: &str) -> usize {
    text.trim().chars().filter(|c| !is_unseen(*c) && !c.is_control()).count()
}

/// Leaves them out; none where there are none.
pub(crate) fn without_unseen(text: &str) -> Option<View<'_>> {
    if !has_unseen(text) {
        return None;
    }
    let mut out = Builder::new(text);
    let is_out = |c: char| is_unseen(c) || u8::try_from(c).is_ok_and(is_silent);
    for (at, c) in text.char_indices().filter(|(_, c)| is_out(*c)) {
        out.replace(at, at + c.len_utf8(), "");
    }
    out.finish()
}

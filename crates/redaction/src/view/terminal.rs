//! Terminal sequences: what they are, a text without them, and the texts inside of them.

use std::ops::Range;

use memchr::memchr2;

use super::{Builder, View};

/// Kind and length of the head of a sequence: ESC and a byte, or one character of the C1 set in UTF-8.
fn head(rest: &[u8]) -> Option<(u8, usize)> {
    match rest {
        [0x1b, kind, ..] => Some((*kind, 2)),
        [0xC2, 0x90 | 0x98 | 0x9B | 0x9D..=0x9F, ..] => Some((rest.get(1)? - 0x40, 2)),
        _ => None,
    }
}

/// Whether a C1 character that begins a sequence follows 0xC2.
pub(crate) fn is_c1(next: Option<&u8>) -> bool {
    next.is_some_and(|next| head(&[0xC2, *next]).is_some())
}

/// The text inside of a sequence that holds one (OSC, DCS, SOS, PM, APC), and behind what terminates it; in bytes of
/// `body`, which stands behind the head.
fn inside(body: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    loop {
        let rest = body.get(at..)?;
        let found = rest.iter().position(|byte| matches!(byte, 0x07 | 0x1b | b'\n' | 0xC2))?;
        match rest.get(found..)? {
            [0x07, ..] => return Some((at + found, at + found + 1)),
            [0x1b, b'\\', ..] | [0xC2, 0x9C, ..] => return Some((at + found, at + found + 2)),
            [0xC2, next, ..] if !is_c1(Some(next)) => at += found + 1,
            _ => return None,
        }
    }
}

/// Length of the terminal sequence that begins at `at`, 0 where none does.
pub(crate) fn sequence(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((kind, head)) = head(rest) else {
        return 0;
    };
    let body = rest.get(head..).unwrap_or_default();
    match kind {
        b'[' => {
            let odd = |byte: &u8| !(0x20..0x40).contains(byte);
            let length = body.iter().position(odd).unwrap_or(body.len());
            head + length + usize::from(body.get(length).is_some_and(|b| (0x40..0x7F).contains(b)))
        }
        b']' | b'P' | b'X' | b'^' | b'_' => head + inside(body).map_or(0, |(_, end)| end),
        0x20..0x30 => head + usize::from(body.first().is_some_and(|b| (0x30..0x7F).contains(b))),
        0x30..0x7F => head,
        _ => 1,
    }
}

/// The sequences of a text, in order.
fn sequences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let found = at + memchr2(0x1b, 0xC2, bytes.get(at..)?)?;
            let length = sequence(bytes, found);
            at = found + length.max(1);
            if length > 0 {
                return Some(found..at);
            }
        }
    })
}

/// Takes colours and other terminal sequences out; none where there are none.
pub(crate) fn without_sequences(text: &str) -> Option<View<'_>> {
    let mut out = Builder::new(text);
    sequences(text).for_each(|place| out.replace(place.start, place.end, ""));
    out.finish()
}

/// The texts inside of sequences: titles, directories, addresses, what was put on the clipboard, commands.
///
/// Where a sequence is passed on by another one (tmux, screen), the outer one ends nowhere that a terminal would accept,
/// so that its text is read as any text and the inner one is found in it.
pub(crate) fn texts(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    sequences(text).filter_map(move |place| {
        let (kind, head) = head(bytes.get(place.clone())?)?;
        let (length, _) = inside(bytes.get(place.start + head..place.end)?)?;
        let start = place.start + head;
        (matches!(kind, b']' | b'P' | b'X' | b'^' | b'_') && length > 0)
            .then_some(start..start + length)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;

    #[test]
    fn colours_inside_are_covered_and_around_are_not() {
        let text = "x \u{1b}[31mab\u{1b}[1mcd\u{1b}[0m y\u{1b}]0;t\u{7}z";
        let view = without_sequences(text).unwrap();
        assert_eq!(view.text, "x abcd yz");
        assert_eq!(source(&view, text, "abcd"), "ab\u{1b}[1mcd");
    }

    #[test]
    fn sequences_hold_texts() {
        let text =
            "a\u{1b}]0;one\u{7}b\u{1b}Ptwo\u{1b}\\c\u{9d}thrée\u{9c}d\u{1b}[31me\u{1b}]no\nf";
        let found: Vec<&str> = texts(text).map(|place| &text[place]).collect();
        assert_eq!(found, ["0;one", "two", "thrée"]);
        assert_eq!(without_sequences(text).unwrap().text, "abcdeno\nf");
        let passed = "\u{1b}Ptmux;\u{1b}\u{1b}]0;title\u{7}\u{1b}\\";
        let found: Vec<&str> = texts(passed).map(|place| &passed[place]).collect();
        assert_eq!(found, ["0;title"]);
    }
}

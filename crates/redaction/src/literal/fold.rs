//! A text in which only what a reader sees is left: for literals, which are the same in any spelling.
//!
//! Characters are taken apart (NFKD), so that composed, full width and compatible ones are one; signs without width are
//! left out, and so are blanks, and what stands before the first word of a line. A literal is searched without its
//! blanks; whether blanks stand where it has them is asked of what was left out.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::super::view::unseen::is_unseen;
use super::super::view::{Builder, View};

/// Whether a character goes with the one before it.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && canonical_combining_class(c) != 0
}

/// What stands before the words of a line that was quoted, commented out, boxed, or is one of a diff.
const LINE_MARKS: &[char] = &['>', '|', '+', '-', '#', '*', '/', '│', '┃'];

/// What may stand before a blank between the words of a command, and behind it.
const SHELL_SIGNS: [char; 3] = ['\'', '"', '\\'];
const LINE_SIGNS: [char; 4] = ['=', '\\', '\'', '"'];
const SHELL_QUOTES: [char; 2] = ['\'', '"'];

/// Signs of a literal that may stand where a line begins, as far as they are tried.
const SIGNS_MAX: usize = 8;

/// How a text is folded.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Letters beyond ASCII are small ones.
    pub(super) small: bool,
    /// Blanks are left out also where no line breaks: for literals that have some.
    pub(super) blanks: bool,
}

/// Calls `each` with the places that read otherwise, and how.
fn fold(text: &str, how: How, each: &mut dyn FnMut(usize, usize, &str)) {
    let bytes = text.as_bytes();
    let (mut at, mut done) = (0, 0);
    let mut read = String::new();
    let seen = |byte: &u8| byte.is_ascii_graphic() || !how.blanks && matches!(byte, b' ' | b'\t');
    while let Some(rest) = bytes.get(at..) {
        at += rest.iter().position(|byte| !seen(byte)).unwrap_or(rest.len());
        let rest = text.get(at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { return };
        let end = at
            + match () {
                () if c.is_whitespace() => blanks(rest),
                () if is_unseen(c) || c.is_control() => c.len_utf8(),
                () => {
                    let marks = rest.get(c.len_utf8()..).unwrap_or_default();
                    c.len_utf8() + marks.find(|c| !is_mark(c)).unwrap_or(marks.len())
                }
            };
        // A line that goes on says so, in mail and in a shell; there, blanks stand between quotes or behind a backslash.
        let before = text.get(..at).unwrap_or_default();
        let is_blank = c.is_whitespace() && how.blanks;
        let line = match c {
            '\n' | '\r' => without(before, &LINE_SIGNS).trim_end_matches([' ', '\t']),
            _ if is_blank => without(before, &SHELL_SIGNS),
            _ => before,
        };
        let behind = text.get(end..).unwrap_or_default();
        let end = if is_blank { end + quote(behind) } else { end };
        let start = line.len().max(done);
        let from = text.get(start..end).unwrap_or_default();
        read.clear();
        if !(c.is_whitespace() || is_unseen(c)) {
            let apart = from.nfkd().filter(|c| !c.is_whitespace());
            match how.small {
                true => apart.for_each(|c| push_small(c, &mut read)),
                false => read.extend(apart),
            }
        }
        if read != from {
            each(start, end, &read);
        }
        (at, done) = (end, end);
    }
}

/// What stands before a blank, without the sign that belongs to it.
fn without<'t>(before: &'t str, signs: &[char]) -> &'t str {
    before.trim_end_matches(is_unseen).strip_suffix(signs).unwrap_or(before)
}

/// Length of the quote behind a blank; nothing where there is none.
fn quote(behind: &str) -> usize {
    let seen = behind.trim_start_matches(is_unseen);
    let unseen = behind.len() - seen.len();
    if seen.starts_with(SHELL_QUOTES) { unseen + 1 } else { 0 }
}

/// Adds a letter as a small one; those that differ from small letters only by what stands around them as these.
fn push_small(c: char, out: &mut String) {
    match c {
        'ß' | 'ẞ' => out.push_str("ss"),
        'ς' => out.push('σ'),
        c => out.extend(c.to_lowercase()),
    }
}

/// Length of the blanks that `rest` begins with; behind a line break, of the marks of the next line, too.
fn blanks(rest: &str) -> usize {
    let length = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
    let (blank, behind) = rest.split_at_checked(length).unwrap_or_default();
    if !blank.contains(['\n', '\r']) {
        return length;
    }
    let word = behind.find(|c: char| !(c.is_whitespace() || LINE_MARKS.contains(&c)));
    length + word.unwrap_or(behind.len())
}

/// The text alone.
pub(super) fn folded_text(text: &str, how: How) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut copied = 0;
    fold(text, how, &mut |start, end, read| {
        folded.push_str(text.get(copied..start).unwrap_or_default());
        folded.push_str(read);
        copied = end;
    });
    folded.push_str(text.get(copied..).unwrap_or_default());
    folded
}

/// The text with the way back.
pub(super) fn folded(text: &str, how: How) -> Option<View<'_>> {
    let mut out = Builder::new(text);
    fold(text, how, &mut |start, end, read| out.replace(start, end, read));
    out.finish()
}

/// A literal without the signs behind its blanks that a line may begin with, and these signs, for each of its gaps:
/// behind each blank alone, and behind all of them. `deploy --env x` is so found where its line breaks before the option.
pub(super) fn without_signs(text: &str) -> Vec<(String, Vec<String>)> {
    let is_sign = |c: char| c.is_whitespace() || LINE_MARKS.contains(&c);
    let mut words = Vec::new();
    let mut gaps = Vec::new();
    let mut rest = text;
    while let Some((word, gap)) =
        rest.find(char::is_whitespace).and_then(|at| rest.split_at_checked(at))
    {
        let end = gap.find(|c: char| !is_sign(c)).unwrap_or(gap.len());
        let (gap, after) = gap.split_at_checked(end).unwrap_or((gap, ""));
        words.push(word);
        gaps.push(gap);
        rest = after;
    }
    let signed =
        (0..gaps.len()).filter(|at| gaps.get(*at).is_some_and(|gap| !gap.trim().is_empty()));
    let signed: Vec<usize> = signed.take(SIGNS_MAX).collect();
    let mut choices: Vec<Vec<usize>> = signed.iter().map(|at| vec![*at]).collect();
    if signed.len() > 1 {
        choices.push(signed);
    }
    let without = |left_out: &Vec<usize>| {
        let (mut bare, mut signs) = (String::new(), Vec::new());
        for (at, (word, gap)) in words.iter().zip(&gaps).enumerate() {
            let is_out = left_out.contains(&at);
            bare.push_str(word);
            bare.push_str(if is_out { " " } else { gap });
            let blanks = gap.split(|c: char| !c.is_whitespace()).filter(|run| !run.is_empty());
            match is_out {
                true => signs.push(gap.trim().to_string()),
                false => signs.extend(blanks.map(|_| String::new())),
            }
        }
        (bare + rest, signs)
    };
    choices.iter().map(without).collect()
}

/// Places in the folded form of a literal before which it has a blank.
pub(super) fn gaps(text: &str) -> Vec<usize> {
    let mut gaps = Vec::new();
    let (mut length, mut copied) = (0, 0);
    fold(text, How { small: true, blanks: true }, &mut |start, end, read| {
        length += start - copied;
        if read.is_empty() && text.get(start..end).is_some_and(|s| s.contains(char::is_whitespace))
        {
            gaps.push(length);
        }
        length += read.len();
        copied = end;
    });
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: How = How { small: true, blanks: true };

    #[test]
    fn what_looks_the_same_is_the_same() {
        let forms =
            ["Ärger im Hafen", "A\u{308}rger  im\n> Hafen", "Ä\u{ad}rger\tim\r\n+\u{200b}Hafen"];
        for form in forms {
            // Capital letters of ASCII are left to the search.
            let text = folded_text(form, SMALL);
            assert!(text.eq_ignore_ascii_case("a\u{308}rgerimHafen"), "{form:?}: {text:?}");
            assert_eq!(folded(form, SMALL).unwrap().text, text);
            assert_eq!(gaps(form), [7, 9]);
        }
        for command in ["a 'b c' d", r"a\ b c\ d", r#"a b" "c "d""#] {
            assert!(folded_text(command, SMALL).starts_with("abc"), "{command}");
        }
        assert_eq!(
            folded_text("ＡＢ１ ﬁ한", How { small: false, ..SMALL }),
            "AB1fi\u{1112}\u{1161}\u{11ab}"
        );
        assert_eq!(folded_text("e\u{301}\u{323}", SMALL), folded_text("\u{1eb9}\u{301}", SMALL));
    }
}

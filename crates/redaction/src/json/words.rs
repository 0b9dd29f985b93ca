//! The words of a command as an array has them, read as one line: what an option says of its value is told by the word
//! before it. A program may be named beside the array of its arguments.

use std::ops::Range;

use super::super::scan::Found;
use super::super::view::View;
use super::super::view::spelled::json_string;
use super::{Kind, Token};

/// An array whose words are longer than this together, in bytes, is no command.
const LINE_MAX: usize = 16 * 1024;

/// Members that name a program whose arguments stand in an array beside them.
const PROGRAMS: &[&str] =
    &["command", "cmd", "program", "executable", "exe", "file", "bin", "binary", "tool", "path"];

/// So many tokens before and behind an array are looked at for its program.
const MEMBERS_MAX: usize = 64;

/// One word of a line.
struct Word<'a> {
    token: &'a Token,
    view: View<'a>,
    /// Its place in the line.
    place: Range<usize>,
}

/// An array as a line.
pub(crate) struct Line<'a> {
    pub(crate) text: String,
    words: Vec<Word<'a>>,
}

/// The lines that the arrays of a JSON text make: their words as they are, and with quotes around those that a shell
/// would split; behind the name of their program where it stands beside them.
pub(crate) fn lines<'a>(text: &'a str, tokens: &'a [Token]) -> impl Iterator<Item = Line<'a>> {
    let mut from = 0;
    let arrays = tokens.chunk_by(|a, b| a.list.is_some() && a.list == b.list);
    let words = arrays.filter_map(move |words| {
        let place = from..from + words.len();
        from = place.end;
        words.first()?.list?;
        let program = program(text, tokens, place);
        let words: Vec<&Token> = program.into_iter().chain(words).collect();
        let length: usize = words.iter().map(|word| word.end - word.start).sum();
        let is_line = words.len() > 1
            && length <= LINE_MAX
            && words.iter().any(|word| word.kind == Kind::Text);
        is_line.then_some(words)
    });
    words.flat_map(move |words| {
        [false, true].into_iter().filter_map(move |quoted| Line::of(text, &words, quoted))
    })
}

/// The program that a member of the same object names, for the array whose words are the tokens at `place`.
fn program<'a>(text: &str, tokens: &'a [Token], place: Range<usize>) -> Option<&'a Token> {
    let object = tokens.get(place.start)?.object?;
    let is_program = |token: &&Token| {
        let key = token.key.and_then(|(start, end)| text.get(start..end));
        token.kind == Kind::Text && key.is_some_and(|key| PROGRAMS.contains(&key))
    };
    // An object's members stand together, but for what is in them.
    let in_object = |token: &&Token| token.start > object;
    let before = tokens.get(..place.start)?.iter().rev().take_while(in_object);
    let behind = tokens.get(place.end..)?.iter().take(MEMBERS_MAX);
    before
        .take(MEMBERS_MAX)
        .chain(behind)
        .find(|token| token.object == Some(object) && token.list.is_none() && is_program(token))
}

impl<'a> Line<'a> {
    /// None where there is nothing to quote.
    fn of(text: &'a str, tokens: &[&'a Token], quoted: bool) -> Option<Line<'a>> {
        let mut line = Line { text: String::new(), words: Vec::with_capacity(tokens.len()) };
        let mut has_quotes = false;
        for token in tokens.iter().copied() {
            let raw = text.get(token.start..token.end)?;
            let view = json_string(raw);
            let splits = |c: char| c.is_whitespace() || "\"'$`".contains(c);
            let quote = match quoted && (view.text.is_empty() || view.text.contains(splits)) {
                true => "'",
                false => "",
            };
            has_quotes |= !quote.is_empty();
            if !line.words.is_empty() {
                line.text.push(' ');
            }
            line.text.push_str(quote);
            let start = line.text.len();
            line.text.push_str(&view.text);
            let place = start..line.text.len();
            line.text.push_str(quote);
            line.words.push(Word { token, view, place });
        }
        (has_quotes == quoted).then_some(line)
    }

    /// What was found in the line, in the text that has the array: a piece of each word that it touches.
    pub(crate) fn found(&self, found: Found) -> impl Iterator<Item = Found> {
        let first = self.words.partition_point(|word| word.place.end <= found.start);
        let words = self.words.get(first..).unwrap_or_default().iter();
        let words = words.take_while(move |word| word.place.start < found.end);
        words.filter_map(move |word| {
            let start = found.start.max(word.place.start) - word.place.start;
            let end = found.end.min(word.place.end) - word.place.start;
            let Token { start: at, end: behind, kind, .. } = *word.token;
            if kind == Kind::Scalar {
                return Some(Found { start: at, end: behind, quoted: true, ..found });
            }
            let piece = Found { start, end, ..found }.through(&word.view);
            let (start, end) = (piece.start + at, piece.end + at);
            (start < end).then_some(Found {
                start,
                end,
                level: found.level.saturating_add(1),
                ..found
            })
        })
    }
}

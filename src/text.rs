//! Text for people: harmless, short, aligned.

use codex_ledger_app::{HeadSummary, Reason};
use codex_ledger_query::Zone;
pub use codex_ledger_report::numbers::{bytes, number as count, plural, short};
use codex_ledger_report::{escape, numbers};
use std::borrow::Cow;
use std::path::Path;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text from logs without anything that a terminal would obey or that nobody sees: control characters, escape
/// sequences, direction overrides and tags are shown as what they are. Line feeds and tabs stay.
pub fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // Alone it would glue what stands on both sides of it.
        if c != '\r' || rest.peek() != Some(&'\n') {
            push_safe(&mut out, c);
        }
    }
    out
}

fn push_safe(out: &mut String, c: char) {
    match c {
        c if !escape::is_hidden(c) => out.push(c),
        c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
    }
}

/// The same of a path.
pub fn safe_path(path: &Path) -> String {
    safe(&path.display().to_string())
}

/// A path as a shell reads it.
pub fn quoted(path: &Path) -> String {
    let text = safe_path(path);
    // Only a null character cannot be quoted, and no path has one.
    shlex::try_quote(&text).map(Into::into).unwrap_or(text)
}

/// A whole output, in which the colours of this program may stand; all else is as in [`safe`], whatever
/// was forgotten before.
pub fn safe_output(text: &str, is_colored: bool) -> Cow<'_, str> {
    let is_bad = |c: char| escape::is_hidden(c) && !(is_colored && c == '\x1b');
    if !text.contains('\x1b') && !text.chars().any(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let color = COLORS.iter().find(|color| is_colored && rest.starts_with(**color));
        match color {
            None if rest.starts_with("\r\n") => {}
            Some(color) => out.push_str(color),
            None => push_safe(&mut out, c),
        }
        rest = rest.get(color.map_or(c.len_utf8(), |color| color.len())..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// The colours and weights of this program, and their end.
const COLORS: [&str; 8] =
    ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[7m", "\x1b[31m", "\x1b[32m", "\x1b[35m", "\x1b[1;35m"];

/// A JSON document for people and programs: what a terminal would obey is written by number, which is the same
/// value.
pub fn json_text(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| escape::json_number(c).is_some()) {
        return Cow::Borrowed(text);
    }
    // Outside of its strings JSON is ASCII, and in them such a character never follows half of an escape.
    let shown = |c: char| escape::json_number(c).unwrap_or_else(|| c.to_string());
    Cow::Owned(text.chars().map(shown).collect())
}

/// The first line, harmless and at most `width` columns of a terminal wide.
pub fn one_line(text: &str, width: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let more = text.trim().lines().nth(1).is_some();
    let line = safe(line).replace('\t', " ");
    if line.width() > width || more {
        return format!("{}…", columns(&line, width.saturating_sub(1)).trim_end());
    }
    line
}

/// As much of a line as fits into so many columns: some letters take two, marks none.
pub fn columns(line: &str, width: usize) -> &str {
    let mut used = 0;
    let end = line.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    line.get(..end.map_or(line.len(), |(at, _)| at)).unwrap_or_default()
}

/// What a program has printed, as it is to be read: without the colours that it asked a terminal for, and in lines where
/// it went back to the beginning of one. Nothing that it said is left out.
pub fn printed(text: &str) -> Cow<'_, str> {
    if !text.contains(['\r', '\x1b']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\x1b']) {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        let colour = behind.strip_prefix("\x1b[").and_then(|codes| {
            let end = codes.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
            codes.get(end..)?.strip_prefix(['m', 'K'])
        });
        rest = match (colour, behind.strip_prefix('\r')) {
            (Some(rest), _) => rest,
            (_, Some(rest)) => {
                if !rest.is_empty() && !rest.starts_with(['\n', '\r']) {
                    out.push('\n');
                }
                rest
            }
            _ => {
                out.push('\x1b');
                behind.get(1..).unwrap_or_default()
            }
        };
    }
    out.push_str(rest);
    out.into()
}

/// `1 entry`, `2 entries`.
pub fn entries(number: u64) -> String {
    if number == 1 { "1 entry".into() } else { format!("{} entries", count(number)) }
}

/// How long a ledger is and what stands for it, behind a label of six characters.
pub fn head(label: &str, HeadSummary { size, id, root }: &HeadSummary) -> String {
    format!("{label} {} entries\n       id   {id}\n       root {root}\n", count(*size))
}

/// `2026-02-09 18:36` in a zone.
pub fn minute_in(zone: &Zone, at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "-".into(), |at_ms| zone.minute(at_ms))
}

/// `2026-02-09 18:36` in UTC.
pub fn minute(at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "-".into(), |at_ms| Zone::utc().minute(at_ms))
}

/// `120 ms`, `4.2 s`, `3 min 20 s`.
pub fn duration(ms: u64) -> String {
    numbers::duration(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Why a line is no sound record, in words where the name of the reason is known.
pub fn reason_in_words(name: &str) -> String {
    Reason::of_name(name).map_or(name, |reason| reason.message()).to_string()
}

/// How many lines of a file are no sound records, where the first of them is, and why.
pub fn problem_lines(lines: u64, (line, offset): (u64, u64), reasons: &[String]) -> String {
    let place = format!("line {line}, byte {offset}");
    let place = if lines == 1 { place } else { format!("{} from {place}", plural(lines, "line")) };
    let why: Vec<String> = reasons.iter().map(|reason| reason_in_words(reason)).collect();
    format!("{place}: {}", safe(&why.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_harmless() {
        assert_eq!(safe("a\x1b[31mred\u{202e}x\0\tb\r\n"), "a\\x1b[31mred\\u{202e}x\\x00\tb\n");
        assert_eq!(safe("\u{7f}\u{9b}31m\u{e0041}"), "\\x7f\\x9b31m\\u{e0041}");
        assert_eq!(safe("👨\u{200d}👩"), "👨\u{200d}👩", "letters that are joined stay so");
        assert_eq!(one_line("\n  first\nsecond", 20), "first…");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("등대를 지었다", 8), "등대를…", "letters of two columns");
        assert_eq!(printed("a\x1b[1;31mred\x1b[0m\r\nb\r10 %\r20 %\r"), "ared\nb\n10 %\n20 %");
        assert_eq!(printed("\x1b[2Jx\x1b"), "\x1b[2Jx\x1b", "what is no colour is shown by number");
    }

    #[test]
    fn only_colours_of_the_program_pass() {
        let (text, plain) =
            ("\x1b[31mred\x1b[0m \x1b[2J\u{9b}m\n", "\\x1b[31mred\\x1b[0m \\x1b[2J\\x9bm\n");
        assert_eq!(safe_output(text, false), plain);
        assert_eq!(safe_output(text, true), "\x1b[31mred\x1b[0m \\x1b[2J\\x9bm\n");
        assert!(matches!(safe_output("plain\ttext\n", true), Cow::Borrowed(_)));
    }

    #[test]
    fn json_is_the_same_value_without_what_is_obeyed() {
        let value = serde_json::json!("\\\u{9b}\u{7f}\u{202e}\u{e0041}\x1b \"é👨\u{200d}👩");
        let text = value.to_string();
        let shown = json_text(&text);
        assert!(!shown.chars().any(escape::is_hidden), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn times_for_people() {
        assert_eq!(duration(u64::MAX), duration(i64::MAX as u64));
        assert_eq!(minute(Some(1_770_662_187_000)), "2026-02-09 18:36");
    }
}

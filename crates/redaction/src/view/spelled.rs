//! Readings of texts that spell characters otherwise: backslashes, percent signs, entities, quoted-printable.

use memchr::{memchr, memchr_iter, memmem};

use super::unseen::{has_unseen, without_unseen};
use super::{Builder, View};

fn hex(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let digits = bytes.get(at..at + length)?;
    digits.iter().try_fold(0, |value, byte| Some(value * 16 + char::from(*byte).to_digit(16)?))
}

/// Bytes that are spelled one by one, each in `length` bytes of text, as the character that they are together.
///
/// Gives the character and the length of its spelling.
fn utf8(spelled: impl Fn(usize) -> Option<u8>, length: usize) -> Option<(char, usize)> {
    let mut raw = [0; 4];
    for count in 0..raw.len() {
        *raw.get_mut(count)? = spelled(count * length)?;
        if let Ok(c) = str::from_utf8(raw.get(..=count)?) {
            return Some((c.chars().next()?, (count + 1) * length));
        }
    }
    None
}

/// Reads the escape at `at`, a backslash: the character and the escape's length.
///
/// Half a surrogate pair reads as U+FFFD. `loose` adds what shells and programming languages write.
fn escape(bytes: &[u8], at: usize, loose: bool) -> Option<(char, usize)> {
    let simple = |c| Some((c, 2));
    match bytes.get(at + 1)? {
        b'n' => simple('\n'),
        b't' => simple('\t'),
        b'r' => simple('\r'),
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' if !loose => simple('\u{8}'),
        b'f' if !loose => simple('\u{c}'),
        b'u' if loose && bytes.get(at + 2) == Some(&b'{') => {
            let rest = bytes.get(at + 3..).unwrap_or_default();
            let length = rest.iter().take(7).position(|byte| *byte == b'}')?;
            (length > 0).then_some(())?;
            Some((char::from_u32(hex(bytes, at + 3, length)?)?, length + 4))
        }
        b'u' => {
            let high = hex(bytes, at + 2, 4)?;
            let paired = (0xD800..0xDC00).contains(&high)
                && bytes.get(at + 6..at + 8).is_some_and(|next| next == b"\\u");
            let low = if paired { hex(bytes, at + 8, 4) } else { None };
            match low.filter(|low| (0xDC00..0xE000).contains(low)) {
                Some(low) => {
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12))
                }
                None => Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)),
            }
        }
        b'U' if loose => Some((char::from_u32(hex(bytes, at + 2, 8)?)?, 10)),
        b'\'' if loose => simple('\''),
        b'e' if loose && bytes.get(at + 2) == Some(&b'[') => simple('\u{1b}'),
        b'x' if loose => {
            let byte = |from: usize| {
                let is_escape = bytes.get(at + from..at + from + 2)? == b"\\x";
                is_escape.then(|| hex(bytes, at + from + 2, 2)).flatten()?.try_into().ok()
            };
            // A byte that begins no character of UTF-8 is one of Latin-1.
            utf8(byte, 4).or_else(|| Some((char::from_u32(hex(bytes, at + 2, 2)?)?, 4)))
        }
        b'0'..=b'3' if loose => utf8(|from| octal(bytes, at + from), 4),
        _ => None,
    }
}

/// The byte that `\303` spells.
fn octal(bytes: &[u8], at: usize) -> Option<u8> {
    let [b'\\', digits @ ..] = bytes.get(at..at + 4)? else {
        return None;
    };
    let digit = |value: u32, byte: &u8| Some(value * 8 + char::from(*byte).to_digit(8)?);
    digits.iter().try_fold(0, digit)?.try_into().ok()
}

fn unescaped(text: &str, loose: bool) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    let mut out = Builder::new(text);
    let mut next = 0;
    while let Some(found) = bytes.get(next..).and_then(|rest| memchr(b'\\', rest)) {
        let at = next + found;
        next = at + 1;
        // The end of a terminal sequence is no escape.
        let ends = loose && at.checked_sub(1).and_then(|last| bytes.get(last)) == Some(&0x1b);
        if let Some((c, length)) = escape(bytes, at, loose).filter(|_| !ends) {
            out.replace(at, at + length, c.encode_utf8(&mut [0; 4]));
            next = at + length;
        }
    }
    out.finish()
}

/// Reads the inside of a JSON string.
pub(crate) fn json_string(raw: &str) -> View<'_> {
    unescaped(raw, false).unwrap_or_else(|| View::plain(raw))
}

/// Takes one level of backslashes off; none where there is none.
pub(crate) fn without_escapes(text: &str) -> Option<View<'_>> {
    unescaped(text, true)
}

/// What a reading of a text does; none where it would read the text as it is.
pub(crate) type Reading = fn(&str) -> Option<View<'_>>;

/// The readings of what stands between backslashes. Each makes a text shorter.
pub(crate) const SPELLINGS: [Reading; 6] = [
    without_percent,
    without_entities,
    without_equals,
    without_unseen,
    without_continuations,
    without_shell_quotes,
];

/// How shells are given an apostrophe inside of apostrophes.
pub(crate) const SHELL_QUOTES: [&str; 2] = [r"'\''", r#"'"'"'"#];

/// Reads an apostrophe as shells do that are given it inside of apostrophes.
fn without_shell_quotes(text: &str) -> Option<View<'_>> {
    let mut out = Builder::new(text);
    let mut next = 0;
    while let Some((at, spelled)) = shell_quote(text, next) {
        next = at + spelled.len();
        out.replace(at, next, "'");
    }
    out.finish()
}

/// The first apostrophe that is spelled so, from a place on.
fn shell_quote(text: &str, from: usize) -> Option<(usize, &'static str)> {
    let rest = text.as_bytes().get(from..)?;
    // One pass for all of them, which begin alike.
    memchr_iter(b'\'', rest).find_map(|at| {
        let begins =
            |spelled: &&str| rest.get(at..).is_some_and(|at| at.starts_with(spelled.as_bytes()));
        Some((from + at, SHELL_QUOTES.into_iter().find(begins)?))
    })
}

/// Whether one of [`SPELLINGS`] may read `text` otherwise than it is.
pub(crate) fn is_spelled(text: &str) -> bool {
    let bytes = text.as_bytes();
    let entity = |at| entity(text, at).is_some();
    memchr_iter(b'&', bytes).any(entity)
        || is_printable(bytes)
        || has_unseen(text)
        || shell_quote(text, 0).is_some()
        || continuations(bytes).next().is_some()
}

/// The line breaks behind which a command goes on: each with the sign before it.
fn continuations(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    memchr_iter(b'\n', bytes).filter_map(|at| {
        let before = bytes.get(..at)?;
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        matches!(before, [.., b' ' | b'\t', b'\\' | b'`' | b'^']).then(|| (before.len() - 1, at))
    })
}

/// Reads commands that go on in the next line, behind a backslash, or a backtick or caret of other shells, as one line
/// each. All else is left out: it is read as it stands.
fn without_continuations(text: &str) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    let mut out = Builder::new(text);
    // Where the last line that is read ends.
    let mut end = 0;
    for (sign, at) in continuations(bytes) {
        if at >= end {
            let line =
                text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |last| last + 1);
            if line > end {
                out.replace(end, line, "");
            }
        }
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        out.replace(sign, at + 1 + blanks, "");
        end = at + 1 + memchr(b'\n', rest).map_or(rest.len(), |found| found + 1);
    }
    if (1..text.len()).contains(&end) {
        out.replace(end, text.len(), "");
    }
    out.finish()
}

/// Reads `%41` as `A`, character by character, and `%u0041` as scripts of browsers write it.
fn without_percent(text: &str) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    let mut out = Builder::new(text);
    let mut next = 0;
    for at in memchr_iter(b'%', bytes) {
        if at < next {
            continue;
        }
        let byte = |from: usize| {
            let is_percent = bytes.get(at + from) == Some(&b'%');
            is_percent.then(|| hex(bytes, at + from + 1, 2)).flatten()?.try_into().ok()
        };
        let code = || match bytes.get(at + 1)? {
            b'u' | b'U' => Some((char::from_u32(hex(bytes, at + 2, 4)?)?, 6)),
            _ => None,
        };
        if let Some((c, length)) = utf8(byte, 3).or_else(code) {
            next = at + length;
            out.replace(at, next, c.encode_utf8(&mut [0; 4]));
        }
    }
    out.finish()
}

/// Longest name of a character in HTML, with `&` and `;`.
const ENTITY_MAX: usize = 34;

/// The characters that an entity of HTML at `at`, an ampersand, stands for, and where it ends. A number needs no semicolon
/// behind it.
fn entity(text: &str, at: usize) -> Option<(String, usize)> {
    let rest = text.as_bytes().get(at + 1..)?;
    if let [b'#', number @ ..] = rest {
        let is_hex = matches!(number, [b'x' | b'X', ..]);
        let (digits, radix) = if is_hex { (number.get(1..)?, 16) } else { (number, 10) };
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let length = digits.iter().take(ENTITY_MAX).take_while(is_digit).count();
        let code = u32::from_str_radix(str::from_utf8(digits.get(..length)?).ok()?, radix).ok()?;
        let end = at + 2 + usize::from(is_hex) + length;
        let end = end + usize::from(digits.get(length) == Some(&b';'));
        return Some((char::from_u32(code)?.to_string(), end));
    }
    let length = rest.iter().take(ENTITY_MAX).position(|byte| !byte.is_ascii_alphanumeric())?;
    let end = at + length + 2;
    let spelled = text.get(at..end).filter(|_| length > 1 && rest.get(length) == Some(&b';'))?;
    let read = html_escape::decode_html_entities(spelled);
    (read != spelled).then(|| (read.into_owned(), end))
}

/// Reads `&amp;` and `&#65;` as HTML does.
fn without_entities(text: &str) -> Option<View<'_>> {
    let mut out = Builder::new(text);
    for at in memchr_iter(b'&', text.as_bytes()) {
        if let Some((read, end)) = entity(text, at) {
            out.replace(at, end, &read);
        }
    }
    out.finish()
}

/// Whether a text looks like quoted-printable: an equals sign is spelled, or a letter beyond ASCII is. `=20` alone stands
/// in too many programs, and lines of base64 end with `=`.
fn is_printable(bytes: &[u8]) -> bool {
    let letter = |at: usize| {
        let spelled = bytes.get(at + 1..at + 6);
        matches!(spelled, Some([b'C'..=b'F', _, b'=', b'8' | b'9' | b'A' | b'B', _]))
    };
    memmem::find(bytes, b"=3D").is_some() || memchr_iter(b'=', bytes).any(letter)
}

/// Reads quoted-printable: `=C3=A4` is `ä`, and a line goes on behind `=`.
fn without_equals(text: &str) -> Option<View<'_>> {
    let bytes = text.as_bytes();
    if !is_printable(bytes) {
        return None;
    }
    let mut out = Builder::new(text);
    let mut next = 0;
    for at in memchr_iter(b'=', bytes) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let byte = |from: usize| {
            let [b'=', a, b] = bytes.get(at + from..at + from + 3)? else {
                return None;
            };
            let is_small = a.is_ascii_lowercase() || b.is_ascii_lowercase();
            (!is_small).then(|| hex(bytes, at + from + 1, 2)).flatten()?.try_into().ok()
        };
        let read = match rest {
            _ if at < next => None,
            [b'\n', ..] => Some((None, 2)),
            [b'\r', b'\n', ..] => Some((None, 3)),
            _ => utf8(byte, 3).map(|(c, n)| (Some(c), n)),
        };
        if let Some((c, length)) = read {
            next = at + length;
            let mut buffer = [0; 4];
            out.replace(at, next, c.map_or("", |c| c.encode_utf8(&mut buffer)));
        }
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;

    #[test]
    fn escapes_map_back_whole() {
        let text = r#"a\nb\u0041\ud83d\ude00c\"d"#;
        let view = json_string(text);
        assert_eq!(view.text, "a\nbA😀c\"d");
        assert_eq!(source(&view, text, "bA"), r"b\u0041");
        assert_eq!(source(&view, text, "😀"), r"\ud83d\ude00");
        assert_eq!(source(&view, text, "c"), "c");
        assert_eq!(json_string(r"\ud83dx").text, "\u{fffd}x");
    }

    #[test]
    fn programs_spell_letters_in_many_ways() {
        for text in [
            r"\u{e4}b",
            r"\xc3\xa4b",
            r"\xe4b",
            r"\303\244b",
            r"\u00e4b",
            r"\U000000e4\x62",
            r"\303\244\142",
        ] {
            assert_eq!(without_escapes(text).unwrap().text, "äb", "{text}");
        }
        for text in [r"\1", r"\400", r"\39", r"\u{}", r"\u{110000}", r"\d"] {
            assert!(without_escapes(text).is_none(), "{text}");
        }
        let read =
            |reading: Reading, text: &'static str| reading(text).map(|v| v.text.into_owned());
        assert_eq!(
            read(without_entities, "a &amp;&#x41;&#66;&ouml; && b&c;").unwrap(),
            "a &ABö && b&c;"
        );
        assert_eq!(read(without_equals, "M=C3=BCller=\n =3D=20x=1b").unwrap(), "Müller = x=1b");
        assert_eq!(read(without_equals, "a =\nb=20 limit=300"), None);
    }

    #[test]
    fn percent_reads_utf8_or_nothing() {
        assert_eq!(without_percent("%67hp%5f%C3%A4%FF%zz").unwrap().text, "ghp_ä%FF%zz");
        assert!(without_percent("100%").is_none());
    }
}

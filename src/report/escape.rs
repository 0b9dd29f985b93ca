//! The one place where text from logs becomes harmless, for each language that it is written into.
//!
//! First [`visible`] shows what cannot be seen or would be obeyed: control characters, escape sequences and
//! direction overrides become `⟨U+202E⟩`. Line feeds and tabs stay. Then the language's own rules follow.

use std::borrow::Cow;

/// Characters that a terminal or a page obeys, or that nobody sees: shown by their number.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        c if c.is_control() => true,
        '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

/// The text with everything hidden made visible; `\r\n` becomes `\n`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            c if is_hidden(c) => out.push_str(&format!("⟨U+{:04X}⟩", c as u32)),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same in one line: line feeds and tabs become spaces.
pub fn line(text: &str) -> String {
    visible(text.trim()).replace(['\n', '\t'], " ")
}

/// The first line that says something, and an ellipsis where there is more than fits.
pub fn first_line(text: &str, width: usize) -> String {
    let text = visible(text.trim());
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let is_all = first.chars().count() <= width && text.trim().len() == first.len();
    let mut shown: String =
        first.chars().take(width).map(|c| if c == '\t' { ' ' } else { c }).collect();
    if !is_all {
        shown.truncate(shown.trim_end().len());
        shown.push('…');
    }
    shown
}

/// For HTML, as the text of an element or of an attribute in double quotes.
pub fn html(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// For Markdown, as a block of code: nothing in a fence is Markdown, and this fence is longer than any in it.
pub fn markdown_block(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let text = text.trim_end_matches('\n');
    format!("{fence}text\n{text}\n{fence}\n")
}

/// For Markdown, as a span of code in a cell of a table, which a bar would end: it is shown by its number.
pub fn markdown_cell(text: &str) -> String {
    markdown_code(&text.replace('|', "⟨U+007C⟩"))
}

/// For Markdown, as a span of code in a line; nothing for an empty text.
///
/// Nothing in a span of code is Markdown.
pub fn markdown_code(text: &str) -> String {
    let text = line(text);
    if text.is_empty() {
        return text;
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// For a cell of CSV: what a spreadsheet would take for a formula begins with an apostrophe.
///
/// Source: OWASP, CSV injection; the wide forms are those that spreadsheets in East Asia take as well.
pub fn csv(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{shown}"))
        }
        _ => shown,
    }
}

/// For a string of JSON, as one more `\uXXXX`: what serde leaves as it is, but a terminal would obey.
pub fn json_number(c: char) -> Option<String> {
    let is_bad = is_hidden(c) && c as u32 >= 0x7f;
    is_bad.then(|| {
        let mut units = [0; 2];
        let units = c.encode_utf16(&mut units);
        units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

/// For a name in an anchor or a file: letters, digits and hyphens only.
pub fn slug(text: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    text.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(visible("a\r\nb\tc"), "a\nb\tc");
        assert_eq!(
            visible("x\u{1b}[31m\0\u{202e}\r\u{9b}"),
            "x⟨U+001B⟩[31m⟨U+0000⟩⟨U+202E⟩⟨U+000D⟩⟨U+009B⟩"
        );
        assert_eq!(visible("\u{e0041}é👩\u{200d}💻"), "⟨U+E0041⟩é👩\u{200d}💻");
        assert_eq!(line(" a\n\tb "), "a  b");
        assert_eq!(first_line("\n  one two\nthree", 20), "one two…");
        assert_eq!(first_line("one two", 5), "one t…");
        assert_eq!(first_line(" one\n", 5), "one");
    }

    #[test]
    fn each_language_has_its_rules() {
        assert_eq!(html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(markdown_block("a\n"), "```text\na\n```\n");
        assert_eq!(markdown_block("````\n```"), "`````text\n````\n```\n`````\n");
        assert_eq!(markdown_cell("a|b"), "`a⟨U+007C⟩b`");
        assert_eq!(markdown_code("a|b"), "`a|b`");
        assert_eq!(markdown_code("`a``"), "``` `a`` ```");
        assert_eq!(markdown_code(" \n"), "");
        assert_eq!(csv("=1+1"), "'=1+1");
        assert_eq!(csv("\r=1"), "'⟨U+000D⟩=1");
        assert_eq!(csv("a=1"), "a=1");
        assert_eq!(json_number('\u{202e}').as_deref(), Some("\\u202e"));
        assert_eq!(json_number('\u{e0041}').as_deref(), Some("\\udb40\\udc41"));
        assert_eq!((json_number('a'), json_number('\u{1}')), (None, None));
        assert_eq!(slug("019C/..\\x"), "019c----x");
    }
}

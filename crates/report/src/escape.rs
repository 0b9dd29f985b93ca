//! Makes text from logs harmless in HTML, Markdown, CSV and JSON; the door does it for terminals.
//!
//! First [`visible`] shows what cannot be seen or would be obeyed: control characters, escape sequences and
//! direction overrides become `⟨U+202E⟩`. Line feeds and tabs stay. Then the language's own rules follow.

use std::borrow::Cow;

/// Characters that a terminal or a page obeys, or that nobody sees: shown by their number. Soft hyphens and the marks
/// of a direction belong to how words are written; they move nothing but themselves.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        c if c.is_control() => true,
        '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// Characters that nobody sees and that join those beside them.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// The text with everything hidden made visible; `\r\n` becomes `\n`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hidden(c) || is_joiner(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    let mut last = None;
    while let Some(c) = rest.next() {
        let next = rest.peek();
        // Emoji and some scripts are joined by them, ASCII never is.
        let joins = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
        let is_out_of_place = is_joiner(c) && !(joins(last) && joins(next.copied()));
        match c {
            '\r' if next == Some(&'\n') => {}
            c if is_hidden(c) || is_out_of_place => {
                out.push_str(&format!("⟨U+{:04X}⟩", c as u32));
            }
            c => out.push(c),
        }
        last = Some(c);
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

/// For HTML, as the text of an element or of an attribute in double quotes: an apostrophe stays.
pub fn html(text: &str) -> String {
    maud::html! { (visible(text)) }.into_string()
}

/// For Markdown, as a block of code: a fence that is longer than any in the text, where the text is tame, else
/// HTML.
pub fn markdown_block(text: &str) -> String {
    let text = visible(text);
    let text = text.trim_end_matches('\n');
    if !is_tame(text) {
        return format!("<pre>\n{}\n</pre>\n", preformatted(text));
    }
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// For Markdown, as code in a cell of a table, which a bar would end: it is shown by its number.
pub fn markdown_cell(text: &str) -> String {
    markdown_code(&text.replace('|', "⟨U+007C⟩"))
}

/// For Markdown, as code in a line: a span where the text is tame, else HTML; nothing for an empty text.
pub fn markdown_code(text: &str) -> String {
    let text = line(text);
    if text.is_empty() {
        return text;
    }
    if !is_tame(&text) {
        return format!("<code>{}</code>", numbered(&text));
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// For Markdown, as the rest of a heading.
pub fn markdown_line(text: &str) -> String {
    numbered(&line(text))
}

/// Whether a text has nothing that a Markdown renderer would obey, were the code around it taken for plain text.
///
/// Fences and spans are not enough: not every renderer knows fences, and inside of a block of HTML such as `<details>`
/// many take everything as it stands. So no tag, comment or address in angle brackets may stand in code, no link, image
/// or definition, and no list of attributes or template.
fn is_tame(text: &str) -> bool {
    let after_bracket = |rest: &str| rest.trim_start().starts_with(['(', '[', ':']);
    !text.contains('<')
        && !text.split(']').skip(1).any(after_bracket)
        && !["{:", "{{", "{%", "{#", "{."].iter().any(|brace| text.contains(brace))
}

/// What is not tame as it may stand in `<pre>`; and, where HTML is shown as text, in plain paragraphs.
fn preformatted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (at, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // The one that makes the text wild begins here.
            ']' | '{' if !is_tame(beginning(text, at)) => {
                out.push_str(&format!("&#{};", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

/// A bracket or brace with the first thing behind it.
fn beginning(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let next = rest.char_indices().skip(1).find(|(_, c)| !c.is_whitespace());
    let end = next.map_or(rest.len(), |(next, c)| next + c.len_utf8());
    // A brace means something with what is right behind it only, and its tag is looked at by itself.
    rest.get(..end).unwrap_or_default().trim_end_matches('<')
}

/// Everything that means something in Markdown or HTML by its number, so that it means itself in both.
fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        let is_address = c == '.' && out.ends_with("www");
        if is_address || "&<>[]{}\\`*_|~$:@#\"".contains(c) {
            out.push_str(&format!("&#{};", c as u32));
        } else {
            out.push(c);
        }
    }
    out
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
    // Blanks before it do not keep every spreadsheet from it.
    match text.trim_start_matches(' ').chars().next() {
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
        assert_eq!(visible("java\u{200d}script\u{200c}"), "java⟨U+200D⟩script⟨U+200C⟩");
        assert_eq!(visible("a\u{ad}b\u{e0100}c"), "a\u{ad}b⟨U+E0100⟩c");
        assert_eq!(visible("\u{200f}שלום\u{200f} \u{2067}x"), "\u{200f}שלום\u{200f} ⟨U+2067⟩x");
        assert_eq!(line(" a\n\tb "), "a  b");
        assert_eq!(first_line("\n  one two\nthree", 20), "one two…");
        assert_eq!(first_line("one two", 5), "one t…");
        assert_eq!(first_line(" one\n", 5), "one");
    }

    #[test]
    fn only_what_no_renderer_obeys_stands_in_fences() {
        for tame in [
            "a[0] = {\"b\": [1, 2]}",
            "x] y",
            "- [ ] done",
            "a & b > c",
            "https://example.com",
            "fn() { x }",
        ] {
            assert!(is_tame(tame), "{tame}");
        }
        for wild in
            ["<b", "[a](b)", "![a] (b)", "[a]\n[b]", "[a]: b", "{: #x}", "{{ x }}", "{% x %}", "{{"]
        {
            assert!(!is_tame(wild), "{wild}");
            assert!(is_tame(&numbered(wild)) && is_tame(&preformatted(wild)), "{wild}");
            assert!(!numbered(wild).contains(['<', '[', '{']), "{wild}");
        }
    }

    #[test]
    fn each_language_has_its_rules() {
        assert_eq!(html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;'&amp;");
        assert_eq!(markdown_block("a\n"), "```text\na\n```\n");
        assert_eq!(markdown_block("````\n```"), "`````text\n````\n```\n`````\n");
        assert_eq!(markdown_cell("a|b"), "`a⟨U+007C⟩b`");
        assert_eq!(markdown_code("a|b"), "`a|b`");
        assert_eq!(markdown_code("`a``"), "``` `a`` ```");
        assert_eq!(markdown_code(" \n"), "");
        assert_eq!(markdown_block("a <b>\n"), "<pre>\na &lt;b&gt;\n</pre>\n");
        assert_eq!(
            markdown_block("a[0] [b] (c) {d} {{e}}"),
            "<pre>\na[0&#93; [b&#93; (c) {d} &#123;{e}}\n</pre>\n"
        );
        assert_eq!(markdown_code("<b>"), "<code>&#60;b&#62;</code>");
        assert_eq!(markdown_line("a_b www.c"), "a&#95;b www&#46;c");
        assert_eq!(csv("=1+1"), "'=1+1");
        assert_eq!(csv("\r=1"), "'⟨U+000D⟩=1");
        assert_eq!(csv("a=1"), "a=1");
        assert_eq!(json_number('\u{202e}').as_deref(), Some("\\u202e"));
        assert_eq!(json_number('\u{e0041}').as_deref(), Some("\\udb40\\udc41"));
        assert_eq!((json_number('a'), json_number('\u{1}')), (None, None));
        assert_eq!(slug("019C/..\\x"), "019c----x");
    }
}

//! Markdown out of a log as HTML that does nothing, and as the words that a reader sees of it.
//!
//! What an agent said may be anybody's text. Only elements on a list are written, each without attributes of its own:
//! markup of HTML is shown as text, images are named and never asked for, headings are paragraphs so that they are none
//! of the page's, and addresses stand beside their words and cannot be followed.

use super::escape;
use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};
use std::borrow::Cow;

/// Longer texts are shown as they stand.
const RENDERED_BYTES_MAX: usize = 256 * 1024;
/// Deeper lists and quotations are shown flat.
const DEPTH_MAX: usize = 32;

/// The text as HTML.
pub(super) fn markup(text: &str) -> Markup {
    let text = escape::visible(text);
    if text.len() > RENDERED_BYTES_MAX {
        return html! { pre { (text) } };
    }
    let text = plain_maths(&text);
    let mut writer = Writer::default();
    parser(&text).for_each(|event| writer.event(event));
    PreEscaped(writer.finish())
}

/// What a reader sees of it, without its markup.
pub fn words(text: &str) -> String {
    let mut words = String::new();
    for event in parser(&plain_maths(text)) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                words.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak | Event::Rule | Event::End(TagEnd::TableCell) => {
                words.push('\n');
            }
            Event::End(end) if !is_inline(end) => words.push('\n'),
            _ => {}
        }
    }
    words
}

fn is_inline(end: TagEnd) -> bool {
    matches!(end, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link)
}

/// The Markdown of a text in which what is maths there stays as it is written: a lone line of `=` makes no heading of the
/// line before it, and `\[`, `\(` and the like keep their backslash. Code is left alone.
pub fn plain_maths(text: &str) -> Cow<'_, str> {
    let is_lone = |line: &str| !line.trim().is_empty() && line.trim().bytes().all(|b| b == b'=');
    if !text.contains('\\') && !text.lines().any(is_lone) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut fence: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let begin = line.trim_start();
        let marks = ["```", "~~~"].into_iter().find(|marks| begin.starts_with(marks));
        match (fence, marks) {
            (None, Some(marks)) => fence = Some(marks),
            (Some(open), Some(marks)) if open == marks => fence = None,
            (None, None) => {
                if is_lone(line) {
                    out.push('\\');
                    out.push_str(begin);
                } else {
                    push_maths(&mut out, line);
                }
                continue;
            }
            _ => {}
        }
        out.push_str(line);
    }
    out.into()
}

/// Adds a line; a backslash that Markdown would take for one of its own, and maths does not, is written twice.
fn push_maths(out: &mut String, line: &str) {
    let mut is_code = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        is_code ^= c == '`';
        out.push(c);
        if c == '\\' {
            match chars.peek() {
                // The one that it escapes goes with it.
                Some('\\') => out.extend(chars.next()),
                Some(sign) if !is_code && "[](),;:!{}|".contains(*sign) => out.push('\\'),
                _ => {}
            }
        }
    }
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
}

#[derive(Default)]
struct Writer<'a> {
    out: String,
    /// What ends the elements that are open; nothing for those that are shown flat.
    open: Vec<&'static str>,
    /// Where a link leads, and where its words begin.
    link: Option<(CowStr<'a>, usize)>,
    in_head: bool,
    /// The text of a code block, and whether it is a patch.
    code: Option<(String, bool)>,
}

impl<'a> Writer<'a> {
    fn event(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text) => match &mut self.code {
                Some((code, _)) => code.push_str(&text),
                None => self.text(&text),
            },
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                self.out.push_str("<code>");
                self.text(&text);
                self.out.push_str("</code>");
            }
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br>\n"),
            Event::Rule => self.out.push_str("<p class=\"rule\">⁂</p>\n"),
            _ => {}
        }
    }

    /// References of Markdown can stand for any character, also for one that nobody sees.
    fn text(&mut self, text: &str) {
        self.out.push_str(&html! { (escape::visible(text)) }.into_string());
    }

    fn element(&mut self, begin: &str, end: &'static str) {
        let is_flat = self.open.len() >= DEPTH_MAX;
        self.out.push_str(if is_flat { "" } else { begin });
        self.open.push(if is_flat { "" } else { end });
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::Paragraph => self.element("<p>", "</p>\n"),
            Tag::Heading { .. } => self.element("<p class=\"head\">", "</p>\n"),
            Tag::BlockQuote(_) => self.element("<blockquote>", "</blockquote>\n"),
            Tag::List(Some(_)) => self.element("<ol>", "</ol>\n"),
            Tag::List(None) => self.element("<ul>", "</ul>\n"),
            Tag::Item => self.element("<li>", "</li>\n"),
            Tag::Emphasis => self.element("<em>", "</em>"),
            Tag::Strong => self.element("<strong>", "</strong>"),
            Tag::Strikethrough => self.element("<del>", "</del>"),
            Tag::Table(_) => self.element(
                "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>",
                "</tbody></table></div>\n",
            ),
            Tag::TableHead => {
                self.in_head = true;
                self.element("<thead><tr>", "</tr></thead><tbody>\n");
            }
            Tag::TableRow => self.element("<tr>", "</tr>\n"),
            Tag::TableCell if self.in_head => self.element("<th scope=\"col\">", "</th>"),
            Tag::TableCell => self.element("<td>", "</td>"),
            Tag::CodeBlock(kind) => {
                let is_patch = matches!(&kind, CodeBlockKind::Fenced(language)
                    if matches!(&**language, "diff" | "patch"));
                self.code = Some((String::new(), is_patch));
                self.open.push("");
            }
            Tag::Link { dest_url, .. } => {
                self.open.push("");
                self.link = Some((dest_url, self.out.len()));
            }
            Tag::Image { dest_url, .. } => {
                self.out.push_str("<span class=\"quiet\">image ");
                self.text(&dest_url);
                self.out.push_str(": ");
                self.open.push("</span>");
            }
            _ => self.open.push(""),
        }
    }

    fn end(&mut self, end: TagEnd) {
        self.in_head &= end != TagEnd::TableHead;
        if let Some((code, is_patch)) = self.code.take_if(|_| end == TagEnd::CodeBlock) {
            let block = if is_patch {
                patch(&code)
            } else {
                html! { pre { code { (code) } } }
            };
            self.out.push_str(&block.into_string());
            self.out.push('\n');
        }
        self.out.push_str(self.open.pop().unwrap_or_default());
        if end == TagEnd::Link
            && let Some((url, from)) = self.link.take()
        {
            let shown = self.out.get(from..).unwrap_or_default();
            let url = escape::visible(&url);
            let is_told = shown.starts_with(&html! { (url) }.into_string());
            if !is_told {
                self.out.push_str(&html! { " (" code { (url) } ")" }.into_string());
            }
        }
    }

    fn finish(mut self) -> String {
        while let Some(end) = self.open.pop() {
            self.out.push_str(end);
        }
        self.out
    }
}

/// Whether a text is a patch, in the language of the agent's own tool or as a unified difference.
pub(super) fn is_patch(text: &str) -> bool {
    text.contains("*** Begin Patch") || text.starts_with("diff --git ") || text.starts_with("--- ")
}

/// The lines of a patch, added and removed ones in their colours.
pub(super) fn patch(text: &str) -> Markup {
    let class = |line: &str| match line.as_bytes() {
        [b'+', ..] if !line.starts_with("+++ ") => Some("add"),
        [b'-', ..] if !line.starts_with("--- ") => Some("del"),
        [b'@', b'@', ..] | [b'*', b'*', b'*', ..] => Some("place"),
        _ => None,
    };
    html! {
        pre.diff {
            @for (index, line) in text.trim_end_matches('\n').split('\n').enumerate() {
                @if index > 0 { "\n" }
                @match class(line) {
                    Some(class) => { span class=(class) { (line) } }
                    None => { (line) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maths_is_shown_as_it_was_written() {
        let text = "So\n\\[\nx_1\n=\n\\frac{a}{b} \\, y\n\\]\nand `\\[` or\n```\n\\[\n=\n```\n";
        let shown = words(text);
        for kept in ["\\[", "\n=\n", "\\frac{a}{b} \\, y", "\\]"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
        assert!(!shown.contains("\\\\"), "{shown}");
        assert!(!markup("a\n=\n").into_string().contains("head"), "no heading");
        assert_eq!(words("\\*a\\* \\\\ b").trim(), "*a* \\ b", "other escapes are Markdown's");
    }

    fn html(text: &str) -> String {
        markup(text).into_string()
    }

    #[test]
    fn what_an_agent_writes_is_rendered() {
        let text = "# Done\n\nAll **three** `tides` pass:\n\n1. one\n2. ~~two~~\n\n| a | b |\n|---|---|\n| 1 | <2> |\n\n```diff\n-x\n+y\n```\n";
        let html = html(text);
        for part in [
            "<p class=\"head\">Done</p>",
            "<strong>three</strong> <code>tides</code>",
            "<ol><li>one</li>\n<li><del>two</del></li>\n</ol>",
            "<th scope=\"col\">a</th>",
            "<td>&lt;2&gt;</td>",
            "<pre class=\"diff\"><span class=\"del\">-x</span>\n<span class=\"add\">+y</span></pre>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn hostile_text_does_nothing() {
        for (text, shown) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("a <img src=x onerror=alert(1)> b", "a &lt;img src=x onerror=alert(1)&gt; b"),
            ("[x](javascript:alert(1))", "<p>x (<code>javascript:alert(1)</code>)</p>"),
            ("[x](data:text/html,y)", "<p>x (<code>data:text/html,y</code>)</p>"),
            ("![p](https://evil.example/p.png)", "image https://evil.example/p.png: p"),
            ("[bank](https://evil.example)", "<p>bank (<code>https://evil.example</code>)</p>"),
            ("<https://e.example/\"x>", "<p>https://e.example/&quot;x</p>"),
            ("\u{202e}abc", "⟨U+202E⟩abc"),
            ("a &#x202e; `b` &#27;[31m", "⟨U+202E⟩"),
            ("[x](https://e.example/&#x202e;y)", "⟨U+202E⟩y"),
            ("- [ ] <input>", "[ ] &lt;input&gt;"),
        ] {
            let html = html(text);
            assert!(html.contains(shown), "{text}: {html}");
            assert!(
                !["<script", "<img", "<input", "<a ", "onerror=alert(1)>"]
                    .iter()
                    .any(|tag| html.contains(tag)),
                "{html}"
            );
        }
    }

    #[test]
    fn every_element_ends_however_deep_it_stands() {
        for text in [
            "> ".repeat(10_000),
            "- ".repeat(5_000),
            "*".repeat(10_000),
            "[".repeat(10_000),
            "| a\n|-\n".repeat(100),
        ] {
            let html = html(&(text + "x"));
            for name in ["blockquote", "ul", "li", "p", "em", "strong", "table", "tbody"] {
                let begun = html.matches(&format!("<{name}>")).count()
                    + html.matches(&format!("<{name} ")).count();
                assert_eq!(begun, html.matches(&format!("</{name}>")).count(), "{name}");
            }
        }
    }

    #[test]
    fn the_words_are_those_that_a_reader_sees() {
        assert_eq!(words("sk-**ab**c&#100;\\_e"), "sk-abcd_e\n");
        assert_eq!(words("a\n\nb `c`"), "a\nb c\n");
    }
}

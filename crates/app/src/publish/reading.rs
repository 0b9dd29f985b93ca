//! What a reader of a document sees: its text without the markup around it and the escapes inside.
//!
//! Line feeds stay where they are, so that a place in the reading is in the same line of the document.

use std::borrow::Cow;

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Markdown.
    Markdown,
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
    /// HTML.
    Html,
    /// Plain text.
    Text,
}

impl Language {
    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Language::Markdown => "md",
            Language::Csv => "csv",
            Language::Json => "json",
            Language::Html => "html",
            Language::Text => "txt",
        }
    }

    /// What a reader sees; nothing where that is the text as it stands. Escapes of JSON are read by the rules.
    pub(super) fn reading(self, text: &str) -> Option<String> {
        let read = match self {
            Language::Html => shown(&entities(&without_tags(text))).into_owned(),
            Language::Markdown => shown(&entities(&without_tags(text))).into_owned(),
            Language::Csv => shown(&text.replace("\"\"", "\"")).into_owned(),
            Language::Json | Language::Text => shown(text).into_owned(),
        };
        (read != text).then_some(read)
    }
}

/// Elements that part no words: what stands in them goes on with what stands before.
const INLINE: [&str; 6] = ["a", "code", "del", "em", "span", "strong"];

/// Whether the inside of a tag is of such an element.
fn is_inline(inside: &str) -> bool {
    let name = inside.strip_prefix('/').unwrap_or(inside);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    name.get(..end).is_some_and(|name| INLINE.contains(&name))
}

/// Tags become spaces, those of inline elements nothing; a `<` that begins none stays.
fn without_tags(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tag.split_once('>').filter(|_| is_tag) {
            Some((inside, after)) => {
                // A value of an attribute may run over lines.
                if !is_inline(inside) {
                    out.push(' ');
                }
                out.extend(inside.chars().filter(|c| *c == '\n'));
                rest = after;
            }
            None => {
                out.push('<');
                rest = tag;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Character references that this program writes: five by name, all others by number.
fn entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match after.split_once(';').and_then(|(name, behind)| Some((entity(name)?, behind))) {
            Some((c, behind)) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
    })
}

/// Without the marks that stand for characters nobody sees: who reads on reads over them.
fn shown(text: &str) -> Cow<'_, str> {
    const MARK: &str = "⟨U+";
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        out.push_str(before);
        let is_number = |digits: &str| {
            (4..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        match after.split_once('⟩').filter(|(digits, _)| is_number(digits)) {
            Some((_, behind)) => rest = behind,
            None => {
                out.push_str(MARK);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_through_markup_and_escapes() {
        let html = "<td class=\"a\nb\">x &lt;b&gt; &#39;y&#39; &amp;amp; a < b &nope;</td>";
        assert_eq!(
            Language::Html.reading(html).as_deref(),
            Some(" \nx <b> 'y' &amp; a < b &nope; ")
        );
        let prose = "<p>ab<strong>c</strong>d <a href=\"x\">e</a>f</p>";
        assert_eq!(Language::Html.reading(prose).as_deref(), Some(" abcd ef "));
        assert_eq!(Language::Csv.reading("\"a\"\"b\"").as_deref(), Some("\"a\"b\""));
        assert_eq!(Language::Text.reading("ab⟨U+200B⟩cd ⟨U+x⟩").as_deref(), Some("abcd ⟨U+x⟩"));
        assert_eq!(Language::Json.reading("{\"a\": 1}"), None);
    }

    #[test]
    fn lines_stay() {
        let text = "a<b\nc>\n&#60;\n⟨U+200B⟩\n<\n";
        for language in [Language::Html, Language::Markdown, Language::Csv, Language::Text] {
            let read = language.reading(text).unwrap_or_else(|| text.to_string());
            assert_eq!(read.matches('\n').count(), text.matches('\n').count(), "{language:?}");
        }
    }
}

//! A feed of pages, as Atom has it: what is new, for those who do not want to look.

use super::escape;
use super::page::{PageLink, PageState};
use codex_ledger_query::ReportHead;
use maud::{Markup, PreEscaped, html};
use std::io::{Result, Write};

/// Pages that a feed names, the newest first.
const ENTRIES_MAX: usize = 50;
/// When a page without any time was changed: a feed has to say something.
const NEVER: &str = "1970-01-01T00:00:00+00:00";

/// Writes a feed. It has no clock: it is as new as its newest page.
///
/// # Errors
/// As the writer.
pub fn feed(out: &mut dyn Write, head: &ReportHead, index: &str, pages: &[PageLink]) -> Result<()> {
    let mut pages: Vec<&PageLink> =
        pages.iter().filter(|page| page.state == PageState::Shown).collect();
    pages.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.file.cmp(&b.file)));
    pages.truncate(ENTRIES_MAX);
    let newest = pages.first().and_then(|page| page.updated.as_deref()).unwrap_or(NEVER);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>")?;
    writeln!(out, "<feed xmlns=\"http://www.w3.org/2005/Atom\">")?;
    let opening = html! {
        (element("title", &head.title))
        (element("id", "urn:x-codex-ledger:index"))
        (element("updated", newest))
        author { name { "codex-ledger" } }
    };
    writeln!(out, "{}\n{}", opening.into_string(), link(index, "alternate"))?;
    for page in pages {
        let label = if page.label.is_empty() { &page.when } else { &page.label };
        let id = format!("urn:x-codex-ledger:page:{}", page.file);
        let entry = html! {
            (element("title", label))
            (element("id", &id))
            (element("updated", page.updated.as_deref().unwrap_or(NEVER)))
            (PreEscaped(link(&page.file, "alternate")))
            (element("summary", &page.counts))
        };
        writeln!(out, "<entry>{}</entry>", entry.into_string())?;
    }
    writeln!(out, "</feed>")
}

fn element(name: &str, text: &str) -> Markup {
    let text = html! { (escape::visible(&escape::line(text))) }.into_string();
    PreEscaped(format!("<{name}>{text}</{name}>"))
}

/// Elements without content end in themselves, which HTML does not know.
fn link(file: &str, rel: &str) -> String {
    let href = html! { (file) }.into_string();
    format!("<link rel=\"{rel}\" href=\"{href}\"/>")
}

//! HTML: one file that asks for nothing else, in light and dark, on paper and on a small screen.

use super::page::{self, PageLink, PageState};
use super::story::{Story, safe};
use super::words::{self, number, plural, short};
use super::{Renderer, charts, escape, story};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use codex_ledger_location::repository;
use codex_ledger_query::{PageRef, ReportHead, ReportPrompt, ReportSession, TokenRow, TokenSums};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::io::{Result, Write};

pub(super) const STYLE: &str = include_str!("style.css");
/// More sessions than this are listed in a block that opens.
const CONTENTS_OPEN_MAX: usize = 40;
const SCRIPT: &str = include_str!("script.js");

/// The renderer.
#[derive(Default)]
pub struct Html {}

impl Renderer for Html {
    fn begin(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        open_page(out, head)?;
        let has_contents = head.mode.has_prompts() && head.sessions.len() > 1;
        write!(out, "{}", overview(head).into_string())?;
        if head.mode.has_prompts() {
            write!(out, "{}", contents(head, has_contents).into_string())?;
        }
        writeln!(out, "<main id=\"main\">")?;
        if !head.mode.has_prompts() {
            write!(out, "{}", token_tables(head).into_string())?;
        }
        Ok(())
    }

    fn session(
        &mut self,
        out: &mut dyn Write,
        head: &ReportHead,
        of: &ReportSession,
    ) -> Result<()> {
        let anchor = page::anchor(of);
        writeln!(out, "<article class=\"session\">")?;
        let when = words::minute(&head.zone, of.started_at_ms);
        let heading = html! {
            h2 id=(anchor) { time { (when) } " " span.label { (safe(&words::session_label(of))) } }
            dl.facts {
                @for (name, value) in words::session_facts(head, of) {
                    div { dt { (name) } dd { (safe(&escape::line(&value))) } }
                }
            }
            @if of.prompts == 0 { p.quiet { "No prompts." } }
        };
        writeln!(out, "{}", heading.into_string())
    }

    fn prompt(&mut self, out: &mut dyn Write, head: &ReportHead, of: &ReportPrompt) -> Result<()> {
        let told = Story { zone: &head.zone, is_for_review: false };
        let markup = html! {
            article.prompt.back[of.rolled_back] {
                h3 { (story::prompt_heading(&head.zone, of)) }
                (story::prompt(told, of))
            }
        };
        writeln!(out, "{}", markup.into_string())
    }

    fn session_end(&mut self, out: &mut dyn Write, _: &ReportHead) -> Result<()> {
        writeln!(out, "</article>")
    }

    fn end(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        if head.sessions.is_empty() {
            writeln!(out, "<p class=\"quiet\">No sessions match.</p>")?;
        }
        close_page(out, head)
    }
}

/// The index of pages that lie beside it.
///
/// # Errors
/// As the writer.
pub fn html_index(out: &mut dyn Write, head: &ReportHead, pages: &[PageLink]) -> Result<()> {
    open_page(out, head)?;
    let list = html! {
        (overview(head))
        main id="main" {
            (filter_box())
            section aria-labelledby="pages" {
                h2 id="pages" { "Pages" }
                p.quiet { a href="feed.xml" type="application/atom+xml" { "Feed of new pages" } }
                @if pages.is_empty() { p.quiet { "No sessions match." } }
                ul.pages {
                    @for page in pages {
                        li.page {
                            @if let Some(note) = page.state.note() {
                                @if page.state == PageState::Withheld { (page.when) }
                                @else { a href=(page.file) { (page.when) } }
                                " " span.quiet { (note) }
                            } @else {
                                a href=(page.file) { (page.when) " " span.label { (safe(&page.label)) } }
                                " " span.quiet { (page.counts) }
                            }
                        }
                    }
                }
            }
        }
    };
    // `main` ends with the page.
    let list = list.into_string();
    write!(out, "{}", list.strip_suffix("</main>").unwrap_or(&list))?;
    close_page(out, head)
}

fn open_page(out: &mut dyn Write, head: &ReportHead) -> Result<()> {
    let script = format!("script-src 'sha256-{}'; ", STANDARD.encode(Sha256::digest(SCRIPT)));
    let start = html! {
        (DOCTYPE)
        html lang="en" {
            (document_head(&escape::line(&head.title), &script))
            body {
                a.skip href="#main" { "Skip to the contents" }
                (banner(head))
            }
        }
    };
    let start = start.into_string();
    writeln!(out, "{}", start.strip_suffix("</body></html>").unwrap_or(&start))
}

/// What every page begins with: it asks for nothing, and runs at most the script of this directive (CSP).
pub(super) fn document_head(title: &str, script: &str) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; {script}base-uri 'none'; form-action 'none'"
    );
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (safe(title)) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn banner(head: &ReportHead) -> Markup {
    let totals = &head.totals;
    let failed = totals.commands_failed;
    let noun = |count: u64, one: &str| if count == 1 { one.into() } else { format!("{one}s") };
    let fact = |value: String, name: String| {
        html! { div { dt { (name) } dd { (value) } } }
    };
    html! {
        header {
            @if head.transparency.head.is_none() { (neighbours(head)) }
            h1 { (safe(&escape::line(&head.title))) }
            p.period { (words::period(head)) " " span.quiet { "(" (safe(&head.timezone)) ")" } }
            dl.totals {
                (fact(number(totals.sessions), noun(totals.sessions, "session")))
                (fact(number(totals.prompts), noun(totals.prompts, "prompt")))
                (fact(number(totals.commands), noun(totals.commands, "command")))
                div.bad[failed > 0] { dt { (noun(failed, "failed command")) } dd { (number(failed)) } }
                (fact(number(totals.files), noun(totals.files, "file") + " changed"))
                (fact(short(totals.tokens.total), "tokens".into()))
                (fact(words::money(&totals.tokens), "API-equivalent".into()))
            }
            @if let Some(note) = words::money_note(&totals.tokens) {
                p.quiet { "Cost: " (safe(&note)) "." }
            }
            @if !head.filters.is_empty() {
                p { "Only: "
                    @for (index, filter) in head.filters.iter().enumerate() {
                        @if index > 0 { ", " }
                        (filter.name) " " code { (safe(&escape::line(&filter.said))) }
                    }
                    "."
                }
            }
            p.quiet {
                (safe(&words::transparency_line(&head.transparency))) ". "
                a href="#transparency" { "All about this report" }
            }
        }
    }
}

/// From a page to the index and to the pages beside it.
fn neighbours(head: &ReportHead) -> Markup {
    let link = |word: &str, rel: &str, to: &Option<PageRef>| {
        html! {
            @if let Some(PageRef { file, when }) = to {
                " " a href=(file) rel=(rel) { (word) ": " (when) }
            }
        }
    };
    html! {
        nav.beside aria-label="Pages" {
            a href="index.html" { "Index" }
            (link("Previous", "prev", &head.beside.previous))
            (link("Next", "next", &head.beside.next))
        }
    }
}

fn filter_box() -> Markup {
    html! {
        div.filter hidden {
            label for="filter" { "Filter by text" }
            input type="search" id="filter" autocomplete="off" spellcheck="false";
            button type="button" id="open" { "Open all details" }
            p role="status" id="found" {}
        }
    }
}

fn contents(head: &ReportHead, has_list: bool) -> Markup {
    html! {
        nav aria-label="Contents" {
            (filter_box())
            @if has_list {
                h2 { "Contents" }
                @if head.sessions.len() > CONTENTS_OPEN_MAX {
                    details.contents {
                        summary { (plural(head.totals.sessions, "session")) }
                        (contents_list(head))
                    }
                } @else { (contents_list(head)) }
            }
        }
    }
}

fn contents_list(head: &ReportHead) -> Markup {
    html! {
        ol {
            @for session in &head.sessions {
                li {
                    a href=(format!("#{}", page::anchor(session))) {
                        (words::minute(&head.zone, session.started_at_ms)) " "
                        span.label { (safe(&words::session_label(session))) }
                    }
                    span.quiet { (words::session_counts(session)) }
                }
            }
        }
    }
}

fn overview(head: &ReportHead) -> Markup {
    html! {
        section.charts aria-label="Overview" {
            (charts::tokens(&head.tokens))
            (charts::calls_by_tool(&head.tools))
        }
    }
}

fn token_tables(head: &ReportHead) -> Markup {
    let tables = &head.tokens;
    let all = [
        ("day", &tables.by_day),
        ("model", &tables.by_model),
        ("repository", &tables.by_repo),
        ("session", &tables.by_session),
        ("prompt", &tables.by_prompt),
    ];
    let all = all.into_iter().filter(|(name, rows)| *name != "prompt" || rows.len() > 1);
    html! {
        @for (name, rows) in all {
            section aria-labelledby=(format!("by-{name}")) {
                h2 id=(format!("by-{name}")) { "By " (name) }
                @if rows.is_empty() { p.quiet { "No counted usage." } } @else {
                    (token_table(head, name, rows))
                }
            }
        }
    }
}

fn token_table(head: &ReportHead, name: &str, rows: &[TokenRow]) -> Markup {
    let total = &head.totals.tokens;
    let heads = ["input", "cached", "output", "reasoning", "total", "cost"];
    // On a small screen a row is a block, in which each number stands behind its name.
    let cells = |sums: &TokenSums| {
        let numbers = [sums.input, sums.cached, sums.output, sums.reasoning, sums.total];
        let values = numbers.map(number).into_iter().chain([words::money(sums)]);
        html! { @for (head, value) in heads.iter().zip(values) { td data-head=(head) { (value) } } }
    };
    let key = |text: &str| match name {
        "repository" => repository::name(text).to_string(),
        "session" | "prompt" => page::titled(head, text),
        _ => text.to_string(),
    };
    html! {
        section.table aria-label=(format!("Tokens by {name}")) {
            table.sums {
                thead { tr { th scope="col" { (name) } @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr { th scope="row" { (safe(&escape::line(&key(&row.key)))) } (cells(&row.sums)) }
                    }
                }
                @if rows.len() > 1 { tfoot { tr { th scope="row" { "total" } (cells(total)) } } }
            }
        }
    }
}

fn close_page(out: &mut dyn Write, head: &ReportHead) -> Result<()> {
    let count = plural(head.transparency.coverage.lines, "record");
    let footer = html! {
        footer {
            section aria-labelledby="transparency" {
                h2 id="transparency" { "Transparency" }
                p.quiet { "Where this report comes from, what it hides and what could not be read, over " (count) "." }
                dl.transparency {
                    @for (name, value) in words::transparency_facts(head) {
                        div { dt { (name) } dd { (safe(&escape::line(&value))) } }
                    }
                }
            }
        }
    };
    writeln!(out, "</main>\n{}\n<script>{SCRIPT}</script>\n</body></html>", footer.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_cannot_end_their_elements() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }
}

//! Markdown that reads well on GitHub and in a pager. Text from logs stands in code only, fenced or inline, and does
//! nothing in renderers either that know no fences or take what is in `<details>` for HTML.

use super::Renderer;
use super::escape::{
    markdown_block as block, markdown_cell as cell, markdown_code as code, markdown_line,
};
use super::page::{self, PageLink, PageState};
use super::words::{self, number, plural, short};
use codex_ledger_query::{
    ReportHead, ReportItem, ReportPrompt, ReportSession, TokenRow, TokenSums,
};
use std::io::{Result, Write};

/// More sessions than this are listed in a block that opens.
const CONTENTS_OPEN_MAX: usize = 25;

/// The renderer.
#[derive(Default)]
pub struct Markdown {
    /// Whether the last thing written was a line of a list.
    in_list: bool,
}

impl Renderer for Markdown {
    fn begin(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        writeln!(out, "# {}\n", markdown_line(&head.title))?;
        if head.transparency.head.is_none() {
            writeln!(out, "[Index](index.md)\n")?;
        }
        summary(out, head)?;
        if head.mode.has_prompts() {
            return contents(out, head);
        }
        token_tables(out, head)
    }

    fn session(
        &mut self,
        out: &mut dyn Write,
        head: &ReportHead,
        of: &ReportSession,
    ) -> Result<()> {
        let when = words::minute(&head.zone, of.started_at_ms);
        writeln!(out, "<a id=\"{}\"></a>\n", page::anchor(of))?;
        writeln!(out, "## {when} · {}\n", code(&words::session_label(of)))?;
        let facts = words::session_facts(head, of);
        let facts: Vec<String> =
            facts.iter().map(|(name, value)| format!("{name} {}", code(value))).collect();
        writeln!(out, "{}\n", facts.join(" · "))?;
        if of.prompts == 0 {
            writeln!(out, "*No prompts.*\n")?;
        }
        Ok(())
    }

    fn prompt(&mut self, out: &mut dyn Write, head: &ReportHead, of: &ReportPrompt) -> Result<()> {
        prompt_text(out, head, of)?;
        if of.items.is_empty() {
            return Ok(());
        }
        let summary = page::items_summary(&of.items);
        writeln!(out, "<details>\n<summary>{summary}</summary>\n")?;
        for item in &of.items {
            self.item(out, head, item)?;
        }
        self.close_list(out)?;
        writeln!(out, "</details>\n")
    }

    fn session_end(&mut self, _: &mut dyn Write, _: &ReportHead) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        if head.sessions.is_empty() {
            writeln!(out, "*No sessions match.*\n")?;
        }
        writeln!(out, "<a id=\"transparency\"></a>\n\n## Transparency\n")?;
        writeln!(out, "| | |\n|---|---|")?;
        for (name, value) in words::transparency_facts(head) {
            writeln!(out, "| {name} | {} |", cell(&value))?;
        }
        Ok(())
    }
}

/// What the whole is about, in a few lines.
fn summary(out: &mut dyn Write, head: &ReportHead) -> Result<()> {
    let totals = &head.totals;
    writeln!(out, "**{}** ({})\n", words::period(head), code(&head.timezone))?;
    writeln!(
        out,
        "| sessions | prompts | commands | failed | files changed | tokens | API-equivalent cost |\n\
         |---:|---:|---:|---:|---:|---:|---:|"
    )?;
    writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} |\n",
        number(totals.sessions),
        number(totals.prompts),
        number(totals.commands),
        number(totals.commands_failed),
        number(totals.files),
        short(totals.tokens.total),
        words::money(&totals.tokens)
    )?;
    if let Some(note) = words::money_note(&totals.tokens) {
        writeln!(out, "Cost: {}.\n", code(&note))?;
    }
    let filters: Vec<String> = head
        .filters
        .iter()
        .map(|filter| format!("{} {}", filter.name, code(&filter.said)))
        .collect();
    if !filters.is_empty() {
        writeln!(out, "Only: {}.\n", filters.join(" · "))?;
    }
    let line = words::transparency_line(&head.transparency, &code);
    writeln!(out, "Transparency: {line} ([details](#transparency))\n")
}

fn contents(out: &mut dyn Write, head: &ReportHead) -> Result<()> {
    if head.sessions.len() < 2 {
        return Ok(());
    }
    let is_long = head.sessions.len() > CONTENTS_OPEN_MAX;
    if is_long {
        let count = plural(head.totals.sessions, "session");
        writeln!(out, "<details>\n<summary>Contents: {count}</summary>\n")?;
    } else {
        writeln!(out, "## Contents\n")?;
    }
    for session in &head.sessions {
        let when = words::minute(&head.zone, session.started_at_ms);
        let (anchor, label) = (page::anchor(session), words::session_label(session));
        let counts = words::session_counts(session);
        writeln!(out, "- [{when}](#{anchor}) {}: {counts}", code(&label))?;
    }
    writeln!(out, "{}", if is_long { "\n</details>\n" } else { "" })
}

fn token_tables(out: &mut dyn Write, head: &ReportHead) -> Result<()> {
    let tables = &head.tokens;
    for (name, rows) in [
        ("day", &tables.by_day),
        ("model", &tables.by_model),
        ("repository", &tables.by_repo),
        ("session", &tables.by_session),
    ] {
        writeln!(out, "## By {name}\n")?;
        if rows.is_empty() {
            writeln!(out, "*No counted usage.*\n")?;
            continue;
        }
        writeln!(
            out,
            "| {name} | input | cached | output | reasoning | total | API-equivalent cost |\n\
             |---|---:|---:|---:|---:|---:|---:|"
        )?;
        for TokenRow { key, sums } in rows {
            token_row(out, &cell(key), sums)?;
        }
        token_row(out, "**total**", &head.totals.tokens)?;
        writeln!(out)?;
    }
    Ok(())
}

fn token_row(out: &mut dyn Write, key: &str, sums: &TokenSums) -> Result<()> {
    let numbers = [sums.input, sums.cached, sums.output, sums.reasoning, sums.total].map(number);
    writeln!(out, "| {key} | {} | {} |", numbers.join(" | "), words::money(sums))
}

fn prompt_text(out: &mut dyn Write, head: &ReportHead, of: &ReportPrompt) -> Result<()> {
    let Some(heading) = page::prompt_heading(&head.zone, of) else {
        return writeln!(out, "### Before the first prompt\n");
    };
    writeln!(out, "### {heading}\n")?;
    let notes = page::prompt_notes(of);
    if !notes.is_empty() {
        let notes: Vec<String> = notes
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name} {}", code(value)),
                None => name.to_string(),
            })
            .collect();
        writeln!(out, "*{}*\n", notes.join("* · *"))?;
    }
    if of.in_range {
        writeln!(out, "{}", block(&of.text))?;
    }
    Ok(())
}

impl Markdown {
    fn item(&mut self, out: &mut dyn Write, head: &ReportHead, item: &ReportItem) -> Result<()> {
        let time = words::second(&head.zone, item.at_ms);
        let time = if time.is_empty() { time } else { format!("{time} ") };
        let what = page::item_word(item);
        let name = item.name.as_deref().filter(|_| page::shows_name(item.kind));
        let name = name.map(|name| format!(" {}", code(name))).unwrap_or_default();
        let mut notes = page::item_outcome(item);
        if !notes.is_empty() {
            notes = if item.has_failed() {
                format!(" — **{notes}**")
            } else {
                format!(" — {notes}")
            };
        }
        if let Some((word, detail)) = page::item_detail(item) {
            notes.push_str(&format!(" — {word}{}", code(&detail)));
        }
        let is_line = item.text.lines().count() < 2 && item.text.len() <= 200;
        if is_line && !page::is_prose(item.kind) {
            let text = code(&item.text);
            let gap = if text.is_empty() { "" } else { " " };
            self.in_list = true;
            writeln!(out, "- {time}{what}{name}{gap}{text}{notes}")?;
        } else {
            self.close_list(out)?;
            writeln!(out, "{time}{what}{name}{notes}\n\n{}", block(&item.text))?;
        }
        if let Some(note) = words::cut_note(item.text.len(), item.text_bytes) {
            self.close_list(out)?;
            writeln!(out, "*{note}*\n")?;
        }
        self.output(out, item)
    }

    fn output(&mut self, out: &mut dyn Write, item: &ReportItem) -> Result<()> {
        let Some(output) = item.output.as_deref().filter(|output| !output.trim().is_empty()) else {
            return Ok(());
        };
        self.close_list(out)?;
        let note = words::cut_note(output.len(), item.output_bytes);
        let note = note.map(|note| format!(", {note}")).unwrap_or_default();
        writeln!(out, "output{note}\n\n{}", block(output))
    }

    fn close_list(&mut self, out: &mut dyn Write) -> Result<()> {
        if std::mem::take(&mut self.in_list) { writeln!(out) } else { Ok(()) }
    }
}

/// The index of pages that lie beside it.
///
/// # Errors
/// As the writer.
pub fn markdown_index(out: &mut dyn Write, head: &ReportHead, pages: &[PageLink]) -> Result<()> {
    writeln!(out, "# {}\n", markdown_line(&head.title))?;
    summary(out, head)?;
    writeln!(out, "## Pages\n")?;
    for page in pages {
        let PageLink { file, when, label, counts, state } = page;
        match (state, state.note()) {
            (PageState::Withheld, Some(note)) => writeln!(out, "- {when} *{note}*")?,
            (_, Some(note)) => writeln!(out, "- [{when}]({file}) *{note}*")?,
            (_, None) => writeln!(out, "- [{when}]({file}) {}: {counts}", code(label))?,
        }
    }
    if !pages.is_empty() {
        writeln!(out)?;
    }
    Markdown::default().end(out, head)
}

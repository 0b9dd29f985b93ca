//! Markdown that reads well on GitHub and in a pager. Text from logs stands in code only, fenced or inline, and does
//! nothing in renderers either that know no fences or take what is in `<details>` for HTML.

use super::Renderer;
use super::escape::{
    markdown_block as block, markdown_cell as cell, markdown_code as code, markdown_line,
};
use super::page::{self, PageLink, PageState};
use super::words::{self, number, plural, short};
use codex_ledger_query::{
    PageRef, ReportHead, ReportItem, ReportKind, ReportPrompt, ReportSession, TokenRow, TokenSums,
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
            let link = |word: &str, to: &Option<PageRef>| {
                let link = |to: &PageRef| format!(" · [{word}: {}]({})", to.when, to.file);
                to.as_ref().map(link).unwrap_or_default()
            };
            let previous = link("Previous", &head.beside.previous);
            let next = link("Next", &head.beside.next);
            writeln!(out, "[Index](index.md){previous}{next}\n")?;
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
        let work = page::work(of);
        if !work.is_empty() {
            let summary = page::items_summary(&work);
            writeln!(out, "<details>\n<summary>{summary}</summary>\n")?;
            for item in work {
                self.item(out, head, item)?;
            }
            self.close_list(out)?;
            writeln!(out, "</details>\n")?;
        }
        for answer in page::answers(of) {
            let lines = plural(answer.text.lines().count() as u64, "line");
            writeln!(out, "<details>\n<summary>answer, {lines}</summary>\n")?;
            writeln!(out, "{}\n</details>\n", block(&answer.text))?;
        }
        Ok(())
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
        "| sessions | prompts | commands | failed commands | files changed | tokens | API-equivalent cost |\n\
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
    let line = words::transparency_line(&head.transparency);
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
        ("prompt", &tables.by_prompt),
    ] {
        if name == "prompt" && rows.len() < 2 {
            continue;
        }
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
        for TokenRow { key, sums, .. } in rows {
            let is_of_session = name == "session" || name == "prompt";
            let key = if is_of_session { page::titled(head, key) } else { key.clone() };
            token_row(out, &cell(&key), sums)?;
        }
        if rows.len() > 1 {
            token_row(out, "**total**", &head.totals.tokens)?;
        }
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
    let usage = words::usage(&of.usage).map(|usage| format!(" · {usage}")).unwrap_or_default();
    writeln!(out, "### {heading}{usage}\n")?;
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
        } else if item.kind == ReportKind::Context {
            self.close_list(out)?;
            let bytes = plural(item.text_bytes.unwrap_or(item.text.len() as u64), "byte");
            writeln!(
                out,
                "<details>\n<summary>{time}{what} {}, {bytes}</summary>\n",
                context_kind(item)
            )?;
            writeln!(out, "{}\n</details>\n", block(&item.text))?;
        } else {
            self.close_list(out)?;
            writeln!(out, "{time}{what}{name}{notes}\n")?;
            folded(out, &item.text)?;
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
        writeln!(out, "output{note}\n")?;
        folded(out, output)
    }

    fn close_list(&mut self, out: &mut dyn Write) -> Result<()> {
        if std::mem::take(&mut self.in_list) { writeln!(out) } else { Ok(()) }
    }
}

/// The kind of what a client put in: a word of ours, letters only.
fn context_kind(item: &ReportItem) -> String {
    let kind = item.name.as_deref().unwrap_or_default();
    kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// A text whose first piece is in plain sight.
fn folded(out: &mut dyn Write, text: &str) -> Result<()> {
    let pieces = page::pieces(text);
    let Some((first, rest)) = pieces.split_first() else {
        return writeln!(out, "{}", block(text));
    };
    writeln!(out, "{}", block(first))?;
    for (index, piece) in rest.iter().enumerate() {
        let summary = page::piece_summary(index + 2, pieces.len(), piece.len());
        writeln!(out, "<details>\n<summary>{summary}</summary>\n\n{}\n</details>\n", block(piece))?;
    }
    Ok(())
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
        let PageLink { file, when, label, counts, state, .. } = page;
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

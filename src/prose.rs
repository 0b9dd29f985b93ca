//! Markdown on a terminal: what an agent said, as it was meant to look.

use crate::door::{Door, Style};
use crate::pager::columns_of;
use crate::text::safe;
use codex_ledger_report::prose::plain_maths;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};
use html_escape::decode_html_entities;
use pulldown_cmark::{Alignment, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The text in lines; tables fit in so many columns. Text is made harmless where it comes out of the Markdown, whose
/// references can stand for any character.
pub fn lines(door: &Door, text: &str, width: usize) -> String {
    let text = plain_maths(text);
    written(Writer::new(door, width), &text)
}

/// A report in lines. Its Markdown is our own: what it tells of others' words is escaped, so that its tags are the ones
/// that fold what a page can fold, of which the headings are shown, and its links to places of the page lead nowhere.
pub fn report_lines(door: &Door, report: &str, width: usize) -> String {
    written(Writer { is_report: true, ..Writer::new(door, width) }, report)
}

fn written(mut writer: Writer<'_>, text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    Parser::new_ext(text, options).for_each(|event| writer.event(event));
    writer.finish()
}

struct Writer<'d> {
    door: &'d Door,
    width: usize,
    out: String,
    /// What is being said, up to the end of its paragraph, item or cell.
    line: String,
    /// Of each list that is open, the number of its next item.
    lists: Vec<Option<u64>>,
    /// What the next line begins with, once.
    mark: String,
    quotes: usize,
    styles: Vec<Style>,
    /// Text of a code block.
    code: Option<String>,
    link: Option<String>,
    rows: Vec<Vec<String>>,
    /// How the columns of the table are set.
    columns: Vec<Alignment>,
    /// Whether it is one of our reports.
    is_report: bool,
    /// Whether the block that comes next is what an agent answered.
    is_answer: bool,
}

impl<'d> Writer<'d> {
    fn new(door: &'d Door, width: usize) -> Writer<'d> {
        Writer {
            door,
            width,
            out: String::new(),
            line: String::new(),
            lists: Vec::new(),
            mark: String::new(),
            quotes: 0,
            styles: Vec::new(),
            code: None,
            link: None,
            rows: Vec::new(),
            columns: Vec::new(),
            is_report: false,
            is_answer: false,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.text(&text),
            },
            Event::Html(text) | Event::InlineHtml(text) if self.is_report => self.folded(&text),
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                let code = self.door.paint(Style::Cyan, safe(&text));
                self.line.push_str(&code);
            }
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.end_line();
                self.line.push_str("---");
                self.flush();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let text = &safe(text);
        let painted = match self.styles.last() {
            Some(style) => self.door.paint(*style, text),
            None => text.to_string(),
        };
        self.line.push_str(&painted);
    }

    /// What a page folds: its heading, and what is preformatted in it; other tags of a report say nothing on a terminal.
    fn folded(&mut self, html: &str) {
        for line in html.lines() {
            let heading = line.trim().strip_prefix("<summary>");
            match (&mut self.code, line.trim()) {
                (Some(_), "</pre>") => self.block(),
                (Some(code), _) => code.push_str(&format!("{}\n", decode_html_entities(line))),
                (None, "<pre>") => self.code = Some(String::new()),
                (None, "</details>") => self.is_answer = false,
                (None, _) => {
                    if let Some(heading) = heading.and_then(|rest| rest.strip_suffix("</summary>"))
                    {
                        self.is_answer = heading.starts_with("answer");
                        self.flush();
                        self.gap();
                        let heading = safe(&decode_html_entities(heading));
                        self.line = self.door.paint(Style::Bold, heading);
                        self.flush();
                    }
                }
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.end_line();
                self.gap();
                let is_large = level <= HeadingLevel::H2;
                self.styles.push(if is_large { Style::Yellow } else { Style::Bold });
            }
            Tag::Paragraph if self.lists.is_empty() => self.gap(),
            Tag::Strong => self.styles.push(Style::Bold),
            Tag::Emphasis => self.styles.push(Style::Bold),
            // Not every terminal can strike a text out, and without it the text says the contrary.
            Tag::Strikethrough => self.line.push_str("~~"),
            Tag::BlockQuote(_) => {
                self.end_line();
                self.quotes += 1;
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() {
                    self.gap();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                self.mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_string(),
                };
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.gap();
                self.code = Some(String::new());
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link = Some(safe(&dest_url));
            }
            Tag::Table(columns) => {
                self.end_line();
                self.gap();
                self.columns = columns;
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::Heading(_) => {
                self.styles.pop();
                self.flush();
            }
            TagEnd::Paragraph | TagEnd::Item | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Strong | TagEnd::Emphasis => drop(self.styles.pop()),
            TagEnd::Strikethrough => self.line.push_str("~~"),
            TagEnd::BlockQuote(_) => {
                self.end_line();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::CodeBlock => self.block(),
            TagEnd::Link | TagEnd::Image => {
                let url = self.link.take().filter(|url| !self.line.ends_with(url.as_str()));
                if let Some(url) = url.filter(|url| !(self.is_report && url.starts_with('#'))) {
                    let address = self.door.paint(Style::Dim, format!(" ({url})"));
                    self.line.push_str(&address);
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
            }
            TagEnd::Table => self.table(),
            _ => {}
        }
    }

    /// An empty line, unless there is one or nothing stands above.
    fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Ends the line that was begun; in a list, a block may follow right behind the words of an item.
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.flush();
        }
    }

    fn indent(&self) -> String {
        let quote = self.door.paint(Style::Dim, "| ").repeat(self.quotes.min(8));
        quote + &"  ".repeat(self.lists.len().saturating_sub(1).min(16))
    }

    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        let mark = std::mem::take(&mut self.mark);
        if line.trim().is_empty() && mark.is_empty() {
            return;
        }
        // What goes on in an item stands under its words.
        let is_going_on = mark.is_empty() && !self.lists.is_empty();
        let pad = if is_going_on { "  " } else { "" };
        self.out.push_str(&format!("{}{pad}{mark}{}\n", self.indent(), line.trim_end()));
    }

    fn block(&mut self) {
        let indent = self.indent();
        let code = self.code.take().unwrap_or_default();
        if self.is_answer {
            let said = lines(self.door, &code, self.width.saturating_sub(4));
            self.out.extend(
                said.lines().map(|line| format!("    {line}").trim_end().to_string() + "\n"),
            );
            return;
        }
        let code = safe(&code);
        for line in code.trim_end().lines() {
            let style = match line.chars().next() {
                Some('+') => Style::Green,
                Some('-') => Style::Red,
                _ => Style::Dim,
            };
            let is_patch = code.contains("@@") || code.contains("*** ");
            let line = self.door.paint(if is_patch { style } else { Style::Dim }, line);
            self.out.push_str(&format!("{indent}    {line}\n"));
        }
    }

    fn table(&mut self) {
        if self.is_report && self.is_too_narrow() {
            return self.list();
        }
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(self.width).unwrap_or(u16::MAX));
        let mut rows = std::mem::take(&mut self.rows).into_iter();
        if let Some(head) = rows.next().filter(|head| head.iter().any(|cell| !cell.is_empty())) {
            table.set_header(head.iter().map(|cell| self.door.paint(Style::Bold, cell)));
        }
        for row in rows {
            table.add_row(row);
        }
        for (at, column) in self.columns.drain(..).enumerate() {
            let alignment = match column {
                Alignment::Right => CellAlignment::Right,
                Alignment::Center => CellAlignment::Center,
                Alignment::Left | Alignment::None => continue,
            };
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(alignment);
            }
        }
        for line in table.to_string().lines() {
            self.out.push_str(&format!("{}\n", line.trim_end()));
        }
    }

    /// Whether numbers of the table would be broken: there is no room for all of them in a line.
    fn is_too_narrow(&self) -> bool {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widest = |at: usize| {
            self.rows.iter().filter_map(|row| row.get(at)).map(|cell| columns_of(cell)).max()
        };
        let wanted: usize = (0..columns).filter_map(widest).map(|width| width + 2).sum();
        columns > 2 && wanted > self.width
    }

    /// A table as a list: what a row is about, and under it what its columns say.
    fn list(&mut self) {
        let has_subjects = self.columns.first() != Some(&Alignment::Right);
        self.columns.clear();
        let mut rows = std::mem::take(&mut self.rows).into_iter();
        let head = rows.next().unwrap_or_default();
        for row in rows {
            let mut cells = head.iter().zip(&row);
            if has_subjects && let Some((_, subject)) = cells.next() {
                self.out.push_str(&format!("{}\n", self.door.paint(Style::Bold, subject)));
            }
            let said = cells.filter(|(_, cell)| !cell.is_empty());
            let said =
                said.map(|(name, cell)| format!("{} {cell}", self.door.paint(Style::Dim, name)));
            self.out.push_str(&format!("  {}\n", said.collect::<Vec<_>>().join(" · ")));
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        self.out
    }
}

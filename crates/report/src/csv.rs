//! CSV as RFC 4180 has it, with cells that no spreadsheet takes for a formula.

use super::{Renderer, escape, words};
use codex_ledger_location::repository;
use codex_ledger_query::{
    Mode, ReportHead, ReportItem, ReportPrompt, ReportSession, TokenRow, TokenSums,
};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use std::io::{self, Result, Write};

/// Which table to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The mode's main table, followed by the block on transparency as rows of the kind `transparency`.
    Stream,
    /// One row per session.
    Sessions,
    /// One row per prompt.
    Prompts,
    /// One row for each thing that followed a prompt.
    Actions,
    /// Usage and cost by day, model, repository and session.
    Tokens,
    /// Calls by tool.
    Tools,
    /// The block on transparency.
    Transparency,
}

impl Table {
    /// The tables of a mode, each with the name of its file.
    pub fn of_mode(mode: Mode) -> Vec<(Table, &'static str)> {
        let mut tables = vec![(Table::Sessions, "sessions.csv")];
        if mode.has_prompts() {
            tables.push((Table::Prompts, "prompts.csv"));
        }
        if mode.has_items() {
            tables.push((Table::Actions, "actions.csv"));
        }
        tables.push((Table::Tokens, "tokens.csv"));
        tables.push((Table::Tools, "tools.csv"));
        tables.push((Table::Transparency, "transparency.csv"));
        tables
    }
}

/// What every row of a prompt or an item begins with.
const PLACE: [&str; 9] =
    ["kind", "session", "started", "repository", "branch", "commit", "model", "prompt", "at"];
const PROMPT: [&str; 5] = ["seq", "text", "rolled_back", "images", "active_file"];
const ITEM: [&str; 13] = [
    "seq",
    "name",
    "text",
    "text_bytes",
    "status",
    "exit_code",
    "duration_ms",
    "added",
    "removed",
    "detail",
    "output",
    "output_bytes",
    "failed",
];
const SESSION: [&str; 19] = [
    "session",
    "stream",
    "name",
    "started",
    "ended",
    "folder",
    "repository",
    "branch",
    "commit",
    "models",
    "source",
    "subagent",
    "client",
    "client_version",
    "parent",
    "prompts",
    "commands",
    "commands_failed",
    "tokens",
];
const TOKENS: [&str; 12] = [
    "kind",
    "key",
    "input",
    "cached",
    "cache_write",
    "output",
    "reasoning",
    "total",
    "records",
    "cost_usd_api_equivalent",
    "estimated",
    "unpriced",
];

/// The renderer.
pub struct Csv {
    table: Table,
    /// Cells of [`PLACE`] that all rows of a session share.
    place: Vec<String>,
}

impl Csv {
    /// Writes one table.
    pub fn new(table: Table) -> Csv {
        Csv { table, place: Vec::new() }
    }

    /// The table with the stream's meaning in that mode.
    fn main(&self, mode: Mode) -> Table {
        match (self.table, mode) {
            (Table::Stream, Mode::Prompts) => Table::Prompts,
            (Table::Stream, Mode::Answers | Mode::Actions | Mode::Full) => Table::Actions,
            (Table::Stream, Mode::Tokens) => Table::Tokens,
            (table, _) => table,
        }
    }

    fn item_row(&self, head: &ReportHead, number: &str, item: &ReportItem) -> Vec<String> {
        let mut row = self.place.clone();
        row.insert(0, item.kind.name().into());
        row.push(number.into());
        row.push(time(head, item.at_ms));
        row.extend([
            item.seq.to_string(),
            text(item.name.as_deref()),
            text(Some(&item.text)),
            count(item.text_bytes),
            text(item.status.as_deref()),
            count(item.exit_code),
            count(item.duration_ms),
            count(item.added),
            count(item.removed),
            text(item.detail.as_deref()),
            text(item.output.as_deref()),
            count(item.output_bytes),
            item.has_failed().to_string(),
        ]);
        row
    }
}

impl Renderer for Csv {
    fn begin(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        let columns: Vec<&str> = match self.main(head.mode) {
            Table::Prompts | Table::Stream => PLACE.iter().chain(&PROMPT).copied().collect(),
            Table::Actions => PLACE.iter().chain(&ITEM).copied().collect(),
            Table::Sessions => SESSION.to_vec(),
            Table::Tokens => TOKENS.to_vec(),
            Table::Tools => vec!["tool", "calls", "failed"],
            Table::Transparency => vec!["name", "value"],
        };
        write_row(out, columns)?;
        match self.main(head.mode) {
            Table::Tokens => tokens(out, head),
            Table::Tools => head.tools.iter().try_for_each(|row| {
                let tool = text(Some(&row.tool));
                write_row(out, [tool, row.calls.to_string(), row.failed.to_string()])
            }),
            Table::Sessions => {
                head.sessions.iter().try_for_each(|of| write_row(out, session_row(head, of)))
            }
            _ => Ok(()),
        }
    }

    fn session(&mut self, _: &mut dyn Write, head: &ReportHead, of: &ReportSession) -> Result<()> {
        self.place = vec![
            text(Some(&of.id)),
            time(head, of.started_at_ms),
            text(of.repo.as_deref().or(of.cwd.as_deref()).map(repository::name)),
            text(of.branch.as_deref()),
            text(of.commit.as_deref()),
            text(Some(&of.models.join(", "))),
        ];
        Ok(())
    }

    fn prompt(&mut self, out: &mut dyn Write, head: &ReportHead, of: &ReportPrompt) -> Result<()> {
        let number = of.number.map(|number| number.to_string()).unwrap_or_default();
        let is_asked = of.number.is_some() && of.in_range;
        let table = self.main(head.mode);
        let mut place = self.place.clone();
        place.insert(0, "prompt".into());
        place.extend([number.clone(), time(head, of.at_ms)]);
        if table == Table::Prompts && is_asked {
            let file = text(of.active_file.as_deref());
            let (images, rolled_back) = (of.images.to_string(), of.rolled_back.to_string());
            place.extend([count(of.seq), text(Some(&of.text)), rolled_back, images, file]);
            return write_row(out, place);
        }
        if table != Table::Actions {
            return Ok(());
        }
        if is_asked && self.table == Table::Stream {
            let status = if of.rolled_back { "rolled_back" } else { "" };
            let detail = text(of.active_file.as_deref());
            place.extend([count(of.seq), String::new(), text(Some(&of.text)), String::new()]);
            place.extend([status.into(), String::new(), String::new(), String::new()]);
            place.extend([String::new(), detail, String::new(), String::new(), "false".into()]);
            write_row(out, place)?;
        }
        of.items.iter().try_for_each(|item| write_row(out, self.item_row(head, &number, item)))
    }

    fn session_end(&mut self, _: &mut dyn Write, _: &ReportHead) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        if self.table == Table::Transparency {
            let mut facts = words::transparency_facts(head).into_iter();
            return facts.try_for_each(|(name, value)| {
                write_row(out, [name.to_string(), text(Some(&value))])
            });
        }
        if self.table != Table::Stream {
            return Ok(());
        }
        // Rows of the same width: the fact stands where the main table has its text or key.
        let (width, at) = match self.main(head.mode) {
            Table::Tokens => (TOKENS.len(), 1),
            Table::Actions => (PLACE.len() + ITEM.len(), PLACE.len() + 2),
            _ => (PLACE.len() + PROMPT.len(), PLACE.len() + 1),
        };
        words::transparency_facts(head).into_iter().try_for_each(|(name, value)| {
            let mut row = vec![String::new(); width];
            let cells = row.iter_mut().enumerate();
            for (index, cell) in cells {
                match index {
                    0 => *cell = "transparency".into(),
                    index if index == at => *cell = text(Some(&format!("{name}: {value}"))),
                    _ => {}
                }
            }
            write_row(out, row)
        })
    }
}

fn session_row(head: &ReportHead, of: &ReportSession) -> Vec<String> {
    vec![
        text(Some(&of.id)),
        of.stream.to_string(),
        text(of.name.as_deref()),
        time(head, of.started_at_ms),
        time(head, of.ended_at_ms),
        text(of.cwd.as_deref()),
        text(of.repo.as_deref()),
        text(of.branch.as_deref()),
        text(of.commit.as_deref()),
        text(Some(&of.models.join(", "))),
        text(of.source.as_deref()),
        text(of.subagent.as_deref()),
        text(of.client.as_deref()),
        text(of.client_version.as_deref()),
        text(of.parent_id.as_deref()),
        of.prompts.to_string(),
        of.commands.to_string(),
        of.commands_failed.to_string(),
        of.tokens.to_string(),
    ]
}

fn tokens(out: &mut dyn Write, head: &ReportHead) -> Result<()> {
    let tables = &head.tokens;
    for (kind, rows) in [
        ("day", &tables.by_day),
        ("model", &tables.by_model),
        ("repository", &tables.by_repo),
        ("session", &tables.by_session),
        ("prompt", &tables.by_prompt),
    ] {
        for TokenRow { key, sums, .. } in rows {
            write_row(out, token_row(kind, key, sums))?;
        }
    }
    write_row(out, token_row("total", "", &head.totals.tokens))
}

fn token_row(kind: &str, key: &str, sums: &TokenSums) -> Vec<String> {
    let numbers = [
        sums.input,
        sums.cached,
        sums.cache_write,
        sums.output,
        sums.reasoning,
        sums.total,
        sums.records,
    ];
    let mut row = vec![kind.to_string(), text(Some(key))];
    row.extend(numbers.map(|number| number.to_string()));
    row.push(sums.cost_exact.clone().unwrap_or_default());
    row.push(sums.estimated.to_string());
    row.push(text(Some(&sums.unpriced.join(", "))));
    row
}

/// Text from a log, safe as a cell.
fn text(text: Option<&str>) -> String {
    escape::csv(text.unwrap_or_default()).into_owned()
}

fn count(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn time(head: &ReportHead, at_ms: Option<i64>) -> String {
    at_ms.map(|ms| head.zone.rfc3339(ms)).unwrap_or_default()
}

fn write_row<T: AsRef<[u8]>>(
    out: &mut dyn Write,
    cells: impl IntoIterator<Item = T>,
) -> Result<()> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        // Quoted, a semicolon or tab in a text parts no cells, whatever the reader takes for a separator.
        .quote_style(QuoteStyle::NonNumeric)
        .buffer_capacity(1024)
        .from_writer(out);
    writer.write_record(cells).map_err(io::Error::other)?;
    writer.flush()
}

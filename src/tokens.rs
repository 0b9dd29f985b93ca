//! `tokens`: totals that count each usage once, and say why.

use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::text::{count, minute, one_line, short};
use clap::{Args, Subcommand, ValueEnum};
use codex_ledger_app::{App, PriceTable, WhatIf};
use codex_ledger_query::{ExplainRow, TokenBy, TokenReport, TokenRequest, TokenSums, Zone, day_ms};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TokensArgs {
    /// What to group by
    #[arg(long, value_enum, default_value_t = By::Day, value_name = "WHAT")]
    pub by: By,
    /// Time zone of days, an IANA name such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Price table (TOML) that goes over the one in this program
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// What if the prices of this day had always held
    #[arg(long, value_name = "DATE")]
    pub price_as_of: Option<String>,
    /// What if this model had answered every request
    #[arg(long, value_name = "MODEL")]
    pub model_as: Option<String>,
    #[command(subcommand)]
    pub what: Option<TokensCommand>,
}

/// What token totals are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Day,
    Week,
    Month,
    Session,
    Repo,
    Model,
}

#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Every usage record of a session, with the reason why it counts or not
    Explain {
        /// Id of the session, its beginning, or its name [default: the newest]
        #[arg(value_name = "SESSION", default_value = "", hide_default_value = true)]
        session: String,
    },
}

pub fn run(door: &mut Door, args: TokensArgs) -> Result<Done> {
    let app = app(door, "tokens", Vec::new())?;
    if let Some(TokensCommand::Explain { session }) = &args.what {
        return explain(door, &app, session);
    }
    let zone = match &args.timezone {
        None => Zone::utc(),
        Some(name) => Zone::named(name).ok_or_else(|| {
            DoorError::new(format!("--timezone: there is no time zone `{name}`"))
                .hint("an IANA name such as Europe/Berlin or America/New_York")
        })?,
    };
    let prices = prices(args.prices.as_deref())?;
    let price_as_of_ms = args.price_as_of.as_deref().map(date_ms).transpose()?;
    let what_if = WhatIf { model_as: args.model_as.clone(), price_as_of_ms };
    let by = match args.by {
        By::Day => TokenBy::Day,
        By::Week => TokenBy::Week,
        By::Month => TokenBy::Month,
        By::Session => TokenBy::Session,
        By::Repo => TokenBy::Repo,
        By::Model => TokenBy::Model,
    };
    let request = TokenRequest { what_if, ..TokenRequest::all(by, &zone, &prices) };
    let report = app.tokens(&request)?;
    if door.global.json {
        door.print_json(&report)?;
    } else {
        door.print(&as_text(door, &report, by))?;
    }
    Ok(Done::Clean)
}

fn prices(path: Option<&Path>) -> Result<Cow<'static, PriceTable>> {
    let builtin = PriceTable::builtin();
    let Some(path) = path else { return Ok(Cow::Borrowed(builtin)) };
    let text = std::fs::read_to_string(path)
        .map_err(|e| DoorError::new(format!("{}: {e}", path.display())))?;
    let over = PriceTable::parse(&text, path).map_err(|e| DoorError::new(e.to_string()))?;
    Ok(Cow::Owned(builtin.layered(&over)))
}

fn date_ms(text: &str) -> Result<i64> {
    day_ms(text, &Zone::utc()).ok_or_else(|| {
        DoorError::new(format!("--price-as-of: `{text}` is no date"))
            .hint("a day such as 2026-03-01")
    })
}

fn new_table(door: &Door, heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads.iter().map(|head| door.paint(Style::Dim, head)));
    table
}

fn finish_table(mut table: Table, right: std::ops::Range<usize>) -> String {
    for index in right {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string().lines().map(|line| line.trim_end().to_string() + "\n").collect()
}

fn as_text(door: &Door, report: &TokenReport, by: TokenBy) -> String {
    if report.rows.is_empty() {
        return "no counted usage yet\n".into();
    }
    let head = match by {
        TokenBy::Day => "DAY",
        TokenBy::Week => "WEEK",
        TokenBy::Month => "MONTH",
        TokenBy::Session => "SESSION",
        TokenBy::Repo => "REPO",
        TokenBy::Model => "MODEL",
        TokenBy::Prompt => "PROMPT",
        TokenBy::Stream => "FILE",
    };
    let heads = [head, "INPUT", "CACHED", "OUTPUT", "REASONING", "TOTAL", "USD"];
    let mut table = new_table(door, &heads);
    for row in &report.rows {
        table.add_row(cells(one_line(&row.key, 60), &row.sums));
    }
    table.add_row(cells(door.paint(Style::Bold, "total"), &report.total));
    let mut out = finish_table(table, 1..7);
    let digest: String = report.price_digest.chars().take(12).collect();
    let mut notes = format!("API-equivalent prices of {}, table {digest}", report.price_date);
    if report.total.estimated {
        notes.push_str(
            "; ~ has usage whose model is not named, priced as the usual one of its time",
        );
    }
    if !report.total.unpriced.is_empty() {
        let models: Vec<String> = report.total.unpriced.iter().map(|m| one_line(m, 30)).collect();
        notes.push_str(&format!("; no price is known for {}", models.join(", ")));
    }
    out.push_str(&door.paint(Style::Dim, notes));
    out + "\n"
}

fn cells(key: String, sums: &TokenSums) -> Vec<String> {
    let cost = match sums.cost_usd {
        Some(cost) if sums.estimated => format!("~{cost:.2}"),
        Some(cost) => format!("{cost:.2}"),
        None => "?".into(),
    };
    let numbers = [sums.input, sums.cached, sums.output, sums.reasoning, sums.total];
    [key].into_iter().chain(numbers.map(count)).chain([cost]).collect()
}

fn explain(door: &Door, app: &App, prefix: &str) -> Result<Done> {
    let explanation = app.explain_tokens(prefix)?;
    if door.global.json {
        door.print_json(&explanation)?;
        return Ok(Done::Clean);
    }
    let mut out = format!("{}\n", door.paint(Style::Bold, &explanation.session));
    let rows = &explanation.records;
    if rows.is_empty() {
        out.push_str("no usage records: this client did not write any\n");
        return door.print(&out).map(|()| Done::Clean);
    }
    let heads = ["ENTRY", "LINE", "TIME (UTC)", "INPUT", "CACHED", "OUTPUT", "VERDICT"];
    let mut table = new_table(door, &heads);
    for row in rows {
        table.add_row(explain_cells(door, row));
    }
    out.push_str(&finish_table(table, 3..6));
    let counted: Vec<&ExplainRow> = rows.iter().filter(|row| row.counted).collect();
    let (input, output) = counted.iter().fold((0u64, 0u64), |(i, o), row| {
        (i.saturating_add(row.input), o.saturating_add(row.output))
    });
    out.push_str(&format!(
        "{} of {} records count: {} input, {} output\n",
        counted.len(),
        rows.len(),
        short(input),
        short(output)
    ));
    door.print(&out)?;
    Ok(Done::Clean)
}

fn explain_cells(door: &Door, row: &ExplainRow) -> Vec<String> {
    let verdict = match row.reason.as_deref() {
        None => door.paint(Style::Green, "counted"),
        Some(reason) => door.paint(Style::Dim, reason_text(reason)),
    };
    let time = minute(row.at_ms);
    let numbers = [row.input, row.cached, row.output].map(count);
    [row.seq.to_string(), row.line.to_string(), time]
        .into_iter()
        .chain(numbers)
        .chain([verdict])
        .collect()
}

fn reason_text(reason: &str) -> &str {
    match reason {
        "re_emission" => "not counted: repeats a total that was counted",
        "estimate" => "not counted: an estimate of the context's size",
        "rate_limits_only" => "not counted: rate limits only",
        "baseline" => "not counted: the total that was inherited from the parent",
        "replay" => "not counted: copied from the parent's file",
        "review_copy" => "not counted: counted in the review's own file",
        "usage_record" => "not counted: a usage record counts it",
        "foreign_thread" => "not counted: of another thread",
        "bad_number" => "not counted: a counter that no client can mean",
        "duplicate_response" => "not counted: this response was counted",
        other => other,
    }
}

//! `tokens`: totals that count each usage once, and say why.

use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::filters::{FilterArgs, zone_named};
use crate::pager::width;
use crate::sessions::short_id;
use crate::settings::settings;
use crate::text::{count, minute_in, one_line, short};
use clap::{Args, Subcommand, ValueEnum};
use codex_ledger_app::{App, Explanation, PriceTable, WhatIf, World, small_file};
use codex_ledger_query::{
    ExplainRow, Filter, TokenBy, TokenReport, TokenRequest, TokenRow, TokenSums, Zone, day_ms,
};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthStr;

/// A terminal of fewer columns gets fewer of the table.
const COMPACT_BELOW: usize = 100;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TokensArgs {
    /// What to group by, one or two: day,model
    #[arg(long, value_enum, default_value = "day", value_name = "WHAT", value_delimiter = ',')]
    pub by: Vec<By>,
    /// In which order
    #[arg(long, value_enum, default_value_t = Sort::Key, value_name = "WHAT")]
    pub sort: Sort,
    /// Only so many rows, the last ones; the total is still of all
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Fewer columns [default on a terminal of less than 100 columns]
    #[arg(long)]
    pub compact: bool,
    #[command(flatten)]
    pub filters: FilterArgs,
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
    Prompt,
    Repo,
    Model,
}

impl By {
    const fn of_query(self) -> (TokenBy, &'static str) {
        match self {
            By::Day => (TokenBy::Day, "DAY"),
            By::Week => (TokenBy::Week, "WEEK"),
            By::Month => (TokenBy::Month, "MONTH"),
            By::Session => (TokenBy::Session, "SESSION"),
            By::Prompt => (TokenBy::Prompt, "PROMPT"),
            By::Repo => (TokenBy::Repo, "REPO"),
            By::Model => (TokenBy::Model, "MODEL"),
        }
    }
}

/// What rows are sorted by; the largest come last, nearest to the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    Key,
    Cost,
    Tokens,
}

#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Every usage record of a session, with the reason why it counts or not
    Explain {
        /// Id of the session, its beginning, or its name [default: the newest]
        #[arg(value_name = "SESSION", default_value = "", hide_default_value = true)]
        session: String,
        /// How its cost comes about, and why other programs may say another one
        #[arg(long)]
        price: bool,
        /// Time zone of times: local, or an IANA name [default: as configured, else UTC]
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
    },
}

pub fn run(door: &mut Door, args: TokensArgs) -> Result<Done> {
    let app = app(door, "tokens", Vec::new())?;
    if let Some(TokensCommand::Explain { session, price, timezone }) = &args.what {
        let zone = zone_named(door, timezone.as_deref())?;
        return explain(door, &app, session, *price, &zone);
    }
    if args.by.len() > 2 || args.by.first() == args.by.get(1) {
        return Err(DoorError::new("--by: one thing, or two different ones")
            .hint("for example --by day,model"));
    }
    let zone = args.filters.zone(door)?;
    let prices = prices(args.prices.as_deref())?;
    let price_as_of_ms = args.price_as_of.as_deref().map(date_ms).transpose()?;
    let request = TokenRequest {
        by: args.by.iter().map(|by| by.of_query().0).collect(),
        filter: args.filters.filter(&zone)?,
        zone: &zone,
        prices: &prices,
        what_if: WhatIf { model_as: args.model_as.clone(), price_as_of_ms },
    };
    let mut report = door.patiently("adding up", || app.tokens(&request))?;
    let called = Called::of(&app, &args, &request.filter)?;
    match args.sort {
        // Ids of sessions tell no order.
        Sort::Key if called.is_asked => report.rows.sort_by_key(|row| called.order(&row.key)),
        Sort::Key => {}
        Sort::Tokens => report.rows.sort_by_key(|row| row.sums.total),
        Sort::Cost => {
            let cost = |row: &TokenRow| row.sums.cost_usd.unwrap_or(-1.0);
            report.rows.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        }
    }
    let all = report.rows.len();
    report.rows.drain(..all.saturating_sub(args.last.unwrap_or(all)));
    if door.global.json {
        door.print_json(&report)?;
        return Ok(Done::Clean);
    }
    let mut out = as_text(door, &report, &args, (all, &called));
    out.push_str(&budgets(door, &app, &zone, &prices)?);
    door.print(&out)?;
    Ok(Done::Clean)
}

/// Where the budgets of the configuration stand, whatever the filters say.
fn budgets(door: &Door, app: &App, zone: &Zone, prices: &PriceTable) -> Result<String> {
    let budget = settings(&door.global)?.config.budget;
    let mut out = String::new();
    for (by, name, usd) in [
        (TokenBy::Day, "day", budget.day),
        (TokenBy::Week, "week", budget.week),
        (TokenBy::Month, "month", budget.month),
    ] {
        let Some(usd) = usd else { continue };
        let now_ms = (World::real().clock.now() / 1_000_000) as i64;
        let since_ms = period_start(zone, by, now_ms);
        let filter = Filter { since_ms, ..Filter::default() };
        let spent = app.tokens(&TokenRequest { filter, ..TokenRequest::all(by, zone, prices) })?;
        let cost = spent.total.cost_usd.unwrap_or_default();
        let share = cost / usd * 100.0;
        let line = format!("this {name} ${cost:.2} of ${usd:.2}, {share:.0} %");
        let style = if share > 100.0 { Style::Red } else { Style::Dim };
        out.push_str(&format!("{}\n", door.paint(style, line)));
    }
    Ok(out)
}

/// When the day, week or month of a moment began.
fn period_start(zone: &Zone, by: TokenBy, at_ms: i64) -> Option<i64> {
    let day = zone.date(at_ms)?;
    let first = match by {
        TokenBy::Month => day.first_of_month(),
        TokenBy::Week => {
            let days = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(jiff::Span::new().days(days)).ok()?
        }
        _ => day,
    };
    zone.start_of(first)
}

fn prices(path: Option<&Path>) -> Result<Cow<'static, PriceTable>> {
    let builtin = PriceTable::builtin();
    let Some(path) = path else { return Ok(Cow::Borrowed(builtin)) };
    let text = small_file::text(small_file::read_named(path, small_file::NAMED_MAX_BYTES)?, path)?;
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

/// What sessions are called, and when they were last at work, where rows are about them.
struct Called {
    is_asked: bool,
    sessions: BTreeMap<String, (i64, String)>,
    /// The words of prompts, where rows are about these.
    prompts: BTreeMap<(String, u64), String>,
}

impl Called {
    fn of(app: &App, args: &TokensArgs, filter: &Filter) -> Result<Called> {
        let is_asked = args.by.first().is_some_and(|by| matches!(by, By::Session | By::Prompt));
        let mut sessions = BTreeMap::new();
        if is_asked {
            for row in app.sessions_matching(filter, 0)? {
                let at_ms = row.last_at_ms.or(row.created_at_ms).unwrap_or_default();
                sessions.insert(row.id, (at_ms, row.title.unwrap_or_default()));
            }
        }
        let prompts = match args.by.first() {
            Some(By::Prompt) => app.prompt_titles(filter)?,
            _ => BTreeMap::new(),
        };
        Ok(Called { is_asked, sessions, prompts })
    }

    /// The session of a key, and the number of a prompt in it.
    fn split(key: &str) -> (&str, Option<u64>) {
        let (id, number) = key.rsplit_once('#').unwrap_or((key, ""));
        (id, number.parse().ok())
    }

    fn order(&self, key: &str) -> (i64, String, u64) {
        let (id, number) = Called::split(key);
        let at_ms = self.sessions.get(id).map_or(0, |(at_ms, _)| *at_ms);
        (at_ms, id.to_string(), number.unwrap_or(0))
    }

    /// As it is shown: as much of the id as names it, and the title.
    fn label(&self, key: &str, columns: usize) -> String {
        let (id, number) = Called::split(key);
        let Some((_, title)) = self.sessions.get(id).filter(|_| self.is_asked) else {
            return last_columns(key, columns);
        };
        let asked = number.and_then(|number| self.prompts.get(&(id.to_string(), number)));
        let title = one_line(asked.unwrap_or(title), 60);
        // A number that is cut is another one.
        let number = number.map(|number| format!("#{number}")).unwrap_or_default();
        let id: String =
            short_id(id).chars().take(columns.saturating_sub(number.len()).max(8)).collect();
        let name = format!("{id}{number}");
        match columns.checked_sub(name.len() + TITLE_MIN) {
            Some(_) => one_line(&format!("{name}  {title}"), columns),
            None => name,
        }
    }
}

/// Columns of which less are no use to a title, the blanks before it included.
const TITLE_MIN: usize = 10;

/// A key in a line; of one that is too long for it the end, which tells addresses and paths apart.
fn last_columns(key: &str, columns: usize) -> String {
    let line = one_line(key, usize::MAX);
    let count = line.chars().count();
    if line.width() <= columns || !line.contains(['/', '\\']) {
        return one_line(&line, columns);
    }
    let end: String = line.chars().skip(count.saturating_sub(columns.saturating_sub(1))).collect();
    format!("…{end}")
}

fn as_text(
    door: &Door,
    report: &TokenReport,
    args: &TokensArgs,
    (all, called): (usize, &Called),
) -> String {
    if report.rows.is_empty() {
        let is_filtered = args.filters.is_given();
        return if is_filtered { "no counted usage matches\n" } else { "no counted usage yet\n" }
            .into();
    }
    let width = width();
    // Words need room, too.
    let below = if called.is_asked { COMPACT_BELOW + 40 } else { COMPACT_BELOW };
    let is_compact = args.compact || width.is_some_and(|width| width < below);
    let keys = args.by.len();
    let heads = args.by.iter().map(|by| by.of_query().1);
    let numbers: &[&str] = match is_compact {
        true => &["INPUT", "OUTPUT", "COST"],
        false => &["INPUT", "CACHED", "OUTPUT", "REASONING", "TOTAL", "COST"],
    };
    let heads: Vec<&str> = heads.chain(numbers.iter().copied()).collect();
    let mut table = new_table(door, &heads);
    let key_chars = width
        .map_or(60, |width| (width.saturating_sub(numbers.len() * 13) / keys.max(1)).clamp(10, 60));
    for row in &report.rows {
        let own = if row.keys.is_empty() { std::slice::from_ref(&row.key) } else { &row.keys };
        let own = own.iter().map(|key| called.label(key, key_chars));
        table.add_row(own.chain(cells(&row.sums, is_compact)).collect::<Vec<_>>());
    }
    let total = std::iter::once(door.paint(Style::Bold, "total"));
    let total = total.chain(std::iter::repeat_n(String::new(), keys - 1));
    table.add_row(total.chain(cells(&report.total, is_compact)).collect::<Vec<_>>());
    let mut out = finish_table(table, keys..keys + numbers.len());
    if report.rows.len() < all {
        let (shown, left) = (report.rows.len(), all - report.rows.len());
        let shown =
            format!("the last {shown} of {all} rows; the total counts the other {left}, too\n");
        out.push_str(&door.paint(Style::Dim, shown));
    }
    let digest: String = report.price_digest.chars().take(12).collect();
    let mut notes = format!("API-equivalent prices of {}, table {digest}", report.price_date);
    if report.total.estimated {
        notes.push_str(
            "; ~ is estimated: the log names no model there, so the usual one of its time is taken",
        );
    }
    if !report.total.unpriced.is_empty() {
        let models: Vec<String> = report.total.unpriced.iter().map(|m| one_line(m, 30)).collect();
        notes.push_str(&format!("; no price is known for {}", models.join(", ")));
    }
    for line in wrapped(&notes, width.unwrap_or(usize::MAX)) {
        out.push_str(&door.paint(Style::Dim, line));
        out.push('\n');
    }
    out
}

/// A note in lines that fit.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.width() + 1 + word.width() <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_string()),
        }
    }
    lines
}

fn cells(sums: &TokenSums, is_compact: bool) -> Vec<String> {
    let cost = match sums.cost_usd {
        Some(cost) if sums.estimated => format!("~${cost:.2}"),
        Some(cost) => format!("${cost:.2}"),
        None => "?".into(),
    };
    let numbers = match is_compact {
        true => vec![sums.input, sums.output],
        false => vec![sums.input, sums.cached, sums.output, sums.reasoning, sums.total],
    };
    numbers.into_iter().map(count).chain([cost]).collect()
}

/// Why another program may say another cost; what each does was looked up in the versions that docs/TOKENS.md names.
const OTHER_COSTS: &str = "\
Why ccusage may say another cost for the same logs:
  - prices: it takes today's from a public table; here each response has the price of its day
  - tiers: responses of the tier `priority` (fast) cost more here, those of `flex` less
  - long context: responses above a model's threshold have its higher rates here
  - copies: it counts an old fork's copy of its parent again; `tokens explain` names each record that is not counted
  - files: it reads no compressed rollouts, and no usage records of paginated ones
  - days: its days are of the system's zone, these of --timezone (UTC unless configured)
  - models: usage without a model's name is marked ~ here and priced as the usual one of its time
";

fn explain_price(door: &Door, of: &Explanation) -> String {
    let mut out = format!("{}\n", door.paint(Style::Bold, &of.session));
    let heads = ["MODEL", "TIER", "RECORDS", "KIND", "TOKENS", "$ PER 1M", "COST"];
    let mut table = new_table(door, &heads);
    for row in &of.prices {
        let long = if row.is_long { ", long context" } else { "" };
        let tier = format!("{}{long}", one_line(&row.tier, 20));
        let other = row.priced_as.as_deref().filter(|priced| *priced != row.model);
        let other = other.map(|priced| format!(" as {}", one_line(priced, 30))).unwrap_or_default();
        let model = format!("{}{other}", one_line(&row.model, 30));
        if row.parts.is_empty() {
            let none = ["no price is known".into(), String::new(), String::new(), "?".into()];
            table
                .add_row([model.clone(), tier.clone(), count(row.records)].into_iter().chain(none));
        }
        for (nth, part) in row.parts.iter().filter(|part| part.tokens > 0).enumerate() {
            let head = [model.clone(), tier.clone(), count(row.records)];
            let head = head.map(|cell| if nth == 0 { cell } else { String::new() });
            let kind = part.kind.replace('_', " ");
            let rate = format!("{:.3}", part.usd_per_million);
            let cells = [kind, count(part.tokens), rate, format!("${:.4}", part.cost_usd)];
            table.add_row(head.into_iter().chain(cells));
        }
    }
    out.push_str(&finish_table(table, 4..7));
    let total: f64 = of.prices.iter().filter_map(|row| row.cost_usd).sum();
    let prices = PriceTable::builtin();
    out.push_str(&format!("${total:.4} by prices of {}\n\n", prices.date()));
    out + &door.paint(Style::Dim, OTHER_COSTS)
}

fn explain(door: &Door, app: &App, prefix: &str, has_prices: bool, zone: &Zone) -> Result<Done> {
    let explanation = app.explain_tokens(prefix, has_prices.then(PriceTable::builtin))?;
    if door.global.json {
        door.print_json(&explanation)?;
        return Ok(Done::Clean);
    }
    if has_prices {
        return door.print(&explain_price(door, &explanation)).map(|()| Done::Clean);
    }
    let mut out = format!("{}\n", door.paint(Style::Bold, &explanation.session));
    let rows = &explanation.records;
    if rows.is_empty() {
        out.push_str("no usage records: this client did not write any\n");
        return door.print(&out).map(|()| Done::Clean);
    }
    let time = format!("TIME ({})", zone.name());
    let heads = ["ENTRY", "LINE", time.as_str(), "INPUT", "CACHED", "OUTPUT", "VERDICT"];
    let mut table = new_table(door, &heads);
    for row in rows {
        table.add_row(explain_cells(door, row, zone));
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

fn explain_cells(door: &Door, row: &ExplainRow, zone: &Zone) -> Vec<String> {
    let verdict = match row.reason.as_deref() {
        None => door.paint(Style::Green, "counted"),
        Some(reason) => door.paint(Style::Dim, reason_text(reason)),
    };
    let time = minute_in(zone, row.at_ms);
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

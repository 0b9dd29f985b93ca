//! Token totals and what they would have cost.
//!
//! Only rows with `counted = 1` are added up.

use super::filter::{Filter, FilterError};
use super::row::{Counts, columns, sql_stream};
use super::select::pick;
use super::zone::{QUARTER_HOUR_MS, Zone};
use crate::pricing::{Estimate, Money, PriceTable, Tier, Tokens, WhatIf};
use codex_ledger_db::{Connection, Params, Row, SqlResult, params};
use codex_ledger_entry::StreamId;
use codex_ledger_location as location;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What the totals are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenBy {
    /// Day in the zone.
    Day,
    /// ISO week in the zone.
    Week,
    /// Month in the zone.
    Month,
    /// Hour of the day in the zone.
    Hour,
    /// Session.
    Session,
    /// Repository URL, else directory.
    Repo,
    /// Model.
    Model,
    /// Prompt of a session; what came before its first one is its number 0.
    Prompt,
    /// File of a session.
    Stream,
}

/// What totals are wanted.
#[derive(Clone, Debug)]
pub struct TokenRequest<'a> {
    /// What they are grouped by; the first one comes first.
    pub by: Vec<TokenBy>,
    /// Which sessions and times.
    pub filter: Filter,
    /// Zone of days.
    pub zone: &'a Zone,
    /// What tokens cost.
    pub prices: &'a PriceTable,
    /// Prices and models as they were not.
    pub what_if: WhatIf,
}

impl<'a> TokenRequest<'a> {
    /// All usage, grouped in one way.
    pub fn all(by: TokenBy, zone: &'a Zone, prices: &'a PriceTable) -> TokenRequest<'a> {
        let (filter, what_if) = (Filter::default(), WhatIf::default());
        TokenRequest { by: vec![by], filter, zone, prices, what_if }
    }
}

/// Sums of one group. None goes beyond 2^64 - 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TokenSums {
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Input read from the cache.
    pub cached: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
    /// Input and output.
    pub total: u64,
    /// Counted usage records.
    pub records: u64,
    /// What the API would have charged, in USD; `None` when a model in it has no known price.
    pub cost_usd: Option<f64>,
    /// The same, exact.
    pub cost_exact: Option<String>,
    /// Whether a price had to be guessed for want of a model's name.
    pub estimated: bool,
    /// Models without a known price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
}

impl TokenSums {
    /// Those of no usage, which cost nothing.
    pub(super) fn none() -> TokenSums {
        Adder::default().finish()
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenRow {
    /// Day, week, month, session, repository, model or prompt; where there are several, joined by a comma.
    pub key: String,
    /// Each of them, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Its sums.
    #[serde(flatten)]
    pub sums: TokenSums,
}

/// All groups and their total.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenReport {
    /// Groups, by key.
    pub rows: Vec<TokenRow>,
    /// Everything.
    pub total: TokenSums,
    /// Digest of the price table.
    pub price_digest: String,
    /// When the price table was last checked.
    pub price_date: String,
}

/// Where a group's key comes from.
pub(super) struct Source {
    session: String,
    pub repo: Option<String>,
}

const SOURCES: &str = "SELECT stream, id, git_url, cwd FROM sessions ORDER BY stream";

/// `PROMPT` is the number of the prompt that a record follows.
const SELECT: &str = "
    SELECT k.stream, k.at_ms, k.model, k.tier, k.input, min(k.cached_input, k.input) AS cached_input,
        k.cache_write_input, k.output, k.reasoning_output, PROMPT AS prompt
    FROM token_messages k WHERE k.counted = 1";

/// The same for picked sessions: `?1` and `?2` are the range, `?3` is a model or null.
const PICKED: &str = "
    SELECT k.stream, coalesce(k.at_ms, p.start_ms) AS at_ms, k.model, k.tier, k.input,
        min(k.cached_input, k.input) AS cached_input, k.cache_write_input, k.output, k.reasoning_output,
        PROMPT AS prompt
    FROM temp.picked p CROSS JOIN token_messages k ON k.stream = p.stream
    WHERE k.counted = 1 AND (p.timed = 0 OR coalesce(k.at_ms, p.start_ms) >= ?1
        AND coalesce(k.at_ms, p.start_ms) < ?2) AND (?3 IS NULL OR k.model = ?3)";

/// The same of a stretch of one of them, from `?5` and `?6` up to `?7` and `?8`.
const STRETCH: &str = " AND p.stream = ?4 AND k.stream = ?4
        AND (k.line, k.part) >= (?5, ?6) AND (k.line, k.part) < (?7, ?8)";

const PROMPT: &str = "(SELECT a.number FROM prompts a WHERE a.stream = k.stream AND a.number > 0
        AND (a.line, a.part) <= (k.line, k.part) ORDER BY a.line DESC, a.part DESC LIMIT 1)";

columns! {
    UsageColumns: stream, at_ms, model, tier, input, cached_input, cache_write_input, output,
    reasoning_output, prompt
}

/// One counted record, borrowed from the row.
struct Usage<'r> {
    stream: StreamId,
    at_ms: i64,
    model: Option<&'r str>,
    tier: Option<&'r str>,
    tokens: Tokens,
    reasoning: u64,
    prompt: u64,
}

impl<'r> Usage<'r> {
    fn read(row: &'r Row<'_>, columns: &UsageColumns) -> SqlResult<Usage<'r>> {
        let text = |column: usize| row.get_ref(column).map(|value| value.as_str_or_null().ok()?);
        Ok(Usage {
            stream: row.stream(columns.stream)?,
            at_ms: row.get::<_, Option<i64>>(columns.at_ms)?.unwrap_or_default(),
            model: text(columns.model)?,
            tier: text(columns.tier)?,
            tokens: Tokens {
                input: row.count(columns.input)?,
                cached_input: row.count(columns.cached_input)?,
                cache_write_input: row.count(columns.cache_write_input)?,
                output: row.count(columns.output)?,
            },
            reasoning: row.count(columns.reasoning_output)?,
            prompt: row.count_or_zero(columns.prompt)?,
        })
    }
}

/// Sums with the money kept exact until the end.
#[derive(Default)]
struct Adder {
    sums: TokenSums,
    money: Money,
}

impl Adder {
    fn add(&mut self, usage: &Usage<'_>, cost: &Cost) {
        let (sums, more) = (&mut self.sums, &usage.tokens);
        let both = more.input.saturating_add(more.output);
        for (sum, more) in [
            (&mut sums.input, more.input),
            (&mut sums.cached, more.cached_input),
            (&mut sums.cache_write, more.cache_write_input),
            (&mut sums.output, more.output),
            (&mut sums.reasoning, usage.reasoning),
            (&mut sums.total, both),
        ] {
            *sum = sum.saturating_add(more);
        }
        sums.records += 1;
        match cost {
            Cost::Known { money, is_guess } => {
                self.money += *money;
                sums.estimated |= is_guess;
            }
            Cost::Unknown(name) => {
                if !sums.unpriced.contains(name) {
                    sums.unpriced.push(name.clone());
                }
            }
        }
    }

    fn finish(mut self) -> TokenSums {
        if self.sums.unpriced.is_empty() {
            self.sums.cost_usd = Some(self.money.as_f64());
            self.sums.cost_exact = Some(self.money.to_exact_usd_string());
        }
        self.sums.unpriced.sort();
        self.sums
    }
}

/// What one record would have cost.
enum Cost {
    Known { money: Money, is_guess: bool },
    Unknown(String),
}

impl Cost {
    fn of(usage: &Usage<'_>, prices: &PriceTable, what_if: &WhatIf) -> Cost {
        let tier = usage.tier.map_or(Some(Tier::Standard), Tier::parse);
        match prices.lookup_as(usage.model, usage.at_ms, what_if).zip(tier) {
            Some((quote, tier)) => Cost::Known {
                money: quote.price.cost(&usage.tokens, tier),
                is_guess: matches!(quote.estimate, Some(Estimate::NoModel | Estimate::PseudoModel)),
            },
            None => {
                let mut name = usage.model.unwrap_or("(no model named)").to_string();
                if let (Some(text), None) = (usage.tier, tier) {
                    name.push_str(&format!(" at tier {text}"));
                }
                Cost::Unknown(name)
            }
        }
    }
}

/// Adds up counted usage: all of it, or of what a filter picks.
///
/// # Errors
/// When the filter names what is not there, and as the database.
pub fn tokens(db: &Connection, request: &TokenRequest<'_>) -> Result<TokenReport, FilterError> {
    let adding = Adding { zone: request.zone, prices: request.prices, what_if: &request.what_if };
    let filter = &request.filter;
    let by = [request.by.clone()];
    if *filter == Filter::default() {
        let [report] = adding.add_up(db, SELECT, [], by)?;
        return Ok(report);
    }
    pick(db, filter)?;
    let (since, until) = filter.range();
    let [report] = adding.add_up(db, PICKED, params![since, until, filter.model], by)?;
    Ok(report)
}

/// Adds up the counted usage of picked sessions, grouped in several ways at once.
pub(super) fn tokens_of_picked<const N: usize>(
    db: &Connection,
    filter: &Filter,
    by: [TokenBy; N],
    zone: &Zone,
    prices: &PriceTable,
) -> SqlResult<[TokenReport; N]> {
    let (since, until) = filter.range();
    let values = params![since, until, filter.model];
    let adding = Adding { zone, prices, what_if: &WhatIf::default() };
    adding.add_up(db, PICKED, values, by.map(|by| vec![by]))
}

/// The same of a stretch of a picked session, in one sum: from a line and part up to another.
pub(super) fn tokens_between(
    db: &Connection,
    filter: &Filter,
    stream: StreamId,
    [from, to]: [(i64, i64); 2],
    prices: &PriceTable,
) -> SqlResult<TokenSums> {
    let (since, until) = filter.range();
    let place = (sql_stream(stream), from.0, from.1, to.0, to.1);
    let (stream, from, from_part, to, to_part) = place;
    let values = params![since, until, filter.model, stream, from, from_part, to, to_part];
    let adding = Adding { zone: &Zone::utc(), prices, what_if: &WhatIf::default() };
    let [sum] = adding.add_up(db, &[PICKED, STRETCH].concat(), values, [vec![]])?;
    Ok(sum.total)
}

/// How records are added up.
struct Adding<'a> {
    zone: &'a Zone,
    prices: &'a PriceTable,
    what_if: &'a WhatIf,
}

impl Adding<'_> {
    fn add_up<const N: usize>(
        &self,
        db: &Connection,
        sql: &str,
        values: impl Params,
        by: [Vec<TokenBy>; N],
    ) -> SqlResult<[TokenReport; N]> {
        let Adding { zone, prices, what_if } = self;
        let is_needed = by.iter().any(|by| !by.is_empty());
        let sources = if is_needed { sources(db)? } else { HashMap::new() };
        let has_prompts = by.iter().flatten().any(|by| *by == TokenBy::Prompt);
        let sql = sql.replace("PROMPT", if has_prompts { PROMPT } else { "NULL" });
        let mut tables = by.map(|by| Grouped::new(by, zone, &sources));
        let mut total = Adder::default();
        let mut statement = db.prepare_cached(&sql)?;
        let columns = UsageColumns::of(&statement)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            let usage = Usage::read(row, &columns)?;
            let cost = Cost::of(&usage, prices, what_if);
            tables.iter_mut().for_each(|table| table.add(&usage, &cost));
            total.add(&usage, &cost);
        }
        let total = total.finish();
        Ok(tables.map(|table| TokenReport {
            rows: table.finish(),
            total: total.clone(),
            price_digest: prices.digest().to_string(),
            price_date: prices.date().to_string(),
        }))
    }
}

/// Sums by the groups of one kind.
struct Grouped<'a> {
    keys: Keys<'a>,
    names: HashMap<Key, usize>,
    sums: Vec<Adder>,
}

/// What a group is of: a text, and a number where texts are numbered.
type Key = Vec<(String, Option<u64>)>;

impl<'a> Grouped<'a> {
    fn new(
        by: Vec<TokenBy>,
        zone: &'a Zone,
        sources: &'a HashMap<StreamId, Source>,
    ) -> Grouped<'a> {
        let keys = Keys { by, zone, sources, last: None };
        Grouped { keys, names: HashMap::new(), sums: Vec::new() }
    }

    fn add(&mut self, usage: &Usage<'_>, cost: &Cost) {
        let group = self.keys.group(usage, &mut self.names);
        if group == self.sums.len() {
            self.sums.push(Adder::default());
        }
        self.sums[group].add(usage, cost);
    }

    fn finish(self) -> Vec<TokenRow> {
        let named: BTreeMap<Key, usize> = self.names.into_iter().collect();
        let mut sums: Vec<Option<Adder>> = self.sums.into_iter().map(Some).collect();
        let rows = named.into_iter().filter_map(|(key, index)| {
            let named = |(text, number): (String, Option<u64>)| match number {
                Some(number) => format!("{text}#{number}"),
                None => text,
            };
            let mut keys: Vec<String> = key.into_iter().map(named).collect();
            let key = keys.join(", ");
            if keys.len() < 2 {
                keys.clear();
            }
            Some(TokenRow { key, keys, sums: sums.get_mut(index)?.take()?.finish() })
        });
        rows.collect()
    }
}

pub(super) fn sources(db: &Connection) -> SqlResult<HashMap<StreamId, Source>> {
    let mut statement = db.prepare(SOURCES)?;
    let rows = statement.query_map([], |row| {
        let (url, cwd): (Option<String>, Option<String>) = (row.get("git_url")?, row.get("cwd")?);
        let repo = url.or_else(|| cwd.as_deref().map(location::folder::plain));
        let source = Source { session: row.get("id")?, repo };
        Ok((row.stream("stream")?, source))
    })?;
    let mut sources: HashMap<StreamId, Source> = rows.collect::<SqlResult<_>>()?;
    // Of the spellings of one repository the shortest whole address speaks for all.
    let mut spelling: HashMap<String, String> = HashMap::new();
    let rank = |repo: &str| (!repo.contains("://"), repo.len(), repo.to_string());
    for repo in sources.values().filter_map(|source| source.repo.as_ref()) {
        let known = spelling.entry(location::plain(repo)).or_insert_with(|| repo.clone());
        if rank(repo) < rank(known) {
            known.clone_from(repo);
        }
    }
    for source in sources.values_mut() {
        let plain = source.repo.as_deref().map(location::plain);
        source.repo = plain.and_then(|plain| spelling.get(&plain).cloned());
    }
    Ok(sources)
}

/// Finds the group of a record. Records come stream by stream and mostly in order of time, so that the last
/// answer mostly holds for the next one too.
struct Keys<'a> {
    by: Vec<TokenBy>,
    zone: &'a Zone,
    sources: &'a HashMap<StreamId, Source>,
    last: Option<LastGroup>,
}

/// Group of the last record, and what it was found for.
struct LastGroup {
    stream: StreamId,
    quarter_hour: i64,
    group: usize,
}

impl Keys<'_> {
    fn group(&mut self, usage: &Usage<'_>, names: &mut HashMap<Key, usize>) -> usize {
        let (stream, quarter_hour) = (usage.stream, usage.at_ms.div_euclid(QUARTER_HOUR_MS));
        let changes = |by: &TokenBy| matches!(by, TokenBy::Model | TokenBy::Prompt);
        if let Some(last) = &self.last
            && (last.stream, last.quarter_hour) == (stream, quarter_hour)
            && !self.by.iter().any(changes)
        {
            return last.group;
        }
        let key = self.by.iter().map(|by| self.key(*by, usage)).collect();
        let next = names.len();
        let group = *names.entry(key).or_insert(next);
        self.last = Some(LastGroup { stream, quarter_hour, group });
        group
    }

    fn key(&self, by: TokenBy, usage: &Usage<'_>) -> (String, Option<u64>) {
        let date = || self.zone.date(usage.at_ms).filter(|_| usage.at_ms > 0);
        let undated = || "undated".to_string();
        let source = self.sources.get(&usage.stream);
        let session = || source.map(|source| source.session.clone()).unwrap_or_default();
        let text = match by {
            TokenBy::Day => date().map_or_else(undated, |date| date.to_string()),
            TokenBy::Week => date().map_or_else(undated, |date| {
                let week = date.iso_week_date();
                format!("{:04}-W{:02}", week.year(), week.week())
            }),
            TokenBy::Month => date()
                .map_or_else(undated, |date| format!("{:04}-{:02}", date.year(), date.month())),
            TokenBy::Hour => self
                .zone
                .hour(usage.at_ms)
                .filter(|_| usage.at_ms > 0)
                .map_or_else(undated, |hour| format!("{hour:02}:00")),
            TokenBy::Session => session(),
            TokenBy::Prompt => return (session(), Some(usage.prompt)),
            TokenBy::Stream => usage.stream.get().to_string(),
            TokenBy::Repo => {
                source.and_then(|source| source.repo.clone()).unwrap_or_else(|| "(none)".into())
            }
            TokenBy::Model => usage.model.unwrap_or("(no model named)").to_string(),
        };
        (text, None)
    }
}

//! Token totals and what they would have cost.
//!
//! Only rows with `counted = 1` are added up; `explain` shows every row with the reason why it counts or not.

use crate::db::{Connection, Row, SqlResult};
use crate::pricing::{Estimate, Money, PriceTable, Tier, Tokens, WhatIf};
use serde::Serialize;
use std::collections::BTreeMap;

/// Usage is added up in SQL by quarters of an hour: every time zone's days begin on one.
const BUCKET_MS: i64 = 15 * 60 * 1000;
/// Input above which long-context rates hold, for every model that has some (vendor's price list).
const LONG_CONTEXT_TOKENS: i64 = 272_000;

/// What the totals are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenBy {
    /// Day in the zone.
    Day,
    /// ISO week in the zone.
    Week,
    /// Month in the zone.
    Month,
    /// Session.
    Session,
    /// Repository URL, else directory.
    Repo,
    /// Model.
    Model,
}

/// A time zone for days.
#[derive(Clone, Debug)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// UTC.
    pub fn utc() -> Zone {
        Zone(jiff::tz::TimeZone::UTC)
    }

    /// A zone by its IANA name; `None` when there is none of that name.
    pub fn named(name: &str) -> Option<Zone> {
        jiff::tz::TimeZone::get(name).ok().map(Zone)
    }

    fn date(&self, at_ms: i64) -> Option<jiff::civil::Date> {
        let time = jiff::Timestamp::from_millisecond(at_ms).ok()?;
        Some(self.0.to_datetime(time).date())
    }
}

/// Sums of one group.
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

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenRow {
    /// Day, week, month, session, repository or model.
    pub key: String,
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

/// What a price depends on, and where the group's key comes from.
struct Slice {
    at_ms: i64,
    session: String,
    repo: Option<String>,
    model: Option<String>,
    tier: Option<String>,
    long: bool,
    sums: TokenSums,
}

const SELECT: &str = "
    SELECT coalesce(k.at_ms, 0) / ?1 * ?1, s.id, coalesce(s.git_url, s.cwd), k.model, k.tier, k.input > ?2,
        sum(k.input), sum(min(k.cached_input, k.input)), sum(k.cache_write_input), sum(k.output),
        sum(k.reasoning_output), count(*)
    FROM token_messages k JOIN sessions s ON s.stream = k.stream
    WHERE k.counted = 1 GROUP BY 1, k.stream, k.model, k.tier, 6";

fn slice(row: &Row<'_>) -> SqlResult<Slice> {
    let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
    let (input, output) = (count(6)?, count(9)?);
    Ok(Slice {
        at_ms: row.get(0)?,
        session: row.get(1)?,
        repo: row.get(2)?,
        model: row.get(3)?,
        tier: row.get(4)?,
        long: row.get(5)?,
        sums: TokenSums {
            input,
            cached: count(7)?,
            cache_write: count(8)?,
            output,
            reasoning: count(10)?,
            total: input + output,
            records: count(11)?,
            ..TokenSums::default()
        },
    })
}

/// Sums with the money kept exact until the end.
#[derive(Default)]
struct Adder {
    sums: TokenSums,
    money: Money,
}

impl Adder {
    fn add(&mut self, slice: &Slice, prices: &PriceTable, what_if: &WhatIf) {
        let (sums, more) = (&mut self.sums, &slice.sums);
        sums.input += more.input;
        sums.cached += more.cached;
        sums.cache_write += more.cache_write;
        sums.output += more.output;
        sums.reasoning += more.reasoning;
        sums.total += more.total;
        sums.records += more.records;
        let model = slice.model.as_deref();
        let tier = slice.tier.as_deref().map_or(Some(Tier::Standard), Tier::parse);
        match prices.lookup_as(model, slice.at_ms, what_if).zip(tier) {
            Some((quote, tier)) => {
                sums.estimated |=
                    matches!(quote.estimate, Some(Estimate::NoModel | Estimate::PseudoModel));
                let tokens = Tokens {
                    input: more.input,
                    cached_input: more.cached,
                    cache_write_input: more.cache_write,
                    output: more.output,
                };
                self.money += quote.price.cost_of_many(&tokens, slice.long, tier);
            }
            None => {
                let mut name = model.unwrap_or("(no model named)").to_string();
                if let (Some(text), None) = (&slice.tier, tier) {
                    name.push_str(&format!(" at tier {text}"));
                }
                if !sums.unpriced.contains(&name) {
                    sums.unpriced.push(name);
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

/// Adds up all counted usage.
///
/// # Errors
/// As the database.
pub fn tokens(
    db: &Connection,
    by: TokenBy,
    zone: &Zone,
    prices: &PriceTable,
    what_if: &WhatIf,
) -> SqlResult<TokenReport> {
    let mut groups: BTreeMap<String, Adder> = BTreeMap::new();
    let mut total = Adder::default();
    let mut statement = db.prepare(SELECT)?;
    let mut rows = statement.query([BUCKET_MS, LONG_CONTEXT_TOKENS])?;
    while let Some(row) = rows.next()? {
        let slice = slice(row)?;
        groups.entry(key(&slice, by, zone)).or_default().add(&slice, prices, what_if);
        total.add(&slice, prices, what_if);
    }
    let rows = groups.into_iter().map(|(key, adder)| TokenRow { key, sums: adder.finish() });
    Ok(TokenReport {
        rows: rows.collect(),
        total: total.finish(),
        price_digest: prices.digest().to_string(),
        price_date: prices.date().to_string(),
    })
}

fn key(slice: &Slice, by: TokenBy, zone: &Zone) -> String {
    let date = || zone.date(slice.at_ms).filter(|_| slice.at_ms > 0);
    let undated = || "undated".to_string();
    match by {
        TokenBy::Day => date().map_or_else(undated, |date| date.to_string()),
        TokenBy::Week => date().map_or_else(undated, |date| {
            let week = date.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }),
        TokenBy::Month => {
            date().map_or_else(undated, |date| format!("{:04}-{:02}", date.year(), date.month()))
        }
        TokenBy::Session => slice.session.clone(),
        TokenBy::Repo => slice.repo.clone().unwrap_or_else(|| "(none)".into()),
        TokenBy::Model => slice.model.clone().unwrap_or_else(|| "(no model named)".into()),
    }
}

/// One usage record and the verdict on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainRow {
    /// Ledger entry.
    pub seq: u64,
    /// 0-based line of the source.
    pub line: u64,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Whether it is billed usage.
    pub counted: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Model in force.
    pub model: Option<String>,
    /// Input tokens of the record.
    pub input: u64,
    /// Of these, read from the cache.
    pub cached: u64,
    /// Output tokens of the record.
    pub output: u64,
    /// Cumulative input as recorded.
    pub total_input: Option<i64>,
    /// Cumulative output as recorded.
    pub total_output: Option<i64>,
}

/// Every usage record of a session, in order.
///
/// # Errors
/// As the database.
pub fn explain(db: &Connection, stream: u64) -> SqlResult<Vec<ExplainRow>> {
    let mut statement = db.prepare(
        "SELECT seq, line, at_ms, counted, reason, model, input, cached_input, output, total_input,
         total_output FROM token_messages WHERE stream = ? ORDER BY line, part",
    )?;
    let rows = statement.query_map([stream as i64], |row| {
        let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
        Ok(ExplainRow {
            seq: count(0)?,
            line: count(1)?,
            at_ms: row.get(2)?,
            counted: row.get(3)?,
            reason: row.get(4)?,
            model: row.get(5)?,
            input: count(6)?,
            cached: count(7)?,
            output: count(8)?,
            total_input: row.get(9)?,
            total_output: row.get(10)?,
        })
    })?;
    rows.collect()
}

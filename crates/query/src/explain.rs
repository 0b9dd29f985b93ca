//! Every usage record of a session, with the reason why it counts or not.

use super::row::{Counts, LINES_PER_FILE, columns, sql_stream};
use crate::pricing::{CostParts, Money, PriceTable, Rates, Tier, Tokens};
use codex_ledger_db::{Connection, Row, SqlResult};
use codex_ledger_entry::{Seq, StreamId};
use serde::Serialize;
use std::collections::BTreeMap;

/// One usage record and the verdict on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainRow {
    /// Ledger entry.
    pub seq: Seq,
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

columns! {
    ExplainColumns: seq, line, at_ms, counted, reason, model, input, cached_input, output,
    total_input, total_output
}

impl ExplainColumns {
    fn read(&self, row: &Row<'_>) -> SqlResult<ExplainRow> {
        Ok(ExplainRow {
            seq: row.seq(self.seq)?,
            line: row.count(self.line)? % LINES_PER_FILE,
            at_ms: row.get(self.at_ms)?,
            counted: row.get(self.counted)?,
            reason: row.get(self.reason)?,
            model: row.get(self.model)?,
            input: row.count(self.input)?,
            cached: row.count(self.cached_input)?,
            output: row.count(self.output)?,
            total_input: row.get(self.total_input)?,
            total_output: row.get(self.total_output)?,
        })
    }
}

/// Every usage record of a session, in order.
///
/// # Errors
/// As the database.
pub fn explain(db: &Connection, stream: StreamId) -> SqlResult<Vec<ExplainRow>> {
    let sql =
        "SELECT seq, line, at_ms, counted, reason, model, input, cached_input, output, total_input,
        total_output FROM token_messages WHERE stream = ? ORDER BY line, part, item";
    let mut statement = db.prepare(sql)?;
    let columns = ExplainColumns::of(&statement)?;
    statement.query_map([sql_stream(stream)], |row| columns.read(row))?.collect()
}

/// What counted usage of one price would have cost, and how that comes about.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PriceRow {
    /// Model in force.
    pub model: String,
    /// Service tier.
    pub tier: String,
    /// Whether the responses had so much input that they cost more.
    pub is_long: bool,
    /// Model whose price it is; none where there is none.
    pub priced_as: Option<String>,
    /// How well the price is known.
    pub source: Option<&'static str>,
    /// Responses.
    pub records: u64,
    /// Tokens and money by kind: input that is neither cached nor written, cached, written to the cache, output.
    pub parts: Vec<PricePart>,
    /// All of it, in USD.
    pub cost_usd: Option<f64>,
}

/// Tokens of a kind, their rate and what they cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PricePart {
    /// `input`, `cached`, `cache_write`, `output`.
    pub kind: &'static str,
    /// Tokens.
    pub tokens: u64,
    /// USD for a million of them.
    pub usd_per_million: f64,
    /// USD for all of them.
    pub cost_usd: f64,
}

/// Usage of one price, while it is added up.
struct Priced<'p> {
    price: Option<(&'p str, &'static str, Rates)>,
    records: u64,
    tokens: Tokens,
    cost: CostParts,
}

/// How the cost of a session comes about: its counted usage by model, tier, rates and length of the context.
///
/// # Errors
/// As the database.
pub fn price_rows(
    db: &Connection,
    stream: StreamId,
    prices: &PriceTable,
) -> SqlResult<Vec<PriceRow>> {
    let sql = "SELECT coalesce(at_ms, 0) AS at_ms, model, tier, input, min(cached_input, input) AS cached_input,
        cache_write_input, output FROM token_messages WHERE stream = ? AND counted = 1 ORDER BY line, part, item";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([sql_stream(stream)])?;
    let mut groups: BTreeMap<(String, String, bool, [u64; 4]), Priced<'_>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (model, said): (Option<String>, Option<String>) = (row.get("model")?, row.get("tier")?);
        let tokens = Tokens {
            input: row.count("input")?,
            cached_input: row.count("cached_input")?,
            cache_write_input: row.count("cache_write_input")?,
            output: row.count("output")?,
        };
        let tier = said.as_deref().map_or(Some(Tier::Standard), Tier::parse);
        let quote = prices.quote(model.as_deref(), row.get("at_ms")?).zip(tier);
        let price = quote.map(|(quote, tier)| (quote.price, tier));
        let is_long = price
            .is_some_and(|(price, _)| price.long_above().is_some_and(|above| tokens.input > above));
        let rates = price.map(|(price, tier)| *price.rates(tokens.input, tier));
        let of = rates.map_or([0; 4], |of| [of.input, of.cached_input, of.cache_write, of.output]);
        let named = tier.map_or_else(|| said.unwrap_or_default(), |tier| tier.name().to_string());
        let key = (model.unwrap_or_else(|| "(no model named)".into()), named, is_long, of);
        let sum = groups.entry(key).or_insert_with(|| Priced {
            price: price.zip(rates).map(|((of, _), rates)| (of.model(), of.source().name(), rates)),
            records: 0,
            tokens: Tokens::default(),
            cost: CostParts::default(),
        });
        sum.add(&tokens, price.map(|(price, tier)| price.cost_parts(&tokens, tier)));
    }
    Ok(groups
        .into_iter()
        .map(|((model, tier, is_long, _), sum)| sum.row(model, tier, is_long))
        .collect())
}

impl Priced<'_> {
    fn add(&mut self, more: &Tokens, cost: Option<CostParts>) {
        self.records += 1;
        let sum = &mut self.tokens;
        sum.input = sum.input.saturating_add(more.input);
        sum.cached_input = sum.cached_input.saturating_add(more.cached_input);
        sum.cache_write_input = sum.cache_write_input.saturating_add(more.cache_write_input);
        sum.output = sum.output.saturating_add(more.output);
        if let Some(more) = cost {
            self.cost = CostParts {
                input: self.cost.input + more.input,
                cached_input: self.cost.cached_input + more.cached_input,
                cache_write: self.cost.cache_write + more.cache_write,
                output: self.cost.output + more.output,
            };
        }
    }

    fn row(self, model: String, tier: String, is_long: bool) -> PriceRow {
        let Priced { price, records, tokens, cost } = self;
        let row = PriceRow { model, tier, is_long, records, ..PriceRow::default() };
        let Some((priced_as, source, rates)) = price else { return row };
        let plain = tokens.input.saturating_sub(tokens.cached_input);
        let written = tokens.cache_write_input.min(plain);
        // Rates are pico-USD for a token, which is micro-USD for a million.
        let part = |kind, tokens, rate: u64, cost: Money| PricePart {
            kind,
            tokens,
            usd_per_million: rate as f64 / 1e6,
            cost_usd: cost.as_f64(),
        };
        let parts = vec![
            part("input", plain - written, rates.input, cost.input),
            part("cached", tokens.cached_input, rates.cached_input, cost.cached_input),
            part("cache_write", written, rates.cache_write, cost.cache_write),
            part("output", tokens.output, rates.output, cost.output),
        ];
        let cost_usd = Some(cost.total().as_f64());
        PriceRow { priced_as: Some(priced_as.into()), source: Some(source), parts, cost_usd, ..row }
    }
}

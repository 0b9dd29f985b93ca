//! The text of a price table -> checked rows.

use super::dated::{Dated, close_open_ends};
use super::money::decimal;
use super::name::bare_name;
use super::price::{Long, PerTier, Price, Rates, Source};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use time::{Date, Month};
use toml::Spanned;

/// Decimals of a rate in USD per 1M tokens: the last one is a pico-USD per token.
const RATE_DECIMALS: u32 = 6;
/// Keeps the product of any rate and any counter far below the limit of the arithmetic.
const RATE_MAX: u64 = 1_000_000_000_000_000;
const DAY_MS: i64 = 86_400_000;
const UNIX_EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// A price table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: line {line}: {reason}", path.display())]
pub struct PricingError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is expected.
    pub reason: String,
}

/// Checked content: models and stand-ins by name, their spans in order of time.
pub(super) struct Parsed {
    pub(super) date: String,
    pub(super) prices: BTreeMap<String, Vec<Dated<Price>>>,
    pub(super) stand_ins: BTreeMap<String, Vec<Dated<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: Spanned<String>,
    #[serde(default)]
    tiers: Tiers,
    #[serde(default)]
    price: Vec<Spanned<Row>>,
    #[serde(default)]
    stand_in: Vec<Spanned<StandInRow>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tiers {
    priority: Option<Spanned<String>>,
    flex: Option<Spanned<String>>,
    batch: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    models: Vec<Spanned<String>>,
    valid_from: Option<Spanned<String>>,
    valid_to: Option<Spanned<String>>,
    input: Spanned<String>,
    cached_input: Option<Spanned<String>>,
    cache_write: Option<Spanned<String>>,
    output: Spanned<String>,
    long: Option<LongRow>,
    priority: Option<Spanned<String>>,
    flex: Option<Spanned<String>>,
    batch: Option<Spanned<String>>,
    source: Spanned<String>,
    #[serde(default)]
    remark: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongRow {
    above: u64,
    input: Spanned<String>,
    cached_input: Option<Spanned<String>>,
    cache_write: Option<Spanned<String>>,
    output: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandInRow {
    name: Spanned<String>,
    valid_from: Option<Spanned<String>>,
    valid_to: Option<Spanned<String>>,
    model: Spanned<String>,
}

/// A place in the text and what is wrong there.
type Fault = (usize, String);
/// A multiplier as numerator and denominator.
type Multiplier = (u64, u64);

/// Reads and checks the text of a table.
pub(super) fn parse(text: &str, path: &Path) -> Result<Parsed, PricingError> {
    let text = text.trim_start_matches('\u{feff}');
    let line_at =
        |offset: usize| text.bytes().take(offset).filter(|b| *b == b'\n').count().saturating_add(1);
    let fail = |line, reason| PricingError { path: path.to_path_buf(), line, reason };
    let file: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        fail(line_at(offset), error.message().to_owned())
    })?;
    let mut parsed = read(file, &line_at).map_err(|(at, reason)| fail(line_at(at), reason))?;
    let overlap = |line| fail(line, "the dates overlap another row of the same name".to_owned());
    parsed.prices.values_mut().try_for_each(|spans| close_open_ends(spans)).map_err(overlap)?;
    parsed.stand_ins.values_mut().try_for_each(|spans| close_open_ends(spans)).map_err(overlap)?;
    Ok(parsed)
}

fn read(file: File, line_at: &dyn Fn(usize) -> usize) -> Result<Parsed, Fault> {
    day_ms(&file.date)?;
    let defaults = PerTier {
        standard: (1, 1),
        priority: multiplier(file.tiers.priority.as_ref(), (2, 1))?,
        flex: multiplier(file.tiers.flex.as_ref(), (1, 2))?,
        batch: multiplier(file.tiers.batch.as_ref(), (1, 2))?,
    };
    let mut parsed = Parsed {
        date: file.date.into_inner(),
        prices: BTreeMap::new(),
        stand_ins: BTreeMap::new(),
    };
    for row in file.price {
        let at = row.span().start;
        let row = row.into_inner();
        let (from_ms, to_ms) = span_ms(row.valid_from.as_ref(), row.valid_to.as_ref())?;
        if row.models.is_empty() {
            return Err((at, "`models` names no model".to_owned()));
        }
        for model in &row.models {
            check_name(model)?;
            let value = price(model.get_ref(), &row, at, &defaults)?;
            let line = line_at(model.span().start);
            let spans = parsed.prices.entry(model.get_ref().clone()).or_default();
            spans.push(Dated { from_ms, to_ms, line, value });
        }
    }
    for row in file.stand_in {
        let row = row.into_inner();
        let (from_ms, to_ms) = span_ms(row.valid_from.as_ref(), row.valid_to.as_ref())?;
        if !row.name.get_ref().is_empty() {
            check_name(&row.name)?;
        }
        check_name(&row.model)?;
        let line = line_at(row.name.span().start);
        let value = row.model.into_inner();
        let spans = parsed.stand_ins.entry(row.name.into_inner()).or_default();
        spans.push(Dated { from_ms, to_ms, line, value });
    }
    Ok(parsed)
}

fn price(model: &str, row: &Row, at: usize, tiers: &PerTier<Multiplier>) -> Result<Price, Fault> {
    let tiers = PerTier {
        standard: tiers.standard,
        priority: multiplier(row.priority.as_ref(), tiers.priority)?,
        flex: multiplier(row.flex.as_ref(), tiers.flex)?,
        batch: multiplier(row.batch.as_ref(), tiers.batch)?,
    };
    let cached = row.cached_input.as_ref();
    let short = rates(&row.input, cached, row.cache_write.as_ref(), &row.output)?;
    let long = match &row.long {
        None => None,
        Some(long) => {
            let cached = long.cached_input.as_ref();
            let rates = rates(&long.input, cached, long.cache_write.as_ref(), &long.output)?;
            Some(Long { above: long.above, rates: per_tier(&rates, &tiers, at)? })
        }
    };
    let source = Source::parse(row.source.get_ref()).ok_or_else(|| {
        let expected = "`source` is one of vendor, third party, unverified";
        (row.source.span().start, expected.to_owned())
    })?;
    let short = per_tier(&short, &tiers, at)?;
    Ok(Price { model: model.to_owned(), source, remark: row.remark.clone(), short, long })
}

fn rates(
    input: &Spanned<String>,
    cached_input: Option<&Spanned<String>>,
    cache_write: Option<&Spanned<String>>,
    output: &Spanned<String>,
) -> Result<Rates, Fault> {
    let input = rate(input)?;
    Ok(Rates {
        input,
        cached_input: cached_input.map_or(Ok(input), rate)?,
        cache_write: cache_write.map_or(Ok(input), rate)?,
        output: rate(output)?,
    })
}

fn rate(text: &Spanned<String>) -> Result<u64, Fault> {
    let units = decimal(text.get_ref(), RATE_DECIMALS).and_then(|units| u64::try_from(units).ok());
    units.filter(|units| *units <= RATE_MAX).ok_or_else(|| {
        let shape = "write USD per 1M tokens in digits with at most 6 decimals, such as \"1.25\"";
        (text.span().start, format!("{:?} is no rate: {shape}", text.get_ref()))
    })
}

/// Reads `2`, `1.8` or `20/11`.
fn multiplier(text: Option<&Spanned<String>>, otherwise: Multiplier) -> Result<Multiplier, Fault> {
    let Some(text) = text else {
        return Ok(otherwise);
    };
    let units = |part: &str| {
        decimal(part, RATE_DECIMALS).and_then(|units| u64::try_from(units).ok()).filter(|n| *n > 0)
    };
    let (top, bottom) = text.get_ref().split_once('/').unwrap_or((text.get_ref(), "1"));
    units(top).zip(units(bottom)).ok_or_else(|| {
        let shape = "write \"2\", \"1.8\" or \"20/11\", with at most 6 decimals";
        (text.span().start, format!("{:?} is no multiplier: {shape}", text.get_ref()))
    })
}

fn per_tier(base: &Rates, tiers: &PerTier<Multiplier>, at: usize) -> Result<PerTier<Rates>, Fault> {
    let all = |tier: Multiplier| {
        Some(Rates {
            input: scaled(base.input, tier)?,
            cached_input: scaled(base.cached_input, tier)?,
            cache_write: scaled(base.cache_write, tier)?,
            output: scaled(base.output, tier)?,
        })
    };
    let named = |name: &str, tier: Multiplier| {
        all(tier).ok_or_else(|| {
            let what = "a rate is too large or needs more than 6 decimals of a USD per 1M tokens";
            (at, format!("at the `{name}` multiplier {what}"))
        })
    };
    Ok(PerTier {
        standard: *base,
        priority: named("priority", tiers.priority)?,
        flex: named("flex", tiers.flex)?,
        batch: named("batch", tiers.batch)?,
    })
}

/// The product, where it is exact and within the limit.
fn scaled(rate: u64, (top, bottom): Multiplier) -> Option<u64> {
    let product = u128::from(rate).checked_mul(u128::from(top))?;
    let bottom = u128::from(bottom);
    let exact = product.checked_rem(bottom)? == 0;
    let quotient = u64::try_from(product.checked_div(bottom)?).ok()?;
    (exact && quotient <= RATE_MAX).then_some(quotient)
}

fn check_name(name: &Spanned<String>) -> Result<(), Fault> {
    let text = name.get_ref();
    let spaced = text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !text.is_empty() && !spaced && bare_name(text) == text.as_str() {
        return Ok(());
    }
    let shape = "write it in lower case, without spaces and without `openai/`";
    Err((name.span().start, format!("{text:?} is no model: {shape}")))
}

fn span_ms(
    from: Option<&Spanned<String>>,
    to: Option<&Spanned<String>>,
) -> Result<(i64, Option<i64>), Fault> {
    let from_ms = from.map_or(Ok(i64::MIN), day_ms)?;
    let to_ms = to.map(day_ms).transpose()?;
    match (to, to_ms) {
        (Some(to), Some(to_ms)) if to_ms <= from_ms => {
            Err((to.span().start, "`valid_to` is not after `valid_from`".to_owned()))
        }
        _ => Ok((from_ms, to_ms)),
    }
}

/// The midnight in UTC at which a day begins, in ms since 1970.
fn day_ms(text: &Spanned<String>) -> Result<i64, Fault> {
    let day = date(text.get_ref()).ok_or_else(|| {
        (text.span().start, format!("{:?} is no date: write YYYY-MM-DD", text.get_ref()))
    })?;
    let days = i64::from(day.to_julian_day()).saturating_sub(UNIX_EPOCH_JULIAN_DAY);
    Ok(days.saturating_mul(DAY_MS))
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    parts.next().is_none().then_some(date)
}

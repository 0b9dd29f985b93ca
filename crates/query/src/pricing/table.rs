//! Which price holds for a model at a moment.

use super::dated::{Dated, layer};
use super::name::{bare_name, undated};
use super::parse::{Parsed, PricingError, parse};
use super::price::{Price, Rates, Tier};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

const BUILTIN: &str = include_str!("../../../../pricing/openai.toml");
const BUILTIN_PATH: &str = "pricing/openai.toml";
/// Raised when the canonical text changes its form.
const CANONICAL_FORM: &str = "codex-ledger price table 1";

static BUILTIN_TABLE: LazyLock<PriceTable> = LazyLock::new(|| {
    // The file is part of the program and a test reads it; without it nothing has a price.
    PriceTable::parse(BUILTIN, Path::new(BUILTIN_PATH)).unwrap_or_default()
});

/// A dated table of prices.
#[derive(Debug, Clone, Default)]
pub struct PriceTable {
    date: String,
    prices: BTreeMap<String, Vec<Dated<Price>>>,
    stand_ins: BTreeMap<String, Vec<Dated<String>>>,
    digest: String,
}

/// Why a price is an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Estimate {
    /// The log names no model; the default model of the time stands in.
    NoModel,
    /// The log names something that is no model, such as `codex-auto-review`.
    PseudoModel,
}

impl Estimate {
    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Estimate::NoModel => "no model",
            Estimate::PseudoModel => "pseudo model",
        }
    }
}

/// A price found, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote<'a> {
    /// The price.
    pub price: &'a Price,
    /// When the price began, ms since 1970. None: open.
    pub valid_from_ms: Option<i64>,
    /// When the price ended, ms since 1970, excluded. None: open.
    pub valid_to_ms: Option<i64>,
    /// Why it is an estimate. None: the log names the model.
    pub estimate: Option<Estimate>,
}

/// Questions of the form: what would it have cost, had ...
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WhatIf {
    /// ... this model answered every request, also those without a price of their own.
    pub model_as: Option<String>,
    /// ... the prices of this moment (ms since 1970) always held.
    pub price_as_of_ms: Option<i64>,
}

impl PriceTable {
    /// The table shipped with the program, `pricing/openai.toml`.
    pub fn builtin() -> &'static PriceTable {
        &BUILTIN_TABLE
    }

    /// Reads the text of a table. The path is only named in errors.
    ///
    /// # Errors
    /// The line of the first thing that is not TOML, is unknown, is no rate, date or name, overlaps
    /// another row of its model, or is not exact at one of its tiers.
    pub fn parse(text: &str, path: &Path) -> Result<PriceTable, PricingError> {
        let Parsed { date, prices, stand_ins } = parse(text, path)?;
        Ok(PriceTable { date, prices, stand_ins, digest: String::new() }.sealed())
    }

    /// This table with another over it: rows of `over` win for their names and dates.
    ///
    /// The date is the later one.
    pub fn layered(&self, over: &PriceTable) -> PriceTable {
        let mut table = self.clone();
        over_each(&mut table.prices, &over.prices);
        over_each(&mut table.stand_ins, &over.stand_ins);
        table.date = self.date.clone().max(over.date.clone());
        table.sealed()
    }

    /// The day the table was last checked, `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// BLAKE3 of the canonical content, 64 hex digits.
    ///
    /// Order, layout, comments and remarks do not count; every rate, date, name and source does.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The models that have a price, in order of name.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.prices.keys().map(String::as_str)
    }

    /// The price of a model at a moment (ms since 1970). None for unknown and local models.
    ///
    /// Names are read in any case, with the vendor's prefix and with a date at the end. A pseudo
    /// model has the price of the model that stands in for it; only [`PriceTable::quote`] says so.
    pub fn lookup(&self, model: &str, at_ms: i64) -> Option<&Price> {
        Some(model).filter(|model| !model.trim().is_empty())?;
        self.quote(Some(model), at_ms).map(|quote| quote.price)
    }

    /// The price of a model, or of a session that names none, at a moment (ms since 1970).
    pub fn quote(&self, model: Option<&str>, at_ms: i64) -> Option<Quote<'_>> {
        self.find(model, at_ms, at_ms)
    }

    /// The price under a what-if. With an empty one the same as [`PriceTable::quote`].
    ///
    /// Who stood in for a pseudo model is decided by the moment of the row, not of the prices.
    pub fn lookup_as(
        &self,
        model: Option<&str>,
        at_ms: i64,
        what_if: &WhatIf,
    ) -> Option<Quote<'_>> {
        let model = what_if.model_as.as_deref().or(model);
        self.find(model, at_ms, what_if.price_as_of_ms.unwrap_or(at_ms))
    }

    fn find(&self, model: Option<&str>, at_ms: i64, price_at_ms: i64) -> Option<Quote<'_>> {
        let name = bare_name(model.unwrap_or_default());
        let (spans, estimate) = match self.spans(&name) {
            Some(spans) => (spans, None),
            None => {
                let why = if name.is_empty() { Estimate::NoModel } else { Estimate::PseudoModel };
                let stand_ins = self.stand_ins.get(name.as_ref())?;
                let stand_in = stand_ins.iter().find(|span| span.holds_at(at_ms))?;
                (self.spans(&stand_in.value)?, Some(why))
            }
        };
        // Previews were announced at the price of the launch.
        let before_all = || spans.first().filter(|first| price_at_ms < first.from_ms);
        let span = spans.iter().find(|span| span.holds_at(price_at_ms)).or_else(before_all)?;
        Some(Quote {
            price: &span.value,
            valid_from_ms: Some(span.from_ms).filter(|from_ms| *from_ms != i64::MIN),
            valid_to_ms: span.to_ms,
            estimate,
        })
    }

    fn spans(&self, name: &str) -> Option<&[Dated<Price>]> {
        let dated = || self.prices.get(undated(name)?);
        self.prices.get(name).or_else(dated).map(Vec::as_slice)
    }

    fn sealed(mut self) -> PriceTable {
        self.digest = blake3::hash(self.canonical().as_bytes()).to_hex().to_string();
        self
    }

    /// One line for each span, names quoted, numbers in decimal, `-` for what is absent.
    fn canonical(&self) -> String {
        let mut text = format!("{CANONICAL_FORM}\ndate {:?}\n", self.date);
        for (name, span) in each(&self.prices) {
            let Price { source, short, long, .. } = &span.value;
            push_line(&mut text, "price", name, span, source.name());
            Tier::ALL.iter().for_each(|tier| push_rates(&mut text, short.get(*tier)));
            if let Some(long) = long {
                _ = write!(text, " above {}", long.above);
                Tier::ALL.iter().for_each(|tier| push_rates(&mut text, long.rates.get(*tier)));
            }
            text.push('\n');
        }
        for (name, span) in each(&self.stand_ins) {
            push_line(&mut text, "stand_in", name, span, &span.value);
            text.push('\n');
        }
        text
    }
}

fn each<T>(map: &BTreeMap<String, Vec<Dated<T>>>) -> impl Iterator<Item = (&String, &Dated<T>)> {
    map.iter().flat_map(|(name, spans)| spans.iter().map(move |span| (name, span)))
}

fn push_line<T>(text: &mut String, kind: &str, name: &str, span: &Dated<T>, what: &str) {
    let moment = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let from = moment(Some(span.from_ms).filter(|from_ms| *from_ms != i64::MIN));
    _ = write!(text, "{kind} {name:?} {from} {} {what:?}", moment(span.to_ms));
}

fn push_rates(text: &mut String, rates: &Rates) {
    let Rates { input, cached_input, cache_write, output } = rates;
    _ = write!(text, " {input} {cached_input} {cache_write} {output}");
}

fn over_each<T: Clone>(
    base: &mut BTreeMap<String, Vec<Dated<T>>>,
    over: &BTreeMap<String, Vec<Dated<T>>>,
) {
    for (name, spans) in over {
        let merged = layer(base.get(name).map_or(&[], Vec::as_slice), spans);
        base.insert(name.clone(), merged);
    }
}

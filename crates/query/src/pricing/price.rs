//! What a response costs.

use super::money::Money;

/// Token counters of one response, or of several with the same price.
///
/// Cached and cache-write input are parts of input; reasoning is a part of output. Long-context
/// rates look at the input of one response, so responses of such models are priced one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tokens {
    /// Input tokens, cached and cache-write ones included.
    pub input: u64,
    /// Input tokens read from the cache.
    pub cached_input: u64,
    /// Input tokens written to the cache.
    pub cache_write_input: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
}

/// How a request is processed, which changes its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tier {
    /// The list price.
    #[default]
    Standard,
    /// Faster and dearer; `fast` in newer logs.
    Priority,
    /// Slower and cheaper.
    Flex,
    /// In bulk, within a day.
    Batch,
}

impl Tier {
    /// All tiers.
    pub const ALL: [Tier; 4] = [Tier::Standard, Tier::Priority, Tier::Flex, Tier::Batch];

    /// Reads a `service_tier`, in any case. None for a tier without a price here.
    ///
    /// A record without a tier is standard: pass `default`. `auto` is taken as standard, because
    /// the log does not say what it became.
    pub fn parse(text: &str) -> Option<Tier> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "default" | "auto" | "standard" => Some(Tier::Standard),
            "priority" | "fast" => Some(Tier::Priority),
            "flex" => Some(Tier::Flex),
            "batch" => Some(Tier::Batch),
            _ => None,
        }
    }

    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Standard => "standard",
            Tier::Priority => "priority",
            Tier::Flex => "flex",
            Tier::Batch => "batch",
        }
    }
}

/// How well a price is known. The table's file says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The vendor's page or announcement, as quoted by several public sources.
    Vendor,
    /// Public price tables that agree.
    ThirdParty,
    /// One table, or general knowledge.
    Unverified,
}

impl Source {
    /// The name in the file and in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Source::Vendor => "vendor",
            Source::ThirdParty => "third party",
            Source::Unverified => "unverified",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Source> {
        let all = [Source::Vendor, Source::ThirdParty, Source::Unverified];
        all.into_iter().find(|source| source.name() == text)
    }
}

/// Rates in pico-USD per token, which is the same number as micro-USD per 1M tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rates {
    /// Input that is neither read from the cache nor written to it.
    pub input: u64,
    /// Input read from the cache.
    pub cached_input: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// Output.
    pub output: u64,
}

/// One value for each tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PerTier<T> {
    pub(super) standard: T,
    pub(super) priority: T,
    pub(super) flex: T,
    pub(super) batch: T,
}

impl<T> PerTier<T> {
    pub(super) fn get(&self, tier: Tier) -> &T {
        match tier {
            Tier::Standard => &self.standard,
            Tier::Priority => &self.priority,
            Tier::Flex => &self.flex,
            Tier::Batch => &self.batch,
        }
    }
}

/// The price of one model for a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub(super) model: String,
    pub(super) source: Source,
    pub(super) remark: String,
    pub(super) short: PerTier<Rates>,
    pub(super) long: Option<Long>,
}

/// The rates of responses with much input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Long {
    /// They apply to more input tokens than this.
    pub(super) above: u64,
    pub(super) rates: PerTier<Rates>,
}

/// The cost of one response by kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CostParts {
    /// Input that is neither read from the cache nor written to it.
    pub input: Money,
    /// Input read from the cache.
    pub cached_input: Money,
    /// Input written to the cache.
    pub cache_write: Money,
    /// Output.
    pub output: Money,
}

impl CostParts {
    /// All parts together.
    pub fn total(&self) -> Money {
        self.input + self.cached_input + self.cache_write + self.output
    }
}

impl Price {
    /// The model whose price this is, as the table names it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How well the price is known.
    pub fn source(&self) -> Source {
        self.source
    }

    /// What the table's row remarks; empty without a remark.
    pub fn remark(&self) -> &str {
        &self.remark
    }

    /// Input tokens above which the long-context rates apply. None: there are none.
    pub fn long_above(&self) -> Option<u64> {
        self.long.as_ref().map(|long| long.above)
    }

    /// The rates of a response with so many input tokens.
    pub fn rates(&self, input_tokens: u64, tier: Tier) -> &Rates {
        match &self.long {
            Some(long) if input_tokens > long.above => long.rates.get(tier),
            _ => self.short.get(tier),
        }
    }

    /// What one response costs.
    pub fn cost(&self, tokens: &Tokens, tier: Tier) -> Money {
        self.cost_parts(tokens, tier).total()
    }

    /// What many responses cost together, all of which are (or none of which is) above the long-context
    /// threshold; `tokens` are their sums.
    pub fn cost_of_many(&self, tokens: &Tokens, long: bool, tier: Tier) -> Money {
        parts(tokens, self.rates(if long { u64::MAX } else { 0 }, tier)).total()
    }

    /// What one response costs, by kind of token.
    ///
    /// Every input token is billed once: as cached, else as cache write, else as plain input.
    /// Counters that exceed the input are cut to it, cached input first.
    pub fn cost_parts(&self, tokens: &Tokens, tier: Tier) -> CostParts {
        parts(tokens, self.rates(tokens.input, tier))
    }
}

fn parts(tokens: &Tokens, rates: &Rates) -> CostParts {
    let cached = tokens.cached_input.min(tokens.input);
    let uncached = tokens.input.saturating_sub(cached);
    let written = tokens.cache_write_input.min(uncached);
    CostParts {
        input: times(uncached.saturating_sub(written), rates.input),
        cached_input: times(cached, rates.cached_input),
        cache_write: times(written, rates.cache_write),
        output: times(tokens.output, rates.output),
    }
}

fn times(tokens: u64, rate: u64) -> Money {
    Money::from_pico_usd(i128::from(tokens).saturating_mul(i128::from(rate)))
}

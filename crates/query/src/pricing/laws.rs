//! Laws that hold for any price, counter and text.

use super::tests::{DAY_MS, day, tokens};
use super::*;
use proptest::prelude::*;
use std::path::Path;

/// The rows of the file as text, read without the module.
fn file_rows() -> Vec<toml::Table> {
    let file: toml::Table = include_str!("../../../../pricing/openai.toml").parse().unwrap();
    file["price"].as_array().unwrap().iter().map(|row| row.as_table().unwrap().clone()).collect()
}

/// An exact fraction with a denominator that is a power of ten.
fn fraction(text: &str) -> (i128, i128) {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    (text.replace('.', "").parse().unwrap(), 10_i128.pow(decimals as u32))
}

/// tokens * rate / 1M as pico-USD, in rational arithmetic; panics unless it is whole.
fn rational(tokens: u64, rate: &str) -> i128 {
    let (top, bottom) = fraction(rate);
    let product = i128::from(tokens) * top * 1_000_000_000_000;
    assert_eq!(product % (bottom * 1_000_000), 0, "{tokens} * {rate}");
    product / (bottom * 1_000_000)
}

fn counters() -> impl Strategy<Value = Tokens> {
    (0..2_000_000_u64, 0..=100_u64, 0..=100_u64, 0..500_000_u64).prop_map(
        |(input, cached, written, output)| {
            let cached = input * cached / 100;
            tokens(input, cached, (input - cached) * written / 100, output)
        },
    )
}

fn any_counters() -> impl Strategy<Value = Tokens> {
    let counter = || prop_oneof![any::<u64>(), 0..600_000_u64, Just(u64::MAX), Just(272_000)];
    (counter(), counter(), counter(), counter()).prop_map(|(a, b, c, d)| tokens(a, b, c, d))
}

fn any_price() -> impl Strategy<Value = &'static Price> {
    let table = PriceTable::builtin();
    let names: Vec<&str> = table.models().collect();
    let days = day("2025-01-01")..day("2026-12-01");
    (0..names.len(), days).prop_map(move |(i, at_ms)| table.lookup(names[i], at_ms).unwrap())
}

fn any_tier() -> impl Strategy<Value = Tier> {
    (0..Tier::ALL.len()).prop_map(|i| Tier::ALL[i])
}

proptest! {
    #[test]
    fn costs_are_those_of_rational_arithmetic(all in prop::collection::vec(counters(), 1..20)) {
        for row in file_rows() {
            let text = |table: &toml::Table, key: &str| {
                table.get(key).map(|value| value.as_str().unwrap().to_owned())
            };
            let at_ms = day(&text(&row, "valid_from").unwrap());
            for model in row["models"].as_array().unwrap() {
                let price = PriceTable::builtin().lookup(model.as_str().unwrap(), at_ms).unwrap();
                let mut exact = 0;
                for t in &all {
                    let long = row.get("long").map(|long| long.as_table().unwrap());
                    let long = long.filter(|long| t.input > long["above"].as_integer().unwrap() as u64);
                    let rates = long.unwrap_or(&row);
                    let input = text(rates, "input").unwrap();
                    let cached = text(rates, "cached_input").unwrap_or_else(|| input.clone());
                    let write = text(rates, "cache_write").unwrap_or_else(|| input.clone());
                    exact += rational(t.input - t.cached_input - t.cache_write_input, &input)
                        + rational(t.cached_input, &cached)
                        + rational(t.cache_write_input, &write)
                        + rational(t.output, &text(rates, "output").unwrap());
                }
                let sum: Money = all.iter().map(|t| price.cost(t, Tier::Standard)).sum();
                prop_assert_eq!(sum.pico_usd(), exact);
            }
        }
    }

    #[test]
    fn more_tokens_never_cost_less(
        price in any_price(), tier in any_tier(), t in any_counters(), more in any::<u64>(),
    ) {
        let cost = price.cost(&t, tier);
        let grown = |value: u64| value.saturating_add(more);
        prop_assert!(cost >= Money::ZERO);
        let input = Tokens { input: grown(t.input), ..t };
        prop_assert!(price.cost(&input, tier) >= cost);
        let output = Tokens { output: grown(t.output), ..t };
        prop_assert!(price.cost(&output, tier) >= cost);
        let written = Tokens { cache_write_input: grown(t.cache_write_input), ..t };
        prop_assert!(price.cost(&written, tier) >= cost);
        // Reading from the cache is what makes input cheaper.
        let cached = Tokens { cached_input: grown(t.cached_input), ..t };
        prop_assert!(price.cost(&cached, tier) <= cost);
    }

    #[test]
    fn the_cost_of_two_is_the_sum_of_their_costs(
        price in any_price(), tier in any_tier(), a in counters(), b in counters(),
    ) {
        let both = tokens(
            a.input + b.input,
            a.cached_input + b.cached_input,
            a.cache_write_input + b.cache_write_input,
            a.output + b.output,
        );
        let is_long = |t: &Tokens| price.long_above().is_some_and(|above| t.input > above);
        let sum = price.cost(&a, tier) + price.cost(&b, tier);
        if is_long(&a) == is_long(&both) && is_long(&b) == is_long(&both) {
            prop_assert_eq!(sum, price.cost(&both, tier));
        } else {
            // Two short responses are cheaper than one long one.
            prop_assert!(sum < price.cost(&both, tier));
        }
        prop_assert_eq!(price.cost_parts(&a, tier).total(), price.cost(&a, tier));
    }

    #[test]
    fn nothing_overflows_and_amounts_survive_text(
        price in any_price(), tier in any_tier(), t in any_counters(), n in any::<i128>(),
        decimals in 0..20_usize,
    ) {
        let cost = price.cost(&t, tier);
        let most = price.cost(&tokens(u64::MAX, 0, u64::MAX, u64::MAX), tier);
        prop_assert!(cost <= most && most < Money::from_pico_usd(i128::MAX));
        for amount in [cost, Money::from_pico_usd(n)] {
            let exact = amount.to_exact_usd_string();
            if amount != Money::from_pico_usd(i128::MIN) {
                prop_assert_eq!(exact.parse::<Money>(), Ok(amount));
            }
            prop_assert!(!amount.to_usd_string(decimals).is_empty());
        }
    }

    #[test]
    fn no_text_and_no_name_panics(text in any::<String>(), at_ms in any::<i64>(), near in 0..9_usize) {
        _ = PriceTable::parse(&text, Path::new("x"));
        _ = PriceTable::builtin().quote(Some(&text), at_ms);
        _ = text.parse::<Money>();
        let file = include_str!("../../../../pricing/openai.toml");
        let cut = file.char_indices().nth(near * 1_700).map_or(file.len(), |(at, _)| at);
        _ = PriceTable::parse(&format!("{}{text}{}", &file[..cut], &file[cut..]), Path::new("x"));
    }

    /// Layering is: at every moment the row above if there is one, else the row below.
    #[test]
    fn layers_agree_with_asking_one_after_the_other(
        spans in prop::collection::vec((0..28_u32, 1..9_u32), 0..3), probe in 0..40_i64,
    ) {
        let mut text = "date = \"2026-11-01\"\n".to_owned();
        for (from, days) in &spans {
            let to = (from + days).min(29);
            text += &format!(
                "[[price]]\nmodels = [\"o3\"]\nvalid_from = \"2026-06-{:02}\"\n\
                 valid_to = \"2026-06-{:02}\"\ninput = \"7\"\noutput = \"7\"\nsource = \"vendor\"\n",
                from + 1, to + 1,
            );
        }
        let Ok(over) = PriceTable::parse(&text, Path::new("x")) else { return Ok(()) };
        let at_ms = day("2026-05-25") + probe * DAY_MS;
        let inside = spans.iter().any(|(from, days)| {
            let first = day("2026-06-01") + i64::from(*from) * DAY_MS;
            let to = (from + days).min(29);
            (first..day("2026-06-01") + i64::from(to) * DAY_MS).contains(&at_ms)
        });
        let both = PriceTable::builtin().layered(&over);
        let expected = if inside { 7_000_000 } else { 2_000_000 };
        prop_assert_eq!(both.lookup("o3", at_ms).unwrap().rates(0, Tier::Standard).input, expected);
    }
}

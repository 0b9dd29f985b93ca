//! What the table says, and what is refused.

use super::*;
use std::path::Path;

pub(super) const DAY_MS: i64 = 86_400_000;

/// Midnight in UTC, ms since 1970.
pub(super) fn day(date: &str) -> i64 {
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { panic!("{date}") };
    let month = time::Month::try_from(month.parse::<u8>().unwrap()).unwrap();
    let date = time::Date::from_calendar_date(year.parse().unwrap(), month, day.parse().unwrap());
    date.unwrap().midnight().assume_utc().unix_timestamp() * 1000
}

fn price(model: &str, date: &str) -> &'static Price {
    PriceTable::builtin().lookup(model, day(date)).unwrap_or_else(|| panic!("{model} {date}"))
}

fn table(text: &str) -> PriceTable {
    PriceTable::parse(text, Path::new("mine.toml")).unwrap()
}

fn error(text: &str) -> String {
    PriceTable::parse(text, Path::new("mine.toml")).unwrap_err().to_string()
}

pub(super) fn tokens(input: u64, cached_input: u64, cache_write_input: u64, output: u64) -> Tokens {
    Tokens { input, cached_input, cache_write_input, output }
}

fn usd(model: &str, date: &str, tokens: Tokens, tier: Tier) -> String {
    price(model, date).cost(&tokens, tier).to_exact_usd_string()
}

const ROW: &str =
    "valid_from = \"2026-01-01\"\ninput = \"1\"\noutput = \"2\"\nsource = \"vendor\"\n";

fn row(models: &str, rest: &str) -> String {
    format!("[[price]]\nmodels = [{models}]\n{ROW}{rest}\n")
}

#[test]
fn the_builtin_table_is_read_whole() {
    let table = PriceTable::builtin();
    assert_eq!(table.date(), "2026-10-05");
    assert_eq!(table.models().count(), 44);
    assert_eq!(table.digest().len(), 64);
    let again = PriceTable::parse(
        include_str!("../../../../pricing/openai.toml"),
        Path::new("pricing/openai.toml"),
    );
    assert_eq!(again.unwrap().digest(), table.digest());
}

/// A price that changes in the file changes a golden figure here, on purpose.
#[test]
fn golden_prices_around_changes() {
    let cases = [
        // (model, day, input, cached, written, output), computed by hand from the price pages.
        ("gpt-5-codex", "2025-09-20", tokens(1_000_000, 800_000, 0, 50_000), "0.85"),
        ("gpt-5", "2025-08-07", tokens(1, 0, 0, 1), "0.00001125"),
        ("gpt-5.1-codex-mini", "2025-12-01", tokens(10_000, 9_000, 0, 500), "0.001475"),
        ("gpt-5.2-codex", "2026-01-15", tokens(200_000, 150_000, 0, 4_000), "0.16975"),
        ("gpt-5.3-codex", "2026-02-05", tokens(200_000, 150_000, 0, 4_000), "0.16975"),
        ("gpt-5.5", "2026-05-01", tokens(100_000, 60_000, 0, 2_000), "0.29"),
        ("gpt-5.6-sol", "2026-08-20", tokens(100_000, 40_000, 20_000, 10_000), "0.645"),
        ("gpt-5.6-sol", "2026-08-21", tokens(100_000, 40_000, 20_000, 10_000), "0.476"),
        ("gpt-5.6", "2026-08-21", tokens(100_000, 40_000, 20_000, 10_000), "0.476"),
        ("gpt-5.6-terra", "2026-07-29", tokens(100_000, 0, 8_000, 10_000), "0.405"),
        ("gpt-5.6-terra", "2026-07-30", tokens(100_000, 0, 8_000, 10_000), "0.324"),
        ("gpt-5.6-luna", "2026-07-29", tokens(100_000, 50_000, 0, 10_000), "0.115"),
        ("gpt-5.6-luna", "2026-07-30", tokens(100_000, 50_000, 0, 10_000), "0.023"),
        ("gpt-6-astra", "2026-09-03", tokens(10_000, 5_000, 1_000, 1_000), "0.1075"),
        ("gpt-6-sol", "2026-09-30", tokens(100_000, 50_000, 0, 10_000), "0.21"),
        ("gpt-6.1-sol", "2026-09-30", tokens(100_000, 50_000, 0, 10_000), "0.205"),
        ("gpt-6-luna", "2026-09-30", tokens(1, 1, 0, 0), "0.00000001"),
        ("o3", "2025-06-09", tokens(1_000_000, 0, 0, 100_000), "14.00"),
        ("o3", "2025-06-10", tokens(1_000_000, 0, 0, 100_000), "2.80"),
        ("codex-mini-latest", "2025-06-01", tokens(100_000, 100_000, 0, 1_000), "0.0435"),
        ("gpt-5-pro", "2025-11-01", tokens(1_000, 1_000, 0, 0), "0.015"),
    ];
    for (model, date, tokens, expected) in cases {
        assert_eq!(usd(model, date, tokens, Tier::Standard), expected, "{model} {date}");
    }
}

#[test]
fn a_change_takes_effect_at_midnight_in_utc() {
    let table = PriceTable::builtin();
    let at = day("2026-08-21");
    let output = |at_ms| {
        let price = table.lookup("gpt-5.6-sol", at_ms).unwrap();
        price.rates(0, Tier::Standard).output
    };
    assert_eq!((output(at - 1), output(at)), (30_000_000, 20_000_000));
    let quote = table.quote(Some("gpt-5.6-sol"), at - 1).unwrap();
    assert_eq!(quote.valid_from_ms, Some(day("2026-07-09")));
    assert_eq!((quote.valid_to_ms, quote.estimate), (Some(at), None));
    assert_eq!(table.quote(Some("gpt-5.6-sol"), at).unwrap().valid_to_ms, None);
}

#[test]
fn a_preview_has_the_price_of_the_launch() {
    let quote = PriceTable::builtin().quote(Some("gpt-5.6-luna"), day("2026-06-26")).unwrap();
    assert_eq!(quote.price.rates(0, Tier::Standard).input, 1_000_000);
    assert_eq!(PriceTable::builtin().lookup("gpt-5.6-luna", i64::MIN), Some(quote.price));
    assert!(PriceTable::builtin().lookup("gpt-5.6-luna", i64::MAX).is_some());
}

#[test]
fn tiers_multiply_each_rate() {
    let cases = [
        ("gpt-5.2-codex", Tier::Priority, "3.50"),
        ("gpt-5.5", Tier::Priority, "12.50"),
        ("gpt-5.5", Tier::Flex, "2.50"),
        ("gpt-5-mini", Tier::Priority, "0.45"),
        ("gpt-5.1-codex-mini", Tier::Priority, "0.45"),
        ("gpt-6-luna", Tier::Batch, "0.05"),
        ("o4-mini", Tier::Priority, "2.00"),
    ];
    for (model, tier, expected) in cases {
        let million = tokens(200_000, 0, 0, 0);
        let cost = price(model, "2026-10-01").cost(&million, tier);
        let fivefold = (0..5).map(|_| cost).sum::<Money>();
        assert_eq!(fivefold.to_exact_usd_string(), expected, "{model} {tier:?}");
    }
    let parts = price("o4-mini", "2026-01-01").cost_parts(&tokens(2, 1, 0, 1), Tier::Priority);
    let pico = [parts.input, parts.cached_input, parts.output].map(Money::pico_usd);
    assert_eq!(pico, [2_000_000, 500_000, 8_000_000]);
}

#[test]
fn service_tiers_are_read_as_logs_write_them() {
    for text in ["default", "auto", "standard", " Default ", ""] {
        assert_eq!(Tier::parse(text), Some(Tier::Standard), "{text:?}");
    }
    assert_eq!(Tier::parse("fast"), Some(Tier::Priority));
    assert_eq!(Tier::parse("ultrafast"), None);
    for tier in Tier::ALL {
        assert_eq!(Tier::parse(tier.name()), Some(tier));
    }
}

#[test]
fn long_context_is_decided_by_the_input_of_the_response() {
    let cost =
        |input| usd("gpt-5.5", "2026-05-01", tokens(input, 100_000, 0, 1_000), Tier::Standard);
    assert_eq!(cost(272_000), "0.94");
    assert_eq!(cost(272_001), "1.86501");
    let astra = tokens(300_000, 0, 100_000, 1_000);
    assert_eq!(usd("gpt-6-astra", "2026-09-03", astra, Tier::Priority), "13.15");
    assert_eq!(price("gpt-5.2", "2026-05-01").long_above(), None);
}

#[test]
fn no_input_token_is_billed_twice_and_absent_rates_are_the_input_rate() {
    let gpt5 = price("gpt-5", "2025-10-01");
    let plain = gpt5.cost(&tokens(1_000, 0, 0, 0), Tier::Standard);
    assert_eq!(gpt5.cost(&tokens(1_000, 0, 600, 0), Tier::Standard), plain);
    // Counters beyond the input are cut to it, cached first.
    let parts = gpt5.cost_parts(&tokens(1_000, 5_000, 5_000, 0), Tier::Standard);
    assert_eq!((parts.input, parts.cache_write), (Money::ZERO, Money::ZERO));
    assert_eq!(parts.total().to_exact_usd_string(), "0.000125");
    let pro = price("gpt-5-pro", "2025-11-01").rates(0, Tier::Standard);
    assert_eq!((pro.cached_input, pro.cache_write), (pro.input, pro.input));
}

#[test]
fn names_are_read_as_logs_write_them() {
    let same = price("gpt-5.5", "2026-05-01");
    for name in [
        "openai/gpt-5.5",
        "OpenAI/GPT-5.5",
        " gpt-5.5 ",
        "gpt-5.5-2026-04-23",
        "openrouter/openai/gpt-5.5-2026-04-23",
        "azure/gpt-5.5",
    ] {
        assert_eq!(price(name, "2026-05-01"), same, "{name}");
    }
    for name in [
        "",
        " ",
        "gpt-oss:20b",
        "ollama/gpt-5.5",
        "kimi-k3",
        "claude-opus-5",
        "gpt-5.3-codex-spark",
        "gpt-5.5-2026-4-23",
        "-2026-04-23",
        "2026-04-23",
        "gpt-5.5-",
        "gpt-5.50",
        "öpenai/gpt-5.5",
    ] {
        assert_eq!(PriceTable::builtin().lookup(name, day("2026-05-01")), None, "{name}");
    }
}

#[test]
fn stand_ins_are_estimates_and_end_where_they_are_not_known() {
    let table = PriceTable::builtin();
    let named = |model: Option<&str>, date: &str| {
        let quote = table.quote(model, day(date))?;
        Some((quote.price.model(), quote.estimate))
    };
    assert_eq!(named(None, "2025-09-20"), Some(("gpt-5", Some(Estimate::NoModel))));
    assert_eq!(named(Some(" "), "2025-09-20"), Some(("gpt-5", Some(Estimate::NoModel))));
    assert_eq!((named(None, "2025-08-06"), named(None, "2025-12-11")), (None, None));
    let guardian = |date| named(Some("codex-auto-review"), date).unwrap();
    let days = [
        ("2025-09-15", "gpt-5-codex"),
        ("2026-03-04", "gpt-5.3-codex"),
        ("2026-07-29", "gpt-5.5"),
        ("2026-07-30", "gpt-5.6-luna"),
    ];
    for (date, model) in days {
        assert_eq!(guardian(date), (model, Some(Estimate::PseudoModel)), "{date}");
    }
    assert_eq!(named(Some("codex-auto-review"), "2025-08-06"), None);
    // Every stand-in has a price.
    for offset in 0..420 {
        let at_ms = day("2025-08-07") + offset * DAY_MS;
        assert!(table.quote(Some("codex-auto-review"), at_ms).is_some());
    }
}

#[test]
fn what_if_changes_the_model_or_the_moment_of_the_prices() {
    let table = PriceTable::builtin();
    let at_ms = day("2026-10-01");
    let ask = |model, what_if: &WhatIf| {
        let quote = table.lookup_as(model, at_ms, what_if)?;
        Some((quote.price.model(), quote.price.rates(0, Tier::Standard).input, quote.estimate))
    };
    let plain = WhatIf::default();
    assert_eq!(ask(Some("gpt-5.6-luna"), &plain), Some(("gpt-5.6-luna", 200_000, None)));
    let then = WhatIf { price_as_of_ms: Some(day("2026-07-10")), ..WhatIf::default() };
    assert_eq!(ask(Some("gpt-5.6-luna"), &then), Some(("gpt-5.6-luna", 1_000_000, None)));
    // The stand-in of the row's own day, at the prices of the other.
    let guardian = ask(Some("codex-auto-review"), &then);
    assert_eq!(guardian, Some(("gpt-5.6-luna", 1_000_000, Some(Estimate::PseudoModel))));
    let other = WhatIf { model_as: Some("gpt-5-mini".into()), ..WhatIf::default() };
    for model in [None, Some("llama"), Some("gpt-5.5")] {
        assert_eq!(ask(model, &other), Some(("gpt-5-mini", 250_000, None)));
    }
    let unknown = WhatIf { model_as: Some("llama".into()), ..WhatIf::default() };
    assert_eq!(ask(Some("gpt-5.5"), &unknown), None);
}

#[test]
fn a_users_rows_win_for_their_model_and_dates() {
    let base = PriceTable::builtin();
    let over = table(
        "date = \"2026-11-01\"\n\
         [[price]]\nmodels = [\"gpt-5.6-sol\", \"house-model\"]\nvalid_from = \"2026-08-10\"\n\
         valid_to = \"2026-09-01\"\ninput = \"3\"\noutput = \"9\"\nsource = \"third party\"\n\
         [[stand_in]]\nname = \"gpt-reserve\"\nmodel = \"gpt-5.6-luna\"\n",
    );
    let both = base.layered(&over);
    let input = |model: &str, date: &str| {
        Some(both.lookup(model, day(date))?.rates(0, Tier::Standard).input)
    };
    assert_eq!(input("gpt-5.6-sol", "2026-08-09"), Some(5_000_000));
    assert_eq!(input("gpt-5.6-sol", "2026-08-10"), Some(3_000_000));
    assert_eq!(input("gpt-5.6-sol", "2026-08-31"), Some(3_000_000));
    assert_eq!(input("gpt-5.6-sol", "2026-09-01"), Some(4_000_000));
    // The alias of the built-in row was not named by the user.
    assert_eq!(input("gpt-5.6", "2026-08-31"), Some(4_000_000));
    assert_eq!(input("house-model", "2026-08-31"), Some(3_000_000));
    assert_eq!(input("house-model", "2026-09-01"), None);
    assert_eq!(input("gpt-reserve", "2026-10-01"), Some(200_000));
    assert_eq!(both.date(), "2026-11-01");
    assert_ne!(both.digest(), base.digest());
    assert_eq!(both.layered(&over).digest(), both.digest());
}

#[test]
fn an_open_row_of_the_user_replaces_all_dates() {
    let open =
        "[[price]]\nmodels = [\"o3\"]\ninput = \"7\"\noutput = \"7\"\nsource = \"unverified\"\n";
    let both = PriceTable::builtin().layered(&table(&format!("date = \"2020-01-01\"\n{open}")));
    for at_ms in [i64::MIN, day("2025-06-09"), day("2026-06-09"), i64::MAX] {
        assert_eq!(both.lookup("o3", at_ms).unwrap().rates(0, Tier::Flex).input, 3_500_000);
    }
    assert_eq!(both.quote(Some("o3"), 0).unwrap().valid_from_ms, None);
    assert_eq!(both.date(), PriceTable::builtin().date());
}

#[test]
fn the_digest_is_of_the_content_not_of_the_layout() {
    let rows = [row("\"a\"", ""), row("\"b\"", "")];
    let digest = |text: &str| table(text).digest().to_owned();
    let one = digest(&format!("date = \"2026-01-01\"\n{}{}", rows[0], rows[1]));
    let other = format!("# note\r\ndate = '2026-01-01'\n{}\n{}remark = \"x\"\n", rows[1], rows[0]);
    assert_eq!(digest(&other.replace("\"1\"", "\"1.000\"")), one);
    let changes = [
        ("\"1\"", "\"1.000002\""),
        ("2026-01-01", "2026-01-02"),
        ("\"vendor\"", "\"unverified\""),
        ("[\"a\"]", "[\"c\"]"),
    ];
    for (from, to) in changes {
        assert_ne!(digest(&other.replace(from, to)), one, "{from} -> {to}");
    }
    assert_eq!(
        digest("date = \"2026-01-01\"\n"),
        blake3::hash(b"codex-ledger price table 1\ndate \"2026-01-01\"\n").to_hex().as_str(),
    );
}

#[test]
fn errors_name_the_line_and_the_shape() {
    let file = |rest: &str| format!("date = \"2026-01-01\"\n{rest}");
    let long = "long = { above = 10, input = \"x\", output = \"1\" }";
    let cases = [
        ("date = 3\n".to_owned(), "line 1: invalid type"),
        ("date = \"2026-13-01\"\n".to_owned(), "line 1: \"2026-13-01\" is no date"),
        ("\n[tiers]\n".to_owned(), "missing field `date`"),
        (file("[tiers]\nurgent = \"3\"\n"), "line 3: unknown field `urgent`"),
        (file("[tiers]\nflex = \"0\"\n"), "line 3: \"0\" is no multiplier"),
        (file(&row("\"a\"", "").replace("\"1\"", "\"-1\"")), "line 5: \"-1\" is no rate"),
        (file(&row("\"a\"", "").replace("\"2\"", "\"0.0000001\"")), "line 6: \"0.0000001\" is no"),
        (file(&row("\"a\"", "").replace("\"2\"", "\"99999999999\"")), "line 6: \"99999999999\""),
        (file(&row("\"a\"", "valid_to = \"2026-01-01\"")), "line 8: `valid_to` is not after"),
        (file(&row("\"a\"", long)), "line 8: \"x\" is no rate"),
        (file(&row("\"a\"", "priority = \"1/3\"")), "line 2: at the `priority` multiplier"),
        (file(&row("\"A\"", "")), "line 3: \"A\" is no model"),
        (file(&row("\"openai/a\"", "")), "line 3: \"openai/a\" is no model"),
        (file(&row("", "")), "line 2: `models` names no model"),
        (file(&row("\"a\"", "").replace("vendor", "hearsay")), "line 7: `source` is one of"),
        (file(&row("\"a\",\n\"a\"", "")), "line 4: the dates overlap"),
        (file(&(row("\"b\"", "") + &row("\"b\"", ""))), "line 10: the dates overlap"),
    ];
    for (text, expected) in cases {
        let message = error(&text);
        assert!(message.starts_with("mine.toml: line "), "{message}");
        assert!(message.contains(expected), "{message}\nwanted {expected}\nin {text}");
    }
}

#[test]
fn amounts_are_shown_with_cents_or_exact() {
    let amount = |pico_usd| Money::from_pico_usd(pico_usd);
    let cases = [
        (0, "0.00", "0.00", "0"),
        (5_000_000_000, "0.01", "0.005", "0"),
        (4_999_999_999, "0.00", "0.004999999999", "0"),
        (1, "0.00", "0.000000000001", "0"),
        (-1, "0.00", "-0.000000000001", "0"),
        (1_500_000_000_000, "1.50", "1.50", "2"),
        (-1_500_000_000_000, "-1.50", "-1.50", "-2"),
        (999_999_999_999, "1.00", "0.999999999999", "1"),
        (12_345_678_000_000, "12.35", "12.345678", "12"),
    ];
    for (pico_usd, cents, exact, whole) in cases {
        let amount = amount(pico_usd);
        let shown = (amount.to_string(), format!("{amount:#}"), format!("{amount:.0}"));
        assert_eq!(shown, (cents.into(), exact.into(), whole.into()), "{pico_usd}");
        assert_eq!(exact.parse(), Ok(amount));
        assert_eq!(serde_json::to_string(&amount).unwrap(), format!("\"{exact}\""));
    }
    assert_eq!(format!("{:>8.3}|", amount(1_234_500_000_000)), "   1.235|");
    assert_eq!(amount(1).to_usd_string(99), "0.000000000001");
    assert_eq!(amount(850_000_000_000).as_f64(), 0.85);
    assert_eq!(amount(i128::MAX).pico_usd_i64(), None);
    for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "1_0", "0.0000000000001", "٣", "--1"] {
        assert_eq!(text.parse::<Money>(), Err(MoneyError), "{text}");
    }
    assert!(serde_json::from_str::<Money>("\"12.5\"").is_ok_and(|m| m.to_string() == "12.50"));
}

#[test]
fn sums_saturate() {
    let (most, least) = (Money::from_pico_usd(i128::MAX), Money::from_pico_usd(i128::MIN));
    assert_eq!(most + Money::from_pico_usd(1), most);
    assert_eq!(least - Money::from_pico_usd(1), least);
    assert_eq!(-least, most);
    assert!(least.to_exact_usd_string().starts_with("-170141183460469231731687303"));
}

//! `tokens`: filters, order, two keys, prompts, zones, budgets, and why a cost is what it is.

use crate::cli_support::TestEnvironment;
use serde_json::Value;

fn environment() -> TestEnvironment {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    env
}

fn sum(rows: &Value, field: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
}

#[test]
fn totals_are_of_what_the_filters_leave_and_add_up_in_every_grouping() {
    let env = environment();
    let all = env.json(["tokens"])["total"]["total"].clone();
    for by in
        ["day", "week", "month", "session", "prompt", "repo", "model", "day,model", "session,month"]
    {
        let report = env.json(["tokens", "--by", by]);
        assert_eq!(report["total"]["total"], all, "{by}");
        assert_eq!(sum(&report["rows"], "total"), all.as_u64().unwrap(), "{by}");
    }
    let one = env.json(["tokens", "--session", "019c416a", "--by", "prompt"]);
    let report = env.json(["report", "--mode", "prompts", "--session", "019c416a"]);
    assert_eq!(one["total"]["total"], report["totals"]["tokens"]["total"]);
    let prompts = report["sessions"][0]["prompts"].as_array().unwrap();
    for (row, prompt) in one["rows"].as_array().unwrap().iter().zip(prompts) {
        assert_eq!(row["total"], prompt["usage"]["total"], "{}", row["key"]);
    }
    let range = ["tokens", "--since", "2026-02-01", "--until", "2026-02-28"];
    assert_eq!(env.json(range)["total"]["total"], one["total"]["total"]);
    env.run(["tokens", "--model", "gpt-none"]).refused(&["--model", "nearest"]);
    env.run(["tokens", "--by", "day,day"]).refused(&["two different"]);
}

#[test]
fn rows_are_sorted_and_only_the_last_are_shown() {
    let env = environment();
    let rows = env.json(["tokens", "--by", "session", "--sort", "cost", "--last", "3"]);
    let costs: Vec<f64> = rows["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["cost_usd"].as_f64().unwrap())
        .collect();
    assert!(costs.len() == 3 && costs.is_sorted(), "{costs:?}");
    let text = env.ok(["tokens", "--by", "prompt", "--last", "2", "--compact"]);
    assert!(text.text().contains("the last 2 of"), "{}", text.text());
    let asked = env.json(["report", "--mode", "prompts", "--session", "019c416a"]);
    let asked = asked["sessions"][0]["prompts"][0]["text"].as_str().unwrap().to_string();
    let words: String = asked.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let rows = env.ok(["tokens", "--by", "prompt", "--session", "019c416a"]);
    assert!(rows.text().contains(&words), "{words}: {}", rows.text());
    assert!(text.text().contains('$') && !text.text().contains("CACHED"), "{}", text.text());
    let two = env.json(["tokens", "--by", "repo,model"]);
    assert_eq!(two["rows"][0]["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_zone_and_budgets_may_be_configured() {
    let env = environment();
    let config = env.work().join("config.toml");
    let text = "[outputs]\ntimezone = 'Asia/Tokyo'\n[budget]\nmonth = 0.5\nday = 2\n";
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let told = env.ok(["--config", config, "tokens"]);
    assert!(told.text().contains("this month $0.00 of $0.50, 0 %"), "{}", told.text());
    let by_config = env.json(["--config", config, "tokens"]);
    assert_eq!(by_config, env.json(["tokens", "--timezone", "Asia/Tokyo"]));
    assert_ne!(by_config, env.json(["tokens"]));
    for (args, word) in [
        (&["sessions"][..], "LAST (Asia/Tokyo)"),
        (&["show", "019c416a"], "Asia/Tokyo"),
        (&["report", "--limit", "1"], "`Asia/Tokyo`"),
        (&["tokens", "explain", "019c416a"], "TIME (Asia/Tokyo)"),
    ] {
        let told = env.ok(["--config", config].iter().chain(args));
        assert!(told.text().contains(word), "{args:?}: {}", told.text());
    }
    std::fs::write(env.work().join("bad.toml"), "[budget]\nday = -1\n").unwrap();
    let bad = env.work().join("bad.toml");
    env.run(["--config", bad.to_str().unwrap(), "tokens"]).refused(&["budget"]);
    env.ok(["tokens", "--timezone", "UTC"]);
    env.run(["tokens", "--timezone", "Mars/X"]).refused(&["Mars/X", "local"]);
}

#[test]
fn a_cost_is_told_with_its_rates() {
    let env = environment();
    let told = env.json(["tokens", "explain", "019c416a", "--price"]);
    let rows = told["prices"].as_array().unwrap();
    let cost: f64 = rows.iter().map(|row| row["cost_usd"].as_f64().unwrap()).sum();
    let total = env.json(["tokens", "--session", "019c416a"])["total"]["cost_usd"].clone();
    assert!((cost - total.as_f64().unwrap()).abs() < 1e-9, "{cost} {total}");
    for row in rows {
        for part in row["parts"].as_array().unwrap() {
            let [tokens, rate, cost] =
                ["tokens", "usd_per_million", "cost_usd"].map(|name| part[name].as_f64().unwrap());
            assert!((tokens * rate / 1e6 - cost).abs() < 1e-9, "{part}");
        }
    }
    let text = env.ok(["tokens", "explain", "019c416a", "--price"]);
    for word in ["gpt-5.3-codex", "cached", "$ PER 1M", "ccusage"] {
        assert!(text.text().contains(word), "{word}: {}", text.text());
    }
}

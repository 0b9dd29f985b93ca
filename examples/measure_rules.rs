//! Measures the built-in rules on a labelled corpus of one's own, at the places that come with the program.
//!
//! `cargo run --release --example measure_rules -- SECRETS BENIGN [RULES]`
//!
//! The files are those of `fixtures/redaction/README.md`; RULES is a rule file in YAML. Prints what was found of each
//! rule's secrets, and every required text that was missed, changed or hidden too widely, by id and place.

use std::collections::BTreeMap;

use codex_ledger_redaction::{
    Engine, Labelled, PLACEMENTS, RuleFormat, Tally, builtin, everywhere, measure, parse_rules,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [secrets, benign, rest @ ..] = files.as_slice() else {
        return Err("usage: measure_rules SECRETS BENIGN [RULES]".into());
    };
    let read = |path: &String| std::fs::read_to_string(path);
    let labelled = Labelled::parse(&read(secrets)?, PLACEMENTS, &read(benign)?)?;
    let rules = match rest.first() {
        Some(path) => parse_rules(&read(path)?, RuleFormat::Yaml, "rules")?,
        None => builtin()?.clone(),
    };
    let rules = everywhere(&rules);
    let engine = Engine::compile(&rules, &[])?;
    let report = measure(&engine, &rules, &labelled, (0, 1));
    let mut sums: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut total = Tally::default();
    for ((rule, _), tally) in &report.kinds {
        sums.entry(rule).or_default().add(tally);
        total.add(tally);
    }
    for (what, list) in [("changed", &report.changed), ("over-hidden", &report.over_hidden)] {
        list.iter().for_each(|at| println!("{what} {at}"));
    }
    report.missed.iter().for_each(|(_, at)| println!("missed {at}"));
    for (rule, tally) in sums {
        println!("{:5} of {:5} {rule}", tally.found, tally.required);
    }
    for (rule, acts) in &report.acts {
        println!(
            "{:5} right, {:5} over-hidden, {:5} harmless changed by {rule}",
            acts.right, acts.over_hidden, acts.harmless
        );
    }
    let (secrets, benign) = labelled.counts();
    let texts: u64 = report.harmless.values().map(|harmless| harmless.texts).sum();
    println!("{secrets} secrets: {} of {} required texts found", total.found, total.required);
    println!("optional: {} of {} found", total.optional_found, total.optional);
    println!("{benign} harmless texts at {texts} places: {} changed", report.changed.len());
    println!("{} over-hidden", report.over_hidden.len());
    println!("{} no longer JSON, {} not idempotent", report.json_broken, report.not_idempotent);
    Ok(())
}

//! `redact rules test`: what rules find of what they should, and of what they should not.

use crate::door::{Done, Door, Result, Style};
use crate::pager::width;
use crate::text::{count, plural, safe};
use codex_ledger_app::{Acts, JudgedRule, JudgedRules, RuleSet, Tally, builtin_rules, judge};
use serde::Serialize;
use std::collections::BTreeSet;

/// So many faults of one kind are named.
const NAMED_MAX: usize = 20;

pub fn run(door: &mut Door, rules: &RuleSet) -> Result<Done> {
    let judged = judge(rules)?;
    match door.global.json {
        true => door.print_json(&document(rules, &judged))?,
        false => door.print(&text(door, rules, &judged))?,
    }
    Ok(if judged.is_clean() { Done::Clean } else { Done::Findings })
}

/// A share in percent, rounded down, so that only all of it is 100; none of nothing.
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e4).floor() / 1e2)
}

fn precision(rule: &JudgedRule) -> Option<f64> {
    let acts = &rule.acts;
    percent(acts.right, acts.right + acts.over_hidden + acts.harmless)
}

fn text(door: &Door, rules: &RuleSet, judged: &JudgedRules) -> String {
    let mut out: String =
        rules.notes.iter().map(|note| format!("note: {}\n", safe(note))).collect();
    out.push_str(&table(door, judged));
    let alone = judged.rules.iter().filter(|rule| rule.enabled && !is_measured(rule));
    let (alone, examples) = alone.fold((0, 0), |(n, sum), rule| (n + 1, sum + rule.examples));
    if alone > 0 {
        let (rules, examples) = (plural(alone, "rule"), plural(examples, "example"));
        out.push_str(&format!("\n{rules} without a text in the corpus, measured by {examples}\n"));
    }
    out.push_str(&own(judged));
    if !rules.corpus.is_empty() {
        let texts = plural(rules.corpus.len() as u64, "text");
        out.push_str(&format!("\ncorpus of the file: {texts}, hidden as they say\n"));
    }
    let (tally, over) = (judged.tally(), judged.over_hidden.len() as u64);
    let share =
        |part, whole| percent(part, whole).map_or("-".into(), |share| format!("{share:.2} %"));
    out.push_str(&format!(
        "\n{} in {}: {} found, {} missed, recall {}\n",
        plural(tally.secrets.len() as u64, "secret"),
        plural(tally.required, "text"),
        count(tally.found),
        count(tally.missed),
        share(tally.found, tally.required),
    ));
    out.push_str(&format!(
        "beyond what is promised: {} of {} found; hidden to the byte or within what may be: {} of {}\n",
        count(tally.optional_found),
        plural(tally.optional, "text"),
        count(tally.exact),
        count(tally.found + tally.optional_found),
    ));
    let harmless: u64 = judged.harmless.values().map(|harmless| harmless.texts).sum();
    out.push_str(&format!(
        "{}: {} changed; {} over-hidden; {} no longer JSON; {} not done at the first look\n",
        plural(harmless, "harmless text"),
        count(judged.changed.len() as u64),
        count(over),
        count(judged.json_broken),
        count(judged.not_idempotent),
    ));
    for (id, tally) in &judged.unclaimed {
        let (secrets, found) = (tally.secrets.len() as u64, tally.found + tally.optional_found);
        out.push_str(&format!(
            "no enabled rule claims {}: {}, {} of {} hidden by others\n",
            safe(id),
            plural(secrets, "secret"),
            count(found),
            plural(tally.required + tally.optional, "text"),
        ));
    }
    for fault in judged.rules.iter().filter_map(|rule| rule.fault.as_ref()) {
        out.push_str(&format!("{} {}\n", door.paint(Style::Red, "example"), safe(fault)));
    }
    for (what, list) in [("missed", &judged.missed), ("changed", &judged.changed)] {
        for at in list.iter().take(NAMED_MAX) {
            out.push_str(&format!("{} {at}\n", door.paint(Style::Red, what)));
        }
        if let more @ 1.. = list.len().saturating_sub(NAMED_MAX) {
            out.push_str(&format!("{more} more {what}; --json names them all\n"));
        }
    }
    out
}

/// The rules of the file itself.
fn own(judged: &JudgedRules) -> String {
    let rules = judged.rules.iter().filter(|rule| rule.enabled && is_own(&rule.id));
    let line = |rule: &JudgedRule| {
        let verdict = match rule.fault {
            None => "hidden as they say",
            Some(_) => "one is not as it says, below",
        };
        let (id, examples) = (safe(&rule.id), plural(rule.examples, "example"));
        format!("\nrule of the file `{id}`: {examples}, {verdict}\n")
    };
    rules.map(line).collect()
}

/// Whether a rule is none of the program's.
fn is_own(id: &str) -> bool {
    builtin_rules().is_ok_and(|builtin| builtin.rules.iter().all(|rule| rule.id != id))
}

/// Whether the labelled corpus says anything of a rule.
fn is_measured(rule: &JudgedRule) -> bool {
    rule.enabled && (!rule.tally.secrets.is_empty() || rule.acts != Acts::default())
}

fn table(door: &Door, judged: &JudgedRules) -> String {
    let heads = [
        "RULE",
        "SECRETS",
        "TEXTS",
        "RECALL %",
        "BEYOND",
        "PRECISION %",
        "OVER-HIDDEN",
        "HARMLESS",
        "EXAMPLES",
    ];
    // Of a file of rules, those that are its own.
    let has_own = judged.rules.iter().any(|rule| is_own(&rule.id));
    let is_told = |rule: &&JudgedRule| {
        is_measured(rule) && (!has_own || is_own(&rule.id)) || rule.fault.is_some()
    };
    let rows = judged.rules.iter().filter(is_told).map(|rule| {
        let share = |share: Option<f64>| share.map_or("-".into(), |share| format!("{share:.2}"));
        let tally = &rule.tally;
        let beyond = match tally.optional {
            0 => "-".into(),
            all => format!("{}/{all}", tally.optional_found),
        };
        let examples = match rule.fault {
            None => rule.examples.to_string(),
            Some(_) => "FAIL".into(),
        };
        [
            safe(&rule.id),
            tally.secrets.len().to_string(),
            tally.required.to_string(),
            share(percent(tally.found, tally.required)),
            beyond,
            share(precision(rule)),
            rule.acts.over_hidden.to_string(),
            rule.acts.harmless.to_string(),
            examples,
        ]
    });
    let rows: Vec<[String; 9]> = std::iter::once(heads.map(String::from)).chain(rows).collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    // Where there is no room, what tells least goes first.
    let left_out: &[usize] = match width().unwrap_or(usize::MAX) {
        ..80 => &[1, 2, 4, 6, 8],
        80..112 => &[2, 4],
        _ => &[],
    };
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cell = |(at, (cell, width)): (usize, (&String, &usize))| match at {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        };
        let kept = row.iter().zip(&widths).enumerate().filter(|(at, _)| !left_out.contains(at));
        let cells: Vec<String> = kept.map(cell).collect();
        let line = cells.join("  ");
        out.push_str(&if index == 0 { door.paint(Style::Dim, line) } else { line });
        out.push('\n');
    }
    out
}

/// What is printed of rules on trial.
#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    digest: String,
    clean: bool,
    results: Vec<RuleResult<'a>>,
    unclaimed: Vec<Unclaimed<'a>>,
    harmless: Vec<Category<'a>>,
    totals: Totals,
    missed: &'a [String],
    changed: &'a [String],
    over_hidden: &'a [String],
    /// Texts of the file's own corpus, all hidden as they say.
    corpus: usize,
}

#[derive(Serialize)]
struct RuleResult<'a> {
    rule: &'a str,
    enabled: bool,
    examples: u64,
    fault: Option<&'a str>,
    #[serde(flatten)]
    found: Found,
    precision: Option<f64>,
    right: u64,
    over_hidden: u64,
    harmless_changed: u64,
}

/// What became of secrets.
#[derive(Serialize)]
struct Found {
    secrets: usize,
    required: u64,
    found: u64,
    missed: u64,
    recall: Option<f64>,
    optional: u64,
    optional_found: u64,
    exact: u64,
}

#[derive(Serialize)]
struct Unclaimed<'a> {
    rule: &'a str,
    secrets: &'a BTreeSet<String>,
    texts: u64,
    hidden_by_others: u64,
}

/// Harmless texts of one category.
#[derive(Serialize)]
struct Category<'a> {
    category: &'a str,
    texts: u64,
    changed: u64,
}

#[derive(Serialize)]
struct Totals {
    #[serde(flatten)]
    found: Found,
    over_hidden: usize,
    harmless: u64,
    harmless_changed: usize,
    json_broken: u64,
    not_idempotent: u64,
}

impl Found {
    fn of(tally: &Tally) -> Found {
        Found {
            secrets: tally.secrets.len(),
            required: tally.required,
            found: tally.found,
            missed: tally.missed,
            recall: percent(tally.found, tally.required),
            optional: tally.optional,
            optional_found: tally.optional_found,
            exact: tally.exact,
        }
    }
}

fn document<'a>(rules: &'a RuleSet, judged: &'a JudgedRules) -> Document<'a> {
    let result = |rule: &'a JudgedRule| RuleResult {
        rule: &rule.id,
        enabled: rule.enabled,
        examples: rule.examples,
        fault: rule.fault.as_deref(),
        found: Found::of(&rule.tally),
        precision: precision(rule),
        right: rule.acts.right,
        over_hidden: rule.acts.over_hidden,
        harmless_changed: rule.acts.harmless,
    };
    let unclaimed = judged.unclaimed.iter().map(|(id, tally)| Unclaimed {
        rule: id,
        secrets: &tally.secrets,
        texts: tally.required + tally.optional,
        hidden_by_others: tally.found + tally.optional_found,
    });
    let harmless = judged.harmless.iter().map(|(category, harmless)| Category {
        category,
        texts: harmless.texts,
        changed: harmless.changed,
    });
    Document {
        name: &rules.name,
        digest: rules.digest(),
        clean: judged.is_clean(),
        results: judged.rules.iter().map(result).collect(),
        unclaimed: unclaimed.collect(),
        harmless: harmless.collect(),
        totals: Totals {
            found: Found::of(&judged.tally()),
            over_hidden: judged.over_hidden.len(),
            harmless: judged.harmless.values().map(|harmless| harmless.texts).sum(),
            harmless_changed: judged.changed.len(),
            json_broken: judged.json_broken,
            not_idempotent: judged.not_idempotent,
        },
        missed: &judged.missed,
        changed: &judged.changed,
        over_hidden: &judged.over_hidden,
        corpus: rules.corpus.len(),
    }
}

//! Rules on trial: their own examples, and the labelled corpus.

use crate::error::{AppError, ErrorKind, Result};
use codex_ledger_redaction::{
    Acts, Engine, Harmless, Measured, Rule, RuleSet, Tally, check_examples, everywhere, measure,
    shipped,
};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread;

/// How rules did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgedRules {
    /// The rules, in their order.
    pub rules: Vec<JudgedRule>,
    /// What no enabled rule claims to hide: name of the rule that one would expect -> its secrets.
    pub unclaimed: BTreeMap<String, Tally>,
    /// Category -> what became of its harmless texts.
    pub harmless: BTreeMap<String, Harmless>,
    /// Texts that were JSON and are none afterwards.
    pub json_broken: u64,
    /// Texts of which a second look hides more.
    pub not_idempotent: u64,
    /// Texts whose secret is required, claimed and not hidden: `id at place`.
    pub missed: Vec<String>,
    /// Harmless texts that were changed: `id at place`.
    pub changed: Vec<String>,
    /// Texts of which more was hidden than may be: `id at place`.
    pub over_hidden: Vec<String>,
}

/// How one rule did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgedRule {
    /// Its id.
    pub id: String,
    /// Whether it takes part.
    pub enabled: bool,
    /// How many examples it has.
    pub examples: u64,
    /// What is wrong with one of them.
    pub fault: Option<String>,
    /// The secrets that it claims, whichever rule hid them.
    pub tally: Tally,
    /// What it hid, claimed or not.
    pub acts: Acts,
}

impl JudgedRules {
    /// Whether nothing is wrong: examples hold, what is claimed and required is hidden, harmless texts stay, JSON stays
    /// JSON, and a second look finds nothing.
    pub fn is_clean(&self) -> bool {
        self.rules.iter().all(|rule| rule.fault.is_none())
            && self.missed.is_empty()
            && self.changed.is_empty()
            && (self.json_broken, self.not_idempotent) == (0, 0)
    }

    /// The secrets of all rules that take part.
    pub fn tally(&self) -> Tally {
        self.rules.iter().fold(Tally::default(), |mut sum, rule| {
            sum.add(&rule.tally);
            sum
        })
    }
}

/// Tries rules on their examples and on the corpus that comes with the program, on all cores.
///
/// # Errors
/// When a rule cannot be compiled.
pub fn judge(rules: &RuleSet) -> Result<JudgedRules> {
    let labelled = shipped().map_err(|error| {
        AppError::new(ErrorKind::Io, format!("the labelled corpus cannot be used: {error}"))
    })?;
    let free = everywhere(rules);
    let engine = Engine::compile(&free, &[])?;
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(8);
    let (report, faults) = thread::scope(|scope| {
        let (engine, free, labelled) = (&engine, &free, &labelled);
        let part = move |nth| {
            (measure(engine, free, labelled, (nth, threads)), faults(rules, nth, threads))
        };
        let start = |nth| thread::Builder::new().spawn_scoped(scope, move || part(nth));
        let others: Vec<_> =
            (1..threads).map(start).collect::<std::io::Result<_>>().map_err(|_| stopped())?;
        let (mut report, mut all) = part(0);
        for other in others {
            let (more, faults) = other.join().map_err(|_| stopped())?;
            report.add(more);
            all.extend(faults);
        }
        Ok::<_, AppError>((report, all))
    })?;
    Ok(judged(rules, report, &faults))
}

fn stopped() -> AppError {
    AppError::new(ErrorKind::Io, "a thread that tried the rules stopped")
}

/// What is wrong with the examples of every `of`th rule.
fn faults(rules: &RuleSet, nth: usize, of: usize) -> Vec<(String, String)> {
    let part = rules.rules.iter().skip(nth).step_by(of);
    part.filter_map(|rule| Some((rule.id.clone(), check_examples(rule)?))).collect()
}

fn judged(rules: &RuleSet, report: Measured, faults: &[(String, String)]) -> JudgedRules {
    let rule = |rule: &Rule| JudgedRule {
        id: rule.id.clone(),
        enabled: rule.enabled,
        examples: (rule.examples.matches.len() + rule.examples.no_match.len()) as u64,
        fault: faults.iter().find(|(id, _)| *id == rule.id).map(|(_, fault)| fault.clone()),
        acts: report.acts.get(&rule.id).copied().unwrap_or_default(),
        tally: Tally::default(),
    };
    let mut judged =
        JudgedRules { rules: rules.rules.iter().map(rule).collect(), ..JudgedRules::default() };
    for ((id, _), tally) in &report.kinds {
        match judged.rules.iter_mut().find(|rule| rule.enabled && rule.id == *id) {
            Some(rule) => rule.tally.add(tally),
            None => judged.unclaimed.entry(id.clone()).or_default().add(tally),
        }
    }
    let claimed = |(id, at): (String, String)| (!judged.unclaimed.contains_key(&id)).then_some(at);
    judged.missed = report.missed.into_iter().filter_map(claimed).collect();
    (judged.changed, judged.over_hidden) = (report.changed, report.over_hidden);
    for list in [&mut judged.missed, &mut judged.changed, &mut judged.over_hidden] {
        list.sort();
    }
    judged.harmless = report.harmless;
    (judged.json_broken, judged.not_idempotent) = (report.json_broken, report.not_idempotent);
    judged
}

//! How well rules do on a labelled corpus.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;

use super::{Case, Label, Labelled};
use crate::engine::{By, Context, Engine, Mask};
use crate::rule::{Rule, RuleSet};

/// What rules made of a corpus, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// (rule that is expected, kind of secret) -> how many of its texts were hidden.
    pub kinds: BTreeMap<(String, String), Tally>,
    /// Rule -> what it did, expected or not.
    pub acts: BTreeMap<String, Acts>,
    /// Category -> what became of its harmless texts.
    pub harmless: BTreeMap<String, Harmless>,
    /// Texts that were JSON and are none afterwards.
    pub json_broken: u64,
    /// Texts of which a second look hides more.
    pub not_idempotent: u64,
    /// Texts whose secret is required and not hidden: rule, `id at place`.
    pub missed: Vec<(String, String)>,
    /// Harmless texts that were changed: `id at place`.
    pub changed: Vec<String>,
    /// Texts of which more was hidden than may be: `id at place`.
    pub over_hidden: Vec<String>,
}

/// Texts with secrets of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The secrets, by id.
    pub secrets: BTreeSet<String>,
    /// Texts whose secret must be found.
    pub required: u64,
    /// Those of them where all of it is hidden.
    pub found: u64,
    /// Those of them where some of it is not.
    pub missed: u64,
    /// Texts whose secret is beyond what is promised.
    pub optional: u64,
    /// Those of them where all of it is hidden.
    pub optional_found: u64,
    /// Texts where the secret is hidden and nothing more than may be.
    pub exact: u64,
    /// Texts where more is hidden than may be.
    pub over_hidden: u64,
}

/// Passages that one rule hid, alone or with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acts {
    /// Within what may be hidden.
    pub right: u64,
    /// Beyond what may be hidden.
    pub over_hidden: u64,
    /// Harmless texts that it changed.
    pub harmless: u64,
}

/// Harmless texts of one category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harmless {
    /// Texts at their places.
    pub texts: u64,
    /// Those that were changed and must not be.
    pub changed: u64,
    /// Those that were changed, where both answers can be defended.
    pub optional_changed: u64,
}

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: &Tally) {
        self.secrets.extend(other.secrets.iter().cloned());
        self.required += other.required;
        self.found += other.found;
        self.missed += other.missed;
        self.optional += other.optional;
        self.optional_found += other.optional_found;
        self.exact += other.exact;
        self.over_hidden += other.over_hidden;
    }
}

impl Acts {
    /// Adds another.
    pub fn add(&mut self, other: &Acts) {
        self.right += other.right;
        self.over_hidden += other.over_hidden;
        self.harmless += other.harmless;
    }
}

impl Measured {
    /// Adds the report of another part.
    pub fn add(&mut self, other: Measured) {
        for (key, tally) in &other.kinds {
            self.kinds.entry(key.clone()).or_default().add(tally);
        }
        for (key, acts) in &other.acts {
            self.acts.entry(key.clone()).or_default().add(acts);
        }
        for (key, harmless) in &other.harmless {
            let sum = self.harmless.entry(key.clone()).or_default();
            sum.texts += harmless.texts;
            sum.changed += harmless.changed;
            sum.optional_changed += harmless.optional_changed;
        }
        self.json_broken += other.json_broken;
        self.not_idempotent += other.not_idempotent;
        self.missed.extend(other.missed);
        self.changed.extend(other.changed);
        self.over_hidden.extend(other.over_hidden);
    }

    fn case(&mut self, case: &Case<'_>, masks: &[Mask], rules: &RuleSet) {
        let at = || format!("{} at {}", case.id, case.place);
        let beyond = |mask: &Mask| match &case.label {
            Label::Secret { may, .. } => mask.start < may.start || mask.end > may.end,
            Label::Harmless { .. } => true,
        };
        match &case.label {
            Label::Harmless { category } => {
                let harmless = self.harmless.entry((*category).to_owned()).or_default();
                harmless.texts += 1;
                harmless.changed += u64::from(!masks.is_empty() && case.required);
                harmless.optional_changed += u64::from(!masks.is_empty() && !case.required);
                if !masks.is_empty() && case.required {
                    self.changed.push(at());
                }
            }
            Label::Secret { rule, kind, secret, .. } => {
                let key = ((*rule).to_owned(), (*kind).to_owned());
                let tally = self.kinds.entry(key).or_default();
                let found = hides(masks, secret.start, secret.end);
                let over = masks.iter().any(beyond);
                if !tally.secrets.contains(case.id) {
                    tally.secrets.insert(case.id.to_owned());
                }
                match case.required {
                    true => tally.required += 1,
                    false => tally.optional += 1,
                }
                tally.found += u64::from(found && case.required);
                tally.missed += u64::from(!found && case.required);
                tally.optional_found += u64::from(found && !case.required);
                tally.exact += u64::from(found && !over);
                tally.over_hidden += u64::from(over);
                if !found && case.required {
                    self.missed.push(((*rule).to_owned(), at()));
                }
                if over {
                    self.over_hidden.push(at());
                }
            }
        }
        let is_harmless = matches!(case.label, Label::Harmless { .. });
        let mut told = BTreeSet::new();
        for (mask, by) in masks.iter().flat_map(|mask| mask.all.iter().map(move |by| (mask, by))) {
            let By::Rule(index) = by else { continue };
            let rule = usize::try_from(*index).ok().and_then(|index| rules.rules.get(index));
            let Some(Rule { id, .. }) = rule else { continue };
            let acts = self.acts.entry(id.clone()).or_default();
            match (is_harmless, beyond(mask)) {
                (true, _) => acts.harmless += u64::from(case.required && told.insert(index)),
                (false, true) => acts.over_hidden += 1,
                (false, false) => acts.right += 1,
            }
        }
    }
}

/// Whether all bytes of a range lie in passages that are hidden.
pub(crate) fn hides(masks: &[Mask], start: usize, end: usize) -> bool {
    let mut at = start;
    for mask in masks {
        if mask.start <= at && at < mask.end {
            at = mask.end;
        }
    }
    at >= end
}

/// The rules as they are, but looking at every text: whatever its table, column and writer.
///
/// A labelled text stands in no column, and an example neither.
pub fn everywhere(rules: &RuleSet) -> RuleSet {
    let free = |rule: &Rule| Rule {
        scope: Default::default(),
        fields: Vec::new(),
        roles: Vec::new(),
        ..rule.clone()
    };
    RuleSet { rules: rules.rules.iter().map(free).collect(), ..rules.clone() }
}

/// Measures rules on every `of`th pair of a corpus, beginning with the `nth`. `engine` is made of `rules`.
///
/// The parts of one corpus may be measured by several threads and added.
pub fn measure(
    engine: &Engine,
    rules: &RuleSet,
    labelled: &Labelled,
    (nth, of): (usize, usize),
) -> Measured {
    let mut report = Measured::default();
    let place = Context::default();
    let pairs = (nth..labelled.pairs()).step_by(of.max(1));
    for case in pairs.filter_map(|pair| labelled.case(pair)) {
        let masks = engine.masks(&case.text, &place);
        report.case(&case, &masks, rules);
        if let Some(shown) = engine.redact(&case.text, &place, &mut Vec::new()) {
            let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
            report.json_broken += u64::from(is_json(&case.text) && !is_json(&shown));
            report.not_idempotent += u64::from(!engine.masks(&shown, &place).is_empty());
        }
    }
    report
}

//! A set of rules, made ready for any number of engines.

use super::compile::Compiled;
use super::engine::By;
use super::prefilter::Keywords;
use super::rule::{Rule, RuleError, RuleSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The rules of a set that are in force, parsed once for any number of engines.
#[derive(Clone)]
pub(super) struct Ready {
    /// In order of precedence.
    pub(super) rules: Vec<Compiled>,
    pub(super) keywords: Arc<Keywords>,
}

/// Sets of rules that were made ready last, with what was asked for: a program needs few, again and again.
static KNOWN: Mutex<Vec<(Vec<Rule>, Ready)>> = Mutex::new(Vec::new());
/// How many are kept.
const KNOWN_MAX: usize = 4;

impl Ready {
    pub(super) fn new(rules: &RuleSet) -> Result<Ready, RuleError> {
        if rules.rules.is_empty() {
            return Ready::parse(rules);
        }
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().iter().find(|(of, _)| *of == rules.rules).cloned();
        let one = match found {
            Some(one) => one,
            None => (rules.rules.clone(), Ready::parse(rules)?),
        };
        let ready = one.1.clone();
        let mut known = known();
        // The one that was asked for longest ago goes.
        known.retain(|(of, _)| *of != one.0);
        known.truncate(KNOWN_MAX - 1);
        known.insert(0, one);
        Ok(ready)
    }

    fn parse(rules: &RuleSet) -> Result<Ready, RuleError> {
        let in_force = rules.rules.iter().enumerate().filter(|(_, rule)| rule.enabled);
        let rules = in_force.map(|(index, rule)| Compiled::rule(rule, index));
        let mut rules = rules.collect::<Result<Vec<_>, _>>()?;
        rules.sort_by_key(|rule| rule.order);
        let keywords = Keywords::new(&rules).map_err(|reason| RuleError::file(None, reason))?;
        Ok(Ready { rules, keywords: Arc::new(keywords) })
    }

    /// Whether a rule shows other words than its id.
    pub(super) fn has_replacements(&self) -> bool {
        self.rules.iter().any(|rule| !is_usual(&rule.shown))
    }

    /// Has rules show something else, where `other` says so; it is told whether a rule shows the usual words. Gives the
    /// rules that do.
    pub(super) fn replace_shown(
        &mut self,
        other: &dyn Fn(&str, bool) -> Option<String>,
    ) -> Vec<By> {
        let mut replaced = Vec::new();
        for rule in &mut self.rules {
            if let Some(shown) = other(&rule.shown, is_usual(&rule.shown)) {
                rule.shown = shown;
                replaced.push(rule.by);
            }
        }
        replaced
    }
}

/// Whether a rule shows its id.
fn is_usual(shown: &str) -> bool {
    shown.starts_with("[redacted:")
}

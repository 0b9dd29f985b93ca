//! Rules on trial before they are in force: what a change would hide, and what it would show again. Nothing is recorded.

use super::judge::judge;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, TargetHint};
use crate::progress::Listener;
use crate::setup::App;
use codex_ledger_db as db;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::LedgerReader;
use codex_ledger_projections::{Decisions, preview};
use codex_ledger_query::{self as query, Forecast};
use codex_ledger_redaction::{
    By, Context, Engine, FailedExamples, Rule, RuleFormat, RuleSet, SeenText, Weaker, builtin,
    everywhere, failed_examples, parse_rules, risky, weaker,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

/// Passages that a trial shows.
const SAMPLES: usize = 20;
/// A longer name of a rule is none.
const ID_MAX_CHARS: usize = 80;

/// A change of the rules in force.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleChange {
    /// A rule that there is not yet comes in before the others.
    Add(Box<Rule>),
    /// A rule takes the place of the one of its id.
    Change(Box<Rule>),
    /// The rule of an id is switched on or off.
    Switch(String, bool),
    /// The rule of an id goes; where it stands in the place of one of the program, that one comes back.
    Remove(String),
}

/// What a change would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleTrial {
    /// What the rule would hide of what is shown now.
    pub hides: Forecast,
    /// How many different passages these are.
    pub different: u64,
    /// How many of those look random, as keys do.
    pub random: u64,
    /// Examples of the rule that it does not hold.
    pub failed: FailedExamples,
    /// Harmless texts that come with the program, and of how many the rule would hide something.
    pub harmless: (u64, u64),
    /// Why it is refused unless it is said to be meant: it would hide something nearly everywhere.
    pub too_wide: Option<String>,
    /// What is in force and would not be, as it is.
    pub weaker: Vec<Weaker>,
    /// Session -> passages that the rule hides now and nothing would hide then.
    pub shown_again: BTreeMap<String, u64>,
    /// Passages that the rule hides now together with others, which may be shown in part.
    pub shared: u64,
    /// Whether it was ended before all was looked through: there may be more than is told.
    pub is_cut: bool,
}

impl App {
    /// Tells what a change of the rules would do. Nothing is recorded, and no text that is hidden leaves. Once `is_over` says so, what
    /// was found until then is told; it is asked before each text.
    ///
    /// # Errors
    /// When there is no such rule, the new one cannot be used, or there are no views.
    pub fn try_rule(&self, change: &RuleChange, is_over: &dyn Fn() -> bool) -> Result<RuleTrial> {
        let known = self.rules()?.rules;
        let (rules, id) = changed(&known, change)?;
        let weaker = weaker(&known, &rules);
        let rule = rules.rules.iter().find(|rule| rule.id == id && rule.enabled);
        let mut trial = RuleTrial::default();
        if let Some(rule) = rule {
            trial.failed = failed_examples(rule)?;
            // One that was in force as it is hides already what it finds.
            if !known.rules.contains(rule) {
                self.try_on_texts(rule, is_over, &mut trial)?;
            }
        }
        if weaker.iter().any(|weaker| weaker.rule == id) {
            self.try_on_hidden((&known, &id), rule, is_over, &mut trial)?;
        }
        Ok(RuleTrial { weaker, ..trial })
    }

    /// What is in force and would not be after a change, as it is.
    ///
    /// # Errors
    /// When there is no such rule, the new one cannot be used, or entries cannot be read.
    pub fn weaker_by(&self, change: &RuleChange) -> Result<Vec<Weaker>> {
        let known = self.rules()?.rules;
        Ok(weaker(&known, &changed(&known, change)?.0))
    }

    /// Puts changed rules in force; gives the entry, or `None` when nothing is changed by it.
    ///
    /// # Errors
    /// When there is no such rule, or the new one cannot be used or does not do what its examples say; the ledger then is
    /// as before.
    pub fn change_rule(
        &self,
        change: &RuleChange,
        reason: &str,
        wide: bool,
        listener: Listener<'_>,
    ) -> Result<Option<Seq>> {
        let (rules, _) = changed(&self.rules()?.rules, change)?;
        super::check_rules(&rules)?;
        self.set_rules(rules, reason, wide, listener)
    }

    /// The rules that were in force before an entry changed them.
    ///
    /// # Errors
    /// When others are in force by now, or entries cannot be read.
    pub fn rules_before(&self, seq: Seq) -> Result<RuleSet> {
        if self.rules()?.seq != Some(seq) {
            let message = format!("the rules of entry {seq} are not in force any more");
            return Err(AppError::new(ErrorKind::Usage, message));
        }
        let before = Decisions::load(&mut LedgerReader::open(self.dir())?, seq)?.rule_set()?;
        Ok(before.map_or(builtin()?.clone(), |(_, record)| record.rules))
    }

    fn try_on_texts(
        &self,
        rule: &Rule,
        is_over: &dyn Fn() -> bool,
        trial: &mut RuleTrial,
    ) -> Result<()> {
        let alone = RuleSet { rules: vec![rule.clone()], ..RuleSet::default() };
        let engine = Engine::compile(&everywhere(&alone), &[])?;
        let different: RefCell<HashMap<u64, bool>> = RefCell::default();
        let find = |text: &str| {
            let masks = engine.masks(text, &Context::default()).into_iter();
            let found = masks.map(|mask| mask.start..mask.end).inspect(|at| {
                let passage = text.get(at.clone()).unwrap_or_default();
                let is_random = || !risky(passage).is_empty();
                different.borrow_mut().entry(hash(passage)).or_insert_with(is_random);
            });
            found.collect()
        };
        let views = self.views_for_reading()?;
        let is_cut = Cell::new(false);
        let is_over = || {
            is_cut.set(is_cut.get() || is_over());
            is_cut.get()
        };
        let found = query::forecast(&views, &find, &|_| true, SAMPLES, &is_over);
        trial.is_cut = is_cut.get();
        trial.hides = found.map_err(db::at(self.views_path()))?;
        let different = different.into_inner();
        trial.different = different.len() as u64;
        trial.random = different.values().filter(|is_random| **is_random).count() as u64;
        let judged = judge(&alone)?;
        let texts = judged.harmless.values().map(|harmless| harmless.texts).sum();
        trial.harmless = (judged.changed.len() as u64, texts);
        let wide = self.check_width(&engine, &|_| format!("rule `{}`", rule.id));
        trial.too_wide = match wide {
            Err(AppError { hint: Some(Hint::Target(TargetHint::Wide)), message, .. }) => {
                Some(message)
            }
            other => other.map(|()| None)?,
        };
        Ok(())
    }

    /// Counts what a rule hides now and what would become of it. The texts themselves are looked at and thrown away.
    fn try_on_hidden(
        &self,
        (known, id): (&RuleSet, &str),
        new: Option<&Rule>,
        is_over: &dyn Fn() -> bool,
        trial: &mut RuleTrial,
    ) -> Result<()> {
        let new = RuleSet { rules: new.cloned().into_iter().collect(), ..RuleSet::default() };
        let new = Engine::compile(&everywhere(&new), &[])?;
        let Some(old) = known.rules.iter().position(|rule| rule.id == id) else { return Ok(()) };
        let old = By::Rule(u32::try_from(old).unwrap_or(u32::MAX));
        let views = self.views_for_reading()?;
        let read = || Ok((query::streams_of_rule(&views, id)?, query::sessions(&views, 0)?));
        let (of_rule, sessions) = read().map_err(db::at(self.views_path()))?;
        let ids: BTreeMap<_, _> = sessions.into_iter().map(|of| (of.stream, of.id)).collect();
        let of_rule: Vec<_> = of_rule.into_iter().filter(|of| ids.contains_key(of)).collect();
        let mut reader = LedgerReader::open(self.dir())?;
        preview(&mut reader, (&views, self.views_path()), &of_rule, &mut |stream, seen| {
            if is_over() {
                trial.is_cut = true;
                return false;
            }
            let (alone, shared) = left_by(&seen, old, &new);
            trial.shared += shared;
            if let Some(id) = ids.get(&stream).filter(|_| alone > 0) {
                *trial.shown_again.entry(id.clone()).or_default() += alone;
            }
            true
        })?;
        Ok(())
    }
}

/// Passages of a text that a rule alone hides and its new form does not, and those that others hide, too.
fn left_by(seen: &SeenText, old: By, new: &Engine) -> (u64, u64) {
    let kept = new.masks(&seen.raw, &Context::default());
    let is_kept =
        |start: usize, end: usize| kept.iter().any(|mask| mask.start <= start && mask.end >= end);
    let mut left = (0, 0);
    for mask in seen.masks.iter().filter(|mask| mask.all.contains(&old)) {
        match is_kept(mask.start, mask.end) {
            true => {}
            false if mask.all.len() == 1 => left.0 += 1,
            false => left.1 += 1,
        }
    }
    left
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The rules after a change, and the id of the one that it is about.
fn changed(known: &RuleSet, change: &RuleChange) -> Result<(RuleSet, String)> {
    let mut rules = known.clone();
    let place = |id: &str| known.rules.iter().position(|rule| rule.id == id);
    let needed = |id: &str| {
        let missing = || AppError::new(ErrorKind::NotFound, format!("there is no rule `{id}`"));
        place(id).ok_or_else(missing)
    };
    let id = match change {
        RuleChange::Add(rule) => {
            let rule = checked(rule)?;
            if place(&rule.id).is_some() {
                let message = format!("there is a rule `{}` already", rule.id);
                return Err(AppError::new(ErrorKind::Usage, message));
            }
            rules.rules.insert(0, rule.clone());
            rule.id
        }
        RuleChange::Change(rule) => {
            let rule = checked(rule)?;
            let at = needed(&rule.id)?;
            rules.rules.splice(at..=at, [rule.clone()]);
            rule.id
        }
        RuleChange::Switch(id, on) => {
            let at = needed(id)?;
            rules.rules.iter_mut().skip(at).take(1).for_each(|rule| rule.enabled = *on);
            id.clone()
        }
        RuleChange::Remove(id) => {
            let at = needed(id)?;
            let shipped = builtin()?.rules.iter().find(|rule| rule.id == *id);
            if shipped.is_some_and(|shipped| known.rules.get(at) == Some(shipped)) {
                let message = format!("rule `{id}` comes with the program; switch it off instead");
                return Err(AppError::new(ErrorKind::Usage, message));
            }
            rules.rules.splice(at..=at, shipped.cloned());
            id.clone()
        }
    };
    let shipped = builtin()?;
    if rules.rules == shipped.rules {
        rules.name.clone_from(&shipped.name);
    } else if rules.name == shipped.name {
        rules.name.push_str(" with changes");
    }
    Ok((rules, id))
}

/// A rule that has passed the checks of a file of rules.
fn checked(rule: &Rule) -> Result<Rule> {
    let is_word = |id: &str| {
        !id.is_empty() && !id.contains(|c: char| c.is_whitespace() || c.is_control() || c == '`')
    };
    if !is_word(&rule.id) || rule.id.chars().count() > ID_MAX_CHARS {
        let message =
            format!("a rule needs a name of at most {ID_MAX_CHARS} characters, in one word");
        return Err(AppError::new(ErrorKind::Usage, message));
    }
    if rule.replacement.as_ref().is_some_and(|shown| shown.contains(char::is_control)) {
        let message = "what is shown instead has a line break or another control character";
        return Err(AppError::new(ErrorKind::Usage, message));
    }
    let file = serde_json::json!({ "extends": "none", "rules": [rule] }).to_string();
    let mut rules = parse_rules(&file, RuleFormat::Json, "rules")?.rules;
    rules.pop().ok_or_else(|| AppError::new(ErrorKind::Usage, "no rule is named"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, pattern: &str) -> Box<Rule> {
        serde_json::from_value(serde_json::json!({"id": id, "pattern": pattern})).unwrap()
    }

    fn refused(change: RuleChange) -> String {
        changed(builtin().unwrap(), &change).unwrap_err().message
    }

    #[test]
    fn a_change_touches_one_rule_and_says_what_is_wrong_with_it() {
        let known = builtin().unwrap();
        let (added, id) = changed(known, &RuleChange::Add(rule("berth", "berth-[0-9]+"))).unwrap();
        assert_eq!((added.rules[0].id.as_str(), &*id), ("berth", "berth"));
        assert_eq!(added.rules[1..], known.rules);
        let (again, _) = changed(&added, &RuleChange::Remove("berth".into())).unwrap();
        assert_eq!(again.rules, known.rules);
        let (other, _) = changed(known, &RuleChange::Change(rule("email", "@"))).unwrap();
        assert_eq!(weaker(known, &other).len(), 1);
        let (again, _) = changed(&other, &RuleChange::Remove("email".into())).unwrap();
        assert_eq!(again.rules, known.rules, "the one of the program is back in its place");
        let (off, _) = changed(known, &RuleChange::Switch("email".into(), false)).unwrap();
        assert_eq!(weaker(known, &off)[0].how, "is off");
        for (change, wanted) in [
            (RuleChange::Add(rule("email", "x")), "there is a rule `email` already"),
            (RuleChange::Add(rule("a b", "x")), "in one word"),
            (RuleChange::Add(rule("", "x")), "in one word"),
            (RuleChange::Add(rule("x", "(a")), "rule \"x\": "),
            (RuleChange::Add(rule("x", "")), "the pattern is empty"),
            (RuleChange::Add(rule("x", "a*")), "matches the empty text"),
            (RuleChange::Change(rule("none", "x")), "there is no rule `none`"),
            (RuleChange::Switch("none".into(), true), "there is no rule `none`"),
            (RuleChange::Remove("email".into()), "comes with the program"),
        ] {
            let message = refused(change);
            assert!(message.contains(wanted) && !message.contains("line"), "{message}");
        }
    }
}

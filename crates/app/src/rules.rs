//! The rules that hide passages: read, put in force, told.

mod judge;
mod trial;

pub use self::judge::{JudgedRule, JudgedRules, judge};
pub use self::trial::{RuleChange, RuleTrial};

use super::open::Notice;
use super::progress::Listener;
use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
use codex_ledger_db as db;
use codex_ledger_entry::{Kind, Seq};
use codex_ledger_ledger::{Controls, Ledger, LedgerReader};
use codex_ledger_projections::Decisions;
use codex_ledger_query as query;
use codex_ledger_redaction::{
    self as redaction, By, Engine, Rule, RuleFormat, RuleSet, RuleSetRecord, Weaker, builtin,
    check_examples, joined, weaker,
};

/// Reads a file of rules and makes sure that they can be used.
///
/// # Errors
/// When the text is no rule file, or a rule in it cannot be compiled.
pub fn parse_rules(text: &str, format: RuleFormat, name: &str) -> Result<RuleSet> {
    let rules = redaction::parse_rules(text, format, name)?;
    Engine::compile(&rules, &[])?;
    Ok(rules)
}

/// Makes sure that rules do on their own examples what these say.
///
/// # Errors
/// When one does not: it is named, its example is not, which may be a secret.
pub fn check_rules(rules: &RuleSet) -> Result<()> {
    // Those of the program hold theirs by its own tests.
    let is_own = |rule: &&Rule| builtin().is_ok_and(|known| !known.rules.contains(rule));
    match rules.rules.iter().filter(is_own).find(|rule| check_examples(rule).is_some()) {
        None => Ok(()),
        Some(rule) => {
            let message = format!("rule `{}` does not do what its examples say", rule.id);
            Err(AppError::new(ErrorKind::Usage, message).hint(Hint::TestRules))
        }
    }
}

/// What comes before everything that is read.
pub(super) struct Prelude {
    /// Kind and body of each entry.
    pub(super) entries: Vec<(Kind, Vec<u8>)>,
    /// The control entries so far.
    pub(super) controls: Controls,
}

/// A rule set, and what puts it in force.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesInForce {
    /// Its entry; `None` where the ledger names none.
    pub seq: Option<Seq>,
    /// The rules.
    pub rules: RuleSet,
}

impl App {
    /// The rule set in force; the built-in one where the ledger names none.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn rules(&self) -> Result<RulesInForce> {
        if !self.dir().join("HEAD").exists() {
            return Ok(RulesInForce { seq: None, rules: self.first_rules()? });
        }
        let mut reader = LedgerReader::open(self.dir())?;
        let end = reader.head().end();
        Ok(match Decisions::load(&mut reader, end)?.rule_set()? {
            Some((seq, record)) => RulesInForce { seq: Some(seq), rules: record.rules },
            None => RulesInForce { seq: None, rules: builtin()?.clone() },
        })
    }

    /// The rules that a new ledger gets.
    fn first_rules(&self) -> Result<RuleSet> {
        match &self.setup.rules {
            None => Ok(builtin()?.clone()),
            Some(rules) => rules.clone(),
        }
    }

    /// Puts a rule set in force; returns the seq of its entry, or `None` when it is in force already.
    ///
    /// # Errors
    /// When the ledger or the views cannot be written.
    pub fn set_rules(
        &self,
        rules: RuleSet,
        reason: &str,
        wide: bool,
        listener: Listener<'_>,
    ) -> Result<Option<Seq>> {
        let reason = self.reason(reason)?;
        Engine::compile(&rules, &[])?;
        let known = self.rules().ok();
        if let Some(RulesInForce { seq: Some(_), rules: known }) = &known
            && known.digest() == rules.digest()
        {
            return Ok(None);
        }
        if !wide {
            let is_known = |rule: &Rule| known.iter().any(|known| known.rules.rules.contains(rule));
            let new: Vec<Rule> = rules.rules.iter().filter(|r| !is_known(r)).cloned().collect();
            let ids: Vec<String> = new.iter().map(|rule| rule.id.clone()).collect();
            let new = RuleSet { rules: new, ..RuleSet::default() };
            self.check_width(&Engine::compile(&new, &[])?, &|by| {
                let id = match by {
                    By::Rule(index) => ids.get(index as usize),
                    By::Manual(_) => None,
                };
                format!("rule `{}`", id.map_or("", String::as_str))
            })?;
        }
        let body = self.rules_body(rules, reason)?;
        let seqs = self.decide(&[NewEntry::new(Kind::RuleSet, body)], listener)?;
        Ok(Some(seqs.from))
    }

    /// Passages that rules hide in the views.
    ///
    /// # Errors
    /// When there are no views.
    pub fn hidden_by_rules(&self) -> Result<u64> {
        let db = self.views_for_reading()?;
        Ok(query::hidden_by_rules(&db).map_err(db::at(self.views_path()))?)
    }

    /// Rules in force that a set lacks, or has in another form.
    ///
    /// # Errors
    /// When entries cannot be read.
    pub fn weaker_than_in_force(&self, rules: &RuleSet) -> Result<Vec<Weaker>> {
        Ok(match self.rules() {
            Ok(RulesInForce { seq: Some(_), rules: known }) => weaker(&known, rules),
            // Rules that this version cannot read are replaced so that anything can be shown again.
            Ok(_) => Vec::new(),
            Err(error) if error.kind == ErrorKind::Views => Vec::new(),
            Err(error) => return Err(error),
        })
    }

    /// Puts the configured rules in force where others are.
    pub(super) fn put_rules_in_force(&self, listener: Listener<'_>) -> Result<()> {
        let is_ledger = self.dir().join("HEAD").exists();
        if self.setup.rules.is_none() || !is_ledger || self.prelude()?.entries.is_empty() {
            return Ok(());
        }
        // What is in force is looked at again behind the lock.
        let mut ledger = self.open()?;
        self.ensure_rules(&mut ledger)?;
        self.update_views(listener)
    }

    /// Puts the program's rules in force in a ledger that names none, as an earlier version made it: views are
    /// never made without rules by oversight.
    pub(super) fn ensure_rules(&self, ledger: &mut Ledger) -> Result<()> {
        let entries = self.prelude()?.entries.into_iter();
        let drafts: Vec<NewEntry> = entries.map(|(kind, body)| NewEntry::new(kind, body)).collect();
        if !drafts.is_empty() {
            self.append_noted(ledger, &drafts)?;
        }
        Ok(())
    }

    /// The rule set that an append begins with, if it has to; and the control entries so far.
    pub(super) fn prelude(&self) -> Result<Prelude> {
        let mut reader = LedgerReader::open(self.dir())?;
        let controls = Controls::load(&mut reader)?;
        let (configured, reason) = match &self.setup.rules {
            Some(rules) => (rules.as_ref().map_err(Clone::clone)?, "the configured rules"),
            None if !controls.entries.iter().any(|entry| entry.kind == Kind::RuleSet) => {
                (builtin()?, "the rules that come with the program")
            }
            None => return Ok(Prelude { entries: Vec::new(), controls }),
        };
        let end = reader.head().end();
        let known = Decisions::load(&mut reader, end)?.rule_set()?.map(|(_, known)| known.rules);
        let rules = match known {
            // Who gives a reason may weaken rules, a file that lies somewhere may not.
            Some(known) => {
                let (rules, weaker) = joined(&known, configured);
                if !weaker.is_empty() {
                    self.say(Notice::RulesKept(weaker));
                    Engine::compile(&rules, &[])?;
                }
                if rules.digest() == known.digest() {
                    return Ok(Prelude { entries: Vec::new(), controls });
                }
                rules
            }
            None => {
                let weaker = weaker(builtin()?, configured);
                if !weaker.is_empty() {
                    self.say(Notice::RulesFewer(weaker));
                }
                configured.clone()
            }
        };
        let body = self.rules_body(rules, reason.into())?;
        Ok(Prelude { entries: vec![(Kind::RuleSet, body)], controls })
    }

    fn rules_body(&self, rules: RuleSet, reason: String) -> Result<Vec<u8>> {
        let record = RuleSetRecord { actor: self.setup.actor.clone(), reason, rules };
        record
            .encode()
            .ok_or_else(|| AppError::new(ErrorKind::Usage, "the rules cannot be written as JSON"))
    }
}

//! `redact rules test`: what rules find of what they should, and of what they should not.

use crate::door::{Done, Door, Result};
use codex_ledger::app::{RuleSet, check_examples};

pub fn run(door: &mut Door, rules: &RuleSet) -> Result<Done> {
    let failed: Vec<String> = rules
        .rules
        .iter()
        .filter_map(|rule| check_examples(rule).map(|why| format!("{}: {why}\n", rule.id)))
        .collect();
    door.print(&failed.concat())?;
    Ok(if failed.is_empty() { Done::Clean } else { Done::Findings })
}

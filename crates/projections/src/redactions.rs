//! `redactions`, `revocations`, `rule_sets`, `rules`, `redaction_hits`: what is hidden, by whom, and where.

use super::policy::Decisions;
use super::row::{At, Draft, Hidden, RowBuilder};
use codex_ledger_entry::Kind;
use codex_ledger_ledger::Control;
use codex_ledger_redaction::{
    By, Policy, RedactionRecord, RevocationRecord, RuleSet, RuleSetRecord,
};

const INSERT: &str = "INSERT OR REPLACE INTO redactions VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";
const INSERT_REVOCATION: &str = "INSERT OR REPLACE INTO revocations VALUES (?,?,?,?,?,?,?)";
const INSERT_RULE_SET: &str = "INSERT OR REPLACE INTO rule_sets VALUES (?,?,?,?,?,?,?,?,?)";
const CLEAR_HITS: &str = "DELETE FROM redaction_hits WHERE stream = ?1 AND seq = ?1";
const CLEAR_RULES: &str = "DELETE FROM rules";
const INSERT_RULE: &str = "INSERT INTO rules VALUES (?,?,?,?,?,?,?,?)";
const INSERT_HIT: &str = "INSERT INTO redaction_hits VALUES (?,?,?,?,?,?,?,?,?)
    ON CONFLICT DO UPDATE SET passages = passages + excluded.passages";

/// Writes all tables anew but for the hits; there are few entries of these kinds.
pub(super) fn all(policy: &Policy, decisions: &Decisions, out: &mut Vec<Draft>) {
    let rules_in_force = decisions.rule_set().ok().flatten().map(|(seq, _)| seq);
    for entry in &decisions.entries {
        let at = At::entry(entry.seq, entry.seq);
        let clear = RowBuilder::new(policy, "redactions", at, 1).number(entry.seq);
        out.push(clear.write(CLEAR_HITS));
        match entry.kind {
            Kind::Redaction => redaction(policy, decisions, entry, out),
            Kind::Revocation => revocation(policy, decisions, entry, out),
            _ => rule_set(policy, entry, rules_in_force == Some(entry.seq), out),
        }
    }
}

fn row<'p>(policy: &'p Policy, table: &'static str, entry: &Control) -> RowBuilder<'p> {
    RowBuilder::new(policy, table, At::entry(entry.seq, entry.seq), 12)
        .number(entry.seq)
        .label("id", Some(entry.id.to_string()))
        .number(entry.recorded_at / 1_000_000)
}

fn redaction(policy: &Policy, decisions: &Decisions, entry: &Control, out: &mut Vec<Draft>) {
    let Some(record) = RedactionRecord::decode(&entry.body) else { return };
    let ended_by = decisions.ended_by.get(&entry.seq);
    let row = row(policy, "redactions", entry)
        .text("actor", Some(&record.actor))
        .text("reason", Some(&record.reason))
        .word(record.what.scope())
        .id("target", Some(record.what.target()))
        .id("within", record.what.within())
        .label("field", record.what.field())
        .label("replacement", Some(&record.replacement))
        .number(u64::from(ended_by.is_none()))
        .int(ended_by.and_then(|seq| i64::try_from(*seq).ok()));
    out.push(row.write(INSERT));
}

fn revocation(policy: &Policy, decisions: &Decisions, entry: &Control, out: &mut Vec<Draft>) {
    let Some(record) = RevocationRecord::decode(&entry.body) else { return };
    let row = row(policy, "revocations", entry)
        .text("actor", Some(&record.actor))
        .text("reason", Some(&record.reason))
        .number(record.of)
        .number(u64::from(decisions.is_active(entry.seq)));
    out.push(row.write(INSERT_REVOCATION));
}

fn rule_set(policy: &Policy, entry: &Control, in_force: bool, out: &mut Vec<Draft>) {
    let Some(record) = RuleSetRecord::decode(&entry.body) else { return };
    let enabled = record.rules.rules.iter().filter(|rule| rule.enabled).count();
    let written = row(policy, "rule_sets", entry)
        .text("actor", Some(&record.actor))
        .text("reason", Some(&record.reason))
        .label("name", Some(&record.rules.name))
        .label("digest", Some(record.rules.digest()))
        .number(enabled as u64)
        .number(u64::from(in_force));
    out.push(written.write(INSERT_RULE_SET));
    if in_force {
        rules(policy, entry, &record.rules, out);
    }
}

fn rules(policy: &Policy, entry: &Control, set: &RuleSet, out: &mut Vec<Draft>) {
    let at = At::entry(entry.seq, entry.seq);
    out.push(RowBuilder::new(policy, "rules", at, 0).write(CLEAR_RULES));
    for (position, rule) in set.rules.iter().enumerate() {
        let row = RowBuilder::new(policy, "rules", at, 8)
            .number(position as u64)
            .label("id", Some(&rule.id))
            .word(rule.kind.name())
            .word(rule.severity.name())
            .word(rule.scope.name())
            .label("replacement", Some(rule.shown()))
            .number(u64::from(rule.enabled))
            .text("reason", rule.reason.as_deref());
        out.push(row.write(INSERT_RULE));
    }
}

/// The row of something that was hidden.
pub(super) fn hit(policy: &Policy, hidden: &Hidden) -> Draft {
    let (rule, redaction) = match hidden.by {
        By::Rule(index) => {
            (policy.rules().rules.get(index as usize).map(|rule| rule.id.as_str()), 0)
        }
        By::Manual(seq) => (None, seq),
    };
    RowBuilder::new(&Policy::none(), "redaction_hits", hidden.at, 9)
        .item(hidden.at)
        .label("field", Some(format!("{}.{}", hidden.table, hidden.column)))
        .label("rule", Some(rule.unwrap_or_default()))
        .number(redaction)
        .number(u64::from(hidden.passages))
        .write(INSERT_HIT)
}

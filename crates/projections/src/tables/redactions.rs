//! `redactions`, `revocations`, `rule_sets`, `rules`, `redaction_hits`: what is hidden, by whom, and where.

use crate::policy::Decisions;
use crate::row::{At, Draft, Hidden, RowBuilder};
use codex_ledger_entry::{Erasure, Kind, Seq};
use codex_ledger_ledger::Control;
use codex_ledger_redaction::{
    By, Form, Policy, RedactionRecord, RevocationRecord, RuleSet, RuleSetRecord,
};

const CLEAR_HITS: &str = "DELETE FROM redaction_hits WHERE stream = :seq AND seq = :seq";
const CLEAR: [&str; 4] = [
    "DELETE FROM redactions",
    "DELETE FROM revocations",
    "DELETE FROM rule_sets",
    "DELETE FROM erased_runs",
];
const CLEAR_RULES: &str = "DELETE FROM rules";
const INSERT_HIT: &str = "INSERT INTO redaction_hits
    (stream, line, part, item, seq, field, rule, redaction, form, passages)
    VALUES (:stream, :line, :part, :item, :seq, :field, :rule, :redaction, :form, :passages)
    ON CONFLICT DO UPDATE SET passages = passages + excluded.passages";

/// Writes all tables anew but for the hits; there are few entries of these kinds.
pub(crate) fn all(policy: &Policy, decisions: &Decisions, out: &mut Vec<Draft>) {
    // What was erased among them has no row any more.
    let first = At::entry(Seq::FIRST);
    out.extend(CLEAR.map(|sql| RowBuilder::new(policy, "redactions", first, 0).write(sql)));
    let rules_in_force = decisions.rule_set().ok().flatten().map(|(seq, _)| seq);
    for entry in &decisions.entries {
        let at = At::entry(entry.seq);
        let clear = RowBuilder::new(policy, "redactions", at, 1).seq("seq", entry.seq);
        out.push(clear.write(CLEAR_HITS));
        match entry.kind {
            Kind::Redaction => redaction(policy, decisions, entry, out),
            Kind::Revocation => revocation(policy, decisions, entry, out),
            Kind::RuleSet => rule_set(policy, entry, rules_in_force == Some(entry.seq), out),
            _ => erased_runs(policy, entry, out),
        }
    }
}

/// Removes what was said to be hidden in the row of an entry that was erased.
pub(crate) fn forget(policy: &Policy, seq: Seq, out: &mut Vec<Draft>) {
    out.push(
        RowBuilder::new(policy, "redactions", At::entry(seq), 1).seq("seq", seq).write(CLEAR_HITS),
    );
}

fn row<'p>(policy: &'p Policy, table: &'static str, entry: &Control) -> RowBuilder<'p> {
    RowBuilder::new(policy, table, At::entry(entry.seq), 12)
        .seq("seq", entry.seq)
        .label("id", Some(entry.id.to_string()))
        .number("recorded_at_ms", entry.recorded_at / 1_000_000)
}

fn redaction(policy: &Policy, decisions: &Decisions, entry: &Control, out: &mut Vec<Draft>) {
    let Some(record) = RedactionRecord::decode(&entry.body) else { return };
    let ended_by = decisions.ended_by.get(&entry.seq);
    let row = row(policy, "redactions", entry)
        .text("actor", Some(&record.actor))
        .text("reason", Some(&record.reason))
        .word("scope", record.what.scope())
        .id("target", Some(record.what.target()))
        .id("within", record.what.within())
        .label("field", record.what.field())
        .label("replacement", Some(&record.replacement))
        .number("active", u64::from(ended_by.is_none()))
        .int("revoked_by", ended_by.and_then(|seq| i64::try_from(seq.get()).ok()));
    out.push(row.replace());
}

fn revocation(policy: &Policy, decisions: &Decisions, entry: &Control, out: &mut Vec<Draft>) {
    let Some(record) = RevocationRecord::decode(&entry.body) else { return };
    let row = row(policy, "revocations", entry)
        .text("actor", Some(&record.actor))
        .text("reason", Some(&record.reason))
        .seq("of", record.of)
        .number("active", u64::from(decisions.is_active(entry.seq)));
    out.push(row.replace());
}

fn rule_set(policy: &Policy, entry: &Control, in_force: bool, out: &mut Vec<Draft>) {
    let Some(record) = RuleSetRecord::decode(&entry.body) else { return };
    let enabled = record.rules.rules.iter().filter(|rule| rule.enabled).count();
    let written = row(policy, "rule_sets", entry)
        .text("actor", Some(&record.actor))
        .text("reason", Some(&record.reason))
        .label("name", Some(&record.rules.name))
        .label("digest", Some(record.rules.digest()))
        .number("count", enabled as u64)
        .number("in_force", u64::from(in_force));
    out.push(written.replace());
    if in_force {
        rules(policy, entry, &record.rules, out);
    }
}

fn rules(policy: &Policy, entry: &Control, set: &RuleSet, out: &mut Vec<Draft>) {
    let at = At::entry(entry.seq);
    out.push(RowBuilder::new(policy, "rules", at, 0).write(CLEAR_RULES));
    for (position, rule) in set.rules.iter().enumerate() {
        let row = RowBuilder::new(policy, "rules", at, 8)
            .number("position", position as u64)
            .label("id", Some(&rule.id))
            .word("kind", rule.kind.name())
            .word("severity", rule.severity.name())
            .word("scope", rule.scope.name())
            .label("replacement", Some(rule.shown()))
            .number("enabled", u64::from(rule.enabled))
            .text("reason", rule.reason.as_deref());
        out.push(row.insert());
    }
}

/// The entries that an intent, or what says that it is done, takes.
fn erased_runs(policy: &Policy, entry: &Control, out: &mut Vec<Draft>) {
    let erasure = Erasure::decode(entry.seq, &entry.body).unwrap_or_default();
    for run in erasure.entries.runs() {
        let Some(last) = run.last() else { continue };
        let row = RowBuilder::new(policy, "erased_runs", At::entry(entry.seq), 4)
            .seq("first_seq", run.from)
            .seq("last_seq", last)
            .seq("by", entry.seq)
            .number("done", u64::from(entry.kind == Kind::EraseDone));
        out.push(row.replace());
    }
}

/// The row of something that was hidden.
pub(crate) fn hit(policy: &Policy, hidden: &Hidden) -> Draft {
    let (rule, redaction) = match hidden.hit.by {
        By::Rule(index) => {
            (policy.rules().rules.get(index as usize).map(|rule| rule.id.as_str()), 0)
        }
        By::Manual(seq) => (None, seq.get()),
    };
    RowBuilder::new(&Policy::none(), "redaction_hits", hidden.at, 10)
        .item(hidden.at)
        .label("field", Some(format!("{}.{}", hidden.table, hidden.column)))
        .label("rule", Some(rule.unwrap_or_default()))
        .number("redaction", redaction)
        .word("form", hidden.hit.form.map_or("", Form::name))
        .number("passages", u64::from(hidden.hit.passages))
        .write(INSERT_HIT)
}

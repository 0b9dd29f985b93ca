//! Repair: what would be lost, and a new ledger out of what verifies.

use super::progress::Listener;
use super::setup::App;
use super::status::HeadSummary;
use crate::error::{AppError, Result};
use crate::hint::Hint;
use codex_ledger_entry::{EntryId, Erasure, FieldsBuilder, Kind, Seq, SeqRange, StreamName};
use codex_ledger_ledger::{Addition, Control, LedgerError, Repair, Survey, lock_holder};
use codex_ledger_projections::ended_by;
use codex_ledger_redaction::{RedactionRecord, What};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// What a repair does, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct RepairReport {
    /// Whether the ledger needs one; what the next append mends by itself does not count.
    pub needed: bool,
    /// What HEAD says, where it can be read.
    pub before: Option<HeadSummary>,
    /// The end of what verifies.
    pub kept: HeadSummary,
    /// Entries that lie in a copy alone, and are taken from there.
    pub restored: u64,
    /// Entries that are lost.
    pub lost: Lost,
    /// Decisions behind the gap that are entered anew.
    pub carried: Vec<Carried>,
    /// Decisions behind the gap that cannot be, by seq.
    pub not_carried: Vec<Seq>,
    /// The head of the repaired ledger; `None` when nothing was done.
    pub head: Option<HeadSummary>,
    /// Where the damaged ledger lies now.
    pub damaged: Option<PathBuf>,
    /// Why the views could not be made anew, if they could not.
    pub views_error: Option<String>,
}

/// Entries that are lost.
#[derive(Clone, Debug, Serialize)]
pub struct Lost {
    /// The first one.
    pub from: Seq,
    /// One past the last one; equal to `from` when none are.
    pub to: Seq,
    /// How many of which kind could still be read, but not kept: they stand behind a gap.
    pub kinds: BTreeMap<&'static str, u64>,
    /// How many cannot be read at all.
    pub unreadable: u64,
}

/// A decision that is entered anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// Its seq in the damaged ledger.
    pub was: Seq,
    /// What it is.
    pub kind: &'static str,
    /// Whether it now hides the whole session, since the entry that it named is lost.
    pub widened: bool,
}

impl App {
    /// Says what a repair would keep and what it would lose; changes nothing.
    ///
    /// # Errors
    /// When there is no ledger, somebody writes to it, or nothing of it can be read.
    pub fn survey_damage(&self, copies: &[PathBuf]) -> Result<RepairReport> {
        if let Some(holder) = lock_holder(self.dir()) {
            let path = self.dir().join("LOCK");
            return Err(LedgerError::Locked { path, holder }.into());
        }
        let survey = self.survey(copies)?;
        Ok(report(&survey, &Carry::of(&survey)?))
    }

    fn survey(&self, copies: &[PathBuf]) -> Result<Survey> {
        Survey::of(self.dir(), copies).map_err(|error| {
            let is_nothing = matches!(error, LedgerError::Damaged { .. });
            let error = AppError::from(error);
            if is_nothing { error.hint(Hint::RestoreLedger) } else { error }
        })
    }

    /// Puts a ledger out of what verifies in the place of the damaged one, which is kept beside it.
    ///
    /// # Errors
    /// As [`App::survey_damage`], and when the copy cannot be written; the ledger then is as it was.
    pub fn repair(
        &self,
        reason: &str,
        copies: &[PathBuf],
        listener: Listener<'_>,
    ) -> Result<RepairReport> {
        let (setup, reason) = (&self.setup, &self.reason(reason)?);
        let repair =
            Repair::start(self.dir(), setup.world.clone(), &setup.holder, &self.patience())
                .map_err(|error| self.waited(error))?;
        let survey = self.survey(copies)?;
        let carry = Carry::of(&survey)?;
        let mut report = report(&survey, &carry);
        if !report.needed {
            return Ok(report);
        }
        let mut additions = vec![self.repair_action(&report, reason)];
        additions.extend(carry.additions);
        let done = repair.finish(&survey, &setup.holder, &additions)?;
        report.head = Some(HeadSummary::of(&done.head));
        // The views of the damaged ledger may hold words whose hiding was interrupted; they are made anew.
        for name in ["views.sqlite", "views.d"] {
            let path = done.damaged.join(name);
            let _ = if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
        }
        report.damaged = Some(done.damaged);
        report.views_error = self.rebuild_views(listener).err().map(|error| error.message);
        Ok(report)
    }

    fn repair_action(&self, report: &RepairReport, reason: &str) -> Addition {
        let before = report.before.as_ref().unwrap_or(&report.kept);
        let body = FieldsBuilder::default()
            .add("verb", "repair")
            .add("actor", &self.setup.actor)
            .add("reason", reason)
            .seq("lost_from", report.lost.from)
            .seq("lost_to", report.lost.to)
            .number("size", before.size)
            .add("head", &before.id)
            .add("root", &before.root)
            .finish();
        (Kind::Action, EntryId::default(), body)
    }
}

fn report(survey: &Survey, carry: &Carry) -> RepairReport {
    let SeqRange { from, end: to } = survey.lost();
    RepairReport {
        needed: !survey.is_sound,
        before: survey.head.as_ref().map(HeadSummary::of),
        kept: HeadSummary::of_chain(&survey.kept),
        restored: survey.restored(),
        lost: Lost { from, to, kinds: survey.lost_kinds.clone(), unreadable: survey.unreadable() },
        carried: carry.carried.clone(),
        not_carried: carry.not_carried.clone(),
        head: None,
        damaged: None,
        views_error: None,
    }
}

/// What stands behind the gap and must not be forgotten, so that nothing that was hidden shows.
#[derive(Default)]
struct Carry {
    additions: Vec<Addition>,
    carried: Vec<Carried>,
    not_carried: Vec<Seq>,
}

impl Carry {
    fn of(survey: &Survey) -> Result<Carry> {
        let kept = survey.kept.end();
        let ended = ended_by(&survey.controls);
        let (before, behind): (Vec<&Control>, Vec<&Control>) =
            survey.controls.iter().partition(|control| control.seq < kept);
        // One that was erased is void.
        let in_force = behind
            .iter()
            .filter(|control| !control.body.is_empty() && !ended.contains_key(&control.seq));
        let redactions: Vec<(&Control, Option<RedactionRecord>)> = in_force
            .clone()
            .filter(|control| control.kind == Kind::Redaction)
            .map(|control| (*control, RedactionRecord::decode(&control.body)))
            .collect();
        let lost = |record: &RedactionRecord| record.what.seq().filter(|seq| *seq >= kept);
        let lost: Vec<Seq> = redactions.iter().filter_map(|(_, r)| lost(r.as_ref()?)).collect();
        let streams = survey.stream_names(&lost)?;
        let mut carry = Carry::default();
        let rules = survey.controls.iter().rev().find(|control| control.kind == Kind::RuleSet);
        if let Some(rules) = rules.filter(|rules| rules.seq >= kept) {
            carry.add(rules, EntryId::default(), rules.body.clone(), false);
        }
        for (control, record) in redactions {
            match anew(control, record, kept, &streams) {
                Some((body, widened)) => carry.add(control, EntryId::default(), body, widened),
                None => carry.not_carried.push(control.seq),
            }
        }
        // What is gone of the entries that are kept was erased: an entry has to say so. Where its intent is kept, the
        // erasure is ended anew.
        let is_ended_anew = |control: &Control| before.iter().any(|of| of.id == control.reference);
        let ends = behind.iter().filter(|control| control.kind == Kind::EraseDone);
        for control in ends.filter(|control| !is_ended_anew(control)) {
            if let Some(body) = erased_before(control, kept) {
                carry.add(control, control.reference, body, false);
            }
        }
        // What ends a revocation that is kept makes a redaction hide again.
        for control in in_force.filter(|control| control.kind == Kind::Revocation) {
            let ends = before.iter().find(|kept| kept.id == control.reference);
            if ends.is_some_and(|of| of.kind == Kind::Revocation) {
                carry.add(control, control.reference, control.body.clone(), false);
            }
        }
        Ok(carry)
    }

    fn add(&mut self, control: &Control, reference: EntryId, body: Vec<u8>, widened: bool) {
        self.additions.push((control.kind, reference, body));
        self.carried.push(Carried { was: control.seq, kind: control.kind.name(), widened });
    }
}

/// What is said to be erased, as far as it lies before the gap.
fn erased_before(control: &Control, kept: Seq) -> Option<Vec<u8>> {
    let Erasure { entries, threads } = Erasure::decode(control.seq, &control.body)?;
    let behind = entries.bounds().map_or(kept, |(_, last)| last.next().max(kept));
    let entries = entries.without(&SeqRange::new(kept, behind).into());
    let software = concat!("codex-ledger ", env!("CARGO_PKG_VERSION"));
    (!entries.is_empty()).then(|| Erasure { entries, threads }.done(software))
}

/// The body of a redaction as it is entered again. One that names a lost entry hides all of its session: the same
/// line comes back under another number.
fn anew(
    control: &Control,
    record: Option<RedactionRecord>,
    kept: Seq,
    streams: &BTreeMap<Seq, StreamName>,
) -> Option<(Vec<u8>, bool)> {
    let Some(record) = record else { return Some((control.body.clone(), false)) };
    let Some(seq) = record.what.seq().filter(|seq| *seq >= kept) else {
        return Some((control.body.clone(), false));
    };
    let id = match (&record.what, streams.get(&seq)) {
        (What::Prompt { session, .. }, _) => session.clone(),
        (_, Some(StreamName::Rollout { thread, .. })) => thread.clone(),
        _ => return None,
    };
    Some((RedactionRecord { what: What::Session { id }, ..record }.encode(), true))
}

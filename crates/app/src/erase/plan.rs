//! What an erasure takes, once it is certain that it may.

use super::holds::{Hold, holds_in_force};
use super::{ErasedSource, ErasurePlan, erased_by, path_of};
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{ErasureHint, Hint, NameHint};
use crate::redact::usage;
use crate::setup::App;
use codex_ledger_entry::{Erasure, Kind, Seq, SeqSet, StreamName, thread_hash};
use codex_ledger_ledger::{Controls, LedgerReader};
use codex_ledger_projections::{Decisions, Sought, Trace, Traces, Why, traces};
use std::collections::{BTreeMap, BTreeSet};

impl App {
    /// Refuses what cannot be erased, and what is held.
    fn check_erasable(
        &self,
        reader: &mut LedgerReader,
        sought: &Sought,
        traces: &Traces,
    ) -> Result<()> {
        let size = reader.head().size();
        if let Sought::Entry(seq) = sought
            && traces.found.is_empty()
        {
            return Err(self.not_erasable(reader, *seq, size)?);
        }
        if traces.found.is_empty() && !matches!(sought, Sought::Expired { .. }) {
            let message =
                "nothing in the ledger holds it: it was never there, or is erased already";
            return Err(AppError::new(ErrorKind::NotFound, message));
        }
        let holds = holds_in_force(&traces.holds);
        for trace in &traces.found {
            self.check_kind(reader, sought, trace)?;
            if let Some(hold) = self.holds_it(reader, &holds, traces, trace)? {
                let Hold { seq: by, .. } = hold;
                let message = format!("entry {} is held by entry {by}, {}", trace.seq, hold.said());
                return Err(AppError::new(ErrorKind::Held, message)
                    .hint(Hint::Erasure(ErasureHint::ReleaseHold { seq: hold.seq })));
            }
        }
        Ok(())
    }

    /// Why nothing was found of an entry.
    fn not_erasable(&self, reader: &mut LedgerReader, seq: Seq, size: u64) -> Result<AppError> {
        let Some(entry) = reader.control(seq)? else {
            let message = format!("there is no entry {seq}: the ledger has {size}");
            return Ok(AppError::new(ErrorKind::NotFound, message)
                .hint(Hint::Name(NameHint::SeqsFromZero)));
        };
        let controls = Controls::load(reader)?;
        let by = erased_by(&controls, entry.seq);
        let message = match by {
            Some(by) => format!("entry {seq} is erased already, by entry {by}"),
            None => format!("entry {seq} cannot be read"),
        };
        Ok(AppError::new(ErrorKind::NotFound, message))
    }

    fn check_kind(&self, reader: &mut LedgerReader, sought: &Sought, trace: &Trace) -> Result<()> {
        let Trace { seq, kind, .. } = *trace;
        let refuse = |message: String, hint| Err(usage(message, hint));
        let is_whole = matches!(sought, Sought::Thread(_) | Sought::Expired { .. });
        match kind {
            _ if !kind.is_erasable() => {
                let message = format!("entry {seq} is of kind {} and stays", kind.name());
                refuse(message, Hint::Name(NameHint::RecordSeqs))
            }
            Kind::Stream if !is_whole => {
                let message = format!(
                    "entry {seq} names the file of a session, or says where it lies: it goes with the whole session only"
                );
                refuse(message, Hint::Erasure(ErasureHint::WholeSession))
            }
            Kind::RuleSet if self.rules_in_force(reader)? == Some(seq) => {
                refuse(format!("entry {seq} is the rule set in force"), Hint::SetRules)
            }
            _ => Ok(()),
        }
    }

    fn rules_in_force(&self, reader: &mut LedgerReader) -> Result<Option<Seq>> {
        let end = reader.head().end();
        Ok(Decisions::load(reader, end)?.rule_set()?.map(|(seq, _)| seq))
    }

    /// A text that the rules in force say, too, goes everywhere else.
    fn leave_rules(&self, reader: &mut LedgerReader, traces: &mut Traces) -> Result<Option<Seq>> {
        let in_force = self.rules_in_force(reader)?;
        let says = |seq: &Seq| traces.found.iter().any(|trace| trace.seq == *seq);
        let stays = in_force.filter(says);
        traces.found.retain(|trace| Some(trace.seq) != stays);
        Ok(stays)
    }

    /// Of new entries of threads that were erased, those that no hold keeps.
    pub(super) fn not_held(&self, entries: SeqSet) -> Result<SeqSet> {
        let mut reader = LedgerReader::open(self.dir())?;
        let holds = self.holds()?;
        let mut free = SeqSet::default();
        for seq in entries.iter() {
            let body = reader.control(seq)?.map(|entry| entry.body).unwrap_or_default();
            let names = |id: &String| memchr::memmem::find(&body, id.as_bytes()).is_some();
            if !holds.iter().any(|hold| hold.is_of_all || hold.ids.iter().any(names)) {
                free.insert(seq);
            }
        }
        Ok(free)
    }

    /// A retention leaves what is held, until it is not.
    fn leave_held(&self, reader: &mut LedgerReader, traces: &mut Traces) -> Result<Vec<Seq>> {
        let holds = holds_in_force(&traces.holds);
        let mut held = Vec::new();
        for trace in &traces.found {
            if self.holds_it(reader, &holds, traces, trace)?.is_some() {
                held.push(trace.seq);
            }
        }
        traces.found.retain(|trace| held.binary_search(&trace.seq).is_err());
        Ok(held)
    }

    /// The hold in force that an entry falls under.
    fn holds_it<'h>(
        &self,
        reader: &mut LedgerReader,
        holds: &'h [Hold],
        traces: &Traces,
        trace: &Trace,
    ) -> Result<Option<&'h Hold>> {
        let source = traces.sources.get(&trace.stream).map(|source| &source.name);
        let is_side = matches!(source, Some(StreamName::History(_) | StreamName::Index(_)))
            || source.is_none();
        let body = match is_side && holds.iter().any(|hold| !hold.ids.is_empty()) {
            true => reader.control(trace.seq)?.map(|entry| entry.body).unwrap_or_default(),
            false => Vec::new(),
        };
        Ok(holds.iter().find(|hold| {
            let is_of = |id: &String| match source {
                Some(StreamName::Rollout { thread, .. }) => id.eq_ignore_ascii_case(thread),
                _ => memchr::memmem::find(&body, id.as_bytes()).is_some(),
            };
            hold.seq == trace.seq || hold.is_of_all || hold.ids.iter().any(is_of)
        }))
    }

    /// What goes, once it is certain that it may. Looks at the entries alone.
    pub(super) fn plan_of(&self, sought: &Sought) -> Result<ErasurePlan> {
        let reader = &mut LedgerReader::open(self.dir())?;
        let mut traces = traces(reader, sought)?;
        let held = match sought {
            Sought::Expired { .. } => self.leave_held(reader, &mut traces)?,
            _ => Vec::new(),
        };
        let stays_in_rules = match sought {
            Sought::Literal { .. } => self.leave_rules(reader, &mut traces)?,
            _ => None,
        };
        self.check_erasable(reader, sought, &traces)?;
        let mut plan = ErasurePlan {
            stays_named_in: traces.named_in_trail.clone(),
            held,
            stays_in_rules,
            unsearched: traces.unsearched.clone(),
            ..ErasurePlan::default()
        };
        let mut by_source: BTreeMap<(StreamName, Why), ErasedSource> = BTreeMap::new();
        let mut files = BTreeSet::new();
        for trace in &traces.found {
            plan.entries += 1;
            plan.bytes += trace.bytes;
            match trace.kind {
                Kind::Stream | Kind::Line | Kind::Document => {
                    let Some(source) = traces.sources.get(&trace.stream) else { continue };
                    files.insert(path_of(&source.path));
                    let place = (source.name.clone(), trace.why);
                    let of = by_source.entry(place).or_insert_with(|| ErasedSource {
                        kind: source.name.kind(),
                        thread: match &source.name {
                            StreamName::Rollout { thread, .. } => Some(thread.clone()),
                            _ => None,
                        },
                        why: trace.why,
                        entries: 0,
                        bytes: 0,
                    });
                    of.entries += 1;
                    of.bytes += trace.bytes;
                }
                Kind::Annotation => plan.reviews += 1,
                Kind::Redaction | Kind::Revocation | Kind::RuleSet => plan.void.push(trace.seq),
                _ => plan.trail.push(trace.seq),
            }
        }
        let entries: SeqSet = traces.found.iter().map(|trace| trace.seq).collect();
        let end = reader.head().end();
        plan.without_place = Decisions::load(reader, end)?.named_in(&entries)?;
        plan.without_place.retain(|seq| !entries.contains(*seq));
        plan.sources = by_source.into_values().collect();
        plan.files = files.into_iter().filter(|path| path.exists()).collect();
        let threads = match sought {
            Sought::Thread(ids) | Sought::Expired { ids, .. } => {
                let key = Controls::load(reader)?.key();
                let holds = holds_in_force(&traces.holds);
                // What a hold keeps may go on.
                let is_free =
                    |id: &&String| !holds.iter().any(|of| of.is_of_all || of.ids.contains(id));
                ids.iter().filter(is_free).map(|id| thread_hash(&key, id)).collect()
            }
            _ => Vec::new(),
        };
        plan.whole_sessions = u64::from(!threads.is_empty());
        plan.erasure = Erasure { entries, threads };
        Ok(plan)
    }
}

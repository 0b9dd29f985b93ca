//! How far a file copies its parent: told by its turns and records, once the ledger has both files.
//!
//! A copy holds the parent's records in order, with new times; clients leave some of them out, not always the
//! same ones. Turns keep their ids in a copy, so they tell more than the records. The answer depends on the
//! child and on all files of the parent's thread alone, so it is the same whichever of them came first.

use crate::replay::ReplayError;
use crate::replay::apply::Applier;
use crate::replay::lineage::created_ms;
use crate::replay::lines::each_known_line;
use crate::state::hash;
use codex_ledger_entry::StreamId;
use codex_ledger_rollout::{self as rollout, Identity};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Fewer equal records than this are no copy that could be told from chance: a header and one more.
const EQUAL_MIN: u64 = 2;

/// What a comparison with the parent has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    /// Line of the child behind the last record that is the parent's; none where the child itself tells it.
    end: Option<u64>,
    /// Whether more records of either file could change it.
    is_open: bool,
}

/// A copy whose end may have to be told anew.
struct Unsettled {
    child: StreamId,
    /// The stream under which the rows of the parent's thread stand.
    parent: StreamId,
    /// Line of the child at which the copy begins, where its structure tells that there is one.
    from_line: Option<u64>,
    /// When the child was created, UTC milliseconds.
    born_ms: i64,
    /// Whether the child has a turn that is younger than the thread, which is no copy.
    has_own_turn: bool,
    /// Whether its client gives ids to turns.
    has_turn_ids: bool,
}

/// What tells a record of one file from those of another.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    line: u64,
    identity: Identity,
    /// Hash of the id of the turn that it begins.
    turn: Option<u64>,
    /// When that turn was created, where its id tells it, UTC milliseconds.
    created_ms: Option<i64>,
}

impl Applier<'_> {
    /// Compares every copy that is not settled with its parent, and derives anew what that changes.
    pub(crate) fn settle_copies(&mut self) -> Result<(), ReplayError> {
        for unsettled in self.unsettled() {
            let Unsettled { child, parent, .. } = unsettled;
            let mut parents = Vec::new();
            for file in self.streams.thread(parent).to_vec() {
                parents.push(self.marks(file)?);
            }
            let told = unsettled.told(&self.marks(child)?, &parents);
            let Some(stream) = self.streams.get_mut(child) else { continue };
            stream.touched = true;
            let end = told.and_then(|told| told.end);
            if stream.state.copy_end != end {
                self.derive_anew(child, end)?;
            }
            if let Some(stream) = self.streams.get_mut(child) {
                stream.state.compared = Some((parent, told.is_none_or(|told| told.is_open)));
            }
        }
        Ok(())
    }

    fn unsettled(&self) -> Vec<Unsettled> {
        let grew = |id: StreamId| self.streams.get(id).is_some_and(|stream| stream.grew);
        let has_grown = |parent: StreamId| self.streams.files(parent).any(|file| file.grew);
        let has_several = |parent: StreamId| self.streams.thread(parent).len() > 1;
        let mut found = Vec::new();
        // A review copies nothing, and its turns are told in the parent's file too.
        for stream in self.streams.iter().filter(|stream| !stream.state.is_review) {
            let (child, state) = (stream.id, &stream.state);
            let (thread, from_line) = match (&state.copy_of, &state.parent) {
                (Some((thread, line)), _) => (thread, Some(*line)),
                (None, Some(thread)) => (thread, None),
                (None, None) => continue,
            };
            let parent = self.streams.rollout(thread);
            let is_own = |parent: &StreamId| self.streams.thread(*parent).contains(&child);
            let parent = parent.filter(|parent| !is_own(parent));
            let Some(parent) = parent else { continue };
            let is_due = match state.compared {
                // Another version of the parent's file may still show what the one before it has left out.
                Some((with, is_open)) => {
                    with != parent
                        || is_open && grew(child)
                        || (is_open || has_several(parent)) && has_grown(parent)
                }
                None => true,
            };
            if is_due {
                found.push(Unsettled {
                    child,
                    parent,
                    from_line,
                    born_ms: state.born_ms.unwrap_or(i64::MIN),
                    has_own_turn: state.has_own_turn,
                    has_turn_ids: state.has_turn_ids,
                });
            }
        }
        found
    }

    fn marks(&mut self, id: StreamId) -> Result<Vec<Mark>, ReplayError> {
        let mut marks = Vec::new();
        let Some(stream) = self.streams.get(id) else { return Ok(marks) };
        each_known_line(self.reader, stream, &mut |line| {
            // One that was erased, or is too long, tells nothing.
            let nothing = Identity { hash: 0, is_left_out: true };
            let identity = line.body.map_or(nothing, rollout::identity);
            let turn = line.body.and_then(rollout::begun_turn);
            marks.push(Mark {
                line: line.start.line,
                identity,
                turn: turn.as_deref().map(hash),
                created_ms: turn.as_deref().and_then(created_ms),
            });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(marks)
    }
}

impl Unsettled {
    /// The ids of turns tell most; then the time of a turn, which the child's fold has seen; then the records.
    ///
    /// An answer is final only where no record that may still come to either file could change it: files are also
    /// read while they grow, and in any order.
    fn told(&self, child: &[Mark], parents: &[Vec<Mark>]) -> Option<Told> {
        let by_turns = by_turns(child, parents, self.born_ms);
        // Of a copy that began with a header, the parent may still show the turns.
        let is_open = self.from_line.is_some();
        let own = || self.has_own_turn.then_some(Told { end: None, is_open });
        let from_line = |from: u64| child.iter().position(|mark| mark.line >= from);
        let records = || {
            let child = child.get(from_line(self.from_line?)?..)?;
            let told = parents.iter().filter_map(|parent| compare(child, parent));
            let told = told.max_by_key(|told| (told.end, told.is_open))?;
            Some(Told { is_open: told.is_open || self.has_turn_ids, ..told })
        };
        by_turns.or_else(own).or_else(records)
    }
}

/// Where the first turn is the parent's, the copy ends before the first one that is not.
fn by_turns(child: &[Mark], parents: &[Vec<Mark>], born_ms: i64) -> Option<Told> {
    let of_parent: HashSet<u64> = parents.iter().flatten().filter_map(|mark| mark.turn).collect();
    let is_parents = |mark: &&Mark| mark.turn.is_none_or(|turn| of_parent.contains(&turn));
    let first = child.iter().find(|mark| mark.turn.is_some())?;
    let behind = child.iter().find(|mark| !is_parents(mark));
    let last = child.last()?.line + 1;
    let is_own = |mark: &Mark| mark.created_ms.is_some_and(|created_ms| created_ms >= born_ms);
    is_parents(&first).then_some(Told {
        end: Some(behind.map_or(last, |mark| mark.line)),
        // One that the parent does not have yet may be the parent's all the same.
        is_open: !behind.is_some_and(is_own),
    })
}

/// Walks both files as long as the child's records are the parent's.
fn compare(child: &[Mark], parent: &[Mark]) -> Option<Told> {
    let mut rest = parent;
    let mut equal = 0;
    let mut end = child.first()?.line;
    for mark in child.iter().filter(|mark| mark.identity.hash != 0) {
        let hash = mark.identity.hash;
        let is_skipped = |of: &&Mark| of.identity.is_left_out && of.identity.hash != hash;
        let skipped = rest.iter().take_while(is_skipped).count();
        match rest.get(skipped) {
            Some(of) if of.identity.hash == hash => {
                rest = rest.get(skipped + 1..).unwrap_or_default();
                equal += 1;
                end = mark.line + 1;
            }
            next => {
                let told = Told { end: Some(end), is_open: next.is_none() };
                return (equal >= EQUAL_MIN).then_some(told);
            }
        }
    }
    (equal >= EQUAL_MIN).then_some(Told { end: Some(end), is_open: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(names: &str) -> Vec<Mark> {
        let of = |(line, name): (usize, char)| {
            let identity = Identity { hash: name as u64, is_left_out: name.is_lowercase() };
            Mark { line: line as u64, identity, ..Mark::default() }
        };
        names.chars().enumerate().map(of).collect()
    }

    fn told(child: &str, parent: &str) -> Option<(u64, bool)> {
        compare(&records(child), &records(parent)).map(|told| (told.end.unwrap(), told.is_open))
    }

    /// Digits are turns, other records are dots.
    fn turns(names: &str) -> Vec<Mark> {
        let of = |(line, name): (usize, char)| {
            let turn = name.to_digit(10).map(u64::from);
            let created_ms = turn.map(|turn| turn as i64);
            Mark { line: line as u64, turn, created_ms, ..Mark::default() }
        };
        names.chars().enumerate().map(of).collect()
    }

    #[test]
    fn a_copy_ends_before_the_first_turn_that_is_not_the_parents() {
        let told = |child: &str, parent: &str| {
            let told = by_turns(&turns(child), &[turns(parent)], 3);
            told.map(|told| (told.end.unwrap(), told.is_open))
        };
        assert_eq!(told("..1..2.3..", ".1...2..4"), Some((7, false)));
        assert_eq!(told("..1..2.", ".1...2..4"), Some((7, true)), "the child may go on");
        assert_eq!(told("..1..2.3..", ".1..."), Some((5, true)), "the parent may go on");
        assert_eq!(told("..3..1.", ".1...2..4"), None, "it begins with a turn of its own");
        assert_eq!(told("....", ".1..."), None, "no turns, no word");
    }

    #[test]
    fn a_copy_goes_as_far_as_the_records_are_the_parents() {
        assert_eq!(told("HABXY", "HABCD"), Some((3, false)));
        assert_eq!(told("HABXY", "HaAbBC"), Some((3, false)));
        assert_eq!(told("HAB", "HABC"), Some((3, true)), "the child may go on");
        assert_eq!(told("HABX", "HAB"), Some((3, true)), "the parent may go on");
        assert_eq!(told("HX", "HA"), None, "a header alone says nothing");
        assert_eq!(told("", "HA"), None);
    }
}

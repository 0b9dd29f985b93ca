//! How far a file copies its parent: told by the records themselves, once the ledger has both files.
//!
//! A copy holds the parent's records in order, with new times; the parent's file may hold events between
//! them that copies leave out. The answer depends on the two files alone, so it is the same whichever of
//! them came first.

use crate::replay::ReplayError;
use crate::replay::apply::Applier;
use crate::replay::lines::each_known_line;
use codex_ledger_rollout::{self as rollout, Identity};

/// Fewer equal records than this are no copy that could be told from chance: a header and one more.
const EQUAL_MIN: u64 = 2;

/// What a comparison with the parent has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    /// Line of the child behind the last record that is the parent's.
    end: u64,
    /// Whether more records of either file could change it.
    is_open: bool,
}

/// A copy whose end may have to be told anew.
struct Unsettled {
    child: u64,
    parent: u64,
    /// Line of the child at which the copy begins.
    from_line: u64,
}

impl Applier<'_> {
    /// Compares every copy that is not settled with its parent, and derives anew what that changes.
    pub(crate) fn settle_copies(&mut self) -> Result<(), ReplayError> {
        for Unsettled { child, parent, from_line } in self.unsettled() {
            let of_child = self.identities(child, from_line)?;
            let of_parent = self.identities(parent, 0)?;
            let told = compare(&of_child, &of_parent);
            let Some(stream) = self.streams.get_mut(child) else { continue };
            stream.touched = true;
            let end = told.map(|told| told.end);
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
        let grew = |id: u64| self.streams.get(id).is_some_and(|stream| stream.grew);
        let mut found = Vec::new();
        for stream in self.streams.current() {
            let child = stream.id;
            let Some((thread, from_line)) = &stream.state.copy_of else { continue };
            let parent = self.streams.rollout(thread).filter(|parent| *parent != child);
            let Some(parent) = parent else { continue };
            let is_due = match stream.state.compared {
                Some((with, is_open)) => with != parent || is_open && (grew(child) || grew(parent)),
                None => true,
            };
            if is_due {
                found.push(Unsettled { child, parent, from_line: *from_line });
            }
        }
        found
    }

    /// What identifies each record of a stream from that line on.
    fn identities(&mut self, id: u64, from_line: u64) -> Result<Vec<(u64, Identity)>, ReplayError> {
        let mut identities = Vec::new();
        let Some(stream) = self.streams.get(id) else { return Ok(identities) };
        each_known_line(self.reader, stream, &mut |line| {
            let at = line.start.line;
            if at >= from_line {
                identities.push((at, line.body.map(rollout::identity).unwrap_or_default()));
            }
            Ok(())
        })?;
        Ok(identities)
    }
}

/// Walks both files as long as the child's records are the parent's.
fn compare(child: &[(u64, Identity)], parent: &[(u64, Identity)]) -> Option<Told> {
    let mut rest = parent;
    let mut equal = 0;
    let mut end = child.first()?.0;
    for (line, identity) in child.iter().filter(|(_, identity)| identity.hash != 0) {
        let skipped = rest.iter().take_while(|(_, of)| of.is_left_out && of.hash != identity.hash);
        let skipped = skipped.count();
        match rest.get(skipped) {
            Some((_, of)) if of.hash == identity.hash => {
                rest = rest.get(skipped + 1..).unwrap_or_default();
                equal += 1;
                end = line + 1;
            }
            next => {
                let told = Told { end, is_open: next.is_none() };
                return (equal >= EQUAL_MIN).then_some(told);
            }
        }
    }
    (equal >= EQUAL_MIN).then_some(Told { end, is_open: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(names: &str) -> Vec<(u64, Identity)> {
        let of = |(line, name): (usize, char)| {
            let identity = Identity { hash: name as u64, is_left_out: name.is_lowercase() };
            (line as u64, identity)
        };
        names.chars().enumerate().map(of).collect()
    }

    fn told(child: &str, parent: &str) -> Option<(u64, bool)> {
        compare(&records(child), &records(parent)).map(|told| (told.end, told.is_open))
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

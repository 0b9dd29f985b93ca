//! Sets of entries, kept and written as runs: what belongs together stands together in a ledger.

use super::seq::{Seq, SeqRange};
use std::fmt;
use std::str::FromStr;

/// A set of entries: runs in order, none empty, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeqSet(Vec<SeqRange>);

/// A text that is no set of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of entries")]
pub struct SeqSetError;

impl SeqSet {
    /// Adds one entry; cheap when it comes behind all others.
    pub fn insert(&mut self, seq: Seq) {
        match self.0.last_mut() {
            Some(last) if last.end == seq => last.end = seq.next(),
            Some(last) if last.end > seq => {
                if !self.contains(seq) {
                    let all = self.0.drain(..).chain([SeqRange::counted(seq, 1)]).collect();
                    *self = SeqSet::of_runs(all);
                }
            }
            _ => self.0.push(SeqRange::counted(seq, 1)),
        }
    }

    fn of_runs(mut runs: Vec<SeqRange>) -> SeqSet {
        runs.retain(|run| !run.is_empty());
        runs.sort_by_key(|run| run.from);
        let mut set = SeqSet::default();
        for run in runs {
            match set.0.last_mut() {
                Some(last) if last.end >= run.from => last.end = last.end.max(run.end),
                _ => set.0.push(run),
            }
        }
        set
    }

    /// Whether an entry is in it.
    pub fn contains(&self, seq: Seq) -> bool {
        let before = self.0.partition_point(|run| run.end <= seq);
        self.0.get(before).is_some_and(|run| run.contains(seq))
    }

    /// Whether any entry of a run is in it.
    pub fn meets(&self, run: SeqRange) -> bool {
        let before = self.0.partition_point(|own| own.end <= run.from);
        self.0.get(before).is_some_and(|own| own.from < run.end)
    }

    /// Its runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = SeqRange> + '_ {
        self.0.iter().copied()
    }

    /// Its entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = Seq> + '_ {
        self.runs().flat_map(SeqRange::iter)
    }

    /// Count of entries.
    pub fn len(&self) -> u64 {
        self.runs().map(SeqRange::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first and the last entry.
    pub fn bounds(&self) -> Option<(Seq, Seq)> {
        Some((self.0.first()?.from, self.0.last()?.last()?))
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &SeqSet) -> SeqSet {
        SeqSet::of_runs(self.runs().chain(other.runs()).collect())
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn without(&self, other: &SeqSet) -> SeqSet {
        let mut left = SeqSet::default();
        let mut others = other.runs().peekable();
        for run in self.runs() {
            let mut from = run.from;
            while from < run.end {
                while others.next_if(|other| other.end <= from).is_some() {}
                let (end, next) = match others.peek() {
                    Some(other) if other.from <= from => (from, other.end.min(run.end)),
                    Some(other) if other.from < run.end => (other.from, other.from),
                    _ => (run.end, run.end),
                };
                left.0.extend(Some(SeqRange::new(from, end)).filter(|run| !run.is_empty()));
                from = next;
            }
        }
        left
    }
}

impl From<SeqRange> for SeqSet {
    fn from(run: SeqRange) -> SeqSet {
        SeqSet::of_runs(vec![run])
    }
}

impl FromIterator<SeqRange> for SeqSet {
    fn from_iter<I: IntoIterator<Item = SeqRange>>(runs: I) -> SeqSet {
        SeqSet::of_runs(runs.into_iter().collect())
    }
}

impl FromIterator<Seq> for SeqSet {
    fn from_iter<I: IntoIterator<Item = Seq>>(seqs: I) -> SeqSet {
        SeqSet::of_runs(seqs.into_iter().map(|seq| SeqRange::counted(seq, 1)).collect())
    }
}

/// `5 17-80`: numbers, and first and last numbers of runs.
impl fmt::Display for SeqSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, run) in self.runs().enumerate() {
            let space = if nth > 0 { " " } else { "" };
            match run.last() {
                Some(last) if last > run.from => write!(f, "{space}{}-{last}", run.from)?,
                _ => write!(f, "{space}{}", run.from)?,
            }
        }
        Ok(())
    }
}

/// Reads what is written so, and nothing else: one set has one text.
impl FromStr for SeqSet {
    type Err = SeqSetError;

    fn from_str(text: &str) -> Result<SeqSet, SeqSetError> {
        let mut set = SeqSet::default();
        for run in text.split(' ').filter(|_| !text.is_empty()) {
            let (from, last) = run.split_once('-').unwrap_or((run, run));
            let number = |text: &str| text.parse::<Seq>().map_err(|_| SeqSetError);
            let run = SeqRange::new(number(from)?, number(last)?.next());
            set.0.push(run);
        }
        match set.to_string() == text && set == SeqSet::of_runs(set.0.clone()) {
            true => Ok(set),
            false => Err(SeqSetError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(seqs: &BTreeSet<u64>) -> SeqSet {
        seqs.iter().copied().map(Seq::new).collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set(a: BTreeSet<u8>, b: BTreeSet<u8>, order: Vec<u8>) {
            let (a, b): (BTreeSet<u64>, BTreeSet<u64>) =
                (a.into_iter().map(u64::from).collect(), b.into_iter().map(u64::from).collect());
            let (x, y) = (set(&a), set(&b));
            prop_assert_eq!(x.union(&y), set(&(&a | &b)));
            prop_assert_eq!(x.without(&y), set(&(&a - &b)));
            prop_assert_eq!(x.len(), a.len() as u64);
            prop_assert!((0..300).all(|seq| x.contains(Seq::new(seq)) == a.contains(&seq)));
            prop_assert_eq!(x.meets(SeqRange::new(Seq::new(9), Seq::new(20))), a.range(9..20).next().is_some());
            prop_assert_eq!(x.to_string().parse::<SeqSet>(), Ok(x));
            let mut one_by_one = SeqSet::default();
            order.iter().for_each(|seq| one_by_one.insert(Seq::new(u64::from(*seq))));
            prop_assert_eq!(one_by_one, set(&order.iter().copied().map(u64::from).collect()));
        }

        #[test]
        fn another_text_of_a_set_is_none(text in "[0-9 -]{0,12}") {
            if let Ok(set) = text.parse::<SeqSet>() {
                prop_assert_eq!(set.to_string(), text);
            }
        }
    }

    #[test]
    fn runs_are_written_by_their_ends() {
        let written: SeqSet = [5, 17, 18, 19, 21].map(Seq::new).into_iter().collect();
        assert_eq!(written.to_string(), "5 17-19 21");
        for wrong in ["5-5", "17 5", "5 6", "5-4", "5-7 7", " 5", "5 ", "+5", "05", "x", "5-"] {
            assert_eq!(wrong.parse::<SeqSet>(), Err(SeqSetError), "{wrong}");
        }
    }
}

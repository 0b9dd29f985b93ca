//! The numbers by which entries and streams are known: types, so that one is never taken for the other.
//!
//! There is no arithmetic with bare numbers here. A count becomes a place only through [`Seq::plus`] and
//! two places become a count only through [`Seq::since`], so that it shows where a number changes its meaning.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::{fmt, num::ParseIntError, str::FromStr};

/// The number of an entry in the ledger: from 0, without gaps.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Encode,
    Decode,
)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// The first entry of every ledger.
    pub const FIRST: Seq = Seq(0);

    /// Greater than the number of any entry: bytes that claim more entries than fit stop here.
    pub const MAX: Seq = Seq(u64::MAX);

    /// Takes a number that was read or counted for what it is.
    pub const fn new(number: u64) -> Seq {
        Seq(number)
    }

    /// The plain number, for bytes, SQL and the terminal.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The entry after this one.
    pub const fn next(self) -> Seq {
        self.plus(1)
    }

    /// The entry before this one; `None` before the first.
    pub fn previous(self) -> Option<Seq> {
        self.0.checked_sub(1).map(Seq)
    }

    /// The entry that comes `count` entries later; [`Seq::MAX`] where there is no such number.
    pub const fn plus(self, count: u64) -> Seq {
        Seq(self.0.saturating_add(count))
    }

    /// Count of entries from `earlier` up to this one; 0 when `earlier` comes later.
    pub const fn since(self, earlier: Seq) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As it stands in bytes: an order of the bytes is an order of the entries.
    pub const fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// Reads what [`Seq::to_be_bytes`] wrote.
    pub const fn from_be_bytes(bytes: [u8; 8]) -> Seq {
        Seq(u64::from_be_bytes(bytes))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// As in the names of files: 16 digits sort as numbers do.
impl fmt::LowerHex for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl FromStr for Seq {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Seq, ParseIntError> {
        text.parse().map(Seq)
    }
}

/// The number of a stream in the ledger: that of the entry which opened it.
///
/// Entries that belong to no stream carry the number that their own seq gives; [`StreamName`](crate::StreamName) says
/// what a stream is called.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Encode,
    Decode,
)]
#[serde(transparent)]
pub struct StreamId(Seq);

impl StreamId {
    /// Takes a number that was read for what it is.
    pub const fn new(number: u64) -> StreamId {
        StreamId(Seq(number))
    }

    /// The stream that an entry opens.
    pub const fn opened_by(seq: Seq) -> StreamId {
        StreamId(seq)
    }

    /// The entry that opened the stream.
    pub const fn opener(self) -> Seq {
        self.0
    }

    /// The plain number, for bytes, SQL and the terminal.
    pub const fn get(self) -> u64 {
        self.0.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Consecutive entries: `from` is the first of them, `end` comes after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub struct SeqRange {
    /// The first entry.
    pub from: Seq,
    /// The entry after the last.
    pub end: Seq,
}

impl SeqRange {
    /// From `from` up to, but without, `end`; empty when `end` does not come later.
    pub const fn new(from: Seq, end: Seq) -> SeqRange {
        SeqRange { from, end }
    }

    /// `count` entries from `from`.
    pub const fn counted(from: Seq, count: u64) -> SeqRange {
        SeqRange { from, end: from.plus(count) }
    }

    /// Count of entries.
    pub const fn len(self) -> u64 {
        self.end.since(self.from)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The last entry; `None` when there are none.
    pub fn last(self) -> Option<Seq> {
        self.end.previous().filter(|last| self.contains(*last))
    }

    /// Whether an entry is one of them.
    pub fn contains(self, seq: Seq) -> bool {
        self.from <= seq && seq < self.end
    }

    /// The entries in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Seq> {
        (self.from.0..self.end.0).map(Seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_neither_wrap_nor_fall_below_the_first() {
        assert_eq!(Seq::new(3).next(), Seq::new(4));
        assert_eq!(Seq::MAX.next(), Seq::MAX);
        assert_eq!(Seq::FIRST.previous(), None);
        assert_eq!((Seq::new(7).since(Seq::new(4)), Seq::new(4).since(Seq::new(7))), (3, 0));
    }

    #[test]
    fn text_is_the_plain_number() {
        assert_eq!(
            format!("{} {:>4} {:016x}", Seq::new(7), Seq::new(7), Seq::new(26)),
            "7    7 000000000000001a"
        );
        assert_eq!(StreamId::opened_by(Seq::new(7)).to_string(), "7");
        assert_eq!("12".parse(), Ok(Seq::new(12)));
    }

    #[test]
    fn a_range_holds_its_first_and_not_its_end() {
        let range = SeqRange::counted(Seq::new(2), 3);
        assert_eq!(range.iter().map(Seq::get).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(range.contains(range.from) && !range.contains(range.end));
        let none = SeqRange::new(Seq::new(5), Seq::new(2));
        assert!(none.is_empty() && none.iter().next().is_none() && range.len() == 3);
    }
}

//! Many leaves at once: the root of a tree out of whole ranges of its leaves, and the roots of what lies between them.

use crate::merkle::split;
use codex_ledger_entry::{TreeHash, node_hash};
use std::ops::Range;

/// What a tree is made of, where only ranges of its leaves are at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A leaf of a range.
    Leaf(u64),
    /// A subtree in which there is none.
    Missing(Range<u64>),
}

/// The root of the tree of that size; `each` gives the hash of every piece, from the left to the right. The ranges are in
/// order, apart from each other, and inside of the tree.
///
/// # Errors
/// As `each`.
pub fn root_of_pieces<E>(
    size: u64,
    ranges: &[Range<u64>],
    each: &mut dyn FnMut(Piece) -> Result<TreeHash, E>,
) -> Result<TreeHash, E> {
    part_root(0..size, ranges, each)
}

/// As deep as the tree is high, which is at most 64.
fn part_root<E>(
    part: Range<u64>,
    ranges: &[Range<u64>],
    each: &mut dyn FnMut(Piece) -> Result<TreeHash, E>,
) -> Result<TreeHash, E> {
    let inside = overlapping(&part, ranges);
    match part.end - part.start {
        _ if inside.is_empty() => each(Piece::Missing(part)),
        0 | 1 => each(Piece::Leaf(part.start)),
        len => {
            let middle = part.start + split(len);
            let left = part_root(part.start..middle, inside, each)?;
            let right = part_root(middle..part.end, inside, each)?;
            Ok(node_hash(&left, &right))
        }
    }
}

/// The subtrees in which no leaf of a range lies, from the left to the right. Does not look at each leaf.
pub fn missing_parts(size: u64, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut missing = Vec::new();
    add_missing(0..size, ranges, &mut missing);
    missing
}

fn add_missing(part: Range<u64>, ranges: &[Range<u64>], missing: &mut Vec<Range<u64>>) {
    let inside = overlapping(&part, ranges);
    match inside {
        [] => missing.push(part),
        [all] if all.start <= part.start && part.end <= all.end => {}
        _ => {
            let middle = part.start + split(part.end - part.start);
            add_missing(part.start..middle, inside, missing);
            add_missing(middle..part.end, inside, missing);
        }
    }
}

fn overlapping<'a>(part: &Range<u64>, ranges: &'a [Range<u64>]) -> &'a [Range<u64>] {
    let first = ranges.partition_point(|range| range.end <= part.start);
    let end = ranges.partition_point(|range| range.start < part.end);
    ranges.get(first..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::tests::Few;
    use std::slice::from_ref;

    /// All sets of ranges that three cuts make, of all small trees.
    #[test]
    fn every_choice_of_leaves_leads_to_the_root_and_misses_nothing() {
        let leaves = Few::new(24);
        for size in 1..=24_u64 {
            let root = leaves.mth(0..size);
            for bits in (1_u32..1 << size).step_by(1 + (1 << size) / 500) {
                let ranges = ranges_of(bits, size);
                let missing = missing_parts(size, &ranges);
                let mut hashes = missing.iter().map(|part| leaves.mth(part.clone()));
                let mut seen = Vec::new();
                let reached = root_of_pieces(size, &ranges, &mut |piece| match piece {
                    Piece::Leaf(index) => {
                        seen.push(index);
                        Ok(leaves.0[index as usize])
                    }
                    Piece::Missing(_) => hashes.next().ok_or(()),
                });
                assert_eq!(reached, Ok(root), "{size} {ranges:?}");
                assert!(hashes.next().is_none());
                let chosen: Vec<u64> = ranges.into_iter().flatten().collect();
                assert_eq!(seen, chosen);
            }
        }
    }

    fn ranges_of(bits: u32, size: u64) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for at in (0..size).filter(|at| bits >> at & 1 == 1) {
            match ranges.last_mut().filter(|range| range.end == at) {
                Some(range) => range.end = at + 1,
                None => ranges.push(at..at + 1),
            }
        }
        ranges
    }

    #[test]
    fn the_ends_of_the_numbers_are_no_trap() {
        let size = u64::MAX >> 1;
        let parts = missing_parts(size, from_ref(&(size - 1..size)));
        assert!(parts.len() <= 64);
        assert_eq!(parts.iter().map(|part| part.end - part.start).sum::<u64>(), size - 1);
        assert!(missing_parts(size, from_ref(&(0..size - 1))).len() <= 64);
    }
}

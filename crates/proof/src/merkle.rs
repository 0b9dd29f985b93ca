//! Proofs in the tree of RFC 6962: that a leaf is in it, and that a smaller tree is its beginning.

use codex_ledger_entry::{TreeHash, node_hash};
use std::ops::Range;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No such leaf or tree.
    #[error("the tree has no such leaf")]
    Outside,
    /// Too many or too few hashes.
    #[error("the proof has {found} hashes, not {expected}")]
    Length {
        /// How many a proof of that place has.
        expected: usize,
        /// How many this one has.
        found: usize,
    },
    /// Another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The largest power of two below `len`, which is at least 2.
pub(crate) fn split(len: u64) -> u64 {
    1 << (63 - (len - 1).leading_zeros())
}

/// The parts whose roots prove that a leaf is in a tree of that size: from the leaf's sibling up; none where it is not.
pub fn inclusion_parts(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    if index >= size {
        return parts;
    }
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            parts.push(middle..end);
            end = middle;
        } else {
            parts.push(start..middle);
            start = middle;
        }
    }
    parts.reverse();
    parts
}

/// The parts whose roots prove that a tree of size `old` is the beginning of one of size `new`.
pub fn consistency_parts(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let (mut start, mut end, mut is_whole) = (0, new, true);
    // `old` counts from the beginning of the tree.
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            parts.push(middle..end);
            end = middle;
        } else {
            parts.push(start..middle);
            start = middle;
            is_whole = false;
        }
    }
    if !is_whole {
        parts.push(start..end);
    }
    parts.reverse();
    parts
}

/// That a leaf is at this index of the tree of that size and root.
///
/// # Errors
/// When the proof does not lead there.
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    (size, root): (u64, &TreeHash),
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside);
    }
    let parts = inclusion_parts(index, size);
    check_length(parts.len(), proof.len())?;
    let reached = parts.iter().zip(proof).fold(*leaf, |reached, (part, hash)| {
        if part.start > index { node_hash(&reached, hash) } else { node_hash(hash, &reached) }
    });
    if reached == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// That the tree of size and root `old` is the beginning of that of size and root `new`.
///
/// # Errors
/// When the proof does not lead to both roots.
pub fn verify_consistency(
    (old, old_root): (u64, &TreeHash),
    (new, new_root): (u64, &TreeHash),
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Outside);
    }
    let parts = consistency_parts(old, new);
    check_length(parts.len(), proof.len())?;
    if old == new {
        return if old_root == new_root { Ok(()) } else { Err(ProofError::Root) };
    }
    if old == 0 {
        // Every tree begins with the empty one.
        return Ok(());
    }
    // What both trees have in common last: the first hash, or the whole old tree.
    let has_own = parts.first().is_some_and(|part| part.end == old);
    let (first, rest) = match (has_own, parts.split_first(), proof.split_first()) {
        (true, Some((_, parts)), Some((first, proof))) => (*first, parts.iter().zip(proof)),
        _ => (*old_root, parts.iter().zip(proof)),
    };
    let (mut of_old, mut of_new) = (first, first);
    for (part, hash) in rest {
        if part.start >= old {
            of_new = node_hash(&of_new, hash);
        } else {
            of_old = node_hash(hash, &of_old);
            of_new = node_hash(hash, &of_new);
        }
    }
    match of_old == *old_root && of_new == *new_root {
        true => Ok(()),
        false => Err(ProofError::Root),
    }
}

fn check_length(expected: usize, found: usize) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::Length { expected, found }) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use codex_ledger_entry::{HEADER_BYTES, leaf_hash};

    pub(crate) struct Few(pub(crate) Vec<TreeHash>);

    impl Few {
        pub(crate) fn new(count: u8) -> Few {
            Few((0..count).map(|n| leaf_hash(&[n; HEADER_BYTES])).collect())
        }

        fn roots(&self, parts: Vec<Range<u64>>) -> Vec<TreeHash> {
            parts.into_iter().map(|part| self.mth(part)).collect()
        }

        pub(crate) fn mth(&self, part: Range<u64>) -> TreeHash {
            mth(&self.0, part)
        }
    }

    /// RFC 6962, literally.
    pub(crate) fn mth(leaves: &[TreeHash], part: Range<u64>) -> TreeHash {
        match part.end - part.start {
            1 => leaves[part.start as usize],
            len => {
                let middle = part.start + len.next_power_of_two() / 2;
                node_hash(&mth(leaves, part.start..middle), &mth(leaves, middle..part.end))
            }
        }
    }

    #[test]
    fn every_leaf_of_every_tree_has_a_proof_and_no_other_place_has() {
        let leaves = Few::new(70);
        for size in 1..=70_u64 {
            let root = leaves.mth(0..size);
            for index in 0..size {
                let proof = leaves.roots(inclusion_parts(index, size));
                let leaf = leaves.0[index as usize];
                assert_eq!(verify_inclusion(&leaf, index, (size, &root), &proof), Ok(()));
                for other in 0..size + 1 {
                    let is_same = other == index;
                    assert_eq!(
                        verify_inclusion(&leaf, other, (size, &root), &proof).is_ok(),
                        is_same
                    );
                }
                for at in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[at].0[at % 32] ^= 1;
                    assert_eq!(
                        verify_inclusion(&leaf, index, (size, &root), &wrong),
                        Err(ProofError::Root)
                    );
                    wrong.remove(at);
                    assert!(verify_inclusion(&leaf, index, (size, &root), &wrong).is_err());
                }
            }
        }
    }

    #[test]
    fn every_tree_is_the_beginning_of_every_later_one() {
        let leaves = Few::new(40);
        for new in 1..=40_u64 {
            for old in 1..=new {
                let (old_root, new_root) = (leaves.mth(0..old), leaves.mth(0..new));
                let proof = leaves.roots(consistency_parts(old, new));
                let holds = |old_root: &TreeHash, proof: &[TreeHash]| {
                    verify_consistency((old, old_root), (new, &new_root), proof)
                };
                assert_eq!(holds(&old_root, &proof), Ok(()), "{old} {new}");
                let mut other = old_root;
                other.0[0] ^= 1;
                assert!(holds(&other, &proof).is_err(), "{old} {new}");
                for at in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[at].0[at % 32] ^= 1;
                    assert!(holds(&old_root, &wrong).is_err(), "{old} {new} {at}");
                }
            }
        }
    }

    /// Vectors of RFC 6962 section 2.1.3: which hashes prove what, of a tree of seven leaves.
    #[test]
    fn the_parts_are_those_of_the_specification() {
        let parts = |list: &[(u64, u64)]| list.iter().map(|(a, b)| *a..*b).collect::<Vec<_>>();
        assert_eq!(inclusion_parts(0, 7), parts(&[(1, 2), (2, 4), (4, 7)]));
        assert_eq!(inclusion_parts(3, 7), parts(&[(2, 3), (0, 2), (4, 7)]));
        assert_eq!(inclusion_parts(4, 7), parts(&[(5, 6), (6, 7), (0, 4)]));
        assert_eq!(inclusion_parts(6, 7), parts(&[(4, 6), (0, 4)]));
        assert_eq!(consistency_parts(3, 7), parts(&[(2, 3), (3, 4), (0, 2), (4, 7)]));
        assert_eq!(consistency_parts(4, 7), parts(&[(4, 7)]));
        assert_eq!(consistency_parts(6, 7), parts(&[(4, 6), (6, 7), (0, 4)]));
    }
}

//! The RFC 6962 tree over headers, kept as its frontier: the roots of its perfect subtrees.

use super::hash::TreeHash;
use super::header::HEADER_BYTES;
use sha2::{Digest, Sha256};

/// A tree that only grows: at most 64 hashes, whatever its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One root per set bit of `size`, largest subtree first.
    roots: Vec<TreeHash>,
}

impl Frontier {
    /// Restores a frontier; `None` when the count of hashes does not fit the size.
    pub fn from_parts(size: u64, roots: Vec<TreeHash>) -> Option<Frontier> {
        (roots.len() == size.count_ones() as usize).then_some(Frontier { size, roots })
    }

    /// Count of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, largest first.
    pub fn roots(&self) -> &[TreeHash] {
        &self.roots
    }

    /// Adds the header of the next entry.
    pub fn push(&mut self, header: &[u8; HEADER_BYTES]) {
        self.push_noting(header, u32::MAX);
    }

    /// Adds the header of the next entry; gives the root of the perfect subtree of that height that it completes, if any.
    pub fn push_noting(&mut self, header: &[u8; HEADER_BYTES], height: u32) -> Option<TreeHash> {
        self.add(leaf_hash(header), 0, height)
    }

    /// Adds a perfect subtree of 2^height entries; false, and nothing is added, where it does not begin at a multiple
    /// of its size.
    pub fn push_subtree(&mut self, root: TreeHash, height: u32) -> bool {
        let is_aligned = self.size.trailing_zeros() >= height && height < u64::BITS;
        if is_aligned {
            self.add(root, height, u32::MAX);
        }
        is_aligned
    }

    /// Adds a perfect subtree of height `level`, and gives the one of height `noted` that it completes.
    fn add(&mut self, root: TreeHash, level: u32, noted: u32) -> Option<TreeHash> {
        let mut node = root;
        let mut found = (level == noted).then_some(node);
        for height in 1..=(self.size >> level).trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
            if level + height == noted {
                found = Some(node);
            }
        }
        self.roots.push(node);
        self.size += 1 << level;
        found
    }

    /// The root of the tree.
    pub fn root(&self) -> TreeHash {
        let mut from_right = self.roots.iter().rev();
        match from_right.next() {
            None => TreeHash(Sha256::digest(b"").into()),
            Some(last) => from_right.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// The hash of an entry as a leaf.
pub fn leaf_hash(header: &[u8; HEADER_BYTES]) -> TreeHash {
    let mut hasher = Sha256::new();
    hasher.update([0u8]);
    hasher.update(header);
    TreeHash(hasher.finalize().into())
}

/// The hash of two neighbours.
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut hasher = Sha256::new();
    hasher.update([1u8]);
    hasher.update(left.0);
    hasher.update(right.0);
    TreeHash(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 section 2.1, literally.
    fn mth(leaves: &[[u8; HEADER_BYTES]]) -> TreeHash {
        match leaves {
            [] => TreeHash(Sha256::digest(b"").into()),
            [leaf] => leaf_hash(leaf),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&mth(&leaves[..split]), &mth(&leaves[split..]))
            }
        }
    }

    #[test]
    fn frontier_agrees_with_the_definition_at_every_size() {
        let leaves: Vec<_> = (0..70u8).map(|i| [i; HEADER_BYTES]).collect();
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root(), mth(&[]));
        for (i, leaf) in leaves.iter().enumerate() {
            frontier.push(leaf);
            assert_eq!(frontier.root(), mth(&leaves[..=i]), "size {}", i + 1);
            let again = Frontier::from_parts(frontier.size(), frontier.roots().to_vec());
            assert_eq!(again, Some(frontier.clone()));
        }
        assert_eq!(Frontier::from_parts(3, vec![]), None);
    }

    #[test]
    fn subtrees_are_noted_and_make_the_same_tree() {
        let leaves: Vec<_> = (0..70u8).map(|i| [i; HEADER_BYTES]).collect();
        for height in 0..6 {
            let part = 1 << height;
            let mut whole = Frontier::default();
            let noted: Vec<TreeHash> =
                leaves.iter().filter_map(|leaf| whole.push_noting(leaf, height)).collect();
            let parts: Vec<TreeHash> = leaves.chunks_exact(part).map(mth).collect();
            assert_eq!(noted, parts, "height {height}");
            let mut again = Frontier::default();
            assert!(noted.iter().all(|root| again.push_subtree(*root, height)));
            leaves.chunks_exact(part).remainder().iter().for_each(|leaf| again.push(leaf));
            assert_eq!(again, whole, "height {height}");
        }
        let mut odd = Frontier::default();
        odd.push(&leaves[0]);
        assert!(!odd.push_subtree(mth(&leaves[..2]), 1));
        assert_eq!(odd.size(), 1);
    }
}

//! The hash of a source's beginning, with zeros in the place of what was erased from the ledger.

use codex_ledger_entry::stream_hasher;
use codex_ledger_ledger::{ErasedPiece, Tail, each_zero};

/// Hashes a source from its first byte on as a stream is known.
pub(super) struct Beginning<'a> {
    /// What was erased, in order.
    erased: &'a [ErasedPiece],
    hasher: blake3::Hasher,
    at: u64,
}

impl<'a> Beginning<'a> {
    pub(super) fn of(tail: &'a Tail) -> Beginning<'a> {
        Beginning { erased: &tail.erased, hasher: stream_hasher(), at: 0 }
    }

    /// Whether it hashes the same of every source as that of another stream.
    pub(super) fn is_as(&self, tail: &Tail) -> bool {
        self.erased == tail.erased.as_slice()
    }

    /// The next bytes of the source.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let before = self.erased.partition_point(|piece| piece.offset + piece.len <= self.at);
            let (is_erased, until) = match self.erased.get(before) {
                Some(piece) if piece.offset <= self.at => (true, piece.offset + piece.len),
                Some(piece) => (false, piece.offset),
                None => (false, u64::MAX),
            };
            let len = (until - self.at).min(bytes.len() as u64);
            let (now, later) = bytes.split_at(len as usize);
            match is_erased {
                true => each_zero(len, |zeros| {
                    self.hasher.update(zeros);
                }),
                false => {
                    self.hasher.update(now);
                }
            }
            self.at += len;
            bytes = later;
        }
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    /// The hasher, for the bytes behind the beginning.
    pub(super) fn hasher(&self) -> blake3::Hasher {
        self.hasher.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_erased_does_not_count(
            source in proptest::collection::vec(1u8.., 1..40),
            cuts in proptest::collection::vec(0usize..40, 0..6),
            from in 0usize..20,
            len in 0usize..20,
        ) {
            let (offset, length) = (from as u64, len as u64);
            let erased = vec![ErasedPiece { offset, len: length, ..ErasedPiece::default() }];
            let tail = Tail { erased, ..Tail::default() };
            let mut beginning = Beginning::of(&tail);
            let mut rest = &source[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                beginning.update(now);
                rest = later;
            }
            beginning.update(rest);
            let mut expected = source.clone();
            expected.iter_mut().skip(from).take(len).for_each(|byte| *byte = 0);
            let mut plain = stream_hasher();
            plain.update(&expected);
            prop_assert_eq!(beginning.hash(), *plain.finalize().as_bytes());
        }
    }
}

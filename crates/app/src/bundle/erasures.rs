//! What is gone in a bundle was erased, and what was erased is gone.

use codex_ledger_entry::{Erasure, Header, Kind, Seq, SeqSet};

/// The bodies of a bundle, and what its entries say of them.
#[derive(Default)]
pub(super) struct Erasures {
    gone: SeqSet,
    there: SeqSet,
    erased: SeqSet,
}

impl Erasures {
    /// An entry without its body; says what is wrong with that.
    pub(super) fn gone(&mut self, header: &Header) -> Result<(), &'static str> {
        self.gone.insert(header.seq);
        match header.kind.is_erasable() {
            true => Ok(()),
            false => Err("its body is gone, and such bodies are never erased"),
        }
    }

    /// An entry with its body, which is needed of those alone that say what was erased.
    pub(super) fn there(&mut self, header: &Header, body: &[u8]) -> Result<(), &'static str> {
        self.there.insert(header.seq);
        if header.kind == Kind::EraseDone {
            let erasure = Erasure::decode(header.seq, body);
            let erasure = erasure.ok_or("it does not say what was erased")?;
            self.erased = self.erased.union(&erasure.entries);
        }
        Ok(())
    }

    /// Once all entries were seen: the first one that is not as the entries say.
    pub(super) fn check(&self) -> Result<(), (Seq, &'static str)> {
        let none = |seqs: SeqSet, what| seqs.bounds().map_or(Ok(()), |(seq, _)| Err((seq, what)));
        none(self.gone.without(&self.erased), "its body is gone, and no entry here erased it")?;
        let left = self.there.without(&self.erased);
        none(self.there.without(&left), "its body is there, and an entry says that it was erased")
    }
}

//! What a shard holds, as sums that depend on no order: to compare it with the texts that it was made from.

use crate::fields::Splitter;
use crate::writer::Doc;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use tantivy::tokenizer::{MAX_TOKEN_LEN, TokenStream, Tokenizer};

/// What a shard holds of each stream.
pub type Held = BTreeMap<u64, u64>;

/// Adds up what is held, under a key of its own: whoever changes a shard does not know it, and cannot make two of his
/// changes cancel out. Sums under different keys are not comparable.
#[derive(Clone, Debug)]
pub struct Sums {
    key: SeedableRandomState,
}

impl Default for Sums {
    fn default() -> Sums {
        // By chance, from the system: what `foldhash` takes for it is where things lie in memory. Its sums cost a third of those of
        // the standard library, and here is one for each word of everything.
        let chance = RandomState::new().hash_one(0_u8);
        Sums { key: SeedableRandomState::with_seed(chance, SharedSeed::global_random()) }
    }
}

/// What is noted of a text beside its words.
#[derive(Hash)]
pub(crate) struct Said<'t> {
    pub(crate) source: Option<i64>,
    pub(crate) place: [i64; 3],
    pub(crate) at_ms: Option<i64>,
    pub(crate) tool: Option<Cow<'t, str>>,
    pub(crate) exit_code: Option<i64>,
}

impl Sums {
    pub(crate) fn of_term(&self, term: &[u8]) -> u64 {
        self.key.hash_one(term)
    }

    /// A word and its place in its text.
    pub(crate) fn of_word(&self, term: u64, place: u32) -> u64 {
        self.key.hash_one((term, place))
    }

    pub(crate) fn add(&self, held: &mut Held, stream: u64, said: &Said<'_>, words: u64) {
        let sum = held.entry(stream).or_default();
        *sum = sum.wrapping_add(self.key.hash_one((said, words)));
    }

    /// Adds what a shard holds that was given this text.
    pub fn add_doc(&self, held: &mut Held, doc: &Doc<'_>) {
        let mut splitter = Splitter::default();
        let mut split = splitter.token_stream(doc.text);
        let mut words = 0_u64;
        while split.advance() {
            let token = split.token();
            // Longer words are left out of an index.
            if token.text.len() <= MAX_TOKEN_LEN {
                let term = self.of_term(token.text.as_bytes());
                let place = u32::try_from(token.position).unwrap_or(u32::MAX);
                words = words.wrapping_add(self.of_word(term, place));
            }
        }
        let Doc { source, stream, place, at_ms, tool, exit_code, .. } = *doc;
        let source = Some(source.number());
        let said = Said { source, place, at_ms, tool: tool.map(Cow::Borrowed), exit_code };
        self.add(held, stream, &said, words);
    }

    #[cfg(test)]
    pub(crate) fn of_docs<'t>(&self, docs: impl IntoIterator<Item = Doc<'t>>) -> Held {
        let mut held = Held::new();
        docs.into_iter().for_each(|doc| self.add_doc(&mut held, &doc));
        held
    }
}

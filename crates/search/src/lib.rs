//! Full-text search: words of texts, questions about them, and an index in a folder that answers these.
//!
//! The only place that names tantivy. It knows neither SQL nor the ledger: what is indexed, whose it is, and what may be
//! shown is decided by who calls it.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fields;
mod folder;
mod hit;
mod question;
mod shard;
mod sums;
mod words;
mod writer;

pub use hit::{Hit, Source};
pub use question::{Exit, Expression, Phrase, Question};
pub use shard::{Basis, SearchIndexError, Shard};
pub use sums::{Held, Sums};
pub use words::{Word, Words, composed, words_of};
pub use writer::{Doc, ShardWriter};

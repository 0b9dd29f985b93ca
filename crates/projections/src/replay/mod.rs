//! Entries in, rows out: one loop for catch-up and rebuild, and what it knows of every stream.

pub(crate) mod apply;
pub(crate) mod changes;
pub(crate) mod copies;
pub(crate) mod derive;
pub(crate) mod lineage;
pub(crate) mod lines;
pub(crate) mod parcels;
pub(crate) mod pipeline;
pub(crate) mod preview;
mod repeats;
pub(crate) mod streams;

pub use pipeline::{Applied, ReplayError, replay};

/// How many threads share what the policy has to pass.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get()).clamp(1, 8)
}

//! What holds for any source: exact bytes, nothing twice, every byte accounted for, stable format.

mod format;
mod sources;
mod steps;
mod tiles;

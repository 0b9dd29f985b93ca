//! Finds and reads rollout files. Nothing else in the program opens them.

mod discover;
mod read;
mod watch;

pub use discover::{Discovery, Problem, SourceFile, discover};
pub use read::{NextLine, SourceReader, has_line_feed_from};
pub use watch::Watch;

//! Codex rollout records: bytes in, typed events and problems out.
//!
//! This is the only code that knows the JSON that Codex writes. It is pure (no I/O, no clock, no
//! state between lines), it never fails and never panics: whatever a line holds, the answer is a
//! [`Record`]. The format is not a contract, so every field is optional, a field nobody has heard
//! of is reported as drift and a line that is no JSON at all becomes a `malformed` record with the
//! reason and the byte at which reading stopped.
//!
//! Work per line is linear in its length: the number of times a byte is looked at is bounded by
//! the fixed nesting depth of the decoders, never by the input.
//!
//! * [`parse_line`] reads one line of a rollout, [`pieces`] one line that may be several records
//!   glued together, [`parse_document`] the whole-file JSON of the first generation.
//! * [`prompt`], [`call`], [`script`], [`output`] and [`patch`] read the texts inside the events: what the
//!   user typed, what a tool was asked to do, what a program of code mode asks tools to do, how that ended, which
//!   files it touched.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::string_slice,
    )
)]

mod agents;
mod asked;
pub mod call;
mod content;
mod decode;
mod document;
mod drift;
mod ended;
mod escape;
pub mod event;
mod item;
mod json;
mod line;
mod number;
pub mod output;
pub mod patch;
pub mod prompt;
mod record;
pub mod script;
mod session;
mod shape;
pub mod side;
mod timestamp;
mod tool;
mod turn;
mod usage;
pub mod wrapper;

pub use asked::{asked_in, is_structure};
pub use document::{Document, Item as DocumentItem, looks_like_document, parse_document};
pub use event::Event;
pub use json::{Json, Object, Text};
pub use line::{Identity, begun_turn, identity, output_ms, parse_line, pieces, resync};
pub use number::ITEMS_MAX;
pub use record::{Generation, HostMetadata, Problem, Reason, Record, Understanding};
pub use shape::shape;

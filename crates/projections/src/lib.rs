//! Entries -> rows. `/projections/*.sql` says what the rows mean; `tables/` mirrors it.
//!
//! What the rows say depends only on the bytes in the ledger: no clock, no randomness, no order of arrival
//! (but for versions of one file that end at the same time and are equally long). One loop, [`replay`], serves
//! both catch-up and rebuild.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

mod answers;
mod earlier;
mod files;
mod fold;
mod policy;
mod replay;
mod row;
mod schema;
mod state;
mod tables;
mod traces;
mod whole;

pub use codex_ledger_rollout::{Reason, is_structure, shape};
pub use files::digest::{Digests, TableDigest};
pub use files::search_index::{forget_search, scratch_search_index, search_index};
pub use files::standing::Standing;
pub use files::views::{Views, ViewsError, ViewsPaths};
pub use policy::{Decisions, Field, PolicyError, ended_by, field, load_policy};
pub use replay::derive::Options;
pub use replay::preview::preview;
pub use replay::streams::session_names;
pub use replay::{Applied, ReplayError, replay};
pub use schema::{VERSION, schema_digest};
pub use traces::{
    Returned, Sought, Trace, Traces, Why, holds_text, prompt_texts, returned, traces,
};

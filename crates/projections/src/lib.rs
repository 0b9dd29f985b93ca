//! Floor 2: entries -> rows. `/projections/*.sql` says what the rows mean; the files here mirror it.
//!
//! What the rows say depends only on the bytes in the ledger: no clock, no randomness, no order of arrival
//! (but for which generation of a rewritten source is newest). One loop, [`replay`], serves both catch-up
//! and rebuild.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

mod actions;
mod agent_reasoning_messages;
mod annotations;
mod changes;
mod digest;
mod events;
mod file_changes;
mod fold;
mod folder;
mod function_calls;
mod function_plan_messages;
mod known;
mod lineage;
mod messages;
mod policy;
mod preview;
mod prompts;
mod redacting;
mod redactions;
mod replay;
mod row;
mod schema;
mod search_check;
mod search_index;
mod sessions;
mod settle;
mod side_files;
mod sink;
mod standing;
mod state;
mod streams;
mod token_messages;
mod turn_context_messages;
mod turns;
mod views;

pub use digest::{Digests, TableDigest};
pub use fold::Options;
pub use known::session_names;
pub use policy::{Decisions, Field, PolicyError, STRUCTURE, field, load_policy};
pub use preview::preview;
pub use replay::{Applied, ReplayError, replay};
pub use schema::{VERSION, schema_digest};
pub use search_index::{forget_search, scratch_search_index, search_index};
pub use standing::Standing;
pub use views::{Views, ViewsError, ViewsPaths};

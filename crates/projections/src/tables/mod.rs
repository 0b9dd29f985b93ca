//! One file for each table: what records and entries say, as rows.

pub(crate) mod actions;
pub(crate) mod agent_reasoning_messages;
pub(crate) mod annotations;
pub(crate) mod ended_calls;
pub(crate) mod events;
pub(crate) mod file_changes;
pub(crate) mod function_calls;
pub(crate) mod function_plan_messages;
pub(crate) mod messages;
pub(crate) mod prompts;
pub(crate) mod redactions;
pub(crate) mod remarks;
pub(crate) mod requests;
pub(crate) mod script_calls;
pub(crate) mod sessions;
pub(crate) mod side_files;
pub(crate) mod streams;
pub(crate) mod token_messages;
pub(crate) mod turn_context_messages;
pub(crate) mod turns;

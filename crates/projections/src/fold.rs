//! One record -> the rows of every projection. The same code for catch-up and rebuild.

use crate::replay::lineage;
use crate::row::{At, Draft, RowBuilder};
use crate::state::State;
use crate::tables::agent_reasoning_messages;
use crate::tables::events;
use crate::tables::file_changes;
use crate::tables::function_calls;
use crate::tables::function_plan_messages;
use crate::tables::messages;
use crate::tables::prompts;
use crate::tables::sessions;
use crate::tables::token_messages;
use crate::tables::turn_context_messages;
use crate::tables::turns;
use codex_ledger_redaction::{Owners, Policy};
use codex_ledger_rollout::event::{Event, ItemBody, ItemCompleted};
use codex_ledger_rollout::{Generation, Record, Understanding};
use std::collections::HashMap;

/// What the projections hold beyond the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the exact text of every record in `raw_records`.
    pub raw_json: bool,
}

impl Options {
    /// How the options are named in the views.
    pub(crate) fn name(self) -> &'static str {
        if self.raw_json { "raw_json" } else { "" }
    }
}

/// Counts of one stream that its row keeps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub lines: u64,
    pub bytes: u64,
    pub blank: u64,
    pub malformed: u64,
    pub unknown: u64,
    pub first_at_ms: Option<i64>,
    pub last_at_ms: Option<i64>,
}

/// Everything that a fold may look at and write to.
pub(crate) struct Fold<'a> {
    pub at: At,
    pub state: &'a mut State,
    pub policy: &'a Policy,
    /// Thread id of the stream's name, for files without a header.
    pub thread: Option<&'a str>,
    /// Whether the record is a copy of a parent's.
    pub copied: bool,
    /// Whether the record has no envelope: clients that wrote such lines wrote no events.
    pub bare: bool,
    /// Repositories by session, for side files: what narrows to a repository reaches them too.
    pub repos: &'a HashMap<String, String>,
    pub out: &'a mut Vec<Draft>,
    /// Rows that the entry may still give rise to, beside one for each record in each table.
    pub items_left: usize,
}

impl<'a> Fold<'a> {
    /// Begins a row of a table.
    pub(crate) fn row(&self, table: &'static str, capacity: usize) -> RowBuilder<'a> {
        RowBuilder::new(self.policy, table, self.at, capacity).owned_by(self.owners())
    }

    /// The sessions that the record belongs to; looked up only where that matters.
    fn owners(&self) -> Owners {
        match self.policy.needs_owners() {
            true => self.state.owners(self.thread, self.copied),
            false => Owners::default(),
        }
    }

    /// 1 for a copy of a parent's record.
    pub(crate) fn copy_flag(&self) -> u64 {
        u64::from(self.copied)
    }

    /// Begins a row of a content table for the `index`th thing that this record says.
    pub(crate) fn row_at(
        &self,
        table: &'static str,
        index: usize,
        capacity: usize,
    ) -> RowBuilder<'a> {
        let at = At { item: index as u64, ..self.at };
        self.row(table, capacity).item(at).int("at_ms", at.at_ms)
    }

    /// How many of so many things that a record says get rows; where not all do, the record is named for it.
    pub(crate) fn take(&mut self, count: usize) -> usize {
        let taken = count.min(self.items_left);
        self.items_left -= taken;
        if taken < count {
            events::cut(self);
        }
        taken
    }

    pub(crate) fn push(&mut self, write: Draft) {
        self.out.push(write);
    }

    /// The turn that a record names, else the one that runs.
    pub(crate) fn turn(&self, named: Option<&str>) -> Option<String> {
        brief(named).map(str::to_string).or_else(|| self.state.turn_id.clone())
    }
}

/// Bytes of a name that many rows may repeat.
const NAME_MAX_BYTES: usize = 1024;

/// A name that other rows repeat; none where it is so long that it would fill the views.
pub(crate) fn brief(name: Option<&str>) -> Option<&str> {
    name.filter(|name| name.len() <= NAME_MAX_BYTES)
}

/// Folds one record of a rollout.
pub(crate) fn record(
    fold: &mut Fold<'_>,
    record: &Record<'_>,
    span: events::Span,
    totals: &mut Totals,
) {
    events::fold(fold, record, span);
    match record.understanding {
        Understanding::Malformed => totals.malformed += 1,
        Understanding::Unknown => totals.unknown += 1,
        Understanding::Understood if record.kind == "blank" => totals.blank += 1,
        Understanding::Understood => sessions::ensure(fold),
    }
    if let Some(at_ms) = record.timestamp_ms {
        totals.first_at_ms.get_or_insert(at_ms);
        totals.last_at_ms = totals.last_at_ms.max(Some(at_ms));
    }
    fold.copied = lineage::is_copy(fold, record);
    fold.bare = matches!(record.generation, Some(Generation::G0 | Generation::G1));
    event(fold, record);
}

fn event(fold: &mut Fold<'_>, record: &Record<'_>) {
    match &record.event {
        Event::SessionMeta(meta) => sessions::fold(fold, meta),
        Event::TurnContext(context) => turn_context_messages::context(fold, context),
        Event::ThreadSettings(settings) => turn_context_messages::settings(fold, settings),
        Event::Message(message) => {
            messages::fold(fold, message, record.host.inherited_user_message)
        }
        Event::UserMessage(message) => prompts::event(fold, message),
        Event::Reasoning(reasoning) => agent_reasoning_messages::item(fold, reasoning),
        Event::AgentReasoning(reasoning) => agent_reasoning_messages::event(fold, reasoning),
        Event::TokenCount(count) => token_messages::count(fold, count),
        Event::TokenUsageRecord(usage) => token_messages::usage_record(fold, usage),
        Event::ToolCall(call) => {
            function_calls::call(fold, call);
            function_plan_messages::call(fold, call);
        }
        Event::ToolOutput(output) => function_calls::output(fold, output),
        Event::ThreadRolledBack(back) => {
            prompts::rolled_back(fold, back.num_turns);
            turns::fold(fold, &record.event);
        }
        Event::ExecCommandEnd(end) => function_calls::command_end(fold, end),
        Event::PatchApplyEnd(end) => file_changes::applied(fold, end, None),
        Event::McpToolCallEnd(end) => function_calls::mcp_end(fold, end),
        Event::ThreadNameUpdated(name) => sessions::name(fold, name),
        Event::ItemCompleted(item) => completed(fold, item),
        other => turns::fold(fold, other),
    }
}

/// In paginated files, items say what events say in older ones.
fn completed(fold: &mut Fold<'_>, done: &ItemCompleted<'_>) {
    let id = done.item.id.as_deref();
    let turn = fold.turn(done.turn_id.as_deref());
    match &done.item.body {
        ItemBody::UserMessage(parts) => prompts::item(fold, parts, turn),
        // The response item beside it says the same.
        ItemBody::AgentMessage(..) => {}
        ItemBody::Reasoning(reasoning) => agent_reasoning_messages::item(fold, reasoning),
        ItemBody::Plan(text) => function_plan_messages::item(fold, text, turn),
        ItemBody::CommandExecution(end) => function_calls::command_item(fold, end, id, turn),
        ItemBody::FileChange(end) => file_changes::applied(fold, end, id),
        ItemBody::McpToolCall(end) => function_calls::mcp_item(fold, end, id, turn),
        other => turns::item(fold, other, turn),
    }
}

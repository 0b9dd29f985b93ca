//! What a record says: one variant per kind of record that the ledger understands.
//!
//! Texts are borrowed from the line where the JSON string holds no escape. A missing, null or
//! mistyped field is `None` (or empty); zero and absent differ except in token counters.

use super::json::{self, Json, Object, Text};

pub use super::agents::{Collab, GuardianAssessment, SubAgentActivity};
pub use super::content::{
    AgentMail, AgentMessage, AgentReasoning, Message, Part, Reasoning, Role, UserMessage,
};
pub use super::ended::{
    DynamicToolCallRequest, DynamicToolCallResponse, ExecCommandEnd, ImageGenerationEnd,
    McpToolCallEnd, PatchApplyEnd, ViewImage, WebSearchEnd,
};
pub use super::item::{Item, ItemBody, ItemCompleted};
pub use super::session::{
    HistoryBase, SessionMeta, ThreadGoal, ThreadNameUpdated, ThreadSettings, TurnContext,
};
pub use super::tool::{CallKind, OutputKind, ToolCall, ToolOutput};
pub use super::turn::{
    Compacted, Compaction, EnteredReview, ErrorEvent, ExitedReview, GhostSnapshot, InterAgent,
    InterAgentMetadata, Notice, TaskComplete, TaskStarted, ThreadRolledBack, TurnAborted,
    WorldState,
};
pub use super::usage::{Credits, RateLimits, RateWindow, TokenCount, TokenUsageRecord, Usage};

/// The meaning of one record.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Event<'a> {
    /// Nothing to say: a blank line or a malformed one.
    #[default]
    None,
    /// Top level `session_meta`, the header line of the bare generation, or the `session` object
    /// of the whole-file generation.
    SessionMeta(Box<SessionMeta<'a>>),
    /// Top level `turn_context`: the settings under which the following requests ran.
    TurnContext(Box<TurnContext<'a>>),

    // Response items: what went to and came from the model.
    /// `message` in any role. A user message may be a prompt or injected context.
    Message(Message<'a>),
    /// `reasoning`: summaries and, for open models, the raw chain.
    Reasoning(Reasoning<'a>),
    /// `function_call`, `custom_tool_call`, `local_shell_call`, `web_search_call`,
    /// `tool_search_call` and `image_generation_call`.
    ToolCall(ToolCall<'a>),
    /// `function_call_output`, `custom_tool_call_output` and `tool_search_output`.
    ToolOutput(ToolOutput<'a>),
    /// Response item `agent_message`: mail between agents, never a user prompt.
    AgentMail(AgentMail<'a>),
    /// `ghost_snapshot`: a commit made aside so that a turn can be undone.
    GhostSnapshot(GhostSnapshot<'a>),
    /// `compaction`, `compaction_summary`, `context_compaction`: opaque server-side summary.
    Compaction(Compaction),

    // Events: what the client showed.
    /// Event `user_message`: the authoritative prompt where it exists.
    UserMessage(UserMessage<'a>),
    /// Event `agent_message`: assistant text, also present as a [`Event::Message`].
    AgentMessage(AgentMessage<'a>),
    /// Events `agent_reasoning` and `agent_reasoning_raw_content`.
    AgentReasoning(AgentReasoning<'a>),
    /// Event `token_count`.
    TokenCount(TokenCount<'a>),
    /// Event `task_started` (also `turn_started`).
    TaskStarted(TaskStarted<'a>),
    /// Event `task_complete` (also `turn_complete`).
    TaskComplete(TaskComplete<'a>),
    /// Event `turn_aborted`.
    TurnAborted(TurnAborted<'a>),
    /// Event `context_compacted`: the counterpart of [`Event::Compacted`] for the client.
    ContextCompacted,
    /// Event `entered_review_mode`.
    EnteredReview(EnteredReview<'a>),
    /// Event `exited_review_mode`.
    ExitedReview(ExitedReview<'a>),
    /// Event `thread_rolled_back`.
    ThreadRolledBack(ThreadRolledBack),
    /// Event `thread_name_updated`.
    ThreadNameUpdated(ThreadNameUpdated<'a>),
    /// Event `thread_settings_applied`.
    ThreadSettings(Box<ThreadSettings<'a>>),
    /// Event `thread_goal_updated`.
    ThreadGoal(ThreadGoal<'a>),
    /// Event `item_completed`: in paginated files, the record of everything that happened.
    ItemCompleted(Box<ItemCompleted<'a>>),
    /// Event `exec_command_end`.
    ExecCommandEnd(Box<ExecCommandEnd<'a>>),
    /// Event `patch_apply_end`.
    PatchApplyEnd(Box<PatchApplyEnd<'a>>),
    /// Event `mcp_tool_call_end`.
    McpToolCallEnd(Box<McpToolCallEnd<'a>>),
    /// Event `web_search_end`.
    WebSearchEnd(WebSearchEnd<'a>),
    /// Event `view_image_tool_call`.
    ViewImage(ViewImage<'a>),
    /// Event `image_generation_end`.
    ImageGenerationEnd(ImageGenerationEnd<'a>),
    /// Event `dynamic_tool_call_request`.
    DynamicToolCallRequest(DynamicToolCallRequest<'a>),
    /// Event `dynamic_tool_call_response`.
    DynamicToolCallResponse(Box<DynamicToolCallResponse<'a>>),
    /// Event `guardian_assessment`: the audit trail of automatic approval.
    GuardianAssessment(Box<GuardianAssessment<'a>>),
    /// Events `collab_*`: what one agent asked of another.
    Collab(Box<Collab<'a>>),
    /// Event `sub_agent_activity`.
    SubAgentActivity(SubAgentActivity<'a>),
    /// Event `error`.
    Error(ErrorEvent<'a>),
    /// Events `warning`, `stream_error`, `background_event`, `deprecation_notice`.
    Notice(Notice<'a>),

    // Other top levels.
    /// Top level `token_usage_record`: the usage of one model response.
    TokenUsageRecord(TokenUsageRecord<'a>),
    /// Top level `compacted`: the history before was replaced for the model.
    Compacted(Compacted<'a>),
    /// Top level `world_state`: context given to the model, whole or as a merge patch.
    WorldState(WorldState<'a>),
    /// Top level `inter_agent_communication`.
    InterAgent(InterAgent<'a>),
    /// Top level `inter_agent_communication_metadata`.
    InterAgentMetadata(InterAgentMetadata<'a>),
    /// `{"record_type":"state"}` of the bare generation: a marker without information.
    State,
    /// Anything else. `Record::understanding` says whether the name is known but opaque
    /// (`security_risk_score`, `retained_context`, …) or new.
    Other(Other<'a>),
}

/// A record that is kept as it stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Other<'a> {
    /// `payload.type`, if any.
    pub subtype: Option<Text<'a>>,
    /// JSON of the payload (of the whole line where there is no envelope).
    pub payload: Json<'a>,
}

/// How deep the words of a record are looked for.
const SAID_DEPTH_MAX: usize = 16;

impl<'a> Other<'a> {
    /// The texts with blanks in it, in their order: what is no id and no name of a kind.
    #[must_use]
    pub fn said(&self) -> Vec<Text<'a>> {
        let mut said = Vec::new();
        words(self.payload, SAID_DEPTH_MAX, &mut said);
        said
    }
}

fn words<'a>(value: Json<'a>, depth: usize, said: &mut Vec<Text<'a>>) {
    if let Some(text) = json::string(value) {
        said.extend(Some(text).filter(|text| text.trim().contains(char::is_whitespace)));
    } else if depth > 0 {
        let elements = json::array(value).unwrap_or_default();
        let object = Object::parse(value).unwrap_or_default();
        let values = elements.into_iter().chain(object.fields().map(|(_, value)| value));
        values.for_each(|value| words(value, depth - 1, said));
    }
}

impl Event<'_> {
    /// Id of the turn that it begins or describes.
    pub fn begun_turn(&self) -> Option<&str> {
        match self {
            Event::TaskStarted(start) => start.turn_id.as_deref(),
            Event::TurnContext(context) => context.turn_id.as_deref(),
            _ => None,
        }
    }

    /// Stable snake_case name of the variant, for counters and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SessionMeta(_) => "session_meta",
            Self::TurnContext(_) => "turn_context",
            Self::Message(_) => "message",
            Self::Reasoning(_) => "reasoning",
            Self::ToolCall(_) => "tool_call",
            Self::ToolOutput(_) => "tool_output",
            Self::AgentMail(_) => "agent_mail",
            Self::GhostSnapshot(_) => "ghost_snapshot",
            Self::Compaction(_) => "compaction",
            Self::UserMessage(_) => "user_message",
            Self::AgentMessage(_) => "agent_message",
            Self::AgentReasoning(_) => "agent_reasoning",
            Self::TokenCount(_) => "token_count",
            Self::TaskStarted(_) => "task_started",
            Self::TaskComplete(_) => "task_complete",
            Self::TurnAborted(_) => "turn_aborted",
            Self::ContextCompacted => "context_compacted",
            Self::EnteredReview(_) => "entered_review",
            Self::ExitedReview(_) => "exited_review",
            Self::ThreadRolledBack(_) => "thread_rolled_back",
            Self::ThreadNameUpdated(_) => "thread_name_updated",
            Self::ThreadSettings(_) => "thread_settings",
            Self::ThreadGoal(_) => "thread_goal",
            Self::ItemCompleted(_) => "item_completed",
            Self::ExecCommandEnd(_) => "exec_command_end",
            Self::PatchApplyEnd(_) => "patch_apply_end",
            Self::McpToolCallEnd(_) => "mcp_tool_call_end",
            Self::WebSearchEnd(_) => "web_search_end",
            Self::ViewImage(_) => "view_image",
            Self::ImageGenerationEnd(_) => "image_generation_end",
            Self::DynamicToolCallRequest(_) => "dynamic_tool_call_request",
            Self::DynamicToolCallResponse(_) => "dynamic_tool_call_response",
            Self::GuardianAssessment(_) => "guardian_assessment",
            Self::Collab(_) => "collab",
            Self::SubAgentActivity(_) => "sub_agent_activity",
            Self::Error(_) => "error",
            Self::Notice(_) => "notice",
            Self::TokenUsageRecord(_) => "token_usage_record",
            Self::Compacted(_) => "compacted",
            Self::WorldState(_) => "world_state",
            Self::InterAgent(_) => "inter_agent",
            Self::InterAgentMetadata(_) => "inter_agent_metadata",
            Self::State => "state",
            Self::Other(_) => "other",
        }
    }
}

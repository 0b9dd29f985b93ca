//! Who the session is and under which settings it runs.

use super::json::{self, Json, Object, Text};
use super::timestamp;

/// Identity of a thread, from `session_meta` (or the header of an older generation).
///
/// A file may hold several. Only the first defines the session; a later one with the same id
/// refreshes it (last non-null wins per field), one with another id marks copied parent history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionMeta<'a> {
    /// Thread id.
    pub id: Option<Text<'a>>,
    /// Root session id; differs from `id` in subagents.
    pub session_id: Option<Text<'a>>,
    /// Creation of the thread, milliseconds since the epoch, UTC.
    pub timestamp_ms: Option<i64>,
    /// Working directory.
    pub cwd: Option<Text<'a>>,
    /// Program that wrote the file, free text.
    pub originator: Option<Text<'a>>,
    /// Version of that program, free text.
    pub cli_version: Option<Text<'a>>,
    /// User instructions (AGENTS.md text) of older clients.
    pub instructions: Option<Text<'a>>,
    /// Whole system prompt of newer clients.
    pub base_instructions: Option<Text<'a>>,
    /// `cli`, `vscode`, `exec`, …, or the name that another program gave itself; `subagent` and `internal` where the
    /// source is an object of that name.
    pub source: Option<Text<'a>>,
    /// Kind of subagent or internal session: `review`, `compact`, `thread_spawn`, `guardian`, `memory_consolidation`, ….
    pub subagent: Option<Text<'a>>,
    /// `user`, `subagent`, ….
    pub thread_source: Option<Text<'a>>,
    /// Provider of the model.
    pub model_provider: Option<Text<'a>>,
    /// Commit checked out at the start.
    pub git_commit: Option<Text<'a>>,
    /// Branch checked out at the start.
    pub git_branch: Option<Text<'a>>,
    /// URL of the repository; may embed credentials.
    pub git_url: Option<Text<'a>>,
    /// Parent of a fork or spawn.
    pub forked_from_id: Option<Text<'a>>,
    /// Fork point in the parent (paginated files).
    pub forked_from_ordinal: Option<u64>,
    /// Parent of a spawned thread, from the field of that name or from the source.
    pub parent_thread_id: Option<Text<'a>>,
    /// Depth below the root, from the source of a spawned thread.
    pub depth: Option<i64>,
    /// Path of the agent, e.g. `/root/audit`.
    pub agent_path: Option<Text<'a>>,
    /// Name given to the agent.
    pub agent_nickname: Option<Text<'a>>,
    /// Role (type) of the agent.
    pub agent_role: Option<Text<'a>>,
    /// Version of the multi-agent protocol.
    pub multi_agent_version: Option<Text<'a>>,
    /// `legacy` or `paginated`.
    pub history_mode: Option<Text<'a>>,
    /// Where the prefix of this thread lives, if in another rollout.
    pub history_base: Option<HistoryBase<'a>>,
    /// Records with a lower ordinal belong to the parent.
    pub subagent_history_start_ordinal: Option<u64>,
    /// Context window in force.
    pub window_id: Option<Text<'a>>,
    /// Whether memories are used.
    pub memory_mode: Option<Text<'a>>,
    /// Number of tools that the client brought along.
    pub dynamic_tools: usize,
}

/// Position in another rollout at which this one begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryBase<'a> {
    /// Thread that holds the prefix.
    pub thread_id: Option<Text<'a>>,
    /// First ordinal that is not part of the prefix.
    pub end_ordinal: Option<u64>,
    /// First byte that is not part of the prefix.
    pub end_byte: Option<u64>,
}

/// Settings of the requests that follow, from `turn_context`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnContext<'a> {
    /// Turn, in newer files.
    pub turn_id: Option<Text<'a>>,
    /// Working directory.
    pub cwd: Option<Text<'a>>,
    /// Model in force until the next turn context.
    pub model: Option<Text<'a>>,
    /// Reasoning effort; absent means the model's default.
    pub effort: Option<Text<'a>>,
    /// Kind of reasoning summary asked for.
    pub summary: Option<Text<'a>>,
    /// `untrusted`, `on-failure`, `on-request`, `never`, or the tag of an object (`granular`).
    pub approval_policy: Option<Text<'a>>,
    /// Who reviews approvals.
    pub approvals_reviewer: Option<Text<'a>>,
    /// Tag of the sandbox policy: `read-only`, `workspace-write`, `danger-full-access`, ….
    pub sandbox_policy: Option<Text<'a>>,
    /// Network access inside the sandbox.
    pub network_access: Option<bool>,
    /// Directories writable beside the working directory.
    pub writable_roots: Vec<Text<'a>>,
    /// Tag of the permission profile.
    pub permission_profile: Option<Text<'a>>,
    /// Tone asked of the model.
    pub personality: Option<Text<'a>>,
    /// `default`, `plan`, `code`, `custom`.
    pub collaboration_mode: Option<Text<'a>>,
    /// Local date of the user, as text.
    pub current_date: Option<Text<'a>>,
    /// IANA time zone of the user.
    pub timezone: Option<Text<'a>>,
    /// Instructions of the user, where repeated here.
    pub user_instructions: Option<Text<'a>>,
    /// Instructions of the client.
    pub developer_instructions: Option<Text<'a>>,
    /// Whether an output schema was demanded.
    pub has_output_schema: bool,
    /// Version of the multi-agent protocol.
    pub multi_agent_version: Option<Text<'a>>,
    /// JSON of the whole payload: equal bytes mean equal settings, so repeats can be folded.
    pub payload: Json<'a>,
}

/// Settings applied to a thread, from `thread_settings_applied`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThreadSettings<'a> {
    /// Model in force from here on.
    pub model: Option<Text<'a>>,
    /// Provider of the model.
    pub model_provider: Option<Text<'a>>,
    /// `default`, `fast`, `priority`, `flex`: affects the price.
    pub service_tier: Option<Text<'a>>,
    /// As in [`TurnContext::approval_policy`].
    pub approval_policy: Option<Text<'a>>,
    /// Who reviews approvals.
    pub approvals_reviewer: Option<Text<'a>>,
    /// Tag of the permission profile.
    pub permission_profile: Option<Text<'a>>,
    /// Id of the named permission profile.
    pub active_permission_profile: Option<Text<'a>>,
    /// Working directory.
    pub cwd: Option<Text<'a>>,
    /// Reasoning effort.
    pub effort: Option<Text<'a>>,
    /// Kind of reasoning summary asked for.
    pub summary: Option<Text<'a>>,
    /// Tone asked of the model.
    pub personality: Option<Text<'a>>,
    /// Mode of collaboration.
    pub collaboration_mode: Option<Text<'a>>,
    /// JSON of the whole payload, for folding repeats.
    pub payload: Json<'a>,
}

/// Event `thread_name_updated`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThreadNameUpdated<'a> {
    /// Thread that was named.
    pub thread_id: Option<Text<'a>>,
    /// New name; none when it was cleared.
    pub name: Option<Text<'a>>,
}

/// Event `thread_goal_updated`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThreadGoal<'a> {
    /// Thread that has the goal.
    pub thread_id: Option<Text<'a>>,
    /// What is to be reached.
    pub objective: Option<Text<'a>>,
    /// State of the goal.
    pub status: Option<Text<'a>>,
    /// Tokens allowed.
    pub token_budget: Option<u64>,
    /// Tokens spent.
    pub tokens_used: Option<u64>,
    /// Seconds spent.
    pub time_used_s: Option<u64>,
}

impl<'a> SessionMeta<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let git = o.object("git").unwrap_or_default();
        let base = o.object("base_instructions").and_then(|base| base.str("text"));
        let mut meta = Self {
            id: o.str("id"),
            session_id: o.str("session_id"),
            timestamp_ms: o.str("timestamp").and_then(|text| timestamp::parse_ms(&text)),
            cwd: o.str("cwd"),
            originator: o.str("originator"),
            cli_version: o.str("cli_version"),
            instructions: o.str("instructions"),
            base_instructions: base.or_else(|| o.str("base_instructions")),
            thread_source: o.tag("thread_source"),
            model_provider: o.str("model_provider"),
            git_commit: git.str("commit_hash"),
            git_branch: git.str("branch"),
            git_url: git.str("repository_url"),
            forked_from_id: o.str("forked_from_id"),
            forked_from_ordinal: o.u64("forked_from_ordinal_exclusive"),
            parent_thread_id: o.str("parent_thread_id"),
            agent_path: o.str("agent_path"),
            agent_nickname: o.str("agent_nickname"),
            agent_role: o.str("agent_role").or_else(|| o.str("agent_type")),
            multi_agent_version: o.text("multi_agent_version"),
            history_mode: o.tag("history_mode"),
            history_base: o.object("history_base").map(|base| HistoryBase::decode(&base)),
            subagent_history_start_ordinal: o.u64("subagent_history_start_ordinal"),
            window_id: o.object("context_window").and_then(|window| window.text("window_id")),
            memory_mode: o.tag("memory_mode"),
            dynamic_tools: o.count("dynamic_tools"),
            ..Self::default()
        };
        if let Some(source) = o.raw("source") {
            meta.decode_source(source);
        }
        // Some clients tell a spawned thread by this alone.
        if meta.subagent.is_none() && meta.thread_source.as_deref() == Some("subagent") {
            meta.subagent = Some("thread_spawn".into());
        }
        meta
    }

    /// `"cli"`, `{"custom":"atlas"}`, `{"internal":"guardian"}`, `{"subagent":"review"}`,
    /// `{"subagent":{"other":"guardian"}}` or `{"subagent":{"thread_spawn":{…}}}`.
    fn decode_source(&mut self, source: Json<'a>) {
        self.source = json::tag(source);
        let object = Object::parse(source).unwrap_or_default();
        if let Some(custom) = object.str("custom") {
            self.source = Some(custom);
        }
        if let Some(internal) = object.str("internal") {
            self.subagent = Some(internal);
        }
        let Some(subagent) = object.raw("subagent") else {
            return;
        };
        self.subagent = json::tag(subagent);
        let subagent = Object::parse(subagent).unwrap_or_default();
        if let Some(other) = subagent.str("other") {
            self.subagent = Some(other);
        }
        let Some(spawn) = subagent.object("thread_spawn") else {
            return;
        };
        self.depth = spawn.i64("depth");
        let fill = |field: &mut Option<Text<'a>>, name: &str| {
            if field.is_none() {
                *field = spawn.str(name);
            }
        };
        fill(&mut self.parent_thread_id, "parent_thread_id");
        fill(&mut self.agent_path, "agent_path");
        fill(&mut self.agent_nickname, "agent_nickname");
        fill(&mut self.agent_role, "agent_role");
        fill(&mut self.agent_role, "agent_type");
    }
}

impl SessionMeta<'_> {
    /// Whether what is asked in the session is the client's own doing: nobody typed it, and no agent said it. A subagent
    /// of a kind that nobody knows yet is one of these; only one that another agent has spawned is not.
    pub fn is_asked_by_machine(&self) -> bool {
        self.source.as_deref() == Some("internal")
            || self.subagent.as_deref().is_some_and(|kind| kind != "thread_spawn")
    }
}

impl<'a> HistoryBase<'a> {
    fn decode(o: &Object<'a>) -> Self {
        Self {
            thread_id: o.str("thread_id"),
            end_ordinal: o.u64("end_ordinal_exclusive"),
            end_byte: o.u64("end_byte_offset"),
        }
    }
}

impl<'a> TurnContext<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let sandbox = o.object("sandbox_policy").unwrap_or_default();
        Self {
            turn_id: o.str("turn_id"),
            cwd: o.str("cwd"),
            model: o.str("model"),
            effort: o.tag("effort").or_else(|| o.tag("reasoning_effort")),
            summary: o.tag("summary"),
            approval_policy: o.tag("approval_policy"),
            approvals_reviewer: o.tag("approvals_reviewer"),
            sandbox_policy: o.tag("sandbox_policy"),
            network_access: network_access(o, &sandbox),
            writable_roots: sandbox.strings("writable_roots"),
            permission_profile: o.tag("permission_profile"),
            personality: o.tag("personality"),
            collaboration_mode: o.tag("collaboration_mode"),
            current_date: o.str("current_date"),
            timezone: o.str("timezone"),
            user_instructions: o.str("user_instructions"),
            developer_instructions: o.str("developer_instructions"),
            has_output_schema: o.raw("final_output_json_schema").is_some(),
            multi_agent_version: o.text("multi_agent_version"),
            payload: o.raw_json(),
        }
    }

    /// The settings without the ids of the turn, in a form that is equal for equal settings
    /// whatever the order of the fields.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical(self.payload)
    }
}

/// A policy says it in a boolean, or in a word (`enabled`, `restricted`).
fn network_access(context: &Object<'_>, sandbox: &Object<'_>) -> Option<bool> {
    sandbox
        .bool("network_access")
        .or_else(|| sandbox.str("network_access").map(|word| word == "enabled"))
        .or_else(|| context.bool("network_access"))
}

/// The fields of an object sorted by name, without the ids of a turn. Values stay as written.
fn canonical(payload: Json<'_>) -> Vec<u8> {
    let object = Object::parse(payload).unwrap_or_default();
    let mut fields: Vec<_> =
        object.fields().filter(|(name, _)| *name != "turn_id" && *name != "trace_id").collect();
    fields.sort_by_key(|(name, _)| *name);
    let mut bytes = Vec::with_capacity(payload.len());
    for (name, value) in fields {
        for piece in [name.as_bytes(), b"=", value.as_bytes(), b"\n"] {
            bytes.extend_from_slice(piece);
        }
    }
    bytes
}

impl<'a> ThreadSettings<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let settings = o.object("thread_settings").unwrap_or_default();
        let active = settings.object("active_permission_profile").unwrap_or_default();
        Self {
            model: settings.str("model"),
            model_provider: settings
                .str("model_provider_id")
                .or_else(|| settings.str("model_provider")),
            service_tier: settings.str("service_tier"),
            approval_policy: settings.tag("approval_policy"),
            approvals_reviewer: settings.tag("approvals_reviewer"),
            permission_profile: settings.tag("permission_profile"),
            active_permission_profile: active.str("id"),
            cwd: settings.str("cwd"),
            effort: settings.tag("reasoning_effort"),
            summary: settings.tag("reasoning_summary"),
            personality: settings.tag("personality"),
            collaboration_mode: settings.tag("collaboration_mode"),
            payload: o.raw_json(),
        }
    }
}

impl<'a> ThreadNameUpdated<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self { thread_id: o.str("thread_id"), name: o.str("thread_name") }
    }
}

impl<'a> ThreadGoal<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let goal = o.object("goal").unwrap_or_default();
        let number = |snake: &str, camel: &str| goal.u64(snake).or_else(|| goal.u64(camel));
        Self {
            thread_id: o.str("thread_id").or_else(|| goal.str("thread_id")),
            objective: goal.str("objective"),
            status: goal.tag("status"),
            token_budget: number("token_budget", "tokenBudget"),
            tokens_used: number("tokens_used", "tokensUsed"),
            time_used_s: number("time_used_seconds", "timeUsedSeconds"),
        }
    }
}

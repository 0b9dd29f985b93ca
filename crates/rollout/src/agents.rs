//! What agents do with one another, and the guardian that approves their actions.

use super::ended::call_id;
use super::json::{self, Json, Object, Text};

/// Event `guardian_assessment`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GuardianAssessment<'a> {
    /// Assessment.
    pub id: Option<Text<'a>>,
    /// Item that was assessed.
    pub target_item_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// `in_progress`, `approved`, `denied`, ….
    pub status: Option<Text<'a>>,
    /// Kind of action assessed.
    pub action: Option<Text<'a>>,
    /// Command assessed.
    pub command: Option<Text<'a>>,
    /// Working directory of the action.
    pub cwd: Option<Text<'a>>,
    /// Risk as judged.
    pub risk_level: Option<Text<'a>>,
    /// How far the user had allowed it.
    pub user_authorization: Option<Text<'a>>,
    /// Why.
    pub rationale: Option<Text<'a>>,
    /// Who decided.
    pub decision_source: Option<Text<'a>>,
}

/// Events `collab_*`, and the collaboration item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Collab<'a> {
    /// Which tool: the event's type, or the tool of the item.
    pub tool: Option<Text<'a>>,
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Thread that asked.
    pub sender_thread_id: Option<Text<'a>>,
    /// Threads that were asked, new ones included.
    pub receiver_thread_ids: Vec<Text<'a>>,
    /// What was asked.
    pub prompt: Option<Text<'a>>,
    /// Model of the agent.
    pub model: Option<Text<'a>>,
    /// Reasoning effort of the agent.
    pub effort: Option<Text<'a>>,
    /// Name of the agent.
    pub nickname: Option<Text<'a>>,
    /// Role of the agent.
    pub role: Option<Text<'a>>,
    /// State: a word, or the tag where it is an object.
    pub status: Option<Text<'a>>,
    /// JSON of the states of several agents.
    pub statuses: Option<Json<'a>>,
    /// What the agents have said when they were done.
    pub said: Vec<Text<'a>>,
}

/// Event `sub_agent_activity`, and the item of that name in paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SubAgentActivity<'a> {
    /// Event.
    pub event_id: Option<Text<'a>>,
    /// When, milliseconds since the epoch.
    pub occurred_at_ms: Option<i64>,
    /// Thread of the agent.
    pub agent_thread_id: Option<Text<'a>>,
    /// Path of the agent.
    pub agent_path: Option<Text<'a>>,
    /// `started`, `completed`, ….
    pub kind: Option<Text<'a>>,
}

impl<'a> GuardianAssessment<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let action = o.object("action").unwrap_or_default();
        let argv = || {
            let argv = action.strings("command");
            (!argv.is_empty()).then(|| Text::Owned(argv.join(" ")))
        };
        Self {
            id: o.str("id"),
            target_item_id: o.str("target_item_id"),
            turn_id: o.str("turn_id"),
            status: o.tag("status"),
            action: o.tag("action"),
            command: action.str("command").or_else(argv),
            cwd: action.str("cwd"),
            risk_level: o.tag("risk_level"),
            user_authorization: o.tag("user_authorization"),
            rationale: o.str("rationale"),
            decision_source: o.tag("decision_source"),
        }
    }
}

impl<'a> Collab<'a> {
    pub(super) fn decode(o: &Object<'a>, tool: Option<Text<'a>>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| o.str(name));
        let statuses =
            ["statuses", "agent_statuses", "agents_states"].iter().find_map(|name| o.raw(name));
        Self {
            said: o.raw("status").and_then(said).into_iter().chain(all_said(statuses)).collect(),
            tool,
            call_id: call_id(o),
            sender_thread_id: o.str("sender_thread_id"),
            receiver_thread_ids: receivers(o),
            prompt: o.str("prompt"),
            model: o.str("model"),
            effort: o.tag("reasoning_effort"),
            nickname: first(&["new_agent_nickname", "receiver_agent_nickname"]),
            role: first(&["new_agent_role", "receiver_agent_role"]),
            status: o.tag("status"),
            statuses,
        }
    }
}

/// What the agents of these states have said: states by agent, or in a list with the agent inside.
fn all_said(statuses: Option<Json<'_>>) -> Vec<Text<'_>> {
    let statuses = statuses.unwrap_or_default();
    if let Some(list) = json::array(statuses) {
        let status = |json| Object::parse(json)?.raw("status").and_then(said);
        return list.into_iter().filter_map(status).collect();
    }
    let by_agent = Object::parse(statuses).unwrap_or_default();
    by_agent.fields().filter_map(|(_, status)| said(status)).collect()
}

/// `{"completed":"text"}`, `{"errored":"text"}` or `{"status":"completed","message":"text"}`.
fn said(status: Json<'_>) -> Option<Text<'_>> {
    let status = Object::parse(status)?;
    ["completed", "errored", "message"].iter().find_map(|name| status.str(name))
}

fn receivers<'a>(o: &Object<'a>) -> Vec<Text<'a>> {
    let mut threads = o.strings("receiver_thread_ids");
    threads.extend(o.str("receiver_thread_id"));
    threads.extend(o.str("new_thread_id"));
    threads
}

impl<'a> SubAgentActivity<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            event_id: o.str("event_id").or_else(|| o.str("id")),
            occurred_at_ms: o.i64("occurred_at_ms"),
            agent_thread_id: o.str("agent_thread_id"),
            agent_path: o.str("agent_path"),
            kind: o.tag("kind"),
        }
    }
}

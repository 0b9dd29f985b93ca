//! The fields known for every kind of record: whatever else appears is drift.
//!
//! A name in these tables is described, not necessarily decoded. Grow them when a new field has
//! been looked at.

use super::json::{self, Object, Text};
use super::usage::COUNTERS;

/// Fields of the envelope.
pub(super) const ENVELOPE: &[&str] = &["timestamp", "type", "payload", "ordinal", "metadata"];

/// Fields of `info` in a `token_count`.
const INFO: &[&str] = &["total_token_usage", "last_token_usage", "model_context_window"];

/// Fields that any response item may have.
const ITEM: &[&str] =
    &["type", "id", "status", "internal_chat_message_metadata_passthrough", "metadata"];

/// Fields that any event may have.
const EVENT: &[&str] = &["type"];

/// Fields that any item of a paginated file may have.
const PAGINATED_ITEM: &[&str] = &["type", "id", "status"];

/// Stands for a payload that is opaque on purpose: nothing in it is drift.
const ANY: &[&str] = &["*"];

/// Fields of the settings of a thread.
#[rustfmt::skip]
const SETTINGS: &[&str] = &[
    "model", "model_provider", "model_provider_id", "cwd", "approval_policy", "approvals_reviewer",
    "active_permission_profile", "permission_profile", "sandbox_policy", "personality",
    "collaboration_mode", "reasoning_effort", "effort", "reasoning_summary", "summary",
    "service_tier", "disabled_plugin_ids", "runtime_workspace_roots", "multi_agent_mode",
];

/// Fields of the rate limits.
#[rustfmt::skip]
const LIMITS: &[&str] = &[
    "limit_id", "limit_name", "plan_type", "primary", "secondary", "credits",
    "rate_limit_reached_type", "normal_model_slug", "primary_used_percent",
    "primary_window_minutes", "secondary_used_percent", "secondary_window_minutes",
    "secondary_to_primary_ratio_percent", "primary_to_secondary_ratio_percent",
    "individual_limit", "spend_control_reached",
];

/// Fields of one window of the rate limits.
const WINDOW: &[&str] = &["used_percent", "window_minutes", "resets_at", "resets_in_seconds"];

/// Types of the parts of a message, and the fields that a part of that type may have beside its type.
#[rustfmt::skip]
const PARTS: &[(&[&str], &[&str])] = &[
    (&["input_text", "inputText", "output_text", "text", "Text", "summary_text", "reasoning_text"],
        &["text", "annotations", "logprobs", "text_elements"]),
    (&["input_image", "inputImage", "image", "local_image", "localImage"],
        &["image_url", "imageUrl", "url", "path", "data", "file_id", "detail"]),
    (&["input_audio", "audio", "local_audio"], &["audio_url", "url", "path", "input_audio"]),
    (&["encrypted_content"], &["encrypted_content"]),
    (&["skill", "mention"], &["name", "path"]),
];

/// Fields of what a client passes through the model's service beside a response item.
#[rustfmt::skip]
const PASSED: &[&str] = &[
    "turn_id", "create_time", "content_item_kinds", "content_item_metadata", "cell_id",
    "executed_tool_calls", "tool_calls_complete",
];

fn fresh<'a>(o: &Object<'a>, known: &[&str], within: &str, unknown: &mut Vec<Text<'a>>) {
    let names = o.names().filter(|name| !known.contains(&name.as_ref()));
    unknown.extend(names.map(|name| format!("{within}.{name}").into()));
}

pub(super) fn settings_fields<'a>(settings: &Object<'a>, unknown: &mut Vec<Text<'a>>) {
    fresh(settings, SETTINGS, "thread_settings", unknown);
}

pub(super) fn passed_fields<'a>(payload: &Object<'a>, unknown: &mut Vec<Text<'a>>) {
    let name = "internal_chat_message_metadata_passthrough";
    let passed = payload.object(name).unwrap_or_default();
    fresh(&passed, PASSED, "passthrough", unknown);
}

/// What is known of one kind of record.
pub(super) struct Known {
    kind: &'static str,
    subtype: &'static str,
    common: &'static [&'static str],
    fields: &'static [&'static str],
}

impl Known {
    /// Adds the names that are not known.
    pub(super) fn unknown_fields<'a>(&self, payload: &Object<'a>, unknown: &mut Vec<Text<'a>>) {
        let is_known = |name: &&Text<'a>| {
            let name = name.as_ref();
            self.fields.contains(&name) || self.common.contains(&name) || self.fields == ANY
        };
        unknown.extend(payload.names().filter(|name| !is_known(name)).cloned());
    }
}

/// What is known of a (kind, subtype); `None` for one that nobody has described.
pub(super) fn known(kind: &str, subtype: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.kind == kind && known.subtype == subtype)
}

/// Whether a word is a kind of enveloped record.
pub(super) fn is_top_level(kind: &str) -> bool {
    KNOWN.iter().any(|known| known.kind == kind)
}

/// Adds the unknown fields of the item inside `item_completed`; false where its type is unknown.
pub(super) fn item_fields<'a>(kind: &str, o: &Object<'a>, unknown: &mut Vec<Text<'a>>) -> bool {
    let Some((_, fields)) = ITEMS.iter().find(|(known, _)| *known == kind) else {
        return false;
    };
    for name in o.names() {
        let snake = json::snake(name);
        let is_known = |name: &str| fields.contains(&name) || PAGINATED_ITEM.contains(&name);
        if !is_known(name) && !is_known(&snake) {
            unknown.push(format!("item.{name}").into());
        }
    }
    for field in ["content", "content_items", "contentItems"] {
        part_fields(o, field, unknown);
    }
    true
}

/// Adds the unknown types and fields of the parts of a content field: a new kind of part is something that was said.
pub(super) fn part_fields<'a>(o: &Object<'a>, field: &str, unknown: &mut Vec<Text<'a>>) {
    for part in o.array(field).unwrap_or_default().into_iter().filter_map(Object::parse) {
        let kind = part.str("type").unwrap_or_default();
        match PARTS.iter().find(|(kinds, _)| kinds.contains(&kind.as_ref())) {
            Some((_, fields)) => {
                let is_new = |name: &&Text<'a>| *name != "type" && !fields.contains(&name.as_ref());
                let names = part.names().filter(is_new);
                unknown.extend(names.map(|name| format!("{field}.{name}").into()));
            }
            None => unknown.push(format!("{field}.type {kind}").into()),
        }
    }
}

/// Adds the unknown counters of a `token_count` or a `token_usage_record`: a new class of tokens
/// changes what a session costs.
pub(super) fn counter_fields<'a>(payload: &Object<'a>, unknown: &mut Vec<Text<'a>>) {
    let info = payload.object("info").unwrap_or_default();
    fresh(&info, INFO, "info", unknown);
    let limits = payload.object("rate_limits").unwrap_or_default();
    fresh(&limits, LIMITS, "rate_limits", unknown);
    for name in ["primary", "secondary"] {
        let window = limits.object(name).unwrap_or_default();
        fresh(&window, WINDOW, &format!("rate_limits.{name}"), unknown);
    }
    let usages = [info.object("total_token_usage"), info.object("last_token_usage")];
    for usage in usages.into_iter().chain([payload.object("usage")]).flatten() {
        fresh(&usage, &COUNTERS, "usage", unknown);
    }
}

const fn item(subtype: &'static str, fields: &'static [&'static str]) -> Known {
    Known { kind: "response_item", subtype, common: ITEM, fields }
}

const fn event(subtype: &'static str, fields: &'static [&'static str]) -> Known {
    Known { kind: "event_msg", subtype, common: EVENT, fields }
}

const fn top(kind: &'static str, fields: &'static [&'static str]) -> Known {
    Known { kind, subtype: "", common: &[], fields }
}

/// Frequent kinds first: the table is searched in order.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
    event("token_count", &["info", "rate_limits"]),
    item("reasoning", &["summary", "content", "encrypted_content"]),
    item("function_call", &[
        "name", "arguments", "call_id", "namespace", "encrypted_content", "encrypted_function_args",
    ]),
    item("function_call_output", &["call_id", "output", "success", "name", "namespace"]),
    event("agent_reasoning", &["text"]),
    top("turn_context", &[
        "cwd", "approval_policy", "sandbox_policy", "model", "effort", "summary", "turn_id",
        "trace_id", "personality", "collaboration_mode", "user_instructions",
        "developer_instructions", "final_output_json_schema", "truncation_policy",
        "workspace_roots", "current_date", "timezone", "permission_profile",
        "file_system_sandbox_policy", "network", "approvals_reviewer", "realtime_active",
        "comp_hash", "multi_agent_version", "multi_agent_mode", "reasoning_effort",
        "network_access", "root_turn_id", "disabled_plugin_ids", "active_permission_profile",
        "cyber_access_program",
    ]),
    item("message", &["role", "content", "phase", "end_turn", "encrypted_content"]),
    event("agent_message", &["message", "phase", "memory_citation", "delivery", "questions"]),
    item("custom_tool_call", &["name", "input", "call_id", "namespace", "encrypted_content"]),
    item("custom_tool_call_output", &["call_id", "output", "name", "success"]),
    event("user_message", &[
        "message", "images", "local_images", "text_elements", "kind", "client_id", "audio",
        "local_audio", "file_ids", "file_id_details", "image_details", "image_order",
        "local_image_details",
    ]),
    event("task_started", TASK_STARTED),
    event("turn_started", TASK_STARTED),
    event("task_complete", TASK_COMPLETE),
    event("turn_complete", TASK_COMPLETE),
    event("turn_aborted", &[
        "reason", "turn_id", "started_at", "completed_at", "duration_ms", "error", "root_turn_id",
    ]),
    top("session_meta", &[
        "id", "session_id", "timestamp", "cwd", "originator", "cli_version", "instructions",
        "base_instructions", "source", "thread_source", "model_provider", "git",
        "forked_from_id", "forked_from_ordinal_exclusive", "parent_thread_id", "agent_path",
        "agent_nickname", "agent_role", "agent_type", "multi_agent_version", "history_mode",
        "history_base", "subagent_history_start_ordinal", "context_window", "memory_mode",
        "dynamic_tools", "selected_capability_roots",
        "creator_user_id", "creator_account_id", "runtime_workspace_roots",
    ]),
    top("token_usage_record", &[
        "session_id", "thread_id", "turn_id", "root_turn_id", "response_id", "usage",
        "turn_token_usage", "thread_token_usage",
    ]),
    event("item_completed", &["thread_id", "turn_id", "item", "started_at_ms", "completed_at_ms"]),
    event("exec_command_end", &[
        "call_id", "process_id", "turn_id", "command", "cwd", "parsed_cmd", "source",
        "interaction_input", "stdout", "stderr", "aggregated_output", "formatted_output",
        "exit_code", "duration", "status", "completed_at_ms", "plugin_id", "script_path",
    ]),
    event("patch_apply_end", &[
        "call_id", "turn_id", "stdout", "stderr", "success", "status", "changes",
    ]),
    event("mcp_tool_call_end", &[
        "call_id", "turn_id", "invocation", "duration", "result", "connector_id", "link_id",
        "mcp_app_resource_uri", "mcp_app_ui", "app_name", "action_name", "plugin_id",
        "read_only_hint",
    ]),
    event("web_search_end", &["call_id", "query", "action", "results"]),
    event("agent_reasoning_raw_content", &["text"]),
    event("view_image_tool_call", &["call_id", "path"]),
    event("context_compacted", &[]),
    event("thread_settings_applied", &["thread_id", "thread_settings"]),
    event("entered_review_mode", &["target", "user_facing_hint", "turn_id", "item_id"]),
    event("exited_review_mode", &["review_output", "turn_id", "item_id"]),
    event("thread_rolled_back", &["num_turns"]),
    event("thread_name_updated", &["thread_id", "thread_name"]),
    event("thread_goal_updated", &["thread_id", "turn_id", "goal"]),
    event("image_generation_end", &[
        "call_id", "status", "revised_prompt", "result", "saved_path", "transparent_background",
        "failure",
    ]),
    event("dynamic_tool_call_request", &[
        "call_id", "callId", "turn_id", "turnId", "namespace", "tool", "arguments",
    ]),
    event("dynamic_tool_call_response", &[
        "call_id", "turn_id", "namespace", "tool", "arguments", "content_items", "success",
        "error", "duration", "completed_at_ms",
    ]),
    event("guardian_assessment", &[
        "id", "target_item_id", "turn_id", "status", "action", "risk_level",
        "user_authorization", "rationale", "decision_source",
    ]),
    event("collab_agent_spawn_end", &[
        "call_id", "sender_thread_id", "new_thread_id", "new_agent_nickname", "new_agent_role",
        "prompt", "model", "reasoning_effort", "status", "completed_at_ms", "receiver_thread_id",
    ]),
    event("collab_agent_interaction_end", COLLAB),
    event("collab_waiting_end", &["call_id", "sender_thread_id", "agent_statuses", "statuses"]),
    event("collab_close_end", COLLAB),
    event("collab_resume_end", COLLAB),
    event("sub_agent_activity", &[
        "event_id", "occurred_at_ms", "agent_thread_id", "agent_path", "kind", "model",
        "reasoning_effort",
    ]),
    event("error", &["message", "codex_error_info"]),
    event("warning", &["message"]),
    event("stream_error", &["message", "codex_error_info", "additional_details"]),
    event("background_event", &["message"]),
    event("deprecation_notice", &["summary", "details"]),
    // Known by name, kept as they stand.
    event("undo_completed", &["success", "message"]),
    event("plan_update", &["plan", "explanation"]),
    event("raw_response_item", &["item"]),
    item("local_shell_call", &["call_id", "action", "encrypted_content"]),
    item("web_search_call", &["action", "encrypted_content"]),
    item("tool_search_call", &["call_id", "execution", "arguments", "encrypted_content"]),
    item("tool_search_output", &["call_id", "execution", "tools"]),
    item("image_generation_call", &["revised_prompt", "result", "encrypted_content"]),
    item("agent_message", &["author", "recipient", "content"]),
    item("ghost_snapshot", &["ghost_commit"]),
    item("compaction", &["encrypted_content"]),
    item("compaction_summary", &["encrypted_content"]),
    item("context_compaction", &["encrypted_content"]),
    item("additional_tools", &["tools", "role"]),
    item("compaction_trigger", &[]),
    item("other", &[]),
    top("compacted", &[
        "message", "replacement_history", "window_number", "first_window_id",
        "previous_window_id", "window_id", "replacement_history_metadata",
        "compaction_response_id", "latest_token_usage_record", "guardian_history",
        "retained_context", "mcp_resource_origins", "resume_metadata",
    ]),
    top("world_state", &["full", "state"]),
    top("inter_agent_communication", &[
        "author", "recipient", "other_recipients", "content", "trigger_turn", "id",
    ]),
    top("security_risk_score", ANY),
    top("retained_context", ANY),
    top("realtime_item", ANY),
    top("inter_agent_communication_metadata", &["trigger_turn", "message_id", "wake_applied"]),
];

const TASK_STARTED: &[&str] = &[
    "turn_id",
    "model_context_window",
    "collaboration_mode_kind",
    "started_at",
    "trace_id",
    "root_turn_id",
    "turn_attribution",
];

const TASK_COMPLETE: &[&str] = &[
    "turn_id",
    "last_agent_message",
    "started_at",
    "completed_at",
    "duration_ms",
    "time_to_first_token_ms",
    "error",
    "root_turn_id",
];

const COLLAB: &[&str] = &[
    "call_id",
    "sender_thread_id",
    "receiver_thread_id",
    "receiver_agent_nickname",
    "receiver_agent_role",
    "prompt",
    "status",
    "completed_at_ms",
];

const TOOL_ITEM: &[&str] = &[
    "server",
    "tool",
    "namespace",
    "arguments",
    "result",
    "error",
    "content_items",
    "success",
    "duration",
    "duration_ms",
    "app_context",
    "mcp_app_resource_uri",
    "connectorId",
    "appName",
    "pluginId",
    "readOnlyHint",
];

/// Items of paginated files, by type.
#[rustfmt::skip]
const ITEMS: &[(&str, &[&str])] = &[
    ("UserMessage", &["content", "client_id"]),
    ("AgentMessage", &["content", "phase", "memory_citation", "delivery", "questions"]),
    ("Reasoning", &["summary_text", "raw_content"]),
    ("Plan", &["text"]),
    ("CommandExecution", &[
        "command", "cwd", "process_id", "parsed_cmd", "command_actions", "source",
        "aggregated_output", "stdout", "stderr", "formatted_output", "interaction_input",
        "exit_code", "duration", "duration_ms", "plugin_id", "script_path",
    ]),
    ("FileChange", &["changes", "stdout", "stderr", "auto_approved"]),
    ("McpToolCall", TOOL_ITEM),
    ("DynamicToolCall", TOOL_ITEM),
    ("CollabAgentToolCall", &[
        "tool", "sender_thread_id", "receiver_thread_ids", "prompt", "model",
        "reasoning_effort", "agents_states", "receiver_agents",
    ]),
    ("SubAgentActivity", &[
        "kind", "agent_thread_id", "agent_path", "event_id", "occurred_at_ms", "model",
        "reasoning_effort",
    ]),
    ("WebSearch", &["query", "action", "results"]),
    ("ImageView", &["path"]),
    ("ImageGeneration", &["revised_prompt", "result", "saved_path"]),
    ("FunctionCallOutput", &["call_id", "output", "name", "namespace"]),
    ("HookPrompt", &["fragments"]),
    ("EnteredReviewMode", &["review", "target", "user_facing_hint"]),
    ("ExitedReviewMode", &["review", "review_output"]),
    ("ContextCompaction", &[]),
    ("Sleep", &["duration_ms"]),
    ("Extension", &[
        "kind", "data", "payload", "query", "action", "results", "durationMs", "revisedPrompt",
        "result", "savedPath", "transparentBackground",
    ]),
];

#[cfg(test)]
mod tests {
    use super::super::{Event, parse_line};
    use super::*;

    /// Kinds that are known by name and kept as they stand.
    const OPAQUE: &[&str] = &[
        "undo_completed",
        "plan_update",
        "raw_response_item",
        "additional_tools",
        "compaction_trigger",
        "other",
        "security_risk_score",
        "retained_context",
        "realtime_item",
    ];

    #[test]
    fn every_known_kind_has_a_decoder() {
        for known in KNOWN {
            let (kind, subtype) = (known.kind, known.subtype);
            let line = format!(
                r#"{{"timestamp":"2026-01-01T00:00:00Z","type":"{kind}","payload":{{"type":"{subtype}"}}}}"#
            );
            let record = parse_line(line.as_bytes());
            let name = if subtype.is_empty() { kind } else { subtype };
            let decoded = !matches!(record.event, Event::Other(_));
            assert_eq!(decoded, !OPAQUE.contains(&name), "{kind} {subtype}");
        }
    }

    #[test]
    fn no_kind_is_listed_twice() {
        for (at, known) in KNOWN.iter().enumerate() {
            let same = |k: &Known| k.kind == known.kind && k.subtype == known.subtype;
            assert_eq!(KNOWN.iter().position(same), Some(at), "{} {}", known.kind, known.subtype);
        }
    }

    #[test]
    fn reports_new_fields_at_every_level() {
        let line = br#"{"timestamp":"2026-01-01T00:00:00Z","type":"event_msg","shard":1,"payload":{
            "type":"token_count","info":{"total_token_usage":{"video_tokens":1},"tier":2},"hue":3}}"#;
        let fields = parse_line(line).unknown_fields;
        assert_eq!(fields, ["envelope.shard", "hue", "info.tier", "usage.video_tokens"]);
        let line = br#"{"timestamp":"2026-01-01T00:00:00Z","type":"event_msg","payload":{
            "type":"item_completed","item":{"type":"Plan","id":"1","text":"t","new":1}}}"#;
        assert_eq!(parse_line(line).unknown_fields, ["item.new"]);
        let line = br#"{"timestamp":"2026-01-01T00:00:00Z","type":"response_item","payload":{"type":"message",
            "role":"user","content":[{"type":"input_text","text":"a","tone":1},{"type":"smell","x":1}]}}"#;
        assert_eq!(parse_line(line).unknown_fields, ["content.tone", "content.type smell"]);
        let line = br#"{"timestamp":"2026-01-01T00:00:00Z","type":"event_msg","payload":{"type":"token_count",
            "info":null,"rate_limits":{"primary":{"used_percent":1,"shape":2},"secondary":null}}}"#;
        assert_eq!(parse_line(line).unknown_fields, ["rate_limits.primary.shape"]);
    }
}

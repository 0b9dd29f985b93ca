//! From (kind, subtype) and payload to the event.

use super::agents::{Collab, GuardianAssessment, SubAgentActivity};
use super::content::{AgentMail, AgentMessage, AgentReasoning, Message, Reasoning, UserMessage};
use super::drift;
use super::ended::{
    DynamicToolCallRequest, DynamicToolCallResponse, ExecCommandEnd, ImageGenerationEnd,
    McpToolCallEnd, PatchApplyEnd, ViewImage, WebSearchEnd,
};
use super::event::{Event, Other};
use super::item::ItemCompleted;
use super::json::{Object, Text};
use super::record::{Record, Understanding};
use super::session::{SessionMeta, ThreadGoal, ThreadNameUpdated, ThreadSettings, TurnContext};
use super::tool::{CallKind, OutputKind, ToolCall, ToolOutput};
use super::turn::{
    Compacted, Compaction, EnteredReview, ErrorEvent, ExitedReview, GhostSnapshot, InterAgent,
    InterAgentMetadata, Notice, TaskComplete, TaskStarted, ThreadRolledBack, TurnAborted,
    WorldState,
};
use super::usage::{TokenCount, TokenUsageRecord};

/// Decodes the payload into the record: subtype, event, drift. The kind is already there.
pub(super) fn fill<'a>(record: &mut Record<'a>, payload: &Object<'a>) {
    record.subtype = match record.kind.as_ref() {
        "response_item" | "event_msg" => subtype(payload),
        _ => None,
    };
    let subtype = record.subtype.as_deref().unwrap_or_default();
    match drift::known(&record.kind, subtype) {
        Some(known) => known.unknown_fields(payload, &mut record.unknown_fields),
        None => record.understanding = Understanding::Unknown,
    }
    record.event = event(&record.kind, subtype, payload).unwrap_or_else(|| {
        Event::Other(Other { subtype: record.subtype.clone(), payload: payload.raw_json() })
    });
    nested_drift(record, payload);
}

fn nested_drift<'a>(record: &mut Record<'a>, payload: &Object<'a>) {
    match &record.event {
        Event::ItemCompleted(completed) => {
            let item = payload.object("item").unwrap_or_default();
            let kind = &completed.item.kind;
            if !drift::item_fields(kind, &item, &mut record.unknown_fields) {
                record.understanding = Understanding::Unknown;
            }
        }
        Event::TokenCount(_) | Event::TokenUsageRecord(_) => {
            drift::counter_fields(payload, &mut record.unknown_fields);
        }
        Event::ThreadSettings(_) => {
            let settings = payload.object("thread_settings").unwrap_or_default();
            drift::settings_fields(&settings, &mut record.unknown_fields);
        }
        Event::Message(_) => {
            drift::passed_fields(payload, &mut record.unknown_fields);
            drift::part_fields(payload, "content", &mut record.unknown_fields);
        }
        Event::AgentMail(_) => {
            drift::part_fields(payload, "content", &mut record.unknown_fields);
        }
        Event::Reasoning(_) | Event::ToolCall(_) | Event::ToolOutput(_) => {
            drift::passed_fields(payload, &mut record.unknown_fields);
        }
        _ => {}
    }
}

/// The type of the payload; a message of the oldest files has only role and content.
fn subtype<'a>(payload: &Object<'a>) -> Option<Text<'a>> {
    let implied = payload.has("role") && payload.has("content");
    payload.str("type").or_else(|| implied.then_some(Text::Borrowed("message")))
}

fn event<'a>(kind: &str, subtype: &str, o: &Object<'a>) -> Option<Event<'a>> {
    Some(match kind {
        "response_item" => return response_item(subtype, o),
        "event_msg" => return message_event(subtype, o).or_else(|| tool_event(subtype, o)),
        "turn_context" => Event::TurnContext(TurnContext::decode(o).into()),
        "session_meta" => Event::SessionMeta(SessionMeta::decode(o).into()),
        "compacted" => Event::Compacted(Compacted::decode(o)),
        "token_usage_record" => Event::TokenUsageRecord(TokenUsageRecord::decode(o)),
        "world_state" => Event::WorldState(WorldState::decode(o)),
        "inter_agent_communication" => Event::InterAgent(InterAgent::decode(o)),
        "inter_agent_communication_metadata" => {
            Event::InterAgentMetadata(InterAgentMetadata::decode(o))
        }
        _ => return None,
    })
}

fn response_item<'a>(subtype: &str, o: &Object<'a>) -> Option<Event<'a>> {
    let call = |kind| Event::ToolCall(ToolCall::decode(o, kind));
    let output = |kind| Event::ToolOutput(ToolOutput::decode(o, kind));
    Some(match subtype {
        "message" => Event::Message(Message::decode(o)),
        "reasoning" => Event::Reasoning(Reasoning::decode(o)),
        "function_call" => call(CallKind::Function),
        "function_call_output" => output(OutputKind::Function),
        "custom_tool_call" => call(CallKind::Custom),
        "custom_tool_call_output" => output(OutputKind::Custom),
        "local_shell_call" => call(CallKind::LocalShell),
        "web_search_call" => call(CallKind::WebSearch),
        "tool_search_call" => call(CallKind::ToolSearch),
        "tool_search_output" => output(OutputKind::ToolSearch),
        "image_generation_call" => call(CallKind::ImageGeneration),
        "agent_message" => Event::AgentMail(AgentMail::decode(o)),
        "ghost_snapshot" => Event::GhostSnapshot(GhostSnapshot::decode(o)),
        "compaction" | "compaction_summary" | "context_compaction" => {
            Event::Compaction(Compaction::decode(o))
        }
        _ => return None,
    })
}

/// Events about the conversation.
fn message_event<'a>(subtype: &str, o: &Object<'a>) -> Option<Event<'a>> {
    Some(match subtype {
        "token_count" => Event::TokenCount(TokenCount::decode(o)),
        "agent_reasoning" => Event::AgentReasoning(AgentReasoning::decode(o, false)),
        "agent_reasoning_raw_content" => Event::AgentReasoning(AgentReasoning::decode(o, true)),
        "agent_message" => Event::AgentMessage(AgentMessage::decode(o)),
        "user_message" => Event::UserMessage(UserMessage::decode(o)),
        "task_started" | "turn_started" => Event::TaskStarted(TaskStarted::decode(o)),
        "task_complete" | "turn_complete" => Event::TaskComplete(TaskComplete::decode(o)),
        "turn_aborted" => Event::TurnAborted(TurnAborted::decode(o)),
        "context_compacted" => Event::ContextCompacted,
        "entered_review_mode" => Event::EnteredReview(EnteredReview::decode(o)),
        "exited_review_mode" => Event::ExitedReview(ExitedReview::decode(o)),
        "thread_rolled_back" => Event::ThreadRolledBack(ThreadRolledBack::decode(o)),
        "thread_name_updated" => Event::ThreadNameUpdated(ThreadNameUpdated::decode(o)),
        "thread_settings_applied" => Event::ThreadSettings(ThreadSettings::decode(o).into()),
        "thread_goal_updated" => Event::ThreadGoal(ThreadGoal::decode(o)),
        "item_completed" => {
            let item = o.object("item").unwrap_or_default();
            Event::ItemCompleted(ItemCompleted::decode(o, &item).into())
        }
        "error" => Event::Error(ErrorEvent::decode(o)),
        "warning" | "stream_error" | "background_event" | "deprecation_notice" => {
            Event::Notice(Notice::decode(o))
        }
        _ => return None,
    })
}

/// Events about tools and agents.
fn tool_event<'a>(subtype: &str, o: &Object<'a>) -> Option<Event<'a>> {
    Some(match subtype {
        "exec_command_end" => Event::ExecCommandEnd(ExecCommandEnd::decode(o).into()),
        "patch_apply_end" => Event::PatchApplyEnd(PatchApplyEnd::decode(o).into()),
        "mcp_tool_call_end" => Event::McpToolCallEnd(McpToolCallEnd::decode(o).into()),
        "web_search_end" => Event::WebSearchEnd(WebSearchEnd::decode(o)),
        "view_image_tool_call" => Event::ViewImage(ViewImage::decode(o)),
        "image_generation_end" => Event::ImageGenerationEnd(ImageGenerationEnd::decode(o)),
        "dynamic_tool_call_request" => {
            Event::DynamicToolCallRequest(DynamicToolCallRequest::decode(o))
        }
        "dynamic_tool_call_response" => {
            Event::DynamicToolCallResponse(DynamicToolCallResponse::decode(o).into())
        }
        "guardian_assessment" => Event::GuardianAssessment(GuardianAssessment::decode(o).into()),
        "sub_agent_activity" => Event::SubAgentActivity(SubAgentActivity::decode(o)),
        _ if subtype.starts_with("collab_") => {
            Event::Collab(Collab::decode(o, o.str("type")).into())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::event::{ItemBody, Part, Role, Usage};
    use super::super::parse_line;
    use super::*;

    /// The event of a record with this kind and payload.
    fn read<'a>(line: &'a mut String, kind: &str, payload: &str) -> Event<'a> {
        *line = format!(
            r#"{{"timestamp":"2026-03-01T10:00:00.123Z","type":"{kind}","payload":{payload}}}"#
        );
        let record = parse_line(line.as_bytes());
        assert_eq!(record.timestamp_ms, Some(1_772_359_200_123));
        assert_eq!(record.understanding, Understanding::Understood);
        assert_eq!(record.unknown_fields, Vec::<Text<'_>>::new());
        assert_eq!(record.problems, []);
        record.event
    }

    macro_rules! event {
        ($pattern:path, $kind:literal, $payload:expr) => {{
            let line = Box::leak(Box::default());
            let $pattern(event) = read(line, $kind, $payload) else { panic!("another event") };
            event
        }};
    }

    #[test]
    fn session_of_a_spawned_agent() {
        let meta = event!(
            Event::SessionMeta,
            "session_meta",
            r#"{"id":"c","session_id":"r","timestamp":"2026-03-01T10:00:00Z","cwd":"/w",
            "git":{"branch":"main"},"base_instructions":{"text":"be"},"dynamic_tools":[{},{}],
            "source":{"subagent":{"thread_spawn":{"parent_thread_id":"p","depth":2,
            "agent_nickname":"Ada","agent_role":null}}},"history_mode":"paginated",
            "history_base":{"thread_id":"p","end_ordinal_exclusive":9,"end_byte_offset":99}}"#
        );
        assert_eq!(meta.source.as_deref(), Some("subagent"));
        assert_eq!(meta.subagent.as_deref(), Some("thread_spawn"));
        assert_eq!(meta.parent_thread_id.as_deref(), Some("p"));
        assert_eq!((meta.depth, meta.agent_role.as_deref()), (Some(2), None));
        assert_eq!(meta.base_instructions.as_deref(), Some("be"));
        assert_eq!((meta.git_branch.as_deref(), meta.dynamic_tools), (Some("main"), 2));
        assert_eq!(meta.history_base.and_then(|base| base.end_ordinal), Some(9));
    }

    #[test]
    fn source_in_its_other_forms() {
        for (source, plain, subagent) in [
            (r#""cli""#, "cli", None),
            (r#"{"subagent":"review"}"#, "subagent", Some("review")),
            (r#"{"subagent":{"other":"guardian"}}"#, "subagent", Some("guardian")),
        ] {
            let payload = format!(r#"{{"source":{source}}}"#);
            let meta = event!(Event::SessionMeta, "session_meta", &payload);
            assert_eq!(meta.source.as_deref(), Some(plain));
            assert_eq!(meta.subagent.as_deref(), subagent);
        }
    }

    #[test]
    fn turn_contexts_fold_whatever_their_order_and_turn() {
        let read = |payload| event!(Event::TurnContext, "turn_context", payload);
        let first = read(
            r#"{"turn_id":"a","cwd":"/w","model":"m","approval_policy":{"granular":{"x":true}},
            "sandbox_policy":{"type":"workspace-write","network_access":false}}"#,
        );
        let second = read(
            r#"{"cwd":"/w","model":"m","approval_policy":{"granular":{"x":true}},
            "sandbox_policy":{"type":"workspace-write","network_access":false},"turn_id":"b"}"#,
        );
        assert_eq!(first.canonical(), second.canonical());
        assert_ne!(first.canonical(), read(r#"{"cwd":"/w","model":"n"}"#).canonical());
        assert_eq!(first.approval_policy.as_deref(), Some("granular"));
        assert_eq!(first.sandbox_policy.as_deref(), Some("workspace-write"));
        assert_eq!(first.network_access, Some(false));
        let old = read(r#"{"sandbox_policy":{"mode":"read-only"}}"#);
        assert_eq!(old.sandbox_policy.as_deref(), Some("read-only"));
    }

    #[test]
    fn messages_keep_their_parts() {
        let line = format!(
            r#"{{"timestamp":"2026-03-01T10:00:00.123Z","type":"response_item","payload":{}}}"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},
            {"type":"input_image","image_url":"data:x"},{"type":"input_audio","audio_url":"u"},
            {"type":"mystery","x":1}],"metadata":{"turn_id":"t"}}"#
        );
        let record = parse_line(line.as_bytes());
        assert_eq!(record.unknown_fields, ["content.type mystery"]);
        let Event::Message(message) = record.event else { panic!("another event") };
        assert_eq!(message.role, Role::User);
        assert_eq!(message.turn_id.as_deref(), Some("t"));
        assert_eq!(message.parts[..2], [Part::Text("a".into()), Part::Image("data:x".into())]);
        assert_eq!(message.parts[2], Part::Audio("u".into()));
        assert!(matches!(&message.parts[3], Part::Other(kind, _) if kind == "mystery"));
    }

    #[test]
    fn tool_outputs_of_every_shape() {
        for (output, text, parts, images, success) in [
            (r#""plain\nline""#, "plain\nline", 1, 0, None),
            (
                r#"[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]"#,
                "a\nb",
                2,
                0,
                None,
            ),
            (r#"[{"type":"input_image","image_url":"data:"}]"#, "", 1, 1, None),
            (r#"{"content":"c","success":false}"#, "c", 1, 0, Some(false)),
            (r#"{"content":[{"type":"text","text":"d"}]}"#, "d", 1, 0, None),
            (r#"{"else":1}"#, r#"{"else":1}"#, 1, 0, None),
            ("null", "", 0, 0, None),
        ] {
            let payload =
                format!(r#"{{"type":"function_call_output","call_id":"c","output":{output}}}"#);
            let read = event!(Event::ToolOutput, "response_item", &payload);
            assert_eq!((read.output.as_ref(), read.parts, read.images), (text, parts, images));
            assert_eq!(read.success, success);
        }
    }

    #[test]
    fn rate_limits_of_every_generation() {
        for (limits, minutes, at, within) in [
            (r#"{"primary_used_percent":5.0,"primary_window_minutes":300}"#, 300, None, None),
            (
                r#"{"primary":{"used_percent":5,"window_minutes":299,"resets_in_seconds":9}}"#,
                299,
                None,
                Some(9),
            ),
            (
                r#"{"primary":{"used_percent":5.0,"window_minutes":10080,"resets_at":7},"secondary":null}"#,
                10080,
                Some(7),
                None,
            ),
        ] {
            let payload = format!(r#"{{"type":"token_count","info":null,"rate_limits":{limits}}}"#);
            let count = event!(Event::TokenCount, "event_msg", &payload);
            assert_eq!(count.total, None);
            let windows = count.rate_limits.unwrap().windows;
            assert_eq!(windows.len(), 1);
            assert_eq!(windows[0].used_percent, Some(5.0));
            assert_eq!(windows[0].window_minutes, Some(minutes));
            assert_eq!((windows[0].resets_at_s, windows[0].resets_in_s), (at, within));
        }
    }

    #[test]
    fn absent_counters_are_zero() {
        let record = event!(
            Event::TokenUsageRecord,
            "token_usage_record",
            r#"{"thread_id":"t","response_id":"r","usage":{"input_tokens":9,"total_tokens":9}}"#
        );
        assert_eq!(record.usage, Usage { input: 9, total: 9, ..Usage::default() });
        assert!(!record.usage.is_estimate());
        assert!(Usage { total: 5, ..Usage::default() }.is_estimate());
    }

    #[test]
    fn ends_of_tools() {
        let exec = event!(
            Event::ExecCommandEnd,
            "event_msg",
            r#"{"type":"exec_command_end","call_id":"c","command":["ls","-l"],"exit_code":2,
            "duration":{"secs":1,"nanos":500000000},"status":"failed"}"#
        );
        assert_eq!((exec.exit_code, exec.duration_ms), (Some(2), Some(1500)));
        assert_eq!(exec.command, ["ls", "-l"]);
        let mcp = |result: &str| {
            let payload = format!(
                r#"{{"type":"mcp_tool_call_end","invocation":{{"server":"s","tool":"t"}},"result":{result}}}"#
            );
            event!(Event::McpToolCallEnd, "event_msg", &payload)
        };
        let good = mcp(r#"{"Ok":{"content":[{"type":"text","text":"x"},{"type":"image"}]}}"#);
        assert_eq!((good.success, good.output.as_ref(), good.other_parts), (Some(true), "x", 1));
        assert_eq!(mcp(r#"{"Ok":{"content":[],"isError":true}}"#).success, Some(false));
        assert_eq!(mcp(r#"{"Err":"gone"}"#).error.as_deref(), Some("gone"));
        let patch = event!(
            Event::PatchApplyEnd,
            "event_msg",
            r#"{"type":"patch_apply_end","success":true,"changes":{"a":{"type":"add","content":"1\n2"}}}"#
        );
        assert_eq!((patch.changes[0].path.as_ref(), patch.changes[0].added), ("a", 2));
    }

    #[test]
    fn errors_with_and_without_a_status() {
        let error = |info: &str| {
            let payload = format!(r#"{{"type":"error","message":"m","codex_error_info":{info}}}"#);
            event!(Event::Error, "event_msg", &payload)
        };
        assert_eq!(
            error(r#""usage_limit_exceeded""#).code.as_deref(),
            Some("usage_limit_exceeded")
        );
        let failed = error(r#"{"response_too_many_failed_attempts":{"http_status_code":429}}"#);
        assert_eq!(failed.code.as_deref(), Some("response_too_many_failed_attempts"));
        assert_eq!(failed.http_status, Some(429));
    }

    #[test]
    fn items_of_paginated_files() {
        let item = |item: &str| {
            let payload = format!(r#"{{"type":"item_completed","turn_id":"t","item":{item}}}"#);
            event!(Event::ItemCompleted, "event_msg", &payload).item
        };
        let prompt =
            item(r#"{"type":"UserMessage","id":"1","content":[{"type":"text","text":"x"}]}"#);
        assert_eq!(prompt.body, ItemBody::UserMessage(vec![Part::Text("x".into())]));
        let ran = item(
            r#"{"type":"CommandExecution","id":"2","command":"ls","exit_code":0,"duration_ms":5}"#,
        );
        let ItemBody::CommandExecution(ran) = ran.body else { panic!("another item") };
        assert_eq!((ran.call_id.as_deref(), ran.duration_ms), (Some("2"), Some(5)));
        assert_eq!(ran.command, ["ls"]);
        let changed = item(
            r#"{"type":"FileChange","id":"3","changes":[{"path":"p","kind":{"type":"delete"},"diff":""}]}"#,
        );
        let ItemBody::FileChange(changed) = changed.body else { panic!("another item") };
        assert_eq!(changed.changes[0].action.name(), "delete");
        let thought =
            item(r#"{"type":"Reasoning","id":"4","summary_text":["s"],"raw_content":["r"]}"#);
        let ItemBody::Reasoning(thought) = thought.body else { panic!("another item") };
        assert_eq!((thought.summary, thought.content), (vec!["s".into()], vec!["r".into()]));
    }
}

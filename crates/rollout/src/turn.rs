//! The life of a turn and of the history: start, end, abort, review, compaction, rollback.

use super::content::{Part, parts};
use super::json::{Json, Object, Text};

/// Event `task_started`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskStarted<'a> {
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Size of the model's context in tokens.
    pub context_window: Option<u64>,
    /// Mode of collaboration.
    pub collaboration_mode: Option<Text<'a>>,
    /// Start, milliseconds since the epoch (written in seconds).
    pub started_at_ms: Option<i64>,
}

/// Event `task_complete`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskComplete<'a> {
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// The model's last words.
    pub last_agent_message: Option<Text<'a>>,
    /// Start, milliseconds since the epoch (written in seconds).
    pub started_at_ms: Option<i64>,
    /// End, milliseconds since the epoch (written in seconds).
    pub completed_at_ms: Option<i64>,
    /// Duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// Wait for the first token in milliseconds.
    pub first_token_ms: Option<i64>,
    /// Why the turn failed, if it did.
    pub error: Option<ErrorEvent<'a>>,
}

/// Event `turn_aborted`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnAborted<'a> {
    /// `interrupted`, `replaced`, `review_ended`, `budget_limited`.
    pub reason: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Start, milliseconds since the epoch (written in seconds).
    pub started_at_ms: Option<i64>,
    /// End, milliseconds since the epoch (written in seconds).
    pub completed_at_ms: Option<i64>,
    /// Duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// What the user was told of the reason.
    pub error: Option<ErrorEvent<'a>>,
}

/// Top level `compacted`. The replacement history repeats earlier messages: count it, never
/// read prompts or usage from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compacted<'a> {
    /// The summary; empty when the server made it.
    pub message: Text<'a>,
    /// Items that replace the history.
    pub replacement_count: usize,
    /// Running number of the context window.
    pub window_number: Option<u64>,
    /// Context window that begins here.
    pub window_id: Option<Text<'a>>,
    /// Context window that ends here.
    pub previous_window_id: Option<Text<'a>>,
}

/// Response items `compaction` and its aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compaction {
    /// Length of the encrypted summary in bytes.
    pub encrypted_len: usize,
}

/// Event `entered_review_mode`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EnteredReview<'a> {
    /// `uncommittedChanges`, `baseBranch`, `commit`, `custom`.
    pub target: Option<Text<'a>>,
    /// What the user was shown; behind it the branch, commit or instructions where that does not say them.
    pub told: Option<Text<'a>>,
}

/// Event `exited_review_mode`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExitedReview<'a> {
    /// Whether there was an outcome.
    pub has_output: bool,
    /// Number of findings.
    pub findings: usize,
    /// Verdict.
    pub correctness: Option<Text<'a>>,
    /// Explanation of the verdict, then each finding with its title, its place and what it says, on lines of their own.
    pub outcome: Option<Text<'a>>,
    /// Confidence in the verdict, 0 to 1.
    pub confidence: Option<f64>,
    /// JSON of the outcome.
    pub output: Option<Json<'a>>,
}

/// Event `thread_rolled_back`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadRolledBack {
    /// Number of user turns that no longer belong to the conversation.
    pub num_turns: u64,
}

/// Event `error`, and the error of a finished turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorEvent<'a> {
    /// The message.
    pub message: Text<'a>,
    /// Stable code, e.g. `usage_limit_exceeded`; the tag where it is an object.
    pub code: Option<Text<'a>>,
    /// HTTP status behind it.
    pub http_status: Option<i64>,
}

/// A message of the client to the user.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notice<'a> {
    /// The message.
    pub message: Text<'a>,
}

/// Response item `ghost_snapshot`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GhostSnapshot<'a> {
    /// Commit made.
    pub commit: Option<Text<'a>>,
    /// Its parent.
    pub parent: Option<Text<'a>>,
    /// Number of untracked files that were there before.
    pub untracked_files: usize,
    /// Number of untracked directories that were there before.
    pub untracked_dirs: usize,
}

/// Top level `world_state`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorldState<'a> {
    /// True for a snapshot, false for a merge patch in which null removes.
    pub full: Option<bool>,
    /// Names of the parts of the state.
    pub keys: Vec<Text<'a>>,
    /// JSON of the state.
    pub state: Option<Json<'a>>,
}

/// Top level `inter_agent_communication`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InterAgent<'a> {
    /// Message id.
    pub id: Option<Text<'a>>,
    /// Path of the sender.
    pub author: Option<Text<'a>>,
    /// Path of the receiver.
    pub recipient: Option<Text<'a>>,
    /// Number of further receivers.
    pub other_recipients: usize,
    /// What is said.
    pub parts: Vec<Part<'a>>,
    /// Whether it starts a turn of the receiver.
    pub trigger_turn: Option<bool>,
}

/// Top level `inter_agent_communication_metadata`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InterAgentMetadata<'a> {
    /// Message it belongs to.
    pub message_id: Option<Text<'a>>,
    /// Whether it starts a turn of the receiver.
    pub trigger_turn: Option<bool>,
    /// Whether the receiver was woken.
    pub wake_applied: Option<bool>,
}

impl<'a> TaskStarted<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            turn_id: o.str("turn_id"),
            context_window: o.u64("model_context_window"),
            collaboration_mode: o.tag("collaboration_mode_kind"),
            started_at_ms: o.seconds_as_ms("started_at"),
        }
    }
}

impl<'a> TaskComplete<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            turn_id: o.str("turn_id"),
            last_agent_message: o.str("last_agent_message"),
            started_at_ms: o.seconds_as_ms("started_at"),
            completed_at_ms: o.seconds_as_ms("completed_at"),
            duration_ms: o.i64("duration_ms"),
            first_token_ms: o.i64("time_to_first_token_ms"),
            error: o.object("error").map(|error| ErrorEvent::decode(&error)),
        }
    }
}

impl<'a> TurnAborted<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            reason: o.tag("reason"),
            turn_id: o.str("turn_id"),
            started_at_ms: o.seconds_as_ms("started_at"),
            completed_at_ms: o.seconds_as_ms("completed_at"),
            duration_ms: o.i64("duration_ms"),
            error: o.object("error").map(|error| ErrorEvent::decode(&error)),
        }
    }
}

impl<'a> Compacted<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            message: o.str("message").unwrap_or_default(),
            replacement_count: o.count("replacement_history"),
            window_number: o.u64("window_number"),
            window_id: o.text("window_id"),
            previous_window_id: o.text("previous_window_id"),
        }
    }
}

impl Compaction {
    pub(super) fn decode(o: &Object<'_>) -> Self {
        Self { encrypted_len: o.len("encrypted_content") }
    }
}

impl<'a> EnteredReview<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let target = o.object("target").unwrap_or_default();
        let detail = ["branch", "sha", "instructions"].iter().find_map(|name| target.str(name));
        let hint = o.str("user_facing_hint").or_else(|| o.str("review"));
        let told = match (hint, detail) {
            (Some(hint), Some(detail)) if !hint.contains(&*detail) => {
                Some(format!("{hint}\n{detail}").into())
            }
            (hint, detail) => hint.or(detail),
        };
        Self { target: o.tag("target"), told }
    }
}

impl<'a> ExitedReview<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let output = o.object("review_output").unwrap_or_default();
        let finding = |json| {
            let o = Object::parse(json)?;
            Some([o.str("title"), location(&o), o.str("body")])
        };
        let findings = output.array("findings").unwrap_or_default().into_iter().filter_map(finding);
        let texts = [output.str("overall_explanation"), o.str("review")].into_iter();
        let texts: Vec<Text<'_>> = texts.chain(findings.flatten()).flatten().collect();
        Self {
            has_output: o.raw("review_output").is_some(),
            findings: output.count("findings"),
            correctness: output.str("overall_correctness"),
            outcome: match &texts[..] {
                [] => None,
                [text] => Some(text.clone()),
                texts => Some(texts.join("\n").into()),
            },
            confidence: output.f64("overall_confidence_score"),
            output: o.raw("review_output"),
        }
    }
}

/// File and lines that a finding is about.
fn location<'a>(finding: &Object<'a>) -> Option<Text<'a>> {
    let location = finding.object("code_location")?;
    let path = location.str("absolute_file_path")?;
    let range = location.object("line_range").unwrap_or_default();
    Some(match (range.u64("start"), range.u64("end")) {
        (Some(start), Some(end)) => format!("{path}:{start}-{end}").into(),
        _ => path,
    })
}

impl ThreadRolledBack {
    pub(super) fn decode(o: &Object<'_>) -> Self {
        Self { num_turns: o.u64("num_turns").unwrap_or(0) }
    }
}

impl<'a> ErrorEvent<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let info = o.object("codex_error_info").unwrap_or_default();
        let http_status = info
            .fields()
            .find_map(|(_, inner)| Object::parse(inner)?.i64("http_status_code"))
            .or_else(|| info.i64("http_status_code"));
        Self {
            message: o.str("message").unwrap_or_default(),
            code: o.tag("codex_error_info"),
            http_status,
        }
    }
}

impl<'a> Notice<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let said: Vec<Text<'_>> = ["message", "summary", "details", "additional_details"]
            .iter()
            .filter_map(|name| o.str(name))
            .collect();
        Self { message: said.join("\n").into() }
    }
}

impl<'a> GhostSnapshot<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let commit = o.object("ghost_commit").unwrap_or_default();
        Self {
            commit: commit.str("id"),
            parent: commit.str("parent"),
            untracked_files: commit.count("preexisting_untracked_files"),
            untracked_dirs: commit.count("preexisting_untracked_dirs"),
        }
    }
}

impl<'a> WorldState<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let state = o.object("state").unwrap_or_default();
        Self { full: o.bool("full"), keys: state.names().cloned().collect(), state: o.raw("state") }
    }
}

impl<'a> InterAgent<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            id: o.text("id"),
            author: o.str("author"),
            recipient: o.str("recipient"),
            other_recipients: o.count("other_recipients"),
            parts: parts(o, "content"),
            trigger_turn: o.bool("trigger_turn"),
        }
    }
}

impl<'a> InterAgentMetadata<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            message_id: o.text("message_id"),
            trigger_turn: o.bool("trigger_turn"),
            wake_applied: o.bool("wake_applied"),
        }
    }
}

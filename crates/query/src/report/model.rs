//! What a report says, as types. Renderers get nothing else.
//!
//! The head comes first and knows all totals; then one session after the other, each prompt by itself, so
//! that a report of any length passes through little memory.

use super::super::annotations::Review;
use super::super::filter::Order;
use super::super::tokens::{TokenRow, TokenSums};
use super::super::zone::Zone;
use super::transparency::Transparency;
use codex_ledger_entry::{Seq, StreamId};
use serde::Serialize;

/// Name and version of the model as JSON; raised when a field changes its meaning or goes away.
pub const SCHEMA: &str = "codex-ledger.report/1";
/// Bytes of an output, of arguments or of injected context that a report shows; the size of all is said.
pub const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// How much a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What the user asked.
    Prompts,
    /// The same, and what was answered.
    #[serde(rename = "prompts+answers")]
    Answers,
    /// The same, and what the agent did about it.
    Actions,
    /// Usage and cost.
    Tokens,
    /// Everything that the views hold.
    Full,
}

impl Mode {
    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Prompts => "prompts",
            Mode::Answers => "prompts+answers",
            Mode::Actions => "actions",
            Mode::Tokens => "tokens",
            Mode::Full => "full",
        }
    }

    /// Whether sessions and their prompts are shown one by one.
    pub fn has_prompts(self) -> bool {
        self != Mode::Tokens
    }

    /// Whether what followed a prompt is shown.
    pub fn has_items(self) -> bool {
        matches!(self, Mode::Answers | Mode::Actions | Mode::Full)
    }
}

/// A condition of the filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Name of the option.
    pub name: &'static str,
    /// As it was said.
    pub said: String,
    /// What it was found to mean, where that is something else: a time, full names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
}

/// Another page in the same folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRef {
    /// Name of its file.
    pub file: String,
    /// Its day or time.
    pub when: String,
}

/// The pages beside a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The one before it.
    pub previous: Option<PageRef>,
    /// The one behind it.
    pub next: Option<PageRef>,
}

/// What is true of the report as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct ReportHead {
    /// Title.
    pub title: String,
    /// How much it tells.
    pub mode: Mode,
    /// Conditions that were said.
    pub filters: Vec<Condition>,
    /// Which sessions come first.
    pub order: Order,
    /// The range and what lies in it.
    pub period: Period,
    /// Name of the zone of days and times.
    pub timezone: String,
    /// The zone itself.
    #[serde(skip)]
    pub zone: Zone,
    /// Counts over everything in the report.
    pub totals: Totals,
    /// Usage and cost.
    pub tokens: TokenTables,
    /// Calls by tool.
    pub tools: Vec<ToolRow>,
    /// Where it comes from, what it hides, what it could not read.
    pub transparency: Transparency,
    /// All sessions in the order of the report, for a table of contents.
    #[serde(skip)]
    pub sessions: Vec<ReportSession>,
    /// Of a page of many, those beside it.
    #[serde(skip)]
    pub beside: Beside,
    /// Whether it is for readers outside: without who hid or read what, and why, and without what reviewers say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
}

/// A range of time, in UTC milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Period {
    /// First moment asked for.
    pub since_ms: Option<i64>,
    /// End asked for, itself not in it.
    pub until_ms: Option<i64>,
    /// First record found.
    pub first_ms: Option<i64>,
    /// Last record found.
    pub last_ms: Option<i64>,
}

/// Counts over everything in the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Sessions.
    pub sessions: u64,
    /// Prompts.
    pub prompts: u64,
    /// Of these, in turns that were rolled back.
    pub prompts_rolled_back: u64,
    /// Tool calls of any kind.
    pub calls: u64,
    /// Shell commands.
    pub commands: u64,
    /// Of these, failed.
    pub commands_failed: u64,
    /// Different files that patches touched.
    pub files: u64,
    /// Lines that patches added.
    pub lines_added: u64,
    /// Lines that patches removed.
    pub lines_removed: u64,
    /// Usage and API-equivalent cost.
    pub tokens: TokenSums,
}

/// Usage grouped in each way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenTables {
    /// By day in the zone.
    pub by_day: Vec<TokenRow>,
    /// By model.
    pub by_model: Vec<TokenRow>,
    /// By repository, else directory.
    pub by_repo: Vec<TokenRow>,
    /// By session.
    pub by_session: Vec<TokenRow>,
    /// By prompt, where the days tell nothing: there is one only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_prompt: Vec<TokenRow>,
}

/// Calls of one tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolRow {
    /// Family: shell, apply_patch, mcp, …
    pub tool: String,
    /// Calls.
    pub calls: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportSession {
    /// Thread id.
    pub id: String,
    /// Number of its stream in the ledger; a session with two rollouts has two streams.
    pub stream: StreamId,
    /// Name given to the thread.
    pub name: Option<String>,
    /// Its name, else what was asked first, in one line.
    pub title: Option<String>,
    /// Beginning, UTC milliseconds.
    pub started_at_ms: Option<i64>,
    /// Last record, UTC milliseconds.
    pub ended_at_ms: Option<i64>,
    /// Directory.
    pub cwd: Option<String>,
    /// URL of the repository.
    pub repo: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// Commit.
    pub commit: Option<String>,
    /// Models in force, in the order of their first use.
    pub models: Vec<String>,
    /// Where it was started: cli, vscode, exec, subagent, …
    pub source: Option<String>,
    /// What kind of subagent it is.
    pub subagent: Option<String>,
    /// Program that wrote it.
    pub client: Option<String>,
    /// Version of that program.
    pub client_version: Option<String>,
    /// Thread that spawned it or that it was forked from.
    pub parent_id: Option<String>,
    /// What reviewers say of it.
    #[serde(skip_serializing_if = "Review::is_empty")]
    pub review: Review,
    /// Prompts in the range.
    #[serde(rename = "prompt_count")]
    pub prompts: u64,
    /// Shell commands in the range.
    pub commands: u64,
    /// Of these, failed.
    pub commands_failed: u64,
    /// Counted input and output tokens in the range.
    pub tokens: u64,
    /// The same, and what it would have cost.
    pub usage: TokenSums,
    /// Last ledger entry of its source.
    pub last_seq: Seq,
}

/// A prompt and what followed it, up to the next one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportPrompt {
    /// From 1; `None` for what came before the first prompt.
    pub number: Option<u64>,
    /// Ledger entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// False where only what followed lies in the range; then the text is left out.
    pub in_range: bool,
    /// What was typed.
    pub text: String,
    /// Whether its turn was rolled back.
    pub rolled_back: bool,
    /// Whether only another version of the file says it than the last one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// What reviewers say of it.
    #[serde(skip_serializing_if = "Review::is_empty")]
    pub review: Review,
    /// Images that came with it.
    pub images: u64,
    /// File that was open in the editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_file: Option<String>,
    /// Counted usage in the range, up to the next prompt.
    pub usage: TokenSums,
    /// What followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ReportItem>,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// The assistant said.
    Message,
    /// The client injected.
    Context,
    /// The model thought.
    Reasoning,
    /// A step of a plan.
    Plan,
    /// A shell command.
    Command,
    /// A call of an MCP server.
    Mcp,
    /// A web search.
    WebSearch,
    /// A call of another tool.
    Tool,
    /// A file that a patch touched.
    File,
    /// A turn ended, the context was compacted, a review, an error.
    Turn,
    /// Rate limits, where they changed.
    RateLimits,
}

impl ReportKind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            ReportKind::Message => "message",
            ReportKind::Context => "context",
            ReportKind::Reasoning => "reasoning",
            ReportKind::Plan => "plan",
            ReportKind::Command => "command",
            ReportKind::Mcp => "mcp",
            ReportKind::WebSearch => "web_search",
            ReportKind::Tool => "tool",
            ReportKind::File => "file",
            ReportKind::Turn => "turn",
            ReportKind::RateLimits => "rate_limits",
        }
    }
}

impl ReportPrompt {
    /// Whether an item is an answer rather than a remark on the way to it: the client says so, or, of older ones, it is
    /// the last thing that was said.
    pub fn is_answer(&self, index: usize) -> bool {
        let is_said = |item: &ReportItem| item.kind == ReportKind::Message;
        let is_final = |item: &ReportItem| item.name.as_deref() == Some("final_answer");
        let Some(item) = self.items.get(index).filter(|item| is_said(item)) else { return false };
        if self.items.iter().any(|item| is_said(item) && is_final(item)) {
            return is_final(item);
        }
        let last = self.items.iter().rposition(|item| is_said(item) && !item.is_commentary());
        last == Some(index)
    }
}

/// One thing that followed a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportItem {
    /// What it is.
    pub kind: ReportKind,
    /// Ledger entry.
    pub seq: Seq,
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Name of a tool, phase of a message, kind of context, what happened to a turn or file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was said, asked for or touched; cut where `text_bytes` is there.
    pub text: String,
    /// Bytes of the whole text, where it was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_bytes: Option<u64>,
    /// How it ended, or where a step stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Lines added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// Lines removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
    /// Directory of a command where it is not the session's, new name of a file, reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Output; cut where it is shorter than `output_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Bytes of the whole output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Whether only another version of the file says it than the last one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

impl ReportItem {
    /// Whether it is a remark on the way to an answer.
    pub fn is_commentary(&self) -> bool {
        self.name.as_deref() == Some("commentary")
    }

    /// Whether it is a call that failed.
    pub fn has_failed(&self) -> bool {
        self.exit_code.is_some_and(|code| code != 0)
            || matches!(self.status.as_deref(), Some("failed" | "error" | "rejected"))
    }
}

//! Items of paginated files: the record of everything that happened in a turn.

use super::agents::{Collab, SubAgentActivity};
use super::content::{Part, Reasoning, parts};
use super::ended::{
    DynamicToolCallResponse, ExecCommandEnd, ImageGenerationEnd, McpToolCallEnd, PatchApplyEnd,
    ViewImage, WebSearchEnd, call_id,
};
use super::json::{Json, Object, Text};
use super::tool::{OutputKind, ToolOutput};
use super::turn::{EnteredReview, ExitedReview};

/// Event `item_completed`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemCompleted<'a> {
    /// Thread.
    pub thread_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Start, milliseconds since the epoch.
    pub started_at_ms: Option<i64>,
    /// End, milliseconds since the epoch.
    pub completed_at_ms: Option<i64>,
    /// The item.
    pub item: Item<'a>,
}

/// An item with its id and type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item<'a> {
    /// Item id; for a tool, the call id.
    pub id: Option<Text<'a>>,
    /// Type as written, e.g. `CommandExecution`.
    pub kind: Text<'a>,
    /// The content.
    pub body: ItemBody<'a>,
}

/// What an item is. Tools use the same types as the events of older files.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemBody<'a> {
    /// The prompt of a paginated file.
    UserMessage(Vec<Part<'a>>),
    /// Assistant text, what it asks beside, and the memories that it cites.
    AgentMessage(Vec<Part<'a>>, Vec<Text<'a>>, Vec<Text<'a>>),
    /// Reasoning.
    Reasoning(Reasoning<'a>),
    /// Text of a plan.
    Plan(Text<'a>),
    /// A command that ran.
    CommandExecution(Box<ExecCommandEnd<'a>>),
    /// Files that were changed.
    FileChange(Box<PatchApplyEnd<'a>>),
    /// A call of an MCP tool.
    McpToolCall(Box<McpToolCallEnd<'a>>),
    /// A call of a tool that the client brought along.
    DynamicToolCall(Box<DynamicToolCallResponse<'a>>),
    /// A request to another agent.
    CollabAgentToolCall(Box<Collab<'a>>),
    /// News of another agent.
    SubAgentActivity(SubAgentActivity<'a>),
    /// A web search.
    WebSearch(WebSearchEnd<'a>),
    /// An image was looked at.
    ImageView(ViewImage<'a>),
    /// An image was made.
    ImageGeneration(ImageGenerationEnd<'a>),
    /// Output of a function: call id and text.
    FunctionCallOutput(Option<Text<'a>>, Text<'a>),
    /// Text injected by a hook.
    HookPrompt(Vec<Text<'a>>),
    /// Review began.
    EnteredReviewMode(EnteredReview<'a>),
    /// Review ended.
    ExitedReviewMode(ExitedReview<'a>),
    /// The context was compacted.
    ContextCompaction,
    /// The agent slept, so many milliseconds.
    Sleep(Option<i64>),
    /// An extension, with its kind and the JSON of the item.
    Extension(Option<Text<'a>>, Json<'a>),
    /// Anything else, with the JSON of the item.
    Other(Json<'a>),
}

impl Default for ItemBody<'_> {
    fn default() -> Self {
        Self::Other("")
    }
}

impl<'a> ItemCompleted<'a> {
    pub(super) fn decode(o: &Object<'a>, item: &Object<'a>) -> Self {
        Self {
            thread_id: o.str("thread_id"),
            turn_id: o.str("turn_id"),
            started_at_ms: o.i64("started_at_ms"),
            completed_at_ms: o.i64("completed_at_ms"),
            item: Item::decode(&item.with_snake_names()),
        }
    }
}

impl<'a> Item<'a> {
    fn decode(o: &Object<'a>) -> Self {
        let kind = o.str("type").unwrap_or_default();
        Self { id: o.text("id"), body: ItemBody::decode(&kind, o), kind }
    }
}

impl<'a> ItemBody<'a> {
    /// Whether it is something that a tool did.
    pub fn is_tool(&self) -> bool {
        matches!(self, Self::CommandExecution(_) | Self::FileChange(_) | Self::McpToolCall(_))
    }

    fn decode(kind: &str, o: &Object<'a>) -> Self {
        match kind {
            "UserMessage" => Self::UserMessage(parts(o, "content")),
            "AgentMessage" => Self::AgentMessage(parts(o, "content"), questions(o), citations(o)),
            "Reasoning" => Self::Reasoning(Reasoning::decode(o)),
            "Plan" => Self::Plan(o.str("text").unwrap_or_default()),
            "CommandExecution" => Self::CommandExecution(ExecCommandEnd::decode(o).into()),
            "FileChange" => Self::FileChange(PatchApplyEnd::decode(o).into()),
            "McpToolCall" => Self::McpToolCall(McpToolCallEnd::decode(o).into()),
            "DynamicToolCall" => Self::DynamicToolCall(DynamicToolCallResponse::decode(o).into()),
            "CollabAgentToolCall" => {
                Self::CollabAgentToolCall(Collab::decode(o, o.tag("tool")).into())
            }
            "SubAgentActivity" => Self::SubAgentActivity(SubAgentActivity::decode(o)),
            "WebSearch" => Self::WebSearch(WebSearchEnd::decode(o)),
            "ImageView" => Self::ImageView(ViewImage::decode(o)),
            "ImageGeneration" => Self::ImageGeneration(ImageGenerationEnd::decode(o)),
            "FunctionCallOutput" => {
                let output = ToolOutput::decode(o, OutputKind::Function);
                Self::FunctionCallOutput(call_id(o), output.output)
            }
            "HookPrompt" => Self::HookPrompt(fragments(o)),
            "EnteredReviewMode" => Self::EnteredReviewMode(EnteredReview::decode(o)),
            "ExitedReviewMode" => Self::ExitedReviewMode(ExitedReview::decode(o)),
            "ContextCompaction" => Self::ContextCompaction,
            "Sleep" => Self::Sleep(o.duration_ms("duration")),
            "Extension" => match o.str("kind").as_deref() {
                Some("web.search") => Self::WebSearch(WebSearchEnd::decode(o)),
                Some("image_gen.generation" | "image_generation") => {
                    Self::ImageGeneration(ImageGenerationEnd::decode(o))
                }
                Some("sleep" | "clock.sleep") => Self::Sleep(o.duration_ms("duration")),
                _ => Self::Extension(o.tag("kind"), o.raw_json()),
            },
            _ => Self::Other(o.raw_json()),
        }
    }
}

/// Titles of questions, each with its options.
pub(super) fn questions<'a>(o: &Object<'a>) -> Vec<Text<'a>> {
    let question = |json| {
        let question = Object::parse(json)?;
        let mut text = question.str("title").or_else(|| question.str("question"))?;
        for option in question.strings("options") {
            text.to_mut().push_str(&format!("\n- {option}"));
        }
        Some(text)
    };
    o.array("questions").unwrap_or_default().into_iter().filter_map(question).collect()
}

/// Memories that an answer cites: path, lines and note of each.
pub(super) fn citations<'a>(o: &Object<'a>) -> Vec<Text<'a>> {
    let cited = |json| {
        let cited = Object::parse(json)?.with_snake_names();
        let lines = cited.u64("line_start").zip(cited.u64("line_end"));
        let lines = lines.map(|(start, end)| format!(":{start}-{end}")).unwrap_or_default();
        let place = cited.str("path").map(|path| format!("{path}{lines}").into());
        let said: Vec<Text<'_>> = [place, cited.str("note")].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join(" ").into())
    };
    let entries = o.object("memory_citation").and_then(|cited| cited.array("entries"));
    entries.unwrap_or_default().into_iter().filter_map(cited).collect()
}

/// Fragments are texts or objects with a text.
fn fragments<'a>(o: &Object<'a>) -> Vec<Text<'a>> {
    let text = |json| Object::parse(json).and_then(|fragment| fragment.str("text"));
    let mut fragments = o.strings("fragments");
    fragments.extend(o.array("fragments").unwrap_or_default().into_iter().filter_map(text));
    fragments
}

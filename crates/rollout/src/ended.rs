//! What the client reports when a tool has ended.
//!
//! The same facts come as events in older files and as items in paginated ones, under slightly
//! different names; each decoder reads both.

use super::content::{Part, join, parts};
use super::json::{self, Json, Object, Text};
use super::patch::{self, FileChange};
use percent_encoding::percent_decode_str;

/// Event `exec_command_end`, and the command item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExecCommandEnd<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Process, for commands that stay open.
    pub process_id: Option<Text<'a>>,
    /// Program and arguments; one element where written as one string.
    pub command: Vec<Text<'a>>,
    /// Working directory.
    pub cwd: Option<Text<'a>>,
    /// `agent`, `user_shell`, `unified_exec_startup`, `unified_exec_interaction`.
    pub source: Option<Text<'a>>,
    /// What was typed into the running process.
    pub interaction_input: Option<Text<'a>>,
    /// Standard output.
    pub stdout: Option<Text<'a>>,
    /// Standard error.
    pub stderr: Option<Text<'a>>,
    /// Both, shortened.
    pub aggregated_output: Option<Text<'a>>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// `completed`, `failed`, `declined`, ….
    pub status: Option<Text<'a>>,
    /// JSON of what the client thinks the command does.
    pub parsed: Option<Json<'a>>,
}

/// Event `patch_apply_end`, and the file change item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchApplyEnd<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Standard output.
    pub stdout: Option<Text<'a>>,
    /// Standard error.
    pub stderr: Option<Text<'a>>,
    /// Whether the patch was applied.
    pub success: Option<bool>,
    /// State of the patch.
    pub status: Option<Text<'a>>,
    /// Files touched, in the order of the record.
    pub changes: Vec<FileChange<'a>>,
}

impl<'a> ExecCommandEnd<'a> {
    /// What the command has printed: both ways in one where the client has them so, else one behind the other.
    pub fn output(&self) -> Text<'a> {
        match &self.aggregated_output {
            Some(both) if !both.is_empty() => both.clone(),
            _ => printed(&self.stdout, &self.stderr),
        }
    }
}

/// Both outputs in one.
fn printed<'a>(stdout: &Option<Text<'a>>, stderr: &Option<Text<'a>>) -> Text<'a> {
    join([stdout, stderr].into_iter().flatten().cloned().map(Part::Text).collect())
}

impl<'a> PatchApplyEnd<'a> {
    /// What applying it has printed.
    pub fn output(&self) -> Text<'a> {
        printed(&self.stdout, &self.stderr)
    }

    /// Whether the patch was not applied: it did not fit, or somebody refused it.
    pub fn has_failed(&self) -> bool {
        self.success == Some(false) || matches!(self.status.as_deref(), Some("failed" | "declined"))
    }
}

/// Event `mcp_tool_call_end`, and the MCP item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct McpToolCallEnd<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Server.
    pub server: Option<Text<'a>>,
    /// Tool.
    pub tool: Option<Text<'a>>,
    /// JSON of the arguments.
    pub arguments: Option<Json<'a>>,
    /// Duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// False where the call failed or the server reported an error.
    pub success: Option<bool>,
    /// Texts of the result, joined by line feeds.
    pub output: Text<'a>,
    /// Number of parts in the result that are no text.
    pub other_parts: usize,
    /// Why the call failed.
    pub error: Option<Text<'a>>,
    /// State, in paginated files.
    pub status: Option<Text<'a>>,
}

/// Event `web_search_end`, and the search item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WebSearchEnd<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// What was searched.
    pub query: Option<Text<'a>>,
    /// `search`, `open_page`, `find_in_page`, ….
    pub action: Option<Text<'a>>,
    /// Page opened or searched.
    pub url: Option<Text<'a>>,
    /// JSON of all that was asked for.
    pub asked: Option<Json<'a>>,
    /// Title, address and words of each result, where listed.
    pub results: Vec<Text<'a>>,
}

/// Event `view_image_tool_call`, and the image item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ViewImage<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Path of the image.
    pub path: Option<Text<'a>>,
}

/// Event `image_generation_end`, and the generation item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageGenerationEnd<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// State.
    pub status: Option<Text<'a>>,
    /// Prompt as the service rewrote it.
    pub revised_prompt: Option<Text<'a>>,
    /// Where the image was saved.
    pub saved_path: Option<Text<'a>>,
    /// Why there is none.
    pub failure: Option<Text<'a>>,
    /// Length of the encoded image in bytes.
    pub result_len: usize,
}

/// Event `dynamic_tool_call_request`: a tool that the client brought along.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DynamicToolCallRequest<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Namespace of the tool.
    pub namespace: Option<Text<'a>>,
    /// Tool.
    pub tool: Option<Text<'a>>,
    /// JSON of the arguments.
    pub arguments: Option<Json<'a>>,
}

/// Event `dynamic_tool_call_response`, and the dynamic tool item of paginated files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DynamicToolCallResponse<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Turn.
    pub turn_id: Option<Text<'a>>,
    /// Namespace of the tool.
    pub namespace: Option<Text<'a>>,
    /// Tool.
    pub tool: Option<Text<'a>>,
    /// JSON of the arguments.
    pub arguments: Option<Json<'a>>,
    /// Texts of the result, joined by line feeds.
    pub output: Text<'a>,
    /// Whether the call succeeded.
    pub success: Option<bool>,
    /// Why it failed.
    pub error: Option<Text<'a>>,
    /// Duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// State, in paginated files.
    pub status: Option<Text<'a>>,
}

/// A path that newer clients write as a `file` address: of this system, or `/C:/…` of another one.
fn path(text: Text<'_>) -> Text<'_> {
    let Some(encoded) = text.strip_prefix("file://") else { return text };
    let path = percent_decode_str(encoded).decode_utf8_lossy();
    let is_drive = path.get(2..3) == Some(":") && path.starts_with('/');
    path.get(usize::from(is_drive)..).unwrap_or_default().to_string().into()
}

/// The id of the call: of an item, its id.
pub(super) fn call_id<'a>(o: &Object<'a>) -> Option<Text<'a>> {
    o.str("call_id").or_else(|| o.str("callId")).or_else(|| o.str("id"))
}

impl<'a> ExecCommandEnd<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let mut command = o.strings("command");
        if command.is_empty() {
            command.extend(o.str("command"));
        }
        Self {
            call_id: call_id(o),
            turn_id: o.str("turn_id"),
            process_id: o.text("process_id"),
            command,
            cwd: o.str("cwd").map(path),
            source: o.tag("source"),
            interaction_input: o.str("interaction_input"),
            stdout: o.str("stdout"),
            stderr: o.str("stderr"),
            aggregated_output: o.str("aggregated_output"),
            exit_code: o.i64("exit_code"),
            duration_ms: o.duration_ms("duration"),
            status: o.tag("status"),
            parsed: o.raw("parsed_cmd").or_else(|| o.raw("command_actions")),
        }
    }
}

impl<'a> PatchApplyEnd<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            call_id: call_id(o),
            turn_id: o.str("turn_id"),
            stdout: o.str("stdout"),
            stderr: o.str("stderr"),
            success: o.bool("success"),
            status: o.tag("status"),
            changes: o.raw("changes").map(changes).unwrap_or_default(),
        }
    }
}

/// Changes by path or, in a list, with the path inside.
fn changes(value: Json<'_>) -> Vec<FileChange<'_>> {
    if let Some(list) = json::array(value) {
        return list
            .into_iter()
            .filter_map(Object::parse)
            .map(|o| patch::from_json(o.str("path").unwrap_or_default(), &o))
            .collect();
    }
    let by_path = Object::parse(value).unwrap_or_default();
    by_path
        .fields()
        .filter_map(|(path, json)| Some((path.clone(), Object::parse(json)?)))
        .map(|(path, o)| patch::from_json(path, &o))
        .collect()
}

impl<'a> McpToolCallEnd<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let invocation = o.object("invocation");
        let call = invocation.as_ref().unwrap_or(o);
        let result = o.object("result").unwrap_or_default();
        let answer = result.object("Ok").unwrap_or_else(|| result.clone());
        let error = result.str("Err").or_else(|| error_text(o));
        let content = parts(&answer, "content");
        let texts = content.iter().filter(|part| matches!(part, Part::Text(_))).count();
        Self {
            call_id: call_id(o),
            server: call.str("server"),
            tool: call.str("tool"),
            arguments: call.raw("arguments"),
            duration_ms: o.duration_ms("duration"),
            success: Self::success(o, &answer, error.is_some()),
            other_parts: content.len() - texts,
            output: join(content),
            error,
            status: o.tag("status"),
        }
    }

    fn success(o: &Object<'_>, answer: &Object<'_>, has_error: bool) -> Option<bool> {
        let flagged = answer.bool("isError").or_else(|| answer.bool("is_error"));
        if has_error || flagged == Some(true) {
            return Some(false);
        }
        match o.str("status").as_deref() {
            Some("completed") => Some(true),
            Some("failed") => Some(false),
            _ => o.raw("result").map(|_| true),
        }
    }
}

/// An error as text or as an object with a message.
fn error_text<'a>(o: &Object<'a>) -> Option<Text<'a>> {
    o.str("error").or_else(|| o.object("error")?.str("message"))
}

/// Title and address of each result of a search.
fn results<'a>(o: &Object<'a>) -> Vec<Text<'a>> {
    let result = |json| {
        let result = Object::parse(json)?;
        match (result.str("title"), result.str("url")) {
            (Some(title), Some(url)) => Some(format!("{title} {url}").into()),
            (title, url) => title.or(url),
        }
    };
    let result = |json| {
        let snippet = Object::parse(json)?.str("snippet");
        let said: Vec<Text<'_>> = [result(json), snippet].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("\n").into())
    };
    o.array("results").unwrap_or_default().into_iter().filter_map(result).collect()
}

impl<'a> WebSearchEnd<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let action = o.object("action").unwrap_or_default();
        Self {
            call_id: call_id(o),
            query: o.str("query").or_else(|| action.str("query")),
            action: o.tag("action"),
            url: action.str("url"),
            asked: o.raw("action"),
            results: results(o),
        }
    }
}

impl<'a> ViewImage<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self { call_id: call_id(o), path: o.str("path").map(path) }
    }
}

impl<'a> ImageGenerationEnd<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            call_id: call_id(o),
            status: o.tag("status"),
            revised_prompt: o.str("revised_prompt").or_else(|| o.str("revisedPrompt")),
            saved_path: o.str("saved_path").or_else(|| o.str("savedPath")),
            failure: o.object("failure").and_then(|failure| failure.str("message")),
            result_len: o.len("result"),
        }
    }
}

impl<'a> DynamicToolCallRequest<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            call_id: call_id(o),
            turn_id: o.str("turn_id").or_else(|| o.str("turnId")),
            namespace: o.str("namespace"),
            tool: o.str("tool"),
            arguments: o.raw("arguments"),
        }
    }
}

impl<'a> DynamicToolCallResponse<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            call_id: call_id(o),
            turn_id: o.str("turn_id").or_else(|| o.str("turnId")),
            namespace: o.str("namespace"),
            tool: o.str("tool"),
            arguments: o.raw("arguments"),
            output: join(parts(o, "content_items")),
            success: o.bool("success"),
            error: error_text(o),
            duration_ms: o.duration_ms("duration"),
            status: o.tag("status"),
        }
    }
}

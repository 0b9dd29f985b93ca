//! Calls of tools and their outputs, as the model made and saw them.

use super::content::{Part, item_turn, join, parts_of};
use super::json::{self, Json, Object, Text};

/// Which response item a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CallKind {
    /// `function_call`: arguments are JSON text.
    #[default]
    Function,
    /// `custom_tool_call`: arguments are free text.
    Custom,
    /// `local_shell_call`: arguments are the JSON of the action.
    LocalShell,
    /// `web_search_call`: arguments are the JSON of the action; it has no call id and no output.
    WebSearch,
    /// `tool_search_call`: arguments are a JSON object.
    ToolSearch,
    /// `image_generation_call`: arguments are the revised prompt.
    ImageGeneration,
}

impl CallKind {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Custom => "custom",
            Self::LocalShell => "local_shell",
            Self::WebSearch => "web_search",
            Self::ToolSearch => "tool_search",
            Self::ImageGeneration => "image_generation",
        }
    }
}

/// A call of any kind. [`super::call`] reads the arguments.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolCall<'a> {
    /// Key of the output, within one file. `local_shell_call` may have only an item id.
    pub call_id: Option<Text<'a>>,
    /// Item id.
    pub item_id: Option<Text<'a>>,
    /// Turn, where the item's passthrough metadata tells it.
    pub turn_id: Option<Text<'a>>,
    /// Which item it is.
    pub kind: CallKind,
    /// Namespace of the tool, e.g. `mcp__server` or `collaboration`.
    pub namespace: Option<Text<'a>>,
    /// Name of the tool: free text, models invent names.
    pub name: Text<'a>,
    /// Arguments; see [`CallKind`] for their language.
    pub arguments: Text<'a>,
    /// State of the call.
    pub status: Option<Text<'a>>,
    /// Length of a result inside the call (a generated image) in bytes.
    pub result_len: usize,
}

/// Which response item an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OutputKind {
    /// `function_call_output`.
    #[default]
    Function,
    /// `custom_tool_call_output`.
    Custom,
    /// `tool_search_output`.
    ToolSearch,
}

/// Output of a call. [`super::output`] reads exit code, duration and state from the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolOutput<'a> {
    /// Key of the call.
    pub call_id: Option<Text<'a>>,
    /// Turn, where the item's passthrough metadata tells it.
    pub turn_id: Option<Text<'a>>,
    /// Which item it is.
    pub kind: OutputKind,
    /// Name of the tool, where repeated.
    pub name: Option<Text<'a>>,
    /// The text; parts of a list are joined, each beginning on a line of its own.
    pub output: Text<'a>,
    /// What a script of code mode has printed, one text for each time; empty for any other output.
    pub printed: Vec<Text<'a>>,
    /// Number of parts: 1 for a plain string.
    pub parts: usize,
    /// Number of images among the parts.
    pub images: usize,
    /// Success flag of older clients (`{content, success}`) or state of a tool search.
    pub success: Option<bool>,
}

impl<'a> ToolCall<'a> {
    pub(super) fn decode(o: &Object<'a>, kind: CallKind) -> Self {
        let fixed = |name: &'static str| Text::Borrowed(name);
        let raw = |name: &str| Text::Borrowed(o.raw(name).unwrap_or_default());
        let (name, arguments) = match kind {
            CallKind::Function => (o.str("name").unwrap_or_default(), json_text(o, "arguments")),
            CallKind::Custom => (o.str("name").unwrap_or_default(), json_text(o, "input")),
            CallKind::LocalShell => (fixed("local_shell"), raw("action")),
            CallKind::WebSearch => (fixed("web_search"), raw("action")),
            CallKind::ToolSearch => (fixed("tool_search"), json_text(o, "arguments")),
            CallKind::ImageGeneration => {
                (fixed("image_generation"), o.str("revised_prompt").unwrap_or_default())
            }
        };
        Self {
            call_id: o.str("call_id"),
            item_id: o.str("id"),
            turn_id: item_turn(o),
            kind,
            namespace: o.str("namespace"),
            name,
            arguments,
            status: o.tag("status"),
            result_len: o.len("result"),
        }
    }
}

/// A string decoded, anything else as its JSON.
fn json_text<'a>(o: &Object<'a>, name: &str) -> Text<'a> {
    let value = o.raw(name).unwrap_or_default();
    json::string(value).unwrap_or(Text::Borrowed(value))
}

/// The texts behind the head of a script's output; older clients have all of it in one.
fn printed<'a>(parts: &[Part<'a>]) -> Vec<Text<'a>> {
    let mut texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    let Some(head) = texts.next().filter(|head| head.starts_with("Script ")) else {
        return Vec::new();
    };
    let body = head.split_once("Output:\n").map_or("", |(_, body)| body);
    let of_head = (!body.is_empty()).then(|| Text::Owned(body.to_string()));
    of_head.into_iter().chain(texts.cloned()).collect()
}

impl<'a> ToolOutput<'a> {
    pub(super) fn decode(o: &Object<'a>, kind: OutputKind) -> Self {
        let field = if kind == OutputKind::ToolSearch { "tools" } else { "output" };
        let mut output = Self {
            call_id: o.str("call_id"),
            turn_id: item_turn(o),
            kind,
            name: o.str("name"),
            success: o.bool("success"),
            ..Self::default()
        };
        output.read_value(o.raw(field).unwrap_or_default());
        if kind == OutputKind::ToolSearch {
            output.success = o.str("status").map(|status| status == "completed");
        }
        output
    }

    /// A string, a list of parts, or an object of text and success flag.
    fn read_value(&mut self, value: Json<'a>) {
        match value.as_bytes().first() {
            Some(b'"' | b'[') if self.kind != OutputKind::ToolSearch => {
                let parts = parts_of(value);
                self.parts = parts.len();
                self.images = parts.iter().filter(|part| matches!(part, Part::Image(_))).count();
                self.printed = printed(&parts);
                self.output = join(parts);
            }
            Some(b'{') => self.read_object(value),
            _ => {
                self.parts = json::array(value).map_or(0, |tools| tools.len());
                self.output = Text::Borrowed(value);
            }
        }
    }

    fn read_object(&mut self, value: Json<'a>) {
        let object = Object::parse(value).unwrap_or_default();
        self.success = object.bool("success").or(self.success);
        let content = object.raw("content_items").or_else(|| object.raw("content"));
        match content {
            // The value of one level only: an object inside counts as text.
            Some(inner) if inner.starts_with(['"', '[']) => self.read_value(inner),
            _ => {
                self.parts = 1;
                self.output = Text::Borrowed(value);
            }
        }
    }
}

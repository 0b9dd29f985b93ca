//! What people and models said: messages, reasoning, prompts.

use super::item::{citations, questions};
use super::json::{self, Json, Object, Text};

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Role<'a> {
    /// The user, or the client in the user's name.
    #[default]
    User,
    /// The model.
    Assistant,
    /// The client: always injected.
    Developer,
    /// The system prompt.
    System,
    /// Another name.
    Other(Text<'a>),
}

/// One part of a message or of a tool's output.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// `input_text`, `output_text`, `text`, `summary_text`, `reasoning_text`, ….
    Text(Text<'a>),
    /// `input_image`, `image`, `local_image`: the URL (often a data URL of megabytes) or path.
    Image(Text<'a>),
    /// `input_audio`: the URL.
    Audio(Text<'a>),
    /// Encrypted content: its length in bytes. The content is of no use to anyone.
    Encrypted(usize),
    /// Anything else, with its type and JSON.
    Other(Text<'a>, Json<'a>),
}

/// Response item `message`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message<'a> {
    /// Item id.
    pub id: Option<Text<'a>>,
    /// Turn, where the item's passthrough metadata tells it.
    pub turn_id: Option<Text<'a>>,
    /// Who speaks.
    pub role: Role<'a>,
    /// What is said. Test each part on its own for injected context.
    pub parts: Vec<Part<'a>>,
    /// `commentary` or `final_answer`.
    pub phase: Option<Text<'a>>,
    /// State of the item.
    pub status: Option<Text<'a>>,
}

/// Response item `reasoning`, or the reasoning item of a paginated file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reasoning<'a> {
    /// Item id.
    pub id: Option<Text<'a>>,
    /// Turn, where known.
    pub turn_id: Option<Text<'a>>,
    /// Summary texts, one per part; mostly empty in newer files.
    pub summary: Vec<Text<'a>>,
    /// Raw chain of open models, one text per part.
    pub content: Vec<Text<'a>>,
    /// Length of the encrypted chain in bytes.
    pub encrypted_len: usize,
}

/// Response item `agent_message`: mail between agents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentMail<'a> {
    /// Item id.
    pub id: Option<Text<'a>>,
    /// Turn, where known.
    pub turn_id: Option<Text<'a>>,
    /// Path of the sender.
    pub author: Option<Text<'a>>,
    /// Path of the receiver.
    pub recipient: Option<Text<'a>>,
    /// What is said.
    pub parts: Vec<Part<'a>>,
}

/// Event `user_message`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserMessage<'a> {
    /// The text as sent, wrapper of the IDE included.
    pub message: Text<'a>,
    /// `plain`, `environment_context`, `user_instructions`; older files only. Anything but
    /// `plain` is no prompt.
    pub kind: Option<Text<'a>>,
    /// URLs of images (data URLs or http), and ids of those that the service keeps.
    pub images: Vec<Text<'a>>,
    /// Paths of images.
    pub local_images: Vec<Text<'a>>,
    /// Number of audio inputs, inline and local.
    pub audio: usize,
    /// Number of marked spans in the text.
    pub text_elements: usize,
    /// Id given by the client.
    pub client_id: Option<Text<'a>>,
}

/// Event `agent_message`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentMessage<'a> {
    /// The text.
    pub message: Text<'a>,
    /// `commentary` or `final_answer`.
    pub phase: Option<Text<'a>>,
    /// The memories that the answer cites: where each stands, and what it says.
    pub citations: Vec<Text<'a>>,
    /// What it asks beside, each question with its options.
    pub questions: Vec<Text<'a>>,
}

/// Events `agent_reasoning` and `agent_reasoning_raw_content`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentReasoning<'a> {
    /// The text of one summary part, or of the raw chain.
    pub text: Text<'a>,
    /// True for the raw chain.
    pub raw: bool,
}

impl<'a> Role<'a> {
    /// The role of a name.
    #[must_use]
    pub fn new(name: Text<'a>) -> Self {
        match name.as_ref() {
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "developer" => Self::Developer,
            "system" => Self::System,
            _ => Self::Other(name),
        }
    }

    /// The name as written.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Developer => "developer",
            Self::System => "system",
            Self::Other(name) => name,
        }
    }
}

impl<'a> Part<'a> {
    /// One element of a content array.
    fn decode(json: Json<'a>) -> Self {
        if let Some(text) = json::string(json) {
            return Self::Text(text);
        }
        let o = Object::parse(json).unwrap_or_default();
        let kind = o.str("type").unwrap_or_default();
        match kind.as_ref() {
            "input_text" | "inputText" | "output_text" | "text" | "Text" | "summary_text"
            | "reasoning_text" => Self::Text(o.str("text").unwrap_or_default()),
            "input_image" | "inputImage" | "image" | "local_image" | "localImage" => {
                Self::Image(image(&o))
            }
            "input_audio" | "audio" | "local_audio" => {
                let url = o.str("audio_url").or_else(|| o.str("url")).or_else(|| o.str("path"));
                Self::Audio(url.unwrap_or_default())
            }
            "encrypted_content" => Self::Encrypted(o.len("encrypted_content")),
            // A kind that nobody knows yet: what it says is said all the same.
            _ => match o.str("text") {
                Some(text) => Self::Text(text),
                None => Self::Other(kind, json),
            },
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The URL or path of an image, whichever of its names it has.
fn image<'a>(o: &Object<'a>) -> Text<'a> {
    let nested = || o.object("image_url").and_then(|url| url.str("url"));
    ["image_url", "imageUrl", "url", "path", "data", "file_id"]
        .into_iter()
        .find_map(|name| o.str(name))
        .or_else(nested)
        .unwrap_or_default()
}

/// The parts of a content field: an array, or a plain string.
pub(super) fn parts<'a>(o: &Object<'a>, name: &str) -> Vec<Part<'a>> {
    o.raw(name).map_or_else(Vec::new, parts_of)
}

/// The parts of a value: an array, or a plain string.
pub(super) fn parts_of(value: Json<'_>) -> Vec<Part<'_>> {
    match json::array(value) {
        Some(elements) => elements.into_iter().map(Part::decode).collect(),
        None => json::string(value).map(Part::Text).into_iter().collect(),
    }
}

/// The texts of parts in one, each beginning on a line of its own.
pub(super) fn join<'a>(parts: Vec<Part<'a>>) -> Text<'a> {
    let mut texts = parts.into_iter().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    let mut joined = texts.next().unwrap_or_default();
    for text in texts {
        let joined = joined.to_mut();
        if !joined.is_empty() && !joined.ends_with('\n') {
            joined.push('\n');
        }
        joined.push_str(&text);
    }
    joined
}

/// The turn that the passthrough metadata of a response item names.
pub(super) fn item_turn<'a>(o: &Object<'a>) -> Option<Text<'a>> {
    let passed = o.object("internal_chat_message_metadata_passthrough");
    passed.or_else(|| o.object("metadata"))?.str("turn_id")
}

impl<'a> Message<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            id: o.str("id"),
            turn_id: item_turn(o),
            role: o.str("role").map(Role::new).unwrap_or_default(),
            parts: parts(o, "content"),
            phase: o.str("phase"),
            status: o.str("status"),
        }
    }
}

impl<'a> Reasoning<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let mut content = texts(o, "content");
        content.extend(texts(o, "raw_content"));
        let mut summary = texts(o, "summary");
        summary.extend(texts(o, "summary_text"));
        Self {
            id: o.str("id"),
            turn_id: item_turn(o),
            summary,
            content,
            encrypted_len: o.len("encrypted_content"),
        }
    }
}

fn texts<'a>(o: &Object<'a>, name: &str) -> Vec<Text<'a>> {
    let of_part = |part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    };
    parts(o, name).into_iter().filter_map(of_part).collect()
}

impl<'a> AgentMail<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            id: o.str("id"),
            turn_id: item_turn(o),
            author: o.str("author"),
            recipient: o.str("recipient"),
            parts: parts(o, "content"),
        }
    }
}

impl<'a> UserMessage<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        let mut images = o.strings("images");
        images.extend(o.strings("file_ids"));
        Self {
            message: o.str("message").unwrap_or_default(),
            kind: o.str("kind"),
            images,
            local_images: o.strings("local_images"),
            audio: o.count("audio") + o.count("local_audio"),
            text_elements: o.count("text_elements"),
            client_id: o.str("client_id"),
        }
    }
}

impl<'a> AgentMessage<'a> {
    pub(super) fn decode(o: &Object<'a>) -> Self {
        Self {
            message: o.str("message").unwrap_or_default(),
            phase: o.str("phase"),
            citations: citations(o),
            questions: questions(o),
        }
    }
}

impl<'a> AgentReasoning<'a> {
    pub(super) fn decode(o: &Object<'a>, raw: bool) -> Self {
        Self { text: o.str("text").unwrap_or_default(), raw }
    }
}

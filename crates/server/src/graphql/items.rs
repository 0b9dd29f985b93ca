//! What happened in a session, and what is found there.

use super::reading::{Field, Int64, Reading};
use crate::access::Right;
use crate::ui::TEXT_BYTES_MAX;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use codex_ledger_query::{FileRow, Item as ItemRow, ItemKind as Kind, SearchHit};

/// What something that happened is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum ItemKind {
    /// The user asked.
    Prompt,
    /// The assistant said.
    Message,
    /// Context that the client injected.
    Context,
    /// The model thought.
    Reasoning,
    /// A step of a plan.
    Plan,
    /// A tool was used.
    Call,
    /// A turn began or ended, and the like.
    Turn,
}

impl From<Kind> for ItemKind {
    fn from(kind: Kind) -> ItemKind {
        match kind {
            Kind::Prompt => ItemKind::Prompt,
            Kind::Message => ItemKind::Message,
            Kind::Context => ItemKind::Context,
            Kind::Reasoning => ItemKind::Reasoning,
            Kind::Plan => ItemKind::Plan,
            Kind::Call => ItemKind::Call,
            Kind::Turn => ItemKind::Turn,
        }
    }
}

/// Something that happened in a session.
pub(super) struct Item(pub(super) ItemRow);

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}

/// Something that happened in a session.
#[Object]
impl Item {
    /// What it is.
    async fn kind(&self) -> ItemKind {
        self.0.kind.into()
    }

    /// The ledger's entry.
    async fn seq(&self) -> Int64 {
        self.0.seq.into()
    }

    /// The line of its file, from 0.
    async fn line(&self) -> Int64 {
        self.0.line.into()
    }

    /// When, UTC milliseconds.
    async fn at_ms(&self) -> Option<Int64> {
        self.0.at_ms.map(Int64::from)
    }

    /// Of a prompt: its number, from 1.
    async fn number(&self) -> Option<Int64> {
        self.0.number.map(Int64::from)
    }

    /// A word: kind of context, name of a tool, status of a step.
    async fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// What was said, asked or called, without what is hidden; the beginning of what is very long.
    async fn text(&self, ctx: &Context<'_>) -> Field<String> {
        Reading::field(ctx, Right::Read, |reading| reading.clear(beginning(&self.0.text)))
    }

    /// Bytes of the whole text.
    async fn text_byte_count(&self) -> Int64 {
        (self.0.text.len() as u64).into()
    }

    /// Of a call: what came back, as `text`.
    async fn output(&self, ctx: &Context<'_>) -> Field<String> {
        let output = self.0.output.as_ref()?;
        Reading::field(ctx, Right::Read, |reading| reading.clear(beginning(output)))
    }

    /// Bytes of the whole output.
    async fn output_byte_count(&self) -> Option<Int64> {
        self.0.output.as_ref().map(|output| (output.len() as u64).into())
    }

    /// How a call ended: ok, failed, running, rejected, aborted, error, unknown.
    async fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
    }

    /// The exit code of a call.
    async fn exit_code(&self) -> Option<Int64> {
        self.0.exit_code.map(Int64::from)
    }

    /// How long a call or turn took, milliseconds.
    async fn duration_ms(&self) -> Option<Int64> {
        self.0.duration_ms.map(Int64::from)
    }

    /// Whether the turn of a prompt was rolled back.
    async fn rolled_back(&self) -> bool {
        self.0.rolled_back
    }
}

/// A file that a patch changed.
#[derive(SimpleObject)]
pub(super) struct FileChange {
    /// The ledger's entry.
    seq: Int64,
    /// When, UTC milliseconds.
    at_ms: Option<Int64>,
    /// The file.
    path: String,
    /// Where it was moved to.
    move_to: Option<String>,
    /// add, update, delete.
    action: String,
    /// Lines that were added.
    added: Int64,
    /// Lines that were removed.
    removed: Int64,
}

impl From<FileRow> for FileChange {
    fn from(row: FileRow) -> FileChange {
        let FileRow { seq, at_ms, path, move_to, action, added, removed, .. } = row;
        let (added, removed, at_ms) = (added.into(), removed.into(), at_ms.map(Int64::from));
        FileChange { seq: seq.into(), at_ms, path, move_to, action, added, removed }
    }
}

/// A place where something was found.
pub(super) struct Hit(pub(super) SearchHit);

/// A place where something was found.
#[Object]
impl Hit {
    /// The session.
    async fn session_id(&self) -> ID {
        self.0.session.clone().into()
    }

    /// What the session is called.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// The prompt that it is, or that it follows; 0 before the first.
    async fn prompt(&self) -> Int64 {
        self.0.prompt.into()
    }

    /// prompt, message, context, reasoning, plan, call, output, file, turn, name.
    async fn kind(&self) -> &str {
        &self.0.table
    }

    /// The ledger's entry.
    async fn seq(&self) -> Int64 {
        self.0.seq.into()
    }

    /// When, UTC milliseconds.
    async fn at_ms(&self) -> Option<Int64> {
        self.0.at_ms.map(Int64::from)
    }

    /// The tool, of calls and outputs.
    async fn tool(&self) -> Option<&str> {
        self.0.tool.as_deref()
    }

    /// The exit code, of calls and outputs.
    async fn exit_code(&self) -> Option<Int64> {
        self.0.exit_code.map(Int64::from)
    }

    /// The text around it, with `⟦` and `⟧` around the words that were found.
    async fn snippet(&self, ctx: &Context<'_>) -> Field<String> {
        Reading::field(ctx, Right::Read, |reading| {
            let plain = self.0.snippet.replace(['⟦', '⟧'], "");
            let clear = reading.clear(&plain)?;
            Ok(if clear == plain { self.0.snippet.clone() } else { clear })
        })
    }

    /// Higher is better.
    async fn score(&self) -> f64 {
        self.0.score
    }
}

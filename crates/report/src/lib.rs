//! The model of a report -> Markdown, CSV, JSON, HTML.
//!
//! Renderers know neither files nor clocks nor the database: the same model gives the same bytes. Text from
//! logs passes through [`escape`] wherever it is written.

mod charts;
mod csv;
pub mod escape;
mod feed;
mod html;
mod json;
mod markdown;
pub mod numbers;
mod page;
pub mod prose;
mod sheet;
pub mod story;
mod words;

use codex_ledger_query::{ReportHead, ReportPrompt, ReportSession};
use std::io::{Result, Write};

pub use charts::{CalendarDay, calendar};
pub use csv::{Csv, Table};
pub use feed::feed;
pub use html::{Html, html_index};
pub use json::Json;
pub use markdown::{Markdown, markdown_index};
pub use page::{PageLink, PageState, week_of};
pub use sheet::{COLUMNS, Section, Sheet, SheetRow};
pub use words::{erased_words, place_name, session_facts, session_label};

/// Writes a report in one format.
///
/// Called in this order: begin, then for every session `session`, `prompt` for each of its prompts and
/// `session_end`, and at last `end`. Sessions are skipped in a report on tokens.
pub trait Renderer {
    /// What comes before all sessions.
    ///
    /// # Errors
    /// As the writer; so do all others.
    fn begin(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()>;

    /// The heading of a session.
    ///
    /// # Errors
    /// As the writer.
    fn session(&mut self, out: &mut dyn Write, head: &ReportHead, of: &ReportSession)
    -> Result<()>;

    /// A prompt of that session, and what followed it.
    ///
    /// # Errors
    /// As the writer.
    fn prompt(&mut self, out: &mut dyn Write, head: &ReportHead, of: &ReportPrompt) -> Result<()>;

    /// The end of that session.
    ///
    /// # Errors
    /// As the writer.
    fn session_end(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()>;

    /// What comes after all sessions.
    ///
    /// # Errors
    /// As the writer.
    fn end(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()>;
}

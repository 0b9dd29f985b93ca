//! What was asked and what followed it, as HTML: the same in a report and on the pages of the review.

use super::page;
use super::words::{self, plural};
use super::{escape, prose};
use codex_ledger_query::{ReportItem, ReportKind, ReportPrompt, Seq, Zone};
use maud::{Markup, html};
use std::borrow::Cow;

/// Text from a log; that it means itself in HTML is seen to where it is put into a page.
pub fn safe(text: &str) -> Cow<'_, str> {
    escape::visible(text)
}

/// How a story is told.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// The zone of times.
    pub zone: &'a Zone,
    /// Whether each text says which entry of the ledger it is from, and what was done is in plain sight.
    pub is_for_review: bool,
}

impl Story<'_> {
    fn place(self, seq: Seq) -> Option<String> {
        self.is_for_review.then(|| seq.to_string())
    }

    /// To the page of the entry that a text is from.
    fn entry(self, seq: Option<Seq>) -> Markup {
        html! {
            @if let Some(seq) = seq.filter(|_| self.is_for_review) {
                " " a.entry href=(format!("/entries/{seq}")) { "entry " (seq) }
            }
        }
    }
}

/// `Prompt 3 · 2026-02-09 18:36 · 12.3k tokens, $0.04`.
pub fn prompt_heading(zone: &Zone, of: &ReportPrompt) -> Markup {
    html! {
        (page::prompt_heading(zone, of).as_deref().unwrap_or("Before the first prompt"))
        @if let Some(usage) = words::usage(&of.usage) { " · " (usage) }
    }
}

/// What was asked, what was done about it, and what was answered.
pub fn prompt(story: Story<'_>, of: &ReportPrompt) -> Markup {
    let work = page::work(of);
    html! {
        @for (name, value) in page::prompt_notes(of) {
            p.note {
                (name)
                @if let Some(value) = value { ": " code { (safe(&escape::line(&value))) } }
            }
        }
        @if of.in_range && of.number.is_some() {
            pre.text data-seq=[of.seq.and_then(|seq| story.place(seq))] { (safe(&of.text)) }
            (story.entry(of.seq))
        }
        @if !work.is_empty() {
            details.items open[story.is_for_review] {
                summary { (page::items_summary(&work)) }
                ol { @for item in work { (item_markup(story, item)) } }
            }
        }
        @for answer in page::answers(of) {
            div.answer data-seq=[story.place(answer.seq)] { (prose::markup(&answer.text)) }
            (story.entry(Some(answer.seq)))
        }
    }
}

fn item_markup(story: Story<'_>, item: &ReportItem) -> Markup {
    let name = item.name.as_deref().filter(|_| page::shows_name(item.kind));
    let is_prose = page::is_prose(item.kind);
    let is_line = !is_prose && item.text.len() <= 200 && !item.text.trim().contains('\n');
    let outcome = page::item_outcome(item);
    let output = item.output.as_deref().filter(|output| !output.trim().is_empty());
    html! {
        li class=(item.kind.name()) data-seq=[story.place(item.seq)] {
            span.time { (words::second(story.zone, item.at_ms)) } " "
            span.word { (page::item_word(item)) }
            @if let Some(name) = name { " " code { (safe(&escape::line(name))) } }
            @if is_line && !item.text.is_empty() {
                " "
                @if item.kind == ReportKind::Plan { (safe(&escape::line(&item.text))) }
                @else { code { (safe(&escape::line(&item.text))) } }
            }
            @if !outcome.is_empty() { " " span.outcome.bad[item.has_failed()] { (outcome) } }
            @if let Some((word, detail)) = page::item_detail(item) {
                " " span.outcome { (word) code { (safe(&detail)) } }
            }
            (story.entry(Some(item.seq)))
            @if item.kind == ReportKind::Context { (context(item)) }
            @else if is_prose { div.prose { (prose::markup(&item.text)) } }
            @else if !is_line && !item.text.is_empty() { (folded(&item.text, false)) }
            @if let Some(note) = words::cut_note(item.text.len(), item.text_bytes) {
                p.note { (note) }
            }
            @if let Some(output) = output {
                (folded(output, true))
                @if let Some(note) = words::cut_note(output.len(), item.output_bytes) {
                    p.note { (note) }
                }
            }
        }
    }
}

/// What a client put in is there for who looks for it.
fn context(item: &ReportItem) -> Markup {
    let bytes = item.text_bytes.unwrap_or(item.text.len() as u64);
    html! {
        details.context {
            summary { (plural(bytes, "byte")) }
            pre.prose { (safe(&item.text)) }
        }
    }
}

/// A text whose first piece is in plain sight.
fn folded(text: &str, is_output: bool) -> Markup {
    let is_patch = prose::is_patch(text);
    let block = |piece: &str| {
        let piece = safe(piece);
        match is_patch {
            true => prose::patch(&piece),
            false => html! { pre.output[is_output] { (piece) } },
        }
    };
    let pieces = page::pieces(text);
    html! {
        @for (index, piece) in pieces.iter().enumerate() {
            @if index == 0 { (block(piece)) }
            @else {
                details.piece {
                    summary { (page::piece_summary(index + 1, pieces.len(), piece.len())) }
                    (block(piece))
                }
            }
        }
    }
}

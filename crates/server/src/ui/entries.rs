//! One entry: what it is, what it says, its proof, and, for who may, what is hidden of it.

use super::export::attachment;
use super::layout::{self, Page, form_secret, shown};
use super::session::{TEXT_BYTES_MAX, hide_split};
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::Posted;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{EntryDetail, Seq};
use codex_ledger_query::{ActRow, EntryShown, Item, ItemKind};
use codex_ledger_report::numbers::{number, plural};
use codex_ledger_report::story::safe;
use maud::{Markup, html};

/// Of what is revealed only so many bytes are on a page.
const RAW_BYTES_MAX: usize = 256 * 1024;
/// Of a longer text only so many pieces are on a page.
const PIECES_MAX: usize = 64;
/// Texts that are not longer stand beside their place.
const SHORT_BYTES: usize = 60;
/// Texts of a record that are listed one by one.
const TEXTS_MAX: usize = 200;

/// What was asked for as it was recorded, and the entry that says who asked.
struct Revealed {
    noted: Seq,
    reason: String,
    bytes: Vec<u8>,
    all_bytes: usize,
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(seq): Path<String>,
) -> Result<Page> {
    shared.at_desk(who, move |desk| body(desk, number_of(&seq)?, None)).await
}

pub(crate) async fn proof(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(seq): Path<String>,
    Posted(_): Posted,
) -> Result<Response> {
    let seq = number_of(&seq)?;
    let proven = shared.at_desk(who, move |desk| {
        if seq >= desk.app.end()? {
            return Err(WebError::missing(format!("there is no entry {seq}")));
        }
        Ok(desk.prove(seq)?)
    });
    let name = format!("codex-ledger-entry-{seq}.proof");
    Ok(attachment("text/plain; charset=utf-8", &name, proven.await?.into_bytes()))
}

pub(crate) async fn reveal(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Path(seq): Path<String>,
    Posted(form): Posted,
) -> Result<Page> {
    let revealed = shared.at_desk(who, move |desk| {
        let seq = number_of(&seq)?;
        let reason = form.get("reason").filter(|reason| reason.chars().any(char::is_alphanumeric));
        let reason = reason.ok_or_else(|| {
            WebError::bad("no reason is given").hint("go back and say why; nothing was shown")
        })?;
        let (mut bytes, mut all_bytes) = (Vec::new(), 0);
        let noted = desk.app.raw_entry(seq, Some(reason), &mut |piece| {
            all_bytes += piece.len();
            let room = RAW_BYTES_MAX.saturating_sub(bytes.len());
            bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
        })?;
        let revealed = Revealed { noted, reason: reason.to_string(), bytes, all_bytes };
        body(desk, seq, Some(&revealed))
    });
    revealed.await
}

fn number_of(text: &str) -> Result<Seq> {
    let missing = || WebError::missing("an entry has a number");
    text.parse().map(Seq::new).map_err(|_| missing())
}

fn body(desk: &Desk, seq: Seq, revealed: Option<&Revealed>) -> Result<Page> {
    let of = desk.app.entry(seq)?;
    let gate = desk.gate()?;
    let may = |right| desk.who.role.may(right);
    let markup = html! {
        h1 { "Entry " (seq) }
        (facts(desk, seq, &of))
        @if let Some(revealed) = revealed { (banner(desk, revealed)) }
        div.both[revealed.is_some()] {
            section aria-labelledby="shown-title" {
                h2 id="shown-title" { "As it is shown" }
                (told(desk, &gate, &of))
            }
            @if let Some(revealed) = revealed { (raw(revealed)) }
        }
        @if may(Right::Audit) {
            form method="post" action=(format!("/entries/{seq}/proof")) {
                (form_secret(&desk.who))
                p { button { "Download its proof" } " " span.quiet { "proves to somebody who has the public key that this entry is in the ledger, and shows nothing of what it says; "
                    code { "codex-ledger audit verify" } " checks it" } }
            }
        }
        @if may(Right::Reveal) && revealed.is_none() && !of.is_erased { (reveal_form(desk, seq)) }
    };
    Ok(layout::page(desk, &format!("Entry {seq}"), "", &markup))
}

fn facts(desk: &Desk, seq: Seq, of: &EntryDetail) -> Markup {
    let EntryShown { session, path, kinds, .. } = &of.shown;
    let file = path.as_deref().and_then(|path| path.rsplit(['/', '\\']).next());
    html! {
        dl.facts {
            div { dt { "kind" } dd { (of.kind) @for kind in kinds { ", " (shown(kind)) } } }
            div { dt { "recorded" } dd { (desk.zone.minute(of.recorded_at_ms)) } }
            @if let Some(id) = session {
                div { dt { "session" } dd { a href=(format!("/sessions/{id}")) { (shown(id)) } } }
            }
            @if let Some(file) = file {
                div { dt { "file" } dd { (shown(file)) @if let Some(line) = of.line { ", line " (number(line + 1)) } } }
            }
            div { dt { "id" } dd { code data-copy="" { (of.id) } } }
            div { dt { "commitment" } dd { code data-copy="" { (of.commitment) } } }
            @if of.is_erased {
                div { dt { "erased" } dd.bad { "its body is gone" @if let Some(by) = of.erased_by { ", by " a href=(format!("/entries/{by}")) { "entry " (by) } } } }
            }
        }
        nav.beside aria-label="Neighbours" {
            @if let Some(before) = seq.get().checked_sub(1) { a href=(format!("/entries/{before}")) rel="prev" data-key="k" { "Entry " (before) } }
            @if desk.app.end().is_ok_and(|end| seq.get() + 1 < end.get()) { a href=(format!("/entries/{}", seq.get() + 1)) rel="next" data-key="j" { "Entry " (seq.get() + 1) } }
        }
    }
}

/// What it says, with what is hidden hidden.
fn told(desk: &Desk, gate: &Gate, of: &EntryDetail) -> Markup {
    html! {
        @if of.is_erased { p { "Nothing: its body was erased." } }
        @else if let Some(act) = &of.act { (told_act(desk, act)) }
        @else if of.shown.items.is_empty() {
            p { "Nothing by itself." }
            p.quiet { "An output stands with its call, counts in sums; a record that the ledger has twice is shown where it stands first." }
        }
        @for item in &of.shown.items { (told_item(gate, item)) }
    }
}

fn told_act(desk: &Desk, act: &ActRow) -> Markup {
    if !desk.who.role.may(Right::Audit) {
        return html! { p { "Somebody did something; who did what is for auditors." } };
    }
    html! {
        dl.facts {
            div { dt { "who" } dd { (shown(act.actor.as_deref().unwrap_or("-"))) } }
            div { dt { "what" } dd { (shown(&act.kind)) } }
            @if !act.target.is_empty() { div { dt { "of what" } dd { (shown(&act.target)) } } }
            @if let Some(reason) = &act.reason { div { dt { "why" } dd { (shown(reason)) } } }
        }
    }
}

fn told_item(gate: &Gate, of: &Item) -> Markup {
    let shown_text = |text: &str| {
        let mut text = text.to_string();
        hide_split(gate, &mut text);
        self::text(&text)
    };
    let word = match of.kind {
        ItemKind::Prompt => "prompt",
        ItemKind::Message => "message",
        ItemKind::Context => "context",
        ItemKind::Reasoning => "thought",
        ItemKind::Plan => "step of a plan",
        ItemKind::Call => "call",
        ItemKind::Turn => "turn",
    };
    html! {
        p.quiet { (word) @if let Some(number) = of.number { " " (number) } @if let Some(label) = &of.label { " " (shown(label)) } }
        @if !of.text.is_empty() { (shown_text(&of.text)) }
        @if let Some(output) = of.output.as_deref().filter(|output| !output.is_empty()) {
            p.quiet { "output" }
            (shown_text(output))
        }
    }
}

/// A text in pieces, the first in plain sight.
fn text(text: &str) -> Markup {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && pieces.len() < PIECES_MAX {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(TEXT_BYTES_MAX));
        pieces.push(piece);
        rest = more;
    }
    html! {
        @for (index, piece) in pieces.iter().enumerate() {
            @if index == 0 { pre.text { (safe(piece)) } }
            @else { details.piece { summary { "part " (index + 1) " of " (pieces.len()) } pre.text { (safe(piece)) } } }
        }
        @if !rest.is_empty() { p.note { (plural(rest.len() as u64, "more byte")) "; a report has them" } }
    }
}

fn reveal_form(desk: &Desk, seq: Seq) -> Markup {
    html! {
        section.reveal aria-labelledby="reveal-title" {
            h2 id="reveal-title" { "Show what is hidden" }
            p.quiet { "That you asked for it, and why, becomes an entry of the ledger before anything is shown." }
            form method="post" action=(format!("/entries/{seq}/reveal")) {
                (form_secret(&desk.who))
                label { span { "Why" } input type="text" name="reason" required autocomplete="off" maxlength="500"; } " "
                button { "Show it as it was recorded" }
            }
        }
    }
}

fn banner(desk: &Desk, of: &Revealed) -> Markup {
    html! {
        p.revealed role="status" {
            strong { "What follows hides nothing." } " That " (shown(&desk.who.actor)) " has seen it is recorded as "
            a href=(format!("/entries/{}", of.noted)) { "entry " (of.noted) } ": " (shown(&of.reason))
        }
    }
}

/// What was recorded: text by text where it is JSON, and as it stands there.
fn raw(of: &Revealed) -> Markup {
    let whole = String::from_utf8_lossy(&of.bytes);
    let mut texts = Vec::new();
    if let Ok(value) = serde_json::from_str(&whole) {
        each_text(&value, String::new(), &mut texts);
    }
    let more = of.all_bytes - of.bytes.len();
    html! {
        section aria-labelledby="raw-title" {
            h2 id="raw-title" { "As it was recorded" }
            @for (place, value) in texts.iter().take(TEXTS_MAX) {
                @if value.len() <= SHORT_BYTES && !value.contains('\n') {
                    p.leaf { code { (shown(place)) } " " (shown(value)) }
                } @else {
                    p.quiet { code { (shown(place)) } }
                    pre.text { (safe(value)) }
                }
            }
            details open[texts.is_empty()] {
                summary { "The line itself" }
                pre.text { (safe(&whole)) }
            }
            @if more > 0 { p.note { (number(more as u64)) " bytes more; " code { "codex-ledger show --raw" } " has them" } }
        }
    }
}

/// All texts of a document, each with its place in it.
fn each_text(value: &serde_json::Value, place: String, found: &mut Vec<(String, String)>) {
    use serde_json::Value;
    let below = |name: &str| match place.is_empty() {
        true => name.to_string(),
        false => format!("{place}.{name}"),
    };
    match value {
        Value::String(text) => found.push((place, text.clone())),
        Value::Array(all) => {
            for (at, value) in all.iter().enumerate() {
                each_text(value, below(&at.to_string()), found);
            }
        }
        Value::Object(all) => {
            for (name, value) in all {
                each_text(value, below(name), found);
            }
        }
        _ => {}
    }
}

//! How a page tells of a session: headings, remarks and words that Markdown and HTML share.

use super::escape;
use super::words::{self, number, plural};
use codex_ledger_query::{ReportHead, ReportItem, ReportKind, ReportPrompt, ReportSession, Zone};

/// What the file of the thread that goes on for longest, or that a newer client has rewritten, does not say.
const KEPT: &str = "only in another version of the file";

/// The anchor of a session: its id is not enough where it has two rollouts.
pub(super) fn anchor(of: &ReportSession) -> String {
    format!("s-{}-{}", escape::slug(&of.id), of.stream)
}

/// `Prompt 3 · 2026-02-09 18:36`; nothing for what came before the first prompt.
pub(super) fn prompt_heading(zone: &Zone, of: &ReportPrompt) -> Option<String> {
    let number = of.number?;
    let time = of.at_ms.map(|ms| format!(" · {}", zone.minute(ms))).unwrap_or_default();
    Some(format!("Prompt {number}{time}"))
}

/// The title of a session, or of a prompt's session, behind its id; not yet harmless.
pub(super) fn titled(head: &ReportHead, key: &str) -> String {
    let id = key.split('#').next().unwrap_or(key);
    let session = head.sessions.iter().find(|session| session.id == id);
    let title = session.and_then(|session| session.title.as_deref());
    let short: String = id.chars().take(8).collect();
    let number = key.strip_prefix(id).unwrap_or_default();
    title.map_or_else(
        || key.to_string(),
        |title| format!("{short}{number} {}", escape::first_line(title, 60)),
    )
}

/// What is unusual about a prompt; values are not yet harmless.
pub(super) fn prompt_notes(of: &ReportPrompt) -> Vec<(&'static str, Option<String>)> {
    let mut notes = Vec::new();
    if !of.in_range && of.number.is_some() {
        notes.push(("asked outside the range, the text is left out", None));
    }
    if of.rolled_back {
        notes.push(("rolled back", None));
    }
    if of.kept {
        notes.push((KEPT, None));
    }
    if of.images > 0 {
        notes.push(("images", Some(number(of.images))));
    }
    if let Some(file) = &of.active_file {
        notes.push(("open file", Some(file.clone())));
    }
    notes.extend(of.review.facts().into_iter().map(|(name, value)| (name, Some(value))));
    notes
}

/// What followed a prompt, but for the answers.
pub(super) fn work(of: &ReportPrompt) -> Vec<&ReportItem> {
    let items = of.items.iter().enumerate();
    items.filter(|(index, _)| !of.is_answer(*index)).map(|(_, item)| item).collect()
}

/// The answers to a prompt.
pub(super) fn answers(of: &ReportPrompt) -> impl Iterator<Item = &ReportItem> {
    let items = of.items.iter().enumerate();
    items.filter(|(index, _)| of.is_answer(*index)).map(|(_, item)| item)
}

/// Bytes of a text that are in plain sight; the others are folded.
const SIGHT_BYTES: usize = 2048;
/// Bytes of a piece that is folded.
const PIECE_BYTES: usize = 16 * 1024;

/// A long text in pieces that begin with lines; the first one is in plain sight.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let limit = if pieces.is_empty() { SIGHT_BYTES } else { PIECE_BYTES };
        let limit = rest.floor_char_boundary(limit);
        let line_end = rest.get(..limit).and_then(|head| head.rfind('\n')).map(|at| at + 1);
        let end = if limit == rest.len() { limit } else { line_end.unwrap_or(limit) };
        let (piece, behind) = rest.split_at(end);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// `piece 2 of 4, 16,384 bytes`.
pub(super) fn piece_summary(index: usize, count: usize, bytes: usize) -> String {
    let bytes = plural(bytes as u64, "byte");
    if count == 2 { format!("{bytes} more") } else { format!("piece {index} of {count}, {bytes}") }
}

/// `12 actions: 4 commands, 1 failed, 2 files`.
pub(super) fn items_summary(items: &[&ReportItem]) -> String {
    let of = |kind: ReportKind| items.iter().filter(|item| item.kind == kind).count() as u64;
    let is_command = |item: &&&ReportItem| item.kind == ReportKind::Command;
    let failed = items.iter().filter(is_command).filter(|item| item.has_failed()).count() as u64;
    let mut parts = Vec::new();
    for (kind, noun) in [
        (ReportKind::Message, "message"),
        (ReportKind::Reasoning, "thought"),
        (ReportKind::Plan, "plan step"),
        (ReportKind::Command, "command"),
        (ReportKind::Mcp, "MCP call"),
        (ReportKind::WebSearch, "web search"),
        (ReportKind::Tool, "other call"),
        (ReportKind::File, "file change"),
    ] {
        let count = of(kind);
        if count > 0 {
            let failed = if kind == ReportKind::Command { failed } else { 0 };
            let failed =
                if failed > 0 { format!(" ({} failed)", number(failed)) } else { String::new() };
            let counted = match noun {
                "web search" if count > 1 => format!("{} web searches", number(count)),
                noun => plural(count, noun),
            };
            parts.push(counted + &failed);
        }
    }
    if parts.is_empty() {
        parts.push(plural(items.len() as u64, "record"));
    }
    parts.join(", ")
}

/// The word for what an item is.
pub(super) fn item_word(item: &ReportItem) -> &'static str {
    match item.kind {
        ReportKind::Message => "said",
        ReportKind::Context => "context",
        ReportKind::Reasoning => "thought",
        ReportKind::Plan => "plan",
        ReportKind::Command => "ran",
        ReportKind::Mcp => "called",
        ReportKind::WebSearch => "searched the web",
        ReportKind::Tool => "used",
        ReportKind::File => file_word(item.name.as_deref()),
        ReportKind::Turn => turn_word(item.name.as_deref()),
        ReportKind::RateLimits => "rate limits",
    }
}

fn file_word(action: Option<&str>) -> &'static str {
    match action {
        Some("add") => "added",
        Some("delete") => "deleted",
        Some("update") => "changed",
        _ => "touched",
    }
}

fn turn_word(what: Option<&str>) -> &'static str {
    match what {
        Some("started") => "turn began",
        Some("completed") => "turn completed",
        Some("aborted") => "turn aborted",
        Some("compacted") => "context compacted",
        Some("rolled_back") => "turns rolled back",
        Some("review_entered") => "review began",
        Some("review_left") => "review ended",
        Some("error") => "error",
        _ => "turn",
    }
}

/// Whether the name says more than the word.
pub(super) fn shows_name(kind: ReportKind) -> bool {
    matches!(kind, ReportKind::Mcp | ReportKind::Tool | ReportKind::Context | ReportKind::Message)
}

/// Whether the text is prose, which is read rather than looked at.
pub(super) fn is_prose(kind: ReportKind) -> bool {
    matches!(kind, ReportKind::Message | ReportKind::Context | ReportKind::Reasoning)
}

/// How an item ended, in our own words: `exit 0, 1.2 s`, `+3 −1`.
pub(super) fn item_outcome(item: &ReportItem) -> String {
    let mut parts = vec![words::outcome(item), words::lines_changed(item)];
    if item.kept {
        parts.push(KEPT.to_string());
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// What else is to be said of an item, after a word of ours; not yet harmless.
pub(super) fn item_detail(item: &ReportItem) -> Option<(&'static str, String)> {
    let detail = item.detail.as_deref().filter(|detail| !detail.trim().is_empty())?;
    let word = match item.kind {
        ReportKind::Command | ReportKind::Tool => "in ",
        ReportKind::File => "now ",
        _ => "",
    };
    Some((word, escape::first_line(detail, 120)))
}

/// The week of a day, `2026-W07`; none where it is no day.
pub fn week_of(day: &str) -> Option<String> {
    let week = day.parse::<jiff::civil::Date>().ok()?.iso_week_date();
    Some(format!("{:04}-W{:02}", week.year(), week.week()))
}

/// A page of many, as the index names it.
#[derive(Clone, Debug, Default)]
pub struct PageLink {
    /// Name of its file: letters, digits, hyphens and a dot.
    pub file: String,
    /// Its day or time.
    pub when: String,
    /// When the last of it was said, as RFC 3339 has it; none where nothing tells.
    pub updated: Option<String>,
    /// What it is about; not yet harmless.
    pub label: String,
    /// What it holds.
    pub counts: String,
    /// Whether it is shown.
    pub state: PageState,
}

/// Whether a page of many is shown as it would be now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageState {
    /// It is.
    #[default]
    Shown,
    /// It is withheld, and none was written before.
    Withheld,
    /// It is withheld, and one that was written before stays.
    Older,
}

impl PageState {
    /// What an index says instead of the page's words.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            PageState::Shown => None,
            PageState::Withheld => Some("withheld"),
            PageState::Older => Some("withheld, an older page stays"),
        }
    }
}

impl PageLink {
    /// The page of a session.
    pub fn of_session(zone: &Zone, of: &ReportSession, file: String) -> PageLink {
        PageLink {
            file,
            when: words::minute(zone, of.started_at_ms),
            updated: of.ended_at_ms.map(|ms| Zone::utc().rfc3339(ms)),
            label: words::session_label(of),
            counts: words::session_counts(of),
            state: PageState::Shown,
        }
    }

    /// The page of a day, or of whatever else several sessions have in common.
    pub fn of_several(when: &str, head: &ReportHead, file: String) -> PageLink {
        let totals = &head.totals;
        let counts =
            format!("{}, {}", plural(totals.prompts, "prompt"), plural(totals.commands, "command"));
        let label = plural(totals.sessions, "session");
        let updated = head.period.last_ms.map(|ms| Zone::utc().rfc3339(ms));
        PageLink { file, when: when.to_string(), updated, label, counts, state: PageState::Shown }
    }
}

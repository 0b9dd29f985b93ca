//! `history_prompts` and `session_names`: the side files of a home.

use crate::fold::Fold;
use crate::tables::events::{self, Span};
use codex_ledger_redaction::Owners;
use codex_ledger_rollout::side;

pub(crate) fn history(fold: &mut Fold<'_>, line: &[u8], span: Span) {
    let Some(entry) = side::history_line(line) else {
        return other(fold, line, span);
    };
    fold.at.at_ms = entry.at_s.and_then(|s| s.checked_mul(1000));
    events::plain(fold, span, "history", None);
    let row = fold
        .row_at("history_prompts", 0, 9)
        .owned_by(owner(fold, entry.session_id.as_deref()))
        .id("session_id", entry.session_id.as_deref())
        .text("text", Some(&entry.text))
        .key("text_key", &entry.text);
    fold.push(row.insert());
}

pub(crate) fn index(fold: &mut Fold<'_>, line: &[u8], span: Span) {
    let Some(entry) = side::index_line(line) else {
        return other(fold, line, span);
    };
    fold.at.at_ms = entry.at_ms;
    events::plain(fold, span, "session_index", None);
    let row = fold
        .row_at("session_names", 0, 8)
        .owned_by(owner(fold, Some(&entry.session_id)))
        .id("session_id", Some(&entry.session_id))
        .text("name", entry.name.as_deref());
    fold.push(row.insert());
}

/// Lines of side files belong to the session that they name.
fn owner(fold: &Fold<'_>, session: Option<&str>) -> Owners {
    let repo = session.and_then(|session| fold.repos.get(session));
    Owners::new(session.into_iter().map(str::to_string).collect(), repo.map(String::as_str))
}

fn other(fold: &mut Fold<'_>, line: &[u8], span: Span) {
    if line.trim_ascii().is_empty() {
        fold.totals.blank += 1;
        events::plain(fold, span, "blank", None);
    } else {
        fold.totals.malformed += 1;
        events::plain(fold, span, "malformed", Some("bad_json"));
    }
}

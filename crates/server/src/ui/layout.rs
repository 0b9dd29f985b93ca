//! What all pages have in common.

use super::assets::{SCRIPT, STYLE};
use crate::access::{Right, Theme, Who};
use crate::params::FORM_SECRET;
use crate::state::Desk;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use codex_ledger_report::escape;
use maud::{DOCTYPE, Markup, html};

/// A whole page.
#[derive(Clone)]
pub(crate) struct Page(String);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/html; charset=utf-8")], self.0).into_response()
    }
}

/// Text of a log or a person in one line, every character of it to be seen.
pub(crate) fn shown(text: &str) -> String {
    escape::visible(&escape::line(text)).into_owned()
}

/// A piece of a line: as [`shown`], with the blanks at its ends.
pub(crate) fn piece(text: &str) -> String {
    let blank = |is_there: bool| if is_there { " " } else { "" };
    let (starts, ends) =
        (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace));
    format!("{}{}{}", blank(starts), shown(text), blank(ends))
}

/// The rooms, each with the right that one needs to enter it.
const ROOMS: [(&str, &str, Right); 9] = [
    ("/", "Sessions", Right::Read),
    ("/queue", "Queue", Right::Review),
    ("/search", "Search", Right::Read),
    ("/redactions", "Redactions", Right::Oversee),
    ("/rules", "Rules", Right::Oversee),
    ("/tokens", "Usage", Right::Read),
    ("/audit", "Audit", Right::Audit),
    ("/export", "Export", Right::Export),
    ("/settings", "Settings", Right::Administer),
];

/// A page for somebody who has come in.
pub(crate) fn page(desk: &Desk, title: &str, room: &str, body: &Markup) -> Page {
    let (who, zone) = (&desk.who, desk.zone.name());
    let frame = html! {
        header.top {
            nav aria-label="Rooms" {
                @for (path, name, _) in ROOMS.iter().filter(|(_, _, right)| who.role.may(*right)) {
                    a href=(path) aria-current=[(*path == room).then_some("page")] { (name) }
                }
            }
            div.who {
                span { (shown(&who.actor)) " · " (who.role.name()) }
                button type="button" id="keys" hidden aria-haspopup="dialog" { "Keys" }
                form method="post" action="/leave" { (form_secret(who)) button { "Leave" } }
            }
        }
        main id="main" tabindex="-1" data-end=[desk.end] { (body) }
        footer { p.quiet { "Times are in " (zone) "." } (super::theme::form(who)) }
        (keys())
    };
    document(title, who.theme, &frame)
}

/// A page for anybody.
pub(crate) fn bare(title: &str, body: &Markup) -> Page {
    document(title, None, &html! { main id="main" class="bare" { (body) } })
}

fn document(title: &str, theme: Option<Theme>, body: &Markup) -> Page {
    let theme = theme.map(Theme::name);
    let page = html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content=(theme.unwrap_or("light dark"));
                title { (shown(title)) " · codex-ledger" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.url());
                script src=(SCRIPT.url()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the contents" }
                (body)
            }
        }
    };
    Page(page.into_string())
}

/// What shows that a form is one of ours.
pub(crate) fn form_secret(who: &Who) -> Markup {
    html! { input type="hidden" name=(FORM_SECRET) value=(who.form_secret.as_deref().unwrap_or_default()); }
}

/// Keys and what they do, for whoever asks.
fn keys() -> Markup {
    let list = [
        ("j, k", "next, previous"),
        ("Enter", "open"),
        ("1, 2, 3 …", "judge: followed, ignored, needs review …"),
        ("t, n, s", "tag, note, star"),
        ("[, ]", "newer, older session"),
        (", and .", "previous, next hit of what was looked for in a session"),
        ("x", "choose, to say something of several at once"),
        ("r", "hide the selected passage"),
        ("f", "to the next that failed"),
        ("u", "undo what was just done (as long as it is told above)"),
        ("/", "search"),
        (
            "g then s, q, f, r, h, t, a, e, x",
            "go to sessions, queue, search, redactions, rules, usage, audit, export, settings",
        ),
        ("?", "this list"),
    ];
    html! {
        dialog id="keys-list" aria-labelledby="keys-title" {
            h2 id="keys-title" { "Keys" }
            dl.keys { @for (key, what) in list { div { dt { kbd { (key) } } dd { (what) } } } }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// What was just done, and how to undo it.
pub(crate) fn toast(text: &str, undo: Option<&Markup>) -> Markup {
    html! {
        div.toast role="status" {
            span { (text) }
            @if let Some(undo) = undo { (undo) }
        }
    }
}

/// Pages of a list.
pub(crate) fn pager(path: &str, params: &crate::params::Params, page: u64, pages: u64) -> Markup {
    let link = |to: u64, word: &str, rel: &str| {
        let page = to.to_string();
        html! { a href=(params.with("page", Some(&page).filter(|_| to > 1).map(String::as_str)).url(path)) rel=(rel) { (word) } }
    };
    html! {
        @if pages > 1 {
            nav.pager aria-label="Pages" {
                @if page > 1 { (link(page - 1, "Newer", "prev")) }
                span { "Page " (page) " of " (pages) }
                @if page < pages { (link(page + 1, "Older", "next")) }
            }
        }
    }
}

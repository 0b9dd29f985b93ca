//! Taking out a report: the same bytes that `report` writes, as one file or as pages.

use super::layout::{self, Page, form_secret};
use super::session::unreadable;
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use codex_ledger_app::publish::{Access, Language};
use codex_ledger_app::{PageBy, PriceTable, Publication, ReportFile, Withheld, renderer};
use codex_ledger_query::{Beside, Mode, Order, ReportRequest};
use maud::html;
use std::path::Path;

const MODES: [(&str, Mode); 5] = [
    ("prompts", Mode::Prompts),
    ("prompts+answers", Mode::Answers),
    ("actions", Mode::Actions),
    ("tokens", Mode::Tokens),
    ("full", Mode::Full),
];
const FORMATS: [(&str, Language, &str); 4] = [
    ("md", Language::Markdown, "text/markdown; charset=utf-8"),
    ("html", Language::Html, "text/html; charset=utf-8"),
    ("json", Language::Json, "application/json"),
    ("csv", Language::Csv, "text/csv; charset=utf-8"),
];

const WAYS: [(&str, PageBy); 5] = [
    ("session", PageBy::Session),
    ("day", PageBy::Day),
    ("week", PageBy::Week),
    ("month", PageBy::Month),
    ("repository", PageBy::Repo),
];
const ORDERS: [(&str, Order); 2] = [("oldest", Order::Oldest), ("newest", Order::Newest)];
/// What narrows it down, with the words for it.
const FILTERS: [(&str, &str); 9] = [
    ("since", "since"),
    ("until", "until"),
    ("repo", "repo"),
    ("workspace", "directory, with those below it"),
    ("session", "session"),
    ("model", "model"),
    ("source", "started by (cli, vscode, exec …)"),
    ("tag", "tag"),
    ("disposition", "disposition"),
];
/// Places that are named of what is held back.
const PLACES_MAX: usize = 10;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| Ok(form(desk, &params))).await
}

fn form(desk: &Desk, params: &Params) -> Page {
    let value = |name: &str| params.get(name).unwrap_or_default().to_string();
    let markup = html! {
        h1 { "Export" }
        p { "A file like that of " code { "codex-ledger report" } ": what is hidden is not in it." }
        form.export method="post" action="/export/file" {
            (form_secret(&desk.who))
            @for (name, words) in FILTERS {
                label { span { (words) } input type="text" name=(name) value=(value(name)) autocomplete="off"; }
            }
            label.check { input type="checkbox" name="by_person" value="1" checked[params.get("by_person").is_some()]; span { "only sessions that a person started" } }
            label { span { "which come first" } select name="order" { @for (name, _) in ORDERS { option value=(name) selected[params.get("order") == Some(name)] { (name) } } } }
            label { span { "how much" } select name="mode" { @for (name, _) in MODES { option value=(name) { (name) } } } }
            label { span { "format" } select name="format" { @for (name, ..) in FORMATS { option value=(name) { (name) } } } }
            label.check { input type="checkbox" name="external" value="1"; span { "for readers outside: without who did what and why" } }
            p { button.main { "Make the file" } }
            fieldset {
                legend { "Or pages that lead to one another, in one archive (Markdown or HTML)" }
                label { span { "a page for each" } select name="by" { @for (name, _) in WAYS { option value=(name) { (name) } } } } " "
                button formaction="/export/pages" { "Make the pages" }
            }
        }
    };
    layout::page(desk, "Export", "/export", &markup)
}

pub(crate) async fn file(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    report_file(&shared, who, form).await
}

/// The file that a form asks for.
pub(crate) async fn report_file(shared: &Shared, who: Who, form: Params) -> Result<Response> {
    let made = shared.at_desk(who, move |desk| made(desk, &form));
    let (bytes, kind, name) = made.await?;
    Ok(attachment(kind, &name, bytes))
}

pub(crate) async fn pages(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let bytes = shared.at_desk(who, move |desk| made_pages(desk, &form)).await?;
    Ok(attachment("application/zip", "codex-ledger-pages.zip", bytes))
}

/// A file that is kept, not shown.
pub(crate) fn attachment(kind: &str, name: &str, bytes: Vec<u8>) -> Response {
    let attachment = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, kind.to_string()), (CONTENT_DISPOSITION, attachment)];
    (headers, Body::from(bytes)).into_response()
}

fn named<T: Copy>(all: &[(&str, T)], form: &Params, field: &str) -> Result<T> {
    let name = form.get(field).unwrap_or_default();
    let found = all.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| WebError::bad(format!("no such {field}: `{name}`")))
}

/// What a form asks for, and the words of it that are recorded.
fn request(desk: &Desk, form: &Params) -> Result<(ReportRequest, String)> {
    let mut filter = form.filter(&desk.zone, desk.now_ms)?;
    filter.order = match form.get("order") {
        Some(_) => named(&ORDERS, form, "order")?,
        None => Order::Oldest,
    };
    let only = form.of_filter();
    let mut only =
        only.pairs().map(|(name, value)| format!(", {name} {value}")).collect::<String>();
    if filter.order == Order::Newest {
        only.push_str(", newest first");
    }
    let request = ReportRequest {
        title: None,
        mode: named(&MODES, form, "mode")?,
        filter,
        since_said: form.get("since").map(str::to_string),
        until_said: form.get("until").map(str::to_string),
        zone: desk.zone.clone(),
        page: false,
        beside: Beside::default(),
        external: form.get("external").is_some(),
        checkpoint: None,
    };
    // What cannot be taken out is not recorded as taken.
    desk.app.count_matching(&request.filter)?;
    Ok((request, only))
}

/// Records who takes something out, and which: that is known, whatever becomes of the file.
fn noted(desk: &Desk, what: &str, request: &mut ReportRequest) -> Result<()> {
    desk.app.note_report(what)?;
    // Behind it: the entry that says so may not be signed yet, and the file says that.
    request.checkpoint = desk.vouched();
    Ok(())
}

fn made(desk: &Desk, form: &Params) -> Result<(Vec<u8>, &'static str, String)> {
    let (mut request, only) = request(desk, form)?;
    let (end, language, kind) = format(form)?;
    let mode = request.mode;
    noted(desk, &format!("{} as {end}{only}", mode.name()), &mut request)?;
    let gate = desk.gate()?;
    let report = desk.app.report(&gate, request, PriceTable::builtin())?;
    // The gate looks at the file before it has a name; read back, it is what a command would have written.
    let folder = tempfile::tempdir().map_err(unreadable)?;
    let path = folder.path().join(format!("report.{end}"));
    let file = ReportFile { renderer: renderer(language), path: path.clone() };
    let written = desk.app.write_report(&gate, &report, vec![file], language, None)?;
    not_held(&written.withheld)?;
    let bytes = std::fs::read(&path).map_err(unreadable)?;
    Ok((bytes, kind, format!("codex-ledger-{}.{end}", mode.name().replace('+', "-"))))
}

fn made_pages(desk: &Desk, form: &Params) -> Result<Vec<u8>> {
    let (mut request, only) = request(desk, form)?;
    let (end, language, _) = format(form)?;
    let by = named(&WAYS, form, "by")?;
    if !matches!(language, Language::Markdown | Language::Html) || request.mode == Mode::Tokens {
        return Err(WebError::bad("pages tell of prompts, in Markdown or HTML")
            .hint("go back and choose md or html, and something else than tokens"));
    }
    let what = format!("{} as pages of {end}{only}", request.mode.name());
    noted(desk, &what, &mut request)?;
    let folder = tempfile::tempdir().map_err(unreadable)?;
    let dir = folder.path().join("pages.zip");
    let (only_check, access, reason) = (false, Access::Private, None);
    let wanted =
        Publication { dir: dir.clone(), language, by, request, only_check, access, reason };
    not_held(&desk.app.publish_as_zip(&wanted)?.withheld)?;
    std::fs::read(&dir).map_err(unreadable)
}

fn format(form: &Params) -> Result<(&'static str, Language, &'static str)> {
    let formats = FORMATS.map(|(end, language, kind)| (end, (end, language, kind)));
    named(&formats, form, "format")
}

/// Nothing leaves where something of it is held back: it is said where, and by which rule.
fn not_held(withheld: &[Withheld]) -> Result<()> {
    let places = withheld.iter().flat_map(|of| {
        let name = Path::new(&of.name).file_name().unwrap_or_default().to_string_lossy();
        of.findings.iter().map(move |found| format!("{name} line {}: {}", found.line, found.rule))
    });
    let mut places: Vec<String> = places.collect();
    if places.is_empty() {
        return Ok(());
    }
    let more = places.len().saturating_sub(PLACES_MAX);
    places.truncate(PLACES_MAX);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    let message = format!(
        "the report is held back: something stands in it that looks like a secret, or that this hides elsewhere: {}",
        places.join(", ")
    );
    let error = WebError::new(StatusCode::CONFLICT, message);
    Err(error.hint("hide that place as a whole, or undo the redaction that does not reach it"))
}

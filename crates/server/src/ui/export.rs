//! Taking out a report: the same bytes that `report` writes.

use super::layout::{self, Page, form_secret};
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
use codex_ledger_app::publish::Language;
use codex_ledger_app::{PriceTable, ReportFile, renderer};
use codex_ledger_query::{Beside, Mode, Order, ReportRequest};
use maud::html;
use std::collections::BTreeSet;

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
            @for name in ["since", "until", "repo", "session", "model", "tag", "disposition"] {
                label { span { (name) } input type="text" name=(name) value=(value(name)) autocomplete="off"; }
            }
            label { span { "how much" } select name="mode" { @for (name, _) in MODES { option value=(name) { (name) } } } }
            label { span { "format" } select name="format" { @for (name, ..) in FORMATS { option value=(name) { (name) } } } }
            label.check { input type="checkbox" name="external" value="1"; span { "for readers outside: without who did what and why" } }
            button.main { "Make the file" }
        }
    };
    layout::page(desk, "Export", "/export", &markup)
}

pub(crate) async fn file(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let made = shared.at_desk(who, move |desk| made(desk, &form));
    let (bytes, kind, name) = made.await?;
    let attachment = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, kind.to_string()), (CONTENT_DISPOSITION, attachment)];
    Ok((headers, Body::from(bytes)).into_response())
}

fn made(desk: &Desk, form: &Params) -> Result<(Vec<u8>, &'static str, String)> {
    let named = |name: &str| form.get(name).unwrap_or_default();
    let mode = MODES.into_iter().find(|(name, _)| *name == named("mode"));
    let format = FORMATS.into_iter().find(|(name, ..)| *name == named("format"));
    let (Some((_, mode)), Some((end, language, kind))) = (mode, format) else {
        return Err(WebError::bad("no such report, or no such format"));
    };
    let mut filter = form.filter(&desk.zone, desk.now_ms)?;
    filter.order = Order::Oldest;
    let request = ReportRequest {
        title: None,
        mode,
        filter,
        since_said: form.get("since").map(str::to_string),
        until_said: form.get("until").map(str::to_string),
        zone: desk.zone.clone(),
        page: false,
        beside: Beside::default(),
        external: form.get("external").is_some(),
        checkpoint: desk.vouched(),
    };
    // Recorded first: who takes something out is known, whatever becomes of the file.
    let only = form.of_filter();
    let only = only.pairs().map(|(name, value)| format!(", {name} {value}")).collect::<String>();
    desk.app.note_report(&format!("{} as {end}{only}", mode.name()))?;
    let gate = desk.gate()?;
    let report = desk.app.report(&gate, request, PriceTable::builtin())?;
    // The gate looks at the file before it has a name; read back, it is what a command would have written.
    let folder = tempfile::tempdir().map_err(crate::ui::session::unreadable)?;
    let path = folder.path().join(format!("report.{end}"));
    let file = ReportFile { renderer: renderer(language), path: path.clone() };
    let written = desk.app.write_report(&gate, &report, vec![file], language, None)?;
    if !written.withheld.is_empty() {
        let found = written.withheld.iter().flat_map(|of| &of.findings);
        let found: BTreeSet<&str> = found.map(|finding| finding.rule.as_str()).collect();
        let found = found.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!(
            "the report is held back: something stands in it that this hides elsewhere: {found}"
        );
        let error = WebError::new(StatusCode::CONFLICT, message);
        return Err(
            error.hint("hide that place as a whole, or undo the redaction that does not reach it")
        );
    }
    let bytes = std::fs::read(&path).map_err(crate::ui::session::unreadable)?;
    Ok((bytes, kind, format!("codex-ledger-{}.{end}", mode.name().replace('+', "-"))))
}

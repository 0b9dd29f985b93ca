//! For auditors: whether the ledger is intact, who vouches for that since when, and what nobody proves.

use super::checks::{Checked, Running};
use super::export::attachment;
use super::layout::{self, Page, form_secret, shown};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::Posted;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{Drift, RulesInForce, read_note};
use codex_ledger_report::numbers::{number, plural};
use codex_ledger_report::{COLUMNS, Section, SheetRow};
use maud::{Markup, html};
use std::sync::Arc;

/// Sections in which nothing stands that somebody else has said.
const OWN_WORDS: [&str; 3] = ["integrity", "findings", "not_proven"];

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
) -> Result<Page> {
    let checks = shared.checks().look();
    shared.at_desk(who, move |desk| body(desk, checks)).await
}

pub(crate) async fn check(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(_): Posted,
) -> Result<Response> {
    // What has ended makes room.
    shared.checks().look();
    let all = shared.clone();
    shared
        .at_desk(who.clone(), move |desk| {
            let size = desk.app.end()?.get();
            all.checks().begin(all.desk(who), size)
        })
        .await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, "/audit#check")]).into_response())
}

/// The checkpoint as it lies beside the ledger.
pub(crate) async fn checkpoint(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
) -> Result<Response> {
    let text = shared.at_desk(who, |desk| Ok(read_note(&desk.app.checkpoint_path())?)).await?;
    let text = text.ok_or_else(|| {
        WebError::missing("there is no checkpoint")
            .hint("`codex-ledger audit checkpoint` signs what the ledger has")
    })?;
    Ok(attachment("text/plain; charset=utf-8", "codex-ledger.checkpoint", text.into_bytes()))
}

fn body(desk: &Desk, (running, last): (Option<Running>, Option<Arc<Checked>>)) -> Result<Page> {
    let at_hand = desk.audit(None)?;
    let end = desk.app.end()?.get();
    let gate = desk.gate().ok();
    let rules = desk.app.rules().ok();
    // What was checked says more than what is at hand, except that it is a bad sign.
    let checked = last.as_ref().and_then(|checked| checked.found.as_ref().ok());
    let told = checked.filter(|_| at_hand.is_good).unwrap_or(&at_hand);
    let in_force = |rules: &RulesInForce| rules.rules.rules.iter().filter(|of| of.enabled).count();
    let in_force = rules.as_ref().map_or(0, in_force) as u64;
    // Views that cannot be read are a finding of the audit, and no reason to tell nothing.
    let drift = desk.app.drift().ok();
    let markup = html! {
        h1 { "Audit" }
        p.verdict.bad[!told.is_good] role="status" { strong { (shown(&told.verdict)) } }
        dl.facts {
            div { dt { "entries" } dd { (number(end)) } }
            @if let Some(rules) = &rules {
                div { dt { "rules in force" } dd { a href="/rules" { (number(in_force)) }
                    @match rules.seq { Some(seq) => { ", by " (entry(seq.get())) }, None => ", those of the program" } } }
            }
            div { dt { "checkpoint" } dd {
                @match desk.vouched() {
                    Some(vouched) => { (shown(&vouched)) " · " a href="/audit/checkpoint" { "Download it" } },
                    None => "nobody has signed it",
                }
            } }
        }
        (check_form(desk, running.as_ref(), last.as_deref(), end))
        p { a href="/acts" { "Log of acts" } ": who did what and why" }
        @for section in &told.sections { (told_section(section, gate.as_deref())) }
        (drifted(drift.as_deref(), gate.as_deref()))
    };
    Ok(layout::page(desk, "Audit", "/audit", &markup))
}

/// The last check, or the one that goes on.
fn check_form(desk: &Desk, running: Option<&Running>, last: Option<&Checked>, end: u64) -> Markup {
    html! {
        section id="check" aria-labelledby="check-title" {
            h2 id="check-title" { "Check of everything" }
            @if let Some(running) = running {
                p role="status" data-reload="" {
                    "It goes on since " (desk.zone.second(running.began_at_ms)) ", asked for by " (shown(&running.by)) ": "
                    (number(running.done())) " of " (entries(running.size)) " verified"
                    @if running.done() >= running.size { ", and what is shown is compared with them" }
                    ". "
                    a href="/audit#check" { "Look again" }
                }
                progress max=(running.size.max(1)) value=(running.done()) aria-label="Verified" {}
            } @else {
                @match last {
                    None => p { "Not done since this program was started. It reads every entry, hashes every body, and compares all that is shown with what the entries say; that may take minutes." },
                    Some(checked) => (ended(desk, checked, end)),
                }
                form method="post" action="/audit/check" { (form_secret(&desk.who)) button.main { "Check everything now" } }
            }
        }
    }
}

fn ended(desk: &Desk, of: &Checked, end: u64) -> Markup {
    let since = end.saturating_sub(of.size);
    html! {
        @match &of.found {
            Ok(sheet) => p.bad[!sheet.is_good] { (shown(&sheet.verdict)) },
            Err(error) => p.refused { (shown(&error.message)) "." @if let Some(hint) = &error.hint { " " (shown(hint)) "." } },
        }
        p.quiet {
            "Begun " (desk.zone.minute(of.began_at_ms)) " by " (shown(&of.by)) ", took " (format!("{:.1}", of.took.as_secs_f64())) " s."
            @if since > 0 { " " (entries(since)) " came since then." }
        }
    }
}

fn entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{} entries", number(count)) }
}

fn entry(seq: u64) -> Markup {
    html! { a href=(format!("/entries/{seq}")) { "entry " (seq) } }
}

/// A section as the sheet of `audit` has it, with what is hidden hidden: what was checked may be older than what is hidden now.
fn told_section(of: &Section, gate: Option<&Gate>) -> Markup {
    let is_clear = gate.is_some() || OWN_WORDS.contains(&of.name);
    let used = of.used();
    let id = format!("section-{}", of.name);
    html! {
        div.part {
            h2 id=(id) { (shown(&of.heading)) }
            @if let Some(note) = &of.note { p.quiet { (shown(note)) } }
            @if !is_clear { p.bad { "Not shown: what is hidden cannot be read." } }
            @else if !used.is_empty() {
                section.wide tabindex="0" aria-labelledby=(id) {
                    table.sheet {
                        thead { tr { @for at in &used { th scope="col" { (COLUMNS.get(*at).copied().unwrap_or_default()) } } } }
                        tbody { @for row in &of.rows { (told_row(row, &used, gate)) } }
                    }
                }
            }
        }
    }
}

/// What newer clients write and this version does not know, each with an entry that has it; names are text of a log, too.
fn drifted(drift: Option<&[Drift]>, gate: Option<&Gate>) -> Markup {
    let (Some(drift), Some(gate)) = (drift, gate) else {
        return html! {
            div.part { h2 id="drift" { "What this version does not know" } p.bad { "Not shown: what is shown or hidden cannot be read." } }
        };
    };
    let clear = |text: &str| shown(&gate.hide(text).unwrap_or_else(|| text.to_string()));
    html! {
        div.part {
            h2 id="drift" { "What this version does not know" }
            @if drift.is_empty() { p { "It knows every kind and field of these logs." } }
            @else {
                p.quiet { "Newer clients may write what it does not. Nothing of it is lost: a later version reads it. Fields and kinds of values are told, and no text of anybody." }
                section.wide tabindex="0" aria-labelledby="drift" {
                    table.sheet {
                        thead { tr { th scope="col" { "records" } th scope="col" { "kind" } th scope="col" { "fields" } th scope="col" { "for example" } th scope="col" { "its shape" } } }
                        tbody {
                            @for Drift { kind, fields, records, seq, shape } in drift {
                                tr {
                                    th scope="row" { (plural(*records, "record")) }
                                    td { (clear(kind)) }
                                    td { @match fields { Some(fields) => (clear(fields)), None => "this kind" } }
                                    td { (entry(seq.get())) }
                                    td { code { (clear(shape.as_deref().unwrap_or("(too long)"))) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn told_row(row: &SheetRow, used: &[usize], gate: Option<&Gate>) -> Markup {
    let cells = row.cells();
    let clear = |text: &str| gate.and_then(|gate| gate.hide(text)).unwrap_or_else(|| text.into());
    html! {
        tr {
            @for at in used {
                td {
                    @match (at, row.entry) {
                        (0, Some(seq)) => a href=(format!("/entries/{seq}")) { (seq) },
                        _ => (shown(&clear(cells.get(*at).map_or("", |cell| &**cell)))),
                    }
                }
            }
        }
    }
}

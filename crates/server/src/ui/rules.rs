//! The rules in force, and what each hides.

use super::layout::{self, Page, shown};
use crate::access::Who;
use crate::error::Result;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{Rule, RulesInForce, builtin_rules};
use codex_ledger_report::numbers::{number, plural};
use maud::{Markup, html};
use std::collections::BTreeMap;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
) -> Result<Page> {
    shared.at_desk(who, body).await
}

fn body(desk: &Desk) -> Result<Page> {
    let RulesInForce { seq, rules } = desk.app.rules()?;
    let gate = desk.gate()?;
    let hits: BTreeMap<String, u64> = desk.app.passages_by_rule(None)?.into_iter().collect();
    let count = |rule: &Rule| hits.get(&rule.id).copied().unwrap_or(0);
    let mut at_work: Vec<&Rule> = rules.rules.iter().filter(|rule| count(rule) > 0).collect();
    at_work.sort_by_key(|rule| (std::cmp::Reverse(count(rule)), &rule.id));
    let idle = rules.rules.iter().filter(|rule| count(rule) == 0);
    let markup = html! {
        h1 { "Rules" }
        p.quiet {
            (plural(rules.rules.len() as u64, "rule"))
            @match seq {
                Some(seq) => { ", in force by entry " (seq) },
                None => ", those of the program",
            }
            ". " code { "codex-ledger redact rules set" } " changes them."
        }
        section.wide tabindex="0" aria-label="Rules that hide something" {
            table.sums {
                thead { tr { th scope="col" { "rule" } th scope="col" { "passages" } } }
                tbody { @for rule in &at_work { tr { th scope="row" { (told(rule, &gate)) } td data-head="passages" { (number(count(rule))) } } } }
            }
        }
        details {
            summary { "Those that have hidden nothing yet" }
            ul.idle { @for rule in idle { li { (told(rule, &gate)) } } }
        }
    };
    Ok(layout::page(desk, "Rules", "/rules", &markup))
}

/// What a person wrote into a rule may be what another one hides.
fn told(rule: &Rule, gate: &Gate) -> Markup {
    let is_own = builtin_rules().is_ok_and(|known| !known.rules.contains(rule));
    let clear = |text: &str| match is_own {
        true => gate.hide(text).unwrap_or_else(|| text.to_string()),
        false => text.to_string(),
    };
    html! {
        code { (shown(&clear(&rule.id))) }
        @if !rule.enabled { " " span.chip { "off" } }
        @if let Some(about) = &rule.description { " " span.quiet { (shown(&clear(about))) } }
    }
}

//! The rules in force, and what each hides; whoever may hide changes them from here.

use super::layout::{self, Page, form_secret, shown};
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::Params;
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{Rule, RulesInForce, Seq, builtin_rules};
use codex_ledger_report::numbers::{number, plural};
use maud::{Markup, html};
use std::collections::BTreeMap;

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    shared.at_desk(who, move |desk| body(desk, &params)).await
}

/// What is known of all rules.
struct Known<'d> {
    desk: &'d Desk,
    gate: &'d Gate,
    hits: BTreeMap<String, u64>,
    /// Which of the rules that this entry put in force each one is.
    places: BTreeMap<String, usize>,
    seq: Option<Seq>,
}

fn body(desk: &Desk, params: &Params) -> Result<Page> {
    let RulesInForce { seq, rules } = desk.app.rules()?;
    let gate = desk.gate()?;
    let hits = desk.app.passages_by_rule(None)?.into_iter().collect();
    let places = rules.rules.iter().enumerate().map(|(nth, rule)| (rule.id.clone(), nth)).collect();
    let known = Known { desk, gate: &gate, hits, places, seq };
    let (own, shipped): (Vec<&Rule>, Vec<&Rule>) = rules.rules.iter().partition(|of| is_own(of));
    let (mut at_work, idle): (Vec<&Rule>, Vec<&Rule>) =
        shipped.into_iter().partition(|rule| known.count(rule) > 0);
    at_work.sort_by_key(|rule| (std::cmp::Reverse(known.count(rule)), &rule.id));
    let can_change = desk.who.role.may(Right::Redact);
    let done = params.number("done")?;
    let markup = html! {
        @if let Some(done) = done { (put_in_force(desk, done, seq.map(|seq| seq.get()))) }
        h1 { "Rules" }
        p.quiet {
            (plural(rules.rules.iter().filter(|rule| rule.enabled).count() as u64, "rule"))
            @match seq {
                Some(seq) => { ", in force by entry " (seq) },
                None => ", those of the program",
            }
            ". Whatever one of them finds is hidden everywhere, also in what is appended later."
        }
        h2 { "Your own" }
        @if own.is_empty() { p { "None yet: all are as they come with the program." } }
        ol.rules data-list="" { @for rule in &own { (own_rule(&known, rule)) } }
        @if can_change {
            p { a href="/rules/rule" { "Write a rule" } }
            form id="switch" method="post" action="/rules/try" { (form_secret(&desk.who)) }
        }
        h2 { "Those of the program" }
        section.wide tabindex="0" aria-label="Rules that hide something" {
            table.sums {
                thead { tr { th scope="col" { "rule" } th scope="col" { "passages" } } }
                tbody {
                    @for rule in &at_work {
                        tr {
                            th scope="row" { (told(rule, &gate)) " " (switch(&known, rule)) }
                            td data-head="passages" { (number(known.count(rule))) }
                        }
                    }
                }
            }
        }
        details {
            summary { "Those that have hidden nothing yet" }
            ul.idle { @for rule in idle { li { (told(rule, &gate)) " " (switch(&known, rule)) } } }
        }
    };
    Ok(layout::page(desk, "Rules", "/rules", &markup))
}

impl Known<'_> {
    /// What names a rule in addresses and forms, which must not say what is hidden.
    fn name(&self, rule: &Rule) -> String {
        match is_own(rule) && self.gate.hide(&rule.id).is_some() {
            true => placed(self.places.get(&rule.id).copied().unwrap_or(usize::MAX), self.seq),
            false => rule.id.clone(),
        }
    }

    /// Its name, as far as that is shown.
    fn clear(&self, rule: &Rule) -> String {
        match is_own(rule) {
            true => self.gate.hide(&rule.id).unwrap_or_else(|| rule.id.clone()),
            false => rule.id.clone(),
        }
    }

    fn count(&self, rule: &Rule) -> u64 {
        self.hits.get(&rule.id).copied().unwrap_or(0)
    }
}

/// Whether it is none of the program's, or not as that has it.
pub(crate) fn is_own(rule: &Rule) -> bool {
    builtin_rules().is_ok_and(|known| !known.rules.contains(rule))
}

/// Whether the program has one of that name: it is switched off and changed only by whoever administers.
pub(crate) fn is_shipped(id: &str) -> bool {
    !builtin_rules().is_ok_and(|known| known.rules.iter().all(|rule| rule.id != id))
}

/// What was just put in force, with a way back as long as it is the last.
fn put_in_force(desk: &Desk, done: u64, in_force: Option<u64>) -> Markup {
    let undo = html! {
        form method="post" action="/rules/undo" {
            (form_secret(&desk.who))
            button name="seq" value=(done) data-key="u" { "Undo" }
        }
    };
    let undo = Some(&undo).filter(|_| in_force == Some(done) && desk.who.role.may(Right::Redact));
    layout::toast(&format!("In force by entry {done}."), undo)
}

fn own_rule(known: &Known<'_>, rule: &Rule) -> Markup {
    let may = |right| known.desk.who.role.may(right);
    let name = known.name(rule);
    let address = Params::default().and("id", &name).url("/rules/rule");
    // One that is named by its place is one whose name is hidden.
    let is_named = name == rule.id;
    html! {
        li data-item="" {
            div { (told(rule, known.gate)) }
            div.facts {
                span { (plural(known.count(rule), "passage")) " hidden" }
                span { (rule.kind.name()) }
                @if is_shipped(&rule.id) { span { "in the place of one of the program" } }
            }
            @if may(Right::Redact) && ((is_named && !is_shipped(&rule.id)) || may(Right::Administer)) {
                div.undo {
                    a href=(address) { "Change" } " "
                    (switch(known, rule)) " "
                    button form="switch" name="remove" value=(name) aria-label=(format!("Remove {}", shown(&known.clear(rule)))) { "Remove" }
                }
            }
        }
    }
}

/// The button that switches a rule, for whoever may.
fn switch(known: &Known<'_>, rule: &Rule) -> Markup {
    let (act, word) = if rule.enabled { ("off", "Switch off") } else { ("on", "Switch on") };
    let name = known.name(rule);
    let is_safe = name == rule.id && (!rule.enabled || !is_shipped(&rule.id));
    let right = if is_safe { Right::Redact } else { Right::Administer };
    html! {
        @if known.desk.who.role.may(right) {
            button.small form="switch" name=(act) value=(name) aria-label=(format!("{word} {}", shown(&known.clear(rule)))) { (word) }
        }
    }
}

/// A rule by its place among those that an entry put in force, for an admin: its name is hidden.
fn placed(nth: usize, seq: Option<Seq>) -> String {
    format!("rule {nth} of {}", seq.map_or(0, Seq::get))
}

/// The name of the rule that a form means, and whether it is hidden, so that nothing may repeat it.
pub(crate) fn meant(desk: &Desk, name: &str) -> Result<(String, bool)> {
    // Names that are written here are one word.
    if !name.starts_with("rule ") {
        return Ok((name.to_string(), false));
    }
    let RulesInForce { seq, rules } = desk.app.rules()?;
    let mut all = rules.rules.into_iter().enumerate();
    match all.find(|(nth, _)| placed(*nth, seq) == name) {
        Some((_, rule)) if desk.who.role.may(Right::Administer) => Ok((rule.id, true)),
        Some(_) => Err(WebError::new(
            StatusCode::FORBIDDEN,
            "only an admin changes a rule whose name is hidden",
        )),
        None => Err(WebError::missing("other rules are in force by now")
            .hint("open the list of rules again")),
    }
}

/// What a person wrote into a rule may be what another one hides.
pub(crate) fn told(rule: &Rule, gate: &Gate) -> Markup {
    let clear = |text: &str| match is_own(rule) {
        true => gate.hide(text).unwrap_or_else(|| text.to_string()),
        false => text.to_string(),
    };
    html! {
        code { (shown(&clear(&rule.id))) }
        @if !rule.enabled { " " span.chip { "off" } }
        @if let Some(about) = &rule.description { " " span.quiet { (shown(&clear(about))) } }
    }
}

//! Trying a change of the rules, and putting it in force.

use super::layout::{self, Page, form_secret, shown};
use super::redactions::samples;
use super::rule_form::{change, fields, named};
use super::rules::{is_shipped, meant, told};
use crate::access::{Right, Who};
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::{RuleChange, RuleTrial, Seq, Weaker};
use codex_ledger_report::numbers::{number, plural};
use maud::{Markup, html};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) async fn look(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    // Dropped with the answer that nobody waits for any more.
    let waiting = Waiting::default();
    let is_gone = waiting.0.clone();
    let looked = shared.at_desk(who, move |desk| {
        let began = Instant::now();
        let is_over = || is_gone.load(Ordering::Relaxed) || began.elapsed() >= TRIAL_PATIENCE;
        let tried = change(desk, &form).and_then(|change| {
            let trial = desk.app.try_rule(&change, &is_over)?;
            Ok((change, trial))
        });
        match tried {
            Ok((change, trial)) => Ok(page(desk, &form, &change, &trial)?.into_response()),
            // The form keeps what was typed; a switch has none.
            Err(error) if form.exact("pattern").is_some() && error.status.is_client_error() => {
                let message = desk.gate()?.hide(&error.message).unwrap_or(error.message);
                Ok((error.status, refused(desk, &form, &message)?).into_response())
            }
            Err(error) => Err(without_name(desk, &form, error)),
        }
    });
    looked.await
}

/// How long a rule is tried; what it was tried on until then is told.
const TRIAL_PATIENCE: Duration = Duration::from_secs(10);

/// Somebody who waits for an answer, until this is dropped.
#[derive(Default)]
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An error as it is told: nobody has typed the name of a rule that a page has called by its place.
fn without_name(desk: &Desk, form: &Params, error: WebError) -> WebError {
    let is_hidden = |name| meant(desk, name).is_ok_and(|(_, is_hidden)| is_hidden);
    match named(form).is_some_and(|(_, name)| is_hidden(name)) {
        true => desk.without_hidden(error),
        false => error,
    }
}

/// A rule that cannot be used, with the form to make it better.
fn refused(desk: &Desk, form: &Params, message: &str) -> Result<Page> {
    let markup = html! {
        h1 { "Try a rule" }
        p.refused role="alert" { (shown(message)) "." }
        form.apply method="post" action="/rules/try" {
            (form_secret(&desk.who))
            (fields(desk, form)?)
            p { button.main { "Try again" } " " a href="/rules" { "Leave it as it is" } }
        }
    };
    Ok(layout::page(desk, "Rule", "/rules", &markup))
}

fn page(desk: &Desk, form: &Params, change: &RuleChange, trial: &RuleTrial) -> Result<Page> {
    let may_weaken = desk.who.role.may(Right::Administer) || !weakens_shipped(&trial.weaker);
    let gate = desk.gate()?;
    // Names of rules that others write may be hidden; the one that is typed here is told as it is.
    let clear = |text: &str| match change {
        RuleChange::Add(_) => text.to_string(),
        _ => gate.hide(text).unwrap_or_else(|| text.to_string()),
    };
    let is_sound = trial.failed.missed.is_empty() && trial.failed.caught.is_empty();
    let markup = html! {
        h1 { "Try a rule" }
        (what(desk, change)?)
        (found(change, trial, &clear))
        (examples(change, trial))
        (shown_again(change, trial, &clear))
        form.apply method="post" action="/rules/apply" {
            (form_secret(&desk.who))
            @match named(form).filter(|(act, _)| *act != "of") {
                Some((act, name)) => input type="hidden" name=(act) value=(name);,
                None => details open[!is_sound] {
                    summary { "The rule" }
                    div.apply { (fields(desk, form)?) p { button formaction="/rules/try" { "Try again" } } }
                },
            }
            @if may_weaken && is_sound { (consent(form, trial)) }
            @else if !may_weaken { p.refused { "Only an admin makes rules of the program hide less." } }
        }
    };
    Ok(layout::page(desk, "Rule", "/rules", &markup))
}

/// What is to be changed, in words.
fn what(desk: &Desk, change: &RuleChange) -> Result<Markup> {
    let gate = desk.gate()?;
    let rules = desk.app.rules()?.rules.rules;
    let named = |id: &str| html! { @for rule in rules.iter().filter(|rule| rule.id == id) { (told(rule, &gate)) } };
    Ok(html! {
        p {
            @match change {
                RuleChange::Add(rule) => { "A new rule, " code { (shown(&rule.id)) } "." },
                RuleChange::Change(rule) => { "Another form of " (named(&rule.id)) },
                RuleChange::Switch(id, true) => { "Switch on " (named(id)) },
                RuleChange::Switch(id, false) => { "Switch off " (named(id)) },
                RuleChange::Remove(id) => { "Remove " (named(id)) },
            }
        }
    })
}

/// What it would hide, as far as that can be counted.
fn found(change: &RuleChange, trial: &RuleTrial, clear: &dyn Fn(&str) -> String) -> Markup {
    let RuleTrial { hides, different, random, harmless: (changed, harmless), is_cut, .. } = trial;
    let is_narrow = matches!(change, RuleChange::Add(rule) | RuleChange::Change(rule)
        if !rule.fields.is_empty() || !rule.roles.is_empty() || rule.scope.name() != "global");
    if is_less(change) && hides.passages == 0 {
        return html! {};
    }
    html! {
        h2 { "What it would hide" }
        @if *is_cut {
            p.refused {
                "This took too long and was stopped: what is told is of the " (plural(hides.texts, "text")) " that it was tried on until then."
                " In force it is applied to all."
            }
        }
        @if hides.passages == 0 && *is_cut {
            p { "Nothing of these." }
        } @else if hides.passages == 0 {
            p { "Nothing that is shown now. What is appended later is looked at, too." }
        } @else {
            p {
                "At least " strong { (plural(hides.passages, "passage")) } " in " strong { (plural(hides.sessions.len() as u64, "session")) }
                " that are shown now; " (number(*different)) " different ones, of which " (number(*random)) " look random, as keys do."
                @if is_narrow { " Counted everywhere, though the rule is meant for some places only." }
            }
            (samples(hides))
        }
        @if *harmless > 0 {
            p.quiet { "Of " (number(*harmless)) " harmless texts that come with the program, it would hide something in " (number(*changed)) "." }
        }
        @if let Some(why) = &trial.too_wide { p.refused { (shown(&clear(why))) "." } }
    }
}

fn examples(change: &RuleChange, trial: &RuleTrial) -> Markup {
    let (RuleChange::Add(rule) | RuleChange::Change(rule)) = change else { return html! {} };
    let failed = &trial.failed;
    let all = rule.examples.matches.len() + rule.examples.no_match.len();
    let list = |words: &str, texts: &[String]| {
        html! {
            @if !texts.is_empty() {
                p.refused { (words) }
                ul.samples { @for text in texts { li { code { (shown(text)) } } } }
            }
        }
    };
    html! {
        @if all > 0 && failed.missed.is_empty() && failed.caught.is_empty() {
            p { "What its examples say holds." }
        }
        (list("These it must hide and does not:", &failed.missed))
        (list("These it must leave alone and does not:", &failed.caught))
    }
}

/// Whether a change can only take something away.
fn is_less(change: &RuleChange) -> bool {
    matches!(change, RuleChange::Switch(_, false) | RuleChange::Remove(_))
}

/// What is hidden now and would not be; its text is not told before it is shown.
fn shown_again(change: &RuleChange, trial: &RuleTrial, clear: &dyn Fn(&str) -> String) -> Markup {
    let RuleTrial { weaker, shown_again, shared, is_cut, .. } = trial;
    let passages: u64 = shown_again.values().sum();
    html! {
        @if weaker.is_empty() && is_less(change) {
            p { "Nothing would be shown again: the rule is off, or another one finds the same." }
        }
        @if !weaker.is_empty() {
            h2 { "What it would show again" }
            p {
                @for Weaker { rule, how } in weaker { code { (shown(&clear(rule))) } " " (how) ". " }
                @if *is_cut { "This took too long and was stopped: there may be more than is told here. " }
                @if passages == 0 && !*is_cut { "No passage of a session is hidden by it alone." }
                @else if passages > 0 {
                    strong { (plural(passages, "passage")) } " in " strong { (plural(shown_again.len() as u64, "session")) }
                    " would be shown again:"
                }
            }
            ul.samples {
                @for (session, count) in shown_again.iter().take(20) {
                    li { a href=(format!("/sessions/{session}")) { (shown(session)) } " " span.quiet { (plural(*count, "passage")) } }
                }
            }
            @if shown_again.len() > 20 { p.quiet { "and " (plural(shown_again.len() as u64 - 20, "more session")) } }
            @if *shared > 0 { p { (plural(*shared, "more passage")) " that it hides together with others might be shown in part." } }
        }
    }
}

/// What is asked before it is done.
fn consent(form: &Params, trial: &RuleTrial) -> Markup {
    html! {
        label { span { "Why" } input type="text" name="reason" value=(form.get("reason").unwrap_or_default()) required autocomplete="off" maxlength="500"; }
        @if trial.too_wide.is_some() {
            label.check { input type="checkbox" name="wide" value="1" required; " it may hide much" }
        }
        @if !trial.weaker.is_empty() {
            label.check { input type="checkbox" name="weaker" value="1" required; " less is hidden then, and that is meant" }
        }
        p { button.main { "Put in force" } " " a href="/rules" { "Leave it as it is" } }
    }
}

/// Whether a rule of the program would hide less.
fn weakens_shipped(weaker: &[Weaker]) -> bool {
    weaker.iter().any(|weaker| is_shipped(&weaker.rule))
}

/// Refuses what hides less, unless that is meant by somebody who may.
fn check_weaker(desk: &Desk, weaker: &[Weaker], is_meant: bool) -> Result<()> {
    if weakens_shipped(weaker) && !desk.who.role.may(Right::Administer) {
        let message = "only an admin makes rules of the program hide less";
        return Err(WebError::new(StatusCode::FORBIDDEN, message));
    }
    if !weaker.is_empty() && !is_meant {
        return Err(
            WebError::bad("less would be hidden then").hint("go back and tick that this is meant")
        );
    }
    Ok(())
}

pub(crate) async fn apply(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let all = shared.clone();
    let made = shared.at_desk(who, move |desk| {
        let _turn = all.deciding();
        put_in_force(desk, &form).map_err(|error| without_name(desk, &form, error))
    });
    Ok(see(made.await?))
}

fn put_in_force(desk: &Desk, form: &Params) -> Result<Option<Seq>> {
    let change = change(desk, form)?;
    let reason = form.get("reason").unwrap_or_default();
    check_weaker(desk, &desk.app.weaker_by(&change)?, form.get("weaker").is_some())?;
    let wide = form.get("wide").is_some();
    Ok(desk.app.change_rule(&change, reason, wide, &mut |_| ())?)
}

pub(crate) async fn undo(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let all = shared.clone();
    let made = shared.at_desk(who, move |desk| {
        let seq = form.number("seq")?.ok_or_else(|| WebError::bad("no entry is named"))?;
        let _turn = all.deciding();
        let before = desk.app.rules_before(Seq::new(seq))?;
        check_weaker(desk, &desk.app.weaker_than_in_force(&before)?, true)?;
        let reason = format!("entry {seq} is undone");
        Ok(desk.app.set_rules(before, &reason, true, &mut |_| ())?)
    });
    Ok(see(made.await?))
}

fn see(seq: Option<Seq>) -> Response {
    let list = Params::default();
    let list = seq.iter().fold(list, |list, seq| list.and("done", &seq.to_string()));
    (StatusCode::SEE_OTHER, [(LOCATION, list.url("/rules"))]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_that_was_stopped_says_so_and_claims_nothing_of_the_rest() {
        let clear = |text: &str| text.to_string();
        let weaker = vec![Weaker { rule: "berth".into(), how: "is off".into() }];
        let cut = RuleTrial { is_cut: true, weaker, ..RuleTrial::default() };
        let whole = RuleTrial { is_cut: false, ..cut.clone() };
        let off = RuleChange::Switch("berth".into(), false);
        let on = RuleChange::Switch("berth".into(), true);
        let told = |trial: &RuleTrial| {
            found(&on, trial, &clear).into_string()
                + &shown_again(&off, trial, &clear).into_string()
        };
        assert_eq!(told(&cut).matches("was stopped").count(), 2);
        for claim in ["Nothing that is shown now", "No passage of a session"] {
            assert!(!told(&cut).contains(claim) && told(&whole).contains(claim), "{claim}");
        }
        assert!(!told(&whole).contains("stopped"));
    }

    #[test]
    fn whoever_waits_no_more_ends_it() {
        let waiting = Waiting::default();
        let is_gone = waiting.0.clone();
        assert!(!is_gone.load(Ordering::Relaxed));
        drop(waiting);
        assert!(is_gone.load(Ordering::Relaxed));
    }
}

//! A rule as a form has it.

use super::layout::{self, Page, form_secret, shown};
use super::redactions::{passage, pattern_of};
use super::review::back;
use super::rules::meant;
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{Examples, Rule, RuleChange, RuleKind, RuleScope, Severity};
use maud::{Markup, html};

/// How a pattern may be read, with the words for it.
const KINDS: [(RuleKind, &str); 4] = [
    (RuleKind::Regex, "a pattern (regular expression)"),
    (RuleKind::Literal, "exactly this text"),
    (RuleKind::Token, "the form of a token"),
    (RuleKind::Marker, "the name of a marker, as in [redact …]"),
];

/// Fields that only a form that was filled in brings back.
const FIELDS: [&str; 4] = ["about", "kind", "shown", "must_not"];

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    params: Params,
) -> Result<Page> {
    let shown = shared.at_desk(who, move |desk| {
        params.get("id").map(|name| known(desk, name)).transpose()?;
        page(desk, &Params::default().with("of", params.get("id")))
    });
    shown.await
}

/// A rule that finds what was selected, to be made wider by hand. By POST, so that no address says what it is.
pub(crate) async fn from_passage(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Page> {
    let to = back(&form)?;
    let passage = passage(&form);
    let pattern = match form.exact("pattern").filter(|pattern| !pattern.is_empty()) {
        Some(pattern) => pattern.to_string(),
        None if passage.is_empty() => return Err(WebError::bad("no passage is named")),
        None => pattern_of(&passage, r"\s+"),
    };
    let form = Params::default().and("pattern", &pattern).and("back", &to);
    let form = form.and("must", &passage.split_whitespace().collect::<Vec<_>>().join(" "));
    shared.at_desk(who, move |desk| page(desk, &form)).await
}

fn page(desk: &Desk, form: &Params) -> Result<Page> {
    let to = back(form)?;
    let to = if to == "/" { "/rules" } else { to.as_str() };
    let markup = html! {
        h1 { @if form.get("of").is_some() { "Change a rule" } @else { "Write a rule" } }
        form.apply method="post" action="/rules/try" {
            (form_secret(&desk.who))
            (fields(desk, form)?)
            p { button.main { "Try it" } " " a href=(to) { "Leave it as it is" } }
        }
        p.quiet { "To try a rule records nothing and hides nothing: the next page says what it would hide." }
    };
    Ok(layout::page(desk, "Rule", "/rules", &markup))
}

/// A rule by what a page calls it.
fn known(desk: &Desk, name: &str) -> Result<Rule> {
    let (id, _) = meant(desk, name)?;
    let rules = desk.app.rules()?.rules.rules;
    let missing = || WebError::missing(format!("there is no rule `{id}`"));
    rules.into_iter().find(|rule| rule.id == id).ok_or_else(missing)
}

/// What a form does with a rule that there is, and what it calls it.
pub(crate) fn named(form: &Params) -> Option<(&'static str, &str)> {
    ["on", "off", "remove", "of"].into_iter().find_map(|act| Some((act, form.get(act)?)))
}

/// What a form asks to change.
pub(crate) fn change(desk: &Desk, form: &Params) -> Result<RuleChange> {
    if let Some((act, name)) = named(form).filter(|(act, _)| *act != "of") {
        let (id, _) = meant(desk, name)?;
        return Ok(match act {
            "remove" => RuleChange::Remove(id),
            act => RuleChange::Switch(id, act == "on"),
        });
    }
    let rule = Box::new(rule(desk, form)?);
    Ok(if form.get("of").is_some() { RuleChange::Change(rule) } else { RuleChange::Add(rule) })
}

/// A rule as it stands in the fields; in those that stay empty since what they say is hidden, as it was.
struct Fields<'f> {
    form: &'f Params,
    gate: &'f Gate,
    base: &'f Rule,
    /// Whether somebody has filled the form in.
    is_filled: bool,
}

impl Fields<'_> {
    /// Whether a field says what may not be shown: of a literal, its text is the secret.
    fn is_hidden(&self, known: &str) -> bool {
        let is_secret = self.base.kind == RuleKind::Literal
            && !self.base.pattern.is_empty()
            && known.contains(&self.base.pattern);
        is_secret || self.gate.hide(known).is_some()
    }

    /// What stands in a field.
    fn shown(&self, name: &str, known: &str) -> String {
        match self.form.exact(name) {
            Some(typed) => lines(typed),
            None if self.is_hidden(known) => String::new(),
            None => known.to_string(),
        }
    }

    /// What a field means.
    fn meant(&self, name: &str, known: &str) -> String {
        match self.form.exact(name).map(lines) {
            Some(typed) if !typed.trim().is_empty() => typed,
            Some(_) if self.is_filled && !self.is_hidden(known) => String::new(),
            _ => known.to_string(),
        }
    }

    /// A list, one a line; as it was where nothing else was typed, for one of a file may have lines in it.
    fn list(&self, name: &str, known: &[String]) -> Vec<String> {
        let joined = known.join("\n");
        let meant = self.meant(name, &joined);
        match meant == joined {
            true => known.to_vec(),
            false => {
                let lines = meant.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.map(str::to_string).collect()
            }
        }
    }
}

/// Lines as they are meant, whatever a browser makes of their ends.
fn lines(typed: &str) -> String {
    typed.replace("\r\n", "\n")
}

fn base(desk: &Desk, form: &Params) -> Result<Rule> {
    match form.get("of") {
        Some(id) => known(desk, id),
        None => Ok(blank()),
    }
}

/// A rule that says nothing yet.
fn blank() -> Rule {
    Rule {
        id: String::new(),
        kind: RuleKind::Regex,
        pattern: String::new(),
        replacement: None,
        enabled: true,
        scope: RuleScope::Global,
        fields: Vec::new(),
        roles: Vec::new(),
        near: Vec::new(),
        keywords: Vec::new(),
        window: None,
        dots: None,
        entropy: None,
        secret_group: None,
        allow: Vec::new(),
        allow_before: Vec::new(),
        check: None,
        base64: false,
        ignore_case: false,
        dotall: false,
        echo: false,
        severity: Severity::default(),
        reason: None,
        actor: None,
        description: None,
        examples: Examples::default(),
    }
}

fn rule(desk: &Desk, form: &Params) -> Result<Rule> {
    let (gate, base) = (desk.gate()?, base(desk, form)?);
    let of = Fields { form, gate: &gate, base: &base, is_filled: true };
    let kind = match form.get("kind") {
        Some(word) => {
            let known = KINDS.iter().find(|(kind, _)| kind.name() == word);
            known.ok_or_else(|| WebError::bad(format!("`{word}` is no kind of rule")))?.0
        }
        None => base.kind,
    };
    let some = |text: String| Some(text.trim().to_string()).filter(|text| !text.is_empty());
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let id = match form.get("of") {
        Some(_) => base.id.clone(),
        None => form.get("id").unwrap_or_default().to_string(),
    };
    Ok(Rule {
        id,
        kind,
        description: some(of.meant("about", &known(&base.description))),
        pattern: of.meant("pattern", &base.pattern),
        replacement: some(of.meant("shown", &known(&base.replacement))),
        keywords: of.list("keywords", &base.keywords),
        ignore_case: form.get("case").is_some(),
        examples: Examples {
            matches: of.list("must", &base.examples.matches),
            no_match: of.list("must_not", &base.examples.no_match),
        },
        ..base.clone()
    })
}

/// The fields of a rule, filled in with what was typed, or else with what it says.
pub(crate) fn fields(desk: &Desk, form: &Params) -> Result<Markup> {
    let (gate, base) = (desk.gate()?, base(desk, form)?);
    let is_filled = FIELDS.iter().any(|name| form.exact(name).is_some());
    let of = Fields { form, gate: &gate, base: &base, is_filled };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let is_case = if is_filled { form.get("case").is_some() } else { base.ignore_case };
    let kind = form.get("kind").unwrap_or(base.kind.name());
    let line = |name: &str, words: &str, known: &str| {
        html! {
            label { span { (words) (kept(&of, known)) }
                input type="text" name=(name) value=(of.shown(name, known)) autocomplete="off" spellcheck="false"; }
        }
    };
    let area = |name: &str, words: &str, known: &str, rows: usize| {
        html! {
            label { span { (words) (kept(&of, known)) }
                textarea name=(name) rows=(rows) autocomplete="off" spellcheck="false" { "\n" (of.shown(name, known)) } }
        }
    };
    let (must, must_not) = (base.examples.matches.join("\n"), base.examples.no_match.join("\n"));
    Ok(html! {
        @if let Some(to) = form.get("back") { input type="hidden" name="back" value=(to); }
        @match form.get("of") {
            Some(name) => {
                input type="hidden" name="of" value=(name);
                p { "Rule " code { (shown(&called(desk, &gate, name)?)) } @if !base.enabled { " " span.chip { "off" } } }
            },
            None => label { span { "Name, in one word" }
                input type="text" name="id" value=(form.get("id").unwrap_or_default()) required maxlength="80" autocomplete="off" spellcheck="false" placeholder="ticket-number"; },
        }
        (line("about", "What it finds, for whoever reads the list", &text(&base.description)))
        label { span { "What the next field is" }
            select name="kind" { @for (of, words) in KINDS { option value=(of.name()) selected[of.name() == kind] { (words) } } }
        }
        (area("pattern", "Pattern", &base.pattern, 2))
        label.check { input type="checkbox" name="case" value="1" checked[is_case]; " capital and small letters are the same" }
        (line("shown", "What is shown instead (else [redacted:NAME])", &text(&base.replacement)))
        (area("keywords", "Words of which a text must have one, one a line (makes it faster; may stay empty)", &base.keywords.join("\n"), 1))
        (area("must", "Examples that it must hide, one a line", &must, 2))
        (area("must_not", "Examples that it must leave alone, one a line", &must_not, 2))
        @if is_more(&base) { p.quiet { "What else this rule says, as places or tests of values, stays as it is." } }
    })
}

/// What is told of the name of a rule.
fn called(desk: &Desk, gate: &Gate, name: &str) -> Result<String> {
    let (id, is_hidden) = meant(desk, name)?;
    Ok(if is_hidden { gate.hide(&id).unwrap_or_default() } else { id })
}

/// What is told beside a field that is empty since what it says is hidden.
fn kept(of: &Fields<'_>, known: &str) -> &'static str {
    if of.is_hidden(known) { " (is hidden; empty keeps it)" } else { "" }
}

/// Whether a rule says more than the form has fields for.
fn is_more(rule: &Rule) -> bool {
    let plain = Rule {
        id: rule.id.clone(),
        kind: rule.kind,
        pattern: rule.pattern.clone(),
        replacement: rule.replacement.clone(),
        enabled: rule.enabled,
        keywords: rule.keywords.clone(),
        ignore_case: rule.ignore_case,
        severity: rule.severity,
        reason: rule.reason.clone(),
        actor: rule.actor.clone(),
        description: rule.description.clone(),
        examples: rule.examples.clone(),
        ..blank()
    };
    plain != *rule
}

//! The gate: finds what must not be published in what is about to be.
//!
//! A document is looked at part by part while it is written: its bytes, what a reader sees of them, and the texts
//! of the model that it was made of, which rendering may have wrapped, cut or escaped. In all three the built-in
//! rules of severity high and critical are looked for, whatever rules are in force; in the texts also every rule and
//! every redaction of passages in force. Our own words are not held against those: somebody may have hidden one.

use super::reading::Language;
use codex_ledger_location as location;
use codex_ledger_redaction::{
    By, Context, Engine, Manual, Policy, Redaction, Rule, RuleError, RuleSet, Severity, builtin,
    everywhere,
};
use std::collections::BTreeSet;

/// A passage that must not be published, without its words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Finding {
    /// 1-based line of the document.
    pub line: usize,
    /// Id of the rule, or `redaction SEQ`.
    pub rule: String,
}

/// Texts that a part of a document was made of, and whose they are.
#[derive(Clone, Debug, Default)]
pub struct Part<'a> {
    /// Texts from logs or people, as the model has them.
    pub texts: Vec<&'a str>,
    /// What a reader sees of those that are Markdown, where a page may render them.
    pub rendered: Vec<String>,
    /// Id of their session.
    pub session: Option<&'a str>,
    /// URL of its repository.
    pub repo: Option<&'a str>,
}

/// What must not be published, ready to be looked for.
#[derive(Debug)]
pub struct Gate {
    /// The built-in rules that do harm.
    harmful: Scan,
    /// These, and all that is in force.
    all: Scan,
    /// As `all`, with hidden prompts, and with what is narrowed to sessions or repositories in force everywhere.
    anywhere: Scan,
}

#[derive(Debug)]
struct Scan {
    engine: Engine,
    rules: Vec<String>,
}

impl Scan {
    fn compile(rules: Vec<Rule>, manual: &[Manual]) -> Result<Scan, RuleError> {
        let names = rules.iter().map(|rule| rule.id.clone()).collect();
        let rules = RuleSet { rules, ..RuleSet::default() };
        Ok(Scan { engine: Engine::of_checked(&rules, manual)?, rules: names })
    }

    /// Place and source of each passage.
    fn passages(&self, text: &str, at: &Context<'_>) -> Vec<(std::ops::Range<usize>, String)> {
        let name = |by: By| match by {
            By::Rule(index) => self.rules.get(index as usize).cloned(),
            By::Manual(seq) => Some(format!("redaction {seq}")),
        };
        let masks = self.engine.masks(text, at);
        masks.iter().filter_map(|mask| Some((mask.start..mask.end, name(mask.by)?))).collect()
    }
}

/// The built-in rules that do harm, and these with all that are in force.
fn rules_of(policy: &Policy) -> Result<(Vec<Rule>, Vec<Rule>), RuleError> {
    let does_harm = |rule: &&Rule| rule.enabled && rule.severity >= Severity::High;
    let harmful: Vec<Rule> = builtin()?.rules.iter().filter(does_harm).cloned().collect();
    let mut all = policy.rules().rules.clone();
    let more: Vec<Rule> = harmful.iter().filter(|rule| !all.contains(rule)).cloned().collect();
    all.extend(more);
    Ok((harmful, all))
}

/// What decides whether the raw body of an entry may be given to others: nobody says in which column its texts stand, so
/// every rule and every redaction by words looks at all of it.
#[derive(Debug)]
pub struct BodyGate(Engine);

impl BodyGate {
    /// Compiles what is in force, and the built-in rules that do harm.
    ///
    /// # Errors
    /// When a rule cannot be used.
    pub fn new(policy: &Policy) -> Result<BodyGate, RuleError> {
        let (_, rules) = rules_of(policy)?;
        let rules = everywhere(&RuleSet { rules, ..RuleSet::default() });
        let anywhere = policy.redactions().iter().flat_map(Redaction::anywhere);
        Ok(BodyGate(Engine::of_checked(&rules, &anywhere.collect::<Vec<_>>())?))
    }

    /// Whether nothing of these bytes is hidden. What is no text is not looked through, and so does not pass.
    pub fn passes(&self, body: &[u8]) -> bool {
        str::from_utf8(body).is_ok_and(|text| self.0.masks(text, &Context::default()).is_empty())
    }
}

impl Gate {
    /// Compiles the built-in rules that do harm, and what is in force.
    ///
    /// # Errors
    /// When a rule cannot be used.
    pub fn new(policy: &Policy) -> Result<Gate, RuleError> {
        let (harmful, all) = rules_of(policy)?;
        let manual: Vec<Manual> =
            policy.redactions().iter().filter_map(Redaction::passages).collect();
        let anywhere = policy.redactions().iter().flat_map(Redaction::anywhere);
        Ok(Gate {
            harmful: Scan::compile(harmful, &[])?,
            anywhere: Scan::compile(all.clone(), &anywhere.collect::<Vec<_>>())?,
            all: Scan::compile(all, &manual)?,
        })
    }

    /// The gate where no ledger says what is in force.
    ///
    /// # Errors
    /// When a rule cannot be used.
    pub fn without_ledger() -> Result<Gate, RuleError> {
        Gate::new(&Policy::compile(builtin()?.clone(), Vec::new(), [0; 32])?)
    }

    /// What may be shown of a text that a person typed, such as a title; none where nothing of it is hidden.
    pub fn hide(&self, text: &str) -> Option<String> {
        self.anywhere.engine.redact(text, &Context::default(), &mut Vec::new())
    }

    /// Begins a look at a document.
    pub(super) fn inspect(&self, language: Language) -> DocumentCheck<'_> {
        DocumentCheck { gate: self, language, bytes: Vec::new(), lines: 0, found: BTreeSet::new() }
    }
}

/// A look at one document, as far as it is written.
#[derive(Debug)]
pub(super) struct DocumentCheck<'g> {
    gate: &'g Gate,
    language: Language,
    /// What was written of the part that is not looked at yet.
    bytes: Vec<u8>,
    /// Lines before it.
    lines: usize,
    found: BTreeSet<Finding>,
}

impl DocumentCheck<'_> {
    /// Takes what is written.
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Looks at what was written since the part before, and at the texts that it was made of.
    pub fn end_part(&mut self, of: &[Part<'_>]) {
        let bytes = std::mem::take(&mut self.bytes);
        let text = String::from_utf8_lossy(&bytes);
        let read = self.language.reading(&text);
        let mut here: BTreeSet<Finding> = BTreeSet::new();
        for text in std::iter::once(&*text).chain(read.as_deref()) {
            for (place, rule) in self.gate.harmful.passages(text, &Context::default()) {
                here.insert(Finding { line: self.line_of(text, place.start), rule });
            }
        }
        for part in of {
            self.texts(part, &text, read.as_deref(), &mut here);
        }
        self.found.append(&mut here);
        self.lines += memchr::memchr_iter(b'\n', &bytes).count();
    }

    /// Looks at the texts of a part of which `text` was made, and `read` is what a reader sees.
    fn texts(&self, part: &Part<'_>, text: &str, read: Option<&str>, here: &mut BTreeSet<Finding>) {
        let sessions: Vec<String> = part.session.map(str::to_string).into_iter().collect();
        let repo = part.repo.map(location::plain);
        let at = Context { sessions: &sessions, repo: repo.as_deref(), ..Context::default() };
        let rendered = part.rendered.iter().map(String::as_str);
        for said in part.texts.iter().copied().chain(rendered).filter(|said| !said.is_empty()) {
            for (place, rule) in self.gate.all.passages(said, &at) {
                let words = beginning(said.get(place).unwrap_or_default());
                let mut shown = [Some(text), read].into_iter().flatten();
                let line = shown.find_map(|shown| Some(self.line_of(shown, shown.find(words)?)));
                let is_known = line.is_none() && here.iter().any(|known| known.rule == rule);
                if !is_known {
                    here.insert(Finding { line: line.unwrap_or(self.lines + 1), rule });
                }
            }
        }
    }

    fn line_of(&self, text: &str, at: usize) -> usize {
        let before = text.as_bytes().get(..at).unwrap_or_default();
        self.lines + memchr::memchr_iter(b'\n', before).count() + 1
    }

    /// What was found.
    pub fn finish(mut self) -> BTreeSet<Finding> {
        self.end_part(&[]);
        self.found
    }
}

/// As much of a passage as stands in one line, and is enough to find it.
fn beginning(words: &str) -> &str {
    let line = words.trim_start().lines().next().unwrap_or_default();
    line.char_indices().nth(40).map_or(line, |(end, _)| line.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use codex_ledger_entry::Seq;
    use codex_ledger_redaction::{Matcher, Scope, Target, expand_example};

    fn token() -> String {
        expand_example("ghp_{{alnum:36}}")
    }

    fn found(gate: &Gate, language: Language, parts: &[(&str, Part<'_>)]) -> Vec<(usize, String)> {
        let mut inspection = gate.inspect(language);
        for (bytes, part) in parts {
            inspection.take(bytes.as_bytes());
            inspection.end_part(std::slice::from_ref(part));
        }
        inspection.finish().into_iter().map(|found| (found.line, found.rule)).collect()
    }

    fn part<'a>(texts: &[&'a str]) -> Part<'a> {
        Part { texts: texts.to_vec(), ..Part::default() }
    }

    #[test]
    fn bytes_readings_and_texts_are_looked_at() {
        let gate = Gate::new(&Policy::none()).unwrap();
        let (token, rule) = (token(), "github-token".to_string());
        let (head, tail) = token.split_at(8);
        let plain = format!("a\nb {token}\n");
        assert_eq!(
            found(&gate, Language::Text, &[("x\n", part(&[])), (&plain, part(&[]))]),
            [(3, rule.clone())]
        );
        // A reader of HTML sees the underscore, one of marks reads over them.
        let escaped = format!("\n<b>{}</b>", token.replace('_', "&#95;"));
        assert_eq!(
            found(&gate, Language::Html, &[(&escaped, part(&[]))]),
            [(2, rule.clone())],
            "entities"
        );
        let marked = format!("{head}⟨U+200B⟩{tail}");
        assert_eq!(found(&gate, Language::Markdown, &[(&marked, part(&[]))]), [(1, rule.clone())]);
        // Rendered, letters stand together that their markup parts in the source.
        let parted = format!("<p>{head}<strong>{tail}</strong></p>");
        assert_eq!(found(&gate, Language::Html, &[(&parted, part(&[]))]), [(1, rule.clone())]);
        let source = format!("{head}**{tail}**");
        let rendered = Part { rendered: vec![token.clone()], ..part(&[&source]) };
        assert_eq!(found(&gate, Language::Json, &[("{}", rendered)]), [(1, rule.clone())]);
        // Wrapped in the log, one line with a space in the page.
        let wrapped = format!("{head}\n{tail}");
        let line = format!("first\nran `{head} {tail}`\n");
        assert_eq!(
            found(&gate, Language::Markdown, &[(&line, part(&[&wrapped]))]),
            [(2, rule)],
            "the model's text"
        );
        assert_eq!(found(&gate, Language::Text, &[("nothing\n", part(&["nothing"]))]), []);
    }

    #[test]
    fn what_is_in_force_is_held_against_texts_and_not_against_our_words() {
        let redaction = |seq, text: &str, scope| Redaction {
            seq,
            target: Target::Passages {
                matcher: Matcher::Literal { text: text.into(), ignore_case: true },
                scope,
            },
            replacement: "[gone]".into(),
        };
        let redactions = vec![
            redaction(Seq::new(7), "heron", Scope::Global),
            redaction(Seq::new(9), "quartz", Scope::Session("s1".into())),
        ];
        let policy = Policy::compile(RuleSet::default(), redactions, [0; 32]).unwrap();
        let gate = Gate::new(&policy).unwrap();
        let page = "<h1>heron</h1>\nquartz\n";
        assert_eq!(found(&gate, Language::Html, &[(page, part(&[]))]), []);
        assert_eq!(
            found(&gate, Language::Html, &[(page, part(&["a heron"]))]),
            [(1, "redaction 7".to_string())]
        );
        let of = |session| Part { session: Some(session), ..part(&["quartz"]) };
        assert_eq!(
            found(&gate, Language::Html, &[(page, of("s1"))]),
            [(2, "redaction 9".to_string())]
        );
        assert_eq!(found(&gate, Language::Html, &[(page, of("s2"))]), []);
    }
}

//! Rules as data: what a rule set says, before anything is compiled.
//!
//! A rule set is stored as an entry, so it reads and writes as plain JSON, with keys in a fixed order and
//! defaults left out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A list of rules. Earlier rules win where two of equal scope overlap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// What people call it: the file's name, or what the file says.
    pub name: String,
    /// The rules, in order of precedence.
    pub rules: Vec<Rule>,
    /// What an import left out or changed, for the person who imports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Texts of the file that say what its rules hide, in `«…»`. They decide nothing, and are not stored.
    #[serde(skip)]
    pub corpus: Vec<String>,
}

impl RuleSet {
    /// Digest of the rules as they are stored, hex.
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(&self.rules).unwrap_or_default();
        blake3::Hasher::new_derive_key("codex-ledger v1 rule set")
            .update(&json)
            .finalize()
            .to_hex()
            .to_string()
    }
}

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// A regular expression of the `regex` crate.
    #[default]
    Regex,
    /// The text itself.
    Literal,
    /// The name of a bracket: `redact` hides `[redact …]` and `[redact]…[/redact]`.
    Marker,
    /// The form of a service's token: a word begins with it, and what is only filled in for an example stays.
    Token,
}

impl RuleKind {
    /// The word for it in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            RuleKind::Regex => "regex",
            RuleKind::Literal => "literal",
            RuleKind::Marker => "marker",
            RuleKind::Token => "token",
        }
    }
}

/// Where a rule applies. A narrower scope wins over a wider one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleScope {
    /// The columns in `fields` only.
    Field,
    /// What a user wrote.
    Prompt,
    /// Every text.
    #[default]
    Global,
}

impl RuleScope {
    /// The word for it in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            RuleScope::Field => "field",
            RuleScope::Prompt => "prompt",
            RuleScope::Global => "global",
        }
    }
}

/// How much harm a leak does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Personal, or a nuisance.
    Low,
    /// Worth hiding.
    #[default]
    Medium,
    /// Opens something.
    High,
    /// Opens everything, or moves money.
    Critical,
}

impl Severity {
    /// The word for it in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// A check that a secret must pass beyond its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Payment cards: length, issuer prefix, Luhn digit.
    Luhn,
    /// Bank accounts: length of the country, remainder modulo 97.
    Iban,
    /// No mask, fill-in, name or reference: for what has the form of a secret.
    Filled,
    /// What a telling name promises: not code, a path, a number or a sentence either.
    Value,
    /// Looks random by itself: for names that are often harmless.
    Random,
}

impl Check {
    /// Whether a part of what was found may pass where the whole does not.
    pub(super) fn takes_a_part(self) -> bool {
        matches!(self, Check::Luhn | Check::Iban)
    }
}

/// A capture group, by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GroupRef {
    /// 0 is the whole match.
    Index(usize),
    /// `(?<name>…)` or `(?P<name>…)`.
    Name(String),
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupRef::Index(index) => write!(f, "{index}"),
            GroupRef::Name(name) => f.write_str(name),
        }
    }
}

/// What a rule must and must not hide. `{{alnum:36}}` and the like stand for made-up text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Examples {
    /// Texts of which something must be hidden.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Texts that must stay as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_match: Vec<String>,
}

impl Examples {
    fn is_empty(&self) -> bool {
        self.matches.is_empty() && self.no_match.is_empty()
    }
}

/// One thing to hide, and how to recognise it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A name without spaces, unique in its set.
    pub id: String,
    /// How `pattern` is read.
    #[serde(rename = "type", default, skip_serializing_if = "is_default")]
    pub kind: RuleKind,
    /// What to look for.
    pub pattern: String,
    /// What is shown instead; none: `[redacted:<id>]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// Whether the rule is in force.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
    /// Which texts it applies to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: RuleScope,
    /// Columns of the views (`prompts.text`, or `text` for every table); empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Roles of the writer; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Of a token: words of which the name beside it has one; empty: its form tells enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// Words of which a text must have one, in any case, for the pattern to be tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// A match begins at most so many bytes before a keyword; none: anywhere in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// A match holds two dots so many characters apart: for tokens without a keyword.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dots: Option<usize>,
    /// The least Shannon entropy of the secret, in bits per character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// The group that is the secret; none: a group named `secret`, else the whole match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_group: Option<GroupRef>,
    /// Regular expressions; a secret that one of them finds something in is left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Regular expressions; a match stays where one of them finds something in what stands before it in its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_before: Vec<String>,
    /// A check beyond the pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Whether runs of base64 are decoded and searched too (needs keywords of four characters or more).
    #[serde(default, skip_serializing_if = "is_default")]
    pub base64: bool,
    /// Whether upper and lower case are the same.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_case: bool,
    /// Whether `.` matches a line break.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dotall: bool,
    /// Whether the secret is a user's name, which is then hidden in the same text in other paths, before a host, and as
    /// owner of a file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub echo: bool,
    /// How much harm a leak does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub severity: Severity,
    /// Why it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who wrote the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What it recognises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it must and must not hide.
    #[serde(default, skip_serializing_if = "Examples::is_empty")]
    pub examples: Examples,
}

impl Rule {
    /// Whether a literal asks for more than its text: then it is searched as a pattern.
    pub(super) fn is_more_than_its_text(&self) -> bool {
        !self.allow.is_empty()
            || self.entropy.is_some()
            || self.check.is_some()
            || !self.keywords.is_empty()
    }

    /// What is shown instead of a secret of this rule.
    pub fn shown(&self) -> String {
        self.replacement.clone().unwrap_or_else(|| format!("[redacted:{}]", self.id))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

/// Why rules were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", .line.map(|line| format!("line {line}: ")).unwrap_or_default(), .rule.as_ref().map(|id| format!("rule \"{id}\": ")).unwrap_or_default())]
pub struct RuleError {
    /// Line of the file, from 1, where known.
    pub line: Option<usize>,
    /// Id of the rule, where known.
    pub rule: Option<String>,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl RuleError {
    /// An error of a whole file.
    pub(super) fn file(line: Option<usize>, reason: impl Into<String>) -> RuleError {
        RuleError { line, rule: None, reason: reason.into() }
    }

    /// An error of one rule.
    pub(super) fn rule(id: &str, reason: impl Into<String>) -> RuleError {
        RuleError { line: None, rule: Some(id.to_owned()), reason: reason.into() }
    }
}

//! What may be shown. The only code that turns [`Sensitive`] text into [`Redacted`] text.
//!
//! The row writer takes `Redacted` text only, so that a forgotten redaction is a compile error.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::string_slice,
    )
)]

mod builtin;
mod check;
mod compile;
mod engine;
mod fields;
mod gitleaks;
mod json;
mod labelled;
mod literal;
mod parse;
mod place;
mod policy;
mod prefilter;
mod record;
mod risky;
mod rule;
mod scan;
#[cfg(test)]
mod tests;
mod view;
mod weaker;

use std::borrow::Cow;

pub use builtin::{builtin, check_examples, expand_example};
pub use engine::{By, Context, Engine, GENERATION, Hit, Manual, Mask, Matcher, Scope};
pub use labelled::{
    Acts, Case, Harmless, Label, Labelled, LabelledError, Measured, PLACEMENTS, Tally, everywhere,
    measure, shipped,
};
pub use parse::{RuleFormat, parse_rules};
pub use place::{Class, Owners, Place, bare_url};
pub use policy::{Policy, Redaction, SeenText, Target, TextKey, as_compared, bytes_of_same};
pub use record::{RedactionRecord, RevocationRecord, RuleSetRecord, What, Within, software_of};
pub use risky::risky;
pub use rule::{
    Check, Examples, GroupRef, Rule, RuleError, RuleKind, RuleScope, RuleSet, Severity,
};
pub use weaker::{Weaker, joined, weaker};

/// Text from a log that no policy has looked at.
#[derive(Clone, Debug)]
pub struct Sensitive<'a>(Cow<'a, str>);

impl<'a> Sensitive<'a> {
    /// Marks text as unseen.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Sensitive<'a> {
        Sensitive(text.into())
    }
}

/// Text that the policy in force has passed. Only [`Policy::apply`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    /// The text that may be shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text that may be shown.
    pub fn into_string(self) -> String {
        self.0
    }
}

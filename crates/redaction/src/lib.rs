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
mod near;
mod parse;
mod place;
mod policy;
mod prefilter;
mod ready;
mod record;
mod risky;
mod rule;
mod scan;
#[cfg(test)]
mod tests;
mod view;
mod weaker;

pub use builtin::{FailedExamples, builtin, check_examples, expand_example, failed_examples};
pub use engine::{By, Context, Engine, GENERATION, Hit, Manual, Mask, Matcher, Scope};
pub use labelled::{
    Acts, Case, Harmless, Label, Labelled, LabelledError, Measured, PLACEMENTS, Tally, everywhere,
    measure, shipped,
};
pub use literal::Form;
pub use near::Near;
pub use parse::{RuleFormat, parse_rules};
pub use place::{Class, Owners, Place, bare_url};
pub use policy::{
    Policy, REPLACEMENT, Redacted, Redaction, SeenText, Sensitive, Target, TextKey, as_compared,
    bytes_of_same,
};
pub use record::{RedactionRecord, RevocationRecord, RuleSetRecord, What, Within, software_of};
pub use risky::risky;
pub use rule::{
    Check, Examples, GroupRef, Rule, RuleError, RuleKind, RuleScope, RuleSet, Severity,
};
pub use view::unseen::seen_chars;
pub use weaker::{Weaker, joined, weaker};

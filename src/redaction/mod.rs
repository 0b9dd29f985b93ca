//! Floor 0: what may be shown. The only code that turns [`Sensitive`] text into [`Redacted`] text.
//!
//! The row writer takes `Redacted` text only, so that a forgotten redaction is a compile error. No rule is in
//! force yet: the policy hides nothing, but every text from a log already passes through it.
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

use std::borrow::Cow;

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

/// Active redactions and the rule set in force, compiled.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    _private: (),
}

impl Policy {
    /// Hides nothing.
    pub fn none() -> Policy {
        Policy::default()
    }

    /// Applies the policy.
    pub fn apply(&self, text: Sensitive<'_>) -> Redacted {
        Redacted(text.0.into_owned())
    }
}

//! Text before and behind the policy.

use std::borrow::Cow;

/// Text from a log that no policy has looked at.
#[derive(Clone, Debug)]
pub struct Sensitive<'a>(pub(super) Cow<'a, str>);

impl<'a> Sensitive<'a> {
    /// Marks text as unseen.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Sensitive<'a> {
        Sensitive(text.into())
    }
}

/// Text that the policy in force has passed. Only [`super::Policy::apply`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted(pub(super) String);

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

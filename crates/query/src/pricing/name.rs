//! How logs write the name of a model.

use std::borrow::Cow;

/// Written before a model's name by those who route requests to the vendor.
const SELLERS: &[&str] = &["openai/", "openai-codex/", "openai_codex/", "openrouter/", "azure/"];

/// The name in lower case, without spaces around it and without sellers before it.
pub(super) fn bare_name(model: &str) -> Cow<'_, str> {
    let mut name = model.trim();
    while let Some(rest) = SELLERS.iter().find_map(|seller| {
        let (head, rest) = name.split_at_checked(seller.len())?;
        head.eq_ignore_ascii_case(seller).then_some(rest)
    }) {
        name = rest;
    }
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The name without `-YYYY-MM-DD` at its end. None when there is no date.
pub(super) fn undated(name: &str) -> Option<&str> {
    let mut parts = name.rsplitn(4, '-');
    let mut digits =
        |count| parts.next().filter(|p| p.len() == count && p.bytes().all(|b| b.is_ascii_digit()));
    _ = (digits(2)?, digits(2)?, digits(4)?);
    parts.next().filter(|rest| !rest.is_empty())
}

//! The views' files: made, swapped, cleared, searched, compared.

pub(crate) mod digest;
pub(crate) mod search_check;
pub(crate) mod search_index;
pub(crate) mod standing;
pub(crate) mod views;

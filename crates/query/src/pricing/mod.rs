//! A dated price table and exact money. No file, no clock, no panic.
//!
//! [`PriceTable::builtin`] is the table shipped with the program, [`PriceTable::layered`] puts a
//! user's table over it, [`PriceTable::quote`] finds the price of a model at a moment, and
//! [`Price::cost`] turns the counters of one response into [`Money`]. A model without a price has
//! none: its cost is absent, never 0. What is computed is what the API would have charged; a
//! subscription is not billed by token.
//!
//! Amounts are integers of pico-USD from the file to the sum, so totals do not depend on the order
//! of the rows and every figure can be recomputed exactly.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
    )
)]

mod dated;
#[cfg(test)]
mod laws;
mod money;
mod name;
mod parse;
mod price;
mod table;
#[cfg(test)]
mod tests;

pub use money::{Money, MoneyError};
pub use parse::PricingError;
pub use price::{CostParts, Price, Rates, Source, Tier, Tokens};
pub use table::{Estimate, PriceTable, Quote, WhatIf};

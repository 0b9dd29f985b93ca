//! What only the door knows of a ledger: whose keys sign it.

use codex_ledger_app::{App, Listener, Seq};
use codex_ledger_query::Zone;
use codex_ledger_report::Sheet;

/// Why the door has not done something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One line.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

/// What is asked of the door.
#[derive(Clone, Copy)]
pub struct Vouching {
    /// Who vouches for the ledger, in words, as reports have it.
    pub words: fn(&App) -> Option<String>,
    /// What an audit says: of all that there is where somebody hears how far it is, else of what is at hand.
    pub audit: fn(&App, &Zone, Option<Listener<'_>>) -> Result<Sheet, Refusal>,
    /// A proof that an entry is in the ledger, as `audit prove` writes it.
    pub prove: fn(&App, Seq) -> Result<String, Refusal>,
}

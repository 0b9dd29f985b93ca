//! What leaves the ledger as files: the gate that it passes, and writing it whole or not at all.
//!
//! Bytes of a report get a name on disk only as a [`Publishable`], which only the gate makes. What holds raw text
//! by intent is written by [`write_raw`] and [`Stage`], for its owner alone.

mod draft;
mod error;
mod folder;
mod gate;
mod reading;
mod stage;
mod temporary;
#[cfg(test)]
mod tests;
mod texts;

pub use draft::{DocumentDraft, Held, Judged, Paper, Publishable, Waiver, Watched};
pub use error::{PublishError, Result};
pub use folder::{Folder, Outcome, Stale};
pub use gate::{BodyGate, Finding, Gate, Part};
pub use reading::Language;
pub use stage::Stage;
pub use temporary::{Access, discard_temporaries, folder_of, write_raw};
pub use texts::{detail_texts, head_texts, index_texts, label_text, prompt_texts, session_texts};

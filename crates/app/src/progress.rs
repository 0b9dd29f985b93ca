//! What goes on while a use case runs.

use codex_ledger_entry::Seq;

/// What goes on, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes read, of all that have to be read.
    Reading(u64, u64),
    /// Entries applied to the views, of all.
    Views(u64, u64),
    /// Entries verified, of all.
    Verifying(u64, u64),
    /// A decision is acknowledged as this entry; from here on the next command finishes what it hides.
    Recorded(Seq),
}

/// Hears what goes on.
pub type Listener<'a> = &'a mut dyn FnMut(Progress);

//! What programs are told of decisions, of what people say, and of the ledger itself.

use super::model::{Item, Whole};
use codex_ledger_query as query;
use serde::Serialize;
use utoipa::ToSchema;

/// Something that was hidden.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Redaction {
    /// Entry.
    seq: Whole,
    recorded_at_ms: i64,
    actor: Option<String>,
    reason: String,
    /// prompt, entry, field, session, literal, regex.
    scope: String,
    /// What it names, without the hidden text.
    target: String,
    /// What narrows a literal or regex.
    within: Option<String>,
    /// What is shown instead.
    replacement: String,
    /// Whether it is in force.
    active: bool,
    /// Entry that ended it.
    revoked_by: Option<Whole>,
    /// Passages that it hides now.
    passages: u64,
}

impl From<query::RedactionRow> for Redaction {
    fn from(of: query::RedactionRow) -> Redaction {
        Redaction {
            seq: of.seq.into(),
            recorded_at_ms: of.recorded_at_ms,
            actor: of.actor,
            reason: of.reason,
            scope: of.scope,
            target: of.target,
            within: of.within,
            replacement: of.replacement,
            active: of.active,
            revoked_by: of.revoked_by.map(Whole::from),
            passages: of.passages,
        }
    }
}

/// The end of a redaction, or of such an end.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revocation {
    seq: Whole,
    recorded_at_ms: i64,
    actor: Option<String>,
    reason: String,
    /// Entry of the redaction or revocation that it ends.
    of: Whole,
    /// Whether it is in force.
    active: bool,
}

impl From<query::RevocationRow> for Revocation {
    fn from(of: query::RevocationRow) -> Revocation {
        Revocation {
            seq: of.seq.into(),
            recorded_at_ms: of.recorded_at_ms,
            actor: of.actor,
            reason: of.reason,
            of: of.of.into(),
            active: of.active,
        }
    }
}

/// What a redaction would hide.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Forecast {
    /// Passages.
    passages: u64,
    /// Of these, by session; those of no session stand under an empty id.
    sessions: std::collections::BTreeMap<String, u64>,
    /// Passages in sessions that are not meant.
    elsewhere: u64,
}

impl From<query::Forecast> for Forecast {
    fn from(of: query::Forecast) -> Forecast {
        Forecast { passages: of.passages, sessions: of.sessions, elsewhere: of.elsewhere }
    }
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tag {
    pub(crate) session: String,
    /// Number of the prompt; 0 for the session itself.
    pub(crate) prompt: u64,
    pub(crate) tag: String,
    pub(crate) seq: Whole,
}

/// A note.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Note {
    pub(crate) session: String,
    /// Number of the prompt; 0 for the session itself.
    pub(crate) prompt: u64,
    pub(crate) actor: Option<String>,
    pub(crate) recorded_at_ms: i64,
    pub(crate) text: String,
    pub(crate) seq: Whole,
}

/// What came of a session or prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disposition {
    pub(crate) session: String,
    /// Number of the prompt; 0 for the session itself.
    pub(crate) prompt: u64,
    pub(crate) value: String,
    pub(crate) seq: Whole,
}

/// Who did what and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActOf {
    pub(crate) seq: Whole,
    pub(crate) recorded_at_ms: i64,
    pub(crate) actor: Option<String>,
    /// append, redaction, undo, rules, tag, note, reveal, …
    pub(crate) kind: String,
    /// What it is about.
    pub(crate) target: String,
    pub(crate) reason: Option<String>,
}

impl From<query::ActRow> for ActOf {
    fn from(of: query::ActRow) -> ActOf {
        ActOf {
            seq: of.seq.into(),
            recorded_at_ms: of.recorded_at_ms,
            actor: of.actor,
            kind: of.kind,
            target: of.target,
            reason: of.reason,
        }
    }
}

/// The entries that a request has made.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Made {
    /// The first.
    pub(crate) first: Option<Whole>,
    /// The last.
    pub(crate) last: Option<Whole>,
    /// How many; 0 where all that was asked for held already.
    pub(crate) count: u64,
}

/// Where the ledger stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// Entries.
    pub(crate) size: Whole,
    /// Id of the last entry, hex.
    pub(crate) head: String,
    /// Root of the tree over all headers, hex.
    pub(crate) root: String,
    /// Entries that the views show.
    pub(crate) shown: Option<Whole>,
    /// Version of the program.
    pub(crate) version: &'static str,
}

/// An entry, as far as it may be shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    pub(crate) seq: Whole,
    pub(crate) kind: &'static str,
    pub(crate) recorded_at_ms: i64,
    /// Its id, hex.
    pub(crate) id: String,
    /// What its body is committed to by, hex.
    pub(crate) commitment: String,
    pub(crate) is_erased: bool,
    /// What it says, as it is shown.
    pub(crate) items: Vec<Item>,
    /// Who did what, where it is an act.
    pub(crate) act: Option<ActOf>,
}

/// A rule that hides passages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) enabled: bool,
    /// Passages that it hides now.
    pub(crate) passages: u64,
}

/// Whether the ledger is intact, as far as that is at hand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditAnswer {
    /// The answer, in one line.
    pub(crate) verdict: String,
    /// Whether it is a good one.
    pub(crate) is_good: bool,
    /// Who vouches for the ledger, in words.
    pub(crate) vouched: Option<String>,
}

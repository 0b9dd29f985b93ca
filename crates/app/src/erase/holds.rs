//! Legal holds: what must not be erased, until somebody with a reason says that it may.

use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, NameHint};
use crate::redact::{NewEntry, usage};
use crate::setup::App;
use codex_ledger_entry::{Fields, FieldsBuilder, Kind, Seq};
use codex_ledger_ledger::{LedgerReader, read_head};
use codex_ledger_projections::{Sought, traces};

/// A hold in force.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Hold {
    /// Its entry.
    pub seq: Seq,
    /// Who holds.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Ids of the session that is held; none where everything is.
    pub ids: Vec<String>,
    /// Whether everything is held.
    pub is_of_all: bool,
}

impl Hold {
    /// What it says, for people.
    pub fn said(&self) -> String {
        let of = match self.ids.first() {
            Some(id) => format!("of session {id}"),
            None => "of everything".to_string(),
        };
        format!("{of} ({}: {})", self.actor, self.reason)
    }
}

/// The holds that no later entry has ended.
pub(in crate::erase) fn holds_in_force(entries: &[(Seq, Vec<u8>)]) -> Vec<Hold> {
    let mut holds: Vec<Hold> = Vec::new();
    for (seq, body) in entries {
        let Ok(fields) = Fields::parse(body) else { continue };
        let text = |name: &str| fields.text(name).unwrap_or_default();
        match text("verb").as_str() {
            "hold" => {
                let ids = fields.all("session");
                let ids: Vec<String> =
                    ids.map(|id| String::from_utf8_lossy(id).into_owned()).collect();
                holds.push(Hold {
                    seq: *seq,
                    actor: text("actor"),
                    reason: text("reason"),
                    is_of_all: ids.is_empty(),
                    ids,
                });
            }
            _ => holds.retain(|hold| Some(hold.seq) != fields.seq("of")),
        }
    }
    holds
}

impl App {
    /// Holds a session, by the beginning of its id, or everything.
    ///
    /// # Errors
    /// When there is no such session or no reason, or the ledger cannot be written.
    pub fn hold(&self, session: Option<&str>, reason: &str) -> Result<Hold> {
        let reason = self.reason(reason)?;
        let ids = session.map(|prefix| self.thread_ids(prefix)).transpose()?.unwrap_or_default();
        let detail = ids.first().map_or("everything".to_string(), |id| format!("session {id}"));
        let actor = self.setup.actor.clone();
        let body = FieldsBuilder::default()
            .add("verb", "hold")
            .add("actor", &actor)
            .add("reason", &reason)
            .add("detail", detail);
        let body = ids.iter().fold(body, |body, id| body.add("session", id)).finish();
        let seq = self.append_act(body)?;
        Ok(Hold { seq, actor, reason, is_of_all: ids.is_empty(), ids })
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// When there is none of that number in force or no reason, or the ledger cannot be written.
    pub fn release(&self, of: Seq, reason: &str) -> Result<Seq> {
        let reason = self.reason(reason)?;
        if !self.holds()?.iter().any(|hold| hold.seq == of) {
            let message = format!("there is no hold {of} in force");
            return Err(usage(message, Hint::Name(NameHint::ListHolds)));
        }
        let body = FieldsBuilder::default()
            .add("verb", "release")
            .add("actor", &self.setup.actor)
            .add("reason", &reason)
            .add("detail", format!("hold {of}"))
            .seq("of", of)
            .finish();
        self.append_act(body)
    }

    /// The holds in force, the oldest first.
    ///
    /// # Errors
    /// When the entries cannot be read.
    pub fn holds(&self) -> Result<Vec<Hold>> {
        // What is noted beside the entries is not asked: whoever wants to erase could have changed it.
        let mut reader = LedgerReader::open(self.dir())?;
        let nothing = Sought::Entry(Seq::MAX);
        Ok(holds_in_force(&traces(&mut reader, &nothing)?.holds))
    }

    fn append_act(&self, body: Vec<u8>) -> Result<Seq> {
        read_head(self.dir()).map_err(|error| {
            AppError::new(ErrorKind::NotFound, error.to_string()).hint(Hint::Append)
        })?;
        self.append_noting(&NewEntry::new(Kind::Action, body))
    }
}

//! What is told of acts, of what reviewers say, and of entries.

use super::items::Item;
use super::reading::{Field, Int64, Reading};
use crate::access::Right;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use codex_ledger_app::EntryDetail;
use codex_ledger_query::{
    ActRow, DispositionRow, NoteRow, RedactionRow, Seq, TagRow, TokenRow, TokenSums as Sums,
};

/// `SESSION`, or `SESSION#N`.
fn subject(session: &str, prompt: u64) -> ID {
    match prompt {
        0 => session.into(),
        number => format!("{session}#{number}").into(),
    }
}

/// A note on a session or prompt.
#[derive(SimpleObject)]
pub(super) struct Note {
    /// The entry that holds it.
    seq: Int64,
    /// The session or prompt.
    subject: ID,
    /// Who wrote it.
    actor: Option<String>,
    /// When, UTC milliseconds.
    recorded_at_ms: Int64,
    /// What it says.
    text: String,
}

impl From<NoteRow> for Note {
    fn from(row: NoteRow) -> Note {
        Note {
            seq: row.seq.into(),
            subject: subject(&row.session, row.prompt),
            actor: row.actor,
            recorded_at_ms: row.recorded_at_ms.into(),
            text: row.text,
        }
    }
}

/// A tag of a session or prompt.
#[derive(SimpleObject)]
pub(super) struct Tag {
    /// The entry that gave it.
    seq: Int64,
    /// The session or prompt.
    subject: ID,
    /// The tag.
    name: String,
}

impl From<TagRow> for Tag {
    fn from(row: TagRow) -> Tag {
        let subject = subject(&row.session, row.prompt);
        Tag { seq: row.seq.into(), subject, name: row.tag }
    }
}

/// What a session or prompt was judged.
#[derive(SimpleObject)]
pub(super) struct Disposition {
    /// The entry that says so.
    seq: Int64,
    /// The session or prompt.
    subject: ID,
    /// followed, ignored, needs-review, or a word of the reviewers' own.
    value: String,
}

impl From<DispositionRow> for Disposition {
    fn from(row: DispositionRow) -> Disposition {
        let subject = subject(&row.session, row.prompt);
        Disposition { seq: row.seq.into(), subject, value: row.value }
    }
}

/// A redaction, in force or not, without what it hides.
#[derive(SimpleObject)]
pub(super) struct Redaction {
    /// Its entry.
    seq: Int64,
    /// The entry's id, hexadecimal.
    id: ID,
    /// When, UTC milliseconds.
    recorded_at_ms: Int64,
    /// Who.
    actor: Option<String>,
    /// Why.
    reason: String,
    /// prompt, entry, field, session, literal, regex.
    scope: String,
    /// What it names, without the hidden text.
    target: String,
    /// What narrows a literal or regex.
    within: Option<String>,
    /// The place inside an entry.
    field: Option<String>,
    /// What is shown instead.
    replacement: String,
    /// Whether it is in force.
    active: bool,
    /// What has ended it.
    revoked_by: Option<Int64>,
    /// Passages that it hides now.
    passage_count: Int64,
}

impl From<RedactionRow> for Redaction {
    fn from(row: RedactionRow) -> Redaction {
        Redaction {
            seq: row.seq.into(),
            id: row.id.into(),
            recorded_at_ms: row.recorded_at_ms.into(),
            actor: row.actor,
            reason: row.reason,
            scope: row.scope,
            target: row.target,
            within: row.within,
            field: row.field,
            replacement: row.replacement,
            active: row.active,
            revoked_by: row.revoked_by.map(Seq::into),
            passage_count: row.passages.into(),
        }
    }
}

/// A rule that hides what is like its pattern.
#[derive(SimpleObject)]
pub(super) struct Rule {
    /// Its name.
    pub(super) id: ID,
    /// What it recognises.
    pub(super) description: Option<String>,
    /// Whether it is in force.
    pub(super) enabled: bool,
    /// Passages that it hides now.
    pub(super) passage_count: Int64,
}

/// Something that somebody did.
#[derive(SimpleObject)]
pub(super) struct Act {
    /// Its entry.
    seq: Int64,
    /// When, UTC milliseconds.
    recorded_at_ms: Int64,
    /// Who.
    actor: Option<String>,
    /// append, redaction, undo, rules, reveal, export, tag, note, …
    kind: String,
    /// What it is about.
    target: String,
    /// Why, where that was said.
    reason: Option<String>,
}

impl From<ActRow> for Act {
    fn from(row: ActRow) -> Act {
        let ActRow { seq, recorded_at_ms, actor, kind, target, reason } = row;
        Act { seq: seq.into(), recorded_at_ms: recorded_at_ms.into(), actor, kind, target, reason }
    }
}

/// What the tokens are added up by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum TokenBy {
    Day,
    Week,
    Month,
    Session,
    Repo,
    Model,
}

/// Sums of tokens, and what they would have cost.
#[derive(SimpleObject)]
pub(super) struct TokenSums {
    /// Input tokens, cached ones included.
    input: Int64,
    /// Input that was read from the cache.
    cached: Int64,
    /// Output tokens, reasoning included.
    output: Int64,
    /// Reasoning tokens.
    reasoning: Int64,
    /// Input and output.
    total: Int64,
    /// Records that count.
    records: Int64,
    /// What the API would have asked, in USD, exact; none where a model has no known price.
    cost_usd: Option<String>,
    /// Whether a price had to be guessed.
    estimated: bool,
}

impl From<Sums> for TokenSums {
    fn from(sums: Sums) -> TokenSums {
        TokenSums {
            input: sums.input.into(),
            cached: sums.cached.into(),
            output: sums.output.into(),
            reasoning: sums.reasoning.into(),
            total: sums.total.into(),
            records: sums.records.into(),
            cost_usd: sums.cost_exact,
            estimated: sums.estimated,
        }
    }
}

/// The tokens of a day, a model, …
#[derive(SimpleObject)]
pub(super) struct TokenGroup {
    /// The day, the model, …
    key: String,
    /// Its sums.
    sums: TokenSums,
}

impl From<TokenRow> for TokenGroup {
    fn from(row: TokenRow) -> TokenGroup {
        TokenGroup { key: row.key, sums: row.sums.into() }
    }
}

/// An entry of the ledger.
pub(super) struct Entry(pub(super) Seq, pub(super) EntryDetail);

/// An entry of the ledger, without its bytes.
#[Object]
impl Entry {
    /// Its number.
    async fn seq(&self) -> Int64 {
        self.0.into()
    }

    /// A word for its kind.
    async fn kind(&self) -> &str {
        self.1.kind
    }

    /// When it was recorded, UTC milliseconds.
    async fn recorded_at_ms(&self) -> Int64 {
        self.1.recorded_at_ms.into()
    }

    /// Its id, hexadecimal.
    async fn id(&self) -> ID {
        self.1.id.clone().into()
    }

    /// What its body is committed to by, hexadecimal.
    async fn commitment(&self) -> &str {
        &self.1.commitment
    }

    /// The line of its source, from 0, where it is one.
    async fn line(&self) -> Option<Int64> {
        self.1.line.map(Int64::from)
    }

    /// Whether its body is gone.
    async fn erased(&self) -> bool {
        self.1.is_erased
    }

    /// The entry that says so.
    async fn erased_by(&self) -> Option<Int64> {
        self.1.erased_by.map(Int64::from)
    }

    /// The session that it is of.
    async fn session_id(&self) -> Option<ID> {
        self.1.shown.session.clone().map(ID)
    }

    /// Kinds of its records.
    async fn record_kinds(&self) -> &[String] {
        &self.1.shown.kinds
    }

    /// What it says by itself; an output stands with its call.
    async fn items(&self) -> Vec<Item> {
        self.1.shown.items.iter().cloned().map(Item).collect()
    }

    /// Who did what, where it is an act. For auditors.
    async fn act(&self, ctx: &Context<'_>) -> Field<Option<Act>> {
        Reading::field(ctx, Right::Audit, |_| Ok(self.1.act.clone().map(Act::from)))
    }
}

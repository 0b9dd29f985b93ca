//! What can be changed: each as a page does it, with the same rights, by entries of the ledger.

use super::reading::{Field, Int64, may_not, told};
use crate::access::{Right, Who};
use crate::error::{Result as WebResult, WebError};
use crate::state::{Desk, Once, Shared};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use axum::http::StatusCode;
use codex_ledger_app::{Act, KeyedRequest, RedactRequest, SeqRange};
use serde::Serialize;

/// Sessions and prompts of one act.
const SUBJECTS_MAX: usize = 200;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 255;

/// What changes are done with.
pub(super) struct Writing {
    pub(super) shared: Shared,
    pub(super) who: Who,
}

/// What was done.
#[derive(SimpleObject)]
pub(super) struct Done {
    /// The first entry that it made; none where it was so already.
    seq: Option<Int64>,
    /// How many entries it made.
    entry_count: Int64,
    /// Whether it was done before, with the same `idempotencyKey`: these are the entries that were made then.
    before: bool,
}

/// What is to be hidden: one of `literal`, `regex`, `prompt`, `entry`, `session`; beside a literal or regex, `session` or `repo`
/// says how far it reaches.
#[derive(InputObject, Serialize)]
pub(super) struct RedactInput {
    /// A text.
    literal: Option<String>,
    /// Hide the literal in its own case only.
    #[graphql(default)]
    exact_case: bool,
    /// A pattern.
    regex: Option<String>,
    /// A prompt, as `SESSION#N`.
    prompt: Option<ID>,
    /// A session by the beginning of its id.
    session: Option<ID>,
    /// A repository by its URL, the end of it, or its directory.
    repo: Option<String>,
    /// An entry by its number.
    entry: Option<Int64>,
    /// A JSON pointer inside the entry.
    field: Option<String>,
    /// What is shown instead.
    replacement: Option<String>,
    /// It may hide much.
    #[graphql(default)]
    wide: bool,
    /// Why.
    reason: String,
}

impl RedactInput {
    fn request(self) -> WebResult<RedactRequest> {
        Ok(RedactRequest {
            literal: self.literal,
            exact_case: self.exact_case,
            regex: self.regex,
            prompt: self.prompt.map(|id| id.0),
            session: self.session.map(|id| id.0),
            repo: self.repo,
            entry: self.entry.map(Int64::seq).transpose()?,
            field: self.field,
            with: self.replacement,
            wide: self.wide,
            reason: self.reason,
            ..RedactRequest::default()
        })
    }
}

/// Does something once for each key; `what` is all that was asked.
async fn once(
    ctx: &Context<'_>,
    (right, key): (Right, Option<String>),
    what: &impl Serialize,
    work: impl FnOnce(&Desk, &Shared) -> WebResult<Option<SeqRange>> + Send + 'static,
) -> Result<Done> {
    let Writing { shared, who } = ctx.data::<Writing>()?;
    if !who.role.may(right) {
        return Err(told(may_not(right)));
    }
    let key = key.map(|key| keyed(key, ctx.field().name(), what)).transpose().map_err(told)?;
    let all = shared.clone();
    let done = shared.once(who.clone(), key, move |desk| work(desk, &all)).await;
    let (made, before) = match done.map_err(told)? {
        Once::Now(made) => (made, false),
        Once::Before(made) => (Some(made), true),
    };
    let entry_count = made.map_or(0, |made| made.len()).into();
    Ok(Done { seq: made.map(|made| made.from.into()), entry_count, before })
}

fn keyed(key: String, act: &str, what: &impl Serialize) -> WebResult<KeyedRequest> {
    let is_one = (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.contains(char::is_control);
    if !is_one {
        let message =
            format!("idempotencyKey: 1 to {KEY_BYTES_MAX} bytes without control characters");
        return Err(WebError::bad(message));
    }
    let failed =
        |_| WebError::new(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be written down");
    let content = serde_json::to_vec(&("graphql", act, what)).map_err(failed)?;
    Ok(KeyedRequest { key, content })
}

/// Says something of sessions and prompts.
async fn say(ctx: &Context<'_>, key: Option<String>, subjects: Vec<ID>, act: Act) -> Result<Done> {
    let names: Vec<String> = subjects.into_iter().map(|id| id.0).collect();
    let word = match &act {
        Act::Tag { name, .. } | Act::Untag { name } => name.clone(),
        Act::Note { text } => text.clone(),
        Act::Disposition { value } => value.clone(),
        Act::Unnote { .. } => String::new(),
    };
    let what = (names.clone(), word);
    once(ctx, (Right::Review, key), &what, move |desk, _| {
        if !(1..=SUBJECTS_MAX).contains(&names.len()) {
            let message = format!("subjects: at once at least 1 and at most {SUBJECTS_MAX}");
            return Err(WebError::bad(message));
        }
        let subjects = desk.app.subjects(names.iter().map(String::as_str))?;
        let done = desk.app.annotate(&subjects, &act, &mut |_| ())?;
        Ok(done.from.map(|from| SeqRange::counted(from, done.subjects.len() as u64)))
    })
    .await
}

pub(super) struct Mutation;

/// What can be changed. Each is an entry of the ledger in the name of who asks. With an `idempotencyKey` it is done once, however
/// often it is sent; a key is used for one thing.
#[Object]
impl Mutation {
    /// Hides something.
    async fn redact(
        &self,
        ctx: &Context<'_>,
        input: RedactInput,
        idempotency_key: Option<String>,
    ) -> Field<Done> {
        let what = serde_json::to_value(&input).unwrap_or_default();
        let done = once(ctx, (Right::Redact, idempotency_key), &what, move |desk, shared| {
            let request = input.request()?;
            // Of two who hide the same, the second is told.
            let _turn = shared.deciding();
            if let Some(seq) = desk.app.hidden_already(&request)? {
                let message = format!("entry {seq} hides this already");
                return Err(WebError::new(StatusCode::CONFLICT, message));
            }
            Ok(Some(desk.app.hide(&[request], &mut |_| ())?))
        });
        Some(done.await)
    }

    /// Takes back a redaction, or what took one back.
    async fn undo(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of its entry.")] seq: Int64,
        reason: String,
        idempotency_key: Option<String>,
    ) -> Field<Done> {
        let what = (seq, reason.clone());
        let done = once(ctx, (Right::Redact, idempotency_key), &what, move |desk, shared| {
            let _turn = shared.deciding();
            let undone = desk.app.undo(&seq.seq()?.to_string(), &reason, &mut |_| ())?;
            Ok(Some(SeqRange::counted(undone.revocation.seq, 1)))
        });
        Some(done.await)
    }

    /// Tags sessions and prompts (`SESSION`, `SESSION#N`).
    async fn tag(
        &self,
        ctx: &Context<'_>,
        subjects: Vec<ID>,
        name: String,
        idempotency_key: Option<String>,
    ) -> Field<Done> {
        Some(say(ctx, idempotency_key, subjects, Act::Tag { name, by_rule: false }).await)
    }

    /// Takes a tag away from sessions and prompts.
    async fn untag(
        &self,
        ctx: &Context<'_>,
        subjects: Vec<ID>,
        name: String,
        idempotency_key: Option<String>,
    ) -> Field<Done> {
        Some(say(ctx, idempotency_key, subjects, Act::Untag { name }).await)
    }

    /// Notes something on sessions and prompts.
    async fn note(
        &self,
        ctx: &Context<'_>,
        subjects: Vec<ID>,
        text: String,
        idempotency_key: Option<String>,
    ) -> Field<Done> {
        Some(say(ctx, idempotency_key, subjects, Act::Note { text }).await)
    }

    /// Judges sessions and prompts; an empty word takes a judgement away.
    async fn disposition(
        &self,
        ctx: &Context<'_>,
        subjects: Vec<ID>,
        value: String,
        idempotency_key: Option<String>,
    ) -> Field<Done> {
        Some(say(ctx, idempotency_key, subjects, Act::Disposition { value }).await)
    }
}
